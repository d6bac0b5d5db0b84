/* SPDX-License-Identifier: MIT */
#include "inference/reply.h"

#include <assert.h>

#include "inference/operation.h"
#include "inference/receipt.h"
#include "inference/spillover.h"
#include "net/http_write.h"

/* Room for the lines of reply_headers, but for the values that are listed in lines_room. */
#define LINES_ROOM 1344
/* A client's id for its request is echoed up to this length: SDKs send GUIDs. */
#define CLIENT_ID_BYTES_MAX 256

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

/* What is left may be negative: the estimate of one request can be larger than the limit, and
 * Azure shows it so. */
static char *write_left(char *at, struct str name, uint64_t limit, uint64_t used)
{
    at = http_write_raw(at, name);
    if (used > limit)
        *at++ = '-';
    at = format_put_decimal(at, used > limit ? used - limit : limit - used);
    return http_write_raw(at, STR("\r\n"));
}

static char *write_number(char *at, struct str name, uint64_t value)
{
    return http_write_raw(format_put_decimal(http_write_raw(at, name), value), STR("\r\n"));
}

static char *write_reset(char *at, struct str name, int64_t ends_ms, int64_t now_ms)
{
    return write_number(at, name, ends_ms > now_ms ? (uint64_t)(ends_ms - now_ms + 999) / 1000 : 0);
}

/* Limits are told by the minute; what is left of requests is told of their own, shorter period. */
static char *write_rates(char *at, const struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;
    int64_t now_ms = clock_now_ms(x->inference->options.clock);
    struct rate_decision rates = x->admission.rates;

    if (!x->admission.is_counted || !rates.requests.ends_ms) /* it did not come to ADMIT */
        rates = rate_limit_look(&d->counters->rates, &d->limits, now_ms);
    if (d->limits.requests_per_period) {
        at = write_number(at, STR("x-ratelimit-limit-requests: "), d->requests_per_minute);
        at = write_left(at, STR("x-ratelimit-remaining-requests: "), d->limits.requests_per_period,
                        rates.requests.used);
        at = write_reset(at, STR("x-ratelimit-reset-requests: "), rates.requests.ends_ms, now_ms);
    }
    if (d->limits.tokens_per_minute) {
        at = write_number(at, STR("x-ratelimit-limit-tokens: "), d->limits.tokens_per_minute);
        at = write_left(at, STR("x-ratelimit-remaining-tokens: "), d->limits.tokens_per_minute,
                        rates.tokens.used);
        at = write_reset(at, STR("x-ratelimit-reset-tokens: "), rates.tokens.ends_ms, now_ms);
    }
    return at;
}

/* "45.2%": Azure's benchmark tool takes no other form. */
static char *write_utilization(char *at, const struct exchange *x)
{
    const struct directory_deployment *d = x->deployment;
    uint64_t permille = ptu_bucket_permille(&d->counters->bucket, &d->ptu,
                                            clock_steady_ms(x->inference->options.clock));

    at = http_write_raw(at, STR("azure-openai-deployment-utilization: "));
    at = format_put_decimal(at, permille / 10);
    *at++ = '.';
    at = format_put_decimal(at, permille % 10);
    return http_write_raw(at, STR("%\r\n"));
}

static char *write_limits(char *at, const struct exchange *x)
{
    return x->deployment->ptu.tokens_per_minute ? write_utilization(at, x) : write_rates(at, x);
}

/* A header whose name ends in ": " and whose value was made here. */
static inline char *write_line(char *at, struct str name, struct str value)
{
    return http_write_raw(http_write_raw(http_write_raw(at, name), value), STR("\r\n"));
}

static char *write_error_lines(char *at, const struct exchange *x)
{
    if (exchange_error_code(x) == ERROR_METHOD)
        at = write_line(at, STR("allow: "), str_from(http_method_name(x->operation->method)));
    if (exchange_error_code(x) == ERROR_FIREWALL)
        at = http_write_raw(at, STR("policy-id: ThrowExceptionDueToTrafficDenied\r\n"));
    if (is_model_error(x->err))
        at = http_write_raw(at, STR("ms-azureml-model-error-reason: model_error\r\n"
                                    "ms-azureml-model-error-statuscode: 400\r\n"));
    if (x->retry.seconds.len)
        at = write_line(at, STR("retry-after: "), x->retry.seconds);
    if (x->retry.ms.len)
        at = write_line(at, STR("retry-after-ms: "), x->retry.ms);
    return at;
}

static char *write_id(char *at, struct exchange *x)
{
    char id[GUID_TEXT_LEN + 1];

    exchange_new_id(x->inference, id);
    return write_line(at, STR("x-request-id: "), str_of(id, GUID_TEXT_LEN));
}

/* What comes from the catalog and from ARM is long only by chance, and written as text. */
static char *write_names(char *at, const struct exchange *x)
{
    if (x->account)
        at = http_write_line(at, STR("x-ms-region: "), x->account->region);
    if (x->deployment && x->status == 200)
        at = http_write_line(at, STR("x-ms-deployment-name: "), x->deployment->name);
    return at;
}

/* Azure's documentation prints the first of these as x-ms-spillover-from-<deployment-name>. */
static char *write_spillover(char *at, const struct spillover *s)
{
    if (s->error)
        return write_number(at, STR("x-ms-spillover-error: "), (uint64_t)s->error);
    return http_write_line(at, STR("x-ms-spillover-from-deployment: "), s->from->name);
}

struct http_headers reply_headers(struct exchange *x, struct str content_type)
{
    struct str client_id = http_headers_get(&x->request->headers, STR("x-ms-client-request-id"));
    struct str request_id = str_of(x->request_id, GUID_TEXT_LEN);
    struct str constant = constant_lines(x);
    size_t room = LINES_ROOM + constant.len + (x->account ? x->account->region.len : 0) +
                  (x->deployment ? x->deployment->name.len : 0) +
                  (x->admission.wants_receipt ? RECEIPT_BYTES_MAX : 0) +
                  (x->spillover ? x->spillover->from->name.len : 0);
    char *lines = arena_alloc_bytes(x->asking, room), *at = lines;

    if (!client_id.len || client_id.len > CLIENT_ID_BYTES_MAX)
        client_id = request_id;
    at = write_line(at, STR("content-type: "), content_type);
    at = write_line(at, STR("apim-request-id: "), request_id);
    at = http_write_line(at, STR("x-ms-client-request-id: "), client_id);
    at = write_names(write_id(at, x), x);
    if (x->deployment && x->admission.is_counted)
        at = write_limits(at, x);
    if (x->spillover)
        at = write_spillover(at, x->spillover);
    if (x->admission.wants_receipt)
        at = receipt_write_header(at, x);
    if (x->err)
        at = write_error_lines(at, x);
    at = http_write_raw(at, constant);
    return (struct http_headers){ .lines = str_of(lines, (size_t)(at - lines)) };
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
    case ENVELOPE_OAUTH:
    case ENVELOPE_GRAPH:
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
