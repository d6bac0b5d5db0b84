/* SPDX-License-Identifier: MIT */
#include "entra/on_behalf_of.h"

#include "base/format.h"
#include "entra/audit.h"
#include "entra/resource.h"
#include "entra/user_token.h"
#include "identity/jwt.h"

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_USER_TOKEN, "Assertion failed validation. [Reason - %s]",
                     why);
}

/* One of this service's own, whatever it is for? Whose key has signed it tells that better than `iss`,
 * which in tokens of version 2.0 depends on the name by which the service was reached. */
static bool check_signature(struct entra_call *c, const struct jwt *token, struct error *err)
{
    enum authority_proof proof = authority_prove_own(c->state, token);

    return proof == AUTHORITY_PROVEN ||
           error_set(err, ERROR_OAUTH_USER_TOKEN,
                     "Assertion failed signature validation. [Reason - %s]",
                     proof == AUTHORITY_NO_KEY ? "The key was not found."
                                               : "The provided signature value did not match the "
                                                 "expected signature value.");
}

static bool check_time(struct entra_call *c, const struct jwt *token, struct error *err)
{
    int64_t now_s = authority_now_ms(c->entra->authority) / 1000, until_s = 0;

    if (jwt_read_time(token, "exp", &until_s) && until_s > now_s)
        return true;
    return error_set(err, ERROR_OAUTH_USER_TOKEN_TIME,
                     "Assertion is not within its valid time range. Ensure that the access token "
                     "is not expired before using it for user assertion, or request a new token. "
                     "Current time: %.*s, expiry time of assertion %.*s.",
                     STR_ARGS(format_time_seconds(c->arena, now_s * 1000)),
                     STR_ARGS(format_time_seconds(c->arena, until_s * 1000)));
}

/* For the client, by whichever name of it? */
static bool check_audience(struct entra_call *c, const struct principal_record *app,
                           const struct jwt *token, struct error *err)
{
    struct str audience = json_str(yyjson_obj_get(token->claims, "aud"));
    struct resource r;

    if (!resource_find(c, audience, &r, err))
        return false;
    return (r.is_application && str_equal(r.app.object_id, app->object_id)) ||
           error_set(err, ERROR_OAUTH_USER_TOKEN_AUDIENCE,
                     "Assertion audience does not match the Client app presenting the assertion. "
                     "The audience in the assertion was '%.*s' and the expected audience is "
                     "'%.*s' or one of the Application Uris of this application with App ID "
                     "'%.*s'. The downstream client must request a token for the expected "
                     "audience (the application that made the OBO request) and this application "
                     "should use that token as the assertion.",
                     STR_ARGS(str_slice(audience, 0, 100)), STR_ARGS(app->name),
                     STR_ARGS(app->name));
}

/* Of a person? An id token is signed by the same keys, and nobody gave it to be called with. */
static bool check_kind(const struct principal_record *app, const struct jwt *token,
                       struct error *err)
{
    if (str_equal(json_str(yyjson_obj_get(token->claims, "idtyp")), STR("app")))
        return error_set(err, ERROR_OAUTH_NOT_USERS,
                         "Application '%.*s' is not allowed to make application on-behalf-of "
                         "calls.",
                         STR_ARGS(app->name));
    return json_str(yyjson_obj_get(token->claims, "scp")).len ||
           refuse(err, "It is no access token.");
}

static bool read_user(struct entra_call *c, const struct jwt *token, struct principal_record *user,
                      struct error *err)
{
    int64_t issued_ms;
    bool is_good;

    if (!user_token_read_issued(token->claims, &issued_ms))
        return refuse(err, "It does not say when it was issued.");
    if (!user_token_find_user(c, json_str(yyjson_obj_get(token->claims, "oid")), issued_ms, user,
                              &is_good, err))
        return false;
    return is_good || refuse(err, "Its user is gone or disabled, or it was revoked.");
}

static bool check(struct entra_call *c, const struct principal_record *app, struct str text,
                  struct principal_record *user, struct error *err)
{
    struct jwt token;
    struct error why;

    if (!jwt_parse(c->arena, text, &token, &why))
        return error_set(err, ERROR_OAUTH_USER_TOKEN_FORM, NULL);
    return check_signature(c, &token, err) && check_time(c, &token, err) &&
           check_kind(app, &token, err) && check_audience(c, app, &token, err) &&
           read_user(c, &token, user, err);
}

bool on_behalf_of(struct entra_call *c, struct error *err)
{
    struct user_grant g = { .scope = entra_parameter(c, "scope") };
    struct principal_record app;
    struct str text, use;

    if (!entra_require(c, "assertion", &text, err) ||
        !entra_require(c, "requested_token_use", &use, err))
        return false;
    if (!str_equal(use, STR("on_behalf_of")))
        return error_set(err, ERROR_OAUTH_REQUEST,
                         "The value of 'requested_token_use' must be 'on_behalf_of'.");
    if (!token_authenticate_client(c, &app, &g.proof, err) ||
        !user_token_read_resource(c, &g.resource, err))
        return false;
    if (!check(c, &app, text, &g.user, err)) {
        audit_refused(c, &app, err->code);
        return false;
    }
    g.client_id = app.name;
    return user_token_reply(c, &g, err);
}
