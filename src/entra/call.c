/* SPDX-License-Identifier: MIT */
#include "entra/call.h"

#include <assert.h>

/* What Entra calls the tenant of a path whose client does not know which one it wants. */
static const char *const any_tenant[] = { "common", "organizations", "adfs" };

struct str entra_parameter(const struct entra_call *c, const char *name)
{
    struct str form = c->request->method == HTTP_POST ? c->request->body : c->request->query;

    return http_query_get(c->arena, form, str_from(name));
}

bool entra_require(const struct entra_call *c, const char *name, struct str *value,
                   struct error *err)
{
    *value = entra_parameter(c, name);
    return value->len ||
           error_set(err, ERROR_OAUTH_MISSING,
                     "The request body must contain the following parameter: '%s'.", name);
}

bool entra_refuse(struct entra_call *c, enum error_code code)
{
    error_set(&c->refusal, code, NULL);
    return true;
}

void entra_reply_json(struct entra_call *c, int status, yyjson_mut_val *root)
{
    c->reply.status = status;
    c->reply.body = json_write_mut(c->arena, root);
}

void entra_reply_header(struct entra_call *c, struct str name, struct str value)
{
    assert(c->reply.header_count < ENTRA_HEADERS_MAX);
    c->reply.headers[c->reply.header_count++] = (struct http_header){ name, value };
}

bool entra_is_any_tenant(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(any_tenant); i++) {
        if (str_equal_nocase(name, str_from(any_tenant[i])))
            return true;
    }
    return false;
}

struct str entra_authority_url(const struct entra_call *c)
{
    struct str tenant = authority_tenant(c->entra->authority);

    if (c->name_count && entra_is_any_tenant(c->names[0]))
        tenant = c->names[0];
    return arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(c->request->base), STR_ARGS(tenant));
}

struct str entra_issuer_v2(const struct entra_call *c)
{
    return arena_printf(c->arena, "%.*s/%.*s/v2.0", STR_ARGS(c->request->base),
                        STR_ARGS(authority_tenant(c->entra->authority)));
}
