/*
 * The activity log: an event for each write of the control plane and each action (PUT, PATCH, DELETE,
 * POST) of a caller whose token was good, whether it succeeded or was refused. An event is kept in
 * the transaction of what it tells of. Not kept: what named no operation (no such route, api-version
 * or subscription) and what came too fast; it would let a client that runs wild fill the store.
 *
 * An event holds who asked, from where, for what, and what came of it; never a body, so no secret.
 * It is kept as a JSON object of these facts; types/event.c makes Azure's shape of it.
 *
 *   operation        "Microsoft.CognitiveServices/accounts/write"
 *   resource         id
 *   status           of HTTP
 *   state            "Accepted", "Succeeded", "Failed"
 *   event, request, correlation    GUIDs; correlation is absent where it is the request's
 *   client_request   what the client calls its request; may be absent
 *   method, uri, address           uri with the api-version as its only parameter
 *   caller, kind, object           the principal; object may be absent
 *   code, message    of a refusal
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_ACTIVITY_H
#define ARM_ACTIVITY_H

#include "arm/call.h"

/* The end of a call: with its reply, or (after what it wrote has been taken back) with its failure.
 * Does nothing for calls that are not kept. */
MUST_CHECK bool arm_activity_record(struct arm_call *c, const struct error *failure,
                                    struct error *err);

/* The scope (store/store.h) of a resource's key: its top-level resource, its group, or its
 * subscription. */
struct str arm_activity_scope(struct str key);

/* Removes events older than `days`, in small jobs, many but not endlessly many; the next call goes on.
 * `on_done` is called on `loop`; err is NULL when all went well. */
void arm_activity_trim(struct arm *a, uint64_t days, struct loop *loop,
                       void (*on_done)(void *data, const struct error *err), void *data);

#endif
