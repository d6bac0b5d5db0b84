/*
 * Commitment plans: below an account, or shared by several by associations. Nothing is billed here;
 * they are kept and shown, and those of an account may bound its throughput units. There are no tiers to choose from, as in Azure there are none for these
 * kinds of accounts, so that any name of one is taken.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/commitment_plan.h"

#include "arm/authorize.h"
#include "arm/location.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "base/format.h"
#include "model/quota.h"
#include "model/sku.h"

#define GROUP_PATH "/subscriptions/{}/resourceGroups/{}"
#define OWN ACCOUNT_PATH "/commitmentPlans"
#define SHARED GROUP_PATH "/providers/Microsoft.CognitiveServices/commitmentPlans"
#define ASSOCIATIONS SHARED "/{}/accountAssociations"

static const struct arm_field plan_fields[] = {
    { "kind", ARM_FIELD_TEXT, NULL },
    COGNITIVE_SKU_FIELDS,
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "location", ARM_FIELD_TEXT, NULL },
    { "properties.hostingModel", ARM_FIELD_TEXT,
      "Web|ConnectedContainer|DisconnectedContainer|ProvisionedWeb" },
    { "properties.planType", ARM_FIELD_TEXT, NULL },
    { "properties.autoRenew", ARM_FIELD_BOOL, NULL },
    { "properties.current.tier", ARM_FIELD_TEXT, NULL },
    { "properties.current.count", ARM_FIELD_INTEGER, NULL },
    { "properties.next.tier", ARM_FIELD_TEXT, NULL },
    { "properties.next.count", ARM_FIELD_INTEGER, NULL },
};

static const struct arm_field association_fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.accountId", ARM_FIELD_TEXT, NULL },
};

static bool check_plan(struct arm_change *change, struct error *err)
{
    static const char *const required[] = { "properties.hostingModel", "properties.planType" };
    char guid[GUID_TEXT_LEN + 1];

    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (str_is_empty(json_mut_str(json_mut_at(change->root, required[i]))))
            return error_set_target(err, ERROR_ARM_BODY, required[i],
                                    "The request content was invalid and could not be "
                                    "deserialized: '%s' is required.",
                                    required[i]);
    }
    if (change->before)
        return true;
    format_guid(guid);
    json_set_str(change->doc, json_set_object(change->doc, change->root, "facts"),
                 "commitmentPlanGuid", str_from(guid));
    return true;
}

static void render_plan(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                        yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");

    (void)c;
    (void)r;
    json_set_str(doc, properties, "commitmentPlanGuid",
                 json_str(json_at(body, "facts.commitmentPlanGuid")));
    json_set_str(doc, properties, "provisioningState", STR("Succeeded"));
}

/* The account must be there, for the caller's eyes. */
static bool check_association(struct arm_change *change, struct error *err)
{
    static const char path[] = "properties.accountId";
    struct arm_call *c = change->call;
    struct str id = json_mut_str(json_mut_at(change->root, path));
    struct store_resource r;
    bool found;

    if (str_is_empty(id))
        return error_set_target(err, ERROR_ARM_BODY, path,
                                "The request content was invalid and could not be deserialized: "
                                "'%s' is required.",
                                path);
    if (!store_get(c->txn, arena_lower(c->arena, id), &r, &found, err))
        return false;
    if (!found || arm_type_of(&r) != &arm_account_type ||
        !arm_may(c, "Microsoft.CognitiveServices/accounts/read", r.id))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                "The account '%.*s' could not be found.",
                                STR_ARGS(str_slice(id, 0, 300)));
    json_set_str(change->doc, json_set_object(change->doc, change->root, "properties"), "accountId",
                 r.id);
    return true;
}

/* -- What they bound ------------------------------------------------------------------------- */

/* The units that the account has committed to; *bound is false when there is no such plan. */
static bool read_committed(struct arm_call *c, struct str account, uint64_t *units, bool *bound,
                           struct error *err)
{
    struct arm_documents found;

    *units = 0;
    *bound = false;
    if (!arm_resource_read_below(c, &arm_commitment_plan_type, account, &found, err))
        return false;
    for (size_t i = 0; i < found.count; i++) {
        yyjson_val *body = found.bodies[i];
        yyjson_val *committed = json_at(body, "properties.current.count");

        if (!str_equal(json_str(json_at(body, "properties.hostingModel")), STR("ProvisionedWeb")) ||
            !committed)
            continue;
        *bound = true;
        *units += yyjson_get_uint(committed);
    }
    return true;
}

