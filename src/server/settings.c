/* SPDX-License-Identifier: MIT */
#include "server/settings.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "identity/managed_identity.h"
#include "model/yaml_file.h"
#include "net/address.h"
#include "net/url.h"

enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_FLAG };

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
    const char *text_default;
    uint64_t number_default, minimum, maximum;
    bool reloadable;
    const char *help;
};

#define KEY_BYTES 64

static const struct setting table[] = {
#define TEXT(name, fallback, reloadable, help) \
    { #name, SETTING_TEXT, offsetof(struct settings, name), fallback, 0, 0, 0, reloadable, help },
#define NUMBER(name, fallback, minimum, maximum, reloadable, help) \
    { #name,   SETTING_NUMBER, offsetof(struct settings, name),    \
      NULL,    fallback,       minimum,                            \
      maximum, reloadable,     help },
#define FLAG(name, fallback, reloadable, help)                                                       \
    {                                                                                                \
        #name, SETTING_FLAG, offsetof(struct settings, name), NULL, fallback, 0, 1, reloadable, help \
    },
    SETTINGS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

/* The file as libcyaml reads it: a pointer a setting, NULL where it is not given. */
struct file_settings {
#define TEXT(name, fallback, reloadable, help) char *name;
#define NUMBER(name, fallback, minimum, maximum, reloadable, help) uint64_t *name;
#define FLAG(name, fallback, reloadable, help) int *name;
    SETTINGS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

#define OPTIONAL_POINTER (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)

static const cyaml_schema_field_t file_fields[] = {
#define TEXT(name, fallback, reloadable, help) \
    CYAML_FIELD_STRING_PTR(#name, OPTIONAL_POINTER, struct file_settings, name, 0, CYAML_UNLIMITED),
#define NUMBER(name, fallback, minimum, maximum, reloadable, help) \
    CYAML_FIELD_UINT_PTR(#name, OPTIONAL_POINTER, struct file_settings, name),
#define FLAG(name, fallback, reloadable, help)                                                    \
    CYAML_FIELD_ENUM_PTR(#name, OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file_settings, name, \
                         yaml_truths, ARRAY_LEN(yaml_truths)),
    SETTINGS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
        CYAML_FIELD_END
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_settings, file_fields),
};

static char **text_at(const struct settings *s, const struct setting *row)
{
    return (char **)(void *)((char *)(uintptr_t)s + row->offset);
}

static uint64_t *number_at(const struct settings *s, const struct setting *row)
{
    return (uint64_t *)(void *)((char *)(uintptr_t)s + row->offset);
}

static bool *flag_at(const struct settings *s, const struct setting *row)
{
    return (bool *)(void *)((char *)(uintptr_t)s + row->offset);
}

static void set_text(struct settings *s, const struct setting *row, const char *value)
{
    char **at = text_at(s, row), *old = *at;

    *at = memory_dup_text(value);
    free(old);
}

/* As given by a file, a variable or an option: empty means the default. */
static void give_text(struct settings *s, const struct setting *row, const char *value)
{
    set_text(s, row, *value ? value : row->text_default);
}

static void copy_value(struct settings *to, const struct settings *from, const struct setting *row)
{
    switch (row->kind) {
    case SETTING_TEXT:
        set_text(to, row, *text_at(from, row));
        break;
    case SETTING_NUMBER:
        *number_at(to, row) = *number_at(from, row);
        break;
    case SETTING_FLAG:
        *flag_at(to, row) = *flag_at(from, row);
        break;
    }
}

static bool is_same(const struct settings *a, const struct settings *b, const struct setting *row)
{
    switch (row->kind) {
    case SETTING_TEXT:
        return str_equal(str_from(*text_at(a, row)), str_from(*text_at(b, row)));
    case SETTING_NUMBER:
        return *number_at(a, row) == *number_at(b, row);
    case SETTING_FLAG:
        break;
    }
    return *flag_at(a, row) == *flag_at(b, row);
}

void settings_init(struct settings *s)
{
    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct setting *row = &table[i];

        if (row->kind == SETTING_TEXT)
            set_text(s, row, row->text_default);
        else if (row->kind == SETTING_NUMBER)
            *number_at(s, row) = row->number_default;
        else
            *flag_at(s, row) = row->number_default != 0;
    }
}

void settings_done(struct settings *s)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].kind == SETTING_TEXT)
            set_text(s, &table[i], NULL);
    }
}

