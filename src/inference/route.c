/*
 * ROUTE: which operation of which surface the request names. Nothing here needs to know who asks.
 *
 *   [/accounts/{account}]/openai/deployments/{deployment}/{operation}?api-version=...
 *   [/accounts/{account}]/openai/models[/{id}]?api-version=...
 *   [/accounts/{account}]/openai/v1/{operation}
 *   [/accounts/{account}]/lazuli/refusals/{id}
 * SPDX-License-Identifier: MIT
 */
#include "inference/operation.h"

#define PREFIX_ACCOUNTS STR("/accounts/")
#define PREFIX_OPENAI STR("/openai/")
#define PREFIX_REFUSALS STR("/lazuli/refusals/")

/* Operations on a deployment, by their path behind it (dated) or behind /openai/v1/. */
static const struct operation *const on_deployments[] = {
    &operation_chat,
    &operation_completions,
    &operation_embeddings,
};

/* An endpoint pasted with its trailing slash makes "//openai/...": the same path. */
static struct str without_doubled_slash(struct str path)
{
    while (path.len > 1 && path.data[0] == '/' && path.data[1] == '/')
        path = str_slice(path, 1, path.len);
    return path;
}

/* Splits "/accounts/{name}" off. */
static bool split_account(struct str *path, struct str *account)
{
    struct str rest = without_doubled_slash(*path);

    *account = STR_NONE;
    if (str_starts_with_nocase(rest, PREFIX_ACCOUNTS)) {
        size_t end;

        rest = str_slice(rest, PREFIX_ACCOUNTS.len, rest.len);
        end = str_find_char(rest, '/');
        if (end == SIZE_MAX || end == 0)
            return false;
        *account = str_slice(rest, 0, end);
        rest = without_doubled_slash(str_slice(rest, end, rest.len));
    }
    *path = rest;
    return true;
}

bool inference_matches(struct str path)
{
    struct str account;

    return split_account(&path, &account) && (str_starts_with_nocase(path, PREFIX_OPENAI) ||
                                              str_starts_with_nocase(path, PREFIX_REFUSALS));
}

static bool route_operation(struct exchange *x, struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(on_deployments); i++) {
        if (str_equal_nocase(path, on_deployments[i]->path)) {
            x->operation = on_deployments[i];
            return true;
        }
    }
    return false;
}

static bool route_models(struct exchange *x, struct str path)
{
    const struct str list = operation_models_list.path;

    if (str_equal_nocase(path, list)) {
        x->operation = &operation_models_list;
        return true;
    }
    if (!str_starts_with_nocase(path, operation_models_get.path) ||
        path.len == operation_models_get.path.len)
        return false;
    x->operation = &operation_models_get;
    return format_percent_decode(x->arena, str_slice(path, operation_models_get.path.len, path.len),
                                 &x->model_id);
}

/* deployments/{deployment}/{operation} */
static bool route_deployment(struct exchange *x, struct str path)
{
    struct str prefix = STR("deployments/");
    size_t end;

    if (!str_starts_with_nocase(path, prefix))
        return false;
    path = str_slice(path, prefix.len, path.len);
    end = str_find_char(path, '/');
    if (end == SIZE_MAX || end == 0)
        return false;
    return format_percent_decode(x->arena, str_slice(path, 0, end), &x->deployment_name) &&
           route_operation(x, str_slice(path, end + 1, path.len));
}

/* The service's own: what there is to say of a refusal. */
static void route_refusal(struct exchange *x, struct str path)
{
    x->operation = &operation_refusals_get;
    x->refusal_id = str_slice(path, PREFIX_REFUSALS.len, path.len);
}

static bool route_path(struct exchange *x, struct error *err)
{
    struct str path = x->request->path, account, prefix_v1 = STR("v1/");
    bool found;

    if (!split_account(&path, &account) ||
        !format_percent_decode(x->arena, account, &x->account_name))
        return error_set(err, ERROR_NOT_FOUND, NULL);
    if (!str_starts_with_nocase(path, PREFIX_OPENAI)) { /* see inference_matches */
        route_refusal(x, path);
        return true;
    }
    path = str_slice(path, PREFIX_OPENAI.len, path.len);
    if (str_starts_with_nocase(path, prefix_v1)) {
        x->surface = SURFACE_V1;
        path = str_slice(path, prefix_v1.len, path.len);
        found = route_operation(x, path) || route_models(x, path);
    } else {
        found = route_deployment(x, path) || route_models(x, path);
    }
    return found || error_set(err, ERROR_NOT_FOUND, NULL);
}

/* A missing or unknown version is 404 on the dated surface, and so is one from before the
 * operation; a dated version on v1 is 400. */
static bool route_version(struct exchange *x, struct error *err)
{
    struct str text = http_query_get(x->arena, x->request->query, STR("api-version"));

    if (!x->operation->since)
        return true;
    if (x->surface == SURFACE_V1) {
        if (!api_version_parse_v1(text, &x->version))
            return error_set(err, ERROR_API_VERSION, NULL);
        return true;
    }
    if (!api_version_parse(text, &x->version) || x->version.date < x->operation->since)
        return error_set(err, ERROR_NOT_FOUND, NULL);
    return true;
}

/* What can be read can be asked for its head. */
static bool takes_method(const struct operation *operation, enum http_method method)
{
    return method == operation->method || (method == HTTP_HEAD && operation->method == HTTP_GET);
}

enum phase exchange_route(struct exchange *x)
{
    if (!route_path(x, exchange_error(x)) || !route_version(x, exchange_error(x)))
        return PHASE_FAIL;
    if (!takes_method(x->operation, x->request->method)) {
        error_set(exchange_error(x), ERROR_METHOD, NULL);
        return PHASE_FAIL;
    }
    return PHASE_AUTHENTICATE;
}
