/*
 * The request of a deployment: what is wrong with it is refused before anything is done.
 * SPDX-License-Identifier: MIT
 */
#include "arm/document.h"
#include "arm/location.h"
#include "arm/part.h"
#include "arm/resource.h"
#include "arm/template_run.h"
#include "base/format.h"
#include "template/jsonc.h"

#define NAME_MAX_LEN 64

/* -- Names ----------------------------------------------------------------------------------- */

static bool check_name(struct str name, struct error *err)
{
    if (name.len && name.len <= NAME_MAX_LEN && str_is_alnum_or(name, "-_.()"))
        return true;
    return error_set(err, ERROR_ARM_DEPLOYMENT_NAME,
                     "The provided deployment name '%.*s' is not valid: it must have 1 to %d "
                     "characters, which may be letters, digits, '-', '_', '.', '(' and ')'.",
                     STR_ARGS(str_slice(name, 0, 100)), NAME_MAX_LEN);
}

bool template_deployment_locate(struct arm_call *c, struct template_deployment *d,
                                struct error *err)
{
    bool is_in_group =
        str_starts_with(str_from(c->route->path), STR("/subscriptions/{}/resourceGroups/"));
    struct store_resource group;

    d->call = c;
    d->template.place.subscription_id = c->names[0];
    if (is_in_group) {
        if (!arm_resource_find(c, &arm_group_type, &group, err))
            return false;
        d->template.place.group = c->names[1];
        d->scope = group.id;
    } else {
        d->scope = arena_printf(c->arena, "/subscriptions/%.*s", STR_ARGS(c->names[0]));
    }
    if (c->name_count > (is_in_group ? 2u : 1u))
        d->name = c->names[is_in_group ? 2 : 1];
    d->id = arena_printf(c->arena, "%.*s/providers/Microsoft.Resources/deployments/%.*s",
                         STR_ARGS(d->scope), STR_ARGS(d->name));
    return true;
}

/* -- The body -------------------------------------------------------------------------------- */

static bool missing(const char *path, struct error *err)
{
    return error_set_target(err, ERROR_ARM_BODY, path,
                            "The request content was invalid and could not be deserialized: '%s' "
                            "is required.",
                            path);
}

/* The Azure CLI sends the template as its file has it, with comments, and its name without quotes. */
static yyjson_val *read_body(struct arm_call *c, struct error *err)
{
    struct error why;
    yyjson_doc *doc = template_jsonc_parse(c->arena, c->request->body, &why);

    if (!doc) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: '%s'.", why.text);
        return NULL;
    }
    if (!arm_check_doubts(c, doc, err))
        return NULL;
    if (yyjson_is_obj(yyjson_doc_get_root(doc)))
        return yyjson_doc_get_root(doc);
    error_set(err, ERROR_ARM_BODY,
              "The request content was invalid and could not be deserialized: it must be an "
              "object.");
    return NULL;
}

/* Nothing is fetched from anywhere. */
static bool check_links(yyjson_val *properties, struct error *err)
{
    static const char *const names[] = { "templateLink", "parametersLink" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        yyjson_val *link = template_get(properties, names[i]);
        struct str uri = json_str(template_get(link, "uri"));

        if (!link)
            continue;
        if (str_is_empty(uri))
            uri = json_str(template_get(link, "id"));
        return error_set_target(
            err, ERROR_ARM_CONTENT_LINK, names[i],
            "Unable to download deployment content from '%.*s'. Templates and "
            "parameters are not fetched from anywhere: send them in the request.",
            STR_ARGS(str_slice(uri, 0, 200)));
    }
    if (template_get(properties, "onErrorDeployment"))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "onErrorDeployment",
                                "To deploy another template where this one fails "
                                "('onErrorDeployment') is not supported.");
    return true;
}

