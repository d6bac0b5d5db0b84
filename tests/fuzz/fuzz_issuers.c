/*
 * Any text is either refused with an error that says where, or names issuers, each with an audience or
 * for federation alone, and with somewhere to fetch its keys from.
 * SPDX-License-Identifier: MIT
 */
#include "identity/issuers.h"

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("SSL_CERT_FILE", "/nonexistent", 1); /* to read all of the system's takes long */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct issuers *list = issuers_parse(str_of((const char *)data, size), "fuzz.yaml", &err);
    struct arena *a = arena_new(NULL);

    if (!list)
        check(err.code == ERROR_CONFIG && str_starts_with(str_from(err.text), STR("fuzz.yaml:")) &&
              str_is_utf8(str_from(err.text)));
    for (size_t i = 0; list && i < list->count; i++) {
        const struct issuer *issuer = &list->items[i];
        struct issuer_url url;

        check((issuer->audiences.count > 0) == !issuer->is_for_federation);
        check(issuer->tls && issuers_find(list, issuer->name) == i);
        check(issuer_url_parse(a, issuer->jwks_uri.len ? issuer->jwks_uri : issuer->discovery_url,
                               &url, &err));
    }
    issuers_unref(list);
    arena_free(a);
    return 0;
}
