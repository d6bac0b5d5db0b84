/* SPDX-License-Identifier: MIT */
#include "entra/sign_in.h"

#include "entra/audit.h"
#include "identity/password.h"

#define FAILURES_MAX 10
#define LOCKED_MS ((int64_t)60 * 1000)

static bool refuse(struct entra_call *c, struct sign_in *s, bool is_known, enum error_code why)
{
    audit_refused(c, is_known ? &s->user : NULL, why);
    s->refusal = why;
    return true;
}

/* Failures in a row, and what they lead to. */
static bool note(struct entra_call *c, const struct principal_record *user, bool is_good,
                 bool *locks, struct error *err)
{
    int64_t failures = yyjson_get_sint(yyjson_obj_get(user->body, "failures"));
    yyjson_mut_doc *doc;
    yyjson_mut_val *body;

    if (is_good && failures == 0)
        return true;
    doc = json_copy(c->arena, user->body);
    body = yyjson_mut_doc_get_root(doc);
    failures = is_good ? 0 : failures + 1;
    *locks = failures >= FAILURES_MAX;
    if (*locks) {
        failures = 0;
        json_set_int(doc, body, "lockedUntilMs", authority_now_ms(c->entra->authority) + LOCKED_MS);
    }
    json_set_int(doc, body, "failures", failures);
    return principals_put(c->txn, c->arena, user, body, err);
}

/* What was set while the clock was ahead is over when it has been set right. */
static bool is_locked(struct entra_call *c, const struct principal_record *user)
{
    int64_t left_ms = yyjson_get_sint(yyjson_obj_get(user->body, "lockedUntilMs")) -
                      authority_now_ms(c->entra->authority);

    return left_ms > 0 && left_ms <= LOCKED_MS;
}

bool sign_in_check(struct entra_call *c, struct sign_in *s, struct error *err)
{
    struct str name = entra_parameter(c, "username"), password = entra_parameter(c, "password");
    struct principal_record *user = &s->user;
    struct str hash = STR_NONE;
    bool found, matches, locks = false;

    *s = (struct sign_in){ .refusal = ERROR_NONE };
    if (!principals_find(c->txn, c->arena, name, user, &found, err))
        return false;
    found = found && user->type == PRINCIPAL_TYPE_USER;
    if (found)
        hash = json_str(yyjson_obj_get(user->body, "passwordHash"));
    if (found && is_locked(c, user))
        return refuse(c, s, true, ERROR_OAUTH_LOCKED);
    if (password.len > PASSWORD_LEN_MAX)
        return refuse(c, s, found, ERROR_OAUTH_PASSWORD);
    if (c->work.kind == ENTRA_WORK_NONE) {
        c->work = (struct entra_work){ ENTRA_WORK_CHECK, .password = password, .hash = hash };
        return true;
    }
    /* the password may have been changed meanwhile */
    matches = found && c->work.matches && str_equal(c->work.hash, hash);
    if (found && !note(c, user, matches, &locks, err))
        return false;
    if (!matches) {
        refuse(c, s, found, ERROR_OAUTH_PASSWORD);
        if (locks && c->audit.event)
            c->audit.event = AUDIT_LOCKED;
        return true;
    }
    s->is_accepted = principal_is_enabled(user);
    return s->is_accepted || refuse(c, s, true, ERROR_OAUTH_DISABLED);
}
