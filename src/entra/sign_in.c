/* SPDX-License-Identifier: MIT */
#include "entra/sign_in.h"

#include "entra/audit.h"
#include "entra/lockout.h"
#include "identity/password.h"

#define FAILURES_MAX 10
#define LOCKED_MS ((int64_t)60 * 1000)

static bool refuse(struct entra_call *c, struct sign_in *s, bool is_known, enum error_code why)
{
    audit_refused(c, is_known ? &s->user : NULL, why);
    s->refusal = why;
    s->says = error_info(why)->text;
    return true;
}

/* Failures in a row, and what they lead to. */
static bool note(struct entra_call *c, const struct principal_record *user, bool is_good,
                 bool *locks, struct error *err)
{
    struct lockout state = lockout_of(c->entra, user);
    yyjson_mut_doc *doc;
    yyjson_mut_val *body;

    if (is_good && state.failures == 0)
        return true;
    doc = json_copy(c->arena, user->body);
    body = yyjson_mut_doc_get_root(doc);
    state.failures = is_good ? 0 : state.failures + 1;
    *locks = state.failures >= FAILURES_MAX;
    if (*locks)
        state = (struct lockout){ 0, authority_now_ms(c->entra->authority) + LOCKED_MS };
    lockout_put(c, user, &state, doc, body);
    return principals_put(c->txn, c->arena, user, body, err);
}

/* What was set while the clock was ahead is over when it has been set right. */
static bool is_locked(struct entra_call *c, const struct principal_record *user)
{
    int64_t left_ms = lockout_of(c->entra, user).until_ms - authority_now_ms(c->entra->authority);

    return left_ms > 0 && left_ms <= LOCKED_MS;
}

/* Is it the password of s->user, if there is one? `next` (may be empty) is hashed with it. */
static bool prove(struct entra_call *c, struct sign_in *s, bool found, struct str password,
                  struct str next, struct error *err)
{
    const struct principal_record *user = &s->user;
    struct str hash = found ? json_str(yyjson_obj_get(user->body, "passwordHash")) : STR_NONE;
    bool matches, locks = false;

    if (found && is_locked(c, user))
        return refuse(c, s, true, ERROR_OAUTH_LOCKED);
    if (password.len > PASSWORD_LEN_MAX)
        return refuse(c, s, found, ERROR_OAUTH_PASSWORD);
    if (c->work.kind == ENTRA_WORK_NONE) {
        c->work = (struct entra_work){ ENTRA_WORK_CHECK, .password = password, .hash = hash,
                                       .next = next };
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

/* The one that was hashed takes the old one's place, and what was granted by that ends. */
static bool put_password(struct entra_call *c, const struct principal_record *user,
                         struct error *err)
{
    yyjson_mut_doc *doc = json_copy(c->arena, user->body);
    yyjson_mut_val *body = yyjson_mut_doc_get_root(doc);

    json_set_str(doc, body, "passwordHash", c->work.next_hash);
    json_set_int(doc, body, "validFromMs", authority_now_ms(c->entra->authority));
    lockout_put(c, user, &(struct lockout){ 0 }, doc, body);
    yyjson_mut_obj_remove_key(body, SIGN_IN_MUST_CHANGE);
    c->changed = user->object_id;
    c->asker = (struct principal){ .name = user->name, .object_id = user->object_id };
    return principals_put(c->txn, c->arena, user, body, err) &&
           audit_changed(c, user, "password_set", STR_NONE, err);
}

static bool find(struct entra_call *c, struct sign_in *s, bool *found, struct error *err)
{
    *s = (struct sign_in){ .refusal = ERROR_NONE };
    if (!principals_find(c->txn, c->arena, entra_parameter(c, "username"), &s->user, found, err))
        return false;
    *found = *found && s->user.type == PRINCIPAL_TYPE_USER;
    return true;
}

static bool must_change(const struct sign_in *s, bool found)
{
    return found && yyjson_is_true(yyjson_obj_get(s->user.body, SIGN_IN_MUST_CHANGE));
}

static bool refuse_expired(struct sign_in *s, const char *says)
{
    s->is_accepted = false;
    s->refusal = ERROR_OAUTH_PASSWORD_EXPIRED;
    s->says = says;
    return true;
}

bool sign_in_check(struct entra_call *c, struct sign_in *s, struct error *err)
{
    bool found;

    if (!find(c, s, &found, err) ||
        !prove(c, s, found, entra_parameter(c, "password"), STR_NONE, err))
        return false;
    return !s->is_accepted || !must_change(s, found) ||
           refuse_expired(s, error_info(ERROR_OAUTH_PASSWORD_EXPIRED)->text);
}

/* What is wrong with what was typed as a new password; NULL: nothing. */
static const char *check_new(const struct entra_call *c, struct str next)
{
    if (!next.len)
        return "Choose a new password: the one that you have is for this sign-in only.";
    if (next.len < PASSWORD_LEN_MIN || next.len > PASSWORD_LEN_MAX)
        return "The new password must have 8 to 256 characters.";
    if (!str_equal(next, entra_parameter(c, "new_password_again")))
        return "The new passwords are not the same.";
    if (str_equal(next, entra_parameter(c, "password")))
        return "The new password must be another one.";
    return NULL;
}

bool sign_in_check_page(struct entra_call *c, struct sign_in *s, struct error *err)
{
    struct str next = entra_parameter(c, "new_password");
    const char *wrong = check_new(c, next);
    bool found, must;

    if (!find(c, s, &found, err))
        return false;
    must = must_change(s, found);
    if (!prove(c, s, found, entra_parameter(c, "password"), must && !wrong ? next : STR_NONE, err))
        return false;
    if (!s->is_accepted || !must)
        return true;
    if (!wrong && !c->work.next_hash.len) /* it must since a moment ago */
        wrong = error_info(ERROR_OAUTH_PASSWORD_EXPIRED)->text;
    return wrong ? refuse_expired(s, wrong) : put_password(c, &s->user, err);
}

bool sign_in_change_password(struct entra_call *c, struct sign_in *s, struct str current,
                             struct str next, struct error *err)
{
    return prove(c, s, true, current, next, err) &&
           (!s->is_accepted || put_password(c, &s->user, err));
}
