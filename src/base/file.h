/*
 * Files that operators name: settings, catalogs, certificates, keys, models. They are read again while
 * the service runs, so only regular ones are taken: to open a pipe, or to read it, would keep the
 * control loop waiting for whoever writes into it.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/macros.h"

/* A descriptor to read by. -1: errno, and in words *why. */
MUST_CHECK int file_open(const char *path, const char **why);
/* The same; -1 with EFBIG, too, where the file is longer than `max` bytes: what reads it takes its time for each. */
MUST_CHECK int file_open_up_to(const char *path, size_t max, const char **why);
/* Reads up to `max` bytes; the number read, or -1 with errno. */
MUST_CHECK ssize_t file_read(int fd, char *out, size_t max);
/* NULL, or why file_open_up_to would fail: before others open it. */
const char *file_why_not(const char *path, size_t max);

#endif
