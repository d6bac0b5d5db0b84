/* SPDX-License-Identifier: MIT */
#include "engine/upstream_url.h"

#define URL_BYTES_MAX 2048
/* sun_path, its NUL left out. */
#define UNIX_PATH_MAX 107

static bool has_prefix(struct str *url, struct str prefix)
{
    if (!str_starts_with_nocase(*url, prefix))
        return false;
    *url = str_slice(*url, prefix.len, url->len);
    return true;
}

static bool refuse(struct error *err, const char *why)
{
    /* The URL itself is not shown: it might hold a password. */
    return error_set_target(err, ERROR_CONFIG, "url", "the url of an address %s", why);
}

static struct str without_end_slashes(struct str path)
{
    while (path.len && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool parse_unix(struct arena *a, struct str rest, struct upstream_url *u, struct error *err)
{
    size_t colon = str_find_char(rest, ':');
    struct str path = str_slice(rest, 0, colon == SIZE_MAX ? rest.len : colon);

    if (!str_starts_with(path, STR("/")))
        return refuse(err, "must be http+unix:///ABSOLUTE/PATH.sock:/BASE");
    if (path.len > UNIX_PATH_MAX)
        return refuse(err, "has a socket path of more than 107 bytes");
    u->unix_path = arena_text(a, path);
    u->authority = STR("localhost");
    rest = colon == SIZE_MAX ? STR_NONE : str_slice(rest, colon + 1, rest.len);
    if (rest.len && rest.data[0] != '/')
        return refuse(err, "must have a '/' behind the ':'");
    u->path = arena_copy(a, without_end_slashes(rest));
    return true;
}

/* "host", "host:80", "[::1]:80" */
static bool parse_authority(struct arena *a, struct str authority, struct upstream_url *u,
                            struct error *err)
{
    struct str host = authority, port = STR_NONE;
    size_t at;
    uint64_t number = u->is_tls ? 443 : 80;

    if (str_find_char(authority, '@') != SIZE_MAX)
        return refuse(err, "must not hold a user; give the key by api_key_env or api_key_file");
    if (str_starts_with(authority, STR("["))) {
        at = str_find_char(authority, ']');
        if (at == SIZE_MAX)
            return refuse(err, "lacks a ']'");
        host = str_slice(authority, 1, at - 1);
        port = str_slice(authority, at + 1, authority.len);
    } else if ((at = str_find_char(authority, ':')) != SIZE_MAX) {
        host = str_slice(authority, 0, at);
        port = str_slice(authority, at, authority.len);
    }
    if (str_is_empty(host))
        return refuse(err, "lacks a host");
    if (port.len && (port.data[0] != ':' ||
                     !str_to_u64(str_slice(port, 1, port.len), 65535, &number) || number == 0))
        return refuse(err, "has a port that is none");
    u->host = arena_text(a, host);
    u->port = (unsigned)number;
    u->authority = arena_copy(a, authority);
    return true;
}

bool upstream_url_parse(struct arena *a, struct str url, struct upstream_url *parsed,
                        struct error *err)
{
    struct upstream_url u = { 0 };
    size_t slash;

    if (url.len > URL_BYTES_MAX)
        return refuse(err, "is too long");
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.data[i] <= ' ' || url.data[i] == 0x7F)
            return refuse(err, "holds a blank or a control character");
    }
    if (str_find_char(url, '?') != SIZE_MAX || str_find_char(url, '#') != SIZE_MAX)
        return refuse(err, "must not hold a query or a fragment");
    if (has_prefix(&url, STR("http+unix://"))) {
        if (!parse_unix(a, url, &u, err))
            return false;
        *parsed = u;
        return true;
    }
    u.is_tls = has_prefix(&url, STR("https://"));
    if (!u.is_tls && !has_prefix(&url, STR("http://")))
        return refuse(err, "must begin with https://, http:// or http+unix://");
    slash = str_find_char(url, '/');
    if (!parse_authority(a, str_slice(url, 0, slash), &u, err))
        return false;
    if (slash != SIZE_MAX)
        u.path = arena_copy(a, without_end_slashes(str_slice(url, slash, url.len)));
    *parsed = u;
    return true;
}
