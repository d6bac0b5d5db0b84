/* SPDX-License-Identifier: MIT */
#include "identity/key_vault.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/memory_wipe.h"

/* A source that hangs must not fill the process with threads. */
#define ASKING_MAX 8
/* Vault, name, version, and what is between them. */
#define ENTRY_NAME_MAX (KEY_VAULT_HOST_MAX + 2 * KEY_VAULT_NAME_MAX + 3)

/* A key, or, with an empty version, the newest one of that name. */
struct entry {
    UT_hash_handle hh;
    struct entry *next;     /* of those that nobody uses */
    struct secret_box *box; /* NULL: it is not there */
    char *newest;           /* of the newest: which version that is; NULL: not known */
    char *reason;           /* why it is not there */
    uint64_t used;          /* the last look at which it was noted */
    char name[];            /* "vault/name/version" */
};

struct key_vault {
    pthread_mutex_t lock;
    struct entry *entries;
    uint64_t look;
    unsigned asking;
    atomic_bool is_stopped;
    struct key_vault_source source;
};

/* -- Entries, with the lock -------------------------------------------------------------------- */

static size_t write_name(const struct key_reference *r, char name[ENTRY_NAME_MAX])
{
    int len = snprintf(name, ENTRY_NAME_MAX, "%.*s/%.*s/%.*s", STR_ARGS(r->vault),
                       STR_ARGS(r->name), STR_ARGS(r->version));

    assert(len > 0 && len < ENTRY_NAME_MAX);
    return (size_t)len;
}

static struct key_reference reference_of(const char *name)
{
    struct str rest = str_from(name);
    struct key_reference r;

    (void)(str_split(&rest, '/', &r.vault) && str_split(&rest, '/', &r.name));
    r.version = rest;
    return r;
}

static struct entry *find(struct key_vault *v, const struct key_reference *r)
{
    char name[ENTRY_NAME_MAX];
    size_t len = write_name(r, name);
    struct entry *e;

    HASH_FIND(hh, v->entries, name, len, e);
    return e;
}

static struct entry *find_or_add(struct key_vault *v, const struct key_reference *r)
{
    struct entry *e = find(v, r);
    char name[ENTRY_NAME_MAX];
    size_t len;

    if (e)
        return e;
    len = write_name(r, name);
    e = memory_alloc(sizeof(*e) + len + 1);
    memcpy(e->name, name, len + 1);
    HASH_ADD(hh, v->entries, name[0], len, e);
    return e;
}

static void forget(struct entry *e, const char *reason)
{
    secret_box_free(e->box);
    free(e->newest);
    free(e->reason);
    e->box = NULL;
    e->newest = NULL;
    e->reason = memory_dup_text(reason);
}

static void free_all(struct entry *first)
{
    for (struct entry *e = first, *next; e; e = next) {
        next = e->next;
        forget(e, NULL);
        free(e);
    }
}

/* What the source had: the key, and that it is the newest one where that was asked for. Who asked has
 * until the end of the next look to be among those who use it. */
static void keep(struct key_vault *v, const struct key_reference *r, struct vault_key *key)
{
    struct key_reference exact = { r->vault, r->name, str_from(key->version) };
    struct entry *e = find_or_add(v, &exact);

    forget(e, NULL);
    e->box = secret_box_new(key->bytes);
    e->used = v->look + 1;
    if (r->version.len)
        return;
    e = find_or_add(v, r);
    forget(e, NULL);
    e->newest = memory_dup_text(key->version);
    e->used = v->look + 1;
}

/* -- What is known ----------------------------------------------------------------------------- */

bool key_vault_resolve(struct key_vault *v, struct arena *a, struct key_reference *r)
{
    const struct entry *e;
    bool is_known = true;

    if (r->version.len)
        return true;
    pthread_mutex_lock(&v->lock);
    e = find(v, r);
    is_known = e && e->newest;
    if (is_known)
        r->version = arena_copy(a, str_from(e->newest));
    pthread_mutex_unlock(&v->lock);
    return is_known;
}

struct secret_box *key_vault_find(struct key_vault *v, const struct key_reference *r)
{
    struct secret_box *box = NULL;
    const struct entry *e;

    pthread_mutex_lock(&v->lock);
    e = find(v, r);
    if (e && e->box)
        box = secret_box_ref(e->box);
    pthread_mutex_unlock(&v->lock);
    return box;
}

