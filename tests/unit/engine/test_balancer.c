/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/balancer.h"

static struct balancer_address addresses[3];
static struct balancer b;

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        addresses[i] = (struct balancer_address){ .weight = 1 };
    balancer_init(&b, addresses, ARRAY_LEN(addresses));
    return 0;
}

static struct balancer_pick pick_at(uint64_t now_ms)
{
    struct balancer_pick pick;

    assert_true(balancer_pick(&b, NULL, 0, now_ms, &pick));
    return pick;
}

/* Calls address `index`, which must be let through, and ends the call so. */
static void call(unsigned index, enum balancer_outcome outcome, uint64_t now_ms)
{
    unsigned others[] = { (index + 1) % 3, (index + 2) % 3 };
    struct balancer_pick pick;

    assert_true(balancer_pick(&b, others, 2, now_ms, &pick));
    assert_int_equal(pick.index, index);
    balancer_done(&b, &pick, outcome, now_ms);
}

static bool can_call(unsigned index, uint64_t now_ms)
{
    unsigned others[] = { (index + 1) % 3, (index + 2) % 3 };
    struct balancer_pick pick;

    if (!balancer_pick(&b, others, 2, now_ms, &pick))
        return false;
    balancer_done(&b, &pick, BALANCER_UNKNOWN, now_ms);
    return true;
}

static void takes_the_least_loaded(void **state)
{
    unsigned counts[3] = { 0 };

    (void)state;
    for (int i = 0; i < 300; i++)
        counts[pick_at(1).index]++;
    for (int i = 0; i < 3; i++)
        assert_int_equal(counts[i], 100);
    balancer_done(&b, &(struct balancer_pick){ .index = 1 }, BALANCER_SUCCESS, 1);
    assert_int_equal(pick_at(1).index, 1);
}

static void heeds_weights(void **state)
{
    unsigned counts[3] = { 0 };

    (void)state;
    addresses[2].weight = 4;
    for (int i = 0; i < 60; i++)
        counts[pick_at(1).index]++;
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 10);
    assert_int_equal(counts[2], 40);
}

static void rotates_among_idle_ones(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct balancer_pick pick = pick_at(1);

        seen |= 1u << pick.index;
        balancer_done(&b, &pick, BALANCER_SUCCESS, 1);
    }
    assert_int_equal(seen, 7);
}

static void leaves_out_what_was_tried(void **state)
{
    unsigned tried[] = { 0, 1, 2 };
    struct balancer_pick pick;

    (void)state;
    assert_true(balancer_pick(&b, tried, 2, 1, &pick));
    assert_int_equal(pick.index, 2);
    assert_false(balancer_pick(&b, tried, 3, 1, &pick));
}

static void ejects_and_tries_again(void **state)
{
    (void)state;
    call(0, BALANCER_FAILURE, 10);
    call(0, BALANCER_FAILURE, 10);
    assert_true(can_call(0, 10));
    call(0, BALANCER_SUCCESS, 10); /* begins the row anew */
    call(0, BALANCER_FAILURE, 10);
    call(0, BALANCER_FAILURE, 10);
    call(0, BALANCER_FAILURE, 10);
    assert_false(can_call(0, 10));
    assert_false(balancer_is_up(&b, 0));
    assert_false(can_call(0, 1009));
    call(0, BALANCER_FAILURE, 1010); /* half-open: one failure is enough, for twice as long */
    assert_false(can_call(0, 3009));
    call(0, BALANCER_UNKNOWN, 3010); /* given up: still half-open */
    call(0, BALANCER_SUCCESS, 3010);
    call(0, BALANCER_FAILURE, 3010);
    assert_true(can_call(0, 3010));
    call(0, BALANCER_FAILURE, 3010);
    call(0, BALANCER_FAILURE, 3010);
    assert_false(can_call(0, 4009)); /* back at the first ejection's length */
    assert_true(can_call(0, 4010));
}

static void doubles_up_to_a_limit(void **state)
{
    uint64_t now = 1;

    (void)state;
    for (int i = 0; i < 3; i++)
        call(0, BALANCER_FAILURE, now);
    for (int i = 0; i < 40; i++) {
        now += BALANCER_EJECT_MAX_MS;
        call(0, BALANCER_FAILURE, now);
    }
    assert_false(can_call(0, now + BALANCER_EJECT_MAX_MS - 1));
    assert_true(can_call(0, now + BALANCER_EJECT_MAX_MS));
}

static void lets_one_probe_through(void **state)
{
    unsigned others[] = { 1, 2 };
    struct balancer_pick probe, old, pick;

    (void)state;
    assert_true(balancer_pick(&b, others, 2, 1, &old));
    for (int i = 0; i < 3; i++)
        call(0, BALANCER_FAILURE, 1);
    assert_true(balancer_pick(&b, others, 2, 1001, &probe));
    assert_true(probe.is_probe);
    assert_false(balancer_pick(&b, others, 2, 1001, &pick));
    balancer_done(&b, &old, BALANCER_SUCCESS, 1001); /* of before: proves nothing */
    assert_false(balancer_pick(&b, others, 2, 1001, &pick));
    balancer_done(&b, &probe, BALANCER_SUCCESS, 1001);
    assert_true(balancer_pick(&b, others, 2, 1001, &pick));
    assert_false(pick.is_probe);
}

