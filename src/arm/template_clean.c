/*
 * What a group has besides what its template says: mode "Complete" deletes it, a what-if tells of it.
 * SPDX-License-Identifier: MIT
 */
#include "arm/part.h"
#include "arm/resource.h"
#include "arm/template_run.h"

/* One that "Complete" deletes. */
struct surplus {
    struct str id;
    const struct arm_type *type;
};

struct str template_api_version(const struct arm_type *type)
{
    const struct arm_provider *p = type->provider;

    for (size_t i = p->version_count; i-- > 0;) {
        if (!str_ends_with(str_from(p->versions[i]), STR("-preview")))
            return str_from(p->versions[i]);
    }
    return str_from(p->versions[p->version_count - 1]);
}

static bool is_kept(const struct template_run *run, struct str key)
{
    yyjson_mut_val *id;
    size_t i, max;

    yyjson_mut_arr_foreach(run->kept, i, max, id)
    {
        if (str_equal(json_mut_str(id), key))
            return true;
    }
    return false;
}

/* Deployed resources at the top of the group: what is below them and belongs to them goes with them. */
static bool find_surplus(struct template_deployment *d, struct surplus **list, size_t *count,
                         struct error *err)
{
    struct arm_call *c = d->call;
    struct str key = arena_lower(c->arena, d->scope);
    struct store_query query = { .parent = key };
    struct store_resource *found;
    const struct arm_type *type;
    size_t all;

    *count = 0;
    if (!store_list(c->txn, &query, &found, &all, err))
        return false;
    *list = ARENA_ARRAY(c->arena, struct surplus, all);
    for (size_t i = 0; i < all; i++) {
        type = arm_type_of(&found[i]);
        if (type && type->is_tracked && !is_kept(d->run, found[i].key))
            (*list)[(*count)++] = (struct surplus){ found[i].id, type };
    }
    return true;
}

static bool remove_one(struct template_deployment *d, struct str id, const struct arm_type *type,
                       struct error *err)
{
    struct arm_part part = {
        .method = HTTP_DELETE,
        .id = id,
        .api_version = template_api_version(type),
    };
    uint64_t began_us = clock_monotonic_us();

    if (!arm_part_run(d->call, d->run, &part, err))
        return false;
    template_note_operation(d, "Delete", id, str_from(type->name), STR_NONE, &part, began_us);
    if (!part.is_good) {
        yyjson_mut_val *error = arm_error_object(d->run->doc, &part.err, part.error_details);

        json_set_str(d->run->doc, error, "target", id);
        yyjson_mut_arr_append(d->failures, error);
        error_set(&d->error, ERROR_ARM_DEPLOYMENT_FAILED, NULL);
    }
    return true;
}

/* What lies below it and must be deleted before it. */
static bool remove_children(struct template_deployment *d, struct str id, struct error *err)
{
    struct arm_call *c = d->call;
    struct store_query query = { .parent = arena_lower(c->arena, id) };
    struct store_resource *found;
    const struct arm_type *type;
    size_t count;

    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        type = arm_type_of(&found[i]);
        if (type && !type->goes_with_parent && !remove_one(d, found[i].id, type, err))
            return false;
    }
    return true;
}

static bool tell(struct template_deployment *d, const struct surplus *s, struct error *err)
{
    struct arm_part part = {
        .method = HTTP_GET,
        .id = s->id,
        .api_version = template_api_version(s->type),
    };

    if (!arm_part_run(d->call, d->run, &part, err))
        return false;
    if (part.is_good) /* else it is not for the caller's eyes */
        template_note_surplus(d->run, s->id, part.api_version, part.root, d->is_complete);
    return true;
}

bool template_deployment_clean(struct template_deployment *d, struct error *err)
{
    bool tells = d->run->purpose == TEMPLATE_WHAT_IF;
    struct surplus *list;
    size_t count;

    if (str_is_empty(d->template.place.group) || !(d->is_complete || (tells && !d->run->depth)))
        return true;
    if (!find_surplus(d, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (tells && !tell(d, &list[i], err))
            return false;
        if (d->is_complete &&
            (!remove_children(d, list[i].id, err) || !remove_one(d, list[i].id, list[i].type, err)))
            return false;
    }
    return true;
}
