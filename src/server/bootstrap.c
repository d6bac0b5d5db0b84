/* SPDX-License-Identifier: MIT */
#include "server/bootstrap.h"

#include "base/format.h"
#include "base/random.h"
#include "identity/account_secret.h"
#include "identity/principals.h"

#define SETTING_TENANT STR("tenant_id")
#define SETTING_SUBSCRIPTION STR("subscription_id")
#define SETTING_CLIENT STR("client_id") /* of the first service principal */
#define SETTING_OBJECT STR("object_id")
#define SETTING_CLIENT_SECRET STR("client_secret") /* sealed, base64 */
#define SETTING_TOKEN STR("admin_token")           /* likewise */
#define SETTING_BASE STR("public_base")
#define SETTING_SECURE_BASE STR("secure_base")
#define SETTING_AUTHORITY STR("authority_file")
#define SETTING_QUICKSTART STR("quickstart_account") /* its ARM id */
#define SETTING_OWNER STR("owner_assignment")        /* likewise: the first principal's role */

#define SECRET_LIFETIME_MS ((int64_t)10 * 365 * 86400 * 1000)
#define SECRET_LEN 43 /* 256 bits in base62 */

#define API_RESOURCES "?api-version=2022-12-01"
#define API_COGNITIVE "?api-version=2023-05-01"
#define API_AUTHORIZATION "?api-version=2022-04-01"
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

struct bootstrap_job {
    const struct secret_box *box;
    struct key_vault *vault;
    struct arm *arm;
    struct arena *arena; /* of the caller: what stays */
    struct bootstrap_info *info;
    const struct bootstrap_info *known;
    bool quickstart;
    bool create;
};

/* The deployments of the quickstart: those that the quickstart documents of Azure OpenAI call. */
static const struct {
    const char *name;
    const char *model;
    const char *version;
    unsigned capacity;
} deployments[] = {
    { "gpt-35-turbo", "gpt-35-turbo", "0613", 120 },
    { "gpt-4", "gpt-4", "0613", 40 },
    { "text-embedding-ada-002", "text-embedding-ada-002", "2", 120 },
};

static bool get_setting(struct store_txn *t, struct bootstrap_job *job, struct str name,
                        struct str *value, struct error *err)
{
    bool found;

    *value = STR_NONE;
    if (!store_get_setting(t, name, value, &found, err))
        return false;
    *value = found ? arena_copy(job->arena, *value) : STR_NONE;
    return true;
}

static bool get_or_make_id(struct store_txn *t, struct bootstrap_job *job, struct str name,
                           struct str *value, struct error *err)
{
    char guid[GUID_TEXT_LEN + 1];

    if (!get_setting(t, job, name, value, err))
        return false;
    if (value->len || !job->create)
        return true;
    format_guid(guid);
    *value = arena_copy(job->arena, str_from(guid));
    return store_put_setting(t, name, *value, err);
}

static bool make_secret(struct store_txn *t, struct bootstrap_job *job, struct str name,
                        struct str *value, struct error *err)
{
    char secret[SECRET_LEN + 1];
    struct str sealed;

    random_base62(secret, SECRET_LEN);
    *value = arena_copy(job->arena, str_from(secret));
    explicit_bzero(secret, sizeof(secret));
    sealed = secret_box_seal(job->box, job->arena, *value, name);
    return store_put_setting(t, name, format_base64(job->arena, sealed.data, sealed.len), err);
}

static bool get_or_make_secret(struct store_txn *t, struct bootstrap_job *job, struct str name,
                               struct str *value, struct error *err)
{
    struct str text, sealed;

    if (!get_setting(t, job, name, &text, err))
        return false;
    if (!text.len)
        return !job->create || make_secret(t, job, name, value, err);
    if (!format_parse_base64(job->arena, text, &sealed))
        return error_set(err, ERROR_STORE, "the stored %.*s is damaged", STR_ARGS(name));
    return secret_box_open(job->box, job->arena, sealed, name, value, err);
}

static bool get_or_make_identity(struct store_txn *t, struct bootstrap_job *job, struct error *err)
{
    struct bootstrap_info *info = job->info;

    return get_or_make_id(t, job, SETTING_TENANT, &info->tenant_id, err) &&
           get_or_make_id(t, job, SETTING_SUBSCRIPTION, &info->subscription_id, err) &&
           get_or_make_id(t, job, SETTING_CLIENT, &info->client_id, err) &&
           get_or_make_id(t, job, SETTING_OBJECT, &info->object_id, err) &&
           get_or_make_secret(t, job, SETTING_TOKEN, &info->admin_token, err) &&
           get_or_make_secret(t, job, SETTING_CLIENT_SECRET, &info->client_secret, err);
}

