/* SPDX-License-Identifier: MIT */
#include "engine/sim_schema.h"

#include <math.h>

#include "engine/sim_text.h"

/* A schema may refer to itself; below this depth only what is required is filled in, and at twice
 * this depth nothing more. */
#define DEPTH_MAX 16
/* Bounds the sample of a hostile schema, whatever it asks. */
#define VALUES_MAX 4096
#define STRING_BYTES_MAX 1024
#define ITEMS_MAX 64
#define MEMBERS_MAX 1024

struct sampler {
    yyjson_mut_doc *doc;
    yyjson_val *root;
    uint64_t seed;
    unsigned values; /* made so far */
};

static yyjson_mut_val *sample(struct sampler *s, yyjson_val *schema, unsigned depth);

static uint64_t random_of(struct sampler *s)
{
    return sim_mix(s->seed, s->values);
}

static double number_or(yyjson_val *schema, const char *key, double otherwise)
{
    yyjson_val *value = yyjson_obj_get(schema, key);

    return yyjson_is_num(value) ? yyjson_get_num(value) : otherwise;
}

/* "#/$defs/Point" within the whole schema; NULL when it leads nowhere. */
static yyjson_val *follow(struct sampler *s, struct str reference)
{
    yyjson_val *at = s->root;
    struct str part;

    if (!str_starts_with(reference, STR("#")))
        return NULL;
    reference = str_slice(reference, 1, reference.len);
    if (str_is_empty(reference))
        return at;
    reference = str_slice(reference, 1, reference.len);
    while (at && str_split(&reference, '/', &part))
        at = yyjson_obj_getn(at, part.data, part.len);
    return at;
}

/* -- Strings and numbers ------------------------------------------------------------------- */

static struct str formatted(struct str format)
{
    static const struct {
        struct str format, text;
    } samples[] = {
        { STR("date-time"), STR("2026-01-15T09:30:00Z") },
        { STR("date"), STR("2026-01-15") },
        { STR("time"), STR("09:30:00Z") },
        { STR("duration"), STR("P1D") },
        { STR("email"), STR("blue.stone@example.com") },
        { STR("hostname"), STR("example.com") },
        { STR("ipv4"), STR("192.0.2.1") },
        { STR("ipv6"), STR("2001:db8::1") },
        { STR("uuid"), STR("6f1c2f0e-8d0b-4b7e-9a55-0c1d2e3f4a5b") },
        { STR("uri"), STR("https://example.com/") },
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        if (str_equal(format, samples[i].format))
            return samples[i].text;
    }
    return STR_NONE;
}

static yyjson_mut_val *sample_string(struct sampler *s, yyjson_val *schema)
{
    struct str text = formatted(json_str(yyjson_obj_get(schema, "format")));
    double min = number_or(schema, "minLength", 0);
    double max = number_or(schema, "maxLength", STRING_BYTES_MAX);
    char out[STRING_BYTES_MAX];
    struct sim_source words = sim_source_sentences(random_of(s));
    size_t len = 0, wanted = 10;

    if (text.data)
        return yyjson_mut_strn(s->doc, text.data, text.len);
    if (min > (double)wanted)
        wanted = min < STRING_BYTES_MAX ? (size_t)min : STRING_BYTES_MAX;
    while (len < wanted) {
        struct sim_token token;

        if (!sim_source_next(&words, &token) || len + token.len > sizeof(out))
            break;
        memcpy(out + len, token.text, token.len);
        len += token.len;
    }
    if (wanted > len) /* the last word did not fit */
        memset(out + len, 'a', wanted - len);
    len = len < wanted ? wanted : len;
    if (max >= 0 && (double)len > max)
        len = (size_t)max;
    return yyjson_mut_strncpy(s->doc, out, len);
}

