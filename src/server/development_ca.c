/* SPDX-License-Identifier: MIT */
#include "server/development_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "identity/certificate.h"
#include "identity/secret_box.h"
#include "net/url.h"

#define RENEW_BEFORE_MS (30 * CERTIFICATE_DAY_MS)
#define RETRY_MS ((int64_t)60 * 60 * 1000)
/* A CA that is kept signs certificates of full length for a month at least. */
#define AUTHORITY_LEFT_MS (CERTIFICATE_SERVER_DAYS * CERTIFICATE_DAY_MS + RENEW_BEFORE_MS)
/* A certificate or a key has some hundred bytes. */
#define FILE_BYTES_MAX ((size_t)16 * 1024)

/* This machine, and the hosts of Azure that clients call which know of no other cloud. */
static const char *const usual_names[] = {
    "localhost",
    "127.0.0.1",
    "::1",
    "management.azure.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "*.openai.azure.com",
    "*.cognitiveservices.azure.com",
    "*.services.ai.azure.com",
    "*.api.cognitive.microsoft.com",
};
#define OWN_NAMES_MAX 3

struct development_ca {
    char *folder;
    char *authority_file, *authority_key_file;
    char *server_file, *server_key_file;
    struct arena *arena; /* of the names and the text */
    struct certificate_names names;
    struct str authority_pem;
    int64_t renew_at_ms;
};

/* ---- names ---- */

static void add_name(struct certificate_names *names, struct str *items, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal_nocase(items[i], name))
            return;
    }
    if (str_equal(name, STR("0.0.0.0")) || str_equal(name, STR("::")))
        return; /* nobody connects to these */
    /* what no certificate can name (an address with its zone) is not reached by TLS either */
    if (certificate_is_name(name))
        items[names->count++] = name;
}

static struct certificate_names names_of(const struct settings *s, struct arena *a)
{
    struct str *items = ARENA_ARRAY(a, struct str, ARRAY_LEN(usual_names) + OWN_NAMES_MAX);
    struct certificate_names names = { .items = items };
    struct str listen = arena_printf(a, "http://%s", s->listen);

    for (size_t i = 0; i < ARRAY_LEN(usual_names); i++)
        add_name(&names, items, str_from(usual_names[i]));
    add_name(&names, items, url_bare_host(url_host(listen)));
    if (s->public_base)
        add_name(&names, items, url_bare_host(url_host(arena_copy(a, str_from(s->public_base)))));
    if (s->data_domain)
        add_name(&names, items, arena_printf(a, "*.openai.%s", s->data_domain));
    return names;
}

/* ---- files ---- */

static bool damaged(const struct development_ca *ca, const char *file, const char *why,
                    struct error *err)
{
    return error_set(err, ERROR_CONFIG,
                     "%s: %s; remove the folder %s to have a new development CA made", file, why,
                     ca->folder);
}

/* *text is empty when there is no such file. */
static bool read_file(const struct development_ca *ca, const char *file, bool is_key,
                      struct arena *a, struct str *text, struct error *err)
{
    char *bytes = arena_alloc(a, FILE_BYTES_MAX);
    const char *why;
    int fd = file_open(file, &why);
    struct stat st = { 0 };
    ssize_t len;

    *text = STR("");
    if (fd < 0)
        return errno == ENOENT || damaged(ca, file, why, err);
    len = fstat(fd, &st) == 0 ? file_read(fd, bytes, FILE_BYTES_MAX) : -1;
    close(fd);
    if (len < 0)
        return damaged(ca, file, strerror(errno), err);
    *text = str_of(bytes, (size_t)len);
    if (!is_key || !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return true;
    return error_set(err, ERROR_CONFIG,
                     "%s: has mode %04o, others than its owner may use it; set it to 0600", file,
                     (unsigned)(st.st_mode & 07777));
}

/* NULL without an error: there is none. */
static bool read_certificate(const struct development_ca *ca, const char *file,
                             const char *key_file, struct certificate **c, struct error *err)
{
    struct arena *a = arena_new(NULL);
    struct str text, key = STR_NONE;
    const char *why;
    bool ok;

    arena_keep_secret(a);
    *c = NULL;
    ok = read_file(ca, file, false, a, &text, err);
    if (ok && text.len && key_file)
        ok = read_file(ca, key_file, true, a, &key, err);
    if (ok && text.len) {
        *c = certificate_parse(text, key, &why);
        ok = *c || damaged(ca, key.data ? key_file : file, why, err);
    }
    arena_free(a);
    return ok;
}

/* The key comes first: a certificate without it would be taken for one whose key was lost. */
static bool write_certificate(const struct certificate *c, const char *file, const char *key_file,
                              struct error *err)
{
    struct arena *a = arena_new(NULL);
    bool ok;

