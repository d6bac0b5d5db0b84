/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"

static void appends_and_consumes(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(buf_len(&b), 0);
    assert_true(buf_append(&b, STR("hello ")));
    assert_true(buf_append(&b, STR_NONE));
    assert_true(buf_printf(&b, "%s %d", "world", 42));
    assert_true(str_equal(buf_str(&b), STR("hello world 42")));
    buf_consume(&b, 6);
    assert_true(str_equal(buf_str(&b), STR("world 42")));
    buf_consume(&b, 8);
    assert_int_equal(buf_len(&b), 0);
    buf_done(&b);
    assert_true(buf_append(&b, STR("again")));
    assert_true(str_equal(buf_str(&b), STR("again")));
    buf_clear(&b);
    assert_int_equal(buf_len(&b), 0);
    buf_done(&b);
}

static void keeps_its_maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_true(buf_append(&b, STR("0123456789")));
    assert_false(buf_append(&b, STR("x")));
    assert_false(buf_printf(&b, "x"));
    assert_false(buf_append(&b, str_of("x", SIZE_MAX)));
    assert_true(str_equal(buf_str(&b), STR("0123456789")));
    /* what was taken from the front is room again */
    buf_consume(&b, 4);
    assert_true(buf_append(&b, STR("abcd")));
    assert_false(buf_append(&b, STR("x")));
    assert_true(str_equal(buf_str(&b), STR("456789abcd")));
    buf_done(&b);
}

static void grows_and_moves(void **state)
{
    struct buf b;
    size_t taken = 0, put = 0;

    (void)state;
    buf_init(&b, 1 << 20);
    /* More goes in than comes out, so that it has to grow with content behind its start. */
    for (int round = 0; round < 5000; round++) {
        char bytes[97];

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)((put + i) % 251);
        assert_true(buf_append(&b, str_of(bytes, sizeof(bytes))));
        put += sizeof(bytes);
        for (size_t i = 0; i < 61; i++)
            assert_int_equal((unsigned char)buf_str(&b).data[i], (taken + i) % 251);
        buf_consume(&b, 61);
        taken += 61;
    }
    assert_int_equal(buf_len(&b), put - taken);
    buf_done(&b);
}

static void wipes(void **state)
{
    struct buf b;
    const char *before;

    (void)state;
    buf_init(&b, 10000);
    assert_true(buf_append(&b, STR("a se")));
    assert_true(buf_append_secret(&b, STR("cret")));
    assert_true(str_equal(buf_str(&b), STR("a secret")));
    before = b.data;
    while (b.data == before) /* until it has to be larger: memory_realloc_secret moves it then */
        assert_true(buf_append_secret(&b, STR("more")));
    assert_true(str_starts_with(buf_str(&b), STR("a secretmore")));
    assert_false(buf_append_secret(&b, str_of("x", SIZE_MAX)));
    buf_consume(&b, 2);
    buf_wipe(&b);
    assert_int_equal(buf_len(&b), 0);
    for (size_t i = 0; i < b.capacity; i++)
        assert_int_equal(b.data[i], 0);
    buf_done(&b);
    buf_wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_consumes),
        cmocka_unit_test(keeps_its_maximum),
        cmocka_unit_test(grows_and_moves),
        cmocka_unit_test(wipes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
