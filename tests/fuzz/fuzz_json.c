/*
 * JSON from a stranger: parse, write sorted, read that again, merge the text's second half into
 * its first (a NUL byte parts them).
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_asides.h"
#include "fuzz.h"

/* The text comes in pieces, and lies elsewhere each time. */
static void look_as_it_comes(struct json_asides *asides, struct str text)
{
    size_t step = text.len / 5 + 1;

    for (size_t come = step; come < text.len; come += step) {
        char *there = malloc(come);

        memcpy(there, text.data, come);
        json_asides_look(asides, str_of(there, come), text.len);
        free(there);
    }
}

static void check_counts(const struct json_asides *asides, yyjson_doc *doc)
{
    yyjson_val *value = yyjson_doc_get_root(doc);

    for (size_t i = 0; i < yyjson_doc_get_val_count(doc); i++, value++)
        check(json_asides_count_chars(asides, json_str(value)) == str_count_chars(json_str(value)));
}

/* Strings that are set aside change nothing of what is read, or of what is wrong. */
static void check_lent(struct arena *a, struct str text)
{
    struct error why, why_lent;
    yyjson_doc *doc = json_parse(a, text, &why);

    for (size_t long_bytes = 1; long_bytes <= 16; long_bytes += 15) {
        struct json_asides *asides = json_asides_new(a, long_bytes);
        yyjson_doc *lent;

        look_as_it_comes(asides, text);
        lent = json_parse_lent(a, text, asides, &why_lent);
        check(!doc == !lent);
        if (doc) {
            check(yyjson_equals(yyjson_doc_get_root(doc), yyjson_doc_get_root(lent)));
            check_counts(asides, lent);
        }
        if (!doc)
            check(strcmp(why.text, why_lent.text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str second = str_of((const char *)data, size), first = STR_NONE, text;
    yyjson_doc *doc, *patch;
    struct error err;

    check_lent(a, second);
    if (size)
        str_split(&second, '\0', &first);
    doc = json_parse(a, first, &err);
    patch = json_parse(a, second, &err);
    if (doc) {
        yyjson_mut_doc *copy = json_copy(a, yyjson_doc_get_root(doc));
        yyjson_mut_val *root = yyjson_mut_doc_get_root(copy);

        char *other = yyjson_write(doc, 0, NULL);

        text = json_write(a, yyjson_doc_get_root(doc));
        check(other && str_equal(text, str_from(other)));
        free(other);
        if (patch && yyjson_mut_is_obj(root) && yyjson_is_obj(yyjson_doc_get_root(patch)))
            json_merge(copy, root, yyjson_doc_get_root(patch));
        text = json_write_sorted(a, root);
        doc = json_parse(a, text, &err);
        check(doc && str_equal(json_write(a, yyjson_doc_get_root(doc)), text));
    }
    arena_free(a);
    return 0;
}