static void skips_the_held_while_others_are_free(void **state)
{
    unsigned tried[] = { 1 };
    struct balancer_pick pick;

    (void)state;
    balancer_hold(&b, 0, 500);
    balancer_hold(&b, 2, 400);
    for (int i = 0; i < 10; i++)
        assert_int_equal(pick_at(1).index, 1);
    assert_false(balancer_pick(&b, tried, 1, 1, &pick)); /* no retry where it is not wanted */
    balancer_set_down(&b, 1, true);
    assert_int_equal(pick_at(1).index, 2); /* all are held: the first to be released */
    assert_int_equal(pick_at(450).index, 2);
    assert_int_equal(pick_at(500).index, 0);
}

/* An address may be back before its next health check. */
static void asks_all_that_are_down_when_all_are(void **state)
{
    unsigned tried[3], firsts = 0;
    struct balancer_pick pick;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        balancer_set_down(&b, i, true);
    for (unsigned i = 0; i < 3; i++) { /* each in its turn */
        pick = pick_at(1);
        firsts |= 1u << pick.index;
        balancer_done(&b, &pick, BALANCER_UNKNOWN, 1);
    }
    assert_int_equal(firsts, 7);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(balancer_pick(&b, tried, i, 1, &pick));
        tried[i] = pick.index;
        balancer_done(&b, &pick, BALANCER_FAILURE, 1);
    }
    assert_int_equal(1u << tried[0] | 1u << tried[1] | 1u << tried[2], 7);
    assert_false(balancer_pick(&b, tried, 3, 1, &pick));
    balancer_set_down(&b, 2, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pick_at(1).index, 2);
    assert_false(balancer_pick(&b, (unsigned[]){ 2 }, 1, 1, &pick)); /* one in rotation is enough */
}

static void does_not_eject_what_is_down(void **state)
{
    struct balancer_pick pick;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        balancer_set_down(&b, i, true);
    for (int i = 0; i < 30; i++) {
        pick = pick_at(1);
        assert_false(balancer_done(&b, &pick, BALANCER_FAILURE, 1));
    }
    pick = pick_at(1);
    balancer_done(&b, &pick, BALANCER_SUCCESS, 1);
    assert_false(balancer_is_up(&b, pick.index)); /* that is for the health check to say */
    for (unsigned i = 0; i < 3; i++) {
        balancer_set_down(&b, i, false);
        assert_true(balancer_is_up(&b, i));
        assert_true(can_call(i, 1));
    }
}

/* One caller's requests that make every address fail must not end everybody's. */
static void asks_an_ejected_one_when_all_are(void **state)
{
    unsigned tried[] = { 2 };
    struct balancer_pick first, second, third;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (int n = 0; n < 3; n++)
            call(i, BALANCER_FAILURE, 10 + 10 * ((i + 1) % 3));
    }
    first = pick_at(50); /* address 2 was ejected first */
    assert_int_equal(first.index, 2);
    assert_true(first.is_probe);
    second = pick_at(50);
    assert_int_equal(second.index, 2);
    assert_false(second.is_probe);
    assert_false(balancer_pick(&b, tried, 1, 50, &third)); /* but no retry on another such */
    balancer_done(&b, &second, BALANCER_SUCCESS, 50);
    assert_false(balancer_is_up(&b, 2));
    balancer_done(&b, &first, BALANCER_SUCCESS, 50); /* the probe brings it back */
    assert_true(balancer_is_up(&b, 2));
    balancer_set_down(&b, 2, true); /* a health check's word counts */
    assert_int_equal(pick_at(50).index, 0);
}

static void *hammer(void *data)
{
    uint64_t random = (uint64_t)(uintptr_t)data;

    for (int i = 0; i < 20000; i++) {
        struct balancer_pick pick;

        random = random * 6364136223846793005u + 1442695040888963407u;
        if (balancer_pick(&b, NULL, 0, (uint64_t)i, &pick))
            balancer_done(&b, &pick, (enum balancer_outcome)((random >> 33) % 3), (uint64_t)i);
    }
    return NULL;
}

static void is_shared_by_threads(void **state)
{
    pthread_t threads[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(uintptr_t)(i + 1)), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        assert_int_equal(addresses[i].outstanding, 0);
        assert_false(addresses[i].is_probed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_the_least_loaded, set_up),
        cmocka_unit_test_setup(heeds_weights, set_up),
        cmocka_unit_test_setup(rotates_among_idle_ones, set_up),
        cmocka_unit_test_setup(leaves_out_what_was_tried, set_up),
        cmocka_unit_test_setup(ejects_and_tries_again, set_up),
        cmocka_unit_test_setup(asks_an_ejected_one_when_all_are, set_up),
        cmocka_unit_test_setup(doubles_up_to_a_limit, set_up),
        cmocka_unit_test_setup(lets_one_probe_through, set_up),
        cmocka_unit_test_setup(skips_the_held_while_others_are_free, set_up),
        cmocka_unit_test_setup(asks_all_that_are_down_when_all_are, set_up),
        cmocka_unit_test_setup(does_not_eject_what_is_down, set_up),
        cmocka_unit_test_setup(is_shared_by_threads, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
