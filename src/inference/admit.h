/*
 * What ADMIT and SETTLE do to the counters of a deployment; exchange_admit itself is a phase.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_ADMIT_H
#define INFERENCE_ADMIT_H

#include "inference/exchange.h"

/* A request that is refused for what it asks (400) counts as a request all the same: Azure's
 * documentation of quota. The deployment is known; once for an exchange. */
void admit_count_refused(struct exchange *x);

/* The request has ended: what it really took is put right where the limit's rules say so, once. */
void admit_settle(struct exchange *x);

/* Answers that are generated for it, which the estimate takes as one each. */
uint64_t admit_answers(const struct exchange *x);

#endif
