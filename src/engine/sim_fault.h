/*
 * Faults of the simulator as text, for the header in which a dev server takes a request's own
 * fault: parts separated by ';', the kind first or anywhere, each at most once.
 *
 *   status=429; retry-after-ms=800     an error answer; 400..599
 *   stall; after=5                     5 tokens of the answer, then silence
 *   cut; after=12                      12 tokens, then the connection breaks
 *   malformed; after=3; rate=0.1       3 tokens, then bytes that are no JSON; every tenth request
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_FAULT_H
#define ENGINE_SIM_FAULT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"
#include "model/catalog.h"

/* ERROR_BAD_REQUEST names the part at fault as target. */
MUST_CHECK bool sim_fault_parse(struct str header, struct sim_fault *fault, struct error *err);

#endif
