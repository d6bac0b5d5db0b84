/* SPDX-License-Identifier: MIT */
#include "model/refusal_log.h"

#include <ctype.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/macros.h"

static void set_id(struct refusal *r, unsigned thread, unsigned number)
{
    snprintf(r->id, sizeof(r->id), "%08x-0000-4000-8000-abcdef%06x", thread, number);
}

static struct refusal refusal_of(unsigned thread, unsigned number)
{
    struct refusal r = { .at_ms = number, .capacity = thread };

    set_id(&r, thread, number);
    return r;
}

static void add(struct refusal_log *l, unsigned number)
{
    struct refusal r = refusal_of(0, number);

    refusal_log_add(l, &r);
}

static bool has(struct refusal_log *l, unsigned number)
{
    struct refusal asked = refusal_of(0, number), found;

    if (!refusal_log_find(l, str_from(asked.id), &found))
        return false;
    assert_string_equal(found.id, asked.id);
    assert_int_equal(found.at_ms, number);
    return true;
}

static void test_the_oldest_makes_room(void **state)
{
    struct refusal_log *l = refusal_log_new(4);

    (void)state;
    assert_false(has(l, 0));
    for (unsigned i = 0; i < 11; i++) {
        add(l, i);
        for (unsigned k = 0; k < 12; k++)
            assert_int_equal(has(l, k), k <= i && k + 4 > i);
    }
    refusal_log_free(l);
    refusal_log_free(NULL);
}

/* Of a request that was sent on, and refused there as well. */
static void test_the_first_of_two(void **state)
{
    struct refusal_log *l = refusal_log_new(4);
    struct refusal first = refusal_of(0, 7), second = first, found;

    (void)state;
    second.at_ms = 8;
    for (unsigned before = 0; before < 9; before++) { /* at each place of the ring */
        add(l, 100 + before);
        refusal_log_add(l, &first);
        refusal_log_add(l, &second);
        assert_true(refusal_log_find(l, str_from(first.id), &found));
        assert_int_equal(found.at_ms, 7);
        for (unsigned i = 0; i < 4; i++)
            add(l, 200 + i);
    }
    refusal_log_free(l);
}

static void test_ids_of_any_form(void **state)
{
    static const char *const strange[] = {
        "",
        "0",
        "00000000-0000-4000-8000-abcdef00000",
        "00000000-0000-4000-8000-abcdef0000070",
        "00000000-0000-4000-8000-abcdef00000g",
        "00000000000000-4000-8000-abcdef000007",
        "{0000000-0000-4000-8000-abcdef00000}",
        "%30000000-0000-4000-8000-abcdef00007",
    };
    struct refusal_log *l = refusal_log_new(16);
    struct refusal asked = refusal_of(0, 7), found;

    (void)state;
    add(l, 7);
    for (size_t i = 0; i < ARRAY_LEN(strange); i++)
        assert_false(refusal_log_find(l, str_from(strange[i]), &found));
    assert_false(refusal_log_find(l, STR_NONE, &found));
    for (size_t i = 0; asked.id[i]; i++)
        asked.id[i] = (char)toupper(asked.id[i]);
    assert_true(refusal_log_find(l, str_from(asked.id), &found));
    assert_int_equal(found.at_ms, 7);
    refusal_log_free(l);
}

static void test_names_are_cut(void **state)
{
    char name[4];

    (void)state;
    refusal_copy_name(name, sizeof(name), STR("abcdef"));
    assert_string_equal(name, "abc");
    refusal_copy_name(name, sizeof(name), STR("ab"));
    assert_string_equal(name, "ab");
    refusal_copy_name(name, sizeof(name), STR_NONE);
    assert_string_equal(name, "");
}

/* -- What would be needed ---------------------------------------------------------------------- */

static void test_what_would_be_needed(void **state)
{
    static const struct {
        uint64_t limit, per_unit;
        unsigned capacity;
        uint64_t prompt, answer, answers;
        uint64_t capacity_needed, max_tokens;
    } rows[] = {
        { 1000, 1000, 1, 1, 1000, 1, 2, 999 },   { 1000, 1000, 1, 1, 5999, 1, 6, 999 },
        { 2000, 1000, 2, 500, 1000, 3, 4, 500 }, { 2000, 1000, 2, 1500, 1000, 3, 5, 166 },
        { 1000, 1000, 1, 1000, 16, 1, 2, 0 },   /* the prompt leaves no room */
        { 1000, 1000, 1, 4000, 0, 0, 4, 0 },    /* there is no answer: embeddings */
        { 1500, 1000, 1, 1, 3000, 1, 0, 1499 }, /* a limit that is not the capacity's */
        { 1000, 0, 1, 1, 3000, 1, 0, 999 },     /* the catalog has no figure */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct refusal r = {
            .is_hopeless = true,
            .capacity = rows[i].capacity,
            .tokens = { .limit = rows[i].limit, .per_unit = rows[i].per_unit },
            .estimate = { .prompt = rows[i].prompt,
                          .answer = rows[i].answer,
                          .answers = rows[i].answers,
                          .total = rows[i].prompt + rows[i].answers * rows[i].answer },
        };

        assert_int_equal(refusal_capacity_needed(&r), rows[i].capacity_needed);
        assert_int_equal(refusal_max_tokens_that_fits(&r), rows[i].max_tokens);
        r.is_hopeless = false;
        assert_int_equal(refusal_capacity_needed(&r), 0);
        assert_int_equal(refusal_max_tokens_that_fits(&r), 0);
    }
}

/* -- Many at a time ---------------------------------------------------------------------------- */

#define THREADS 8
#define CALLS 2000

struct caller {
    struct refusal_log *log;
    unsigned number;
    unsigned found;
};

/* What is found is whole, whoever writes meanwhile. */
static void *call_many(void *data)
{
    struct caller *c = data;

    for (unsigned i = 0; i < CALLS; i++) {
        struct refusal r = refusal_of(c->number, i), found;

        refusal_log_add(c->log, &r);
        if (refusal_log_find(c->log, str_from(r.id), &found))
            c->found += found.at_ms == i && found.capacity == c->number;
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    struct refusal_log *l = refusal_log_new(THREADS * CALLS);
    struct caller callers[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){ l, i, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].found, CALLS);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        struct refusal r = refusal_of(i, 0), found;

        assert_true(refusal_log_find(l, str_from(r.id), &found));
    }
    refusal_log_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_makes_room), cmocka_unit_test(test_the_first_of_two),
        cmocka_unit_test(test_ids_of_any_form),       cmocka_unit_test(test_names_are_cut),
        cmocka_unit_test(test_what_would_be_needed),  cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
