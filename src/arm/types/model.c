/*
 * The models of an account or a location: what the catalog says, in ARM's form.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/model.h"

#include "arm/location.h"
#include "arm/resource.h"
#include "arm/types/deployment.h"
#include "arm/version.h"
#include "base/format.h"
#include "model/lifecycle.h"

yyjson_mut_val *model_sku_capacity(yyjson_mut_doc *doc, const struct catalog_sku *s)
{
    yyjson_mut_val *capacity = yyjson_mut_obj(doc);

    json_set_int(doc, capacity, "minimum", s->capacity_minimum);
    json_set_int(doc, capacity, "maximum", s->capacity_maximum);
    json_set_int(doc, capacity, "step", s->capacity_step);
    json_set_int(doc, capacity, "default", s->capacity_default);
    return capacity;
}

struct str model_text(struct arena *a, struct str format, struct str name, struct str version)
{
    return arena_printf(a, "Format:%.*s,Name:%.*s,Version:%.*s", STR_ARGS(str_slice(format, 0, 60)),
                        STR_ARGS(str_slice(name, 0, 100)), STR_ARGS(str_slice(version, 0, 60)));
}

/* Does the subscription have a deployment of any version of it? */
static bool is_known_to_subscription(struct arm_call *c, const struct catalog_model *m, bool *known,
                                     struct error *err)
{
    struct arm_documents all;

    *known = false;
    if (!arm_resource_read_subscription(c, &arm_deployment_type, c->names[0], &all, err))
        return false;
    for (size_t i = 0; i < all.count && !*known; i++)
        *known = str_equal_nocase(json_str(json_at(all.bodies[i], "properties.model.name")),
                                  str_from(m->name));
    return true;
}

bool model_check_lifecycle(struct arm_call *c, const struct catalog_model *m, struct error *err)
{
    struct str text =
        model_text(c->arena, str_from(m->format), str_from(m->name), str_from(m->version));
    bool known = true;
    struct str date;

    if (lifecycle_is_retired(m, c->now_ms)) {
        /* "2025-04-30T00:00:00Z" -> "04/30/2025 00:00:00" */
        date = format_time_seconds(c->arena, m->deprecation_inference_ms);
        return error_set_target(err, ERROR_ARM_MODEL_DEPRECATED, "properties.model",
                                "The model '%.*s' has been deprecated since %.2s/%.2s/%.4s %.8s.",
                                STR_ARGS(text), date.data + 5, date.data + 8, date.data,
                                date.data + 11);
    }
    if (lifecycle_is_deprecating(m, c->now_ms) && !is_known_to_subscription(c, m, &known, err))
        return false;
    return known ||
           error_set_target(err, ERROR_ARM_MODEL_DEPRECATING, "properties.model",
                            "The model '%.*s' is in deprecating state and cannot be used for new "
                            "deployments.",
                            STR_ARGS(text));
}

static yyjson_mut_val *render_skus(const struct arm_call *c, yyjson_mut_doc *doc,
                                   const struct catalog_model *m)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (unsigned i = 0; i < m->sku_count; i++) {
        const struct catalog_sku *s = &m->skus[i];
        int64_t end_ms = s->deprecation_ms ? s->deprecation_ms : m->deprecation_inference_ms;
        yyjson_mut_val *item = yyjson_mut_obj(doc);

        json_set_str(doc, item, "name", str_from(s->name));
        json_set_str(doc, item, "usageName", str_from(s->usage_name));
        if (end_ms)
            json_set_str(doc, item, "deprecationDate", format_time_seconds(c->arena, end_ms));
        json_set(doc, item, "capacity", model_sku_capacity(doc, s));
        json_set(doc, item, "rateLimits", deployment_rate_limits(doc, m, s, 1));
        yyjson_mut_arr_append(list, item);
    }
    return list;
}

