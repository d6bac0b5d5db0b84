/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "llama_fixture.h"

static void many_calls_wait_and_may_leave(void **state)
{
    enum { COUNT = 50 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      arguments: [--fake-load-ms, '200']\n");
    for (int i = 0; i < COUNT; i++)
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
    for (int i = 0; i < COUNT; i += 2) {
        if (i % 4 == 0)
            uv_run(loop_uv(rig.worker), UV_RUN_NOWAIT);
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
    }
    for (int i = 1; i < COUNT; i += 2) {
        rig_wait(&rig, rig_call_is_over, &calls[i]);
        assert_true(calls[i].has_ended);
    }
    stop();
    for (int i = 0; i < COUNT; i++)
        rig_call_done(&calls[i]);
}

static void only_so_many_calls_wait(void **state)
{
    enum { COUNT = 513 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      arguments: [--fake-load-ms, '100000']\n");
    for (int i = 0; i < COUNT; i++)
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_is_over, &calls[COUNT - 1]);
    assert_true(calls[COUNT - 1].has_failed);
    assert_int_equal(calls[COUNT - 1].err.code, ERROR_UNAVAILABLE);
    assert_int_equal(rig_status(&rig, "m").in_flight, COUNT - 1);
    for (int i = 0; i < COUNT - 1; i++) {
        assert_non_null(calls[i].call);
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
        rig_call_done(&calls[i]);
    }
    assert_int_equal(rig_status(&rig, "m").in_flight, 0);
    rig_call_done(&calls[COUNT - 1]);
    stop();
}

static void many_calls_take_turns(void **state)
{
    enum { COUNT = 100 };
    static struct rig_call calls[COUNT];

    (void)state;
    memset(calls, 0, sizeof(calls));
    start("      parallel: 1\n      arguments: [--fake-places, '65', --fake-event-ms, '15']\n");
    for (int i = 0; i < COUNT; i++) {
        rig_call_start(&rig, &calls[i], "m", ENGINE_CHAT, STREAM);
        if (i == COUNT / 2) /* some while it loads, some after */
            rig_wait_state(&rig, "m", ENGINE_READY);
    }
    for (int i = 90; i < COUNT; i++) { /* they wait for a place, and give it to none */
        engine_call_cancel(calls[i].call);
        calls[i].call = NULL;
        rig_call_done(&calls[i]);
    }
    for (int i = 0; i < 90; i++) {
        rig_wait(&rig, rig_call_is_over, &calls[i]);
        assert_true(calls[i].has_ended);
        rig_call_done(&calls[i]);
    }
    assert_int_equal(rig_status(&rig, "m").restarts, 0);
    stop();
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_calls_wait_and_may_leave),
        TEST(only_so_many_calls_wait),
        TEST(many_calls_take_turns),
    };

    return cmocka_run_group_tests(tests, llama_fixture_set_up, llama_fixture_tear_down);
}
