/*
 * Random bytes from OpenSSL's generator: good enough for keys. Any thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Never fails: the process ends when the system gives no entropy. */
void random_bytes(void *out, size_t len);
/* `len` characters of 0-9A-Za-z, then a NUL: `out` holds len + 1. */
void random_base62(char *out, size_t len);

/* A fast generator for what is not secret (ids of answers, jitter, simulated text): same seed,
 * same sequence (xorshift64*, Vigna 2016). The state is never 0. */
uint64_t random_next(uint64_t *state);
/* As random_base62, of that generator. */
void random_next_base62(uint64_t *state, char *out, size_t len);

#endif
