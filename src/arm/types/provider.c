/* SPDX-License-Identifier: MIT */
#include "arm/types/provider.h"

#include <assert.h>

#include "arm/resource.h"
#include "arm/route.h"

#define PATH "/subscriptions/{}/providers/{}"

/* Served, or asked for by clients that look around before they begin. */
static const struct name_space {
    const struct arm_provider *provider;
    bool is_free; /* of registration: nothing can be done without it */
} name_spaces[] = {
    { &arm_cognitive_services, false }, { &arm_resources, true },
    { &arm_authorization, true },       { &arm_insights, false },
    { &arm_managed_identity, false },
};

/* -- Registration ---------------------------------------------------------------------------- */

/* Of what is there while the provider is not registered. */
static struct str state_id(const struct arm_call *c, struct str subscription, const char *name)
{
    return arena_printf(c->arena, "/subscriptions/%.*s/providers/%s", STR_ARGS(subscription), name);
}

static bool find_state(struct arm_call *c, struct str subscription, const struct name_space *n,
                       bool *is_registered, struct error *err)
{
    struct store_resource r;
    bool found = false;

    if (!n->is_free &&
        !store_get(c->txn, arena_lower(c->arena, state_id(c, subscription, n->provider->name)), &r,
                   &found, err))
        return false;
    *is_registered = !found;
    return true;
}

bool provider_check(struct arm_call *c, struct error *err)
{
    const struct name_space *n = name_spaces;
    struct str scope = arm_route_scope(c);
    bool is_registered;

    if (c->route->method == HTTP_GET || c->route->method == HTTP_DELETE ||
        c->request->is_internal || !str_starts_with(scope, STR("/subscriptions/")))
        return true;
    while (n->provider != c->type->provider) {
        n++;
        assert(n < name_spaces + ARRAY_LEN(name_spaces)); /* each type's is there */
    }
    if (!find_state(c, arm_id_segment(scope, 1), n, &is_registered, err))
        return false;
    return is_registered ||
           error_set_target(err, ERROR_ARM_NOT_REGISTERED, n->provider->name,
                            "The subscription is not registered to use namespace '%s'. See "
                            "https://aka.ms/rps-not-found for how to register subscriptions.",
                            n->provider->name);
}

/* -- Showing --------------------------------------------------------------------------------- */

static void add_versions(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct arm_provider *p)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = p->version_count; i-- > 0;)
        yyjson_mut_arr_add_str(doc, list, p->versions[i]);
    json_set(doc, item, "apiVersions", list);
}

static yyjson_mut_val *render_type(const struct arm_call *c, yyjson_mut_doc *doc,
                                   const struct arm_type *type, struct str name)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_val *item = yyjson_mut_obj(doc), *locations = yyjson_mut_arr(doc);

    json_set_str(doc, item, "resourceType", name);
    for (unsigned i = 0; i < catalog->location_count; i++)
        yyjson_mut_arr_add_strcpy(doc, locations, catalog->locations[i].display_name);
    json_set(doc, item, "locations", locations);
    add_versions(doc, item, type->provider);
    json_set_str(doc, item, "capabilities",
                 type->is_tracked ? STR("SupportsTags, SupportsLocation") : STR("None"));
    return item;
}

