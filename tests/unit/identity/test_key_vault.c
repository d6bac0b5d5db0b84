/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "vault_folder.h"

#define VAULT "v.vault.azure.net"
#define KEY_K "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="

static struct vault_folder folder;

struct fixture {
    struct key_vault *vault;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    vault_folder_make(&folder);
    f->vault = key_vault_new();
    f->arena = arena_new(NULL);
    vault_folder_use(&folder, f->vault);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    key_vault_free(f->vault);
    arena_free(f->arena);
    free(f);
    vault_folder_remove(&folder);
    return 0;
}

static struct key_reference ref(const char *name, const char *version)
{
    return (struct key_reference){ STR(VAULT), str_from(name), str_from(version) };
}

/* Is the key there, and does it consist of that byte? A zero: it is not there. */
static void expect_key(struct fixture *f, const char *name, const char *version, char byte)
{
    struct key_reference r = ref(name, version);
    struct secret_box *box = key_vault_find(f->vault, &r), *expected;
    uint8_t key[MASTER_KEY_BYTES];
    struct str sealed, plain;
    struct error err;

    if (!byte) {
        assert_null(box);
        return;
    }
    assert_non_null(box);
    memset(key, byte, sizeof(key));
    expected = secret_box_new(key);
    sealed = secret_box_seal(expected, f->arena, STR("text"), STR("owner"));
    assert_true(secret_box_open(box, f->arena, sealed, STR("owner"), &plain, &err));
    secret_box_free(expected);
    secret_box_free(box);
}

static void expect_newest(struct fixture *f, const char *name, const char *version)
{
    struct key_reference r = ref(name, "");

    assert_int_equal(key_vault_resolve(f->vault, f->arena, &r), version != NULL);
    assert_string_equal(r.version.len ? r.version.data : "", version ? version : "");
}

static bool fetch(struct fixture *f, const char *name, const char *version, struct error *err)
{
    struct key_reference r = ref(name, version);

    *err = (struct error){ 0 };
    return key_vault_fetch(f->vault, &r, err);
}

