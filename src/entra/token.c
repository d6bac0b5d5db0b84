/*
 * The token endpoints (RFC 6749, 3.2): who sends a grant that is good gets an access token. v1 takes
 * a `resource`, v2 a `scope`, and they tell the same in different members.
 * SPDX-License-Identifier: MIT
 */
#include "entra/token.h"

#include "entra/audit.h"
#include "entra/authorize.h"
#include "entra/client_assertion.h"
#include "entra/device.h"
#include "entra/on_behalf_of.h"
#include "entra/resource.h"
#include "entra/user_token.h"

#include "base/format.h"
#include "identity/managed_identity.h"

/* What Entra gives on the average; expires_in is a second less, as clients know it. */
#define ACCESS_TOKEN_MS ((int64_t)3600 * 1000)
#define MACHINE_TOKEN_MS \
    ((int64_t)23 * 3600 * 1000) /* less than a key is known for after its time */
#define DEFAULT_SCOPE "/.default"
/* What is longer is refused: both are kept for strangers. */
#define CLIENT_ID_LEN_MAX 128
#define SCOPE_LEN_MAX 2048

struct grant {
    const char *type;
    entra_handler *handle;
};

/* -- What the token is for ------------------------------------------------------------------- */

static bool is_resource(struct str s)
{
    return s.len <= 512 && (str_find(s, STR("://")) != SIZE_MAX || format_is_guid(s));
}

/* Of the words of a scope, the one that names a resource: "https://host//.default" is for
 * "https://host/", and "https://host/user_impersonation" for "https://host". */
static struct str resource_of_scope(struct str scope)
{
    struct str rest = scope, word;

    while (str_split(&rest, ' ', &word)) {
        size_t end = word.len;

        if (str_ends_with(word, STR(DEFAULT_SCOPE)))
            return str_slice(word, 0, word.len - strlen(DEFAULT_SCOPE));
        while (end > 0 && word.data[end - 1] != '/')
            end--;
        if (end > 1 && str_find(str_slice(word, 0, end - 1), STR("://")) != SIZE_MAX)
            return str_slice(word, 0, end - 1);
    }
    return STR_NONE;
}

struct str token_resource_of(struct str resource, struct str scope)
{
    return resource.len ? resource : resource_of_scope(scope);
}

static struct str without_scheme(struct str url)
{
    size_t at = str_find(url, STR("://"));

    return at == SIZE_MAX ? url : str_slice(url, at + strlen("://"), SIZE_MAX);
}

/* The description of the cloud gives this service's address for ARM's and for Graph's: the Azure CLI
 * asks by it for Graph, Terraform's azurerm for either, and a managed identity by plain HTTP, whatever
 * the address says. The token is good for both, and it has a name for that which isn't an address:
 * with one that the later request may state in turn, a token for another service would do. */
struct str token_audience(const struct entra_call *c, struct str resource)
{
    struct str host = without_scheme(c->request->base), asked = without_scheme(resource);
    struct str rest = str_slice(asked, host.len, SIZE_MAX);

    if (asked.len < resource.len && str_starts_with_nocase(asked, host) &&
        (!rest.len || str_equal(rest, STR("/"))))
        return STR(TOKEN_AUDIENCE_OWN);
    return resource;
}

bool token_read_resource(struct entra_call *c, struct str *resource, struct error *err)
{
    struct str scope = entra_parameter(c, "scope");

    *resource = token_resource_of(entra_parameter(c, "resource"), scope);
    if (str_is_empty(*resource) && str_is_empty(scope))
        return error_set(err, ERROR_OAUTH_MISSING,
                         "The request body must contain the following parameter: 'scope'.");
    if (scope.len > SCOPE_LEN_MAX || !is_resource(*resource))
        return error_set(err, ERROR_OAUTH_SCOPE,
                         "The provided value for the input parameter 'scope' is not valid. The "
                         "scope '%.*s' names no resource.",
                         STR_ARGS(str_slice(scope, 0, 200)));
    return true;
}

/* -- The client ------------------------------------------------------------------------------ */

