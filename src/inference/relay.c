/*
 * RELAY: the engine's answer goes to the client in Azure's shape. A stream goes event by event as
 * it comes, with backpressure both ways, and this is the only place that knows of it: when the
 * client takes less than the engine gives, the engine is held back. An answer that is no stream is
 * collected, then shaped whole.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>

#include "inference/engine_error.h"
#include "inference/gather.h"
#include "inference/operation.h"
#include "inference/receipt.h"
#include "inference/reply.h"
#include "inference/restream.h"
#include "inference/shape.h"

/* 2,048 embeddings of 3,072 numbers as text, the largest answer there is, take about 70 MB. */
#define ANSWER_BYTES_MAX ((size_t)128 * 1024 * 1024)
/* What an error says may have the prompt in it. */
#define ERROR_BYTES_MAX ((size_t)16 * 1024 * 1024)
/* One event: a chunk of an answer with 20 log probabilities a token is about 4 kB. */
#define EVENT_BYTES_MAX ((size_t)1024 * 1024)
/* Room that is kept for the events of a turn. */
#define EVENTS_KEPT_BYTES ((size_t)256 * 1024)

/* Of a whole answer's first piece, to be kept in the arena. */
#define PIECE_BYTES_MAX ((size_t)8 * 1024)

/* From so many bytes on, a bulky answer is shaped on another thread: some milliseconds' work. */
#define APART_BYTES ((size_t)512 * 1024)

#define STREAM_DONE STR("[DONE]")

/* The shaping of a large answer, on another thread. */
struct shaping {
    struct loop_work work;
    struct exchange *exchange;
    struct arena *arena;
    bool is_over;
    bool is_understood;
};

void relay_done(struct relay *r)
{
    buf_done(&r->whole);
    if (r->shaping)
        arena_free(r->shaping->arena);
    if (r->splitter_used)
        sse_splitter_done(&r->splitter);
}

static_assert(RELAY_PREFETCH_PLACES + ENGINE_PREFETCH_PLACES <= PREFETCH_PLACES_MAX,
              "an engine adds its own");

void relay_prefetch(const struct exchange *x, struct prefetch *p)
{
    prefetch_add(p, x, PREFETCH_LINES(offsetof(struct exchange, relay.usage)));
    http_reply_prefetch(x->request, p);
}

static void note_first_byte(struct exchange *x)
{
    if (!x->first_byte_us)
        x->first_byte_us = clock_monotonic_us() - x->request->started_us;
}

void relay_clear_events(struct inference *i)
{
    buf_clear(&i->events);
    if (i->events.capacity > EVENTS_KEPT_BYTES)
        buf_done(&i->events);
}

static bool add_event(struct exchange *x, struct str data)
{
    struct buf *events = &x->inference->events;

    return buf_append(events, SSE_DATA_PREFIX) && buf_append(events, data) &&
           buf_append(events, SSE_DATA_SUFFIX);
}

/* An error after the status went out: an event, and no [DONE] behind it. */
static void add_error_event(struct exchange *x, const struct error *err)
{
    struct error *failure = ARENA_NEW(x->arena, struct error);

    *failure = *err;
    x->relay.failure = failure;
    if (!add_event(x, reply_error_body(x->arena, err)))
        x->finish = FINISH_ABORT;
}

/* What is wrong with it has its event; the exchange's error is free again. */
static void add_not_understood(struct exchange *x)
{
    engine_error_not_understood(x);
    add_error_event(x, exchange_error(x));
    exchange_error(x)->code = ERROR_NONE;
}

static bool shape_event(struct exchange *x, struct str data)
{
    struct answer_lesson before = answer_template_begin(x);
    struct arena *scratch = arena_new(loop_arenas(x->inference->options.loop));
    struct error err;
    yyjson_doc *event = json_parse(scratch, data, &err);
    struct str out = STR_NONE;
    bool ok = true;

    if (!event && x->engine.ended) { /* the rest of it did not come */
        engine_error_in_stream(x, &err);
        add_error_event(x, &err);
        ok = false;
    } else if (!event) {
        add_not_understood(x);
        ok = false;
    } else if (yyjson_is_null(yyjson_doc_get_root(event))) {
        ok = true; /* llama-server begins a completion of several prompts so */
    } else if (engine_error_of_event(x, event, &err)) {
        add_error_event(x, &err);
        ok = false;
    } else if (!x->operation->shape_event(x, scratch, event, &out)) {
        add_not_understood(x);
        ok = false;
    } else if (out.len) {
        x->relay.events++;
        ok = add_event(x, out);
        if (ok)
            answer_template_learn_event(x, &before, data);
    }
    arena_free(scratch);
    return ok;
}

