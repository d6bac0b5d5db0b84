/* Who there is: in the store, and as a snapshot.
 * SPDX-License-Identifier: MIT */
#include "identity/principals.h"

#include "../store/fixture.h"

#include "base/format.h"
#include "identity/principal_set.h"

#define ID_1 "aaaaaaaa-0000-0000-0000-000000000001"
#define ID_2 "aaaaaaaa-0000-0000-0000-000000000002"
#define ID_3 "aaaaaaaa-0000-0000-0000-000000000003"
#define NOW_MS ((int64_t)1700000000 * 1000)

static int open_one(void **state)
{
    if (set_up(state))
        return -1;
    open_store(*state);
    return 0;
}

static bool put(struct store_txn *t, struct arena *a, enum principal_type type, const char *id,
                const char *name, const char *body, struct error *err)
{
    struct principal_record p = { type, str_from(id), str_from(name), NULL, NOW_MS };
    yyjson_doc *doc = json_parse(a, str_from(body), err);

    assert_non_null(doc);
    return principals_put(t, a, &p, yyjson_mut_doc_get_root(json_copy(a, yyjson_doc_get_root(doc))),
                          err);
}

static bool put_three(struct store_txn *t, struct arena *a, struct error *err)
{
    return put(t, a, PRINCIPAL_TYPE_USER, ID_1, "Ann@Contoso.com", "{\"x\":1}", err) &&
           put(t, a, PRINCIPAL_TYPE_APPLICATION, ID_3, "An-App", "{}", err) &&
           put(t, a, PRINCIPAL_TYPE_GROUP, ID_2, ID_2, "{\"members\":[]}", err);
}

/* -- In the store ---------------------------------------------------------------------------- */

static bool run_find(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record p;
    bool found;

    (void)data;
    assert_true(put_three(t, a, err));
    assert_true(principals_get(t, a, STR("AAAAAAAA-0000-0000-0000-000000000001"), &p, &found, err));
    assert_true(found);
    assert_int_equal(p.type, PRINCIPAL_TYPE_USER);
    assert_true(str_equal(p.object_id, STR(ID_1)));
    assert_true(str_equal(p.name, STR("Ann@Contoso.com")));
    assert_int_equal(p.created_at_ms, NOW_MS);
    assert_int_equal(yyjson_get_int(yyjson_obj_get(p.body, "x")), 1);
    assert_true(principals_find(t, a, STR("ann@CONTOSO.com"), &p, &found, err));
    assert_true(found);
    assert_true(str_equal(p.object_id, STR(ID_1)));
    assert_true(principals_find(t, a, STR(ID_2), &p, &found, err));
    assert_int_equal(p.type, PRINCIPAL_TYPE_GROUP);
    return true;
}

static void they_are_found_by_id_and_by_name(void **state)
{
    must_run(*state, run_find, NULL);
}

