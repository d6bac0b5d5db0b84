/*
 * An engine's settings by themselves.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_ONE_ENGINE_H
#define TEST_ONE_ENGINE_H

#include "model/catalog.h"

/* The engine "e" of a catalog with these settings; the catalog is the caller's. The test fails where
 * they are wrong. */
const struct catalog_engine *one_engine(const char *settings, struct catalog **catalog);

#endif
