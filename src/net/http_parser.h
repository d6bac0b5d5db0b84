/*
 * One HTTP/1.1 message after another out of bytes, over llhttp in its strict mode, pulled: each
 * step says what has come, so that its caller decides in the open what happens next. A plain head
 * that lies whole in the first bytes of a message is read without llhttp (net/http_plain_head.h),
 * and so is a body whose length is known.
 *
 * Refused besides what llhttp refuses: heads, targets, header counts and chunks above the limits;
 * transfer codings other than a single "chunked"; chunk extensions and trailers out of proportion.
 *
 * The bytes of a head lie one behind another: each step's bytes directly follow those that the
 * steps before have used. Strings of the head point into them. When the caller moves them while the
 * head is not whole, http_parser_moved says so.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_PARSER_H
#define NET_HTTP_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "net/http_headers.h"

struct http_parser;

struct http_parser_limits {
    size_t head_bytes_max;
    size_t target_bytes_max;
    unsigned header_count_max;
    uint64_t chunks_bytes_max; /* of a chunked body; refused as soon as a chunk tells its size */
};

enum http_parsed {
    HTTP_PARSED_MORE,   /* all bytes are used, more are needed */
    HTTP_PARSED_HEAD,   /* http_parser_head is whole */
    HTTP_PARSED_BODY,   /* *body holds bytes of the body; they lie in `bytes` */
    HTTP_PARSED_END,    /* the message is whole */
    HTTP_PARSED_FAILED, /* *err says why; nothing more is to be had */
};

struct http_head {
    struct str method_name; /* of a request */
    struct str target;
    bool is_unsupported;   /* a method that no HTTP server of ours has: CONNECT, TRACE, RTSP's */
    int status;            /* of an answer */
    unsigned major, minor; /* of the version */
    struct http_headers headers;
    bool is_chunked;
    bool has_length;
    uint64_t content_length; /* 0 when there is none */
    bool keeps_alive;        /* of an answer: known at its end */
};

enum http_parser_kind { HTTP_PARSER_REQUESTS, HTTP_PARSER_ANSWERS };

/* `limits` are borrowed for the parser's life. */
struct http_parser *http_parser_new(enum http_parser_kind kind,
                                    const struct http_parser_limits *limits);
void http_parser_free(struct http_parser *p);

/* The next message. Its list of headers lies in the arena. `is_bodiless`: the answer to a HEAD. */
void http_parser_begin(struct http_parser *p, struct arena *a, bool is_bodiless);
/* *used bytes are done with. */
MUST_CHECK enum http_parsed http_parser_step(struct http_parser *p, struct str bytes, size_t *used,
                                             struct str *body, struct error *err);
/* No more bytes will come: END when that is how the message ends, else FAILED. */
MUST_CHECK enum http_parsed http_parser_finish(struct http_parser *p, struct error *err);
/* What was at `from` is now at `to`. */
void http_parser_moved(struct http_parser *p, const char *from, const char *to);

const struct http_head *http_parser_head(const struct http_parser *p);

#endif
