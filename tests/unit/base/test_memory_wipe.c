/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory_wipe.h"

/* Two registers of each kind that the processor has. */
#define REGISTERS 2
#define REGISTER_BYTES_MAX 64

static const char secret[REGISTER_BYTES_MAX + 1] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+";

struct kind {
    bool (*is_there)(void);
    size_t bytes; /* of a register */
    void (*fill)(const char *from);
    void (*store)(char *to);
};

#ifdef __x86_64__

static bool has_sse(void)
{
    return true;
}

static bool has_avx(void)
{
    return __builtin_cpu_supports("avx");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

/* Of functions for AVX ("target") the compiler would clear the upper halves at their end. */
static void __attribute__((noinline)) fill_sse(const char *from)
{
    __asm__ volatile("movdqu (%0), %%xmm3; movdqu (%0), %%xmm15" : : "r"(from) : "xmm3", "xmm15");
}

static void __attribute__((noinline)) store_sse(char *to)
{
    __asm__ volatile("movdqu %%xmm3, (%0); movdqu %%xmm15, 16(%0)" : : "r"(to) : "memory");
}

static void __attribute__((noinline)) fill_avx(const char *from)
{
    __asm__ volatile("vmovdqu (%0), %%ymm3; vmovdqu (%0), %%ymm15" : : "r"(from) : "xmm3", "xmm15");
}

static void __attribute__((noinline)) store_avx(char *to)
{
    __asm__ volatile("vmovdqu %%ymm3, (%0); vmovdqu %%ymm15, 32(%0)" : : "r"(to) : "memory");
}

static void __attribute__((noinline)) fill_avx512(const char *from)
{
    __asm__ volatile("vmovdqu64 (%0), %%zmm16; vmovdqu64 (%0), %%zmm31" : : "r"(from));
}

static void __attribute__((noinline)) store_avx512(char *to)
{
    __asm__ volatile("vmovdqu64 %%zmm16, (%0); vmovdqu64 %%zmm31, 64(%0)" : : "r"(to) : "memory");
}

static const struct kind kinds[] = {
    { has_sse, 16, fill_sse, store_sse },
    { has_avx, 32, fill_avx, store_avx },
    { has_avx512, 64, fill_avx512, store_avx512 },
};

#else

static bool has_vectors(void)
{
    return true;
}

static void __attribute__((noinline)) fill_vectors(const char *from)
{
    __asm__ volatile("ldr q3, [%0]; ldr q31, [%0]" : : "r"(from) : "v3", "v31");
}

static void __attribute__((noinline)) store_vectors(char *to)
{
    __asm__ volatile("str q3, [%0]; str q31, [%0, #16]" : : "r"(to) : "memory");
}

static const struct kind kinds[] = { { has_vectors, 16, fill_vectors, store_vectors } };

#endif

static bool has_part_of_secret(const char *bytes, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        for (size_t at = 0; at + 8 <= REGISTER_BYTES_MAX; at += 8) {
            if (memcmp(bytes + i, secret + at, 8) == 0)
                return true;
        }
    }
    return false;
}

static void wipes_vector_registers(void **state)
{
    (void)state;
    for (const struct kind *k = kinds; k < kinds + ARRAY_LEN(kinds); k++) {
        char before[REGISTERS * REGISTER_BYTES_MAX] = { 0 }, after[sizeof(before)] = { 0 };

        if (!k->is_there())
            continue;
        k->fill(secret);
        k->store(before);
        for (size_t i = 0; i < REGISTERS; i++)
            assert_memory_equal(before + i * k->bytes, secret, k->bytes);
        k->fill(secret);
        memory_wipe_traces();
        k->store(after);
        assert_false(has_part_of_secret(after, REGISTERS * k->bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipes_vector_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
