/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/secret_box.h"

/* 32 bytes of 'k' and of 'o'. */
#define KEY_K "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
#define KEY_O "b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28="

static char folder[64];
static char file[80];

static int set_up(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/lazuli-box-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof(file), "%s/key", folder);
    *state = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    unlink(file);
    return rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(file, mode), 0);
}

static struct secret_box *box_of(const char *key)
{
    struct error err = { 0 };
    struct secret_box *b;

    write_file(key, 0600);
    b = secret_box_new_from_file(file, false, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

/* -- Sealing ---------------------------------------------------------------------------------- */

static void opens_what_it_sealed(void **state)
{
    struct arena *a = *state;
    struct secret_box *b = box_of(KEY_K);
    struct str one = secret_box_seal(b, a, str_of("key\0one", 7), STR("/accounts/x")), plain;
    struct str other = secret_box_seal(b, a, str_of("key\0one", 7), STR("/accounts/x"));
    struct error err;

    assert_int_equal(one.len, 7 + SECRET_BOX_OVERHEAD);
    assert_int_equal(one.data[0], 1);
    assert_true(str_find(one, STR("key")) == SIZE_MAX);
    assert_false(str_equal(one, other)); /* a nonce of its own each time */
    assert_true(secret_box_open(b, a, one, STR("/accounts/x"), &plain, &err));
    assert_true(str_equal(plain, str_of("key\0one", 7)));
    assert_true(secret_box_open(b, a, other, STR("/accounts/x"), &plain, &err));
    assert_true(str_equal(plain, str_of("key\0one", 7)));
    one = secret_box_seal(b, a, STR_NONE, STR_NONE);
    assert_true(secret_box_open(b, a, one, STR_NONE, &plain, &err));
    assert_int_equal(plain.len, 0);
    secret_box_free(b);
    secret_box_free(NULL);
}

/* AES-256-GCM as anyone else computes it: the key "kk...k", nonce "nnnnnnnnnnnn", the associated
 * data version, key id, "owner", and the text "plain". Made with Python's `cryptography`. */
static void opens_what_others_sealed(void **state)
{
    static const char sealed_hex[] = "011fe809d26e6e6e6e6e6e6e6e6e6e6e6e"
                                     "e85786d97f349d5f4553a785c9a59a377a698f532b";
    struct arena *a = *state;
    struct secret_box *b = box_of(KEY_K);
    unsigned char sealed[sizeof(sealed_hex) / 2];
    size_t len;
    struct str plain;
    struct error err = { 0 };

    assert_int_equal(OPENSSL_hexstr2buf_ex(sealed, sizeof(sealed), &len, sealed_hex, '\0'), 1);
    assert_int_equal(len, sizeof(sealed));
    if (!secret_box_open(b, a, str_of((char *)sealed, len), STR("owner"), &plain, &err))
        fail_msg("%s", err.text);
    assert_true(str_equal(plain, STR("plain")));
    secret_box_free(b);
}

static void finds_every_change(void **state)
{
    struct arena *a = *state;
    struct secret_box *b = box_of(KEY_K);
    struct str sealed = secret_box_seal(b, a, STR("secret"), STR("owner")), plain = STR("none");
    struct error err;

    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        char *changed = arena_text(a, sealed);

        changed[bit / 8] = (char)(changed[bit / 8] ^ (1 << bit % 8));
        assert_false(
            secret_box_open(b, a, str_of(changed, sealed.len), STR("owner"), &plain, &err));
        assert_int_equal(err.code, ERROR_STORE);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_false(secret_box_open(b, a, str_slice(sealed, 0, len), STR("owner"), &plain, &err));
    assert_false(secret_box_open(b, a, arena_printf(a, "%.*sx", STR_ARGS(sealed)), STR("owner"),
                                 &plain, &err));
    assert_false(secret_box_open(b, a, sealed, STR("other"), &plain, &err));
    assert_false(secret_box_open(b, a, sealed, STR_NONE, &plain, &err));
    assert_true(str_equal(plain, STR("none")));
    assert_true(secret_box_open(b, a, sealed, STR("owner"), &plain, &err));
    secret_box_free(b);
}

static void tells_another_key(void **state)
{
    struct arena *a = *state;
    struct secret_box *b = box_of(KEY_K), *other = box_of(KEY_O);
    struct str sealed = secret_box_seal(b, a, STR("secret"), STR("owner")), plain;
    struct error err;

    assert_false(secret_box_open(other, a, sealed, STR("owner"), &plain, &err));
    assert_non_null(strstr(err.text, "another key"));
    secret_box_free(b);
    secret_box_free(other);
}

static void wipes(void **state)
{
    struct str secret = arena_copy(*state, STR("secret"));

    secret_wipe(secret);
    assert_memory_equal(secret.data, "\0\0\0\0\0\0", 6);
    secret_wipe(STR_NONE);
}

/* -- Keys ------------------------------------------------------------------------------------- */

static void makes_a_key_file(void **state)
{
    struct error err = { 0 };
    struct str sealed, plain;
    struct secret_box *b;
    struct stat st;
    mode_t before;

    assert_null(secret_box_new_from_file(file, false, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_non_null(strstr(err.text, file));
    before = umask(0);
    b = secret_box_new_from_file(file, true, &err);
    umask(before);
    assert_non_null(b);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 45);
    sealed = secret_box_seal(b, *state, STR("secret"), STR_NONE);
    secret_box_free(b);
    /* the next start finds the same key */
    b = secret_box_new_from_file(file, true, &err);
    assert_non_null(b);
    assert_true(secret_box_open(b, *state, sealed, STR_NONE, &plain, &err));
    secret_box_free(b);
}

static void assert_file_refused(const char *why)
{
    struct error err = { 0 };
    struct secret_box *b = secret_box_new_from_file(file, true, &err);

    secret_box_free(b);
    assert_null(b);
    assert_int_equal(err.code, ERROR_CONFIG);
    if (!strstr(err.text, file) || !strstr(err.text, why))
        fail_msg("expected '%s', got: %s", why, err.text);
}

static void refuses_a_bad_key_file(void **state)
{
    static const mode_t open_modes[] = { 0640, 0620, 0604, 0602, 0610, 0601, 0644, 0666 };
    static const char *const contents[] = {
        "",        "\n",   "not base64", KEY_K "\n" KEY_K,
        " " KEY_K, "a2s=", KEY_K "a2s=", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(open_modes); i++) {
        write_file(KEY_K, open_modes[i]);
        assert_file_refused("0600");
    }
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        write_file(contents[i], 0600);
        assert_file_refused("base64");
    }
    unlink(file);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_file_refused("regular file");
    unlink(file);
    assert_int_equal(mkdir(file, 0700), 0);
    assert_file_refused("regular file");
    rmdir(file);
}

static void takes_a_key_from_a_command(void **state)
{
    struct arena *a = *state;
    struct secret_box *b = box_of(KEY_K), *commanded;
    struct str sealed = secret_box_seal(b, a, STR("secret"), STR_NONE), plain;
    struct error err = { 0 };

    secret_box_free(b);
    commanded = secret_box_new_from_command("printf '%s\\r\\n' " KEY_K, &err);
    if (!commanded)
        fail_msg("%s", err.text);
    assert_true(secret_box_open(commanded, a, sealed, STR_NONE, &plain, &err));
    secret_box_free(commanded);
    commanded = secret_box_new_from_command("printf " KEY_O, &err);
    assert_non_null(commanded);
    assert_false(secret_box_open(commanded, a, sealed, STR_NONE, &plain, &err));
    secret_box_free(commanded);
}

static void refuses_a_failing_command(void **state)
{
    static const char *const cases[][2] = {
        { "printf " KEY_K "; exit 3", "status 3" },
        { "printf " KEY_K "; kill -TERM $$", "signal 15" },
        { "true", "base64" },
        { "echo no key", "base64" },
        { "while :; do echo " KEY_K "; done", "more than a key" },
        { "cat", "base64" }, /* its standard input is empty */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = { 0 };
        struct secret_box *b = secret_box_new_from_command(cases[i][0], &err);

        secret_box_free(b);
        assert_null(b);
        assert_int_equal(err.code, ERROR_CONFIG);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("expected '%s', got: %s", cases[i][1], err.text);
        assert_null(strstr(err.text, "a2tr"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_what_it_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opens_what_others_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_every_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_another_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wipes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_a_key_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_bad_key_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_a_key_from_a_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_failing_command, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
