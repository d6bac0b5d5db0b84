/*
 * Customers' own keys: what an account says of a key in a key vault, and the sealing of its API keys by
 * that one (identity/account_secret.h). The operator says where such keys are; Azure asks the vault by
 * the account's identity.
 * SPDX-License-Identifier: MIT
 */
#include <uthash.h>

#include "arm/document.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/deleted_account.h"
#include "base/format.h"
#include "base/log.h"
#include "identity/account_secret.h"

#define ENCRYPTION "properties.encryption"
#define PROPERTIES ENCRYPTION ".keyVaultProperties"
#define KEY_VAULT STR("Microsoft.KeyVault")

/* -- What may be said ------------------------------------------------------------------------ */

static bool is_vault_uri(struct arena *a, struct str s)
{
    return key_reference_vault(a, s).len != 0;
}

static bool is_key_name(struct arena *a, struct str s)
{
    (void)a;
    return key_reference_is_name(s);
}

static bool is_client_id(struct arena *a, struct str s)
{
    (void)a;
    return format_is_guid(s);
}

static const struct part {
    const char *name;
    bool is_required;
    bool (*is_valid)(struct arena *a, struct str s);
    const char *form;
} parts[] = {
    { "keyName", true, is_key_name, "1 to 127 letters, digits and hyphens" },
    { "keyVaultUri", true, is_vault_uri, "a URI as 'https://contoso.vault.azure.net/'" },
    { "keyVersion", false, is_key_name, "1 to 127 letters, digits and hyphens" },
    { "identityClientId", false, is_client_id, "a GUID" },
};

static bool check_part(struct arm_change *change, const struct part *part, const char *path,
                       struct error *err)
{
    struct arena *a = change->call->arena;
    const char *full = arena_printf(a, "%s.keyVaultProperties.%s", path, part->name).data;
    struct str value = json_mut_str(json_mut_at(change->root, full));

    if (str_is_empty(value) && part->is_required)
        return error_set_target(err, ERROR_ARM_BODY, full,
                                "The request content was invalid and could not be "
                                "deserialized: '%s' is required for keys of a key vault.",
                                full);
    return str_is_empty(value) || part->is_valid(a, value) ||
           error_set_target(err, ERROR_ARM_BAD_REQUEST, full,
                            "The value '%.*s' of '%s' is invalid: it must be %s.",
                            STR_ARGS(str_slice(value, 0, 200)), full, part->form);
}

/* Who names a key names it whole: a PATCH with a name and without a version means the newest one, and
 * not the version that another key had. */
static void forget_old_version(struct arm_change *change, const char *path,
                               yyjson_mut_val *encryption)
{
    const char *full = arena_printf(change->call->arena, "%s.keyVaultProperties", path).data;
    yyjson_val *input = arm_document_at(change->input, full);

    if (json_get_nocase(input, STR("keyName")) && !json_get_nocase(input, STR("keyVersion")))
        yyjson_mut_obj_remove_key(yyjson_mut_obj_get(encryption, "keyVaultProperties"),
                                  "keyVersion");
}

bool account_check_encryption(struct arm_change *change, const char *path, struct error *err)
{
    yyjson_mut_val *encryption = json_mut_at(change->root, path);
    struct str source = json_mut_str(yyjson_mut_obj_get(encryption, "keySource"));

    if (!encryption)
        return true;
    if (str_is_empty(source))
        json_set_str(change->doc, encryption, "keySource", KEY_VAULT);
    else if (!str_equal(source, KEY_VAULT))
        return true;
    forget_old_version(change, path, encryption);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!check_part(change, &parts[i], path, err))
            return false;
    }
    return true;
}

/* Keys that one call may want, which the deployment of a template does for each account with one of its own. */
#define ASKED_MAX 16

/* -- The key that is named ------------------------------------------------------------------- */

/* The vault is empty where the document names none. Texts lie in the arena. */
static struct key_reference read_key(struct arena *a, yyjson_val *encryption)
{
    yyjson_val *properties = yyjson_obj_get(encryption, "keyVaultProperties");

    if (!str_equal(json_str(yyjson_obj_get(encryption, "keySource")), KEY_VAULT))
        return (struct key_reference){ 0 };
    return (struct key_reference){
        .vault = key_reference_vault(a, json_str(yyjson_obj_get(properties, "keyVaultUri"))),
        .name = json_str(yyjson_obj_get(properties, "keyName")),
        .version = json_str(yyjson_obj_get(properties, "keyVersion")),
    };
}

static bool is_same(const struct key_reference *a, const struct key_reference *b)
{
    return str_equal(a->vault, b->vault) && str_equal(a->name, b->name) &&
           str_equal(a->version, b->version);
}

static bool is_there(struct arm_call *c, const struct key_reference *key)
{
    struct secret_box *box = key_vault_find(c->arm->sealer.vault, key);

    secret_box_free(box);
    return box != NULL;
}

/* Each try of a call asks for one more. */
static bool is_asked(const struct arm_call *c, const struct key_reference *key)
{
    unsigned count = 0;

    for (const struct arm_asked_key *a = c->request->asked; a; a = a->next) {
        if (is_same(&a->key, key) || ++count == ASKED_MAX)
            return true;
    }
    return false;
}

/* Fills in the version. A vault is asked by whoever names a key of it, so that the newest version is
 * the newest, and a key is taken that is there now. */
