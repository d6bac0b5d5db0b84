/*
 * Engines with one llama-server, "m", for which the fake stands in; in a folder that goes with the
 * tests.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_LLAMA_FIXTURE_H
#define TEST_LLAMA_FIXTURE_H

#include "rig.h"

#define STREAM "{\"stream\":true}"

struct llama_fixture {
    char folder[32];
    char server[4096]; /* path of the fake */
    char model[64];
    char marker[64]; /* path of a file for --fake-exit-once */
};

extern struct llama_fixture fixture;
extern struct rig rig;

/* Of the group of tests. */
int llama_fixture_set_up(void **state);
int llama_fixture_tear_down(void **state);

/* Starts the engines, with more lines of settings of "m". */
void start(const char *more, ...) PRINTF_LIKE(1, 2);
/* Reloads them with other settings of "m". */
void reload(const char *more, ...) PRINTF_LIKE(1, 2);
void stop(void);

/* Sockets and pid files in the folder; the model and the marker are the tests'. */
unsigned files_left(void);
/* A process that has ended but was not waited for counts as gone. */
bool is_running(int pid);
/* Of the process that has answered. */
int pid_in(struct rig_call *c);

#endif
