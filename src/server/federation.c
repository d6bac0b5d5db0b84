/* SPDX-License-Identifier: MIT */
#include "server/federation.h"

#include <stdlib.h>

#include "base/memory.h"
#include "identity/issuer_fetcher.h"

struct federation {
    struct issuers *list;
    struct issuer_keys_box *keys;
    struct loop *loop;
    struct issuer_fetcher *fetcher;
    unsigned closing;            /* fetchers */
    void (*on_done)(void *data); /* NULL: it is not to stop */
    void *data;
};

struct federation *federation_new(struct issuers *list)
{
    struct federation *f = memory_alloc(sizeof(*f));

    f->list = list;
    f->keys = issuer_keys_box_new();
    return f;
}

void federation_free(struct federation *f)
{
    if (!f)
        return;
    issuers_unref(f->list);
    issuer_keys_box_free(f->keys);
    free(f);
}

struct issuer_keys_box *federation_keys(struct federation *f)
{
    return f->keys;
}

void federation_start(struct federation *f, struct loop *loop)
{
    f->loop = loop;
    f->fetcher = issuer_fetcher_new(loop, f->keys, f->list, NULL);
}

static void on_closed(void *data)
{
    struct federation *f = data;

    if (--f->closing == 0 && f->on_done)
        f->on_done(f->data);
}

static void close_fetcher(struct federation *f)
{
    f->closing++;
    issuer_fetcher_close(f->fetcher, on_closed, f);
    f->fetcher = NULL;
}

void federation_reload(struct federation *f, struct issuers *list)
{
    close_fetcher(f);
    issuers_unref(f->list);
    f->list = list;
    federation_start(f, f->loop);
}

void federation_stop(struct federation *f, void (*on_done)(void *data), void *data)
{
    f->on_done = on_done;
    f->data = data;
    close_fetcher(f);
}
