/*
 * Base64, data URIs, URIs and hashes (learn.microsoft.com, "String functions for ARM templates").
 * SPDX-License-Identifier: MIT
 */
#include <openssl/evp.h>

#include "base/format.h"
#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

/* How much of a text a message shows. */
#define SHOWN_MAX 100
/* What OpenSSL takes for a hash or random bytes, and what it takes to put a URI together. */
#define HASH_STEPS 50
#define URI_STEPS 20

/* -- Base64 -------------------------------------------------------------------------------- */

/* A text made of argument 0 by `make`, at most `times` as long and some. */
static bool run_made(struct template_call *c, struct str (*make)(struct arena *a, struct str s),
                     unsigned times, yyjson_mut_val **result)
{
    struct str s;

    return template_arg_string(c, 0, &s) &&
           template_charge(c->x, s.len / TEMPLATE_STEP_BYTES, times * s.len + 32, c->err) &&
           template_return_text(c, make(c->x->arena, s), result);
}

static struct str make_base64(struct arena *a, struct str s)
{
    return format_base64(a, s.data ? s.data : "", s.len);
}

static bool run_base64(struct template_call *c, yyjson_mut_val **result)
{
    return run_made(c, make_base64, 2, result);
}

/* Of a text as such, of anything else as JSON. */
static bool run_data_uri(struct template_call *c, yyjson_mut_val **result)
{
    bool is_text = yyjson_mut_is_str(c->args[0]);
    struct str text;

    if (!(is_text ? template_arg_string(c, 0, &text)
                  : template_json(c->x, c->args[0], &text, c->err)))
        return false;
    if (!template_charge(c->x, text.len / TEMPLATE_STEP_BYTES, 4 * text.len + 64, c->err))
        return false;
    text = arena_printf(c->x->arena, "data:%s;charset=utf8;base64,%s",
                        is_text ? "text/plain" : "application/json",
                        make_base64(c->x->arena, text).data);
    return template_return_text(c, text, result);
}

static bool run_uri_component(struct template_call *c, yyjson_mut_val **result)
{
    return run_made(c, format_percent_encode, 3, result);
}

static bool decode(struct template_call *c, struct str encoded, struct str *text)
{
    if (!template_charge(c->x, 0, encoded.len, c->err))
        return false;
    if (!format_parse_base64(c->x->arena, encoded, text) || !str_is_utf8(*text))
        return template_call_fail(c, "The value cannot be decoded from base64 representation.");
    return true;
}

static bool run_base64_to_string(struct template_call *c, yyjson_mut_val **result)
{
    struct str s;

    return template_arg_string(c, 0, &s) && decode(c, s, &s) && template_return_text(c, s, result);
}

static bool run_base64_to_json(struct template_call *c, yyjson_mut_val **result)
{
    struct str s;

    return template_arg_string(c, 0, &s) && decode(c, s, &s) && template_return_json(c, s, result);
}

static bool percent_decode(struct template_call *c, struct str s, struct str *text)
{
    if (!template_charge(c->x, 0, s.len, c->err))
        return false;
    if (!format_percent_decode(c->x->arena, s, text) || !str_is_utf8(*text))
        return template_call_fail(c, "The value is not a valid URI component.");
    return true;
}

static bool run_uri_component_to_string(struct template_call *c, yyjson_mut_val **result)
{
    struct str s;

    return template_arg_string(c, 0, &s) && percent_decode(c, s, &s) &&
           template_return_text(c, s, result);
}

/* "data:[type][;base64],..." (RFC 2397); JSON, where it is of that type. */
static bool run_data_uri_to_string(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, data, head;
    bool is_base64;

    if (!template_arg_string(c, 0, &s))
        return false;
    if (!str_starts_with_nocase(s, STR("data:")) || str_find_char(s, ',') == SIZE_MAX)
        return template_call_fail_as(
            c,
            "expects its parameter to be formatted as a valid data URI. The "
            "provided value '%.*s' was not formatted correctly.",
            STR_ARGS(str_slice(s, 0, SHOWN_MAX)));
    data = s;
    str_split(&data, ',', &head);
    head = arena_lower(c->x->arena, head);
    is_base64 = str_ends_with(head, STR(";base64"));
    if (!(is_base64 ? decode(c, data, &data) : percent_decode(c, data, &data)))
        return false;
    return str_starts_with(head, STR("data:application/json"))
               ? template_return_json(c, data, result)
               : template_return_text(c, data, result);
}

/* -- URIs ---------------------------------------------------------------------------------- */

