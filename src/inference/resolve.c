/*
 * RESOLVE and PARSE: which deployment is called, and the body as JSON. The dated surface names the
 * deployment in the path, the v1 surface by the body's `model`, so they follow each other in
 * either order; see exchange.h.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "base/json_asides.h"
#include "inference/field_errors.h"
#include "inference/operation.h"

/* From so much on it pays to look for long strings (json_asides.h), and a string is long. */
#define LONG_BODY_BYTES 4096
#define LONG_STRING_BYTES 1024
#define REQUEST_JSON STR("application/json")

#define JSON_HINT                                                                               \
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't "    \
    "using your HTTP library correctly. The Azure OpenAI API expects a JSON payload, but what " \
    "was sent was not valid JSON: %s)"

static bool name_from_body(struct exchange *x, struct error *err)
{
    static const struct field model_field = FIELD("model", FIELD_STRING);
    const struct field_path path = { NULL, model_field.name, 0 };
    yyjson_val *model = fields_get(yyjson_doc_get_root(x->document), model_field.name);

    if (!model)
        return field_refuse_missing(&path, err);
    if (!yyjson_is_str(model))
        return field_refuse_type(model, &model_field, &path, err);
    x->deployment_name = json_str(model);
    return true;
}

/* Azure has no code for it. Its bare 404 does not tell it from a wrong path. */
static bool refuse_retired(struct exchange *x, const struct catalog_model *m, struct error *err)
{
    if (x->inference->options.strict_errors)
        return error_set(err, ERROR_NOT_FOUND, NULL);
    return error_set(err, ERROR_NO_DEPLOYMENT,
                     "The API deployment for this resource has stopped working: its model %s, "
                     "version %s, was retired on %.10s. Deploy a model or version that is "
                     "available.",
                     m->name, m->version,
                     format_time_seconds(x->asking, m->deprecation_inference_ms).data);
}

bool exchange_check_deployment(struct exchange *x, const struct directory_deployment *d,
                               struct error *err)
{
    if (!d)
        return error_set(err, ERROR_NO_DEPLOYMENT, NULL);
    if (!d->is_ready)
        return refuse_retired(x, d->model, err);
    if (!(d->model->operations & x->operation->model_operation))
        return error_set(err, ERROR_OPERATION,
                         "The %s operation does not work with the specified model, %s. Please "
                         "choose different model and try again. You can learn more about which "
                         "models can be used with each operation here: "
                         "https://go.microsoft.com/fwlink/?linkid=2197993.",
                         x->operation->word, d->model->name);
    /* The name that is not filled in is Azure's. v1 has no date, and every model. */
    if (x->surface == SURFACE_DATED && x->version.date < d->model->first_api_date)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Model {modelName} is enabled only for api versions %s and later",
                         d->model->first_api_version);
    return true;
}

static bool resolve(struct exchange *x, struct error *err)
{
    const struct directory_deployment *d = directory_deployment(x->account, x->deployment_name);

    if (d && d->is_ready)
        x->deployment = d; /* a request that is wrong counts there as well */
    if (!exchange_check_deployment(x, d, err))
        return false;
    x->deployment_name = d->name; /* the body, which may have named it, goes first */
    return true;
}

enum phase exchange_resolve(struct exchange *x)
{
    if (x->surface == SURFACE_V1) {
        if (!x->document)
            return PHASE_PARSE;
        if (!name_from_body(x, exchange_error(x)))
            return PHASE_FAIL;
    }
    if (!resolve(x, exchange_error(x)))
        return PHASE_FAIL;
    return x->document ? PHASE_VALIDATE : PHASE_PARSE;
}

void exchange_look_ahead(struct exchange *x, struct str body, size_t content_length)
{
    if (!x->asides)
        x->asides = json_asides_new(x->asking, LONG_STRING_BYTES);
    json_asides_look(x->asides, body, content_length);
}

static bool parse(struct exchange *x, struct error *err)
{
    struct str type = http_headers_get(&x->request->headers, STR("content-type"));
    struct str body = x->request->body;
    struct error cause;

    /* A client that names no type is taken at its body's word; another type is not JSON. */
    if (type.len && !str_equal_nocase(type, REQUEST_JSON) &&
        !str_equal(http_media_type(x->asking, type), REQUEST_JSON))
        return error_set(err, ERROR_MEDIA_TYPE, NULL);
    if (!x->asides && body.len >= LONG_BODY_BYTES)
        x->asides = json_asides_new(x->asking, LONG_STRING_BYTES);
    x->document = x->asides ? json_parse_lent(x->asking, body, x->asides, &cause)
                            : json_parse(x->asking, body, &cause);
    if (!x->document)
        return error_set(err, ERROR_MODEL_REQUEST, JSON_HINT, cause.text);
    if (!yyjson_is_obj(yyjson_doc_get_root(x->document)))
        return error_set(err, ERROR_MODEL_REQUEST, JSON_HINT, "the body is not an object");
    return true;
}

enum phase exchange_parse(struct exchange *x)
{
    if (!parse(x, exchange_error(x)))
        return PHASE_FAIL;
    return x->deployment ? PHASE_VALIDATE : PHASE_RESOLVE;
}
