/* The control plane behind a real HTTP server.
 * SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "net/http_server.h"
#include "net/loop.h"

#define TOKEN "the-right-token"
#define AUTHORIZATION "Authorization: Bearer " TOKEN "\r\n"

/* The server's side, on a thread of its own. */
struct server {
    struct fixture *f;
    struct loop *loop;
    struct http_server *http;
    unsigned port;
    pthread_t thread;
    struct loop_task stop;
};

static struct server server;

static bool authenticate(void *data, struct http_request *r, struct str token,
                         struct principal *who, struct error *err)
{
    (void)data;
    (void)r;
    if (!str_equal(token, STR(TOKEN)))
        return error_set(err, ERROR_ARM_BAD_TOKEN, NULL);
    *who = (struct principal){ .kind = PRINCIPAL_APPLICATION,
                               .name = STR("someone"),
                               .is_administrator = true };
    return true;
}

static void on_head(void *data, struct http_request *r)
{
    arm_on_head(data, r);
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    arm_on_body(r);
}

static void on_drain_event(void *data, struct http_request *r)
{
    (void)data;
    (void)r;
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    arm_on_gone(r);
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    (void)headers;
    return arm_render_error(r->arena, err, STR_NONE);
}

static void *run_loop(void *data)
{
    loop_run(data);
    return NULL;
}

static int set_up(void **state)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_drain = on_drain_event,
        .on_gone = on_gone,
        .render_error = render_error,
    };
    struct listener_options options = { .host = "127.0.0.1" };
    struct http_server_limits limits;
    struct fixture *f;
    struct error err;

    if (fixture_set_up_account(state))
        return -1;
    f = *state;
    f->options.authenticate = authenticate;
    fixture_restart(f);
    http_server_limits_default(&limits);
    server = (struct server){ .f = f, .loop = loop_new() };
    server.http = http_server_new(server.loop, &limits, &handler, f->arm);
    if (!http_server_listen(server.http, &options, &server.port, &err))
        fail_msg("%s", err.text);
    pthread_create(&server.thread, NULL, run_loop, server.loop);
    return 0;
}

static void on_drained(void *data)
{
    http_server_free(server.http);
    loop_stop(data);
}

static void stop(struct loop_task *task)
{
    (void)task;
    http_server_drain(server.http, 1000, on_drained, server.loop);
}

static int tear_down(void **state)
{
    server.stop.fn = stop;
    loop_post(server.loop, &server.stop);
    pthread_join(server.thread, NULL);
    loop_free(server.loop);
    return fixture_tear_down(state);
}

static int dial(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)server.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The whole answer to a request, which is the only one of its connection. */
static char *ask(const char *method, const char *target, const char *headers, const char *body)
{
    static char answer[256 * 1024];
    int fd = dial();
    ssize_t n;
    size_t len = 0;

    dprintf(fd,
            "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n%sContent-Length: %zu"
            "\r\n\r\n%s",
            method, target, server.port, headers, strlen(body), body);
    while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static void assert_has(const char *answer, const char *part)
{
    if (!strcasestr(answer, part))
        fail_msg("no '%s' in: %s", part, answer);
}

static void test_headers(void **state)
{
    char *answer = ask("GET", A V,
                       AUTHORIZATION "x-ms-client-request-id: my-id\r\n"
                                     "x-ms-correlation-request-id: "
                                     "12345678-1234-1234-1234-123456789abc\r\n",
                       "");
    char endpoint[80];

    (void)state;
    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "\r\nContent-Type: application/json; charset=utf-8\r\n");
    assert_has(answer, "\r\nCache-Control: no-cache\r\n");
    assert_has(answer, "\r\nPragma: no-cache\r\n");
    assert_has(answer, "\r\nExpires: -1\r\n");
    assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_has(answer, "\r\nx-ms-client-request-id: my-id\r\n");
    assert_has(answer, "\r\nx-ms-correlation-request-id: 12345678-1234-1234-1234-123456789abc\r\n");
    assert_has(answer, "\r\nx-ms-request-id: ");
    assert_has(answer, "\r\nETag: \"");
    assert_has(answer, "\r\nx-ms-ratelimit-remaining-subscription-global-reads: 37");
    snprintf(endpoint, sizeof(endpoint), "\"endpoint\":\"http://127.0.0.1:%u/accounts/myAccount/\"",
             server.port);
    assert_has(answer, endpoint);
}

