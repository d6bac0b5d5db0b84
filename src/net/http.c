/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "base/format.h"

#define CLIENT_REQUEST_ID_BYTES_MAX 256

static const char *const method_names[] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
};

/* The registry of RFC 9110, section 15, and those of RFC 6585 and 8470 that APIs use. */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 203, "Non-Authoritative Information" },
    { 204, "No Content" },
    { 205, "Reset Content" },
    { 206, "Partial Content" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 424, "Failed Dependency" },
    { 425, "Too Early" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

struct str http_headers_get(const struct http_headers *h, struct str name)
{
    for (size_t i = 0; i < h->count; i++) {
        if (str_equal_nocase(h->items[i].name, name))
            return h->items[i].value;
    }
    return STR_NONE;
}

const char *http_method_name(enum http_method m)
{
    return method_names[m];
}

enum http_method http_method_from_name(struct str name)
{
    for (int m = HTTP_GET; m < HTTP_OTHER; m++) {
        if (str_equal(name, str_from(method_names[m])))
            return (enum http_method)m;
    }
    return HTTP_OTHER;
}

const char *http_status_phrase(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Unknown";
}

/* Blanks for '+', then %XX decoded: a '+' that was encoded stays one. */
static bool decode(struct arena *a, struct str raw, struct str *out)
{
    char *copy = arena_text(a, raw);

    for (size_t i = 0; i < raw.len; i++) {
        if (copy[i] == '+')
            copy[i] = ' ';
    }
    return format_percent_decode(a, str_of(copy, raw.len), out);
}

struct str http_query_get(struct arena *a, struct str query, struct str name)
{
    struct str pair;

    while (str_split(&query, '&', &pair)) {
        size_t at = str_find_char(pair, '=');
        struct str key = str_slice(pair, 0, at);
        struct str value = at == SIZE_MAX ? STR("") : str_slice(pair, at + 1, pair.len), decoded;

        /* Only a name with an escape in it is decoded to be compared: "%24filter". */
        if (str_find_char(key, '%') != SIZE_MAX && !format_percent_decode(a, key, &key))
            continue;
        if (!str_equal_nocase(key, name))
            continue;
        return decode(a, value, &decoded) ? decoded : value;
    }
    return STR_NONE;
}

struct str http_client_request_id(const struct http_headers *h, struct str name)
{
    struct str id = http_headers_get(h, name);

    return id.len <= CLIENT_REQUEST_ID_BYTES_MAX && str_is_utf8(id) ? id : STR_NONE;
}

struct str http_media_type(struct arena *a, struct str content_type)
{
    size_t end = str_find_char(content_type, ';');

    return arena_lower(a, str_trim(str_slice(content_type, 0, end)));
}
