/* SPDX-License-Identifier: MIT */
#include "arm/types/role.h"

#include "arm/publish.h"
#include "arm/resource.h"
#include "base/format.h"

static bool read_roles(struct store_txn *t, struct arena *a, struct rbac_role **roles,
                       size_t *count, struct error *err)
{
    struct store_query query = { .type = arena_lower(a, str_from(arm_role_definition_type.name)) };
    struct arm_documents all;

    if (!arm_resource_read_all(t, a, &query, &all, err))
        return false;
    *count = all.count;
    *roles = ARENA_ARRAY(a, struct rbac_role, all.count);
    for (size_t i = 0; i < all.count; i++)
        role_definition_read(a, &all.items[i], all.bodies[i], &(*roles)[i]);
    return true;
}

struct rbac *roles_read(struct store_txn *t, struct arena *a, struct error *err)
{
    struct role_assignments assignments;
    struct rbac_role *roles;
    size_t role_count;

    if (!read_roles(t, a, &roles, &role_count, err) ||
        !role_assignments_read(t, a, &assignments, err))
        return NULL;
    return rbac_new(roles, role_count, assignments.items, assignments.count);
}

void role_keep_authors(struct arm_change *change)
{
    yyjson_mut_val *facts = json_set_object(change->doc, change->root, "facts");
    struct str who = change->call->request->principal.object_id;

    if (!change->before)
        json_set_str(change->doc, facts, "createdBy", who);
    json_set_str(change->doc, facts, "updatedBy", who);
}

/* The admin token has no object id. */
static void show_author(yyjson_mut_doc *doc, yyjson_mut_val *properties, const char *name,
                        struct str who)
{
    json_set(doc, properties, name,
             str_is_empty(who) ? yyjson_mut_null(doc) : yyjson_mut_strncpy(doc, who.data, who.len));
}

void role_show_authors(const struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                       yyjson_mut_doc *doc, yyjson_mut_val *properties)
{
    json_set_str(doc, properties, "createdOn", format_time(c->arena, r->created_at_ms));
    json_set_str(doc, properties, "updatedOn", format_time(c->arena, r->changed_at_ms));
    show_author(doc, properties, "createdBy", json_str(json_at(body, "facts.createdBy")));
    show_author(doc, properties, "updatedBy", json_str(json_at(body, "facts.updatedBy")));
}

bool role_on_written(struct arm_change *change, struct error *err)
{
    (void)err;
    arm_publish_roles(change->call);
    return true;
}
