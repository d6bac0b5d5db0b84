/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "llama_fixture.h"

static bool is_gone(void *data)
{
    return !is_running(*(int *)data);
}

static void reload_keeps_what_did_not_change(void **state)
{
    struct rig_call c = { 0 }, other = { 0 };
    char yaml[512];
    int pid;

    (void)state;
    start("      arguments: []\n");
    rig_call_run(&rig, &c, "m", ENGINE_EMBEDDINGS, "{}");
    pid = rig_status(&rig, "m").pid;
    rig_call_done(&c);
    snprintf(yaml, sizeof(yaml),
             "engines:\n  - name: m\n    llama: { model: %s }\n"
             "  - name: n\n    sim: { seed: 1 }\n",
             fixture.model);
    rig_reload(&rig, yaml);
    assert_int_equal(rig_status(&rig, "m").pid, pid);
    /* Changed while a call runs: the call ends on the old process, then that one goes. */
    c = (struct rig_call){ 0 };
    rig_call_start(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &c);
    snprintf(yaml, sizeof(yaml), "engines:\n  - name: m\n    llama: { model: %s, parallel: 2 }\n",
             fixture.model);
    rig_reload(&rig, yaml);
    rig_call_run(&rig, &other, "m", ENGINE_CHAT, STREAM);
    assert_true(other.has_ended);
    assert_int_not_equal(pid_in(&other), pid);
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_int_equal(pid_in(&c), pid);
    rig_wait(&rig, is_gone, &pid);
    stop();
    rig_call_done(&c);
    rig_call_done(&other);
}

static void two_processes_are_not_there_at_a_time(void **state)
{
    struct rig_call old = { 0 }, new = { 0 };
    int pid;

    (void)state;
    start("      arguments: [--fake-event-ms, '20']\n");
    rig_call_start(&rig, &old, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &old);
    pid = rig_status(&rig, "m").pid;
    reload("      load_at_start: true\n");
    assert_int_equal(rig_status(&rig, "m").state, ENGINE_STARTING);
    assert_int_equal(rig_status(&rig, "m").pid, 0);
    rig_call_start(&rig, &new, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &new);
    assert_true(old.has_ended); /* whole, and before the other has begun */
    assert_int_equal(pid_in(&old), pid);
    assert_false(is_running(pid));
    rig_wait(&rig, rig_call_is_over, &new);
    assert_true(new.has_ended);
    stop();
    rig_call_done(&old);
    rig_call_done(&new);
}

static void who_does_not_make_room_is_cut(void **state)
{
    struct rig_call stream = { 0 }, mute = { 0 }, next = { 0 };
    int pid;

    (void)state;
    start("      arguments: [--fake-stall-after, '5', --fake-mute]\n");
    rig.grace_ms = 300;
    rig_call_start(&rig, &stream, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &stream);
    rig_call_start(&rig, &mute, "m", ENGINE_EMBEDDINGS, "{}");
    pid = rig_status(&rig, "m").pid;
    reload("      parallel: 2\n");
    rig_call_run(&rig, &next, "m", ENGINE_CHAT, STREAM);
    assert_true(next.has_ended);
    assert_false(is_running(pid));
    rig_wait(&rig, rig_call_is_over, &stream);
    rig_wait(&rig, rig_call_is_over, &mute);
    assert_true(stream.has_failed && stream.status == 200);
    assert_true(mute.has_failed);
    assert_int_equal(mute.err.code, ERROR_UNAVAILABLE);
    stop();
    rig_call_done(&stream);
    rig_call_done(&mute);
    rig_call_done(&next);
}

/* A call that waits for a process waits for the one that is to come. */
static void calls_that_wait_follow_a_reload(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start("      arguments: [--fake-load-ms, '100000']\n");
    rig_call_start(&rig, &c, "m", ENGINE_CHAT, STREAM);
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    reload("      arguments: [--fake-load-ms, '100001']\n");
    reload("      arguments: [--fake-load-ms, '50']\n");
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_int_equal(pid_in(&c), rig_status(&rig, "m").pid);
    stop();
    rig_call_done(&c);
}

static void stops_while_one_waits_for_another(void **state)
{
    struct rig_call old = { 0 }, new = { 0 };

    (void)state;
    start("      arguments: [--fake-stall-after, '5']\n");
    rig_call_start(&rig, &old, "m", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &old);
    reload("      parallel: 2\n");
    rig_call_start(&rig, &new, "m", ENGINE_CHAT, STREAM);
    rig_wait_state(&rig, "m", ENGINE_STARTING);
    stop(); /* the calls with it */
    old.call = new.call = NULL;
    assert_int_equal(files_left(), 0);
    rig_call_done(&old);
    rig_call_done(&new);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reload_keeps_what_did_not_change),  TEST(two_processes_are_not_there_at_a_time),
        TEST(who_does_not_make_room_is_cut),     TEST(calls_that_wait_follow_a_reload),
        TEST(stops_while_one_waits_for_another),
    };

    return cmocka_run_group_tests(tests, llama_fixture_set_up, llama_fixture_tear_down);
}
