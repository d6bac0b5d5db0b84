/*
 * Sign-in by browser: the authorization endpoint and its code (RFC 6749, 4.1), with proof key (RFC
 * 7636), which clients without a secret must send.
 * SPDX-License-Identifier: MIT
 */
#include "entra/authorize.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/format.h"
#include "entra/page.h"
#include "entra/pending.h"
#include "entra/sign_in.h"
#include "entra/user_token.h"

#define CODE "authorization_code"
#define CODE_LIFETIME_MS ((int64_t)10 * 60 * 1000)
#define TITLE "Sign in to lazuli"
#define URI_LEN_MAX 4096
#define STATE_LEN_MAX 8192
#define NONCE_LEN_MAX 1024
#define CHALLENGE_LEN_MIN 43
#define CHALLENGE_LEN_MAX 128

const char *const authorize_platforms[AUTHORIZE_PLATFORMS] = { "web", "publicClient", "spa" };

/* What the page carries from the client's request to the sign-in. */
static const char *const carried[] = {
    "client_id", "response_type",  "redirect_uri",          "scope", "resource",
    "state",     "code_challenge", "code_challenge_method", "nonce", "response_mode"
};

/* -- Where codes may go ---------------------------------------------------------------------- */

/* What a URI is made of (RFC 3986, 2) without a fragment, which a place for codes may not have (RFC 6749,
 * 3.1.2): nothing that a browser reads differently, nor that ends a header or an attribute. */
static bool is_uri(struct str s)
{
    return s.len <= URI_LEN_MAX && str_is_alnum_or(s, "-._~:/?[]@!$&'()*+,;=%");
}

/* Does what stands behind the host begin with nothing but a port? */
static bool is_port_and_path(struct str rest)
{
    size_t end = 0;
    uint64_t port;

    while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
        end++;
    return end == 0 ||
           (rest.data[0] == ':' && str_to_u64(str_slice(rest, 1, end - 1), UINT16_MAX, &port));
}

/* A program on the person's own machine (RFC 8252, 7.3): any port and path. */
static bool is_loopback(struct str uri)
{
    static const char *const hosts[] = { "http://localhost", "http://127.0.0.1", "http://[::1]" };

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct str host = str_from(hosts[i]);

        if (str_starts_with_nocase(uri, host) &&
            is_port_and_path(str_slice(uri, host.len, SIZE_MAX)))
            return true;
    }
    return false;
}

bool authorize_may_register(struct str uri)
{
    static const char *const refused[] = { "http", "javascript", "data", "vbscript",
                                           "blob", "file",       "about" };
    struct str scheme = str_slice(uri, 0, str_find_char(uri, ':'));

    if (!is_uri(uri) || scheme.len == uri.len || !scheme.len || !str_is_alnum_or(scheme, "+-."))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (str_equal_nocase(scheme, str_from(refused[i])))
            return is_loopback(uri);
    }
    return true;
}

static bool is_registered(const struct principal_record *app, struct str uri)
{
    yyjson_val *item;
    size_t i, count;

    for (size_t p = 0; p < AUTHORIZE_PLATFORMS; p++) {
        yyjson_val *platform = yyjson_obj_get(app->body, authorize_platforms[p]);

        yyjson_arr_foreach(yyjson_obj_get(platform, "redirectUris"), i, count, item)
        {
            if (str_equal(json_str(item), uri))
                return true;
        }
    }
    return false;
}

static bool check_redirect(struct entra_call *c, struct str client_id, struct str uri,
                           struct error *err)
{
    struct principal_record app;
    bool found;

    if (!principals_find(c->txn, c->arena, client_id, &app, &found, err))
        return false;
    if (is_uri(uri) && (is_loopback(uri) || (found && is_registered(&app, uri))))
        return true;
    return error_set(err, ERROR_OAUTH_REDIRECT,
                     "The redirect URI '%.*s' specified in the request does not match the redirect "
                     "URIs configured for the application '%.*s'.",
                     STR_ARGS(str_slice(uri, 0, 200)), STR_ARGS(str_slice(client_id, 0, 60)));
}

/* "https://host:port", for a header; empty when it is not plainly of that form. */
static struct str origin_of(struct str uri)
{
    size_t start = str_find(uri, STR("://")), end;

