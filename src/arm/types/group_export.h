/*
 * A resource group as a template by which its resources can be made again: what a client may set of each.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_GROUP_EXPORT_H
#define ARM_TYPES_GROUP_EXPORT_H

#include "arm/type.h"

/* A handler: POST .../exportTemplate. */
bool group_export(struct arm_call *c, struct error *err);

#endif
