/*
 * Which endpoint a request goes to: its path against the tables of all files.
 * SPDX-License-Identifier: MIT
 */
#include "entra/call.h"
#include "net/http_path.h"

static const struct entra_endpoints *const tables[] = {
    &entra_discovery, &entra_metadata, &entra_token,       &entra_authorize,
    &entra_device,    &entra_graph,    &entra_graph_write, &entra_managed_identity
};

const struct entra_endpoint *entra_find(enum http_method method, struct str text, struct str *names,
                                        unsigned *count, bool *differs)
{
    struct http_path path;

    *differs = false;
    if (!http_path_split(text, &path))
        return NULL;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct entra_endpoint *e = &tables[t]->items[i];

            if (!http_path_match(str_from(e->path), path.segments, path.count, names, count))
                continue;
            if (e->method == method || (method == HTTP_HEAD && e->method == HTTP_GET))
                return e;
            *differs = true;
        }
    }
    return NULL;
}

bool entra_matches(struct str path)
{
    unsigned count;
    bool differs;

    return entra_find(HTTP_OTHER, path, NULL, &count, &differs) != NULL || differs;
}
