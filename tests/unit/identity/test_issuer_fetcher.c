/* The fetcher against an issuer on the same loop.
 * SPDX-License-Identifier: MIT */
#include "identity/issuer_fetcher.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_server.h"

#define LIMIT_MS 20000
#define LONG_MS 3600000

enum mode { MODE_OK, MODE_ERROR, MODE_GARBAGE, MODE_HUGE, MODE_SILENT, MODE_DRIP, MODE_REDIRECT };

static struct world {
    struct loop *loop;
    struct http_server *server;
    unsigned port;
    struct arena *arena;
    struct str name;
    enum mode mode;
    const char *cache_control;
    struct str keys; /* what it publishes */
    unsigned discoveries, answers;
    struct http_request *held; /* that is not answered, or not to its end */
    struct issuers *list;
    struct issuer_keys_box *box;
    struct issuer_fetcher_options options;
    struct issuer_fetcher *fetcher;
    bool is_closed;
} w;

/* -- The issuer ------------------------------------------------------------------------------ */

static void reply(struct http_request *r, int status, struct str body)
{
    struct http_header headers[] = {
        { STR("Cache-Control"), str_from(w.cache_control ? w.cache_control : "private") },
        { STR("Location"), STR("/elsewhere") },
    };
    struct http_headers list = { .items = headers, .count = status == 302 ? 2 : 1 };

    http_reply(r, status, &list, body);
}

static void publish_keys(struct http_request *r)
{
    static char huge[JWKS_BYTES_MAX + 1];

    w.answers++;
    switch (w.mode) {
    case MODE_OK:
        reply(r, 200, w.keys);
        break;
    case MODE_ERROR:
        reply(r, 500, STR("{}"));
        break;
    case MODE_GARBAGE:
        reply(r, 200, STR("<html>maintenance</html>"));
        break;
    case MODE_HUGE:
        memset(huge, ' ', sizeof(huge));
        reply(r, 200, str_of(huge, sizeof(huge)));
        break;
    case MODE_SILENT:
        w.held = r;
        break;
    case MODE_DRIP:
        http_reply_start(r, 200, NULL, STR("{\"keys\":["));
        w.held = r;
        break;
    case MODE_REDIRECT:
        reply(r, 302, STR(""));
        break;
    }
}

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    if (str_equal(r->path, STR("/.well-known/openid-configuration"))) {
        w.discoveries++;
        reply(r, 200,
              arena_printf(r->arena, "{\"issuer\":\"%.*s\",\"jwks_uri\":\"%.*s/keys\"}",
                           STR_ARGS(w.name), STR_ARGS(w.name)));
    } else if (str_equal(r->path, STR("/keys"))) {
        publish_keys(r);
    } else {
        fail_msg("a request for %.*s", STR_ARGS(r->target));
    }
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    (void)r;
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    if (r == w.held) {
        w.held = NULL;
        http_reply_abort(r);
    }
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    (void)r;
    (void)err;
    (void)headers;
    return STR("{}");
}

static const char *const ids[] = { "first", "second", "third" };
static struct arena *key_arena;
static struct str key_texts[ARRAY_LEN(ids)];

static int make_keys(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    key_arena = arena_new(NULL);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct jwt_key *key = jwt_key_generate(str_from(ids[i]));

        key_texts[i] = jwt_key_export(key, key_arena, false);
        jwt_key_free(key);
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    arena_free(key_arena);
    return 0;
}

/* From now on it publishes that key alone. */
static void rotate(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        if (strcmp(ids[i], id) == 0)
            w.keys = arena_printf(w.arena, "{\"keys\":[%.*s]}", STR_ARGS(key_texts[i]));
    }
}

/* -- Around it ------------------------------------------------------------------------------- */

