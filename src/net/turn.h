/*
 * Work for the end of the loop's turn: what an event has left to be done is done before the loop
 * waits again, outside of every callback, so that nobody's memory goes while they stand in it and
 * nobody is called back out of their own call.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_TURN_H
#define NET_TURN_H

#include <stdbool.h>

#include <uv.h>

#include "net/loop.h"

/* Lies in what it is about; all zero but `run` to begin with. */
struct turn_item {
    void (*run)(struct turn_item *item); /* may free what the item lies in, or add it again */
    struct turn_item *prev, *next;
    bool is_queued;
};

struct turn {
    struct loop *loop;
    uv_prepare_t prepare;
    uv_check_t check;
    struct turn_item *items;
    unsigned item_count;
    unsigned handles_open;
    void (*on_closed)(void *data);
    void *data;
};

/* It has handles in the loop, until turn_close; `t` lies still until on_closed. */
void turn_init(struct turn *t, struct loop *l);
/* Has item->run called once at the end of this turn, when what was written before is sent; adding it
 * twice is the same as once. */
void turn_add(struct turn *t, struct turn_item *item);
/* It is not run; nothing where it was not added. */
void turn_remove(struct turn *t, struct turn_item *item);
/* `on_closed` is called in a later turn, when the turn's memory may go. */
void turn_close(struct turn *t, void (*on_closed)(void *data), void *data);

#endif
