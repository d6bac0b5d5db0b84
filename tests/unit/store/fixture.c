/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){ .folder = "/tmp/lazuli-store-XXXXXX" };
    if (!mkdtemp(f.folder))
        return -1;
    snprintf(f.file, sizeof(f.file), "%s/lazuli.db", f.folder);
    *state = &f;
    return 0;
}

int tear_down(void **state)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
    struct fixture *f = *state;

    store_close(f->store);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[160];

        snprintf(path, sizeof(path), "%s%s", f->file, endings[i]);
        unlink(path);
    }
    return rmdir(f->folder);
}

void open_store(struct fixture *f)
{
    struct error err = { 0 };

    f->store = store_open(f->file, &err);
    if (!f->store)
        fail_msg("%s", err.text);
}

void reopen(struct fixture *f)
{
    store_close(f->store);
    open_store(f);
}

void must_run(struct fixture *f,
              bool (*run)(struct store_txn *t, struct arena *arena, void *data, struct error *err),
              void *data)
{
    struct error err = { 0 };

    if (!store_run(f->store, run, data, &err))
        fail_msg("%s", err.text);
}

struct store_resource resource(struct str key, struct str type, struct str parent)
{
    return (struct store_resource){
        .key = key, .id = key, .type = type, .parent = parent, .etag = STR("e"), .body = STR("{}")
    };
}
