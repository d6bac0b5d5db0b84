/*
 * Sign-in on another device (RFC 8628): a program shows a code, a person enters it in a browser and
 * signs in, and the program, which has asked again and again, gets its tokens.
 * SPDX-License-Identifier: MIT
 */
#include "entra/device.h"

#include "base/format.h"
#include "base/random.h"
#include "entra/page.h"
#include "entra/pending.h"
#include "entra/sign_in.h"
#include "entra/user_token.h"

#define LIFETIME_S 900
/* Entra says 5; here a poll costs nothing. */
#define INTERVAL_S 1
#define USER_CODE_LEN 9
#define SECRET_LEN 43
#define TITLE "Enter the code that your device shows"

/* No vowels, and no two that look alike. */
static const char alphabet[] = "BCDFGHJKLMNPQRSTVWXZ";

static struct str make_user_code(struct arena *a)
{
    char code[USER_CODE_LEN + 1] = { 0 };

    for (size_t i = 0; i < USER_CODE_LEN; i++) {
        uint32_t number;

        random_bytes(&number, sizeof(number));
        code[i] = alphabet[number % (sizeof(alphabet) - 1)];
    }
    return arena_copy(a, str_of(code, USER_CODE_LEN));
}

static void reply_with_codes(struct entra_call *c, struct str device_code, struct str user_code)
{
    struct str page =
        arena_printf(c->arena, "%.*s/oauth2/deviceauth", STR_ARGS(entra_authority_url(c)));
    bool is_v1 = str_find(str_from(c->endpoint->path), STR("v2.0")) == SIZE_MAX;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    json_set_str(doc, root, "user_code", user_code);
    json_set_str(doc, root, "device_code", device_code);
    json_set_str(doc, root, is_v1 ? "verification_url" : "verification_uri", page);
    if (is_v1) {
        json_set_str(doc, root, "expires_in", format_decimal(c->arena, LIFETIME_S));
        json_set_str(doc, root, "interval", format_decimal(c->arena, INTERVAL_S));
    } else {
        json_set_int(doc, root, "expires_in", LIFETIME_S);
        json_set_int(doc, root, "interval", INTERVAL_S);
    }
    json_set_str(doc, root, "message",
                 arena_printf(c->arena,
                              "To sign in, use a web browser to open the page %.*s and enter the "
                              "code %.*s to authenticate.",
                              STR_ARGS(page), STR_ARGS(user_code)));
    entra_reply_json(c, 200, root);
}

/* Both codes are one: the first part finds it, the second one, which the program alone has, opens. */
static bool begin(struct entra_call *c, struct error *err)
{
    struct str client_id, resource, user_code = make_user_code(c->arena);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *body = yyjson_mut_obj(doc);
    char *secret = arena_alloc(c->arena, SECRET_LEN + 1);

    if (!token_read_client(c, &client_id, err) || !user_token_read_resource(c, &resource, err))
        return false;
    random_base62(secret, SECRET_LEN);
    json_set_str(doc, body, "hash", principal_secret_hash(c->arena, str_from(secret)));
    json_set_str(doc, body, "clientId", client_id);
    json_set_str(doc, body, "scope", entra_parameter(c, "scope"));
    json_set_str(doc, body, "resource", resource);
    if (!pending_put(c, PENDING_DEVICE_CODE, user_code, body,
                     authority_now_ms(c->entra->authority) + LIFETIME_S * 1000, err))
        return false;
    reply_with_codes(c, arena_printf(c->arena, "%.*s.%s", STR_ARGS(user_code), secret), user_code);
    return true;
}

/* -- The page -------------------------------------------------------------------------------- */

static void show(struct entra_call *c, const char *wrong, bool asks_new)
{
    struct str code = page_escape(c->arena, entra_parameter(c, "user_code"));

    page_reply_sign_in(c, TITLE,
                       arena_printf(c->arena, "/%.*s/oauth2/deviceauth", STR_ARGS(c->names[0])),
                       arena_printf(c->arena,
                                    "<label for=\"user_code\">Code</label><input id=\"user_code\" "
                                    "name=\"user_code\" autocomplete=\"off\" value=\"%.*s\" "
                                    "required autofocus>",
                                    STR_ARGS(code)),
                       wrong, asks_new, STR_NONE);
}

