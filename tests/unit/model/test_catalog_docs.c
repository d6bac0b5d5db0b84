/*
 * docs/catalog.md holds what catalog.yaml can say: every key with its type, defaults that are
 * true, and examples that work.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "model/catalog.h"
#include "model/catalog_file.h"
#include "model/yaml_file.h"

#define ROWS_MAX 400

/* A row of a table: "engines[].llama.parallel", "whole number", "`4`". */
struct row {
    struct str path, type, given;
    bool is_seen;
};

static struct arena *arena;
static struct str text;
static struct row rows[ROWS_MAX];
static size_t row_count;

/* -- The page -------------------------------------------------------------------------------- */

static struct str cell(struct str *line)
{
    struct str part = STR_NONE;

    str_split(line, '|', &part);
    return str_trim(part);
}

/* What stands between the first pair of backticks, and what follows; empty when there is none. */
static struct str code(struct str *rest)
{
    struct str before, part = STR_NONE;

    if (str_split(rest, '`', &before))
        str_split(rest, '`', &part);
    return part;
}

/* A row for each path of the heading that it stands under. */
static void read_row(struct str heading, struct str line)
{
    struct str name, type, given, rest, path;

    cell(&line);
    name = cell(&line);
    type = cell(&line);
    given = cell(&line);
    if (!str_starts_with(name, STR("`")))
        return;
    name = code(&name);
    rest = heading;
    path = code(&rest);
    do {
        assert_true(row_count < ROWS_MAX);
        rows[row_count].path =
            arena_printf(arena, "%.*s%s%.*s", STR_ARGS(path), path.len ? "." : "", STR_ARGS(name));
        rows[row_count].type = type;
        rows[row_count++].given = given;
        path = code(&rest);
    } while (path.len);
}