/* The first service principal: who has its secret may do everything. It is made together
 * with its secret, and not again where somebody has deleted it. */
static bool put_principal(struct store_txn *t, struct arena *a, const struct bootstrap_info *info,
                          struct error *err)
{
    static const struct clock real;
    int64_t now_ms = clock_now_ms(&real);
    struct principal_record p = {
        .type = PRINCIPAL_TYPE_APPLICATION,
        .object_id = info->object_id,
        .name = info->client_id,
        .created_at_ms = now_ms,
    };
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc);

    json_set_str(doc, body, "displayName", STR("lazuli"));
    principal_add_secret(doc, body, a, info->client_secret, STR("bootstrap"), now_ms,
                         now_ms + SECRET_LIFETIME_MS);
    return principals_put(t, a, &p, body, err);
}

static bool get_endpoint(struct store_txn *t, struct bootstrap_job *job,
                         struct bootstrap_endpoint *e, struct error *err)
{
    return get_setting(t, job, SETTING_BASE, &e->public_base, err) &&
           get_setting(t, job, SETTING_SECURE_BASE, &e->secure_base, err) &&
           get_setting(t, job, SETTING_AUTHORITY, &e->authority_file, err);
}

/* Nothing is written where nothing has changed: a full disk takes nothing. */
static bool put_endpoint(struct store_txn *t, struct bootstrap_job *job, struct error *err)
{
    const struct bootstrap_endpoint *e = &job->info->endpoint;
    struct bootstrap_endpoint known;

    if (!get_endpoint(t, job, &known, err))
        return false;
    if (str_equal(known.public_base, e->public_base) &&
        str_equal(known.secure_base, e->secure_base) &&
        str_equal(known.authority_file, e->authority_file))
        return true;
    return store_put_setting(t, SETTING_BASE, e->public_base, err) &&
           store_put_setting(t, SETTING_SECURE_BASE, e->secure_base, err) &&
           store_put_setting(t, SETTING_AUTHORITY, e->authority_file, err);
}

static bool run_endpoint(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    return put_endpoint(t, data, err);
}

static bool run_identity(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct bootstrap_job *job = data;
    struct str secret;
    bool found;

    return store_get_setting(t, SETTING_CLIENT_SECRET, &secret, &found, err) &&
           get_or_make_identity(t, job, err) &&
           (found || (put_principal(t, arena, job->info, err) && put_endpoint(t, job, err)));
}

bool bootstrap_identity(struct store *s, const struct secret_box *box,
                        const struct bootstrap_endpoint *endpoint, struct arena *a,
                        struct bootstrap_info *info, struct error *err)
{
    struct bootstrap_job job = { .box = box, .arena = a, .info = info, .create = true };

    *info = (struct bootstrap_info){ .endpoint = *endpoint };
    return store_run(s, run_identity, &job, err);
}

bool bootstrap_note_endpoint(struct store *s, const struct bootstrap_endpoint *endpoint,
                             struct arena *a, struct error *err)
{
    struct bootstrap_info info = { .endpoint = *endpoint };
    struct bootstrap_job job = { .arena = a, .info = &info };

    return store_run(s, run_endpoint, &job, err);
}

static bool put(struct bootstrap_job *job, struct store_txn *t, struct arena *a, struct str path,
                const char *api, struct str body, struct error *err)
{
    struct str target = arena_printf(a, "%.*s%s", STR_ARGS(path), api), reply;
    int status;

    return arm_apply(job->arm, t, a, HTTP_PUT, target, body, &status, &reply, err);
}

static bool put_deployments(struct bootstrap_job *job, struct store_txn *t, struct arena *a,
                            struct str account, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(deployments); i++) {
        struct str body = arena_printf(
            a,
            "{\"sku\":{\"name\":\"Standard\",\"capacity\":%u},\"properties\":{\"model\":"
            "{\"format\":\"OpenAI\",\"name\":\"%s\",\"version\":\"%s\"}}}",
            deployments[i].capacity, deployments[i].model, deployments[i].version);

        if (!put(job, t, a,
                 arena_printf(a, "%.*s/deployments/%s", STR_ARGS(account), deployments[i].name),
                 API_COGNITIVE, body, err))
            return false;
    }
    return true;
}

/* The first service principal owns the subscription, unless somebody has taken that away since. */
static bool put_owner(struct bootstrap_job *job, struct store_txn *t, struct arena *a,
                      struct str subscription, struct error *err)
{
    char guid[GUID_TEXT_LEN + 1];
    struct str known, path, body;
    bool found;

