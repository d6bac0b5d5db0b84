/*
 * What accounts show of their private endpoint connections. SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_PRIVATE_ENDPOINT_H
#define ARM_TYPES_PRIVATE_ENDPOINT_H

#include "arm/type.h"

/* Appends all connections of the account to the list. */
MUST_CHECK bool private_endpoint_render_all(struct arm_call *c,
                                            const struct store_resource *account,
                                            yyjson_mut_doc *doc, yyjson_mut_val *list,
                                            struct error *err);
/* Is one of that account's connections approved? */
MUST_CHECK bool private_endpoint_find_approved(struct store_txn *t, struct arena *arena,
                                               struct str account_key, bool *is_approved,
                                               struct error *err);

#endif
