/*
 * ADMIT: what the request is counted for, and whether its deployment has room for it. The rules are
 * those of model/rate_limit.h for the Standard family and of model/ptu_bucket.h for the Provisioned
 * one, and of model/budget.h for what costs money; what a refusal says is in refusal.c.
 * SPDX-License-Identifier: MIT
 */
#include "inference/admit.h"

#include "inference/operation.h"
#include "inference/receipt.h"
#include "inference/refusal.h"
#include "model/budget.h"

/* Tokens that Azure counts for an answer where the request does not say. */
#define DEFAULT_ANSWER_TOKENS 16
/* What an answer is taken for where tokens cost something, before the deployment had any. */
#define FIRST_ANSWER_TOKENS 256
/* An answer's part in the mean of those that came before: 1/16. */
#define MEAN_SHIFT 4

/* A token is about four characters of text. */
uint64_t exchange_prompt_tokens(const struct request_facts *f)
{
    return (f->prompt_chars + 3) / 4 + f->prompt_tokens;
}

uint64_t admit_answers(const struct exchange *x)
{
    return x->operation->engine_operation == ENGINE_EMBEDDINGS ? 0 : x->facts.n;
}

/* None at all may be what was asked for. */
static bool is_answer_bounded(const struct request_facts *f)
{
    return f->asks_max_tokens || f->max_tokens;
}

/* Azure's estimate at arrival: the prompt by its character count, and for each answer asked for
 * the most tokens it may have (Azure's documentation of quota, "Understanding rate limits"). */
static uint64_t estimate_tokens(struct exchange *x)
{
    const struct request_facts *f = &x->facts;

    x->admission.answer = is_answer_bounded(f) ? f->max_tokens : DEFAULT_ANSWER_TOKENS;
    return exchange_prompt_tokens(f) + x->admission.answer * admit_answers(x);
}

/* Azure guesses where the request does not say; here, by what the deployment's answers had. */
static uint64_t usual_answer(const struct exchange *x)
{
    _Atomic uint32_t *mean = &x->deployment->counters->answer_tokens;
    uint64_t usual = atomic_load_explicit(mean, memory_order_relaxed);

    if (is_answer_bounded(&x->facts))
        return x->facts.max_tokens;
    return usual ? usual : FIRST_ANSWER_TOKENS;
}

static bool admit_standard(struct exchange *x)
{
    struct admission *a = &x->admission;
    const struct directory_deployment *d = x->deployment;
    const struct rate_limits unlimited = { .period_ms = d->limits.period_ms };

    a->estimate = estimate_tokens(x);
    a->rates = rate_limit_admit(&d->counters->rates,
                                x->inference->options.rate_limits ? &d->limits : &unlimited,
                                clock_now_ms(x->inference->options.clock), a->estimate);
    return a->rates.verdict == RATE_ADMITTED;
}

static bool admit_provisioned(struct exchange *x)
{
    const struct clock *clock = x->inference->options.clock;
    const struct directory_deployment *d = x->deployment;
    struct admission *a = &x->admission;

    a->answer = usual_answer(x);
    a->estimate = ptu_work(exchange_prompt_tokens(&x->facts), 0, a->answer * admit_answers(x),
                           d->ptu_output_ratio);
    a->bucket =
        ptu_bucket_admit(&d->counters->bucket, &d->ptu, clock_steady_ms(clock), a->estimate);
    return a->bucket.is_admitted || !x->inference->options.rate_limits;
}

/* Money is spent, or not, whatever limits of deployments do. */
static bool admit_cost(struct exchange *x)
{
    const struct catalog_cost *cost = x->deployment->engine->upstream.cost;
    struct admission *a = &x->admission;
    struct rate_window *day;

    if (!cost)
        return true;
    day = engine_spending(x->inference->options.engines, x->deployment->engine);
    if (!day) /* the engine is not there any more, as the call will find */
        return true;
    a->cost =
        budget_cost(cost, exchange_prompt_tokens(&x->facts), 0, usual_answer(x) * admit_answers(x));
    if (!budget_admit(day, cost, clock_now_ms(x->inference->options.clock), a->cost,
                      &a->spending_ends_ms))
        return false;
    a->spending = day;
    return true;
}

/* `by`: 1 when it is admitted, -1 when it has ended. */
static void count_in_flight(const struct exchange *x, int64_t by)
{
    struct deployment_counters *c = x->deployment->counters;

    atomic_fetch_add_explicit(&c->in_flight, by, memory_order_relaxed);
    if (x->admission.bucket.is_admitted)
        atomic_fetch_add_explicit(&c->work_in_flight, by * (int64_t)x->admission.estimate,
                                  memory_order_relaxed);
}

enum phase exchange_admit(struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;
    bool is_admitted = d->ptu.tokens_per_minute ? admit_provisioned(x) : admit_standard(x);

    x->admission.is_counted = true;
    if (!is_admitted) {
        refusal_set(x, exchange_error(x));
        return PHASE_FAIL;
    }
    count_in_flight(x, 1);
    x->admission.is_admitted = true;
    if (!admit_cost(x)) { /* what it was admitted with, SETTLE puts right */
        refusal_set_budget(x, exchange_error(x));
        return PHASE_FAIL;
    }
    x->admission.wants_receipt = receipt_is_wanted(&x->request->headers);
    return PHASE_MEASURE;
}

