/*
 * Microsoft Graph: making, changing and deleting principals.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "base/random.h"
#include "entra/audit.h"
#include "entra/authorize.h"
#include "entra/graph_write.h"
#include "entra/resource.h"
#include "entra/sign_in.h"
#include "identity/jwt.h"
#include "identity/password.h"

#define SECRET_LEN 40
#define SECRET_LIFETIME_MS ((int64_t)730 * 86400 * 1000) /* two years, Graph's default */
#define SECRETS_MAX 50
#define REDIRECTS_MAX 256

bool graph_refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_GRAPH_BAD_REQUEST, "%s", what);
}

yyjson_val *graph_read_body(struct entra_call *c, struct error *err)
{
    struct str text = c->request->body.len ? c->request->body : STR("{}"), twice;
    struct error why;
    yyjson_doc *doc = json_parse(c->arena, text, &why);
    char shown[61];
    bool has_nul;

    if (!doc || !yyjson_is_obj(yyjson_doc_get_root(doc))) {
        graph_refuse(err, "Unable to read JSON request payload. Please ensure Content-Type header "
                          "is set and payload is of valid JSON format.");
        return NULL;
    }
    json_find_doubts(c->arena, doc, &twice, &has_nul);
    if (!twice.data && !has_nul)
        return yyjson_doc_get_root(doc);
    error_set(err, ERROR_GRAPH_BAD_REQUEST,
              has_nul ? "The request payload holds the character U+0000."
                      : "The property '%s' is given more than once in the request payload.",
              has_nul ? "" : str_show(twice, shown, sizeof(shown)));
    return NULL;
}

static bool is_good(const struct graph_member *m, yyjson_val *value)
{
    if (yyjson_is_null(value))
        return !m->is_needed;
    if (m->is_boolean)
        return yyjson_is_bool(value);
    return yyjson_is_str(value) && yyjson_get_len(value) <= GRAPH_TEXT_MAX &&
           (yyjson_get_len(value) > 0 || !m->is_needed);
}

bool graph_take_members(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                        const struct graph_member *members, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        yyjson_val *value = yyjson_obj_get(body, members[i].name);

        if (!value)
            continue;
        if (!is_good(&members[i], value))
            return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                             "Invalid value specified for property '%s' of resource.",
                             members[i].name);
        if (yyjson_is_null(value))
            yyjson_mut_obj_remove_key(kept, members[i].name);
        else
            json_set(doc, kept, members[i].name, yyjson_val_mut_copy(doc, value));
    }
    return true;
}

bool graph_require_name(yyjson_val *body, struct error *err)
{
    return json_str(yyjson_obj_get(body, "displayName")).len ||
           graph_refuse(err, "A value is required for property 'displayName' of resource.");
}

static bool find_changeable(struct entra_call *c, struct principal_record *p, struct error *err)
{
    return graph_authorize(c, err) && graph_find(c, p, err) &&
           (p->type != PRINCIPAL_TYPE_MANAGED_IDENTITY ||
            graph_refuse(err,
                         "The service principal of a managed identity can only be changed by the "
                         "resource that it belongs to."));
}

yyjson_mut_doc *graph_begin_change(struct entra_call *c, struct principal_record *p,
                                   struct error *err)
{
    return find_changeable(c, p, err) ? json_copy(c->arena, p->body) : NULL;
}

bool graph_save(struct entra_call *c, const struct principal_record *p, yyjson_mut_val *body,
                const char *change, struct str other, struct error *err)
{
    c->changed = p->object_id;
    return principals_put(c->txn, c->arena, p, body, err) &&
           audit_changed(c, p, change, other, err);
}

bool graph_create(struct entra_call *c, struct principal_record *p, yyjson_mut_val *body,
                  enum graph_kind kind, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);

    if (kind != GRAPH_SERVICE_PRINCIPALS && authority_count(c->state) >= c->entra->principals_max)
        return error_set(err, ERROR_GRAPH_QUOTA, NULL);
    p->created_at_ms = authority_now_ms(c->entra->authority);
    p->body = yyjson_doc_get_root(json_freeze(c->arena, body));
    if (!graph_save(c, p, body, "created", STR_NONE, err))
        return false;
    entra_reply_json(c, 201, graph_show(c, doc, p, kind));
    return true;
}

struct str graph_new_guid(struct entra_call *c)
{
    char id[GUID_TEXT_LEN + 1];

    format_guid(id);
    return arena_copy(c->arena, str_from(id));
}

/* -- Users ----------------------------------------------------------------------------------- */

static const struct graph_member of_user[] = {
    { .name = "displayName", .is_needed = true },
    { .name = "givenName" },
    { .name = "surname" },
    { .name = "mail" },
    { .name = "jobTitle" },
    { .name = "accountEnabled", .is_boolean = true, .is_needed = true },
};

