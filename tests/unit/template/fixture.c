/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <string.h>

static yyjson_mut_val *subject(void *data, struct template_context *x, struct str name)
{
    yyjson_mut_val *made = yyjson_mut_obj(x->doc);
    struct fixture *f = data;

    f->subjects++;
    json_set_str(x->doc, made, "location", STR("eastus"));
    return str_equal(name, STR("resourceGroup")) ? made : NULL;
}

static bool ask(void *data, struct template_context *x, const struct template_question *q,
                yyjson_mut_val **value, struct error *err)
{
    (void)data;
    (void)err;
    *value = yyjson_mut_obj(x->doc);
    json_set_str(x->doc, *value, "id", q->id);
    json_set_str(x->doc, *value, "by", q->function);
    json_set_bool(x->doc, *value, "full", q->is_full);
    return true;
}

int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){ .arena = arena_new(NULL), .host = { subject, ask, &f } };
    *state = &f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    return 0;
}

yyjson_val *parse(struct fixture *f, const char *text)
{
    char *copy = arena_text(f->arena, str_from(text));
    yyjson_doc *doc;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c == '`' ? '\'' : *c;
    doc = json_parse(f->arena, str_from(copy), &f->err);
    if (!doc)
        fail_msg("%s: %s", copy, f->err.text);
    return yyjson_doc_get_root(doc);
}

bool run(struct fixture *f, const char *members, const char *parameters, const char *lost)
{
    struct template_place place = { STR("s"), STR("g") };
    struct template *t = &f->template;
    const char *text =
        arena_printf(f->arena, "{" SCHEMA "'contentVersion':'1.0.0.0'%s}", members).data;
    yyjson_mut_val *body;
    bool waits;
    size_t i;

    template_budget_init(&f->budget);
    *t = (struct template){
        .x = { .arena = f->arena, .doc = json_new(f->arena), .budget = &f->budget }
    };
    f->order = f->bodies = STR_NONE;
    if (!template_load(t, &place, &f->host, parse(f, text),
                       parameters ? parse(f, parameters) : NULL, &f->err) ||
        !template_expand(t, &f->err))
        return false;
    while (template_next(t, &i, &f->err) && i != TEMPLATE_NONE) {
        if (!template_body(t, i, &body, &waits, &f->err)) {
            if (waits)
                continue;
            return false;
        }
        f->order =
            arena_printf(f->arena, "%.*s %.*s", STR_ARGS(f->order), STR_ARGS(t->resources[i].name));
        f->bodies = arena_printf(f->arena, "%.*s%.*s", STR_ARGS(f->bodies),
                                 STR_ARGS(json_write_mut(f->arena, body)));
        template_finish(t, i, !lost || !str_equal(t->resources[i].name, str_from(lost)));
    }
    return i == TEMPLATE_NONE && template_outputs(t, &f->outputs, &f->err);
}

void good(struct fixture *f, const char *members, const char *parameters)
{
    if (!run(f, members, parameters, NULL))
        fail_msg("%s: %s", members, f->err.text);
}

void bad(struct fixture *f, const char *words, const char *members, const char *parameters)
{
    if (run(f, members, parameters, NULL))
        fail_msg("%s was taken", members);
    assert_int_equal(f->err.code, ERROR_ARM_TEMPLATE);
    if (!strstr(f->err.text, words))
        fail_msg("'%s' lacks '%s'", f->err.text, words);
}

void assert_output(struct fixture *f, const char *wanted)
{
    struct str text = json_write_mut(f->arena, f->outputs);
    char *copy = arena_text(f->arena, text);

    for (char *c = copy; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    assert_string_equal(copy, wanted);
}