static void test_tokens(void **state)
{
    char *answer = ask("GET", A V, "", "");

    (void)state;
    assert_has(answer, "HTTP/1.1 401 Unauthorized\r\n");
    assert_has(answer, "\r\nWWW-Authenticate: Bearer authorization_uri=\"http://127.0.0.1:");
    assert_has(answer, "/" TENANT "\", error=\"invalid_token\"");
    assert_has(answer, "{\"error\":{\"code\":\"AuthenticationFailed\",\"message\":\"Authentication "
                       "failed. The 'Authorization' header is missing.\"}}");
    answer = ask("GET", A V, "Authorization: Bearer wrong\r\n", "");
    assert_has(answer, "401 Unauthorized");
    assert_has(answer, "\"code\":\"InvalidAuthenticationToken\"");
    answer = ask("GET", A V, "Authorization: Basic eDp5\r\n", "");
    assert_has(answer, "401 Unauthorized");
}

/* What a write changes is in effect when its reply comes. */
static void test_write(void **state)
{
    struct fixture *f = *state;
    char *answer = ask("PUT", A "/deployments/d" V, AUTHORIZATION,
                       "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    struct directory *d = directory_box_get(f->directory);

    assert_has(answer, "HTTP/1.1 201 Created\r\n");
    assert_has(answer, "\"createdBy\":\"someone\",\"createdByType\":\"Application\"");
    assert_non_null(directory_deployment(directory_by_name(d, STR("myAccount")), STR("d")));
    directory_unref(d);
    answer = ask("DELETE", A "/deployments/d" V, AUTHORIZATION, "");
    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "\r\nContent-Length: 0\r\n");
    d = directory_box_get(f->directory);
    assert_null(directory_deployment(directory_by_name(d, STR("myAccount")), STR("d")));
    directory_unref(d);
    answer = ask("DELETE", A "/deployments/d" V, AUTHORIZATION, "");
    assert_has(answer, "HTTP/1.1 204 No Content\r\n");
}

/* A client that runs wild is told to wait; each kind of request has a budget of its own. */
static void test_throttle(void **state)
{
    struct fixture *f = *state;
    char *answer;

    arm_throttle_bucket(&f->arm->throttle, STR_NONE, THROTTLE_DELETES)->tokens = -100000;
    answer = ask("DELETE", A V, AUTHORIZATION, "");
    assert_has(answer, "HTTP/1.1 429 Too Many Requests\r\n");
    assert_has(answer, "\r\nRetry-After: 6");
    assert_has(answer, "\"code\":\"SubscriptionRequestsThrottled\"");
    assert_has(ask("GET", A V, AUTHORIZATION, ""), "200 OK");
    f->arm->is_unthrottled = true;
    assert_has(ask("DELETE", A V, AUTHORIZATION, ""), "200 OK");
}

/* Links lead to the host that the client called. */
static void test_links(void **state)
{
    char expected[128];
    char *answer;

    (void)state;
    answer = ask("DELETE", S "/resourcegroups/myGroup" V, AUTHORIZATION, "");
    snprintf(expected, sizeof(expected), "\r\nLocation: http://127.0.0.1:%u" S "/operationresults/",
             server.port);
    assert_has(answer, "HTTP/1.1 202 Accepted\r\n");
    assert_has(answer, expected);
    assert_has(answer, "\r\nRetry-After: 1\r\n");
}

