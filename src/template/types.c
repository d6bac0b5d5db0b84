/*
 * Types of parameters, of outputs, and of user functions' arguments: the simple ones, and those of "definitions" as Bicep
 * emits them (learn.microsoft.com, "Type definitions in ARM templates").
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

#include <stdio.h>

#include "template/value.h"

/* "$ref" after "$ref". */
#define REFERENCES_MAX 32
#define DEFINITIONS "#/definitions/"

struct type_name {
    const char *name;
    const char *shown;    /* as a deployment shows it */
    const char *expected; /* as a message says what is wanted */
    yyjson_type type;
    bool is_secure;
};

static const struct type_name type_names[] = {
    { "string", "String", "String, Uri", YYJSON_TYPE_STR, false },
    { "securestring", "SecureString", "String, Uri", YYJSON_TYPE_STR, true },
    { "int", "Int", "Integer", YYJSON_TYPE_NUM, false },
    { "bool", "Bool", "Boolean", YYJSON_TYPE_BOOL, false },
    { "array", "Array", "Array", YYJSON_TYPE_ARR, false },
    { "object", "Object", "Object", YYJSON_TYPE_OBJ, false },
    { "secureobject", "SecureObject", "Object", YYJSON_TYPE_OBJ, true },
};

/* What is checked, and how a message names it. */
struct checked {
    struct template *t;
    const char *what;
    struct error *err;
    bool is_secure; /* what it lies in is: no message shows it */
};

static const struct type_name *find_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
        if (str_equal_nocase(name, str_from(type_names[i].name)))
            return &type_names[i];
    }
    return NULL;
}

/* What a "$ref" refers to; NULL when it is not there. */
static yyjson_val *find_definition(const struct template *t, struct str reference)
{
    if (!str_starts_with(reference, STR(DEFINITIONS)))
        return NULL;
    return json_get_nocase(template_get(t->root, "definitions"),
                           str_slice(reference, sizeof(DEFINITIONS) - 1, SIZE_MAX));
}

yyjson_val *template_follow(const struct template *t, yyjson_val *definition)
{
    for (unsigned i = 0; i < REFERENCES_MAX; i++) {
        struct str reference = json_str(yyjson_obj_get(definition, "$ref"));

        if (str_is_empty(reference))
            return definition;
        definition = find_definition(t, reference);
    }
    return NULL;
}

static const struct type_name *name_of(const struct template *t, yyjson_val *definition)
{
    yyjson_val *followed = template_follow(t, definition);

    return followed ? find_name(json_str(template_get(followed, "type"))) : NULL;
}

struct str template_type_of(const struct template *t, yyjson_val *definition)
{
    const struct type_name *name = name_of(t, definition);

    return name ? str_from(name->shown) : STR_NONE;
}

bool template_is_secure(const struct template *t, yyjson_val *definition)
{
    const struct type_name *name = name_of(t, definition);

    return name && name->is_secure;
}

/* -- Secrets within -------------------------------------------------------------------------- */

/* What is looked through: the definition, and those that it refers to, each once. */
struct search {
    struct template *t;
    yyjson_val **found;
    size_t found_count;
};

static void add_reference(struct search *s, struct str reference)
{
    yyjson_val *definition = find_definition(s->t, reference);

    for (size_t i = 0; i < s->found_count; i++) {
        if (s->found[i] == definition)
            return;
    }
    if (definition)
        s->found[s->found_count++] = definition;
}

/* A text "type" that is no member's name may be taken for one: then something is hidden that need not be. */
static bool is_secure_inside(struct search *s, yyjson_val *definition)
{
    yyjson_val *end = unsafe_yyjson_get_next(definition);
    const struct type_name *name;
    struct error ignored;

    if (!template_charge(&s->t->x, (uint64_t)(end - definition) / 4, 0, &ignored))
        return true;
    for (yyjson_val *v = definition; v + 1 < end; v++) {
        name = str_equal_nocase(json_str(v), STR("type")) ? find_name(json_str(v + 1)) : NULL;
        if (name && name->is_secure)
            return true;
        if (str_equal(json_str(v), STR("$ref")))
            add_reference(s, json_str(v + 1));
    }
    return false;
}

