/*
 * Which resource comes next: in the template's order, but each after those that it needs. What is under way is kept as a
 * path, from a resource to one that it needs, to one that this needs: no recursion, and a circle is where the path meets itself.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

bool template_need(struct template *t, size_t i, size_t other, struct error *err)
{
    struct template_resource *r = &t->resources[i];

    if (!template_charge(&t->x, 1 + r->need_count / 16, 0, err))
        return false;
    for (size_t k = 0; k < r->need_count; k++) {
        if (r->needs[k] == other)
            return true;
    }
    if (t->need_count++ == TEMPLATE_NEEDS_MAX)
        return template_refuse(err, "The template's resources have more than %d dependencies.",
                               TEMPLATE_NEEDS_MAX);
    if (r->need_count == r->need_max) {
        size_t *grown, max = r->need_max ? 2 * r->need_max : 4;

        grown = ARENA_ARRAY(t->x.arena, size_t, max);
        if (r->need_count)
            memcpy(grown, r->needs, r->need_count * sizeof(*grown));
        r->needs = grown;
        r->need_max = max;
    }
    r->needs[r->need_count++] = other;
    return true;
}

/* The first one that a resource needs and that is not there. */
static size_t find_missing(const struct template *t, const struct template_resource *r)
{
    for (size_t k = 0; k < r->need_count; k++) {
        if (t->resources[r->needs[k]].state != TEMPLATE_DEPLOYED)
            return r->needs[k];
    }
    return TEMPLATE_NONE;
}

static bool push(struct template *t, size_t i, struct error *err)
{
    struct template_resource *r = &t->resources[i];

    if (r->state == TEMPLATE_UNDER_WAY)
        return template_refuse(err,
                               "Circular dependency detected on resource: '%.*s'. Please see "
                               "https://aka.ms/arm-syntax-resources for usage details.",
                               STR_ARGS(str_slice(r->id, 0, 300)));
    r->state = TEMPLATE_UNDER_WAY;
    t->path[t->path_count++] = i;
    return true;
}

static bool begin(struct template *t, struct error *err)
{
    for (size_t i = 0; i < t->resource_count; i++) {
        if (t->resources[i].state == TEMPLATE_PENDING)
            return push(t, i, err);
    }
    return true;
}

static void end(struct template *t, enum template_state state)
{
    t->resources[t->path[--t->path_count]].state = state;
}

/* One step: true with *i set when the innermost is ready. */
static bool step(struct template *t, size_t *i, struct error *err)
{
    size_t top = t->path[t->path_count - 1], missing;
    const struct template_resource *r = &t->resources[top];

    missing = find_missing(t, r);
    if (missing == TEMPLATE_NONE) {
        *i = top;
        return true;
    }
    if (t->resources[missing].state == TEMPLATE_LOST ||
        t->resources[missing].state == TEMPLATE_SKIPPED) {
        end(t, TEMPLATE_SKIPPED);
        return true;
    }
    return push(t, missing, err);
}

bool template_next(struct template *t, size_t *i, struct error *err)
{
    for (;;) {
        *i = TEMPLATE_NONE;
        if (!t->path_count && !begin(t, err))
            return false;
        if (!t->path_count)
            return true;
        if (!step(t, i, err))
            return false;
        if (*i == TEMPLATE_NONE)
            continue;
        if (!t->resources[*i].is_existing && t->resources[*i].is_wanted)
            return true;
        end(t, TEMPLATE_DEPLOYED); /* nothing is to be done for it */
    }
}

void template_finish(struct template *t, size_t i, bool is_good)
{
    if (t->path_count && t->path[t->path_count - 1] == i)
        end(t, is_good ? TEMPLATE_DEPLOYED : TEMPLATE_LOST);
}

bool template_check_circles(struct template *t, struct error *err)
{
    size_t i;

    for (;;) {
        if (!template_next(t, &i, err))
            return false;
        if (i == TEMPLATE_NONE)
            break;
        template_finish(t, i, true);
    }
    for (i = 0; i < t->resource_count; i++)
        t->resources[i].state = TEMPLATE_PENDING;
    return true;
}
