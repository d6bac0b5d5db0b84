/* SPDX-License-Identifier: MIT */
#include "entra/client_assertion.h"

#include "base/format.h"
#include "identity/certificate.h"
#include "identity/federated_credential.h"
#include "identity/jwt.h"
#include "net/url.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define SKEW_S ((int64_t)300) /* as far as clocks may differ */
#define SHOWN_MAX 200         /* of what an assertion says */

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_ASSERTION, "Client assertion failed validation: %s.", why);
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

static struct str time_text(const struct entra_call *c, int64_t time_s)
{
    return format_time_seconds(c->arena, time_s * 1000);
}

static bool check_times(struct entra_call *c, const struct jwt *assertion, struct error *err)
{
    int64_t now_s = authority_now_ms(c->entra->authority) / 1000, from_s, until_s = 0;
    bool has_start = jwt_read_start(assertion, &from_s);

    if (has_start && jwt_read_time(assertion, "exp", &until_s) && until_s > now_s &&
        from_s <= now_s + SKEW_S)
        return true;
    return error_set(err, ERROR_OAUTH_ASSERTION_TIME,
                     "Client assertion is not within its valid time range. Current time: %.*s, "
                     "assertion valid from %.*s, expiry time of assertion %.*s.",
                     STR_ARGS(time_text(c, now_s)), STR_ARGS(time_text(c, from_s)),
                     STR_ARGS(time_text(c, until_s)));
}

/* -- Of a certificate ------------------------------------------------------------------------ */

static bool check_own(struct entra_call *c, const struct principal_record *app,
                      const struct jwt *assertion, struct error *err)
{
    if (!check_signature(c, app, assertion))
        return refuse(err, "the certificate with identifier used to sign it is not "
                           "registered on the application, or has expired");
    if (!str_equal_nocase(json_str(yyjson_obj_get(assertion->claims, "iss")), app->name) ||
        !str_equal_nocase(json_str(yyjson_obj_get(assertion->claims, "sub")), app->name))
        return refuse(err, "its issuer or its subject is not the application");
    if (!is_for_us(c, json_str(yyjson_obj_get(assertion->claims, "aud"))))
        return refuse(err, "its audience is not this endpoint");
    return check_times(c, assertion, err);
}

/* -- Of a foreign issuer --------------------------------------------------------------------- */

/* One of several audiences: the first. */
static struct str first_audience(const struct jwt *assertion)
{
    yyjson_val *audience = yyjson_obj_get(assertion->claims, "aud");

    return json_str(yyjson_is_arr(audience) ? yyjson_arr_get_first(audience) : audience);
}

static bool no_record(struct error *err, enum error_code code, const char *what, struct str value,
                      const char *more)
{
    return error_set(err, code,
                     "No matching federated identity record found for presented assertion %s "
                     "'%.*s'. Check your federated identity credential Subject, Audience and "
                     "Issuer against the presented assertion.%s",
                     what, STR_ARGS(str_slice(value, 0, SHOWN_MAX)), more);
}

/* By the keys of its issuer, of whom nobody but the operator says where they are. */
static bool check_issuer(struct entra_call *c, const struct jwt *assertion, struct str issuer,
                         struct error *err)
{
    switch (authority_prove_foreign(c->entra->authority, assertion)) {
    case AUTHORITY_PROVEN:
        return true;
    case AUTHORITY_NOT_LISTED:
        return no_record(err, ERROR_OAUTH_FEDERATED_ISSUER, "issuer", issuer,
                         " The operator of this service lists no such issuer in identity_file.");
    case AUTHORITY_NO_KEY:
        return refuse(err, "[Reason - The key was not found.]");
    case AUTHORITY_BAD_SIGNATURE:
        return refuse(err, "[Reason - The provided signature value did not match the expected "
                           "signature value.]");
    case AUTHORITY_OTHER_TENANT:
        break;
    }
    return refuse(err, "it is of another tenant of its issuer");
}

/* Who cannot sign for the issuer learns nothing of the credentials but that there is one of it. */
static bool check_federated(struct entra_call *c, const struct principal_record *app,
                            const struct jwt *assertion, struct str issuer, struct error *err)
{
    struct federated_credential *list;
    enum federated_fit fit;
    size_t count;

    if (str_equal(issuer, authority_issuer(c->entra->authority, c->arena)) ||
        str_equal(issuer, entra_issuer_v2(c)))
        return error_set(err, ERROR_OAUTH_OWN_ASSERTION, NULL);
    if (!federated_credentials_list(c->txn, c->arena, app, &list, &count, err))
        return false;
    fit = federated_credentials_fit(list, count, assertion);
    if (fit == FEDERATED_OTHER_ISSUER)
        return no_record(err, ERROR_OAUTH_FEDERATED_ISSUER, "issuer", issuer, "");
    if (!check_issuer(c, assertion, issuer, err) || !check_times(c, assertion, err))
        return false;
    if (fit == FEDERATED_OTHER_SUBJECT)
        return no_record(err, ERROR_OAUTH_FEDERATED_SUBJECT, "subject",
                         json_str(yyjson_obj_get(assertion->claims, "sub")), "");
    return fit == FEDERATED_FITS || no_record(err, ERROR_OAUTH_FEDERATED_AUDIENCE, "audience",
                                              first_audience(assertion), "");
}

/* An application calls itself by its id, which is no URL; an issuer that publishes keys is one. */
static bool is_foreign(struct str issuer)
{
    return str_find(issuer, STR("://")) != SIZE_MAX;
}

bool client_assertion_check(struct entra_call *c, const struct principal_record *app,
                            struct str text, struct error *err)
{
    struct jwt assertion;
    struct error why;
    struct str issuer;

    if (!str_equal(entra_parameter(c, "client_assertion_type"), STR(ASSERTION_TYPE)))
        return refuse(err, "client_assertion_type must be '" ASSERTION_TYPE "'");
    if (!jwt_parse(c->arena, text, &assertion, &why))
        return refuse(err, "it is no token signed by RS256");
    issuer = json_str(yyjson_obj_get(assertion.claims, "iss"));
    return is_foreign(issuer) ? check_federated(c, app, &assertion, issuer, err)
                              : check_own(c, app, &assertion, err);
}
