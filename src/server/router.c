/* SPDX-License-Identifier: MIT */
#include "server/router.h"

#include "arm/arm.h"
#include "entra/entra.h"
#include "identity/credential.h"
#include "inference/inference.h"
#include "server/page.h"
#include "server/worker.h"

struct surface {
    bool (*matches)(struct str path);
    void (*on_head)(struct worker *w, struct http_request *r);
    /* NULL from here on: on_head finishes the request, or it is of no interest. */
    void (*on_body_part)(struct http_request *r, struct str body, size_t content_length);
    void (*on_body)(struct http_request *r);
    void (*on_drain)(struct http_request *r);
    void (*on_wake)(struct http_request *r); /* for surfaces that call http_request_wake */
    void (*on_gone)(struct http_request *r);
    struct str (*render_error)(struct http_request *r, const struct error *err,
                               struct http_headers *headers);
    void (*on_time_up)(struct http_request *r); /* NULL: is cut */
};

static void data_plane_on_head(struct worker *w, struct http_request *r)
{
    inference_on_head(worker_inference(w), r);
}

static void arm_surface_on_head(struct worker *w, struct http_request *r)
{
    arm_on_head(worker_get_shared(w)->arm, r);
}

static void set_json(struct http_request *r, struct http_headers *headers)
{
    *headers =
        (struct http_headers){ .items = ARENA_ARRAY(r->arena, struct http_header, 1), .count = 1 };
    headers->items[0] =
        (struct http_header){ STR("content-type"), STR("application/json; charset=utf-8") };
}

static struct str arm_surface_render_error(struct http_request *r, const struct error *err,
                                           struct http_headers *headers)
{
    set_json(r, headers);
    return arm_render_error(r->arena, err, STR_NONE);
}

static void entra_surface_on_head(struct worker *w, struct http_request *r)
{
    entra_on_head(worker_get_shared(w)->entra, r);
}

static struct str entra_surface_render_error(struct http_request *r, const struct error *err,
                                             struct http_headers *headers)
{
    set_json(r, headers);
    return entra_render_error(r->arena, r->path, err);
}

static bool matches_all(struct str path)
{
    (void)path;
    return true;
}

/* In the order of asking; the last one takes what is left. */
static const struct surface surfaces[] = {
    { .matches = inference_matches,
      .on_head = data_plane_on_head,
      .on_body_part = inference_on_body_part,
      .on_body = inference_on_body,
      .on_drain = inference_on_drain,
      .on_wake = inference_on_wake,
      .on_gone = inference_on_gone,
      .render_error = inference_render_error,
      .on_time_up = inference_on_time_up },
    { .matches = arm_matches,
      .on_head = arm_surface_on_head,
      .on_body = arm_on_body,
      .on_gone = arm_on_gone,
      .render_error = arm_surface_render_error },
    { .matches = entra_matches,
      .on_head = entra_surface_on_head,
      .on_body = entra_on_body,
      .on_gone = entra_on_gone,
      .render_error = entra_surface_render_error },
    { .matches = page_matches, .on_head = page_on_head, .render_error = inference_render_error },
    { .matches = matches_all,
      .on_head = page_on_unknown_path,
      .render_error = inference_render_error },
};

static const struct surface *surface_of(struct str path)
{
    const struct surface *s = surfaces;

    while (!s->matches(path))
        s++;
    return s;
}

static void on_head(void *data, struct http_request *r)
{
    const struct surface *s = surface_of(r->path);

    r->surface = s;
    s->on_head(data, r);
}

static void on_body(void *data, struct http_request *r)
{
    const struct surface *s = r->surface;

    (void)data;
    if (s->on_body)
        s->on_body(r);
}

static void on_body_part(void *data, struct http_request *r, struct str body, size_t content_length)
{
    const struct surface *s = r->surface;

    (void)data;
    if (s->on_body_part)
        s->on_body_part(r, body, content_length);
}

static void on_drain(void *data, struct http_request *r)
{
    const struct surface *s = r->surface;

    (void)data;
    if (s->on_drain)
        s->on_drain(r);
}

static void on_wake(void *data, struct http_request *r)
{
    (void)data;
    ((const struct surface *)r->surface)->on_wake(r);
}

static void on_gone(void *data, struct http_request *r)
{
    const struct surface *s = r->surface;

    (void)data;
    if (s->on_gone)
        s->on_gone(r);
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    return surface_of(r->path)->render_error(r, err, headers);
}

static void on_time_up(void *data, struct http_request *r)
{
    const struct surface *s = r->surface;

    (void)data;
    if (s->on_time_up)
        s->on_time_up(r);
}

const struct http_handler router_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_body_part = on_body_part,
    .on_drain = on_drain,
    .on_wake = on_wake,
    .on_gone = on_gone,
    .render_error = render_error,
    .on_time_up = on_time_up,
    .is_secret = credential_is_header,
};
