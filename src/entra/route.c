/*
 * Which endpoint a request goes to: its path against the tables of all files.
 * SPDX-License-Identifier: MIT
 */
#include "entra/call.h"
#include "net/http_path.h"

static const struct entra_endpoints *const tables[] = {
    &entra_discovery,       &entra_metadata,        &entra_token,
    &entra_authorize,       &entra_device,          &entra_graph,
    &entra_graph_write,     &entra_graph_app_role,  &entra_graph_federated,
    &entra_graph_group,     &entra_graph_reference, &entra_graph_service_principal,
    &entra_managed_identity
};

static const struct entra_endpoint *find(enum http_method method, const struct http_path *path,
                                         struct str *names, unsigned *count, bool *differs)
{
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct entra_endpoint *e = &tables[t]->items[i];

            if (!http_path_match(str_from(e->path), path->segments, path->count, names, count))
                continue;
            if (e->method == method || (method == HTTP_HEAD && e->method == HTTP_GET))
                return e;
            *differs = true;
        }
    }
    return NULL;
}

/* Graph's actions are known with their namespace and without: ".../microsoft.graph.addPassword". */
static bool cut_namespace(struct http_path *path)
{
    struct str space = STR("microsoft.graph."), *last;

    if (!path->count)
        return false;
    last = &path->segments[path->count - 1];
    if (!str_starts_with_nocase(*last, space))
        return false;
    *last = str_slice(*last, space.len, SIZE_MAX);
    return true;
}

/* "/v1.0/servicePrincipals(appId='...')/x" is "/v1.0/servicePrincipals/(appId='...')/x". */
static void split_key(struct http_path *path)
{
    struct str segment;
    size_t at;

    if (path->count < 2 || path->count == HTTP_PATH_SEGMENTS_MAX)
        return;
    segment = path->segments[1];
    at = str_find(segment, STR("("));
    if (at == SIZE_MAX || at == 0)
        return;
    memmove(&path->segments[3], &path->segments[2], (path->count - 2) * sizeof(segment));
    path->segments[1] = str_slice(segment, 0, at);
    path->segments[2] = str_slice(segment, at, SIZE_MAX);
    path->count++;
}

bool entra_is_graph(struct str path)
{
    struct str root = STR("/v1.0");

    return str_starts_with_nocase(path, root) &&
           (path.len == root.len || path.data[root.len] == '/');
}

const struct entra_endpoint *entra_find(enum http_method method, struct str text, struct str *names,
                                        unsigned *count, bool *differs)
{
    const struct entra_endpoint *found;
    struct http_path path;

    *differs = false;
    if (!http_path_split(text, &path))
        return NULL;
    if (entra_is_graph(text))
        split_key(&path);
    found = find(method, &path, names, count, differs);
    if (found || *differs || !cut_namespace(&path))
        return found;
    return find(method, &path, names, count, differs);
}

bool entra_matches(struct str path)
{
    unsigned count;
    bool differs;

    return entra_is_graph(path) || entra_find(HTTP_OTHER, path, NULL, &count, &differs) != NULL ||
           differs;
}
