/*
 * Deployments of templates (Microsoft.Resources/deployments), to a resource group and to a subscription.
 *
 * A deployment has ended when its request is answered, with "Succeeded" or "Failed" in what is shown of it. Of one that failed,
 * the reply leads to an operation besides (Azure-AsyncOperation): clients take from there what they tell of it.
 * SPDX-License-Identifier: MIT
 */
#include "arm/filter.h"
#include "arm/page.h"
#include "arm/resource.h"
#include "arm/template_record.h"
#include "arm/template_run.h"
#include "arm/types/operation.h"
#include "base/format.h"

#define AT_SUBSCRIPTION "/subscriptions/{}/providers/Microsoft.Resources/deployments"
#define IN_GROUP "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Resources/deployments"
/* Where the operations of those in a group are specified to be. */
#define IN_GROUP_SHORT "/subscriptions/{}/resourceGroups/{}/deployments"

/* -- What is shown --------------------------------------------------------------------------- */

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

/* What Azure calls the resources that a template would deploy. */
static yyjson_mut_val *show_ids(const struct template_deployment *d, yyjson_mut_doc *doc)
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

/* The members that a validation has, too. */
static bool show_common(struct template_deployment *d, yyjson_mut_doc *doc,
                        yyjson_mut_val *properties, struct error *err)
{
    struct arm_call *c = d->call;
    double seconds = (double)(clock_monotonic_us() - d->began_us) / 1e6;
    yyjson_mut_val *parameters;

    if (!template_shown_parameters(&d->template, &parameters, err))
        return false;
    json_set_str(doc, properties, "templateHash", template_hash(c->arena, d->source));
    json_set(doc, properties, "parameters", parameters);
    json_set_str(doc, properties, "mode", d->is_complete ? STR("Complete") : STR("Incremental"));
    json_set_str(doc, properties, "timestamp", format_time(c->arena, clock_now_ms(c->arm->clock)));
    json_set_str(doc, properties, "duration", arena_printf(c->arena, "PT%.4fS", seconds));
    json_set_str(doc, properties, "correlationId", correlation(c));
    json_set(doc, properties, "providers", show_providers(d, doc));
    json_set(doc, properties, "dependencies", show_dependencies(d, doc));
    return true;
}

static yyjson_mut_val *show_head(const struct template_deployment *d, yyjson_mut_doc *doc)
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

static yyjson_mut_val *show_error(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    struct str details = json_write_mut(d->call->arena, d->failures);
    yyjson_mut_val *error = arm_error_object(doc, &d->error, details);

    json_set_str(doc, error, "target", d->id);
    return error;
}

