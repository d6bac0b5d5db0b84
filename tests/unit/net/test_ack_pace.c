/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/ack_pace.h"

/* Reads that bring one whole chunk, until one more may be acknowledged late. */
static unsigned reads_until_delay(struct ack_pace *p, uint64_t now_ms)
{
    unsigned reads = 0;

    while (!ack_pace_may_delay(p, now_ms)) {
        ack_pace_read(p, now_ms, true);
        assert_true(++reads < 100000);
    }
    return reads;
}

static void the_first_pieces_of_an_answer_are_acknowledged_at_once(void **state)
{
    struct ack_pace p = { 0 };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ack_pace_begin(&p);
        assert_int_equal(reads_until_delay(&p, 1000), 4);
    }
}

static void who_may_be_waiting_is_acknowledged_at_once(void **state)
{
    struct ack_pace p = { 0 };

    (void)state;
    ack_pace_begin(&p);
    ack_pace_read(&p, 1000, false); /* a head, say */
    assert_int_equal(reads_until_delay(&p, 1000), 4);
    /* each time for twice as long, up to a bound */
    for (unsigned wanted = 16; wanted <= 16384; wanted *= 2) {
        ack_pace_read(&p, 1000, false);
        ack_pace_read(&p, 1000, false); /* what comes until then says nothing new */
        assert_int_equal(reads_until_delay(&p, 1000), wanted);
    }
    ack_pace_read(&p, 1000, false);
    assert_int_equal(reads_until_delay(&p, 1000), 16384);
    /* nor does the next answer begin anew */
    ack_pace_read(&p, 1000, false);
    ack_pace_begin(&p);
    assert_int_equal(reads_until_delay(&p, 1000), 16384);
}

static void after_a_pause_there_is_nothing_to_put_off(void **state)
{
    struct ack_pace p = { 0 };
    const uint64_t wrap_ms = UINT64_C(1) << 32;

    (void)state;
    ack_pace_begin(&p);
    reads_until_delay(&p, wrap_ms - 10);
    assert_true(ack_pace_may_delay(&p, wrap_ms + 189));
    assert_false(ack_pace_may_delay(&p, wrap_ms + 190));
    ack_pace_read(&p, wrap_ms + 190, true);
    assert_true(ack_pace_may_delay(&p, wrap_ms + 190));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_pieces_of_an_answer_are_acknowledged_at_once),
        cmocka_unit_test(who_may_be_waiting_is_acknowledged_at_once),
        cmocka_unit_test(after_a_pause_there_is_nothing_to_put_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
