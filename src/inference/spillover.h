/*
 * Spillover: what a provisioned deployment cannot take, a standard one of the same account does
 * (Azure's "Manage traffic with spillover for provisioned deployments"). Which one, the deployment
 * says (spilloverDeploymentName), or else the request (x-ms-spillover-deployment).
 *
 * SETTLE asks, where all endings pass: an answer of 429, of 500 or 503, or of 400 for a context that
 * is too long, of which nothing was sent yet, is kept, and the exchange goes through VALIDATE once
 * more, for the other deployment. When that fails, too, the kept answer goes out. Once, never twice.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_SPILLOVER_H
#define INFERENCE_SPILLOVER_H

#include "inference/exchange.h"

struct spillover {
    const struct directory_deployment *from; /* which was called */
    int error; /* status that the other one answered with; 0: it has not failed */
    /* What `from` answered. */
    int status;
    struct str content_type;
    struct str reply_body;
    struct error *err;
    struct retry retry;
    struct admission admission;
};

/* The exchange, which has been settled, is about to be answered with an error, whole: another
 * deployment's turn (PHASE_VALIDATE), or PHASE_FINISH. */
enum phase spillover_look(struct exchange *x);

#endif
