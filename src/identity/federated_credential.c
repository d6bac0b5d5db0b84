/* SPDX-License-Identifier: MIT */
#include "identity/federated_credential.h"

#include "identity/managed_identity.h"

/* As arm/types/federated_credential.c has them: the store's name of the type. */
#define STORE_TYPE "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"

struct federated_credential federated_credential_read(struct str name, yyjson_val *value)
{
    yyjson_val *audiences = yyjson_obj_get(value, "audiences");

    return (struct federated_credential){
        .name = name,
        .issuer = json_str(yyjson_obj_get(value, "issuer")),
        .subject = json_str(yyjson_obj_get(value, "subject")),
        .audience =
            yyjson_arr_size(audiences) == 1 ? json_str(yyjson_arr_get_first(audiences)) : STR_NONE,
    };
}

/* -- What may be kept ------------------------------------------------------------------------ */

static bool is_name(struct str name)
{
    return name.len >= FEDERATED_CREDENTIAL_NAME_MIN && name.len <= FEDERATED_CREDENTIAL_NAME_MAX &&
           !strchr("-_", name.data[0]) && str_is_alnum_or(name, "-_");
}

static bool is_text(struct str text)
{
    return text.len && str_count_chars(text) <= FEDERATED_CREDENTIAL_TEXT_MAX;
}

static bool is_issuer(struct str issuer)
{
    size_t scheme = str_starts_with(issuer, STR("https://"))  ? strlen("https://")
                    : str_starts_with(issuer, STR("http://")) ? strlen("http://")
                                                              : issuer.len;

    return is_text(issuer) && issuer.len > scheme && str_is_visible(issuer);
}

const char *federated_credential_fault(const struct federated_credential *f, const char **member)
{
    *member = "name";
    if (!is_name(f->name))
        return "it must have 3 to 120 characters, letters, digits, hyphens and underscores, and "
               "begin with a letter or digit";
    *member = "issuer";
    if (!is_issuer(f->issuer))
        return "it must be the URL of an issuer, of at most 600 characters";
    *member = "subject";
    if (!is_text(f->subject))
        return "it must have 1 to 600 characters";
    *member = "audiences";
    return is_text(f->audience) ? NULL : "it must have one value, of 1 to 600 characters";
}

/* -- What there is --------------------------------------------------------------------------- */

bool federated_credentials_list_below(struct store_txn *t, struct arena *a, struct str resource_id,
                                      struct federated_credential **list, size_t *count,
                                      struct error *err)
{
    struct store_query query = { .parent = arena_lower(a, resource_id), .type = STR(STORE_TYPE) };
    struct store_resource *found;

    if (!store_list(t, &query, &found, count, err))
        return false;
    *list = ARENA_ARRAY(a, struct federated_credential, *count);
    for (size_t i = 0; i < *count; i++) {
        yyjson_doc *doc = json_parse(a, found[i].body, err);
        struct str rest = found[i].id, name = STR_NONE;

        if (!doc)
            return error_set(err, ERROR_STORE, "a stored credential is damaged");
        while (str_split(&rest, '/', &name))
            ;
        (*list)[i] =
            federated_credential_read(name, yyjson_obj_get(yyjson_doc_get_root(doc), "properties"));
    }
    return true;
}

bool federated_credentials_list(struct store_txn *t, struct arena *a,
                                const struct principal_record *p,
                                struct federated_credential **list, size_t *count,
                                struct error *err)
{
    yyjson_val *own = yyjson_obj_get(p->body, FEDERATED_CREDENTIALS), *item;
    struct managed_identity identity;
    size_t i;

    if (managed_identity_read(p, &identity) && identity.is_user_assigned)
        return federated_credentials_list_below(t, a, identity.resource_id, list, count, err);
    *list = ARENA_ARRAY(a, struct federated_credential, yyjson_arr_size(own));
    yyjson_arr_foreach(own, i, *count, item)
    {
        (*list)[i] = federated_credential_read(json_str(yyjson_obj_get(item, "name")), item);
    }
    *count = yyjson_arr_size(own);
    return true;
}

const struct federated_credential *
federated_credentials_find(const struct federated_credential *list, size_t count,
                           const struct federated_credential *wanted, struct str but)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(list[i].issuer, wanted->issuer) &&
            str_equal(list[i].subject, wanted->subject) && !str_equal_nocase(list[i].name, but))
            return &list[i];
    }
    return NULL;
}

/* -- Tokens ---------------------------------------------------------------------------------- */

/* "aud" is a text, or a list of them (RFC 7519, 4.1.3). */
static bool has_audience(const struct jwt *token, struct str audience)
{
    yyjson_val *claim = yyjson_obj_get(token->claims, "aud"), *one;
    bool is_there = str_equal(json_str(claim), audience);
    size_t i, count;

    yyjson_arr_foreach(claim, i, count, one)
    {
        is_there |= str_equal(json_str(one), audience);
    }
    return audience.len && is_there;
}

static enum federated_fit fit_of(const struct federated_credential *f, const struct jwt *token)
{
    struct str issuer = json_str(yyjson_obj_get(token->claims, "iss"));
    struct str subject = json_str(yyjson_obj_get(token->claims, "sub"));

    if (!issuer.len || !str_equal(issuer, f->issuer))
        return FEDERATED_OTHER_ISSUER;
    if (!subject.len || !str_equal(subject, f->subject))
        return FEDERATED_OTHER_SUBJECT;
    return has_audience(token, f->audience) ? FEDERATED_FITS : FEDERATED_OTHER_AUDIENCE;
}

enum federated_fit federated_credentials_fit(const struct federated_credential *list, size_t count,
                                             const struct jwt *token)
{
    enum federated_fit best = FEDERATED_OTHER_ISSUER;

    for (size_t i = 0; i < count; i++) {
        enum federated_fit fit = fit_of(&list[i], token);

        if (fit > best)
            best = fit;
    }
    return best;
}
