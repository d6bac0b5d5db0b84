/*
 * What the load says of itself, on standard error, in the form of Azure's benchmark tool:
 * "2023-10-19 18:21:06 INFO     starting load...". Where a view is drawn on the same terminal, it makes room
 * first.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_SAY_H
#define LOAD_SAY_H

#include <stdio.h>

#include "base/macros.h"

struct say {
    FILE *out;
    FILE *copy; /* the file of --log-save-dir, or NULL */
    void (*make_room)(void *data);
    void *data;
};

void say_info(struct say *s, const char *format, ...) PRINTF_LIKE(2, 3);
void say_warning(struct say *s, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
