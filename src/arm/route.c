/* SPDX-License-Identifier: MIT */
#include "arm/route.h"

#include "base/format.h"

struct path {
    struct str segments[ARM_SEGMENTS_MAX];
    unsigned count;
};

/* Empty segments do not count: SDKs make them of an empty parent. False when the path has too many
 * segments, or a malformed escape. */
static bool split_path(struct arena *a, struct str text, struct path *path)
{
    struct str part;

    path->count = 0;
    if (!str_starts_with(text, STR("/")))
        return false;
    while (str_split(&text, '/', &part)) {
        if (str_is_empty(part))
            continue;
        if (path->count == ARM_SEGMENTS_MAX ||
            !format_percent_decode(a, part, &path->segments[path->count]) ||
            str_find_char(path->segments[path->count], '/') != SIZE_MAX)
            return false;
        path->count++;
    }
    return true;
}

/* Fills `names` when the route has this path. */
static bool match(const char *pattern, const struct path *path, struct str *names, unsigned *count)
{
    struct str rest = str_from(pattern + 1), part;
    unsigned i = 0;

    *count = 0;
    while (str_split(&rest, '/', &part)) {
        if (i == path->count)
            return false;
        if (str_equal(part, STR("{}")))
            names[(*count)++] = path->segments[i];
        else if (!str_equal_nocase(part, path->segments[i]))
            return false;
        i++;
    }
    return i == path->count;
}

static bool find(struct arm_call *c, const struct path *path, bool *method_differs)
{
    *method_differs = false;
    for (size_t t = 0; t < arm_type_count; t++) {
        for (size_t i = 0; i < arm_types[t]->route_count; i++) {
            const struct arm_route *route = &arm_types[t]->routes[i];

            if (!match(route->path, path, c->names, &c->name_count))
                continue;
            c->type = arm_types[t];
            c->route = route;
            if (route->method == c->request->method)
                return true;
            *method_differs = true;
        }
    }
    return false;
}

/* The name space that a path names: behind its last "providers". */
static struct str find_provider(const struct path *path)
{
    for (unsigned i = path->count; i-- > 0;) {
        if (str_equal_nocase(path->segments[i], STR("providers")) && i + 1 < path->count)
            return path->segments[i + 1];
    }
    return STR_NONE;
}

static bool fail(const struct arm_call *c, const struct path *path, struct error *err)
{
    struct str provider = find_provider(path);

    if (str_is_empty(provider))
        return error_set(err, ERROR_ARM_NO_PATH, NULL);
    for (size_t t = 0; t < arm_type_count; t++) {
        if (str_equal_nocase(provider, str_from(arm_types[t]->provider->name)))
            return error_set(err, ERROR_ARM_NO_TYPE,
                             "The resource type could not be found in the namespace '%s' for api "
                             "version '%.*s'.",
                             arm_types[t]->provider->name, STR_ARGS(c->api_version));
    }
    return error_set(err, ERROR_ARM_NO_PROVIDER, "The resource namespace '%.*s' is invalid.",
                     STR_ARGS(str_slice(provider, 0, 100)));
}

bool arm_route_find(struct arm_call *c, struct error *err)
{
    bool method_differs;
    struct path path;

    if (!split_path(c->arena, c->request->path, &path))
        return error_set(err, ERROR_ARM_NO_PATH, NULL);
    if (find(c, &path, &method_differs))
        return true;
    if (method_differs)
        return error_set(err, ERROR_ARM_METHOD,
                         "The requested resource does not support http method '%s'.",
                         http_method_name(c->request->method));
    return fail(c, &path, err);
}
