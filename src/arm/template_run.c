/* SPDX-License-Identifier: MIT */
#include "arm/template_run.h"

#include "arm/part.h"
#include "arm/resource.h"
#include "base/format.h"
#include "base/random.h"

#define OPERATION_ID_BYTES 8

/* -- Operations ------------------------------------------------------------------------------ */

struct str template_duration(struct arena *a, uint64_t began_us)
{
    return arena_printf(a, "PT%.4fS", (double)(clock_monotonic_us() - began_us) / 1e6);
}

static const char *status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "NoContent" },
        { 400, "BadRequest" },
        { 403, "Forbidden" },
        { 404, "NotFound" },
        { 405, "MethodNotAllowed" },
        { 409, "Conflict" },
        { 412, "PreconditionFailed" },
        { 413, "RequestEntityTooLarge" },
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return "InternalServerError";
}

void template_note_operation(struct template_deployment *d, const char *what, struct str id,
                             struct str type, struct str symbol, const struct arm_part *part,
                             uint64_t began_us)
{
    yyjson_mut_doc *doc = d->run->doc;
    yyjson_mut_val *item = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc), *target;
    struct arena *a = d->call->arena;
    uint8_t bytes[OPERATION_ID_BYTES];

    random_bytes(bytes, sizeof(bytes));
    json_set_str(doc, item, "operationId", format_hex(a, bytes, sizeof(bytes)));
    json_set_str(doc, properties, "provisioningOperation", str_from(what));
    json_set_str(doc, properties, "provisioningState",
                 part->is_good ? STR("Succeeded") : STR("Failed"));
    json_set_str(doc, properties, "timestamp", format_time(a, clock_now_ms(d->call->arm->clock)));
    json_set_str(doc, properties, "duration", template_duration(a, began_us));
    json_set_str(doc, properties, "statusCode", str_from(status_name(part->status)));
    if (!part->is_good) {
        yyjson_mut_val *message = yyjson_mut_obj(doc);

        json_set(doc, message, "error", arm_error_object(doc, &part->err, part->error_details));
        json_set(doc, properties, "statusMessage", message);
    }
    if (id.len) {
        target = yyjson_mut_obj(doc);
        json_set_str(doc, target, "id", id);
        json_set_str(doc, target, "resourceType", type);
        json_set_str(doc, target, "resourceName", arm_id_name(id));
        if (symbol.len)
            json_set_str(doc, target, "symbolicName", symbol);
        json_set(doc, properties, "targetResource", target);
    }
    json_set(doc, item, "properties", properties);
    yyjson_mut_arr_append(d->operations, item);
}

/* -- Failures -------------------------------------------------------------------------------- */

/* What Azure's validation of a template finds: what is wrong with a resource by itself. Whether what it needs is there, and
 * locks, it finds as it deploys [inferred of reports by users]. */
static bool is_refusal(const struct arm_part *part)
{
    enum error_code code = part->err.code;

    if (code == ERROR_ARM_DEPLOYMENT_TIME || code == ERROR_ARM_RESOURCE_FAILED)
        return false; /* what failed within the latter was looked at */
    return part->status == 400 || part->status == 403 || code == ERROR_ARM_SOFT_DELETED ||
           code == ERROR_ARM_DOMAIN_IN_USE;
}

static void note_failure(struct template_deployment *d, struct str id, const struct arm_part *part)
{
    yyjson_mut_doc *doc = d->run->doc;
    yyjson_mut_val *error = arm_error_object(doc, &part->err, part->error_details);

    json_set_str(doc, error, "target", id);
    yyjson_mut_arr_append(d->failures, error);
    if (is_refusal(part))
        yyjson_mut_arr_append(d->run->refusals, yyjson_mut_val_mut_copy(doc, error));
    if (part->err.code != ERROR_ARM_RESOURCE_FAILED)
        template_note_unknown(d->run, id, str_from(part->err.text));
    error_set(&d->error, ERROR_ARM_DEPLOYMENT_FAILED, NULL);
}

/* -- One resource ---------------------------------------------------------------------------- */

static void set_failure(struct arm_part *part, const struct error *why)
{
    part->is_good = false;
    part->err = *why;
    part->status = error_info(why->code)->status;
    arm_part_hide_secrets(part);
}

/* A deployment within this one is there, whatever became of it. */
static void look_inside(struct arm_part *part, struct arena *a)
{
    yyjson_val *properties = yyjson_obj_get(part->root, "properties");
    yyjson_val *error = yyjson_obj_get(properties, "error");
    struct error why;

    if (!yyjson_equals_str(yyjson_obj_get(properties, "provisioningState"), "Failed"))
        return;
    if (error)
        part->error_details = arena_printf(a, "[%.*s]", STR_ARGS(json_write(a, error)));
    error_set(&why, ERROR_ARM_RESOURCE_FAILED, NULL);
    set_failure(part, &why);
}

