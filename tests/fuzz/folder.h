/*
 * A folder for a database and its key, which goes when the process ends.
 * SPDX-License-Identifier: MIT
 */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include <stdbool.h>

/* False when it cannot be made. Once. */
bool folder_make(void);
/* Files in it, which whoever wants them makes; they may have neighbours of sqlite's. */
const char *folder_database(void);
const char *folder_key(void);

#endif
