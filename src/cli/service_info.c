/* SPDX-License-Identifier: MIT */
#include "cli/service_info.h"

#include "server/data_folder.h"
#include "server/sealing.h"

/* The key of a vault is asked for only where it turns out to be needed. */
static bool read_known(struct store *store, const struct secret_box *box, const struct settings *s,
                       struct arena *a, struct bootstrap_info *known, struct error *err)
{
    struct key_vault *vault = key_vault_new();
    struct error why;
    bool ok;

    sealing_configure_vault(s, vault);
    ok = bootstrap_read(store, box, vault, a, known, err);
    if (ok && known->missing_key.vault.len && key_vault_fetch(vault, &known->missing_key, &why))
        ok = bootstrap_read(store, box, vault, a, known, err);
    key_vault_free(vault);
    return ok;
}

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
    ok = store && read_known(store, box, s, a, &info->known, err);
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