static bool run_absent(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    static const char *const names[] = { "",  "ann", "ann@contoso.com/", ("../" ID_1),
                                         "%", "*",   "ann@contoso.co_" };
    struct principal_record p;
    bool found;

    (void)data;
    assert_true(put_three(t, a, err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(principals_find(t, a, str_from(names[i]), &p, &found, err));
        assert_false(found);
        assert_true(principals_get(t, a, str_from(names[i]), &p, &found, err));
        assert_false(found);
    }
    return true;
}

static void nobody_else_is_found(void **state)
{
    must_run(*state, run_absent, NULL);
}

static bool run_list(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record *list;
    size_t count;

    (void)data;
    assert_true(put_three(t, a, err));
    assert_true(principals_list(t, a, STR_NONE, 0, &list, &count, err));
    assert_int_equal(count, 3);
    assert_true(str_equal(list[0].object_id, STR(ID_1)));
    assert_true(str_equal(list[2].object_id, STR(ID_3)));
    assert_true(principals_list(t, a, STR(ID_1), 1, &list, &count, err));
    assert_int_equal(count, 1);
    assert_true(str_equal(list[0].object_id, STR(ID_2)));
    assert_true(principals_list(t, a, STR(ID_3), 0, &list, &count, err));
    assert_int_equal(count, 0);
    return true;
}

static void they_are_listed_in_order(void **state)
{
    must_run(*state, run_list, NULL);
}

static bool run_delete(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record p;
    bool existed, found;

    (void)data;
    assert_true(put_three(t, a, err));
    assert_true(put(t, a, PRINCIPAL_TYPE_USER, ID_1, "Ann@Contoso.com", "{\"x\":2}", err));
    assert_true(principals_get(t, a, STR(ID_1), &p, &found, err));
    assert_int_equal(yyjson_get_int(yyjson_obj_get(p.body, "x")), 2);
    assert_true(principals_delete(t, a, STR(ID_1), &existed, err));
    assert_true(existed);
    assert_true(principals_delete(t, a, STR(ID_1), &existed, err));
    assert_false(existed);
    assert_true(principals_find(t, a, STR("ann@contoso.com"), &p, &found, err));
    assert_false(found);
    return true;
}

static void they_change_and_go(void **state)
{
    must_run(*state, run_delete, NULL);
}

static bool run_damage(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct store_resource r = { .key = STR("/principals/" ID_1),
                                .id = STR("x"),
                                .type = STR("lazuli/users"),
                                .parent = STR("/names/x"),
                                .etag = STR("e"),
                                .body = STR("[]") };
    struct principal_record p;
    bool found;

    (void)data;
    assert_true(store_put(t, &r, err));
    assert_false(principals_get(t, a, STR(ID_1), &p, &found, err));
    assert_int_equal(err->code, ERROR_STORE);
    r.type = STR("lazuli/unknown");
    r.key = STR("/principals/" ID_2);
    r.body = STR("{}");
    assert_true(store_put(t, &r, err));
    assert_false(principals_get(t, a, STR(ID_2), &p, &found, err)); /* of no known type: nobody */
    assert_int_equal(err->code, ERROR_STORE);
    return true;
}

static void damage_is_told(void **state)
{
    must_run(*state, run_damage, NULL);
}

/* -- Secrets --------------------------------------------------------------------------------- */

static struct principal_record of_json(struct arena *a, const char *body)
{
    struct error err = { 0 };
    yyjson_doc *doc = json_parse(a, str_from(body), &err);

    assert_non_null(doc);
    return (struct principal_record){ .type = PRINCIPAL_TYPE_APPLICATION,
                                      .object_id = STR(ID_1),
                                      .body = yyjson_doc_get_root(doc) };
}

static void a_secret_is_good_from_its_start_to_its_end(void **state)
{
    struct arena *a = arena_new(NULL);
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc);
    struct principal_record p;
    struct str text;

    (void)state;
    principal_add_secret(doc, body, a, STR("first secret"), STR("a"), NOW_MS, NOW_MS + 1000);
    principal_add_secret(doc, body, a, STR("second secret"), STR("b"), NOW_MS + 500, NOW_MS + 5000);
    text = json_write_mut(a, body);
    assert_true(str_find(text, STR("first secret")) == SIZE_MAX);
    p = of_json(a, text.data);
    assert_false(principal_has_secret(a, &p, STR("first secret"), NOW_MS - 1));
    assert_true(principal_has_secret(a, &p, STR("first secret"), NOW_MS));
    assert_true(principal_has_secret(a, &p, STR("first secret"), NOW_MS + 999));
    assert_false(principal_has_secret(a, &p, STR("first secret"), NOW_MS + 1000));
    assert_true(principal_has_secret(a, &p, STR("second secret"), NOW_MS + 1000));
    assert_false(principal_has_secret(a, &p, STR("second secre"), NOW_MS + 1000));
    assert_false(principal_has_secret(a, &p, STR(""), NOW_MS + 1000));
    assert_false(
        principal_has_secret(a, &p, principal_secret_hash(a, STR("second secret")), NOW_MS + 1000));
    arena_free(a);
}

static void a_secret_without_times_is_none(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str hash = principal_secret_hash(a, STR("s"));
    struct principal_record p;

    (void)state;
    p = of_json(
        a, arena_printf(a, "{\"secrets\":[{\"hash\":\"%.*s\"},{\"hash\":1},null]}", STR_ARGS(hash))
               .data);
    assert_false(principal_has_secret(a, &p, STR("s"), NOW_MS));
    p = of_json(a, "{\"secrets\":\"x\"}");
    assert_false(principal_has_secret(a, &p, STR("s"), NOW_MS));
    arena_free(a);
}

