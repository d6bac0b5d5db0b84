/*
 * The JSON that templates come in, from a stranger. What is strict JSON is read as such; what is
 * read can be written, and is read again as the same.
 * SPDX-License-Identifier: MIT
 */
#include "fuzz.h"
#include "template/jsonc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size);
    struct error err;
    yyjson_doc *strict = json_parse(a, text, &err), *doc = template_jsonc_parse(a, text, &err);

    check(!strict || doc);
    if (strict)
        check(str_equal(json_write(a, yyjson_doc_get_root(strict)),
                        json_write(a, yyjson_doc_get_root(doc))));
    if (doc) {
        text = json_write(a, yyjson_doc_get_root(doc));
        doc = template_jsonc_parse(a, text, &err);
        check(doc && str_equal(json_write(a, yyjson_doc_get_root(doc)), text));
    } else {
        check(err.code == ERROR_BAD_REQUEST);
    }
    arena_free(a);
    return 0;
}
