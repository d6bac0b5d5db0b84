/* SPDX-License-Identifier: MIT */
#include "identity/authority.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"
#include "identity/foreign.h"
#include "identity/principal_set.h"
#include "identity/signing_keys.h"

/* Clocks may differ by so much (Entra's own libraries allow five minutes). */
#define SKEW_S ((int64_t)300)

/* More than a transaction has; past that, all are read. */
#define CHANGES_MAX 256

struct authority_state {
    atomic_uint refs;
    struct signing_keys *keys;
    struct principal_set *principals;
    uint64_t last_change; /* that is in it */
};

/* A principal that a job has written, and perhaps not committed. */
struct change {
    uint64_t number;
    char object_id[GUID_TEXT_LEN + 1];
};

struct authority {
    const struct secret_box *box;
    const struct clock *clock;
    char tenant_id[GUID_TEXT_LEN + 1];
    pthread_mutex_t lock; /* of `state`, for as long as it takes to count a reference */
    struct authority_state *state;
    _Atomic uint64_t generation;
    /* The store thread's own: what may differ between what is in force and the store. */
    struct change changes[CHANGES_MAX];
    size_t change_count;
    uint64_t last_change;
    uint64_t lost_change;            /* the last one for which there was no room; 0: none */
    struct issuer_keys_box *foreign; /* NULL: none is trusted */
};

struct authority *authority_new(const struct secret_box *box, const struct clock *clock,
                                struct str tenant_id)
{
    struct authority *a = memory_alloc(sizeof(*a));

    a->box = box;
    a->clock = clock;
    str_show(tenant_id, a->tenant_id, sizeof(a->tenant_id));
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void authority_free(struct authority *a)
{
    if (!a)
        return;
    authority_state_unref(a->state);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void authority_trust(struct authority *a, struct issuer_keys_box *foreign)
{
    a->foreign = foreign;
}

struct str authority_tenant(const struct authority *a)
{
    return str_from(a->tenant_id);
}

int64_t authority_now_ms(const struct authority *a)
{
    return clock_now_ms(a->clock);
}

/* -- State ----------------------------------------------------------------------------------- */

static struct authority_state *state_new(const struct authority *a, struct signing_keys *keys,
                                         struct principal_set *principals)
{
    struct authority_state *s = memory_alloc(sizeof(*s));

    atomic_init(&s->refs, 1);
    s->keys = keys;
    s->principals = principals;
    s->last_change = a->last_change;
    return s;
}

struct authority_state *authority_read(struct authority *a, struct store_txn *t,
                                       struct arena *arena, bool only_read, struct error *err)
{
    struct principal_record *list;
    struct signing_keys *keys;
    size_t count;

    if (!principals_list(t, arena, STR_NONE, 0, &list, &count, err))
        return NULL;
    keys = signing_keys_load(t, arena, a->box, authority_now_ms(a), only_read, err);
    return keys ? state_new(a, keys, principal_set_new(list, count)) : NULL;
}

/* It stays noted until a state that has it is in force: if the job's commit fails, it is read again
 * with the next change, as it is then. */
void authority_note_change(struct authority *a, struct str object_id)
{
    struct change *change;

    a->last_change++;
    if (a->change_count == CHANGES_MAX) {
        a->lost_change = a->last_change;
        return;
    }
    change = &a->changes[a->change_count++];
    change->number = a->last_change;
    str_show(object_id, change->object_id, sizeof(change->object_id));
}

static void forget_changes(struct authority *a, uint64_t up_to)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->change_count; i++) {
        if (a->changes[i].number > up_to)
            a->changes[kept++] = a->changes[i];
    }
    a->change_count = kept;
    if (a->lost_change <= up_to)
        a->lost_change = 0;
}

static struct principal_set *read_changed(const struct authority *a,
                                          const struct authority_state *old, struct store_txn *t,
                                          struct arena *arena, struct error *err)
{
    struct principal_record *now = ARENA_ARRAY(arena, struct principal_record, a->change_count);
    struct str *ids = ARENA_ARRAY(arena, struct str, a->change_count);
    size_t id_count = 0, now_count = 0;
    bool found;

