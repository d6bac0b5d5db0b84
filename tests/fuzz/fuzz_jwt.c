/*
 * Any text is read as a token, a key and a certificate, and none but the one that was signed verifies:
 * the private part of this key was thrown away once it had signed {"sub":"me"}, a seed.
 * SPDX-License-Identifier: MIT
 */
#include "fuzz.h"
#include "identity/jwt.h"

static const char known_key[] =
    "{\"kty\":\"RSA\",\"kid\":\"fuzz\",\"n\":\"zGM3dylV7CeGrYfksLZT86N2Lx1lxnZzfsHnK4"
    "tbREPcKAddLv-x8tnrcHnYtSJOtKN76fux1JLKQL60RXwNe6kUTTV27_E3Dl1RcIm2StZEJcpHxyr0wj"
    "DmFa7SmrI2ko3PfUAVGnA-3kPT_kTq0W1O_4x3mIaXpXUDxp7o3i_krFhWVpFDy-FSP2UdIIywsLy9wb"
    "IGmIgrBGIyjCR8TNl2Z_VuKyK1rZXZALQS55hXifpCjEaE42y8QaqDskQo7ixDceQWoh_uva3RnHZoHL"
    "KQ-VdGMcNqWNvxuPzpiG5VGhD3g60fIwq31yXKBKsha5XMo3uZqhV6BsI6XGlRiw\",\"e\":\"AQAB\""
    "}";

static struct jwt_key *key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err;

    (void)argc;
    (void)argv;
    key = jwt_key_import(str_from(known_key), &err);
    return key ? 0 : 1;
}

static void check_token(struct arena *a, struct str text)
{
    struct error err = { 0 };
    struct jwt token;

    if (!jwt_parse(a, text, &token, &err)) {
        check(err.code == ERROR_ARM_BAD_TOKEN);
        return;
    }
    check(yyjson_is_obj(token.claims));
    if (jwt_verify(&token, key))
        check(str_equal(json_str(yyjson_obj_get(token.claims, "sub")), STR("me")));
}

static void check_key(struct arena *a, struct jwt_key *k, struct str text)
{
    struct error err;
    struct jwt token;

    if (!k)
        return;
    check(json_parse(a, jwt_key_export(k, a, false), &err));
    if (jwt_parse(a, text, &token, &err))
        check(!jwt_verify(&token, k));
    jwt_key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size);
    struct error err;

    check_token(a, text);
    if (size && data[0] == '{')
        check_key(a, jwt_key_import(text, &err), text);
    if (size && data[0] == '-')
        check_key(a, jwt_key_of_certificate(text, &err), text);
    arena_free(a);
    return 0;
}