/* Of what is too large to be kept, the largest goes, whose lack is an error of the deployment's. */
static struct str fit(struct template_deployment *d, yyjson_mut_doc *doc, yyjson_mut_val *root,
                      yyjson_mut_val *properties)
{
    static const char *const names[] = { "outputs", "parameters", "dependencies",
                                         "outputResources" };
    struct str text = json_write_mut(d->call->arena, root);

    for (size_t i = 0; i < ARRAY_LEN(names) && text.len > TEMPLATE_SHOWN_BYTES_MAX; i++) {
        yyjson_mut_obj_remove_key(properties, names[i]);
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

static bool keep(struct template_deployment *d, struct str *shown, struct error *err)
{
    yyjson_mut_doc *doc = d->run->doc;
    yyjson_mut_val *root = show_head(d, doc), *properties = yyjson_mut_obj(doc);
    yyjson_mut_val *payload = yyjson_mut_obj(doc);
    bool has_failed = yyjson_mut_arr_size(d->failures) > 0;

    json_set_str(doc, properties, "provisioningState",
                 has_failed ? STR("Failed") : STR("Succeeded"));
    if (!show_common(d, doc, properties, err))
        return false;
    if (d->outputs)
        json_set(doc, properties, "outputs", d->outputs);
    json_set(doc, properties, "outputResources", d->resources);
    if (has_failed)
        json_set(doc, properties, "error", show_error(d, doc));
    json_set(doc, root, "properties", properties);
    *shown = fit(d, doc, root, properties);
    json_set(doc, payload, "template", yyjson_val_mut_copy(doc, d->source));
    json_set(doc, payload, "operations", d->operations);
    return template_record_put(d->call, d->scope, d->name, *shown,
                               json_write_mut(d->call->arena, payload), err);
}

/* -- Making one ------------------------------------------------------------------------------ */

static bool check_depth(struct arm_call *c, struct error *err)
{
    if (!c->request->run || c->request->run->depth < TEMPLATE_RUN_DEPTH_MAX)
        return true;
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "Deployment template validation failed: 'Deployments are nested more than %d "
                     "levels deep.'.",
                     TEMPLATE_RUN_DEPTH_MAX);
}

static bool check_before(struct template_deployment *d, bool *existed, struct error *err)
{
    struct str location;
    yyjson_val *before;

    if (!template_record_get(d->call, d->scope, d->name, &before, existed, err))
        return false;
    location = json_str(yyjson_obj_get(before, "location"));
    if (!*existed || str_equal(location, d->location))
        return true;
    return error_set(err, ERROR_ARM_DEPLOYMENT_LOCATION,
                     "Invalid deployment location '%.*s'. The deployment '%.*s' already exists in "
                     "location '%.*s'.",
                     STR_ARGS(d->location), STR_ARGS(d->name), STR_ARGS(location));
}

/* Where what became of it can be asked for again. */
static void add_operation_link(const struct template_deployment *d)
{
    struct arm_call *c = d->call;
    char guid[GUID_TEXT_LEN + 1];

    format_guid(guid);
    arm_reply_header(c, STR("Azure-AsyncOperation"),
                     arena_printf(c->arena, "%.*s%.*s/operationStatuses/%s?api-version=%.*s",
                                  STR_ARGS(c->request->base), STR_ARGS(d->id), guid,
                                  STR_ARGS(c->api_version)));
}

static bool put(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    struct template_run run;
    struct str shown;
    bool existed, good;

    if (!check_depth(c, err) || !template_deployment_read(c, TEMPLATE_DEPLOY, &run, d, err) ||
        !check_before(d, &existed, err))
        return false;
    d->run->depth += c->request->run != NULL;
    good = template_deployment_run(d, err);
    d->run->depth -= c->request->run != NULL;
    if (!good || !keep(d, &shown, err))
        return false;
    if (d->error.code && !c->request->run)
        add_operation_link(d);
    c->reply.status = existed ? 200 : 201;
    c->reply.body = shown;
    return true;
}

static bool validate(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_mut_val *root, *properties;
    struct template_run run;

    if (!template_deployment_read(c, TEMPLATE_VALIDATE, &run, d, err))
        return false;
    if (d->is_checked &&
        (!template_deployment_try(d, err) || !template_deployment_refuse(d, run.refusals, err)))
        return false;
    root = show_head(d, run.doc);
    properties = yyjson_mut_obj(run.doc);
    json_set_str(run.doc, properties, "provisioningState", STR("Succeeded"));
    if (!show_common(d, run.doc, properties, err))
        return false;
    json_set(run.doc, properties, "validatedResources", show_ids(d, run.doc));
    json_set(run.doc, root, "properties", properties);
    arm_reply_json(c, 200, root);
    return true;
}

/* What is wrong with the template is a what-if's result, as in Azure. */
static bool what_if(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_mut_val *root, *properties;
    struct template_run run;

    if (!template_deployment_read(c, TEMPLATE_WHAT_IF, &run, d, err) ||
        !template_deployment_try(d, err) || !template_deployment_refuse(d, run.refusals, err))
        return false;
    root = yyjson_mut_obj(run.doc);
    properties = yyjson_mut_obj(run.doc);
    json_set_str(run.doc, root, "status", STR("Succeeded"));
    json_set(run.doc, properties, "changes", run.changes);
    json_set(run.doc, root, "properties", properties);
    arm_reply_json(c, 200, root);
    return true;
}

/* -- Asking for them ------------------------------------------------------------------------- */

static bool not_found(const struct template_deployment *d, struct error *err)
{
    return error_set(err, ERROR_ARM_NO_DEPLOYMENT, "Deployment '%.*s' could not be found.",
                     STR_ARGS(str_slice(d->name, 0, 100)));
}

/* The one that the route names. */
static bool find(struct arm_call *c, struct template_deployment *d, yyjson_val **shown,
                 struct error *err)
{
    bool found;

    if (!template_deployment_locate(c, d, err) ||
        !template_record_get(c, d->scope, d->name, shown, &found, err))
        return false;
    return found || not_found(d, err);
}

static bool get(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_val *shown;

    if (!find(c, d, &shown, err))
        return false;
    c->reply.status = 200;
    c->reply.body = json_write(c->arena, shown);
    return true;
}

static bool remove_one(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    bool existed;

    if (!template_deployment_locate(c, d, err) ||
        !template_record_delete(c, d->scope, d->name, &existed, err))
        return false;
    c->reply.status = existed ? 202 : 204;
    return !existed || arm_operation_start(c, err);
}

/* $filter=provisioningState eq 'Failed' */
static bool read_filter(struct arm_call *c, struct str *state, struct error *err)
{
    struct arm_filter_terms terms;
    struct arm_filter_term term;

    *state = STR_NONE;
    arm_filter_begin(c, &terms);
    while (arm_filter_next(&terms, &term)) {
        if (arm_filter_is(&term, "provisioningState", false))
            *state = term.value;
        else
            terms.is_wrong = true;
    }
    return !terms.is_wrong ||
           error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may be "
                            "provisioningState eq '{state}'.");
}