static bool is_user_name(struct str name)
{
    size_t at = str_find_char(name, '@');

    return at != SIZE_MAX && at > 0 && at + 1 < name.len && name.len <= 113 &&
           str_is_alnum_or(name, "@._-+'");
}

/* Of "passwordProfile". The password's hash goes into `kept` once it has been made; true with *is_ready
 * false until then. Of a user that has a password it may be absent, and that one must be changed. */
static bool take_password(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *kept,
                          yyjson_val *profile, bool *is_ready, struct error *err)
{
    struct str password = json_str(yyjson_obj_get(profile, "password"));
    yyjson_val *must = yyjson_obj_get(profile, "forceChangePasswordNextSignIn");

    *is_ready = false;
    if (yyjson_is_true(yyjson_obj_get(profile, "forceChangePasswordNextSignInWithMfa")) ||
        (must && !yyjson_is_bool(must) && !yyjson_is_null(must)))
        return graph_refuse(err,
                            "Invalid value specified for property 'passwordProfile' of resource.");
    json_set_bool(doc, kept, SIGN_IN_MUST_CHANGE, yyjson_is_true(must));
    if (must && !yyjson_obj_get(profile, "password") && yyjson_mut_obj_get(kept, "passwordHash")) {
        *is_ready = true;
        return true;
    }
    if (password.len < PASSWORD_LEN_MIN || password.len > PASSWORD_LEN_MAX)
        return graph_refuse(err, "The specified password does not comply with password complexity "
                                 "requirements: it must have 8 to 256 characters.");
    if (c->work.kind == ENTRA_WORK_NONE) {
        c->work = (struct entra_work){ ENTRA_WORK_HASH, .password = password };
        return true;
    }
    json_set_str(doc, kept, "passwordHash", c->work.hash);
    json_set_int(doc, kept, "validFromMs", authority_now_ms(c->entra->authority));
    *is_ready = true;
    return true;
}

static bool create_user(struct entra_call *c, struct error *err)
{
    struct principal_record p = { .type = PRINCIPAL_TYPE_USER }, other;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *kept = yyjson_mut_obj(doc);
    bool found, is_ready;
    yyjson_val *body;

    if (!graph_authorize(c, err) || !(body = graph_read_body(c, err)) ||
        !graph_require_name(body, err) ||
        !graph_take_members(doc, kept, body, of_user, ARRAY_LEN(of_user), err))
        return false;
    p.name = json_str(yyjson_obj_get(body, "userPrincipalName"));
    if (!is_user_name(p.name))
        return graph_refuse(err, "Property userPrincipalName is invalid.");
    if (!principals_find(c->txn, c->arena, p.name, &other, &found, err))
        return false;
    if (found)
        return graph_refuse(err,
                            "Another object with the same value for property userPrincipalName "
                            "already exists.");
    if (!take_password(c, doc, kept, yyjson_obj_get(body, "passwordProfile"), &is_ready, err))
        return false;
    if (!is_ready)
        return true;
    p.object_id = graph_new_guid(c);
    return graph_create(c, &p, kept, GRAPH_USERS, err);
}

static bool change_user(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;
    yyjson_val *body, *profile;
    bool is_ready = true;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    profile = yyjson_obj_get(body, "passwordProfile");
    if (!graph_take_members(doc, kept, body, of_user, ARRAY_LEN(of_user), err) ||
        (profile && !take_password(c, doc, kept, profile, &is_ready, err)))
        return false;
    c->reply.status = 204;
    return !is_ready ||
           graph_save(c, &p, kept, yyjson_obj_get(profile, "password") ? "password_set" : "updated",
                      STR_NONE, err);
}

static bool refuse_change(struct entra_call *c, enum error_code why)
{
    error_set(&c->refusal, ERROR_GRAPH_BAD_REQUEST, "%s",
              why == ERROR_OAUTH_PASSWORD ? "The specified current password is not the user's."
                                          : error_info(why)->text);
    return true;
}

static bool change_password(struct entra_call *c, struct error *err)
{
    struct sign_in s = { .refusal = ERROR_NONE };
    struct str current, next;
    yyjson_val *body;

    if (!graph_find_me(c, &s.user, err) || !(body = graph_read_body(c, err)))
        return false;
    current = json_str(yyjson_obj_get(body, "currentPassword"));
    next = json_str(yyjson_obj_get(body, "newPassword"));
    if (!current.len)
        return graph_refuse(err, "A value is required for 'currentPassword'.");
    if (next.len < PASSWORD_LEN_MIN || next.len > PASSWORD_LEN_MAX || str_equal(current, next))
        return graph_refuse(err,
                            "The specified password does not comply with password complexity "
                            "requirements: it must have 8 to 256 characters, and be another one.");
    c->reply.status = 204;
    return sign_in_change_password(c, &s, current, next, err) &&
           (!s.refusal || refuse_change(c, s.refusal));
}

