/*
 * Any request to the identity provider is answered, by JSON, a page without scripts, or a redirect to
 * where codes may go, and never by an internal error. An input is "METHOD TARGET\n", headers, an empty
 * line, and a body, in which {code} and {refresh} stand for what was granted to Ann, {token} for a token of
 * hers for the application, and {assertion} for what a foreign issuer says of a workload that is the
 * application, and the managed identity. In the place of a
 * password's hash there is the password, since to make one takes a tenth of a second. Each meets the same
 * people and applications, since what it changes is taken back.
 * SPDX-License-Identifier: MIT
 */
#include "entra/call.h"
#include "entra/user_token.h"
#include "folder.h"
#include "fuzz.h"

#define TENANT "99999999-8888-7777-6666-555555555555"
#define SUBSCRIPTION "11111111-2222-3333-4444-555555555555"
#define OWNER_ID "aaaaaaaa-0000-0000-0000-000000000001"
#define ANN_ID "bbbbbbbb-0000-0000-0000-000000000001"
#define CLIENT "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define ARM "https://management.azure.com"
#define BASE "https://localhost"
#define MINE                                                      \
    "/subscriptions/" SUBSCRIPTION "/resourceGroups/g/providers/" \
    "Microsoft.ManagedIdentity/userAssignedIdentities/mine"
#define APP "aaaaaaaa-0000-0000-0000-0000000000a1"
#define ISSUER "https://id.example"
#define CREDENTIAL "\"issuer\":\"" ISSUER "\",\"subject\":\"runner\",\"audiences\":[\"a\"]}"
#define YEAR_MS ((int64_t)365 * 86400 * 1000)
#define FOREVER_MS ((int64_t)4000000000 * 1000)

static struct clock wall;
static struct store *store;
static struct entra *entra;
static struct authority *authority;
static struct arena *kept;
static struct str owner_token, code, refresh, user_token, assertion;

/* -- What there is --------------------------------------------------------------------------- */

static void put(struct store_txn *t, struct arena *a, enum principal_type type, const char *id,
                const char *name, const char *text)
{
    struct principal_record p = { .type = type, .object_id = str_from(id), .name = str_from(name) };
    struct error err;
    yyjson_doc *body = json_parse(a, str_from(text), &err);

    check(body &&
          principals_put(t, a, &p, yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(body))),
                         &err));
}

static void put_device_code(struct store_txn *t, struct arena *a)
{
    struct store_resource r = {
        .key = STR("/pending/device_code/bcdfghjkl"),
        .id = STR("BCDFGHJKL"),
        .type = STR("lazuli/pending"),
        .parent = STR("/pending/device_code"),
        .etag = STR("e"),
        .changed_at_ms = FOREVER_MS,
    };
    struct error err;

    r.body = arena_printf(a,
                          "{\"hash\":\"%.*s\",\"clientId\":\"" CLIENT "\",\"scope\":\"" ARM
                          "/.default openid\",\"resource\":\"" ARM "\"}",
                          STR_ARGS(principal_secret_hash(a, STR("secret"))));
    check(store_put(t, &r, &err));
}

/* What a client was granted: the members of both a refresh token and a code. */
static struct str granted(struct store_txn *t, struct arena *a, const char *purpose)
{
    struct entra_call c = { .entra = entra, .txn = t, .arena = a };
    struct error err;
    yyjson_doc *doc = json_parse(a,
                                 STR("{\"id\":\"" TENANT "\",\"oid\":\"" ANN_ID
                                     "\",\"clientId\":\"" CLIENT "\",\"client_id\":\"" CLIENT
                                     "\",\"redirect_uri\":\"http://localhost:1/\",\"scope\":\"" ARM
                                     "/.default openid offline_access\",\"code_challenge\":"
                                     "\"verifier\",\"code_challenge_method\":\"plain\","
                                     "\"issuedMs\":1,\"expiresMs\":4000000000000}"),
                                 &err);

    check(doc != NULL);
    return arena_copy(
        kept, user_token_seal(&c, purpose,
                              yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(doc)))));
}

/* As ARM keeps it. */
static void put_identity_credential(struct store_txn *t, struct arena *a)
{
    struct store_resource r = {
        .key = arena_lower(a, STR(MINE "/federatedIdentityCredentials/ci")),
        .id = STR(MINE "/federatedIdentityCredentials/ci"),
        .type =
            STR("microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"),
        .parent = arena_lower(a, STR(MINE)),
        .etag = STR("e"),
        .body = STR("{\"properties\":{" CREDENTIAL "}"),
    };
    struct error err;

    check(store_put(t, &r, &err));
}

