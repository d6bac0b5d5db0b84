/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A test that has not come to its end by then never will. */
#define GUARD_MS 60000

const char *__tsan_default_suppressions(void);

/* libuv closes files by the bare system call, which ThreadSanitizer does not see: it takes a new
 * file for the closed end of a process's pipe that had the same number. */
const char *__tsan_default_suppressions(void)
{
    return "race:uv_pipe\n";
}

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fprintf(stderr, "rig: waited for too long\n");
    abort();
}

static void *run_control(void *data)
{
    loop_run(data);
    return NULL;
}

static struct catalog *parse(const char *yaml)
{
    struct error err;
    struct catalog *catalog = catalog_parse(str_from(yaml), "test.yaml", &err);

    if (!catalog)
        fail_msg("%s", err.text);
    return catalog;
}

void rig_make_loops(struct rig *r)
{
    *r = (struct rig){ 0 };
    r->control = loop_new();
    r->worker = loop_new();
    uv_timer_init(loop_uv(r->worker), &r->guard);
}

void rig_start(struct rig *r, const char *yaml, const struct engines_options *options)
{
    if (!r->control)
        rig_make_loops(r);
    r->options = *options;
    r->options.loop = r->control;
    r->catalog = parse(yaml);
    r->engines = engines_new(&r->options, r->catalog);
    r->client = engine_client_new(r->engines, r->worker);
    assert_int_equal(pthread_create(&r->thread, NULL, run_control, r->control), 0);
}

/* -- The control loop ---------------------------------------------------------------------- */

struct job {
    struct loop_task task;
    void (*fn)(void *data);
    void *data;
    atomic_bool is_done;
};

static void run_job(struct loop_task *task)
{
    struct job *job = CONTAINER_OF(task, struct job, task);

    job->fn(job->data);
    atomic_store(&job->is_done, true);
}

static bool is_job_done(void *data)
{
    struct job *job = data;

    return atomic_load(&job->is_done);
}

void rig_on_control(struct rig *r, void (*fn)(void *data), void *data)
{
    struct job job = { .task.fn = run_job, .fn = fn, .data = data };

    loop_post(r->control, &job.task);
    rig_wait(r, is_job_done, &job);
}

static void reload(void *data)
{
    struct rig *r = data;

    engines_reload(r->engines, r->catalog, r->grace_ms ? r->grace_ms : GUARD_MS);
}

void rig_reload(struct rig *r, const char *yaml)
{
    struct catalog *old = r->catalog;

    r->catalog = parse(yaml);
    rig_on_control(r, reload, r);
    catalog_unref(old);
}

/* -- Waiting ------------------------------------------------------------------------------- */

static void on_nap(uv_timer_t *timer)
{
    (void)timer;
}

static void on_closed(uv_handle_t *handle)
{
    bool *is_closed = handle->data;

    *is_closed = true;
}

/* Looks every millisecond: what is waited for may happen on the control loop. */
void rig_wait(struct rig *r, bool (*condition)(void *data), void *data)
{
    uv_timer_t nap;
    bool is_closed = false;

    uv_timer_init(loop_uv(r->worker), &nap);
    uv_timer_start(&nap, on_nap, 1, 1);
    uv_timer_start(&r->guard, on_guard, GUARD_MS, 0);
    while (!condition(data))
        uv_run(loop_uv(r->worker), UV_RUN_ONCE);
    uv_timer_stop(&r->guard);
    nap.data = &is_closed;
    uv_close((uv_handle_t *)&nap, on_closed);
    while (!is_closed)
        uv_run(loop_uv(r->worker), UV_RUN_NOWAIT);
}

struct deadline {
    struct rig *rig;
    uint64_t at_ms;
};

static bool is_past(void *data)
{
    struct deadline *d = data;

    return loop_now_ms(d->rig->worker) >= d->at_ms;
}

void rig_sleep(struct rig *r, uint64_t ms)
{
    struct deadline d = { r, 0 };

    uv_update_time(loop_uv(r->worker));
    d.at_ms = loop_now_ms(r->worker) + ms;
    rig_wait(r, is_past, &d);
}

struct engine_status rig_status(struct rig *r, const char *engine)
{
    struct engine_status status;

    assert_true(engines_status(r->engines, str_from(engine), &status));
    return status;
}

struct wanted {
    struct rig *rig;
    const char *engine;
    enum engine_state state;
};

static bool is_in_state(void *data)
{
    struct wanted *w = data;

    return rig_status(w->rig, w->engine).state == w->state;
}

void rig_wait_state(struct rig *r, const char *engine, enum engine_state state)
{
    struct wanted w = { r, engine, state };

    rig_wait(r, is_in_state, &w);
}

