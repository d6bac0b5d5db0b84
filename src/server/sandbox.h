/*
 * What the process gives up for good, before it makes its first thread: whatever a client or a
 * model might make it do, it cannot win more than it needs, and neither can the programs that it
 * starts, which inherit it.
 *
 *   memory         no core dumps, and no other process of the same user may look into it
 *   privileges     no_new_privs: a setuid program gives none; of root's capabilities a few are left
 *   system calls   those that no engine needs, and that attacks on kernels are made of (seccomp)
 *   files          nothing is written but where it has to be (Landlock)
 *
 * Reading is not restricted: SIGHUP may bring a catalog that names files anywhere.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>

#include "base/error.h"
#include "base/macros.h"

enum sandbox_mode { SANDBOX_OFF, SANDBOX_ON, SANDBOX_REQUIRED };

/* "on", "off" or "required"; false for any other word. */
MUST_CHECK bool sandbox_parse_mode(const char *name, enum sandbox_mode *mode);

/* Before the first secret is read. Of this process and of those that it starts, no memory is dumped;
 * of this one, none is shown to another process without CAP_SYS_PTRACE. */
void sandbox_hide_memory(void);

/* `data` is the data folder. What the kernel does not offer is left out, and the log says what is in
 * force; with SANDBOX_REQUIRED it is ERROR_CONFIG. */
MUST_CHECK bool sandbox_enter(enum sandbox_mode mode, const char *data, struct error *err);

#endif
