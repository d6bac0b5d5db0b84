/* SPDX-License-Identifier: MIT */
#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"

/* Below a folder to which nothing else lets it write. */
static char top[] = "/var/tmp/lazuli-sandbox-XXXXXX";
static char data[64], outside[64], inside[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(top))
        return -1;
    snprintf(data, sizeof(data), "%s/data", top);
    snprintf(inside, sizeof(inside), "%s/data/file", top);
    snprintf(outside, sizeof(outside), "%s/file", top);
    log_set_level(LOG_ERROR);
    return mkdir(data, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(inside);
    unlink(outside);
    return rmdir(data) || rmdir(top);
}

/* What cannot be undone is done in a process of its own, which says by its status whether it was
 * right. _exit, since the sanitizers' looks at the end are the parent's. */
static void expect_in_child(bool (*holds)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0)
        _exit(holds() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool enter(enum sandbox_mode mode)
{
    struct error err;

    return sandbox_enter(mode, data, &err);
}

static bool can_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* the version */) > 0;
}

static bool writes_in_the_data_folder_alone(void)
{
    int fd;

    if (!can_write(outside) || !enter(SANDBOX_REQUIRED))
        return false;
    if (!can_write(inside) || can_write(outside) || errno != EACCES)
        return false;
    fd = open(outside, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && close(fd) == 0 && unlink(outside) != 0 && errno == EACCES;
}

/* Of what root may write to besides files: the machine's settings, and devices that no engine needs. */
static bool writes_to_no_setting(void)
{
    static const char *const paths[] = { "/proc/sys/kernel/core_pattern",
                                         "/proc/self/oom_score_adj", "/dev/ptmx" };

    if (!can_write(paths[1]) || !enter(SANDBOX_REQUIRED))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (can_write(paths[i]) || (errno != EACCES && errno != ENOENT))
            return false;
    }
    return can_write("/dev/null") && can_write("/dev/shm/lazuli-test") &&
           unlink("/dev/shm/lazuli-test") == 0;
}

static void settings_of_the_machine_are_not_written(void **state)
{
    (void)state;
    if (!has_landlock())
        skip();
    expect_in_child(writes_to_no_setting);
}

static void files_are_written_in_the_data_folder_alone(void **state)
{
    (void)state;
    if (!has_landlock())
        skip();
    expect_in_child(writes_in_the_data_folder_alone);
}

static bool is_refused(long result)
{
    return result == -1 && errno == EPERM;
}

static bool refuses_calls(void)
{
    return enter(SANDBOX_ON) && is_refused(syscall(SYS_bpf, 0, NULL, 0)) &&
           is_refused(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0)) &&
           is_refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)) &&
           is_refused(syscall(SYS_io_uring_setup, 0, NULL)) && is_refused(umount("/nowhere"));
}

static void calls_of_no_use_are_refused(void **state)
{
    (void)state;
    expect_in_child(refuses_calls);
}

/* A user namespace is where a user has all capabilities: two ways to it, and a third that could
 * not be looked through. */
static bool makes_no_namespace(void)
{
    pid_t child;

    if (!enter(SANDBOX_ON) || !is_refused(unshare(CLONE_NEWUSER)) ||
        !is_refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL)) ||
        syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
        return false;
    child = fork(); /* and what is no namespace goes on */
    if (child == 0)
        _exit(0);
    return child > 0 && waitpid(child, NULL, 0) == child;
}

static void no_namespaces_are_made(void **state)
{
    (void)state;
    expect_in_child(makes_no_namespace);
}

static bool loses_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && enter(SANDBOX_ON) &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
           (geteuid() != 0 || prctl(PR_CAPBSET_READ, 21 /* CAP_SYS_ADMIN */, 0, 0, 0) == 0) &&
           is_refused(chroot("/"));
}

static void privileges_do_not_come_back(void **state)
{
    (void)state;
    expect_in_child(loses_privileges);
}

static bool hides_memory(void)
{
    struct rlimit limit;

    sandbox_hide_memory();
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 &&
           limit.rlim_cur == 1 && limit.rlim_max == 1;
}

/* What was taken away stays so, and that is not worth a word. */
static bool hides_memory_without_a_limit(void)
{
    struct rlimit limit = { 0 };

    if (setrlimit(RLIMIT_CORE, &limit) != 0)
        return false;
    sandbox_hide_memory();
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 &&
           limit.rlim_cur == limit.rlim_max && limit.rlim_max <= 1;
}

static void memory_is_not_dumped(void **state)
{
    (void)state;
    expect_in_child(hides_memory);
    expect_in_child(hides_memory_without_a_limit);
}

/* As a container may do it: the calls of the sandbox itself are not to be had. */
static bool forbid(uint32_t first, uint32_t last)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool goes_on_without(uint32_t first, uint32_t last, const char *name)
{
    struct error err;

    return forbid(first, last) && enter(SANDBOX_ON) &&
           !sandbox_enter(SANDBOX_REQUIRED, data, &err) && err.code == ERROR_CONFIG &&
           str_find(str_from(err.text), str_from(name)) != SIZE_MAX;
}

static bool goes_on_without_seccomp(void)
{
    return goes_on_without(SYS_seccomp, SYS_seccomp, "seccomp");
}

static bool goes_on_without_landlock(void)
{
    return goes_on_without(SYS_landlock_create_ruleset, SYS_landlock_restrict_self, "landlock");
}

static void what_is_lacking_stops_only_where_it_is_required(void **state)
{
    (void)state;
    expect_in_child(goes_on_without_seccomp);
    expect_in_child(goes_on_without_landlock);
}

static bool changes_nothing(void)
{
    return enter(SANDBOX_OFF) && can_write(outside) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

static void off_changes_nothing(void **state)
{
    (void)state;
    expect_in_child(changes_nothing);
}

static void modes_have_names(void **state)
{
    enum sandbox_mode mode;

    (void)state;
    assert_true(sandbox_parse_mode("required", &mode));
    assert_int_equal(mode, SANDBOX_REQUIRED);
    assert_false(sandbox_parse_mode("true", &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_in_the_data_folder_alone),
        cmocka_unit_test(settings_of_the_machine_are_not_written),
        cmocka_unit_test(calls_of_no_use_are_refused),
        cmocka_unit_test(no_namespaces_are_made),
        cmocka_unit_test(privileges_do_not_come_back),
        cmocka_unit_test(memory_is_not_dumped),
        cmocka_unit_test(what_is_lacking_stops_only_where_it_is_required),
        cmocka_unit_test(off_changes_nothing),
        cmocka_unit_test(modes_have_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
