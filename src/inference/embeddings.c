/*
 * Embeddings_Create.
 * Request fields: Azure's inference specification 2024-08-01-preview (tests/specs/inference/).
 * SPDX-License-Identifier: MIT
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/json_edit.h"
#include "inference/field_errors.h"
#include "inference/operation.h"
#include "inference/prompts.h"
#include "inference/shape.h"

#define INPUTS_MAX 2048

static const char *const encodings[] = { "float", "base64", NULL };

static const struct field request_list[] = {
    FIELD("input", FIELD_STRING | FIELD_ARRAY, 1, INPUTS_MAX, .required = FIELD_ALWAYS),
    FIELD("model", FIELD_STRING),
    FIELD("user", FIELD_STRING),
    FIELD("input_type", FIELD_STRING, .feature = ENGINE_INPUT_TYPE),
    FIELD("encoding_format", FIELD_STRING, .values = encodings),
    FIELD("dimensions", FIELD_INTEGER, 1, 65536),
};
static const struct fields request_fields = FIELDS(request_list);

/* The model's embeddingsMaxInputs, 2048 when it has none. */
static uint64_t inputs_max(const struct catalog_model *m)
{
    uint64_t max;

    for (unsigned i = 0; i < m->capability_count; i++) {
        if (str_equal(str_from(m->capabilities[i].key), STR("embeddingsMaxInputs")) &&
            str_to_u64(str_from(m->capabilities[i].value), INPUTS_MAX, &max))
            return max;
    }
    return INPUTS_MAX;
}

/* An empty text has no vector. */
static bool check_filled(yyjson_val *input, struct error *err)
{
    yyjson_val *item;
    size_t i, count;

    if (yyjson_is_str(input) && !yyjson_get_len(input))
        return error_set_target(err, ERROR_MODEL_REQUEST, "input",
                                "'input' cannot be an empty string.");
    yyjson_arr_foreach(input, i, count, item)
    {
        const struct field_path path = { NULL, "input", 0 };

        if (yyjson_is_str(item) && !yyjson_get_len(item))
            return field_refuse_string(json_str(item), &(struct field_path){ &path, NULL, i }, err);
    }
    return true;
}

static bool check_dimensions(struct exchange *x, yyjson_val *root, struct error *err)
{
    yyjson_val *dimensions = fields_get(root, "dimensions");

    x->facts.dimensions = (unsigned)yyjson_get_uint(dimensions);
    return !dimensions || x->deployment->model->can_shorten_embeddings ||
           error_set_target(err, ERROR_MODEL_REQUEST, "dimensions",
                            "This model does not support specifying dimensions.");
}

static bool check(struct exchange *x, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document), *input;
    uint64_t max = inputs_max(x->deployment->model);

    if (!fields_check(x, root, &request_fields, err))
        return false;
    input = fields_get(root, "input");
    if (!prompts_check(&x->facts, input, "input", INPUTS_MAX, err) || !check_filled(input, err))
        return false;
    x->facts.choices = x->facts.prompts;
    if (x->facts.choices > max)
        return error_set(
            err, ERROR_MODEL_REQUEST,
            "Too many inputs. The max number of inputs is %llu.  We hope to increase "
            "the number of inputs per request soon. Please contact us through an "
            "Azure support request at: https://go.microsoft.com/fwlink/?linkid=2213926 "
            "for further questions.",
            (unsigned long long)max);
    x->facts.n = 0; /* no tokens are generated */
    x->facts.base64 = str_equal(json_str(fields_get(root, "encoding_format")), STR("base64"));
    return check_dimensions(x, root, err);
}

/* Vectors are of float32, which has no larger ones than FLT_MAX, and JSON has no infinity. */
static bool number_of(yyjson_val *value, double *number)
{
    const char *text = yyjson_get_raw(value);
    yyjson_val parsed;

    if (!text || !yyjson_read_number(text, &parsed, 0, NULL, NULL))
        return false;
    *number = yyjson_get_num(&parsed);
    return isfinite((float)*number);
}

