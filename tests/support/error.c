/*
 * Preloaded into a program: an error of the kind that the compiler is told by -D, before main().
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static volatile int number = INT_MAX;

#ifdef OVERFLOW
static void err(void)
{
    number++;
}
#endif

#ifdef OUT_OF_BOUNDS
static void err(void)
{
    volatile char *block = malloc(8);

    block[number ? 8 : 0] = 1;
    free((void *)block);
}
#endif

#ifdef RACE
static void *change(void *unused)
{
    number = 1;
    return unused;
}

static void err(void)
{
    pthread_t other;

    pthread_create(&other, NULL, change, NULL);
    number = 2;
    pthread_join(other, NULL);
}
#endif

#ifdef LEAK
static void *volatile block;

static void err(void)
{
    block = malloc(4321);
    memset(block, 1, 4321);
    block = NULL;
}
#endif

__attribute__((constructor)) static void begin(void)
{
    err();
}
