/*
 * What every target has.
 * SPDX-License-Identifier: MIT
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What libFuzzer calls: the first one once, where a target has it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process where that does not hold, which libFuzzer takes for a finding. */
static inline void check(bool holds)
{
    if (!holds)
        abort();
}

#endif
