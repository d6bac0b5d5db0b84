/*
 * Any template is either refused, with an error of its own, or its resources come one by one, each once, within the budget, whatever
 * becomes of them. An input is {"template": ..., "parameters": ...}, as leniently written as a deployment's.
 * SPDX-License-Identifier: MIT
 */
#include "template/template.h"

#include "base/json.h"
#include "fuzz.h"
#include "template/jsonc.h"

static yyjson_mut_val *subject(void *data, struct template_context *x, struct str name)
{
    yyjson_mut_val *made = yyjson_mut_obj(x->doc);

    (void)data;
    json_set_str(x->doc, made, "location", name);
    return made;
}

static bool ask(void *data, struct template_context *x, const struct template_question *q,
                yyjson_mut_val **value, struct error *err)
{
    (void)data;
    *value = yyjson_mut_obj(x->doc);
    json_set_str(x->doc, *value, "id", q->id);
    return q->id.len % 2 ? true : error_set(err, ERROR_ARM_NO_RESOURCE, "not there");
}

static void deploy(struct template *t)
{
    bool *is_deployed = ARENA_ARRAY(t->x.arena, bool, t->resource_count), waits;
    size_t turns = t->resource_count * (t->resource_count + 2), i;
    yyjson_mut_val *value;
    struct error err = { 0 };

    while (template_next(t, &i, &err) && i != TEMPLATE_NONE) {
        bool is_good = template_body(t, i, &value, &waits, &err);

        check(turns-- > 0 && i < t->resource_count && !is_deployed[i]);
        if (!is_good && waits)
            continue;
        check(is_good || (err.code && str_is_utf8(str_from(err.text))));
        is_deployed[i] = true;
        template_finish(t, i, is_good && t->resources[i].name.len % 3);
    }
    if (template_outputs(t, &value, &err))
        check(json_parse(t->x.arena, json_write_mut(t->x.arena, value), &err) != NULL);
    if (template_shown_parameters(t, &value, &err))
        check(yyjson_mut_obj_size(value) == t->parameter_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct template_host host = { subject, ask, NULL };
    struct template_place place = { STR("s"), STR("g") };
    struct template_budget budget;
    struct arena *a = arena_new(NULL);
    struct error err = { 0 };
    struct template t = { .x = { .arena = a, .doc = json_new(a), .budget = &budget } };
    yyjson_doc *doc = template_jsonc_parse(a, str_of((const char *)data, size), &err);
    yyjson_val *root = yyjson_doc_get_root(doc);

    template_budget_init(&budget);
    if (doc &&
        template_load(&t, &place, &host, yyjson_obj_get(root, "template"),
                      yyjson_obj_get(root, "parameters"), &err) &&
        template_expand(&t, &err))
        deploy(&t);
    else
        check(err.code && str_is_utf8(str_from(err.text)));
    arena_free(a);
    return 0;
}
