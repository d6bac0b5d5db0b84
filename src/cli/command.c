/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdio.h>

int command_fail(const struct error *err, int status)
{
    fprintf(stderr, "lazuli: %s\n", err->text);
    return status;
}

void command_print_quoted(struct str value)
{
    struct str part;

    putchar('\'');
    while (str_find_char(value, '\'') != SIZE_MAX) {
        (void)str_split(&value, '\'', &part);
        printf("%.*s'\\''", STR_ARGS(part));
    }
    printf("%.*s'", STR_ARGS(value));
}

void command_print_export(const char *name, struct str value)
{
    printf("export %s=", name);
    command_print_quoted(value);
    putchar('\n');
}

/* Where what is no option of the command's own goes. */
struct words {
    struct settings *settings;
    const char **config;
};

static bool has(struct str name)
{
    return settings_has(name) || str_equal(name, STR("config"));
}

static bool set(void *data, struct str name, const char *value, struct error *err)
{
    const struct words *w = data;

    if (str_equal(name, STR("config"))) {
        *w->config = value;
        return true;
    }
    if (!settings_has(name))
        return error_set(err, ERROR_CONFIG,
                         "command line: there is no setting '%.*s'; lazuli settings lists them",
                         STR_ARGS(name));
    return settings_set(w->settings, name, str_from(value), "command line", err);
}

static bool read_words(int argc, char **argv, const struct option_table *own, void *filled,
                       struct settings *s, const char **config, struct error *err)
{
    static const struct option_table none = { .rows = NULL };
    struct words words = { s, config };
    const struct option_others settings = { &words, has, settings_is_flag, set };

    return options_read(own ? own : &none, argc, argv, filled, &settings, err);
}

bool command_read_settings(int argc, char **argv, const struct option_table *own, void *filled,
                           struct settings *s, const char **config, struct error *err)
{
    struct settings first;
    bool ok;

    *config = NULL;
    /* Once for --config alone: the file ranks below the command line. */
    settings_init(&first);
    ok = read_words(argc, argv, own, filled, &first, config, err);
    settings_done(&first);
    return ok && (!*config || settings_load(s, *config, err)) &&
           settings_from_environment(s, err) &&
           read_words(argc, argv, own, filled, s, config, err) && settings_check(s, err);
}
