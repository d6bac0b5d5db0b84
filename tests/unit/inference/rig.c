/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define ACCOUNT_KEY \
    "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/%s"

static const char catalog_text[] =
    "engines:\n"
    "  - name: sim\n"
    "    sim: { seed: 1 }\n"
    "  - name: llama\n"
    "    llama: { model: /models/some.gguf }\n"
    "  - name: up\n"
    "    upstream: { addresses: [ { url: \"http://127.0.0.1:9/v1\" } ] }\n"
    "  - name: paid\n"
    "    upstream:\n"
    "      url: \"http://127.0.0.1:9/v1\"\n"
    "      cost: { input_per_million: 1000, cached_input_per_million: 500, output_per_million: "
    "10000, per_day: 1 }\n"
    "  - name: azure\n"
    "    upstream: { api: azure, model: far-model, addresses: [ { url: \"http://127.0.0.1:9\" } ] "
    "}\n"
    "default_engines: { chat: sim, completion: sim, embeddings: sim }\n"
    "models:\n"
    "  - name: gpt-4\n"
    "    default_version: \"0613\"\n"
    "    operations: [chat]\n"
    "    capabilities: [chatCompletion]\n"
    "    context_tokens: 8192\n"
    "    output_tokens: 4096\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"0613\", created: 2023-06-19 }\n"
    "      - { version: \"0301\", created: 2023-03-09, retires: 2025-02-13 }\n"
    "  - name: o1\n"
    "    default_version: \"1\"\n"
    "    operations: [chat]\n"
    "    capabilities: [chatCompletion]\n"
    "    is_reasoning: true\n"
    "    context_tokens: 8192\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"1\", created: 2024-12-17 }\n"
    "  - name: o3-mini\n"
    "    operations: [chat]\n"
    "    first_api_version: 2024-12-01-preview\n"
    "    versions:\n"
    "      - { version: \"1\", created: 2025-01-31 }\n"
    "  - name: gpt-35-turbo-instruct\n"
    "    default_version: \"0914\"\n"
    "    operations: [completion]\n"
    "    capabilities: [completion]\n"
    "    context_tokens: 4096\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"0914\", created: 2023-09-18 }\n"
    "  - name: text-embedding-ada-002\n"
    "    default_version: \"2\"\n"
    "    operations: [embeddings]\n"
    "    capabilities: [embeddings, embeddingsMaxInputs=16]\n"
    "    context_tokens: 8191\n"
    "    embedding_dimensions: 1536\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"2\", created: 2023-04-03 }\n"
    "  - name: text-embedding-3-small\n"
    "    default_version: \"1\"\n"
    "    operations: [embeddings]\n"
    "    capabilities: [embeddings, embeddingsMaxInputs=2048]\n"
    "    context_tokens: 8191\n"
    "    embedding_dimensions: 1536\n"
    "    can_shorten_embeddings: true\n"
    "    skus:\n"
    "      - { name: Standard }\n"
    "    versions:\n"
    "      - { version: \"1\", created: 2024-01-25 }\n"
    "locations:\n"
    "  - { name: eastus, display_name: East US }\n";

static const struct {
    const char *name;
    const char *model;
    const char *engine;
    const char *version;   /* NULL: the default, which is ready; else one that has retired */
    const char *spillover; /* of the Provisioned family, "": nobody's; NULL: of the Standard one */
} deployments[] = {
    { "sim", "gpt-4", "sim", NULL, NULL },
    { "llama", "gpt-4", "llama", NULL, NULL },
    { "up", "gpt-4", "up", NULL, NULL },
    { "far", "gpt-4", "azure", NULL, NULL },
    { "think", "o1", "sim", NULL, NULL },
    { "late", "o3-mini", "sim", NULL, NULL },
    { "text", "gpt-35-turbo-instruct", "sim", NULL, NULL },
    { "llama-text", "gpt-35-turbo-instruct", "llama", NULL, NULL },
    { "up-text", "gpt-35-turbo-instruct", "up", NULL, NULL },
    { "ada", "text-embedding-ada-002", "sim", NULL, NULL },
    { "llama-ada", "text-embedding-ada-002", "llama", NULL, NULL },
    { "small", "text-embedding-3-small", "sim", NULL, NULL },
    { "llama-small", "text-embedding-3-small", "llama", NULL, NULL },
    { "up-small", "text-embedding-3-small", "up", NULL, NULL },
    { "retired", "gpt-4", "sim", "0301", NULL },
    { "ptu", "gpt-4", "llama", NULL, "up" },
    { "ptu-sim", "gpt-4", "sim", NULL, "" },
    { "paid", "gpt-4", "paid", NULL, NULL },
    { "ptu-paid", "gpt-4", "paid", NULL, "up" },
};

