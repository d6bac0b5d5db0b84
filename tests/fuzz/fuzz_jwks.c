/*
 * What a foreign issuer may answer: as its key set, as its discovery document, and as a URL in that;
 * and what anybody may call a token.
 * SPDX-License-Identifier: MIT
 */
#include "fuzz.h"
#include "identity/issuers.h"
#include "identity/jwks.h"

static void try_key_set(struct arena *a, struct str text)
{
    struct error err;
    struct jwks *set = jwks_parse(a, text, &err);

    if (!set) {
        check(err.code == ERROR_IO);
        return;
    }
    check(jwks_count(set) > 0 && jwks_count(set) <= JWKS_KEYS_MAX);
    check((jwks_find(set, STR_NONE) != NULL) == (jwks_count(set) == 1));
    jwks_find(set, text);
    jwks_unref(set);
}

static void try_url(struct arena *a, struct str text)
{
    struct issuer_url url;
    struct error err;

    if (!issuer_url_parse(a, text, &url, &err))
        return;
    check(url.host[0] && url.port > 0 && url.port < 65536);
    check(url.target.len && url.target.data[0] == '/');
    for (size_t i = 0; i < url.target.len; i++)
        check((unsigned char)url.target.data[i] > ' ');
}

static void try_token(struct arena *a, struct str text)
{
    struct jwt token;
    struct error err;

    check(jwt_parse(a, text, &token, &err) ? yyjson_is_obj(token.claims)
                                           : err.code == ERROR_ARM_BAD_TOKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size), uri;
    struct error err;

    try_key_set(a, text);
    if (jwks_parse_discovery(a, text, STR("https://a"), &uri, &err))
        try_url(a, uri);
    try_url(a, text);
    try_token(a, text);
    arena_free(a);
    return 0;
}
