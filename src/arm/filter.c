/* SPDX-License-Identifier: MIT */
#include "arm/filter.h"

#include "arm/location.h"
#include "arm/resource.h"

static const char *const names[FILTER_MEMBERS] = {
    [FILTER_GROUP] = "resourceGroup", [FILTER_TYPE] = "resourceType",
    [FILTER_NAME] = "name",           [FILTER_LOCATION] = "location",
    [FILTER_TAG_NAME] = "tagName",    [FILTER_TAG_VALUE] = "tagValue",
};

static struct str trim_left(struct str s)
{
    while (s.len && s.data[0] == ' ')
        s = str_slice(s, 1, SIZE_MAX);
    return s;
}

/* A word up to the next blank, and the blanks behind it. */
static struct str take_word(struct str *rest)
{
    size_t len = str_find_char(*rest, ' ');
    struct str word = str_slice(*rest, 0, len);

    *rest = trim_left(str_slice(*rest, word.len, SIZE_MAX));
    return word;
}

/* 'text' with its quotes, a quote inside doubled, at the start of *rest. */
static bool take_literal(struct arena *a, struct str *rest, struct str *text)
{
    char *out = arena_alloc_bytes(a, rest->len + 1);
    size_t len = 0;

    if (!str_starts_with(*rest, STR("'")))
        return false;
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->data[i] == '\'') {
            if (i + 1 == rest->len || rest->data[i + 1] != '\'') {
                *text = str_of(out, len);
                *rest = trim_left(str_slice(*rest, i + 1, SIZE_MAX));
                return true;
            }
            i++;
        }
        out[len++] = rest->data[i];
    }
    return false;
}

/* What stands behind "NAME(", up to and with the ')'. */
static bool take_argument(struct arm_filter_terms *terms, struct arm_filter_term *term)
{
    struct str *rest = &terms->rest;

    term->is_function = true;
    *rest = trim_left(*rest);
    term->is_quoted = str_starts_with(*rest, STR("'"));
    if (term->is_quoted && !take_literal(terms->arena, rest, &term->value))
        return false;
    if (!str_starts_with(*rest, STR(")")))
        return false;
    *rest = trim_left(str_slice(*rest, 1, SIZE_MAX));
    return true;
}

static bool take_term(struct arm_filter_terms *terms, struct arm_filter_term *term)
{
    struct str *rest = &terms->rest;
    size_t parenthesis = str_find_char(*rest, '(');

    *term = (struct arm_filter_term){ .name = STR_NONE };
    if (parenthesis < str_find_char(*rest, ' ')) {
        term->name = str_slice(*rest, 0, parenthesis);
        *rest = str_slice(*rest, parenthesis + 1, SIZE_MAX);
        return take_argument(terms, term);
    }
    term->name = take_word(rest);
    term->comparison = take_word(rest);
    if (str_is_empty(*rest))
        return false;
    term->is_quoted = str_starts_with(*rest, STR("'"));
    if (term->is_quoted)
        return take_literal(terms->arena, rest, &term->value);
    term->value = take_word(rest);
    return true;
}

void arm_filter_begin(struct arm_call *c, struct arm_filter_terms *terms)
{
    *terms = (struct arm_filter_terms){
        .arena = c->arena,
        .joint = STR("and"),
        .rest = str_trim(http_query_get(c->arena, c->request->query, STR("$filter"))),
    };
}

bool arm_filter_next(struct arm_filter_terms *terms, struct arm_filter_term *term)
{
    if (terms->is_wrong || str_is_empty(terms->rest))
        return false;
    terms->at = terms->rest;
    terms->is_wrong = !take_term(terms, term);
    if (terms->is_wrong || str_is_empty(terms->rest))
        return !terms->is_wrong;
    terms->at = terms->rest;
    terms->is_wrong =
        !str_equal_nocase(take_word(&terms->rest), terms->joint) || str_is_empty(terms->rest);
    return !terms->is_wrong;
}

bool arm_filter_is(const struct arm_filter_term *term, const char *name, bool is_function)
{
    return term->is_function == is_function && str_equal_nocase(term->name, str_from(name)) &&
           (is_function || str_equal_nocase(term->comparison, STR("eq")));
}

/* MEMBER eq 'text' */
static bool set_value(struct arm_filter *filter, const struct arm_filter_term *term)
{
    for (size_t i = 0; term->is_quoted && i < FILTER_MEMBERS; i++) {
        if (arm_filter_is(term, names[i], false)) {
            filter->values[i] = term->value;
            return true;
        }
    }
    return false;
}

bool arm_filter_read(struct arm_call *c, struct arm_filter *filter, struct error *err)
{
    struct arm_filter_terms terms;
    struct arm_filter_term term;

    arm_filter_begin(c, &terms);
    *filter = (struct arm_filter){ .is_empty = str_is_empty(terms.rest) };
    while (arm_filter_next(&terms, &term))
        terms.is_wrong = !set_value(filter, &term);
    if (!terms.is_wrong)
        return true;
    return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may compare "
                            "resourceGroup, resourceType, name, location, tagName and "
                            "tagValue by 'eq', joined by 'and'.");
}

static bool matches_tags(const struct arm_filter *filter, yyjson_mut_val *tags)
{
    struct str name = filter->values[FILTER_TAG_NAME], value = filter->values[FILTER_TAG_VALUE];
    yyjson_mut_val *key, *tag;
    size_t i, count;

    if (str_is_empty(name) && str_is_empty(value))
        return true;
    yyjson_mut_obj_foreach(tags, i, count, key, tag)
    {
        if ((str_is_empty(name) || str_equal_nocase(name, json_mut_str(key))) &&
            (str_is_empty(value) || str_equal(value, json_mut_str(tag))))
            return true;
    }
    return false;
}

static bool matches(struct str wanted, struct str found)
{
    return str_is_empty(wanted) || str_equal_nocase(wanted, found);
}

bool arm_filter_matches(const struct arm_call *c, const struct arm_filter *filter,
                        yyjson_mut_val *shown)
{
    struct str id = json_mut_str(yyjson_mut_obj_get(shown, "id"));
    struct str location = json_mut_str(yyjson_mut_obj_get(shown, "location"));

    return matches(filter->values[FILTER_GROUP], arm_id_segment(id, 3)) &&
           matches(filter->values[FILTER_TYPE], json_mut_str(yyjson_mut_obj_get(shown, "type"))) &&
           matches(filter->values[FILTER_NAME], json_mut_str(yyjson_mut_obj_get(shown, "name"))) &&
           (str_is_empty(filter->values[FILTER_LOCATION]) ||
            arm_location_is_same(c, filter->values[FILTER_LOCATION], location)) &&
           matches_tags(filter, yyjson_mut_obj_get(shown, "tags"));
}
