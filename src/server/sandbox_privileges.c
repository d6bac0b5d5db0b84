/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/sandbox_parts.h"

#define BIT(capability) ((uint64_t)1 << (capability))

/* What root keeps: it may own neither the data folder nor the files that SIGHUP reads (a volume of
 * a container); and engines lock models into memory and set priorities. */
#define KEPT \
    (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_IPC_LOCK) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_NICE))

bool sandbox_no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* A program that root starts gets what the bounding set has. Ends at the first number that the kernel does
 * not know (EINVAL). */
static bool drop_bounding_set(void)
{
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!(KEPT & BIT(i)) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
            return false;
    }
    return errno == EINVAL;
}

static void limit_set(__u32 *set, uint64_t kept, unsigned half)
{
    *set &= (__u32)(kept >> (32 * half));
}

bool sandbox_drop_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, sets) != 0)
        return false;
    /* A container may have dropped CAP_SETPCAP, and with it the right to shrink the set. */
    if (!drop_bounding_set() && errno != EPERM)
        return false;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
        limit_set(&sets[half].effective, KEPT, half);
        limit_set(&sets[half].permitted, KEPT, half);
        sets[half].inheritable = 0;
    }
    return syscall(SYS_capset, &header, sets) == 0;
}
