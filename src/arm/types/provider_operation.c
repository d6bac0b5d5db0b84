/*
 * Which operations there are, as who writes a custom role asks: all that a request of the control
 * plane can need, and the data actions of the data plane. In Azure's words, where Azure has them.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/provider_operation.h"

#include "arm/resource.h"

#define PATH "/providers/Microsoft.Authorization/providerOperations"
#define CS "Microsoft.CognitiveServices/"
#define AUTHORIZATION "Microsoft.Authorization/"
#define RESOURCES "Microsoft.Resources/"
#define INSIGHTS "Microsoft.Insights/"
#define IDENTITY "Microsoft.ManagedIdentity/"

static const struct name_space {
    const char *name;
    const char *title;
    const char *list_path; /* the provider's own list; NULL: it has none */
    bool tells_kind;       /* there: whether it is a data action, and who performs it */
} name_spaces[] = {
    { "Microsoft.Authorization", "Microsoft Authorization", NULL, false },
    { "Microsoft.CognitiveServices", "Microsoft Cognitive Services",
      "/providers/Microsoft.CognitiveServices/operations", true },
    { "Microsoft.Insights", "Microsoft Insights", NULL, false },
    { "Microsoft.ManagedIdentity", "Microsoft Managed Identity",
      "/providers/Microsoft.ManagedIdentity/operations", false },
    { "Microsoft.Resources", "Microsoft Resources", NULL, false },
};

