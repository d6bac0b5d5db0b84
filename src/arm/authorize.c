/* SPDX-License-Identifier: MIT */
#include "arm/authorize.h"

#include "arm/resource.h"
#include "arm/route.h"

enum access {
    ACCESS_BY_ROLE,   /* the rule */
    ACCESS_KNOWN,     /* whoever has a role at its scope, above or below */
    ACCESS_LISTED,    /* as ACCESS_BY_ROLE, or a list of what may be read below */
    ACCESS_SIGNED_IN, /* whoever has a token; a list shows what may be seen */
};

/* The routes that do not go by the rule, beside lists by arm_resource_list. Azure lets everybody ask
 * what there is to know of the service and of themselves. Whoever waits for an operation has its id,
 * which cannot be guessed, and may have lost the role by it. */
static const struct {
    const char *path;
    enum access access;
} exceptions[] = {
    { "/subscriptions", ACCESS_SIGNED_IN },
    { "/tenants", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.CognitiveServices/operations", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Authorization/providerOperations", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Authorization/providerOperations/{}", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.ManagedIdentity/operations", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Insights/eventcategories", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Authorization/permissions", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Authorization/roleDefinitions", ACCESS_SIGNED_IN },
    { "/providers/Microsoft.Authorization/roleDefinitions/{}", ACCESS_SIGNED_IN },
    { ARM_SCOPE "/providers/Microsoft.Authorization/permissions", ACCESS_SIGNED_IN },
    { "/subscriptions/{}", ACCESS_KNOWN },
    { "/subscriptions/{}/operationresults/{}", ACCESS_SIGNED_IN },
    { "/subscriptions/{}/providers/Microsoft.CognitiveServices/locations/{}/operationResults/{}",
      ACCESS_SIGNED_IN },
    { "/subscriptions/{}/resources", ACCESS_LISTED },
    { "/subscriptions/{}/resourceGroups/{}/resources", ACCESS_LISTED },
};

static enum access access_to(const struct arm_route *route)
{
    if (route->method != HTTP_GET)
        return ACCESS_BY_ROLE;
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        if (str_equal(str_from(route->path), str_from(exceptions[i].path)))
            return exceptions[i].access;
    }
    return route->handle == arm_resource_list ? ACCESS_LISTED : ACCESS_BY_ROLE;
}

const char *arm_verb(enum http_method method)
{
    if (method == HTTP_GET || method == HTTP_HEAD)
        return "read";
    if (method == HTTP_DELETE)
        return "delete";
    return method == HTTP_POST ? "action" : "write";
}

/* The name space is what follows "providers", also where that is a name ("{}/register"); in
 * ".../providers/{}" it is a word like others. */
static struct str action_of(const struct arm_call *c, const char *path, enum http_method method)
{
    struct str action = STR("Microsoft.Resources"), rest = str_from(path), part;
    unsigned names = 0;

    str_split(&rest, '/', &part); /* {scope}, or nothing */
    while (str_split(&rest, '/', &part)) {
        if (str_equal(part, STR("{}"))) {
            names++;
        } else if (str_equal(part, STR("providers")) && rest.len && !str_equal(rest, STR("{}"))) {
            str_split(&rest, '/', &action);
            if (str_equal(action, STR("{}")))
                action = c->names[names++];
        } else {
            action = arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(action), STR_ARGS(part));
        }
    }
    return arena_printf(c->arena, "%.*s/%s", STR_ARGS(action), arm_verb(method));
}

struct str arm_action(const struct arm_call *c)
{
    return action_of(c, c->route->path, c->route->method);
}

struct rbac_principal arm_caller(const struct arm_call *c)
{
    const struct principal *p = &c->request->principal;

    return (struct rbac_principal){ p->object_id, p->groups, p->group_count };
}

static bool is_allowed(const struct arm_call *c, struct str action, struct str scope)
{
    struct rbac_principal who = arm_caller(c);

    return c->request->principal.is_administrator ||
           rbac_allows(c->roles, &who, RBAC_ACTION, action, scope);
}

static bool is_known(const struct arm_call *c, struct str scope)
{
    struct rbac_principal who = arm_caller(c);

    return rbac_is_known(c->roles, &who, scope);
}

bool arm_is_known(const struct arm_call *c)
{
    return c->request->principal.is_administrator || is_known(c, STR("/"));
}

bool arm_may(const struct arm_call *c, const char *action, struct str scope)
{
    return is_allowed(c, str_from(action), scope);
}

bool arm_may_list(const struct arm_call *c, const struct arm_type *type, struct str id)
{
    if (!c->lists_what_is_allowed)
        return true;
    if (type == &arm_subscription_type)
        return is_known(c, id);
    return is_allowed(c, action_of(c, type->path, HTTP_GET), id);
}

bool arm_authorize(struct arm_call *c, struct error *err)
{
    const struct principal *who = &c->request->principal;
    enum access access = access_to(c->route);
    struct str action, scope;

    if (who->is_administrator)
        return true;
    scope = arm_route_scope(c);
    if (str_is_empty(scope))
        scope = STR("/");
    action = arm_action(c);
    if (is_allowed(c, action, scope) || (access == ACCESS_KNOWN && is_known(c, scope)))
        return true;
    if (access == ACCESS_SIGNED_IN ||
        (access == ACCESS_LISTED && is_known(c, arm_route_list_scope(c)))) {
        c->lists_what_is_allowed = true;
        return true;
    }
    return error_set(err, ERROR_ARM_FORBIDDEN,
                     "The client '%.*s' with object id '%.*s' does not have authorization to "
                     "perform action '%.*s' over scope '%.*s' or the scope is invalid. If access "
                     "was recently granted, please refresh your credentials.",
                     STR_ARGS(who->name), STR_ARGS(who->object_id), STR_ARGS(action),
                     STR_ARGS(scope));
}