    if (start == SIZE_MAX)
        return STR_NONE;
    end = start + strlen("://");
    while (end < uri.len && uri.data[end] != '/' && uri.data[end] != '?')
        end++;
    uri = str_slice(uri, 0, end);
    return str_is_alnum_or(str_slice(uri, start + strlen("://"), SIZE_MAX), "-._:[]") ? uri
                                                                                      : STR_NONE;
}

/* -- The page -------------------------------------------------------------------------------- */

/* RFC 7636, 4.2 to 4.4: a way that is not known is not taken for another. */
static bool check_challenge(struct entra_call *c, struct error *err)
{
    struct str challenge = entra_parameter(c, "code_challenge");
    struct str method = entra_parameter(c, "code_challenge_method");

    if (method.len && !str_equal(method, STR("S256")) && !str_equal(method, STR("plain")))
        return error_set(err, ERROR_OAUTH_REQUEST,
                         "The code_challenge_method must be 'S256' or 'plain'.");
    if (challenge.len && (challenge.len < CHALLENGE_LEN_MIN || challenge.len > CHALLENGE_LEN_MAX))
        return error_set(err, ERROR_OAUTH_REQUEST,
                         "The code_challenge must have %d to %d characters.", CHALLENGE_LEN_MIN,
                         CHALLENGE_LEN_MAX);
    return true;
}

/* Where an answer may go, and what goes back with it. What is wrong here is told to the person, and to
 * no client (RFC 6749, 4.1.2.1). */
static bool check_target(struct entra_call *c, struct error *err)
{
    struct str client_id, uri;

    if (!token_read_client(c, &client_id, err) || !entra_require(c, "redirect_uri", &uri, err) ||
        !check_redirect(c, client_id, uri, err))
        return false;
    return entra_parameter(c, "state").len <= STATE_LEN_MAX ||
           error_set(err, ERROR_OAUTH_REQUEST, "The state is too long.");
}

/* What is wrong here is told to the client. */
static bool check_request(struct entra_call *c, struct error *err)
{
    struct str type, resource;

    if (!entra_require(c, "response_type", &type, err))
        return false;
    if (!str_equal(type, STR("code")))
        return error_set(err, ERROR_OAUTH_RESPONSE_TYPE,
                         "The response_type '%.*s' is not supported: it must be 'code'.",
                         STR_ARGS(str_slice(type, 0, 60)));
    if (entra_parameter(c, "nonce").len > NONCE_LEN_MAX)
        return error_set(err, ERROR_OAUTH_REQUEST, "The nonce is too long.");
    if (str_equal(entra_parameter(c, "prompt"), STR("none")))
        return error_set(err, ERROR_OAUTH_NO_SESSION, NULL);
    return check_challenge(c, err) && user_token_read_resource(c, &resource, err);
}

static void show(struct entra_call *c, const char *wrong, bool asks_new)
{
    page_reply_sign_in(
        c, TITLE,
        arena_printf(c->arena, "/%.*s/oauth2/%sauthorize", STR_ARGS(c->names[0]),
                     str_find(str_from(c->endpoint->path), STR("v2.0")) != SIZE_MAX ? "v2.0/" : ""),
        page_hidden(c, carried, ARRAY_LEN(carried)), wrong, asks_new,
        origin_of(entra_parameter(c, "redirect_uri")));
}

/* -- The way back ---------------------------------------------------------------------------- */

struct field {
    const char *name;
    struct str value;
};

static bool is_in_fragment(const struct entra_call *c)
{
    struct str mode = entra_parameter(c, "response_mode");

    return str_equal(mode, STR("fragment")) ||
           (!mode.len && str_find(entra_parameter(c, "response_type"), STR("token")) != SIZE_MAX);
}

static void post_back(struct entra_call *c, const char *title, const struct field *fields,
                      size_t count)
{
    struct str uri = entra_parameter(c, "redirect_uri"), inputs = STR_NONE;

    for (size_t i = 0; i < count; i++)
        inputs = arena_printf(c->arena, "%.*s<input type=\"hidden\" name=\"%s\" value=\"%.*s\">",
                              STR_ARGS(inputs), fields[i].name,
                              STR_ARGS(page_escape(c->arena, fields[i].value)));
    page_reply_html(c, 200, title,
                    arena_printf(c->arena,
                                 "<form method=\"post\" action=\"%.*s\">%.*s<button>Continue"
                                 "</button></form>",
                                 STR_ARGS(page_escape(c->arena, uri)), STR_ARGS(inputs)),
                    origin_of(uri));
}

