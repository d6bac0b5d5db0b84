/*
 * Which endpoint a request goes to: its path against the tables of all files.
 * SPDX-License-Identifier: MIT
 */
#include "entra/call.h"
#include "net/http_path.h"

static const struct entra_endpoints *const tables[] = {
    &entra_discovery,   &entra_metadata,       &entra_token,
    &entra_authorize,   &entra_device,         &entra_graph,
    &entra_graph_write, &entra_graph_app_role, &entra_managed_identity
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

const struct entra_endpoint *entra_find(enum http_method method, struct str text, struct str *names,
                                        unsigned *count, bool *differs)
{
    const struct entra_endpoint *found;
    struct http_path path;

    *differs = false;
    if (!http_path_split(text, &path))
        return NULL;
    found = find(method, &path, names, count, differs);
    if (found || *differs || !cut_namespace(&path))
        return found;
    return find(method, &path, names, count, differs);
}

bool entra_matches(struct str path)
{
    unsigned count;
    bool differs;

    return entra_find(HTTP_OTHER, path, NULL, &count, &differs) != NULL || differs;
}
