/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/ack_pace.h"

static struct ack_peer peer;

static int set_up(void **state)
{
    (void)state;
    peer = (struct ack_peer){ 0 };
    return 0;
}

/* Reads that bring one whole chunk, until one more may be acknowledged late; they come 40 ms apart. */
static unsigned reads_until_delay(struct ack_pace *p, uint64_t *now_ms)
{
    unsigned reads = 0;

    while (!ack_pace_may_delay(p, *now_ms)) {
        ack_pace_read(p, &peer, *now_ms += 40, true);
        assert_true(++reads < 100000);
    }
    return reads;
}

static void the_first_pieces_of_an_answer_are_acknowledged_at_once(void **state)
{
    struct ack_pace p = { 0 };
    uint64_t now_ms = 1000;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        ack_pace_begin(&p);
        assert_int_equal(reads_until_delay(&p, &now_ms), 4);
    }
}

static void who_may_be_waiting_is_acknowledged_at_once(void **state)
{
    struct ack_pace p = { 0 };
    uint64_t now_ms = 1000;

    (void)state;
    ack_pace_begin(&p);
    ack_pace_read(&p, &peer, now_ms, false); /* a head, say */
    assert_int_equal(reads_until_delay(&p, &now_ms), 4);
    /* each time for twice as long, up to a bound */
    for (unsigned wanted = 64; wanted <= 16384; wanted *= 2) {
        ack_pace_read(&p, &peer, now_ms, false);
        ack_pace_read(&p, &peer, now_ms, false); /* what comes until then says nothing new */
        assert_int_equal(reads_until_delay(&p, &now_ms), wanted);
        peer.told_ms = now_ms - 1000; /* few reads came, or many */
    }
    ack_pace_read(&p, &peer, now_ms, false);
    assert_int_equal(p.at_once, 16384);
    /* nor does the next answer begin anew */
    ack_pace_begin(&p);
    assert_int_equal(p.at_once, 16384);
}

static void what_a_peer_has_shown_holds_for_its_connections(void **state)
{
    struct ack_pace first = { 0 }, second = { 0 };

    (void)state;
    ack_pace_read(&first, &peer, 1000, false);
    assert_int_equal(first.at_once, 64);
    /* at the same time: that is no news */
    ack_pace_read(&second, &peer, 1999, false);
    assert_int_equal(second.at_once, 64);
    second.at_once = 0;
    ack_pace_read(&second, &peer, 2000, false);
    assert_int_equal(second.at_once, 128);
}

static void what_a_peer_has_shown_is_forgotten(void **state)
{
    static const struct {
        uint64_t passed_ms;
        unsigned recovery;
    } after[] = {
        { 59999, 2048 }, { 60000, 1024 }, { 120000, 512 }, { 600000, 64 }, { 86400000, 64 }
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        struct ack_pace p = { 0 };

        peer = (struct ack_peer){ .told_ms = 1000, .recovery = 1024 };
        ack_pace_read(&p, &peer, 1000 + after[i].passed_ms, false);
        assert_int_equal(p.at_once, after[i].recovery);
    }
}

/* The second of two pieces that are written one behind the other waits for the first one's
 * acknowledgement, and comes as one whole chunk then. */
static void who_sends_in_pairs_is_acknowledged_at_once(void **state)
{
    struct ack_pace p = { 0 };
    uint64_t now_ms = 1000;

    (void)state;
    ack_pace_begin(&p);
    ack_pace_read(&p, &peer, now_ms, false); /* the head, with the first piece right behind it */
    for (unsigned i = 0; i < 50; i++, now_ms += 100) {
        ack_pace_read(&p, &peer, now_ms, true);
        assert_false(ack_pace_may_delay(&p, now_ms));
        ack_pace_read(&p, &peer, now_ms + i % 6, true);
        assert_false(ack_pace_may_delay(&p, now_ms + 6));
    }
    assert_int_equal(reads_until_delay(&p, &now_ms), 4);
    /* one that comes at once where the acknowledgement was put off did not wait for it */
    ack_pace_read(&p, &peer, now_ms, true);
    assert_true(ack_pace_may_delay(&p, now_ms));
}

static void after_a_pause_there_is_nothing_to_put_off(void **state)
{
    struct ack_pace p = { 0 };
    const uint64_t wrap_ms = UINT64_C(1) << 32;
    uint64_t now_ms = wrap_ms - 170;

    (void)state;
    ack_pace_begin(&p);
    reads_until_delay(&p, &now_ms);
    assert_int_equal(now_ms, wrap_ms - 10);
    assert_true(ack_pace_may_delay(&p, wrap_ms + 189));
    assert_false(ack_pace_may_delay(&p, wrap_ms + 190));
    ack_pace_read(&p, &peer, wrap_ms + 190, true);
    assert_true(ack_pace_may_delay(&p, wrap_ms + 190));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_pieces_of_an_answer_are_acknowledged_at_once, set_up),
        cmocka_unit_test_setup(who_may_be_waiting_is_acknowledged_at_once, set_up),
        cmocka_unit_test_setup(what_a_peer_has_shown_holds_for_its_connections, set_up),
        cmocka_unit_test_setup(what_a_peer_has_shown_is_forgotten, set_up),
        cmocka_unit_test_setup(who_sends_in_pairs_is_acknowledged_at_once, set_up),
        cmocka_unit_test_setup(after_a_pause_there_is_nothing_to_put_off, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
