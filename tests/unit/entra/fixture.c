/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/format.h"
#include "identity/password.h"

static const char catalog_text[] = "engines:\n"
                                   "  - name: sim\n"
                                   "    sim: { seed: 1 }\n"
                                   "default_engines: { chat: sim }\n"
                                   "models:\n"
                                   "  - name: gpt-35-turbo\n"
                                   "    default_version: \"0613\"\n"
                                   "    operations: [chat]\n"
                                   "    context_tokens: 4096\n"
                                   "    skus: [{ name: Standard }]\n"
                                   "    versions:\n"
                                   "      - { version: \"0613\", created: 2023-06-19, retires: "
                                   "2035-01-01 }\n"
                                   "locations:\n"
                                   "  - { name: eastus, display_name: East US }\n";

/* Of the whole program. */
static struct secret_box *box;
static struct arena *group_arena;
static struct str keys;
/* Of PASSWORD, of little work: tests sign in a hundred times. */
static const char password_hash_text[] =
    "scrypt$1024$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$6g3umF+uVrJsObaTZhIbbTlgrvOEFcCItdwSjtPF67M=";

static void must(bool good, const struct error *err)
{
    if (!good)
        fail_msg("%s", err->text);
}

int open_group(void **state)
{
    char path[] = "/tmp/lazuli-entra-key-XXXXXX";
    struct error err = { 0 };

    (void)state;
    if (!mkdtemp(path))
        return -1;
    group_arena = arena_new(NULL);
    box = secret_box_new_from_file(arena_printf(group_arena, "%s/key", path).data, true, &err);
    unlink(arena_printf(group_arena, "%s/key", path).data);
    rmdir(path);
    return box ? 0 : -1;
}

int close_group(void **state)
{
    (void)state;
    secret_box_free(box);
    arena_free(group_arena);
    return 0;
}

/* -- What there is at first ------------------------------------------------------------------ */

static bool put(struct store_txn *t, struct arena *a, enum principal_type type, const char *id,
                const char *name, yyjson_mut_val *body, struct error *err)
{
    struct principal_record p = { .type = type, .object_id = str_from(id), .name = str_from(name) };

    return principals_put(t, a, &p, body, err);
}

static bool put_application(struct store_txn *t, struct arena *a, const char *id, const char *name,
                            struct error *err)
{
    static const struct clock wall;
    int64_t now_ms = clock_now_ms(&wall);
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc);

    json_set_str(doc, body, "displayName", STR("An application"));
    principal_add_secret(doc, body, a, STR(SECRET), STR("first"), now_ms - MINUTE_MS,
                         now_ms + 1000 * MINUTE_MS);
    return put(t, a, PRINCIPAL_TYPE_APPLICATION, id, name, body, err);
}

static bool put_all(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct fixture *f = data;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc);
    struct authority_state *state;
    bool found;

    json_set_str(doc, body, "displayName", STR("Ann"));
    json_set_str(doc, body, "passwordHash", str_from(password_hash_text));
    if ((keys.len && !store_put_setting(t, STR("signing_keys"), keys, err)) ||
        !put(t, a, PRINCIPAL_TYPE_USER, ANN_ID, ANN, body, err) ||
        !put_application(t, a, OWNER_ID, OWNER_APP, err) ||
        !put_application(t, a, OTHER_ID, OTHER_APP, err) ||
        !(state = authority_read(f->authority, t, a, false, err)))
        return false;
    authority_publish(f->authority, state);
    if (keys.len)
        return true;
    if (!store_get_setting(t, STR("signing_keys"), &keys, &found, err))
        return false;
    keys = arena_copy(group_arena, keys);
    return true;
}

