/*
 * The parts of the sandbox. Each returns false when the kernel, or what the process runs in, does
 * not allow it; errno says why.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SANDBOX_PARTS_H
#define SERVER_SANDBOX_PARTS_H

#include <stdbool.h>

#include "base/macros.h"

/* No program that is started wins privileges: what seccomp and Landlock need, too. */
MUST_CHECK bool sandbox_no_new_privileges(void);
/* For root: all capabilities but those in sandbox_privileges.c go, and do not come back. */
MUST_CHECK bool sandbox_drop_capabilities(void);
/* System calls: sandbox_seccomp.c has the list. */
MUST_CHECK bool sandbox_filter_calls(void);
/* Files are written below `data`, and where sandbox_landlock.c says. */
MUST_CHECK bool sandbox_restrict_writes(const char *data);

#endif
