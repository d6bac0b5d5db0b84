/* SPDX-License-Identifier: MIT */
#include "arm/route.h"

#include <assert.h>

#include "base/format.h"
#include "net/http_path.h"

/* Decoded. False when there is no such path, an escape is malformed, or a name would hold a slash. */
static bool split_path(struct arena *a, struct str text, struct http_path *path)
{
    if (!http_path_split(text, path))
        return false;
    for (unsigned i = 0; i < path->count; i++) {
        if (!format_percent_decode(a, path->segments[i], &path->segments[i]) ||
            str_find_char(path->segments[i], '/') != SIZE_MAX)
            return false;
    }
    return true;
}

bool arm_path_has_scope(const char *path)
{
    return str_starts_with(str_from(path), STR(ARM_SCOPE "/"));
}

/* May these segments be what extension resources belong to? See route.h. */
static bool is_scope(const struct str *segments, unsigned count)
{
    unsigned i = 2;

    if (count < i || !str_equal_nocase(segments[0], STR("subscriptions")))
        return false;
    if (count >= 4 && str_equal_nocase(segments[2], STR("resourceGroups")))
        i = 4;
    return count == i || (count >= i + 4 && (count - i) % 2 == 0 &&
                          str_equal_nocase(segments[i], STR("providers")));
}

static unsigned count_segments(struct str pattern)
{
    struct str part;
    unsigned count = 0;

    while (str_split(&pattern, '/', &part))
        count++;
    return count;
}

/* Fills `names` when the route has this path; *scope_len is how many segments of it are the scope,
 * for a route that has one. */
static bool match(const char *pattern, const struct http_path *path, struct str *names,
                  unsigned *count, unsigned *scope_len)
{
    struct str rest = str_from(pattern), scope;

    *scope_len = 0;
    str_split(&rest, '/', &scope); /* {scope}, or nothing */
    if (scope.len) {
        *scope_len = path->count - count_segments(rest);
        if (*scope_len > path->count || !is_scope(path->segments, *scope_len))
            return false;
    }
    return http_path_match(rest, path->segments + *scope_len, path->count - *scope_len, names,
                           count);
}

/* The first segments as an id; the words in it have their canonical case. */
static struct str join_scope(struct arena *a, const struct http_path *path, unsigned count)
{
    static const char *const words[] = { "subscriptions", "resourceGroups", "providers" };
    struct str id = STR_NONE, part;

    for (unsigned i = 0; i < count; i++) {
        part = path->segments[i];
        for (size_t w = 0; i % 2 == 0 && w < ARRAY_LEN(words); w++) {
            if (str_equal_nocase(part, str_from(words[w])))
                part = str_from(words[w]);
        }
        id = arena_printf(a, "%.*s/%.*s", STR_ARGS(id), STR_ARGS(part));
    }
    return id;
}

struct str arm_route_expand(const struct arm_call *c, struct str path)
{
    struct str id, part;
    unsigned used = 0;

    if (str_is_empty(path))
        return STR_NONE;
    str_split(&path, '/', &part);
    id = part.len ? c->scope : STR_NONE;
    while (str_split(&path, '/', &part)) {
        if (str_equal(part, STR("{}"))) {
            assert(used < c->name_count);
            part = c->names[used++];
        }
        id = arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(id), STR_ARGS(part));
    }
    return id;
}

/* The path without its last segment. */
static struct str cut_segment(struct str path)
{
    while (path.len && path.data[--path.len] != '/')
        ;
    return path;
}

/* The route's path without the word at its end. */
static struct str cut_word(struct str path)
{
    return str_ends_with(path, STR("{}")) ? path : cut_segment(path);
}

struct str arm_route_scope(const struct arm_call *c)
{
    return arm_route_expand(c, cut_word(str_from(c->route->path)));
}

struct str arm_route_list_scope(const struct arm_call *c)
{
    struct str path = cut_word(str_from(c->route->path)), outside = cut_segment(path);

    return arm_route_expand(c, str_ends_with(outside, STR("/providers")) ? cut_segment(outside)
                                                                         : path);
}

/* Whether something is there, by HEAD, is asked as it is read. */
static bool takes(const struct arm_route *route, enum http_method method)
{
    return route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
}

static bool find(struct arm_call *c, const struct http_path *path, bool *method_differs)
{
    unsigned scope_len;

    *method_differs = false;
    for (size_t t = 0; t < arm_type_count; t++) {
        for (size_t i = 0; i < arm_types[t]->route_count; i++) {
            const struct arm_route *route = &arm_types[t]->routes[i];

            if (!match(route->path, path, c->names, &c->name_count, &scope_len))
                continue;
            c->scope = join_scope(c->arena, path, scope_len);
            c->type = arm_types[t];
            c->route = route;
            if (takes(route, c->request->method))
                return true;
            *method_differs = true;
        }
    }
    return false;
}

/* The name space that a path names: behind its last "providers". */
static struct str find_provider(const struct http_path *path)
{
    for (unsigned i = path->count; i-- > 0;) {
        if (str_equal_nocase(path->segments[i], STR("providers")) && i + 1 < path->count)
            return path->segments[i + 1];
    }
    return STR_NONE;
}

static bool fail(const struct arm_call *c, const struct http_path *path, struct error *err)
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
    struct http_path path;

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
