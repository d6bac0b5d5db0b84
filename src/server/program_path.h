/*
 * Finds a program as a shell does.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_PROGRAM_PATH_H
#define SERVER_PROGRAM_PATH_H

/* The first executable of that name in the folders of PATH, to be freed, or NULL. */
char *program_path_find(const char *name);

#endif
