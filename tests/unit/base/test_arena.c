/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/memory.h"

static void gives_aligned_zeroed_memory(void **state)
{
    struct arena_pool *pool = arena_pool_new(4);

    (void)state;
    /* The second round gets the chunks that the first one has filled. */
    for (int round = 0; round < 2; round++) {
        struct arena *a = arena_new(pool);

        for (size_t size = 0; size < 9000; size = size * 2 + 1) {
            unsigned char *p = arena_alloc(a, size);

            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xAB, size);
        }
        arena_free(a);
    }
    arena_pool_free(pool);
}

static void keeps_pieces_apart(void **state)
{
    enum { COUNT = 3000 };
    struct arena *a = arena_new(NULL);
    unsigned char **pieces = ARENA_ARRAY(a, unsigned char *, COUNT);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 1 + i * 37 % 400 + (i % 100 == 0 ? 20000 : 0);

        pieces[i] = arena_alloc_bytes(a, size);
        memset(pieces[i], (int)(i % 256), size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 1 + i * 37 % 400 + (i % 100 == 0 ? 20000 : 0);

        assert_int_equal(pieces[i][0], i % 256);
        assert_int_equal(pieces[i][size - 1], i % 256);
    }
    arena_free(a);
}

static void begins_at_a_line(void **state)
{
    static const char zeroes[300];
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        size_t size = 1 + i * 37 % sizeof(zeroes);
        char *before = arena_alloc_bytes(a, 1 + i % 50), *piece = arena_alloc_at_line(a, size);

        *before = 'x';
        assert_memory_equal(piece, zeroes, size);
        memset(piece, 'y', size);
        assert_int_equal(*before, 'x');
#ifndef ARENA_ONE_CHUNK_EACH
        if (i == 0) /* a new chunk begins anywhere */
            assert_int_equal((uintptr_t)piece % MEMORY_LINE_BYTES, 0);
#endif
    }
    arena_free(a);
}

/* Of a size that the pool keeps, whichever way the arena is built: it comes back as it went. */
static void forgets_a_secret(void **state)
{
    enum { SIZE = 2048 - 32 };
    struct arena_pool *pool = arena_pool_new(4);
    struct arena *a = arena_new(pool);
    const char *first = memset(arena_alloc_bytes(a, SIZE), 'k', SIZE), *again;

    (void)state;
    arena_keep_secret(a);
    arena_free(a);
    a = arena_new(pool);
    again = arena_alloc_bytes(a, SIZE);
    assert_ptr_equal(again, first);
    assert_null(memchr(again, 'k', SIZE));
    arena_free(a);
    arena_pool_free(pool);
}

struct note {
    char text[8];
    size_t len;
};

static struct note note;

static void write_note(void *data)
{
    note.text[note.len++] = *(char *)data;
}

static void runs_deferred_last_first(void **state)
{
    struct arena *a = arena_new(NULL);
    char *first = arena_text(a, STR("1")), *second = arena_text(a, STR("2"));

    (void)state;
    note.len = 0;
    arena_defer(a, write_note, first);
    arena_defer(a, write_note, second);
    assert_int_equal(note.len, 0);
    arena_free(a);
    assert_true(str_equal(str_of(note.text, note.len), STR("21")));
    arena_free(NULL);
}

static void copies_text(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str copy = arena_copy(a, str_of("ab\0cd", 5));
    struct str lower = arena_lower(a, STR("/Subscriptions/\xC3\x84"));
    struct str printed = arena_printf(a, "%s=%d", "answer", 42);

    (void)state;
    assert_true(str_equal(copy, str_of("ab\0cd", 5)));
    assert_int_equal(copy.data[5], '\0');
    assert_int_equal(arena_copy(a, STR_NONE).len, 0);
    assert_string_equal(arena_copy(a, STR_NONE).data, "");
    assert_string_equal(lower.data, "/subscriptions/\xC3\x84");
    assert_string_equal(printed.data, "answer=42");
    assert_int_equal(printed.len, 9);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_zeroed_memory),
        cmocka_unit_test(keeps_pieces_apart),
        cmocka_unit_test(begins_at_a_line),
        cmocka_unit_test(forgets_a_secret),
        cmocka_unit_test(runs_deferred_last_first),
        cmocka_unit_test(copies_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
