/*
 * Content filter policies of an account: those of the system, which are the same everywhere and
 * cannot be changed, and the user's own.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/deployment.h"
#include "arm/types/rai.h"

#define PATH ACCOUNT_PATH "/raiPolicies"

#define SOURCES "Prompt|Completion|PreToolCall|PostToolCall|PreRun|PostRun"

static const struct arm_field fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.mode", ARM_FIELD_TEXT, "Default|Deferred|Blocking|Asynchronous_filter" },
    { "properties.basePolicyName", ARM_FIELD_TEXT, NULL },
    { "properties.contentFilters", ARM_FIELD_LIST, NULL },
    { "properties.contentFilters[].name", ARM_FIELD_TEXT, NULL },
    { "properties.contentFilters[].enabled", ARM_FIELD_BOOL, NULL },
    { "properties.contentFilters[].blocking", ARM_FIELD_BOOL, NULL },
    { "properties.contentFilters[].severityThreshold", ARM_FIELD_TEXT, "Low|Medium|High" },
    { "properties.contentFilters[].source", ARM_FIELD_TEXT, SOURCES },
    { "properties.contentFilters[].action", ARM_FIELD_TEXT, "None|BLOCKING|ANNOTATING|HITL|RETRY" },
    { "properties.customBlocklists", ARM_FIELD_LIST, NULL },
    { "properties.customBlocklists[].blocklistName", ARM_FIELD_TEXT, NULL },
    { "properties.customBlocklists[].blocking", ARM_FIELD_BOOL, NULL },
    { "properties.customBlocklists[].source", ARM_FIELD_TEXT, SOURCES },
    { "properties.safetyProviders", ARM_FIELD_LIST, NULL },
    { "properties.safetyProviders[].safetyProviderName", ARM_FIELD_TEXT, NULL },
    { "properties.safetyProviders[].blocking", ARM_FIELD_BOOL, NULL },
    { "properties.safetyProviders[].source", ARM_FIELD_TEXT, SOURCES },
    { "properties.egressPolicy.mode", ARM_FIELD_TEXT, "Enforced|Audit" },
    { "properties.egressPolicy.defaultAction", ARM_FIELD_TEXT, "Allow|Deny" },
    { "properties.egressPolicy.description", ARM_FIELD_TEXT, NULL },
    { "properties.egressPolicy.rules", ARM_FIELD_LIST, NULL },
};

static const struct arm_member later_members[] = {
    { "properties.contentFilters.action", "2025-10-01" },
    { "properties.safetyProviders", "2025-10-01" },
    { "properties.egressPolicy", "2026-05-15" },
};

/* -- The system's ---------------------------------------------------------------------------- */

/* Azure's default policy: categories at medium severity both ways, and what else is looked for. */
static const struct filter {
    const char *name;
    const char *severity; /* NULL: has none */
    const char *source;
    bool blocking;
    bool is_in_first; /* Microsoft.Default has it, too */
} filters[] = {
    { "Hate", "Medium", "Prompt", true, true },
    { "Hate", "Medium", "Completion", true, true },
    { "Sexual", "Medium", "Prompt", true, true },
    { "Sexual", "Medium", "Completion", true, true },
    { "Violence", "Medium", "Prompt", true, true },
    { "Violence", "Medium", "Completion", true, true },
    { "Selfharm", "Medium", "Prompt", true, true },
    { "Selfharm", "Medium", "Completion", true, true },
    { "Jailbreak", NULL, "Prompt", true, false },
    { "Protected Material Text", NULL, "Completion", true, false },
    { "Protected Material Code", NULL, "Completion", false, false },
};

static const struct system_policy {
    const char *name;
    bool is_first;
} system_policies[] = { { "Microsoft.Default", true }, { "Microsoft.DefaultV2", false } };

static const struct system_policy *find_system(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(system_policies); i++) {
        if (str_equal_nocase(name, str_from(system_policies[i].name)))
            return &system_policies[i];
    }
    return NULL;
}