static void test_large_body(void **state)
{
    char *body = malloc(ARM_BODY_BYTES_MAX + 2);

    (void)state;
    memset(body, ' ', ARM_BODY_BYTES_MAX + 1);
    body[ARM_BODY_BYTES_MAX + 1] = '\0';
    assert_has(ask("PUT", A V, AUTHORIZATION, body), "413 ");
    free(body);
}

/* What nobody may send, or is too long, is refused before any of it has come. */
static void test_refused_by_the_head(void **state)
{
    static const struct {
        const char *headers;
        const char *status;
    } refused[] = {
        { "Content-Length: 100\r\n", "401 " },
        { "Authorization: Bearer wrong\r\nContent-Length: 100\r\n", "401 " },
        { AUTHORIZATION "Content-Length: 4194305\r\n", "413 " },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char answer[64] = "";
        int fd = dial();

        dprintf(fd, "PUT " A V " HTTP/1.1\r\nHost: x\r\n%s\r\n", refused[i].headers);
        assert_true(read(fd, answer, sizeof(answer) - 1) > 12);
        assert_memory_equal(answer + 9, refused[i].status, 4);
        close(fd);
    }
}

/* One that leaves, or that sends what is no body, before its body is whole: its request ends, and
 * the server can (tear_down waits for it). */
static void test_client_that_leaves_early(void **state)
{
    static const char *const parts[] = {
        "Content-Length: 10\r\n\r\n{",
        "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        "Transfer-Encoding: chunked\r\n\r\nnonsense",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int fd = dial();

        dprintf(fd, "PUT " A V " HTTP/1.1\r\nHost: x\r\n" AUTHORIZATION "%s", parts[i]);
        shutdown(fd, SHUT_WR);
        while (read(fd, &(char){ 0 }, 1) > 0)
            ;
        close(fd);
    }
}

/* A client that leaves does not take its request with it. */
static void test_client_that_leaves(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"location\":\"eastus\"}";
    int fd = dial();

    dprintf(fd,
            "PUT " S "/resourceGroups/left" V " HTTP/1.1\r\nHost: x\r\n" AUTHORIZATION
            "Content-Length: %zu\r\n\r\n%s",
            strlen(body), body);
    close(fd);
    /* whatever came first, the server answers on, and in the end the group is there */
    while (call(f, HTTP_GET, S "/resourceGroups/left" V, NULL).status != 200)
        assert_has(ask("GET", A V, AUTHORIZATION, ""), "200 OK");
}

struct reload {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    bool failed;
};

static void on_reloaded(void *data, const struct error *err)
{
    struct reload *r = data;

    pthread_mutex_lock(&r->lock);
    r->is_done = true;
    r->failed = err != NULL;
    pthread_cond_signal(&r->done);
    pthread_mutex_unlock(&r->lock);
}

/* A catalog without a model: its deployments are kept, but served no more. */
static void test_reload(void **state)
{
    static const char text[] = "engines:\n  - { name: sim, sim: { seed: 1 } }\n"
                               "default_engines: { chat: sim, completion: sim, embeddings: sim }\n"
                               "models:\n"
                               "  - name: other\n"
                               "    default_version: \"1\"\n"
                               "    operations: [chat]\n"
                               "    context_tokens: 100\n"
                               "    skus:\n      - { name: Standard }\n"
                               "    versions:\n      - { version: \"1\", created: 2023-01-01 }\n"
                               "locations:\n  - { name: eastus, display_name: East US }\n";
    struct reload reload = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
    struct fixture *f = *state;
    struct catalog *catalog;
    struct directory *d;
    struct error err;

    ask("PUT", A "/deployments/d" V, AUTHORIZATION,
        "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    catalog = catalog_parse(str_from(text), "second catalog", &err);
    assert_non_null(catalog);
    arm_reload_catalog(f->arm, catalog, server.loop, on_reloaded, &reload);
    catalog_unref(catalog);
    pthread_mutex_lock(&reload.lock);
    while (!reload.is_done)
        pthread_cond_wait(&reload.done, &reload.lock);
    pthread_mutex_unlock(&reload.lock);
    assert_false(reload.failed);
    d = directory_box_get(f->directory);
    assert_null(directory_deployment(directory_by_name(d, STR("myAccount")), STR("d")));
    directory_unref(d);
    assert_has(ask("GET", A "/deployments/d" V, AUTHORIZATION, ""),
               "\"provisioningState\":\"Disabled\"");
    assert_has(ask("PUT", A "/deployments/e" V, AUTHORIZATION,
                   "{\"properties\":{\"model\":{\"name\":\"other\"}}}"),
               "201 Created");
}

/* -- A lost transaction ------------------------------------------------------------------------ */

/* Holds the store's thread, so that all that is submitted meanwhile shares the next transaction. */
struct holding {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_running, may_end;
};

static bool hold(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct holding *h = data;

    (void)t;
    (void)arena;
    (void)err;
    pthread_mutex_lock(&h->lock);
    h->is_running = true;
    pthread_cond_broadcast(&h->changed);
    while (!h->may_end)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    return true;
}

static bool fail_run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)t;
    (void)arena;
    (void)data;
    return error_set(err, ERROR_STORE, "refused");
}