struct rig rig;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static struct directory_entry *make_account(struct arena *a, const char *name, const char *kind,
                                            const char *key, const char *other_key)
{
    struct directory_account account = {
        .key = arena_printf(a, ACCOUNT_KEY, name),
        .name = str_from(name),
        .kind = str_from(kind),
        .location = STR("eastus"),
        .region = STR("East US"),
        .subscription_id = STR("s"),
        .resource_group = STR("g"),
        .domain = str_from(name),
    };
    struct directory_entry *entry;

    key_hash_digest(rig.key_hash, str_from(key), account.key_digests[0]);
    key_hash_digest(rig.key_hash, str_from(other_key), account.key_digests[1]);
    entry = directory_entry_new(&account, NULL);
    for (size_t i = 0; i < ARRAY_LEN(deployments); i++) {
        struct directory_deployment d = {
            .key = arena_printf(a, ACCOUNT_KEY "/deployments/%s", name, deployments[i].name),
            .name = str_from(deployments[i].name),
            .model = catalog_find_model(rig.catalog, STR("OpenAI"), str_from(deployments[i].model),
                                        str_from(deployments[i].version)),
            .engine = catalog_find_engine(rig.catalog, str_from(deployments[i].engine)),
            .sku = STR("Standard"),
            .capacity = 10,
            .limits = { 10000, 10, 10000 },
            .requests_per_minute = 60,
            .is_ready = !deployments[i].version,
        };

        if (deployments[i].spillover) {
            d.sku = STR("GlobalProvisionedManaged");
            d.limits = (struct rate_limits){ 0 };
            d.requests_per_minute = 0;
            d.ptu = (struct ptu_limit){ 1000, 60000 };
            d.ptu_output_ratio = 3;
            d.spillover = str_from(deployments[i].spillover);
        }

        directory_entry_put(entry, &d, rig.catalog, NULL);
    }
    return entry;
}

static struct directory_entry *make_guarded(const char *name, const char *key, const char *rules,
                                            bool has_virtual_networks)
{
    struct directory_account account = {
        .key = str_from(name),
        .name = str_from(name),
        .kind = STR("OpenAI"),
        .location = STR("eastus"),
        .region = STR("East US"),
        .denies_by_default = true,
        .ip_rules = str_from(rules),
        .has_virtual_networks = has_virtual_networks,
    };

    key_hash_digest(rig.key_hash, str_from(key), account.key_digests[0]);
    key_hash_digest(rig.key_hash, str_from(name), account.key_digests[1]);
    return directory_entry_new(&account, NULL);
}

static bool on_authenticate(void *data, struct http_request *r, struct str token,
                            struct principal *who, struct error *err)
{
    (void)data;
    (void)r;
    *who = (struct principal){ .name = STR("admin"), .is_administrator = true };
    return str_equal(token, STR(RIG_ADMIN_TOKEN)) || error_set(err, ERROR_INVALID_TOKEN, NULL);
}

void rig_open(void)
{
    static const uint8_t secret[KEY_HASH_SECRET_BYTES] = "a test's secret";
    struct arena *a = arena_new(NULL);
    struct directory_entry *accounts[4];
    struct error err;

    rig = (struct rig){ 0 };
    rig.catalog = catalog_parse(str_from(catalog_text), "test catalog", &err);
    must(rig.catalog, err.text);
    rig.key_hash = key_hash_new(secret);
    rig.loop = loop_new();
    rig.metrics = metrics_new(1);
    rig.refusals = refusal_log_new(4);
    accounts[0] = make_account(a, "lapis", "OpenAI", RIG_KEY, "another key");
    accounts[1] = make_guarded("walled", RIG_WALLED_KEY, "203.0.113.7", false);
    accounts[2] = make_guarded("guarded", RIG_GUARDED_KEY, "127.0.0.0/8", true);
    accounts[3] = make_account(a, "azurite", "AIServices", RIG_SERVICES_KEY, "azurite");
    rig.directory = directory_box_new(directory_new(rig.catalog, accounts, ARRAY_LEN(accounts)));
    rig.options = (struct inference_options){
        .loop = rig.loop,
        .clock = &rig.clock,
        .directory = rig.directory,
        .key_hash = rig.key_hash,
        .metrics = metrics_shard(rig.metrics, 0),
        .refusals = rig.refusals,
        .authenticate = on_authenticate,
        .data_domain = STR("example.com"),
    };
    rig.inference = inference_new(&rig.options);
    arena_free(a);
    fake_reply_clear();
    fake_engine_clear();
}

void rig_close(void)
{
    inference_free(rig.inference);
    directory_box_free(rig.directory);
    metrics_free(rig.metrics);
    refusal_log_free(rig.refusals);
    key_hash_free(rig.key_hash);
    catalog_unref(rig.catalog);
    loop_stop(rig.loop);
    loop_run(rig.loop);
    loop_free(rig.loop);
    fake_engine_clear();
    fake_reply_clear();
    buf_done(&fake_engine.request);
    buf_done(&fake_reply.headers);
    buf_done(&fake_reply.body);
}

