/*
 * How much of a model can still be deployed, in each location and SKU, and how much some workloads
 * need. Every location has every model, so that what can be deployed is what is left of the quota.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <math.h>

#include "arm/document.h"
#include "arm/location.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/model.h"
#include "arm/version.h"
#include "model/calc.h"
#include "model/lifecycle.h"

#define BODY_ERROR "The request content was invalid and could not be deserialized: "

/* -- What is left ---------------------------------------------------------------------------- */

/* "WestUS" for "West US", as Azure writes a location here. */
static struct str location_text(struct arena *a, const struct catalog_location *l)
{
    char *text = arena_text(a, str_from(l->display_name)), *end = text;

    for (const char *at = text; *at; at++) {
        if (*at != ' ')
            *end++ = *at;
    }
    return str_of(text, (size_t)(end - text));
}

static yyjson_mut_val *render_model(yyjson_mut_doc *doc, const struct catalog_model *m)
{
    yyjson_mut_val *model = yyjson_mut_obj(doc);

    json_set_str(doc, model, "format", str_from(m->format));
    json_set_str(doc, model, "name", str_from(m->name));
    json_set_str(doc, model, "version", str_from(m->version));
    return model;
}

/* Fine-tuned models have no deployments here. */
static void append(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list,
                   const struct catalog_location *l, const struct catalog_model *m,
                   const struct catalog_sku *s, uint64_t available)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);
    struct str location = location_text(c->arena, l);

    json_set_str(doc, item, "id",
                 arena_printf(c->arena,
                              "/subscriptions/%.*s/providers/Microsoft.CognitiveServices/locations/"
                              "%.*s/models/%s.%s.%s/skuCapacities/%s",
                              STR_ARGS(c->names[0]), STR_ARGS(location), m->format, m->name,
                              m->version, s->name));
    json_set_str(doc, item, "type",
                 STR("Microsoft.CognitiveServices/locations/models/skuCapacities"));
    json_set_str(doc, item, "name", str_from(s->name));
    json_set_str(doc, item, "location", location);
    json_set(doc, properties, "model", render_model(doc, m));
    json_set_str(doc, properties, "skuName", str_from(s->name));
    json_set_int(doc, properties, "availableCapacity", (int64_t)available);
    json_set_int(doc, properties, "availableFinetuneCapacity", 0);
    json_set(doc, item, "properties", properties);
    yyjson_mut_arr_append(list, item);
}

static bool append_location(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list,
                            const struct catalog_location *l, const struct catalog_model *m,
                            struct error *err)
{
    struct arm_quota_place place = { c->names[0], str_from(l->name) };

    for (unsigned i = 0; i < m->sku_count; i++) {
        const struct catalog_sku *s = &m->skus[i];
        uint64_t available;

        if (!arm_quota_available(c, &place, s->usage, &available, err))
            return false;
        if (available > s->capacity_maximum)
            available = s->capacity_maximum;
        append(c, doc, list, l, m, s, available);
    }
    return true;
}

/* The model that the query names; *m stays NULL when there is none, or it is retired. */
static bool read_query(struct arm_call *c, const struct catalog_model **m, struct error *err)
{
    static const char *const names[] = { "modelFormat", "modelName", "modelVersion" };
    struct str values[ARRAY_LEN(names)];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        values[i] = http_query_get(c->arena, c->request->query, str_from(names[i]));
        if (str_is_empty(values[i]))
            return error_set_target(err, ERROR_ARM_BAD_REQUEST, names[i],
                                    "The query parameter '%s' is required.", names[i]);
    }
    *m = catalog_find_model(c->arm->catalog, values[0], values[1], values[2]);
    if (*m && lifecycle_is_retired(*m, c->now_ms))
        *m = NULL;
    return true;
}

static bool list_of_location(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    const struct catalog_model *m = NULL;
    const struct catalog_location *l;

    if (!arm_location_check(c, c->names[1], c->type->name, err) || !read_query(c, &m, err))
        return false;
    l = catalog_find_location(c->arm->catalog, c->names[1]);
    if (m && !append_location(c, doc, list, l, m, err))
        return false;
    arm_reply_list(c, doc, list);
    return true;
}

static bool list_of_subscription(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    const struct catalog_model *m = NULL;

    if (!read_query(c, &m, err))
        return false;
    for (unsigned i = 0; m && i < catalog->location_count; i++) {
        if (!append_location(c, doc, list, &catalog->locations[i], m, err))
            return false;
    }
    arm_reply_list(c, doc, list);
    return true;
}

/* -- What is needed -------------------------------------------------------------------------- */

static bool read_count(yyjson_val *value, const char *path, uint64_t *count, struct error *err)
{
    if (!value || !yyjson_is_uint(value) || yyjson_get_uint(value) > CALC_NUMBER_MAX)
        return error_set_target(err, ERROR_ARM_BODY, path,
                                BODY_ERROR "'%s' must be a whole number from 0 to %" PRIu64 ".",
                                path, CALC_NUMBER_MAX);
    *count = yyjson_get_uint(value);
    return true;
}