static uint64_t units_of(yyjson_val *body)
{
    return sku_family(json_str(json_at(body, "sku.name"))) == SKU_PROVISIONED
               ? yyjson_get_uint(json_at(body, "sku.capacity"))
               : 0;
}

/* What the account's deployments have now. */
static bool read_deployed(struct arm_call *c, struct str account, uint64_t *units,
                          struct error *err)
{
    struct arm_documents found;

    *units = 0;
    if (!arm_resource_read_below(c, &arm_deployment_type, account, &found, err))
        return false;
    for (size_t i = 0; i < found.count; i++)
        *units += units_of(found.bodies[i]);
    return true;
}

bool commitment_plan_check(struct arm_change *change, const struct catalog_sku *s,
                           unsigned capacity, struct error *err)
{
    struct arm_call *c = change->call;
    struct str account = change->after.parent;
    uint64_t had = change->before ? units_of(change->old) : 0, committed, deployed;
    struct catalog_usage usage = { 0 };
    bool bound;

    if (sku_family(str_from(s->name)) != SKU_PROVISIONED || capacity <= had)
        return true;
    if (!read_committed(c, account, &committed, &bound, err))
        return false;
    if (!bound)
        return true;
    usage.text = "Provisioned Managed Throughput Unit - Commitment";
    return read_deployed(c, account, &deployed, err) &&
           quota_check(&usage, committed, deployed, capacity - had, err);
}

static bool list_no_tiers(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);

    if (!arm_location_check(c, c->names[1], c->type->name, err))
        return false;
    arm_reply_list(c, doc, yyjson_mut_arr(doc));
    return true;
}

static const struct arm_route own_routes[] = {
    { HTTP_GET, OWN, arm_resource_list },
    { HTTP_GET, OWN "/{}", arm_resource_get },
    { HTTP_PUT, OWN "/{}", arm_resource_put },
    { HTTP_DELETE, OWN "/{}", arm_resource_delete },
};

const struct arm_type arm_commitment_plan_type = {
    .name = "Microsoft.CognitiveServices/accounts/commitmentPlans",
    .provider = &arm_cognitive_services,
    .path = OWN "/{}",
    .parent = &arm_account_type,
    .shows_system_data = true,
    .goes_with_parent = true,
    .fields = plan_fields,
    .field_count = ARRAY_LEN(plan_fields),
    .routes = own_routes,
    .route_count = ARRAY_LEN(own_routes),
    .check_name = account_check_child_name,
    .check = check_plan,
    .render = render_plan,
};

static const struct arm_route shared_routes[] = {
    { HTTP_GET, COGNITIVE_PATH "/commitmentPlans", arm_resource_list },
    { HTTP_GET, COGNITIVE_PATH "/locations/{}/commitmentTiers", list_no_tiers },
    { HTTP_GET, SHARED, arm_resource_list },
    { HTTP_GET, SHARED "/{}", arm_resource_get },
    { HTTP_PUT, SHARED "/{}", arm_resource_put },
    { HTTP_PATCH, SHARED "/{}", arm_resource_patch },
    { HTTP_DELETE, SHARED "/{}", arm_resource_delete },
};

const struct arm_type arm_shared_commitment_plan_type = {
    .name = "Microsoft.CognitiveServices/commitmentPlans",
    .provider = &arm_cognitive_services,
    .path = SHARED "/{}",
    .is_tracked = true,
    .shows_system_data = true,
    .fields = plan_fields,
    .field_count = ARRAY_LEN(plan_fields),
    .routes = shared_routes,
    .route_count = ARRAY_LEN(shared_routes),
    .check_name = account_check_child_name,
    .check = check_plan,
    .render = render_plan,
};

static const struct arm_route association_routes[] = {
    { HTTP_GET, ASSOCIATIONS, arm_resource_list },
    { HTTP_GET, ASSOCIATIONS "/{}", arm_resource_get },
    { HTTP_PUT, ASSOCIATIONS "/{}", arm_resource_put },
    { HTTP_DELETE, ASSOCIATIONS "/{}", arm_resource_delete },
};

const struct arm_type arm_plan_association_type = {
    .name = "Microsoft.CognitiveServices/commitmentPlans/accountAssociations",
    .provider = &arm_cognitive_services,
    .path = ASSOCIATIONS "/{}",
    .parent = &arm_shared_commitment_plan_type,
    .shows_system_data = true,
    .fields = association_fields,
    .field_count = ARRAY_LEN(association_fields),
    .routes = association_routes,
    .route_count = ARRAY_LEN(association_routes),
    .check_name = account_check_child_name,
    .check = check_association,
};
