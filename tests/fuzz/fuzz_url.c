/*
 * Text as a URL that operators write, and as one that says where a token is for.
 * SPDX-License-Identifier: MIT
 */
#include "net/url.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size);
    struct str host = url_host(text);
    struct url url;
    const char *why;

    check(!host.len || (url_bare_host(host).len && str_find_char(host, '/') == SIZE_MAX));
    if (url_parse(a, text, &url, &why)) {
        if (url.unix_path)
            check(url.unix_path[0] == '/');
        else
            check(url.host[0] && url.port > 0 && url.port <= UINT16_MAX &&
                  str_equal(str_from(url.host), url_bare_host(host)));
    }
    arena_free(a);
    return 0;
}