/* Those of one type lie side by side. */
static const struct operation {
    const char *name;
    const char *resource;
    const char *title;
    const char *description;
    bool is_data_action;
} operations[] = {
    { CS "register/action", "Subscription", "Subscription Registration Action",
      "Subscription Registration Action", false },
    { CS "unregister/action", "Subscription", "Subscription Unregistration Action",
      "Subscription Unregistration Action", false },
    { CS "checkDomainAvailability/action", "Domain Availability", "Check Domain Availability",
      "Reads available SKUs for a subscription.", false },
    { CS "accounts/read", "Cognitive Services API Account", "Read API Account",
      "Reads API accounts.", false },
    { CS "accounts/write", "Cognitive Services API Account", "Write API Account",
      "Writes API Accounts.", false },
    { CS "accounts/delete", "Cognitive Services API Account", "Delete API Account",
      "Deletes API accounts", false },
    { CS "accounts/listKeys/action", "Cognitive Services API Account", "List Keys", "List keys",
      false },
    { CS "accounts/regenerateKey/action", "Cognitive Services API Account", "Regenerate Key",
      "Regenerate Key", false },
    { CS "accounts/usages/read", "Cognitive Services API Account", "Read Usages",
      "Get the quota usage for an existing resource.", false },
    { CS "accounts/skus/read", "Cognitive Services API Account", "Read Skus",
      "Reads available SKUs for an existing resource.", false },
    { CS "accounts/models/read", "Cognitive Services API Account", "Read Models",
      "Reads available models.", false },
    { CS "accounts/deployments/read", "Cognitive Services Account Deployment", "Read Deployments",
      "Reads deployments.", false },
    { CS "accounts/deployments/write", "Cognitive Services Account Deployment", "Write Deployments",
      "Writes deployments.", false },
    { CS "accounts/deployments/delete", "Cognitive Services Account Deployment",
      "Delete Deployments", "Deletes deployments.", false },
    { CS "accounts/deployments/skus/read", "Cognitive Services Account Deployment",
      "Read Deployment Skus", "Reads available SKUs for an existing deployment.", false },
    { CS "accounts/privateEndpointConnections/read", "Private Endpoint Connections",
      "Read Private Endpoint Connections", "Reads private endpoint connections.", false },
    { CS "accounts/privateEndpointConnections/write", "Private Endpoint Connections",
      "Write Private Endpoint Connections", "Writes private endpoint connections.", false },
    { CS "accounts/privateEndpointConnections/delete", "Private Endpoint Connections",
      "Delete Private Endpoint Connections", "Deletes private endpoint connections.", false },
    { CS "accounts/privateLinkResources/read", "Private Link Resources",
      "Read Private Link Resources", "Reads private link resources for an account.", false },
    { CS "accounts/commitmentPlans/read", "Commitment Plans", "Read Commitment Plans",
      "Reads commitment plans.", false },
    { CS "accounts/commitmentPlans/write", "Commitment Plans", "Write Commitment Plans",
      "Writes commitment plans.", false },
    { CS "accounts/commitmentPlans/delete", "Commitment Plans", "Delete Commitment Plans",
      "Deletes commitment plans.", false },
    { CS "accounts/encryptionScopes/read", "Encryption Scopes", "Read Encryption Scopes",
      "Reads encryption scopes.", false },
    { CS "accounts/encryptionScopes/write", "Encryption Scopes", "Write Encryption Scopes",
      "Writes encryption scopes.", false },
    { CS "accounts/encryptionScopes/delete", "Encryption Scopes", "Delete Encryption Scopes",
      "Deletes encryption scopes.", false },
    { CS "accounts/defenderForAISettings/read", "Defender For AI Settings",
      "Read Defender For AI Settings", "Reads the settings of Defender for AI.", false },
    { CS "accounts/defenderForAISettings/write", "Defender For AI Settings",
      "Write Defender For AI Settings", "Creates or updates a Defender for AI setting.", false },
    { CS "accounts/networkSecurityPerimeterConfigurations/read",
      "Network Security Perimeter Configurations", "Read Network Security Perimeter Configurations",
      "Reads the configurations of network security perimeters.", false },
    { CS "accounts/networkSecurityPerimeterConfigurations/reconcile/action",
      "Network Security Perimeter Configurations",
      "Reconcile Network Security Perimeter Configurations",
      "Reconciles the configuration of a network security perimeter.", false },
    { CS "accounts/raiPolicies/read", "RAI Policies", "Read RAI Policies",
      "Gets all applicable policies under the account including default policies.", false },
    { CS "accounts/raiPolicies/write", "RAI Policies", "Write RAI Policies",
      "Create or update a custom Responsible AI policy.", false },
    { CS "accounts/raiPolicies/delete", "RAI Policies", "Delete RAI Policies",
      "Deletes a custom Responsible AI policy that's not referenced by an existing deployment.",
      false },
    { CS "accounts/raiBlocklists/read", "RAI Blocklists", "Read RAI Blocklists",
      "Reads available blocklists under a resource.", false },
    { CS "accounts/raiBlocklists/write", "RAI Blocklists", "Write RAI Blocklists",
      "Modifies available blocklists under a resource.", false },
    { CS "accounts/raiBlocklists/delete", "RAI Blocklists", "Delete RAI Blocklists",
      "Deletes blocklists under a resource", false },
    { CS "accounts/raiBlocklists/addRaiBlocklistItems/action", "RAI Blocklists",
      "Add RAI Blocklist Items", "Batch adds blocklist items under a blocklist.", false },
    { CS "accounts/raiBlocklists/deleteRaiBlocklistItems/action", "RAI Blocklists",
      "Delete RAI Blocklist Items", "Batch deletes blocklist items under a blocklist.", false },
    { CS "accounts/raiBlocklists/raiBlocklistItems/read", "RAI Blocklist Items",
      "Read RAI Blocklist Items", "Gets blocklist items under a blocklist.", false },
    { CS "accounts/raiBlocklists/raiBlocklistItems/write", "RAI Blocklist Items",
      "Write RAI Blocklist Items", "Modifies blocklist items under a blocklist.", false },
    { CS "accounts/raiBlocklists/raiBlocklistItems/delete", "RAI Blocklist Items",
      "Delete RAI Blocklist Items", "Deletes blocklist items under a blocklist.", false },
    { CS "commitmentPlans/read", "Shared Commitment Plans", "Read Commitment Plans",
      "Reads commitment plans.", false },
    { CS "commitmentPlans/write", "Shared Commitment Plans", "Write Commitment Plans",
      "Writes commitment plans.", false },
    { CS "commitmentPlans/delete", "Shared Commitment Plans", "Delete Commitment Plans",
      "Deletes commitment plans.", false },
    { CS "commitmentPlans/accountAssociations/read", "Account Associations",
      "Read Account Associations", "Reads account associations.", false },
    { CS "commitmentPlans/accountAssociations/write", "Account Associations",
      "Write Account Associations", "Writes account associations.", false },
    { CS "commitmentPlans/accountAssociations/delete", "Account Associations",
      "Delete Account Associations", "Deletes account associations.", false },
    { CS "deletedAccounts/read", "Deleted Accounts", "List Deleted Accounts",
      "List deleted accounts.", false },
    { CS "locations/resourceGroups/deletedAccounts/read", "Deleted Accounts", "Get Deleted Account",
      "Get deleted accounts.", false },
    { CS "locations/resourceGroups/deletedAccounts/delete", "Deleted Accounts",
      "Purge Deleted Account", "Purge deleted account.", false },
    { CS "locations/checkSkuAvailability/action", "SKU Availability", "Check Available SKUs",
      "Reads available SKUs for a subscription.", false },
    { CS "locations/models/read", "Locations", "Read Models", "Reads available models.", false },
    { CS "locations/modelCapacities/read", "Locations", "Read Model Capacities",
      "Reads the capacities available for a model.", false },
    { CS "modelCapacities/read", "Model Capacities", "Read Model Capacities",
      "Reads the capacities available for a model in all locations.", false },
    { CS "calculateModelCapacity/action", "Model Capacities", "Calculate Model Capacity",
      "Calculates the capacity that workloads need.", false },
    { CS "locations/usages/read", "Locations", "Read Usages", "Read all usages data", false },
    { CS "locations/commitmentTiers/read", "Commitment Tiers", "Read Commitment Tiers",
      "Reads available commitment tiers.", false },
    { CS "locations/operationResults/read", "Operation Results", "Read Operation Results",
      "Reads the status of an asynchronous operation.", false },
    { CS "locations/raiContentFilters/read", "RAI Content Filters", "Read RAI Content Filters",
      "Gets the content filters that are available.", false },
    { CS "skus/read", "SKUs", "Read SKUs", "Reads available SKUs for Cognitive Services.", false },
    { CS "operations/read", "Operations", "Read Operations", "List all available operations",
      false },
    { CS "accounts/OpenAI/deployments/chat/completions/action", "OpenAI", "Create chat completion",
      "Creates a completion for the chat message", true },
    { CS "accounts/OpenAI/deployments/completions/action", "OpenAI", "Create completion",
      "Create a completion from a chosen model.", true },
    { CS "accounts/OpenAI/deployments/embeddings/action", "OpenAI", "Get embeddings",
      "Return the embeddings for a given prompt.", true },
    { CS "accounts/OpenAI/models/read", "OpenAI", "Read model information",
      "Gets information about models.", true },
    { AUTHORIZATION "register/action", "Subscription", "Registers the subscription",
      "Registers the subscription.", false },
    { AUTHORIZATION "unregister/action", "Subscription", "Unregisters the subscription",
      "Unregisters the subscription.", false },
    { AUTHORIZATION "providerOperations/read", "Provider operations",
      "Get operations for resource providers",
      "Get operations for all resource providers which can be used in role definitions.", false },
    { AUTHORIZATION "permissions/read", "Permissions", "List permissions",
      "Lists all the permissions the caller has at a given scope.", false },
    { AUTHORIZATION "roleAssignments/read", "Role assignments", "Get role assignment",
      "Get information about a role assignment.", false },
    { AUTHORIZATION "roleAssignments/write", "Role assignments", "Create role assignment",
      "Create a role assignment at the specified scope.", false },
    { AUTHORIZATION "roleAssignments/delete", "Role assignments", "Delete role assignment",
      "Delete a role assignment at the specified scope.", false },
    { AUTHORIZATION "roleDefinitions/read", "Role definitions", "Get role definition",
      "Get information about a role definition.", false },
    { AUTHORIZATION "roleDefinitions/write", "Role definitions",
      "Create or update custom role definition",
      "Create or update a custom role definition with specified permissions and assignable scopes.",
      false },
    { AUTHORIZATION "roleDefinitions/delete", "Role definitions", "Delete custom role definition",
      "Delete the specified custom role definition.", false },
    { AUTHORIZATION "locks/read", "Management locks", "Get management locks",
      "Gets locks at the specified scope.", false },
    { AUTHORIZATION "locks/write", "Management locks", "Add management locks",
      "Add locks at the specified scope.", false },
    { AUTHORIZATION "locks/delete", "Management locks", "Delete management locks",
      "Delete locks at the specified scope.", false },
    { RESOURCES "register/action", "Subscription", "Registers the subscription",
      "Registers the subscription.", false },
    { RESOURCES "unregister/action", "Subscription", "Unregisters the subscription",
      "Unregisters the subscription.", false },
    { RESOURCES "deployments/read", "Deployments", "Get deployment", "Gets or lists deployments.",
      false },
    { RESOURCES "deployments/write", "Deployments", "Create or update deployment",
      "Creates or updates a deployment.", false },
    { RESOURCES "deployments/delete", "Deployments", "Delete deployment", "Deletes a deployment.",
      false },
    { RESOURCES "deployments/validate/action", "Deployments", "Validate deployment",
      "Validates a deployment.", false },
    { RESOURCES "deployments/whatIf/action", "Deployments", "Predict deployment changes",
      "Predicts template deployment changes.", false },
    { RESOURCES "deployments/cancel/action", "Deployments", "Cancel deployment",
      "Cancels a deployment.", false },
    { RESOURCES "deployments/exportTemplate/action", "Deployments", "Export template",
      "Exports the template of a deployment.", false },
    { RESOURCES "deployments/operations/read", "Deployment operations", "Get deployment operation",
      "Gets or lists deployment operations.", false },
    { RESOURCES "deployments/operationStatuses/read", "Deployment operation statuses",
      "Get deployment operation status", "Gets or lists deployment operation statuses.", false },
    { RESOURCES "subscriptions/resourceGroups/deployments/operations/read", "Deployment operations",
      "Get deployment operation", "Gets or lists deployment operations.", false },
    { RESOURCES "tenants/read", "Tenants", "Get tenants", "Gets the list of tenants.", false },
    { RESOURCES "subscriptions/read", "Subscriptions", "Get subscription",
      "Gets the list of subscriptions.", false },
    { RESOURCES "subscriptions/locations/read", "Locations", "Get subscription locations",
      "Gets the list of locations supported.", false },
    { RESOURCES "subscriptions/operationresults/read", "Operation results", "Get operation results",
      "Get the subscription operation results.", false },
    { RESOURCES "subscriptions/providers/read", "Providers", "Get resource providers",
      "Gets or lists resource providers.", false },
    { RESOURCES "subscriptions/resources/read", "Resources", "Get resources",
      "Gets resources of a subscription.", false },
    { RESOURCES "subscriptions/tagNames/read", "Tag names", "Get tag names",
      "Gets or lists subscription tags.", false },
    { RESOURCES "subscriptions/tagNames/write", "Tag names", "Add subscription tag",
      "Adds a subscription tag.", false },
    { RESOURCES "subscriptions/tagNames/delete", "Tag names", "Delete subscription tag",
      "Deletes a subscription tag.", false },
    { RESOURCES "subscriptions/tagNames/tagValues/write", "Tag values",
      "Add subscription tag value", "Adds a subscription tag value.", false },
    { RESOURCES "subscriptions/tagNames/tagValues/delete", "Tag values",
      "Delete subscription tag value", "Deletes a subscription tag value.", false },
    { RESOURCES "subscriptions/resourceGroups/read", "Resource groups", "Get resource group",
      "Gets or lists resource groups.", false },
    { RESOURCES "subscriptions/resourceGroups/write", "Resource groups", "Update resource group",
      "Creates or updates a resource group.", false },
    { RESOURCES "subscriptions/resourceGroups/delete", "Resource groups", "Delete resource group",
      "Deletes a resource group and all its resources.", false },
    { RESOURCES "subscriptions/resourceGroups/exportTemplate/action", "Resource groups",
      "Export resource group template", "Exports the resources of a resource group as a template.",
      false },
    { RESOURCES "subscriptions/resourceGroups/resources/read", "Resource group resources",
      "Get resource group resources", "Gets the resources for the resource group.", false },
    { RESOURCES "tags/read", "Tags", "Get tags", "Gets all the tags on a resource.", false },
    { RESOURCES "tags/write", "Tags", "Update tags",
      "Updates the tags on a resource by replacing or merging existing tags with a new set of "
      "tags, or removing existing tags.",
      false },
    { RESOURCES "tags/delete", "Tags", "Delete tags", "Removes all the tags on a resource.",
      false },
    { INSIGHTS "register/action", "Subscription", "Registers the subscription",
      "Registers the subscription.", false },
    { INSIGHTS "unregister/action", "Subscription", "Unregisters the subscription",
      "Unregisters the subscription.", false },
    { INSIGHTS "eventCategories/read", "Activity log event categories", "Read event category",
      "Read available Activity Log event categories.", false },
    { INSIGHTS "eventTypes/management/values/read", "Activity log",
      "Read Activity Log management event types", "Read Activity Log management events.", false },
    { IDENTITY "register/action", "Subscription", "Registers the subscription",
      "Registers the subscription.", false },
    { IDENTITY "unregister/action", "Subscription", "Unregisters the subscription",
      "Unregisters the subscription.", false },
    { IDENTITY "userAssignedIdentities/read", "User Assigned Identity",
      "Get User Assigned Identity", "Gets an existing user assigned identity", false },
    { IDENTITY "userAssignedIdentities/write", "User Assigned Identity",
      "Create/Update User Assigned Identity",
      "Creates a new user assigned identity or updates the tags associated with an existing user "
      "assigned identity",
      false },
    { IDENTITY "userAssignedIdentities/delete", "User Assigned Identity",
      "Delete User Assigned Identity", "Deletes an existing user assigned identity", false },
    { IDENTITY "userAssignedIdentities/assign/action", "User Assigned Identity",
      "Assign User Assigned Identity",
      "RBAC action for assigning an existing user assigned identity to a resource", false },
    { IDENTITY "userAssignedIdentities/federatedIdentityCredentials/read",
      "User Assigned Identity Federated Credential",
      "Get User Assigned Identity Federated Credential",
      "Gets a Federated Identity Credential under the user assigned identity", false },
    { IDENTITY "userAssignedIdentities/federatedIdentityCredentials/write",
      "User Assigned Identity Federated Credential",
      "Create/Update User Assigned Identity Federated Credential",
      "Add or update a Federated Identity Credential under the user assigned identity", false },
    { IDENTITY "userAssignedIdentities/federatedIdentityCredentials/delete",
      "User Assigned Identity Federated Credential",
      "Delete User Assigned Identity Federated Credential",
      "Delete a Federated Identity Credential under the user assigned identity", false },
    { IDENTITY "identities/read", "System Assigned Identity", "Get System Assigned Identity",
      "Gets an existing system assigned identity", false },
    { IDENTITY "operations/read", "Operations", "List Operations",
      "Lists operations available on Microsoft.ManagedIdentity resource provider", false },
};

