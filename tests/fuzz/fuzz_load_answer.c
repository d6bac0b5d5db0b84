/*
 * An answer as `lazuli bench load` reads it, once whole and once in pieces: the same comes of it. The first
 * byte says what kind it is, the second how long the pieces are.
 * SPDX-License-Identifier: MIT
 */
#include "load/answer.h"
#include "fuzz.h"

static bool read_answer(struct load_answer *a, struct str bytes, size_t step, int status,
                        bool is_streamed)
{
    bool goes_on = true;

    load_answer_begin(a, status, is_streamed);
    for (size_t at = 0; goes_on && at < bytes.len; at += step)
        goes_on = load_answer_take(a, str_slice(bytes, at, step), at + 1);
    return load_answer_end(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena_pool *pool;
    struct load_answer whole, pieces;
    struct str bytes;
    bool is_answer;

    if (size < 2)
        return 0;
    pool = arena_pool_new(2);
    bytes = str_slice(str_of((const char *)data, size), 2, size);
    load_answer_init(&whole, pool);
    load_answer_init(&pieces, pool);
    /* what came before leaves nothing behind */
    (void)read_answer(&pieces, bytes, size, 200, data[0] & 2);
    is_answer = read_answer(&whole, bytes, size, data[0] & 1 ? 200 : 429, data[0] & 2);
    check(is_answer ==
          read_answer(&pieces, bytes, 1 + data[1] % 32, data[0] & 1 ? 200 : 429, data[0] & 2));
    check(is_answer == !whole.has_failed);
    check(whole.has_failed == pieces.has_failed && strcmp(whole.text, pieces.text) == 0);
    check(load_answer_tokens(&whole) == load_answer_tokens(&pieces));
    check((whole.first_us == 0) == (whole.events == 0) && whole.first_us <= whole.last_us);
    check(str_is_utf8(str_from(whole.text)));
    load_answer_done(&whole);
    load_answer_done(&pieces);
    arena_pool_free(pool);
    return 0;
}
