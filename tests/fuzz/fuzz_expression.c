/*
 * A text of a stranger's template, evaluated with a small budget. What comes is JSON; a text that
 * is no expression comes as it is; the depth is back where it was.
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "fuzz.h"
#include "template/expression.h"

static enum template_answer call(void *data, struct template_context *x, struct str name,
                                 yyjson_mut_val **args, size_t count, yyjson_mut_val **result,
                                 struct error *err)
{
    (void)data;
    if (str_equal_nocase(name, STR("parameters"))) {
        *result = yyjson_mut_obj(x->doc);
        yyjson_mut_obj_add_str(x->doc, *result, "name", "value");
        return TEMPLATE_DONE;
    }
    if (!count || !str_equal_nocase(name, STR("n.f")))
        return TEMPLATE_UNKNOWN;
    /* a function of the template's own, which may call itself */
    if (!yyjson_mut_is_str(args[0])) {
        *result = args[0];
        return TEMPLATE_DONE;
    }
    return template_evaluate_text(x, json_mut_str(args[0]), result, err) ? TEMPLATE_DONE
                                                                         : TEMPLATE_FAILED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size);
    struct template_budget budget;
    struct template_context x = { .arena = a,
                                  .doc = json_new(a),
                                  .budget = &budget,
                                  .now_ms = 1709647629123,
                                  .allows_now = true,
                                  .call = call };
    yyjson_mut_val *value, *copy;
    struct error err;

    template_budget_init(&budget);
    budget.steps /= 100;
    budget.bytes /= 100;
    if (str_is_utf8(text) && template_evaluate_text(&x, text, &value, &err)) {
        check(template_is_expression(text) || yyjson_mut_is_str(value));
        text = json_write_mut(a, value);
        check(json_parse(a, text, &err));
        if (template_copy(&x, value, &copy, &err))
            check(str_equal(json_write_mut(a, copy), text));
    }
    check(budget.depth == 0 && !x.scope);
    arena_free(a);
    return 0;
}