struct str arm_provider_operation_title(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (str_equal_nocase(name, str_from(operations[i].name)))
            return str_from(operations[i].title);
    }
    return name;
}

static bool is_of(const struct operation *o, const struct name_space *n)
{
    size_t len = strlen(n->name);

    return strlen(o->name) > len && o->name[len] == '/' &&
           str_starts_with(str_from(o->name), str_from(n->name));
}

/* -- The provider's own list ----------------------------------------------------------------- */

static bool list_own(struct arm_call *c, struct error *err)
{
    const struct name_space *own = name_spaces;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);

    (void)err;
    while (!own->list_path || strcmp(own->list_path, c->route->path) != 0)
        own++;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        const struct operation *o = &operations[i];
        yyjson_mut_val *item = yyjson_mut_obj(doc), *display = yyjson_mut_obj(doc);

        if (!is_of(o, own))
            continue;
        json_set_str(doc, item, "name", str_from(o->name));
        json_set_str(doc, display, "provider", str_from(own->title));
        json_set_str(doc, display, "resource", str_from(o->resource));
        json_set_str(doc, display, "operation", str_from(o->title));
        json_set_str(doc, display, "description", str_from(o->description));
        json_set(doc, item, "display", display);
        if (own->tells_kind) {
            json_set_bool(doc, item, "isDataAction", o->is_data_action);
            json_set_str(doc, item, "origin", STR("user,system"));
        }
        yyjson_mut_arr_append(value, item);
    }
    arm_reply_list(c, doc, value);
    return true;
}

