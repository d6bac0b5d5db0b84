/*
 * What engines have cost in the day outlives the process: a cap that a restart forgot would not be one.
 * The sums are kept in a setting of the store, written a second after they have changed and once all
 * requests have ended, and read at start. A crash loses what was admitted in the second before it;
 * what was estimated for requests that it broke off stays counted.
 *
 *   engine_spending: {"ENGINE":{"day":20786,"millionths":1234567}, ...}      day: since 1970
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "base/log.h"
#include "model/budget.h"
#include "server/server_private.h"

#define SETTING_NAME STR("engine_spending")
#define EVERY_MS 1000

/* -- Start ----------------------------------------------------------------------------------- */

static bool run_load(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct server *s = data;
    struct str text;
    bool found;

    if (!store_get_setting(t, SETTING_NAME, &text, &found, err))
        return false;
    if (found)
        s->spending.text = arena_copy(s->arena, text);
    (void)a;
    return true;
}

bool server_load_spending(struct server *s, struct error *err)
{
    struct server_spending *p = &s->spending;
    struct error why;

    p->text = STR("{}");
    if (!store_run(s->store, run_load, s, err))
        return false;
    p->kept = yyjson_doc_get_root(json_parse(s->arena, p->text, &why));
    return yyjson_is_obj(p->kept) ||
           error_set(err, ERROR_STORE, "the stored engine_spending is damaged");
}

void server_resume_spending(struct server *s)
{
    yyjson_val *key, *value;
    size_t i, count;

    yyjson_obj_foreach(s->spending.kept, i, count, key, value)
    {
        rate_window_resume(engines_spending(s->shared.engines, yyjson_get_str(key)),
                           (struct rate_count){
                               .number = yyjson_get_uint(yyjson_obj_get(value, "day")),
                               .used = yyjson_get_uint(yyjson_obj_get(value, "millionths")),
                           });
    }
}

/* -- Writing --------------------------------------------------------------------------------- */

struct page {
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    int64_t now_ms;
};

/* Of days that are over nobody asks. */
static void add_engine(void *data, const char *name, const struct rate_window *day)
{
    struct page *p = data;
    struct rate_count count = rate_window_save(day);
    yyjson_mut_val *object;

    if (!budget_spent(day, p->now_ms))
        return;
    object = json_set_object(p->doc, p->root, name);
    json_set_int(p->doc, object, "day", (int64_t)count.number);
    json_set_int(p->doc, object, "millionths", (int64_t)count.used);
}

static struct str write_text(struct server *s, struct arena *a)
{
    struct page p = { .doc = json_new(a), .now_ms = clock_now_ms(&s->clock) };

    p.root = yyjson_mut_obj(p.doc);
    engines_each_spending(s->shared.engines, add_engine, &p);
    return json_write_mut(a, p.root);
}

static bool run_write(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct server *s = data;

    (void)a;
    return store_put_setting(t, SETTING_NAME, s->spending.text, err);
}

/* What has failed is tried again with the next look, which is not waited for at the end. */
static void on_written(void *data, const struct error *err)
{
    struct server *s = data;
    struct server_spending *p = &s->spending;

    if (err && !p->has_failed)
        log_error("spending_not_kept", "error=\"%s\"", err->text);
    p->has_failed = err != NULL;
    if (err)
        p->text = STR_NONE; /* which none is like */
    p->is_writing = false;
    s->publishing--;
    if (!err && server_is_stopping(s))
        server_keep_spending(s);
    server_leave_when_done(s);
}

void server_keep_spending(struct server *s)
{
    struct server_spending *p = &s->spending;
    struct arena *a;
    struct str text;

    if (p->is_writing)
        return;
    a = arena_new(NULL);
    text = write_text(s, a);
    if (str_equal(text, p->text)) {
        arena_free(a);
        return;
    }
    arena_free(p->arena);
    p->arena = a;
    p->text = text;
    p->is_writing = true;
    s->publishing++;
    p->job = (struct store_job){ .run = run_write, .done = on_written, .loop = s->loop, .data = s };
    store_submit(s->store, &p->job);
}

static void on_timer(uv_timer_t *timer)
{
    server_keep_spending(timer->data);
}

void server_start_spending(struct server *s)
{
    uv_timer_init(loop_uv(s->loop), &s->spending.timer);
    s->spending.timer.data = s;
    uv_timer_start(&s->spending.timer, on_timer, EVERY_MS, EVERY_MS);
}
