/* SPDX-License-Identifier: MIT */
#include "engine/sim_answer.h"

#include <assert.h>
#include <stdio.h>

#include "base/format.h"
#include "engine/sim_choice.h"
#include "engine/sim_embed.h"
#include "engine/sim_json.h"
#include "net/sse.h"

#define ANSWER_TOKENS_DEFAULT 32
#define DIMENSIONS_DEFAULT 1536

struct sim_answer {
    const struct catalog_sim *settings;
    const struct sim_request *request;
    uint64_t seed;
    struct sim_frame frame;
    struct sim_choice *choices;
    unsigned choice_count;
    unsigned most_tokens; /* of a choice, the echo not counted */
    uint64_t tokens;      /* of all choices */
    unsigned step;        /* the next one */
    unsigned steps;
};

static void plan_choices(struct sim_answer *s, struct arena *a)
{
    const struct sim_request *r = s->request;
    unsigned wanted =
        s->settings->answer_tokens ? s->settings->answer_tokens : ANSWER_TOKENS_DEFAULT;

    s->choice_count = r->prompt_count * r->n;
    s->choices = ARENA_ARRAY(a, struct sim_choice, s->choice_count);
    for (unsigned i = 0; i < s->choice_count; i++) {
        sim_choice_init(&s->choices[i], a, r, i, s->seed, wanted);
        s->tokens += s->choices[i].tokens;
        if (s->choices[i].tokens > s->most_tokens)
            s->most_tokens = s->choices[i].tokens;
    }
    /* What was made only to choose the best from is paid for too. */
    s->tokens = s->tokens * r->best_of / r->n;
}

struct sim_answer *sim_answer_new(struct arena *a, const struct catalog_sim *settings,
                                  const struct sim_request *request, uint64_t seed,
                                  int64_t created_s)
{
    struct sim_answer *s = ARENA_NEW(a, struct sim_answer);

    s->settings = settings;
    s->request = request;
    s->seed = seed;
    s->frame.request = request;
    s->frame.created_s = created_s;
    snprintf(s->frame.id, sizeof(s->frame.id), "%s-%016llx%012llx",
             request->operation == ENGINE_CHAT ? "chatcmpl" : "cmpl",
             (unsigned long long)sim_mix(seed, 2),
             (unsigned long long)sim_mix(seed, 3) & 0xFFFFFFFFFFFF);
    if (request->operation == ENGINE_EMBEDDINGS) {
        s->steps = request->prompt_count;
        return s;
    }
    plan_choices(s, a);
    s->steps = request->stream && s->most_tokens ? s->most_tokens : 1;
    return s;
}

unsigned sim_answer_due_tokens(const struct sim_answer *s)
{
    unsigned tokens = s->request->stream ? s->step + 1 : s->most_tokens;

    return s->request->operation == ENGINE_EMBEDDINGS || tokens < 1 ? 1 : tokens;
}

bool sim_answer_is_done(const struct sim_answer *s)
{
    return s->step == s->steps;
}

static void append(struct buf *out, struct str text)
{
    bool ok = buf_append(out, text);

    /* Every part of an answer is bounded by the limits of sim_request.h and sim_choice.h. */
    assert(ok);
    (void)ok;
}

/* -- Streams ------------------------------------------------------------------------------- */

static void append_event(struct buf *out, struct str data)
{
    append(out, SSE_DATA_PREFIX);
    append(out, data);
    append(out, SSE_DATA_SUFFIX);
}

/* The prompt's echo goes out at once, in front of the first token. */
static void stream_choice(struct sim_answer *s, struct sim_choice *c, struct arena *scratch,
                          struct buf *out)
{
    struct sim_piece piece;

    if (s->step == 0 && s->request->operation == ENGINE_CHAT)
        append_event(out, sim_json_role(scratch, &s->frame, c));
    while (sim_choice_next(c, &piece)) {
        append_event(out, sim_json_piece(scratch, &s->frame, c, &piece));
        if (!piece.is_prompt)
            break;
    }
    if (c->left == 0 && c->echo_left == 0)
        append_event(out, sim_json_finish(scratch, &s->frame, c));
}

static void stream_step(struct sim_answer *s, struct arena *scratch, struct buf *out)
{
    for (unsigned i = 0; i < s->choice_count; i++) {
        /* Ended in an earlier step? */
        if (s->step == 0 || s->choices[i].tokens > s->step)
            stream_choice(s, &s->choices[i], scratch, out);
    }
    if (s->step + 1 < s->steps)
        return;
    if (s->request->include_usage)
        append_event(out, sim_json_usage_event(scratch, &s->frame, s->tokens));
    append_event(out, STR("[DONE]"));
}

/* -- Embeddings ---------------------------------------------------------------------------- */

static void append_vector(struct sim_answer *s, struct arena *scratch, struct str text,
                          struct buf *out)
{
    unsigned full =
        s->settings->embedding_dimensions ? s->settings->embedding_dimensions : DIMENSIONS_DEFAULT;
    unsigned wanted = s->request->dimensions;
    unsigned dimensions = wanted && wanted < full ? wanted : full;
    float *vector = arena_alloc_bytes(scratch, full * sizeof(*vector));

    sim_embed(s->settings->seed, text, vector, full, dimensions);
    if (s->request->is_base64) {
        /* Little-endian on the wire, as all machines are that this runs on. */
        _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are sent as they lie");
        append(out, STR("\""));
        append(out, format_base64(scratch, vector, dimensions * sizeof(*vector)));
        append(out, STR("\""));
        return;
    }
    for (unsigned i = 0; i < dimensions; i++) {
        char number[32];
        int len = snprintf(number, sizeof(number), "%c%.9g", i ? ',' : '[', (double)vector[i]);

        append(out, str_of(number, (size_t)len));
    }
    append(out, STR("]"));
}

static void embeddings_step(struct sim_answer *s, struct arena *scratch, struct buf *out)
{
    append(out, s->step ? STR(",") : STR("{\"object\":\"list\",\"data\":["));
    append(out,
           arena_printf(scratch, "{\"object\":\"embedding\",\"index\":%u,\"embedding\":", s->step));
    append_vector(s, scratch, s->request->prompts[s->step].text, out);
    append(out, STR("}"));
    if (s->step + 1 == s->steps)
        append(out, sim_json_embeddings_end(scratch, &s->frame));
}

void sim_answer_next(struct sim_answer *s, struct arena *scratch, struct buf *out)
{
    assert(s->step < s->steps);
    if (s->request->operation == ENGINE_EMBEDDINGS)
        embeddings_step(s, scratch, out);
    else if (s->request->stream)
        stream_step(s, scratch, out);
    else
        append(out, sim_json_whole(scratch, &s->frame, s->choices, s->choice_count, s->tokens));
    s->step++;
}
