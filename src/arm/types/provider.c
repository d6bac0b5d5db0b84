/*
 * Resource providers: which name spaces there are, with their types and api-versions, and the
 * operations of those that are served. All of them are always registered.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/provider.h"

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

/* -- Operations ------------------------------------------------------------------------------ */

static const struct operation_row {
    const char *name;
    const char *resource;
    const char *operation;
    const char *description;
    bool is_data_action;
} operations[] = {
    { "accounts/read", "Cognitive Services API Account", "Read API Account", "Reads API accounts.",
      false },
    { "accounts/write", "Cognitive Services API Account", "Write API Account",
      "Writes API Accounts.", false },
    { "accounts/delete", "Cognitive Services API Account", "Delete API Account",
      "Deletes API accounts", false },
    { "accounts/listKeys/action", "Cognitive Services API Account", "List Keys", "List keys",
      false },
    { "accounts/regenerateKey/action", "Cognitive Services API Account", "Regenerate Key",
      "Regenerate Key", false },
    { "accounts/usages/read", "Cognitive Services API Account", "Read Usages",
      "Get the quota usage for an existing resource.", false },
    { "accounts/skus/read", "Cognitive Services API Account", "Read Skus",
      "Reads available SKUs for an existing resource.", false },
    { "accounts/models/read", "Cognitive Services API Account", "Read Models",
      "Reads available models.", false },
    { "accounts/deployments/read", "Cognitive Services Account Deployment", "Read Deployments",
      "Reads deployments.", false },
    { "accounts/deployments/write", "Cognitive Services Account Deployment", "Write Deployments",
      "Writes deployments.", false },
    { "accounts/deployments/delete", "Cognitive Services Account Deployment", "Delete Deployments",
      "Deletes deployments.", false },
    { "accounts/privateEndpointConnections/read", "Private Endpoint Connections",
      "Read Private Endpoint Connections", "Reads private endpoint connections.", false },
    { "accounts/privateEndpointConnections/write", "Private Endpoint Connections",
      "Write Private Endpoint Connections", "Writes private endpoint connections.", false },
    { "accounts/privateEndpointConnections/delete", "Private Endpoint Connections",
      "Delete Private Endpoint Connections", "Deletes private endpoint connections.", false },
    { "accounts/privateLinkResources/read", "Private Link Resources", "Read Private Link Resources",
      "Reads private link resources for an account.", false },
    { "accounts/commitmentPlans/read", "Commitment Plans", "Read Commitment Plans",
      "Reads commitment plans.", false },
    { "accounts/commitmentPlans/write", "Commitment Plans", "Write Commitment Plans",
      "Writes commitment plans.", false },
    { "accounts/commitmentPlans/delete", "Commitment Plans", "Delete Commitment Plans",
      "Deletes commitment plans.", false },
    { "accounts/raiPolicies/read", "RAI Policies", "Read RAI Policies",
      "Gets all applicable policies under the account including default policies.", false },
    { "accounts/raiPolicies/write", "RAI Policies", "Write RAI Policies",
      "Create or update a custom Responsible AI policy.", false },
    { "accounts/raiPolicies/delete", "RAI Policies", "Delete RAI Policies",
      "Deletes a custom Responsible AI policy that's not referenced by an existing deployment.",
      false },
    { "accounts/raiBlocklists/read", "RAI Blocklists", "Read RAI Blocklists",
      "Reads available blocklists under a resource.", false },
    { "accounts/raiBlocklists/write", "RAI Blocklists", "Write RAI Blocklists",
      "Modifies available blocklists under a resource.", false },
    { "accounts/raiBlocklists/delete", "RAI Blocklists", "Delete RAI Blocklists",
      "Deletes blocklists under a resource", false },
    { "deletedAccounts/read", "Deleted Accounts", "List Deleted Accounts", "List deleted accounts.",
      false },
    { "locations/resourceGroups/deletedAccounts/read", "Deleted Accounts", "Get Deleted Account",
      "Get deleted accounts.", false },
    { "locations/resourceGroups/deletedAccounts/delete", "Deleted Accounts",
      "Purge Deleted Account", "Purge deleted account.", false },
    { "locations/checkSkuAvailability/action", "SKU Availability", "Check Available SKUs",
      "Reads available SKUs for a subscription.", false },
    { "locations/models/read", "Locations", "Read Models", "Reads available models.", false },
    { "locations/usages/read", "Locations", "Read Usages", "Read all usages data", false },
    { "checkDomainAvailability/action", "Domain Availability", "Check Domain Availability",
      "Reads available SKUs for a subscription.", false },
    { "skus/read", "SKUs", "Read SKUs", "Reads available SKUs for Cognitive Services.", false },
    { "operations/read", "Operations", "Read Operations", "List all available operations", false },
    { "accounts/OpenAI/deployments/chat/completions/action", "OpenAI", "Create chat completion",
      "Creates a completion for the chat message", true },
    { "accounts/OpenAI/deployments/completions/action", "OpenAI", "Create completion",
      "Create a completion from a chosen model.", true },
    { "accounts/OpenAI/deployments/embeddings/action", "OpenAI", "Get embeddings",
      "Return the embeddings for a given prompt.", true },
};

