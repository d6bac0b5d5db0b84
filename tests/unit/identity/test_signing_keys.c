/* Keys come, sign, are known for a while longer, and go.
 * SPDX-License-Identifier: MIT */
#include "identity/signing_keys.h"

#include "../store/fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/format.h"

#define DAY_MS ((int64_t)86400 * 1000)
#define START_MS ((int64_t)1700000000 * 1000)

static struct secret_box *box, *other_box;

static struct secret_box *make_box(void)
{
    char folder[] = "/tmp/lazuli-key-XXXXXX", path[64];
    struct error err = { 0 };
    struct secret_box *b;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key", folder);
    b = secret_box_new_from_file(path, true, &err);
    unlink(path);
    rmdir(folder);
    assert_non_null(b);
    return b;
}

static int make_boxes(void **state)
{
    (void)state;
    box = make_box();
    other_box = make_box();
    return 0;
}

static int free_boxes(void **state)
{
    (void)state;
    secret_box_free(box);
    secret_box_free(other_box);
    return 0;
}

static int open_one(void **state)
{
    if (set_up(state))
        return -1;
    open_store(*state);
    return 0;
}

struct loading {
    const struct secret_box *box;
    int64_t now_ms;
    bool only_read;
    bool changed; /* what is stored */
    struct signing_keys *keys;
};

static bool run_load(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct str before = STR_NONE, after = STR_NONE;
    struct loading *l = data;
    bool found;

    if (!store_get_setting(t, STR("signing_keys"), &before, &found, err))
        return false;
    l->keys = signing_keys_load(t, a, l->box, l->now_ms, l->only_read, err);
    if (!l->keys || !store_get_setting(t, STR("signing_keys"), &after, &found, err))
        return false;
    l->changed = !str_equal(before, after); /* each sealing differs */
    return true;
}

static struct signing_keys *load(struct fixture *f, int64_t now_ms, bool changed)
{
    struct loading l = { .box = box, .now_ms = now_ms };

    must_run(f, run_load, &l);
    assert_int_equal(l.changed, changed);
    return l.keys;
}

/* The ids of the keys that verifiers are shown. */
static size_t shown(const struct signing_keys *k, struct arena *a, struct str ids[], size_t size)
{
    struct error err = { 0 };
    yyjson_doc *doc = json_parse(a, signing_keys_render(k, a, STR("https://issuer/")), &err);
    yyjson_val *item;
    size_t i, count;

    assert_non_null(doc);
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "keys"), i, count, item)
    {
        assert_true(i < size);
        ids[i] = json_str(yyjson_obj_get(item, "kid"));
        assert_true(str_equal(json_str(yyjson_obj_get(item, "x5t")), ids[i]));
        assert_true(str_equal(json_str(yyjson_obj_get(item, "use")), STR("sig")));
        assert_true(str_equal(json_str(yyjson_obj_get(item, "kty")), STR("RSA")));
        assert_null(yyjson_obj_get(item, "d"));
        assert_null(yyjson_obj_get(item, "p"));
    }
    return count;
}

static struct str signer(const struct signing_keys *k, struct arena *a, int64_t now_ms)
{
    return arena_copy(a, jwt_key_id(signing_keys_signer(k, now_ms)));
}

static void the_first_key_signs_at_once(void **state)
{
    struct fixture *f = *state;
    struct signing_keys *k = load(f, START_MS, true);
    struct arena *a = arena_new(NULL);
    struct str id = signer(k, a, START_MS), ids[1];

    assert_true(format_is_guid(id));
    assert_int_equal(shown(k, a, ids, 1), 1);
    assert_true(str_equal(ids[0], id));
    assert_ptr_equal(signing_keys_find(k, id), signing_keys_signer(k, START_MS));
    assert_null(signing_keys_find(k, STR("")));
    assert_null(signing_keys_find(k, str_slice(id, 0, 35)));
    signing_keys_free(k);
    reopen(f); /* it outlives a restart */
    k = load(f, START_MS + 30 * DAY_MS - 1, false);
    assert_true(str_equal(signer(k, a, START_MS), id));
    signing_keys_free(k);
    arena_free(a);
}

static void who_only_reads_makes_none(void **state)
{
    struct fixture *f = *state;
    struct loading l = { .box = box, .now_ms = START_MS, .only_read = true };

    must_run(f, run_load, &l);
    assert_true(signing_keys_is_empty(l.keys));
    assert_false(l.changed);
    signing_keys_free(l.keys);
    signing_keys_free(load(f, START_MS, true));
    l.now_ms = START_MS + 40 * DAY_MS;
    must_run(f, run_load, &l);
    assert_false(signing_keys_is_empty(l.keys));
    assert_false(l.changed);
    signing_keys_free(l.keys);
}

static void keys_rotate_with_overlap(void **state)
{
    struct fixture *f = *state;
    struct arena *a = arena_new(NULL);
    int64_t renewed_ms = START_MS + 30 * DAY_MS;
    struct signing_keys *k = load(f, START_MS, true);
    struct str first = signer(k, a, START_MS), second, ids[2];

    signing_keys_free(k);
    k = load(f, renewed_ms, true);
    assert_int_equal(shown(k, a, ids, 2), 2);
    assert_true(str_equal(ids[0], first));
    second = ids[1];
    assert_false(str_equal(first, second));
    /* known for a day before it signs */
    assert_true(str_equal(signer(k, a, renewed_ms), first));
    assert_true(str_equal(signer(k, a, renewed_ms + DAY_MS - 1), first));
    assert_true(str_equal(signer(k, a, renewed_ms + DAY_MS), second));
    signing_keys_free(k);
    /* the old one is known for a day after it has signed its last */
    k = load(f, renewed_ms + 2 * DAY_MS - 1, false);
    assert_non_null(signing_keys_find(k, first));
    signing_keys_free(k);
    k = load(f, renewed_ms + 2 * DAY_MS, true);
    assert_null(signing_keys_find(k, first));
    assert_true(str_equal(signer(k, a, renewed_ms + 2 * DAY_MS), second));
    signing_keys_free(k);
    reopen(f);
    k = load(f, renewed_ms + 2 * DAY_MS, false);
    assert_int_equal(shown(k, a, ids, 2), 1);
    signing_keys_free(k);
    arena_free(a);
}

