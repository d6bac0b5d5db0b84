/*
 * Deployments of models: what may be written.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/deployment.h"

#include "arm/document.h"
#include "arm/publish.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/commitment_plan.h"
#include "arm/types/model.h"
#include "arm/types/rai.h"
#include "arm/version.h"
#include "model/lifecycle.h"

#define SPILLOVER "properties.spilloverDeploymentName"
#define PARENT "properties.parentDeploymentName"

/* One that names a model. */
#define MODEL_FIELDS(path)                                                                      \
    { path ".format", ARM_FIELD_TEXT, NULL }, { path ".name", ARM_FIELD_TEXT, NULL },           \
        { path ".version", ARM_FIELD_TEXT, NULL }, { path ".publisher", ARM_FIELD_TEXT, NULL }, \
        { path ".source", ARM_FIELD_TEXT, NULL },                                               \
    {                                                                                           \
        path ".sourceAccount", ARM_FIELD_TEXT, NULL                                             \
    }

/* Azure's specifications say that dynamicThrottlingEnabled is read-only; its clients set it. */
static const struct arm_field fields[] = {
    COGNITIVE_SKU_FIELDS,
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    MODEL_FIELDS("properties.model"),
    { "properties.scaleSettings.scaleType", ARM_FIELD_TEXT, "Standard|Manual" },
    { "properties.scaleSettings.capacity", ARM_FIELD_INTEGER, NULL },
    { "properties.versionUpgradeOption", ARM_FIELD_TEXT,
      "OnceNewDefaultVersionAvailable|OnceCurrentVersionExpired|NoAutoUpgrade" },
    { "properties.raiPolicyName", ARM_FIELD_TEXT, NULL },
    { "properties.dynamicThrottlingEnabled", ARM_FIELD_BOOL, NULL },
    { "properties.capacitySettings.designatedCapacity", ARM_FIELD_INTEGER, NULL },
    { "properties.capacitySettings.priority", ARM_FIELD_INTEGER, NULL },
    { SPILLOVER, ARM_FIELD_TEXT, NULL },
    { PARENT, ARM_FIELD_TEXT, NULL },
    { "properties.serviceTier", ARM_FIELD_TEXT, "Default|Priority" },
    { "properties.deploymentState", ARM_FIELD_TEXT, "Running|Paused" },
    { "properties.routing.mode", ARM_FIELD_TEXT, "cost|balanced|quality" },
    { "properties.routing.models", ARM_FIELD_LIST, NULL },
    MODEL_FIELDS("properties.routing.models[]"),
    MODEL_FIELDS("properties.speculativeDecoding.draftModel"),
    { "properties.speculativeDecoding.draftTokenCount", ARM_FIELD_INTEGER, NULL },
};

/* -- Model ----------------------------------------------------------------------------------- */

/* A change of the model must be one that a new deployment could make. Who keeps the version that is
 * shown, retired or not, may change the rest: a PUT of what GET gave passes. Notes since when the
 * deployment has this version. */
static bool check_lifecycle(struct arm_change *change, const struct catalog_model *m,
                            struct error *err)
{
    struct arm_call *c = change->call;
    struct deployment_facts before = { 0 };
    yyjson_mut_val *facts;

    if (change->before && !arm_document_at(change->input, "properties.model"))
        return true;
    if (change->before)
        deployment_read(c->arm->catalog, change->old, c->now_ms, &before);
    if (m == (before.runs ? before.runs : before.model))
        return true;
    facts = json_set_object(change->doc, change->root, "facts");
    json_set_int(change->doc, facts, "modelSinceMs", c->now_ms);
    return model_check_lifecycle(c, m, err);
}

/* The model of that name; no version means the default one. NULL: there is none. */
static const struct catalog_model *find_model(const struct arm_call *c, struct str format,
                                              struct str name, struct str version)
{
    const struct catalog_model *m = catalog_find_model(c->arm->catalog, format, name, version);
    const struct catalog_model *current;

    if (!m || version.len)
        return m;
    current = lifecycle_default_version(c->arm->catalog, m, c->now_ms);
    return current ? current : m;
}

