/*
 * Refusals_Get: what there is to say of a request that was refused for its deployment's limits, by the
 * apim-request-id of its answer. A key of the account opens it, a token whose bearer may read the
 * account's deployments in the data plane or in ARM, and the administrator's. docs/limits.md has the
 * members.
 * SPDX-License-Identifier: MIT
 */
#include "inference/authorize.h"
#include "inference/operation.h"

/* As Azure names it in the control plane. */
#define ACTION_DEPLOYMENTS_READ STR("Microsoft.CognitiveServices/accounts/deployments/read")

/* The account that the refused request was for; NULL: there is no such refusal, or no account any more. */
static const struct directory_account *account_of_refusal(const struct exchange *x)
{
    const struct directory_entry *entry;
    struct refusal r;

    if (!refusal_log_find(x->inference->options.refusals, x->refusal_id, &r))
        return NULL;
    entry = directory_entry_of(x->directory, str_from(r.account_key));
    return entry ? directory_entry_account(entry) : NULL;
}

/* A token of the control plane need not name an account, and is not bound to whence it comes. */
static bool check_token(struct exchange *x, const struct directory_account *named, struct str token,
                        struct error *err)
{
    const struct inference_options *options = &x->inference->options;
    struct principal who;
    struct error why;

    if (named && token_cache_check(options->tokens, x->request->arena, token, &who, &why)) {
        x->account = named;
        return exchange_authorize(x, &who, err);
    }
    if (!options->authenticate(options->authenticate_data, x->request, token, &who, &why))
        return error_set(err, ERROR_INVALID_TOKEN, NULL);
    x->account = named ? named : account_of_refusal(x);
    return x->account ? exchange_authorize_by(x, &who, RBAC_ACTION, ACTION_DEPLOYMENTS_READ, err)
                      : error_set(err, ERROR_NOT_FOUND, NULL);
}

/* ---- the answer ---- */

/* What is written, and where to. */
struct page {
    struct arena *arena;
    yyjson_mut_doc *doc;
};

static void set_time(const struct page *p, yyjson_mut_val *object, const char *key, int64_t ms)
{
    json_set_str(p->doc, object, key, format_time(p->arena, ms));
}

static void set_count(const struct page *p, yyjson_mut_val *object, const char *key, uint64_t count)
{
    json_set_int(p->doc, object, key, count < INT64_MAX ? (int64_t)count : INT64_MAX);
}

static yyjson_mut_val *set_window(const struct page *p, yyjson_mut_val *root, const char *key,
                                  const struct refusal_window *w)
{
    yyjson_mut_val *object = json_set_object(p->doc, root, key), *window;

    set_count(p, object, "limit", w->limit);
    set_count(p, object, "period_s", (uint64_t)(w->ends_ms - w->starts_ms) / 1000);
    set_count(p, object, "per_unit_and_minute", w->per_unit);
    window = json_set_object(p->doc, object, "window");
    set_time(p, window, "start", w->starts_ms);
    set_time(p, window, "end", w->ends_ms);
    set_count(p, object, "admitted_before", w->admitted);
    set_count(p, object, "refused_before", w->refused);
    set_count(p, object, "counted_for_this", w->counted);
    return object;
}

static void set_limits(const struct page *p, yyjson_mut_val *root, const struct refusal *r)
{
    const struct refusal_throughput *t = &r->throughput;
    yyjson_mut_val *object;

    if (r->is_provisioned) {
        object = json_set_object(p->doc, root, "throughput");
        set_count(p, object, "drain_per_minute", t->per_minute);
        set_count(p, object, "per_unit_and_minute", t->per_unit);
        set_count(p, object, "burst_s", t->burst_s);
        json_set(p->doc, object, "level_percent",
                 yyjson_mut_real(p->doc, (double)t->permille / 10));
        set_count(p, object, "work_this_minute", t->this_minute);
        set_count(p, object, "work_last_minute", t->last_minute);
        set_count(p, object, "requests_in_flight", t->in_flight);
        set_count(p, object, "work_in_flight", t->work_in_flight);
        return;
    }
    if (r->requests.limit) {
        object = set_window(p, root, "requests", &r->requests);
        set_count(p, object, "invalid_before", r->requests.invalid);
    }
    if (r->tokens.limit)
        (void)set_window(p, root, "tokens", &r->tokens);
}