static void add_dates(const struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                      const struct catalog_model *m)
{
    yyjson_mut_val *deprecation = yyjson_mut_obj(doc), *data = yyjson_mut_obj(doc);

    if (m->deprecation_fine_tune_ms)
        json_set_str(doc, deprecation, "fineTune",
                     format_time_seconds(c->arena, m->deprecation_fine_tune_ms));
    if (m->deprecation_inference_ms)
        json_set_str(doc, deprecation, "inference",
                     format_time_seconds(c->arena, m->deprecation_inference_ms));
    json_set(doc, shown, "deprecation", deprecation);
    json_set_str(doc, shown, "lifecycleStatus",
                 str_from(lifecycle_status_name(m, c->api_version, c->now_ms)));
    if (!m->created_ms)
        return;
    json_set_str(doc, data, "createdBy", STR("Microsoft"));
    json_set_str(doc, data, "createdAt", format_time_seconds(c->arena, m->created_ms));
    json_set_str(doc, data, "lastModifiedBy", STR("Microsoft"));
    json_set_str(doc, data, "lastModifiedAt", format_time_seconds(c->arena, m->created_ms));
    json_set(doc, shown, "systemData", data);
}

/* By the definitions of AccountModel in Azure's specifications. */
static const struct arm_member later_members[] = {
    { "isDefaultVersion", "2023-05-01" },
    { "skus", "2023-05-01" },
};

static yyjson_mut_val *render_model(const struct arm_call *c, yyjson_mut_doc *doc,
                                    const struct catalog_model *m)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *capabilities = yyjson_mut_obj(doc);
    unsigned max_capacity = 0;

    json_set_str(doc, shown, "format", str_from(m->format));
    json_set_str(doc, shown, "name", str_from(m->name));
    json_set_str(doc, shown, "version", str_from(m->version));
    json_set_bool(doc, shown, "isDefaultVersion",
                  lifecycle_default_version(c->arm->catalog, m, c->now_ms) == m);
    json_set(doc, shown, "skus", render_skus(c, doc, m));
    for (unsigned i = 0; i < m->sku_count; i++) {
        if (m->skus[i].capacity_maximum > max_capacity)
            max_capacity = m->skus[i].capacity_maximum;
    }
    json_set_int(doc, shown, "maxCapacity", max_capacity);
    for (unsigned i = 0; i < m->capability_count; i++)
        json_set_str(doc, capabilities, m->capabilities[i].key, str_from(m->capabilities[i].value));
    json_set(doc, shown, "capabilities", capabilities);
    add_dates(c, doc, shown, m);
    arm_version_trim(c, later_members, ARRAY_LEN(later_members), shown);
    return shown;
}

static bool list_of_account(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct store_resource r;

    if (!arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    for (unsigned i = 0; i < catalog->model_count; i++)
        yyjson_mut_arr_append(list, render_model(c, doc, &catalog->models[i]));
    arm_reply_list(c, doc, list);
    return true;
}

/* Every location has every model, for each kind of account. */
static bool list_of_location(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct str kinds = STR(ACCOUNT_KINDS), kind;

    if (!arm_location_check(c, c->names[1], c->type->name, err))
        return false;
    while (str_split(&kinds, '|', &kind)) {
        for (unsigned i = 0; i < catalog->model_count; i++) {
            const struct catalog_model *m = &catalog->models[i];
            yyjson_mut_val *item = yyjson_mut_obj(doc);

            json_set_str(doc, item, "kind", kind);
            json_set_str(doc, item, "skuName", STR(ACCOUNT_SKU));
            if (m->description)
                json_set_str(doc, item, "description", str_from(m->description));
            json_set(doc, item, "model", render_model(c, doc, m));
            yyjson_mut_arr_append(list, item);
        }
    }
    arm_reply_list(c, doc, list);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, ACCOUNT_PATH "/models", list_of_account },
    { HTTP_GET, COGNITIVE_PATH "/locations/{}/models", list_of_location },
};

const struct arm_type arm_model_type = {
    .name = "Microsoft.CognitiveServices/locations/models",
    .provider = &arm_cognitive_services,
    .path = COGNITIVE_PATH "/locations/{}/models/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