/* Brings the model into the catalog's case. */
static bool check_model(struct arm_change *change, const struct catalog_model **model,
                        struct error *err)
{
    struct arm_call *c = change->call;
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties"), *kept;
    struct str format, name, version;

    if (!yyjson_mut_obj_get(properties, "model") && change->before)
        json_set(change->doc, properties, "model",
                 yyjson_val_mut_copy(change->doc, json_at(change->old, "properties.model")));
    kept = json_set_object(change->doc, properties, "model");
    format = json_mut_str(yyjson_mut_obj_get(kept, "format"));
    name = json_mut_str(yyjson_mut_obj_get(kept, "name"));
    version = json_mut_str(yyjson_mut_obj_get(kept, "version"));
    if (str_is_empty(format))
        format = STR("OpenAI");
    if (str_is_empty(name))
        return error_set_target(err, ERROR_ARM_BODY, "properties.model.name",
                                "The request content was invalid and could not be deserialized: "
                                "'properties.model.name' is required.");
    *model = find_model(c, format, name, version);
    if (!*model)
        return error_set_target(err, ERROR_ARM_MODEL, "properties.model",
                                "The model '%.*s' of account deployment is not supported.",
                                STR_ARGS(model_text(c->arena, format, name, version)));
    json_set_str(change->doc, kept, "format", str_from((*model)->format));
    json_set_str(change->doc, kept, "name", str_from((*model)->name));
    json_set_str(change->doc, kept, "version", str_from((*model)->version));
    return check_lifecycle(change, *model, err);
}

/* -- SKU ------------------------------------------------------------------------------------- */

/* Scale settings of old clients, turned into the SKU that replaced them. */
static bool convert_scale_settings(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = yyjson_mut_obj_get(change->root, "properties"), *sku, *capacity;
    yyjson_mut_val *scale = yyjson_mut_obj_get(properties, "scaleSettings");

    if (!scale)
        return true;
    if (arm_version_is_at_least(change->call, "2023-05-01"))
        return error_set_target(err, ERROR_ARM_PROPERTIES, "properties.scaleSettings",
                                "The scale settings of account deployment is deprecated since API "
                                "version '2023-05-01', please use 'sku' instead.");
    capacity = yyjson_mut_obj_get(scale, "capacity");
    sku = json_set_object(change->doc, change->root, "sku");
    if (!yyjson_mut_obj_get(sku, "name"))
        json_set_str(change->doc, sku, "name", STR("Standard"));
    if (capacity && !yyjson_mut_obj_get(sku, "capacity"))
        json_set_int(change->doc, sku, "capacity", yyjson_mut_get_sint(capacity));
    yyjson_mut_obj_remove_key(properties, "scaleSettings");
    return true;
}

static bool check_sku(struct arm_change *change, const struct catalog_model *m, struct error *err)
{
    const struct catalog_sku *known;
    yyjson_mut_val *sku, *capacity;
    struct str name;

    if (!convert_scale_settings(change, err))
        return false;
    if (!yyjson_mut_obj_get(change->root, "sku") && change->before)
        json_set(change->doc, change->root, "sku",
                 yyjson_val_mut_copy(change->doc, yyjson_obj_get(change->old, "sku")));
    sku = json_set_object(change->doc, change->root, "sku");
    name = json_mut_str(yyjson_mut_obj_get(sku, "name"));
    if (str_is_empty(name))
        name = STR("Standard");
    known = catalog_find_sku(m, name);
    if (!known)
        return error_set_target(err, ERROR_ARM_PROPERTIES, "sku.name",
                                "The specified SKU '%.*s' of account deployment is not supported "
                                "by the model '%s' version: '%s'.",
                                STR_ARGS(str_slice(name, 0, 60)), m->name, m->version);
    json_set_str(change->doc, sku, "name", str_from(known->name));
    capacity = yyjson_mut_obj_get(sku, "capacity");
    if (!capacity) {
        json_set_int(change->doc, sku, "capacity", known->capacity_default);
        return true;
    }
    return sku_check_capacity(m, known, (uint64_t)yyjson_mut_get_sint(capacity), err);
}

/* -- The rest -------------------------------------------------------------------------------- */

