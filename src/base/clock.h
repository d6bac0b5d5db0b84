/*
 * The one source of time. What depends on time (limits, lifecycle, expiry, time stamps) asks a
 * clock that it was given, so that a test can move it. Time-outs of the network
 * use the loop's own timers, which a moved clock leaves alone.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct clock {
    _Atomic int64_t offset_ms;  /* added to the wall clock; 0 in production */
    _Atomic int64_t advance_ms; /* how far it was moved forward in all; 0 in production */
};

/* By how much what the coarse clocks show may be behind. */
#define CLOCK_LATE_MS 10

/* Milliseconds since 1970-01-01 UTC, moved by the clock's offset; up to CLOCK_LATE_MS late. Any
 * thread. */
int64_t clock_now_ms(const struct clock *c);
/* Milliseconds that go on evenly while the wall clock is set, and only forward; also when the clock
 * is moved, by as much. As late. Any thread. */
int64_t clock_steady_ms(const struct clock *c);
/* Moves the clock: from now on it shows `now_ms` and goes on from there. Any thread. */
void clock_move_to(struct clock *c, int64_t now_ms);

/* Microseconds since 1970-01-01 UTC by the wall clock as it is, moved by nobody and not late: for a log. */
uint64_t clock_wall_us(void);
/* Microseconds of a clock that never goes back and nobody moves: for measuring. */
uint64_t clock_monotonic_us(void);
/* What the calling thread has used of the processor. */
uint64_t clock_thread_us(void);
/* Milliseconds of such a clock, up to CLOCK_LATE_MS late, for less: for time-outs. Not to be compared with
 * clock_monotonic_us. */
uint64_t clock_monotonic_ms(void);

#endif
