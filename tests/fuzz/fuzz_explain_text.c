/*
 * What a service answers to lazuli explain, as it is shown: whatever is in it, what a terminal gets are lines
 * of text, and none of its commands.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "cli/explain_text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct error ignored;
    yyjson_doc *doc = json_parse(a, str_of((const char *)data, size), &ignored);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    check(out);
    if (yyjson_is_obj(yyjson_doc_get_root(doc)))
        explain_print_text(out, a, yyjson_doc_get_root(doc));
    check(fclose(out) == 0);
    for (size_t i = 0; i < len; i++)
        check(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7F &&
                                  (text[i] != '\xC2' || (unsigned char)text[i + 1] >= 0xA0)));
    free(text);
    arena_free(a);
    return 0;
}