/* Without "." and ".." (RFC 3986, 5.2.4). `path` begins with a slash. */
static struct str remove_dots(struct template_call *c, struct str path)
{
    char *out = arena_alloc_bytes(c->x->arena, path.len + 2);
    struct str rest = str_slice(path, 1, path.len), segment;
    size_t len = 0;
    bool is_last;

    if (!rest.data)
        rest.data = "";
    while (str_split(&rest, '/', &segment)) {
        is_last = rest.data == NULL;
        if (str_equal(segment, STR(".."))) {
            while (len && out[--len] != '/')
                ;
            segment = STR_NONE;
        } else if (str_equal(segment, STR("."))) {
            segment = STR_NONE;
        } else {
            out[len++] = '/';
            if (segment.len)
                memcpy(out + len, segment.data, segment.len);
            len += segment.len;
            continue;
        }
        if (is_last)
            out[len++] = '/';
    }
    return str_of(out, len);
}

/* Where the path of a URI with an authority begins; SIZE_MAX: it is none. */
static size_t path_of(struct str uri)
{
    size_t scheme = str_find(uri, STR("://")), slash;

    if (scheme == SIZE_MAX || !scheme || !str_is_alnum_or(str_slice(uri, 0, scheme), "+-."))
        return SIZE_MAX;
    for (slash = scheme + 3; slash < uri.len && !strchr("/?#", uri.data[slash]); slash++)
        ;
    return slash;
}

/* uri(base, relative): as RFC 3986, 5.2, has it, of a base with an authority. */
static bool run_uri(struct template_call *c, yyjson_mut_val **result)
{
    struct str base, relative, path, tail, merged;
    size_t at, slash;

    if (!template_arg_string(c, 0, &base) || !template_arg_string(c, 1, &relative) ||
        !template_charge(c->x, URI_STEPS, 4 * (base.len + relative.len) + 16, c->err))
        return false;
    at = path_of(base);
    if (at == SIZE_MAX)
        return template_call_fail_as(
            c, "expects its first argument to be a uri string. The provided value is '%.*s'.",
            STR_ARGS(str_slice(base, 0, SHOWN_MAX)));
    if (path_of(relative) != SIZE_MAX)
        return template_return_text(c, relative, result);
    if (!relative.len)
        return template_return_text(c, base, result);
    for (path = str_slice(base, at, base.len), slash = 0; slash < path.len; slash++) {
        if (path.data[slash] == '?' || path.data[slash] == '#')
            path.len = slash;
    }
    for (slash = 0; slash < relative.len && !strchr("?#", relative.data[slash]); slash++)
        ;
    tail = str_slice(relative, slash, relative.len);
    relative.len = slash;
    while (path.len && path.data[path.len - 1] != '/' && relative.len)
        path.len--;
    if (relative.len && relative.data[0] == '/')
        path.len = 0;
    merged = arena_printf(c->x->arena, "%s%.*s%.*s",
                          path.len || (relative.len && relative.data[0] == '/') ? "" : "/",
                          STR_ARGS(path), STR_ARGS(relative));
    return template_return_text(c,
                                arena_printf(c->x->arena, "%.*s%.*s%.*s",
                                             STR_ARGS(str_slice(base, 0, at)),
                                             STR_ARGS(remove_dots(c, merged)), STR_ARGS(tail)),
                                result);
}

/* -- Hashes -------------------------------------------------------------------------------- */

/* The arguments, with hyphens between them. */
static bool join_args(struct template_call *c, struct str *joined)
{
    size_t len = 0;
    struct str s;
    char *at;

    for (size_t i = 0; i < c->count; i++) {
        if (!template_arg_string(c, i, &s))
            return false;
        len += s.len + (i != 0);
    }
    at = template_call_room(c, len);
    if (!at)
        return false;
    *joined = str_of(at, len);
    for (size_t i = 0; i < c->count; i++) {
        s = json_mut_str(c->args[i]);
        if (i)
            *at++ = '-';
        if (s.len)
            at = (char *)memcpy(at, s.data, s.len) + s.len;
    }
    return true;
}

/* A GUID of version 5 (RFC 9562, 5.5) in the name space of templates,
 * 11fb06fb-712d-4ddd-98c7-e71bbd588830. */
