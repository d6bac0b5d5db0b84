/* SPDX-License-Identifier: MIT */
#include "inference/authorize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "inference/operation.h"

#define ME "aaaaaaaa-0000-0000-0000-000000000001"
#define TEAM "aaaaaaaa-0000-0000-0000-0000000000f1"
#define GROUP "/subscriptions/s/resourceGroups/G"
#define ACCOUNT GROUP "/providers/Microsoft.CognitiveServices/accounts/a"
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define OPENAI_USER "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
#define DATA_READER "b59867f0-fa02-499b-be73-45a86b5b3e1c"

static const struct operation *const operations[] = {
    &operation_chat,        &operation_completions, &operation_embeddings,
    &operation_models_list, &operation_models_get,
};
static const struct str groups[] = { { TEAM, sizeof(TEAM) - 1 } };
static const struct principal me = { .name = STR("an-app"), .object_id = STR(ME) };
static const struct principal member = {
    .name = STR("an-app"), .object_id = STR(ME), .groups = groups, .group_count = 1
};

static struct catalog *catalog;
static struct arena *arena;

static int set_up(void **state)
{
    struct error err;

    (void)state;
    catalog = catalog_parse(catalog_default_text(), "built-in catalog", &err);
    arena = arena_new(NULL);
    return catalog ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    catalog_unref(catalog);
    return 0;
}

/* May `who` do it, in a service where that role was given to that principal at that scope? */
static bool may(const struct principal *who, const struct operation *operation,
                enum surface surface, const char *principal, const char *role, const char *scope,
                struct error *err)
{
    /* as the directory has it, lower-cased */
    const struct directory_account account = { .key = arena_lower(arena, STR(ACCOUNT)) };
    struct rbac_assignment assignment = { str_from(principal), str_from(role), str_from(scope) };
    struct directory *empty = directory_new(catalog, NULL, 0);
    struct directory *d = directory_with_roles(empty, rbac_new(NULL, 0, &assignment, 1));
    struct exchange x = { .arena = arena,
                          .operation = operation,
                          .surface = surface,
                          .directory = d,
                          .account = &account };
    bool good = exchange_authorize(&x, who, err);

    directory_unref(empty);
    directory_unref(d);
    return good;
}

static void test_by_role(void **state)
{
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        assert_true(may(&me, operations[i], SURFACE_DATED, ME, OPENAI_USER, ACCOUNT, &err));
        assert_true(may(&me, operations[i], SURFACE_V1, ME, OPENAI_USER, GROUP, &err));
        assert_false(may(&me, operations[i], SURFACE_DATED, ME, OPENAI_USER,
                         GROUP "/providers/Microsoft.CognitiveServices/accounts/ab", &err));
        assert_int_equal(err.code, ERROR_PERMISSION_DENIED);
        assert_false(may(&me, operations[i], SURFACE_DATED, ME, OWNER, "/", &err));
        /* reading data is to ask for models, and no more */
        assert_int_equal(may(&me, operations[i], SURFACE_DATED, ME, DATA_READER, "/", &err),
                         operations[i]->method == HTTP_GET);
    }
}

static void test_by_group(void **state)
{
    struct error err;

    (void)state;
    assert_false(may(&me, &operation_chat, SURFACE_DATED, TEAM, OPENAI_USER, ACCOUNT, &err));
    assert_true(may(&member, &operation_chat, SURFACE_DATED, TEAM, OPENAI_USER, ACCOUNT, &err));
}

static void test_administrator(void **state)
{
    const struct principal admin = { .name = STR("admin"), .is_administrator = true };
    struct error err;

    (void)state;
    assert_true(may(&admin, &operation_chat, SURFACE_DATED, ME, OWNER, "/", &err));
}

static void test_texts(void **state)
{
    static const struct {
        const struct operation *operation;
        enum surface surface;
        const char *action, *path;
    } rows[] = {
        { &operation_chat, SURFACE_DATED, "deployments/chat/completions/action",
          "POST /openai/deployments/{deployment-id}/chat/completions" },
        { &operation_chat, SURFACE_V1, "deployments/chat/completions/action",
          "POST /openai/v1/chat/completions" },
        { &operation_completions, SURFACE_DATED, "deployments/completions/action",
          "POST /openai/deployments/{deployment-id}/completions" },
        { &operation_embeddings, SURFACE_DATED, "deployments/embeddings/action",
          "POST /openai/deployments/{deployment-id}/embeddings" },
        { &operation_models_list, SURFACE_DATED, "models/read", "GET /openai/models" },
        { &operation_models_get, SURFACE_DATED, "models/read", "GET /openai/models/{model-id}" },
        { &operation_models_get, SURFACE_V1, "models/read", "GET /openai/v1/models/{model-id}" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(may(&me, rows[i].operation, rows[i].surface, ME, OWNER, "/", &err));
        assert_string_equal(err.text,
                            arena_printf(arena,
                                         "The principal `" ME "` lacks the required data action "
                                         "`Microsoft.CognitiveServices/accounts/OpenAI/%s` to "
                                         "perform `%s` operation.",
                                         rows[i].action, rows[i].path)
                                .data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_role),
        cmocka_unit_test(test_by_group),
        cmocka_unit_test(test_administrator),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
