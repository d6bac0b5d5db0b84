/* SPDX-License-Identifier: MIT */
#include "load/pacer.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NEVER UINT64_MAX

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pacer *p = poll->data;
    uint64_t expirations;

    (void)events;
    if (status)
        return;
    /* A timer that was set anew meanwhile has nothing to read. */
    if (read(p->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
        return;
    p->armed_us = NEVER;
    p->on_due(p->data);
}

bool pacer_open(struct pacer *p, struct loop *l, void (*on_due)(void *data), void *data,
                struct error *err)
{
    *p = (struct pacer){ .armed_us = NEVER, .on_due = on_due, .data = data };
    p->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->fd < 0)
        return error_set(err, ERROR_IO, "no timer can be made: %s", strerror(errno));
    uv_poll_init(loop_uv(l), &p->poll, p->fd);
    p->poll.data = p;
    uv_poll_start(&p->poll, UV_READABLE, on_poll);
    return true;
}

void pacer_arm(struct pacer *p, uint64_t at_us)
{
    struct itimerspec when = { 0 };

    if (at_us == p->armed_us)
        return;
    p->armed_us = at_us;
    if (at_us != NEVER) {
        when.it_value.tv_sec = (time_t)(at_us / 1000000);
        when.it_value.tv_nsec = (long)(at_us % 1000000) * 1000;
        if (!at_us)
            when.it_value.tv_nsec = 1; /* all zero would stop it */
    }
    timerfd_settime(p->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_closed(uv_handle_t *poll)
{
    struct pacer *p = poll->data;

    close(p->fd);
}

void pacer_close(struct pacer *p)
{
    uv_close((uv_handle_t *)&p->poll, on_closed);
}
