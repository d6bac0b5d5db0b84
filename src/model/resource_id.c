/* SPDX-License-Identifier: MIT */
#include "model/resource_id.h"

/* A segment is what stands between two slashes. ARM allows none of these characters in a name
 * (resource naming rules), nor control characters. */
static bool is_segment(struct str s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c < 0x20 || c == 0x7f || memchr("<>%&?#\\", c, 7))
            return false;
    }
    return s.len > 0;
}

/* Takes the next segment from the front of *rest. */
static bool take(struct str *rest, struct str *segment)
{
    return str_split(rest, '/', segment) && is_segment(*segment);
}

/* Takes the pairs of type and name; an odd last one is the collection. */
static bool take_pairs(struct str *rest, struct resource_id *id)
{
    struct str type, name;

    while (rest->data) {
        if (!take(rest, &type))
            return false;
        if (!rest->data) {
            id->collection = type;
            return true;
        }
        if (id->depth == RESOURCE_ID_DEPTH_MAX || !take(rest, &name))
            return false;
        id->types[id->depth] = type;
        id->names[id->depth++] = name;
    }
    return true;
}

/* What stands behind the subscription's id. */
static bool take_scope(struct str *rest, struct resource_id *id)
{
    struct str segment;

    if (!take(rest, &segment))
        return false;
    if (str_equal_nocase(segment, STR("resourceGroups")) && rest->data) {
        if (!take(rest, &id->group))
            return false;
        if (!rest->data)
            return true;
        if (!take(rest, &segment))
            return false;
    }
    if (!rest->data) {
        id->collection = segment;
        return true;
    }
    if (!str_equal_nocase(segment, STR("providers")) || !take(rest, &id->provider))
        return false;
    return take_pairs(rest, id);
}

bool resource_id_parse(struct str path, struct resource_id *id)
{
    struct str rest, segment;

    *id = (struct resource_id){ 0 };
    if (path.len < 2 || path.data[0] != '/')
        return false;
    rest = str_slice(path, 1, path.len);
    if (str_ends_with(rest, STR("/")))
        rest = str_slice(rest, 0, rest.len - 1);
    if (!take(&rest, &segment) || !str_equal_nocase(segment, STR("subscriptions")))
        return false;
    if (!rest.data) {
        id->collection = segment;
        return true;
    }
    if (!take(&rest, &id->subscription))
        return false;
    return !rest.data || take_scope(&rest, id);
}

struct str resource_id_text(struct arena *a, const struct resource_id *id)
{
    struct str text;
    unsigned i;

    text = arena_printf(a, "/subscriptions/%.*s", STR_ARGS(id->subscription));
    if (id->group.len)
        text = arena_printf(a, "%.*s/resourceGroups/%.*s", STR_ARGS(text), STR_ARGS(id->group));
    if (id->provider.len)
        text = arena_printf(a, "%.*s/providers/%.*s", STR_ARGS(text), STR_ARGS(id->provider));
    for (i = 0; i < id->depth; i++)
        text = arena_printf(a, "%.*s/%.*s/%.*s", STR_ARGS(text), STR_ARGS(id->types[i]),
                            STR_ARGS(id->names[i]));
    return text;
}

struct str resource_id_key(struct arena *a, const struct resource_id *id)
{
    return arena_lower(a, resource_id_text(a, id));
}

struct str resource_id_type(struct arena *a, const struct resource_id *id)
{
    struct str type = id->provider;
    unsigned i;

    for (i = 0; i < id->depth; i++) {
        if (str_equal_nocase(id->types[i], STR("providers")))
            type = id->names[i];
        else
            type = arena_printf(a, "%.*s/%.*s", STR_ARGS(type), STR_ARGS(id->types[i]));
    }
    return type;
}