/* The newest first. */
static bool list(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct str *names, state, last = STR_NONE;
    struct arm_page page;
    yyjson_val *shown;
    size_t count;
    bool found, is_before;

    if (!template_deployment_locate(c, d, err) || !read_filter(c, &state, err) ||
        !arm_page_read(c, &page, err) || !template_record_names(c, d->scope, &names, &count, err))
        return false;
    is_before = page.after_key.len > 0;
    for (size_t i = count; i-- > 0;) {
        if (is_before) {
            is_before = !str_equal(names[i], page.after_key);
            continue;
        }
        if (!template_record_get(c, d->scope, names[i], &shown, &found, err))
            return false;
        if (!found ||
            (state.len &&
             !str_equal_nocase(json_str(json_at(shown, "properties.provisioningState")), state)))
            continue;
        if (yyjson_mut_arr_size(value) == page.size) {
            arm_page_link(c, doc, root, last);
            break;
        }
        last = names[i];
        yyjson_mut_arr_append(value, yyjson_val_mut_copy(doc, shown));
    }
    json_set(doc, root, "value", value);
    arm_reply_json(c, 200, root);
    return true;
}

/* Where Azure-AsyncOperation leads. */
static bool get_status(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_val *shown, *error;

    if (!find(c, d, &shown, err))
        return false;
    error = json_at(shown, "properties.error");
    json_set_str(doc, root, "status", json_str(json_at(shown, "properties.provisioningState")));
    if (error)
        json_set(doc, root, "error", yyjson_val_mut_copy(doc, error));
    arm_reply_json(c, 200, root);
    return true;
}

/* It has always ended. */
static bool cancel(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_val *shown;

    if (!find(c, d, &shown, err))
        return false;
    return error_set(err, ERROR_ARM_NOT_RUNNING,
                     "The deployment '%.*s' cannot be cancelled: it has ended with the "
                     "provisioning state '%.*s'.",
                     STR_ARGS(d->name),
                     STR_ARGS(json_str(json_at(shown, "properties.provisioningState"))));
}

/* -- Its template and its operations --------------------------------------------------------- */

static yyjson_val *find_payload(struct arm_call *c, struct template_deployment *d,
                                struct error *err)
{
    yyjson_val *shown;

    if (!find(c, d, &shown, err))
        return NULL;
    return template_record_payload(c, d->scope, d->name, err);
}

static bool export_template(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_val *payload = find_payload(c, d, err);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    if (!payload)
        return false;
    json_set(doc, root, "template", yyjson_val_mut_copy(doc, yyjson_obj_get(payload, "template")));
    arm_reply_json(c, 200, root);
    return true;
}

static yyjson_mut_val *show_operation(const struct template_deployment *d, yyjson_val *kept,
                                      yyjson_mut_doc *doc)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);
    struct str id = json_str(yyjson_obj_get(kept, "operationId"));

    json_set_str(
        doc, item, "id",
        arena_printf(d->call->arena, "%.*s/operations/%.*s", STR_ARGS(d->id), STR_ARGS(id)));
    json_set_str(doc, item, "operationId", id);
    json_set(doc, item, "properties", yyjson_val_mut_copy(doc, yyjson_obj_get(kept, "properties")));
    return item;
}

static bool list_operations(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_val *payload = find_payload(c, d, err), *kept;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);
    size_t i, max;

    if (!payload)
        return false;
    yyjson_arr_foreach(yyjson_obj_get(payload, "operations"), i, max, kept)
    {
        yyjson_mut_arr_append(value, show_operation(d, kept, doc));
    }
    arm_reply_list(c, doc, value);
    return true;
}

static bool get_operation(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_val *payload = find_payload(c, d, err), *kept;
    struct str id = c->names[c->name_count - 1];
    yyjson_mut_doc *doc = json_new(c->arena);
    size_t i, max;

    if (!payload)
        return false;
    yyjson_arr_foreach(yyjson_obj_get(payload, "operations"), i, max, kept)
    {
        if (str_equal_nocase(json_str(yyjson_obj_get(kept, "operationId")), id)) {
            arm_reply_json(c, 200, show_operation(d, kept, doc));
            return true;
        }
    }
    return error_set(err, ERROR_ARM_NO_DEPLOYMENT,
                     "The operation '%.*s' of the deployment '%.*s' could not be found.",
                     STR_ARGS(str_slice(id, 0, 100)), STR_ARGS(d->name));
}

#define ROUTES(AT)                                                                         \
    { HTTP_GET, AT, list }, { HTTP_GET, AT "/{}", get }, { HTTP_PUT, AT "/{}", put },      \
        { HTTP_DELETE, AT "/{}", remove_one }, { HTTP_POST, AT "/{}/validate", validate }, \
        { HTTP_POST, AT "/{}/whatIf", what_if }, { HTTP_POST, AT "/{}/cancel", cancel },   \
        { HTTP_POST, AT "/{}/exportTemplate", export_template },                           \
        { HTTP_GET, AT "/{}/operations", list_operations },                                \
        { HTTP_GET, AT "/{}/operations/{}", get_operation },                               \
    {                                                                                      \
        HTTP_GET, AT "/{}/operationStatuses/{}", get_status                                \
    }

static const struct arm_route routes[] = {
    ROUTES(IN_GROUP),
    ROUTES(AT_SUBSCRIPTION),
    { HTTP_GET, IN_GROUP_SHORT "/{}/operations", list_operations },
    { HTTP_GET, IN_GROUP_SHORT "/{}/operations/{}", get_operation },
};

const struct arm_type arm_template_deployment_type = {
    .name = "Microsoft.Resources/deployments",
    .provider = &arm_resources,
    .path = IN_GROUP "/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
