/*
 * Processes that outlived a lazuli that was killed. For each process that it starts, lazuli keeps
 * a file in its run folder which names the process and lazuli itself; the next start ends what is
 * left over. A process is known by its id and by when it started (/proc/PID/stat), so that a
 * stranger with the same id is never touched.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_PID_FILE_H
#define ENGINE_PID_FILE_H

#include <stdbool.h>

#include "base/error.h"

/* "FOLDER/NAME.pid" for a child of this process that listens on a Unix socket. */
MUST_CHECK bool pid_file_write(const char *file, int pid, const char *socket, struct error *err);
/* Ends the processes of all "*.pid" files in the folder whose lazuli is gone, with their groups,
 * and removes these files, their sockets, and the folder of a socket if that is another one and
 * empty then. Returns how many processes it ended. What is no such file is left alone. */
unsigned pid_file_sweep(const char *folder);

#endif