bool template_has_secrets(struct template *t, yyjson_val *definition)
{
    yyjson_val *definitions = template_get(t->root, "definitions");
    struct search s = { .t = t };

    if (template_is_secure(t, definition))
        return true;
    s.found = ARENA_ARRAY(t->x.arena, yyjson_val *, 1 + yyjson_obj_size(definitions));
    s.found[s.found_count++] = definition;
    for (size_t i = 0; i < s.found_count; i++) {
        if (is_secure_inside(&s, s.found[i]))
            return true;
    }
    return false;
}

/* -- Messages -------------------------------------------------------------------------------- */

static bool fail(const struct checked *c, struct str name, const char *why)
{
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The provided value for the template %s '%.*s' is not valid. %s Please see "
                     "https://aka.ms/arm-syntax-parameters for usage details.",
                     c->what, TEMPLATE_SHOWN(name), why);
}

static bool fail_type(const struct checked *c, struct str name, const char *expected,
                      yyjson_mut_val *value)
{
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The provided value for the template %s '%.*s' is not valid. Expected a value "
                     "of type '%s', but received a value of type '%s'. Please see "
                     "https://aka.ms/arm-create-parameter-file for usage details.",
                     c->what, TEMPLATE_SHOWN(name), expected, template_type_name(value));
}

static bool fail_allowed(const struct checked *c, struct str name, yyjson_val *allowed,
                         yyjson_mut_val *value)
{
    struct str shown = STR_NONE, text = STR("(secure)");
    yyjson_val *item;
    size_t i, max;

    yyjson_arr_foreach(allowed, i, max, item)
    {
        if (shown.len > 300)
            break;
        text = yyjson_is_str(item) ? json_str(item) : json_write(c->t->x.arena, item);
        shown = arena_printf(c->t->x.arena, "%.*s%s%.*s", STR_ARGS(shown), i ? "," : "",
                             TEMPLATE_SHOWN(text));
    }
    text = STR("(secure)");
    if (!c->is_secure)
        text =
            yyjson_mut_is_str(value) ? json_mut_str(value) : json_write_mut(c->t->x.arena, value);
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The provided value '%.*s' for the template %s '%.*s' is not valid. The value "
                     "'%.*s' is not part of the allowed value(s): '%.*s'.",
                     TEMPLATE_SHOWN(text), c->what, TEMPLATE_SHOWN(name), TEMPLATE_SHOWN(text),
                     STR_ARGS(shown));
}

/* -- Values ---------------------------------------------------------------------------------- */

/* The same as `template_equal`, of a value of the template. */
static bool is_same(const struct checked *c, yyjson_val *a, yyjson_mut_val *b, bool *same)
{
    yyjson_mut_val *copy;

    return template_copy_given(c->t, a, &copy, c->err) &&
           template_equal(&c->t->x, copy, b, same, c->err);
}

static bool check_allowed(const struct checked *c, struct str name, yyjson_val *type,
                          yyjson_mut_val *value)
{
    yyjson_val *allowed = template_get(type, "allowedValues"), *item;
    yyjson_mut_val *part;
    bool is_in = true;
    size_t i, max, k, count;

    if (!yyjson_is_arr(allowed))
        return true;
    if (yyjson_mut_is_arr(value) && !yyjson_is_arr(yyjson_arr_get_first(allowed))) {
        /* of an array: what each of its items may be */
        yyjson_mut_arr_foreach(value, k, count, part)
        {
            if (!check_allowed(c, name, type, part))
                return false;
        }
        return true;
    }
    is_in = false;
    yyjson_arr_foreach(allowed, i, max, item)
    {
        if (!is_same(c, item, value, &is_in))
            return false;
        if (is_in)
            return true;
    }
    return fail_allowed(c, name, allowed, value);
}

