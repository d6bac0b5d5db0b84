/*
 * Another master key: everything in the store that the old one has sealed is sealed by the new one,
 * in one transaction. Refresh tokens and codes of sign-ins, which only clients keep, end by it.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_RESEAL_H
#define SERVER_RESEAL_H

#include <stddef.h>

#include "identity/secret_box.h"
#include "store/store.h"

/* No service may be running on the store. *count: of secrets. ERROR_STORE when one does not open by
 * `old`; then nothing has changed. */
MUST_CHECK bool reseal_store(struct store *s, const struct secret_box *old,
                             const struct secret_box *new, size_t *count, struct error *err);

#endif