static bool refuse_client(struct entra_call *c, struct str id, struct error *err)
{
    return error_set(err, ERROR_OAUTH_NO_APPLICATION,
                     "Application with identifier '%.*s' was not found in the directory '%.*s'. "
                     "This can happen if the application has not been installed by the "
                     "administrator of the tenant or consented to by any user in the tenant. You "
                     "may have sent your authentication request to the wrong tenant.",
                     STR_ARGS(str_slice(id, 0, 100)),
                     STR_ARGS(authority_tenant(c->entra->authority)));
}

bool token_read_client(struct entra_call *c, struct str *client_id, struct error *err)
{
    if (!entra_require(c, "client_id", client_id, err))
        return false;
    return client_id->len <= CLIENT_ID_LEN_MAX || refuse_client(c, *client_id, err);
}

/* A managed identity has no proof of its own but what others say of it. */
static bool is_client(const struct principal_record *p, bool has_assertion)
{
    return (p->type == PRINCIPAL_TYPE_APPLICATION ||
            (has_assertion && p->type == PRINCIPAL_TYPE_MANAGED_IDENTITY)) &&
           principal_is_enabled(p);
}

static bool find_client(struct entra_call *c, struct str id, bool has_assertion,
                        struct principal_record *app, struct error *err)
{
    bool found;

    if (!principals_find(c->txn, c->arena, id, app, &found, err))
        return false;
    return (found && is_client(app, has_assertion)) || refuse_client(c, id, err);
}

/* By HTTP Basic (RFC 6749, 2.3.1), for those who do not send them in the form. */
static void read_basic(struct entra_call *c, struct str *id, struct str *secret)
{
    struct str value = c->request->authorization, scheme = STR("Basic "), pair;
    size_t colon;

    if (!str_starts_with_nocase(value, scheme) ||
        !format_parse_base64(c->arena, str_trim(str_slice(value, scheme.len, SIZE_MAX)), &pair))
        return;
    colon = str_find_char(pair, ':');
    if (colon == SIZE_MAX || !format_percent_decode(c->arena, str_slice(pair, 0, colon), id) ||
        !format_percent_decode(c->arena, str_slice(pair, colon + 1, SIZE_MAX), secret))
        *id = *secret = STR_NONE;
}

/* Has the application proved that it is the one? */
static bool check_proof(struct entra_call *c, const struct principal_record *app, struct str secret,
                        struct str assertion, struct error *err)
{
    if (assertion.len)
        return client_assertion_check(c, app, assertion, err);
    if (str_is_empty(secret))
        return error_set(err, ERROR_OAUTH_NO_SECRET, NULL);
    if (principal_has_secret(c->arena, app, secret, authority_now_ms(c->entra->authority)))
        return true;
    return error_set(err, ERROR_OAUTH_SECRET,
                     "Invalid client secret provided. Ensure the secret being sent in the request "
                     "is the client secret value, not the client secret ID, for a secret added to "
                     "app '%.*s'.",
                     STR_ARGS(app->name));
}

bool token_authenticate_client(struct entra_call *c, struct principal_record *app,
                               const char **proof, struct error *err)
{
    struct str id = entra_parameter(c, "client_id"), secret = entra_parameter(c, "client_secret");
    struct str assertion = entra_parameter(c, "client_assertion");

    if (str_is_empty(id) && str_is_empty(secret))
        read_basic(c, &id, &secret);
    if (str_is_empty(id))
        return error_set(err, ERROR_OAUTH_MISSING,
                         "The request body must contain the following parameter: 'client_id'.");
    if (!find_client(c, id, assertion.len > 0, app, err))
        return false;
    *proof = assertion.len ? TOKEN_PROOF_ASSERTION : TOKEN_PROOF_SECRET;
    if (check_proof(c, app, secret, assertion, err))
        return true;
    audit_refused(c, app, err->code);
    return false;
}

/* -- The answer ------------------------------------------------------------------------------ */

static bool token_for_application(struct entra_call *c, const struct principal_record *app,
                                  struct str name, const char *acr, int64_t lifetime_ms,
                                  struct str *token, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    struct managed_identity identity;
    struct resource resource;
    char id[GUID_TEXT_LEN + 1];

    if (!resource_find(c, name, &resource, err))
        return false;
    format_guid(id);
    resource_set_claims(c, doc, claims, &resource, app->name, acr, app->object_id);
    if (!resource.is_v2)
        json_set_str(doc, claims, "idp", authority_issuer(c->entra->authority, c->arena));
    json_set_str(doc, claims, "idtyp", STR("app"));
    json_set_str(doc, claims, "oid", app->object_id);
    json_set_str(doc, claims, "sub", app->object_id);
    if (managed_identity_read(app, &identity) && identity.resource_id.len)
        json_set_str(doc, claims, "xms_mirid", identity.resource_id);
    json_set_str(doc, claims, "uti", str_from(id));
    *token = authority_sign(c->entra->authority, c->state, c->arena, doc, claims, lifetime_ms);
    return true;
}

