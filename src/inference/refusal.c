/* SPDX-License-Identifier: MIT */
#include "inference/admit.h"
#include "inference/operation.h"

/* Azure's for what no wait helps: a day. */
#define HOPELESS_MS UINT64_C(86400000)

#define TEXT_PROVISIONED                                                                      \
    "Requests have exceeded the throughput limit on your Provisioned-Managed deployment. If " \
    "you continue to exceed your limit, consider increasing the number of provisioned "       \
    "throughput units deployed."

/* Azure's words, for either kind of account. */
void refusal_set_rate_limit(struct exchange *x, const char *what, struct str seconds,
                            struct error *err)
{
    bool is_ai_services = str_equal_nocase(x->account->kind, STR("AIServices"));

    error_set(err, ERROR_RATE_LIMIT,
              "Requests to the %s Operation under Azure OpenAI API version %.*s have exceeded %s "
              "rate limit of your current %s S0 pricing tier. Please retry after %.*s seconds. %s",
              x->operation->id, STR_ARGS(x->version.date ? x->version.text : STR("v1")), what,
              is_ai_services ? "AIServices" : "OpenAI", STR_ARGS(seconds),
              is_ai_services
                  ? "Please contact Azure support service if you would like to further increase "
                    "the default rate limit."
                  : "Please go here: https://aka.ms/oai/quotaincrease if you would like to further "
                    "increase the default rate limit.");
}

/* Who comes back then shall find our clock as far on. */
static void set_retry(struct exchange *x, uint64_t wait_ms)
{
    uint64_t ms = wait_ms + CLOCK_LATE_MS;

    x->retry.seconds = format_decimal(x->arena, (int64_t)((ms + 999) / 1000));
    x->retry.ms = format_decimal(x->arena, (int64_t)ms);
}

void refusal_set(struct exchange *x, struct error *err)
{
    const struct rate_decision *rates = &x->admission.rates;
    int64_t now_ms = clock_now_ms(x->inference->options.clock);

    if (x->deployment->ptu_tokens_per_minute) {
        set_retry(x, x->admission.bucket.retry_after_ms);
        error_set(err, ERROR_RATE_LIMIT, "%s", TEXT_PROVISIONED);
        return;
    }
    if (rates->is_hopeless)
        set_retry(x, HOPELESS_MS - CLOCK_LATE_MS);
    else
        set_retry(x, rates->retry_at_ms > now_ms ? (uint64_t)(rates->retry_at_ms - now_ms) : 0);
    refusal_set_rate_limit(x, rates->verdict == RATE_TOO_MANY_TOKENS ? "token" : "call",
                           x->retry.seconds, err);
}
