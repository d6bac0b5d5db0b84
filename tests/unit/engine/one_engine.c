/* SPDX-License-Identifier: MIT */
#include "one_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

const struct catalog_engine *one_engine(const char *settings, struct catalog **catalog)
{
    char yaml[512];
    struct error err;

    snprintf(yaml, sizeof(yaml), "engines:\n  - name: e\n    %s\n", settings);
    *catalog = catalog_parse(str_from(yaml), "test.yaml", &err);
    if (*catalog)
        return &(*catalog)->engines[0];
    fail_msg("%s: %s", settings, err.text);
    return NULL;
}
