/*
 * What is shown of a deployment and of a validation.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/template_record.h"
#include "arm/template_run.h"
#include "base/format.h"

/* Of the failures that a deployment shows. */
#define DETAILS_BYTES_MAX ((size_t)64 * 1024)

/* The name spaces and types that it uses, as "providers". */
static yyjson_mut_val *show_providers(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < d->template.resource_count; i++) {
        struct str type = d->template.resources[i].type, space;
        yyjson_mut_val *provider = NULL, *item, *types, *locations;
        size_t k, max;
        bool has_type = false;

        if (!d->template.resources[i].is_wanted)
            continue;
        str_split(&type, '/', &space);
        yyjson_mut_arr_foreach(list, k, max, item)
        {
            if (str_equal_nocase(json_mut_str(yyjson_mut_obj_get(item, "namespace")), space))
                provider = item;
        }
        if (!provider) {
            provider = yyjson_mut_obj(doc);
            json_set_str(doc, provider, "namespace", space);
            json_set(doc, provider, "resourceTypes", yyjson_mut_arr(doc));
            yyjson_mut_arr_append(list, provider);
        }
        types = yyjson_mut_obj_get(provider, "resourceTypes");
        yyjson_mut_arr_foreach(types, k, max, item)
        {
            has_type =
                has_type ||
                str_equal_nocase(json_mut_str(yyjson_mut_obj_get(item, "resourceType")), type);
        }
        if (has_type)
            continue;
        item = yyjson_mut_obj(doc);
        locations = yyjson_mut_arr(doc);
        json_set_str(doc, item, "resourceType", type);
        json_set(doc, item, "locations", locations);
        yyjson_mut_arr_append(types, item);
    }
    return list;
}

static yyjson_mut_val *show_reference(yyjson_mut_doc *doc, const struct template_resource *r)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);

    json_set_str(doc, item, "id", r->id);
    json_set_str(doc, item, "resourceType", r->type);
    json_set_str(doc, item, "resourceName", r->name);
    return item;
}

static yyjson_mut_val *show_dependencies(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < d->template.resource_count; i++) {
        const struct template_resource *r = &d->template.resources[i];
        yyjson_mut_val *needs = yyjson_mut_arr(doc), *item;

        for (size_t k = 0; k < r->need_count; k++)
            yyjson_mut_arr_append(needs, show_reference(doc, &d->template.resources[r->needs[k]]));
        if (!r->is_wanted || r->is_existing || !r->need_count)
            continue;
        item = show_reference(doc, r);
        json_set(doc, item, "dependsOn", needs);
        yyjson_mut_arr_append(list, item);
    }
    return list;
}

yyjson_mut_val *template_show_ids(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc), *item;

    for (size_t i = 0; i < d->template.resource_count; i++) {
        if (!d->template.resources[i].is_wanted || d->template.resources[i].is_existing)
            continue;
        item = yyjson_mut_obj(doc);
        json_set_str(doc, item, "id", d->template.resources[i].id);
        yyjson_mut_arr_append(list, item);
    }
    return list;
}

static struct str correlation(const struct arm_call *c)
{
    char guid[GUID_TEXT_LEN + 1];

    if (c->request->correlation_id.len)
        return c->request->correlation_id;
    format_guid(guid);
    return arena_copy(c->arena, str_from(guid));
}

bool template_show_common(struct template_deployment *d, yyjson_mut_doc *doc,
                          yyjson_mut_val *properties, struct error *err)
{
    struct arm_call *c = d->call;
    yyjson_mut_val *parameters;

    if (!template_shown_parameters(&d->template, &parameters, err))
        return false;
    json_set_str(doc, properties, "templateHash", template_hash(c->arena, d->source));
    json_set(doc, properties, "parameters", parameters);
    json_set_str(doc, properties, "mode", d->is_complete ? STR("Complete") : STR("Incremental"));
    json_set_str(doc, properties, "timestamp", format_time(c->arena, clock_now_ms(c->arm->clock)));
    json_set_str(doc, properties, "duration", template_duration(c->arena, d->began_us));
    json_set_str(doc, properties, "correlationId", correlation(c));
    json_set(doc, properties, "providers", show_providers(d, doc));
    json_set(doc, properties, "dependencies", show_dependencies(d, doc));
    return true;
}

yyjson_mut_val *template_show_head(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    json_set_str(doc, root, "id", d->id);
    json_set_str(doc, root, "name", d->name);
    json_set_str(doc, root, "type", str_from(arm_template_deployment_type.name));
    if (d->location.len)
        json_set_str(doc, root, "location", d->location);
    if (d->tags)
        json_set(doc, root, "tags", yyjson_val_mut_copy(doc, d->tags));
    return root;
}

/* The first one, and as many more as there is room for; the operations tell of all. */
static struct str show_details(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc), *failure;
    size_t bytes = 0, i, max;

    yyjson_mut_arr_foreach(d->failures, i, max, failure)
    {
        struct str text = json_write_mut(d->call->arena, failure);

        bytes += text.len;
        if (i && bytes > DETAILS_BYTES_MAX)
            break;
        yyjson_mut_arr_append(list, yyjson_mut_rawn(doc, text.data, text.len));
    }
    return json_write_mut(d->call->arena, list);
}

static yyjson_mut_val *show_error(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *error = arm_error_object(doc, &d->error, show_details(d, doc));

    json_set_str(doc, error, "target", d->id);
    return error;
}

/* Of what is too large to be kept, first what can be known from the template and the operations goes; then what cannot,
 * whose lack is an error of the deployment's. */
static struct str fit(struct template_deployment *d, yyjson_mut_doc *doc, yyjson_mut_val *root,
                      yyjson_mut_val *properties)
{
    static const struct {
        const char *name;
        bool is_wanted;
    } members[] = {
        { "dependencies", false }, { "outputResources", false }, { "providers", false },
        { "outputs", true },       { "parameters", true },
    };
    struct str text = json_write_mut(d->call->arena, root);

    for (size_t i = 0; i < ARRAY_LEN(members) && text.len > TEMPLATE_SHOWN_BYTES_MAX; i++) {
        yyjson_mut_obj_remove_key(properties, members[i].name);
        if (!members[i].is_wanted) {
            text = json_write_mut(d->call->arena, root);
            continue;
        }
        error_set(&d->error, ERROR_ARM_DEPLOYMENT_SIZE,
                  "The deployment's outputs and parameters are too large: what is kept of a "
                  "deployment may have at most %zu bytes.",
                  TEMPLATE_SHOWN_BYTES_MAX);
        json_set_str(doc, properties, "provisioningState", STR("Failed"));
        yyjson_mut_arr_clear(d->failures);
        json_set(doc, properties, "error", show_error(d, doc));
        text = json_write_mut(d->call->arena, root);
    }
    return text;
}

bool template_show(struct template_deployment *d, struct str *shown, struct error *err)
{
    yyjson_mut_doc *doc = d->run->doc;
    yyjson_mut_val *root = template_show_head(d, doc), *properties = yyjson_mut_obj(doc);
    bool has_failed = yyjson_mut_arr_size(d->failures) > 0;

    json_set_str(doc, properties, "provisioningState",
                 has_failed ? STR("Failed") : STR("Succeeded"));
    if (!template_show_common(d, doc, properties, err))
        return false;
    if (d->outputs)
        json_set(doc, properties, "outputs", d->outputs);
    json_set(doc, properties, "outputResources", d->resources);
    if (has_failed)
        json_set(doc, properties, "error", show_error(d, doc));
    json_set(doc, root, "properties", properties);
    *shown = fit(d, doc, root, properties);
    return true;
}