static int set_up(void **state)
{
    struct error err;
    struct str rest, line, heading = STR_NONE;
    size_t len;
    char *page = yaml_file_read(SOURCE_DIR "/docs/catalog.md", &len, &err);

    (void)state;
    if (!page)
        return -1;
    arena = arena_new(NULL);
    rest = text = arena_copy(arena, str_of(page, len));
    free(page);
    while (str_split(&rest, '\n', &line)) {
        if (str_starts_with(line, STR("#")))
            heading = line;
        else if (str_starts_with(line, STR("|")))
            read_row(heading, line);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* -- Keys and types -------------------------------------------------------------------------- */

static struct row *row_of(struct str path)
{
    size_t i;

    for (i = 0; i < row_count; i++) {
        if (str_equal(rows[i].path, path))
            return &rows[i];
    }
    return NULL;
}

static struct str words(const cyaml_schema_value_t *s, const char *before)
{
    struct str list = arena_printf(arena, "%s", before);
    uint32_t i;

    for (i = 0; i < s->enumeration.count; i++)
        list = arena_printf(arena, "%.*s%s`%s`", STR_ARGS(list), i ? ", " : "",
                            s->enumeration.strings[i].str);
    return list;
}

static struct str type_name(const cyaml_schema_value_t *s)
{
    if (s->type == CYAML_STRING)
        return STR("text");
    if (s->type == CYAML_UINT)
        return STR("whole number");
    if (s->type == CYAML_FLOAT)
        return STR("number");
    if (s->type == CYAML_FLAGS)
        return words(s, "list of ");
    if (s->type == CYAML_ENUM)
        return s->enumeration.strings == yaml_truths ? STR("true or false") : words(s, "");
    if (s->type == CYAML_MAPPING)
        return STR("keys");
    return s->sequence.entry->type == CYAML_MAPPING ? STR("list") : STR("list of text");
}

static void check_fields(struct str parent, const cyaml_schema_field_t *fields)
{
    const cyaml_schema_field_t *f;

    for (f = fields; f->key; f++) {
        struct str path =
            arena_printf(arena, "%.*s%s%s", STR_ARGS(parent), parent.len ? "." : "", f->key);
        struct str type = type_name(&f->value);
        struct row *row = row_of(path);

        if (!row)
            fail_msg("docs/catalog.md lacks `%.*s`", STR_ARGS(path));
        else if (!str_equal(row->type, type))
            fail_msg("docs/catalog.md: the type of `%.*s` is %.*s", STR_ARGS(path), STR_ARGS(type));
        else
            row->is_seen = true;
        if (f->value.type == CYAML_MAPPING)
            check_fields(path, f->value.mapping.fields);
        if (f->value.type == CYAML_SEQUENCE && f->value.sequence.entry->type == CYAML_MAPPING)
            check_fields(arena_printf(arena, "%.*s[]", STR_ARGS(path)),
                         f->value.sequence.entry->mapping.fields);
    }
}

static void test_every_key_is_there_with_its_type(void **state)
{
    size_t i;

    (void)state;
    check_fields(STR_NONE, catalog_file_schema.mapping.fields);
    for (i = 0; i < row_count; i++) {
        if (!rows[i].is_seen)
            fail_msg("docs/catalog.md has `%.*s`, which is no key", STR_ARGS(rows[i].path));
    }
}

/* -- Defaults -------------------------------------------------------------------------------- */

static void add(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct buf *b, const char *format, ...)
{
    char line[1000];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert_true(buf_append(b, str_from(line)));
}

static void describe_engine(struct buf *b, const struct catalog_engine *e)
{
    const struct catalog_llama *l = &e->llama;
    const struct catalog_upstream *u = &e->upstream;
    const struct catalog_sim *s = &e->sim;
    unsigned i;

    add(b, "%s %d; %d %u %u %u %u %d %llu; ", e->name, (int)e->kind, l->embeddings,
        l->context_tokens, l->parallel, l->threads, l->gpu_layers, l->load_at_start,
        (unsigned long long)l->idle_unload_s);
    add(b, "%llu %llu; ", (unsigned long long)l->load_timeout_ms,
        (unsigned long long)l->ready_timeout_ms);
    add(b, "%llu %llu %llu %llu %u; ", (unsigned long long)l->first_byte_timeout_ms,
        (unsigned long long)l->idle_timeout_ms, (unsigned long long)l->health_interval_ms,
        (unsigned long long)l->health_timeout_ms, l->health_failures);
    add(b, "%d %s %llu %llu %llu %llu %d; ", (int)u->api, u->api_version ? u->api_version : "",
        (unsigned long long)u->connect_timeout_ms, (unsigned long long)u->first_byte_timeout_ms,
        (unsigned long long)u->idle_timeout_ms, (unsigned long long)u->health_interval_ms,
        u->stream_usage);
    for (i = 0; i < u->address_count; i++)
        add(b, "%s %u; ", u->addresses[i].url, u->addresses[i].weight);
    add(b, "%llu %g %g %g %g %u %u; ", (unsigned long long)s->seed, s->first_token_ms,
        s->per_prompt_token_ms, s->tokens_per_second, s->jitter, s->answer_tokens,
        s->embedding_dimensions);
    add(b, "%d %u %llu %u %g\n", (int)s->fault.kind, s->fault.status,
        (unsigned long long)s->fault.retry_after_ms, s->fault.after_tokens, s->fault.rate);
}

/* All that has a default, as text. */
static struct str describe(const struct catalog *c)
{
    struct str result;
    struct buf b;
    unsigned i;

    buf_init(&b, 100000);
    for (i = 0; i < c->engine_count; i++)
        describe_engine(&b, &c->engines[i]);
    for (i = 0; i < c->override_count; i++)
        add(&b, "%s\n", c->overrides[i].account);
    for (i = 0; i < c->quota_count; i++)
        add(&b, "%s %s\n", c->quotas[i].location, c->quotas[i].subscription);
    for (i = 0; i < c->model_count; i++) {
        const struct catalog_model *m = &c->models[i];

        add(&b, "%s %d %u %d %d %u %u %u %u\n", m->format, (int)m->status, m->context_tokens,
            m->can_shorten_embeddings, m->is_reasoning, m->tokens_per_unit, m->requests_per_unit,
            m->ptu_output_ratio, m->ptu_burst_ms);
    }
    result = arena_copy(arena, buf_str(&b));
    buf_done(&b);
    return result;
}

/* "key: value, " for each default of a table that stands there in backticks. */
static struct str defaults_of(struct str table)
{
    struct str list = STR_NONE;
    size_t i;

    for (i = 0; i < row_count; i++) {
        struct str name = rows[i].path, value = rows[i].given;

        if (!str_starts_with(name, table) || !str_starts_with(value, STR("`")) ||
            !str_ends_with(value, STR("`")))
            continue;
        name = str_slice(name, table.len, name.len);
        if (str_find_char(name, '.') == SIZE_MAX)
            list = arena_printf(arena, "%.*s%.*s: \"%.*s\", ", STR_ARGS(list), STR_ARGS(name),
                                (int)value.len - 2, value.data + 1);
    }
    return list;
}

#define ENGINE "engines: [{ name: e, "
#define MODEL                                                                \
    ENGINE "sim: {} }]\nmodels: [{ name: m, engine: e, operations: [chat], " \
           "skus: [{ name: Standard }], "

static void test_defaults_are_true(void **state)
{
    static const struct {
        const char *table, *before, *after;
    } parts[] = {
        { "engines[].llama.", ENGINE "llama: { model: m, ", "} }]" },
        { "engines[].upstream.", ENGINE "upstream: { url: http://h, ", "} }]" },
        { "engines[].upstream.addresses[].", ENGINE "upstream: { addresses: [{ url: http://h, ",
          "}] } }]" },
        { "engines[].sim.", ENGINE "sim: { ", "} }]" },
        { "engines[].sim.fault.", ENGINE "sim: { fault: { ", "} } }]" },
        { "models[].", MODEL "versions: [{ version: v }], ", "}]" },
        { "models[].versions[].", MODEL "versions: [{ version: v, ", "}] }]" },
        { "models[].ptu.", MODEL "versions: [{ version: v }], ptu: { input_tokens_per_minute: 5, ",
          "} }]" },
        { "models[].versions[].ptu.",
          MODEL "versions: [{ version: v, ptu: { input_tokens_per_minute: 5, ", "} }] }]" },
        { "deployments[].", ENGINE "sim: {} }]\ndeployments: [{ deployment: d, engine: e, ", "}]" },
        { "quotas[].", ENGINE "sim: {} }]\nquotas: [{ usage: AccountCount, limit: 5, ", "}]" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(parts); i++) {
        struct str given = defaults_of(str_from(parts[i].table));
        struct catalog *without, *with;
        struct error err = { 0 };

        assert_true(given.len > 0);
        without =
            catalog_parse(arena_printf(arena, "%s%s", parts[i].before, parts[i].after), "a", &err);
        with = catalog_parse(
            arena_printf(arena, "%s%.*s%s", parts[i].before, STR_ARGS(given), parts[i].after), "b",
            &err);
        if (without && with)
            assert_string_equal(describe(without).data, describe(with).data);
        else
            fail_msg("%s: %s", parts[i].table, err.text);
        catalog_unref(without);
        catalog_unref(with);
    }
}

/* -- Examples -------------------------------------------------------------------------------- */

static void test_examples_work(void **state)
{
    struct str rest = text, example;
    unsigned count = 0;
    size_t at;

    (void)state;
    while ((at = str_find(rest, STR("```yaml\n"))) != SIZE_MAX) {
        struct error err;
        struct catalog *c;

        rest = str_slice(rest, at + 8, rest.len);
        example = str_slice(rest, 0, str_find(rest, STR("```")));
        c = catalog_parse(example, "docs/catalog.md", &err);
        if (!c)
            fail_msg("example %u: %s", count + 1, err.text);
        catalog_unref(c);
        count++;
    }
    assert_int_equal(count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_there_with_its_type),
        cmocka_unit_test(test_defaults_are_true),
        cmocka_unit_test(test_examples_work),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