/* -- The end ------------------------------------------------------------------------------- */

static void on_client_closed(void *data)
{
    struct rig *r = data;

    r->is_client_closed = true;
}

static bool is_client_closed(void *data)
{
    struct rig *r = data;

    return r->is_client_closed;
}

static void on_stopped(void *data)
{
    struct rig *r = data;

    loop_stop(r->control);
}

static void stop(void *data)
{
    struct rig *r = data;

    engines_stop(r->engines, on_stopped, r);
}

void rig_stop(struct rig *r, void (*last)(void *data), void *data)
{
    engine_client_close(r->client, on_client_closed, r);
    rig_wait(r, is_client_closed, r);
    if (last)
        rig_on_control(r, last, data);
    rig_on_control(r, stop, r);
    pthread_join(r->thread, NULL);
    uv_close((uv_handle_t *)&r->guard, NULL);
    loop_stop(r->worker);
    loop_run(r->worker);
    engines_free(r->engines);
    catalog_unref(r->catalog);
    loop_free(r->control);
    loop_free(r->worker);
}

/* -- Calls --------------------------------------------------------------------------------- */

static void copy_header(const struct http_headers *headers, struct str name, char *out, size_t size)
{
    snprintf(out, size, "%.*s", STR_ARGS(http_headers_get(headers, name)));
}

static void cancel(struct rig_call *c)
{
    engine_call_cancel(c->call);
    c->call = NULL;
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct rig_call *c = data;

    assert_non_null(c->call);
    assert_int_equal(c->status, 0);
    c->status = status;
    copy_header(headers, STR("retry-after-ms"), c->retry_after_ms, sizeof(c->retry_after_ms));
    copy_header(headers, STR("content-type"), c->content_type, sizeof(c->content_type));
    if (c->cancels == RIG_ON_HEAD)
        cancel(c);
}

static void on_body(void *data, struct str bytes)
{
    struct rig_call *c = data;

    assert_non_null(c->call);
    assert_int_not_equal(c->status, 0);
    assert_true(buf_append(&c->body, bytes));
    c->bodies++;
    if (c->cancels == RIG_ON_BODY ||
        (c->cancels == RIG_ON_DONE && str_find(buf_str(&c->body), STR("[DONE]")) != SIZE_MAX))
        cancel(c);
    else if (c->bodies == c->pauses_after)
        engine_call_pause(c->call);
}

static void on_end(void *data)
{
    struct rig_call *c = data;

    assert_non_null(c->call);
    c->call = NULL;
    c->has_ended = true;
}

static void on_fault(void *data)
{
    struct rig_call *c = data;

    assert_non_null(c->call);
    assert_int_equal(c->status, 200);
    c->has_fault = true;
}

static void on_failure(void *data, const struct error *err, unsigned lacks)
{
    struct rig_call *c = data;

    assert_non_null(c->call);
    c->call = NULL;
    c->has_failed = true;
    c->err = *err;
    c->lacks = lacks;
}

void rig_call_start(struct rig *r, struct rig_call *c, const char *engine,
                    enum engine_operation operation, const char *body)
{
    static const struct engine_events events = { on_head, on_body, on_end, on_failure, on_fault };

    c->rig = r;
    buf_init(&c->body, (size_t)256 * 1024 * 1024);
    c->part = str_from(body);
    c->request.engine = catalog_find_engine(r->catalog, str_from(engine));
    assert_non_null(c->request.engine);
    c->request.operation = operation;
    c->request.stream = strstr(body, "\"stream\":true") != NULL;
    c->request.deployment = STR("my deployment");
    c->request.request_id = STR("request-1");
    if (!c->request.body_parts) {
        c->request.body_parts = &c->part;
        c->request.body_part_count = 1;
    }
    c->call = engine_call_start(r->client, &c->request, &events, c);
    assert_false(c->has_ended || c->has_failed || c->status);
}

bool rig_call_is_over(void *data)
{
    struct rig_call *c = data;

    return !c->call;
}

bool rig_call_has_body(void *data)
{
    struct rig_call *c = data;

    return !c->call || c->bodies > 0;
}

void rig_call_run(struct rig *r, struct rig_call *c, const char *engine,
                  enum engine_operation operation, const char *body)
{
    rig_call_start(r, c, engine, operation, body);
    rig_wait(r, rig_call_is_over, c);
}

void rig_call_done(struct rig_call *c)
{
    assert_null(c->call);
    buf_done(&c->body);
}

const char *rig_call_text(struct rig_call *c)
{
    assert_true(buf_append(&c->body, STR("\0")));
    c->body.end--;
    return buf_str(&c->body).data;
}