int rig_set_up(void **state)
{
    (void)state;
    rig_open();
    return 0;
}

int rig_tear_down(void **state)
{
    (void)state;
    if (rig.request && !fake_reply.is_finished)
        rig_gone();
    rig_turn();
    if (rig.request)
        return -1;
    rig_close();
    return 0;
}

static void add_header(struct http_headers *h, struct str line)
{
    struct str name;

    (void)str_split(&line, ':', &name);
    h->items[h->count++] = (struct http_header){ name, str_trim(line) };
}

void rig_head(const char *method, const char *target, const char *const *headers)
{
    struct arena *a = arena_new(loop_arenas(rig.loop));
    struct http_request *r = ARENA_NEW(a, struct http_request);
    struct str rest;

    rig_turn();
    must(!rig.request, "the request before has not ended");
    fake_reply_clear();
    rig.request = r;
    r->arena = a;
    r->method = http_method_from_name(str_from(method));
    r->target = rest = arena_copy(a, str_from(target));
    (void)str_split(&rest, '?', &r->path);
    r->query = rest;
    r->host = STR("127.0.0.1:4270");
    r->peer = STR("127.0.0.1");
    r->loop = rig.loop;
    r->started_us = clock_monotonic_us();
    r->headers.items = ARENA_ARRAY(a, struct http_header, 32);
    for (; headers && *headers; headers++)
        add_header(&r->headers, arena_copy(a, str_from(*headers)));
    if (!http_headers_get(&r->headers, STR("api-key")).data &&
        !http_headers_get(&r->headers, STR("ocp-apim-subscription-key")).data &&
        !http_headers_get(&r->headers, STR("authorization")).data)
        add_header(&r->headers, STR("api-key: " RIG_KEY));
    inference_on_head(rig.inference, r);
}

void rig_body(struct str body)
{
    if (fake_reply.is_finished)
        return; /* as the server does: the handler has ended the request by its head */
    rig.request->body = arena_copy(rig.request->arena, body);
    inference_on_body(rig.request);
}

void rig_drain(void)
{
    inference_on_drain(rig.request);
}

void rig_gone(void)
{
    inference_on_gone(rig.request);
}

void rig_turn(void)
{
    if (!rig.request || !fake_reply.is_finished)
        return;
    arena_free(rig.request->arena);
    rig.request = NULL;
}

void rig_post(const char *deployment, const char *path, const char *body)
{
    char target[256];

    snprintf(target, sizeof(target), "/openai/deployments/%s/%s" RIG_VERSION, deployment, path);
    rig_head("POST", target, NULL);
    rig_body(str_from(body));
}

void rig_chat(const char *deployment, const char *body)
{
    rig_post(deployment, "chat/completions", body);
}

struct exchange *rig_exchange(const struct operation *operation, const char *deployment,
                              const char *version, struct str body)
{
    struct arena *a = arena_new(loop_arenas(rig.loop));
    struct exchange *x = ARENA_NEW(a, struct exchange);
    struct error ignored;

    x->arena = a;
    x->inference = rig.inference;
    x->operation = operation;
    x->directory = directory_box_get(rig.directory);
    x->account = directory_by_name(x->directory, STR("lapis"));
    x->deployment = directory_deployment(x->account, str_from(deployment));
    must(x->deployment, "no such deployment");
    must(api_version_parse(str_from(version), &x->version), "no such version");
    x->facts.n = x->facts.choices = x->facts.prompts = 1;
    x->document = json_parse(a, body, &ignored);
    return x;
}

struct str rig_shape(struct exchange *x, const char *answer)
{
    struct error err;
    yyjson_doc *doc = json_parse(x->arena, str_from(answer), &err);
    struct str out;

    must(doc, "the answer is no JSON");
    must(x->operation->shape(x, x->arena, doc, &out), "the answer is not understood");
    return out;
}

void rig_end_exchange(struct exchange *x)
{
    relay_done(&x->relay);
    directory_unref(x->directory);
    arena_free(x->arena);
}

yyjson_val *rig_reply_json(void)
{
    static struct arena *a;
    struct error ignored;

    arena_free(a);
    a = arena_new(NULL);
    return yyjson_doc_get_root(json_parse(a, buf_str(&fake_reply.body), &ignored));
}

struct str rig_header(const char *name)
{
    struct str rest = buf_str(&fake_reply.headers), line, found;

    while (str_split(&rest, '\n', &line)) {
        (void)str_split(&line, ':', &found);
        if (str_equal_nocase(found, str_from(name)))
            return str_trim(line);
    }
    return STR_NONE;
}

unsigned rig_count_templates(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++)
        count += rig.inference->templates.items[i].operation != NULL;
    return count;
}