static yyjson_mut_val *render_filters(yyjson_mut_doc *doc, const struct system_policy *p)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc), *item;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const struct filter *f = &filters[i];

        if (p->is_first && !f->is_in_first)
            continue;
        item = yyjson_mut_obj(doc);
        json_set_str(doc, item, "name", str_from(f->name));
        if (f->severity)
            json_set_str(doc, item, "severityThreshold", str_from(f->severity));
        json_set_bool(doc, item, "blocking", f->blocking);
        json_set_bool(doc, item, "enabled", true);
        json_set_str(doc, item, "source", str_from(f->source));
        yyjson_mut_arr_append(list, item);
    }
    return list;
}

static yyjson_mut_val *render_system(struct arm_call *c, yyjson_mut_doc *doc,
                                     const struct system_policy *p)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);

    json_set_str(doc, shown, "id",
                 arena_printf(c->arena, "%.*s/raiPolicies/%s",
                              STR_ARGS(arm_resource_id(c, &arm_account_type)), p->name));
    json_set_str(doc, shown, "name", str_from(p->name));
    json_set_str(doc, shown, "type", str_from(arm_rai_policy_type.name));
    json_set_str(doc, properties, "type", STR("SystemManaged"));
    json_set_str(doc, properties, "mode", STR("Blocking"));
    json_set(doc, properties, "contentFilters", render_filters(doc, p));
    json_set(doc, shown, "properties", properties);
    return shown;
}

/* -- Requests -------------------------------------------------------------------------------- */

/* A few: in one page, the system's first. */
static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *shown, *value = yyjson_mut_arr(doc);
    struct store_query query = { .type = arena_lower(c->arena, str_from(c->type->name)) };
    struct store_resource *found;
    size_t count;

    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    query.parent = arm_resource_key(c, &arm_account_type);
    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(system_policies); i++)
        yyjson_mut_arr_append(value, render_system(c, doc, &system_policies[i]));
    for (size_t i = 0; i < count; i++) {
        shown = arm_resource_render(c, c->type, &found[i], doc, err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(value, shown);
    }
    arm_reply_list(c, doc, value);
    return true;
}

static bool get(struct arm_call *c, struct error *err)
{
    const struct system_policy *p = find_system(c->names[3]);

    if (!p)
        return arm_resource_get(c, err);
    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    arm_reply_json(c, 200, render_system(c, json_new(c->arena), p));
    return true;
}

static bool check_not_system(const struct arm_call *c, struct error *err)
{
    if (!find_system(c->names[3]))
        return true;
    return error_set(err, ERROR_ARM_BAD_REQUEST,
                     "The content filter policy '%.*s' is managed by the system and cannot be "
                     "changed or deleted.",
                     STR_ARGS(c->names[3]));
}

static bool put(struct arm_call *c, struct error *err)
{
    return check_not_system(c, err) && arm_resource_put(c, err);
}

/* Deployments of the account that name the policy. */
static bool check_unused(struct arm_call *c, struct error *err)
{
    struct store_query query = {
        .parent = arm_resource_key(c, &arm_account_type),
        .type = arena_lower(c->arena, str_from(arm_deployment_type.name)),
    };
    struct store_resource *found;
    yyjson_val *body;
    size_t count;

    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        body = arm_resource_body(c->arena, &found[i], err);
        if (!body)
            return false;
        if (str_equal_nocase(json_str(json_at(body, "properties.raiPolicyName")), c->names[3]))
            return error_set(err, ERROR_ARM_NESTED,
                             "Cannot delete the content filter policy '%.*s': it is used by the "
                             "deployment '%.*s'.",
                             STR_ARGS(c->names[3]), STR_ARGS(arm_id_name(found[i].id)));
    }
    return true;
}

static bool delete (struct arm_call *c, struct error *err)
{
    return check_not_system(c, err) && check_unused(c, err) && account_delete_below(c, err);
}

/* -- Checks ---------------------------------------------------------------------------------- */

