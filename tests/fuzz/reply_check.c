/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdlib.h>

#include "fuzz.h"

static bool take_line(struct str *rest, struct str *line)
{
    size_t end = str_find(*rest, STR("\r\n"));

    if (end == SIZE_MAX)
        return false;
    *line = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 2, SIZE_MAX);
    return true;
}

static bool take_bytes(struct str *rest, size_t len)
{
    bool is_whole = rest->len >= len;

    *rest = str_slice(*rest, len, SIZE_MAX);
    return is_whole;
}

/* False when it is not whole. */
static bool take_chunks(struct str *rest)
{
    struct str line;
    size_t len;

    do {
        char *end;

        if (!take_line(rest, &line))
            return false;
        len = strtoul(line.data, &end, 16);
        check(line.len && end == line.data + line.len);
        if (!take_bytes(rest, len))
            return false;
        if (rest->len < 2)
            return false;
        check(str_starts_with(*rest, STR("\r\n")));
        *rest = str_slice(*rest, 2, SIZE_MAX);
    } while (len);
    return true;
}

bool reply_check_head(struct str *rest, struct reply *r)
{
    struct str line, name;

    *r = (struct reply){ 0 };
    if (!take_line(rest, &line))
        return false;
    check(str_starts_with(line, STR("HTTP/1.1 ")) && line.len > 12);
    r->status = atoi(line.data + 9);
    check(r->status >= 100 && r->status <= 599);
    while (take_line(rest, &line)) {
        if (!line.len)
            return true;
        check(str_split(&line, ':', &name) && name.len);
        line = str_trim(line);
        if (str_equal_nocase(name, STR("Content-Length"))) {
            check(!r->has_length && !r->is_chunked);
            r->has_length = true;
            r->length = strtoul(line.data, NULL, 10);
        } else if (str_equal_nocase(name, STR("Transfer-Encoding"))) {
            check(!r->has_length && str_equal(line, STR("chunked")));
            r->is_chunked = true;
        } else if (str_equal_nocase(name, STR("x-ms-client-request-id"))) {
            r->id = (unsigned)atoi(line.data);
        }
    }
    return false;
}

bool reply_check_body(struct str *rest, const struct reply *r, bool is_head)
{
    if (is_head || r->status < 200 || r->status == 204 || r->status == 304)
        return true;
    check(r->is_chunked || r->has_length);
    return r->is_chunked ? take_chunks(rest) : take_bytes(rest, r->length);
}
