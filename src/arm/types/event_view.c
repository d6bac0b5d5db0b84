/* SPDX-License-Identifier: MIT */
#include "arm/filter.h"
#include "arm/resource.h"
#include "arm/types/event.h"
#include "arm/types/provider_operation.h"
#include "base/format.h"

#define CLAIM_TENANT "http://schemas.microsoft.com/identity/claims/tenantid"
#define CLAIM_OBJECT "http://schemas.microsoft.com/identity/claims/objectidentifier"
#define CLAIM_USER "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
/* .NET's ticks of 100 ns from the year 1 to 1970 */
#define TICKS_1970 621355968000000000LL

static struct str fact(yyjson_val *facts, const char *name)
{
    return json_str(yyjson_obj_get(facts, name));
}

/* The name without so many segments at its end. */
static struct str without_last(struct str name, unsigned segments)
{
    while (name.len && segments) {
        if (name.data[--name.len] == '/')
            segments--;
    }
    return name;
}

struct str event_provider(yyjson_val *facts)
{
    struct str operation = fact(facts, "operation");

    return str_slice(operation, 0, str_find_char(operation, '/'));
}

struct str event_correlation(yyjson_val *facts)
{
    struct str correlation = fact(facts, "correlation");

    return correlation.len ? correlation : fact(facts, "request");
}

/* -- Members that are objects ---------------------------------------------------------------- */

/* {"value","localizedValue"} */
static void add_word(yyjson_mut_doc *doc, yyjson_mut_val *shown, const char *name, struct str value,
                     struct str title)
{
    yyjson_mut_val *word = json_set_object(doc, shown, name);

    json_set_str(doc, word, "value", value);
    json_set_str(doc, word, "localizedValue", title);
}

/* "NotFound": the name that .NET has for a status; it keeps to older phrases. */
static struct str status_name(struct arena *a, int status)
{
    struct str phrase = str_from(http_status_phrase(status)), word, name = STR_NONE;

    if (status == 413)
        return STR("RequestEntityTooLarge");
    while (str_split(&phrase, ' ', &word))
        name = arena_printf(a, "%.*s%.*s", STR_ARGS(name), STR_ARGS(word));
    return name;
}

static void add_outcome(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                        yyjson_val *facts)
{
    int status = (int)yyjson_get_int(yyjson_obj_get(facts, "status"));
    struct str name = status_name(c->arena, status), state = fact(facts, "state");
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");
    yyjson_mut_doc *message;
    yyjson_mut_val *root, *error;

    json_set_str(doc, shown, "level",
                 str_equal(state, STR("Failed")) ? STR("Error") : STR("Informational"));
    add_word(doc, shown, "status", state, state);
    add_word(doc, shown, "subStatus", name,
             arena_printf(c->arena, "%.*s (HTTP Status Code: %d)", STR_ARGS(name), status));
    json_set_str(doc, properties, "statusCode", name);
    json_set_str(doc, properties, "serviceRequestId", fact(facts, "request"));
    json_set_str(doc, properties, "eventCategory", STR("Administrative"));
    json_set_str(doc, properties, "entity", fact(facts, "resource"));
    json_set_str(doc, properties, "message", fact(facts, "operation"));
    if (str_is_empty(fact(facts, "code")))
        return;
    message = json_new(c->arena);
    root = yyjson_mut_obj(message);
    error = json_set_object(message, root, "error");
    json_set_str(message, error, "code", fact(facts, "code"));
    json_set_str(message, error, "message", fact(facts, "message"));
    json_set_str(doc, properties, "statusMessage", json_write_mut(c->arena, root));
}

static void add_caller(const struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                       yyjson_val *facts)
{
    yyjson_mut_val *claims = json_set_object(doc, shown, "claims");
    struct str caller = fact(facts, "caller"), object = fact(facts, "object");

    json_set_str(doc, shown, "caller", caller);
    json_set_str(doc, claims, CLAIM_TENANT, str_from(c->arm->tenant_id));
    if (object.len)
        json_set_str(doc, claims, CLAIM_OBJECT, object);
    if (str_equal(fact(facts, "kind"), STR("User"))) {
        json_set_str(doc, claims, "name", caller);
        json_set_str(doc, claims, CLAIM_USER, caller);
    } else {
        json_set_str(doc, claims, "appid", caller);
    }
}

static void add_request(yyjson_mut_doc *doc, yyjson_mut_val *shown, yyjson_val *facts)
{
    yyjson_mut_val *request = json_set_object(doc, shown, "httpRequest");
    struct str client = fact(facts, "client_request"), address = fact(facts, "address");

    if (client.len)
        json_set_str(doc, request, "clientRequestId", client);
    if (address.len)
        json_set_str(doc, request, "clientIpAddress", address);
    json_set_str(doc, request, "method", fact(facts, "method"));
    json_set_str(doc, request, "uri", fact(facts, "uri"));
}

