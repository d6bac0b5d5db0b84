/*
 * Chats over the rig whose replies are looked at event by event, and what engines and requests of
 * such tests say. A test file that uses it ends its tests with reply_tear_down.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_INFERENCE_REPLY_EVENTS_H
#define TESTS_INFERENCE_REPLY_EVENTS_H

#include "engine_events.h"
#include "rig.h"

/* Requests. */
#define STREAM "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define STREAM_USAGE                                                            \
    "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\"" \
    ":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define WHOLE "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* What an engine says. */
#define ANSWER                                                                           \
    "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"created\":17,\"model\":\"m\"," \
    "\"object\":\"chat.completion\","                                                    \
    "\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":"        \
    "\"assistant\",\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":4,"             \
    "\"completion_tokens\":5,\"total_tokens\":9},\"timings\":{\"secret\":1}}"

/* Of the reply's body, behind those that were taken. */
extern struct str events_left;

/* From the first event of the reply on; what was parsed before is gone. */
void read_events(void);
/* The data of the next event; STR_NONE behind the last. */
struct str next_event(void);
/* The next event, which is JSON; it lives until read_events. */
yyjson_val *next_json(void);

void expect_str(yyjson_val *object, const char *path, const char *wanted);
/* The next event is of a chat's choice with that content. */
void expect_content(const char *content);
/* Annotations of the prompt come before all else. */
void expect_first(void);
/* [DONE] is next, and last. */
void expect_end(void);
/* An error event is the last, and no [DONE] follows it. `type` NULL: whichever. */
void expect_error_event(const char *type);
/* The whole reply is an error; `code` NULL: its code is null. */
void expect_error(int status, const char *code);

/* A request whose engine has begun to stream. */
void open_stream(const char *deployment, const char *body);

int reply_tear_down(void **state);

#endif