static double *numbers_of_list(struct arena *scratch, yyjson_val *list, size_t *count)
{
    double *numbers = arena_alloc_bytes(scratch, (yyjson_arr_size(list) + 1) * sizeof(*numbers));
    yyjson_val *item;
    size_t i;

    yyjson_arr_foreach(list, i, *count, item)
    {
        if (!number_of(item, &numbers[i]))
            return NULL;
    }
    return numbers;
}

static float number_at(struct str bytes, size_t i)
{
    const unsigned char *b = (const unsigned char *)bytes.data + 4 * i;
    uint32_t bits =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool bytes_of_base64(struct arena *scratch, struct str text, struct str *bytes)
{
    if (!format_parse_base64(scratch, text, bytes) || bytes->len % 4)
        return false;
    for (size_t i = 0; i < bytes->len / 4; i++) {
        if (!isfinite(number_at(*bytes, i)))
            return false;
    }
    return true;
}

static double *numbers_of_base64(struct arena *scratch, struct str text, size_t *count)
{
    struct str bytes;
    double *numbers;

    if (!bytes_of_base64(scratch, text, &bytes))
        return NULL;
    *count = bytes.len / 4;
    numbers = arena_alloc_bytes(scratch, (*count + 1) * sizeof(*numbers));
    for (size_t i = 0; i < *count; i++)
        numbers[i] = (double)number_at(bytes, i);
    return numbers;
}

/* Numbers out of an item's vector, whichever form the engine gave; NULL when it has none. */
static double *numbers_of(struct arena *scratch, yyjson_val *vector, size_t *count)
{
    return yyjson_is_arr(vector) ? numbers_of_list(scratch, vector, count)
                                 : numbers_of_base64(scratch, json_str(vector), count);
}

/* The first `count` numbers, of unit length again: what `dimensions` means for models whose vectors
 * may be shortened. */
static void shorten(double *numbers, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += numbers[i] * numbers[i];
    for (size_t i = 0; sum > 0 && i < count; i++)
        numbers[i] /= sqrt(sum);
}

static struct str numbers_text(struct arena *scratch, const double *numbers, size_t count)
{
    yyjson_mut_doc *doc = json_new(scratch);
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_add_real(doc, list, numbers[i]);
    return json_write_mut(scratch, list);
}

/* Little-endian float32. */
static struct str numbers_base64(struct arena *scratch, const double *numbers, size_t count)
{
    unsigned char *bytes = arena_alloc_bytes(scratch, count * 4 + 1);

    for (size_t i = 0; i < count; i++) {
        float value = (float)numbers[i];
        uint32_t bits;

        memcpy(&bits, &value, sizeof(bits));
        for (unsigned byte = 0; byte < 4; byte++)
            bytes[4 * i + byte] = (unsigned char)(bits >> (8 * byte));
    }
    return format_base64(scratch, bytes, count * 4);
}

/* Numbers are kept as their text. Empty: it is none. */
static struct str text_of_number(yyjson_val *value)
{
    return yyjson_is_raw(value) ? str_of(yyjson_get_raw(value), yyjson_get_len(value)) : STR_NONE;
}

/* Which nearly all are: FLT_MAX has 39 digits. */
static bool is_small(struct str number)
{
    return number.len < FLT_MAX_10_EXP && !memchr(number.data, 'e', number.len) &&
           !memchr(number.data, 'E', number.len);
}

static bool are_numbers(yyjson_val *list)
{
    yyjson_val *item;
    size_t i, count;
    double number;

    yyjson_arr_foreach(list, i, count, item)
    {
        if (!yyjson_is_raw(item) || (!is_small(text_of_number(item)) && !number_of(item, &number)))
            return false;
    }
    return true;
}

static bool is_vector(struct arena *scratch, yyjson_val *vector)
{
    struct str bytes;

    return yyjson_is_arr(vector) ? are_numbers(vector)
                                 : bytes_of_base64(scratch, json_str(vector), &bytes);
}

/* Leaves an item alone that has the asked form already. */
static bool shape_item(struct exchange *x, struct arena *scratch, struct json_edit *item)
{
    yyjson_val *vector = yyjson_obj_get(item->object, "embedding");
    unsigned wanted = x->facts.dimensions;
    double *numbers;
    size_t count;

    if (!yyjson_is_str(vector) && !yyjson_is_arr(vector))
        return false;
    json_edit_drop(item, STR("encoding_format")); /* llama-server's own */
    if (!wanted && x->facts.base64 == yyjson_is_str(vector))
        return is_vector(scratch, vector);
    numbers = numbers_of(scratch, vector, &count);
    if (!numbers)
        return false;
    if (wanted > count)
        return error_set_target(exchange_error(x), ERROR_MODEL_VALUE, "dimensions",
                                "Invalid value for 'dimensions' = %u. Must be less than or equal "
                                "to %zu.",
                                wanted, count);
    if (wanted) {
        shorten(numbers, wanted);
        count = wanted;
    }
    if (x->facts.base64)
        json_edit_string(item, STR("embedding"), numbers_base64(scratch, numbers, count));
    else
        json_edit_text(item, STR("embedding"), numbers_text(scratch, numbers, count));
    return true;
}

/* Numbers that make no sense, or are not there, are replaced by an estimate. */
static void take_usage(struct exchange *x, struct arena *scratch, struct json_edit *answer)
{
    yyjson_val *usage = yyjson_obj_get(answer->object, "usage");
    struct str prompt = text_of_number(yyjson_obj_get(usage, "prompt_tokens"));
    struct str total = text_of_number(yyjson_obj_get(usage, "total_tokens"));
    uint64_t sum;

    if (str_to_u64(prompt, SHAPE_COUNT_MAX, &x->usage.prompt_tokens) &&
        str_to_u64(total, SHAPE_COUNT_MAX, &sum))
        return;
    shape_estimate_usage(x);
    json_edit_text(answer, STR("usage"),
                   arena_printf(scratch, "{\"prompt_tokens\":%llu,\"total_tokens\":%llu}",
                                (unsigned long long)x->usage.prompt_tokens,
                                (unsigned long long)x->usage.prompt_tokens));
}

/* Whose vector it is: clients go by that. Without one it is the input's at the same place. Each has one. */
static bool take_index(const struct exchange *x, yyjson_val *index, uint64_t place, bool *taken)
{
    if (index && !str_to_u64(text_of_number(index), x->facts.choices - 1, &place))
        return false;
    if (taken[place])
        return false;
    taken[place] = true;
    return true;
}

static bool shape(struct exchange *x, struct arena *scratch, yyjson_doc *answer, struct str *out)
{
    yyjson_val *root = yyjson_doc_get_root(answer), *data = yyjson_obj_get(root, "data"), *item;
    struct json_edit edit, *items;
    size_t i, count;
    bool *taken;

    if (!yyjson_is_arr(data) || yyjson_arr_size(data) != x->facts.choices)
        return false;
    items = json_edit_list(scratch, yyjson_arr_size(data));
    taken = ARENA_ARRAY(scratch, bool, x->facts.choices);
    yyjson_arr_foreach(data, i, count, item)
    {
        json_edit_init(&items[i], scratch, item, 2);
        if (!take_index(x, yyjson_obj_get(item, "index"), i, taken) ||
            !shape_item(x, scratch, &items[i]))
            return false;
    }
    json_edit_init(&edit, scratch, root, 4);
    take_usage(x, scratch, &edit);
    json_edit_string(&edit, STR("model"), str_from(x->deployment->model->label));
    json_edit_string(&edit, STR("object"), STR("list"));
    json_edit_array(&edit, STR("data"), items, (unsigned)count);
    *out = json_write_edit(scratch, &edit);
    return true;
}

const struct operation operation_embeddings = {
    .id = "Embeddings_Create",
    .word = "embeddings",
    .path = { "embeddings", 10 },
    .method = HTTP_POST,
    .data_action = DATA_ACTION_OPENAI "deployments/embeddings/action",
    .since = 20221201,
    .model_operation = MODEL_EMBEDDINGS,
    .engine_operation = ENGINE_EMBEDDINGS,
    .is_bulky = true,
    .check = check,
    .shape = shape,
};
