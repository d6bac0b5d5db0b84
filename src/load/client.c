/* SPDX-License-Identifier: MIT */
#include "load/client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/retry_after.h"
#include "load/answer.h"
#include "load/schedule.h"

#define STATUS_THROTTLED 429
#define STATUS_OK 200
#define STATUS_BAD_REQUEST 400
#define RETRY_ALL_US ((uint64_t)60 * 1000000)
#define BACK_OFF_FIRST_US ((uint64_t)1000000)
#define BACK_OFF_TRIES_MAX 6 /* then it is more than 60 s anyway */

struct load_client {
    struct load_context *context;
    struct load_client *next;
    struct http_client_call *call;
    uv_timer_t timer; /* until the next attempt */
    const struct prompt *prompt;
    char stamp[PROMPT_STAMP_BYTES];
    struct str *parts;
    struct load_answer answer;
    uint64_t planned_us, start_us;
    unsigned throttled_tries;
    bool asked_max_tokens; /* the last attempt, by this name */
    int status;
    double utilization;
    uint64_t retry_after_ms;
    char request_id[LOAD_REQUEST_ID_BYTES];
};

double load_utilization(struct str header)
{
    char text[16], *end;
    double percent;

    if (header.len < 2 || header.len >= sizeof(text) || header.data[header.len - 1] != '%')
        return -1;
    memcpy(text, header.data, header.len - 1);
    text[header.len - 1] = '\0';
    if (text[0] < '0' || text[0] > '9')
        return -1;
    percent = strtod(text, &end);
    return *end || percent > 1e6 ? -1 : percent;
}

uint64_t load_retry_us(uint64_t asked_ms, unsigned tries, uint64_t elapsed_us, uint64_t *random)
{
    uint64_t left_us = elapsed_us < RETRY_ALL_US ? RETRY_ALL_US - elapsed_us : 0, wait_us;

    /* who says "at once" and goes on to refuse would only be called all the more */
    if (asked_ms != RETRY_AFTER_UNSAID && asked_ms)
        return asked_ms <= left_us / 1000 ? asked_ms * 1000 : SCHEDULE_NEVER;
    if (!left_us)
        return SCHEDULE_NEVER;
    wait_us = BACK_OFF_FIRST_US << (tries < BACK_OFF_TRIES_MAX ? tries : BACK_OFF_TRIES_MAX);
    wait_us = random_next(random) % (wait_us + 1);
    return wait_us < left_us ? wait_us : left_us;
}

/* -- Its end ----------------------------------------------------------------------------------- */

static void finish(struct load_client *c, enum load_result result, enum load_cause cause,
                   const char *text)
{
    const struct load_answer *a = &c->answer;
    struct load_outcome o = {
        .result = result,
        .cause = cause,
        .status = c->status,
        .text = text,
        .request_id = c->request_id,
        .planned_us = c->planned_us,
        .start_us = c->start_us,
        .first_us = a->first_us,
        .last_us = a->last_us,
        .end_us = clock_monotonic_us(),
        .context_tokens = a->has_usage ? (unsigned)a->prompt_tokens : c->prompt->context_tokens,
        .generated_tokens = (unsigned)load_answer_tokens(a),
        .utilization = c->utilization,
        .throttled_tries = c->throttled_tries,
    };

    c->call = NULL;
    c->context->on_outcome(c->context->data, c, &o);
}

static void send_request(struct load_client *c);

static void on_retry(uv_timer_t *timer)
{
    send_request(timer->data);
}

static void end_throttled(struct load_client *c)
{
    struct load_context *x = c->context;
    uint64_t wait_us = SCHEDULE_NEVER;

    if (x->options->retries)
        wait_us = load_retry_us(c->retry_after_ms, c->throttled_tries,
                                clock_monotonic_us() - c->start_us, &x->random);
    if (wait_us == SCHEDULE_NEVER) {
        finish(c, LOAD_THROTTLED, LOAD_CAUSE_THROTTLED, c->answer.text);
        return;
    }
    c->call = NULL;
    c->throttled_tries++;
    uv_update_time(loop_uv(x->loop)); /* never earlier than asked for */
    uv_timer_start(&c->timer, on_retry, (wait_us + 999) / 1000, 0);
}

/* "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'
 * instead." Which one a model wants is not to be known before; the others are told by the first. */
static bool wants_completion_tokens(const struct load_client *c)
{
    return c->asked_max_tokens && c->status == STATUS_BAD_REQUEST &&
           str_find(str_from(c->answer.text), STR("'max_completion_tokens'")) != SIZE_MAX;
}

static void ask_for_completion_tokens(struct load_client *c)
{
    struct load_context *x = c->context;

    if (!x->wants_completion_tokens)
        x->on_completion_tokens(x->data);
    x->wants_completion_tokens = true;
    c->call = NULL;
    send_request(c);
}

