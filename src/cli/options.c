/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* -- A value ----------------------------------------------------------------------------------- */

/* "-c/--clients" */
static bool refuse(struct error *err, const struct option_row *row, const char *what)
{
    if (row->letter)
        return error_set_target(err, ERROR_CONFIG, row->name, "-%c/--%s %s", row->letter, row->name,
                                what);
    return error_set_target(err, ERROR_CONFIG, row->name, "--%s %s", row->name, what);
}

static bool refuse_range(struct error *err, const struct option_row *row, const char *what,
                         const char *value)
{
    char text[200], shown[64];

    str_show(str_from(value), shown, sizeof(shown));
    snprintf(text, sizeof(text), "must be a %s from %.15g to %.15g, not '%s'", what, row->min,
             row->max, shown);
    return refuse(err, row, text);
}

static bool set_count(const struct option_row *row, const char *value, uint64_t *count,
                      struct error *err)
{
    if (str_to_u64(str_from(value), (uint64_t)row->max, count) && *count >= (uint64_t)row->min)
        return true;
    return refuse_range(err, row, "whole number", value);
}

static bool set_real(const struct option_row *row, const char *value, double *real,
                     struct error *err)
{
    char *end;

    *real = strtod(value, &end);
    if (*value && *value != ' ' && !*end && isfinite(*real) && *real >= row->min &&
        *real <= row->max)
        return true;
    return refuse_range(err, row, "number", value);
}

static bool set_choice(const struct option_row *row, const char *value, int *which,
                       struct error *err)
{
    struct str rest = str_from(row->choices), choice;
    char text[200], shown[64];

    for (int i = 0; str_split(&rest, '|', &choice); i++) {
        if (str_equal(choice, str_from(value))) {
            *which = i;
            return true;
        }
    }
    str_show(str_from(value), shown, sizeof(shown));
    snprintf(text, sizeof(text), "must be one of %s, not '%s'", row->choices, shown);
    return refuse(err, row, text);
}

/* The words that Azure's benchmark tool takes. */
static bool read_bool(const char *value, bool *is_true)
{
    static const char *const yes[] = { "true", "yes", "t", "y", "1" };
    static const char *const no[] = { "false", "no", "f", "n", "0" };

    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        *is_true = strcasecmp(value, yes[i]) == 0;
        if (*is_true || strcasecmp(value, no[i]) == 0)
            return true;
    }
    return false;
}

static bool set_value(const struct option_row *row, const char *value, void *filled,
                      struct error *err)
{
    void *at = (char *)filled + row->offset;
    uint64_t count;

    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)at = value;
        return *value || refuse(err, row, "must not be empty");
    case OPTION_COUNT:
        return set_count(row, value, at, err);
    case OPTION_UNSIGNED:
        if (!set_count(row, value, &count, err))
            return false;
        *(unsigned *)at = (unsigned)count;
        return true;
    case OPTION_REAL:
        return set_real(row, value, at, err);
    case OPTION_CHOICE:
        return set_choice(row, value, at, err);
    case OPTION_BOOL:
        return read_bool(value, at) || refuse(err, row, "must be true or false");
    case OPTION_EACH:
        return row->take(filled, value, err);
    case OPTION_FLAG:
        break;
    }
    *(bool *)at = true;
    return true;
}

/* -- The words --------------------------------------------------------------------------------- */

struct cursor {
    const struct option_table *table;
    const struct option_others *others;
    void *filled;
    int argc, at;
    char **argv;
};

static const struct option_row *find_letter(const struct option_table *t, char letter)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].letter == letter)
            return &t->rows[i];
    }
    return NULL;
}

/* The whole name, or the beginning of one only. */
static const struct option_row *find_name(const struct option_table *t, struct str name,
                                          bool *is_unclear)
{
    const struct option_row *found = NULL;

    *is_unclear = false;
    for (size_t i = 0; i < t->count; i++) {
        struct str known = str_from(t->rows[i].name);

        if (str_equal(known, name))
            return &t->rows[i];
        if (!t->takes_beginnings || !str_starts_with(known, name))
            continue;
        *is_unclear = found;
        found = &t->rows[i];
    }
    return *is_unclear ? NULL : found;
}

/* The next word; NULL: there is none. */
static const char *next_word(struct cursor *c)
{
    return c->at + 1 < c->argc ? c->argv[++c->at] : NULL;
}

/* `joined`: what stands behind the '=', or directly behind the letter; or NULL. */
static const char *take_value(struct cursor *c, const struct option_row *row, const char *joined)
{
    bool is_true;

    if (joined || row->kind == OPTION_FLAG)
        return joined ? joined : "";
    if (row->kind == OPTION_BOOL &&
        (c->at + 1 >= c->argc || !read_bool(c->argv[c->at + 1], &is_true)))
        return "true";
    return next_word(c);
}

static bool take_row(struct cursor *c, const struct option_row *row, const char *joined,
                     struct error *err)
{
    const char *value;

    if (joined && row->kind == OPTION_FLAG)
        return refuse(err, row, "takes no value");
    value = take_value(c, row, joined);
    return value ? set_value(row, value, c->filled, err) : refuse(err, row, "needs a value");
}

static bool take_other(struct cursor *c, struct str name, const char *joined, struct error *err)
{
    const char *value = joined;

    if (!c->others->has(name))
        value = ""; /* which it is refused with */
    else if (!value)
        value = c->others->is_flag(name) ? "true" : next_word(c);
    return value ? c->others->set(c->others->data, name, value, err)
                 : error_set(err, ERROR_CONFIG, "--%.*s needs a value", STR_ARGS(name));
}

static bool take_option(struct cursor *c, struct error *err)
{
    const char *word = c->argv[c->at], *joined = NULL;
    const struct option_row *row;
    struct str name = STR_NONE;
    bool is_unclear = false;

    if (word[1] == '-') {
        struct str rest = str_from(word + 2);

        (void)str_split(&rest, '=', &name);
        joined = rest.data;
        row = find_name(c->table, name, &is_unclear);
    } else {
        row = find_letter(c->table, word[1]);
        joined = word[2] ? word + 2 : NULL;
    }
    if (is_unclear)
        return error_set(err, ERROR_CONFIG, "'%s' may be one of several options", word);
    if (row)
        return take_row(c, row, joined, err);
    if (c->others && name.data)
        return take_other(c, name, joined, err);
    return error_set(err, ERROR_CONFIG, "there is no option '%s'; --help lists them", word);
}

static bool take_subject(struct cursor *c, struct error *err)
{
    const char *word = c->argv[c->at], **subject;

    if (!c->table->has_subject)
        return error_set(err, ERROR_CONFIG, "'%s' is not an option", word);
    subject = (const char **)(void *)((char *)c->filled + c->table->subject);
    if (*subject)
        return error_set(err, ERROR_CONFIG, "'%s' is one word too many", word);
    *subject = word;
    return true;
}

bool options_read(const struct option_table *t, int argc, char **argv, void *filled,
                  const struct option_others *others, struct error *err)
{
    struct cursor c = { t, others, filled, argc, 1, argv };
    bool has_ended = false;

    if (t->has_subject)
        *(const char **)(void *)((char *)filled + t->subject) = NULL;
    for (; c.at < argc; c.at++) {
        const char *word = argv[c.at];

        if (!has_ended && strcmp(word, "--") == 0)
            has_ended = true;
        else if (!has_ended && word[0] == '-' && word[1]) {
            if (!take_option(&c, err))
                return false;
        } else if (!take_subject(&c, err)) {
            return false;
        }
    }
    return true;
}