static bool check_bound(const struct checked *c, struct str name, yyjson_val *type,
                        const char *member, int64_t actual, bool is_length)
{
    yyjson_val *bound = template_get(type, member);
    bool is_minimum = member[1] == 'i';
    char why[160];

    if (!yyjson_is_int(bound) ||
        (is_minimum ? actual >= yyjson_get_sint(bound) : actual <= yyjson_get_sint(bound)))
        return true;
    snprintf(why, sizeof(why), "%s should be %s than or equal to '%lld'.",
             is_length ? "Length of the value" : "The value", is_minimum ? "greater" : "less",
             (long long)yyjson_get_sint(bound));
    return fail(c, name, why);
}

static bool check_bounds(const struct checked *c, struct str name, yyjson_val *type,
                         yyjson_mut_val *value)
{
    int64_t length = (int64_t)yyjson_mut_get_len(value), number;

    if (yyjson_mut_is_str(value))
        length = (int64_t)str_count_chars(json_mut_str(value));
    if (yyjson_mut_is_str(value) || yyjson_mut_is_arr(value))
        return check_bound(c, name, type, "minLength", length, true) &&
               check_bound(c, name, type, "maxLength", length, true);
    if (!template_as_integer(value, &number))
        return true;
    return check_bound(c, name, type, "minValue", number, false) &&
           check_bound(c, name, type, "maxValue", number, false);
}

static bool check(const struct checked *c, struct str name, yyjson_val *type,
                  yyjson_mut_val *value);

static struct str below(const struct checked *c, struct str name, struct str member)
{
    return arena_printf(c->t->x.arena, "%.*s.%.*s", TEMPLATE_SHOWN(name), TEMPLATE_SHOWN(member));
}

static bool is_nullable(const struct checked *c, yyjson_val *type)
{
    yyjson_val *followed = template_follow(c->t, type);

    return yyjson_get_bool(template_get(type, "nullable")) ||
           yyjson_get_bool(template_get(followed, "nullable"));
}

/* Members that `properties` does not name. */
static bool check_more(const struct checked *c, struct str name, yyjson_val *type,
                       yyjson_val *properties, yyjson_mut_val *value)
{
    yyjson_val *more = template_get(type, "additionalProperties");
    yyjson_mut_val *key, *item;
    size_t i, max;

    if (!more || yyjson_is_true(more))
        return true;
    yyjson_mut_obj_foreach(value, i, max, key, item)
    {
        if (!template_charge(&c->t->x, 1 + yyjson_obj_size(properties) / 4, 0, c->err))
            return false;
        if (json_get_nocase(properties, json_mut_str(key)))
            continue;
        if (yyjson_is_false(more)) {
            char why[200];

            snprintf(why, sizeof(why), "The property '%.*s' is not permitted.",
                     TEMPLATE_SHOWN(json_mut_str(key)));
            return fail(c, name, why);
        }
        if (!check(c, below(c, name, json_mut_str(key)), more, item))
            return false;
    }
    return true;
}

/* The type that an object's member says it has: {"propertyName", "mapping": {"VALUE": TYPE}}. */
static bool check_variant(const struct checked *c, struct str name, yyjson_val *discriminator,
                          yyjson_mut_val *value)
{
    struct str property = json_str(template_get(discriminator, "propertyName"));
    yyjson_mut_val *given;
    yyjson_val *variant;

    if (!template_member(&c->t->x, value, property, &given, c->err))
        return false;
    variant = json_get_nocase(template_get(discriminator, "mapping"), json_mut_str(given));
    if (!variant)
        return fail(c, below(c, name, property), "It is none of the values that are known.");
    return check(c, name, variant, value);
}

static bool check_object(const struct checked *c, struct str name, yyjson_val *type,
                         yyjson_mut_val *value)
{
    yyjson_val *properties = template_get(type, "properties"), *key, *item;
    yyjson_mut_val *given;
    size_t i, max;

    if (template_get(type, "discriminator"))
        return check_variant(c, name, template_get(type, "discriminator"), value);
    yyjson_obj_foreach(template_or_empty(properties), i, max, key, item)
    {
        if (!template_member(&c->t->x, value, json_str(key), &given, c->err))
            return false;
        if (!given && !is_nullable(c, item))
            return fail(c, below(c, name, json_str(key)), "The property is required.");
        if (given && !check(c, below(c, name, json_str(key)), item, given))
            return false;
    }
    return check_more(c, name, type, properties, value);
}

