/* SPDX-License-Identifier: MIT */
#include "net/url.h"

#define URL_BYTES_MAX 2048
/* sun_path, its NUL left out. */
#define UNIX_PATH_MAX 107

static bool refuse(const char **why, const char *reason)
{
    *why = reason; /* the URL itself is not shown: it might hold a password */
    return false;
}

/* ---- parts ---- */

struct str url_authority(struct str url)
{
    size_t scheme = str_find(url, STR("://"));

    if (scheme != SIZE_MAX)
        url = str_slice(url, scheme + strlen("://"), SIZE_MAX);
    return str_slice(url, 0, str_find_char(url, '/'));
}

bool url_split(struct str url, struct url_parts *parts, const char **why)
{
    struct str rest = url_authority(url), port;
    struct url_parts p = { .port = -1 };
    size_t at = str_find_char(rest, '@'), end;
    uint64_t number;

    if (at != SIZE_MAX) {
        p.user = str_slice(rest, 0, at);
        rest = str_slice(rest, at + 1, SIZE_MAX);
    }
    end = str_find_char(rest, ':');
    if (str_starts_with(rest, STR("["))) {
        end = str_find_char(rest, ']');
        if (end == SIZE_MAX)
            return refuse(why, "lacks a ']'");
        end++;
    }
    p.host = str_slice(rest, 0, end);
    if (str_is_empty(url_bare_host(p.host)))
        return refuse(why, "lacks a host");
    port = str_slice(rest, p.host.len, SIZE_MAX);
    if (port.len) {
        if (port.data[0] != ':' || !str_to_u64(str_slice(port, 1, SIZE_MAX), UINT16_MAX, &number))
            return refuse(why, "has a port that is none");
        p.port = (int)number;
    }
    *parts = p;
    return true;
}

struct str url_host(struct str url)
{
    struct url_parts parts;
    const char *why;

    return url_split(url, &parts, &why) ? parts.host : STR_NONE;
}

struct str url_bare_host(struct str host)
{
    return str_starts_with(host, STR("[")) ? str_slice(host, 1, host.len - 2) : host;
}

/* ---- the whole ---- */

static struct str without_end_slashes(struct str path)
{
    while (path.len && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool parse_unix(struct arena *a, struct str rest, struct url *u, const char **why)
{
    size_t colon = str_find_char(rest, ':');
    struct str path = str_slice(rest, 0, colon == SIZE_MAX ? rest.len : colon);

    if (!str_starts_with(path, STR("/")))
        return refuse(why, "must be http+unix:///ABSOLUTE/PATH.sock:/BASE");
    if (path.len > UNIX_PATH_MAX)
        return refuse(why, "has a socket path of more than 107 bytes");
    u->unix_path = arena_text(a, path);
    u->authority = STR("localhost");
    rest = colon == SIZE_MAX ? STR_NONE : str_slice(rest, colon + 1, rest.len);
    if (rest.len && rest.data[0] != '/')
        return refuse(why, "must have a '/' behind the ':'");
    u->path = arena_copy(a, without_end_slashes(rest));
    return true;
}

static bool parse_tcp(struct arena *a, struct str text, struct url *u, const char **why)
{
    struct str authority = url_authority(text);
    size_t end = (size_t)(authority.data - text.data) + authority.len;
    struct url_parts parts;

    if (str_find_char(authority, '@') != SIZE_MAX)
        return refuse(why, "must not hold a user; give the key by api_key_env or api_key_file");
    if (!url_split(authority, &parts, why))
        return false;
    if (parts.port == 0)
        return refuse(why, "has a port that is none");
    u->host = arena_text(a, url_bare_host(parts.host));
    u->port = parts.port > 0 ? (unsigned)parts.port : u->is_tls ? 443 : 80;
    u->authority = arena_copy(a, authority);
    u->path = arena_copy(a, without_end_slashes(str_slice(text, end, SIZE_MAX)));
    return true;
}

bool url_parse(struct arena *a, struct str text, struct url *parsed, const char **why)
{
    const struct str unix_scheme = STR("http+unix://");
    struct url u = { 0 };

    if (text.len > URL_BYTES_MAX)
        return refuse(why, "is too long");
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7F)
            return refuse(why, "holds a blank or a control character");
    }
    if (str_find_char(text, '?') != SIZE_MAX || str_find_char(text, '#') != SIZE_MAX)
        return refuse(why, "must not hold a query or a fragment");
    if (str_starts_with_nocase(text, unix_scheme)) {
        if (!parse_unix(a, str_slice(text, unix_scheme.len, SIZE_MAX), &u, why))
            return false;
        *parsed = u;
        return true;
    }
    u.is_tls = str_starts_with_nocase(text, STR("https://"));
    if (!u.is_tls && !str_starts_with_nocase(text, STR("http://")))
        return refuse(why, "must begin with https://, http:// or http+unix://");
    if (!parse_tcp(a, text, &u, why))
        return false;
    *parsed = u;
    return true;
}