struct str key_vault_reason(struct key_vault *v, struct arena *a, const struct key_reference *r)
{
    struct str reason = STR("it has not been asked for");
    const struct entry *e;

    pthread_mutex_lock(&v->lock);
    e = find(v, r);
    if (e && e->reason)
        reason = arena_copy(a, str_from(e->reason));
    pthread_mutex_unlock(&v->lock);
    return reason;
}

/* -- Use --------------------------------------------------------------------------------------- */

void key_vault_begin_look(struct key_vault *v)
{
    pthread_mutex_lock(&v->lock);
    v->look++;
    pthread_mutex_unlock(&v->lock);
}

void key_vault_note(struct key_vault *v, const struct key_reference *r)
{
    pthread_mutex_lock(&v->lock);
    find_or_add(v, r)->used = v->look;
    pthread_mutex_unlock(&v->lock);
}

void key_vault_end_look(struct key_vault *v)
{
    struct entry *e, *next, *unused = NULL;

    pthread_mutex_lock(&v->lock);
    HASH_ITER(hh, v->entries, e, next)
    {
        if (e->used >= v->look)
            continue;
        HASH_DEL(v->entries, e);
        LL_PREPEND(unused, e);
    }
    pthread_mutex_unlock(&v->lock);
    free_all(unused);
}

static bool is_missing(const struct entry *e)
{
    return !e->box && !e->newest;
}

bool key_vault_lacks(struct key_vault *v)
{
    bool lacks = false;
    struct entry *e;

    pthread_mutex_lock(&v->lock);
    for (e = v->entries; e && !lacks; e = e->hh.next)
        lacks = is_missing(e);
    pthread_mutex_unlock(&v->lock);
    return lacks;
}

/* -- Asking ------------------------------------------------------------------------------------ */

/* A copy of the source, so that it may change meanwhile. */
static struct key_vault_source source_of(struct key_vault *v)
{
    struct key_vault_source s;

    pthread_mutex_lock(&v->lock);
    s = v->source;
    s.folder = memory_dup_text(s.folder);
    s.command = memory_dup_text(s.command);
    pthread_mutex_unlock(&v->lock);
    return s;
}

static void source_done(struct key_vault_source *s)
{
    free(s->folder);
    free(s->command);
}

bool key_vault_fetch(struct key_vault *v, const struct key_reference *r, struct error *err)
{
    struct key_vault_source source = source_of(v);
    struct vault_key key;
    bool is_silent, ok = key_vault_source_get(&source, r, &key, &is_silent, err);

    if (ok) {
        pthread_mutex_lock(&v->lock);
        keep(v, r, &key);
        pthread_mutex_unlock(&v->lock);
    }
    explicit_bzero(&key, sizeof(key));
    source_done(&source);
    return ok;
}

/* One of a refresh. */
struct wanted {
    struct key_reference key;
    bool is_newest;
    bool is_had; /* as the newest one of its name */
};

struct refresh {
    struct key_vault *vault;
    struct arena *arena;
    struct key_vault_source source;
    struct wanted *wanted;
    size_t count;
};

/* The newest ones first: they bring the keys that most of the others are. */
static int compare_wanted(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int order = (int)y->is_newest - (int)x->is_newest;

    return order ? order : str_compare(x->key.vault, y->key.vault);
}

static void list_wanted(struct refresh *f, bool only_missing)
{
    struct key_vault *v = f->vault;
    struct entry *e;

    pthread_mutex_lock(&v->lock);
    f->wanted = ARENA_ARRAY(f->arena, struct wanted, HASH_COUNT(v->entries));
    for (e = v->entries; e; e = e->hh.next) {
        struct key_reference r = reference_of(arena_text(f->arena, str_from(e->name)));

        if (!only_missing || is_missing(e))
            f->wanted[f->count++] = (struct wanted){ .key = r, .is_newest = !r.version.len };
    }
    pthread_mutex_unlock(&v->lock);
    if (f->count)
        qsort(f->wanted, f->count, sizeof(f->wanted[0]), compare_wanted);
}

/* The version that was asked for as the newest is not asked for again. */
static void mark_had(struct refresh *f, const struct key_reference *newest, const char *version)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct key_reference *r = &f->wanted[i].key;

        if (str_equal(r->vault, newest->vault) && str_equal(r->name, newest->name) &&
            str_equal(r->version, str_from(version)))
            f->wanted[i].is_had = true;
    }
}

