/*
 * For tests of the sandbox (refusals.py), by its words:
 *   refusals ERRNO NAME... -- PROGRAM ARG...   has these calls fail with that error, as a container
 *                                              may, and becomes the program
 *   refusals --ANYTHING...                     as a llama-server, which inherits what the service has
 *                                              given up: makes every call of the list, with arguments
 *                                              that mean nothing, and writes to the file that
 *                                              REFUSALS_FILE names how each failed; then it waits
 * Of two filters that refuse a call, the younger one says by which error (seccomp(2)). So a service that
 * is started by the first of them shows by its own error that its own filter refuses a call, whatever
 * rights, kernel and container would say of it; and no call is carried out.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The list, as the test compiles it in. */
#ifndef CALLS
#define CALLS CALL(ptrace)
#endif

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define X32_BIT 0x40000000u
#ifdef __x86_64__
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct call {
    const char *name;
    uint32_t number;
};

static const struct call calls[] = {
#define CALL(name) { #name, SYS_##name },
    CALLS
#undef CALL
};

static const struct call namespaces[] = {
    { "clone_newns", CLONE_NEWNS },         { "clone_newuser", CLONE_NEWUSER },
    { "clone_newpid", CLONE_NEWPID },       { "clone_newnet", CLONE_NEWNET },
    { "clone_newipc", CLONE_NEWIPC },       { "clone_newuts", CLONE_NEWUTS },
    { "clone_newcgroup", CLONE_NEWCGROUP },
};

/* Of prctl. */
static const struct call options[] = {
    { "PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS },
    { "PR_CAPBSET_DROP", PR_CAPBSET_DROP },
};

static void fail(const char *what)
{
    fprintf(stderr, "refusals: %s: %s\n", what, strerror(errno));
    exit(3);
}

/* -- A filter of its own ----------------------------------------------------------------------- */

static struct sock_filter filter[5 * (COUNT(calls) + COUNT(namespaces) + COUNT(options)) + 32];
static unsigned short length;

static void add(uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    filter[length++] = (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void load(size_t field)
{
    add(BPF_LD | BPF_W | BPF_ABS, (uint32_t)field, 0, 0);
}

/* Refuses what compares so to what is loaded. */
static void refuse_if(uint16_t comparison, uint32_t value, uint32_t error)
{
    add(BPF_JMP | BPF_K | comparison, value, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
}

/* A call whose first argument compares so. */
static void refuse_use(uint32_t number, uint16_t comparison, uint32_t argument, uint32_t error)
{
    add(BPF_JMP | BPF_K | BPF_JEQ, number, 0, 4);
    load(offsetof(struct seccomp_data, args[0]));
    refuse_if(comparison, argument, error);
    load(offsetof(struct seccomp_data, nr));
}

static void refuse(const char *name, uint32_t error)
{
    if (strcmp(name, "x32") == 0) {
        refuse_if(BPF_JGE, X32_BIT, error);
        return;
    }
    for (size_t i = 0; i < COUNT(options); i++) {
        if (strcmp(name, options[i].name) == 0) {
            refuse_use(SYS_prctl, BPF_JEQ, options[i].number, error);
            return;
        }
    }
    for (size_t i = 0; i < COUNT(namespaces); i++) {
        if (strcmp(name, namespaces[i].name) == 0) {
            refuse_use(SYS_clone, BPF_JSET, namespaces[i].number, error);
            return;
        }
    }
    for (size_t i = 0; i < COUNT(calls); i++) {
        if (strcmp(name, calls[i].name) == 0) {
            refuse_if(BPF_JEQ, calls[i].number, error);
            return;
        }
    }
    fprintf(stderr, "refusals: %s: it is not on the list\n", name);
    exit(3);
}

static void become(char **words)
{
    uint32_t error = (uint32_t)strtoul(*words++, NULL, 10);
    struct sock_fprog program = { .filter = filter };

    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_K | BPF_JEQ, OUR_ARCHITECTURE, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
    load(offsetof(struct seccomp_data, nr));
    for (; *words && strcmp(*words, "--") != 0; words++)
        refuse(*words, error);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    program.len = length;
    if (!*words || !words[1])
        exit(3);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        fail("its own filter");
    execvp(words[1], words + 1);
    fail(words[1]);
}

/* -- A llama-server ---------------------------------------------------------------------------- */

static int error_of(long result)
{
    return result == -1 ? errno : 0;
}

#ifdef __x86_64__
/* By the way into the kernel that programs of 32 bits take. A kernel without it kills who tries. */
static int error_of_other_architecture(void)
{
    pid_t child = fork();
    int status, result;

    if (child == 0) {
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20 /* getpid */) : "memory");
        _exit(result < 0 ? -result : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        fail("fork");
    return WIFEXITED(status) ? WEXITSTATUS(status) : ENOSYS;
}
#endif

static void ask(FILE *out)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        fprintf(out, "%s %d\n", calls[i].name,
                error_of(syscall(calls[i].number, -1L, -1L, -1L, -1L, -1L, -1L)));
    for (size_t i = 0; i < COUNT(namespaces); i++) {
        long child =
            syscall(SYS_clone, (unsigned long)namespaces[i].number | SIGCHLD, 0L, 0L, 0L, 0L);

        if (child == 0)
            _exit(0);
        fprintf(out, "%s %d\n", namespaces[i].name, error_of(child));
    }
    fprintf(out, "clone3 %d\n", error_of(syscall(SYS_clone3, NULL, 0)));
    fprintf(out, "x32 %d\n", error_of(syscall(X32_BIT | SYS_getpid)));
#ifdef __x86_64__
    fprintf(out, "i386 %d\n", error_of_other_architecture());
#endif
}

static void answer(const char *file)
{
    char unfinished[4096];
    FILE *out;

    snprintf(unfinished, sizeof(unfinished), "%s.new", file);
    out = fopen(unfinished, "we");
    if (!out)
        fail(unfinished);
    ask(out);
    if (fclose(out) != 0 || rename(unfinished, file) != 0)
        fail(file);
}

int main(int argc, char **argv)
{
    const char *file = getenv("REFUSALS_FILE");

    if (argc > 1 && *argv[1] != '-')
        become(argv + 1);
    if (!file)
        return 3;
    answer(file);
    for (;;)
        pause();
}
