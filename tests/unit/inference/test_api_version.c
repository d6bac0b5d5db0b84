/* SPDX-License-Identifier: MIT */
#include "inference/api_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static unsigned parts_of(const char *text)
{
    struct api_version v = { 0 };

    assert_true(api_version_parse(str_from(text), &v));
    assert_true(str_equal(v.text, str_from(text)));
    return v.parts;
}

static void published_versions_are_known(void **state)
{
    struct api_version v;

    (void)state;
    assert_true(api_version_parse(STR("2024-02-01"), &v));
    assert_int_equal(v.date, 20240201);
    assert_true(api_version_parse(STR("2024-08-01-preview"), &v));
    assert_int_equal(v.date, 20240801);
}

static void other_texts_are_no_versions(void **state)
{
    static const char *const texts[] = {
        "",           "2024-02-02",         "2024-02-01-preview", "2024-02-15",
        "2024-2-1",   "2024-02-01-PREVIEW", "2024-02-01 ",        "2024/02/01",
        "v1",         "-preview",           "+024-02-01",         "2024-02-01-preview-preview",
        "20240-2-01",
    };
    struct api_version v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(api_version_parse(str_from(texts[i]), &v));
}

static void parts_come_with_versions(void **state)
{
    (void)state;
    assert_int_equal(parts_of("2023-05-15"), 0);
    assert_int_equal(parts_of("2023-06-01-preview"), ANSWER_FILTERS);
    assert_int_equal(parts_of("2024-02-01"), ANSWER_FILTERS | ANSWER_LOGPROBS);
    assert_int_equal(parts_of("2024-08-01-preview"),
                     ANSWER_FILTERS | ANSWER_LOGPROBS | ANSWER_REFUSAL);
    assert_int_equal(parts_of("2024-10-21"),
                     ANSWER_FILTERS | ANSWER_LOGPROBS | ANSWER_REFUSAL | ANSWER_USAGE_DETAILS);
}

static void v1_needs_no_version(void **state)
{
    struct api_version v;

    (void)state;
    assert_true(api_version_parse_v1(STR_NONE, &v));
    assert_int_equal(v.parts, parts_of("2024-10-21"));
    assert_true(api_version_parse_v1(STR("v1"), &v));
    assert_true(api_version_parse_v1(STR("preview"), &v));
    assert_int_equal(v.date, 0);
    assert_false(api_version_parse_v1(STR("2024-10-21"), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_versions_are_known),
        cmocka_unit_test(other_texts_are_no_versions),
        cmocka_unit_test(parts_come_with_versions),
        cmocka_unit_test(v1_needs_no_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