/* -- Applications ---------------------------------------------------------------------------- */

static const struct graph_member of_application[] = { { .name = "displayName",
                                                        .is_needed = true } };

/* Where codes of sign-ins may go: what the body has of a platform replaces that platform's. */
static bool take_redirects(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                           struct error *err)
{
    for (size_t p = 0; p < AUTHORIZE_PLATFORMS; p++) {
        yyjson_val *platform = yyjson_obj_get(body, authorize_platforms[p]), *item;
        yyjson_val *uris = yyjson_obj_get(platform, "redirectUris");
        size_t i, count;

        if (!uris)
            continue;
        if (!yyjson_is_arr(uris) || yyjson_arr_size(uris) > REDIRECTS_MAX)
            return graph_refuse(err,
                                "Invalid value specified for property 'redirectUris' of resource.");
        yyjson_arr_foreach(uris, i, count, item)
        {
            if (!authorize_may_register(json_str(item)))
                return graph_refuse(err, "One or more redirect URIs are not valid.");
        }
        json_set(doc, json_set_object(doc, kept, authorize_platforms[p]), "redirectUris",
                 yyjson_val_mut_copy(doc, uris));
    }
    return true;
}

/* "key" of a credential: a certificate in DER as base64, maybe in lines, and the Azure CLI's `--cert`
 * ends the last one, too: an empty line would end PEM's headers. OData writes binary values in the
 * alphabet for URLs, as Graph's SDK for Java does. */
static struct str pem_of(struct arena *a, yyjson_val *credential)
{
    struct str key = json_str(yyjson_obj_get(credential, "key")), bytes;

    while (key.len && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.len--;
    if (format_parse_base64url(a, key, &bytes))
        key = format_base64(a, bytes.data, bytes.len);
    return arena_printf(a, "-----BEGIN CERTIFICATE-----\n%.*s\n-----END CERTIFICATE-----\n",
                        STR_ARGS(key));
}

/* Certificates by which it may sign assertions. */
static bool take_certificates(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *kept,
                              yyjson_val *body, struct error *err)
{
    yyjson_val *keys = yyjson_obj_get(body, "keyCredentials"), *item;
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    size_t i, count;

    if (!keys)
        return true;
    if (yyjson_arr_size(keys) > SECRETS_MAX)
        return graph_refuse(err, "Too many credentials.");
    yyjson_arr_foreach(keys, i, count, item)
    {
        struct str pem = pem_of(c->arena, item);
        struct error why;
        struct jwt_key *key = jwt_key_of_certificate(pem, &why);
        yyjson_mut_val *certificate = yyjson_mut_obj(doc);

        if (!key)
            return graph_refuse(err,
                                "Key credential is invalid: 'key' must be a certificate with a key "
                                "of RSA.");
        jwt_key_free(key);
        json_set_str(doc, certificate, "keyId", graph_new_guid(c));
        json_set_str(doc, certificate, "pem", pem);
        yyjson_mut_arr_append(list, certificate);
    }
    json_set(doc, kept, "certificates", list);
    return true;
}

static bool create_application(struct entra_call *c, struct error *err)
{
    struct principal_record p = { .type = PRINCIPAL_TYPE_APPLICATION };
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *kept = yyjson_mut_obj(doc);
    yyjson_val *body;

    if (!graph_authorize(c, err) || !(body = graph_read_body(c, err)) ||
        !graph_require_name(body, err) ||
        !graph_take_members(doc, kept, body, of_application, ARRAY_LEN(of_application), err) ||
        !take_certificates(c, doc, kept, body, err) || !take_redirects(doc, kept, body, err) ||
        !resource_take(doc, kept, body, err) ||
        !graph_take_references(c, doc, kept, body, GRAPH_APPLICATIONS, err))
        return false;
    json_set_bool(doc, kept, "isServicePrincipal", false);
    p.object_id = graph_new_guid(c);
    p.name = graph_new_guid(c);
    if (!resource_index(c, &p, kept, err))
        return false;
    return graph_create(c, &p, kept, GRAPH_APPLICATIONS, err);
}

static bool change_application(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;
    yyjson_val *body;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    if (!graph_take_members(doc, kept, body, of_application, ARRAY_LEN(of_application), err) ||
        !take_certificates(c, doc, kept, body, err) || !take_redirects(doc, kept, body, err) ||
        !resource_take(doc, kept, body, err) || !resource_index(c, &p, kept, err))
        return false;
    c->reply.status = 204;
    return graph_save(c, &p, kept,
                      yyjson_obj_get(body, "keyCredentials") ? "certificates_set" : "updated",
                      STR_NONE, err);
}

/* The secret is shown once. */
static void reply_with_secret(struct entra_call *c, yyjson_mut_val *secrets, const char *secret)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *shown =
        yyjson_mut_val_mut_copy(doc, yyjson_mut_arr_get(secrets, yyjson_mut_arr_size(secrets) - 1));