    for (size_t i = 0; i < a->change_count; i++) {
        struct str id = str_from(a->changes[i].object_id);

        for (size_t n = 0; n < id_count && id.len; n++) {
            if (str_equal_nocase(ids[n], id))
                id.len = 0; /* read already */
        }
        if (!id.len)
            continue;
        ids[id_count++] = id;
        if (!principals_get(t, arena, id, &now[now_count], &found, err))
            return NULL;
        now_count += found;
    }
    return principal_set_changed(old->principals, ids, id_count, now, now_count);
}

struct authority_state *authority_read_changed(struct authority *a, struct store_txn *t,
                                               struct arena *arena, bool only_read,
                                               struct error *err)
{
    struct authority_state *old = authority_state(a), *next = NULL;
    struct principal_set *principals;
    struct signing_keys *keys;

    if (!old || a->lost_change) {
        authority_state_unref(old);
        return authority_read(a, t, arena, only_read, err);
    }
    keys = signing_keys_load(t, arena, a->box, authority_now_ms(a), only_read, err);
    principals = keys ? read_changed(a, old, t, arena, err) : NULL;
    if (principals)
        next = state_new(a, keys, principals);
    else
        signing_keys_free(keys);
    authority_state_unref(old);
    return next;
}

size_t authority_count(const struct authority_state *s)
{
    return principal_set_count(s->principals);
}

bool authority_can_sign(const struct authority_state *s)
{
    return !signing_keys_is_empty(s->keys);
}

struct load {
    struct authority *authority;
    struct authority_state *state;
};

static bool run_load(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct load *l = data;

    l->state = authority_read(l->authority, t, arena, true, err);
    return l->state != NULL;
}

bool authority_load(struct authority *a, struct store *store, struct error *err)
{
    struct load l = { .authority = a };

    if (!store_run(store, run_load, &l, err))
        return false;
    authority_publish(a, l.state);
    return true;
}

