/* SPDX-License-Identifier: MIT */
#include "server/sealing.h"

struct secret_box *sealing_open(const struct settings *s, const struct data_folder *f, bool create,
                                struct error *err)
{
    if (s->master_key_command)
        return secret_box_new_from_command(s->master_key_command, err);
    return secret_box_new_from_file(s->master_key_file ? s->master_key_file : f->master_key, create,
                                    err);
}

void sealing_configure_vault(const struct settings *s, struct key_vault *v)
{
    key_vault_configure(v, &(struct key_vault_source){
                               .folder = s->vault_key_folder,
                               .command = s->vault_key_command,
                               .timeout_ms = s->vault_key_timeout_ms,
                           });
}
