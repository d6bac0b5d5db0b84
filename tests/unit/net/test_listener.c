/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/listener.h"
#include "side.h"

static struct loop *l;
static struct side server;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    l = loop_new();
    side_init(&server);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    side_done(&server);
    loop_free(l);
    return 0;
}

static void run(void)
{
    loop_stop(l);
    loop_run(l);
}

static struct listener *listen_at(const char *host, unsigned port, bool reuse_port)
{
    struct listener_options options = { .host = host, .port = port, .reuse_port = reuse_port };

    return listener_new(l, &options, side_accept, &server, &err);
}

static struct sockaddr_in address_of(unsigned port)
{
    struct sockaddr_in a;

    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)port, &a), 0);
    return a;
}

static void test_port_in_use_is_refused(void **state)
{
    struct listener *first = listen_at("127.0.0.1", 0, false);
    char expected[128];

    (void)state;
    assert_non_null(first);
    assert_null(listen_at("127.0.0.1", listener_port(first), false));
    assert_int_equal(err.code, ERROR_IO);
    snprintf(expected, sizeof(expected),
             "cannot listen on 127.0.0.1 port %u: address already in use", listener_port(first));
    assert_string_equal(err.text, expected);
    assert_null(listen_at("0.0.0.0", listener_port(first), false));
    assert_null(listen_at("127.0.0.1", listener_port(first), true));
    assert_null(listen_at("0.0.0.0", listener_port(first), true));
    listener_close(first);
    run();
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    assert_null(listen_at("localhost", 0, false));
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_string_equal(err.text, "\"localhost\" is not a numeric address");
    assert_null(listen_at("127.0.0.1", 65536, false));
    assert_string_equal(err.text, "65536 is no port: the highest is 65535");
    assert_null(listen_at("192.0.2.1", 0, false)); /* not an address of this machine */
    assert_int_equal(err.code, ERROR_IO);
    run();
}

/* A try of another process to share the port: its exit status tells whether it was refused. */
static bool other_process_is_refused(unsigned port)
{
    struct listener_options options = { .host = "127.0.0.1", .port = port, .reuse_port = true };
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct error why = { .code = ERROR_NONE };
        struct loop *other = loop_new();
        struct listener *second = listener_new(other, &options, side_accept, &server, &why);

        _exit(!second && strstr(why.text, "address already in use") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_loops_share_a_port_but_processes_do_not(void **state)
{
    struct listener *first = listen_at("127.0.0.1", 0, true);
    struct listener *second, *third;

    (void)state;
    assert_non_null(first);
    assert_true(listener_port(first) > 0);
    second = listen_at("127.0.0.1", listener_port(first), true);
    assert_non_null(second);
    assert_true(other_process_is_refused(listener_port(first)));
    third = listen_at("127.0.0.1", listener_port(first), true);
    assert_non_null(third);
    assert_int_equal(listener_port(third), listener_port(first));
    assert_null(listen_at("127.0.0.1", listener_port(first), false));
    listener_close(second);
    listener_close(third);
    assert_true(other_process_is_refused(listener_port(first)));
    listener_close(first);
    assert_false(other_process_is_refused(listener_port(first)));
    run();
}

/* A port that is free again can be shared again at once. */
static void test_port_is_shared_again_after_a_restart(void **state)
{
    unsigned port = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct listener *both[2];

        both[0] = listen_at("127.0.0.1", port, true);
        assert_non_null(both[0]);
        port = listener_port(both[0]);
        both[1] = listen_at("127.0.0.1", port, true);
        assert_non_null(both[1]);
        listener_close(both[0]);
        listener_close(both[1]);
    }
    run();
}

/* Another program of the same user that shares the port by SO_REUSEPORT knows no guard. */
static void test_port_shared_by_another_program_is_refused(void **state)
{
    struct sockaddr_in at = address_of(0);
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    (void)state;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_null(listen_at("127.0.0.1", ntohs(at.sin_port), true));
    assert_non_null(strstr(err.text, "address already in use"));
    close(fd);
    run();
}

static unsigned turns;

static void on_turn(uv_check_t *check)
{
    (void)check;
    turns++;
}

static struct rlimit usual;

static void on_relief(uv_timer_t *timer)
{
    setrlimit(RLIMIT_NOFILE, &usual);
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_out_of_descriptors_recovers_without_spinning(void **state)
{
    struct listener *listener = listen_at("127.0.0.1", 0, false);
    struct sockaddr_in to = address_of(listener_port(listener));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit none;
    uv_check_t check;
    uv_timer_t relief;

    (void)state;
    uv_check_init(loop_uv(l), &check);
    uv_check_start(&check, on_turn);
    uv_timer_init(loop_uv(l), &relief);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    uv_run(loop_uv(l), UV_RUN_NOWAIT); /* the loop has its own descriptors now */
    assert_int_equal(server.connects, 1);
    side_close(&server);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    uv_update_time(loop_uv(l));
    uv_timer_start(&relief, on_relief, 250, 0);
    turns = 0;
    while (server.connects < 2)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_in_range(turns, 2, 20); /* it was out of descriptors, and did not spin */
    close(fd);
    while (server.s)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    listener_close(listener);
    uv_close((uv_handle_t *)&check, NULL);
    run();
}

static struct listener *closing;

static void on_accept_and_close(void *data, struct stream *s)
{
    side_accept(data, s);
    side_close(data);
    listener_close(closing);
}

/* Both in on_accept, with more connections waiting: none of those is accepted any more. */
static void test_closes_in_on_accept(void **state)
{
    struct listener_options options = { .host = "127.0.0.1" };
    struct sockaddr_in to;
    int fds[3];

    (void)state;
    closing = listener_new(l, &options, on_accept_and_close, &server, &err);
    assert_non_null(closing);
    to = address_of(listener_port(closing));
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
    }
    run();
    assert_int_equal(server.connects, 1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_port_in_use_is_refused),
        TEST(test_nonsense_is_refused),
        TEST(test_loops_share_a_port_but_processes_do_not),
        TEST(test_port_is_shared_again_after_a_restart),
        TEST(test_port_shared_by_another_program_is_refused),
        TEST(test_out_of_descriptors_recovers_without_spinning),
        TEST(test_closes_in_on_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
