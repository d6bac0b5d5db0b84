/* SPDX-License-Identifier: MIT */
#include "arm/types/lock.h"

#include "arm/authorize.h"
#include "arm/filter.h"
#include "arm/resource.h"
#include "arm/route.h"

#define PATH ARM_SCOPE "/providers/Microsoft.Authorization/locks"
#define BELOW_SCOPE STR("/providers/microsoft.authorization/locks/")
#define NAME_MAX_LEN 90
#define NOTES_MAX_LEN 512

static const struct arm_field fields[] = {
    { "properties.level", ARM_FIELD_TEXT, "CanNotDelete|ReadOnly" },
    { "properties.notes", ARM_FIELD_TEXT, NULL },
    { "properties.owners", ARM_FIELD_LIST, NULL },
};

/* Azure takes what does not stand for something else in a URL. */
static bool check_name(struct str name, struct error *err)
{
    static const char forbidden[] = "<>%&:\\?/";
    bool good = name.len >= 1 && name.len <= NAME_MAX_LEN && str_is_utf8(name) &&
                !str_equal(name, STR(".")) && !str_equal(name, STR(".."));

    for (size_t i = 0; good && i < name.len; i++)
        good = (unsigned char)name.data[i] >= 0x20 && !strchr(forbidden, name.data[i]);
    if (good)
        return true;
    return error_set(err, ERROR_ARM_NAME,
                     "The lock name '%.*s' is invalid: it must have 1 to %d characters, none of "
                     "them a control character or one of %s.",
                     STR_ARGS(str_slice(name, 0, 100)), NAME_MAX_LEN, forbidden);
}

static bool check(struct arm_change *change, struct error *err)
{
    struct str notes = json_mut_str(json_mut_at(change->root, "properties.notes"));

    if (!json_mut_at(change->root, "properties.level"))
        return error_set_target(err, ERROR_ARM_BODY, "properties.level",
                                "The request content was invalid and could not be deserialized: "
                                "'properties.level' is required.");
    if (str_count_chars(notes) <= NOTES_MAX_LEN)
        return true;
    return error_set_target(err, ERROR_ARM_BODY, "properties.notes",
                            "The request content was invalid and could not be deserialized: "
                            "'properties.notes' has more than %d characters.",
                            NOTES_MAX_LEN);
}

/* -- Where they are in force ----------------------------------------------------------------- */

/* The key of what a lock is on. */
static struct str scope_of(const struct store_resource *lock)
{
    return str_slice(lock->key, 0, str_find(lock->key, BELOW_SCOPE));
}

/* Is the first key the second, or above it? */
static bool is_at_or_above(struct str scope, struct str key)
{
    return str_starts_with(key, scope) && (key.len == scope.len || key.data[scope.len] == '/');
}

static bool forbids(const struct arm_call *c, const struct store_resource *lock, yyjson_val *body,
                    struct str target)
{
    bool is_above = is_at_or_above(scope_of(lock), target);

    if (c->route->method == HTTP_DELETE)
        return is_above || is_at_or_above(target, scope_of(lock));
    return is_above && yyjson_equals_str(json_at(body, "properties.level"), "ReadOnly");
}

bool lock_check(struct arm_call *c, struct error *err)
{
    bool is_delete = c->route->method == HTTP_DELETE;
    struct str id = arm_route_scope(c), target = arena_lower(c->arena, id), scopes = STR_NONE;
    struct arm_documents locks;

    if (c->route->method == HTTP_GET || c->request->is_internal || c->type == &arm_lock_type ||
        !str_starts_with(target, STR("/subscriptions/")))
        return true;
    if (!arm_resource_read_subscription(c, &arm_lock_type, arm_id_segment(target, 1), &locks, err))
        return false;
    for (size_t i = 0; i < locks.count; i++) {
        const struct store_resource *lock = &locks.items[i];

        if (forbids(c, lock, locks.bodies[i], target))
            scopes = arena_printf(c->arena, "%.*s%s%.*s", STR_ARGS(scopes), scopes.len ? "," : "",
                                  STR_ARGS(str_slice(lock->id, 0, scope_of(lock).len)));
    }
    if (str_is_empty(scopes))
        return true;
    return error_set(err, ERROR_ARM_LOCKED,
                     "The scope '%.*s' cannot perform %s operation because following scope(s) are "
                     "locked: '%.*s'. Please remove the lock and try again.",
                     STR_ARGS(id), is_delete ? "delete" : "write", STR_ARGS(scopes));
}

/* -- Requests -------------------------------------------------------------------------------- */

/* $filter=atScope(): what is in force here, and not what lies below. */
static bool read_filter(struct arm_call *c, bool *is_here, struct error *err)
{
    struct arm_filter_terms terms;
    struct arm_filter_term term;

    *is_here = false;
    arm_filter_begin(c, &terms);
    while (arm_filter_next(&terms, &term)) {
        if (arm_filter_is(&term, "atScope", true))
            *is_here = true;
        else
            terms.is_wrong = true;
    }
    return !terms.is_wrong ||
           error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may be atScope().");
}

/* Locks are few: one page. */
static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc), *shown;
    struct arm_documents locks;
    struct str here;
    bool is_here;

    if (!arm_resource_check_scope(c, c->type, err) || !read_filter(c, &is_here, err))
        return false;
    here = arena_lower(c->arena, c->scope);
    if (!arm_resource_read_subscription(c, c->type, arm_id_segment(here, 1), &locks, err))
        return false;
    for (size_t i = 0; i < locks.count; i++) {
        struct str scope = scope_of(&locks.items[i]);

        if (is_here ? !is_at_or_above(scope, here) : !is_at_or_above(here, scope))
            continue;
        shown = arm_resource_render(c, c->type, &locks.items[i], doc, err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(value, shown);
    }
    arm_reply_list(c, doc, value);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", arm_resource_put },
    { HTTP_DELETE, PATH "/{}", arm_resource_delete },
};

const struct arm_type arm_lock_type = {
    .name = "Microsoft.Authorization/locks",
    .provider = &arm_authorization,
    .path = PATH "/{}",
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
};
