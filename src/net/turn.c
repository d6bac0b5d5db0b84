/* SPDX-License-Identifier: MIT */
#include "net/turn.h"

#include <assert.h>

#include <utlist.h>

/* In rounds: all that are there run, then what they have written is sent, then those that they have
 * added run. Each stage of the work is done for all before the next one begins, for the sake of the
 * processor's instruction cache (see net/stream_write.c). */
static void run(struct turn *t)
{
    loop_flush(t->loop);
    while (t->items) {
        for (unsigned left = t->item_count; left && t->items; left--) {
            struct turn_item *item = t->items;

            turn_remove(t, item);
            item->run(item);
        }
        loop_flush(t->loop);
    }
}

/* Right after the sockets' events: most work is done here. */
static void on_check(uv_check_t *check)
{
    run(check->data);
}

/* Before the loop waits: what timers and closed handles have left. */
static void on_prepare(uv_prepare_t *prepare)
{
    run(prepare->data);
}

void turn_init(struct turn *t, struct loop *l)
{
    *t = (struct turn){ .loop = l, .handles_open = 2 };
    uv_prepare_init(loop_uv(l), &t->prepare);
    uv_check_init(loop_uv(l), &t->check);
    t->prepare.data = t;
    t->check.data = t;
    uv_prepare_start(&t->prepare, on_prepare);
    uv_check_start(&t->check, on_check);
}

void turn_add(struct turn *t, struct turn_item *item)
{
    if (item->is_queued)
        return;
    item->is_queued = true;
    DL_APPEND(t->items, item);
    t->item_count++;
}

void turn_remove(struct turn *t, struct turn_item *item)
{
    if (!item->is_queued)
        return;
    item->is_queued = false;
    DL_DELETE(t->items, item);
    t->item_count--;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct turn *t = handle->data;

    if (--t->handles_open == 0)
        t->on_closed(t->data);
}

void turn_close(struct turn *t, void (*on_closed)(void *data), void *data)
{
    assert(!t->items);
    t->on_closed = on_closed;
    t->data = data;
    uv_close((uv_handle_t *)&t->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&t->check, on_handle_closed);
}
