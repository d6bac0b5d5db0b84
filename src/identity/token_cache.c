/* SPDX-License-Identifier: MIT */
#include "identity/token_cache.h"

#include <stdlib.h>

#include "base/memory.h"

/* Each token has one place that it may be at; two that want the same one take turns. */
#define PLACES 1024

struct place {
    uint8_t digest[KEY_HASH_BYTES];
    uint64_t generation;
    int64_t expires_at_ms; /* 0: empty */
    struct arena *arena;   /* of `who`; NULL until the place is used */
    struct principal who;
};

struct token_cache {
    struct authority *authority;
    const struct key_hash *hash;
    const struct token_audiences *audiences;
    struct place places[PLACES];
};

struct token_cache *token_cache_new(struct authority *authority, const struct key_hash *hash,
                                    const struct token_audiences *audiences)
{
    struct token_cache *c = memory_alloc(sizeof(*c));

    c->authority = authority;
    c->hash = hash;
    c->audiences = audiences;
    return c;
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < PLACES; i++)
        arena_free(c->places[i].arena);
    free(c);
}

static bool is_good(const struct token_cache *c, const struct place *p,
                    const uint8_t digest[KEY_HASH_BYTES])
{
    return p->expires_at_ms > authority_now_ms(c->authority) &&
           p->generation == authority_generation(c->authority) && key_hash_equal(p->digest, digest);
}

static void remember(struct place *p, const uint8_t digest[KEY_HASH_BYTES], uint64_t generation,
                     int64_t expires_at_ms, const struct principal *who)
{
    struct str *groups;

    arena_free(p->arena);
    p->arena = arena_new(NULL);
    groups = ARENA_ARRAY(p->arena, struct str, who->group_count + 1);
    for (size_t i = 0; i < who->group_count; i++)
        groups[i] = arena_copy(p->arena, who->groups[i]);
    p->who = *who;
    p->who.name = arena_copy(p->arena, who->name);
    p->who.object_id = arena_copy(p->arena, who->object_id);
    p->who.groups = groups;
    memcpy(p->digest, digest, sizeof(p->digest));
    p->generation = generation;
    p->expires_at_ms = expires_at_ms;
}

bool token_cache_check(struct token_cache *c, struct arena *arena, struct str token,
                       struct principal *who, struct error *err)
{
    uint64_t generation = authority_generation(c->authority); /* from before the check */
    uint8_t digest[KEY_HASH_BYTES];
    int64_t expires_at_ms;
    struct place *p;

    key_hash_digest(c->hash, token, digest);
    p = &c->places[(digest[0] | (unsigned)digest[1] << 8) % PLACES];
    if (is_good(c, p, digest)) {
        *who = p->who;
        return true;
    }
    if (!authority_check(c->authority, arena, token, c->audiences, who, &expires_at_ms, err))
        return false;
    remember(p, digest, generation, expires_at_ms, who);
    return true;
}
