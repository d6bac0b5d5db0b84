/*
 * Receipts: what a request was counted for, what it really took, and what that did to its deployment's
 * count, for a client that asks for it by "x-lazuli-receipt: true". A whole reply has all of it in a
 * header of that name. A stream has what is known at its start there, and the whole in a comment, which
 * clients pass over, right before [DONE].
 *
 * The form is a dictionary of structured fields (RFC 9651): "unit=tokens, estimate=17, actual=24,
 * correction=0". What is meant by it is in docs/limits.md.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_RECEIPT_H
#define INFERENCE_RECEIPT_H

#include "inference/exchange.h"

/* A line of one, header's name and all. */
#define RECEIPT_BYTES_MAX 256

bool receipt_is_wanted(const struct http_headers *headers);
/* The header's line, at `at`. */
char *receipt_write_header(char *at, const struct exchange *x);
/* The comment, for a stream that is whole: the exchange is settled by it. */
MUST_CHECK bool receipt_add_comment(struct exchange *x, struct buf *events);

#endif
