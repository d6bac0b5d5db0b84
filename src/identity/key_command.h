/*
 * A command of the operator's that prints a key, by the shell. Its standard error is ours, so that the
 * operator sees what it complains of; what it prints is for the caller alone, who overwrites it.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_KEY_COMMAND_H
#define IDENTITY_KEY_COMMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"

struct key_command {
    const char *line;         /* for the shell */
    char *const *environment; /* ended by NULL */
    uint64_t timeout_ms;
    const atomic_bool *is_called_off; /* NULL: never; once it is true the command is ended */
};

/* Blocks until it has ended well, having printed less than `size` bytes. ERROR_CONFIG when it does
 * not; *is_silent tells whether that is for want of an answer, in time or at all. Any thread. */
MUST_CHECK bool key_command_run(const struct key_command *c, char *text, size_t size, size_t *len,
                                bool *is_silent, struct error *err);

#endif
