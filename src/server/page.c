/* SPDX-License-Identifier: MIT */
#include "server/page.h"

#include "server/health.h"
#include "server/scrape.h"

struct page {
    struct str path;
    void (*reply)(struct worker *w, struct http_request *r);
};

static void refuse(struct http_request *r, enum error_code code);

/* For whoever shall trust what this port presents. */
static void reply_authority(struct worker *w, struct http_request *r)
{
    struct str pem = worker_get_shared(w)->authority_pem;

    if (pem.len)
        page_reply(r, 200, STR("application/x-pem-file"), pem);
    else
        refuse(r, ERROR_NOT_FOUND);
}

static const struct page pages[] = {
    { { "/healthz", 8 }, health_reply_alive },
    { { "/readyz", 7 }, health_reply_ready },
    { { "/metrics", 8 }, scrape_reply },
    { { "/ca.pem", 7 }, reply_authority },
};

static const struct page *page_of(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (str_equal(path, pages[i].path))
            return &pages[i];
    }
    return NULL;
}

bool page_matches(struct str path)
{
    return page_of(path) != NULL;
}

static void refuse(struct http_request *r, enum error_code code)
{
    struct http_headers rendered, headers;
    struct error err;
    struct str body;

    error_set(&err, code, NULL);
    body = inference_render_error(r, &err, &rendered);
    headers = rendered;
    headers.items = ARENA_ARRAY(r->arena, struct http_header, rendered.count + 1);
    memcpy(headers.items, rendered.items, rendered.count * sizeof(*rendered.items));
    if (code == ERROR_METHOD)
        headers.items[headers.count++] = (struct http_header){ STR("allow"), STR("GET, HEAD") };
    http_reply(r, error_info(code)->status, &headers, body);
}

void page_on_head(struct worker *w, struct http_request *r)
{
    if (r->method == HTTP_GET || r->method == HTTP_HEAD)
        page_of(r->path)->reply(w, r);
    else
        refuse(r, ERROR_METHOD);
}

void page_on_unknown_path(struct worker *w, struct http_request *r)
{
    (void)w;
    refuse(r, ERROR_NOT_FOUND);
}

void page_reply(struct http_request *r, int status, struct str type, struct str body)
{
    struct http_headers h = { .items = ARENA_ARRAY(r->arena, struct http_header, 2), .count = 2 };

    h.items[0] = (struct http_header){ STR("content-type"), type };
    h.items[1] = (struct http_header){ STR("cache-control"), STR("no-store") };
    http_reply(r, status, &h, body);
}
