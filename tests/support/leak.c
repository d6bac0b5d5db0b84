/*
 * Preloaded into the service: a block that nothing points to.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

static void *volatile block;

__attribute__((constructor)) static void leak(void)
{
    block = malloc(4321);
    memset(block, 1, 4321);
    block = NULL;
}
