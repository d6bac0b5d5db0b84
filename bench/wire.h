/*
 * What the programs of the benchmarks share: sockets on this machine and the time. A failure ends
 * the program with a line on stderr: a benchmark without its load has no result.
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>

/* Says what failed, with errno's text, and exits with 1. */
_Noreturn void wire_fail(const char *what);

/* An address is a port of 127.0.0.1, or the path of a Unix socket (it holds a slash). */
int wire_listen(const char *address);  /* does not block */
int wire_connect(const char *address); /* blocks; wire_unblock() ends that */
void wire_unblock(int fd);

/* CLOCK_MONOTONIC, the same for all processes of the machine. */
uint64_t wire_now_ns(void);

#endif