    if (!store_get_setting(t, SETTING_OWNER, &known, &found, err))
        return false;
    if (found)
        return true;
    format_guid(guid);
    path = arena_printf(a, "%.*s/providers/Microsoft.Authorization/roleAssignments/%s",
                        STR_ARGS(subscription), guid);
    body = arena_printf(a,
                        "{\"properties\":{\"roleDefinitionId\":\"%.*s/providers/"
                        "Microsoft.Authorization/roleDefinitions/" OWNER
                        "\",\"principalId\":\"%.*s\",\"principalType\":\"ServicePrincipal\"}}",
                        STR_ARGS(subscription), STR_ARGS(job->known->object_id));
    return put(job, t, a, path, API_AUTHORIZATION, body, err) &&
           store_put_setting(t, SETTING_OWNER, path, err);
}

static bool put_quickstart(struct bootstrap_job *job, struct store_txn *t, struct arena *a,
                           struct str subscription, struct error *err)
{
    struct str group =
        arena_printf(a, "%.*s/resourceGroups/" BOOTSTRAP_GROUP, STR_ARGS(subscription));
    struct str account =
        arena_printf(a, "%.*s/providers/Microsoft.CognitiveServices/accounts/" BOOTSTRAP_ACCOUNT,
                     STR_ARGS(group));
    struct str known;
    bool found;

    if (!store_get_setting(t, SETTING_QUICKSTART, &known, &found, err))
        return false;
    if (found)
        return true;
    return put(job, t, a, group, API_RESOURCES, STR("{\"location\":\"" BOOTSTRAP_LOCATION "\"}"),
               err) &&
           put(job, t, a, account, API_COGNITIVE,
               STR("{\"location\":\"" BOOTSTRAP_LOCATION "\",\"kind\":\"OpenAI\",\"sku\":"
                   "{\"name\":\"S0\"},\"properties\":{}}"),
               err) &&
           put_deployments(job, t, a, account, err) &&
           store_put_setting(t, SETTING_QUICKSTART, account, err);
}

static bool run_resources(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct bootstrap_job *job = data;
    struct str subscription =
        arena_printf(arena, "/subscriptions/%.*s", STR_ARGS(job->known->subscription_id));
    struct store_resource existing;
    bool found;

    if (!store_get(t, arena_lower(arena, subscription), &existing, &found, err))
        return false;
    if (!found &&
        !put(job, t, arena, subscription, API_RESOURCES, STR("{\"displayName\":\"lazuli\"}"), err))
        return false;
    return put_owner(job, t, arena, subscription, err) &&
           (!job->quickstart || put_quickstart(job, t, arena, subscription, err));
}

bool bootstrap_resources(struct store *s, struct arm *arm, bool quickstart,
                         const struct bootstrap_info *info, struct error *err)
{
    struct bootstrap_job job = { .arm = arm, .known = info, .quickstart = quickstart };

    return store_run(s, run_resources, &job, err);
}

/* The account may have been deleted since: then there is none to tell of. */
static bool read_account(struct store_txn *t, struct arena *arena, struct bootstrap_job *job,
                         struct str id, struct error *err)
{
    struct account_sealer sealer = { .box = job->box, .vault = job->vault };
    struct str key = arena_lower(arena, id);
    struct key_reference wrapper;
    struct store_resource r;
    struct account_keys keys;
    bool found;

    if (!store_get(t, key, &r, &found, err))
        return false;
    if (!found)
        return true;
    job->info->resource_group = STR(BOOTSTRAP_GROUP);
    job->info->account = STR(BOOTSTRAP_ACCOUNT);
    if (!account_secret_open(&sealer, arena, r.secret, key, &keys, &wrapper, err)) {
        job->info->missing_key = (struct key_reference){
            arena_copy(job->arena, wrapper.vault),
            arena_copy(job->arena, wrapper.name),
            arena_copy(job->arena, wrapper.version),
        };
        return err->code == ERROR_ARM_KEY_VAULT;
    }
    job->info->key1 = arena_copy(job->arena, str_from(keys.key[0]));
    account_keys_wipe(&keys);
    return true;
}

static bool run_read(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct bootstrap_job *job = data;
    struct str account;

    if (!get_or_make_identity(t, job, err) || !get_endpoint(t, job, &job->info->endpoint, err) ||
        !get_setting(t, job, SETTING_QUICKSTART, &account, err))
        return false;
    return !account.len || read_account(t, arena, job, account, err);
}

bool bootstrap_read(struct store *s, const struct secret_box *box, struct key_vault *vault,
                    struct arena *a, struct bootstrap_info *info, struct error *err)
{
    struct bootstrap_job job = { .box = box, .vault = vault, .arena = a, .info = info };

    *info = (struct bootstrap_info){ 0 };
    return store_run(s, run_read, &job, err);
}
