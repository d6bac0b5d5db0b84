/*
 * What an engine costs that somebody else runs, and the most that it may cost in a day.
 *
 * A request is counted when it is admitted, with an estimate, and put right when it has ended. It is
 * admitted when the day's sum, itself included, is not above the cap: of requests that come at the
 * same time, as many pass as fit, and the cap is exceeded by no more than by what answers turn out
 * to be longer than was estimated. Days are those of UTC. The sum is of money that was spent, also
 * where there is no cap.
 *
 * Money is in millionths of the currency's unit, whichever that is. Pure functions of (counter, cost,
 * now); any thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_BUDGET_H
#define MODEL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "model/catalog.h"
#include "model/rate_window.h"

#define BUDGET_DAY_MS (INT64_C(24) * 3600 * 1000)

/* What so many tokens cost, rounded up. `cached_tokens` are some of the prompt's. */
uint64_t budget_cost(const struct catalog_cost *c, uint64_t prompt_tokens, uint64_t cached_tokens,
                     uint64_t output_tokens);

/* Adds `cost` to the day's sum; false: there is no room for it, and nothing is added. *ends_ms: the
 * end of the day that it was, or would have been, added to. */
MUST_CHECK bool budget_admit(struct rate_window *day, const struct catalog_cost *c, int64_t now_ms,
                             uint64_t cost, int64_t *ends_ms);
/* What was estimated at `estimate` has come to `cost`. Nothing happens when another day has begun. */
void budget_correct(struct rate_window *day, int64_t ends_ms, uint64_t estimate, uint64_t cost);
/* Of the day that it is. */
uint64_t budget_spent(const struct rate_window *day, int64_t now_ms);

#endif
