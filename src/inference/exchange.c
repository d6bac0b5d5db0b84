/* SPDX-License-Identifier: MIT */
#include "inference/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "inference/admit.h"
#include "inference/operation.h"
#include "inference/reply.h"

/* What one read of the engine's socket can turn into. */
#define TURN_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct phase_row {
    const char *name;
    enum phase (*run)(struct exchange *x);
};

static const struct phase_row phases[] = {
#define X(name, fn) [PHASE_##name] = { #name, fn },
    PHASES(X)
#undef X
};

struct inference *inference_new(const struct inference_options *options)
{
    struct inference *i = memory_alloc(sizeof(*i));

    i->options = *options;
    directory_view_init(&i->view, options->directory);
    random_bytes(&i->random, sizeof(i->random));
    buf_init(&i->events, TURN_BYTES_MAX);
    return i;
}

void inference_free(struct inference *i)
{
    if (!i)
        return;
    assert(i->active == 0);
    buf_done(&i->events);
    directory_view_done(&i->view);
    free(i);
}

static void on_arena_end(void *data)
{
    struct exchange *x = data;

    measure_done(&x->measure);
    relay_done(&x->relay);
    arena_free(x->asking);
    directory_unref(x->directory);
    x->inference->active--;
}

/* A GUID in Azure's form from the worker's own generator: it names a request, it guards nothing. */
void exchange_new_id(struct inference *i, char out[GUID_TEXT_LEN + 1])
{
    uint64_t first = random_next(&i->random), second = random_next(&i->random);
    uint8_t bytes[16];

    memcpy(bytes, &first, sizeof(first));
    memcpy(bytes + sizeof(first), &second, sizeof(second));
    format_guid_of(bytes, out);
}

static struct exchange *exchange_new(struct inference *i, struct http_request *r)
{
    struct exchange *x = arena_alloc_at_line(r->arena, sizeof(*x));

    x->inference = i;
    x->request = r;
    x->arena = r->arena;
    x->asking = arena_new(loop_arenas(i->options.loop));
    x->phase = PHASE_ROUTE;
    x->directory = directory_view_get(&i->view);
    exchange_new_id(i, x->request_id);
    i->active++;
    arena_defer(x->arena, on_arena_end, x);
    r->handler_data = x;
    return x;
}

void exchange_run(struct exchange *x)
{
    if (x->running) {
        x->again = true;
        return;
    }
    x->running = true;
    while (x->phase != PHASE_END) {
        enum phase next;

        x->again = false;
        next = phases[x->phase].run(x);
        if (next == PHASE_END)
            return; /* FINISH has ended the request, and x with it */
        if (next == PHASE_WAIT) {
            if (!x->again)
                break;
            continue;
        }
        log_debug("exchange_phase", "id=%s from=%s to=%s", x->request_id, phases[x->phase].name,
                  phases[next].name);
        x->phase = next;
    }
    x->running = false;
}

void exchange_wake(struct exchange *x)
{
    http_request_wake(x->request);
}

struct error *exchange_error(struct exchange *x)
{
    if (!x->err) {
        x->err = arena_alloc_bytes(x->asking ? x->asking : x->arena, sizeof(*x->err));
        x->err->code = ERROR_NONE;
    }
    return x->err;
}

enum error_code exchange_error_code(const struct exchange *x)
{
    return x->err ? x->err->code : ERROR_NONE;
}

void exchange_forget_request(struct exchange *x)
{
    http_request_forget(x->request);
    arena_free(x->asking);
    x->asking = NULL;
    x->document = NULL;
    x->asides = NULL;
    x->facts.asides = NULL;
    x->err = NULL;
}

enum phase exchange_refuse(struct exchange *x, const struct error *err)
{
    if (x->err != err)
        *exchange_error(x) = *err;
    return PHASE_FAIL;
}

void inference_on_head(struct inference *i, struct http_request *r)
{
    exchange_run(exchange_new(i, r));
}

void inference_on_body(struct http_request *r)
{
    struct exchange *x = r->handler_data;

    x->body_ready = true;
    exchange_run(x);
}

void inference_on_body_part(struct http_request *r, struct str body, size_t content_length)
{
    struct exchange *x = r->handler_data;

    assert(x->phase == PHASE_RECEIVE);
    exchange_look_ahead(x, body, content_length);
}

void inference_on_drain(struct http_request *r)
{
    exchange_run(r->handler_data);
}

void inference_on_wake(struct http_request *r)
{
    exchange_run(r->handler_data);
}

void inference_on_gone(struct http_request *r)
{
    struct exchange *x = r->handler_data;

    x->client_gone = true;
    exchange_run(x);
}

void inference_on_time_up(struct http_request *r)
{
    struct exchange *x = r->handler_data;
    struct error *failure;

    x->time_up = true;
    if (!x->engine.call)
        return;
    exchange_stop_engine(x);
    failure = ARENA_NEW(x->arena, struct error);
    error_set(failure, ERROR_UNAVAILABLE, NULL);
    x->engine.failed = true;
    x->engine.failure = failure;
    exchange_run(x);
}

/* Waits for the body; the server has checked its length against the limits. */
enum phase exchange_receive(struct exchange *x)
{
    if (x->client_gone)
        return PHASE_SETTLE;
    return x->body_ready ? PHASE_RESOLVE : PHASE_WAIT;
}

/* Operations that are answered from the directory and the catalog. */
enum phase exchange_answer(struct exchange *x)
{
    if (!x->operation->answer(x, &x->reply_body, exchange_error(x)))
        return PHASE_FAIL;
    x->status = 200;
    x->content_type = REPLY_JSON;
    return PHASE_SETTLE;
}

enum phase exchange_fail(struct exchange *x)
{
    exchange_stop_engine(x);
    x->status = error_info(exchange_error_code(x))->status;
    if (x->deployment && x->status == 400)
        admit_count_refused(x);
    x->content_type = REPLY_JSON;
    x->reply_body = reply_error_body(x->arena, exchange_error(x));
    return PHASE_SETTLE;
}
