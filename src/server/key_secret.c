/* SPDX-License-Identifier: MIT */
#include "server/key_secret.h"

#include <string.h>

#include "base/format.h"
#include "base/random.h"

#define SETTING_NAME STR("key_hash_secret") /* sealed, base64 */

struct key_secret_job {
    const struct secret_box *box;
    struct key_hash *hash;
};

static bool make_secret(struct store_txn *t, struct arena *a, struct key_secret_job *job,
                        struct error *err)
{
    uint8_t secret[KEY_HASH_SECRET_BYTES];
    struct str sealed;

    random_bytes(secret, sizeof(secret));
    sealed =
        secret_box_seal(job->box, a, str_of((const char *)secret, sizeof(secret)), SETTING_NAME);
    job->hash = key_hash_new(secret);
    explicit_bzero(secret, sizeof(secret));
    return store_put_setting(t, SETTING_NAME, format_base64(a, sealed.data, sealed.len), err);
}

static bool run(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct key_secret_job *job = data;
    struct str text, sealed, secret;
    bool found;

    if (!store_get_setting(t, SETTING_NAME, &text, &found, err))
        return false;
    if (!found)
        return make_secret(t, a, job, err);
    if (!format_parse_base64(a, text, &sealed) ||
        !secret_box_open(job->box, a, sealed, SETTING_NAME, &secret, err) ||
        secret.len < KEY_HASH_SECRET_BYTES) /* earlier ones are longer */
        return error_set(err, ERROR_STORE,
                         "the stored secrets do not open: this is not the master key that they "
                         "were sealed with");
    job->hash = key_hash_new((const uint8_t *)secret.data);
    secret_wipe(secret);
    return true;
}

bool key_secret_open(struct store *s, const struct secret_box *box, struct key_hash **hash,
                     struct error *err)
{
    struct key_secret_job job = { .box = box };

    if (!store_run(s, run, &job, err)) {
        key_hash_free(job.hash);
        return false;
    }
    *hash = job.hash;
    return true;
}
