/*
 * Messages quote what is wrong, which may be a secret that the deployment was given: deployments keep them, for all who may read.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "template/private.h"

/* Shorter ones are no secrets, and are in any text. */
#define SECRET_LEN_MIN 4
/* Messages cut what is long: so much of a secret's beginning is one, too. */
#define SECRET_PART_LEN 16
/* Texts within the secrets of one deployment that are looked for. */
#define SECRETS_MAX 1000
#define SHOWN "(secure)"

static size_t common_len(struct str a, struct str b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && a.data[len] == b.data[len])
        len++;
    return len;
}

static void hide_text(char *text, size_t size, struct str secret)
{
    char rest[sizeof(((struct error *)0)->text)];
    size_t len;

    if (secret.len < SECRET_LEN_MIN)
        return;
    for (size_t at = 0; text[at]; at++) {
        len = common_len(str_from(text + at), secret);
        if (len < secret.len && len < SECRET_PART_LEN)
            continue;
        snprintf(rest, sizeof(rest), "%s", text + at + len);
        snprintf(text + at, size - at, SHOWN "%s", rest);
        if (strlen(text + at) < sizeof(SHOWN))
            break; /* the end of the room */
        at += sizeof(SHOWN) - 2;
    }
    str_repair_utf8(text);
}

static void hide_value(yyjson_mut_val *value, struct error *err, unsigned *left)
{
    yyjson_mut_val *key, *item;
    size_t i, max;

    if (!*left)
        return;
    if (yyjson_mut_is_str(value)) {
        --*left;
        hide_text(err->text, sizeof(err->text), json_mut_str(value));
        hide_text(err->target, sizeof(err->target), json_mut_str(value));
    }
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        hide_value(item, err, left);
    }
    yyjson_mut_obj_foreach(value, i, max, key, item)
    {
        hide_value(item, err, left);
    }
}

void template_hide_secrets(struct template *t, struct error *err)
{
    unsigned left = SECRETS_MAX;

    for (size_t i = 0; i < t->parameter_count; i++) {
        struct template_named *p = &t->parameters[i];

        if (p->value && template_has_secrets(t, p->definition))
            hide_value(p->value, err, &left);
    }
}
