/*
 * $filter of the lists: members compared by 'eq' and joined by 'and', which is what the Azure CLI
 * and the SDKs send: resourceGroup, resourceType, name, location, tagName, tagValue.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_FILTER_H
#define ARM_FILTER_H

#include "arm/call.h"

enum arm_filter_member {
    FILTER_GROUP,
    FILTER_TYPE,
    FILTER_NAME,
    FILTER_LOCATION,
    FILTER_TAG_NAME,
    FILTER_TAG_VALUE,
    FILTER_MEMBERS
};

/* What each must be; empty: anything. */
struct arm_filter {
    struct str values[FILTER_MEMBERS];
    bool is_empty;
};

/* ERROR_ARM_FILTER for what it cannot do: no filter is left aside. */
MUST_CHECK bool arm_filter_read(struct arm_call *c, struct arm_filter *filter, struct error *err);
/* `shown` is a resource as a client sees it. */
bool arm_filter_matches(const struct arm_call *c, const struct arm_filter *filter,
                        yyjson_mut_val *shown);

#endif
