/* SPDX-License-Identifier: MIT */
#include "entra/client_assertion.h"

#include "identity/certificate.h"
#include "identity/jwt.h"
#include "net/url.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_ASSERTION, "The client assertion is not good: %s.", why);
}

static bool has_ended(struct str pem, int64_t now_ms)
{
    const char *why;
    struct certificate *c = certificate_parse(pem, STR_NONE, &why);
    bool ended = !c || certificate_end_ms(c) <= now_ms;

    certificate_free(c);
    return ended;
}

/* Signed by the key of one of the application's certificates? */
static bool check_signature(struct entra_call *c, const struct principal_record *app,
                            const struct jwt *assertion)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(app->body, "certificates"), i, count, item)
    {
        struct error ignored;
        struct jwt_key *key =
            jwt_key_of_certificate(json_str(yyjson_obj_get(item, "pem")), &ignored);
        bool ok = key && jwt_verify(assertion, key) &&
                  !has_ended(json_str(yyjson_obj_get(item, "pem")),
                             authority_now_ms(c->entra->authority));

        jwt_key_free(key);
        if (ok)
            return true;
    }
    return false;
}

/* A name by which clients may know this service, other than what a request says: whoever passes on what
 * a client meant for them can say anything. Microsoft's is that of clients for whom it leads here. */
static bool is_own_host(const struct entra_call *c, struct str host)
{
    static const char *const names[] = { "127.0.0.1", "localhost", "[::1]",
                                         "login.microsoftonline.com" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_equal_nocase(host, str_from(names[i])))
            return true;
    }
    return str_equal_nocase(host, url_host(str_from(c->entra->public_base))) ||
           (c->entra->has_any_name && str_equal_nocase(host, url_host(c->request->base)));
}

/* "https://host/TENANT", or what is below it, of a host that is ours and of our tenant: an assertion for
 * another service was sent to that one, which could show it here. */
static bool is_for_us(const struct entra_call *c, struct str audience)
{
    struct str rest = audience, tenant = STR_NONE;
    struct url_parts parts;
    const char *why;

    if (!str_starts_with_nocase(audience, STR("https://")) &&
        !str_starts_with_nocase(audience, STR("http://")))
        return false;
    if (!url_split(audience, &parts, &why) || parts.user.len)
        return false;
    for (int i = 0; i < 4 && str_split(&rest, '/', &tenant); i++)
        ;
    return is_own_host(c, parts.host) &&
           str_equal_nocase(tenant, authority_tenant(c->entra->authority));
}

bool client_assertion_check(struct entra_call *c, const struct principal_record *app,
                            struct str text, struct error *err)
{
    int64_t now_s = authority_now_ms(c->entra->authority) / 1000;
    struct jwt assertion;
    struct error why;
    yyjson_val *expires;

    if (!str_equal(entra_parameter(c, "client_assertion_type"), STR(ASSERTION_TYPE)))
        return refuse(err, "client_assertion_type must be '" ASSERTION_TYPE "'");
    if (!jwt_parse(c->arena, text, &assertion, &why))
        return refuse(err, "it is no token signed by RS256");
    if (!check_signature(c, app, &assertion))
        return refuse(err, "the certificate with identifier used to sign it is not "
                           "registered on the application, or has expired");
    if (!str_equal_nocase(json_str(yyjson_obj_get(assertion.claims, "iss")), app->name) ||
        !str_equal_nocase(json_str(yyjson_obj_get(assertion.claims, "sub")), app->name))
        return refuse(err, "its issuer or its subject is not the application");
    if (!is_for_us(c, json_str(yyjson_obj_get(assertion.claims, "aud"))))
        return refuse(err, "its audience is not this endpoint");
    expires = yyjson_obj_get(assertion.claims, "exp");
    if (!yyjson_is_num(expires) || yyjson_get_num(expires) <= (double)now_s)
        return refuse(err, "it has expired");
    return true;
}