static const struct setting *find(struct str key)
{
    char name[KEY_BYTES];

    if (key.len >= sizeof(name))
        return NULL;
    for (size_t i = 0; i < key.len; i++)
        name[i] = key.data[i] == '-' ? '_' : key.data[i];
    name[key.len] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

bool settings_has(struct str key)
{
    return find(key) != NULL;
}

bool settings_is_flag(struct str key)
{
    const struct setting *row = find(key);

    return row && row->kind == SETTING_FLAG;
}

static bool in_range(const struct setting *row, uint64_t value)
{
    return value >= row->minimum && value <= row->maximum;
}

static bool set_number(struct settings *s, const struct setting *row, struct str value,
                       const char *from, struct error *err)
{
    uint64_t number;

    if (!str_to_u64(value, UINT64_MAX, &number) || !in_range(row, number))
        return error_set_target(err, ERROR_CONFIG, row->name,
                                "%s: %s: '%.*s' is not a whole number from %llu to %llu", from,
                                row->name, STR_ARGS(value), (unsigned long long)row->minimum,
                                (unsigned long long)row->maximum);
    *number_at(s, row) = number;
    return true;
}

bool settings_set(struct settings *s, struct str key, struct str value, const char *from,
                  struct error *err)
{
    const struct setting *row = find(key);
    char *copy;

    if (!row)
        return error_set(err, ERROR_CONFIG, "%s: there is no setting '%.*s'", from, STR_ARGS(key));
    if (row->kind == SETTING_NUMBER)
        return set_number(s, row, value, from, err);
    if (row->kind == SETTING_FLAG) {
        bool is_true = str_equal(value, STR("true"));

        if (!is_true && !str_equal(value, STR("false")))
            return error_set_target(err, ERROR_CONFIG, row->name,
                                    "%s: %s: '%.*s' is neither true nor false", from, row->name,
                                    STR_ARGS(value));
        *flag_at(s, row) = is_true;
        return true;
    }
    copy = memory_realloc(NULL, value.len + 1);
    memcpy(copy, value.data ? value.data : "", value.len);
    copy[value.len] = '\0';
    give_text(s, row, copy);
    free(copy);
    return true;
}

bool settings_from_environment(struct settings *s, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char name[KEY_BYTES];
        const char *value;
        int len = snprintf(name, sizeof(name), "LAZULI_%s", table[i].name);

        for (int at = 0; at < len; at++)
            name[at] = (char)toupper((unsigned char)name[at]);
        value = getenv(name);
        if (value && !settings_set(s, str_from(table[i].name), str_from(value), name, err))
            return false;
    }
    return true;
}

/* `given` is the file's struct; its fields are pointers in the order of the table. */
static bool apply_file(struct settings *s, const struct yaml_file *f, void *const *given,
                       struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct setting *row = &table[i];

        if (!given[i])
            continue;
        if (row->kind == SETTING_TEXT) {
            give_text(s, row, given[i]);
        } else if (row->kind == SETTING_FLAG) {
            *flag_at(s, row) = *(const int *)given[i] != 0;
        } else if (in_range(row, *(const uint64_t *)given[i])) {
            *number_at(s, row) = *(const uint64_t *)given[i];
        } else {
            return yaml_file_error(f, err, row->name, "must be from %llu to %llu",
                                   (unsigned long long)row->minimum,
                                   (unsigned long long)row->maximum);
        }
    }
    return true;
}

void settings_copy(struct settings *to, const struct settings *from)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        copy_value(to, from, &table[i]);
}

static bool consists_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char)s.data[i]) && !(s.data[i] && strchr(others, s.data[i])))
            return false;
    }
    return s.len != 0;
}

