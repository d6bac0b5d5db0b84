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

/* Characters of the deployments that one page of a list goes through. */
#define PAGE_CHARS_MAX ((uint64_t)8 * 1024 * 1024)

/* What a deployment takes of the caller's rate: one write for each so long as it takes. */
#define WRITE_US 1000.0

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

static bool keep(struct template_deployment *d, struct str *shown, struct error *err)
{
    yyjson_mut_doc *doc = d->run->doc;
    yyjson_mut_val *payload = yyjson_mut_obj(doc);

    if (!template_show(d, shown, err))
        return false;
    json_set(doc, payload, "template", yyjson_val_mut_copy(doc, d->source));
    json_set(doc, payload, "operations", d->operations);
    return template_record_put(d->call, d->scope, d->name, *shown,
                               json_write_mut(d->call->arena, payload), err);
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

static bool deploy(struct arm_call *c, struct error *err)
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

static bool look(struct arm_call *c, struct error *err)
{
    struct template_deployment *d = ARENA_NEW(c->arena, struct template_deployment);
    yyjson_mut_val *root, *properties;
    struct template_run run;

    if (!template_deployment_read(c, TEMPLATE_VALIDATE, &run, d, err))
        return false;
    if (d->is_checked &&
        (!template_deployment_try(d, err) || !template_deployment_refuse(d, run.refusals, err)))
        return false;
    root = template_show_head(d, run.doc);
    properties = yyjson_mut_obj(run.doc);
    json_set_str(run.doc, properties, "provisioningState", STR("Succeeded"));
    if (!template_show_common(d, run.doc, properties, err))
        return false;
    json_set(run.doc, properties, "validatedResources", template_show_ids(d, run.doc));
    json_set(run.doc, root, "properties", properties);
    arm_reply_json(c, 200, root);
    return true;
}

/* What is wrong with the template is a what-if's result, as in Azure. */
static bool tell(struct arm_call *c, struct error *err)
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

/* Others wait while one deployment holds the store's thread: who lets them wait has to wait, too, before the next one. */
static bool count_time(struct arm_call *c, arm_handler *work, struct error *err)
{
    uint64_t began_us = clock_thread_us();
    bool is_good = work(c, err);

    if (!c->request->run)
        arm_throttle_charge(&c->arm->throttle, c->request->principal.object_id, THROTTLE_WRITES,
                            (double)(clock_thread_us() - began_us) / WRITE_US);
    return is_good;
}

static bool put(struct arm_call *c, struct error *err)
{
    return count_time(c, deploy, err);
}

static bool validate(struct arm_call *c, struct error *err)
{
    return count_time(c, look, err);
}

static bool what_if(struct arm_call *c, struct error *err)
{
    return count_time(c, tell, err);
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
    uint64_t chars = 0;
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
        if (yyjson_mut_arr_size(value) == page.size || chars > PAGE_CHARS_MAX) {
            arm_page_link(c, doc, root, last);
            break;
        }
        if (!template_record_get(c, d->scope, names[i], &shown, &found, err))
            return false;
        last = names[i];
        chars += json_count_chars(shown);
        if (!found ||
            (state.len &&
             !str_equal_nocase(json_str(json_at(shown, "properties.provisioningState")), state)))
            continue;
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