void admit_count_refused(struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;

    if (!x->admission.is_counted && !d->ptu.tokens_per_minute)
        rate_limit_count_invalid(&d->counters->rates, &d->counters->refusals, &d->limits,
                                 clock_now_ms(x->inference->options.clock));
    x->admission.is_counted = true;
}

/* The engine may have been at work on it, and nobody knows how far it had come. */
static bool is_left_unanswered(const struct exchange *x)
{
    return x->client_gone && x->engine.is_asked && !x->engine.status && !x->engine.failed;
}

/* What came of it, also for the metrics. An engine that breaks off, or a client that leaves, has
 * had what had come by then, the prompt at least; a request that no engine began has cost nothing. */
static struct usage find_usage(struct exchange *x)
{
    struct usage *usage = &x->usage;

    if (!usage->prompt_tokens && !usage->completion_tokens &&
        (x->engine.status == 200 || is_left_unanswered(x))) {
        usage->prompt_tokens = exchange_prompt_tokens(&x->facts);
        usage->completion_tokens = (x->relay.text_bytes + 3) / 4;
    }
    return *usage;
}

static void note_answer(struct exchange *x, const struct usage *usage)
{
    _Atomic uint32_t *mean = &x->deployment->counters->answer_tokens;
    uint64_t answers = admit_answers(x), had = atomic_load_explicit(mean, memory_order_relaxed);
    uint64_t now = answers ? usage->completion_tokens / answers : 0;

    if (!now || x->status != 200)
        return;
    had = had ? had - (had >> MEAN_SHIFT) + (now >> MEAN_SHIFT) : now;
    atomic_store_explicit(mean, had < UINT32_MAX ? (uint32_t)had : UINT32_MAX,
                          memory_order_relaxed);
}

/* Who was admitted, and then found to ask what cannot be (a prompt that is too long, mostly), counts as
 * those whom VALIDATE finds: as a request. */
static void settle_invalid(struct exchange *x)
{
    struct admission *a = &x->admission;

    if (rate_limit_make_invalid(&x->deployment->counters->rates, &x->deployment->counters->refusals,
                                &x->deployment->limits, &a->rates,
                                clock_now_ms(x->inference->options.clock), a->estimate))
        a->correction = -(int64_t)a->estimate;
}

static void settle_standard(struct exchange *x, const struct usage *usage)
{
    struct admission *a = &x->admission;
    int64_t difference;

    if (x->status == 400) {
        settle_invalid(x);
        return;
    }
    a->actual = usage->prompt_tokens + usage->completion_tokens;
    difference = (int64_t)a->actual - (int64_t)a->estimate;
    if (x->inference->options.charge_usage &&
        rate_window_correct(&x->deployment->counters->rates.tokens, RATE_MINUTE_MS,
                            a->rates.tokens.ends_ms, difference))
        a->correction = difference;
}

static void settle_provisioned(struct exchange *x, const struct usage *usage)
{
    const struct clock *clock = x->inference->options.clock;
    const struct directory_deployment *d = x->deployment;
    uint64_t work = ptu_work(usage->prompt_tokens, usage->cached_tokens, usage->completion_tokens,
                             d->ptu_output_ratio);
    int64_t difference = (int64_t)work - (int64_t)x->admission.estimate;

    if (x->admission.bucket.is_admitted) /* or went past it, where limits only count */
        ptu_bucket_correct(&d->counters->bucket, &d->ptu, clock_steady_ms(clock), difference);
    minute_meter_add(&d->counters->work, clock_now_ms(clock), work);
    x->admission.actual = work;
    x->admission.correction = difference;
}

/* Who runs the engine may have done all that was asked for, and want to be paid: the cap holds then. */
static bool may_cost_all(const struct exchange *x)
{
    const struct engine_facts *e = &x->engine;

    return is_left_unanswered(x) || (e->failed && !e->status && e->failure->code == ERROR_TIMEOUT);
}

static void settle_cost(struct exchange *x, const struct usage *usage)
{
    const struct admission *a = &x->admission;

    if (a->spending && !may_cost_all(x))
        budget_correct(a->spending, a->spending_ends_ms, a->cost,
                       budget_cost(x->deployment->engine->upstream.cost, usage->prompt_tokens,
                                   usage->cached_tokens, usage->completion_tokens));
}

void admit_settle(struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;
    struct usage usage;

    if (!x->admission.is_admitted)
        return;
    x->admission.is_admitted = false;
    count_in_flight(x, -1);
    usage = find_usage(x);
    if (d->ptu.tokens_per_minute || x->admission.spending)
        note_answer(x, &usage);
    settle_cost(x, &usage);
    if (d->ptu.tokens_per_minute)
        settle_provisioned(x, &usage);
    else
        settle_standard(x, &usage);
}
