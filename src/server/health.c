/* SPDX-License-Identifier: MIT */
#include "server/health.h"

#include "base/json.h"
#include "server/page.h"

void health_reply_alive(struct worker *w, struct http_request *r)
{
    (void)w;
    page_reply(r, 200, STR("text/plain; charset=utf-8"), STR("ok\n"));
}

static const char *state_word(enum engine_state state)
{
    static const char *const words[] = {
        [ENGINE_STOPPED] = "stopped",
        [ENGINE_STARTING] = "starting",
        [ENGINE_READY] = "ready",
        [ENGINE_FAILED] = "failed",
    };

    return words[state];
}

/* Engines that load on first use may be stopped; one that shall be loaded at the start must have
 * come up before traffic is sent here. */
static bool is_awaited(const struct catalog_engine *e, const struct engine_status *status)
{
    return e->kind == ENGINE_LLAMA && e->llama.load_at_start && status->state != ENGINE_READY;
}

void health_reply_ready(struct worker *w, struct http_request *r)
{
    const struct worker_shared *shared = worker_get_shared(w);
    struct directory *d = directory_box_get(shared->directory);
    const struct catalog *c = directory_catalog(d);
    bool is_draining = atomic_load(&shared->is_draining), is_ready = !is_draining;
    yyjson_mut_doc *doc = json_new(r->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *engines = yyjson_mut_obj(doc);

    for (unsigned i = 0; i < c->engine_count; i++) {
        const struct catalog_engine *e = &c->engines[i];
        struct engine_status status;

        if (!engines_status(shared->engines, str_from(e->name), &status))
            continue;
        is_ready = is_ready && !is_awaited(e, &status);
        json_set_str(doc, engines, e->name, str_from(state_word(status.state)));
    }
    json_set_str(doc, root, "status",
                 is_ready      ? STR("ready")
                 : is_draining ? STR("draining")
                               : STR("starting"));
    json_set(doc, root, "engines", engines);
    page_reply(r, is_ready ? 200 : 503, STR("application/json"), json_write_mut(r->arena, root));
    directory_unref(d);
}
