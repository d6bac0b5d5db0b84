/* SPDX-License-Identifier: MIT */
#include "entra/user_token.h"

#include "base/format.h"
#include "entra/graph.h"
#include "entra/resource.h"
#include "entra/sign_in.h"

#define LIFETIME_MS ((int64_t)3600 * 1000)
#define REFRESH_LIFETIME_MS ((int64_t)90 * 86400 * 1000)
#define REFRESH "refresh_token"
#define ISSUED "aio" /* Entra's own for what only it understands */

#define SIGN_IN_SCOPE_LEN_MAX 256

/* -- What is asked for ----------------------------------------------------------------------- */

/* Nothing but who somebody is, and to stay signed in? */
static bool is_of_sign_in(struct str scope)
{
    static const char *const words[] = { "openid", "profile", "email", "offline_access",
                                         "User.Read" };
    struct str rest = scope, word;
    bool is_known = false;

    if (scope.len > SIGN_IN_SCOPE_LEN_MAX)
        return false;
    while (str_split(&rest, ' ', &word)) {
        is_known = !word.len;
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            is_known |= str_equal_nocase(word, str_from(words[i]));
        if (!is_known)
            return false;
    }
    return is_known && str_trim(scope).len;
}

struct str user_token_resource_of(struct str resource, struct str scope)
{
    return !resource.len && is_of_sign_in(scope) ? STR(GRAPH_AUDIENCE)
                                                 : token_resource_of(resource, scope);
}

bool user_token_read_resource(struct entra_call *c, struct str *resource, struct error *err)
{
    if (entra_parameter(c, "resource").len || !is_of_sign_in(entra_parameter(c, "scope")))
        return token_read_resource(c, resource, err);
    *resource = STR(GRAPH_AUDIENCE);
    return true;
}

/* What was granted: of a sign-in, the words of it, and to read of oneself. */
static struct str granted_scope(struct entra_call *c, const struct user_grant *g)
{
    struct str rest = g->scope, word, granted = STR_NONE;

    if (str_is_empty(g->scope))
        return STR("user_impersonation");
    if (!is_of_sign_in(g->scope))
        return arena_printf(c->arena, "%.*s/user_impersonation %.*s/.default",
                            STR_ARGS(g->resource), STR_ARGS(g->resource));
    while (str_split(&rest, ' ', &word)) {
        if (word.len && !str_equal_nocase(word, STR("offline_access")) &&
            !str_equal_nocase(word, STR("User.Read")))
            granted = arena_printf(c->arena, "%.*s%.*s ", STR_ARGS(granted), STR_ARGS(word));
    }
    return arena_printf(c->arena, "%.*s" GRAPH_AUDIENCE "/User.Read", STR_ARGS(granted));
}

/* -- Sealed texts ---------------------------------------------------------------------------- */

struct str user_token_seal(struct entra_call *c, const char *purpose, yyjson_mut_val *value)
{
    struct str sealed = secret_box_seal(c->entra->box, c->arena, json_write_mut(c->arena, value),
                                        str_from(purpose));

    return format_base64url(c->arena, sealed.data, sealed.len);
}

yyjson_val *user_token_open(struct entra_call *c, const char *purpose, struct str text)
{
    struct str sealed, plain;
    struct error ignored; /* whatever is wrong with it, it is not ours */
    yyjson_doc *doc;

    if (!format_parse_base64url(c->arena, text, &sealed) ||
        !secret_box_open(c->entra->box, c->arena, sealed, str_from(purpose), &plain, &ignored))
        return NULL;
    doc = json_parse(c->arena, plain, &ignored);
    return doc ? yyjson_doc_get_root(doc) : NULL;
}

/* -- Tokens ---------------------------------------------------------------------------------- */

static struct str display_name(const struct user_grant *g)
{
    return json_str(yyjson_obj_get(g->user.body, "displayName"));
}

