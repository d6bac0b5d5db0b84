/* What a worker remembers of tokens, and when it forgets.
 * SPDX-License-Identifier: MIT */
#include "authority_fixture.h"

#include "identity/token_cache.h"

struct caching {
    struct authority_fixture *f;
    struct key_hash *hash;
    struct token_cache *cache;
};

static struct caching c;

static int set_up_cache(void **state)
{
    static const uint8_t secret[KEY_HASH_SECRET_BYTES] = "a test's secret";

    if (authority_set_up(state))
        return -1;
    c.f = *state;
    c.hash = key_hash_new(secret);
    c.cache = token_cache_new(c.f->authority, c.hash, &token_audiences_arm);
    publish(c.f, "{}");
    return 0;
}

static int tear_down_cache(void **state)
{
    token_cache_free(c.cache);
    key_hash_free(c.hash);
    return authority_tear_down(state);
}

/* Was it answered from memory? What a verification says lies in the arena that it was given, what memory
 * says in the cache, where it is the next time, too. */
static bool is_remembered(struct str token)
{
    struct arena *arena = arena_new(NULL);
    struct error err = { 0 };
    struct principal who = { 0 };
    const char *name;
    bool remembered;

    if (!token_cache_check(c.cache, arena, token, &who, &err))
        fail_msg("%s", err.text);
    assert_true(str_equal(who.object_id, STR(APP_ID)));
    assert_true(str_equal(who.name, STR("app")));
    assert_int_equal(who.group_count, 1);
    assert_true(str_equal(who.groups[0], STR(GROUP_ID)));
    name = who.name.data;
    assert_true(token_cache_check(c.cache, arena, token, &who, &err));
    remembered = who.name.data == name; /* the first one, too, lay in the cache */
    arena_free(arena);
    return remembered;
}

static enum error_code refused(struct str token)
{
    struct error err = { 0 };
    struct principal who;

    assert_false(token_cache_check(c.cache, c.f->arena, token, &who, &err));
    return err.code;
}

static void a_second_check_verifies_nothing(void **state)
{
    struct str token = token_with(c.f, "{}");

    (void)state;
    assert_false(is_remembered(token));
    assert_true(is_remembered(token));
    assert_true(is_remembered(token));
    assert_false(is_remembered(token_with(c.f, "{\"x\":1}"))); /* another one */
}

static void what_is_published_makes_it_forget(void **state)
{
    struct str token = token_with(c.f, "{}");

    (void)state;
    is_remembered(token);
    assert_true(is_remembered(token));
    publish(c.f, "{\"displayName\":\"x\"}");
    assert_false(is_remembered(token));
    publish(c.f, "{\"accountEnabled\":false}");
    assert_int_equal(refused(token), ERROR_ARM_BAD_TOKEN);
    publish(c.f, NULL);
    assert_int_equal(refused(token), ERROR_ARM_BAD_TOKEN);
}

static void a_token_is_forgotten_when_it_expires(void **state)
{
    struct str token = token_with(c.f, "{}");

    (void)state;
    is_remembered(token);
    clock_move_to(&c.f->clock, (now_s(c.f) + 3590) * 1000);
    assert_true(is_remembered(token));
    clock_move_to(&c.f->clock, (now_s(c.f) + 20) * 1000);
    assert_int_equal(refused(token), ERROR_ARM_TOKEN_EXPIRED);
}

static void what_is_refused_is_not_remembered(void **state)
{
    struct str token = token_with(c.f, "{\"aud\":\"https://graph.microsoft.com\"}");
    struct str good = token_with(c.f, "{}");

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(refused(token), ERROR_ARM_TOKEN_AUDIENCE);
    is_remembered(good);
    assert_int_equal(refused(str_slice(good, 0, good.len - 1)), ERROR_ARM_BAD_TOKEN);
    assert_int_equal(refused(STR_NONE), ERROR_ARM_BAD_TOKEN);
}

static unsigned place_of(struct str token)
{
    uint8_t digest[KEY_HASH_BYTES];

    key_hash_digest(c.hash, token, digest);
    return (digest[0] | (unsigned)digest[1] << 8) % 1024;
}

/* Two tokens that want the same place take turns, and neither is taken for the other. The secret of the
 * hash is one by which they do. */
static void two_tokens_of_one_place_take_turns(void **state)
{
    struct str first = token_with(c.f, "{}"), second = token_with(c.f, "{\"x\":1}");
    uint8_t secret[KEY_HASH_SECRET_BYTES] = { 0 };
    unsigned tries = 0;

    (void)state;
    do {
        memcpy(secret, &tries, sizeof(tries));
        key_hash_free(c.hash);
        c.hash = key_hash_new(secret);
    } while (place_of(first) != place_of(second) && ++tries < 100000);
    assert_int_equal(place_of(first), place_of(second));
    token_cache_free(c.cache);
    c.cache = token_cache_new(c.f->authority, c.hash, &token_audiences_arm);
    assert_false(is_remembered(first));
    assert_true(is_remembered(first));
    assert_false(is_remembered(second));
    assert_true(is_remembered(second));
    assert_false(is_remembered(first));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_cache, tear_down_cache)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_second_check_verifies_nothing),      TEST(what_is_published_makes_it_forget),
        TEST(a_token_is_forgotten_when_it_expires), TEST(what_is_refused_is_not_remembered),
        TEST(two_tokens_of_one_place_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
