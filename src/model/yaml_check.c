/* SPDX-License-Identifier: MIT */
#include "model/yaml_check.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "model/yaml_file.h"

struct checker {
    yaml_document_t *document;
    const char *name;
    char path[YAML_PATH_MAX];
    size_t visited; /* nodes: more than there are means that one is used twice, by an alias */
    struct error *err;
};

static bool check_value(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s);

static bool fail(struct checker *c, const yaml_node_t *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool fail(struct checker *c, const yaml_node_t *node, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return error_set_target(c->err, ERROR_CONFIG, c->path, "%s:%zu: %s%s%s", c->name,
                            node->start_mark.line + 1, c->path, c->path[0] ? ": " : "", text);
}

static yaml_node_t *node_at(const yaml_document_t *d, int index)
{
    return d->nodes.start + index - 1; /* libyaml numbers them from 1 */
}

static struct str scalar(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return STR_NONE;
    return str_of((const char *)node->data.scalar.value, node->data.scalar.length);
}

/* -- Scalars ---------------------------------------------------------------------------------- */

static bool check_text(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    struct str text = scalar(node);

    if (str_find_char(text, '\0') != SIZE_MAX)
        return fail(c, node, "a zero byte cannot be part of text");
    if (text.len < s->string.min)
        return fail(c, node, "the value is missing");
    if (text.len > s->string.max)
        return fail(c, node, "longer than %u bytes", s->string.max);
    return true;
}

/* No sign, and no 0 in front: YAML 1.1 reads 010 as 8. */
static bool check_whole_number(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    uint64_t max = s->data_size == sizeof(uint64_t) ? UINT64_MAX : UINT32_MAX;
    struct str text = scalar(node);
    uint64_t value;

    if ((text.len > 1 && text.data[0] == '0') || !str_to_u64(text, max, &value))
        return fail(c, node, "expected a whole number up to %" PRIu64 ", got '%.*s'", max,
                    STR_ARGS(text));
    return true;
}

static bool check_number(struct checker *c, yaml_node_t *node)
{
    struct str text = scalar(node);
    double value;
    char *end;

    errno = 0;
    value = strtod(text.data, &end); /* libyaml ends its scalars with a NUL */
    if (!text.len || end != text.data + text.len || errno || !isfinite(value) ||
        !strchr("+-.0123456789", text.data[0]) || memchr(text.data, 'x', text.len))
        return fail(c, node, "expected a number, got '%.*s'", STR_ARGS(text));
    return true;
}

static bool check_word(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    struct str text = scalar(node);
    char words[200] = "";
    size_t len = 0;
    uint32_t i;

    for (i = 0; i < s->enumeration.count; i++) {
        if (str_equal(text, str_from(s->enumeration.strings[i].str)))
            return true;
        if (len < sizeof(words))
            len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s", i ? ", " : "",
                                    s->enumeration.strings[i].str);
    }
    return fail(c, node, "expected one of: %s; got '%.*s'", words, STR_ARGS(text));
}

/* -- Mappings and lists ----------------------------------------------------------------------- */

/* The key by which a list's entries are told apart, NULL when there is none. */
static const char *naming_key(const cyaml_schema_value_t *entry)
{
    const char *first = entry->type == CYAML_MAPPING ? entry->mapping.fields[0].key : NULL;

    return first && (!strcmp(first, "name") || !strcmp(first, "version")) ? first : NULL;
}

/* What stands under that key. */
static struct str entry_name(const yaml_document_t *d, const yaml_node_t *entry, const char *key)
{
    const yaml_node_pair_t *pair;

    if (entry->type != YAML_MAPPING_NODE)
        return STR_NONE;
    for (pair = entry->data.mapping.pairs.start; pair < entry->data.mapping.pairs.top; pair++) {
        if (str_equal(scalar(node_at(d, pair->key)), str_from(key)))
            return scalar(node_at(d, pair->value));
    }
    return STR_NONE;
}

