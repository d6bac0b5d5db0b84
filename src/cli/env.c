/*
 * lazuli env: how to reach the service of a data folder, for scripts.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/service_info.h"

struct variable {
    const char *name;
    struct str value;
};

#define VARIABLES_MAX 16

static size_t variables_of(const struct service_info *service, struct variable v[VARIABLES_MAX])
{
    const struct bootstrap_info *info = &service->known;
    size_t n = 0;

    if (info->key1.len) {
        v[n++] = (struct variable){ "AZURE_OPENAI_ENDPOINT", info->endpoint.public_base };
        v[n++] = (struct variable){ "AZURE_OPENAI_KEY", info->key1 };
        v[n++] = (struct variable){ "AZURE_OPENAI_API_KEY", info->key1 };
    }
    v[n++] = (struct variable){ "LAZULI_ARM_ENDPOINT", info->endpoint.public_base };
    v[n++] = (struct variable){ "LAZULI_ARM_TOKEN", info->admin_token };
    v[n++] = (struct variable){ "LAZULI_TENANT_ID", info->tenant_id };
    v[n++] = (struct variable){ "LAZULI_SUBSCRIPTION_ID", info->subscription_id };
    /* by these names, Azure's SDKs find a service principal by themselves */
    v[n++] = (struct variable){ "AZURE_TENANT_ID", info->tenant_id };
    v[n++] = (struct variable){ "AZURE_CLIENT_ID", info->client_id };
    v[n++] = (struct variable){ "AZURE_CLIENT_SECRET", info->client_secret };
    if (info->endpoint.secure_base.len)
        v[n++] = (struct variable){ "AZURE_AUTHORITY_HOST", info->endpoint.secure_base };
    if (service->authority_file.len)
        v[n++] = (struct variable){ "LAZULI_CA_BUNDLE", service->authority_file };
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

static void print_shell(const struct variable *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        command_print_export(v[i].name, v[i].value);
}

static int print(const struct settings *s, bool is_json)
{
    struct variable variables[VARIABLES_MAX];
    struct service_info info;
    struct arena *a = arena_new(NULL);
    struct error err;
    size_t count;
    int status = 0;

    if (!service_info_read(s, a, &info, &err)) {
        status = command_fail(&err, 1);
    } else {
        count = variables_of(&info, variables);
        if (is_json)
            print_json(a, variables, count);
        else
            print_shell(variables, count);
    }
    arena_free(a);
    return status;
}

static int run(int argc, char **argv)
{
    enum { SH, JSON };
    static const struct option_row rows[] = {
        { "format", .kind = OPTION_CHOICE, .choices = "sh|json" },
    };
    static const struct option_table options = { .rows = rows, .count = ARRAY_LEN(rows) };
    struct settings settings;
    const char *config;
    struct error err;
    int format = SH, status;

    settings_init(&settings);
    if (command_read_settings(argc, argv, &options, &format, &settings, &config, &err))
        status = print(&settings, format == JSON);
    else
        status = command_fail(&err, EXIT_USAGE);
    settings_done(&settings);
    return status;
}

const struct command command_env = {
    .name = "env",
    .arguments = "[--data DIR] [--config FILE] [--format sh|json]",
    .help = "print how to reach the service of a data folder, keys included",
    .run = run,
    .has_secrets = true,
    .prints = true,
};
