/* SPDX-License-Identifier: MIT */
#include "inference/gather.h"

#include "inference/operation.h"
#include "inference/shape.h"

/* A text that comes in pieces. */
struct piece {
    struct piece *next;
    struct str text;
};

struct pieces {
    struct piece *first, *last;
    size_t len;
};

struct tool_call {
    struct tool_call *next;
    uint64_t index;
    struct str id, name;
    struct pieces arguments;
};

struct choice {
    struct pieces text, reasoning;
    struct tool_call *calls;
    yyjson_mut_val *logprobs; /* a list; NULL: none came */
    struct str finish_reason;
};

struct gather {
    yyjson_mut_doc *doc;
    struct choice *choices; /* facts.choices of them */
    struct str id;
    int64_t created;
};

/* -- Taking in ----------------------------------------------------------------------------------- */

static void add_piece(struct arena *a, struct pieces *p, yyjson_val *text)
{
    struct piece *piece;

    if (!json_str(text).len)
        return;
    piece = ARENA_NEW(a, struct piece);
    piece->text = arena_copy(a, json_str(text));
    p->len += piece->text.len;
    if (p->last)
        p->last->next = piece;
    else
        p->first = piece;
    p->last = piece;
}

static void keep_first(struct arena *a, struct str *kept, yyjson_val *text)
{
    if (!kept->len)
        *kept = arena_copy(a, json_str(text));
}

/* In the order of their first pieces, which is that of their indices. */
static struct tool_call *find_call(struct arena *a, struct choice *c, uint64_t index)
{
    struct tool_call **at = &c->calls;

    while (*at && (*at)->index != index)
        at = &(*at)->next;
    if (!*at) {
        *at = ARENA_NEW(a, struct tool_call);
        (*at)->index = index;
    }
    return *at;
}

static void take_calls(struct arena *a, struct choice *c, yyjson_val *list)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        struct tool_call *call = find_call(a, c, yyjson_get_uint(yyjson_obj_get(item, "index")));

        keep_first(a, &call->id, yyjson_obj_get(item, "id"));
        keep_first(a, &call->name, json_at(item, "function.name"));
        add_piece(a, &call->arguments, json_at(item, "function.arguments"));
    }
}

static void take_logprobs(struct gather *g, struct choice *c, yyjson_val *list)
{
    yyjson_val *token;
    size_t i, count;

    if (list && !c->logprobs)
        c->logprobs = yyjson_mut_arr(g->doc);
    yyjson_arr_foreach(list, i, count, token)
    {
        yyjson_mut_arr_append(c->logprobs, yyjson_val_mut_copy(g->doc, token));
    }
}

static bool take_choice(struct exchange *x, yyjson_val *event)
{
    struct gather *g = x->relay.gather;
    uint64_t index = yyjson_get_uint(yyjson_obj_get(event, "index"));
    yyjson_val *delta = yyjson_obj_get(event, "delta");
    struct choice *c;

    if (!yyjson_is_obj(event) || index >= x->facts.choices || !shape_is_text(event, "text") ||
        !shape_is_text(event, "finish_reason") || !shape_is_message(delta))
        return false;
    c = &g->choices[index];
    add_piece(x->arena, &c->text, yyjson_obj_get(event, "text"));
    add_piece(x->arena, &c->text, yyjson_obj_get(delta, "content"));
    add_piece(x->arena, &c->reasoning, yyjson_obj_get(delta, "reasoning_content"));
    take_calls(x->arena, c, yyjson_obj_get(delta, "tool_calls"));
    take_logprobs(g, c, json_at(event, "logprobs.content"));
    keep_first(x->arena, &c->finish_reason, yyjson_obj_get(event, "finish_reason"));
    return true;
}

static struct gather *gather_new(struct exchange *x)
{
    struct gather *g = ARENA_NEW(x->arena, struct gather);

    g->doc = json_new(x->arena);
    g->choices = ARENA_ARRAY(x->arena, struct choice, x->facts.choices);
    return g;
}