static void make_directory(struct fixture *f)
{
    static const struct rbac_assignment owner = { STR(OWNER_ID),
                                                  STR("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
                                                  STR("/subscriptions/" SUBSCRIPTION) };
    struct error err = { 0 };
    struct directory *empty;

    f->catalog = catalog_parse(str_from(catalog_text), "test catalog", &err);
    must(f->catalog, &err);
    empty = directory_new(f->catalog, NULL, 0);
    f->directory = directory_box_new(directory_with_roles(empty, rbac_new(NULL, 0, &owner, 1)));
    directory_unref(empty);
}

int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct entra_options options = { .box = box,
                                     .subscription_id = STR(SUBSCRIPTION),
                                     .public_base = STR(BASE),
                                     .machine_identity = STR(OTHER_APP) };
    struct error err = { 0 };

    snprintf(f->folder, sizeof(f->folder), "/tmp/lazuli-entra-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    f->arena = arena_new(NULL);
    options.store = f->store = store_open(arena_printf(f->arena, "%s/db", f->folder).data, &err);
    must(f->store, &err);
    options.authority = f->authority = authority_new(box, &f->clock, STR(TENANT));
    make_directory(f);
    options.directory = f->directory;
    f->entra = entra_new(&options);
    must(store_run(f->store, put_all, f, &err), &err);
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    static const char *const files[] = { "db", "db-wal", "db-shm" };
    struct fixture *f = *state;
    int rc;

    store_close(f->store);
    entra_free(f->entra);
    authority_free(f->authority);
    directory_box_free(f->directory);
    catalog_unref(f->catalog);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        unlink(arena_printf(f->arena, "%s/%s", f->folder, files[i]).data);
    rc = rmdir(f->folder);
    arena_free(f->arena);
    free(f);
    return rc;
}

/* -- Calls ----------------------------------------------------------------------------------- */

struct execution {
    struct fixture *f;
    struct entra_request request;
    struct entra_call call;
    struct error refusal;
    struct answer answer;
};

static void keep_audit(struct execution *e)
{
    e->f->audit = e->call.audit;
    e->f->audit.details = arena_copy(e->f->arena, e->call.audit.details);
}

/* As entra.c does it, but that it publishes before the commit. */
static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct execution *e = data;
    struct entra_call *c = &e->call;
    struct arena *keep = e->f->arena;

    c->txn = t;
    c->arena = arena;
    if (!entra_execute(c, err)) {
        keep_audit(e);
        return false;
    }
    keep_audit(e);
    c->work.password = arena_copy(keep, c->work.password);
    c->work.hash = arena_copy(keep, c->work.hash);
    c->work.next = arena_copy(keep, c->work.next);
    e->refusal = c->refusal;
    e->answer.status = c->reply.status;
    e->answer.text = arena_copy(keep, c->reply.body);
    e->answer.header_count = c->reply.header_count;
    for (size_t i = 0; i < c->reply.header_count; i++)
        e->answer.headers[i] = (struct http_header){ arena_copy(keep, c->reply.headers[i].name),
                                                     arena_copy(keep, c->reply.headers[i].value) };
    c->counted = arena_copy(keep, c->counted);
    if (e->f->is_disk_full && c->counted.len)
        return error_set(err, ERROR_STORE_UNUSABLE, "the disk is full");
    entra_committed(c);
    return true;
}

/* What a thread of the pool does. */
static void work(struct execution *e)
{
    struct entra_work *w = &e->call.work;

    e->f->hashed++;
    if (w->kind == ENTRA_WORK_CHECK)
        w->matches = password_matches(e->f->arena, w->hash, w->password);
    else
        w->hash = password_hash(e->f->arena, w->password);
    if (w->matches && w->next.len)
        w->next_hash = password_hash(e->f->arena, w->next);
    w->kind = ENTRA_WORK_DONE;
    e->call.reply = (struct entra_reply){ 0 };
    e->call.audit = (struct entra_audit){ 0 };
    e->call.changed = STR_NONE;
}

static void answer_error(struct execution *e, const struct error *err)
{
    e->answer = (struct answer){ .status = error_info(err->code)->status };
    e->answer.text = entra_render_error(e->f->arena, STR_NONE, err);
    if (e->answer.status >= 500 && !e->f->is_disk_full)
        fail_msg("%s", err->text);
}

static void execute(struct execution *e)
{
    struct error err = { 0 };

    do {
        if (!store_run(e->f->store, run, e, &err)) {
            if (entra_try_again(&e->call, &err))
                continue;
            answer_error(e, &err);
            return;
        }
        if (e->call.work.kind == ENTRA_WORK_NONE || e->call.work.kind == ENTRA_WORK_DONE)
            break;
        work(e);
    } while (true);
    if (e->refusal.code)
        answer_error(e, &e->refusal);
}

struct answer call(struct fixture *f, enum http_method method, const char *path, const char *body)
{
    const char *query = strchr(path, '?');
    struct execution e = { .f = f, .request = f->next };
    struct error err;
    yyjson_doc *doc;
    bool differs;