/* Off for years: the old key signs until verifiers can know the new one. */
static void a_long_pause_does_no_harm(void **state)
{
    struct fixture *f = *state;
    struct arena *a = arena_new(NULL);
    int64_t later_ms = START_MS + 1000 * DAY_MS;
    struct signing_keys *k = load(f, START_MS, true);
    struct str first = signer(k, a, START_MS);

    signing_keys_free(k);
    k = load(f, later_ms, true);
    assert_true(str_equal(signer(k, a, later_ms), first));
    assert_false(str_equal(signer(k, a, later_ms + DAY_MS), first));
    signing_keys_free(k);
    for (unsigned year = 1; year < 20; year++) {
        k = load(f, later_ms + year * 365 * DAY_MS, true);
        signing_keys_free(k);
    }
    arena_free(a);
}

static void a_clock_that_goes_back_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct arena *a = arena_new(NULL);
    struct signing_keys *k = load(f, START_MS, true);
    struct str first = signer(k, a, START_MS);

    signing_keys_free(k);
    k = load(f, START_MS - 30 * DAY_MS, false);
    assert_true(str_equal(signer(k, a, START_MS - 30 * DAY_MS), first));
    signing_keys_free(k);
    k = load(f, START_MS + 30 * DAY_MS, true); /* a second one */
    assert_true(str_equal(signer(k, a, START_MS), first));
    signing_keys_free(k);
    k = load(f, START_MS, false);
    assert_true(str_equal(signer(k, a, START_MS), first));
    signing_keys_free(k);
    arena_free(a);
}

/* Ahead by years for a minute: rotation does not stand still until then. */
static void a_clock_that_was_far_ahead_stops_no_rotation(void **state)
{
    struct fixture *f = *state;
    struct arena *a = arena_new(NULL);
    struct signing_keys *k = load(f, START_MS, true);
    struct str first = signer(k, a, START_MS), second;

    signing_keys_free(k);
    k = load(f, START_MS + 4000 * DAY_MS, true);
    second = signer(k, a, INT64_MAX);
    signing_keys_free(k);
    k = load(f, START_MS, true);
    assert_true(str_equal(signer(k, a, START_MS), first));
    assert_true(str_equal(signer(k, a, START_MS + DAY_MS), second));
    signing_keys_free(k);
    signing_keys_free(load(f, START_MS, false));
    k = load(f, START_MS + 30 * DAY_MS, true);
    assert_false(str_equal(signer(k, a, START_MS + 31 * DAY_MS), second));
    signing_keys_free(k);
    arena_free(a);
}

struct damage {
    struct str text; /* as it is stored; empty: `plain` is sealed */
    struct str plain;
};

static bool run_damage(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct damage *d = data;
    struct str sealed, text = d->text;

    if (d->plain.data) {
        sealed = secret_box_seal(box, a, d->plain, STR("signing_keys"));
        text = format_base64(a, sealed.data, sealed.len);
    }
    return store_put_setting(t, STR("signing_keys"), text, err);
}

static void refused(struct fixture *f, const struct secret_box *by)
{
    struct loading l = { .box = by, .now_ms = START_MS };
    struct error err = { 0 };

    assert_false(store_run(f->store, run_load, &l, &err));
    assert_int_equal(err.code, ERROR_STORE);
}

static void damage_is_told(void **state)
{
    static const char *const plain[] = { "",
                                         "{",
                                         "{\"keys\":[{}]}",
                                         "{\"keys\":[null]}",
                                         "{\"keys\":[{\"createdAt\":1,\"key\":{}}]}",
                                         "{\"keys\":[{\"createdAt\":1,\"key\":\"x\"}]}",
                                         "{}",
                                         "[]",
                                         "{\"keys\":[]}" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        must_run(f, run_damage, &(struct damage){ .plain = str_from(plain[i]) });
        refused(f, box);
    }
    must_run(f, run_damage, &(struct damage){ .text = STR("!") });
    refused(f, box);
    must_run(f, run_damage, &(struct damage){ .text = STR("AAAA") });
    refused(f, box);
}

/* Nobody else's master key, which would make new ones in silence. */
static void another_master_key_does_not_open_them(void **state)
{
    struct fixture *f = *state;

    signing_keys_free(load(f, START_MS, true));
    refused(f, other_box);
    signing_keys_free(load(f, START_MS, false));
}

static void nothing_readable_lies_in_the_store(void **state)
{
    struct fixture *f = *state;
    char command[256];

    signing_keys_free(load(f, START_MS, true));
    store_close(f->store);
    f->store = NULL;
    snprintf(command, sizeof(command), "! grep -q '\"kty\"' '%s'", f->file);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "grep -q signing_keys '%s'", f->file);
    assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_key_signs_at_once),
        TEST(who_only_reads_makes_none),
        TEST(keys_rotate_with_overlap),
        TEST(a_long_pause_does_no_harm),
        TEST(a_clock_that_goes_back_changes_nothing),
        TEST(a_clock_that_was_far_ahead_stops_no_rotation),
        TEST(damage_is_told),
        TEST(another_master_key_does_not_open_them),
        TEST(nothing_readable_lies_in_the_store),
    };

    return cmocka_run_group_tests(tests, make_boxes, free_boxes);
}
