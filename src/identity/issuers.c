/* SPDX-License-Identifier: MIT */
#include "identity/issuers.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/yaml_file.h"
#include "net/url.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT_MAX 2048
#define AUDIENCES_MAX 32

/* -- The file -------------------------------------------------------------------------------- */

struct file_issuer {
    char *issuer;
    int *federation_only;
    char **audiences;
    unsigned audiences_count;
    char *discovery_url;
    char *jwks_uri;
    char *tenant_id;
    char *subject_claim;
    char *name_claim;
    char *groups_claim;
    char *ca_file;
};

struct file_identity {
    struct file_issuer *issuers;
    unsigned issuers_count;
};

#define TEXT(member) \
    CYAML_FIELD_STRING_PTR(#member, OPTIONAL, struct file_issuer, member, 1, TEXT_MAX)

static const cyaml_schema_value_t audience_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};
static const cyaml_schema_field_t issuer_fields[] = {
    TEXT(issuer),
    CYAML_FIELD_ENUM_PTR("federation_only", OPTIONAL | CYAML_FLAG_STRICT, struct file_issuer,
                         federation_only, yaml_truths, ARRAY_LEN(yaml_truths)),
    CYAML_FIELD_SEQUENCE("audiences", OPTIONAL, struct file_issuer, audiences, &audience_schema, 0,
                         AUDIENCES_MAX),
    TEXT(discovery_url),
    TEXT(jwks_uri),
    TEXT(tenant_id),
    TEXT(subject_claim),
    TEXT(name_claim),
    TEXT(groups_claim),
    TEXT(ca_file),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t issuer_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_issuer, issuer_fields),
};
static const cyaml_schema_field_t identity_fields[] = {
    CYAML_FIELD_SEQUENCE("issuers", OPTIONAL, struct file_identity, issuers, &issuer_schema, 0,
                         ISSUERS_MAX),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t identity_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_identity, identity_fields),
};

/* -- URLs ------------------------------------------------------------------------------------ */

static bool is_loopback(const char *host)
{
    struct str h = str_from(host);
    unsigned char address[4];

    return str_equal_nocase(h, STR("localhost")) || str_equal(h, STR("::1")) ||
           (inet_pton(AF_INET, host, address) == 1 && address[0] == 127);
}

bool issuer_url_parse(struct arena *a, struct str text, struct issuer_url *url, struct error *err)
{
    struct str rest = text, before_query;
    struct url u;
    const char *why;
    size_t scheme = str_find(text, STR("://")), slash;

    if (!str_split(&rest, '?', &before_query) || str_find_char(rest, '#') != SIZE_MAX ||
        !url_parse(a, before_query, &u, &why) || u.unix_path)
        return error_set(err, ERROR_CONFIG, "it is not a URL as https://id.example.com/keys");
    if (!u.is_tls && !is_loopback(u.host))
        return error_set(err, ERROR_CONFIG, "it must be an https URL");
    if (!str_is_visible(rest))
        return error_set(err, ERROR_CONFIG, "it holds a blank or a control character");
    slash = str_find_char(str_slice(text, scheme + 3, SIZE_MAX), '/');
    *url = (struct issuer_url){
        .is_tls = u.is_tls,
        .host = u.host,
        .port = u.port,
        .authority = u.authority,
        .target =
            slash == SIZE_MAX
                ? arena_printf(a, "/%.*s", STR_ARGS(str_slice(text, before_query.len, SIZE_MAX)))
                : arena_copy(a, str_slice(text, scheme + 3 + slash, SIZE_MAX)),
    };
    return true;
}

/* -- From the file to the list --------------------------------------------------------------- */

/* What is being read: entry `index` of the file. */
struct reading {
    const struct yaml_file *file;
    struct issuers *list;
    size_t index;
};

static bool fail(const struct reading *r, struct error *err, const char *field, const char *why)
{
    char path[64];

    snprintf(path, sizeof(path), "issuers[%zu].%s", r->index, field);
    return yaml_file_error(r->file, err, path, "%s", why);
}

static bool copy_url(const struct reading *r, const char *field, const char *text, struct str *out,
                     struct error *err)
{
    struct issuer_url url;
    struct error why;