static bool read_mode(struct template_deployment *d, yyjson_val *properties, struct error *err)
{
    struct str mode = json_str(template_get(properties, "mode"));
    struct str level = json_str(template_get(properties, "validationLevel"));

    if (str_is_empty(mode))
        return missing("properties.mode", err);
    /* a deployment within another one is incremental, whatever it says */
    d->is_complete = str_equal_nocase(mode, STR("Complete")) && !d->call->request->run;
    d->is_checked = !str_equal_nocase(level, STR("Template"));
    if (!str_equal_nocase(mode, STR("Complete")) && !str_equal_nocase(mode, STR("Incremental")))
        return error_set_target(err, ERROR_ARM_BODY, "properties.mode",
                                "Error converting value \"%.*s\" of 'properties.mode': it must be "
                                "Incremental or Complete.",
                                STR_ARGS(str_slice(mode, 0, 100)));
    if (d->is_complete && str_is_empty(d->template.place.group))
        return error_set(err, ERROR_ARM_BAD_REQUEST,
                         "The 'Complete' deployment mode is not supported for a deployment to a "
                         "subscription. Please use 'Incremental'.");
    return true;
}

/* A deployment to a group is where the group is. */
static bool read_location(struct template_deployment *d, yyjson_val *body, struct error *err)
{
    struct str location = json_str(template_get(body, "location"));
    const struct catalog_location *known;

    if (d->template.place.group.len) {
        if (str_is_empty(location))
            return true;
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "location",
                                "The 'location' property is not allowed for a deployment to a "
                                "resource group.");
    }
    if (str_is_empty(location))
        return error_set(err, ERROR_ARM_LOCATION_MISSING,
                         "The 'location' property is required for a deployment to a subscription.");
    if (!arm_location_check(d->call, location, NULL, err))
        return false;
    known = catalog_find_location(d->call->arm->catalog, location);
    d->location = str_from(known->name);
    return true;
}

/* -- Resources ------------------------------------------------------------------------------- */

/* One more of the errors that keep a deployment from being begun. */
static void note_refusal(struct template_deployment *d, const struct template_resource *r,
                         const struct arm_part *part)
{
    yyjson_mut_val *error = arm_error_object(d->run->doc, &part->err, part->error_details);
    struct str message = json_mut_str(yyjson_mut_obj_get(error, "message"));

    if (part->err.code == ERROR_ARM_FORBIDDEN)
        message = arena_printf(d->call->arena,
                               "Authorization failed for template resource '%.*s' of type '%.*s'. "
                               "%.*s",
                               STR_ARGS(r->name), STR_ARGS(r->type), STR_ARGS(message));
    else if (part->err.code == ERROR_ARM_NO_TYPE || part->err.code == ERROR_ARM_NO_PROVIDER ||
             part->err.code == ERROR_ARM_METHOD || part->err.code == ERROR_ARM_NO_PATH)
        message = arena_printf(d->call->arena,
                               "The resource type '%.*s' could not be found or cannot be deployed "
                               "here (API version '%.*s'). %.*s",
                               STR_ARGS(r->type), STR_ARGS(r->api_version), STR_ARGS(message));
    json_set_str(d->run->doc, error, "message", template_without_secrets(&d->template, message));
    json_set_str(d->run->doc, error, "target", r->id);
    yyjson_mut_arr_append(d->refusals, error);
}

bool template_deployment_refuse(struct template_deployment *d, yyjson_mut_val *refusals,
                                struct error *err)
{
    char guid[GUID_TEXT_LEN + 1];

    if (!yyjson_mut_arr_size(refusals))
        return true;
    format_guid(guid);
    d->call->error_details = json_write_mut(d->call->arena, refusals);
    return error_set(err, ERROR_ARM_TEMPLATE_DEPLOYMENT,
                     "The template deployment '%.*s' is not valid according to the validation "
                     "procedure. The tracking id is '%s'. See inner errors for details.",
                     STR_ARGS(d->name), guid);
}