/* -- An attempt -------------------------------------------------------------------------------- */

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct load_client *c = data;
    struct str content_type = http_headers_get(headers, STR("content-type"));
    double utilization =
        load_utilization(http_headers_get(headers, STR("azure-openai-deployment-utilization")));

    c->status = status;
    if (utilization >= 0)
        c->utilization = utilization;
    str_show(http_headers_get(headers, STR("apim-request-id")), c->request_id,
             sizeof(c->request_id));
    if (status == STATUS_THROTTLED) {
        struct retry_after asked = retry_after_read_now(headers);

        c->retry_after_ms = asked.azure_ms != RETRY_AFTER_UNSAID ? asked.azure_ms : asked.http_ms;
    }
    load_answer_begin(&c->answer, status,
                      str_starts_with_nocase(content_type, STR("text/event-stream")));
}

static void on_end(void *data)
{
    struct load_client *c = data;
    bool is_answer = load_answer_end(&c->answer);

    if (!is_answer)
        finish(c, LOAD_FAILED, c->answer.cause, c->answer.text);
    else if (c->status == STATUS_THROTTLED)
        end_throttled(c);
    else if (wants_completion_tokens(c))
        ask_for_completion_tokens(c);
    else if (c->status != STATUS_OK)
        finish(c, LOAD_FAILED, LOAD_CAUSE_STATUS, c->answer.text);
    else
        finish(c, LOAD_DONE, LOAD_CAUSE_COUNT, "");
}

static void on_body(void *data, struct str bytes)
{
    struct load_client *c = data;

    if (load_answer_take(&c->answer, bytes, clock_monotonic_us()))
        return;
    http_client_cancel(c->call);
    on_end(c);
}

static enum load_cause cause_of(enum http_failure failure, bool has_head)
{
    switch (failure) {
    case HTTP_FAILURE_CONNECT:
        return LOAD_CAUSE_CONNECT;
    case HTTP_FAILURE_TLS:
        return LOAD_CAUSE_TLS;
    case HTTP_FAILURE_CONNECT_TIMEOUT:
        return LOAD_CAUSE_CONNECT_TIMEOUT;
    case HTTP_FAILURE_HEAD_TIMEOUT:
        return LOAD_CAUSE_NO_ANSWER;
    case HTTP_FAILURE_IDLE_TIMEOUT:
        return LOAD_CAUSE_STALLED;
    case HTTP_FAILURE_CLOSED:
        return has_head ? LOAD_CAUSE_CUT : LOAD_CAUSE_CLOSED;
    case HTTP_FAILURE_MALFORMED:
        return LOAD_CAUSE_NOT_HTTP;
    }
    return LOAD_CAUSE_NOT_HTTP;
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct load_client *c = data;

    finish(c, LOAD_FAILED, cause_of(failure, c->status != 0), text);
}

static const struct http_client_events events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_failure = on_failure,
};

static void send_request(struct load_client *c)
{
    struct load_context *x = c->context;
    const struct prompt *p = c->prompt;
    uint64_t timeout_ms = (uint64_t)(x->options->timeout_s * 1000);
    unsigned count = 0;

    prompt_stamp(c->stamp, clock_wall_us(), &x->last_stamp_us);
    for (unsigned i = 0; i < p->piece_count; i++) {
        if (i && p->has_max_name && i == p->piece_count - 1)
            c->parts[count++] =
                x->wants_completion_tokens ? STR("max_completion_tokens") : STR("max_tokens");
        else if (i)
            c->parts[count++] = str_of(c->stamp, PROMPT_STAMP_BYTES);
        c->parts[count++] = p->pieces[i];
    }
    c->asked_max_tokens = p->has_max_name && !x->wants_completion_tokens;
    c->status = 0;
    c->request_id[0] = '\0';
    c->retry_after_ms = RETRY_AFTER_UNSAID;
    load_answer_begin(&c->answer, 0, false);
    c->call = http_client_send(x->http,
                               &(struct http_client_request){
                                   .address = &x->target->address,
                                   .method = HTTP_POST,
                                   .path = x->target->path,
                                   .host = x->target->host,
                                   .headers = x->target->headers,
                                   .body_parts = c->parts,
                                   .body_part_count = count,
                                   .head_timeout_ms = timeout_ms,
                                   .idle_timeout_ms = timeout_ms,
                               },
                               &events, c);
}

struct load_client *load_client_new(struct load_context *x)
{
    struct load_client *c = memory_alloc(sizeof(*c));

    c->context = x;
    c->parts = memory_alloc_array(2 * (size_t)x->prompts->pieces_max, sizeof(*c->parts));
    load_answer_init(&c->answer, loop_arenas(x->loop));
    uv_timer_init(loop_uv(x->loop), &c->timer);
    c->timer.data = c;
    return c;
}

void load_client_start(struct load_client *c, uint64_t planned_us)
{
    struct load_context *x = c->context;

    c->prompt = &x->prompts->items[x->next_prompt++ % x->prompts->count];
    c->planned_us = planned_us;
    c->start_us = clock_monotonic_us();
    c->throttled_tries = 0;
    c->utilization = -1;
    send_request(c);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct load_client *c = timer->data;

    load_answer_done(&c->answer);
    free(c->parts);
    free(c);
}

void load_client_close(struct load_client *c)
{
    if (c->call)
        http_client_cancel(c->call);
    c->call = NULL;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

struct load_client **load_client_next(struct load_client *c)
{
    return &c->next;
}
