/* SPDX-License-Identifier: MIT */
#include "server/data_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

extern const unsigned char embedded_model[], embedded_model_end[];

static char root[32], path[160];
static struct data_folder folder;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/lazuli-data-XXXXXX");
    snprintf(path, sizeof(path), "%s/d", mkdtemp(root) ? root : "");
    folder = (struct data_folder){ .lock_fd = -1 };
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    if (folder.run && strncmp(folder.run, root, strlen(root)) != 0)
        rmdir(folder.run);
    data_folder_close(&folder);
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s", err.text);
}

static void expect_text(const char *part)
{
    assert_int_equal(err.code, ERROR_IO);
    if (!strstr(err.text, part))
        fail_msg("'%s' is not in '%s'", part, err.text);
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 0777;
}

static void it_is_made_for_its_owner_alone(void **state)
{
    char wanted[200];

    (void)state;
    must(data_folder_open(&folder, path, &err));
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(mode_of(folder.run), 0700);
    snprintf(wanted, sizeof(wanted), "%s/lazuli.db", path);
    assert_string_equal(folder.database, wanted);
    data_folder_close(&folder);
    must(data_folder_open(&folder, path, &err)); /* again, as it is */
}

static void what_is_in_the_way_is_named(void **state)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    close(fd);
    assert_false(data_folder_open(&folder, path, &err));
    expect_text(path);
    expect_text("is no folder");
    assert_false(data_folder_open(&folder, "/nowhere/below", &err));
    expect_text("/nowhere/below: cannot make the folder");
}

static void a_folder_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    mkdir(path, 0500);
    assert_int_equal(chmod(root, 0755), 0);
    if (geteuid() == 0) { /* root may write anywhere: be nobody for a moment */
        assert_int_equal(chmod(path, 0555), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    assert_false(data_folder_open(&folder, path, &err));
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    expect_text(path);
    expect_text("cannot write into the folder: Permission denied");
}

/* Sockets of engines are nobody else's. */
static void a_run_folder_open_to_others_is_refused(void **state)
{
    char run[200];

    (void)state;
    mkdir(path, 0700);
    snprintf(run, sizeof(run), "%s/run", path);
    mkdir(run, 0700);
    chmod(run, 0755);
    assert_false(data_folder_open(&folder, path, &err));
    expect_text("open to others");
    data_folder_close(&folder);
    rmdir(run);
    assert_int_equal(symlink(path, run), 0);
    assert_false(data_folder_open(&folder, path, &err));
    expect_text("belongs to someone else");
}

static void a_long_path_has_its_sockets_elsewhere(void **state)
{
    (void)state;
    mkdir(path, 0700);
    memset(path + strlen(path), 'x', 1);
    memset(path + strlen(root) + 1, 'x', 80);
    path[strlen(root) + 81] = '\0';
    must(data_folder_open(&folder, path, &err));
    assert_true(strncmp(folder.run, "/tmp/lazuli-", 12) == 0);
    assert_true(strlen(folder.run) <= 60);
    assert_int_equal(mode_of(folder.run), 0700);
}

static void one_process_has_it(void **state)
{
    struct data_folder other = { .lock_fd = -1 };
    char pid[32];

    (void)state;
    must(data_folder_open(&folder, path, &err));
    must(data_folder_lock(&folder, &err));
    must(data_folder_open(&other, path, &err));
    assert_false(data_folder_lock(&other, &err));
    snprintf(pid, sizeof(pid), "process %d", (int)getpid());
    expect_text(pid);
    data_folder_close(&folder);
    must(data_folder_lock(&other, &err));
    data_folder_close(&other);
}

static void find_makes_nothing(void **state)
{
    int fd;

    (void)state;
    assert_false(data_folder_find(&folder, path, &err));
    expect_text(path);
    data_folder_close(&folder);
    mkdir(path, 0700);
    assert_false(data_folder_find(&folder, path, &err));
    expect_text("lazuli.db");
    fd = open(folder.database, O_CREAT | O_WRONLY, 0600);
    close(fd);
    data_folder_close(&folder);
    must(data_folder_find(&folder, path, &err));
}

static size_t size_of(const char *name)
{
    struct stat st;

    assert_int_equal(stat(name, &st), 0);
    return (size_t)st.st_size;
}

static void the_model_is_unpacked_whole(void **state)
{
    size_t size = (size_t)(embedded_model_end - embedded_model);

    (void)state;
    must(data_folder_open(&folder, path, &err));
    must(data_folder_unpack_model(&folder, &err));
    assert_int_equal(size_of(folder.model), size);
    assert_int_equal(truncate(folder.model, 10), 0); /* as an older program may have left it */
    must(data_folder_unpack_model(&folder, &err));
    assert_int_equal(size_of(folder.model), size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_made_for_its_owner_alone),
        TEST(what_is_in_the_way_is_named),
        TEST(a_folder_that_cannot_be_written_is_refused),
        TEST(a_run_folder_open_to_others_is_refused),
        TEST(a_long_path_has_its_sockets_elsewhere),
        TEST(one_process_has_it),
        TEST(find_makes_nothing),
        TEST(the_model_is_unpacked_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
