/* SPDX-License-Identifier: MIT */
#include "inference/prompts.h"

#include <stdio.h>

#include "base/json_asides.h"
#include "inference/field_errors.h"

static bool refuse(const char *name, struct error *err)
{
    return error_set_target(err, ERROR_MODEL_TYPE, name,
                            "Invalid type for '%s': expected a string, an array of strings, an "
                            "array of token ids, or an array of arrays of token ids.",
                            name);
}

static bool check_tokens(struct request_facts *f, yyjson_val *tokens, const char *name,
                         const struct field_path *path, struct error *err)
{
    static const struct field token_field = FIELD("token", FIELD_INTEGER, 0, INT32_MAX);
    yyjson_val *token;
    size_t i, count;

    yyjson_arr_foreach(tokens, i, count, token)
    {
        if (!(field_types_of(token) & FIELD_INTEGER))
            return refuse(name, err);
        if (!yyjson_is_uint(token) || yyjson_get_uint(token) > INT32_MAX)
            return field_refuse_number(token, &token_field, &(struct field_path){ path, NULL, i },
                                       err);
    }
    f->prompt_tokens += yyjson_arr_size(tokens);
    return fields_need(f, ENGINE_PROMPT_TOKENS, name, err);
}

static bool is_token_list(yyjson_val *value)
{
    return field_types_of(yyjson_arr_get_first(value)) & FIELD_INTEGER;
}

void prompts_count_text(struct request_facts *facts, yyjson_val *text)
{
    facts->prompt_chars += json_asides_count_chars(facts->asides, json_str(text));
}

bool prompts_check(struct request_facts *f, yyjson_val *prompts, const char *name, size_t max,
                   struct error *err)
{
    const struct field limit = FIELD(name, FIELD_ARRAY, 1, (double)max);
    const struct field_path path = { NULL, name, 0 };
    yyjson_val *item;
    size_t i, count;

    prompts_count_text(f, prompts);
    f->prompts = 1;
    if (!yyjson_is_arr(prompts))
        return true;
    if (is_token_list(prompts))
        return check_tokens(f, prompts, name, &path, err);
    if (yyjson_arr_size(prompts) > max)
        return field_refuse_length(prompts, &limit, &path, err);
    f->prompts = (unsigned)yyjson_arr_size(prompts);
    yyjson_arr_foreach(prompts, i, count, item)
    {
        const struct field_path item_path = { &path, NULL, i };

        prompts_count_text(f, item);
        if (!yyjson_is_str(item) && !is_token_list(item))
            return refuse(name, err);
        if (yyjson_is_arr(item) && !check_tokens(f, item, name, &item_path, err))
            return false;
    }
    return true;
}
