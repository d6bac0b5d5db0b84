/* SPDX-License-Identifier: MIT */
#include "arm/call.h"

#include <assert.h>

#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/type.h"
#include "arm/version.h"
#include "base/format.h"

void arm_reply_header(struct arm_call *c, struct str name, struct str value)
{
    assert(c->reply.header_count < ARM_HEADERS_MAX);
    c->reply.headers[c->reply.header_count++] = (struct http_header){ name, value };
}

void arm_reply_json(struct arm_call *c, int status, yyjson_mut_val *root)
{
    c->reply.status = status;
    c->reply.body = json_write_mut(c->arena, root);
}

void arm_reply_list(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    json_set(doc, root, "value", list);
    arm_reply_json(c, 200, root);
}

yyjson_val *arm_read_body(struct arm_call *c, bool may_be_empty, struct error *err)
{
    struct str text = str_trim(c->request->body);
    struct error why;
    yyjson_doc *doc;

    if (str_is_empty(text) && may_be_empty)
        text = STR("{}");
    if (str_is_empty(text)) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: it is empty.");
        return NULL;
    }
    doc = json_parse(c->arena, text, &why);
    if (!doc) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: '%s'.", why.text);
        return NULL;
    }
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: it must be an "
                  "object.");
        return NULL;
    }
    return yyjson_doc_get_root(doc);
}

/* A route that names a subscription needs one that is there. */
static bool check_subscription(struct arm_call *c, struct error *err)
{
    struct str id = c->name_count ? c->names[0] : STR_NONE;
    struct store_resource r;
    bool found;

    if (!str_starts_with(str_from(c->route->path), STR("/subscriptions/{}")))
        return true;
    if (!format_is_guid(id))
        return error_set(err, ERROR_ARM_SUBSCRIPTION_ID,
                         "The provided subscription identifier '%.*s' is malformed or invalid.",
                         STR_ARGS(str_slice(id, 0, 100)));
    if (c->type == &arm_subscription_type && c->request->is_internal)
        return true; /* it is about to be made */
    if (!store_get(
            c->txn,
            arena_lower(c->arena, arena_printf(c->arena, "/subscriptions/%.*s", STR_ARGS(id))), &r,
            &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_ARM_NO_SUBSCRIPTION,
                         "The subscription '%.*s' could not be found.", STR_ARGS(id));
    c->names[0] = arm_id_segment(r.id, 1); /* in the case it was made with */
    return true;
}

static const char *const remaining_headers[] = {
    [THROTTLE_READS] = "x-ms-ratelimit-remaining-subscription-global-reads",
    [THROTTLE_WRITES] = "x-ms-ratelimit-remaining-subscription-global-writes",
    [THROTTLE_DELETES] = "x-ms-ratelimit-remaining-subscription-global-deletes",
};

/* Counts the request and tells how many more may follow at once. */
static bool check_throttle(struct arm_call *c, struct error *err)
{
    static const char *const words[] = { "read", "write", "delete" };
    enum arm_throttle_kind kind = arm_throttle_kind_of(c->request->method);
    struct arm_throttle_state state =
        arm_throttle_take(&c->arm->throttle, kind, clock_monotonic_us());

    if (state.retry_after_s) {
        arm_reply_header(c, STR("Retry-After"), arena_printf(c->arena, "%u", state.retry_after_s));
        return error_set(err, ERROR_ARM_THROTTLED,
                         "Number of '%s' requests exceeded. Please try again after '%u' seconds "
                         "after additional tokens are available.",
                         words[kind], state.retry_after_s);
    }
    arm_reply_header(c, str_from(remaining_headers[kind]),
                     arena_printf(c->arena, "%u", state.remaining));
    return true;
}

bool arm_execute(struct arm_call *c, struct error *err)
{
    size_t kept;

    c->now_ms = clock_now_ms(c->arm->clock);
    c->api_version = http_query_get(c->arena, c->request->query, STR("api-version"));
    if (str_is_empty(c->api_version))
        return error_set(err, ERROR_ARM_NO_API_VERSION, NULL);
    if (!c->request->is_internal && !c->arm->is_unthrottled && !check_throttle(c, err))
        return false;
    kept = c->reply.header_count;
    if (arm_route_find(c, err) &&
        arm_version_check(c->type->provider, c->type->name, c->api_version, c->arena, err) &&
        check_subscription(c, err) && c->route->handle(c, err) && arm_publish_prepare(c, err))
        return true;
    c->reply.header_count = kept; /* the handler's belong to what did not come to be */
    return false;
}