/* What says who it is in an access token of version 1.0. */
static void set_names_v1(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                         const struct user_grant *g)
{
    yyjson_mut_val *methods = yyjson_mut_arr(doc);

    yyjson_mut_arr_add_str(doc, methods, "pwd");
    json_set_str(doc, claims, "acr", STR("1"));
    json_set(doc, claims, "amr", methods);
    if (c->request->client_address.len)
        json_set_str(doc, claims, "ipaddr", c->request->client_address);
    json_set_str(doc, claims, "unique_name", g->user.name);
    json_set_str(doc, claims, "upn", g->user.name);
}

static bool access_token(struct entra_call *c, const struct user_grant *g, struct str *token,
                         struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    struct resource resource;
    char id[GUID_TEXT_LEN + 1];

    if (!resource_find(c, g->resource, &resource, err))
        return false;
    format_guid(id);
    resource_set_claims(c, doc, claims, &resource, g->client_id,
                        g->proof ? g->proof : TOKEN_PROOF_NONE, g->user.object_id);
    if (resource.is_v2)
        json_set_str(doc, claims, "preferred_username", g->user.name);
    else
        set_names_v1(c, doc, claims, g);
    if (resource.is_application)
        json_set_str(doc, claims, ISSUED,
                     format_decimal(c->arena, authority_now_ms(c->entra->authority)));
    json_set_str(doc, claims, "idtyp", STR("user"));
    json_set_str(doc, claims, "name", display_name(g));
    json_set_str(doc, claims, "oid", g->user.object_id);
    json_set_str(doc, claims, "scp", STR("user_impersonation"));
    json_set_str(doc, claims, "sub", g->user.object_id);
    json_set_str(doc, claims, "uti", str_from(id));
    *token = authority_sign(c->entra->authority, c->state, c->arena, doc, claims, LIFETIME_MS);
    return true;
}

bool user_token_read_issued(yyjson_val *claims, int64_t *issued_ms)
{
    uint64_t number;

    if (!str_to_u64(json_str(yyjson_obj_get(claims, ISSUED)), INT64_MAX, &number))
        return false;
    *issued_ms = (int64_t)number;
    return true;
}

static struct str id_token(struct entra_call *c, const struct user_grant *g)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);

    json_set_str(doc, claims, "iss", entra_issuer_v2(c));
    json_set_str(doc, claims, "aud", g->client_id);
    json_set_str(doc, claims, "name", display_name(g));
    if (g->nonce.len)
        json_set_str(doc, claims, "nonce", g->nonce);
    json_set_str(doc, claims, "oid", g->user.object_id);
    json_set_str(doc, claims, "preferred_username", g->user.name);
    json_set_str(doc, claims, "sub", g->user.object_id);
    json_set_str(doc, claims, "upn", g->user.name); /* v1's clients look for it */
    json_set_str(doc, claims, "ver", STR("2.0"));
    return authority_sign(c->entra->authority, c->state, c->arena, doc, claims, LIFETIME_MS);
}

static struct str refresh_token(struct entra_call *c, const struct user_grant *g)
{
    int64_t now_ms = authority_now_ms(c->entra->authority);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_obj(doc);

    json_set_str(doc, value, "oid", g->user.object_id);
    json_set_str(doc, value, "clientId", g->client_id);
    json_set_bool(doc, value, "needsProof", g->proof != NULL);
    json_set_int(doc, value, "issuedMs", now_ms);
    json_set_int(doc, value, "expiresMs", now_ms + REFRESH_LIFETIME_MS);
    return user_token_seal(c, REFRESH, value);
}

/* By which MSAL tells accounts apart. */
static struct str client_info(struct entra_call *c, const struct user_grant *g)
{
    struct str text =
        arena_printf(c->arena, "{\"uid\":\"%.*s\",\"utid\":\"%.*s\"}", STR_ARGS(g->user.object_id),
                     STR_ARGS(authority_tenant(c->entra->authority)));

    return format_base64url(c->arena, text.data, text.len);
}