/* To the client, by the way that it asked for. */
static void send_back(struct entra_call *c, const char *title, const struct field *fields,
                      size_t count)
{
    struct str uri = entra_parameter(c, "redirect_uri"), location = uri;

    if (str_equal(entra_parameter(c, "response_mode"), STR("form_post"))) {
        post_back(c, title, fields, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        location = arena_printf(c->arena, "%.*s%s%s=%.*s", STR_ARGS(location),
                                i > 0                                 ? "&"
                                : is_in_fragment(c)                   ? "#"
                                : str_find_char(uri, '?') == SIZE_MAX ? "?"
                                                                      : "&",
                                fields[i].name,
                                STR_ARGS(format_percent_encode(c->arena, fields[i].value)));
    c->reply.status = 302;
    entra_reply_header(c, STR("Location"), location);
}

static void send_error(struct entra_call *c, const struct error *why)
{
    const struct error_info *info = error_info(why->code);
    const struct field fields[] = {
        { "error", str_from(info->wire_code) },
        { "error_description", arena_printf(c->arena, "AADSTS%s: %s", info->type, why->text) },
        { "state", entra_parameter(c, "state") },
    };

    send_back(c, "The request is not good", fields, fields[2].value.len ? 3 : 2);
}

static bool ask(struct entra_call *c, struct error *err)
{
    struct error why;

    if (!check_target(c, err))
        return false;
    if (check_request(c, &why))
        show(c, NULL, false);
    else
        send_error(c, &why);
    return true;
}

static struct str make_code(struct entra_call *c, const struct principal_record *user)
{
    int64_t now_ms = authority_now_ms(c->entra->authority);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_obj(doc);
    static const char *const kept[] = { "client_id", "redirect_uri",   "scope",
                                        "resource",  "code_challenge", "code_challenge_method",
                                        "nonce" };
    char id[GUID_TEXT_LEN + 1];

    format_guid(id);
    json_set_str(doc, value, "id", str_from(id));
    json_set_str(doc, value, "oid", user->object_id);
    json_set_int(doc, value, "issuedMs", now_ms);
    json_set_int(doc, value, "expiresMs", now_ms + CODE_LIFETIME_MS);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        json_set_str(doc, value, kept[i], entra_parameter(c, kept[i]));
    return user_token_seal(c, CODE, value);
}

static bool sign_in(struct entra_call *c, struct error *err)
{
    struct field fields[] = { { "code", STR_NONE }, { "state", entra_parameter(c, "state") } };
    struct error wrong;
    struct sign_in s;

    if (!check_target(c, err))
        return false;
    if (!check_request(c, &wrong)) {
        send_error(c, &wrong);
        return true;
    }
    if (!sign_in_check_page(c, &s, err))
        return false;
    if (s.refusal) {
        show(c, s.says, s.refusal == ERROR_OAUTH_PASSWORD_EXPIRED);
    } else if (s.is_accepted) {
        fields[0].value = make_code(c, &s.user);
        send_back(c, "Signed in", fields, ARRAY_LEN(fields));
    }
    return true;
}

/* -- The end --------------------------------------------------------------------------------- */

/* Nothing is kept in the browser: each sign-in asks for the password. So a client is sent back to where
 * its application has registered, and to nowhere else; whom it does not name gets a page. */
static bool sign_out(struct entra_call *c, struct error *err)
{
    struct str uri = entra_parameter(c, "post_logout_redirect_uri");
    struct str state = entra_parameter(c, "state");
    struct principal_record app;
    bool found;

    if (!principals_find(c->txn, c->arena, entra_parameter(c, "client_id"), &app, &found, err))
        return false;
    if (!found || !is_uri(uri) || !is_registered(&app, uri) || state.len > STATE_LEN_MAX) {
        page_reply_html(
            c, 200, "You have signed out",
            STR("<p>You may close this window. Programs that have tokens keep them.</p>"),
            STR_NONE);
        return true;
    }
    c->reply.status = 302;
    entra_reply_header(c, STR("Location"),
                       state.len ? arena_printf(c->arena, "%.*s%sstate=%.*s", STR_ARGS(uri),
                                                str_find_char(uri, '?') == SIZE_MAX ? "?" : "&",
                                                STR_ARGS(format_percent_encode(c->arena, state)))
                                 : uri);
    return true;
}

/* -- The grant ------------------------------------------------------------------------------- */

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_TOKEN, "The authorization code is not good: %s.", why);
}