static const struct operation_row identity_operations[] = {
    { "userAssignedIdentities/read", "User Assigned Identity", "Get User Assigned Identity",
      "Gets an existing user assigned identity", false },
    { "userAssignedIdentities/write", "User Assigned Identity",
      "Create/Update User Assigned Identity",
      "Creates a new user assigned identity or updates the tags associated with an existing user "
      "assigned identity",
      false },
    { "userAssignedIdentities/delete", "User Assigned Identity", "Delete User Assigned Identity",
      "Deletes an existing user assigned identity", false },
    { "userAssignedIdentities/assign/action", "User Assigned Identity",
      "Assign User Assigned Identity",
      "RBAC action for assigning an existing user assigned identity to a resource", false },
    { "identities/read", "System Assigned Identity", "Get System Assigned Identity",
      "Gets an existing system assigned identity", false },
    { "operations/read", "Operations", "List Operations",
      "Lists operations available on Microsoft.ManagedIdentity resource provider", false },
};

/* Those that tell of their operations. */
static const struct operation_list {
    const char *prefix; /* of the names */
    const char *path;
    const char *provider; /* as people see it */
    const struct operation_row *rows;
    size_t count;
} operation_lists[] = {
    { "Microsoft.CognitiveServices/", "/providers/Microsoft.CognitiveServices/operations",
      "Microsoft Cognitive Services", operations, ARRAY_LEN(operations) },
    { "Microsoft.ManagedIdentity/", "/providers/Microsoft.ManagedIdentity/operations",
      "Microsoft Managed Identity", identity_operations, ARRAY_LEN(identity_operations) },
};

static struct str title_in(const struct operation_list *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_equal_nocase(name, str_from(list->rows[i].name)))
            return str_from(list->rows[i].operation);
    }
    return STR_NONE;
}

struct str arm_provider_operation_title(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(operation_lists); i++) {
        struct str prefix = str_from(operation_lists[i].prefix), title = STR_NONE;

        if (str_starts_with_nocase(name, prefix))
            title = title_in(&operation_lists[i], str_slice(name, prefix.len, SIZE_MAX));
        if (title.len)
            return title;
    }
    return name;
}

static bool list_operations(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);
    const struct operation_list *of = operation_lists;

    (void)err;
    while (!str_equal(str_from(of->path), str_from(c->route->path)))
        of++;
    for (size_t i = 0; i < of->count; i++) {
        const struct operation_row *o = &of->rows[i];
        yyjson_mut_val *item = yyjson_mut_obj(doc), *display = yyjson_mut_obj(doc);

        json_set_str(doc, item, "name", arena_printf(c->arena, "%s%s", of->prefix, o->name));
        json_set_bool(doc, item, "isDataAction", o->is_data_action);
        json_set_str(doc, display, "provider", str_from(of->provider));
        json_set_str(doc, display, "resource", str_from(o->resource));
        json_set_str(doc, display, "operation", str_from(o->operation));
        json_set_str(doc, display, "description", str_from(o->description));
        json_set(doc, item, "display", display);
        json_set_str(doc, item, "origin", STR("user,system"));
        yyjson_mut_arr_append(value, item);
    }
    arm_reply_list(c, doc, value);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}/providers", list },
    { HTTP_GET, "/subscriptions/{}/providers/{}", get },
    { HTTP_POST, "/subscriptions/{}/providers/{}/register", get },
    { HTTP_GET, "/providers/Microsoft.CognitiveServices/operations", list_operations },
    { HTTP_GET, "/providers/Microsoft.ManagedIdentity/operations", list_operations },
};

const struct arm_type arm_provider_type = {
    .name = "Microsoft.Resources/providers",
    .provider = &arm_resources,
    .path = "/subscriptions/{}/providers/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
