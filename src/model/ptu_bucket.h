/*
 * The limit of a deployment of the Provisioned family: the leaky bucket of Azure's documentation of
 * provisioned throughput ("How utilization performance works").
 *
 * Work is measured in input tokens: an output token counts for as many as the model's catalog entry
 * says, a cached prompt token for none. The bucket drains at the rate that the deployed throughput
 * units (PTU) give, and holds what drains in some time, usually a minute: that full, utilization is
 * 100 %. A request is admitted while it is not above that; then the estimate of its work is added, and
 * when it has ended, the difference to what it really was. So a burst may go somewhat beyond 100 %.
 *
 * The level is kept as the time when the bucket will be empty: one atomic word, no lock, any thread,
 * nothing that would have to run by the clock. Times are of a clock that does not jump
 * (clock_steady_ms).
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_PTU_BUCKET_H
#define MODEL_PTU_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ptu_limit {
    uint64_t tokens_per_minute; /* the drain, i.e. what the units come to; not 0 */
    int64_t full_ms;            /* at 100 % it takes so long until the bucket is empty */
};

struct ptu_bucket {
    _Alignas(64) _Atomic int64_t empty_at_ns;
    _Atomic uint64_t tokens_per_minute; /* by which empty_at_ns was reckoned; 0: never used */
};

/* The work of a request, in input tokens. `output_ratio`: those that an output token counts for. It is
 * never more than any model's context comes to, which those below rely on. */
uint64_t ptu_work(uint64_t prompt_tokens, uint64_t cached_tokens, uint64_t output_tokens,
                  unsigned output_ratio);

struct ptu_decision {
    bool is_admitted;
    uint64_t permille;       /* utilization, what was added included, in tenths of a percent */
    uint64_t retry_after_ms; /* of what was refused: until utilization is 100 % */
};

struct ptu_decision ptu_bucket_admit(struct ptu_bucket *b, const struct ptu_limit *limit,
                                     int64_t now_ms, uint64_t work);
/* Adds the difference (which may be negative) between a request's work and its estimate. */
void ptu_bucket_correct(struct ptu_bucket *b, const struct ptu_limit *limit, int64_t now_ms,
                        int64_t difference);
/* Utilization, in tenths of a percent. */
uint64_t ptu_bucket_permille(struct ptu_bucket *b, const struct ptu_limit *limit, int64_t now_ms);

#endif
