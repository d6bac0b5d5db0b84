/*
 * Where llama-server is: as configured, else on the PATH, else where `make` unpacks it, beside the
 * build.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_LLAMA_PATH_H
#define SERVER_LLAMA_PATH_H

/* To be freed; NULL when there is none. `configured` may be NULL. */
char *llama_path_find(const char *configured);

#endif
