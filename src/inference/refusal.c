/* SPDX-License-Identifier: MIT */
#include "inference/refusal.h"

#include "inference/admit.h"
#include "inference/operation.h"
#include "model/budget.h"
#include "model/refusal_log.h"

/* Azure's for what no wait helps: a day. */
#define HOPELESS_MS UINT64_C(86400000)

#define TEXT_PROVISIONED                                                                      \
    "Requests have exceeded the throughput limit on your Provisioned-Managed deployment. If " \
    "you continue to exceed your limit, consider increasing the number of provisioned "       \
    "throughput units deployed."

static bool is_of_ai_services(const struct exchange *x)
{
    return str_equal_nocase(x->account->kind, STR("AIServices"));
}

/* "1 second", "7 seconds". */
static const char *seconds_word(struct str seconds)
{
    return str_equal(seconds, STR("1")) ? "second" : "seconds";
}

/* Azure's words, for either kind of account. */
void refusal_set_rate_limit(struct exchange *x, const char *what, struct str seconds,
                            struct error *err)
{
    bool is_ai_services = is_of_ai_services(x);

    error_set(err, ERROR_RATE_LIMIT,
              "Requests to the %s Operation under Azure OpenAI API version %.*s have exceeded %s "
              "rate limit of your current %s S0 pricing tier. Please retry after %.*s %s. %s",
              x->operation->id, STR_ARGS(x->version.date ? x->version.text : STR("v1")), what,
              is_ai_services ? "AIServices" : "OpenAI", STR_ARGS(seconds), seconds_word(seconds),
              is_ai_services
                  ? "Please contact Azure support service if you would like to further increase "
                    "the default rate limit."
                  : "Please go here: https://aka.ms/oai/quotaincrease if you would like to further "
                    "increase the default rate limit.");
}

/* 0 once it has come: a clock may have been set in between. */
static uint64_t ms_until(int64_t then_ms, int64_t now_ms)
{
    return then_ms > now_ms ? (uint64_t)(then_ms - now_ms) : 0;
}

/* Who comes back then shall find our clock as far on. */
static void set_retry(struct exchange *x, uint64_t wait_ms)
{
    uint64_t ms = wait_ms + CLOCK_LATE_MS;

    x->retry.seconds = format_decimal(x->arena, (int64_t)((ms + 999) / 1000));
    x->retry.ms = format_decimal(x->arena, (int64_t)ms);
}

/* -- What there is to say of it later ---------------------------------------------------------- */

static void note_windows(const struct exchange *x, struct refusal *r)
{
    const struct directory_deployment *d = x->deployment;
    const struct rate_decision *rates = &x->admission.rates;
    struct rate_filling f =
        rate_limit_note_refused(&d->counters->refusals, &d->limits, rates, x->admission.estimate);

    r->limit = rates->verdict == RATE_TOO_MANY_TOKENS ? REFUSAL_TOKENS : REFUSAL_REQUESTS;
    r->requests = (struct refusal_window){
        .limit = d->limits.requests_per_period,
        .per_unit = d->model->requests_per_unit,
        .starts_ms = rates->requests.ends_ms - d->limits.period_ms,
        .ends_ms = rates->requests.ends_ms,
        .admitted = f.requests_admitted,
        .refused = f.requests_refused,
        .invalid = f.requests_invalid,
        .counted = 1,
    };
    r->tokens = (struct refusal_window){
        .limit = d->limits.tokens_per_minute,
        .per_unit = d->model->tokens_per_unit,
        .starts_ms = rates->tokens.ends_ms - RATE_MINUTE_MS,
        .ends_ms = rates->tokens.ends_ms,
        .admitted = f.tokens_admitted,
        .refused = f.tokens_refused,
        .counted = f.tokens_counted,
    };
    r->is_hopeless = rates->is_hopeless;
    r->retry_at_ms = rate_limit_fits_at_ms(&d->limits, rates, x->admission.estimate);
}