static yyjson_mut_val *sample_number(struct sampler *s, yyjson_val *schema, bool is_integer)
{
    double step = number_or(schema, "multipleOf", is_integer ? 1 : 0.5);
    double low = number_or(schema, "minimum", -INFINITY);
    double high = number_or(schema, "maximum", INFINITY);
    double above = number_or(schema, "exclusiveMinimum", -INFINITY);
    double below = number_or(schema, "exclusiveMaximum", INFINITY);
    double value;

    if (!(step > 0))
        step = 1;
    value = step * (double)(1 + random_of(s) % 20);
    if (value < low)
        value = ceil(low / step) * step;
    if (value <= above)
        value = (floor(above / step) + 1) * step;
    if (value > high)
        value = floor(high / step) * step;
    if (value >= below)
        value = (ceil(below / step) - 1) * step;
    /* Too narrow for the step: a number with no multipleOf may lie anywhere. */
    if (!is_integer && !yyjson_obj_get(schema, "multipleOf") && (value < low || value <= above))
        value = (fmax(low, above) + fmin(high, below)) / 2;
    if (is_integer && fabs(value) < 9e15)
        return yyjson_mut_sint(s->doc, (int64_t)value);
    return yyjson_mut_real(s->doc, value);
}

/* -- Objects and arrays -------------------------------------------------------------------- */

static bool is_required(yyjson_val *required, yyjson_val *name)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(required, i, count, item)
    {
        if (i == MEMBERS_MAX)
            break;
        if (yyjson_equals(item, name))
            return true;
    }
    return false;
}

static bool is_described(yyjson_val *properties, yyjson_val *name)
{
    yyjson_val *key, *value;
    size_t i, count;

    if (!yyjson_is_obj(properties))
        return false;
    yyjson_obj_foreach(properties, i, count, key, value)
    {
        if (i == MEMBERS_MAX)
            break;
        if (yyjson_equals(key, name))
            return true;
    }
    return false;
}

static void put(struct sampler *s, yyjson_mut_val *object, yyjson_val *name, yyjson_val *schema,
                unsigned depth)
{
    struct str text = json_str(name);

    yyjson_mut_obj_put(object, yyjson_mut_strn(s->doc, text.data, text.len),
                       sample(s, schema, depth + 1));
}

/* Those properties that are required; all when nothing is, so that a sample shows something. */
static void put_properties(struct sampler *s, yyjson_mut_val *object, yyjson_val *schema,
                           unsigned depth)
{
    yyjson_val *properties = yyjson_obj_get(schema, "properties");
    yyjson_val *required = yyjson_obj_get(schema, "required"), *key, *value;
    bool take_all = yyjson_arr_size(required) == 0 && depth < DEPTH_MAX / 4;
    size_t i, count;

    if (!yyjson_is_obj(properties)) /* the macro would count from NULL */
        return;
    yyjson_obj_foreach(properties, i, count, key, value)
    {
        if (i == MEMBERS_MAX)
            break;
        if (take_all || is_required(required, key))
            put(s, object, key, value, depth);
    }
}

/* What `schema` requires, and the schemas of its allOf. */
static void fill_object(struct sampler *s, yyjson_mut_val *object, yyjson_val *schema,
                        unsigned depth)
{
    yyjson_val *properties = yyjson_obj_get(schema, "properties");
    yyjson_val *required = yyjson_obj_get(schema, "required");
    yyjson_val *all = yyjson_obj_get(schema, "allOf"), *value;
    size_t i, count;

    if (++s->values > VALUES_MAX || depth > DEPTH_MAX)
        return;
    put_properties(s, object, schema, depth);
    yyjson_arr_foreach(required, i, count, value)
    {
        if (i == MEMBERS_MAX)
            break;
        if (yyjson_is_str(value) && !is_described(properties, value))
            put(s, object, value, NULL, depth);
    }
    yyjson_arr_foreach(all, i, count, value)
    {
        yyjson_val *other = yyjson_obj_get(value, "$ref");

        if (i == MEMBERS_MAX)
            break;
        fill_object(s, object, other ? follow(s, json_str(other)) : value, depth + 1);
    }
}

