/* SPDX-License-Identifier: MIT */
#include "server/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "server/sandbox_parts.h"

enum part { NO_NEW_PRIVILEGES, CAPABILITIES, SECCOMP, LANDLOCK, PARTS };

static const char *const part_names[PARTS] = {
    [NO_NEW_PRIVILEGES] = "no_new_privileges",
    [CAPABILITIES] = "capabilities",
    [SECCOMP] = "seccomp",
    [LANDLOCK] = "landlock",
};

static const char *const mode_names[] = {
    [SANDBOX_OFF] = "off",
    [SANDBOX_ON] = "on",
    [SANDBOX_REQUIRED] = "required",
};

bool sandbox_parse_mode(const char *name, enum sandbox_mode *mode)
{
    for (unsigned i = 0; i < ARRAY_LEN(mode_names); i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *mode = (enum sandbox_mode)i;
            return true;
        }
    }
    return false;
}

void sandbox_hide_memory(void)
{
    /* A limit of 0 does not hold where core_pattern names a program that takes cores; 1 does, by which
     * the kernel knows such a program itself, and makes none of it (core(5)). No file is made of one byte
     * either. Where the hard limit is 0 already, nobody may raise it. */
    const struct rlimit byte = { 1, 1 }, none = { 0 };

    /* To be dumpable is this process's own; the limit is inherited, since prompts lie in an engine's
     * memory, too. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        (setrlimit(RLIMIT_CORE, &byte) != 0 && setrlimit(RLIMIT_CORE, &none) != 0))
        log_warn("memory_not_hidden", "error=\"%s\"", strerror(errno));
}

static bool enter(enum part part, const char *data)
{
    switch (part) {
    case NO_NEW_PRIVILEGES:
        return sandbox_no_new_privileges();
    case CAPABILITIES:
        return sandbox_drop_capabilities();
    case SECCOMP:
        return sandbox_filter_calls();
    case LANDLOCK:
        return sandbox_restrict_writes(data);
    case PARTS:
        break;
    }
    return false;
}

bool sandbox_enter(enum sandbox_mode mode, const char *data, struct error *err)
{
    const char *states[PARTS] = { 0 };

    if (geteuid() == 0)
        log_warn("runs_as_root", "advice=\"it needs no user but one that owns the data folder\"");
    if (mode == SANDBOX_OFF) {
        log_warn("sandbox", "state=off");
        return true;
    }
    for (enum part i = 0; i < PARTS; i++) {
        states[i] = "on";
        if (enter(i, data))
            continue;
        states[i] = strerror(errno);
        if (mode == SANDBOX_REQUIRED)
            return error_set(err, ERROR_CONFIG, "sandbox: %s is not to be had here: %s",
                             part_names[i], states[i]);
        log_warn("sandbox_incomplete", "lacks=%s reason=\"%s\"", part_names[i], states[i]);
    }
    log_info("sandbox",
             "no_new_privileges=\"%s\" capabilities=\"%s\" seccomp=\"%s\" landlock=\"%s\"",
             states[NO_NEW_PRIVILEGES], states[CAPABILITIES], states[SECCOMP], states[LANDLOCK]);
    return true;
}
