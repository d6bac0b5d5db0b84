/* SPDX-License-Identifier: MIT */
#include "model/resource_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SUB "/subscriptions/00000000-0000-0000-0000-000000000001"
#define CS "Microsoft.CognitiveServices"

static void assert_str(struct str s, const char *expected)
{
    char text[256];

    assert_true(s.len < sizeof(text));
    if (s.len)
        memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    assert_string_equal(text, expected);
}

static void test_each_form(void **state)
{
    static const struct {
        const char *path, *group, *provider, *type, *name, *collection;
        unsigned depth;
    } rows[] = {
        { "/subscriptions", "", "", "", "", "subscriptions", 0 },
        { SUB, "", "", "", "", "", 0 },
        { SUB "/", "", "", "", "", "", 0 },
        { SUB "/resourcegroups", "", "", "", "", "resourcegroups", 0 },
        { SUB "/resourceGroups/rg", "rg", "", "", "", "", 0 },
        { SUB "/RESOURCEGROUPS/rg/resources", "rg", "", "", "", "resources", 0 },
        { SUB "/locations", "", "", "", "", "locations", 0 },
        { SUB "/providers", "", "", "", "", "providers", 0 },
        { SUB "/providers/" CS, "", CS, "", "", "", 0 },
        { SUB "/providers/" CS "/register", "", CS, "", "", "register", 0 },
        { SUB "/providers/" CS "/accounts", "", CS, "", "", "accounts", 0 },
        { SUB "/providers/" CS "/locations/eastus/models", "", CS, "locations", "eastus", "models",
          1 },
        { SUB "/resourceGroups/rg/providers/" CS "/accounts/a", "rg", CS, "accounts", "a", "", 1 },
        { SUB "/resourceGroups/rg/Providers/" CS "/accounts/a/listKeys", "rg", CS, "accounts", "a",
          "listKeys", 1 },
        { SUB "/resourceGroups/rg/providers/" CS "/accounts/a/deployments/d", "rg", CS,
          "deployments", "d", "", 2 },
    };
    struct resource_id id;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(resource_id_parse(str_from(rows[i].path), &id));
        assert_str(id.group, rows[i].group);
        assert_str(id.provider, rows[i].provider);
        assert_int_equal(id.depth, rows[i].depth);
        assert_str(id.depth ? id.types[id.depth - 1] : STR_NONE, rows[i].type);
        assert_str(id.depth ? id.names[id.depth - 1] : STR_NONE, rows[i].name);
        assert_str(id.collection, rows[i].collection);
    }
}

static void test_what_is_not_of_the_form(void **state)
{
    static const char *const rows[] = {
        "",
        "/",
        "subscriptions/s",
        "/subscription/s",
        "/subscriptions//resourceGroups",
        "/subscriptions/s//",
        "/subscriptions/s/resourceGroups//providers",
        "/subscriptions/s/operationresults/job",
        "/subscriptions/s/providers//accounts",
        "/subscriptions/s/providers/" CS "/accounts//deployments",
        "/subscriptions/s/providers/" CS "/accounts/a?b",
        "/subscriptions/s/providers/" CS "/accounts/a\nb",
        "/subscriptions/s/providers/p/a/1/b/2/c/3/d/4/e/5/f/6/g/7",
    };
    struct resource_id id;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++)
        assert_false(resource_id_parse(str_from(rows[i]), &id));
    assert_false(resource_id_parse(STR_NONE, &id));
    assert_false(resource_id_parse(STR("/subscriptions/a\0b"), &id));
    assert_true(
        resource_id_parse(STR("/subscriptions/s/providers/p/a/1/b/2/c/3/d/4/e/5/f/6/g"), &id));
    assert_int_equal(id.depth, RESOURCE_ID_DEPTH_MAX);
}

static void test_texts(void **state)
{
    struct arena *a = arena_new(NULL);
    struct resource_id id;

    (void)state;
    assert_true(resource_id_parse(STR("/SUBSCRIPTIONS/S/resourcegroups/My-RG/PROVIDERS/" CS
                                      "/accounts/Contoso/deployments/GPT-4/skus"),
                                  &id));
    assert_str(resource_id_text(a, &id), "/subscriptions/S/resourceGroups/My-RG/providers/" CS
                                         "/accounts/Contoso/deployments/GPT-4");
    assert_str(resource_id_key(a, &id),
               "/subscriptions/s/resourcegroups/my-rg/providers/microsoft.cognitiveservices"
               "/accounts/contoso/deployments/gpt-4");
    assert_str(resource_id_type(a, &id), CS "/accounts/deployments");
    arena_free(a);
}

static void test_an_extension_resource(void **state)
{
    struct arena *a = arena_new(NULL);
    struct resource_id id;

    (void)state;
    assert_true(resource_id_parse(STR("/subscriptions/s/resourceGroups/g/providers/" CS
                                      "/accounts/a/providers/Microsoft.Insights"
                                      "/diagnosticSettings/d"),
                                  &id));
    assert_int_equal(id.depth, 3);
    assert_str(id.names[2], "d");
    assert_str(resource_id_type(a, &id), "Microsoft.Insights/diagnosticSettings");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form),
        cmocka_unit_test(test_what_is_not_of_the_form),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_an_extension_resource),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
