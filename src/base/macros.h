/*
 * Compiler attributes that the whole tree uses, and nothing else.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

/* The caller must look at the result: a failure is never dropped by accident. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The compiler checks a printf-style format against its arguments. */
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
