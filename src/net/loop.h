/*
 * One event loop on one thread, with what hangs from it: the pool for its arenas and a mailbox
 * through which other threads give it work. Everything but loop_post and loop_stop is called on
 * the loop's own thread.
 *
 * Lifetime rule of libuv, which all of net/ keeps: a handle's memory goes back only in its close
 * callback.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/arena.h"

struct loop;

/* A piece of work for a loop. The poster owns the memory until fn is called; fn may free it. */
struct loop_task {
    struct loop_task *next;
    void (*fn)(struct loop_task *task);
};

/* Also has the process ignore SIGPIPE: a peer that has left is an error of the write, not the end
 * of the process. */
struct loop *loop_new(void);
/* After loop_run has returned. Every handle must be closed by then. NULL is fine. */
void loop_free(struct loop *l);

/* Runs until loop_stop was called and all handles are closed. */
void loop_run(struct loop *l);
/* Asks the loop to close its mailbox, so that loop_run ends when nothing else is open. Any thread;
 * once per loop. Tasks posted before, and what those post to their own loop, are still run; no
 * other may be posted after. */
void loop_stop(struct loop *l);

/* Has task->fn called on the loop's thread, in the order of posting. Any thread, no lock held by
 * the caller is needed; wakes the loop at most once per turn. A task that posts to its own loop
 * runs in a later turn, so that sockets get theirs in between. */
void loop_post(struct loop *l, struct loop_task *task);

/* Work that would keep a loop from its sockets for too long. The memory is the caller's until `done`
 * is called. */
struct loop_work {
    uv_work_t request;
    void (*work)(struct loop_work *w); /* on some other thread */
    void (*done)(struct loop_work *w); /* on the loop's; loop_run waits for it */
};
void loop_offload(struct loop *l, struct loop_work *w);
/* Starts the pool for such work now, once for the process, and not with the first of it. A new thread
 * has its maker's registers, and lazy binding (_dl_runtime_resolve) stores them on its stack: so call
 * this before there are secrets. */
void loop_start_pool(struct loop *l);

/* libuv's loop, for its handles; it goes with the loop. */
uv_loop_t *loop_uv(struct loop *l);
/* For arenas that live and end on the loop's thread; it goes with the loop. */
struct arena_pool *loop_arenas(struct loop *l);
/* Milliseconds, cached at the start of the loop's turn (uv_now). */
uint64_t loop_now_ms(struct loop *l);

/* What this turn's callbacks leave on the stack and in registers is overwritten at its end, when what they
 * wrote has been sent (memory_wipe_traces). */
void loop_wipe_traces_later(struct loop *l);

/* What has been written in this turn goes to the sockets: see net/stream.h. */
void loop_flush(struct loop *l);

#endif
