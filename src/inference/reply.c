/* SPDX-License-Identifier: MIT */
#include "inference/reply.h"

#include <assert.h>

#include "inference/operation.h"

/* Most headers that reply_headers makes. */
#define REPLY_HEADERS_MAX 24
/* A client's id for its request is echoed up to this length: SDKs send GUIDs. */
#define CLIENT_ID_BYTES_MAX 256

static void add(struct http_headers *h, struct str name, struct str value)
{
    assert(h->count < REPLY_HEADERS_MAX);
    h->items[h->count++] = (struct http_header){ name, value };
}

static void add_number(struct exchange *x, struct http_headers *h, struct str name, int64_t value)
{
    add(h, name, format_decimal(x->asking, value));
}

/* What is left may be negative: the estimate of one request can be larger than the limit, and
 * Azure shows it so. */
static void add_rate_limits(struct exchange *x, struct http_headers *h)
{
    const struct directory_deployment *d = x->deployment;
    int64_t now_ms = clock_now_ms(x->inference->options.clock);
    unsigned reset_s = rate_window_reset_s(now_ms);

    if (!x->admitted) { /* refused before it counted */
        x->used_requests = rate_window_used(&d->counters->requests, now_ms);
        x->used_tokens = rate_window_used(&d->counters->tokens, now_ms);
    }
    if (d->requests_per_minute) {
        add_number(x, h, STR("x-ratelimit-limit-requests"), (int64_t)d->requests_per_minute);
        add_number(x, h, STR("x-ratelimit-remaining-requests"),
                   (int64_t)d->requests_per_minute - (int64_t)x->used_requests);
        add_number(x, h, STR("x-ratelimit-reset-requests"), reset_s);
    }
    if (d->tokens_per_minute) {
        add_number(x, h, STR("x-ratelimit-limit-tokens"), (int64_t)d->tokens_per_minute);
        add_number(x, h, STR("x-ratelimit-remaining-tokens"),
                   (int64_t)d->tokens_per_minute - (int64_t)x->used_tokens);
        add_number(x, h, STR("x-ratelimit-reset-tokens"), reset_s);
    }
}

static void add_retry(struct exchange *x, struct http_headers *h)
{
    if (x->engine.retry_after.len)
        add(h, STR("retry-after"), x->engine.retry_after);
    if (x->engine.retry_after_ms.len)
        add(h, STR("retry-after-ms"), x->engine.retry_after_ms);
}

/* The request was refused by the model's layer, not by the gateway. */
static bool is_model_error(const struct error *err)
{
    const struct error_info *info = error_info(err->code);

    return err->code && info->envelope == ENVELOPE_MODEL && info->status == 400;
}

/* Headers that say the same each time, put together here rather than for each reply. */
#define LINES_ALWAYS                                                              \
    "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n" \
    "x-content-type-options: nosniff\r\n"
#define LINES_OK                                   \
    LINES_ALWAYS                                   \
    "cache-control: no-cache, must-revalidate\r\n" \
    "access-control-allow-origin: *\r\n"
#define LINES_MODEL             \
    LINES_OK                    \
    "x-accel-buffering: no\r\n" \
    "x-ms-rai-invoked: false\r\n"

#define LINES_REFUSED \
    LINES_ALWAYS      \
    "x-ms-rai-invoked: false\r\n"

static struct str constant_lines(const struct exchange *x)
{
    if (x->err && is_model_error(x->err))
        return STR(LINES_REFUSED);
    if (x->status != 200)
        return STR(LINES_ALWAYS);
    return x->deployment ? STR(LINES_MODEL) : STR(LINES_OK);
}

struct http_headers reply_headers(struct exchange *x, struct str content_type)
{
    struct str client_id = http_headers_get(&x->request->headers, STR("x-ms-client-request-id"));
    struct str request_id = str_of(x->request_id, GUID_TEXT_LEN);
    struct http_headers h = {
        .items = arena_alloc_bytes(x->asking, REPLY_HEADERS_MAX * sizeof(*h.items)),
        .lines = constant_lines(x),
    };