/* NULL: *err says why. */
static yyjson_mut_val *render_provider(struct arm_call *c, yyjson_mut_doc *doc,
                                       const struct name_space *n, struct error *err)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *types = yyjson_mut_arr(doc);
    const char *name = n->provider->name;
    struct str type, prefix = arena_printf(c->arena, "%s/", name);
    bool is_registered;

    if (!find_state(c, c->names[0], n, &is_registered, err))
        return NULL;
    json_set_str(doc, root, "id", state_id(c, c->names[0], name));
    json_set_str(doc, root, "namespace", str_from(name));
    json_set_str(doc, root, "registrationState",
                 is_registered ? STR("Registered") : STR("Unregistered"));
    json_set_str(doc, root, "registrationPolicy",
                 n->is_free ? STR("RegistrationFree") : STR("RegistrationRequired"));
    for (size_t i = 0; i < arm_type_count; i++) {
        type = str_from(arm_types[i]->name);
        if (str_starts_with(type, prefix))
            yyjson_mut_arr_append(
                types, render_type(c, doc, arm_types[i], str_slice(type, prefix.len, SIZE_MAX)));
    }
    json_set(doc, root, "resourceTypes", types);
    return root;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc), *shown;

    for (size_t i = 0; i < ARRAY_LEN(name_spaces); i++) {
        shown = render_provider(c, doc, &name_spaces[i], err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(value, shown);
    }
    arm_reply_list(c, doc, value);
    return true;
}

/* The one that the path names. NULL: there is none. */
static const struct name_space *find(struct arm_call *c, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(name_spaces); i++) {
        if (str_equal_nocase(c->names[1], str_from(name_spaces[i].provider->name)))
            return &name_spaces[i];
    }
    error_set(err, ERROR_ARM_NO_PROVIDER, "The resource namespace '%.*s' is invalid.",
              STR_ARGS(str_slice(c->names[1], 0, 100)));
    return NULL;
}

static bool reply(struct arm_call *c, const struct name_space *n, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *shown = render_provider(c, doc, n, err);

    if (!shown)
        return false;
    arm_reply_json(c, 200, shown);
    return true;
}

static bool get(struct arm_call *c, struct error *err)
{
    const struct name_space *n = find(c, err);

    return n && reply(c, n, err);
}

/* -- Changing it ----------------------------------------------------------------------------- */

static bool do_register(struct arm_call *c, struct error *err)
{
    const struct name_space *n = find(c, err);
    bool existed;

    return n &&
           store_delete(c->txn, arena_lower(c->arena, state_id(c, c->names[0], n->provider->name)),
                        &existed, err) &&
           reply(c, n, err);
}

/* Does the subscription have resources of it? Accounts that were deleted are none any more. */
static bool check_not_used(struct arm_call *c, const struct name_space *n, struct error *err)
{
    struct store_query query = {
        .key_prefix = arena_lower(
            c->arena, arena_printf(c->arena, "/subscriptions/%.*s/", STR_ARGS(c->names[0]))),
        .limit = 1,
    };
    struct store_resource *found;
    size_t count;

    for (size_t i = 0; i < arm_type_count; i++) {
        if (arm_types[i]->provider != n->provider)
            continue;
        query.type = arena_lower(c->arena, str_from(arm_types[i]->name));
        if (!store_list(c->txn, &query, &found, &count, err))
            return false;
        if (count)
            return error_set(err, ERROR_ARM_UNREGISTER,
                             "The resource provider '%s' cannot be unregistered, because the "
                             "subscription still has resources of the type '%s'.",
                             n->provider->name, arm_types[i]->name);
    }
    return true;
}

static bool unregister(struct arm_call *c, struct error *err)
{
    const struct name_space *n = find(c, err);
    struct store_resource r;

    if (!n)
        return false;
    if (n->is_free)
        return error_set(err, ERROR_ARM_UNREGISTER,
                         "The resource provider '%s' cannot be unregistered: it is registered in "
                         "every subscription.",
                         n->provider->name);
    if (!check_not_used(c, n, err))
        return false;
    r = (struct store_resource){
        .id = state_id(c, c->names[0], n->provider->name),
        .type = arena_lower(c->arena, str_from(c->type->name)),
    };
    r.key = arena_lower(c->arena, r.id);
    return arm_resource_put_mark(c, &r, err) && reply(c, n, err);
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}/providers", list },
    { HTTP_GET, PATH, get },
    { HTTP_POST, PATH "/register", do_register },
    { HTTP_POST, PATH "/unregister", unregister },
};

const struct arm_type arm_provider_type = {
    .name = "Microsoft.Resources/providers",
    .provider = &arm_resources,
    .path = PATH,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
