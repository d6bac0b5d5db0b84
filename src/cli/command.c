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

static bool set_option(struct settings *s, struct str name, const char *value,
                       const struct command_option *own, const char **config, struct error *err)
{
    if (str_equal(name, STR("config"))) {
        *config = value;
        return true;
    }
    if (own && str_equal(name, str_from(own->name))) {
        *own->value = value;
        return true;
    }
    return settings_set(s, name, str_from(value), "command line", err);
}

static bool is_known(struct str name, const struct command_option *own)
{
    return settings_has(name) || str_equal(name, STR("config")) ||
           (own && str_equal(name, str_from(own->name)));
}

static bool read_options(int argc, char **argv, const struct command_option *own,
                         struct settings *s, const char **config, struct error *err)
{
    for (int i = 1; i < argc; i++) {
        struct str rest = str_from(argv[i]), name;
        const char *value = strchr(argv[i], '=');

        if (!str_starts_with(rest, STR("--")))
            return error_set(err, ERROR_CONFIG, "'%s' is not an option", argv[i]);
        rest = str_slice(rest, 2, rest.len);
        (void)str_split(&rest, '=', &name);
        if (!is_known(name, own))
            return error_set(err, ERROR_CONFIG,
                             "command line: there is no setting '%.*s'; lazuli settings lists them",
                             STR_ARGS(name));
        if (value)
            value++;
        else if (settings_is_flag(name))
            value = "true";
        else if (i + 1 < argc)
            value = argv[++i];
        else
            return error_set(err, ERROR_CONFIG, "--%.*s needs a value", STR_ARGS(name));
        if (!set_option(s, name, value, own, config, err))
            return false;
    }
    return true;
}

bool command_read_settings(int argc, char **argv, const struct command_option *own,
                           struct settings *s, const char **config, struct error *err)
{
    struct settings first;
    bool ok;

    *config = NULL;
    /* Once for --config alone: the file ranks below the command line. */
    settings_init(&first);
    ok = read_options(argc, argv, own, &first, config, err);
    settings_done(&first);
    return ok && (!*config || settings_load(s, *config, err)) &&
           settings_from_environment(s, err) && read_options(argc, argv, own, s, config, err) &&
           settings_check(s, err);
}
