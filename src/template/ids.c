/*
 * Ids of resources: of a type and names, and the functions that make them.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

/* Names that a function takes. */
#define NAMES_MAX 12
/* Its ids have no provider: "/subscriptions/S/resourceGroups/NAME". */
#define GROUP_TYPE "Microsoft.Resources/resourceGroups"

bool template_check_length(struct str text, const char *what, struct error *err)
{
    return text.len <= TEMPLATE_ID_BYTES_MAX ||
           error_set(err, ERROR_ARM_TEMPLATE, "its %s '%.*s' is longer than %d bytes.", what,
                     TEMPLATE_SHOWN(text), TEMPLATE_ID_BYTES_MAX);
}

bool template_join_id(struct arena *a, struct str scope, struct str type, const struct str *names,
                      size_t count, struct str *id)
{
    struct str made, part;
    size_t used = 0;

    if (!str_split(&type, '/', &part) || !type.data)
        return false;
    made = arena_printf(a, "%.*s/providers/%.*s", STR_ARGS(scope), STR_ARGS(part));
    while (str_split(&type, '/', &part)) {
        if (used == count || str_is_empty(names[used]) || str_is_empty(part))
            return false;
        made = arena_printf(a, "%.*s/%.*s/%.*s", STR_ARGS(made), STR_ARGS(part),
                            STR_ARGS(names[used]));
        used++;
    }
    *id = made;
    return used == count;
}

struct str template_place_id(struct arena *a, const struct template_place *place)
{
    if (str_is_empty(place->group))
        return arena_printf(a, "/subscriptions/%.*s", STR_ARGS(place->subscription_id));
    return arena_printf(a, "/subscriptions/%.*s/resourceGroups/%.*s",
                        STR_ARGS(place->subscription_id), STR_ARGS(place->group));
}

static bool fail(struct str function, const char *why, struct error *err)
{
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "Unable to evaluate template language function '%.*s': %s. Please see "
                     "https://aka.ms/arm-resource-functions/#resourceid for usage details.",
                     TEMPLATE_SHOWN(function), why);
}

/* The argument that is the type: the first one with a slash, as an id of a subscription or a group's name have none. */
static size_t find_type(const struct str *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_find_char(texts[i], '/') != SIZE_MAX)
            return i;
    }
    return count;
}

static bool make(struct template *t, struct str function, struct str scope, const struct str *texts,
                 size_t count, yyjson_mut_val **result, struct error *err)
{
    struct str names[NAMES_MAX], id, part;
    size_t used = 0;

    if (!count)
        return fail(function, "the type of the resource is missing", err);
    for (size_t i = 1; i < count; i++) {
        struct str rest = texts[i];

        /* "account/deployment" is two names */
        while (str_split(&rest, '/', &part)) {
            if (used == NAMES_MAX)
                return fail(function, "there are too many names", err);
            names[used++] = part;
        }
    }
    if (!template_join_id(t->x.arena, scope, texts[0], names, used, &id))
        return fail(function,
                    "the type of the resource and its names must have as many segments, the "
                    "type's name space apart",
                    err);
    if (!template_charge(&t->x, 1, id.len, err))
        return false;
    *result = yyjson_mut_strn(t->x.doc, id.data, id.len);
    return true;
}

static bool call_resource_id(struct template *t, struct str function, const struct str *texts,
                             size_t count, yyjson_mut_val **result, struct error *err)
{
    size_t type = find_type(texts, count);
    struct template_place place = t->place;

    if (type > 2)
        return fail(function, "the type of the resource is missing", err);
    if (type == 2)
        place.subscription_id = texts[0];
    if (type >= 1)
        place.group = texts[type - 1];
    return make(t, function, template_place_id(t->x.arena, &place), texts + type, count - type,
                result, err);
}

static bool call_subscription(struct template *t, struct str function, const struct str *texts,
                              size_t count, yyjson_mut_val **result, struct error *err)
{
    size_t type = find_type(texts, count);
    struct template_place place = { .subscription_id = t->place.subscription_id };

    if (type > 1)
        return fail(function, "the type of the resource is missing", err);
    if (type == 1)
        place.subscription_id = texts[0];
    if (type + 2 == count && str_equal_nocase(texts[type], STR(GROUP_TYPE))) {
        place.group = texts[type + 1];
        place.group = template_place_id(t->x.arena, &place);
        *result = yyjson_mut_strn(t->x.doc, place.group.data, place.group.len);
        return true;
    }
    return make(t, function, template_place_id(t->x.arena, &place), texts + type, count - type,
                result, err);
}

static bool call(struct template *t, struct str name, const struct str *texts, size_t count,
                 yyjson_mut_val **result, struct error *err)
{
    size_t type = find_type(texts, count);
    bool is_group = type < count && str_equal_nocase(texts[type], STR(GROUP_TYPE));

    if (str_equal_nocase(name, STR("resourceId")))
        return is_group || (str_is_empty(t->place.group) && type == 0)
                   ? call_subscription(t, name, texts, count, result, err)
                   : call_resource_id(t, name, texts, count, result, err);
    if (str_equal_nocase(name, STR("subscriptionResourceId")))
        return call_subscription(t, name, texts, count, result, err);
    if (str_equal_nocase(name, STR("tenantResourceId")))
        return make(t, name, STR_NONE, texts, count, result, err);
    if (str_equal_nocase(name, STR("managementGroupResourceId")))
        return fail(name, "management groups are not supported here", err);
    if (!count)
        return fail(name, "the resource that is extended is missing", err);
    return make(t, name, texts[0], texts + 1, count - 1, result, err);
}

enum template_answer template_call_id(struct template *t, struct str name, yyjson_mut_val **args,
                                      size_t count, yyjson_mut_val **result, struct error *err)
{
    static const char *const names[] = { "resourceId", "subscriptionResourceId", "tenantResourceId",
                                         "extensionResourceId", "managementGroupResourceId" };
    struct str texts[NAMES_MAX] = { 0 };
    bool is_ours = false;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        is_ours = is_ours || str_equal_nocase(name, str_from(names[i]));
    if (!is_ours)
        return TEMPLATE_UNKNOWN;
    if (count > NAMES_MAX) {
        fail(name, "there are too many names", err);
        return TEMPLATE_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_mut_str(args[i]);
        if (!yyjson_mut_is_str(args[i])) {
            fail(name, "its arguments must be strings", err);
            return TEMPLATE_FAILED;
        }
        if (!template_check_length(texts[i], "argument", err))
            return TEMPLATE_FAILED;
    }
    return call(t, name, texts, count, result, err) ? TEMPLATE_DONE : TEMPLATE_FAILED;
}
