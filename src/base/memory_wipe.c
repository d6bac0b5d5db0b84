/* SPDX-License-Identifier: MIT */
#include "base/memory_wipe.h"

#include <stddef.h>
#include <string.h>

/* The tests that search memory for secrets find none beyond it. */
#define STACK_WIPED_BYTES ((size_t)64 * 1024)

#ifdef __x86_64__

static void wipe_sse_registers(void)
{
    __asm__ volatile(
        "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3;"
        "pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5; pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7;"
        "pxor %%xmm8, %%xmm8; pxor %%xmm9, %%xmm9; pxor %%xmm10, %%xmm10; pxor %%xmm11, %%xmm11;"
        "pxor %%xmm12, %%xmm12; pxor %%xmm13, %%xmm13; pxor %%xmm14, %%xmm14; pxor %%xmm15, %%xmm15"
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void __attribute__((target("avx"))) wipe_avx_registers(void)
{
    __asm__ volatile("vzeroall"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* Those that AVX-512 has beyond AVX's. Few functions use them (the C library's copies, some ciphers of
 * OpenSSL's), so that what one of these has left there stays for long. */
static void __attribute__((target("avx512f"))) wipe_avx512_registers(void)
{
    __asm__ volatile("vpxord %%zmm16, %%zmm16, %%zmm16; vpxord %%zmm17, %%zmm17, %%zmm17;"
                     "vpxord %%zmm18, %%zmm18, %%zmm18; vpxord %%zmm19, %%zmm19, %%zmm19;"
                     "vpxord %%zmm20, %%zmm20, %%zmm20; vpxord %%zmm21, %%zmm21, %%zmm21;"
                     "vpxord %%zmm22, %%zmm22, %%zmm22; vpxord %%zmm23, %%zmm23, %%zmm23;"
                     "vpxord %%zmm24, %%zmm24, %%zmm24; vpxord %%zmm25, %%zmm25, %%zmm25;"
                     "vpxord %%zmm26, %%zmm26, %%zmm26; vpxord %%zmm27, %%zmm27, %%zmm27;"
                     "vpxord %%zmm28, %%zmm28, %%zmm28; vpxord %%zmm29, %%zmm29, %%zmm29;"
                     "vpxord %%zmm30, %%zmm30, %%zmm30; vpxord %%zmm31, %%zmm31, %%zmm31"
                     :
                     :
                     : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                       "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

/* Lazy binding (_dl_runtime_resolve) stores them on the stack, at the first call of any function of a
 * library that is not bound at start. */
static void wipe_vector_registers(void)
{
    if (__builtin_cpu_supports("avx"))
        wipe_avx_registers();
    else
        wipe_sse_registers();
    if (__builtin_cpu_supports("avx512f"))
        wipe_avx512_registers();
}

#elif defined(__aarch64__)

/* Of q8 to q15, whose lower halves belong to the caller, the upper ones are not reached; copies do not use them. */
static void wipe_vector_registers(void)
{
    __asm__ volatile("movi v0.2d, #0; movi v1.2d, #0; movi v2.2d, #0; movi v3.2d, #0;"
                     "movi v4.2d, #0; movi v5.2d, #0; movi v6.2d, #0; movi v7.2d, #0;"
                     "movi v16.2d, #0; movi v17.2d, #0; movi v18.2d, #0; movi v19.2d, #0;"
                     "movi v20.2d, #0; movi v21.2d, #0; movi v22.2d, #0; movi v23.2d, #0;"
                     "movi v24.2d, #0; movi v25.2d, #0; movi v26.2d, #0; movi v27.2d, #0;"
                     "movi v28.2d, #0; movi v29.2d, #0; movi v30.2d, #0; movi v31.2d, #0"
                     :
                     :
                     : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19",
                       "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
                       "v31");
}

#else

/* lazuli is for the processors above; another one's are left as they are. */
static void wipe_vector_registers(void)
{
}

#endif

/* Not inline, so that it lies where the functions before it have lain. */
void __attribute__((noinline)) memory_wipe_traces(void)
{
    char left[STACK_WIPED_BYTES];

    wipe_vector_registers();
    explicit_bzero(left, sizeof(left));
}