static void expect_refusal(struct fixture *f, const char *name, const char *version,
                           const char *words)
{
    struct error err;

    assert_false(fetch(f, name, version, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    if (!strstr(err.text, words))
        fail_msg("'%s' lacks '%s'", err.text, words);
}

static void note(struct fixture *f, const char *name, const char *version)
{
    struct key_reference r = ref(name, version);

    key_vault_note(f->vault, &r);
}

/* -- Names ------------------------------------------------------------------------------------ */

static void reads_uris(void **state)
{
    static const char *const wrong[] = { "",
                                         "https://",
                                         "https:///",
                                         "http://v.vault.azure.net/",
                                         "https://v.vault.azure.net//",
                                         "https://v.vault.azure.net/keys",
                                         "https://v.vault.azure.net:443/",
                                         "https://../",
                                         "https://.v/",
                                         "https://-v/",
                                         "https://v/../w",
                                         "https://u@v/",
                                         "v.vault.azure.net" };
    struct fixture *f = *state;

    assert_true(
        str_equal(key_reference_vault(f->arena, STR("HTTPS://V.Vault.azure.net/")), STR(VAULT)));
    assert_true(
        str_equal(key_reference_vault(f->arena, STR("https://v.vault.azure.net")), STR(VAULT)));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(key_reference_vault(f->arena, str_from(wrong[i])).len, 0);
    assert_true(key_reference_is_name(STR("Dev-Key-1")));
    assert_false(key_reference_is_name(STR("")));
    assert_false(key_reference_is_name(STR("a.b")));
    assert_false(key_reference_is_name(STR("../x")));
}

/* -- Files ------------------------------------------------------------------------------------ */

static void files_hold_versions(void **state)
{
    struct fixture *f = *state;
    struct error err;

    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    vault_folder_put(&folder, VAULT, "k", "two", 'b');
    expect_key(f, "k", "one", 0);
    assert_true(fetch(f, "k", "one", &err));
    expect_key(f, "k", "one", 'a');
    expect_key(f, "k", "two", 0);
    expect_newest(f, "k", NULL);
    vault_folder_write(&folder, VAULT, "k", "current", "two\n");
    assert_true(fetch(f, "k", "", &err));
    expect_newest(f, "k", "two");
    expect_key(f, "k", "two", 'b');
}

static void files_that_do_not_do(void **state)
{
    struct fixture *f = *state;
    char path[256];

    expect_refusal(f, "none", "one", "No such file");
    expect_refusal(f, "none", "", "current': No such file");
    vault_folder_write(&folder, VAULT, "k", "current", "../k/one\n");
    expect_refusal(f, "k", "", "does not name a version");
    vault_folder_write(&folder, VAULT, "k", "current", "gone");
    expect_refusal(f, "k", "", "gone': cannot open it");
    expect_refusal(f, "k", "current", "no version is called");
    vault_folder_write(&folder, VAULT, "k", "one", "short");
    expect_refusal(f, "k", "one", "does not hold 32 bytes");
    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    snprintf(path, sizeof(path), "%s/" VAULT "/k/one", folder.path);
    assert_int_equal(chmod(path, 0640), 0);
    expect_refusal(f, "k", "one", "has mode 0640");
    key_vault_configure(f->vault, &(struct key_vault_source){ 0 });
    expect_refusal(f, "k", "one", "neither vault_key_folder nor");
}

/* -- Commands --------------------------------------------------------------------------------- */

static void use_command(struct fixture *f, const char *line, uint64_t timeout_ms)
{
    char *copy = strdup(line);

    key_vault_configure(f->vault,
                        &(struct key_vault_source){ .command = copy, .timeout_ms = timeout_ms });
    free(copy);
}

static void commands_are_told_which(void **state)
{
    struct fixture *f = *state;
    struct error err;

    setenv("KEY_VAULT_VERSION", "of another", 1);
    use_command(f,
                "test \"$KEY_VAULT_URI\" = https://" VAULT "/ && test \"$KEY_VAULT_KEY\" = k && "
                "test -n \"$PATH\" && case \"$KEY_VAULT_VERSION\" in "
                "one) echo " KEY_K " ;; two) echo two " KEY_K " ;; three) echo two " KEY_K " ;; "
                "'') echo two " KEY_K " ;; *) exit 3 ;; esac",
                10000);
    assert_true(fetch(f, "k", "one", &err));
    expect_key(f, "k", "one", 'k');
    assert_true(fetch(f, "k", "two", &err));
    expect_key(f, "k", "two", 'k');
    expect_newest(f, "k", NULL);
    assert_true(fetch(f, "k", "", &err));
    expect_newest(f, "k", "two");
    expect_refusal(f, "k", "three", "another version's name");
    expect_refusal(f, "k", "four", "ended with status 3");
    expect_refusal(f, "j", "one", "ended with status 1");
    unsetenv("KEY_VAULT_VERSION");
}

static void commands_that_do_not_do(void **state)
{
    struct fixture *f = *state;
    uint64_t began_us;

    use_command(f, "echo " KEY_K, 10000);
    expect_refusal(f, "k", "", "newest version's name");
    use_command(f, "echo a.b " KEY_K, 10000);
    expect_refusal(f, "k", "", "another version's name");
    use_command(f, "echo one two " KEY_K, 10000);
    expect_refusal(f, "k", "", "32 bytes as base64");
    use_command(f, "kill -9 $$", 10000);
    expect_refusal(f, "k", "one", "ended by signal 9");
    use_command(f, "yes", 10000);
    expect_refusal(f, "k", "one", "printed more than a key");
    began_us = clock_monotonic_us();
    use_command(f, "sleep 100 & sleep 100", 100);
    expect_refusal(f, "k", "one", "took longer than 100 ms");
    assert_true(clock_monotonic_us() - began_us < 50 * 1000000u);
}

/* -- Refreshing ------------------------------------------------------------------------------- */

static void a_refresh_finds_what_has_changed(void **state)
{
    struct fixture *f = *state;
    struct key_reference gone = ref("k", "one");

    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    vault_folder_write(&folder, VAULT, "k", "current", "one");
    key_vault_begin_look(f->vault);
    note(f, "k", "");
    note(f, "k", "one");
    note(f, "j", "one");
    key_vault_end_look(f->vault);
    assert_true(key_vault_lacks(f->vault));
    key_vault_refresh(f->vault, false);
    expect_newest(f, "k", "one");
    expect_key(f, "k", "one", 'a');
    expect_key(f, "j", "one", 0);

    vault_folder_put(&folder, VAULT, "k", "two", 'b');
    vault_folder_write(&folder, VAULT, "k", "current", "two");
    vault_folder_put(&folder, VAULT, "j", "one", 'j');
    key_vault_refresh(f->vault, true);
    expect_newest(f, "k", "one"); /* it is not missing */
    expect_key(f, "j", "one", 'j');
    assert_false(key_vault_lacks(f->vault));
    key_vault_refresh(f->vault, false);
    expect_newest(f, "k", "two");
    expect_key(f, "k", "two", 'b');
    expect_key(f, "k", "one", 'a');

    vault_folder_delete(&folder, VAULT, "k", "one");
    vault_folder_put(&folder, VAULT, "k", "two", 'c');
    key_vault_refresh(f->vault, false);
    expect_key(f, "k", "one", 0);
    expect_key(f, "k", "two", 'c');
    assert_true(str_find(key_vault_reason(f->vault, f->arena, &gone), STR("No such file")) !=
                SIZE_MAX);
}

/* What is asked for has a look and the next one to be noted. */
static void what_nobody_uses_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct error err;

    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    key_vault_begin_look(f->vault);
    assert_true(fetch(f, "k", "one", &err));
    key_vault_end_look(f->vault);
    expect_key(f, "k", "one", 'a');
    key_vault_begin_look(f->vault);
    note(f, "k", "one");
    key_vault_end_look(f->vault);
    expect_key(f, "k", "one", 'a');
    key_vault_begin_look(f->vault);
    key_vault_end_look(f->vault);
    expect_key(f, "k", "one", 0);
}

/* No answer says nothing of a key; and who does not answer is asked once. */
static void silence_changes_nothing(void **state)
{
    char line[256], asked[128];
    struct fixture *f = *state;
    struct error err;
    FILE *lines;
    int count = 0;

    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    key_vault_begin_look(f->vault);
    assert_true(fetch(f, "k", "one", &err));
    note(f, "k", "one");
    note(f, "l", "one");
    note(f, "m", "one");
    key_vault_end_look(f->vault);
    snprintf(asked, sizeof(asked), "%s/asked", folder.path);
    snprintf(line, sizeof(line), "echo x >> %s; sleep 100", asked);
    use_command(f, line, 500);
    key_vault_refresh(f->vault, false);
    expect_key(f, "k", "one", 'a');
    lines = fopen(asked, "r");
    assert_non_null(lines);
    while (fgets(line, sizeof(line), lines))
        count++;
    fclose(lines);
    assert_int_equal(count, 1);
    use_command(f, "exit 1", 10000);
    key_vault_refresh(f->vault, false);
    expect_key(f, "k", "one", 0);
}

/* -- Asking by another thread ------------------------------------------------------------------ */

#define ASKS 12

static struct {
    struct key_vault_ask asks[ASKS];
    struct loop *loop;
    unsigned open;
} asking;

static void on_one_done(struct key_vault_ask *ask)
{
    (void)ask;
    if (--asking.open == 0)
        loop_stop(asking.loop);
}

static void others_ask(void **state)
{
    struct fixture *f = *state;
    unsigned refused = 0;

    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    use_command(f, "sleep 0.2; echo " KEY_K, 20000);
    asking.loop = loop_new();
    for (unsigned i = 0; i < ASKS; i++) {
        asking.asks[i] = (struct key_vault_ask){
            .vault = f->vault, .key = ref("k", "one"), .loop = asking.loop, .done = on_one_done
        };
        if (key_vault_ask(&asking.asks[i]))
            asking.open++;
        else
            refused++;
    }
    assert_int_equal(refused, ASKS - 8);
    loop_run(asking.loop);
    loop_free(asking.loop);
    assert_true(asking.asks[0].has_key && asking.asks[7].has_key);
    expect_key(f, "k", "one", 'k');
}

/* Signals are for one thread, which knows when none may come any more. */
static unsigned threads_to_hang_up(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    unsigned count = 0;

    while ((task = readdir(tasks))) {
        char path[64], line[256];
        FILE *status;

        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", task->d_name);
        status = fopen(path, "r");
        while (status && fgets(line, sizeof(line), status)) {
            if (strncmp(line, "SigBlk:", 7) == 0)
                count += !(strtoull(line + 7, NULL, 16) >> (SIGHUP - 1) & 1);
        }
        if (status)
            fclose(status);
    }
    closedir(tasks);
    return count;
}

/* A vault that does not answer is not waited for at the end, and the next one is not asked. */
static void a_stop_calls_off(void **state)
{
    char line[256], asked[128];
    struct fixture *f = *state;
    struct stat st;

    snprintf(asked, sizeof(asked), "%s/asked", folder.path);
    snprintf(line, sizeof(line), "echo x >> %s; sleep 1000", asked);
    use_command(f, line, 600000);
    key_vault_begin_look(f->vault);
    note(f, "k", "one");
    key_vault_note(f->vault, &(struct key_reference){ STR("other.vault"), STR("k"), STR("one") });
    key_vault_end_look(f->vault);
    asking.loop = loop_new();
    asking.asks[0] =
        (struct key_vault_ask){ .vault = f->vault, .loop = asking.loop, .done = on_one_done };
    asking.open = 1;
    assert_true(key_vault_ask(&asking.asks[0]));
    while (stat(asked, &st) != 0 || !st.st_size)
        usleep(1000);
    assert_int_equal(threads_to_hang_up(), 1);
    key_vault_stop(f->vault);
    loop_run(asking.loop); /* or wait for ten minutes */
    loop_free(asking.loop);
    assert_int_equal(stat(asked, &st), 0);
    assert_int_equal(st.st_size, 2);
}

#define T(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reads_uris),
        T(files_hold_versions),
        T(files_that_do_not_do),
        T(commands_are_told_which),
        T(commands_that_do_not_do),
        T(a_refresh_finds_what_has_changed),
        T(what_nobody_uses_is_forgotten),
        T(silence_changes_nothing),
        T(others_ask),
        T(a_stop_calls_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
