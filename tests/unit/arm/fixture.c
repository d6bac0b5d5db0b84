/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arm/activity.h"
#include "arm/execute.h"
#include "arm/publish.h"
#include "arm/type.h"

static const char catalog_text[] =
    "engines:\n"
    "  - name: sim\n"
    "    sim: { seed: 1 }\n"
    "default_engines: { chat: sim, completion: sim, embeddings: sim }\n"
    "models:\n"
    "  - name: text-embedding-ada-002\n"
    "    default_version: \"2\"\n"
    "    operations: [embeddings]\n"
    "    capabilities: [embeddings, embeddingsMaxInputs=1]\n"
    "    context_tokens: 8191\n"
    "    embedding_dimensions: 1536\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"1\", created: 2022-12-15, retires: 2027-04-15 }\n"
    "      - { version: \"2\", created: 2023-04-03, retires: 2027-04-15 }\n"
    "  - name: gpt-35-turbo\n"
    "    default_version: \"0613\"\n"
    "    operations: [chat]\n"
    "    capabilities: [chatCompletion]\n"
    "    context_tokens: 4096\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "      - { name: ProvisionedManaged, minimum: 50, step: 50 }\n"
    "    versions:\n"
    "      - { version: \"0301\", created: 2023-03-09, retires: 2025-02-13 }\n"
    "      - { version: \"0613\", created: 2023-06-19, retires: 2035-01-01 }\n"
    "locations:\n"
    "  - { name: eastus, display_name: East US }\n"
    "  - { name: westus, display_name: West US }\n";

static void must(bool good, const struct error *err)
{
    if (!good)
        fail_msg("%s", err->text);
}

static void make_arm(struct fixture *f)
{
    struct directory *empty = directory_new(f->catalog, NULL, 0);
    struct error err;

    f->directory = directory_box_new(empty);
    f->options.store = f->store;
    f->options.clock = &f->clock;
    f->options.catalog = f->catalog;
    f->options.directory = f->directory;
    f->options.box = f->box;
    f->options.vault = f->vault;
    f->options.key_hash = f->key_hash;
    f->authority = authority_new(f->box, &f->clock, STR(TENANT));
    f->options.authority = f->authority;
    f->options.tenant_id = STR(TENANT);
    f->arm = arm_new(&f->options);
    must(arm_load_directory(f->arm, &err), &err);
}

static bool make_subscription(struct store_txn *t, struct arena *arena, void *data,
                              struct error *err)
{
    struct fixture *f = data;
    struct str reply;
    int status;

    return arm_apply(f->arm, t, arena, HTTP_PUT, STR(S "?api-version=2022-12-01"),
                     STR("{\"displayName\":\"Tests\"}"), &status, &reply, err);
}

int fixture_set_up(void **state)
{
    static const uint8_t secret[KEY_HASH_SECRET_BYTES] = "a test's secret";
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err = { 0 };
    char path[128];

    snprintf(f->folder, sizeof(f->folder), "/tmp/lazuli-arm-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(path, sizeof(path), "%s/lazuli.db", f->folder);
    f->store = store_open(path, &err);
    must(f->store, &err);
    snprintf(path, sizeof(path), "%s/key", f->folder);
    f->box = secret_box_new_from_file(path, true, &err);
    must(f->box, &err);
    f->catalog = catalog_parse(str_from(catalog_text), "test catalog", &err);
    must(f->catalog, &err);
    f->vault = key_vault_new();
    f->key_hash = key_hash_new(secret);
    f->arena = arena_new(NULL);
    f->options.public_base = STR(BASE);
    make_arm(f);
    must(store_run(f->store, make_subscription, f, &err), &err);
    expect(f, 201, HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    *state = f;
    return 0;
}

int fixture_set_up_account(void **state)
{
    fixture_set_up(state);
    expect(*state, 201, HTTP_PUT, A V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"s0\"},\"location\":\"eastus\","
           "\"properties\":{}}");
    return 0;
}

static void drop_arm(struct fixture *f)
{
    arm_free(f->arm);
    authority_free(f->authority);
    directory_box_free(f->directory);
}

void fixture_restart(struct fixture *f)
{
    drop_arm(f);
    make_arm(f);
}

void fixture_restart_with(struct fixture *f, const char *more)
{
    struct error err = { 0 };
    struct str text = arena_printf(f->arena, "%s%s", catalog_text, more);

    catalog_unref(f->catalog);
    f->catalog = catalog_parse(text, "test catalog", &err);
    must(f->catalog, &err);
    fixture_restart(f);
}

int fixture_tear_down(void **state)
{
    static const char *const files[] = { "lazuli.db", "lazuli.db-wal", "lazuli.db-shm", "key" };
    struct fixture *f = *state;
    char path[128];
    int rc;

    store_close(f->store);
    drop_arm(f);
    key_vault_free(f->vault);
    secret_box_free(f->box);
    key_hash_free(f->key_hash);
    catalog_unref(f->catalog);
    arena_free(f->arena);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->folder, files[i]);
        unlink(path);
    }
    rc = rmdir(f->folder);
    free(f);
    return rc;
}