/* A foreign issuer with one key, by which it says who the workload is. */
static void trust_issuer(struct arena *a)
{
    static const char file[] = "issuers:\n  - issuer: " ISSUER "\n    federation_only: true\n";
    struct jwt_key *key = jwt_key_generate(STR("k"));
    struct issuer_keys_box *box = issuer_keys_box_new();
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    struct error err;
    struct issuers *list = issuers_parse(str_from(file), "file", &err);
    struct jwks *set = jwks_parse(
        a, arena_printf(a, "{\"keys\":[%.*s]}", STR_ARGS(jwt_key_export(key, a, false))), &err);

    check(list && set);
    issuer_keys_box_swap(box, issuer_keys_new(list, &set));
    authority_trust(authority, box);
    json_set_str(doc, claims, "iss", STR(ISSUER));
    json_set_str(doc, claims, "sub", STR("runner"));
    json_set_str(doc, claims, "aud", STR("a"));
    json_set_int(doc, claims, "exp", FOREVER_MS / 1000);
    assertion = arena_copy(kept, jwt_sign(a, key, "JWT", claims));
    jwks_unref(set);
    issuers_unref(list);
    jwt_key_free(key);
}

static struct str sign(struct arena *a, const struct authority_state *state, yyjson_mut_doc *doc,
                       yyjson_mut_val *claims)
{
    return arena_copy(kept, authority_sign(authority, state, a, doc, claims, YEAR_MS));
}

