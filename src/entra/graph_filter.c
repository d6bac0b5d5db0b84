/* SPDX-License-Identifier: MIT */
#include "entra/graph_filter.h"

/* What stands in front of the text and behind it. */
static const struct {
    const char *before;
    const char *behind;
    const char *member;
    bool is_prefix;
} forms[] = {
    { "id eq ", "", "id", false },
    { "appId eq ", "", "appId", false },
    { "displayName eq ", "", "displayName", false },
    { "userPrincipalName eq ", "", "userPrincipalName", false },
    { "mailNickname eq ", "", "mailNickname", false },
    { "name eq ", "", "name", false },
    { "issuer eq ", "", "issuer", false },
    { "subject eq ", "", "subject", false },
    { "servicePrincipalNames/any(c:c eq ", ")", "servicePrincipalNames", false },
    { "servicePrincipalNames/any(x:x eq ", ")", "servicePrincipalNames", false },
    { "identifierUris/any(s:s eq ", ")", "identifierUris", false },
    { "startswith(displayName,", ")", "displayName", true },
    { "startswith(userPrincipalName,", ")", "userPrincipalName", true },
};

static bool take(struct str *rest, struct str prefix)
{
    if (!str_starts_with_nocase(*rest, prefix))
        return false;
    *rest = str_slice(*rest, prefix.len, SIZE_MAX);
    return true;
}

/* In quotes, of which one that is meant is two (OData 4.01, URL Conventions, 5.1.1.6.1). */
static bool take_text(struct arena *a, struct str *rest, struct str *text)
{
    char *out = arena_alloc_bytes(a, rest->len + 1);
    size_t len = 0;

    if (!take(rest, STR("'")))
        return false;
    while (rest->len) {
        char c = rest->data[0];

        *rest = str_slice(*rest, 1, SIZE_MAX);
        if (c == '\'' && !take(rest, STR("'"))) {
            *text = str_of(out, len);
            return true;
        }
        out[len++] = c;
    }
    return false;
}

static bool take_term(struct arena *a, struct str *rest, struct graph_filter *f)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (!take(rest, str_from(forms[i].before)))
            continue;
        f->terms[f->count].member = forms[i].member;
        f->terms[f->count].is_prefix = forms[i].is_prefix;
        return take_text(a, rest, &f->terms[f->count++].text) &&
               take(rest, str_from(forms[i].behind));
    }
    return false;
}

bool graph_filter_parse(struct arena *a, struct str text, struct graph_filter *f)
{
    *f = (struct graph_filter){ 0 };
    if (!text.len)
        return true;
    do {
        if (f->count == GRAPH_FILTER_TERMS_MAX || !take_term(a, &text, f))
            return false;
    } while (take(&text, STR(" and ")));
    return text.len == 0;
}

/* Does one of a list? */
static bool any_is(yyjson_mut_val *list, struct str text)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    if (!yyjson_mut_arr_iter_init(list, &iter))
        return false;
    while ((item = yyjson_mut_arr_iter_next(&iter))) {
        if (str_equal_nocase(json_mut_str(item), text))
            return true;
    }
    return false;
}

bool graph_filter_matches(const struct graph_filter *f, yyjson_mut_val *shown)
{
    for (size_t i = 0; i < f->count; i++) {
        yyjson_mut_val *member = yyjson_mut_obj_get(shown, f->terms[i].member);
        struct str value = json_mut_str(member), text = f->terms[i].text;

        if (f->terms[i].is_prefix       ? !str_starts_with_nocase(value, text)
            : yyjson_mut_is_arr(member) ? !any_is(member, text)
                                        : !str_equal_nocase(value, text))
            return false;
    }
    return true;
}