static bool on_event(void *data, struct str event)
{
    struct exchange *x = data;

    if (x->relay.saw_done)
        return false;
    if (str_equal(str_trim(event), STREAM_DONE)) {
        x->relay.saw_done = true;
        return true;
    }
    return answer_template_event(x, event) || shape_event(x, event);
}

static void start_stream(struct exchange *x, struct str first)
{
    struct http_headers headers;

    x->status = 200;
    headers = reply_headers(x, REPLY_EVENTS);
    http_reply_start(x->request, 200, &headers, first);
    note_first_byte(x);
    exchange_forget_request(x);
}

/* The event that precedes all others (annotations of the prompt), before the first one. */
static void add_first_event(struct exchange *x)
{
    struct str first = x->operation->first_event(x);

    if (first.len && !add_event(x, first))
        x->finish = FINISH_ABORT;
}

static void send_turn(struct exchange *x)
{
    struct str events = buf_str(&x->inference->events);

    if (http_reply_is_started(x->request))
        http_reply_chunk(x->request, events);
    else if (events.len)
        start_stream(x, events);
}

static void begin_stream(struct exchange *x)
{
    sse_splitter_init(&x->relay.splitter, EVENT_BYTES_MAX);
    x->relay.splitter_used = true;
}

/* Takes this turn's bytes: into events for the client. */
static void take_events(struct exchange *x)
{
    struct str bytes = x->engine.incoming;

    x->engine.incoming = STR_NONE;
    if (!http_reply_is_started(x->request))
        add_first_event(x);
    if (!sse_split(&x->relay.splitter, bytes, on_event, x))
        add_not_understood(x);
}

/* An event whose empty line the engine left out, as [DONE] at the end may be. */
static void take_last_event(struct exchange *x)
{
    if (!x->engine.ended || x->relay.failure || !sse_is_partial(&x->relay.splitter))
        return;
    if (!http_reply_is_started(x->request))
        add_first_event(x);
    if (!sse_split_rest(&x->relay.splitter, on_event, x))
        add_not_understood(x);
}

static void hold_or_resume(struct exchange *x)
{
    bool is_full = http_reply_is_started(x->request) && http_reply_is_full(x->request);

    if (!x->engine.call || is_full == x->engine.paused)
        return;
    x->engine.paused = is_full;
    if (is_full)
        engine_call_pause(x->engine.call);
    else
        engine_call_resume(x->engine.call);
}

static void add_last_events(struct exchange *x)
{
    struct str usage = shape_usage_event(x, x->arena);

    if ((usage.len && !add_event(x, usage)) ||
        (x->admission.wants_receipt && !receipt_add_comment(x, &x->inference->events)) ||
        !add_event(x, STREAM_DONE))
        x->finish = FINISH_ABORT;
}

/* The engine has said all it will: was it whole? */
static void end_stream(struct exchange *x)
{
    struct error err;

    if (x->relay.failure)
        return;
    if (x->relay.saw_done || (x->engine.ended && x->relay.finished_choices >= x->facts.choices)) {
        add_last_events(x);
        return;
    }
    engine_error_in_stream(x, &err);
    add_error_event(x, &err);
}

static enum phase finish_stream(struct exchange *x)
{
    if (x->engine.failed && !x->relay.events)
        return exchange_refuse(x, x->engine.failure);
    take_last_event(x);
    end_stream(x);
    /* Nothing went out yet: the error still gets a status of its own. */
    if (x->relay.failure && !x->relay.events)
        return exchange_refuse(x, x->relay.failure);
    exchange_stop_engine(x);
    if (!http_reply_is_started(x->request))
        start_stream(x, STR_NONE);
    if (x->finish != FINISH_ABORT)
        x->finish = FINISH_STREAM_END;
    return PHASE_SETTLE;
}

static enum phase relay_stream(struct exchange *x)
{
    bool is_over;

    if (!x->relay.splitter_used)
        begin_stream(x);
    if (x->engine.incoming.len)
        take_events(x);
    is_over = x->engine.ended || x->engine.failed || x->relay.saw_done || x->relay.failure;
    if (is_over)
        return finish_stream(x);
    if (x->relay.events)
        send_turn(x);
    relay_clear_events(x->inference); /* without an event the first one waits too */
    hold_or_resume(x);
    return PHASE_WAIT;
}

