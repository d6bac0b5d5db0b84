/*
 * Whether the settings of two engines say the same. Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H

#include <stdbool.h>

#include "model/catalog.h"

/* Would a process or a set of connections made from one do for the other? What it costs is not
 * asked. */
bool settings_are_equal(const struct catalog_engine *a, const struct catalog_engine *b);

#endif