static void set_estimate(const struct page *p, yyjson_mut_val *root, const struct refusal *r)
{
    const struct refusal_estimate *e = &r->estimate;
    yyjson_mut_val *object = json_set_object(p->doc, root, "estimate"), *part;

    json_set_str(p->doc, object, "unit", r->is_provisioned ? STR("input-tokens") : STR("tokens"));
    set_count(p, object, "total", e->total);
    part = json_set_object(p->doc, object, "prompt");
    set_count(p, part, "characters", e->prompt_chars);
    set_count(p, part, "given_tokens", e->given_tokens);
    set_count(p, part, "tokens", e->prompt);
    part = json_set_object(p->doc, object, "answer");
    set_count(p, part, "tokens", e->answers ? e->answer : 0);
    json_set_bool(p->doc, part, "is_asked", e->is_answer_asked);
    set_count(p, part, "count", e->answers);
    set_count(p, part, "ratio", e->output_ratio);
}

/* A wait is told as retry-after-ms tells it: who comes then shall find our clock as far on. */
static void set_retry(const struct page *p, yyjson_mut_val *root, const struct refusal *r,
                      int64_t now_ms)
{
    int64_t wait_ms = r->retry_at_ms + CLOCK_LATE_MS - now_ms;
    yyjson_mut_val *object;

    if (r->is_hopeless) {
        json_set(p->doc, root, "retry", yyjson_mut_null(p->doc));
        return;
    }
    object = json_set_object(p->doc, root, "retry");
    set_time(p, object, "at", r->retry_at_ms);
    json_set_int(p->doc, object, "in_ms", wait_ms > 0 ? wait_ms : 0);
    json_set_bool(p->doc, object, "has_passed", wait_ms <= 0);
}

static void set_or_null(const struct page *p, yyjson_mut_val *object, const char *key,
                        uint64_t value)
{
    if (value)
        set_count(p, object, key, value);
    else
        json_set(p->doc, object, key, yyjson_mut_null(p->doc));
}

static void set_needed(const struct page *p, yyjson_mut_val *root, const struct refusal *r)
{
    yyjson_mut_val *object;

    if (!r->is_hopeless) {
        json_set(p->doc, root, "needed", yyjson_mut_null(p->doc));
        return;
    }
    object = json_set_object(p->doc, root, "needed");
    set_or_null(p, object, "capacity", refusal_capacity_needed(r));
    set_or_null(p, object, "max_tokens", refusal_max_tokens_that_fits(r));
}

static struct str render(struct arena *a, const struct refusal *r, int64_t now_ms)
{
    static const struct str limits[] = {
        [REFUSAL_REQUESTS] = { "requests", 8 },
        [REFUSAL_TOKENS] = { "tokens", 6 },
        [REFUSAL_THROUGHPUT] = { "throughput", 10 },
    };
    struct page p = { a, json_new(a) };
    yyjson_mut_val *root = yyjson_mut_obj(p.doc);

    json_set_str(p.doc, root, "id", str_from(r->id));
    set_time(&p, root, "time", r->at_ms);
    set_time(&p, root, "now", now_ms);
    json_set_str(p.doc, root, "account", str_from(r->account));
    json_set_str(p.doc, root, "deployment", str_from(r->deployment));
    json_set_str(p.doc, root, "operation", str_from(r->operation));
    json_set_str(p.doc, root, "model", str_from(r->model));
    json_set_str(p.doc, root, "model_version", str_from(r->version));
    json_set_str(p.doc, root, "sku", str_from(r->sku));
    set_count(&p, root, "capacity", r->capacity);
    json_set_str(p.doc, root, "refused_by", limits[r->limit]);
    set_limits(&p, root, r);
    set_estimate(&p, root, r);
    set_retry(&p, root, r, now_ms);
    set_needed(&p, root, r);
    return json_write_mut(a, root);
}

/* Of another account's there is as little to see as of one that is not there. */
static bool answer(struct exchange *x, struct str *body, struct error *err)
{
    struct refusal r;

    if (!refusal_log_find(x->inference->options.refusals, x->refusal_id, &r) ||
        !str_equal(str_from(r.account_key), x->account->key))
        return error_set(err, ERROR_NOT_FOUND, NULL);
    *body = render(x->arena, &r, clock_now_ms(x->inference->options.clock));
    return true;
}

const struct operation operation_refusals_get = {
    .id = "Refusals_Get",
    .path = { "refusals/", 9 },
    .method = HTTP_GET,
    .data_action = DATA_ACTION_OPENAI "deployments/read",
    .check_token = check_token,
    .answer = answer,
};