/* RFC 7636, 4.6. */
static bool check_proof(struct entra_call *c, yyjson_val *code, bool has_secret, struct error *err)
{
    struct str challenge = json_str(yyjson_obj_get(code, "code_challenge"));
    struct str method = json_str(yyjson_obj_get(code, "code_challenge_method"));
    struct str verifier = entra_parameter(c, "code_verifier");
    uint8_t digest[SHA256_DIGEST_LENGTH];

    if (str_is_empty(challenge))
        return has_secret || refuse(err, "a client without a secret must send a code_challenge");
    if (str_equal(method, STR("S256"))) {
        SHA256((const uint8_t *)verifier.data, verifier.len, digest);
        verifier = format_base64url(c->arena, digest, sizeof(digest));
    }
    return (verifier.len == challenge.len &&
            CRYPTO_memcmp(verifier.data, challenge.data, challenge.len) == 0) ||
           refuse(err, "the code_verifier does not match the code_challenge");
}

/* Each code is good once. */
static bool take(struct entra_call *c, yyjson_val *code, struct error *err)
{
    struct str id = json_str(yyjson_obj_get(code, "id"));
    int64_t expires_ms = yyjson_get_sint(yyjson_obj_get(code, "expiresMs"));
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_val *used;

    if (expires_ms <= authority_now_ms(c->entra->authority))
        return refuse(err, "it has expired");
    if (!pending_get(c, PENDING_REDEEMED_CODE, id, &used, err))
        return false;
    if (used)
        return refuse(err, "it has been redeemed before");
    return pending_put(c, PENDING_REDEEMED_CODE, id, yyjson_mut_obj(doc), expires_ms, err);
}

bool authorize_redeem(struct entra_call *c, struct error *err)
{
    struct user_grant g = { 0 };
    struct principal_record app;
    bool is_good, has_secret = entra_parameter(c, "client_secret").len ||
                               entra_parameter(c, "client_assertion").len;
    struct str text;
    yyjson_val *code;

    if (!token_read_client(c, &g.client_id, err) || !entra_require(c, "code", &text, err))
        return false;
    if (has_secret && !token_authenticate_client(c, &app, &g.proof, err))
        return false;
    code = user_token_open(c, CODE, text);
    if (!code)
        return refuse(err, "it is not one of this service");
    if (!str_equal_nocase(json_str(yyjson_obj_get(code, "client_id")), g.client_id) ||
        !str_equal(json_str(yyjson_obj_get(code, "redirect_uri")),
                   entra_parameter(c, "redirect_uri")))
        return refuse(err, "it was issued to another client_id or redirect_uri");
    if (!check_proof(c, code, has_secret, err) || !take(c, code, err))
        return false;
    if (!user_token_find_granted(c, code, &g.user, &is_good, err))
        return false;
    if (!is_good)
        return refuse(err, "its user is gone, or it was revoked");
    g.scope = json_str(yyjson_obj_get(code, "scope"));
    g.nonce = json_str(yyjson_obj_get(code, "nonce"));
    g.resource = user_token_resource_of(json_str(yyjson_obj_get(code, "resource")), g.scope);
    return user_token_reply(c, &g, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/{}/oauth2/v2.0/authorize", ask, true },
    { HTTP_GET, "/{}/oauth2/authorize", ask, true },
    { HTTP_POST, "/{}/oauth2/v2.0/authorize", sign_in, true },
    { HTTP_POST, "/{}/oauth2/authorize", sign_in, true },
    { HTTP_GET, "/{}/oauth2/v2.0/logout", sign_out, true },
    { HTTP_GET, "/{}/oauth2/logout", sign_out, true },
};

const struct entra_endpoints entra_authorize = { endpoints, ARRAY_LEN(endpoints) };