static bool run_guid(struct template_call *c, yyjson_mut_val **result)
{
    static const uint8_t space[16] = { 0x11, 0xfb, 0x06, 0xfb, 0x71, 0x2d, 0x4d, 0xdd,
                                       0x98, 0xc7, 0xe7, 0x1b, 0xbd, 0x58, 0x88, 0x30 };
    uint8_t hash[EVP_MAX_MD_SIZE];
    struct str name, hex;
    char *bytes;

    if (!template_charge(c->x, HASH_STEPS, 0, c->err) || !join_args(c, &name) ||
        !(bytes = template_call_room(c, sizeof(space) + name.len)))
        return false;
    memcpy(bytes, space, sizeof(space));
    if (name.len)
        memcpy(bytes + sizeof(space), name.data, name.len);
    if (!EVP_Digest(bytes, sizeof(space) + name.len, hash, NULL, EVP_sha1(), NULL))
        return template_call_fail(c, "The value cannot be hashed.");
    hash[6] = (hash[6] & 0x0F) | 0x50;
    hash[8] = (hash[8] & 0x3F) | 0x80;
    hex = format_hex(c->x->arena, hash, 16);
    return template_return_text(c,
                                arena_printf(c->x->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.data,
                                             hex.data + 8, hex.data + 12, hex.data + 16,
                                             hex.data + 20),
                                result);
}

static bool run_new_guid(struct template_call *c, yyjson_mut_val **result)
{
    char guid[GUID_TEXT_LEN + 1];

    if (!c->x->allows_now)
        return template_call_fail_now(c);
    if (!template_charge(c->x, HASH_STEPS, 0, c->err))
        return false;
    format_guid(guid);
    return template_return_text(c, arena_copy(c->x->arena, str_from(guid)), result);
}

static uint32_t rotate(uint32_t n, unsigned bits)
{
    return n << bits | n >> (32 - bits);
}

static uint32_t mix_end(uint32_t h)
{
    h = (h ^ h >> 16) * 0x85EBCA6B;
    h = (h ^ h >> 13) * 0xC2B2AE35;
    return h ^ h >> 16;
}

/* Up to four bytes, the first one lowest. */
static uint32_t word_of(struct str s, size_t at)
{
    uint32_t word = 0;

    for (size_t i = 0; i < 4 && at + i < s.len; i++)
        word |= (uint32_t)(uint8_t)s.data[at + i] << (8 * i);
    return word;
}

/* MurmurHash3's rounds on two lanes of 32 bits, as Azure has it: what templates call their
 * resources by it is to be the same here. (Taken from values that Azure gave.) */
static uint64_t hash_of(struct str s)
{
    const uint32_t c1 = 0x239B961B, c2 = 0xAB0E9789;
    uint32_t h1 = 0, h2 = 0;
    size_t at;

    for (at = 0; at + 8 <= s.len; at += 8) {
        h1 ^= rotate(word_of(s, at) * c1, 15) * c2;
        h1 = (rotate(h1, 19) + h2) * 5 + 0x561CCD1B;
        h2 ^= rotate(word_of(s, at + 4) * c2, 17) * c1;
        h2 = (rotate(h2, 13) + h1) * 5 + 0x0BCAA747;
    }
    h1 ^= rotate(word_of(s, at) * c1, 15) * c2;
    h2 ^= rotate(word_of(s, at + 4) * c2, 17) * c1;
    h1 ^= (uint32_t)s.len;
    h2 ^= (uint32_t)s.len;
    h1 += h2;
    h2 += h1;
    h1 = mix_end(h1);
    h2 = mix_end(h2);
    h1 += h2;
    h2 += h1;
    return (uint64_t)h2 << 32 | h1;
}

static bool run_unique_string(struct template_call *c, yyjson_mut_val **result)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct str name;
    uint64_t hash;
    char *text;

    if (!join_args(c, &name) || !(text = template_call_room(c, 13)))
        return false;
    hash = hash_of(name);
    for (size_t i = 0; i < 13; i++, hash <<= 5)
        text[i] = letters[hash >> 59];
    return template_return_text(c, str_of(text, 13), result);
}

const struct template_function template_encoding_functions[] = {
    { "base64", run_base64, 1, 1, false },
    { "base64ToJson", run_base64_to_json, 1, 1, false },
    { "base64ToString", run_base64_to_string, 1, 1, false },
    { "dataUri", run_data_uri, 1, 1, false },
    { "dataUriToString", run_data_uri_to_string, 1, 1, false },
    { "guid", run_guid, 1, TEMPLATE_ARGS_ANY, false },
    { "newGuid", run_new_guid, 0, 0, false },
    { "uniqueString", run_unique_string, 1, TEMPLATE_ARGS_ANY, false },
    { "uri", run_uri, 2, 2, false },
    { "uriComponent", run_uri_component, 1, 1, false },
    { "uriComponentToString", run_uri_component_to_string, 1, 1, false },
    { NULL, NULL, 0, 0, false },
};
