/* SPDX-License-Identifier: MIT */
#include "identity/credential.h"

#include "identity/key_hash.h"

_Static_assert(KEY_HASH_BYTES == KEY_DIGEST_BYTES, "the directory keeps what key_hash makes");

/* Three parts of base64url joined by dots, the first a JSON object ("eyJ" is '{"'). */
static bool looks_like_jwt(struct str s)
{
    size_t dots = 0;

    for (size_t i = 0; i < s.len; i++)
        dots += s.data[i] == '.';
    return dots == 2 && str_starts_with(s, STR("eyJ"));
}

struct str credential_bearer(struct str authorization)
{
    struct str scheme = STR("Bearer ");

    if (!str_starts_with_nocase(authorization, scheme))
        return STR_NONE;
    return str_trim(str_slice(authorization, scheme.len, authorization.len));
}

struct credential credential_of(const struct http_headers *headers, bool bearer_may_be_key)
{
    struct str key = http_headers_get(headers, STR("api-key")), bearer;

    if (!key.data)
        key = http_headers_get(headers, STR("ocp-apim-subscription-key"));
    if (key.data)
        return (struct credential){ CREDENTIAL_KEY, key };
    bearer = credential_bearer(http_headers_get(headers, STR("authorization")));
    if (str_is_empty(bearer))
        return (struct credential){ CREDENTIAL_NONE, STR_NONE };
    if (bearer_may_be_key && !looks_like_jwt(bearer))
        return (struct credential){ CREDENTIAL_KEY, bearer };
    return (struct credential){ CREDENTIAL_TOKEN, bearer };
}

bool credential_is_header(struct str name)
{
    switch (name.len) { /* of each header of each request: most are told apart by it */
    case 7:
        return str_equal_nocase(name, STR("api-key"));
    case 13:
        return str_equal_nocase(name, STR("authorization"));
    case 25:
        return str_equal_nocase(name, STR("ocp-apim-subscription-key"));
    case 28: /* tokens of other tenants; az sends them */
        return str_equal_nocase(name, STR("x-ms-authorization-auxiliary"));
    default:
        return false;
    }
}

bool credential_matches(const struct directory_account *account,
                        const uint8_t digest[KEY_DIGEST_BYTES])
{
    bool first = key_hash_equal(account->key_digests[0], digest);
    bool second = key_hash_equal(account->key_digests[1], digest);

    return first | second; /* both are looked at, whichever it is */
}