    add(&h, STR("content-type"), content_type);
    add(&h, STR("apim-request-id"), request_id);
    if (x->account)
        add(&h, STR("x-ms-region"), x->account->region);
    add(&h, STR("x-ms-client-request-id"),
        client_id.len && client_id.len <= CLIENT_ID_BYTES_MAX ? client_id : request_id);
    add(&h, STR("x-request-id"), exchange_new_id(x));
    if (x->deployment && x->status == 200)
        add(&h, STR("x-ms-deployment-name"), x->deployment->name);
    if (exchange_error_code(x) == ERROR_METHOD)
        add(&h, STR("allow"), str_from(http_method_name(x->operation->method)));
    if (exchange_error_code(x) == ERROR_FIREWALL)
        add(&h, STR("policy-id"), STR("ThrowExceptionDueToTrafficDenied"));
    if (x->err && is_model_error(x->err)) {
        add(&h, STR("ms-azureml-model-error-reason"), STR("model_error"));
        add(&h, STR("ms-azureml-model-error-statuscode"), STR("400"));
    }
    if (x->admitted || (x->deployment && x->err && is_model_error(x->err)))
        add_rate_limits(x, &h);
    add_retry(x, &h);
    return h;
}

/* Of what failed inside, the client hears no more than that it did: the text is for the log. */
static const char *text_for_client(const struct error_info *info, const struct error *err)
{
    return info->envelope == ENVELOPE_ARM && info->status >= 500 ? info->text : err->text;
}

static struct str gateway_body(struct arena *a, const struct error_info *info,
                               const struct error *err)
{
    /* One member at a time: Azure's own bodies are "code" first, some with a blank behind
     * "message":, and clients have been seen to compare whole bodies. */
    struct str message = json_quote(a, str_from(text_for_client(info, err)));

    return arena_printf(a, "{\"error\":{\"code\":\"%s\",\"message\":%s%.*s}}", info->wire_code,
                        info->envelope == ENVELOPE_SPACED ? " " : "", STR_ARGS(message));
}

static void add_nullable(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                         const char *value)
{
    yyjson_mut_obj_add_val(doc, object, key,
                           value && *value ? yyjson_mut_str(doc, value) : yyjson_mut_null(doc));
}

static struct str model_body(struct arena *a, const struct error_info *info,
                             const struct error *err)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *error = yyjson_mut_obj_add_obj(doc, root, "error");

    yyjson_mut_obj_add_str(doc, error, "message", err->text);
    add_nullable(doc, error, "type", info->type);
    add_nullable(doc, error, "param", err->target);
    add_nullable(doc, error, "code", info->wire_code);
    return json_write_mut(a, root);
}

struct str reply_error_body(struct arena *a, const struct error *err)
{
    const struct error_info *info = error_info(err->code);

    switch (info->envelope) {
    case ENVELOPE_MODEL:
        return model_body(a, info, err);
    case ENVELOPE_TOKEN:
        return arena_printf(a, "{ \"statusCode\": %d, \"message\": \"%s\" }", info->status,
                            info->text);
    case ENVELOPE_ARM:
    case ENVELOPE_GATEWAY:
    case ENVELOPE_SPACED:
        break;
    }
    return gateway_body(a, info, err);
}

const char *reply_error_phrase(const struct error *err)
{
    if (err->code == ERROR_INVALID_KEY || err->code == ERROR_PERMISSION_DENIED)
        return "PermissionDenied";
    return is_model_error(err) ? "model_error" : NULL;
}

struct str inference_render_error(struct http_request *r, const struct error *err,
                                  struct http_headers *headers)
{
    char *id = arena_alloc_bytes(r->arena, GUID_TEXT_LEN + 1);

    format_guid(id);
    *headers =
        (struct http_headers){ .items = ARENA_ARRAY(r->arena, struct http_header, 2), .count = 2 };
    headers->items[0] = (struct http_header){ STR("content-type"), REPLY_JSON };
    headers->items[1] = (struct http_header){ STR("apim-request-id"), str_of(id, GUID_TEXT_LEN) };
    return reply_error_body(r->arena, err);
}
