/*
 * What it costs to ask a limit: ns a call of the functions of model/ that the data plane calls once a
 * request, by one thread and by several that ask the same limit. Prints a line of JSON.
 *
 *     admission [SECONDS]      of each measurement; default 1
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/macros.h"
#include "model/ptu_bucket.h"
#include "model/rate_limit.h"

#define THREADS 2
#define CALLS_BETWEEN_LOOKS 1000
#define ESTIMATE 100
#define WIDE UINT64_C(1000000000000)

static struct rate_counters counters;
static struct ptu_bucket bucket;
static const struct rate_limits limits = { WIDE, WIDE, 10000 };
static const struct ptu_limit units = { WIDE, RATE_MINUTE_MS };

static bool ask_standard(int64_t now_ms)
{
    return rate_limit_admit(&counters, &limits, now_ms, ESTIMATE).verdict == RATE_ADMITTED;
}

/* As a request does: once when it comes, once when it has ended. */
static bool ask_provisioned(int64_t now_ms)
{
    bool is_admitted = ptu_bucket_admit(&bucket, &units, now_ms, ESTIMATE).is_admitted;

    ptu_bucket_correct(&bucket, &units, now_ms, -ESTIMATE / 2);
    return is_admitted;
}

struct run {
    bool (*ask)(int64_t now_ms);
    uint64_t until_us;
    uint64_t calls, refused;
};

static void *ask_on(void *data)
{
    struct run *r = data;

    do {
        int64_t now_ms = (int64_t)clock_monotonic_ms();

        for (int i = 0; i < CALLS_BETWEEN_LOOKS; i++)
            r->refused += !r->ask(now_ms);
        r->calls += CALLS_BETWEEN_LOOKS;
    } while (clock_monotonic_us() < r->until_us);
    return NULL;
}

/* ns a call of each thread; ends the program where something was refused. */
static double measure(bool (*ask)(int64_t now_ms), unsigned threads, double seconds)
{
    uint64_t start_us = clock_monotonic_us(), us = (uint64_t)(seconds * 1e6), calls = 0;
    struct run runs[THREADS];
    pthread_t ids[THREADS];

    for (unsigned i = 0; i < threads; i++) {
        runs[i] = (struct run){ ask, start_us + us, 0, 0 };
        if (pthread_create(&ids[i], NULL, ask_on, &runs[i]))
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        calls += runs[i].calls;
        if (runs[i].refused) {
            fprintf(stderr, "admission: %" PRIu64 " calls were refused\n", runs[i].refused);
            exit(1);
        }
    }
    return (double)(clock_monotonic_us() - start_us) * 1000 * threads / (double)calls;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;

    if (seconds <= 0 || seconds > 60) {
        fprintf(stderr, "usage: admission [SECONDS]\n");
        return 2;
    }
    printf("{\"standard_ns\":%.1f,\"standard_ns_n%d\":%.1f,", measure(ask_standard, 1, seconds),
           THREADS, measure(ask_standard, THREADS, seconds));
    printf("\"provisioned_ns\":%.1f,\"provisioned_ns_n%d\":%.1f}\n",
           measure(ask_provisioned, 1, seconds), THREADS,
           measure(ask_provisioned, THREADS, seconds));
    return 0;
}
