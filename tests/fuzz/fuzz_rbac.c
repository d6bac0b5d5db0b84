/*
 * A pattern and an action, a line each, match as the plain definition of '*' has it.
 * SPDX-License-Identifier: MIT
 */
#include "base/arena.h"
#include "fuzz.h"
#include "model/rbac.h"

#define LEN_MAX 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* matches[j]: the pattern so far and the first j bytes of the action. */
static bool by_definition(struct str pattern, struct str action)
{
    bool matches[LEN_MAX + 1] = { true }, before, here;

    for (size_t i = 0; i < pattern.len; i++) {
        before = matches[0];
        matches[0] = matches[0] && pattern.data[i] == '*';
        for (size_t j = 1; j <= action.len; j++) {
            here = matches[j];
            matches[j] = pattern.data[i] == '*'
                             ? matches[j] || matches[j - 1]
                             : before && lower(pattern.data[i]) == lower(action.data[j - 1]);
            before = here;
        }
    }
    return matches[action.len];
}

/* A star between slashes, or several in a row, may stand for nothing and one of the slashes. */
static bool by_nothing(struct arena *a, struct str pattern, struct str action)
{
    size_t first = str_find_char(pattern, '*'), next = first;

    while (next < pattern.len && pattern.data[next] == '*')
        next++;
    return first != SIZE_MAX && first > 0 && pattern.data[first - 1] == '/' && next < pattern.len &&
           pattern.data[next] == '/' &&
           str_find_char(str_slice(pattern, next, SIZE_MAX), '*') == SIZE_MAX &&
           by_definition(arena_printf(a, "%.*s%.*s", STR_ARGS(str_slice(pattern, 0, first)),
                                      STR_ARGS(str_slice(pattern, next + 1, SIZE_MAX))),
                         action);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str action = str_of((const char *)data, size), pattern;
    struct arena *a;

    str_split(&action, '\n', &pattern);
    if (action.len > LEN_MAX || str_find_char(pattern, '\0') != SIZE_MAX)
        return 0;
    a = arena_new(NULL);
    check(rbac_matches(arena_text(a, pattern), action) ==
          (by_definition(pattern, action) || by_nothing(a, pattern, action)));
    arena_free(a);
    return 0;
}