    *out = arena_copy(r->list->arena, str_from(text));
    return !text || issuer_url_parse(r->list->arena, *out, &url, &why) ||
           fail(r, err, field, why.text);
}

static void copy_audiences(struct issuers *list, const struct file_issuer *f, struct issuer *i)
{
    struct str *audiences = ARENA_ARRAY(list->arena, struct str, f->audiences_count);

    for (unsigned n = 0; n < f->audiences_count; n++)
        audiences[n] = arena_copy(list->arena, str_from(f->audiences[n]));
    i->audiences = (struct token_audiences){ audiences, f->audiences_count };
}

static bool read_issuer(const struct reading *r, const struct file_issuer *f, struct error *err)
{
    struct issuers *list = r->list;
    struct issuer *i = &list->items[r->index];
    struct str name = str_from(f->issuer);
    struct error why;

    if (!f->issuer)
        return fail(r, err, "issuer", "must be given");
    if (issuers_find(list, name) != SIZE_MAX)
        return fail(r, err, "issuer", "is given twice");
    i->is_for_federation = f->federation_only && *f->federation_only;
    if (i->is_for_federation && f->audiences_count)
        return fail(r, err, "audiences", "must not be given with federation_only");
    if (!i->is_for_federation && !f->audiences_count)
        return fail(r, err, "audiences", "must name at least one");
    copy_audiences(list, f, i);
    if (!copy_url(r, "jwks_uri", f->jwks_uri, &i->jwks_uri, err) ||
        !copy_url(r, "discovery_url", f->discovery_url, &i->discovery_url, err) ||
        !copy_url(r, "issuer", f->jwks_uri || f->discovery_url ? NULL : f->issuer, &i->name, err))
        return false;
    i->name = arena_copy(list->arena, name);
    if (!f->discovery_url)
        i->discovery_url = arena_printf(list->arena, "%.*s%s.well-known/openid-configuration",
                                        STR_ARGS(name), str_ends_with(name, STR("/")) ? "" : "/");
    i->tenant_id = arena_copy(list->arena, str_from(f->tenant_id));
    i->subject_claim = arena_copy(list->arena, str_from(f->subject_claim));
    i->name_claim = arena_copy(list->arena, str_from(f->name_claim));
    i->groups_claim = arena_copy(list->arena, str_from(f->groups_claim));
    i->tls = tls_context_new_client(f->ca_file, &why);
    return i->tls || fail(r, err, "ca_file", why.text);
}

struct issuers *issuers_parse(struct str text, const char *name, struct error *err)
{
    struct yaml_file *file = yaml_file_parse(text, name, &identity_schema, err);
    const struct file_identity *data;
    struct issuers *list;
    bool ok = true;

    if (!file)
        return NULL;
    data = yaml_file_data(file);
    list = memory_alloc(sizeof(*list));
    atomic_init(&list->refs, 1);
    list->arena = arena_new(NULL);
    list->items = ARENA_ARRAY(list->arena, struct issuer, data->issuers_count);
    for (unsigned i = 0; i < data->issuers_count && ok; i++) {
        struct reading r = { file, list, i };

        ok = read_issuer(&r, &data->issuers[i], err);
        list->count++;
    }
    yaml_file_free(file);
    if (ok)
        return list;
    issuers_unref(list);
    return NULL;
}

struct issuers *issuers_load(const char *file, struct error *err)
{
    struct issuers *list;
    size_t len;
    char *text;

    if (!file)
        return issuers_parse(STR("issuers: []\n"), "no file", err);
    text = yaml_file_read(file, &len, err);
    if (!text)
        return NULL;
    list = issuers_parse(str_of(text, len), file, err);
    free(text);
    return list;
}

struct issuers *issuers_ref(struct issuers *list)
{
    atomic_fetch_add(&list->refs, 1);
    return list;
}

void issuers_unref(struct issuers *list)
{
    if (!list || atomic_fetch_sub(&list->refs, 1) != 1)
        return;
    for (size_t i = 0; i < list->count; i++)
        tls_context_unref(list->items[i].tls);
    arena_free(list->arena);
    free(list);
}

size_t issuers_find(const struct issuers *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_equal(list->items[i].name, name))
            return i;
    }
    return SIZE_MAX;
}
