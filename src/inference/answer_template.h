/*
 * Answers by template. An engine's answer, and an event of its stream, differs from those before it in
 * nothing but its text, its id, its time and its counts of tokens, and so does what is made of it.
 * Once one has been parsed and shaped, what is the same in all is kept as a template: what fits it
 * takes no parser and no writer, but comparisons and copies. What does not fit is parsed, so that a
 * template is never needed.
 *
 * What is written so is to the byte what shape_answer and shape_stream_event write, and has the same
 * effects on the exchange. Who has these look at something else of a request has to look at
 * is_plain and is_for, too.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_ANSWER_TEMPLATE_H
#define INFERENCE_ANSWER_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct exchange;
struct operation;

/* As many ways to write an answer are known at a time on a loop: each engine has its own, for events
 * and for whole answers, and for each reason to finish. */
#define ANSWER_TEMPLATES 8
/* Of these for requests and deployments that are alike: those of an engine that never writes the same
 * way twice must not take the place of another's. */
#define ANSWER_TEMPLATES_ALIKE 2
/* Both forms without their holes: 300 to 900 bytes of an event, 900 to 2,000 of a whole answer. */
#define ANSWER_TEMPLATE_BYTES 2560
/* As often a stream's events are learned; those of an engine that writes something new into each
 * (padding against eavesdroppers, say) never fit. */
#define ANSWER_TEMPLATE_LESSONS 3
/* So many whole answers in a row are learned, and after that one of so many, for the same reason. */
#define ANSWER_TEMPLATE_TRIES 16
#define ANSWER_TEMPLATE_RETRY 64

/* What differs. */
enum answer_hole {
    HOLE_TEXT,
    HOLE_ID,
    HOLE_CREATED,
    HOLE_PROMPT_TOKENS, /* these four in whole answers only */
    HOLE_COMPLETION_TOKENS,
    HOLE_TOTAL_TOKENS,
    HOLE_CACHED_TOKENS,
    HOLES,
};

/* One of the two forms: what lies before, between and behind its holes. */
struct answer_form {
    unsigned hole_count;
    enum answer_hole holes[HOLES]; /* in their order */
    struct str around[HOLES + 1];
};

struct answer_template {
    /* For which requests; operation NULL: not learned yet. */
    const struct operation *operation;
    unsigned parts; /* of the api-version */
    bool is_event;
    bool include_usage;
    struct str model, fingerprint;     /* that the answer names */
    struct answer_form engine, client; /* as it comes, as it goes */
    char bytes[ANSWER_TEMPLATE_BYTES]; /* where all of these texts lie */
    size_t used;                       /* of them */
    unsigned fits;                     /* how often it was of use; less by half with each lesson */
};

/* Of one loop. All zero to begin with. */
struct answer_templates {
    unsigned last;   /* that was of use */
    unsigned misses; /* whole answers that fitted none, since one did */
    struct answer_template items[ANSWER_TEMPLATES];
};

/* What an exchange is before an answer, or an event, of it is shaped. */
struct answer_lesson {
    uint64_t text_bytes;
    unsigned finished_choices;
    size_t events_bytes; /* of inference.events */
};
struct answer_lesson answer_template_begin(const struct exchange *x);
/* `event`, the engine's, has been shaped, and what became of it is the last in inference.events:
 * keeps a template of the two if there can be one. */
void answer_template_learn_event(struct exchange *x, const struct answer_lesson *before,
                                 struct str event);
/* The same of a whole answer. */
void answer_template_learn(struct exchange *x, const struct answer_lesson *before,
                           struct str answer, struct str shaped);

/* Adds the client's event to inference.events, as server-sent; false: no template fits, and nothing
 * has happened. */
bool answer_template_event(struct exchange *x, struct str event);
/* The client's answer, in the arena; false likewise. */
bool answer_template_whole(struct exchange *x, struct arena *a, struct str answer, struct str *out);

#endif
