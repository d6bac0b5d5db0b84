/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
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

#ifdef __x86_64__

static void __attribute__((target("avx512f"), noinline)) fill_avx512_registers(const char *secret)
{
    __asm__ volatile("vbroadcasti32x4 (%0), %%zmm16; vbroadcasti32x4 (%0), %%zmm31"
                     :
                     : "r"(secret)
                     : "xmm16", "xmm31");
}

static void __attribute__((target("avx512f"), noinline)) store_avx512_registers(char *out)
{
    __asm__ volatile("vmovdqu64 %%zmm16, (%0); vmovdqu64 %%zmm31, 64(%0)" : : "r"(out) : "memory");
}

static void __attribute__((noinline)) fill_sse_registers(const char *secret)
{
    __asm__ volatile("movdqu (%0), %%xmm3; movdqu (%0), %%xmm15" : : "r"(secret) : "xmm3", "xmm15");
}

static void __attribute__((noinline)) store_sse_registers(char *out)
{
    __asm__ volatile("movdqu %%xmm3, (%0); movdqu %%xmm15, 16(%0)" : : "r"(out) : "memory");
}

static void wipes_vector_registers(void **state)
{
    static const char secret[] = "0123456789abcdef";
    bool has_avx512 = __builtin_cpu_supports("avx512f");
    char before[2 * 16 + 2 * 64] = { 0 };
    char after[2 * 16 + 2 * 64] = { 0 };

    (void)state;
    for (int wiped = 0; wiped <= 1; wiped++) {
        char *out = wiped ? after : before;

        if (has_avx512)
            fill_avx512_registers(secret);
        fill_sse_registers(secret);
        if (wiped)
            memory_wipe_stack();
        store_sse_registers(out);
        if (has_avx512)
            store_avx512_registers(out + 2 * 16);
    }
    for (size_t i = 0; i + 16 <= sizeof(before); i += 16) {
        if (i < 2 * 16 || has_avx512)
            assert_memory_equal(before + i, secret, 16);
        assert_memory_not_equal(after + i, secret, 16);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_at_a_line),
        cmocka_unit_test(keeps_a_secret_that_grows),
#ifdef __x86_64__
        cmocka_unit_test(wipes_vector_registers),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
