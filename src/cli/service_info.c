/* SPDX-License-Identifier: MIT */
#include "cli/service_info.h"

#include "server/data_folder.h"
#include "server/sealing.h"

bool service_info_read(const struct settings *s, struct arena *a, struct service_info *info,
                       struct error *err)
{
    struct data_folder folder;
    struct secret_box *box = NULL;
    struct store *store = NULL;
    bool ok = data_folder_find(&folder, s->data, err);

    *info = (struct service_info){ 0 };
    if (ok)
        box = sealing_open(s, &folder, false, err);
    if (box)
        store = store_open(folder.database, err);
    if (store)
        store_only_read(store);
    ok = store && bootstrap_read(store, box, a, &info->known, err);
    if (ok) {
        struct str authority = info->known.endpoint.authority_file;

        info->folder = arena_copy(a, str_from(folder.path));
        if (authority.len)
            info->authority_file = arena_printf(a, "%s/%.*s", folder.path, STR_ARGS(authority));
    }
    if (store)
        store_close(store);
    secret_box_free(box);
    data_folder_close(&folder);
    return ok;
}