static bool ask(struct entra_call *c, struct error *err)
{
    (void)err;
    show(c, NULL, false);
    return true;
}

static bool approve(struct entra_call *c, struct str user_code, yyjson_val *body,
                    const struct principal_record *user, struct error *err)
{
    yyjson_mut_doc *doc = json_copy(c->arena, body);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    int64_t now_ms = authority_now_ms(c->entra->authority);

    json_set_str(doc, root, "oid", user->object_id);
    json_set_int(doc, root, "issuedMs", now_ms);
    if (!pending_put(c, PENDING_DEVICE_CODE, user_code, root, now_ms + LIFETIME_S * 1000, err))
        return false;
    page_reply_html(c, 200, "You have signed in",
                    STR("<p>You may close this window and go back to your device.</p>"), STR_NONE);
    return true;
}

static bool sign_in(struct entra_call *c, struct error *err)
{
    struct str user_code = str_trim(entra_parameter(c, "user_code"));
    struct sign_in s;
    yyjson_val *body;

    if (!pending_get(c, PENDING_DEVICE_CODE, user_code, &body, err))
        return false;
    if (!body || yyjson_obj_get(body, "oid")) {
        show(c, "That code is not known, or has expired or been used.", false);
        return true;
    }
    if (!sign_in_check_page(c, &s, err))
        return false;
    if (s.refusal)
        show(c, s.says, s.refusal == ERROR_OAUTH_PASSWORD_EXPIRED);
    return !s.is_accepted || approve(c, user_code, body, &s.user, err);
}

/* -- The grant ------------------------------------------------------------------------------- */

bool device_redeem(struct entra_call *c, struct error *err)
{
    struct str code = entra_parameter(c, "device_code"), user_code, secret;
    struct user_grant g = { 0 };
    yyjson_val *body;
    bool is_good;

    if (!code.len)
        code = entra_parameter(c, "code");
    if (!token_read_client(c, &g.client_id, err))
        return false;
    secret = code;
    if (!str_split(&secret, '.', &user_code))
        return error_set(err, ERROR_OAUTH_EXPIRED, NULL);
    if (!pending_get(c, PENDING_DEVICE_CODE, user_code, &body, err))
        return false;
    if (!body ||
        !str_equal(principal_secret_hash(c->arena, secret), json_str(yyjson_obj_get(body, "hash"))))
        return error_set(err, ERROR_OAUTH_EXPIRED, NULL);
    if (!str_equal_nocase(json_str(yyjson_obj_get(body, "clientId")), g.client_id))
        return error_set(err, ERROR_OAUTH_TOKEN, "The device code was issued to another client.");
    if (!yyjson_obj_get(body, "oid"))
        return error_set(err, ERROR_OAUTH_PENDING, NULL);
    if (!user_token_find_granted(c, body, &g.user, &is_good, err))
        return false;
    if (!is_good)
        return error_set(err, ERROR_OAUTH_DECLINED, NULL);
    g.scope = json_str(yyjson_obj_get(body, "scope"));
    g.resource = json_str(yyjson_obj_get(body, "resource"));
    if (!pending_delete(c, PENDING_DEVICE_CODE, user_code, err))
        return false;
    return user_token_reply(c, &g, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_POST, "/{}/oauth2/v2.0/devicecode", begin, true },
    { HTTP_POST, "/{}/oauth2/devicecode", begin, true },
    { HTTP_GET, "/{}/oauth2/deviceauth", ask, true },
    { HTTP_POST, "/{}/oauth2/deviceauth", sign_in, true },
};

const struct entra_endpoints entra_device = { endpoints, ARRAY_LEN(endpoints) };
