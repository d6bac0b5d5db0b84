/* SPDX-License-Identifier: MIT */
#include "default_catalog.h"

struct catalog *catalog;

int default_catalog_set_up(void **state)
{
    struct error err;

    (void)state;
    catalog = catalog_parse(catalog_default_text(), "default", &err);
    return catalog ? 0 : -1;
}

int default_catalog_tear_down(void **state)
{
    (void)state;
    catalog_unref(catalog);
    return 0;
}
