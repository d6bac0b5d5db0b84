/*
 * A client over fake streams, and calls that note what comes back.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_CALLING_H
#define TEST_CALLING_H

#include "fake_stream.h"
#include "net/http_client.h"

extern struct loop *l;
extern struct http_client *client;
extern struct http_client_options options; /* for the test to set before its first call */
extern bool is_closed;                     /* the client is */
extern const struct stream_address address;

/* What came back: "status name=value...|body|end", or the failure behind the last bar: "...|idle timeout". */
struct result {
    struct buf text;
    unsigned ends;
    struct http_client_call *call;
    bool cancels_on_head, cancels_on_body, cancels_on_last, pauses_on_head;
    struct result *sends_next; /* in its last callback */
};

extern struct result first, second;
extern const struct http_client_events events;
extern struct http_client_request get; /* what send_get sends */

void on_end(void *data);
void on_closed(void *data);
/* Makes the client. */
void start(void);
void send_request(struct result *result, const struct http_client_request *request);
void send_get(struct result *result);
/* A call on a new connection, its request written. */
struct stream *connected(struct result *result);
void expect(struct result *result, const char *wanted);
void clear(struct result *result);

/* For cmocka. The tear-down closes the client and sees that nothing is left. */
int calling_set_up(void **state);
int calling_tear_down(void **state);

#endif
