/* SPDX-License-Identifier: MIT */
#include "identity/managed_identity.h"

#include "base/format.h"

#define NAME_MAX_LEN 128 /* of a user-assigned identity */
#define USER_ASSIGNED STR("/providers/microsoft.managedidentity/userassignedidentities/")

static struct str new_guid(struct arena *a)
{
    char guid[GUID_TEXT_LEN + 1];

    format_guid(guid);
    return arena_copy(a, str_from(guid));
}

/* The last name of a resource's id. */
static struct str name_of(struct str id)
{
    struct str name = STR_NONE;

    while (str_split(&id, '/', &name))
        ;
    return name;
}

bool managed_identity_make(struct store_txn *t, struct arena *a, struct str resource_id,
                           bool is_user_assigned, int64_t now_ms, struct managed_identity *made,
                           struct error *err)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc);
    struct principal_record p = { .type = PRINCIPAL_TYPE_MANAGED_IDENTITY,
                                  .created_at_ms = now_ms };

    *made = (struct managed_identity){
        .object_id = new_guid(a),
        .client_id = new_guid(a),
        .resource_id = resource_id,
        .is_user_assigned = is_user_assigned,
    };
    p.object_id = made->object_id;
    p.name = made->client_id;
    json_set_str(doc, body, "displayName", name_of(resource_id));
    json_set_str(doc, body, "resourceId", resource_id);
    json_set_bool(doc, body, "isUserAssigned", is_user_assigned);
    return principals_put(t, a, &p, body, err);
}

bool managed_identity_read(const struct principal_record *p, struct managed_identity *identity)
{
    *identity = (struct managed_identity){
        .object_id = p->object_id,
        .client_id = p->name,
        .resource_id = json_str(yyjson_obj_get(p->body, "resourceId")),
        .is_user_assigned = yyjson_get_bool(yyjson_obj_get(p->body, "isUserAssigned")),
    };
    return p->type == PRINCIPAL_TYPE_MANAGED_IDENTITY;
}

bool managed_identity_find(struct store_txn *t, struct arena *a, struct str resource_id,
                           struct principal_record *p, bool *found, struct error *err)
{
    struct managed_identity identity;
    struct principal_record *list;
    size_t count;

    *found = false;
    if (!principals_list_type(t, a, PRINCIPAL_TYPE_MANAGED_IDENTITY, &list, &count, err))
        return false;
    for (size_t i = 0; i < count && !*found; i++) {
        *found = managed_identity_read(&list[i], &identity) && identity.is_user_assigned &&
                 str_equal_nocase(identity.resource_id, resource_id);
        if (*found)
            *p = list[i];
    }
    return true;
}

/* -- Lists of them --------------------------------------------------------------------------- */

bool managed_identity_is_listed(const struct managed_identity *identity, struct str list)
{
    struct str item;

    while (identity->is_user_assigned && str_split(&list, ',', &item)) {
        item = str_trim(item);
        if (item.len && (str_equal_nocase(item, identity->resource_id) ||
                         str_equal_nocase(item, name_of(identity->resource_id))))
            return true;
    }
    return false;
}

static bool is_bare_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_MAX_LEN && str_is_alnum_or(name, "-_");
}

bool managed_identity_is_name(struct str item)
{
    struct str provider = USER_ASSIGNED, below;
    size_t len = item.len - name_of(item).len;

    if (!str_starts_with(item, STR("/")))
        return is_bare_name(item);
    below = str_slice(item, len > provider.len ? len - provider.len : 0, SIZE_MAX);
    return str_starts_with_nocase(item, STR("/subscriptions/")) &&
           str_starts_with_nocase(below, provider) && is_bare_name(name_of(item));
}
