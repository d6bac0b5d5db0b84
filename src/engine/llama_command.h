/*
 * The command line of a llama-server. Known to work with 0.7.0 (build 11669); what older builds
 * may not know goes through its environment, where they do not look.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_LLAMA_COMMAND_H
#define ENGINE_LLAMA_COMMAND_H

#include "engine/supervisor.h"
#include "model/catalog.h"

struct llama_command_options {
    const struct catalog_llama *settings;
    const char *llama_server;   /* NULL: there is none */
    const char *embedded_model; /* NULL: there is none */
    const char *socket;         /* absolute, ends in ".sock" */
    const char **secrets; /* variables of our environment that are not for it; ends with NULL */
    bool is_verbose;
};

/* Calls that it is sent at a time, at most: as many as it has slots, and some that wait inside it.
 * Each connection takes one of its threads, and others stay free for probes. */
unsigned llama_command_places(const struct catalog_llama *settings);

/* Looks at the files as well: ERROR_CONFIG tells what is missing. */
MUST_CHECK bool llama_command(struct arena *a, const struct llama_command_options *options,
                              struct supervisor_command *command, struct error *err);

#endif
