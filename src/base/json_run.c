/* SPDX-License-Identifier: MIT */
#include "base/json_run.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/bytes16.h"

static bytes16 ends_or_escapes(bytes16 v)
{
    return (v == '"') | (v == '\\');
}

/* A control character, or not ASCII. */
static bytes16 is_doubtful(bytes16 v)
{
    return v < ' ';
}

size_t json_run_by_16(struct str s, bool *is_plain)
{
    const size_t each = sizeof(bytes16);
    bytes16 doubts = { 0 };
    size_t run = 0, last;

    for (; s.len - run >= 4 * each; run += 4 * each) {
        const char *from = s.data + run;
        bytes16 v[] = { bytes16_load(from), bytes16_load(from + each),
                        bytes16_load(from + 2 * each), bytes16_load(from + 3 * each) };

        if (bytes16_any(ends_or_escapes(v[0]) | ends_or_escapes(v[1]) | ends_or_escapes(v[2]) |
                        ends_or_escapes(v[3])))
            break;
        doubts |= is_doubtful(v[0]) | is_doubtful(v[1]) | is_doubtful(v[2]) | is_doubtful(v[3]);
    }
    last = bytes16_until(s.data + run, s.len - run, ends_or_escapes);
    *is_plain = !bytes16_any(doubts) && bytes16_until(s.data + run, last, is_doubtful) == last;
    return run + last;
}

#ifdef __x86_64__

__attribute__((target("avx2"))) static __m256i ends_or_escapes_32(__m256i v)
{
    return _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                           _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
}

/* As far as there is nothing that ends or escapes, in steps of 128 bytes. */
__attribute__((target("avx2"))) static size_t run_by_32(struct str s, bool *is_plain)
{
    const size_t each = sizeof(__m256i);
    const __m256i blanks = _mm256_set1_epi8(' ');
    /* of each place's bytes, as signed: below a blank is what is doubtful */
    __m256i least = blanks;
    size_t run = 0;

    for (; s.len - run >= 4 * each; run += 4 * each) {
        const __m256i *from = (const __m256i *)(const void *)(s.data + run);
        __m256i a = _mm256_loadu_si256(from), b = _mm256_loadu_si256(from + 1);
        __m256i c = _mm256_loadu_si256(from + 2), d = _mm256_loadu_si256(from + 3);
        __m256i stops =
            _mm256_or_si256(_mm256_or_si256(ends_or_escapes_32(a), ends_or_escapes_32(b)),
                            _mm256_or_si256(ends_or_escapes_32(c), ends_or_escapes_32(d)));

        if (!_mm256_testz_si256(stops, stops))
            break;
        least =
            _mm256_min_epi8(_mm256_min_epi8(least, _mm256_min_epi8(a, b)), _mm256_min_epi8(c, d));
    }
    *is_plain = !_mm256_movemask_epi8(_mm256_cmpgt_epi8(blanks, least));
    return run;
}

#endif

size_t json_run(struct str s, bool *is_plain)
{
    bool is_rest_plain;
    size_t run = 0;

    *is_plain = true;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        run = run_by_32(s, is_plain);
#endif
    run += json_run_by_16(str_slice(s, run, SIZE_MAX), &is_rest_plain);
    *is_plain = *is_plain && is_rest_plain;
    return run;
}