/*
 * Absent at creation: OnceNewDefaultVersionAvailable, which is what Azure answers to a client that
 * names none. Absent later: as it was. An explicit null is the third state: it means
 * OnceCurrentVersionExpired, and the property is not shown.
 */
static void choose_upgrade_option(struct arm_change *change)
{
    yyjson_mut_val *properties = yyjson_mut_obj_get(change->root, "properties");
    yyjson_val *asked = arm_document_at(change->input, "properties.versionUpgradeOption");
    yyjson_val *old = json_at(change->old, "properties.versionUpgradeOption");

    if (asked)
        return;
    if (!change->before)
        json_set_str(change->doc, properties, "versionUpgradeOption",
                     STR("OnceNewDefaultVersionAvailable"));
    else if (old)
        json_set(change->doc, properties, "versionUpgradeOption",
                 yyjson_val_mut_copy(change->doc, old));
}

/* What filters its contents; none is the default. */
static bool check_policy(struct arm_change *change, struct error *err)
{
    static const char path[] = "properties.raiPolicyName";
    struct str name = json_mut_str(json_mut_at(change->root, path)), known = name;

    if (str_is_empty(name))
        return true;
    if (!rai_policy_find(change->call, change->after.parent, &known, err))
        return false;
    if (str_is_empty(known))
        return error_set_target(err, ERROR_ARM_PROPERTIES, path,
                                "The content filter policy '%.*s' of account deployment could not "
                                "be found.",
                                STR_ARGS(str_slice(name, 0, 100)));
    json_set_str(change->doc, yyjson_mut_obj_get(change->root, "properties"), "raiPolicyName",
                 known);
    return true;
}

static bool is_provisioned(struct str sku)
{
    return sku_family(sku) == SKU_PROVISIONED;
}

/* Another deployment of the account, by its name in the member at `path`. What was named before may
 * have gone by now; a PUT of what GET gave passes. *named is false then, too. */
static bool find_other(struct arm_change *change, const char *path, struct store_resource *other,
                       bool *named, struct error *err)
{
    struct arm_call *c = change->call;
    struct str name = json_mut_str(json_mut_at(change->root, path));
    struct str id = arena_printf(c->arena, "%.*s/deployments/%.*s", STR_ARGS(change->after.parent),
                                 STR_ARGS(name));
    bool found;

    *named = name.len && !str_equal_nocase(name, json_str(json_at(change->old, path)));
    if (!*named)
        return true;
    if (!store_get(c->txn, arena_lower(c->arena, id), other, &found, err))
        return false;
    return (found && arm_type_of(other) == &arm_deployment_type &&
            !str_equal(other->key, change->after.key)) ||
           error_set_target(err, ERROR_ARM_PROPERTIES, path,
                            "The deployment '%.*s' that '%s' of account deployment names could not "
                            "be found.",
                            STR_ARGS(str_slice(name, 0, 100)), path);
}

/* Requests that a provisioned deployment has no room for go to a standard one of the account
 * ("Manage traffic with spillover for provisioned deployments"). */
static bool check_spillover(struct arm_change *change, struct error *err)
{
    struct str sku = json_mut_str(json_mut_at(change->root, "sku.name"));
    struct store_resource other;
    yyjson_val *body;
    bool named;

    if (!find_other(change, SPILLOVER, &other, &named, err))
        return false;
    if (!named)
        return true;
    if (!is_provisioned(sku))
        return error_set_target(err, ERROR_ARM_PROPERTIES, SPILLOVER,
                                "The spillover of account deployment is not supported by the SKU "
                                "'%.*s': it must be a provisioned one.",
                                STR_ARGS(sku));
    body = arm_resource_body(change->call->arena, &other, err);
    if (!body)
        return false;
    return !is_provisioned(json_str(json_at(body, "sku.name"))) ||
           error_set_target(err, ERROR_ARM_PROPERTIES, SPILLOVER,
                            "The spillover deployment '%.*s' of account deployment must have a "
                            "standard SKU.",
                            STR_ARGS(arm_id_name(other.id)));
}

