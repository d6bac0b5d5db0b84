/* SPDX-License-Identifier: MIT */
#include "engine/llama_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

/* Ends the process with the thread that started it, our control loop, however lazuli ends. Part
 * of util-linux, which every Debian has; without it, pid files do (pid_file.h). */
#define SETPRIV "/usr/bin/setpriv"
#define PARALLEL_DEFAULT 4
/* Calls beyond the slots, which wait inside llama-server. */
#define WAITING_CALLS 64
/* Threads beside those of the calls: for a probe, and for calls that have been given up, which
 * llama-server notices within a second. */
#define SPARE_THREADS 8
/* Tokens of one input of embeddings must fit into one batch. */
#define EMBEDDINGS_BATCH_DEFAULT 2048
#define FIXED_ARGUMENTS_MAX 40

struct list {
    struct arena *arena;
    const char **items;
    size_t count;
};

static void add(struct list *l, const char *text)
{
    l->items[l->count++] = text;
}

static void add_number(struct list *l, const char *name, unsigned number)
{
    add(l, name);
    add(l, arena_printf(l->arena, "%u", number).data);
}

/* The file, absolute, since a wrapper may change folders; checked to be a GGUF. */
static const char *find_model(struct arena *a, const struct llama_command_options *o,
                              struct error *err)
{
    const char *model = o->settings->model;
    char path[PATH_MAX], magic[4] = { 0 };
    const char *why;
    int fd;

    if (strcmp(model, "embedded") == 0)
        model = o->embedded_model;
    if (!model) {
        error_set(err, ERROR_CONFIG, "this build has no embedded model");
        return NULL;
    }
    if (!realpath(model, path)) {
        error_set(err, ERROR_CONFIG, "cannot read the model %s: %s", model, strerror(errno));
        return NULL;
    }
    fd = file_open(path, &why);
    if (fd < 0) {
        error_set(err, ERROR_CONFIG, "the model %s cannot be read: %s", path, why);
        return NULL;
    }
    if (file_read(fd, magic, sizeof(magic)) != sizeof(magic) || memcmp(magic, "GGUF", 4) != 0) {
        error_set(err, ERROR_CONFIG, "the model %s is not a GGUF file", path);
        model = NULL;
    }
    close(fd);
    return model ? arena_text(a, str_from(path)) : NULL;
}

static unsigned cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 0 ? (unsigned)count : 1;
}

static void add_settings(struct list *l, const struct catalog_llama *s)
{
    unsigned parallel = s->parallel ? s->parallel : PARALLEL_DEFAULT;

    add_number(l, "--ctx-size", s->context_tokens * parallel); /* it divides it among the slots */
    add_number(l, "--parallel", parallel);
    add_number(l, "--threads", s->threads ? s->threads : cores());
    add_number(l, "--gpu-layers", s->gpu_layers);
    if (s->embeddings) {
        unsigned batch = s->context_tokens ? s->context_tokens : EMBEDDINGS_BATCH_DEFAULT;

        add(l, "--embeddings");
        add(l, "--pooling");
        add(l, "mean");
        add_number(l, "--batch-size", batch);
        add_number(l, "--ubatch-size", batch);
    } else {
        add(l, "--jinja");
    }
    add(l, "--no-webui");
    add(l, "--no-slots");
    for (unsigned i = 0; i < s->argument_count; i++)
        add(l, s->arguments[i]);
}

unsigned llama_command_places(const struct catalog_llama *settings)
{
    return (settings->parallel ? settings->parallel : PARALLEL_DEFAULT) + WAITING_CALLS;
}

static const char **make_environment(struct arena *a, const struct llama_command_options *o)
{
    unsigned threads = llama_command_places(o->settings) + SPARE_THREADS;
    struct list l = { .arena = a, .items = ARENA_ARRAY(a, const char *, 8) };

    add(&l, "LLAMA_ARG_OFFLINE=1");
    add(&l, "LLAMA_ARG_CACHE_RAM=256"); /* MiB; its default, 8 GiB, is more than most have */
    add(&l, "LLAMA_ARG_SSE_PING_INTERVAL=-1");
    add(&l, o->is_verbose ? "LLAMA_ARG_LOG_VERBOSITY=3" : "LLAMA_ARG_LOG_VERBOSITY=2");
    add(&l, arena_printf(a, "LLAMA_ARG_THREADS_HTTP=%u", threads).data);
    if (!o->settings->context_tokens) /* each slot may fill the model's whole context */
        add(&l, "LLAMA_ARG_KV_UNIFIED=1");
    return l.items;
}

/* What would change it behind the catalog's back, what is set for us alone, and keys. */
static const char **make_hidden(struct arena *a, const struct llama_command_options *o)
{
    struct list l = { .arena = a };
    size_t count = 0;

    while (o->secrets && o->secrets[count])
        count++;
    l.items = ARENA_ARRAY(a, const char *, count + 3);
    add(&l, "LLAMA_");
    add(&l, "LAZULI_");
    for (size_t i = 0; i < count; i++)
        add(&l, arena_printf(a, "%s=", o->secrets[i]).data);
    return l.items;
}

bool llama_command(struct arena *a, const struct llama_command_options *o,
                   struct supervisor_command *command, struct error *err)
{
    const char *model;
    struct list l = { .arena = a };

    if (!o->llama_server)
        return error_set(err, ERROR_CONFIG,
                         "llama-server was not found: put it on the PATH or configure it");
    if (access(o->llama_server, X_OK))
        return error_set(err, ERROR_CONFIG, "cannot run %s: %s", o->llama_server, strerror(errno));
    model = find_model(a, o, err);
    if (!model)
        return false;
    l.items = ARENA_ARRAY(a, const char *, FIXED_ARGUMENTS_MAX + o->settings->argument_count);
    if (access(SETPRIV, X_OK) == 0) {
        add(&l, SETPRIV);
        add(&l, "--pdeathsig");
        add(&l, "KILL");
        add(&l, "--");
    }
    add(&l, o->llama_server);
    add(&l, "--model");
    add(&l, model);
    add(&l, "--host");
    add(&l, o->socket);
    add_settings(&l, o->settings);
    command->argv = l.items;
    command->environment = make_environment(a, o);
    command->hidden = make_hidden(a, o);
    return true;
}
