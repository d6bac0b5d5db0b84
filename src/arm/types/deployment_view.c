/*
 * How a deployment is shown: its model's capabilities and the limits that its SKU and capacity come
 * to.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/deployment.h"

#include "arm/resource.h"
#include "arm/types/model.h"
#include "arm/version.h"
#include "model/lifecycle.h"

void deployment_read(const struct catalog *catalog, yyjson_val *body, int64_t now_ms,
                     struct deployment_facts *facts)
{
    yyjson_val *properties = json_at(body, "properties");
    struct lifecycle_deployment d = {
        .model = catalog_find_model(catalog, json_str(json_at(properties, "model.format")),
                                    json_str(json_at(properties, "model.name")),
                                    json_str(json_at(properties, "model.version"))),
        .sku = json_str(json_at(body, "sku.name")),
        .since_ms = yyjson_get_sint(json_at(body, "facts.modelSinceMs")),
    };

    *facts = (struct deployment_facts){ .model = d.model };
    facts->capacity = (unsigned)yyjson_get_uint(json_at(body, "sku.capacity"));
    if (!d.model)
        return;
    /* what is kept was checked when it was written; anything else counts as null */
    if (!lifecycle_parse_upgrade(json_str(json_at(properties, "versionUpgradeOption")), &d.option))
        d.option = LIFECYCLE_WHEN_EXPIRED;
    facts->runs = lifecycle_effective(catalog, &d, now_ms);
    facts->sku = catalog_find_sku(facts->runs ? facts->runs : d.model, d.sku);
}

yyjson_mut_val *deployment_rate_limits(yyjson_mut_doc *doc, const struct catalog_model *m,
                                       const struct catalog_sku *s, unsigned capacity)
{
    struct sku_rate_limit limits[SKU_RATE_LIMITS_MAX];
    unsigned count = sku_rate_limits(m, s, capacity, limits);
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (unsigned i = 0; i < count; i++) {
        yyjson_mut_val *limit = yyjson_mut_obj(doc);

        json_set_str(doc, limit, "key", str_from(limits[i].key));
        json_set_int(doc, limit, "renewalPeriod", limits[i].renewal_period_s);
        json_set_int(doc, limit, "count", (int64_t)limits[i].count);
        yyjson_mut_arr_append(list, limit);
    }
    return list;
}

static void add_capabilities(yyjson_mut_doc *doc, yyjson_mut_val *properties,
                             const struct catalog_model *m)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    for (unsigned i = 0; i < m->capability_count; i++)
        json_set_str(doc, object, m->capabilities[i].key, str_from(m->capabilities[i].value));
    json_set(doc, properties, "capabilities", object);
}

/* Before 2023-05-01 a deployment had scale settings in place of a SKU, and clients of that time
 * look for them. */
static void add_scale_settings(yyjson_mut_doc *doc, yyjson_mut_val *properties, unsigned capacity)
{
    yyjson_mut_val *scale = yyjson_mut_obj(doc);

    json_set_str(doc, scale, "scaleType", STR("Standard"));
    json_set_int(doc, scale, "capacity", capacity);
    json_set(doc, properties, "scaleSettings", scale);
}

void deployment_render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                       yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");
    const struct catalog_model *m;
    struct deployment_facts f;

    (void)r;
    deployment_read(c->arm->catalog, body, c->now_ms, &f);
    m = f.runs ? f.runs : f.model;
    json_set_int(doc, properties, "currentCapacity", f.capacity);
    if (m) {
        json_set_str(doc, json_set_object(doc, properties, "model"), "version",
                     str_from(m->version));
        add_capabilities(doc, properties, m);
    }
    /* a deployment of a model or SKU that the catalog has lost is kept, but not served */
    json_set_str(doc, properties, "provisioningState", f.sku ? STR("Succeeded") : STR("Disabled"));
    if (f.sku)
        json_set(doc, properties, "rateLimits", deployment_rate_limits(doc, m, f.sku, f.capacity));
    if (!arm_version_is_at_least(c, "2023-05-01"))
        add_scale_settings(doc, properties, f.capacity);
}

bool deployment_list_skus(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    const struct catalog_model *m;
    struct deployment_facts f;
    struct store_resource r;
    yyjson_val *body;

    if (!arm_resource_find(c, &arm_deployment_type, &r, err))
        return false;
    body = arm_resource_body(c->arena, &r, err);
    if (!body)
        return false;
    deployment_read(c->arm->catalog, body, c->now_ms, &f);
    m = f.runs ? f.runs : f.model;
    for (unsigned i = 0; m && i < m->sku_count; i++) {
        yyjson_mut_val *item = yyjson_mut_obj(doc), *sku = yyjson_mut_obj(doc);

        json_set_str(doc, item, "resourceType", str_from(arm_deployment_type.name));
        json_set_str(doc, sku, "name", str_from(m->skus[i].name));
        json_set_int(doc, sku, "capacity", f.capacity);
        json_set(doc, item, "sku", sku);
        json_set(doc, item, "capacity", model_sku_capacity(doc, &m->skus[i]));
        yyjson_mut_arr_append(list, item);
    }
    arm_reply_list(c, doc, list);
    return true;
}