/* -- Calls ----------------------------------------------------------------------------------- */

struct execution {
    struct fixture *f;
    struct loop *loop;
    struct store_job job;
    struct arm_request request;
    struct arm_call call;
    struct error err; /* of a failure */
    struct answer answer;
    struct key_reference wanted; /* vault empty: the call has ended */
};

/* As arm.c does it. */
static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct execution *e = data;

    e->call =
        (struct arm_call){ .arm = e->f->arm, .txn = t, .arena = arena, .request = &e->request };
    return arm_execute(&e->call, err);
}

static bool refused(struct store_txn *t, struct arena *arena, void *data, const struct error *cause,
                    struct error *err)
{
    struct execution *e = data;

    (void)t;
    (void)arena;
    return arm_activity_record(&e->call, cause, err);
}

static void committed(void *data)
{
    struct execution *e = data;

    arm_publish(e->f->arm, e->call.publications);
}

static void done(void *data, const struct error *err)
{
    struct execution *e = data;
    const struct arm_reply *reply = &e->call.reply;

    loop_stop(e->loop);
    e->wanted = (struct key_reference){ 0 };
    if (err && e->call.wanted_key.vault.len) {
        e->wanted.vault = arena_copy(e->f->arena, e->call.wanted_key.vault);
        e->wanted.name = arena_copy(e->f->arena, e->call.wanted_key.name);
        e->wanted.version = arena_copy(e->f->arena, e->call.wanted_key.version);
        return;
    }
    if (err) {
        e->err = *err;
        e->answer.status = error_info(err->code)->status;
        e->answer.text = arm_render_error(e->f->arena, err, e->call.error_details);
        return;
    }
    e->answer.status = reply->status;
    e->answer.text = arena_copy(e->f->arena, reply->body);
    e->answer.etag = arena_copy(e->f->arena, reply->etag);
    for (size_t i = 0; i < reply->header_count; i++) {
        if (str_equal(reply->headers[i].name, STR("Location")))
            e->answer.location = arena_copy(e->f->arena, reply->headers[i].value);
        if (str_equal(reply->headers[i].name, STR("Azure-AsyncOperation")))
            e->answer.operation = arena_copy(e->f->arena, reply->headers[i].value);
    }
}

static void execute_once(struct execution *e)
{
    e->loop = loop_new();
    e->job = (struct store_job){
        .run = run,
        .committed = committed,
        .done = done,
        .loop = e->loop,
        .data = e,
        .refused = refused,
    };
    store_submit(e->f->store, &e->job);
    loop_run(e->loop);
    loop_free(e->loop);
}

static void execute(struct execution *e)
{
    struct error why;

    for (execute_once(e); e->wanted.vault.len; execute_once(e)) {
        struct arm_asked_key *asked = ARENA_NEW(e->f->arena, struct arm_asked_key);

        *asked = (struct arm_asked_key){ e->wanted, e->request.asked };
        e->request.asked = asked;
        if (!key_vault_fetch(e->f->vault, &e->wanted, &why))
            assert_int_equal(why.code, ERROR_CONFIG);
    }
}

