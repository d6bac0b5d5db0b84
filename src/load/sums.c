/* SPDX-License-Identifier: MIT */
#include "load/sums.h"

static void add_answer(struct load_sums *s, const struct load_outcome *o)
{
    s->done++;
    s->context_tokens += o->context_tokens;
    s->generated_tokens += o->generated_tokens;
    histogram_add(&s->e2e, o->end_us - o->start_us);
    histogram_add(&s->e2e_corrected, o->end_us - o->planned_us);
    if (!o->first_us)
        return;
    histogram_add(&s->ttft, o->first_us - o->start_us);
    histogram_add(&s->ttft_corrected, o->first_us - o->planned_us);
    if (o->generated_tokens > 1)
        histogram_add(&s->tbt, (o->last_us - o->first_us) / (o->generated_tokens - 1));
}

void load_sums_add(struct load_sums *s, const struct load_outcome *o)
{
    s->throttled_tries += o->throttled_tries;
    if (o->utilization >= 0)
        histogram_add(&s->utilization, (uint64_t)(o->utilization * 10 + 0.5));
    switch (o->result) {
    case LOAD_DONE:
        add_answer(s, o);
        break;
    case LOAD_THROTTLED:
        s->throttled++;
        break;
    case LOAD_FAILED:
        s->failed++;
        break;
    }
}

void load_sums_merge(struct load_sums *s, const struct load_sums *other)
{
    s->done += other->done;
    s->failed += other->failed;
    s->throttled += other->throttled;
    s->throttled_tries += other->throttled_tries;
    s->context_tokens += other->context_tokens;
    s->generated_tokens += other->generated_tokens;
    histogram_merge(&s->e2e, &other->e2e);
    histogram_merge(&s->e2e_corrected, &other->e2e_corrected);
    histogram_merge(&s->ttft, &other->ttft);
    histogram_merge(&s->ttft_corrected, &other->ttft_corrected);
    histogram_merge(&s->tbt, &other->tbt);
    histogram_merge(&s->utilization, &other->utilization);
}

uint64_t load_sums_ended(const struct load_sums *s)
{
    return s->done + s->failed + s->throttled;
}

double load_sums_utilization(const struct load_sums *s)
{
    return histogram_average(&s->utilization) / 10;
}