static void make_list(const char *more)
{
    struct error err;
    struct str text = arena_printf(w.arena, "issuers:\n  - issuer: %.*s\n    audiences: [a]\n%s",
                                   STR_ARGS(w.name), more);

    w.list = issuers_parse(text, "identity.yaml", &err);
    if (!w.list)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    static const struct http_handler handler = {
        .on_head = on_head, .on_body = on_body, .on_gone = on_gone, .render_error = render_error
    };
    const struct listener_options listen = { .host = "127.0.0.1" };
    struct http_server_limits limits;
    struct error err;

    (void)state;
    w = (struct world){ .loop = loop_new(),
                        .arena = arena_new(NULL),
                        .box = issuer_keys_box_new() };
    http_server_limits_default(&limits);
    w.server = http_server_new(w.loop, &limits, &handler, NULL);
    if (!http_server_listen(w.server, &listen, &w.port, &err))
        return -1;
    w.name = arena_printf(w.arena, "http://127.0.0.1:%u", w.port);
    w.options = (struct issuer_fetcher_options){
        .refresh_ms = LONG_MS,
        .refresh_min_ms = 1,
        .refresh_max_ms = LONG_MS,
        .wanted_ms = LONG_MS,
        .retry_min_ms = 5,
        .retry_max_ms = 20,
        .keep_ms = LONG_MS,
        .timeout_ms = LIMIT_MS,
    };
    make_list("");
    rotate("first");
    return 0;
}

