/*
 * Resource providers: which name spaces there are, with their types and api-versions. All of them
 * are always registered.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"

/* Served, or asked for by clients that look around before they begin. */
static const char *const namespaces[] = {
    "Microsoft.CognitiveServices", "Microsoft.Resources",       "Microsoft.Authorization",
    "Microsoft.Insights",          "Microsoft.ManagedIdentity",
};

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

static yyjson_mut_val *render_provider(const struct arm_call *c, yyjson_mut_doc *doc,
                                       struct str name)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *types = yyjson_mut_arr(doc);
    struct str type, prefix = arena_printf(c->arena, "%.*s/", STR_ARGS(name));

    json_set_str(doc, root, "id",
                 arena_printf(c->arena, "/subscriptions/%.*s/providers/%.*s", STR_ARGS(c->names[0]),
                              STR_ARGS(name)));
    json_set_str(doc, root, "namespace", name);
    json_set_str(doc, root, "registrationState", STR("Registered"));
    json_set_str(doc, root, "registrationPolicy", STR("RegistrationRequired"));
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
    yyjson_mut_val *value = yyjson_mut_arr(doc);

    (void)err;
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
        yyjson_mut_arr_append(value, render_provider(c, doc, str_from(namespaces[i])));
    arm_reply_list(c, doc, value);
    return true;
}

/* Also what a registration answers. */
static bool get(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    struct str name = c->names[1];

    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        if (str_equal_nocase(name, str_from(namespaces[i]))) {
            arm_reply_json(c, 200, render_provider(c, doc, str_from(namespaces[i])));
            return true;
        }
    }
    return error_set(err, ERROR_ARM_NO_PROVIDER, "The resource namespace '%.*s' is invalid.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}/providers", list },
    { HTTP_GET, "/subscriptions/{}/providers/{}", get },
    { HTTP_POST, "/subscriptions/{}/providers/{}/register", get },
};

const struct arm_type arm_provider_type = {
    .name = "Microsoft.Resources/providers",
    .provider = &arm_resources,
    .path = "/subscriptions/{}/providers/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
