/*
 * Events of a stream by template. An event differs from those before it, and from those of other
 * streams of the same engine, in nothing but its text, its id and its time, and so does what is made
 * of it. Once one has been parsed and shaped, what is the same in all is kept as a template: an event
 * that fits it takes no parser and no writer, but comparisons and copies. What does not fit is
 * parsed, so that a template is never needed.
 *
 * What is written so is to the byte what shape_stream_event writes; who changes what of an event or
 * of its request decides about that has to look at event_template_learn.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_EVENT_TEMPLATE_H
#define INFERENCE_EVENT_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct exchange;
struct operation;

/* Engines at work on one loop at the same time; each has its own way to write an event. */
#define EVENT_TEMPLATES 4
/* An event without its text takes 130 to 350 bytes, in Azure's shape up to 550. */
#define EVENT_TEMPLATE_BYTES 1280
/* As often a stream's events are learned; those of an engine that writes something new into each
 * (padding against eavesdroppers, say) never fit. */
#define EVENT_TEMPLATE_LESSONS 3

/* What differs. */
enum event_hole { EVENT_TEXT, EVENT_ID, EVENT_CREATED, EVENT_HOLES };

struct event_template {
    /* For which requests; operation NULL: not learned yet. */
    const struct operation *operation;
    unsigned parts; /* of the api-version */
    bool include_usage;
    unsigned hole_count;
    enum event_hole holes[EVENT_HOLES]; /* in the order of the engine's event */
    struct str model, fingerprint;      /* that the answer names */
    struct str engine[EVENT_HOLES + 1]; /* before, between and behind the holes */
    struct str
        client[EVENT_HOLES + 1]; /* around text, created, id: the order of the client's event */
    char bytes[EVENT_TEMPLATE_BYTES]; /* where all of these lie */
};

/* Of one loop. All zero to begin with. */
struct event_templates {
    unsigned last; /* that was of use */
    unsigned next; /* to be learned anew */
    struct event_template items[EVENT_TEMPLATES];
};

/* What an event finds before it is shaped. */
struct event_lesson {
    uint64_t text_bytes;
    unsigned finished_choices;
    size_t events_bytes; /* of inference.events */
};
struct event_lesson event_template_begin(const struct exchange *x);
/* `event`, the engine's, has been shaped, and what became of it is the last in inference.events:
 * keeps a template of the two if there can be one. */
void event_template_learn(struct exchange *x, const struct event_lesson *before, struct str event);
/* Adds the client's event to inference.events, as server-sent; false: no template fits, and nothing
 * has happened. */
bool event_template_apply(struct exchange *x, struct str event);

#endif
