/* SPDX-License-Identifier: MIT */
#include "load/target.h"

#include "base/format.h"
#include "net/url.h"

#define CHAT_PATH STR("/chat/completions")
#define OPENAI_HOST "api.openai.com"
#define HEADER_COUNT 4

static bool parse_url(const char *text, struct arena *a, struct url *url, struct error *err)
{
    struct str base = str_from(text);
    const char *why;

    /* a URL of the operation itself is taken, too */
    if (str_ends_with(base, STR("/v1/chat/completions")))
        base.len -= CHAT_PATH.len;
    if (!url_parse(a, base, url, &why))
        return error_set(err, ERROR_CONFIG, "API_BASE_ENDPOINT %s", why);
    if (!url->path.len && url->host && str_equal_nocase(str_from(url->host), STR(OPENAI_HOST)))
        url->path = STR("/v1");
    return true;
}

static void make_path(struct load_target *t, const struct load_options *o, const struct url *url,
                      struct arena *a)
{
    struct str base = url->path;

    if (str_ends_with(base, STR("/v1"))) {
        t->model = o->deployment;
        t->path = arena_printf(a, "%.*s/chat/completions", STR_ARGS(base));
        return;
    }
    t->path =
        arena_printf(a, "%.*s/openai/deployments/%.*s/chat/completions?api-version=%.*s",
                     STR_ARGS(base), STR_ARGS(format_percent_encode(a, str_from(o->deployment))),
                     STR_ARGS(format_percent_encode(a, str_from(o->api_version))));
}

static void add_header(struct load_target *t, struct str name, struct str value)
{
    t->headers.items[t->headers.count++] = (struct http_header){ name, value };
}

static void make_headers(struct load_target *t, const struct load_options *o, struct arena *a)
{
    t->headers.items = ARENA_ARRAY(a, struct http_header, HEADER_COUNT);
    add_header(t, STR("Content-Type"), STR("application/json"));
    add_header(t, STR("User-Agent"), STR("lazuli-bench/" LAZULI_VERSION));
    add_header(t, STR("x-ms-useragent"), STR("lazuli-bench/" LAZULI_VERSION));
    if (o->token)
        add_header(t, STR("Authorization"), arena_printf(a, "Bearer %s", o->token));
    else if (o->key && t->model)
        add_header(t, STR("Authorization"), arena_printf(a, "Bearer %s", o->key));
    else if (o->key)
        add_header(t, STR("api-key"), arena_copy(a, str_from(o->key)));
}

bool load_target_init(struct load_target *t, const struct load_options *o, struct arena *a,
                      struct error *err)
{
    struct url url;
    struct error why;

    *t = (struct load_target){ 0 };
    if (!parse_url(o->endpoint, a, &url, err))
        return false;
    t->address.unix_path = url.unix_path;
    t->address.host = url.host;
    t->address.port = url.port;
    t->host = url.authority;
    make_path(t, o, &url, a);
    make_headers(t, o, a);
    if (!url.is_tls)
        return true;
    t->address.tls = tls_context_new_client(o->ca_file, &why);
    return t->address.tls || error_set(err, ERROR_CONFIG, "--ca-file %s", why.text);
}

void load_target_done(struct load_target *t)
{
    tls_context_unref(t->address.tls);
}
