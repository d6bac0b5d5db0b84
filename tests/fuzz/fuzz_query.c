/*
 * A query string, and the name of a parameter before the first line end.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "net/http.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str query = str_of((const char *)data, size), name = STR_NONE, value;

    if (size)
        str_split(&query, '\n', &name);
    value = http_query_get(a, query, name);
    /* no NUL but one that came so, which no target of a request has */
    if (value.len > query.len ||
        (str_find_char(value, '\0') != SIZE_MAX && str_find_char(query, '\0') == SIZE_MAX))
        abort();
    http_media_type(a, query);
    arena_free(a);
    return 0;
}