bool user_token_reply(struct entra_call *c, const struct user_grant *g, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    bool is_v1 = str_is_empty(g->scope);
    struct str token;

    if (!access_token(c, g, &token, err))
        return false;
    json_set_str(doc, root, "scope", granted_scope(c, g));
    if (is_v1 || str_find(g->scope, STR("offline_access")) != SIZE_MAX)
        json_set_str(doc, root, "refresh_token", refresh_token(c, g));
    if (is_v1 || str_find(g->scope, STR("openid")) != SIZE_MAX)
        json_set_str(doc, root, "id_token", id_token(c, g));
    json_set_str(doc, root, "client_info", client_info(c, g));
    json_set_str(doc, root, "foci", STR("1"));
    token_reply(c, doc, root, token, g->resource);
    return true;
}

bool user_token_find_user(struct entra_call *c, struct str object_id, int64_t issued_ms,
                          struct principal_record *user, bool *is_good, struct error *err)
{
    if (!principals_get(c->txn, c->arena, object_id, user, is_good, err))
        return false;
    if (*is_good)
        *is_good = user->type == PRINCIPAL_TYPE_USER && principal_is_enabled(user) &&
                   issued_ms >= yyjson_get_sint(yyjson_obj_get(user->body, "validFromMs"));
    return true;
}

bool user_token_find_granted(struct entra_call *c, yyjson_val *granted,
                             struct principal_record *user, bool *is_good, struct error *err)
{
    return user_token_find_user(c, json_str(yyjson_obj_get(granted, "oid")),
                                yyjson_get_sint(yyjson_obj_get(granted, "issuedMs")), user, is_good,
                                err);
}

/* -- Grants ---------------------------------------------------------------------------------- */

/* A client that sends a secret must have the right one; those of people's own machines have none. */
static bool check_client(struct entra_call *c, struct user_grant *g, struct error *err)
{
    struct principal_record app;

    if (!token_read_client(c, &g->client_id, err))
        return false;
    if (!entra_parameter(c, "client_secret").len && !entra_parameter(c, "client_assertion").len)
        return true;
    return token_authenticate_client(c, &app, &g->proof, err);
}

bool user_token_by_password(struct entra_call *c, struct error *err)
{
    struct user_grant g = { .scope = entra_parameter(c, "scope") };
    struct str name, password;
    struct sign_in s;

    if (!entra_require(c, "username", &name, err) ||
        !entra_require(c, "password", &password, err) || !check_client(c, &g, err) ||
        !user_token_read_resource(c, &g.resource, err) || !sign_in_check(c, &s, err))
        return false;
    if (s.refusal)
        return entra_refuse(c, s.refusal);
    g.user = s.user;
    return !s.is_accepted || user_token_reply(c, &g, err);
}

static bool refuse_refresh(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_TOKEN, "The refresh token is not good: %s.", why);
}

bool user_token_by_refresh(struct entra_call *c, struct error *err)
{
    struct user_grant g = { .scope = entra_parameter(c, "scope") };
    struct str text;
    yyjson_val *value;
    bool is_good;

    if (!entra_require(c, "refresh_token", &text, err) || !check_client(c, &g, err) ||
        !user_token_read_resource(c, &g.resource, err))
        return false;
    value = user_token_open(c, REFRESH, text);
    if (!value)
        return refuse_refresh(err, "it is not one of this service");
    if (yyjson_get_sint(yyjson_obj_get(value, "expiresMs")) <=
        authority_now_ms(c->entra->authority))
        return refuse_refresh(err, "it has expired due to inactivity");
    if (!str_equal_nocase(json_str(yyjson_obj_get(value, "clientId")), g.client_id))
        return refuse_refresh(err, "it was issued to another client");
    if (yyjson_is_true(yyjson_obj_get(value, "needsProof")) && !g.proof)
        return error_set(err, ERROR_OAUTH_NO_SECRET, NULL);
    if (!user_token_find_granted(c, value, &g.user, &is_good, err))
        return false;
    if (!is_good)
        return refuse_refresh(err, "its user is gone, or it was revoked");
    return user_token_reply(c, &g, err);
}
