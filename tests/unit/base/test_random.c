/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "base/random.h"

static void fills_all_bytes(void **state)
{
    unsigned char seen[64] = { 0 }, bytes[64];

    (void)state;
    /* Each byte is 0 sixteen times in a row once in 2^128 runs. */
    for (int round = 0; round < 16; round++) {
        memset(bytes, 0, sizeof(bytes));
        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof(seen); i++)
        assert_int_not_equal(seen[i], 0);
}

static void base62_uses_all_digits_alike(void **state)
{
    enum { LEN = 620000 };
    static char text[LEN + 1], other[LEN + 1];
    size_t count[128] = { 0 };

    (void)state;
    random_base62(text, LEN);
    random_base62(other, LEN);
    assert_int_equal(strlen(text), LEN);
    assert_memory_not_equal(text, other, LEN);
    for (size_t i = 0; i < LEN; i++) {
        assert_true(isalnum((unsigned char)text[i]));
        count[(unsigned char)text[i]]++;
    }
    /* 10000 expected, deviation 99. A digit that a plain modulo of 256 favours would come to
     * 12109; ten deviations keep chance out of this test. */
    for (size_t c = 0; c < 128; c++) {
        if (isalnum((int)c))
            assert_in_range(count[c], 9000, 11000);
    }
    random_base62(text, 0);
    assert_string_equal(text, "");
}

static void sequence_depends_on_the_seed_alone(void **state)
{
    uint64_t one = 42, same = 42, other = 43, zero = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint64_t value = random_next(&one);

        assert_true(value == random_next(&same));
        assert_true(value != random_next(&other));
    }
    /* a state of 0 would stay 0 for ever */
    random_next(&zero);
    assert_true(zero != 0);
    assert_true(random_next(&zero) != 0);
}

static void sequence_gives_digits(void **state)
{
    uint64_t seed = 7, same = 7;
    char text[101], again[101];

    (void)state;
    random_next_base62(&seed, text, 100);
    random_next_base62(&same, again, 100);
    assert_string_equal(text, again);
    assert_int_equal(strlen(text), 100);
    for (size_t i = 0; i < 100; i++)
        assert_true(isalnum((unsigned char)text[i]));
    random_next_base62(&seed, text, 100);
    assert_string_not_equal(text, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_all_bytes),
        cmocka_unit_test(base62_uses_all_digits_alike),
        cmocka_unit_test(sequence_depends_on_the_seed_alone),
        cmocka_unit_test(sequence_gives_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
