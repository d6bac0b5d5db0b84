/*
 * Server-sent events (WHATWG HTML, 9.2): the splitter takes bytes as they come, cut anywhere, and
 * gives whole events; who writes one puts its data between the two macros. Lines end in LF, CRLF or
 * CR. An event is bounded by the splitter's maximum.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_SSE_H
#define NET_SSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Fields are the splitter's own. */
struct sse_splitter {
    unsigned lines;     /* of the event that is coming in, but for empty ones */
    bool in_line;       /* the line that is coming in has bytes: its end ends no event */
    bool skip_lf;       /* the last byte was a CR that ended a line */
    bool started;       /* the byte order mark has been looked for */
    struct buf pending; /* bytes of an event that is not whole yet */
    struct buf joined;  /* data of an event of several data lines */
};

/* `max` in bytes per event, field names and line ends included. */
void sse_splitter_init(struct sse_splitter *s, size_t max);
void sse_splitter_done(struct sse_splitter *s);

/* Calls on_event for each whole event that has data, in order, with that: its data lines joined by
 * LF, lent for the call. The other fields mean nothing to us. An event that lies whole in `bytes` is
 * not copied. on_event returns false to stop (the rest is dropped). False when an event is larger
 * than the maximum. */
MUST_CHECK bool sse_split(struct sse_splitter *s, struct str bytes,
                          bool (*on_event)(void *data, struct str event), void *data);
/* Bytes of an unfinished event are waiting: the stream was cut when it ends now. */
bool sse_is_partial(const struct sse_splitter *s);
/* The stream has ended: what came behind its last event is an event, as if its empty line had come.
 * A browser drops it; servers forget the line. */
MUST_CHECK bool sse_split_rest(struct sse_splitter *s,
                               bool (*on_event)(void *data, struct str event), void *data);

/* "data: " and LF LF around `data`, which holds no line end. */
#define SSE_DATA_PREFIX STR("data: ")
#define SSE_DATA_SUFFIX STR("\n\n")

#endif
