/*
 * Messages one behind another, parsed as they lie there, and once more in pieces too small for a
 * head that is recognized in one go, so that llhttp alone reads it: both must find the same. The
 * first byte says whose messages they are and how they are cut.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/memory.h"
#include "net/http_plain_head.h"
#include "fuzz.h"

#define MESSAGES_MAX 8

enum flags {
    IS_ANSWER = 1,
    IS_BODILESS = 2,
    HAS_WIDE_LIMITS = 4,
};

/* What became of one message. */
struct message {
    enum http_parsed end; /* END, MORE or FAILED */
    bool has_head;
    struct http_head head;
    size_t head_end;
    size_t body_len;
    uint64_t body_hash;
    size_t used;
    bool keeps_alive;
    struct error err;
};

/* So small that they are met. */
static const struct http_parser_limits narrow = {
    .head_bytes_max = 512,
    .target_bytes_max = 64,
    .header_count_max = 8,
    .chunks_bytes_max = 1000,
};
static const struct http_parser_limits wide = {
    .head_bytes_max = 1 << 20,
    .target_bytes_max = 1 << 20,
    .header_count_max = 1000,
    .chunks_bytes_max = 1 << 20,
};

/* Gives the parser `first` bytes, and then at most `next` at a time, until the message ends. */
static void parse(struct http_parser *p, struct str bytes, size_t first, size_t next,
                  struct message *m)
{
    size_t end = first < bytes.len ? first : bytes.len;

    *m = (struct message){ .body_hash = STR_HASH_START };
    for (;;) {
        struct str body;
        size_t used = 0;

        m->end =
            http_parser_step(p, str_slice(bytes, m->used, end - m->used), &used, &body, &m->err);
        m->used += used;
        check(m->used <= end);
        if (m->end == HTTP_PARSED_HEAD) {
            check(!m->has_head);
            m->has_head = true;
            m->head = *http_parser_head(p);
            m->head_end = m->used;
        } else if (m->end == HTTP_PARSED_BODY) {
            check(m->has_head && body.len);
            m->body_len += body.len;
            m->body_hash = str_hash(m->body_hash, body);
        } else if (m->end != HTTP_PARSED_MORE || end == bytes.len) {
            break;
        } else {
            check(m->used == end);
            end = next < bytes.len - end ? end + next : bytes.len;
        }
    }
    m->keeps_alive = http_parser_head(p)->keeps_alive; /* what comes behind a body may change it */
}

/* They are the same bytes, not only equal ones. */
static void check_same(struct str a, struct str b)
{
    check(a.len == b.len && (!a.len || a.data == b.data));
}

static void check_same_head(const struct http_head *a, const struct http_head *b)
{
    check_same(a->method_name, b->method_name);
    check_same(a->target, b->target);
    check(a->is_unsupported == b->is_unsupported && a->status == b->status);
    check(a->major == b->major && a->minor == b->minor);
    check(a->is_chunked == b->is_chunked && a->has_length == b->has_length);
    check(a->content_length == b->content_length && a->keeps_alive == b->keeps_alive);
    check(a->headers.count == b->headers.count);
    for (size_t i = 0; i < a->headers.count; i++) {
        check_same(a->headers.items[i].name, b->headers.items[i].name);
        check_same(a->headers.items[i].value, b->headers.items[i].value);
        check(a->headers.items[i].value.data && b->headers.items[i].value.data);
    }
}

/* `is_cut`: in pieces so small that a limit may be met before what is wrong, or the other way
 * round. */
static void check_same_message(const struct message *a, const struct message *b, bool is_cut)
{
    check(a->end == b->end && a->has_head == b->has_head);
    if (a->has_head) {
        check_same_head(&a->head, &b->head);
        check(a->head_end == b->head_end);
    }
    if (a->end == HTTP_PARSED_FAILED) {
        check(is_cut || (a->err.code == b->err.code && !strcmp(a->err.text, b->err.text)));
        return;
    }
    check(a->used == b->used && a->body_len == b->body_len && a->body_hash == b->body_hash);
    check(a->keeps_alive == b->keeps_alive);
}

/* A head that is recognized is so without a byte more, of which ASan tells, and not without its
 * last. */
static void check_extent(enum http_parser_kind kind, struct str bytes)
{
    struct http_header *items = memory_alloc_array(HTTP_PLAIN_HEADERS_MAX, sizeof(*items));
    struct http_head head = { .headers.items = items };
    size_t used, again;
    char *copy;

    if (http_plain_head_read(kind, bytes, &head, &used)) {
        copy = memory_realloc(NULL, used);
        memcpy(copy, bytes.data, used);
        head = (struct http_head){ .headers.items = items };
        check(http_plain_head_read(kind, str_of(copy, used), &head, &again) && again == used);
        head = (struct http_head){ .headers.items = items };
        check(!http_plain_head_read(kind, str_of(copy, used - 1), &head, &again));
        free(copy);
    }
    free(items);
}

/* Parsed at once, behind the first byte, and in steps: the first way alone has whole heads. */
static void check_message(uint8_t flags, struct str bytes, struct message *m)
{
    enum http_parser_kind kind = flags & IS_ANSWER ? HTTP_PARSER_ANSWERS : HTTP_PARSER_REQUESTS;
    const struct http_parser_limits *limits = flags & HAS_WIDE_LIMITS ? &wide : &narrow;
    size_t step = (size_t[]){ 1, 3, 16, 50 }[flags >> 6];
    struct {
        size_t first, next;
    } ways[] = { { SIZE_MAX, SIZE_MAX }, { 1, SIZE_MAX }, { 1, step }, { step, step } };
    struct arena *a = arena_new(NULL);

    check_extent(kind, bytes);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct http_parser *p = http_parser_new(kind, limits);
        struct message other;

        http_parser_begin(p, a, flags & IS_BODILESS);
        parse(p, bytes, ways[i].first, ways[i].next, i ? &other : m);
        if (i)
            check_same_message(m, &other, i > 1);
        http_parser_free(p);
    }
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes;
    struct message m = { .end = HTTP_PARSED_END };

    if (!size)
        return 0;
    bytes = str_of((const char *)data + 1, size - 1);
    for (unsigned i = 0; i < MESSAGES_MAX && bytes.len && m.end == HTTP_PARSED_END; i++) {
        check_message(data[0], bytes, &m);
        bytes = str_slice(bytes, m.used, bytes.len);
    }
    return 0;
}
