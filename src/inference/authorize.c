/* SPDX-License-Identifier: MIT */
#include "inference/authorize.h"

#include "inference/operation.h"

/* The path as Azure's errors have it: names are not filled in. */
static struct str path_template(const struct exchange *x)
{
    const struct operation *o = x->operation;
    const char *before = o->model_operation ? "deployments/{deployment-id}/" : "";
    bool ends_in_name = str_ends_with(o->path, STR("/"));

    if (!o->since)
        return arena_printf(x->arena, "/lazuli/%.*s{id}", STR_ARGS(o->path));
    return arena_printf(x->arena, "/openai/%s%.*s%s", x->surface == SURFACE_V1 ? "v1/" : before,
                        STR_ARGS(o->path), ends_in_name ? "{model-id}" : "");
}

bool exchange_authorize(struct exchange *x, const struct principal *who, struct error *err)
{
    return exchange_authorize_by(x, who, RBAC_DATA_ACTION, str_from(x->operation->data_action),
                                 err);
}

bool exchange_authorize_by(struct exchange *x, const struct principal *who, enum rbac_kind kind,
                           struct str action, struct error *err)
{
    const struct rbac_principal subject = { who->object_id, who->groups, who->group_count };

    if (who->is_administrator ||
        rbac_allows(directory_roles(x->directory), &subject, kind, action, x->account->key))
        return true;
    return error_set(err, ERROR_PERMISSION_DENIED,
                     "The principal `%.*s` lacks the required %s `%.*s` to perform "
                     "`%s %.*s` operation.",
                     STR_ARGS(who->object_id), kind == RBAC_ACTION ? "action" : "data action",
                     STR_ARGS(action), http_method_name(x->operation->method),
                     STR_ARGS(path_template(x)));
}
