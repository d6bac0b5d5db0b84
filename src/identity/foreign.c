/* SPDX-License-Identifier: MIT */
#include "identity/foreign.h"

#include <openssl/sha.h>

#include "base/format.h"

#define GROUPS_MAX 200

/* -- Audience -------------------------------------------------------------------------------- */

static bool is_azures(struct str audience)
{
    return token_audiences_hold(&token_audiences_arm, audience) ||
           token_audiences_hold(&token_audiences_data, audience);
}

static bool is_for_us(const struct issuer *issuer, const struct token_audiences *audiences,
                      struct str audience)
{
    return token_audiences_hold(&issuer->audiences, audience) &&
           (!is_azures(audience) || token_audiences_hold(audiences, audience));
}

bool foreign_check_audience(const struct issuer *issuer, const struct jwt *token,
                            const struct token_audiences *audiences, struct error *err)
{
    yyjson_val *audience = yyjson_obj_get(token->claims, "aud"), *one;
    size_t i, count;

    if (yyjson_is_str(audience) && is_for_us(issuer, audiences, json_str(audience)))
        return true;
    yyjson_arr_foreach(audience, i, count, one)
    {
        if (yyjson_is_str(one) && is_for_us(issuer, audiences, json_str(one)))
            return true;
    }
    return error_set(err, ERROR_ARM_TOKEN_AUDIENCE,
                     "The access token has been obtained for a wrong audience or resource. It "
                     "should match one of the audiences that are allowed for its issuer '%.*s'.",
                     STR_ARGS(str_slice(issuer->name, 0, 200)));
}

/* -- Bearer ---------------------------------------------------------------------------------- */

/* The first of these claims that is a text with something in it. */
static struct str first_claim(const struct jwt *token, struct str configured,
                              const char *const *usual, size_t count)
{
    struct str value = STR_NONE;

    if (configured.len)
        return json_str(yyjson_obj_getn(token->claims, configured.data, configured.len));
    for (size_t i = 0; i < count && !value.len; i++)
        value = json_str(yyjson_obj_get(token->claims, usual[i]));
    return value;
}

/* The GUID itself, in lower case, or one made of a digest (RFC 9562, 5.8). */
static struct str object_id(struct arena *a, const struct issuer *issuer, struct str subject)
{
    struct str text = arena_printf(a, "%.*s\n%.*s", STR_ARGS(issuer->name), STR_ARGS(subject));
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char guid[GUID_TEXT_LEN + 1];

    if (format_is_guid(subject))
        return arena_lower(a, subject);
    SHA256((const unsigned char *)text.data, text.len, digest);
    format_guid_of(digest, guid);
    guid[14] = '8';
    return arena_copy(a, str_from(guid));
}

static void read_groups(const struct issuer *issuer, const struct jwt *token, struct arena *a,
                        struct principal *who)
{
    yyjson_val *list =
        issuer->groups_claim.len
            ? yyjson_obj_getn(token->claims, issuer->groups_claim.data, issuer->groups_claim.len)
            : yyjson_obj_get(token->claims, "groups");
    struct str *groups = ARENA_ARRAY(a, struct str, GROUPS_MAX);
    yyjson_val *group;
    size_t i, count;

    yyjson_arr_foreach(list, i, count, group)
    {
        if (json_str(group).len && who->group_count < GROUPS_MAX)
            groups[who->group_count++] = object_id(a, issuer, json_str(group));
    }
    who->groups = groups;
}

bool foreign_is_of_tenant(const struct issuer *issuer, const struct jwt *token)
{
    return !issuer->tenant_id.len ||
           str_equal_nocase(issuer->tenant_id, json_str(yyjson_obj_get(token->claims, "tid")));
}

bool foreign_read_bearer(const struct issuer *issuer, const struct jwt *token, struct arena *a,
                         struct principal *who, struct error *err)
{
    static const char *const subjects[] = { "oid", "sub" };
    static const char *const names[] = { "preferred_username", "upn", "email" };
    static const char *const applications[] = { "appid", "azp", "client_id" };
    struct str subject = first_claim(token, issuer->subject_claim, subjects, ARRAY_LEN(subjects));
    struct str name = first_claim(token, issuer->name_claim, names, ARRAY_LEN(names));

    if (!foreign_is_of_tenant(issuer, token))
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it is of another tenant of its issuer.");
    if (!subject.len)
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The access token is invalid: it lacks the claim that names its subject.");
    *who = (struct principal){
        .kind = name.len ? PRINCIPAL_USER : PRINCIPAL_APPLICATION,
        .object_id = object_id(a, issuer, subject),
    };
    if (!name.len)
        name = first_claim(token, STR_NONE, applications, ARRAY_LEN(applications));
    who->name = arena_copy(a, name.len ? name : subject);
    read_groups(issuer, token, a, who);
    return true;
}