struct answer call(struct fixture *f, enum http_method method, const char *path, const char *body)
{
    const char *query = strchr(path, '?');
    struct execution e = {
        .f = f,
        .request = {
            .method = method,
            .path = str_of(path, query ? (size_t)(query - path) : strlen(path)),
            .query = query ? str_from(query + 1) : STR_NONE,
            .body = body ? str_from(body) : STR_NONE,
            .if_match = f->if_match,
            .if_none_match = f->if_none_match,
            .base = STR(BASE),
            .principal = f->caller ? *f->caller
                                   : (struct principal){ .name = STR("dev@contoso.com"),
                                                         .is_administrator = true },
            .client_address = STR("192.0.2.7"),
            .id = STR("aaaaaaaa-0000-4000-8000-000000000001"),
            .correlation_id = f->correlation_id,
            .client_request_id = STR("the client's"),
        },
    };
    struct error err;

    f->if_match = f->if_none_match = STR_NONE;
    execute(&e);
    if (e.answer.status >= 500)
        fail_msg("%s: %s", path, e.err.text);
    if (e.answer.text.len) {
        yyjson_doc *doc = json_parse(f->arena, e.answer.text, &err);

        must(doc, &err);
        e.answer.body = yyjson_doc_get_root(doc);
    }
    return e.answer;
}

yyjson_val *expect(struct fixture *f, int status, enum http_method method, const char *path,
                   const char *body)
{
    struct answer a = call(f, method, path, body);

    if (a.status != status)
        fail_msg("%s %s: %d instead of %d: %.*s", http_method_name(method), path, a.status, status,
                 STR_ARGS(a.text));
    return a.body;
}

yyjson_val *expect_error(struct fixture *f, int status, const char *code, const char *words,
                         enum http_method method, const char *path, const char *body)
{
    yyjson_val *error = expect(f, status, method, path, body);

    assert_text(error, "error.code", code);
    if (!strstr(yyjson_get_str(json_at(error, "error.message")), words))
        fail_msg("'%s' lacks '%s'", yyjson_get_str(json_at(error, "error.message")), words);
    return error;
}

/* -- Many resources --------------------------------------------------------------------------- */

struct filling {
    const char *id;
    const struct arm_type *type;
    int count;
};

static bool fill(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    const struct filling *filling = data;

    for (int i = 0; i < filling->count; i++) {
        struct store_resource r = {
            .id = arena_printf(arena, "%s%d", filling->id, i),
            .type = arena_lower(arena, str_from(filling->type->name)),
            .etag = STR("e"),
            .body = STR("{}"),
        };

        r.key = arena_lower(arena, r.id);
        if (!store_put(t, &r, err))
            return false;
    }
    return true;
}

void fixture_fill(struct fixture *f, const char *id, const struct arm_type *type, int count)
{
    struct filling filling = { id, type, count };
    struct error err = { 0 };

    if (!store_run(f->store, fill, &filling, &err))
        fail_msg("%s", err.text);
}

/* -- Looking at answers ---------------------------------------------------------------------- */

void assert_text(yyjson_val *root, const char *path, const char *expected)
{
    const char *text = yyjson_get_str(json_at(root, path));

    if (!text)
        fail_msg("no text at '%s'", path);
    assert_string_equal(text, expected);
}

void assert_number(yyjson_val *root, const char *path, int64_t expected)
{
    if (!yyjson_is_int(json_at(root, path)))
        fail_msg("no number at '%s'", path);
    assert_int_equal(yyjson_get_sint(json_at(root, path)), expected);
}

void assert_absent(yyjson_val *root, const char *path)
{
    if (json_at(root, path))
        fail_msg("there is something at '%s'", path);
}

size_t count_of(yyjson_val *root)
{
    assert_true(yyjson_is_arr(yyjson_obj_get(root, "value")));
    return yyjson_arr_size(yyjson_obj_get(root, "value"));
}

yyjson_val *item(yyjson_val *root, size_t n)
{
    assert_true(n < count_of(root));
    return yyjson_arr_get(yyjson_obj_get(root, "value"), n);
}

yyjson_val *item_with(yyjson_val *root, const char *path, const char *text)
{
    for (size_t i = 0; i < count_of(root); i++) {
        if (str_equal(json_str(json_at(item(root, i), path)), str_from(text)))
            return item(root, i);
    }
    return NULL;
}