/* As GET shows it; *shown NULL: it is not there, or not for the caller's eyes. */
static bool show(struct template_deployment *d, const struct template_resource *r,
                 yyjson_val **shown, struct error *err)
{
    struct arm_part part = { .method = HTTP_GET, .id = r->id, .api_version = r->api_version };

    *shown = NULL;
    if (d->run->purpose != TEMPLATE_WHAT_IF || r->is_deployment)
        return true;
    if (!arm_part_run(d->call, d->run, &part, err))
        return false;
    *shown = part.is_good ? part.root : NULL;
    return true;
}

static bool put(struct template_deployment *d, const struct template_resource *r,
                yyjson_mut_val *body, struct arm_part *part, struct error *err)
{
    yyjson_val *before, *after;

    part->body = json_write_mut(d->call->arena, body);
    if (!show(d, r, &before, err) || !arm_part_run(d->call, d->run, part, err))
        return false;
    if (part->is_good && r->is_deployment)
        look_inside(part, d->call->arena);
    if (!part->is_good || r->is_deployment || d->run->purpose != TEMPLATE_WHAT_IF)
        return true;
    if (!show(d, r, &after, err))
        return false;
    template_note_change(d->run, r->id, r->api_version, before, after);
    return true;
}

static bool cannot_go_on(const struct template_deployment *d, const struct error *err)
{
    return err->code == ERROR_STORE || err->code == ERROR_STORE_UNUSABLE ||
           d->call->wanted_key.vault.len;
}

static void finish(struct template_deployment *d, size_t i, const struct arm_part *part,
                   uint64_t began_us)
{
    const struct template_resource *r = &d->template.resources[i];
    yyjson_mut_val *item;

    template_note_operation(d, "Create", r->id, r->type, r->symbol, part, began_us);
    if (part->is_good) {
        item = yyjson_mut_obj(d->run->doc);
        json_set_str(d->run->doc, item, "id", r->id);
        yyjson_mut_arr_append(d->resources, item);
    } else {
        note_failure(d, r->id, part);
    }
    template_finish(&d->template, i, part->is_good);
}

static bool deploy(struct template_deployment *d, size_t i, struct error *err)
{
    const struct template_resource *r = &d->template.resources[i];
    struct arm_part part = {
        .method = HTTP_PUT, .id = r->id, .api_version = r->api_version, .template = &d->template
    };
    uint64_t began_us = clock_monotonic_us();
    yyjson_mut_val *body;
    struct error why;
    bool waits;

    if (clock_thread_us() > d->run->deadline_us) {
        error_set(&why, ERROR_ARM_DEPLOYMENT_TIME,
                  "The deployment has taken more than %u seconds. What it has deployed stays.",
                  TEMPLATE_RUN_US / 1000000);
        set_failure(&part, &why);
    } else if (!template_body(&d->template, i, &body, &waits, &why)) {
        if (waits)
            return true;
        if (cannot_go_on(d, &why)) {
            *err = why;
            return false;
        }
        set_failure(&part, &why);
    } else if (!put(d, r, body, &part, err)) {
        return false;
    }
    finish(d, i, &part, began_us);
    return true;
}

/* -- All of them ----------------------------------------------------------------------------- */

static bool run_resources(struct template_deployment *d, struct error *err)
{
    struct arm_part circle = { .status = 400 };
    size_t i;

    for (;;) {
        if (!template_next(&d->template, &i, &circle.err)) {
            note_failure(d, d->id, &circle);
            return true;
        }
        if (i == TEMPLATE_NONE)
            return true;
        if (!deploy(d, i, err))
            return false;
    }
}

static bool run_outputs(struct template_deployment *d, struct error *err)
{
    struct arm_part part = { .is_good = true, .status = 200 };
    uint64_t began_us = clock_monotonic_us();

    part.is_good = template_outputs(&d->template, &d->outputs, &part.err);
    if (!part.is_good) {
        yyjson_mut_val *error;

        if (cannot_go_on(d, &part.err)) {
            *err = part.err;
            return false;
        }
        template_hide_secrets(&d->template, &part.err);
        part.status = error_info(part.err.code)->status;
        d->outputs = NULL;
        error = arm_error_object(d->run->doc, &part.err, STR_NONE);
        yyjson_mut_arr_append(d->failures, error);
        error_set(&d->error, ERROR_ARM_OUTPUTS_FAILED,
                  "Unable to evaluate template outputs: '%s'. Please see error details and "
                  "deployment operations. Please see https://aka.ms/arm-common-errors for usage "
                  "details.",
                  part.err.target);
    }
    if (!part.is_good || yyjson_mut_obj_size(d->outputs))
        template_note_operation(d, "EvaluateDeploymentOutput", STR_NONE, STR_NONE, STR_NONE, &part,
                                began_us);
    return true;
}

bool template_deployment_run(struct template_deployment *d, struct error *err)
{
    if (!run_resources(d, err))
        return false;
    if (!yyjson_mut_arr_size(d->failures) && !template_deployment_clean(d, err))
        return false;
    return yyjson_mut_arr_size(d->failures) || run_outputs(d, err);
}

bool template_deployment_try(struct template_deployment *d, struct error *err)
{
    struct arm_call *c = d->call;

    if (!store_mark(c->txn, err) || !template_deployment_run(d, err))
        return false;
    c->publications = NULL;
    return store_take_back(c->txn, err);
}
