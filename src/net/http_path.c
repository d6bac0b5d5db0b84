/* SPDX-License-Identifier: MIT */
#include "net/http_path.h"

static bool next_segment(struct str *rest, struct str *segment)
{
    while (str_split(rest, '/', segment)) {
        if (segment->len)
            return true;
    }
    return false;
}

bool http_path_split(struct str text, struct http_path *path)
{
    struct str segment;

    path->count = 0;
    if (!str_starts_with(text, STR("/")))
        return false;
    while (next_segment(&text, &segment)) {
        if (path->count == HTTP_PATH_SEGMENTS_MAX)
            return false;
        path->segments[path->count++] = segment;
    }
    return true;
}

bool http_path_match(struct str pattern, const struct str *segments, unsigned count,
                     struct str *names, unsigned *name_count)
{
    struct str wanted;
    unsigned i = 0;

    *name_count = 0;
    while (next_segment(&pattern, &wanted)) {
        if (i == count)
            return false;
        if (!str_equal(wanted, STR("{}"))) {
            if (!str_equal_nocase(wanted, segments[i]))
                return false;
        } else {
            if (names)
                names[*name_count] = segments[i];
            ++*name_count;
        }
        i++;
    }
    return i == count;
}
