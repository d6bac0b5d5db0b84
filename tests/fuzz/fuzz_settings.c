/*
 * Bytes as a configuration file, which a reload brings too, and as the value of each setting.
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/settings.h"
#include "fuzz.h"

static void check_error(const struct error *err)
{
    check(err->code == ERROR_CONFIG && err->text[0] && str_is_utf8(str_from(err->text)));
}

/* What can only be had by a restart is said, and once more the same time after time. */
static void reload(const struct settings *next)
{
    struct settings s;
    struct buf first, second;

    settings_init(&s);
    buf_init(&first, 1024);
    buf_init(&second, 1024);
    settings_reload(&s, next, &first);
    settings_reload(&s, next, &second);
    check(str_equal(buf_str(&first), buf_str(&second)));
    check(settings_log_level(&s) == settings_log_level(next));
    buf_done(&first);
    buf_done(&second);
    settings_done(&s);
}

static void load(const uint8_t *data, size_t size)
{
    int fd = memfd_create("settings", MFD_CLOEXEC);
    struct settings s;
    struct error err;
    char path[64];

    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    settings_init(&s);
    if (!settings_load(&s, path, &err))
        check_error(&err);
    else if (!settings_check(&s, &err))
        check_error(&err);
    else
        reload(&s);
    settings_done(&s);
    close(fd);
}

static void set(const uint8_t *data, size_t size)
{
    struct str value = str_of((const char *)data, size), key;
    struct settings s;
    struct error err;

    settings_init(&s);
    if (str_split(&value, '=', &key) && !settings_set(&s, key, value, "here", &err))
        check_error(&err);
    else if (!settings_check(&s, &err))
        check_error(&err);
    settings_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load(data, size);
    set(data, size);
    return 0;
}
