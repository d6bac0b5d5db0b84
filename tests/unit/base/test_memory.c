/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

static void begins_at_a_line(void **state)
{
    static const char zeroes[1000];
    char *blocks[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        blocks[i] = memory_alloc_at_line(1 + i);
        assert_int_equal((uintptr_t)blocks[i] % MEMORY_LINE_BYTES, 0);
        assert_memory_equal(blocks[i], zeroes, 1 + i);
        memset(blocks[i], 'x', 1 + i);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        assert_int_equal(blocks[i][0], 'x');
        assert_int_equal(blocks[i][i], 'x');
        free(blocks[i]);
    }
}

/* That the old block is overwritten, tests/api/test_secrets.py sees. */
static void keeps_a_secret_that_grows(void **state)
{
    char *p = memory_realloc_secret(NULL, 10);

    (void)state;
    memcpy(p, "0123456789", 10);
    p = memory_realloc_secret(p, 100000);
    assert_memory_equal(p, "0123456789", 10);
    p = memory_realloc_secret(p, 5);
    assert_memory_equal(p, "01234", 5);
    memory_free_secret(p);
    memory_free_secret(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_at_a_line),
        cmocka_unit_test(keeps_a_secret_that_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