struct authority_state *authority_state_ref(struct authority_state *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void authority_state_unref(struct authority_state *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    signing_keys_free(s->keys);
    principal_set_free(s->principals);
    free(s);
}

void authority_publish(struct authority *a, struct authority_state *next)
{
    struct authority_state *old;

    pthread_mutex_lock(&a->lock);
    old = a->state;
    a->state = next;
    pthread_mutex_unlock(&a->lock);
    atomic_fetch_add(&a->generation, 1);
    forget_changes(a, next->last_change);
    authority_state_unref(old);
}

struct authority_state *authority_state(struct authority *a)
{
    struct authority_state *s;

    pthread_mutex_lock(&a->lock);
    s = a->state ? authority_state_ref(a->state) : NULL;
    pthread_mutex_unlock(&a->lock);
    return s;
}

const struct principal_entry *authority_find(const struct authority_state *s, struct str object_id)
{
    return principal_set_find(s->principals, object_id);
}

uint64_t authority_generation(const struct authority *a)
{
    return atomic_load(&a->generation) + (a->foreign ? issuer_keys_box_generation(a->foreign) : 0);
}

/* -- Issuing --------------------------------------------------------------------------------- */

struct str authority_issuer(const struct authority *a, struct arena *arena)
{
    return arena_printf(arena, "https://sts.windows.net/%s/", a->tenant_id);
}

struct str authority_sign(const struct authority *a, const struct authority_state *s,
                          struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                          int64_t lifetime_ms)
{
    int64_t now_ms = authority_now_ms(a), now_s = now_ms / 1000;

    if (!yyjson_mut_obj_get(claims, "iss"))
        json_set_str(doc, claims, "iss", authority_issuer(a, arena));
    json_set_int(doc, claims, "iat", now_s);
    json_set_int(doc, claims, "nbf", now_s);
    json_set_int(doc, claims, "exp", now_s + lifetime_ms / 1000);
    json_set_str(doc, claims, "tid", authority_tenant(a));
    if (!yyjson_mut_obj_get(claims, "ver"))
        json_set_str(doc, claims, "ver", STR("1.0"));
    return jwt_sign(arena, signing_keys_signer(s->keys, now_ms), "JWT", claims);
}

struct str authority_render_keys(const struct authority *a, const struct authority_state *s,
                                 struct arena *arena)
{
    return signing_keys_render(s->keys, arena, authority_issuer(a, arena));
}

/* -- Checking -------------------------------------------------------------------------------- */

static bool check_audience(const struct jwt *token, const struct token_audiences *audiences,
                           struct error *err)
{
    struct str audience = json_str(yyjson_obj_get(token->claims, "aud"));

    if (token_audiences_hold(audiences, audience))
        return true;
    return error_set(err, ERROR_ARM_TOKEN_AUDIENCE,
                     "The access token has been obtained for wrong audience or resource '%.*s'. It "
                     "should exactly match with one of the allowed audiences '%.*s'.",
                     STR_ARGS(str_slice(audience, 0, 100)), STR_ARGS(audiences->items[0]));
}

static bool check_times(const struct authority *a, struct arena *arena, const struct jwt *token,
                        int64_t *issued_at_s, int64_t *expires_at_s, struct error *err)
{
    int64_t now_s = authority_now_ms(a) / 1000, not_before_s = 0;

    if (!jwt_read_time(token, "exp", expires_at_s) || !jwt_read_time(token, "iat", issued_at_s))
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it lacks the claim 'exp' or 'iat'.");
    if (*expires_at_s <= now_s)
        return error_set(err, ERROR_ARM_TOKEN_EXPIRED,
                         "The access token expiry UTC time '%.*s' is earlier than current UTC time "
                         "'%.*s'.",
                         STR_ARGS(format_time_seconds(arena, *expires_at_s * 1000)),
                         STR_ARGS(format_time_seconds(arena, now_s * 1000)));
    if (*issued_at_s > now_s + SKEW_S || !jwt_read_start(token, &not_before_s) ||
        not_before_s > now_s + SKEW_S)
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it is not valid yet.");
    return true;
}

static bool check_signature(const struct authority *a, const struct authority_state *s,
                            struct arena *arena, const struct jwt *token, struct error *err)
{
    struct str issuer = json_str(yyjson_obj_get(token->claims, "iss"));
    const struct jwt_key *key;

    if (!str_equal(issuer, authority_issuer(a, arena)))
        return error_set(err, ERROR_ARM_TOKEN_ISSUER,
                         "The access token is from the wrong issuer '%.*s'. It must match the "
                         "tenant '%s' associated with this subscription. Please use the authority "
                         "(URL) of that tenant to get the token.",
                         STR_ARGS(str_slice(issuer, 0, 120)), a->tenant_id);
    key = signing_keys_find(s->keys, token->key_id);
    if (!key)
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it is signed by a key that is not known.");
    if (!jwt_verify(token, key))
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: its signature does not match.");
    return true;
}

static struct str *copy_groups(struct arena *arena, const struct principal_entry *e)
{
    struct str *groups = ARENA_ARRAY(arena, struct str, e->group_count + 1);

    for (size_t i = 0; i < e->group_count; i++)
        groups[i] = arena_copy(arena, e->groups[i]);
    return groups;
}

static bool find_bearer(const struct authority_state *s, struct arena *arena,
                        const struct jwt *token, int64_t issued_at_s, struct principal *who,
                        struct error *err)
{
    struct str object_id = json_str(yyjson_obj_get(token->claims, "oid"));
    struct str type = json_str(yyjson_obj_get(token->claims, "idtyp"));
    const struct principal_entry *e = principal_set_find(s->principals, object_id);

    if (!e || !e->is_enabled || issued_at_s * 1000 + 999 < e->valid_from_ms)
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: its principal '%.*s' has been deleted or "
                         "disabled, or the token was revoked.",
                         STR_ARGS(str_slice(object_id, 0, 40)));
    *who = (struct principal){
        .kind = str_equal(type, STR("user")) ? PRINCIPAL_USER : PRINCIPAL_APPLICATION,
        .object_id = arena_copy(arena, e->object_id),
        .groups = copy_groups(arena, e),
        .group_count = e->group_count,
    };
    who->name = arena_copy(
        arena,
        json_str(yyjson_obj_get(token->claims, who->kind == PRINCIPAL_USER ? "upn" : "appid")));
    return true;
}

static bool check_own(const struct authority *a, const struct authority_state *s,
                      struct arena *arena, const struct jwt *token,
                      const struct token_audiences *audiences, struct principal *who,
                      int64_t *expires_at_s, struct error *err)
{
    int64_t issued_at_s;

    return check_signature(a, s, arena, token, err) &&
           check_times(a, arena, token, &issued_at_s, expires_at_s, err) &&
           check_audience(token, audiences, err) &&
           find_bearer(s, arena, token, issued_at_s, who, err);
}

/* A foreign issuer does not speak of principals that are this service's own, as groups neither: roles
 * are looked up by any of these ids. */