static bool find_key(struct arm_call *c, struct key_reference *key, struct error *err)
{
    if (!is_asked(c, key)) {
        c->wanted_key = *key;
        return error_set(err, ERROR_ARM_KEY_VAULT, NULL);
    }
    return (key_vault_resolve(c->arm->sealer.vault, c->arena, key) && is_there(c, key)) ||
           error_set_target(err, ERROR_ARM_BAD_REQUEST, PROPERTIES,
                            "Unable to access the key '%.*s' of the key vault 'https://%.*s/'. "
                            "Please make sure that the key and its version exist and are enabled, "
                            "and that the service may use it.",
                            STR_ARGS(key->name), STR_ARGS(key->vault));
}

/* -- Sealing --------------------------------------------------------------------------------- */

static struct key_reference key_of_change(struct arm_change *change)
{
    yyjson_mut_val *encryption = json_mut_at(change->root, ENCRYPTION);
    struct arena *a = change->call->arena;

    if (!encryption)
        return (struct key_reference){ 0 };
    return read_key(a, yyjson_doc_get_root(json_freeze(a, encryption)));
}

bool account_seal_keys(struct arm_change *change, const struct account_keys *keys,
                       struct error *err)
{
    struct key_reference key = key_of_change(change);
    struct arm_call *c = change->call;

    return (str_is_empty(key.vault) || find_key(c, &key, err)) &&
           account_secret_seal(&c->arm->sealer, c->arena, keys, change->after.key, &key,
                               &change->after.secret, err);
}

bool account_change_encryption(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    struct key_reference key = key_of_change(change), old, wrapper;
    struct account_keys keys;
    bool ok;

    old = read_key(c->arena, json_at(change->old, ENCRYPTION));
    if (is_same(&key, &old))
        return true;
    if (!account_secret_open(&c->arm->sealer, c->arena, change->before->secret, change->after.key,
                             &keys, &wrapper, err))
        return false;
    ok = account_seal_keys(change, &keys, err);
    account_keys_wipe(&keys);
    return ok;
}

/* -- Following the vaults -------------------------------------------------------------------- */

static bool wrap(struct arm_call *c, struct store_resource *r, const struct key_reference *key,
                 struct error *err)
{
    struct str owner = deleted_account_owner(r->key);
    struct key_reference wrapper;
    struct account_keys keys;
    bool ok;

    if (!account_secret_open(&c->arm->sealer, c->arena, r->secret, owner, &keys, &wrapper, err))
        return false;
    ok = account_secret_seal(&c->arm->sealer, c->arena, &keys, owner, key, &r->secret, err);
    account_keys_wipe(&keys);
    if (!ok || !store_put(c->txn, r, err))
        return false;
    log_info("account_keys_wrapped", "account=%.*s vault=%.*s key=%.*s version=%.*s",
             STR_ARGS(arm_id_name(r->id)), STR_ARGS(key->vault), STR_ARGS(key->name),
             STR_ARGS(key->version));
    return true;
}

/* The newest version of a key that is named without one. */
struct newest {
    UT_hash_handle hh; /* by vault and key, with a slash, which neither has, between them */
    struct key_reference key;
    bool is_known;
};

/* A look at all accounts: what it has found to be the newest version stays so while it goes on,
 * whatever is heard of the vault meanwhile, so that accounts with one key go on to one version. */
struct look {
    struct arm_call *call;
    struct newest *newest;
};

static bool resolve(struct look *look, struct key_reference *key)
{
    struct arm_call *c = look->call;
    struct newest *n;
    struct str name;

    if (key->version.len)
        return key_vault_resolve(c->arm->sealer.vault, c->arena, key);
    name = arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(key->vault), STR_ARGS(key->name));
    HASH_FIND(hh, look->newest, name.data, name.len, n);
    if (!n) {
        n = ARENA_NEW(c->arena, struct newest);
        n->key = *key;
        n->is_known = key_vault_resolve(c->arm->sealer.vault, c->arena, &n->key);
        HASH_ADD_KEYPTR(hh, look->newest, name.data, name.len, n);
    }
    *key = n->key;
    return n->is_known;
}

/* An account that has named a key in vain since before it was looked for stays as it is until then. */
static bool follow(struct look *look, struct store_resource *r, struct error *err)
{
    struct arm_call *c = look->call;
    struct key_vault *vault = c->arm->sealer.vault;
    yyjson_val *body = arm_resource_body(c->arena, r, err);
    struct account_secret_state state;
    struct key_reference key;

    if (!body)
        return false;
    key = read_key(c->arena, json_at(body, ENCRYPTION));
    if (str_is_empty(key.vault))
        return true;
    if (!account_secret_look(&c->arm->sealer, c->arena, r->secret, deleted_account_owner(r->key),
                             &state, err))
        return false;
    key_vault_note(vault, &key);
    if (state.is_wrapped)
        key_vault_note(vault, &state.key);
    if (state.is_locked || !resolve(look, &key) ||
        (state.is_wrapped && is_same(&key, &state.key)) || !is_there(c, &key))
        return true;
    return wrap(c, r, &key, err);
}

bool account_follow_keys(struct arm_call *c, struct error *err)
{
    static const struct arm_type *const types[] = { &arm_account_type, &arm_deleted_account_type };
    struct look look = { .call = c };
    struct store_resource *found;
    size_t count;
    bool ok = true;

    key_vault_begin_look(c->arm->sealer.vault);
    for (size_t n = 0; ok && n < ARRAY_LEN(types); n++) {
        struct store_query query = { .type = arena_lower(c->arena, str_from(types[n]->name)) };

        ok = store_list(c->txn, &query, &found, &count, err);
        for (size_t i = 0; ok && i < count; i++)
            ok = follow(&look, &found[i], err);
    }
    HASH_CLEAR(hh, look.newest); /* its table: the entries are the arena's */
    return ok;
}
