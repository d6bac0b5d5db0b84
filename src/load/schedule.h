/*
 * When requests start, and when no more do. At a rate they have planned times, which hold whatever the
 * service does (an open loop): who waits behind a slow answer waits on the record. Without one, a
 * client starts the next as soon as it has ended one. Pure: time is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_NEVER UINT64_MAX

struct load_schedule {
    uint64_t start_us;
    double gap_us;         /* between two planned times; 0: no rate */
    uint64_t requests_max; /* 0: no such end */
    uint64_t end_us;       /* 0: no such end */
    bool ends_with_both;   /* else with the first of them */
    uint64_t started;
    bool is_stopped;
    uint64_t random;  /* 0: planned times are even */
    double random_us; /* else that of the next one, from the start */
};

/* `rate_rpm` 0: no rate; `requests` and `duration_s` 0: not limited by it. */
void load_schedule_init(struct load_schedule *s, uint64_t start_us, double rate_rpm,
                        uint64_t requests, double duration_s, bool ends_with_both);
/* Planned times as of callers who know nothing of each other (a Poisson process of that rate), from the
 * start on. The same seed, the same times. */
void load_schedule_randomize(struct load_schedule *s, uint64_t seed);
/* Takes the next request, if one is to start by now: true, and when it was planned. */
bool load_schedule_take(struct load_schedule *s, uint64_t now_us, uint64_t *planned_us);
/* When the next request is due. */
uint64_t load_schedule_next_us(const struct load_schedule *s, uint64_t now_us);
/* No request starts any more. */
bool load_schedule_is_over(const struct load_schedule *s, uint64_t now_us);
/* How many were to have started by now and have not. */
uint64_t load_schedule_behind(const struct load_schedule *s, uint64_t now_us);

#endif
