/*
 * lazuli env: how to reach the service of a data folder, for scripts.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "server/bootstrap.h"
#include "server/data_folder.h"
#include "server/sealing.h"

struct variable {
    const char *name;
    struct str value;
};

#define VARIABLES_MAX 16

static size_t variables_of(const struct bootstrap_info *info, struct variable v[VARIABLES_MAX])
{
    size_t n = 0;

    if (info->key1.len) {
        v[n++] = (struct variable){ "AZURE_OPENAI_ENDPOINT", info->public_base };
        v[n++] = (struct variable){ "AZURE_OPENAI_KEY", info->key1 };
        v[n++] = (struct variable){ "AZURE_OPENAI_API_KEY", info->key1 };
    }
    v[n++] = (struct variable){ "LAZULI_ARM_ENDPOINT", info->public_base };
    v[n++] = (struct variable){ "LAZULI_ARM_TOKEN", info->admin_token };
    v[n++] = (struct variable){ "LAZULI_TENANT_ID", info->tenant_id };
    v[n++] = (struct variable){ "LAZULI_SUBSCRIPTION_ID", info->subscription_id };
    /* by these names, Azure's SDKs find a service principal by themselves */
    v[n++] = (struct variable){ "AZURE_TENANT_ID", info->tenant_id };
    v[n++] = (struct variable){ "AZURE_CLIENT_ID", info->client_id };
    v[n++] = (struct variable){ "AZURE_CLIENT_SECRET", info->client_secret };
    if (info->account.len) {
        v[n++] = (struct variable){ "LAZULI_RESOURCE_GROUP", info->resource_group };
        v[n++] = (struct variable){ "LAZULI_ACCOUNT", info->account };
    }
    return n;
}

static void print_json(struct arena *a, const struct variable *v, size_t count)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    for (size_t i = 0; i < count; i++)
        json_set_str(doc, root, v[i].name, v[i].value);
    printf("%s\n", json_write_mut(a, root).data);
}

/* The values are URLs, GUIDs and base62: none needs more than single quotes. */
static void print_shell(const struct variable *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("export %s='%.*s'\n", v[i].name, STR_ARGS(v[i].value));
}

static bool read_info(const struct settings *s, struct arena *a, struct bootstrap_info *info,
                      struct error *err)
{
    struct data_folder folder;
    struct secret_box *box = NULL;
    struct store *store = NULL;
    bool ok = data_folder_find(&folder, s->data, err);

    if (ok)
        box = sealing_open(s, &folder, false, err);
    if (box)
        store = store_open(folder.database, err);
    ok = store && bootstrap_read(store, box, a, info, err);
    if (store)
        store_close(store);
    secret_box_free(box);
    data_folder_close(&folder);
    return ok;
}

static int print(const struct settings *s, const char *format)
{
    bool is_json = str_equal(str_from(format), STR("json"));
    struct variable variables[VARIABLES_MAX];
    struct bootstrap_info info;
    struct arena *a;
    struct error err;
    size_t count;

    if (!is_json && !str_equal(str_from(format), STR("sh"))) {
        error_set(&err, ERROR_CONFIG, "--format: '%s' is neither sh nor json", format);
        return command_fail(&err, EXIT_USAGE);
    }
    a = arena_new(NULL);
    if (!read_info(s, a, &info, &err)) {
        arena_free(a);
        return command_fail(&err, 1);
    }
    count = variables_of(&info, variables);
    if (is_json)
        print_json(a, variables, count);
    else
        print_shell(variables, count);
    arena_free(a);
    return 0;
}

static int run(int argc, char **argv)
{
    const char *format = "sh", *config;
    struct command_option option = { "format", &format };
    struct settings settings;
    struct error err;
    int status;

    settings_init(&settings);
    if (command_read_settings(argc, argv, &option, &settings, &config, &err))
        status = print(&settings, format);
    else
        status = command_fail(&err, EXIT_USAGE);
    settings_done(&settings);
    return status;
}

const struct command command_env = {
    "env",
    "[--data DIR] [--config FILE] [--format sh|json]",
    "print how to reach the service of a data folder, keys included",
    run,
};