/* Endpoints are made of it, and shell lines: RFC 3986's characters without quotes and "$&;". */
static bool is_base_url(struct str url)
{
    size_t scheme = str_starts_with(url, STR("https://")) ? 8 : 7;
    struct url_parts parts;
    const char *why;

    return url_split(url, &parts, &why) && (scheme == 8 || str_starts_with(url, STR("http://"))) &&
           consists_of(str_slice(url, scheme, url.len), "-._~:/[]@%+");
}

static bool check_ranges(const char *name, struct str list, struct error *err)
{
    struct str range;

    while (str_split(&list, ',', &range)) {
        if (!address_range_is_valid(range))
            return error_set_target(err, ERROR_CONFIG, name,
                                    "%s: '%.*s' is neither an IP address nor a range as 10.0.0.0/8",
                                    name, STR_ARGS(str_slice(range, 0, 60)));
    }
    return true;
}

static bool check_identities(struct str list, struct error *err)
{
    struct str item;

    while (str_split(&list, ',', &item)) {
        item = str_trim(item);
        if (!managed_identity_is_name(item))
            return error_set_target(err, ERROR_CONFIG, "machine_identities",
                                    "machine_identities: '%.*s' is neither the resource id nor the "
                                    "name of a user-assigned identity",
                                    STR_ARGS(str_slice(item, 0, 200)));
    }
    return true;
}

static bool check_names(const struct settings *s, struct error *err)
{
    if (s->public_base && !is_base_url(str_from(s->public_base)))
        return error_set_target(err, ERROR_CONFIG, "public_base",
                                "public_base: '%s' is not a URL as https://lazuli.example.com",
                                s->public_base);
    if (!check_ranges("trusted_proxies", str_from(s->trusted_proxies), err) ||
        !check_ranges("private_networks", str_from(s->private_networks), err) ||
        !check_identities(str_from(s->machine_identities), err))
        return false;
    if (s->data_domain && !consists_of(str_from(s->data_domain), "-."))
        return error_set_target(err, ERROR_CONFIG, "data_domain",
                                "data_domain: '%s' is not a domain as example.com", s->data_domain);
    return true;
}

static bool check_words(const struct settings *s, struct error *err)
{
    enum sandbox_mode mode;
    enum log_level level;

    if (!log_parse_level(str_from(s->log_level), &level))
        return error_set_target(err, ERROR_CONFIG, "log_level",
                                "log_level: '%s' is none of error, warn, info, debug",
                                s->log_level);
    if (!sandbox_parse_mode(s->sandbox, &mode))
        return error_set_target(err, ERROR_CONFIG, "sandbox",
                                "sandbox: '%s' is none of on, off, required", s->sandbox);
    return true;
}

/* Each for itself. Errors begin with "SETTING: ", which is also their target. */
static bool check_values(const struct settings *s, struct error *err)
{
    unsigned port;
    char *host = NULL;

    if (!check_names(s, err) || !settings_parse_listen(s->listen, &host, &port, err))
        return false;
    free(host);
    return check_words(s, err);
}

/* Of a value that the file gives, the error says where. */
static bool check_given(const struct settings *s, const struct yaml_file *f, struct error *err)
{
    struct error why;
    size_t len;

    if (check_values(s, &why))
        return true;
    if (!yaml_file_has(f, why.target)) {
        *err = why;
        return false;
    }
    len = strlen(why.target) + strlen(": ");
    return yaml_file_error(f, err, why.target, "%s", why.text + len);
}

bool settings_load(struct settings *s, const char *file, struct error *err)
{
    struct settings next;
    struct yaml_file *f;
    size_t len;
    char *text = yaml_file_read(file, &len, err);
    bool ok;

    if (!text)
        return false;
    f = yaml_file_parse(str_of(text, len), file, &file_schema, err);
    free(text);
    if (!f)
        return false;
    settings_init(&next);
    settings_copy(&next, s);
    ok = apply_file(&next, f, yaml_file_data(f), err) && check_given(&next, f, err);
    if (ok)
        settings_copy(s, &next);
    settings_done(&next);
    yaml_file_free(f);
    return ok;
}