    e.request.method = method;
    e.request.query = query ? str_from(query + 1) : STR_NONE;
    e.request.body = str_from(body);
    if (!e.request.peer.len)
        e.request.peer = STR("127.0.0.1");
    e.request.client_address = e.request.peer;
    if (!e.request.base.len)
        e.request.base = STR(BASE);
    e.call = (struct entra_call){ .entra = f->entra, .request = &e.request };
    e.call.endpoint =
        entra_find(method, str_of(path, query ? (size_t)(query - path) : strlen(path)),
                   e.call.names, &e.call.name_count, &differs);
    f->next = (struct entra_request){ 0 };
    if (!e.call.endpoint)
        fail_msg("nothing is at %s", path);
    execute(&e);
    doc = e.answer.text.len ? json_parse(f->arena, e.answer.text, &err) : NULL;
    e.answer.body = doc ? yyjson_doc_get_root(doc) : NULL;
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

struct str header_of(const struct answer *a, const char *name)
{
    for (size_t i = 0; i < a->header_count; i++) {
        if (str_equal_nocase(a->headers[i].name, str_from(name)))
            return a->headers[i].value;
    }
    return STR_NONE;
}

yyjson_val *expect_token(struct fixture *f, const char *form)
{
    return expect(f, 200, HTTP_POST, "/" TENANT "/oauth2/v2.0/token", form);
}

void expect_refusal(struct fixture *f, const char *error, int number, const char *form)
{
    struct answer a = call(f, HTTP_POST, "/" TENANT "/oauth2/v2.0/token", form);
    yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(a.body, "error_codes"));

    if (a.status != 400 && a.status != 401)
        fail_msg("%d: %.*s", a.status, STR_ARGS(a.text));
    assert_string_equal(text_at(a.body, "error"), error);
    assert_int_equal(yyjson_get_int(first), number);
    assert_non_null(strstr(text_at(a.body, "error_description"), text_of(f, "AADSTS%d: ", number)));
}

void authorize_as(struct fixture *f, const char *app, const char *resource)
{
    yyjson_val *reply =
        expect_token(f, text_of(f,
                                "grant_type=client_credentials&client_id=%s&client_secret=" SECRET
                                "&scope=%s/.default",
                                app, resource));

    f->next.authorization = arena_printf(f->arena, "Bearer %s", text_at(reply, "access_token"));
}

yyjson_val *graph(struct fixture *f, int status, enum http_method method, const char *path,
                  const char *body)
{
    authorize_as(f, OWNER_APP, GRAPH);
    return expect(f, status, method, path, body);
}

/* -- Texts ----------------------------------------------------------------------------------- */

const char *text_of(struct fixture *f, const char *format, ...)
{
    char *text = arena_alloc(f->arena, 65536);
    va_list args;

    va_start(args, format);
    assert_in_range(vsnprintf(text, 65536, format, args), 0, 65535);
    va_end(args);
    return text;
}

const char *escape(struct fixture *f, const char *text)
{
    return arena_text(f->arena, format_percent_encode(f->arena, str_from(text)));
}

const char *text_at(yyjson_val *root, const char *path)
{
    const char *text = yyjson_get_str(json_at(root, path));

    if (!text)
        fail_msg("no text at '%s'", path);
    return text;
}

const char *id_of(yyjson_val *object)
{
    return text_at(object, "id");
}

yyjson_val *claims_of(struct fixture *f, const char *token)
{
    struct str rest = str_from(token), part, json;
    struct error err = { 0 };
    yyjson_doc *doc;

    assert_true(str_split(&rest, '.', &part) && str_split(&rest, '.', &part));
    assert_true(format_parse_base64url(f->arena, part, &json));
    doc = json_parse(f->arena, json, &err);
    must(doc, &err);
    return yyjson_doc_get_root(doc);
}

struct wanted_change {
    struct fixture *f;
    const char *object_id, *changes;
};

static bool run_change(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct wanted_change *w = data;
    struct authority_state *state;
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_doc *changes;
    bool found;

    if (!principals_get(t, a, str_from(w->object_id), &p, &found, err) || !found ||
        !(changes = json_parse(a, str_from(w->changes), err)))
        return false;
    doc = json_copy(a, p.body);
    json_merge(doc, yyjson_mut_doc_get_root(doc), yyjson_doc_get_root(changes));
    if (!principals_put(t, a, &p, yyjson_mut_doc_get_root(doc), err) ||
        !(state = authority_read(w->f->authority, t, a, false, err)))
        return false;
    authority_publish(w->f->authority, state);
    return true;
}

void change(struct fixture *f, const char *object_id, const char *changes)
{
    struct wanted_change w = { f, object_id, changes };
    struct error err = { 0 };

    must(store_run(f->store, run_change, &w, &err), &err);
}

void pass(struct fixture *f, int64_t ms)
{
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + ms);
}
