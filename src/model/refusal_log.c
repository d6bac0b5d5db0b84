/* SPDX-License-Identifier: MIT */
#include "model/refusal_log.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

/* The ids lie by themselves, so that to look through all of them takes some microseconds. */
struct refusal_log {
    pthread_mutex_t mutex;
    size_t max;
    size_t count; /* in the ring */
    size_t next;  /* place of the next one */
    char (*ids)[GUID_TEXT_LEN];
    struct refusal *refusals;
};

void refusal_copy_name(char *to, size_t size, struct str name)
{
    size_t len = name.len < size ? name.len : size - 1;

    memcpy(to, name.len ? name.data : "", len);
    to[len] = '\0';
}

static uint64_t at_capacity(const struct refusal *r)
{
    return r->tokens.per_unit * r->capacity;
}

uint64_t refusal_capacity_needed(const struct refusal *r)
{
    /* a limit of another size than the capacity comes to says nothing about units */
    if (!r->is_hopeless || !r->tokens.per_unit || r->tokens.limit != at_capacity(r))
        return 0;
    return r->estimate.total / r->tokens.per_unit + (r->estimate.total % r->tokens.per_unit != 0);
}

uint64_t refusal_max_tokens_that_fits(const struct refusal *r)
{
    const struct refusal_estimate *e = &r->estimate;

    if (!r->is_hopeless || !e->answers || e->prompt >= r->tokens.limit)
        return 0;
    return (r->tokens.limit - e->prompt) / e->answers;
}

struct refusal_log *refusal_log_new(size_t max)
{
    struct refusal_log *l = memory_alloc(sizeof(*l));

    pthread_mutex_init(&l->mutex, NULL);
    l->max = max;
    l->ids = memory_alloc_array(max, sizeof(*l->ids));
    l->refusals = memory_alloc_array(max, sizeof(*l->refusals));
    return l;
}

void refusal_log_free(struct refusal_log *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->mutex);
    free(l->ids);
    free(l->refusals);
    free(l);
}

void refusal_log_add(struct refusal_log *l, const struct refusal *r)
{
    pthread_mutex_lock(&l->mutex);
    memcpy(l->ids[l->next], r->id, sizeof(*l->ids));
    l->refusals[l->next] = *r;
    l->next = (l->next + 1) % l->max;
    if (l->count < l->max)
        l->count++;
    pthread_mutex_unlock(&l->mutex);
}

/* From the oldest on: of a request that was refused twice, having been sent on to another deployment, it
 * is the first that its answer is about. */
static const struct refusal *find(const struct refusal_log *l, const char id[GUID_TEXT_LEN])
{
    size_t at = l->count < l->max ? 0 : l->next;

    for (size_t left = l->count; left; left--) {
        if (memcmp(l->ids[at], id, sizeof(*l->ids)) == 0)
            return &l->refusals[at];
        at = at + 1 < l->max ? at + 1 : 0;
    }
    return NULL;
}

bool refusal_log_find(struct refusal_log *l, struct str id, struct refusal *found)
{
    char lower[GUID_TEXT_LEN];
    const struct refusal *r;

    if (!format_is_guid(id))
        return false;
    for (size_t i = 0; i < sizeof(lower); i++) /* digits and hyphens have that bit already */
        lower[i] = (char)(id.data[i] | ('a' ^ 'A'));
    pthread_mutex_lock(&l->mutex);
    r = find(l, lower);
    if (r)
        *found = *r;
    pthread_mutex_unlock(&l->mutex);
    return r != NULL;
}
