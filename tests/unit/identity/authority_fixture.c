/* SPDX-License-Identifier: MIT */
#include "authority_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int authority_set_up(void **state)
{
    struct authority_fixture *f;
    struct error err = { 0 };
    void *store;

    if (set_up(&store))
        return -1;
    f = calloc(1, sizeof(*f));
    f->store = *(struct fixture *)store;
    open_store(&f->store);
    f->arena = arena_new(NULL);
    f->box = secret_box_new_from_file(arena_printf(f->arena, "%s-key", f->store.folder).data, true,
                                      &err);
    assert_non_null(f->box);
    f->authority = authority_new(f->box, &f->clock, STR(TENANT));
    *state = f;
    return 0;
}

int authority_tear_down(void **state)
{
    struct authority_fixture *f = *state;
    void *store = &f->store;
    int rc;

    authority_free(f->authority);
    secret_box_free(f->box);
    unlink(arena_printf(f->arena, "%s-key", f->store.folder).data);
    rc = tear_down(&store);
    arena_free(f->arena);
    free(f);
    return rc;
}

struct publishing {
    struct authority_fixture *f;
    const char *body;
};

static bool put(struct store_txn *t, struct arena *a, enum principal_type type, const char *id,
                const char *body, struct error *err)
{
    struct principal_record p = { .type = type, .object_id = str_from(id), .name = str_from(id) };
    yyjson_doc *doc = json_parse(a, str_from(body), err);

    return doc &&
           principals_put(t, a, &p, yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(doc))),
                          err);
}

static bool run_publish(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct publishing *p = data;
    struct authority_state *state;
    bool existed;

    if (p->body ? !put(t, a, PRINCIPAL_TYPE_APPLICATION, APP_ID, p->body, err)
                : !principals_delete(t, a, STR(APP_ID), &existed, err))
        return false;
    if (!put(t, a, PRINCIPAL_TYPE_GROUP, GROUP_ID, "{\"members\":[\"" APP_ID "\"]}", err))
        return false;
    state = authority_read(p->f->authority, t, a, false, err);
    if (!state)
        return false;
    authority_publish(p->f->authority, state);
    return true;
}

void publish(struct authority_fixture *f, const char *body)
{
    must_run(&f->store, run_publish, &(struct publishing){ f, body });
}

int64_t now_s(const struct authority_fixture *f)
{
    return authority_now_ms(f->authority) / 1000;
}

/* What authority_sign adds is replaced, too: by a key of the authority that is taken out of its store. */
struct signing {
    struct authority_fixture *f;
    yyjson_mut_val *claims;
    struct str token;
};

static bool run_sign(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct signing *s = data;
    struct signing_keys *keys =
        signing_keys_load(t, a, s->f->box, authority_now_ms(s->f->authority), false, err);

    if (!keys)
        return false;
    s->token = jwt_sign(s->f->arena, signing_keys_signer(keys, authority_now_ms(s->f->authority)),
                        "JWT", s->claims);
    signing_keys_free(keys);
    return true;
}

struct str token_with(struct authority_fixture *f, const char *changes)
{
    struct error err = { 0 };
    struct str text = arena_printf(
        f->arena,
        "{\"iss\":\"" ISSUER "\",\"aud\":\"" ARM "\",\"oid\":\"" APP_ID "\",\"appid\":\"app\","
        "\"idtyp\":\"app\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld}",
        (long long)now_s(f), (long long)now_s(f), (long long)now_s(f) + 3600);
    yyjson_doc *doc = json_parse(f->arena, text, &err);
    yyjson_doc *patch = json_parse(f->arena, str_from(changes), &err);
    yyjson_mut_doc *claims;
    struct signing s = { .f = f };

    assert_non_null(doc);
    assert_non_null(patch);
    claims = json_copy(f->arena, yyjson_doc_get_root(doc));
    s.claims = yyjson_mut_doc_get_root(claims);
    json_merge(claims, s.claims, yyjson_doc_get_root(patch));
    must_run(&f->store, run_sign, &s);
    return s.token;
}