static void add_place(const struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                      yyjson_val *facts)
{
    struct str operation = fact(facts, "operation"), id = fact(facts, "resource");
    struct str provider = event_provider(facts);
    bool is_action = str_ends_with(operation, STR("/action"));
    struct str type = without_last(operation, is_action ? 2 : 1);
    yyjson_mut_val *authorization = json_set_object(doc, shown, "authorization");

    json_set_str(doc, authorization, "action", operation);
    json_set_str(doc, authorization, "scope", id);
    add_word(doc, shown, "operationName", operation, arm_provider_operation_title(operation));
    json_set_str(doc, shown, "resourceId", id);
    json_set_str(doc, shown, "resourceGroupName",
                 str_equal_nocase(arm_id_segment(id, 2), STR("resourceGroups"))
                     ? arm_id_segment(id, 3)
                     : STR_NONE);
    add_word(doc, shown, "resourceProviderName", provider, provider);
    add_word(doc, shown, "resourceType", type, type);
    json_set_str(doc, shown, "subscriptionId",
                 str_equal_nocase(arm_id_segment(id, 0), STR("subscriptions"))
                     ? arm_id_segment(id, 1)
                     : STR_NONE);
    json_set_str(doc, shown, "tenantId", str_from(c->arm->tenant_id));
}

static void add_times(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                      const struct store_event *e, yyjson_val *facts)
{
    struct str time = format_time(c->arena, e->at_ms), event = fact(facts, "event");

    json_set_str(doc, shown, "eventDataId", event);
    json_set_str(doc, shown, "correlationId", event_correlation(facts));
    json_set_str(doc, shown, "operationId", fact(facts, "request"));
    json_set_str(doc, shown, "eventTimestamp", time);
    json_set_str(doc, shown, "submissionTimestamp", time);
    json_set_str(doc, shown, "id",
                 arena_printf(c->arena, "%.*s/events/%.*s/ticks/%lld",
                              STR_ARGS(fact(facts, "resource")), STR_ARGS(event),
                              (long long)(TICKS_1970 + e->at_ms * 10000)));
}

/* -- The whole ------------------------------------------------------------------------------- */

static const char *const members[] = {
    "authorization",
    "caller",
    "category",
    "channels",
    "claims",
    "correlationId",
    "description",
    "eventDataId",
    "eventName",
    "eventTimestamp",
    "httpRequest",
    "id",
    "level",
    "operationId",
    "operationName",
    "properties",
    "resourceGroupName",
    "resourceId",
    "resourceProviderName",
    "resourceType",
    "status",
    "subStatus",
    "submissionTimestamp",
    "subscriptionId",
    "tenantId",
};

_Static_assert(ARRAY_LEN(members) <= ARRAY_LEN(((struct event_selection *)0)->names),
               "every member may be selected");

static const char *find_member(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (str_equal_nocase(name, str_from(members[i])))
            return members[i];
    }
    return NULL;
}

static bool is_selected(const struct event_selection *selection, const char *member)
{
    for (size_t i = 0; i < selection->count; i++) {
        if (selection->names[i] == member)
            return true;
    }
    return selection->count == 0;
}

bool event_selection_read(struct arm_call *c, struct event_selection *selection, struct error *err)
{
    struct str rest = http_query_get(c->arena, c->request->query, STR("$select")), name;
    const char *member;
    char shown[64];

    selection->count = 0;
    while (rest.len && str_split(&rest, ',', &name)) {
        member = find_member(str_trim(name));
        if (!member) {
            str_show(str_trim(name), shown, sizeof(shown));
            return error_set_target(err, ERROR_ARM_FILTER, "$select",
                                    "Events have no property '%s' to select.", shown);
        }
        if (!selection->count || !is_selected(selection, member))
            selection->names[selection->count++] = member;
    }
    return true;
}

yyjson_mut_val *event_render(struct arm_call *c, const struct event_selection *selection,
                             const struct store_event *e, yyjson_val *facts, yyjson_mut_doc *doc)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc);

    add_word(doc, shown, "eventName", STR("EndRequest"), STR("End request"));
    add_word(doc, shown, "category", STR("Administrative"), STR("Administrative"));
    json_set_str(doc, shown, "channels", STR("Operation"));
    json_set_str(doc, shown, "description", STR(""));
    add_place(c, doc, shown, facts);
    add_caller(c, doc, shown, facts);
    add_request(doc, shown, facts);
    add_outcome(c, doc, shown, facts);
    add_times(c, doc, shown, e, facts);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!is_selected(selection, members[i]))
            yyjson_mut_obj_remove_key(shown, members[i]);
    }
    return shown;
}
