/* SPDX-License-Identifier: MIT */
#include "vault_folder.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"

void vault_folder_make(struct vault_folder *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/lazuli-vault-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void vault_folder_remove(struct vault_folder *f)
{
    assert_int_equal(nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void path_of(const struct vault_folder *f, char path[512], const char *vault,
                    const char *name, const char *version)
{
    snprintf(path, 512, "%s/%s", f->path, vault);
    mkdir(path, 0700);
    snprintf(path, 512, "%s/%s/%s", f->path, vault, name);
    mkdir(path, 0700);
    snprintf(path, 512, "%s/%s/%s/%s", f->path, vault, name, version);
}

void vault_folder_write(const struct vault_folder *f, const char *vault, const char *name,
                        const char *version, const char *text)
{
    char path[512];
    FILE *file;

    path_of(f, path, vault, name, version);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

void vault_folder_put(const struct vault_folder *f, const char *vault, const char *name,
                      const char *version, char byte)
{
    struct arena *a = arena_new(NULL);
    char key[MASTER_KEY_BYTES];

    memset(key, byte, sizeof(key));
    vault_folder_write(f, vault, name, version, format_base64(a, key, sizeof(key)).data);
    arena_free(a);
}

void vault_folder_delete(const struct vault_folder *f, const char *vault, const char *name,
                         const char *version)
{
    char path[512];

    path_of(f, path, vault, name, version);
    assert_int_equal(unlink(path), 0);
}

void vault_folder_use(struct vault_folder *f, struct key_vault *v)
{
    key_vault_configure(v, &(struct key_vault_source){ .folder = f->path });
}
