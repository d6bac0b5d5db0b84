/*
 * The words behind a command's name, read by a table of its options: "--name value", "--name=value",
 * "-n value", "-nvalue", and the name alone of a flag; "--" ends them. A word that is none of these is
 * the command's subject, where it has one.
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* What the option's value is, and what it is stored as. */
enum option_kind {
    OPTION_TEXT,     /* const char *: points into argv */
    OPTION_COUNT,    /* uint64_t, from min to max */
    OPTION_UNSIGNED, /* unsigned, from min to max */
    OPTION_REAL,     /* double, from min to max */
    OPTION_CHOICE,   /* int: which of the choices, from 0 on */
    OPTION_FLAG,     /* bool: takes no value */
    OPTION_BOOL,     /* bool: "true" where none follows */
    OPTION_EACH,     /* by `take`, as often as it is given */
};

struct option_row {
    const char *name; /* without hyphens */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset; /* of what is set, in what options_read fills */
    double min, max;
    const char *choices; /* "a|b" */
    const char *help;
    bool (*take)(void *filled, const char *value, struct error *err);
};

struct option_table {
    const struct option_row *rows;
    size_t count;
    bool takes_beginnings; /* of a name, as long as it is clear which it is */
    bool has_subject;
    size_t subject; /* offset of a const char *; NULL where it is not given */
};

/* Long options that are in no row. */
struct option_others {
    void *data;
    bool (*has)(struct str name);
    bool (*is_flag)(struct str name);
    /* Says, too, that there is none of that name. */
    bool (*set)(void *data, struct str name, const char *value, struct error *err);
};

/* argv[0] is the command's name; texts point into argv. What is not given stays as it is. `others` may be
 * NULL. ERROR_CONFIG names the option at fault and what it takes. */
MUST_CHECK bool options_read(const struct option_table *t, int argc, char **argv, void *filled,
                             const struct option_others *others, struct error *err);

#endif
