/* SPDX-License-Identifier: MIT */
#include "inference/logit_bias.h"

#include <stdio.h>

#include "inference/field_errors.h"

/* What all biases are. */
static const struct field bias_field = FIELD("logit_bias", FIELD_NUMBER, -100, 100);

static bool check_bias(struct str token, yyjson_val *bias, struct error *err)
{
    const struct field_path above = { NULL, bias_field.name, 0 };
    char name[24], shown[41];
    const struct field_path path = { &above, name, 0 };
    uint64_t number;

    if (!str_to_u64(token, INT32_MAX, &number))
        return error_set_target(err, ERROR_MODEL_REQUEST, bias_field.name,
                                "Invalid key in 'logit_bias': %s. You should only be submitting "
                                "non-negative integers.",
                                str_show(token, shown, sizeof(shown)));
    snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
    if (!(field_types_of(bias) & bias_field.types))
        return field_refuse_type(bias, &bias_field, &path, err);
    /* One that no double holds is kept as its text. */
    if (yyjson_is_raw(bias) || yyjson_get_num(bias) < bias_field.minimum ||
        yyjson_get_num(bias) > bias_field.maximum)
        return field_refuse_number(bias, &bias_field, &path, err);
    return true;
}

bool logit_bias_check(yyjson_val *root, struct error *err)
{
    yyjson_val *biases = fields_get(root, bias_field.name), *token, *bias;
    size_t i, count;

    if (!biases)
        return true;
    yyjson_obj_foreach(biases, i, count, token, bias)
    {
        if (!check_bias(json_str(token), bias, err))
            return false;
    }
    return true;
}
