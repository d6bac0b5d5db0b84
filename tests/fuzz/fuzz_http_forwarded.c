/*
 * Whose a request is that proxies have forwarded. The first line of an input has the ranges of the
 * proxies, the second one the connection's address, each further one a header, "name: value". What
 * comes of it is what a plain reading of the joined list says, and neither what stands beyond the
 * client nor how the list is spread over headers changes it.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_forwarded.h"

#include "base/arena.h"
#include "fuzz.h"
#include "net/address.h"

#define HEADERS_MAX 8

/* Room for one more in front, as if the client had sent it, or for one that was parted in two. */
struct forwarded {
    struct http_header items[HEADERS_MAX + 1];
    struct http_request request;
    struct str trusted;
};

static bool is_forwarded_for(const struct http_header *header)
{
    return str_equal_nocase(header->name, STR("x-forwarded-for"));
}

static void read_input(struct forwarded *f, struct str input)
{
    size_t count = 0;
    struct str line;

    f->request = (struct http_request){ .peer = STR("unix") };
    f->trusted = STR_NONE;
    (void)str_split(&input, '\n', &f->trusted);
    (void)str_split(&input, '\n', &f->request.peer);
    while (count < HEADERS_MAX && str_split(&input, '\n', &line)) {
        struct http_header *header = &f->items[count++];

        header->name = str_slice(line, 0, str_find_char(line, ':'));
        header->value = str_trim(str_slice(line, header->name.len + 1, SIZE_MAX));
    }
    f->request.headers = (struct http_headers){ f->items, count, STR_NONE };
}

/* The address in one element of the list: in brackets, or before the only colon. */
static struct str bare(struct str element)
{
    struct str inside = str_trim(element), part, rest;
    size_t colons = 0;

    for (size_t i = 0; i < inside.len; i++)
        colons += inside.data[i] == ':';
    if (inside.len && inside.data[0] == '[') {
        rest = str_slice(inside, 1, SIZE_MAX);
        return str_split(&rest, ']', &part) ? part : STR_NONE;
    }
    return colons == 1 ? str_slice(inside, 0, str_find_char(inside, ':')) : inside;
}

/* Read from the front: the list begins anew with each element that is none of a proxy, so that the
 * last one of these is left, unless something behind it is no address. */
static struct str plain_reading(const struct forwarded *f)
{
    struct str client = STR_NONE, element, rest, address;
    bool is_first = true;

    if (!address_ranges_hold(f->trusted, f->request.peer))
        return f->request.peer;
    for (size_t i = 0; i < f->request.headers.count; i++) {
        if (!is_forwarded_for(&f->items[i]))
            continue;
        rest = f->items[i].value;
        while (str_split(&rest, ',', &element)) {
            address = bare(element);
            if (!address_is_valid(address))
                client = STR_NONE;
            else if (is_first || !address_ranges_hold(f->trusted, address))
                client = address;
            is_first = false;
        }
    }
    return is_first ? f->request.peer : client;
}

static struct str found_in(struct forwarded *f)
{
    f->request.headers.items = f->items; /* it may be a copy */
    return http_forwarded_client(&f->request, f->trusted);
}

/* The same bytes at the same place. */
static void check_is(struct str a, struct str b)
{
    check(a.len == b.len && a.data == b.data);
}

/* The header of which this is a part, or the count of headers where it is of none. */
static size_t header_of(const struct forwarded *f, struct str part)
{
    size_t i = 0;

    for (; i < f->request.headers.count; i++) {
        struct str value = f->items[i].value;

        if (is_forwarded_for(&f->items[i]) && part.data >= value.data &&
            part.data + part.len <= value.data + value.len)
            break;
    }
    return i;
}

/* Makes room for a header of X-Forwarded-For at this place. */
static void insert(struct forwarded *f, size_t at, struct str value)
{
    size_t count = f->request.headers.count++;

    memmove(&f->items[at + 1], &f->items[at], (count - at) * sizeof(f->items[0]));
    f->items[at] = (struct http_header){ STR("X-FORWARDED-FOR"), value };
}

/* Whatever stands before the client's address may be there or not. */
static void check_what_is_beyond(const struct forwarded *f, struct str client)
{
    static const struct str claims[] = { STR("203.0.113.66"), STR("unknown"), STR(",::1,"),
                                         STR("") };
    size_t at = header_of(f, client), end;
    struct forwarded other;

    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        other = *f;
        insert(&other, 0, claims[i]);
        check_is(found_in(&other), client);
    }
    other = *f;
    for (size_t i = 0; i < at; i++)
        other.items[i].name = STR("Forwarded");
    end = (size_t)(f->items[at].value.data + f->items[at].value.len - client.data);
    other.items[at].value = str_of(client.data, end);
    if (client.data > f->items[at].value.data && client.data[-1] == '[')
        other.items[at].value = str_of(client.data - 1, end + 1);
    check_is(found_in(&other), client);
}

/* A list may stand in one header or in several. */
static void check_parted(const struct forwarded *f, struct str client)
{
    for (size_t i = 0; i < f->request.headers.count; i++) {
        struct str value = f->items[i].value;
        size_t comma = str_find_char(value, ',');
        struct forwarded other = *f;

        if (!is_forwarded_for(&f->items[i]) || comma == SIZE_MAX)
            continue;
        insert(&other, i, str_slice(value, 0, comma));
        other.items[i + 1].value = str_slice(value, comma + 1, SIZE_MAX);
        check_is(found_in(&other), client);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str stranger = STR("198.51.100.77");
    struct forwarded f;
    struct str client;

    read_input(&f, str_of((const char *)data, size));
    client = found_in(&f);
    check_is(client, plain_reading(&f));
    check_parted(&f, client);
    if (!client.data)
        return 0;
    if (client.data == f.request.peer.data && !address_ranges_hold(f.trusted, client)) {
        insert(&f, f.request.headers.count, stranger); /* nobody's word counts */
        check_is(found_in(&f), client);
    } else if (!address_ranges_hold(f.trusted, client)) {
        check(address_is_valid(client));
        check_what_is_beyond(&f, client);
    } else if (!address_ranges_hold(f.trusted, stranger)) {
        insert(&f, 0, stranger); /* proxies all the way, and then somebody */
        check_is(found_in(&f), stranger);
    }
    return 0;
}