/* What nobody uses any more since it was listed stays away. */
static void take(struct refresh *f, const struct key_reference *r, bool ok, bool is_silent,
                 struct vault_key *key, const char *reason)
{
    struct key_vault *v = f->vault;
    struct entry *e;

    pthread_mutex_lock(&v->lock);
    e = find(v, r);
    if (e && ok) {
        keep(v, r, key);
    } else if (e && (!is_silent || is_missing(e))) {
        forget(e, reason);
    }
    pthread_mutex_unlock(&v->lock);
}

static bool is_in(struct str vault, const struct str *silent, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(silent[i], vault))
            return true;
    }
    return false;
}

static void ask_all(struct refresh *f)
{
    struct str *silent = ARENA_ARRAY(f->arena, struct str, f->count);
    size_t silent_count = 0;

    for (size_t i = 0; i < f->count; i++) {
        struct wanted *w = &f->wanted[i];
        struct error err = { 0 };
        struct vault_key key;
        bool is_silent, ok;

        if (atomic_load(&f->vault->is_stopped))
            break;
        if (w->is_had || is_in(w->key.vault, silent, silent_count))
            continue;
        ok = key_vault_source_get(&f->source, &w->key, &key, &is_silent, &err);
        if (is_silent)
            silent[silent_count++] = w->key.vault;
        if (ok && w->is_newest)
            mark_had(f, &w->key, key.version);
        take(f, &w->key, ok, is_silent, &key, err.text);
        explicit_bzero(&key, sizeof(key));
    }
}

void key_vault_refresh(struct key_vault *v, bool only_missing)
{
    struct refresh f = { .vault = v, .arena = arena_new(NULL), .source = source_of(v) };

    list_wanted(&f, only_missing);
    ask_all(&f);
    source_done(&f.source);
    arena_free(f.arena);
}

static void on_answer(struct loop_task *task)
{
    struct key_vault_ask *ask = CONTAINER_OF(task, struct key_vault_ask, task);

    ask->done(ask);
}

static void *thread_main(void *data)
{
    struct key_vault_ask *ask = data;
    struct key_vault *v = ask->vault;

    if (str_is_empty(ask->key.vault))
        key_vault_refresh(v, ask->only_missing);
    else
        ask->has_key = key_vault_fetch(v, &ask->key, &ask->err);
    memory_wipe_traces(); /* the C library keeps it for another thread */
    pthread_mutex_lock(&v->lock);
    v->asking--;
    pthread_mutex_unlock(&v->lock);
    loop_post(ask->loop, &ask->task); /* the last that is done with any of it */
    return NULL;
}

bool key_vault_ask(struct key_vault_ask *ask)
{
    struct key_vault *v = ask->vault;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t signals, before;
    bool starts;

    pthread_mutex_lock(&v->lock);
    starts = v->asking < ASKING_MAX;
    v->asking += starts;
    pthread_mutex_unlock(&v->lock);
    if (!starts)
        return false;
    ask->task.fn = on_answer;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&signals); /* they are the control loop's */
    pthread_sigmask(SIG_SETMASK, &signals, &before);
    starts = pthread_create(&thread, &attributes, thread_main, ask) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!starts) {
        pthread_mutex_lock(&v->lock);
        v->asking--;
        pthread_mutex_unlock(&v->lock);
    }
    return starts;
}

void key_vault_stop(struct key_vault *v)
{
    atomic_store(&v->is_stopped, true);
}

/* -- Life -------------------------------------------------------------------------------------- */

struct key_vault *key_vault_new(void)
{
    struct key_vault *v = memory_alloc(sizeof(*v));

    pthread_mutex_init(&v->lock, NULL);
    return v;
}

void key_vault_configure(struct key_vault *v, const struct key_vault_source *source)
{
    struct key_vault_source old, next = *source;

    next.folder = memory_dup_text(source->folder);
    next.command = memory_dup_text(source->command);
    next.is_called_off = &v->is_stopped;
    pthread_mutex_lock(&v->lock);
    old = v->source;
    v->source = next;
    pthread_mutex_unlock(&v->lock);
    source_done(&old);
}

void key_vault_free(struct key_vault *v)
{
    if (!v)
        return;
    v->look = UINT64_MAX; /* nobody uses any of them */
    key_vault_end_look(v);
    pthread_mutex_destroy(&v->lock);
    source_done(&v->source);
    free(v);
}