static bool check_stranger(const struct authority_state *s, const struct principal *who,
                           struct error *err)
{
    bool is_own = principal_set_find(s->principals, who->object_id) != NULL;

    for (size_t i = 0; !is_own && i < who->group_count; i++)
        is_own = principal_set_find(s->principals, who->groups[i]) != NULL;
    return !is_own ||
           error_set(err, ERROR_ARM_BAD_TOKEN,
                     "The access token is invalid: its issuer names a principal of another one.");
}

static bool check_foreign(const struct authority *a, const struct authority_state *s,
                          struct arena *arena, const struct jwt *token,
                          const struct issuer_keys *keys, const struct issuer *issuer,
                          const struct token_audiences *audiences, struct principal *who,
                          int64_t *expires_at_s, struct error *err)
{
    const struct jwt_key *key = issuer_keys_find(keys, issuer, token->key_id);
    int64_t issued_at_s;

    if (!key) {
        issuer_keys_want(a->foreign, issuer->name);
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it is signed by a key of its issuer that is "
                         "not known (yet).");
    }
    if (!jwt_verify(token, key))
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: its signature does not match.");
    return check_times(a, arena, token, &issued_at_s, expires_at_s, err) &&
           foreign_check_audience(issuer, token, audiences, err) &&
           foreign_read_bearer(issuer, token, arena, who, err) && check_stranger(s, who, err);
}

static bool check(const struct authority *a, const struct authority_state *s, struct arena *arena,
                  struct str text, const struct token_audiences *audiences, struct principal *who,
                  int64_t *expires_at_ms, struct error *err)
{
    struct issuer_keys *keys = a->foreign ? issuer_keys_box_get(a->foreign) : NULL;
    const struct issuer *issuer = NULL;
    int64_t expires_at_s = 0;
    struct jwt token;
    bool ok = jwt_parse(arena, text, &token, err);

    if (ok && keys)
        issuer = issuer_keys_issuer(keys, json_str(yyjson_obj_get(token.claims, "iss")));
    if (ok && issuer && !issuer->is_for_federation)
        ok = check_foreign(a, s, arena, &token, keys, issuer, audiences, who, &expires_at_s, err);
    else if (ok)
        ok = check_own(a, s, arena, &token, audiences, who, &expires_at_s, err);
    *expires_at_ms = expires_at_s * 1000;
    issuer_keys_unref(keys);
    return ok;
}

enum authority_proof authority_prove_foreign(const struct authority *a, const struct jwt *assertion)
{
    struct issuer_keys *keys = a->foreign ? issuer_keys_box_get(a->foreign) : NULL;
    const struct issuer *issuer = NULL;
    const struct jwt_key *key;
    enum authority_proof proof;

    if (keys)
        issuer = issuer_keys_issuer(keys, json_str(yyjson_obj_get(assertion->claims, "iss")));
    key = issuer ? issuer_keys_find(keys, issuer, assertion->key_id) : NULL;
    if (!issuer)
        proof = AUTHORITY_NOT_LISTED;
    else if (!key)
        proof = AUTHORITY_NO_KEY;
    else if (!jwt_verify(assertion, key))
        proof = AUTHORITY_BAD_SIGNATURE;
    else
        proof = foreign_is_of_tenant(issuer, assertion) ? AUTHORITY_PROVEN : AUTHORITY_OTHER_TENANT;
    if (proof == AUTHORITY_NO_KEY)
        issuer_keys_want(a->foreign, issuer->name);
    issuer_keys_unref(keys);
    return proof;
}

enum authority_proof authority_prove_own(const struct authority_state *s, const struct jwt *token)
{
    const struct jwt_key *key = signing_keys_find(s->keys, token->key_id);

    if (!key)
        return AUTHORITY_NO_KEY;
    return jwt_verify(token, key) ? AUTHORITY_PROVEN : AUTHORITY_BAD_SIGNATURE;
}

bool authority_check(struct authority *a, struct arena *arena, struct str token,
                     const struct token_audiences *audiences, struct principal *who,
                     int64_t *expires_at_ms, struct error *err)
{
    struct authority_state *s = authority_state(a);
    bool ok;

    if (!s)
        return error_set(err, ERROR_ARM_BAD_TOKEN, "The access token is invalid: no key is known.");
    ok = check(a, s, arena, token, audiences, who, expires_at_ms, err);
    authority_state_unref(s);
    return ok;
}
