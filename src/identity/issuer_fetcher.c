/* SPDX-License-Identifier: MIT */
#include "identity/issuer_fetcher.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/http_client.h"

#define CONNECT_TIMEOUT_MS 5000

enum step { STEP_IDLE, STEP_DISCOVERY, STEP_KEYS };

/* One issuer. */
struct fetch {
    struct issuer_fetcher *owner;
    const struct issuer *issuer;
    uv_timer_t timer;   /* STEP_IDLE: until the next fetch; else until it has taken too long */
    uint64_t due_ms;    /* of the next fetch */
    uint64_t wanted_ms; /* of the last one that was for an unknown key */
    bool was_wanted;
    unsigned failures; /* one after another */

    enum step step;
    struct arena *arena; /* of this fetch */
    struct http_client_call *call;
    struct issuer_url url;
    struct stream_address address;
    int status;
    uint64_t max_age_ms;
    struct buf body;

    struct jwks *keys; /* NULL: none, or none that may still be used */
    uint64_t fetched_ms;
};

struct issuer_fetcher {
    struct loop *loop;
    struct issuer_keys_box *box;
    struct issuers *list;
    struct issuer_fetcher_options options;
    struct http_client *http;
    size_t open; /* timers, and the client */
    void (*on_done)(void *data);
    void *data;
    struct fetch fetches[ISSUERS_MAX];
};

void issuer_fetcher_options_default(struct issuer_fetcher_options *options)
{
    const uint64_t minute = 60 * 1000, hour = 60 * minute;

    *options = (struct issuer_fetcher_options){
        .refresh_ms = hour,
        .refresh_min_ms = 5 * minute,
        .refresh_max_ms = 24 * hour,
        .wanted_ms = minute,
        .retry_min_ms = minute,
        .retry_max_ms = 30 * minute,
        .keep_ms = 24 * hour,
        .timeout_ms = minute / 2,
    };
}

static void start(struct fetch *f);

static void publish(struct issuer_fetcher *owner)
{
    struct jwks *sets[ISSUERS_MAX];

    for (size_t i = 0; i < owner->list->count; i++)
        sets[i] = owner->fetches[i].keys;
    issuer_keys_box_swap(owner->box, issuer_keys_new(owner->list, sets));
}

/* -- When ------------------------------------------------------------------------------------ */

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void on_due(uv_timer_t *timer)
{
    start(timer->data);
}