    arena_keep_secret(a);
    ok = data_folder_write(key_file, certificate_key_pem(c, a), err) &&
         data_folder_write(file, certificate_pem(c, a), err);
    arena_free(a);
    return ok;
}

/* ---- making ---- */

/* Not at once, where it is the authority that ends. */
static void set_renewal(struct development_ca *ca, const struct certificate *server, int64_t now_ms)
{
    int64_t due_ms = certificate_end_ms(server) - RENEW_BEFORE_MS;

    ca->renew_at_ms = due_ms > now_ms + RETRY_MS ? due_ms : now_ms + RETRY_MS;
}

/* One that cannot be read, or is not one of its own key, is no loss: false. */
static bool has_good_server(struct development_ca *ca, const struct certificate *authority,
                            int64_t now_ms, int64_t left_ms)
{
    struct certificate *c;
    struct error ignored;
    bool ok = read_certificate(ca, ca->server_file, ca->server_key_file, &c, &ignored) && c &&
              certificate_serves(c, authority, &ca->names, now_ms) &&
              certificate_end_ms(c) - now_ms > left_ms;

    if (ok)
        set_renewal(ca, c, now_ms);
    certificate_free(c);
    return ok;
}

/* With an authority whose key is at hand. *is_permitted is false when it may not vouch for all of the
 * names; nothing is written then. */
static bool make_server(struct development_ca *ca, const struct certificate *authority,
                        int64_t now_ms, bool *is_permitted, struct error *err)
{
    struct certificate *c = certificate_new_server(authority, &ca->names, now_ms);
    bool ok = true;

    *is_permitted = certificate_serves(c, authority, &ca->names, now_ms);
    if (*is_permitted) {
        ok = write_certificate(c, ca->server_file, ca->server_key_file, err);
        set_renewal(ca, c, now_ms);
    }
    certificate_free(c);
    return ok;
}

/* By the authority that is there. */
static bool renew_server(struct development_ca *ca, int64_t now_ms, bool *is_permitted,
                         struct error *err)
{
    struct certificate *authority;
    bool ok;

    if (!read_certificate(ca, ca->authority_file, ca->authority_key_file, &authority, err))
        return false;
    if (!authority)
        return damaged(ca, ca->authority_file, "is not there any more", err);
    ok = make_server(ca, authority, now_ms, is_permitted, err);
    certificate_free(authority);
    return ok;
}

static bool make_all(struct development_ca *ca, int64_t now_ms, struct error *err)
{
    struct certificate *authority = certificate_new_authority(&ca->names, now_ms);
    bool is_permitted = false;
    bool ok = write_certificate(authority, ca->authority_file, ca->authority_key_file, err) &&
              make_server(ca, authority, now_ms, &is_permitted, err);

    if (ok && !is_permitted)
        ok = error_set(err, ERROR_CONFIG,
                       "tls_development: no certificate can be made for the names in listen, "
                       "public_base and data_domain");
    ca->authority_pem = certificate_pem(authority, ca->arena);
    certificate_free(authority);
    return ok;
}

static bool make_what_is_due(struct development_ca *ca, int64_t now_ms, struct error *err)
{
    struct certificate *authority;
    bool is_kept, is_permitted = true, ok = true;

    if (!read_certificate(ca, ca->authority_file, NULL, &authority, err))
        return false;
    is_kept = authority && certificate_end_ms(authority) - now_ms > AUTHORITY_LEFT_MS;
    if (is_kept) {
        ca->authority_pem = certificate_pem(authority, ca->arena);
        if (!has_good_server(ca, authority, now_ms, RENEW_BEFORE_MS))
            ok = renew_server(ca, now_ms, &is_permitted, err);
    }
    certificate_free(authority);
    if (ok && (!is_kept || !is_permitted))
        return make_all(ca, now_ms, err);
    return ok;
}

/* What is due could not be written (the disk is full): good as long as what is there is. */
static bool can_wait(struct development_ca *ca, int64_t now_ms, const struct error *why)
{
    struct certificate *authority;
    struct error ignored;
    bool ok;

    if (why->code != ERROR_IO ||
        !read_certificate(ca, ca->authority_file, NULL, &authority, &ignored) || !authority)
        return false;
    ok = has_good_server(ca, authority, now_ms, 0);
    if (ok) {
        ca->authority_pem = certificate_pem(authority, ca->arena);
        log_warn("certificate_not_renewed", "error=\"%s\"", why->text);
    }
    certificate_free(authority);
    return ok;
}

/* ---- from outside ---- */

static char *path_in(const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort(); /* out of memory */
    return path;
}

struct development_ca *development_ca_open(const struct settings *s, const struct data_folder *f,
                                           int64_t now_ms, struct error *err)
{
    char *folder = data_folder_make_below(f, "tls", err);
    struct development_ca *ca;

    if (!folder)
        return NULL;
    ca = memory_alloc(sizeof(*ca));
    ca->folder = folder;
    ca->authority_file = path_in(f->path, DEVELOPMENT_CA_FILE);
    ca->authority_key_file = path_in(folder, "ca.key");
    ca->server_file = path_in(folder, "server.pem");
    ca->server_key_file = path_in(folder, "server.key");
    ca->arena = arena_new(NULL);
    ca->names = names_of(s, ca->arena);
    if (make_what_is_due(ca, now_ms, err) || can_wait(ca, now_ms, err))
        return ca;
    development_ca_free(ca);
    return NULL;
}

void development_ca_free(struct development_ca *ca)
{
    if (!ca)
        return;
    free(ca->folder);
    free(ca->authority_file);
    free(ca->authority_key_file);
    free(ca->server_file);
    free(ca->server_key_file);
    arena_free(ca->arena);
    free(ca);
}

bool development_ca_renew(struct development_ca *ca, int64_t now_ms, bool *renewed,
                          struct error *err)
{
    bool is_permitted = false;

    *renewed = false;
    if (now_ms < ca->renew_at_ms)
        return true;
    if (!renew_server(ca, now_ms, &is_permitted, err)) {
        ca->renew_at_ms = now_ms + RETRY_MS;
        return false;
    }
    *renewed = is_permitted;
    if (is_permitted)
        return true;
    ca->renew_at_ms = now_ms + RETRY_MS;
    return damaged(ca, ca->authority_file, "has ended, or is another", err);
}

struct str development_ca_pem(const struct development_ca *ca)
{
    return ca->authority_pem;
}

const char *development_ca_server_file(const struct development_ca *ca)
{
    return ca->server_file;
}

const char *development_ca_server_key_file(const struct development_ca *ca)
{
    return ca->server_key_file;
}
