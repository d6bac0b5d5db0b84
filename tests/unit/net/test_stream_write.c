/*
 * What is written waits for the end of the loop's turn.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/ioctl.h>

#include "net/loop_scratch.h"
#include "pair.h"

static size_t bytes_at(int fd)
{
    int len = -1;

    assert_int_equal(ioctl(fd, FIONREAD, &len), 0);
    return (size_t)len;
}

static void connect_both(void)
{
    pair_listen_tcp();
    server.starts_reading = false;
    side_connect(&client, l, &address, CONNECT_MS);
    while (!client.connects || !server.connects)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void close_both(void)
{
    stream_read_start(server.s);
    side_close(&client);
    pair_run();
}

static void test_small_writes_wait_for_the_turns_end(void **state)
{
    (void)state;
    connect_both();
    assert_true(side_write(&client, STR("ab")));
    assert_true(side_write(&client, STR("cd")));
    assert_int_equal(bytes_at(pair_socket(server.s)), 0);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    assert_int_equal(bytes_at(pair_socket(server.s)), 4);
    close_both();
    side_assert_got(&server, STR("abcd"));
}

static void test_flush_sends_what_one_stream_wrote(void **state)
{
    (void)state;
    connect_both();
    assert_true(side_write(&client, STR("a")));
    assert_true(side_write(&server, STR("x")));
    assert_true(side_write(&client, STR("b")));
    stream_flush(client.s);
    assert_int_equal(bytes_at(pair_socket(server.s)), 2);
    assert_int_equal(bytes_at(pair_socket(client.s)), 0);
    assert_true(side_write(&client, STR("c")));
    close_both();
    side_assert_got(&server, STR("abc"));
}

static void test_a_large_write_follows_small_ones(void **state)
{
    struct str large = pattern_make(OUTBOX_WRITE_MAX + 1);

    (void)state;
    connect_both();
    assert_true(side_write(&client, STR("ab")));
    assert_true(side_write(&client, large));
    assert_int_equal(bytes_at(pair_socket(server.s)), 2 + large.len); /* it does not wait */
    assert_true(side_write(&client, STR("cd")));
    close_both();
    assert_int_equal(buf_len(&server.got), large.len + 4);
    assert_memory_equal(buf_str(&server.got).data, "ab", 2);
    assert_memory_equal(server.got.data + server.got.end - 2, "cd", 2);
    pattern_free(large);
}

/* More writes than wait together, and more bytes. */
static void test_many_writes_keep_their_order(void **state)
{
    struct str bytes = pattern_make(3 * OUTBOX_BYTES);
    size_t step = 2 * OUTBOX_BYTES / OUTBOX_ENTRIES_MAX - 1;

    (void)state;
    connect_both();
    stream_read_start(server.s);
    for (size_t at = 0; at < bytes.len; at += at < OUTBOX_BYTES ? step : 1)
        assert_true(side_write(&client, str_slice(bytes, at, at < OUTBOX_BYTES ? step : 1)));
    close_both();
    side_assert_got(&server, bytes);
    pattern_free(bytes);
}

static void test_a_cut_stream_has_sent_what_it_wrote(void **state)
{
    (void)state;
    connect_both();
    assert_true(side_write(&client, STR("ab")));
    stream_close(client.s, false);
    client.s = NULL;
    assert_int_equal(bytes_at(pair_socket(server.s)), 2);
    stream_read_start(server.s);
    pair_run();
    side_assert_got(&server, STR("ab"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_set_up, pair_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_small_writes_wait_for_the_turns_end),
        TEST(test_flush_sends_what_one_stream_wrote),
        TEST(test_a_large_write_follows_small_ones),
        TEST(test_many_writes_keep_their_order),
        TEST(test_a_cut_stream_has_sent_what_it_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
