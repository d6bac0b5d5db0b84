/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/pid_file.h"
#include "engine/run_folder.h"

static char folder[] = "/tmp/lazuli-pids-XXXXXX";

static void make_file(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static bool is_there(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void remove_file(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

static pid_t start_sleeper(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        setsid();
        for (;;)
            pause();
    }
    return pid;
}

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void leaves_our_own_alone(void **state)
{
    pid_t pid = start_sleeper();
    char path[256];
    struct error err;

    (void)state;
    snprintf(path, sizeof(path), "%s/a.pid", folder);
    assert_true(pid_file_write(path, pid, path_of("a.sock"), &err));
    make_file("a.sock", "");
    assert_int_equal(pid_file_sweep(folder), 0);
    assert_true(is_there("a.pid") && is_there("a.sock"));
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    remove_file("a.pid");
    remove_file("a.sock");
}

/* The file of a lazuli that has ended: written by a child of ours. */
static void write_as_another(pid_t pid)
{
    pid_t writer = fork();
    char path[256];
    struct error err;

    if (writer == 0) {
        snprintf(path, sizeof(path), "%s/a.pid", folder);
        _exit(!pid_file_write(path, pid, path_of("a.sock"), &err));
    }
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void ends_what_is_left_over(void **state)
{
    pid_t pid = start_sleeper();
    int status;

    (void)state;
    write_as_another(pid);
    make_file("a.sock", "");
    make_file("b.sock", "");
    assert_int_equal(pid_file_sweep(folder), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(is_there("a.pid") || is_there("a.sock"));
    assert_true(is_there("b.sock"));
    remove_file("b.sock");
}

static void spares_a_stranger_of_the_same_id(void **state)
{
    pid_t pid = start_sleeper();
    char text[512];

    (void)state;
    /* Started at another time; its lazuli never was. */
    snprintf(text, sizeof(text), "%d 12345 %d 12345\n%s\n", (int)pid, 4000000, path_of("a.sock"));
    make_file("a.pid", text);
    assert_int_equal(pid_file_sweep(folder), 0);
    assert_false(is_there("a.pid"));
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void touches_no_other_files(void **state)
{
    static const char *const texts[] = { "",        "12",        "not a pid file",
                                         "1 1 1 1", "-1 5 -1 5", "99999999999999999999 1 2 3" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        make_file("a.pid", texts[i]);
        assert_int_equal(pid_file_sweep(folder), 0);
        assert_true(is_there("a.pid"));
    }
    remove_file("a.pid");
    assert_int_equal(pid_file_sweep("/nonexistent"), 0);
}

/* A pid file in `run` with a socket in `sockets`, of processes that are gone. */
static void write_entry(const char *run, const char *sockets)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/x.sock", sockets);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/x.pid", run);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "4000000 1 4000001 1\n%s/x.sock\n", sockets);
    fclose(f);
}

static void finds_room_for_sockets(void **state)
{
    struct run_folder f, again;
    struct error err;
    char path[256], sockets[256];
    unsigned ended;

    (void)state;
    snprintf(path, sizeof(path), "%s/run", folder);
    assert_true(run_folder_open(&f, path, &ended, &err));
    assert_string_equal(f.path, path);
    assert_string_equal(f.sockets, path);
    run_folder_close(&f);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/%060d", folder, 0);
    assert_true(run_folder_open(&f, path, &ended, &err));
    assert_string_equal(f.path, path);
    assert_true(strlen(f.sockets) < 40);
    snprintf(sockets, sizeof(sockets), "%s", f.sockets);
    assert_int_equal(access(sockets, W_OK), 0);
    run_folder_close(&f);
    assert_int_equal(access(sockets, F_OK), -1);
    /* The folder of one that was killed goes with the next start. */
    assert_true(run_folder_open(&f, path, &ended, &err));
    snprintf(sockets, sizeof(sockets), "%s", f.sockets);
    write_entry(path, sockets);
    assert_true(run_folder_open(&again, path, &ended, &err));
    assert_int_equal(access(sockets, F_OK), -1);
    run_folder_close(&again);
    run_folder_close(&f);
    rmdir(path);
    assert_false(run_folder_open(&f, "/dev/null", &ended, &err));
    assert_null(f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_our_own_alone),
        cmocka_unit_test(ends_what_is_left_over),
        cmocka_unit_test(spares_a_stranger_of_the_same_id),
        cmocka_unit_test(touches_no_other_files),
        cmocka_unit_test(finds_room_for_sockets),
    };
    int failed;

    if (!mkdtemp(folder))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