    yyjson_mut_obj_remove_key(shown, "hash");
    json_set_str(doc, shown, "secretText", str_from(secret));
    entra_reply_json(c, 200, shown);
}

static bool add_password(struct entra_call *c, struct error *err)
{
    int64_t now_ms = authority_now_ms(c->entra->authority), start_ms = now_ms;
    int64_t end_ms = now_ms + SECRET_LIFETIME_MS;
    char secret[SECRET_LEN + 1];
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept, *secrets;
    yyjson_val *body, *wanted;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    if (yyjson_arr_size(yyjson_obj_get(p.body, "secrets")) >= SECRETS_MAX)
        return graph_refuse(err, "Too many credentials.");
    wanted = yyjson_obj_get(body, "passwordCredential");
    if (json_str(yyjson_obj_get(wanted, "displayName")).len > GRAPH_TEXT_MAX)
        return graph_refuse(err, "The display name of the credential is too long.");
    if ((yyjson_obj_get(wanted, "startDateTime") &&
         !format_parse_time(json_str(yyjson_obj_get(wanted, "startDateTime")), &start_ms)) ||
        (yyjson_obj_get(wanted, "endDateTime") &&
         !format_parse_time(json_str(yyjson_obj_get(wanted, "endDateTime")), &end_ms)) ||
        end_ms <= start_ms)
        return graph_refuse(err, "Credential lifetime is not valid.");
    kept = yyjson_mut_doc_get_root(doc);
    random_base62(secret, SECRET_LEN);
    principal_add_secret(doc, kept, c->arena, str_from(secret),
                         json_str(yyjson_obj_get(wanted, "displayName")), start_ms, end_ms);
    secrets = yyjson_mut_obj_get(kept, "secrets");
    reply_with_secret(c, secrets, secret);
    explicit_bzero(secret, sizeof(secret));
    return graph_save(c, &p, kept, "secret_added",
                      json_mut_str(yyjson_mut_obj_get(yyjson_mut_arr_get_last(secrets), "keyId")),
                      err);
}

static bool remove_password(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_val *kept, *secrets, *item;
    yyjson_mut_arr_iter iter;
    yyjson_mut_doc *doc;
    yyjson_val *body;
    bool removed = false;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    secrets = yyjson_mut_obj_get(kept, "secrets");
    if (yyjson_mut_arr_iter_init(secrets, &iter)) {
        while ((item = yyjson_mut_arr_iter_next(&iter))) {
            if (str_equal_nocase(json_mut_str(yyjson_mut_obj_get(item, "keyId")),
                                 json_str(yyjson_obj_get(body, "keyId"))))
                removed = yyjson_mut_arr_iter_remove(&iter) != NULL;
        }
    }
    if (!removed)
        return graph_refuse(err, "No password credential found with keyId.");
    c->reply.status = 204;
    return graph_save(c, &p, kept, "secret_removed", json_str(yyjson_obj_get(body, "keyId")), err);
}

/* -- Deleting -------------------------------------------------------------------------------- */

static bool delete (struct entra_call *c, struct error *err)
{
    struct principal_record p;
    bool existed;

    if (!find_changeable(c, &p, err))
        return false;
    c->reply.status = 204;
    c->changed = p.object_id;
    return resource_index(c, &p, NULL, err) &&
           principals_delete(c->txn, c->arena, p.object_id, &existed, err) &&
           audit_changed(c, &p, "deleted", STR_NONE, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_POST, "/v1.0/users", create_user, false },
    { HTTP_PATCH, "/v1.0/users/{}", change_user, false },
    { HTTP_POST, "/v1.0/me/changePassword", change_password, false },
    { HTTP_DELETE, "/v1.0/users/{}", delete, false },
    { HTTP_POST, "/v1.0/applications", create_application, false },
    { HTTP_PATCH, "/v1.0/applications/{}", change_application, false },
    { HTTP_DELETE, "/v1.0/applications/{}", delete, false },
    { HTTP_POST, "/v1.0/applications/{}/addPassword", add_password, false },
    { HTTP_POST, "/v1.0/applications/{}/removePassword", remove_password, false },
    { HTTP_POST, "/v1.0/servicePrincipals/{}/addPassword", add_password, false },
    { HTTP_POST, "/v1.0/servicePrincipals/{}/removePassword", remove_password, false },
    { HTTP_DELETE, "/v1.0/groups/{}", delete, false },
};

const struct entra_endpoints entra_graph_write = { endpoints, ARRAY_LEN(endpoints) };
