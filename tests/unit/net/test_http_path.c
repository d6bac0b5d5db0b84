/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "net/http_path.h"

static void assert_text(struct str s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void splits_paths(void **state)
{
    struct http_path path;

    (void)state;
    assert_true(http_path_split(STR("/a/%2F/c"), &path));
    assert_int_equal(path.count, 3);
    assert_text(path.segments[0], "a");
    assert_text(path.segments[1], "%2F");
    assert_text(path.segments[2], "c");
}

static void empty_segments_do_not_count(void **state)
{
    struct http_path path;

    (void)state;
    assert_true(http_path_split(STR("//a///b/"), &path));
    assert_int_equal(path.count, 2);
    assert_text(path.segments[1], "b");
    assert_true(http_path_split(STR("/"), &path));
    assert_int_equal(path.count, 0);
}

static void what_is_no_path_is_refused(void **state)
{
    struct http_path path;

    (void)state;
    assert_false(http_path_split(STR(""), &path));
    assert_false(http_path_split(STR("*"), &path));
    assert_false(http_path_split(STR("a/b"), &path));
}

static void segments_have_a_maximum(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str text = STR_NONE;
    struct http_path path;

    (void)state;
    for (int i = 0; i < HTTP_PATH_SEGMENTS_MAX; i++)
        text = arena_printf(a, "%.*s/%d", STR_ARGS(text), i);
    assert_true(http_path_split(text, &path));
    assert_int_equal(path.count, HTTP_PATH_SEGMENTS_MAX);
    assert_false(http_path_split(arena_printf(a, "%.*s/more", STR_ARGS(text)), &path));
    arena_free(a);
}

static bool matches(const char *pattern, const char *text, struct str *names, unsigned *count)
{
    struct http_path path;

    assert_true(http_path_split(str_from(text), &path));
    return http_path_match(str_from(pattern), path.segments, path.count, names, count);
}

static void words_match_without_regard_to_case(void **state)
{
    unsigned count;

    (void)state;
    assert_true(matches("/resourceGroups", "/RESOURCEgroups", NULL, &count));
    assert_int_equal(count, 0);
    assert_false(matches("/resourceGroups", "/resourceGroup", NULL, &count));
}

static void names_are_what_stands_at_their_places(void **state)
{
    struct str names[2];
    unsigned count;

    (void)state;
    assert_true(matches("/a/{}/b/{}", "/A/One//b/{}/", names, &count));
    assert_int_equal(count, 2);
    assert_text(names[0], "One");
    assert_text(names[1], "{}");
    assert_true(matches("/a/{}/b/{}", "/a/1/b/2", NULL, &count));
    assert_int_equal(count, 2);
}

static void a_pattern_is_a_whole_path(void **state)
{
    struct str names[1];
    unsigned count;

    (void)state;
    assert_false(matches("/a/{}", "/a", names, &count));
    assert_false(matches("/a/{}", "/a/1/b", names, &count));
    assert_false(matches("/{}/a", "/a", names, &count));
    assert_false(matches("/a", "/", names, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_paths),
        cmocka_unit_test(empty_segments_do_not_count),
        cmocka_unit_test(what_is_no_path_is_refused),
        cmocka_unit_test(segments_have_a_maximum),
        cmocka_unit_test(words_match_without_regard_to_case),
        cmocka_unit_test(names_are_what_stands_at_their_places),
        cmocka_unit_test(a_pattern_is_a_whole_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