/* `parsed` is for what is not needed any more afterwards. */
static bool shape_parsed(struct exchange *x, struct arena *a, struct arena *parsed, struct str text)
{
    struct error err;
    yyjson_doc *answer = x->operation->is_bulky ? json_parse_numbers_as_text(parsed, text, &err)
                                                : json_parse(parsed, text, &err);

    return answer && x->operation->shape(x, a, answer, &x->reply_body);
}

static enum phase end_shaping(struct exchange *x, bool is_understood)
{
    if (!is_understood) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    x->status = 200;
    x->content_type = REPLY_JSON;
    note_first_byte(x);
    return PHASE_SETTLE;
}

/* On another thread; the exchange waits. Also to give much memory back takes its time. */
static void on_shaping(struct loop_work *work)
{
    struct shaping *s = CONTAINER_OF(work, struct shaping, work);
    struct exchange *x = s->exchange;
    struct arena *parsed = arena_new(NULL);

    s->is_understood = shape_parsed(x, s->arena, parsed, buf_str(&x->relay.whole));
    arena_free(parsed);
    buf_done(&x->relay.whole);
}

static void on_shaped(struct loop_work *work)
{
    struct shaping *s = CONTAINER_OF(work, struct shaping, work);

    s->is_over = true;
    exchange_run(s->exchange);
}

/* What is allocated on the other thread is not from the exchange's arena, whose pool belongs to the
 * loop. */
static enum phase begin_shaping_apart(struct exchange *x)
{
    struct shaping *s = ARENA_NEW(x->arena, struct shaping);

    x->relay.shaping = s;
    s->exchange = x;
    s->arena = arena_new(NULL);
    s->work.work = on_shaping;
    s->work.done = on_shaped;
    (void)exchange_error(x); /* has its place, from here on */
    loop_offload(x->inference->options.loop, &s->work);
    return PHASE_WAIT;
}

static bool shape_text(struct exchange *x, struct str text)
{
    struct answer_lesson before = answer_template_begin(x);

    if (answer_template_whole(x, x->asking, text, &x->reply_body))
        return true;
    if (!shape_parsed(x, x->asking, x->asking, text))
        return false;
    answer_template_learn(x, &before, text, x->reply_body);
    return true;
}

static enum phase shape_whole(struct exchange *x, struct str text)
{
    if (x->relay.shaping)
        return end_shaping(x, x->relay.shaping->is_understood);
    if (x->operation->is_bulky && text.len >= APART_BYTES)
        return begin_shaping_apart(x);
    return end_shaping(x, shape_text(x, text));
}

/* The usual answer comes in one piece, for which the arena has room; a longer one is gathered. */
static bool keep_piece(struct exchange *x, struct str bytes)
{
    struct relay *r = &x->relay;

    if (!bytes.len)
        return true;
    if (!r->piece.len && !r->whole.max && bytes.len <= PIECE_BYTES_MAX) {
        r->piece = arena_copy(x->asking, bytes);
        return true;
    }
    if (!r->whole.max) {
        buf_init(&r->whole, ANSWER_BYTES_MAX);
        if (!buf_append(&r->whole, r->piece))
            return false;
    }
    return buf_append(&r->whole, bytes);
}

static struct str kept_answer(const struct exchange *x)
{
    return x->relay.whole.max ? buf_str(&x->relay.whole) : x->relay.piece;
}

/* What was to be a stream came whole: it goes out as one. */
static enum phase stream_whole(struct exchange *x, struct str text)
{
    struct error err;
    yyjson_doc *answer = json_parse(x->asking, text, &err);

    if (!yyjson_is_obj(yyjson_doc_get_root(answer))) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    add_first_event(x);
    x->relay.saw_done = shape_event(x, restream_event(x, answer));
    return finish_stream(x);
}

static enum phase relay_whole(struct exchange *x)
{
    struct str bytes = x->engine.incoming;

    x->engine.incoming = STR_NONE;
    if (!keep_piece(x, bytes)) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    if (x->engine.failed && x->engine.status == 200)
        return exchange_refuse(x, x->engine.failure);
    if (x->engine.status != 200 && kept_answer(x).len > ERROR_BYTES_MAX) {
        exchange_stop_engine(x);
        x->engine.ended = true;
    }
    if (!x->engine.ended && !x->engine.failed)
        return PHASE_WAIT;
    if (x->engine.status != 200) /* as much of it as came: the status says the most */
        return engine_error_reply(x, kept_answer(x));
    if (x->facts.stream)
        return stream_whole(x, kept_answer(x));
    return shape_whole(x, kept_answer(x));
}