static bool lose(struct store_txn *t, struct arena *arena, void *data, const struct error *cause,
                 struct error *err)
{
    (void)t;
    (void)arena;
    (void)data;
    (void)cause;
    return error_set(err, ERROR_STORE_UNUSABLE, "the disk is full");
}

static void on_done(void *data, const struct error *err)
{
    (void)data;
    (void)err;
}

/* What is not committed is not in force: else what deployments take would be added to sums that are
 * still those of the catalog before, and nothing would count them anew once that is back. */
static void test_reload_that_is_lost(void **state)
{
    static const char text[] = "engines: [{ name: sim, sim: {} }]\n"
                               "models:\n  - name: gpt-35-turbo\n    operations: [chat]\n"
                               "    engine: sim\n"
                               "    skus: [{ name: Standard, usage_name: Mine }]\n"
                               "    versions: [{ version: \"0613\" }]\n";
    struct reload reload = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
    struct holding h = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
    struct fixture *f = *state;
    struct store_job holds = { .run = hold, .done = on_done, .loop = server.loop, .data = &h };
    struct store_job loses = {
        .run = fail_run, .refused = lose, .done = on_done, .loop = server.loop
    };
    struct catalog *catalog;
    struct error err;

    catalog = catalog_parse(str_from(text), "renamed", &err);
    assert_non_null(catalog);
    store_submit(f->store, &holds);
    pthread_mutex_lock(&h.lock);
    while (!h.is_running)
        pthread_cond_wait(&h.changed, &h.lock);
    arm_reload_catalog(f->arm, catalog, server.loop, on_reloaded, &reload);
    arm_reload_catalog(f->arm, catalog, server.loop, on_done, NULL);
    store_submit(f->store, &loses);
    h.may_end = true;
    pthread_cond_broadcast(&h.changed);
    pthread_mutex_unlock(&h.lock);
    catalog_unref(catalog);
    pthread_mutex_lock(&reload.lock);
    while (!reload.is_done)
        pthread_cond_wait(&reload.done, &reload.lock);
    pthread_mutex_unlock(&reload.lock);
    assert_true(reload.failed);
    assert_has(ask("PUT", A "/deployments/d" V, AUTHORIZATION,
                   "{\"sku\":{\"name\":\"Standard\",\"capacity\":7},"
                   "\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}"),
               "201 Created");
    assert_has(ask("GET", A "/usages" V, AUTHORIZATION, ""), "OpenAI.Standard.gpt-35-turbo");
    assert_has(ask("GET", A "/usages" V, AUTHORIZATION, ""), "\"currentValue\":7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_headers),
        T(test_tokens),
        T(test_write),
        T(test_links),
        T(test_throttle),
        T(test_large_body),
        T(test_refused_by_the_head),
        T(test_client_that_leaves_early),
        T(test_client_that_leaves),
        T(test_reload),
        T(test_reload_that_is_lost),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
