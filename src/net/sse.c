/* SPDX-License-Identifier: MIT */
#include "net/sse.h"

#include <assert.h>

#include "base/bytes16.h"

void sse_splitter_init(struct sse_splitter *s, size_t max)
{
    *s = (struct sse_splitter){ 0 };
    buf_init(&s->pending, max);
    buf_init(&s->joined, max);
}

void sse_splitter_done(struct sse_splitter *s)
{
    buf_done(&s->pending);
    buf_done(&s->joined);
}

bool sse_is_partial(const struct sse_splitter *s)
{
    return buf_len(&s->pending) != 0;
}

static bytes16 are_line_ends(bytes16 v)
{
    return (v == '\n') | (v == '\r');
}

/* How many bytes are before the first line end; all when there is none. */
static size_t line_length(struct str s)
{
    return bytes16_until(s.data, s.len, are_line_ends);
}

/* Looks for the empty line that ends the event which `bytes` go on with. Returns the position
 * behind it, or SIZE_MAX; *content is the number of bytes before it. A CR that is the last byte
 * ends its line at once; an LF that comes next belongs to it. */
static size_t find_end(struct sse_splitter *s, struct str bytes, size_t *content)
{
    size_t at = 0;

    if (s->skip_lf && bytes.len && bytes.data[0] == '\n')
        at++;
    s->skip_lf = false;
    while (at < bytes.len) {
        size_t line_end = at + line_length(str_of(bytes.data + at, bytes.len - at));

        if (line_end > at)
            s->in_line = true;
        if (line_end == bytes.len)
            break;
        *content = line_end;
        at = line_end + 1;
        if (bytes.data[line_end] == '\r') {
            s->skip_lf = at == bytes.len;
            if (at < bytes.len && bytes.data[at] == '\n')
                at++;
        }
        if (!s->in_line)
            return at;
        s->in_line = false;
        s->lines++;
    }
    *content = bytes.len;
    return SIZE_MAX;
}

/* Takes a line off the front of *rest, without its end. */
static bool take_line(struct str *rest, struct str *line)
{
    size_t end, next;

    if (!rest->len)
        return false;
    end = line_length(*rest);
    next = end + 1;
    if (next < rest->len && rest->data[end] == '\r' && rest->data[next] == '\n')
        next++;
    *line = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, next, rest->len);
    return true;
}

/* The only one there is: its end is at the end. */
static bool take_only_line(struct str *rest, struct str *line)
{
    *line = *rest;
    while (line->len && (line->data[line->len - 1] == '\n' || line->data[line->len - 1] == '\r'))
        line->len--;
    *rest = STR_NONE;
    return line->len != 0;
}

/* Splits "name: value" at the first colon; one blank behind it is not part of the value. */
static struct str split_field(struct str line, struct str *name)
{
    size_t colon = str_find_char(line, ':');
    struct str value;

    *name = str_slice(line, 0, colon);
    if (colon == SIZE_MAX)
        return STR("");
    value = str_slice(line, colon + 1, line.len);
    return str_starts_with(value, STR(" ")) ? str_slice(value, 1, value.len) : value;
}

/* The data of an event has fewer bytes than the event, which was within the maximum. */
static void join(struct buf *joined, struct str s)
{
    bool fits = buf_append(joined, s);

    assert(fits);
    (void)fits;
}

/* Reads an event's lines. False when its data is empty: then it is none (HTML standard, 9.2.6). */
static bool parse(struct sse_splitter *s, struct str block, struct str *event)
{
    bool is_one_line = s->lines <= 1; /* as most are */
    unsigned data_lines = 0;
    struct str line, name, value;

    if (!s->started && str_starts_with(block, STR("\xEF\xBB\xBF")))
        block = str_slice(block, 3, block.len);
    s->started = true;
    s->lines = 0;
    *event = STR_NONE;
    while (is_one_line ? take_only_line(&block, &line) : take_line(&block, &line)) {
        value = split_field(line, &name);
        if (!str_equal(name, STR("data")))
            continue;
        if (++data_lines == 2) {
            buf_clear(&s->joined);
            join(&s->joined, *event);
        }
        if (data_lines >= 2) {
            join(&s->joined, STR("\n"));
            join(&s->joined, value);
        }
        *event = value;
    }
    if (data_lines >= 2)
        *event = buf_str(&s->joined);
    return event->len != 0;
}

bool sse_split(struct sse_splitter *s, struct str bytes,
               bool (*on_event)(void *data, struct str event), void *data)
{
    /* The second half of a CRLF whose first half has ended an event belongs to no other. */
    if (s->skip_lf && !sse_is_partial(s) && str_starts_with(bytes, STR("\n"))) {
        s->skip_lf = false;
        bytes = str_slice(bytes, 1, bytes.len);
    }
    while (bytes.len) {
        bool is_partial = sse_is_partial(s);
        struct str block, event;
        size_t content;
        size_t end = find_end(s, bytes, &content);

        block = str_slice(bytes, 0, content);
        if (end == SIZE_MAX)
            return buf_append(&s->pending, block);
        if (is_partial) {
            if (!buf_append(&s->pending, block))
                return false;
            block = buf_str(&s->pending);
        }
        if (block.len > s->pending.max)
            return false;
        if (parse(s, block, &event) && !on_event(data, event)) {
            buf_clear(&s->pending);
            return true;
        }
        buf_clear(&s->pending);
        bytes = str_slice(bytes, end, bytes.len);
    }
    return true;
}

bool sse_split_rest(struct sse_splitter *s, bool (*on_event)(void *data, struct str event),
                    void *data)
{
    return !sse_is_partial(s) || sse_split(s, STR("\n\n"), on_event, data);
}