static const cyaml_schema_value_t *field_schema(const cyaml_schema_value_t *s, struct str key)
{
    const cyaml_schema_field_t *field;

    for (field = s->mapping.fields; field->key; field++) {
        if (str_equal(str_from(field->key), key))
            return &field->value;
    }
    return NULL;
}

static bool is_repeated(const yaml_document_t *d, const yaml_node_t *mapping,
                        const yaml_node_pair_t *pair)
{
    const yaml_node_pair_t *earlier;

    for (earlier = mapping->data.mapping.pairs.start; earlier < pair; earlier++) {
        if (str_equal(scalar(node_at(d, earlier->key)), scalar(node_at(d, pair->key))))
            return true;
    }
    return false;
}

static bool check_mapping(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    size_t parent = strlen(c->path);
    const yaml_node_pair_t *pair;

    for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_at(c->document, pair->key);
        const cyaml_schema_value_t *field = field_schema(s, scalar(key));

        c->visited++;
        if (!field)
            return fail(c, key, "unknown key '%.*s'", STR_ARGS(scalar(key)));
        if (is_repeated(c->document, node, pair))
            return fail(c, key, "'%.*s' is given twice", STR_ARGS(scalar(key)));
        snprintf(c->path + parent, sizeof(c->path) - parent, "%s%.*s", parent ? "." : "",
                 STR_ARGS(scalar(key)));
        if (!check_value(c, node_at(c->document, pair->value), field))
            return false;
        c->path[parent] = '\0';
    }
    return true;
}

/* Each entry has a name, and no two the same, whatever its case. */
static bool check_name(struct checker *c, yaml_node_t *list, const yaml_node_item_t *item,
                       const char *key)
{
    yaml_node_t *node = node_at(c->document, *item);
    struct str name = entry_name(c->document, node, key);
    const yaml_node_item_t *earlier;

    if (!name.len)
        return fail(c, node, "the %s of an entry is missing", key);
    for (earlier = list->data.sequence.items.start; earlier < item; earlier++) {
        if (str_equal_nocase(entry_name(c->document, node_at(c->document, *earlier), key), name))
            return fail(c, node, "there are two with the %s '%.*s'", key, STR_ARGS(name));
    }
    return true;
}

static bool check_list(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    const cyaml_schema_value_t *entry = s->sequence.entry;
    const char *key = naming_key(entry);
    yaml_node_item_t *first = node->data.sequence.items.start;
    size_t parent = strlen(c->path);
    yaml_node_item_t *item;

    if (node->data.sequence.items.top - first > (ptrdiff_t)s->sequence.max)
        return fail(c, node, "more than %u entries", s->sequence.max);
    for (item = first; item < node->data.sequence.items.top; item++) {
        yaml_node_t *value = node_at(c->document, *item);
        struct str name = key ? entry_name(c->document, value, key) : STR_NONE;

        if (key && !check_name(c, node, item, key))
            return false;
        if (name.len)
            snprintf(c->path + parent, sizeof(c->path) - parent, "[%.*s]", STR_ARGS(name));
        else
            snprintf(c->path + parent, sizeof(c->path) - parent, "[%td]", item - first);
        if (!check_value(c, value, entry))
            return false;
        c->path[parent] = '\0';
    }
    return true;
}

static bool check_words(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    const yaml_node_item_t *item;

    for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        c->visited++;
        if (!check_word(c, node_at(c->document, *item), s))
            return false;
    }
    return true;
}

