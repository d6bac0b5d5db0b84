/*
 * The built-in catalog, for tests of what is looked up in one.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_DEFAULT_CATALOG_H
#define TEST_DEFAULT_CATALOG_H

#include "model/catalog.h"

extern struct catalog *catalog;

/* Of the group of tests. */
int default_catalog_set_up(void **state);
int default_catalog_tear_down(void **state);

#endif
