/* The box of keys, from several threads.
 * SPDX-License-Identifier: MIT */
#include "identity/issuer_keys.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define THREADS 4
#define ROUNDS 2000

static struct issuer_keys_box *box;
static struct issuers *list;
static struct jwks *set;
static atomic_uint told;
static _Atomic uint32_t told_bits;

static int set_up(void **state)
{
    struct jwt_key *key = jwt_key_generate(STR("id"));
    struct arena *a = arena_new(NULL);
    struct error err;

    (void)state;
    list = issuers_parse(STR("issuers:\n  - issuer: https://one\n    audiences: [a]\n"
                             "  - issuer: https://two\n    audiences: [a]\n"),
                         "identity.yaml", &err);
    set = jwks_parse(
        a, arena_printf(a, "{\"keys\":[%.*s]}", STR_ARGS(jwt_key_export(key, a, false))), &err);
    jwt_key_free(key);
    arena_free(a);
    box = issuer_keys_box_new();
    return list && set ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    issuer_keys_box_free(box);
    jwks_unref(set);
    issuers_unref(list);
    return 0;
}

static void a_new_box_knows_no_issuer(void **state)
{
    struct issuer_keys *keys = issuer_keys_box_get(box);

    (void)state;
    assert_null(issuer_keys_issuer(keys, STR("https://one")));
    issuer_keys_want(box, STR("https://one")); /* nobody listens */
    issuer_keys_unref(keys);
}

static void swap(struct jwks *second)
{
    issuer_keys_box_swap(box, issuer_keys_new(list, (struct jwks *[]){ set, second }));
}

static void keys_are_those_of_their_issuer(void **state)
{
    uint64_t before = issuer_keys_box_generation(box);
    struct issuer_keys *keys;
    const struct issuer *one, *two;

    (void)state;
    swap(NULL);
    assert_int_not_equal(issuer_keys_box_generation(box), before);
    keys = issuer_keys_box_get(box);
    one = issuer_keys_issuer(keys, STR("https://one"));
    two = issuer_keys_issuer(keys, STR("https://two"));
    assert_non_null(issuer_keys_find(keys, one, STR("id")));
    assert_null(issuer_keys_find(keys, one, STR("other")));
    assert_null(issuer_keys_find(keys, two, STR("id")));
    assert_null(issuer_keys_issuer(keys, STR("https://three")));
    issuer_keys_unref(keys);
}

/* -- Threads --------------------------------------------------------------------------------- */

static void *read_and_want(void *data)
{
    (void)data;
    for (int i = 0; i < ROUNDS; i++) {
        struct issuer_keys *keys = issuer_keys_box_get(box);
        const struct issuer *two = issuer_keys_issuer(keys, STR("https://two"));

        if (two && !issuer_keys_find(keys, two, STR("id")))
            issuer_keys_want(box, STR("https://two"));
        issuer_keys_unref(keys);
    }
    return NULL;
}

static void on_want(void *data, uint32_t wanted)
{
    (void)data;
    atomic_fetch_add(&told, 1);
    atomic_fetch_or(&told_bits, wanted);
    swap(set);
    swap(NULL);
}

static void on_end(struct loop_task *task)
{
    struct loop *l = *(struct loop **)(void *)(task + 1);

    issuer_keys_box_listen(box, NULL);
    loop_stop(l);
}

static void *run_loop(void *data)
{
    loop_run(data);
    return NULL;
}

static void wishes_come_from_every_thread(void **state)
{
    struct loop *l = loop_new();
    struct {
        struct loop_task task;
        struct loop *loop;
    } end = { .task.fn = on_end, .loop = l };
    pthread_t loop_thread, threads[THREADS];

    (void)state;
    swap(NULL);
    issuer_keys_box_listen(box, &(struct issuer_keys_listener){ .loop = l, .on_want = on_want });
    issuer_keys_want(box, STR("https://unknown"));
    issuer_keys_want(box, STR("https://two"));
    pthread_create(&loop_thread, NULL, run_loop, l);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, read_and_want, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    loop_post(l, &end.task);
    pthread_join(loop_thread, NULL);
    loop_free(l);
    assert_in_range(atomic_load(&told), 1, THREADS * ROUNDS + 1);
    assert_int_equal(atomic_load(&told_bits), 2);
    issuer_keys_want(box, STR("https://two")); /* nobody listens any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_box_knows_no_issuer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_those_of_their_issuer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wishes_come_from_every_thread, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