static bool make_all(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *claims = yyjson_mut_obj(doc), *of_user = yyjson_mut_obj(doc);
    struct authority_state *state;

    (void)data;
    put(t, a, PRINCIPAL_TYPE_USER, ANN_ID, "ann@contoso.com",
        "{\"displayName\":\"Ann\",\"passwordHash\":\"password\"}");
    put(t, a, PRINCIPAL_TYPE_GROUP, "cccccccc-0000-0000-0000-000000000001",
        "cccccccc-0000-0000-0000-000000000001",
        "{\"displayName\":\"g\",\"members\":[\"" ANN_ID "\"]}");
    put(t, a, PRINCIPAL_TYPE_APPLICATION, OWNER_ID, APP,
        arena_printf(a,
                     "{\"displayName\":\"An application\",\"web\":{\"redirectUris\":"
                     "[\"https://a.example/\"]},\"federatedCredentials\":[{\"id\":\"" TENANT
                     "\",\"name\":\"ci\"," CREDENTIAL "],\"secrets\":[{\"keyId\":\"" TENANT
                     "\",\"hash\":\"%.*s\",\"startDateTime\":\"2020-01-01T00:00:00Z\","
                     "\"endDateTime\":\"2090-01-01T00:00:00Z\"}]}",
                     STR_ARGS(principal_secret_hash(a, STR("secret"))))
            .data);
    put(t, a, PRINCIPAL_TYPE_MANAGED_IDENTITY, "dddddddd-0000-0000-0000-000000000001",
        "dddddddd-0000-0000-0000-0000000000a1",
        "{\"resourceId\":\"" MINE "\",\"isUserAssigned\":true}");
    put_device_code(t, a);
    put_identity_credential(t, a);
    trust_issuer(a);
    state = authority_read(authority, t, a, false, err);
    if (!state)
        return false;
    json_set_str(doc, claims, "aud", STR("https://graph.microsoft.com"));
    json_set_str(doc, claims, "oid", STR(OWNER_ID));
    owner_token = sign(a, state, doc, claims);
    json_set_str(doc, of_user, "aud", STR(APP));
    json_set_str(doc, of_user, "oid", STR(ANN_ID));
    json_set_str(doc, of_user, "scp", STR("user_impersonation"));
    user_token = sign(a, state, doc, of_user);
    authority_publish(authority, state);
    code = granted(t, a, "authorization_code");
    refresh = granted(t, a, "refresh_token");
    return true;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct rbac_assignment owner = { STR(OWNER_ID),
                                                  STR("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
                                                  STR("/subscriptions/" SUBSCRIPTION) };
    struct entra_options options = { .subscription_id = STR(SUBSCRIPTION),
                                     .public_base = STR(BASE),
                                     .machine_identity = STR(APP),
                                     .machine_identities = STR("mine,other") };
    struct error err = { 0 };
    struct directory *empty;

    (void)argc;
    (void)argv;
    if (!folder_make())
        return 1;
    kept = arena_new(NULL);
    options.store = store = store_open(folder_database(), &err);
    options.box = secret_box_new_from_file(folder_key(), true, &err);
    options.authority = authority = authority_new(options.box, &wall, STR(TENANT));
    empty = directory_new(catalog_parse(catalog_default_text(), "default", &err), NULL, 0);
    options.directory =
        directory_box_new(directory_with_roles(empty, rbac_new(NULL, 0, &owner, 1)));
    directory_unref(empty);
    entra = entra_new(&options);
    return store_run(store, make_all, NULL, &err) ? 0 : 1;
}

/* -- One request ----------------------------------------------------------------------------- */

static struct str substitute(struct arena *a, struct str text, struct str name, struct str value)
{
    size_t at = str_find(text, name);

    if (at == SIZE_MAX)
        return text;
    return arena_printf(a, "%.*s%.*s%.*s", STR_ARGS(str_slice(text, 0, at)), STR_ARGS(value),
                        STR_ARGS(str_slice(text, at + name.len, SIZE_MAX)));
}

static void read_header(struct arena *a, struct entra_request *r, struct str line)
{
    size_t colon = str_find_char(line, ':');
    struct str name = str_slice(line, 0, colon);
    struct str value = str_trim(str_slice(line, colon == SIZE_MAX ? 0 : colon + 1, SIZE_MAX));

    if (str_equal_nocase(name, STR("Authorization")))
        r->authorization = substitute(a, value, STR("{owner}"), owner_token);
    else if (str_equal_nocase(name, STR("Metadata")))
        r->metadata = value;
    else if (str_equal_nocase(name, STR("Peer")))
        r->peer = value;
    else if (str_equal_nocase(name, STR("Host")) && str_is_alnum_or(value, "-._~:[]"))
        r->base = arena_printf(a, "https://%.*s", STR_ARGS(value));
}

static bool may_be_sent_to(struct str location)
{
    return str_starts_with_nocase(location, STR("http://localhost")) ||
           str_starts_with_nocase(location, STR("http://127.0.0.1")) ||
           str_starts_with_nocase(location, STR("http://[::1]")) ||
           str_starts_with(location, STR("https://a.example/"));
}

static void check_reply(struct arena *a, const struct entra_reply *reply)
{
    struct error err;

    check(reply->status >= 200 && reply->status < 400);
    for (size_t i = 0; i < reply->header_count; i++) {
        struct str value = reply->headers[i].value;

        for (size_t at = 0; at < value.len; at++)
            check(value.data[at] >= ' ' && value.data[at] < 0x7F);
        if (str_equal(reply->headers[i].name, STR("Location")))
            check(may_be_sent_to(value));
    }
    if (reply->type.len)
        check(str_find(arena_lower(a, reply->body), STR("<script")) == SIZE_MAX);
    else if (reply->body.len)
        check(json_parse(a, reply->body, &err) != NULL);
}

static bool execute(struct entra_call *c, struct error *err)
{
    struct entra_work *w = &c->work;

    if (!entra_execute(c, err))
        return false;
    if (w->kind == ENTRA_WORK_NONE)
        return true;
    if (w->kind == ENTRA_WORK_CHECK)
        w->matches = w->hash.len && str_equal(w->hash, w->password);
    else
        w->hash = w->password;
    if (w->matches && w->next.len)
        w->next_hash = w->next;
    w->kind = ENTRA_WORK_DONE;
    c->reply = (struct entra_reply){ 0 };
    return entra_execute(c, err);
}

/* Always fails, so that nothing is kept. */
static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct entra_call *c = data;
    struct error why = { 0 };

    c->txn = t;
    c->arena = arena;
    if (execute(c, &why) && !c->refusal.code) {
        check_reply(arena, &c->reply);
    } else {
        const struct error *e = why.code ? &why : &c->refusal;

        check(error_info(e->code)->status < 500);
        check(json_parse(arena, entra_render_error(arena, STR_NONE, e), err) != NULL);
    }
    authority_state_unref(c->next);
    return error_set(err, ERROR_CONFLICT, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of((const char *)data, size), line, method, path;
    struct entra_request request = { .base = STR(BASE), .peer = STR("127.0.0.1") };
    struct entra_call c = { .entra = entra, .request = &request };
    struct arena *a = arena_new(NULL);
    struct error err;
    bool differs;

    str_split(&rest, '\n', &line);
    str_split(&line, ' ', &method);
    if (str_split(&line, '?', &path)) {
        request.method = http_method_from_name(method);
        request.query = line;
        while (str_split(&rest, '\n', &line) && line.len)
            read_header(a, &request, line);
        rest = substitute(a, rest, STR("{code}"), code);
        rest = substitute(a, rest, STR("{refresh}"), refresh);
        rest = substitute(a, rest, STR("{token}"), user_token);
        request.body = substitute(a, rest, STR("{assertion}"), assertion);
        c.endpoint = entra_find(request.method, path, c.names, &c.name_count, &differs);
        check(entra_matches(path) == (c.endpoint || differs || entra_is_graph(path)));
        if (c.endpoint)
            check(!store_run(store, run, &c, &err));
    }
    arena_free(a);
    return 0;
}