/* Is each type served, and may the caller write each resource? */
static bool check_resources(struct template_deployment *d, struct error *err)
{
    for (size_t i = 0; i < d->template.resource_count; i++) {
        const struct template_resource *r = &d->template.resources[i];
        struct arm_part part = {
            .method = HTTP_PUT,
            .id = r->id,
            .api_version = r->api_version,
            .template = &d->template,
        };

        yyjson_mut_arr_add_strcpy(d->run->doc, d->run->kept,
                                  arena_text(d->call->arena, arena_lower(d->call->arena, r->id)));
        if (!r->is_wanted || r->is_existing) /* the latter is read where something refers to it */
            continue;
        if (!arm_part_look(d->call, d->run, &part, err))
            return false;
        if (!part.is_good && part.err.code != ERROR_ARM_NO_SUBSCRIPTION)
            note_refusal(d, r, &part);
    }
    return template_deployment_refuse(d, d->refusals, err);
}

/* -- All of it ------------------------------------------------------------------------------- */

static void begin_run(struct template_deployment *d, enum template_purpose purpose,
                      struct template_run *run)
{
    struct template_run *around = d->call->request->run;

    d->run = around ? around : run;
    if (around)
        return;
    *run = (struct template_run){
        .purpose = purpose,
        .deadline_us = clock_thread_us() + TEMPLATE_RUN_US,
        .arena = d->call->arena,
        .doc = json_new(d->call->arena),
    };
    template_budget_init(&run->budget);
    run->changes = yyjson_mut_arr(run->doc);
    run->kept = yyjson_mut_arr(run->doc);
    run->refusals = yyjson_mut_arr(run->doc);
}

static void begin(struct template_deployment *d)
{
    yyjson_mut_doc *doc = d->run->doc;

    d->began_us = clock_monotonic_us();
    d->operations = yyjson_mut_arr(doc);
    d->failures = yyjson_mut_arr(doc);
    d->refusals = yyjson_mut_arr(doc);
    d->resources = yyjson_mut_arr(doc);
    d->template.x = (struct template_context){
        .arena = d->call->arena,
        .doc = doc,
        .budget = &d->run->budget,
        .now_ms = d->call->now_ms,
    };
}

static bool load(struct template_deployment *d, yyjson_val *properties, struct error *err)
{
    struct template_host *host = ARENA_NEW(d->call->arena, struct template_host);
    struct template_place place = d->template.place;

    *host = template_deployment_host;
    host->data = d;
    if (!template_load(&d->template, &place, host, d->source,
                       template_get(properties, "parameters"), err) ||
        !template_expand(&d->template, err)) {
        template_hide_secrets(&d->template, err);
        return false;
    }
    d->run->resource_count += d->template.resource_count;
    return d->run->resource_count <= TEMPLATE_RUN_RESOURCES_MAX ||
           error_set(err, ERROR_ARM_TEMPLATE,
                     "Deployment template validation failed: 'The deployment and those within it "
                     "have more than %zu resources.'.",
                     TEMPLATE_RUN_RESOURCES_MAX);
}

bool template_deployment_read(struct arm_call *c, enum template_purpose purpose,
                              struct template_run *run, struct template_deployment *d,
                              struct error *err)
{
    yyjson_val *body, *properties, *settings;

    if (!template_deployment_locate(c, d, err) || !check_name(d->name, err))
        return false;
    begin_run(d, purpose, run);
    begin(d);
    body = read_body(c, err);
    if (!body)
        return false;
    properties = template_get(body, "properties");
    if (!properties)
        return missing("properties", err);
    d->tags = template_get(body, "tags");
    if (d->tags && !arm_document_check_tags(d->tags, err))
        return false;
    settings = template_get(properties, "whatIfSettings");
    if (settings)
        d->run->shows_ids_only = str_equal_nocase(json_str(template_get(settings, "resultFormat")),
                                                  STR("ResourceIdOnly"));
    if (!read_mode(d, properties, err) || !check_links(properties, err) ||
        !read_location(d, body, err))
        return false;
    d->source = template_get(properties, "template");
    if (!d->source)
        return missing("properties.template", err);
    return load(d, properties, err) && check_resources(d, err);
}