static bool read_workload(yyjson_val *value, struct calc_workload *w, struct error *err)
{
    yyjson_val *parameters = arm_document_at(value, "requestParameters");

    return read_count(arm_document_at(value, "requestPerMinute"), "workloads.requestPerMinute",
                      &w->calls_per_minute, err) &&
           read_count(arm_document_at(parameters, "avgPromptTokens"),
                      "workloads.requestParameters.avgPromptTokens", &w->prompt_tokens, err) &&
           read_count(arm_document_at(parameters, "avgGeneratedTokens"),
                      "workloads.requestParameters.avgGeneratedTokens", &w->output_tokens, err);
}

static bool read_load(struct arm_call *c, yyjson_val *body, struct calc_load *load,
                      struct error *err)
{
    yyjson_val *list = arm_document_at(body, "workloads"), *value;
    struct calc_workload *workloads;
    size_t i, count;

    if (!yyjson_is_arr(list) || !yyjson_arr_size(list) ||
        yyjson_arr_size(list) > CALC_WORKLOADS_MAX)
        return error_set_target(err, ERROR_ARM_BODY, "workloads",
                                BODY_ERROR "'workloads' must be an array of 1 to %d workloads.",
                                CALC_WORKLOADS_MAX);
    workloads = ARENA_ARRAY(c->arena, struct calc_workload, yyjson_arr_size(list));
    yyjson_arr_foreach(list, i, count, value)
    {
        if (!read_workload(value, &workloads[i], err))
            return false;
    }
    *load = calc_load(workloads, yyjson_arr_size(list));
    return true;
}

static bool read_model(struct arm_call *c, yyjson_val *body, const struct catalog_model **m,
                       const struct catalog_sku **s, struct error *err)
{
    struct str format = json_str(arm_document_at(body, "model.format"));
    struct str name = json_str(arm_document_at(body, "model.name"));
    struct str version = json_str(arm_document_at(body, "model.version"));
    struct str sku = json_str(arm_document_at(body, "skuName"));

    if (str_is_empty(name) || str_is_empty(sku))
        return error_set_target(err, ERROR_ARM_BODY, str_is_empty(name) ? "model.name" : "skuName",
                                BODY_ERROR "'model.name' and 'skuName' are required.");
    *m = catalog_find_model(c->arm->catalog, format, name, version);
    if (!*m)
        return error_set_target(err, ERROR_ARM_MODEL, "model",
                                "The model '%.*s' of account deployment is not supported.",
                                STR_ARGS(model_text(c->arena, format, name, version)));
    *s = catalog_find_sku(*m, sku);
    return *s || error_set_target(err, ERROR_ARM_PROPERTIES, "skuName",
                                  "The specified SKU '%.*s' of account deployment is not supported "
                                  "by the model '%s' version: '%s'.",
                                  STR_ARGS(str_slice(sku, 0, 60)), (*m)->name, (*m)->version);
}

/* Whole units, rounded up, and how many of them can be deployed. */
static bool calculate(struct arm_call *c, struct error *err)
{
    yyjson_val *body = arm_read_body(c, false, err);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *capacity = yyjson_mut_obj(doc);
    const struct catalog_model *m;
    const struct catalog_sku *s;
    struct calc_estimate e;
    struct calc_load load;

    if (!body || !read_model(c, body, &m, &s, err) || !read_load(c, body, &load, err) ||
        !calc_estimate(m, s, &load, &e, err))
        return false;
    if (!e.capacity)
        return error_set_target(err, ERROR_ARM_CAPACITY, "workloads",
                                "The workloads need a capacity of %.0f, which is more than the %u "
                                "that a deployment of SKU '%s' of the model '%s' version: '%s' "
                                "may have.",
                                ceil(e.needed), s->capacity_maximum, s->name, m->name, m->version);
    json_set(doc, root, "model", render_model(doc, m));
    json_set_str(doc, root, "skuName", str_from(s->name));
    json_set_int(doc, capacity, "value", (int64_t)ceil(e.needed));
    json_set_int(doc, capacity, "deployableValue", (int64_t)e.capacity);
    json_set(doc, root, "estimatedCapacity", capacity);
    arm_reply_json(c, 200, root);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, COGNITIVE_PATH "/modelCapacities", list_of_subscription },
    { HTTP_GET, COGNITIVE_PATH "/locations/{}/modelCapacities", list_of_location },
    { HTTP_POST, COGNITIVE_PATH "/calculateModelCapacity", calculate },
};

const struct arm_type arm_model_capacity_type = {
    .name = "Microsoft.CognitiveServices/locations/modelCapacities",
    .provider = &arm_cognitive_services,
    .path = COGNITIVE_PATH "/locations/{}/modelCapacities/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
