/*
 * What clients find the other endpoints by: OpenID Connect Discovery 1.0 in its v1, v2 and AD FS
 * forms, the keys, and what MSAL asks of an authority it does not know (instance discovery, user
 * realm).
 * SPDX-License-Identifier: MIT
 */
#include "entra/call.h"
#include "net/url.h"

static void set_list(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                     const char *words)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct str rest = str_from(words), word;

    while (str_split(&rest, ' ', &word))
        yyjson_mut_arr_add_strncpy(doc, list, word.data, word.len);
    json_set(doc, object, name, list);
}

static void set_url(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *object,
                    const char *name, struct str base, const char *path)
{
    json_set_str(doc, object, name, arena_printf(c->arena, "%.*s%s", STR_ARGS(base), path));
}

static bool reply_configuration(struct entra_call *c, bool is_v2)
{
    struct str base = entra_authority_url(c);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    set_url(c, doc, root, "token_endpoint", base, is_v2 ? "/oauth2/v2.0/token" : "/oauth2/token");
    set_list(doc, root, "token_endpoint_auth_methods_supported",
             "client_secret_post private_key_jwt client_secret_basic");
    set_url(c, doc, root, "jwks_uri", base, is_v2 ? "/discovery/v2.0/keys" : "/discovery/keys");
    set_list(doc, root, "response_modes_supported", "query fragment form_post");
    set_list(doc, root, "subject_types_supported", "pairwise");
    set_list(doc, root, "id_token_signing_alg_values_supported", "RS256");
    set_list(doc, root, "response_types_supported", "code");
    set_list(doc, root, "code_challenge_methods_supported", "plain S256");
    set_list(doc, root, "scopes_supported", "openid profile email offline_access");
    json_set_str(doc, root, "issuer",
                 is_v2 ? entra_issuer_v2(c) : authority_issuer(c->entra->authority, c->arena));
    json_set_bool(doc, root, "request_uri_parameter_supported", false);
    set_url(c, doc, root, "authorization_endpoint", base,
            is_v2 ? "/oauth2/v2.0/authorize" : "/oauth2/authorize");
    set_url(c, doc, root, "device_authorization_endpoint", base,
            is_v2 ? "/oauth2/v2.0/devicecode" : "/oauth2/devicecode");
    set_url(c, doc, root, "end_session_endpoint", base,
            is_v2 ? "/oauth2/v2.0/logout" : "/oauth2/logout");
    set_list(doc, root, "claims_supported",
             "sub iss aud exp iat auth_time acr nonce preferred_username name tid ver oid");
    json_set(doc, root, "tenant_region_scope", yyjson_mut_null(doc));
    json_set_str(doc, root, "cloud_instance_name", url_authority(c->request->base));
    set_url(c, doc, root, "msgraph_host", c->request->base, "");
    entra_reply_json(c, 200, root);
    return true;
}

static bool configuration_v1(struct entra_call *c, struct error *err)
{
    (void)err;
    return reply_configuration(c, false);
}

static bool configuration_v2(struct entra_call *c, struct error *err)
{
    (void)err;
    return reply_configuration(c, true);
}

static bool keys(struct entra_call *c, struct error *err)
{
    (void)err;
    c->reply.status = 200;
    c->reply.body = authority_render_keys(c->entra->authority, c->state, c->arena);
    return true;
}

/* This service is the only authority that it knows of. */
static bool instance(struct entra_call *c, struct error *err)
{
    struct str base = c->request->base;
    struct str host = url_authority(base);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    yyjson_mut_val *item = yyjson_mut_obj(doc), *aliases = yyjson_mut_arr(doc);

    (void)err;
    json_set_str(doc, root, "tenant_discovery_endpoint",
                 arena_printf(c->arena, "%.*s/.well-known/openid-configuration",
                              STR_ARGS(entra_issuer_v2(c))));
    json_set_str(doc, root, "api-version", STR("1.1"));
    json_set_str(doc, item, "preferred_network", host);
    json_set_str(doc, item, "preferred_cache", host);
    yyjson_mut_arr_add_strncpy(doc, aliases, host.data, host.len);
    json_set(doc, item, "aliases", aliases);
    yyjson_mut_arr_append(list, item);
    json_set(doc, root, "metadata", list);
    entra_reply_json(c, 200, root);
    return true;
}

/* Every user is one of this tenant's, with a password here. */
static bool user_realm(struct entra_call *c, struct error *err)
{
    struct str name = c->names[0];
    size_t at = str_find_char(name, '@');
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    (void)err;
    json_set_str(doc, root, "ver", STR("1.0"));
    json_set_str(doc, root, "account_type", STR("Managed"));
    json_set_str(doc, root, "domain_name",
                 at == SIZE_MAX ? STR_NONE : str_slice(name, at + 1, SIZE_MAX));
    json_set_str(doc, root, "cloud_instance_name", STR("microsoftonline.com"));
    json_set_str(doc, root, "cloud_audience_urn", STR("urn:federation:MicrosoftOnline"));
    entra_reply_json(c, 200, root);
    return true;
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/common/discovery/instance", instance, false },
    { HTTP_GET, "/common/userrealm/{}", user_realm, false },
    { HTTP_GET, "/{}/v2.0/.well-known/openid-configuration", configuration_v2, true },
    { HTTP_GET, "/{}/.well-known/openid-configuration", configuration_v1, true },
    { HTTP_GET, "/{}/discovery/v2.0/keys", keys, true },
    { HTTP_GET, "/{}/discovery/keys", keys, true },
};

const struct entra_endpoints entra_discovery = { endpoints, ARRAY_LEN(endpoints) };
