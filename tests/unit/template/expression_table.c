/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json.h"
#include "expression_table.h"

static enum template_answer call(void *data, struct template_context *x, struct str name,
                                 yyjson_mut_val **args, size_t count, yyjson_mut_val **result,
                                 struct error *err)
{
    yyjson_mut_val *parameters = data;

    (void)x;
    if (count == 1 && str_equal_nocase(name, STR("contoso.echo"))) {
        *result = args[0];
        return TEMPLATE_DONE;
    }
    if (count != 1 || !str_equal_nocase(name, STR("parameters")))
        return TEMPLATE_UNKNOWN;
    *result =
        yyjson_mut_obj_getn(parameters, yyjson_mut_get_str(args[0]), yyjson_mut_get_len(args[0]));
    if (*result)
        return TEMPLATE_DONE;
    error_set(err, ERROR_ARM_TEMPLATE, "no such parameter");
    return TEMPLATE_FAILED;
}

void expression_context(struct template_context *x, struct template_budget *budget, struct arena *a,
                        const char *parameters)
{
    struct error err;

    template_budget_init(budget);
    *x = (struct template_context){ .arena = a,
                                    .doc = json_new(a),
                                    .budget = budget,
                                    .now_ms = EXPRESSION_NOW_MS,
                                    .allows_now = true,
                                    .call = call };
    if (parameters) {
        yyjson_doc *doc = json_parse(a, str_from(parameters), &err);

        assert_non_null(doc);
        x->data = yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(doc)));
    }
}

static void check_row(const struct expression_row *row, const char *parameters)
{
    struct str failure = STR("error: "), wanted = str_from(row->wanted);
    struct arena *a = arena_new(NULL);
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, a, parameters);
    if (template_evaluate_text(&x, str_from(row->text), &value, &err)) {
        struct str text = json_write_mut(a, value);

        if (!str_equal(text, wanted))
            fail_msg("%s gives %s, not %s", row->text, text.data, row->wanted);
    } else if (!str_starts_with(wanted, failure) ||
               str_find(str_from(err.text), str_slice(wanted, failure.len, SIZE_MAX)) == SIZE_MAX) {
        fail_msg("%s fails with '%s', not %s", row->text, err.text, row->wanted);
    }
    assert_int_equal(budget.depth, 0);
    arena_free(a);
}

void expression_check(const struct expression_row *rows, size_t count, const char *parameters)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i], parameters);
}
