/* SPDX-License-Identifier: MIT */
#include "entra/lockout.h"

#include <stdlib.h>
#include <uthash.h>

#include "base/format.h"
#include "base/memory.h"

#define FAILURES "failures"
#define UNTIL "lockedUntilMs"

/* Only users that exist have one: there are no more than principals. */
struct entra_lockout {
    UT_hash_handle hh;
    char object_id[GUID_TEXT_LEN];
    struct lockout state;
};

static struct entra_lockout *find(const struct entra *e, struct str object_id)
{
    struct entra_lockout *found = NULL;

    if (object_id.len == GUID_TEXT_LEN)
        HASH_FIND(hh, e->lockouts, object_id.data, GUID_TEXT_LEN, found);
    return found;
}

struct lockout lockout_of(const struct entra *e, const struct principal_record *user)
{
    const struct entra_lockout *newer = find(e, user->object_id);

    if (newer)
        return newer->state;
    return (struct lockout){ yyjson_get_sint(yyjson_obj_get(user->body, FAILURES)),
                             yyjson_get_sint(yyjson_obj_get(user->body, UNTIL)) };
}

void lockout_put(struct entra_call *c, const struct principal_record *user,
                 const struct lockout *state, yyjson_mut_doc *doc, yyjson_mut_val *body)
{
    struct entra_lockout *l = find(c->entra, user->object_id);

    if (!l && user->object_id.len == GUID_TEXT_LEN) {
        l = memory_alloc(sizeof(*l));
        memcpy(l->object_id, user->object_id.data, GUID_TEXT_LEN);
        HASH_ADD(hh, c->entra->lockouts, object_id, GUID_TEXT_LEN, l);
    }
    if (l)
        l->state = *state;
    c->counted = user->object_id;
    json_set_int(doc, body, FAILURES, state->failures);
    json_set_int(doc, body, UNTIL, state->until_ms);
}

void lockout_committed(struct entra_call *c)
{
    struct entra_lockout *l = find(c->entra, c->counted);

    if (!l)
        return;
    HASH_DEL(c->entra->lockouts, l);
    free(l);
}

void lockout_forget_all(struct entra *e)
{
    struct entra_lockout *l = e->lockouts, *next;

    HASH_CLEAR(hh, e->lockouts);
    for (; l; l = next) {
        next = l->hh.next;
        free(l);
    }
}