bool gather_event(struct exchange *x, struct arena *scratch, yyjson_doc *event)
{
    yyjson_val *root = yyjson_doc_get_root(event), *list = yyjson_obj_get(root, "choices"), *choice;
    size_t i, count;

    if (!yyjson_is_arr(list))
        return false;
    if (!x->relay.gather)
        x->relay.gather = gather_new(x);
    keep_first(x->arena, &x->relay.gather->id, yyjson_obj_get(root, "id"));
    if (!x->relay.gather->created)
        x->relay.gather->created = yyjson_get_sint(yyjson_obj_get(root, "created"));
    if (yyjson_is_obj(yyjson_obj_get(root, "usage")))
        shape_keep_usage(x, shape_sum_usage(x, scratch, yyjson_obj_get(root, "usage")));
    yyjson_arr_foreach(list, i, count, choice)
    {
        if (!take_choice(x, choice))
            return false;
    }
    return true;
}

/* -- The whole ----------------------------------------------------------------------------------- */

static void set_joined(struct exchange *x, yyjson_mut_val *object, const char *key,
                       const struct pieces *p)
{
    char *text = arena_alloc_bytes(x->arena, p->len + 1);
    size_t len = 0;

    for (const struct piece *piece = p->first; piece; piece = piece->next) {
        memcpy(text + len, piece->text.data, piece->text.len);
        len += piece->text.len;
    }
    json_set(x->relay.gather->doc, object, key,
             yyjson_mut_strn(x->relay.gather->doc, text, p->len));
}

static void set_calls(struct exchange *x, yyjson_mut_val *message, const struct choice *c)
{
    yyjson_mut_doc *doc = x->relay.gather->doc;
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, message, "tool_calls");

    for (const struct tool_call *call = c->calls; call; call = call->next) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_val *function = json_set_object(doc, item, "function");

        json_set_str(doc, item, "id", call->id);
        json_set_str(doc, item, "type", STR("function"));
        json_set_str(doc, function, "name", call->name);
        set_joined(x, function, "arguments", &call->arguments);
    }
}

static void set_message(struct exchange *x, yyjson_mut_val *choice, const struct choice *c)
{
    yyjson_mut_doc *doc = x->relay.gather->doc;
    yyjson_mut_val *message = json_set_object(doc, choice, "message");

    json_set_str(doc, message, "role", STR("assistant"));
    set_joined(x, message, "content", &c->text);
    if (c->reasoning.len)
        set_joined(x, message, "reasoning_content", &c->reasoning);
    if (c->calls)
        set_calls(x, message, c);
}

static void add_choice(struct exchange *x, yyjson_mut_val *list, unsigned index)
{
    yyjson_mut_doc *doc = x->relay.gather->doc;
    const struct choice *c = &x->relay.gather->choices[index];
    yyjson_mut_val *choice = yyjson_mut_arr_add_obj(doc, list);

    json_set_int(doc, choice, "index", index);
    json_set_str(doc, choice, "finish_reason", c->finish_reason);
    if (x->operation == &operation_chat)
        set_message(x, choice, c);
    else
        set_joined(x, choice, "text", &c->text);
    if (c->logprobs)
        json_set(doc, json_set_object(doc, choice, "logprobs"), "content", c->logprobs);
}

bool gather_finish(struct exchange *x, struct str *answer)
{
    struct gather *g = x->relay.gather;
    yyjson_mut_val *root, *list;

    for (unsigned i = 0; i < x->facts.choices; i++) {
        if (!g || !g->choices[i].finish_reason.len)
            return false;
    }
    root = yyjson_mut_obj(g->doc);
    json_set_str(g->doc, root, "id", g->id);
    json_set_int(g->doc, root, "created", g->created);
    list = yyjson_mut_obj_add_arr(g->doc, root, "choices");
    for (unsigned i = 0; i < x->facts.choices; i++)
        add_choice(x, list, i);
    if (x->relay.usage.len)
        json_set(g->doc, root, "usage",
                 yyjson_mut_rawn(g->doc, x->relay.usage.data, x->relay.usage.len));
    *answer = json_write_mut(x->arena, root);
    return true;
}