/* -- As a snapshot --------------------------------------------------------------------------- */

static void the_set_knows_who_is_there(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_record list[4] = {
        of_json(a, "{\"members\":[\"" ID_1 "\",\"" ID_2 "\",\"" ID_3 "\",7]}"),
        of_json(a, "{\"validFromMs\":5000}"),
        of_json(a, "{\"accountEnabled\":false}"),
        of_json(a, "{\"members\":[\"" ID_1 "\"]}"),
    };
    const struct principal_entry *e;
    struct principal_set *s;

    (void)state;
    list[0].object_id = STR("dddddddd-0000-0000-0000-000000000001");
    list[1].object_id = STR(ID_1);
    list[2].object_id = STR(ID_2);
    list[3].object_id = STR("cccccccc-0000-0000-0000-000000000001");
    list[0].type = list[3].type = PRINCIPAL_TYPE_GROUP;
    s = principal_set_new(list, 4);
    arena_free(a); /* what it needs is copied */
    e = principal_set_find(s, STR("AAAAAAAA-0000-0000-0000-000000000001"));
    assert_non_null(e);
    assert_true(e->is_enabled);
    assert_int_equal(e->valid_from_ms, 5000);
    assert_int_equal(e->group_count, 2);
    e = principal_set_find(s, STR(ID_2));
    assert_false(e->is_enabled);
    assert_int_equal(e->group_count, 1);
    assert_true(str_equal(e->groups[0], STR("dddddddd-0000-0000-0000-000000000001")));
    assert_null(principal_set_find(s, STR(ID_3))); /* a member that is gone */
    assert_null(principal_set_find(s, STR_NONE));
    principal_set_free(s);
}

static struct str id_of(struct arena *a, size_t n)
{
    return arena_printf(a, "eeeeeeee-0000-0000-0000-%012zu", n);
}

/* A group whose only member is the one before it; the first one is no group. */
static struct principal_set *make_chain(struct arena *a, size_t count, bool closed)
{
    struct principal_record *list = ARENA_ARRAY(a, struct principal_record, count);
    struct str member;

    for (size_t i = 0; i < count; i++) {
        member = i ? id_of(a, i - 1) : closed ? id_of(a, count - 1) : STR_NONE;
        list[i] = of_json(a, arena_printf(a, "{\"members\":[\"%.*s\"]}", STR_ARGS(member)).data);
        list[i].object_id = id_of(a, i);
        list[i].type = i || closed ? PRINCIPAL_TYPE_GROUP : PRINCIPAL_TYPE_USER;
    }
    return principal_set_new(list, count);
}

static void groups_of_groups_count_up_to_a_level(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_set *s = make_chain(a, PRINCIPAL_NESTING_MAX + 5, false);
    const struct principal_entry *e = principal_set_find(s, id_of(a, 0));

    (void)state;
    assert_int_equal(e->group_count, PRINCIPAL_NESTING_MAX);
    for (size_t i = 0; i < e->group_count; i++)
        assert_true(str_equal(e->groups[i], id_of(a, i + 1))); /* the nearest first */
    principal_set_free(s);
    arena_free(a);
}

static void groups_that_contain_each_other_end(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_set *s = make_chain(a, 3, true);
    const struct principal_entry *e = principal_set_find(s, id_of(a, 1));

    (void)state;
    assert_int_equal(e->group_count, 2);
    assert_true(str_equal(e->groups[0], id_of(a, 2)));
    assert_true(str_equal(e->groups[1], id_of(a, 0)));
    principal_set_free(s);
    arena_free(a);
}

/* By two ways, but once. */
static void a_group_counts_once(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_record list[4];
    struct principal_set *s;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        list[i] = of_json(a, i == 0   ? "{}"
                             : i == 3 ? "{\"members\":[\"eeeeeeee-0000-0000-0000-000000000001\","
                                        "\"eeeeeeee-0000-0000-0000-000000000002\"]}"
                                      : "{\"members\":[\"eeeeeeee-0000-0000-0000-000000000000\"]}");
        list[i].object_id = id_of(a, i);
        list[i].type = i ? PRINCIPAL_TYPE_GROUP : PRINCIPAL_TYPE_USER;
    }
    s = principal_set_new(list, 4);
    assert_int_equal(principal_set_find(s, id_of(a, 0))->group_count, 3);
    principal_set_free(s);
    arena_free(a);
}

