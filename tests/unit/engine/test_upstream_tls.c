/*
 * Upstreams over TLS: served by our own HTTP server on the control loop.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/http_server.h"
#include "rig.h"
#include "../net/certificate.h"

static struct rig rig;
static struct certificate trusted, other;
static struct http_server *server;
static unsigned port;
static atomic_uint tls_requests;

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    (void)r;
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    tls_requests += r->is_tls;
    http_reply(r, 200, NULL, r->body);
}

static void on_drain(void *data, struct http_request *r)
{
    (void)data;
    (void)r;
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    (void)r;
    (void)err;
    (void)headers;
    return STR_NONE;
}

static void start_server(const struct certificate *c)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_drain = on_drain,
        .on_gone = on_drain,
        .render_error = render_error,
    };
    struct http_server_limits limits;
    struct listener_options options = { .host = "127.0.0.1", .require_tls = true };
    struct error err;

    http_server_limits_default(&limits);
    limits.connections_max = 100;
    server = http_server_new(rig.control, &limits, &handler, NULL);
    options.tls = tls_context_new_server(c->certificate_file, c->key_file, &err);
    assert_non_null(options.tls);
    assert_true(http_server_listen(server, &options, &port, &err));
    tls_context_unref(options.tls);
}

static void on_drained(void *data)
{
    atomic_bool *is_drained = data;

    *is_drained = true;
}

static void drain(void *data)
{
    http_server_drain(server, 0, on_drained, data);
}

static bool is_true(void *data)
{
    atomic_bool *flag = data;

    return *flag;
}

static void start(const struct certificate *served, const char *host, const char *ca_file)
{
    const struct engines_options options = { 0 };
    char yaml[512];

    rig_make_loops(&rig);
    start_server(served);
    snprintf(yaml, sizeof(yaml),
             "engines:\n  - name: u\n    upstream: { url: 'https://%s:%u/v1', ca_file: %s }\n",
             host, port, ca_file);
    rig_start(&rig, yaml, &options);
}

static void stop(void)
{
    atomic_bool is_drained = false;

    rig_on_control(&rig, drain, &is_drained);
    rig_wait(&rig, is_true, &is_drained);
    rig_stop(&rig, NULL, NULL);
    http_server_free(server);
}

static int set_up(void **state)
{
    (void)state;
    tls_requests = 0;
    certificate_make(&trusted, "IP:127.0.0.1", NULL);
    certificate_make(&other, "DNS:example.com", NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_remove(&trusted);
    certificate_remove(&other);
    return 0;
}

static void speaks_tls(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    start(&trusted, "127.0.0.1", trusted.certificate_file);
    for (int i = 0; i < 3; i++) {
        c = (struct rig_call){ 0 };
        rig_call_run(&rig, &c, "u", ENGINE_CHAT, "{\"a\":1}");
        if (c.has_failed)
            fail_msg("%s", c.err.text);
        assert_string_equal(rig_call_text(&c), "{\"a\":1}");
        rig_call_done(&c);
    }
    assert_int_equal(tls_requests, 3);
    stop();
}

static void refuses(const struct certificate *served, const char *ca_file)
{
    struct rig_call c = { 0 };

    start(served, "127.0.0.1", ca_file);
    rig_call_run(&rig, &c, "u", ENGINE_CHAT, "{}");
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    assert_int_equal(tls_requests, 0);
    rig_call_done(&c);
    stop();
}

static void trusts_only_whom_it_should(void **state)
{
    (void)state;
    refuses(&trusted, other.certificate_file); /* signed by a stranger */
    refuses(&other, other.certificate_file);   /* for another name */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(speaks_tls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trusts_only_whom_it_should, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
