/* SPDX-License-Identifier: MIT */
#include "template/expression.h"

#include <stdio.h>

#include "base/json.h"
#include "template/function.h"
#include "template/syntax.h"
#include "template/value.h"

/* How much of a name, and how many names, a message shows. */
#define SHOWN_MAX 100
#define SHOWN_NAMES_MAX 300

/* Expressions that a context remembers: a template's loops have a few each. */
#define PARSED_MAX 64
/* A node, its place among the arguments, and what it was gathered in. */
#define NODE_BYTES (sizeof(struct template_node) + 4 * sizeof(void *))

struct template_parsed {
    uint64_t hash;
    struct str text;
    const struct template_node *node;
};

/* -- Budget -------------------------------------------------------------------------------- */

void template_budget_init(struct template_budget *b)
{
    *b = (struct template_budget){ .steps = TEMPLATE_STEPS_MAX, .bytes = TEMPLATE_BYTES_MAX };
}

bool template_charge(struct template_context *x, uint64_t steps, uint64_t bytes, struct error *err)
{
    struct template_budget *b = x->budget;

    if (steps > b->steps || bytes > b->bytes) {
        b->steps = 0; /* what catches an error and goes on comes to nothing */
        b->bytes = 0;
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The template's expressions take too long or too much memory.");
    }
    b->steps -= steps;
    b->bytes -= bytes;
    return true;
}

/* -- Nodes --------------------------------------------------------------------------------- */

static bool fail_property(yyjson_mut_val *object, struct str name, struct error *err)
{
    char names[SHOWN_NAMES_MAX] = "";
    yyjson_mut_val *key, *value;
    size_t i, max, len = 0;

    yyjson_mut_obj_foreach(object, i, max, key, value)
    {
        struct str shown = str_slice(json_mut_str(key), 0, SHOWN_MAX);

        if (len + shown.len + 3 > sizeof(names))
            break;
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.*s", len ? ", " : "",
                                STR_ARGS(shown));
    }
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "The language expression property '%.*s' doesn't exist, available properties "
                     "are '%s'.",
                     STR_ARGS(str_slice(name, 0, SHOWN_MAX)), names);
}

static bool access_member(struct template_context *x, yyjson_mut_val *from, struct str name,
                          yyjson_mut_val **value, struct error *err)
{
    yyjson_mut_val *member;

    if (!yyjson_mut_is_obj(from))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The language expression property '%.*s' can't be evaluated, a value of "
                         "type '%s' has no properties.",
                         STR_ARGS(str_slice(name, 0, SHOWN_MAX)), template_type_name(from));
    if (!template_member(x, from, name, &member, err))
        return false;
    if (!member)
        return fail_property(from, name, err);
    *value = member;
    return true;
}

bool template_access(struct template_context *x, yyjson_mut_val *from, yyjson_mut_val *index,
                     yyjson_mut_val **value, struct error *err)
{
    int64_t i;

    if (yyjson_mut_is_str(index))
        return access_member(x, from, json_mut_str(index), value, err);
    if (!yyjson_mut_is_arr(from) || !template_as_integer(index, &i))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The language expression property of type '%s' can't be evaluated on a "
                         "value of type '%s'.",
                         template_type_name(index), template_type_name(from));
    if (i < 0 || (uint64_t)i >= yyjson_mut_arr_size(from))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The language expression property array index '%lld' is out of bounds.",
                         (long long)i);
    if (!template_charge(x, 1 + (uint64_t)i / 8, 0, err))
        return false;
    *value = yyjson_mut_arr_get(from, (size_t)i);
    return true;
}

static bool call_own(struct template_context *x, const struct template_node *node,
                     yyjson_mut_val **args, yyjson_mut_val **value, struct error *err)
{
    struct template_call c = { .x = x,
                               .function = node->function,
                               .nodes = node->args,
                               .args = args,
                               .count = node->count,
                               .err = err };

    return node->function->run(&c, value);
}

static bool call_outside(struct template_context *x, const struct template_node *node,
                         yyjson_mut_val **args, yyjson_mut_val **value, struct error *err)
{
    enum template_answer answer = TEMPLATE_UNKNOWN;

    if (x->call)
        answer = x->call(x->data, x, node->text, args, node->count, value, err);
    if (answer == TEMPLATE_UNKNOWN)
        error_set(err, ERROR_ARM_TEMPLATE,
                  "The template function '%.*s' is not valid. Please see "
                  "https://aka.ms/arm-functions for usage details.",
                  STR_ARGS(str_slice(node->text, 0, SHOWN_MAX)));
    return answer == TEMPLATE_DONE;
}

static bool evaluate_call(struct template_context *x, const struct template_node *node,
                          yyjson_mut_val **value, struct error *err)
{
    yyjson_mut_val **args;

    if (node->function && node->function->is_lazy)
        return call_own(x, node, NULL, value, err);
    if (!template_charge(x, 0, node->count * sizeof(*args), err))
        return false;
    args = ARENA_ARRAY(x->arena, yyjson_mut_val *, node->count);
    for (size_t i = 0; i < node->count; i++) {
        if (!template_evaluate_node(x, node->args[i], &args[i], err))
            return false;
    }
    return node->function ? call_own(x, node, args, value, err)
                          : call_outside(x, node, args, value, err);
}