/* Exhaustive for what yaml_file.h allows in a schema. */
static bool check_value(struct checker *c, yaml_node_t *node, const cyaml_schema_value_t *s)
{
    bool is_list = s->type == CYAML_SEQUENCE || s->type == CYAML_FLAGS;

    if (++c->visited > (size_t)(c->document->nodes.top - c->document->nodes.start))
        return fail(c, node, "aliases (*name) are not supported");
    if (s->type == CYAML_MAPPING && node->type != YAML_MAPPING_NODE)
        return fail(c, node, "expected keys with values");
    if (is_list && node->type != YAML_SEQUENCE_NODE)
        return fail(c, node, "expected a list");
    if (s->type != CYAML_MAPPING && !is_list && node->type != YAML_SCALAR_NODE)
        return fail(c, node, "expected a single value");
    if (s->type == CYAML_MAPPING)
        return check_mapping(c, node, s);
    if (s->type == CYAML_SEQUENCE)
        return check_list(c, node, s);
    if (s->type == CYAML_FLAGS)
        return check_words(c, node, s);
    if (s->type == CYAML_STRING)
        return check_text(c, node, s);
    if (s->type == CYAML_UINT)
        return check_whole_number(c, node, s);
    if (s->type == CYAML_FLOAT)
        return check_number(c, node);
    return check_word(c, node, s);
}

bool yaml_check(yaml_document_t *d, const cyaml_schema_value_t *schema, const char *name,
                struct error *err)
{
    struct checker c = { .document = d, .name = name, .err = err };

    return check_value(&c, yaml_document_get_root_node(d), schema);
}

/* -- Lines ------------------------------------------------------------------------------------ */

/* Takes "key" or "[entry]" and the separator after it from the front of a path. */
static struct str take_step(struct str *path, bool *is_entry)
{
    size_t end = 0;
    struct str step;

    *is_entry = path->data[0] == '[';
    if (*is_entry) {
        end = str_find_char(*path, ']');
        step = str_slice(*path, 1, end == SIZE_MAX ? path->len : end - 1);
        *path = str_slice(*path, end == SIZE_MAX ? path->len : end + 1, path->len);
    } else {
        while (end < path->len && path->data[end] != '.' && path->data[end] != '[')
            end++;
        step = str_slice(*path, 0, end);
        *path = str_slice(*path, end, path->len);
    }
    if (path->len && path->data[0] == '.')
        *path = str_slice(*path, 1, path->len);
    return step;
}

static const yaml_node_t *entry_of(const yaml_document_t *d, const yaml_node_t *list,
                                   struct str name)
{
    const yaml_node_item_t *item;
    uint64_t number;

    if (list->type != YAML_SEQUENCE_NODE)
        return NULL;
    for (item = list->data.sequence.items.start; item < list->data.sequence.items.top; item++) {
        const yaml_node_t *entry = node_at(d, *item);

        if (str_equal_nocase(entry_name(d, entry, "name"), name) ||
            str_equal_nocase(entry_name(d, entry, "version"), name))
            return entry;
    }
    if (!str_to_u64(name, UINT32_MAX, &number) ||
        (ptrdiff_t)number >= item - list->data.sequence.items.start)
        return NULL;
    return node_at(d, list->data.sequence.items.start[number]);
}

static const yaml_node_pair_t *pair_of(const yaml_document_t *d, const yaml_node_t *mapping,
                                       struct str key)
{
    const yaml_node_pair_t *pair;

    if (mapping->type != YAML_MAPPING_NODE)
        return NULL;
    for (pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        if (str_equal(scalar(node_at(d, pair->key)), key))
            return pair;
    }
    return NULL;
}

size_t yaml_line_of(const yaml_document_t *d, const char *path, bool *is_there)
{
    const yaml_node_t *node = d->nodes.top > d->nodes.start ? d->nodes.start : NULL;
    struct str rest = str_from(path);
    size_t line = 0;

    while (rest.len && node) {
        const yaml_node_pair_t *pair;
        bool is_entry;
        struct str step = take_step(&rest, &is_entry);

        if (is_entry) {
            node = entry_of(d, node, step);
            line = node ? node->start_mark.line + 1 : 0;
            continue;
        }
        pair = pair_of(d, node, step);
        node = pair ? node_at(d, pair->value) : NULL;
        if (pair)
            line = node_at(d, pair->key)->start_mark.line + 1;
    }
    *is_there = node != NULL;
    return line;
}
