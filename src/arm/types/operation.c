/* SPDX-License-Identifier: MIT */
#include "arm/types/operation.h"

#include "arm/resource.h"
#include "base/format.h"
#include "base/random.h"

#define KEEP_MS (24 * 60 * 60 * 1000)
/* With each that is added: more than one, so that what has gathered goes, too. */
#define REMOVED_AT_ONCE 8
#define PATH "/subscriptions/{}/operationresults/{}"

/* A GUID that begins with the time, so that the keys are in the order in which they were made. */
static void make_name(int64_t now_ms, char name[GUID_TEXT_LEN + 1])
{
    uint8_t bytes[16];

    random_bytes(bytes, sizeof(bytes));
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    format_guid_of(bytes, name);
}

/* Some of those of the subscription that are older than a day. */
static bool remove_old(struct arm_call *c, struct str folder, struct error *err)
{
    struct store_query query = { .key_prefix = folder, .limit = REMOVED_AT_ONCE };
    struct store_resource *old;
    size_t count;
    bool existed;

    if (!store_list(c->txn, &query, &old, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (old[i].created_at_ms < c->now_ms - KEEP_MS &&
            !store_delete(c->txn, old[i].key, &existed, err))
            return false;
    }
    return true;
}

/* Notes it under a new name. */
static bool note(struct arm_call *c, struct str *name, struct error *err)
{
    struct str folder =
        arena_printf(c->arena, "/subscriptions/%.*s/operationresults/", STR_ARGS(c->names[0]));
    char guid[GUID_TEXT_LEN + 1];
    struct store_resource r = { 0 };

    if (!remove_old(c, arena_lower(c->arena, folder), err))
        return false;
    make_name(c->now_ms, guid);
    *name = arena_copy(c->arena, str_from(guid));
    r.id = arena_printf(c->arena, "%.*s%s", STR_ARGS(folder), guid);
    r.key = arena_lower(c->arena, r.id);
    r.type = arena_lower(c->arena, str_from(arm_operation_type.name));
    r.etag = *name;
    r.body = STR("{\"status\":\"Succeeded\"}");
    r.created_at_ms = r.changed_at_ms = c->now_ms;
    arm_reply_header(c, STR("Retry-After"), STR("1"));
    return store_put(c->txn, &r, err);
}

bool arm_operation_start(struct arm_call *c, struct error *err)
{
    struct str name;

    if (!note(c, &name, err))
        return false;
    arm_reply_header(c, STR("Location"),
                     arena_printf(c->arena,
                                  "%.*s/subscriptions/%.*s/operationresults/%.*s?api-version=%.*s",
                                  STR_ARGS(c->request->base), STR_ARGS(c->names[0]), STR_ARGS(name),
                                  STR_ARGS(c->api_version)));
    return true;
}

bool arm_operation_start_at(struct arm_call *c, struct str location, struct error *err)
{
    struct str name, link;

    if (!note(c, &name, err))
        return false;
    /* Azure's links have this api-version whatever the request's was */
    link = arena_printf(c->arena,
                        "%.*s/subscriptions/%.*s/providers/Microsoft.CognitiveServices/locations/"
                        "%.*s/operationResults/%.*s?api-version=2017-04-18",
                        STR_ARGS(c->request->base), STR_ARGS(c->names[0]),
                        STR_ARGS(format_percent_encode(c->arena, location)), STR_ARGS(name));
    arm_reply_header(c, STR("Azure-AsyncOperation"), link);
    arm_reply_header(
        c, STR("Location"),
        arena_printf(c->arena, "%.*s&operationResultResponseType=Location", STR_ARGS(link)));
    return true;
}

static bool not_found(struct arm_call *c, struct error *err)
{
    struct str name = c->names[c->name_count - 1];

    return error_set(err, ERROR_ARM_NO_RESOURCE, "The operation '%.*s' could not be found.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static bool find(struct arm_call *c, struct store_resource *r, struct error *err)
{
    struct str key = arena_printf(c->arena, "/subscriptions/%.*s/operationresults/%.*s",
                                  STR_ARGS(c->names[0]), STR_ARGS(c->names[c->name_count - 1]));
    bool found;

    if (!store_get(c->txn, arena_lower(c->arena, key), r, &found, err))
        return false;
    return found || not_found(c, err);
}

/* Where a Location leads: an empty 200 once the operation has succeeded. */
static bool get_result(struct arm_call *c, struct error *err)
{
    struct store_resource r;

    c->reply.status = 200;
    return find(c, &r, err);
}

/* Where an Azure-AsyncOperation leads; and a Location, which asks for the result and not the
 * status. */
static bool get_status(struct arm_call *c, struct error *err)
{
    struct str wanted =
        http_query_get(c->arena, c->request->query, STR("operationResultResponseType"));
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct store_resource r;
    yyjson_val *body;

    if (str_equal_nocase(wanted, STR("Location")))
        return get_result(c, err);
    if (!find(c, &r, err))
        return false;
    body = arm_resource_body(c->arena, &r, err);
    if (!body)
        return false;
    json_set_str(doc, root, "id",
                 arena_printf(c->arena,
                              "/subscriptions/%.*s/providers/Microsoft.CognitiveServices/locations/"
                              "%.*s/operationResults/%.*s",
                              STR_ARGS(c->names[0]), STR_ARGS(c->names[1]),
                              STR_ARGS(arm_id_name(r.id))));
    json_set_str(doc, root, "name", arm_id_name(r.id));
    json_set_str(doc, root, "status", json_str(json_at(body, "status")));
    json_set_str(doc, root, "startTime", format_time(c->arena, r.created_at_ms));
    json_set_str(doc, root, "endTime", format_time(c->arena, r.changed_at_ms));
    arm_reply_json(c, 200, root);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, get_result },
    { HTTP_GET,
      "/subscriptions/{}/providers/Microsoft.CognitiveServices/locations/{}/operationResults/{}",
      get_status },
};

const struct arm_type arm_operation_type = {
    .name = "Microsoft.Resources/operationResults",
    .provider = &arm_resources,
    .path = PATH,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
