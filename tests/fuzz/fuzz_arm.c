/*
 * Any request to the control plane is answered by valid JSON or nothing, never by an internal
 * error. An input is "METHOD TARGET\n" and a body; each meets the same group, with an account, what
 * lies below one, and another account that was deleted, since what it changes is taken back. It comes
 * from an administrator, and from somebody without any role, who changes nothing.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "arm/call.h"
#include "arm/execute.h"
#include "folder.h"
#include "fuzz.h"

#define SUBSCRIPTION "/subscriptions/11111111-2222-3333-4444-555555555555"
#define ACCOUNT \
    SUBSCRIPTION "/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/account"
#define VERSION "?api-version=2024-10-01"

static struct clock wall;
static struct store *store;
static struct arm *arm;

static bool make_resources(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    static const char *const requests[][2] = {
        { SUBSCRIPTION VERSION, "{}" },
        { SUBSCRIPTION "/resourceGroups/g" VERSION, "{\"location\":\"eastus\"}" },
        { SUBSCRIPTION "/resourceGroups/g/providers/Microsoft.ManagedIdentity/"
                       "userAssignedIdentities/identity?api-version=2023-01-31",
          "{\"location\":\"eastus\"}" },
        { ACCOUNT VERSION,
          "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}" },
        { ACCOUNT "/deployments/d" VERSION,
          "{\"properties\":{\"model\":{\"name\":\"text-embedding-ada-002\"}}}" },
        { ACCOUNT "/raiBlocklists/b" VERSION, "{}" },
        { ACCOUNT "/raiPolicies/p" VERSION, "{}" },
        { ACCOUNT "/defenderForAISettings/Default" VERSION, "{}" },
        { SUBSCRIPTION "/tagNames/Team" VERSION, "" },
        { SUBSCRIPTION "/tagNames/Team/tagValues/a" VERSION, "" },
        { ACCOUNT "Gone" VERSION,
          "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}" },
    };
    struct str reply;
    int status;

    (void)data;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        if (!arm_apply(arm, t, arena, HTTP_PUT, str_from(requests[i][0]), str_from(requests[i][1]),
                       &status, &reply, err))
            return false;
    }
    return arm_apply(arm, t, arena, HTTP_DELETE, STR(ACCOUNT "Gone" VERSION), STR_NONE, &status,
                     &reply, err);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const uint8_t secret[KEY_HASH_SECRET_BYTES];
    struct arm_options options = { .clock = &wall };
    struct error err = { 0 };

    (void)argc;
    (void)argv;
    if (!folder_make())
        return 1;
    options.store = store = store_open(folder_database(), &err);
    options.box = secret_box_new_from_file(folder_key(), true, &err);
    options.vault = key_vault_new();
    options.key_hash = key_hash_new(secret);
    options.authority =
        authority_new(options.box, &wall, STR("00000000-0000-4000-8000-000000000000"));
    options.catalog = catalog_parse(catalog_default_text(), "default", &err);
    options.directory = directory_box_new(directory_new(options.catalog, NULL, 0));
    options.public_base = STR("http://localhost");
    arm = arm_new(&options);
    if (!store_run(store, make_resources, NULL, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return 0;
}

/* Always fails, so that nothing is kept. */
static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct arm_call c = { .arm = arm, .txn = t, .arena = arena, .request = data };
    struct str text;

    arm_throttle_init(&arm->throttle, 0, clock_monotonic_us());
    if (arm_execute(&c, err)) {
        assert(c.reply.status >= 200 && c.reply.status < 300);
        assert(c.request->principal.is_administrator || c.request->method == HTTP_GET ||
               c.request->method == HTTP_HEAD);
        text = c.reply.body;
        error_set(err, ERROR_CONFLICT, NULL);
    } else {
        assert(error_info(err->code)->status < 500);
        text = arm_render_error(arena, err, c.error_details);
        assert(text.len);
    }
    assert(!text.len || json_parse(arena, text, &(struct error){ 0 }));
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of((const char *)data, size), line, method, path;
    struct arm_request request = { .base = STR("http://localhost") };
    struct error err = { 0 };

    str_split(&rest, '\n', &line);
    str_split(&line, ' ', &method);
    if (!str_split(&line, '?', &path))
        return 0;
    request.method = http_method_from_name(method);
    request.path = path;
    request.query = line;
    request.body = rest;
    request.principal = (struct principal){ .name = STR("fuzz"), .is_administrator = true };
    if (store_run(store, run, &request, &err))
        abort();
    request.principal.is_administrator = false;
    if (store_run(store, run, &request, &err))
        abort();
    return 0;
}