static void sleep_until(struct fetch *f, uint64_t due_ms)
{
    uint64_t now_ms = loop_now_ms(f->owner->loop);

    f->due_ms = due_ms;
    uv_timer_start(&f->timer, on_due, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* Ends a fetch. */
static void rest(struct fetch *f, uint64_t for_ms)
{
    f->step = STEP_IDLE;
    f->call = NULL;
    buf_done(&f->body);
    arena_free(f->arena);
    f->arena = NULL;
    sleep_until(f, loop_now_ms(f->owner->loop) + for_ms);
}

static void fail(struct fetch *f, const char *why)
{
    const struct issuer_fetcher_options *o = &f->owner->options;
    const char *what = f->step == STEP_KEYS ? "keys" : "discovery document";
    uint64_t age_ms = loop_now_ms(f->owner->loop) - f->fetched_ms, retry_ms = o->retry_min_ms;

    log_warn("issuer_fetch_failed", "issuer=%.*s error=\"%s: %s\" keys=%zu keys_age_s=%llu",
             STR_ARGS(f->issuer->name), what, why, f->keys ? jwks_count(f->keys) : 0,
             f->keys ? (unsigned long long)(age_ms / 1000) : 0);
    if (f->call)
        http_client_cancel(f->call);
    if (f->keys && age_ms >= o->keep_ms) {
        log_error("issuer_keys_dropped", "issuer=%.*s reason=\"too old\"",
                  STR_ARGS(f->issuer->name));
        jwks_unref(f->keys);
        f->keys = NULL;
        publish(f->owner);
    }
    for (unsigned i = 0; i < f->failures && retry_ms < o->retry_max_ms; i++)
        retry_ms *= 2;
    f->failures++;
    rest(f, clamp(retry_ms, o->retry_min_ms, o->retry_max_ms));
}

/* -- What has come --------------------------------------------------------------------------- */

/* "max-age=N" of Cache-Control; without it, `otherwise`. */
static uint64_t read_max_age_ms(const struct http_headers *headers, uint64_t otherwise)
{
    struct str rest = http_headers_get(headers, STR("Cache-Control")), part;
    uint64_t seconds;

    while (rest.len && str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (str_equal_nocase(part, STR("no-store")) || str_equal_nocase(part, STR("no-cache")))
            return 0;
        if (str_starts_with_nocase(part, STR("max-age=")) &&
            str_to_u64(str_slice(part, 8, SIZE_MAX), UINT32_MAX, &seconds))
            return seconds * 1000;
    }
    return otherwise;
}

static bool get(struct fetch *f, struct str url, size_t bytes_max, struct error *err);

static bool take_discovery(struct fetch *f, struct error *err)
{
    struct str uri;

    if (!jwks_parse_discovery(f->arena, buf_str(&f->body), f->issuer->name, &uri, err))
        return false;
    /* what is on this machine only an issuer on it may name */
    if (f->url.is_tls && !str_starts_with_nocase(uri, STR("https://")))
        return error_set(err, ERROR_IO, "its jwks_uri must be an https URL");
    f->step = STEP_KEYS;
    return get(f, uri, JWKS_BYTES_MAX, err);
}

static bool take_keys(struct fetch *f, struct error *err)
{
    const struct issuer_fetcher_options *o = &f->owner->options;
    struct jwks *keys = jwks_parse(f->arena, buf_str(&f->body), err);

    if (!keys)
        return false;
    jwks_unref(f->keys);
    f->keys = keys;
    f->fetched_ms = loop_now_ms(f->owner->loop);
    f->failures = 0;
    publish(f->owner);
    log_info("issuer_keys_fetched", "issuer=%.*s keys=%zu", STR_ARGS(f->issuer->name),
             jwks_count(keys));
    rest(f, clamp(f->max_age_ms, o->refresh_min_ms, o->refresh_max_ms));
    return true;
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct fetch *f = data;

    f->status = status;
    f->max_age_ms = read_max_age_ms(headers, f->owner->options.refresh_ms);
}

static void on_body(void *data, struct str bytes)
{
    struct fetch *f = data;

    if (!buf_append(&f->body, bytes))
        fail(f, "the answer is too large");
}

static void on_end(void *data)
{
    struct fetch *f = data;
    struct error err;
    bool ok;

    f->call = NULL;
    if (f->status != 200)
        ok = error_set(&err, ERROR_IO, "the answer has status %d", f->status);
    else
        ok = f->step == STEP_DISCOVERY ? take_discovery(f, &err) : take_keys(f, &err);
    if (!ok)
        fail(f, err.text);
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct fetch *f = data;

    (void)failure;
    f->call = NULL;
    fail(f, text);
}

/* -- Asking ---------------------------------------------------------------------------------- */

static bool get(struct fetch *f, struct str url, size_t bytes_max, struct error *err)
{
    static const struct http_client_events events = { on_head, on_body, on_end, on_failure };
    uint64_t timeout_ms = f->owner->options.timeout_ms;
    struct http_client_request request = {
        .address = &f->address,
        .method = HTTP_GET,
        .headers = { .lines = STR("Accept: application/json\r\n") },
        .connect_timeout_ms = timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS,
    };

    if (!issuer_url_parse(f->arena, url, &f->url, err))
        return false;
    f->address = (struct stream_address){
        .host = f->url.host,
        .port = f->url.port,
        .tls = f->url.is_tls ? f->issuer->tls : NULL,
    };
    request.path = f->url.target;
    request.host = f->url.authority;
    buf_done(&f->body);
    buf_init(&f->body, bytes_max);
    f->call = http_client_send(f->owner->http, &request, &events, f);
    return true;
}

static void on_time_up(uv_timer_t *timer)
{
    fail(timer->data, "it takes too long");
}

static void start(struct fetch *f)
{
    bool knows_place = f->issuer->jwks_uri.len != 0;
    struct error err;

    assert(f->step == STEP_IDLE);
    f->arena = arena_new(NULL);
    f->step = knows_place ? STEP_KEYS : STEP_DISCOVERY;
    uv_timer_start(&f->timer, on_time_up, f->owner->options.timeout_ms, 0);
    if (!get(f, knows_place ? f->issuer->jwks_uri : f->issuer->discovery_url,
             knows_place ? JWKS_BYTES_MAX : DISCOVERY_BYTES_MAX, &err))
        fail(f, err.text);
}

/* A fetch that is under way serves the wish; so does one that is due before. */
static void on_want(void *data, uint32_t wanted)
{
    struct issuer_fetcher *owner = data;
    uint64_t now_ms = loop_now_ms(owner->loop);

    for (size_t i = 0; i < owner->list->count; i++) {
        struct fetch *f = &owner->fetches[i];
        uint64_t due_ms = now_ms;

        if (!(wanted >> i & 1) || f->step != STEP_IDLE)
            continue;
        if (f->was_wanted && f->wanted_ms + owner->options.wanted_ms > now_ms)
            due_ms = f->wanted_ms + owner->options.wanted_ms;
        if (due_ms >= f->due_ms)
            continue;
        f->was_wanted = true;
        f->wanted_ms = due_ms;
        sleep_until(f, due_ms);
    }
}

/* -- The whole ------------------------------------------------------------------------------- */

/* Keys are good as long as they come from the same place. */
static void take_over(struct fetch *f, const struct issuer_keys *before)
{
    const struct issuer *old = issuer_keys_issuer(before, f->issuer->name);

    if (!old || !str_equal(old->jwks_uri, f->issuer->jwks_uri) ||
        !str_equal(old->discovery_url, f->issuer->discovery_url))
        return;
    f->keys = issuer_keys_set(before, old);
    f->fetched_ms = loop_now_ms(f->owner->loop);
}

struct issuer_fetcher *issuer_fetcher_new(struct loop *loop, struct issuer_keys_box *box,
                                          struct issuers *list,
                                          const struct issuer_fetcher_options *options)
{
    struct issuer_fetcher *owner = memory_alloc(sizeof(*owner));
    struct issuer_keys *before = issuer_keys_box_get(box);
    struct http_client_options client;

    owner->loop = loop;
    owner->box = box;
    owner->list = issuers_ref(list);
    issuer_fetcher_options_default(&owner->options);
    if (options)
        owner->options = *options;
    http_client_options_default(&client);
    owner->http = http_client_new(loop, &client);
    owner->open = list->count + 1;
    for (size_t i = 0; i < list->count; i++) {
        struct fetch *f = &owner->fetches[i];

        f->owner = owner;
        f->issuer = &list->items[i];
        uv_timer_init(loop_uv(loop), &f->timer);
        f->timer.data = f;
        take_over(f, before);
    }
    issuer_keys_unref(before);
    publish(owner);
    issuer_keys_box_listen(
        box, &(struct issuer_keys_listener){ .loop = loop, .on_want = on_want, .data = owner });
    for (size_t i = 0; i < list->count; i++)
        start(&owner->fetches[i]);
    return owner;
}

static void closed_one(struct issuer_fetcher *owner)
{
    if (--owner->open)
        return;
    for (size_t i = 0; i < owner->list->count; i++)
        jwks_unref(owner->fetches[i].keys);
    issuers_unref(owner->list);
    owner->on_done(owner->data);
    free(owner);
}

static void on_timer_closed(uv_handle_t *timer)
{
    closed_one(((struct fetch *)timer->data)->owner);
}

static void on_client_closed(void *data)
{
    closed_one(data);
}

void issuer_fetcher_close(struct issuer_fetcher *owner, void (*on_done)(void *data), void *data)
{
    owner->on_done = on_done;
    owner->data = data;
    issuer_keys_box_listen(owner->box, NULL);
    for (size_t i = 0; i < owner->list->count; i++) {
        struct fetch *f = &owner->fetches[i];

        if (f->call)
            http_client_cancel(f->call);
        buf_done(&f->body);
        arena_free(f->arena);
        uv_close((uv_handle_t *)&f->timer, on_timer_closed);
    }
    http_client_close(owner->http, on_client_closed, owner);
}