/* -- For all providers ----------------------------------------------------------------------- */

static yyjson_mut_val *render_operation(yyjson_mut_doc *doc, const struct operation *o)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);

    json_set_str(doc, item, "name", str_from(o->name));
    json_set_str(doc, item, "displayName", str_from(o->title));
    json_set_str(doc, item, "description", str_from(o->description));
    json_set_str(doc, item, "origin", STR("user,system"));
    json_set(doc, item, "properties", yyjson_mut_null(doc));
    json_set_bool(doc, item, "isDataAction", o->is_data_action);
    return item;
}

/* "accounts/deployments" of ".../accounts/deployments/read", "accounts" of ".../accounts/listKeys/action";
 * empty for what concerns the provider itself. */
static struct str type_of(const struct operation *o, const struct name_space *n)
{
    struct str type = str_slice(str_from(o->name), strlen(n->name) + 1, SIZE_MAX);
    unsigned last = str_ends_with(type, STR("/action")) ? 2 : 1;

    while (type.len && last) {
        type.len--;
        last -= type.data[type.len] == '/';
    }
    return type;
}

static yyjson_mut_val *render(struct arm_call *c, yyjson_mut_doc *doc, const struct name_space *n)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *types = yyjson_mut_arr(doc);
    yyjson_mut_val *own = yyjson_mut_arr(doc), *list = own;
    struct str last = STR_NONE, type;

    json_set_str(doc, root, "id", arena_printf(c->arena, PATH "/%s", n->name));
    json_set_str(doc, root, "name", str_from(n->name));
    json_set_str(doc, root, "type", str_from(c->type->name));
    json_set_str(doc, root, "displayName", str_from(n->title));
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (!is_of(&operations[i], n))
            continue;
        type = type_of(&operations[i], n);
        if (str_is_empty(type)) {
            list = own;
        } else if (!str_equal(type, last)) {
            yyjson_mut_val *item = yyjson_mut_obj(doc);

            list = yyjson_mut_arr(doc);
            json_set_str(doc, item, "name", type);
            json_set_str(doc, item, "displayName", str_from(operations[i].resource));
            json_set(doc, item, "operations", list);
            yyjson_mut_arr_append(types, item);
        }
        last = type;
        yyjson_mut_arr_append(list, render_operation(doc, &operations[i]));
    }
    json_set(doc, root, "operations", own);
    json_set(doc, root, "resourceTypes", types);
    return root;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);

    (void)err;
    for (size_t i = 0; i < ARRAY_LEN(name_spaces); i++)
        yyjson_mut_arr_append(value, render(c, doc, &name_spaces[i]));
    arm_reply_list(c, doc, value);
    return true;
}

static bool get(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);

    for (size_t i = 0; i < ARRAY_LEN(name_spaces); i++) {
        if (str_equal_nocase(c->names[0], str_from(name_spaces[i].name))) {
            arm_reply_json(c, 200, render(c, doc, &name_spaces[i]));
            return true;
        }
    }
    return error_set(err, ERROR_ARM_NO_OPERATIONS, "Provider '%.*s' not found.",
                     STR_ARGS(str_slice(c->names[0], 0, 100)));
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/providers/Microsoft.CognitiveServices/operations", list_own },
    { HTTP_GET, "/providers/Microsoft.ManagedIdentity/operations", list_own },
    { HTTP_GET, PATH, list },
    { HTTP_GET, PATH "/{}", get },
};

const struct arm_type arm_provider_operation_type = {
    .name = "Microsoft.Authorization/providerOperations",
    .provider = &arm_authorization,
    .path = PATH "/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
