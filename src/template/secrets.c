/*
 * Messages quote what is wrong, which may be a secret that the deployment was given: deployments keep them, for all who may read.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "template/private.h"

/* Shorter ones are no secrets, and are in any text. */
#define SECRET_LEN_MIN 4
/* Messages cut what is long: so much of a secret's beginning is one, too. */
#define SECRET_PART_LEN 16
/* Texts within the secrets of one deployment that are looked for; of more, nothing is told at all. */
#define SECRETS_MAX 1000
#define SHOWN "(secure)"

static size_t common_len(struct str a, struct str b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && a.data[len] == b.data[len])
        len++;
    return len;
}

/* `text`, or a copy of it that does not have the secret. */
static struct str without(struct arena *a, struct str text, struct str secret)
{
    char *copy = NULL;
    size_t len = 0, kept = 0;

    if (secret.len < SECRET_LEN_MIN)
        return text;
    for (size_t at = 0; at < text.len;) {
        size_t common = common_len(str_slice(text, at, SIZE_MAX), secret);

        if (common < secret.len && common < SECRET_PART_LEN) {
            at++;
            continue;
        }
        if (!copy) /* what is shown in its place is at most twice as long */
            copy = arena_alloc_bytes(a, 2 * text.len + sizeof(SHOWN));
        memcpy(copy + len, text.data + kept, at - kept);
        len += at - kept;
        memcpy(copy + len, SHOWN, sizeof(SHOWN) - 1);
        len += sizeof(SHOWN) - 1;
        kept = at += common;
    }
    if (!copy)
        return text;
    memcpy(copy + len, text.data + kept, text.len - kept);
    return str_of(copy, len + text.len - kept);
}

struct search {
    struct arena *a;
    struct str text;
    unsigned left; /* secrets that are still looked for */
};

static void hide_value(yyjson_mut_val *value, struct search *s)
{
    yyjson_mut_val *key, *item;
    size_t i, max;

    if (yyjson_mut_is_str(value) && !s->left) {
        s->text = STR(SHOWN);
    } else if (yyjson_mut_is_str(value)) {
        s->left--;
        s->text = without(s->a, s->text, json_mut_str(value));
    }
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        hide_value(item, s);
    }
    yyjson_mut_obj_foreach(value, i, max, key, item)
    {
        hide_value(item, s);
    }
}

struct str template_without_secrets(struct template *t, struct str text)
{
    struct search s = { .a = t->x.arena, .text = text, .left = SECRETS_MAX };

    for (size_t i = 0; i < t->parameter_count; i++) {
        struct template_named *p = &t->parameters[i];

        if (p->value && template_has_secrets(t, p->definition))
            hide_value(p->value, &s);
    }
    return s.text;
}

static void hide_in(struct template *t, char *text, size_t size)
{
    struct str shown = template_without_secrets(t, str_from(text));

    if (shown.data == text)
        return;
    str_show(shown, text, size);
    str_repair_utf8(text);
}

void template_hide_secrets(struct template *t, struct error *err)
{
    hide_in(t, err->text, sizeof(err->text));
    hide_in(t, err->target, sizeof(err->target));
}

static void hide_in_json(struct template *t, yyjson_mut_val *value)
{
    yyjson_mut_val *key, *item;
    struct str text;
    size_t i, max;

    if (yyjson_mut_is_str(value)) {
        text = template_without_secrets(t, json_mut_str(value));
        yyjson_mut_set_strn(value, text.data, text.len);
    }
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        hide_in_json(t, item);
    }
    yyjson_mut_obj_foreach(value, i, max, key, item)
    {
        hide_in_json(t, item);
    }
}

struct str template_json_without_secrets(struct template *t, struct str json)
{
    struct arena *a = t->x.arena;
    struct error ignored;
    yyjson_doc *doc = json_parse(a, json, &ignored);
    yyjson_mut_doc *copy;

    if (!doc)
        return STR_NONE;
    copy = json_copy(a, yyjson_doc_get_root(doc));
    hide_in_json(t, yyjson_mut_doc_get_root(copy));
    return json_write_mut(a, yyjson_mut_doc_get_root(copy));
}
