/* SPDX-License-Identifier: MIT */
#include "llama_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct llama_fixture fixture;
struct rig rig;

static void write_catalog(char yaml[1024], const char *more, va_list args)
{
    char settings[512];

    vsnprintf(settings, sizeof(settings), more, args);
    snprintf(yaml, 1024, "engines:\n  - name: m\n    llama:\n      model: %s\n%s", fixture.model,
             settings);
}

void start(const char *more, ...)
{
    const struct engines_options options = { .run_folder = fixture.folder,
                                             .llama_server = fixture.server };
    char yaml[1024];
    va_list args;

    va_start(args, more);
    write_catalog(yaml, more, args);
    va_end(args);
    rig = (struct rig){ 0 };
    rig_start(&rig, yaml, &options);
}

void reload(const char *more, ...)
{
    char yaml[1024];
    va_list args;

    va_start(args, more);
    write_catalog(yaml, more, args);
    va_end(args);
    rig_reload(&rig, yaml);
}

void stop(void)
{
    rig_stop(&rig, NULL, NULL);
}

unsigned files_left(void)
{
    DIR *d = opendir(fixture.folder);
    struct dirent *entry;
    unsigned count = 0;

    while ((entry = readdir(d)))
        count += str_ends_with(str_from(entry->d_name), STR(".sock")) ||
                 str_ends_with(str_from(entry->d_name), STR(".pid"));
    closedir(d);
    return count;
}

bool is_running(int pid)
{
    char path[64], text[512], *end;
    FILE *f;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[len] = '\0';
    end = strrchr(text, ')');
    return end && end[2] != 'Z' && end[2] != 'X';
}

int pid_in(struct rig_call *c)
{
    const char *at = strstr(rig_call_text(c), "\"pid\":");

    assert_non_null(at);
    return (int)strtol(at + 6, NULL, 10);
}

int llama_fixture_set_up(void **state)
{
    struct llama_fixture *f = &fixture;
    ssize_t len = readlink("/proc/self/exe", f->server, sizeof(f->server) - sizeof("fake_llama"));
    FILE *file;

    (void)state;
    snprintf(f->folder, sizeof(f->folder), "/tmp/lazuli-llama-XXXXXX");
    if (len < 0 || !mkdtemp(f->folder))
        return -1;
    while (len > 0 && f->server[len - 1] != '/') /* it lies beside the test */
        len--;
    snprintf(f->server + len, sizeof(f->server) - (size_t)len, "fake_llama");
    snprintf(f->model, sizeof(f->model), "%.31s/model.gguf", f->folder);
    snprintf(f->marker, sizeof(f->marker), "%.31s/marker", f->folder);
    file = fopen(f->model, "w");
    return file && fputs("GGUF", file) >= 0 && !fclose(file) ? 0 : -1;
}

int llama_fixture_tear_down(void **state)
{
    (void)state;
    unlink(fixture.model);
    unlink(fixture.marker);
    return rmdir(fixture.folder);
}
