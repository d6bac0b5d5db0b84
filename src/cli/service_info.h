/*
 * What a data folder tells of its service, for commands that have to do with one that runs.
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_SERVICE_INFO_H
#define CLI_SERVICE_INFO_H

#include "server/bootstrap.h"
#include "server/settings.h"

struct service_info {
    struct bootstrap_info known;
    struct str folder;         /* absolute */
    struct str authority_file; /* absolute: the CA that vouches for it; or empty */
};

/* Strings live in the arena, secrets among them. */
MUST_CHECK bool service_info_read(const struct settings *s, struct arena *a,
                                  struct service_info *info, struct error *err);

#endif
