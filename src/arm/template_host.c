/*
 * What a template's functions are told of: where it is deployed, and what its resources are.
 * SPDX-License-Identifier: MIT
 */
#include "arm/part.h"
#include "arm/resource.h"
#include "arm/template_run.h"
#include "entra/metadata.h"

/* Steps of the budget for each question: it is a call of its own. */
#define ASK_STEPS 1000

/* -- Around the template --------------------------------------------------------------------- */

/* As GET shows it, with the rights of the program: these functions need none. */
static yyjson_mut_val *show(struct arm_call *c, struct str id, const struct arm_type *type,
                            yyjson_mut_doc *doc)
{
    struct store_resource r;
    struct error err;
    bool found;

    if (!store_get(c->txn, arena_lower(c->arena, id), &r, &found, &err) || !found)
        return NULL;
    return arm_resource_render_own(c, type, &r, doc, &err);
}

static yyjson_mut_val *subscription(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    struct arm_call *c = d->call;
    struct str id =
        arena_printf(c->arena, "/subscriptions/%.*s", STR_ARGS(d->template.place.subscription_id));
    yyjson_mut_val *shown = show(c, id, &arm_subscription_type, doc), *made = yyjson_mut_obj(doc);

    json_set_str(doc, made, "id", id);
    json_set_str(doc, made, "subscriptionId", d->template.place.subscription_id);
    json_set_str(doc, made, "tenantId", str_from(c->arm->tenant_id));
    json_set_str(doc, made, "displayName", json_mut_str(json_mut_at(shown, "displayName")));
    return made;
}

static yyjson_mut_val *deployment(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    static const char *const members[] = { "$schema", "contentVersion", "metadata" };
    yyjson_mut_val *made = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);
    yyjson_mut_val *template = yyjson_mut_obj(doc);

    json_set_str(doc, made, "name", d->name);
    if (d->location.len)
        json_set_str(doc, made, "location", d->location);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        yyjson_val *value = yyjson_obj_get(d->source, members[i]);

        if (value)
            json_set(doc, template, members[i], yyjson_val_mut_copy(doc, value));
    }
    json_set(doc, properties, "template", template);
    json_set_str(doc, properties, "templateHash", template_hash(d->call->arena, d->source));
    json_set_str(doc, properties, "mode", d->is_complete ? STR("Complete") : STR("Incremental"));
    json_set_str(doc, properties, "provisioningState", STR("Accepted"));
    json_set(doc, made, "properties", properties);
    return made;
}

static yyjson_mut_val *tenant(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    yyjson_mut_val *made = yyjson_mut_obj(doc);
    struct str id = str_from(d->call->arm->tenant_id);

    json_set_str(doc, made, "id", arena_printf(d->call->arena, "/tenants/%.*s", STR_ARGS(id)));
    json_set_str(doc, made, "tenantId", id);
    return made;
}

static yyjson_mut_val *deployer(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    const struct principal *who = &d->call->request->principal;
    yyjson_mut_val *made = yyjson_mut_obj(doc);

    json_set_str(doc, made, "objectId", who->object_id);
    json_set_str(doc, made, "tenantId", str_from(d->call->arm->tenant_id));
    json_set_str(doc, made, "userPrincipalName",
                 who->kind == PRINCIPAL_USER ? who->name : STR_NONE);
    return made;
}

/* The cloud's description in the form that templates know: they put a name or a tenant's id next to these (learn.microsoft.com,
 * "Deployment functions for ARM templates", environment). */
static yyjson_mut_val *environment(const struct template_deployment *d, yyjson_mut_doc *doc)
{
    static const char *const dotted[] = { "acrLoginServer", "keyVaultDns", "sqlServerHostname" };
    struct arena *a = d->call->arena;
    yyjson_mut_val *made = entra_cloud(a, d->call->request->base, doc);
    yyjson_mut_val *suffixes = yyjson_mut_obj_get(made, "suffixes");
    yyjson_mut_val *login = json_mut_at(made, "authentication.loginEndpoint");
    struct str text = arena_printf(a, "%.*s/", STR_ARGS(json_mut_str(login)));

    yyjson_mut_set_strn(login, text.data, text.len);
    for (size_t i = 0; i < ARRAY_LEN(dotted); i++) {
        yyjson_mut_val *suffix = yyjson_mut_obj_get(suffixes, dotted[i]);

        text = arena_printf(a, ".%.*s", STR_ARGS(json_mut_str(suffix)));
        yyjson_mut_set_strn(suffix, text.data, text.len);
    }
    return made;
}

static yyjson_mut_val *subject(void *data, struct template_context *x, struct str name)
{
    const struct template_deployment *d = data;

    if (str_equal(name, STR("subscription")))
        return subscription(d, x->doc);
    if (str_equal(name, STR("deployment")))
        return deployment(d, x->doc);
    if (str_equal(name, STR("tenant")))
        return tenant(d, x->doc);
    if (str_equal(name, STR("environment")))
        return environment(d, x->doc);
    if (str_equal(name, STR("deployer")))
        return deployer(d, x->doc);
    return d->template.place.group.len ? show(d->call, d->scope, &arm_group_type, x->doc) : NULL;
}

/* -- Resources ------------------------------------------------------------------------------- */

/* What reference(..., 'Full') has besides what a GET shows. */
static void add_facts(const struct template_question *q, yyjson_mut_doc *doc, yyjson_mut_val *full)
{
    json_set_str(doc, full, "apiVersion", q->api_version);
    json_set_str(doc, full, "resourceId", q->id);
    json_set_str(doc, full, "subscriptionId", arm_id_segment(q->id, 1));
    if (str_equal_nocase(arm_id_segment(q->id, 2), STR("resourceGroups")))
        json_set_str(doc, full, "resourceGroupName", arm_id_segment(q->id, 3));
}

static yyjson_mut_val *answer_of(struct template_context *x, const struct template_question *q,
                                 const struct arm_part *part, bool is_reference)
{
    yyjson_val *properties = yyjson_obj_get(part->root, "properties");
    yyjson_mut_val *value;

    if (is_reference && !q->is_full)
        return properties ? yyjson_val_mut_copy(x->doc, properties) : yyjson_mut_obj(x->doc);
    value = part->root ? yyjson_val_mut_copy(x->doc, part->root) : yyjson_mut_obj(x->doc);
    if (is_reference)
        add_facts(q, x->doc, value);
    return value;
}

static bool ask(void *data, struct template_context *x, const struct template_question *q,
                yyjson_mut_val **value, struct error *err)
{
    struct template_deployment *d = data;
    bool is_reference = str_equal_nocase(q->function, STR("reference"));
    struct arm_part part = {
        .method = is_reference ? HTTP_GET : HTTP_POST,
        .id = q->id,
        .api_version = q->api_version,
        .template = &d->template,
    };

    if (!is_reference) {
        part.action = q->function;
        if (q->body)
            part.body = json_write_mut(x->arena, q->body);
    }
    if (!template_charge(x, ASK_STEPS, 0, err) || !arm_part_run(d->call, d->run, &part, err))
        return false;
    if (!part.is_good) {
        *err = part.err;
        return false;
    }
    if (!template_charge(x, 1, 4 * part.text.len, err))
        return false;
    *value = answer_of(x, q, &part, is_reference);
    return true;
}

const struct template_host template_deployment_host = { .subject = subject, .ask = ask };
