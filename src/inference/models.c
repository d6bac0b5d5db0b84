/*
 * Models_List and Models_Get: the base models of the region, out of the catalog. The dated surface
 * shows capabilities and life cycle, v1 has OpenAI's form.
 * SPDX-License-Identifier: MIT
 */
#include "inference/operation.h"

static struct str model_id(struct arena *a, const struct catalog_model *m)
{
    return arena_printf(a, "%s-%s", m->name, m->version);
}

static void add_capabilities(yyjson_mut_doc *doc, yyjson_mut_val *object,
                             const struct catalog_model *m)
{
    yyjson_mut_val *c = yyjson_mut_obj_add_obj(doc, object, "capabilities");

    yyjson_mut_obj_add_bool(doc, c, "fine_tune", m->deprecation_fine_tune_ms != 0);
    yyjson_mut_obj_add_bool(doc, c, "inference", true);
    yyjson_mut_obj_add_bool(doc, c, "completion", m->operations & MODEL_COMPLETION);
    yyjson_mut_obj_add_bool(doc, c, "chat_completion", m->operations & MODEL_CHAT);
    yyjson_mut_obj_add_bool(doc, c, "embeddings", m->operations & MODEL_EMBEDDINGS);
}

/* Unix seconds, as the authoring specification has them. */
static void add_life_cycle(yyjson_mut_doc *doc, yyjson_mut_val *object,
                           const struct catalog_model *m)
{
    yyjson_mut_val *d = yyjson_mut_obj_add_obj(doc, object, "deprecation");

    yyjson_mut_obj_add_str(doc, object, "lifecycle_status",
                           m->status == LIFECYCLE_PREVIEW ? "preview" : "generally-available");
    if (m->deprecation_fine_tune_ms)
        yyjson_mut_obj_add_int(doc, d, "fine_tune", m->deprecation_fine_tune_ms / 1000);
    if (m->deprecation_inference_ms)
        yyjson_mut_obj_add_int(doc, d, "inference", m->deprecation_inference_ms / 1000);
}

static yyjson_mut_val *render(struct exchange *x, yyjson_mut_doc *doc,
                              const struct catalog_model *m)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    struct str id = model_id(x->arena, m);

    if (x->surface == SURFACE_V1) {
        yyjson_mut_obj_add_strn(doc, object, "id", id.data, id.len);
        yyjson_mut_obj_add_str(doc, object, "object", "model");
        yyjson_mut_obj_add_int(doc, object, "created", m->created_ms / 1000);
        yyjson_mut_obj_add_str(doc, object, "owned_by", "system");
        return object;
    }
    add_capabilities(doc, object, m);
    add_life_cycle(doc, object, m);
    yyjson_mut_obj_add_strn(doc, object, "id", id.data, id.len);
    yyjson_mut_obj_add_str(doc, object, "status", "succeeded");
    yyjson_mut_obj_add_int(doc, object, "created_at", m->created_ms / 1000);
    yyjson_mut_obj_add_str(doc, object, "object", "model");
    return object;
}

static bool answer_list(struct exchange *x, struct str *body, struct error *err)
{
    const struct catalog *c = directory_catalog(x->directory);
    yyjson_mut_doc *doc = json_new(x->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *data = yyjson_mut_obj_add_arr(doc, root, "data");

    (void)err;
    for (unsigned i = 0; i < c->model_count; i++)
        yyjson_mut_arr_append(data, render(x, doc, &c->models[i]));
    yyjson_mut_obj_add_str(doc, root, "object", "list");
    *body = json_write_mut(x->arena, root);
    return true;
}

static bool answer_get(struct exchange *x, struct str *body, struct error *err)
{
    const struct catalog *c = directory_catalog(x->directory);
    yyjson_mut_doc *doc = json_new(x->arena);

    for (unsigned i = 0; i < c->model_count; i++) {
        if (!str_equal_nocase(model_id(x->arena, &c->models[i]), x->model_id))
            continue;
        *body = json_write_mut(x->arena, render(x, doc, &c->models[i]));
        return true;
    }
    return error_set(err, ERROR_NOT_FOUND, NULL);
}

const struct operation operation_models_list = {
    .id = "Models_List",
    .path = { "models", 6 },
    .method = HTTP_GET,
    .data_action = DATA_ACTION_OPENAI "models/read",
    .since = 20221201,
    .answer = answer_list,
};

const struct operation operation_models_get = {
    .id = "Models_Get",
    .path = { "models/", 7 },
    .method = HTTP_GET,
    .data_action = DATA_ACTION_OPENAI "models/read",
    .since = 20221201,
    .answer = answer_get,
};