bool settings_check(const struct settings *s, struct error *err)
{
    if (!check_values(s, err))
        return false;
    if (!s->tls_certificate != !s->tls_key)
        return error_set_target(err, ERROR_CONFIG, s->tls_key ? "tls_certificate" : "tls_key",
                                "tls_certificate and tls_key need each other");
    if (s->tls_required && !s->tls_certificate && !s->tls_development)
        return error_set_target(err, ERROR_CONFIG, "tls_certificate",
                                "tls_required needs tls_certificate and tls_key, or "
                                "tls_development");
    if (s->master_key_file && s->master_key_command)
        return error_set_target(err, ERROR_CONFIG, "master_key_command",
                                "give master_key_file or master_key_command, not both");
    if (s->vault_key_folder && s->vault_key_command)
        return error_set_target(err, ERROR_CONFIG, "vault_key_command",
                                "give vault_key_folder or vault_key_command, not both");
    return true;
}

enum log_level settings_log_level(const struct settings *s)
{
    enum log_level level;
    bool is_known = log_parse_level(str_from(s->log_level), &level);

    assert(is_known);
    (void)is_known;
    return level;
}

enum sandbox_mode settings_sandbox_mode(const struct settings *s)
{
    enum sandbox_mode mode;
    bool is_known = sandbox_parse_mode(s->sandbox, &mode);

    assert(is_known);
    (void)is_known;
    return mode;
}

void settings_reload(struct settings *s, const struct settings *next, struct buf *ignored)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct setting *row = &table[i];

        if (is_same(s, next, row))
            continue;
        if (row->reloadable)
            copy_value(s, next, row);
        else if (!buf_printf(ignored, "%s%s", buf_len(ignored) ? " " : "", row->name))
            return; /* a log line's worth of names is enough */
    }
}

static bool write_default(const struct setting *row, struct buf *out)
{
    if (row->kind == SETTING_TEXT)
        return row->text_default ? buf_printf(out, "`%s`", row->text_default)
                                 : buf_append(out, STR("not set"));
    if (row->kind == SETTING_FLAG)
        return buf_printf(out, "`%s`", row->number_default ? "true" : "false");
    return buf_printf(out, "`%llu` (%llu to %llu)", (unsigned long long)row->number_default,
                      (unsigned long long)row->minimum, (unsigned long long)row->maximum);
}

bool settings_write_reference(struct buf *out)
{
    if (!buf_append(out,
                    STR("# Settings\n\n"
                        "In the file that `--config` names (YAML), as an environment variable "
                        "(`LAZULI_LISTEN` for\n`listen`), or on the command line (`--listen`); "
                        "the later of these counts. An empty text is the\ndefault. This page is "
                        "what `lazuli settings` prints.\n\n"
                        "| setting | default | reloaded by SIGHUP | what it does |\n"
                        "|---|---|---|---|\n")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!buf_printf(out, "| `%s` | ", table[i].name) || !write_default(&table[i], out) ||
            !buf_printf(out, " | %s | %s |\n", table[i].reloadable ? "yes" : "no", table[i].help))
            return false;
    }
    return true;
}

bool settings_parse_listen(const char *listen, char **host, unsigned *port, struct error *err)
{
    const char *colon = strrchr(listen, ':');
    struct str name = str_of(listen, colon ? (size_t)(colon - listen) : 0);
    uint64_t number;

    if (name.len > 2 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = str_slice(name, 1, name.len - 2);
    else if (str_find_char(name, ':') != SIZE_MAX)
        colon = NULL; /* "::1" may be an address, or one with its port */
    if (!colon || !name.len || !str_to_u64(str_from(colon + 1), 65535, &number))
        return error_set_target(err, ERROR_CONFIG, "listen",
                                "listen: '%s' is not ADDRESS:PORT, as in 127.0.0.1:4270", listen);
    *host = memory_dup_text(name.data);
    (*host)[name.len] = '\0';
    *port = (unsigned)number;
    return true;
}
