/*
 * May the bearer of a token do what the exchange asks for? Its roles at the account decide, by
 * their data actions alone: who may do everything with the account on the control plane (Owner) may
 * call no model by that.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_AUTHORIZE_H
#define INFERENCE_AUTHORIZE_H

#include "identity/principal.h"
#include "inference/exchange.h"

/* The exchange's operation, directory and account are known. Roles are those of its directory.
 * ERROR_PERMISSION_DENIED. */
MUST_CHECK bool exchange_authorize(struct exchange *x, const struct principal *who,
                                   struct error *err);
/* The same by an action that the operation does not name itself. */
MUST_CHECK bool exchange_authorize_by(struct exchange *x, const struct principal *who,
                                      enum rbac_kind kind, struct str action, struct error *err);

#endif