static bool on_gathered_event(void *data, struct str event)
{
    struct exchange *x = data;
    struct arena *scratch = arena_new(loop_arenas(x->inference->options.loop));
    struct error ignored;
    yyjson_doc *doc;

    if (str_equal(str_trim(event), STREAM_DONE)) {
        x->relay.saw_done = true;
    } else if (!x->relay.saw_done) {
        doc = json_parse(scratch, event, &ignored);
        if ((!doc || !yyjson_is_null(yyjson_doc_get_root(doc))) &&
            !engine_error_of_event(x, doc, exchange_error(x)) && !gather_event(x, scratch, doc))
            engine_error_not_understood(x);
    }
    arena_free(scratch);
    return !exchange_error_code(x);
}

static enum phase relay_gathered(struct exchange *x)
{
    struct str bytes = x->engine.incoming, answer;

    if (!x->relay.splitter_used)
        begin_stream(x);
    x->engine.incoming = STR_NONE;
    x->relay.gathered_bytes += bytes.len;
    if (!sse_split(&x->relay.splitter, bytes, on_gathered_event, x) ||
        x->relay.gathered_bytes > ANSWER_BYTES_MAX)
        engine_error_not_understood(x);
    if (exchange_error_code(x))
        return PHASE_FAIL;
    if (x->engine.failed)
        return exchange_refuse(x, x->engine.failure);
    if (!x->engine.ended && !x->relay.saw_done)
        return PHASE_WAIT;
    if (!sse_split_rest(&x->relay.splitter, on_gathered_event, x))
        engine_error_not_understood(x);
    if (exchange_error_code(x))
        return PHASE_FAIL;
    exchange_stop_engine(x);
    if (!gather_finish(x, &answer)) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    return shape_whole(x, answer);
}

/* To the client a connection that ends; in the metrics, an error of the engine. */
static enum phase cut(struct exchange *x)
{
    exchange_stop_engine(x);
    if (!x->status)
        x->status = error_info(ERROR_BACKEND)->status;
    x->finish = FINISH_ABORT;
    return PHASE_SETTLE;
}

static enum phase relay_faulty_stream(struct exchange *x)
{
    struct str bytes = x->engine.incoming;

    x->engine.incoming = STR_NONE;
    if (x->engine.failed)
        return cut(x);
    if (bytes.len && !http_reply_is_started(x->request))
        add_first_event(x);
    if (!buf_append(&x->inference->events, bytes))
        return cut(x);
    send_turn(x);
    relay_clear_events(x->inference);
    if (!x->engine.ended)
        return PHASE_WAIT;
    x->finish = FINISH_STREAM_END;
    return PHASE_SETTLE;
}

static enum phase relay_faulty_whole(struct exchange *x)
{
    struct str bytes = x->engine.incoming;

    x->engine.incoming = STR_NONE;
    if (x->engine.failed)
        return cut(x);
    if (!keep_piece(x, bytes)) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    if (!x->engine.ended)
        return PHASE_WAIT;
    x->status = 200;
    x->content_type = REPLY_JSON;
    x->reply_body = kept_answer(x);
    note_first_byte(x);
    return PHASE_SETTLE;
}

/* What is broken on purpose reaches the client broken, so that an application can be tried with
 * it; what a real engine breaks is mended as far as it can be. */
static enum phase relay_faulty(struct exchange *x)
{
    return x->facts.stream && x->engine.is_event_stream ? relay_faulty_stream(x)
                                                        : relay_faulty_whole(x);
}

enum phase exchange_relay(struct exchange *x)
{
    if (x->relay.shaping && !x->relay.shaping->is_over)
        return PHASE_WAIT;
    if (x->client_gone) {
        exchange_stop_engine(x);
        return PHASE_SETTLE;
    }
    if (!x->engine.status)
        return x->engine.failed ? exchange_refuse(x, x->engine.failure) : PHASE_WAIT;
    if (x->engine.is_faulty)
        return relay_faulty(x);
    if (x->engine.status == 200 && x->facts.stream && x->engine.is_event_stream)
        return relay_stream(x);
    if (x->engine.status == 200 && x->facts.is_gathered && x->engine.is_event_stream)
        return relay_gathered(x);
    return relay_whole(x);
}