/* Members that would change what is served, which is not done here: refused, where they ask for it. */
static bool check_state(const struct arm_change *change, struct error *err)
{
    static const char state[] = "properties.deploymentState";
    static const char draft[] = "properties.speculativeDecoding.draftModel.name";

    if (str_equal(json_mut_str(json_mut_at(change->root, state)), STR("Paused")))
        return error_set_target(err, ERROR_ARM_PROPERTIES, state,
                                "The state 'Paused' is not supported by the account deployment.");
    if (json_mut_at(change->root, "properties.speculativeDecoding") &&
        str_is_empty(json_mut_str(json_mut_at(change->root, draft))))
        return error_set_target(err, ERROR_ARM_BODY, draft,
                                "The request content was invalid and could not be deserialized: "
                                "'%s' is required.",
                                draft);
    return true;
}

static bool check_rest(struct arm_change *change, struct error *err)
{
    struct store_resource parent;
    bool named;

    return check_policy(change, err) && check_spillover(change, err) &&
           find_other(change, PARENT, &parent, &named, err) && check_state(change, err);
}

/* Behind all other checks: it writes. */
static bool take_quota(struct arm_change *change, const struct catalog_model *m, struct error *err)
{
    yyjson_mut_val *sku = yyjson_mut_obj_get(change->root, "sku");
    const struct catalog_sku *s =
        catalog_find_sku(m, json_mut_str(yyjson_mut_obj_get(sku, "name")));
    unsigned capacity = (unsigned)yyjson_mut_get_sint(yyjson_mut_obj_get(sku, "capacity"));

    return commitment_plan_check(change, s, capacity, err) &&
           arm_quota_take(change, s, capacity, err);
}

static bool check(struct arm_change *change, struct error *err)
{
    const struct catalog_model *m = NULL;

    if (!check_model(change, &m, err) || !check_sku(change, m, err) || !check_rest(change, err))
        return false;
    choose_upgrade_option(change);
    return take_quota(change, m, err);
}

static bool on_written(struct arm_change *change, struct error *err)
{
    (void)err;
    arm_publish_deployment(change->call, change->after.parent, change->after.key);
    return true;
}

static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    arm_publish_deployment(c, r->parent, r->key);
    return arm_quota_remove(c, r, err);
}

static const struct arm_route routes[] = {
    { HTTP_GET, ACCOUNT_PATH "/deployments", arm_resource_list },
    { HTTP_GET, DEPLOYMENT_PATH, arm_resource_get },
    { HTTP_PUT, DEPLOYMENT_PATH, arm_resource_put },
    { HTTP_PATCH, DEPLOYMENT_PATH, arm_resource_patch },
    { HTTP_DELETE, DEPLOYMENT_PATH, arm_resource_delete },
    { HTTP_GET, DEPLOYMENT_PATH "/skus", deployment_list_skus },
};

/* By the definitions of Deployment in Azure's specifications (tests/specs). */
static const struct arm_member later_members[] = {
    { "sku", "2023-05-01" },
    { "properties.rateLimits", "2023-05-01" },
    { "properties.versionUpgradeOption", "2023-05-01" },
    { "properties.model.source", "2023-05-01" },
    { "properties.currentCapacity", "2023-10-01" },
    { "properties.capacitySettings", "2023-10-01" },
    { "properties.dynamicThrottlingEnabled", "2023-10-01" },
    { "tags", "2023-10-01" },
    { "properties.model.publisher", "2024-10-01" },
    { "properties.model.sourceAccount", "2024-10-01" },
    { PARENT, "2024-10-01" },
    { SPILLOVER, "2025-04-01" },
    { "properties.serviceTier", "2025-10-01" },
    { "properties.deploymentState", "2025-10-01" },
    { "properties.routing", "2025-10-01" },
    { "properties.speculativeDecoding", "2026-05-15" },
};

const struct arm_type arm_deployment_type = {
    .name = "Microsoft.CognitiveServices/accounts/deployments",
    .provider = &arm_cognitive_services,
    .path = DEPLOYMENT_PATH,
    .parent = &arm_account_type,
    .shows_system_data = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .later_members = later_members,
    .later_member_count = ARRAY_LEN(later_members),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = account_check_child_name,
    .check = check,
    .on_written = on_written,
    .on_delete = on_delete,
    .render = deployment_render,
};
