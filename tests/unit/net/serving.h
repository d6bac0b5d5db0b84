/*
 * A server over fake streams, with a handler that does what the test says and counts what it sees.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_SERVING_H
#define TEST_SERVING_H

#include "fake_stream.h"
#include "net/http_server.h"

#define POST(body_headers, body) STR("POST /p HTTP/1.1\r\nHost: h\r\n" body_headers "\r\n" body)
#define GET STR("GET /g HTTP/1.1\r\nHost: h\r\n\r\n")
#define OK_HEAD(len) "HTTP/1.1 200 OK\r\nDate: *\r\nContent-Length: " len "\r\n"

extern struct loop *l;
extern struct http_server *server;
extern struct http_server_limits limits; /* for the test to set before its first client */

/* What the handler does: nothing in on_head, on_body_part and on_drain, answers with the request's body in
 * on_body, aborts in on_gone, unless the test says something else. */
extern void (*do_on_head)(struct http_request *r);
extern void (*do_on_body)(struct http_request *r);
extern void (*do_on_drain)(struct http_request *r);
extern void (*do_on_wake)(struct http_request *r);
extern void (*do_on_body_part)(struct http_request *r, struct str body, size_t content_length);
extern void (*do_on_gone)(struct http_request *r);
extern void (*do_on_time_up)(struct http_request *r);
extern unsigned heads, bodies, drains, gones, errors;
extern struct http_request *kept;
extern struct buf seen; /* "METHOD path?query body;" of each request */

void reply_body(struct http_request *r);
void keep(struct http_request *r);
/* Starts a chunked reply, with nothing in it yet. */
void start_and_keep(struct http_request *r);
void abort_request(struct http_request *r);

struct stream *client(void);
/* Lets the turn end. */
void turn(void);
/* As fake_feed, in a turn of its own. */
size_t feed(struct stream *s, struct str bytes, size_t step);
extern bool is_drained;
void drain(uint64_t grace_ms);

void expect(struct str text, const char *wanted);
/* What was written since the last time, after the turn's end; "*" for the date. */
void expect_written(struct stream *s, const char *wanted);
struct str without_date(struct str text);
/* An answer of the server itself with that error. */
void expect_refused(struct stream *s, const char *name);

/* For cmocka. The tear-down drains the server and sees that nothing is left. */
int serving_set_up(void **state);
int serving_tear_down(void **state);

#endif