static void note_throughput(const struct exchange *x, struct refusal *r)
{
    const struct directory_deployment *d = x->deployment;
    int64_t in_flight = atomic_load_explicit(&d->counters->in_flight, memory_order_relaxed);
    int64_t work = atomic_load_explicit(&d->counters->work_in_flight, memory_order_relaxed);

    r->limit = REFUSAL_THROUGHPUT;
    r->is_provisioned = true;
    r->throughput = (struct refusal_throughput){
        .per_minute = d->ptu.tokens_per_minute,
        .per_unit = d->model->ptu_tokens_per_minute,
        .burst_s = (uint64_t)d->ptu.full_ms / 1000,
        .permille = x->admission.bucket.permille,
        .this_minute = rate_window_of(&d->counters->work.minute, RATE_MINUTE_MS, r->at_ms),
        .last_minute = minute_meter_last(&d->counters->work, r->at_ms),
        .in_flight = in_flight > 0 ? (uint64_t)in_flight : 0,
        .work_in_flight = work > 0 ? (uint64_t)work : 0,
    };
    r->retry_at_ms = r->at_ms + (int64_t)x->admission.bucket.retry_after_ms;
}

static void note(const struct exchange *x, int64_t now_ms)
{
    const struct directory_deployment *d = x->deployment;
    struct refusal r = {
        .at_ms = now_ms,
        .operation = x->operation->id,
        .capacity = d->capacity,
        .estimate = { .total = x->admission.estimate,
                      .prompt_chars = x->facts.prompt_chars,
                      .given_tokens = x->facts.prompt_tokens,
                      .prompt = exchange_prompt_tokens(&x->facts),
                      .answer = x->admission.answer,
                      .is_answer_asked = x->facts.asks_max_tokens,
                      .answers = admit_answers(x),
                      .output_ratio = d->ptu.tokens_per_minute ? d->ptu_output_ratio : 1 },
    };

    memcpy(r.id, x->request_id, sizeof(r.id));
    refusal_copy_name(r.account_key, sizeof(r.account_key), x->account->key);
    refusal_copy_name(r.account, sizeof(r.account), x->account->name);
    refusal_copy_name(r.deployment, sizeof(r.deployment), d->name);
    refusal_copy_name(r.model, sizeof(r.model), str_from(d->model->name));
    refusal_copy_name(r.version, sizeof(r.version), str_from(d->model->version));
    refusal_copy_name(r.sku, sizeof(r.sku), d->sku);
    if (d->ptu.tokens_per_minute)
        note_throughput(x, &r);
    else
        note_windows(x, &r);
    /* What the client of a request that was sent on hears of, is noted already. */
    if (!x->spillover)
        refusal_log_add(x->inference->options.refusals, &r);
}

void refusal_set(struct exchange *x, struct error *err)
{
    const struct rate_decision *rates = &x->admission.rates;
    int64_t now_ms = clock_now_ms(x->inference->options.clock);

    note(x, now_ms);
    if (x->deployment->ptu.tokens_per_minute) {
        set_retry(x, x->admission.bucket.retry_after_ms);
        error_set(err, ERROR_RATE_LIMIT, "%s", TEXT_PROVISIONED);
        return;
    }
    if (rates->is_hopeless)
        set_retry(x, HOPELESS_MS - CLOCK_LATE_MS);
    else
        set_retry(x, ms_until(rates->retry_at_ms, now_ms));
    refusal_set_rate_limit(x, rates->verdict == RATE_TOO_MANY_TOKENS ? "token" : "call",
                           x->retry.seconds, err);
}

/* As Azure says that a free tier is used up, with the reason. Not 429: whoever tries again by itself
 * would do so until midnight. */
void refusal_set_budget(struct exchange *x, struct error *err)
{
    int64_t now_ms = clock_now_ms(x->inference->options.clock);

    set_retry(x, ms_until(x->admission.spending_ends_ms, now_ms));
    error_set(err, ERROR_BUDGET,
              "Out of call volume quota for %s S0 pricing tier: what the engine of the deployment "
              "%.*s may cost in a day leaves no room for this request. Please retry after %.*s "
              "%s.",
              is_of_ai_services(x) ? "AIServices" : "OpenAI", STR_ARGS(x->deployment->name),
              STR_ARGS(x->retry.seconds), seconds_word(x->retry.seconds));
}