/* More than count: the nearest are kept. */
static void groups_without_number(void **state)
{
    struct arena *a = arena_new(NULL);
    size_t count = PRINCIPAL_GROUPS_MAX + 50;
    struct principal_record *list = ARENA_ARRAY(a, struct principal_record, count + 1);
    struct principal_set *s;

    (void)state;
    for (size_t i = 0; i <= count; i++) {
        list[i] = of_json(a, i ? "{\"members\":[\"eeeeeeee-0000-0000-0000-000000000000\"]}" : "{}");
        list[i].object_id = id_of(a, i);
        list[i].type = i ? PRINCIPAL_TYPE_GROUP : PRINCIPAL_TYPE_USER;
    }
    s = principal_set_new(list, count + 1);
    assert_int_equal(principal_set_find(s, id_of(a, 0))->group_count, PRINCIPAL_GROUPS_MAX);
    principal_set_free(s);
    arena_free(a);
}

static void a_set_is_made_of_another_one(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_record list[3], now[2];
    const struct str gone[] = { STR("EEEEEEEE-0000-0000-0000-000000000001"), id_of(a, 2),
                                id_of(a, 7) };
    struct principal_set *old, *s;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        list[i] =
            of_json(a, i == 2 ? "{\"members\":[\"eeeeeeee-0000-0000-0000-000000000000\"]}" : "{}");
        list[i].object_id = id_of(a, i);
        list[i].type = i == 2 ? PRINCIPAL_TYPE_GROUP : PRINCIPAL_TYPE_USER;
    }
    old = principal_set_new(list, 3);
    now[0] = of_json(a, "{\"accountEnabled\":false}");
    now[0].object_id = id_of(a, 7);
    now[0].type = PRINCIPAL_TYPE_USER;
    s = principal_set_changed(old, gone, 3, now, 1);
    assert_null(principal_set_find(s, id_of(a, 1)));
    assert_null(principal_set_find(s, id_of(a, 2)));
    assert_int_equal(principal_set_find(s, id_of(a, 0))->group_count, 0);
    assert_false(principal_set_find(s, id_of(a, 7))->is_enabled);
    principal_set_free(s);
    s = principal_set_changed(old, gone, 1, now, 0); /* the group is as it was */
    principal_set_free(old);
    assert_int_equal(principal_set_find(s, id_of(a, 0))->group_count, 1);
    assert_true(str_equal(principal_set_find(s, id_of(a, 0))->groups[0], id_of(a, 2)));
    principal_set_free(s);
    arena_free(a);
}

static void an_application_without_its_service_principal_is_nobody(void **state)
{
    struct arena *a = arena_new(NULL);
    struct principal_record p = of_json(a, "{\"isServicePrincipal\":false}");
    struct principal_set *s = principal_set_new(&p, 1), *none = principal_set_new(NULL, 0);

    (void)state;
    assert_false(principal_set_find(s, STR(ID_1))->is_enabled);
    assert_null(principal_set_find(none, STR(ID_1)));
    principal_set_free(s);
    principal_set_free(none);
    principal_set_free(NULL);
    arena_free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_are_found_by_id_and_by_name),
        TEST(nobody_else_is_found),
        TEST(they_are_listed_in_order),
        TEST(they_change_and_go),
        TEST(damage_is_told),
        cmocka_unit_test(a_secret_is_good_from_its_start_to_its_end),
        cmocka_unit_test(a_secret_without_times_is_none),
        cmocka_unit_test(the_set_knows_who_is_there),
        cmocka_unit_test(groups_of_groups_count_up_to_a_level),
        cmocka_unit_test(groups_that_contain_each_other_end),
        cmocka_unit_test(a_group_counts_once),
        cmocka_unit_test(groups_without_number),
        cmocka_unit_test(a_set_is_made_of_another_one),
        cmocka_unit_test(an_application_without_its_service_principal_is_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
