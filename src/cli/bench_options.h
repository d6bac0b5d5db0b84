/*
 * The words behind `lazuli bench load`: those of Azure's benchmark tool, in long and short form, and some
 * of ours. A long one may be cut as long as it stays clear, as that tool takes it ("--shape custom").
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_BENCH_OPTIONS_H
#define CLI_BENCH_OPTIONS_H

#include <stdio.h>

#include "base/error.h"
#include "load/options.h"

struct bench_options {
    struct load_options load;
    const char *api_key_env, *token_env; /* variables of the environment; NULL: not given */
    const char *data;                    /* folder of a service on this machine, or NULL */
    bool is_plain;                       /* no view in a terminal */
    bool wants_help;
};

/* argv[0] is the command's name. Texts point into argv. ERROR_CONFIG names the option at fault and what
 * it takes. Does not look at the environment, nor at files; the endpoint may be missing where `data` is
 * there. */
MUST_CHECK bool bench_options_parse(int argc, char **argv, struct bench_options *b,
                                    struct error *err);
void bench_options_print(FILE *out);

#endif
