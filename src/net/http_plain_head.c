/* SPDX-License-Identifier: MIT */
#include "net/http_plain_head.h"

#include "base/bytes16.h"

#define LINE_END "\r\n"

/* Of a value, and of an answer's reason. */
static bytes16 are_no_value(bytes16 v)
{
    return (v < ' ') | (v > '~');
}

static bytes16 are_no_target(bytes16 v)
{
    return (v <= ' ') | (v > '~') | (v == '#');
}

static bytes16 are_no_name(bytes16 v)
{
    bytes16 lower = v | ('a' ^ 'A');
    bytes16 are_letters = (lower >= 'a') & (lower <= 'z');

    return ~(are_letters | ((v >= '0') & (v <= '9')) | (v == '-') | (v == '_'));
}

static struct str from(struct str s, size_t at)
{
    return str_of(s.data + at, s.len - at);
}

/* Moves *rest behind `literal`, if it begins so. */
static inline bool skip(struct str *rest, struct str literal)
{
    if (!str_starts_with(*rest, literal))
        return false;
    *rest = from(*rest, literal.len);
    return true;
}

/* What is before the first byte for which `stops` is true. *rest begins with that afterwards. */
static inline struct str take(struct str *rest, bytes16 (*stops)(bytes16))
{
    struct str taken = str_of(rest->data, bytes16_until(rest->data, rest->len, stops));

    *rest = from(*rest, taken.len);
    return taken;
}

static inline struct str method_of(struct str bytes)
{
    size_t len = 0;

    if (str_starts_with(bytes, STR("POST ")) || str_starts_with(bytes, STR("HEAD ")))
        len = 4;
    else if (str_starts_with(bytes, STR("GET ")) || str_starts_with(bytes, STR("PUT ")))
        len = 3;
    else if (str_starts_with(bytes, STR("PATCH ")))
        len = 5;
    else if (str_starts_with(bytes, STR("DELETE ")))
        len = 6;
    return str_of(bytes.data, len);
}

static bool read_request_line(struct str *rest, struct http_head *head)
{
    head->method_name = method_of(*rest);
    if (!head->method_name.len)
        return false;
    *rest = from(*rest, head->method_name.len + 1);
    head->target = take(rest, are_no_target);
    return str_starts_with(head->target, STR("/")) && skip(rest, STR(" HTTP/1.1" LINE_END));
}

static bool read_status_line(struct str *rest, struct http_head *head)
{
    uint64_t status;

    if (!skip(rest, STR("HTTP/1.1 ")) || rest->len < 4 || rest->data[3] != ' ' ||
        !str_to_u64(str_of(rest->data, 3), 999, &status))
        return false;
    head->status = (int)status;
    *rest = from(*rest, 4);
    take(rest, are_no_value);
    return skip(rest, STR(LINE_END));
}

/* What a header says about the message itself. False: it is not for us. */
static bool heed(struct http_head *head, const struct http_header *h)
{
    switch (h->name.len) {
    case sizeof("Upgrade") - 1:
        return !str_equal_nocase(h->name, STR("Upgrade")) &&
               !str_equal_nocase(h->name, STR("Trailer"));
    case sizeof("Connection") - 1:
        if (!str_equal_nocase(h->name, STR("Connection")) ||
            str_equal_nocase(h->value, STR("keep-alive")))
            return true;
        head->keeps_alive = false;
        return str_equal_nocase(h->value, STR("close"));
    case sizeof("Content-Length") - 1:
        if (!str_equal_nocase(h->name, STR("Content-Length")))
            return true;
        if (head->has_length)
            return false;
        head->has_length = true;
        return str_to_u64(h->value, INT64_MAX, &head->content_length);
    case sizeof("Proxy-Connection") - 1: /* llhttp takes it for a Connection */
        return !str_equal_nocase(h->name, STR("Proxy-Connection"));
    case sizeof("Transfer-Encoding") - 1:
        return !str_equal_nocase(h->name, STR("Transfer-Encoding"));
    default:
        return true;
    }
}

static inline struct str trim_blanks(struct str s)
{
    while (s.len && s.data[0] == ' ')
        s = from(s, 1);
    while (s.len && s.data[s.len - 1] == ' ')
        s.len--;
    return s.len ? s : STR("");
}

static inline bool read_header(struct str *rest, struct http_header *h)
{
    h->name = take(rest, are_no_name);
    if (!h->name.len || !skip(rest, STR(":")))
        return false;
    h->value = trim_blanks(take(rest, are_no_value));
    return skip(rest, STR(LINE_END));
}

bool http_plain_head_read(enum http_parser_kind kind, struct str bytes, struct http_head *head,
                          size_t *used)
{
    struct http_headers *list = &head->headers;
    struct str rest = bytes;

    if (kind == HTTP_PARSER_REQUESTS ? !read_request_line(&rest, head)
                                     : !read_status_line(&rest, head))
        return false;
    head->major = head->minor = 1;
    head->keeps_alive = true;
    while (!skip(&rest, STR(LINE_END))) {
        struct http_header *h = &list->items[list->count];

        if (list->count == HTTP_PLAIN_HEADERS_MAX || !read_header(&rest, h) || !heed(head, h))
            return false;
        list->count++;
    }
    *used = bytes.len - rest.len;
    return true;
}