void token_reply(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                 struct str access_token, struct str resource)
{
    int64_t now_s = authority_now_ms(c->entra->authority) / 1000;
    int64_t lifetime_s = ACCESS_TOKEN_MS / 1000 - 1;
    bool is_v1 = !str_ends_with(str_from(c->endpoint->path), STR("v2.0/token"));

    json_set_str(doc, root, "token_type", STR("Bearer"));
    if (is_v1) {
        json_set_str(doc, root, "expires_in", format_decimal(c->arena, lifetime_s));
        json_set_str(doc, root, "ext_expires_in", format_decimal(c->arena, lifetime_s));
        json_set_str(doc, root, "expires_on", format_decimal(c->arena, now_s + lifetime_s));
        json_set_str(doc, root, "not_before", format_decimal(c->arena, now_s));
        json_set_str(doc, root, "resource", resource);
    } else {
        json_set_int(doc, root, "expires_in", lifetime_s);
        json_set_int(doc, root, "ext_expires_in", lifetime_s);
    }
    json_set_str(doc, root, "access_token", access_token);
    entra_reply_json(c, 200, root);
}

bool token_reply_to_machine(struct entra_call *c, const struct principal_record *identity,
                            struct str resource, struct error *err)
{
    int64_t now_s = authority_now_ms(c->entra->authority) / 1000;
    struct str lifetime = format_decimal(c->arena, MACHINE_TOKEN_MS / 1000 - 1);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct str token;

    if (!token_for_application(c, identity, resource, TOKEN_PROOF_ASSERTION, MACHINE_TOKEN_MS,
                               &token, err))
        return false;
    json_set_str(doc, root, "access_token", token);
    json_set_str(doc, root, "client_id", identity->name);
    json_set_str(doc, root, "expires_in", lifetime);
    json_set_str(doc, root, "ext_expires_in", lifetime);
    json_set_str(doc, root, "expires_on",
                 format_decimal(c->arena, now_s + MACHINE_TOKEN_MS / 1000 - 1));
    json_set_str(doc, root, "not_before", format_decimal(c->arena, now_s));
    json_set_str(doc, root, "resource", resource);
    json_set_str(doc, root, "token_type", STR("Bearer"));
    entra_reply_json(c, 200, root);
    return true;
}

static bool client_credentials(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    struct principal_record app = { 0 };
    const char *proof;
    struct str resource, token;

    if (!token_authenticate_client(c, &app, &proof, err) ||
        !token_read_resource(c, &resource, err) ||
        !token_for_application(c, &app, resource, proof, ACCESS_TOKEN_MS, &token, err))
        return false;
    token_reply(c, doc, yyjson_mut_obj(doc), token, resource);
    return true;
}

static const struct grant grants[] = {
    { "client_credentials", client_credentials },
    { "password", user_token_by_password },
    { "refresh_token", user_token_by_refresh },
    { "authorization_code", authorize_redeem },
    { "urn:ietf:params:oauth:grant-type:device_code", device_redeem },
    { "device_code", device_redeem },
    { "urn:ietf:params:oauth:grant-type:jwt-bearer", on_behalf_of },
};

static bool token(struct entra_call *c, struct error *err)
{
    struct str type;

    if (!entra_require(c, "grant_type", &type, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        if (str_equal(type, str_from(grants[i].type)))
            return grants[i].handle(c, err);
    }
    return error_set(err, ERROR_OAUTH_GRANT_TYPE,
                     "The app requested an unsupported grant type '%.*s'.",
                     STR_ARGS(str_slice(type, 0, 100)));
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_POST, "/{}/oauth2/v2.0/token", token, true },
    { HTTP_POST, "/{}/oauth2/token", token, true },
};

const struct entra_endpoints entra_token = { endpoints, ARRAY_LEN(endpoints) };