static bool check_array(const struct checked *c, struct str name, yyjson_val *type,
                        yyjson_mut_val *value)
{
    yyjson_val *items = template_get(type, "items"), *prefix = template_get(type, "prefixItems");
    yyjson_mut_val *item;
    yyjson_val *wanted;
    size_t i, max;

    if (!items && !prefix)
        return true;
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        wanted = i < yyjson_arr_size(prefix) ? yyjson_arr_get(prefix, i) : items;
        if (!template_charge(&c->t->x, yyjson_arr_size(prefix) / 4, 0, c->err))
            return false;
        if (yyjson_is_false(wanted))
            return fail(c, name, "It has too many items.");
        if (yyjson_is_obj(wanted) &&
            !check(c, arena_printf(c->t->x.arena, "%.*s[%zu]", TEMPLATE_SHOWN(name), i), wanted,
                   item))
            return false;
    }
    return i >= yyjson_arr_size(prefix) || fail(c, name, "It has too few items.");
}

static bool check_inside(const struct checked *c, struct str name, yyjson_val *type,
                         yyjson_mut_val *value)
{
    const struct type_name *wanted = find_name(json_str(template_get(type, "type")));
    int64_t n;

    if (!wanted && template_get(type, "type"))
        return error_set(
            c->err, ERROR_ARM_TEMPLATE, "The template %s '%.*s' has no valid type: '%.*s'.",
            c->what, TEMPLATE_SHOWN(name), TEMPLATE_SHOWN(json_str(template_get(type, "type"))));
    if (wanted && (yyjson_mut_get_type(value) != wanted->type ||
                   (wanted->type == YYJSON_TYPE_NUM && !template_as_integer(value, &n))))
        return fail_type(c, name, wanted->expected, value);
    if (!check_allowed(c, name, type, value) || !check_bounds(c, name, type, value))
        return false;
    if (yyjson_mut_is_obj(value))
        return check_object(c, name, type, value);
    return !yyjson_mut_is_arr(value) || check_array(c, name, type, value);
}

static bool check(const struct checked *c, struct str name, yyjson_val *type, yyjson_mut_val *value)
{
    yyjson_val *followed = template_follow(c->t, type);
    struct checked inner = *c;
    bool is_good = true;

    if (!followed)
        return error_set(c->err, ERROR_ARM_TEMPLATE,
                         "The template %s '%.*s' refers to a definition that is not there.",
                         c->what, TEMPLATE_SHOWN(name));
    if (yyjson_mut_is_null(value) && is_nullable(c, type))
        return true;
    if (!template_charge(&c->t->x, 1 + yyjson_obj_size(type) + yyjson_obj_size(followed), 0,
                         c->err) ||
        !template_enter(&c->t->x, c->err))
        return false;
    inner.is_secure = c->is_secure || template_is_secure(c->t, followed);
    is_good = check_inside(&inner, name, followed, value);
    /* what stands beside a "$ref" holds, too */
    if (is_good && followed != type)
        is_good =
            check_allowed(&inner, name, type, value) && check_bounds(&inner, name, type, value);
    template_leave(&c->t->x);
    return is_good;
}

bool template_check_type(struct template *t, const char *what, struct str name, yyjson_val *type,
                         yyjson_mut_val *value, struct error *err)
{
    struct checked c = { .t = t, .what = what, .err = err };

    if (!find_name(json_str(template_get(template_follow(t, type), "type"))) &&
        !template_get(type, "$ref"))
        return error_set(err, ERROR_ARM_TEMPLATE, "The template %s '%.*s' has no valid type.", what,
                         TEMPLATE_SHOWN(name));
    return check(&c, name, type, value);
}
