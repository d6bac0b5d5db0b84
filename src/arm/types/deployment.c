/*
 * Deployments of models: what may be written.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/deployment.h"

#include "arm/document.h"
#include "arm/publish.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/model.h"
#include "arm/types/rai.h"
#include "arm/version.h"
#include "model/lifecycle.h"

static const struct arm_field fields[] = {
    { "sku.name", ARM_FIELD_TEXT, NULL },
    { "sku.capacity", ARM_FIELD_INTEGER, NULL },
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.model.format", ARM_FIELD_TEXT, NULL },
    { "properties.model.name", ARM_FIELD_TEXT, NULL },
    { "properties.model.version", ARM_FIELD_TEXT, NULL },
    { "properties.scaleSettings.scaleType", ARM_FIELD_TEXT, "Standard|Manual" },
    { "properties.scaleSettings.capacity", ARM_FIELD_INTEGER, NULL },
    { "properties.versionUpgradeOption", ARM_FIELD_TEXT,
      "OnceNewDefaultVersionAvailable|OnceCurrentVersionExpired|NoAutoUpgrade" },
    { "properties.raiPolicyName", ARM_FIELD_TEXT, NULL },
    { "properties.dynamicThrottlingEnabled", ARM_FIELD_BOOL, NULL },
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
    if (!rai_policy_find(change->call, &known, err))
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

/* Behind all other checks: it writes. */
static bool take_quota(struct arm_change *change, const struct catalog_model *m, struct error *err)
{
    yyjson_mut_val *sku = yyjson_mut_obj_get(change->root, "sku");
    const struct catalog_sku *s =
        catalog_find_sku(m, json_mut_str(yyjson_mut_obj_get(sku, "name")));

    return arm_quota_take(change, s,
                          (unsigned)yyjson_mut_get_sint(yyjson_mut_obj_get(sku, "capacity")), err);
}

static bool check(struct arm_change *change, struct error *err)
{
    const struct catalog_model *m = NULL;

    if (!check_model(change, &m, err) || !check_sku(change, m, err) || !check_policy(change, err))
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

/* By the definitions of Deployment in Azure's specifications (tests/specs has two of them). */
static const struct arm_member later_members[] = {
    { "sku", "2023-05-01" },
    { "properties.rateLimits", "2023-05-01" },
    { "properties.versionUpgradeOption", "2023-05-01" },
    { "properties.currentCapacity", "2023-10-01" },
    { "tags", "2023-10-01" },
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