/* The name of item `i`, which must be there. */
static bool read_name(struct arena *a, yyjson_mut_val *item, const char *list, size_t i,
                      const char *member, struct str *name, const char **path, struct error *err)
{
    *name = json_mut_str(yyjson_mut_obj_get(item, member));
    *path = arena_printf(a, "%s[%zu].%s", list, i, member).data;
    return name->len || error_set_target(err, ERROR_ARM_BODY, *path,
                                         "The request content was invalid and could not be "
                                         "deserialized: '%s' is required.",
                                         *path);
}

static bool check_filters(struct arm_call *c, yyjson_mut_val *list, struct error *err)
{
    yyjson_mut_val *item;
    size_t i, count;
    struct str name;
    const char *path;

    yyjson_mut_arr_foreach(list, i, count, item)
    {
        if (!read_name(c->arena, item, "properties.contentFilters", i, "name", &name, &path, err))
            return false;
        if (!rai_content_filter_is_known(name))
            return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                    "The content filter '%.*s' could not be found.",
                                    STR_ARGS(str_slice(name, 0, 100)));
    }
    return true;
}

static bool check_blocklists(const struct arm_change *change, yyjson_mut_val *list,
                             struct error *err)
{
    struct arm_call *c = change->call;
    yyjson_mut_val *item;
    size_t i, count;
    struct str name;
    const char *path;
    bool exists;

    yyjson_mut_arr_foreach(list, i, count, item)
    {
        if (!read_name(c->arena, item, "properties.customBlocklists", i, "blocklistName", &name,
                       &path, err) ||
            !rai_blocklist_exists(c, change->after.parent, name, &exists, err))
            return false;
        if (!exists)
            return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                    "The blocklist '%.*s' could not be found.",
                                    STR_ARGS(str_slice(name, 0, 100)));
    }
    return true;
}

static bool check(struct arm_change *change, struct error *err)
{
    static const char path[] = "properties.basePolicyName";
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    struct str base = json_mut_str(yyjson_mut_obj_get(properties, "basePolicyName")), known = base;

    if (base.len && !rai_policy_find(change->call, change->after.parent, &known, err))
        return false;
    if (base.len && str_is_empty(known))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                "The content filter policy '%.*s' could not be found.",
                                STR_ARGS(str_slice(base, 0, 100)));
    if (base.len)
        json_set_str(change->doc, properties, "basePolicyName", known);
    return check_filters(change->call, yyjson_mut_obj_get(properties, "contentFilters"), err) &&
           check_blocklists(change, yyjson_mut_obj_get(properties, "customBlocklists"), err);
}

bool rai_policy_find(struct arm_call *c, struct str account, struct str *name, struct error *err)
{
    const struct system_policy *p = find_system(*name);
    struct str id =
        arena_printf(c->arena, "%.*s/raiPolicies/%.*s", STR_ARGS(account), STR_ARGS(*name));
    struct store_resource r;
    bool found;

    if (p) {
        *name = str_from(p->name);
        return true;
    }
    if (!store_get(c->txn, arena_lower(c->arena, id), &r, &found, err))
        return false;
    *name = found && arm_type_of(&r) == &arm_rai_policy_type ? arm_id_name(r.id) : STR_NONE;
    return true;
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    (void)c;
    (void)r;
    (void)body;
    json_set_str(doc, json_set_object(doc, shown, "properties"), "type", STR("UserManaged"));
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, list },
    { HTTP_GET, PATH "/{}", get },
    { HTTP_PUT, PATH "/{}", put },
    { HTTP_DELETE, PATH "/{}", delete },
};

const struct arm_type arm_rai_policy_type = {
    .name = "Microsoft.CognitiveServices/accounts/raiPolicies",
    .provider = &arm_cognitive_services,
    .path = PATH "/{}",
    .parent = &arm_account_type,
    .shows_system_data = true,
    .goes_with_parent = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .later_members = later_members,
    .later_member_count = ARRAY_LEN(later_members),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = account_check_child_name,
    .check = check,
    .render = render,
};