static yyjson_mut_val *sample_array(struct sampler *s, yyjson_val *schema, unsigned depth)
{
    yyjson_mut_val *array = yyjson_mut_arr(s->doc);
    yyjson_val *items = yyjson_obj_get(schema, "items");
    yyjson_val *prefix = yyjson_obj_get(schema, "prefixItems");
    double min = number_or(schema, "minItems", depth < DEPTH_MAX ? 1 : 0);
    double max = number_or(schema, "maxItems", ITEMS_MAX);
    size_t wanted = min < 0 ? 0 : min < ITEMS_MAX ? (size_t)min : ITEMS_MAX;

    if (wanted < yyjson_arr_size(prefix))
        wanted = yyjson_arr_size(prefix) < ITEMS_MAX ? yyjson_arr_size(prefix) : ITEMS_MAX;
    if (max >= 0 && (double)wanted > max)
        wanted = (size_t)max;
    for (size_t i = 0; i < wanted; i++) {
        yyjson_val *item = yyjson_arr_get(prefix, i);

        yyjson_mut_arr_append(array, sample(s, item ? item : items, depth + 1));
    }
    return array;
}

/* -- Any value ----------------------------------------------------------------------------- */

static struct str type_of(yyjson_val *schema)
{
    yyjson_val *type = yyjson_obj_get(schema, "type"), *item;
    size_t i, count;

    yyjson_arr_foreach(type, i, count, item)
    {
        if (!str_equal(json_str(item), STR("null")))
            return json_str(item);
    }
    if (yyjson_arr_size(type))
        return STR("null");
    if (yyjson_is_str(type))
        return json_str(type);
    if (yyjson_obj_get(schema, "properties") || yyjson_obj_get(schema, "required") ||
        yyjson_obj_get(schema, "allOf"))
        return STR("object");
    if (yyjson_obj_get(schema, "items") || yyjson_obj_get(schema, "prefixItems"))
        return STR("array");
    return STR("string");
}

static yyjson_mut_val *sample_type(struct sampler *s, yyjson_val *schema, unsigned depth)
{
    struct str type = type_of(schema);

    if (str_equal(type, STR("object"))) {
        yyjson_mut_val *object = yyjson_mut_obj(s->doc);

        fill_object(s, object, schema, depth);
        return object;
    }
    if (str_equal(type, STR("array")))
        return sample_array(s, schema, depth);
    if (str_equal(type, STR("integer")))
        return sample_number(s, schema, true);
    if (str_equal(type, STR("number")))
        return sample_number(s, schema, false);
    if (str_equal(type, STR("boolean")))
        return yyjson_mut_bool(s->doc, random_of(s) & 1);
    if (str_equal(type, STR("null")))
        return yyjson_mut_null(s->doc);
    return sample_string(s, schema);
}

static yyjson_mut_val *sample(struct sampler *s, yyjson_val *schema, unsigned depth)
{
    static const char *const choices[] = { "anyOf", "oneOf" };
    yyjson_val *value;
    size_t count;

    if (++s->values > VALUES_MAX || depth > 2 * DEPTH_MAX)
        return yyjson_mut_null(s->doc);
    if ((value = yyjson_obj_get(schema, "$ref")))
        return sample(s, follow(s, json_str(value)), depth + 1);
    if ((value = yyjson_obj_get(schema, "const")))
        return yyjson_val_mut_copy(s->doc, value);
    value = yyjson_obj_get(schema, "enum");
    if ((count = yyjson_arr_size(value)))
        return yyjson_val_mut_copy(s->doc, yyjson_arr_get(value, random_of(s) % count));
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        yyjson_val *options = yyjson_obj_get(schema, choices[i]);

        /* The last one where it gets deep: recursive types put their end ("null") there. */
        if ((count = yyjson_arr_size(options)))
            return sample(s, yyjson_arr_get(options, depth < DEPTH_MAX / 4 ? 0 : count - 1),
                          depth + 1);
    }
    if ((value = yyjson_obj_get(schema, "default")))
        return yyjson_val_mut_copy(s->doc, value);
    return sample_type(s, schema, depth);
}

struct str sim_schema_sample(struct arena *a, yyjson_val *schema, uint64_t seed)
{
    struct sampler s = { .doc = json_new(a), .root = schema, .seed = seed };

    if (!yyjson_is_obj(schema))
        return STR("{}");
    return json_write_mut(a, sample(&s, schema, 0));
}
