/* SPDX-License-Identifier: MIT */
#include "load/schedule.h"

#include <math.h>

#include "base/random.h"

#define MINUTE_US 60e6
#define COUNTED_MAX 1000000

void load_schedule_init(struct load_schedule *s, uint64_t start_us, double rate_rpm,
                        uint64_t requests, double duration_s, bool ends_with_both)
{
    *s = (struct load_schedule){
        .start_us = start_us,
        .gap_us = rate_rpm > 0 ? MINUTE_US / rate_rpm : 0,
        .requests_max = requests,
        .end_us = duration_s > 0 ? start_us + (uint64_t)(duration_s * 1e6) : 0,
        .ends_with_both = ends_with_both,
    };
}

/* The gap to the next one, exponentially distributed; U is in (0, 1]. */
static void move_random(struct load_schedule *s)
{
    double u = (double)((random_next(&s->random) >> 11) + 1) / 0x1p53;

    s->random_us -= log(u) * s->gap_us;
}

void load_schedule_randomize(struct load_schedule *s, uint64_t seed)
{
    s->random = seed | 1;
    move_random(s);
}

static bool has_all_requests(const struct load_schedule *s)
{
    return s->requests_max && s->started >= s->requests_max;
}

static bool has_all_time(const struct load_schedule *s, uint64_t now_us)
{
    return s->end_us && now_us >= s->end_us;
}

static bool needs_both(const struct load_schedule *s)
{
    return s->ends_with_both && s->requests_max && s->end_us;
}

bool load_schedule_is_over(const struct load_schedule *s, uint64_t now_us)
{
    if (s->is_stopped)
        return true;
    if (needs_both(s))
        return has_all_requests(s) && has_all_time(s, now_us);
    return has_all_requests(s) || has_all_time(s, now_us);
}

/* Of the next one, at a rate. Even ones are counted from the start, so that no error adds up. */
static uint64_t planned_us(const struct load_schedule *s)
{
    return s->start_us + (uint64_t)(s->random ? s->random_us : (double)s->started * s->gap_us);
}

bool load_schedule_take(struct load_schedule *s, uint64_t now_us, uint64_t *at_us)
{
    if (load_schedule_is_over(s, now_us))
        return false;
    *at_us = s->gap_us > 0 ? planned_us(s) : now_us;
    if (*at_us > now_us)
        return false;
    s->started++;
    if (s->random)
        move_random(s);
    return true;
}

uint64_t load_schedule_next_us(const struct load_schedule *s, uint64_t now_us)
{
    if (load_schedule_is_over(s, now_us))
        return SCHEDULE_NEVER;
    return s->gap_us > 0 ? planned_us(s) : now_us;
}

/* Random ones, one after another; what is beyond so many, by the mean. */
static uint64_t count_random(struct load_schedule s, uint64_t until_us)
{
    uint64_t count = 0;

    for (; planned_us(&s) <= until_us && count < COUNTED_MAX; count++)
        move_random(&s);
    if (count == COUNTED_MAX && planned_us(&s) < until_us)
        count += (uint64_t)((double)(until_us - planned_us(&s)) / s.gap_us);
    return s.started + count;
}

uint64_t load_schedule_behind(const struct load_schedule *s, uint64_t now_us)
{
    uint64_t until_us = now_us, planned;

    if (s->gap_us <= 0)
        return 0;
    if (s->end_us && !needs_both(s) && until_us >= s->end_us)
        until_us = s->end_us - 1;
    if (s->random)
        planned = count_random(*s, until_us);
    else
        planned = (uint64_t)((double)(until_us - s->start_us) / s->gap_us) + 1;
    if (s->requests_max && !needs_both(s) && planned > s->requests_max)
        planned = s->requests_max;
    return planned > s->started ? planned - s->started : 0;
}