static void start(void)
{
    w.fetcher = issuer_fetcher_new(w.loop, w.box, w.list, &w.options);
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void turn_until(bool (*is_so)(const void *what), const void *what)
{
    uint64_t end_ms = clock_monotonic_ms() + LIMIT_MS;

    while (!is_so(what)) {
        if (clock_monotonic_ms() > end_ms)
            fail_msg("that does not come");
        uv_run(loop_uv(w.loop), UV_RUN_ONCE);
    }
}

static bool is_set(const void *what)
{
    return *(const bool *)what;
}

static void stop(void)
{
    bool is_closed = false;

    issuer_fetcher_close(w.fetcher, on_closed, &is_closed);
    turn_until(is_set, &is_closed);
    w.fetcher = NULL;
}

static int tear_down(void **state)
{
    bool is_drained = false;

    (void)state;
    if (w.fetcher)
        stop();
    http_server_drain(w.server, 0, on_closed, &is_drained);
    turn_until(is_set, &is_drained);
    http_server_free(w.server);
    issuers_unref(w.list);
    issuer_keys_box_free(w.box);
    loop_stop(w.loop);
    loop_run(w.loop);
    loop_free(w.loop);
    arena_free(w.arena);
    return 0;
}

static bool knows(const void *id)
{
    struct issuer_keys *keys = issuer_keys_box_get(w.box);
    const struct issuer *issuer = issuer_keys_issuer(keys, w.name);
    bool is_known = issuer && issuer_keys_find(keys, issuer, str_from(id));

    issuer_keys_unref(keys);
    return is_known;
}

static bool knows_not(const void *id)
{
    return !knows(id);
}

/* It has answered, or failed to, so often. */
static bool has_answered(const void *count)
{
    return w.answers >= *(const unsigned *)count;
}

static void wait_for_answers(unsigned count)
{
    turn_until(has_answered, &count);
}

/* -- Tests ----------------------------------------------------------------------------------- */

static void keys_are_there_soon_after_the_start(void **state)
{
    (void)state;
    start();
    assert_true(knows_not("first"));
    turn_until(knows, "first");
    assert_int_equal(w.discoveries, 1);
    assert_int_equal(w.answers, 1);
}

static void a_place_that_is_given_needs_no_discovery(void **state)
{
    (void)state;
    issuers_unref(w.list);
    make_list(arena_printf(w.arena, "    jwks_uri: %.*s/keys\n", STR_ARGS(w.name)).data);
    start();
    turn_until(knows, "first");
    assert_int_equal(w.discoveries, 0);
}

static void they_are_fetched_again_when_their_time_is_over(void **state)
{
    (void)state;
    w.options.refresh_ms = 10;
    start();
    turn_until(knows, "first");
    rotate("second");
    turn_until(knows, "second");
    assert_true(knows_not("first"));
}

/* The answer's max-age counts, and within its bounds only. */
static void an_answer_says_for_how_long_it_is_good(void **state)
{
    (void)state;
    w.cache_control = "public, max-age=0, must-revalidate";
    w.options.refresh_min_ms = 10;
    start();
    turn_until(knows, "first");
    rotate("second");
    turn_until(knows, "second");
    w.cache_control = "max-age=4000000000";
    w.options.refresh_max_ms = 10;
    stop();
    start();
    rotate("third");
    turn_until(knows, "third");
}

/* One fetch for all that want a key, and none again before its time. */
static void an_unknown_key_is_looked_for_once(void **state)
{
    unsigned before;

    (void)state;
    start();
    turn_until(knows, "first");
    rotate("second");
    before = w.answers;
    for (int i = 0; i < 1000; i++)
        issuer_keys_want(w.box, w.name);
    turn_until(knows, "second");
    rotate("third");
    for (int i = 0; i < 100; i++) {
        issuer_keys_want(w.box, w.name);
        issuer_keys_want(w.box, STR("https://unknown.example.com"));
        uv_run(loop_uv(w.loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(w.answers, before + 1);
    assert_true(knows_not("third"));
}

static void it_is_looked_for_again_after_a_while(void **state)
{
    (void)state;
    w.options.wanted_ms = 20;
    start();
    turn_until(knows, "first");
    rotate("second");
    issuer_keys_want(w.box, w.name);
    turn_until(knows, "second");
    rotate("third");
    issuer_keys_want(w.box, w.name); /* waits for its turn, and is not forgotten */
    turn_until(knows, "third");
}

static void keys_stay_while_the_issuer_fails(void **state)
{
    static const enum mode modes[] = { MODE_ERROR, MODE_GARBAGE, MODE_HUGE, MODE_REDIRECT };

    (void)state;
    w.options.refresh_ms = 5;
    start();
    turn_until(knows, "first");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        w.mode = modes[i];
        wait_for_answers(w.answers + 3);
        assert_true(knows("first"));
    }
    rotate("second");
    w.mode = MODE_OK;
    turn_until(knows, "second");
}

static void an_issuer_that_is_slow_is_not_waited_for(void **state)
{
    static const enum mode modes[] = { MODE_SILENT, MODE_DRIP };

    (void)state;
    w.options.timeout_ms = 50;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        w.mode = modes[i];
        start();
        wait_for_answers(w.answers + 2); /* it was given up, and asked again */
        w.mode = MODE_OK;
        turn_until(knows, "first");
        stop();
        issuer_keys_box_free(w.box);
        w.box = issuer_keys_box_new();
    }
}

static void keys_that_are_too_old_go(void **state)
{
    (void)state;
    w.options.refresh_ms = 5;
    w.options.keep_ms = 40;
    start();
    turn_until(knows, "first");
    w.mode = MODE_ERROR;
    turn_until(knows_not, "first");
    w.mode = MODE_OK;
    turn_until(knows, "first");
}

static void what_is_known_outlives_a_reload(void **state)
{
    (void)state;
    start();
    turn_until(knows, "first");
    w.mode = MODE_SILENT;
    stop();
    assert_true(knows("first"));
    start();
    assert_true(knows("first"));
    wait_for_answers(2);
    stop();
    /* elsewhere there may be others */
    issuers_unref(w.list);
    make_list(arena_printf(w.arena, "    jwks_uri: %.*s/keys\n", STR_ARGS(w.name)).data);
    start();
    assert_true(knows_not("first"));
}

static void defaults_are_as_documented(void **state)
{
    struct issuer_fetcher_options o;

    (void)state;
    issuer_fetcher_options_default(&o);
    assert_int_equal(o.refresh_ms, 3600000);
    assert_int_equal(o.refresh_min_ms, 300000);
    assert_int_equal(o.refresh_max_ms, 86400000);
    assert_int_equal(o.wanted_ms, 60000);
    assert_int_equal(o.keep_ms, 86400000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_there_soon_after_the_start),
        TEST(a_place_that_is_given_needs_no_discovery),
        TEST(they_are_fetched_again_when_their_time_is_over),
        TEST(an_answer_says_for_how_long_it_is_good),
        TEST(an_unknown_key_is_looked_for_once),
        TEST(it_is_looked_for_again_after_a_while),
        TEST(keys_stay_while_the_issuer_fails),
        TEST(an_issuer_that_is_slow_is_not_waited_for),
        TEST(keys_that_are_too_old_go),
        TEST(what_is_known_outlives_a_reload),
        cmocka_unit_test(defaults_are_as_documented),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