static bool evaluate_accesses(struct template_context *x, const struct template_node *node,
                              yyjson_mut_val **value, struct error *err)
{
    yyjson_mut_val *index;

    for (const struct template_access *a = node->accesses; a; a = a->next) {
        if (!a->index) {
            if (!access_member(x, *value, a->name, value, err))
                return false;
        } else if (!template_evaluate_node(x, a->index, &index, err) ||
                   !template_access(x, *value, index, value, err)) {
            return false;
        }
    }
    return true;
}

bool template_evaluate_node(struct template_context *x, const struct template_node *node,
                            yyjson_mut_val **value, struct error *err)
{
    bool is_good = true;

    if (!template_charge(x, 1, sizeof(**value), err))
        return false;
    if (node->kind == NODE_STRING)
        *value = yyjson_mut_strn(x->doc, node->text.data, node->text.len);
    else if (node->kind == NODE_INTEGER)
        *value = yyjson_mut_sint(x->doc, node->integer);
    else if (node->kind == NODE_REAL)
        *value = yyjson_mut_real(x->doc, node->real);
    if (node->kind != NODE_CALL)
        return true;
    if (!template_enter(x, err))
        return false;
    is_good = evaluate_call(x, node, value, err) && evaluate_accesses(x, node, value, err);
    template_leave(x);
    return is_good;
}

/* -- Texts and values ---------------------------------------------------------------------- */

bool template_is_expression(struct str text)
{
    return text.len >= 2 && text.data[0] == '[' && text.data[1] != '[' &&
           text.data[text.len - 1] == ']';
}

/* An expression is found by what it says: who evaluates it may keep its text elsewhere next time.
 * */
static struct template_parsed *slot_of(struct template_context *x, uint64_t hash)
{
    if (!x->parsed)
        x->parsed = ARENA_ARRAY(x->arena, struct template_parsed, PARSED_MAX);
    return &x->parsed[hash % PARSED_MAX];
}

const struct template_node *template_parse(struct template_context *x, struct str text,
                                           struct error *err)
{
    uint64_t hash = str_hash(STR_HASH_START, text);
    struct template_parsed *slot = slot_of(x, hash);
    const struct template_node *node;
    size_t count;

    if (!template_charge(x, 1 + text.len / TEMPLATE_STEP_BYTES, 0, err))
        return NULL;
    if (slot->node && slot->hash == hash && str_equal(slot->text, text))
        return slot->node;
    if (!template_charge(x, text.len / 8, 2 * text.len, err))
        return NULL;
    text = arena_copy(x->arena, text);
    node = template_syntax_parse(x->arena, str_slice(text, 1, text.len - 2), &count, err);
    if (!node || !template_charge(x, 0, count * NODE_BYTES, err))
        return NULL;
    *slot = (struct template_parsed){ hash, text, node };
    return node;
}

bool template_evaluate_text(struct template_context *x, struct str text, yyjson_mut_val **value,
                            struct error *err)
{
    const struct template_node *node;

    if (template_is_expression(text)) {
        node = template_parse(x, text, err);
        return node && template_evaluate_node(x, node, value, err);
    }
    if (str_starts_with(text, STR("[[")) && text.data[text.len - 1] == ']')
        text = str_slice(text, 1, text.len);
    if (!template_charge(x, 1, sizeof(**value), err))
        return false;
    *value = yyjson_mut_strn(x->doc, text.data ? text.data : "", text.len);
    return true;
}

static bool evaluate_members(struct template_context *x, yyjson_val *in, yyjson_mut_val *out,
                             struct error *err)
{
    yyjson_val *name, *item;
    size_t i, max;
    yyjson_mut_val *key, *value;

    yyjson_obj_foreach(in, i, max, name, item)
    {
        if (!template_evaluate_text(x, json_str(name), &key, err))
            return false;
        if (!yyjson_mut_is_str(key))
            return error_set(err, ERROR_ARM_TEMPLATE,
                             "The name of a property must be a string, and not of type '%s'.",
                             template_type_name(key));
        if (!template_copy(x, key, &key, err) || !template_evaluate(x, item, &value, err))
            return false;
        yyjson_mut_obj_add(out, key, value);
    }
    yyjson_arr_foreach(in, i, max, item)
    {
        if (!template_evaluate(x, item, &value, err))
            return false;
        yyjson_mut_arr_append(out, value);
    }
    return true;
}

bool template_evaluate(struct template_context *x, yyjson_val *in, yyjson_mut_val **value,
                       struct error *err)
{
    bool is_good;

    if (yyjson_is_str(in)) {
        yyjson_mut_val *shared;

        return template_evaluate_text(x, json_str(in), &shared, err) &&
               template_copy(x, shared, value, err);
    }
    if (!template_charge(x, 1, sizeof(**value), err))
        return false;
    if (!yyjson_is_ctn(in)) {
        *value = yyjson_val_mut_copy(x->doc, in);
        return true;
    }
    if (!template_enter(x, err))
        return false;
    *value = yyjson_is_obj(in) ? yyjson_mut_obj(x->doc) : yyjson_mut_arr(x->doc);
    is_good = evaluate_members(x, in, *value, err);
    template_leave(x);
    return is_good;
}
