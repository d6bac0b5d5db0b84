/* SPDX-License-Identifier: MIT */
#include "arm/execute.h"

#include "arm/activity.h"
#include "arm/authorize.h"
#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/type.h"
#include "arm/types/lock.h"
#include "arm/types/provider.h"
#include "arm/version.h"
#include "base/format.h"

/* A route that names a subscription needs one that is there. */
static bool check_subscription(struct arm_call *c, struct error *err)
{
    bool has_scope = !str_is_empty(c->scope), found;
    struct str id = has_scope ? arm_id_segment(c->scope, 1) : c->names[0];
    struct store_resource r;

    if (!has_scope && !str_starts_with(str_from(c->route->path), STR("/subscriptions/{}")))
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
    if (!has_scope)
        c->names[0] = arm_id_segment(r.id, 1); /* in the case it was made with */
    return true;
}

/* Who has no role at all does not learn that there is no such subscription. */
static bool authorize(struct arm_call *c, struct error *err)
{
    struct error missing;

    c->is_operation = check_subscription(c, &missing);
    if ((c->is_operation || !arm_is_known(c)) && !arm_authorize(c, err))
        return false;
    if (!c->is_operation)
        *err = missing;
    return c->is_operation;
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
    struct arm_throttle_state state = arm_throttle_take(
        &c->arm->throttle, c->request->principal.object_id, kind, clock_monotonic_us());

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

static bool check_length(const struct arm_call *c, struct error *err)
{
    return !c->request->is_too_large || error_set(err, ERROR_ARM_TOO_LARGE, NULL);
}

/* Azure's answer to HEAD is 204 where GET's is 200; what is there is not sent. */
static bool handle(struct arm_call *c, struct error *err)
{
    if (!c->route->handle(c, err))
        return false;
    if (c->request->method == HTTP_HEAD) {
        c->reply.status = c->reply.status == 200 ? 204 : c->reply.status;
        c->reply.body = STR_NONE;
    }
    return true;
}

/* What a template deploys counts as its deployment alone. */
static bool is_throttled(const struct arm_call *c)
{
    return !c->request->is_internal && !c->request->run && !c->arm->is_unthrottled;
}

/* What it is that is asked for, and whether the caller may. */
static bool look(struct arm_call *c, struct error *err)
{
    c->now_ms = clock_now_ms(c->arm->clock);
    c->api_version = http_query_get(c->arena, c->request->query, STR("api-version"));
    if (str_is_empty(c->api_version))
        return error_set(err, ERROR_ARM_NO_API_VERSION, NULL);
    if (is_throttled(c) && !check_throttle(c, err))
        return false;
    return arm_route_find(c, err) &&
           arm_version_check(c->type->provider, c->type->name, c->api_version, c->arena, err) &&
           authorize(c, err);
}

/* All of a deployment's parts are published with it. */
static bool publish(struct arm_call *c, struct error *err)
{
    return c->request->run ? true : arm_publish_prepare(c, err);
}

static bool execute(struct arm_call *c, struct error *err)
{
    size_t kept;

    if (!look(c, err))
        return false;
    kept = c->reply.header_count;
    if (lock_check(c, err) && provider_check(c, err) && check_length(c, err) && handle(c, err) &&
        publish(c, err) && arm_activity_record(c, NULL, err))
        return true;
    c->reply.header_count = kept; /* the handler's belong to what did not come to be */
    return false;
}

/* By the roles as they are when the call begins. */
static bool with_roles(struct arm_call *c, bool (*work)(struct arm_call *c, struct error *err),
                       struct error *err)
{
    struct directory *d = directory_box_get(c->arm->directory);
    bool good;

    c->roles = directory_roles(d);
    good = work(c, err);
    c->roles = NULL;
    directory_unref(d);
    return good;
}

bool arm_execute(struct arm_call *c, struct error *err)
{
    return with_roles(c, execute, err);
}

static bool look_only(struct arm_call *c, struct error *err)
{
    return look(c, err) && provider_check(c, err);
}

bool arm_execute_look(struct arm_call *c, struct error *err)
{
    return with_roles(c, look_only, err);
}
