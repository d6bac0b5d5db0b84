/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

void random_bytes(void *out, size_t len)
{
    if (RAND_bytes(out, (int)len) != 1) {
        fputs("lazuli: the system gives no random bytes\n", stderr);
        abort();
    }
}

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void random_base62(char *out, size_t len)
{
    unsigned char pool[64];
    size_t left = 0;

    for (size_t i = 0; i < len;) {
        unsigned char byte;

        if (!left) {
            random_bytes(pool, sizeof(pool));
            left = sizeof(pool);
        }
        byte = pool[--left];
        /* 248 = 4 * 62: above it a digit would come more often than others. */
        if (byte < 248)
            out[i++] = base62[byte % 62];
    }
    out[len] = '\0';
}

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state ? *state : 0x9E3779B97F4A7C15u;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Du;
}

void random_next_base62(uint64_t *state, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = base62[(random_next(state) >> 32) % 62];
    out[len] = '\0';
}
