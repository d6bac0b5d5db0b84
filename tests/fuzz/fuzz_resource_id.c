/*
 * Any path is either refused or taken apart so that its text says the same resource again.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdint.h>

#include "model/resource_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resource_id id, again;
    struct arena *a;
    struct str text;

    if (!resource_id_parse(str_of((const char *)data, size), &id) || !id.subscription.len)
        return 0;
    a = arena_new(NULL);
    text = resource_id_text(a, &id);
    assert(resource_id_parse(text, &again));
    assert(str_equal(text, resource_id_text(a, &again)));
    assert(str_equal_nocase(resource_id_key(a, &id), text));
    assert(str_equal(resource_id_type(a, &id), resource_id_type(a, &again)));
    arena_free(a);
    return 0;
}
