/*
 * The filter of system calls. It forbids what neither lazuli nor an engine needs, rather than
 * allowing what they do: the programs that inherit it (llama-server with whatever its drivers call)
 * are not ours to know. The kernel finds once what the filter says of a call without looking at its
 * arguments, so that calls that are allowed cost nothing afterwards.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/sandbox_parts.h"

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Calls of the x32 ABI have this bit. */
#define X32_BIT 0x40000000u

/* A process, or a kernel, is not taken apart from inside. */
static const uint32_t forbidden[] = {
/* other processes' memory and descriptors; LeakSanitizer looks into our own so */
#ifndef __SANITIZE_ADDRESS__
    SYS_ptrace,
#endif
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    /* the kernel itself */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_reboot,
    SYS_syslog,
    /* its operations pass no filter */
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    /* the kernel's key rings, which forget namespaces */
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    /* mounts, roots and namespaces */
    SYS_mount,
    SYS_umount2,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    /* files past the permissions of the folders above them */
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    /* the machine's settings */
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
#ifdef __x86_64__
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

#ifdef OUR_ARCHITECTURE

/* Namespaces, by the way of clone(). */
#define NEW_NAMESPACES                                                                         \
    (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
     CLONE_NEWCGROUP)

#define PROLOGUE_MAX 16
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE(number) RETURN(SECCOMP_RET_ERRNO | (number))
/* The next instruction is for those that meet it, the one behind it for the others. */
#define IF(condition, value) BPF_JUMP(BPF_JMP | BPF_##condition | BPF_K, (value), 0, 1)
#define UNLESS(condition, value) BPF_JUMP(BPF_JMP | BPF_##condition | BPF_K, (value), 1, 0)

static unsigned make_filter(struct sock_filter *f)
{
    unsigned n = 0;

    /* numbers mean other calls in another ABI */
    f[n++] = (struct sock_filter)LOAD(arch);
    f[n++] = (struct sock_filter)UNLESS(JEQ, OUR_ARCHITECTURE);
    f[n++] = (struct sock_filter)REFUSE(ENOSYS);
    f[n++] = (struct sock_filter)LOAD(nr);
    f[n++] = (struct sock_filter)IF(JGE, X32_BIT);
    f[n++] = (struct sock_filter)REFUSE(ENOSYS);
    for (unsigned i = 0; i < ARRAY_LEN(forbidden); i++) {
        f[n++] = (struct sock_filter)IF(JEQ, forbidden[i]);
        f[n++] = (struct sock_filter)REFUSE(EPERM);
    }
    /* its flags lie in memory, where no filter sees them; glibc then uses clone */
    f[n++] = (struct sock_filter)IF(JEQ, SYS_clone3);
    f[n++] = (struct sock_filter)REFUSE(ENOSYS);
    f[n++] = (struct sock_filter)IF(JEQ, SYS_clone);
    f[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
    f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    f[n++] = (struct sock_filter)LOAD(args[0]); /* the low half */
    f[n++] = (struct sock_filter)IF(JSET, NEW_NAMESPACES);
    f[n++] = (struct sock_filter)REFUSE(EPERM);
    f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    return n;
}

bool sandbox_filter_calls(void)
{
    struct sock_filter filter[2 * ARRAY_LEN(forbidden) + PROLOGUE_MAX];
    struct sock_fprog program = { .filter = filter };

    program.len = (unsigned short)make_filter(filter);
    /* Without this flag, kernels before 5.16 make all code of the process slower. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                   &program) == 0;
}

#else

bool sandbox_filter_calls(void)
{
    (void)forbidden;
    errno = ENOSYS;
    return false;
}

#endif
