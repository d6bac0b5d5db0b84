/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

/* Both kinds as IPv6 has them; one of IPv4 stands behind so many bits of a mapped one. */
#define ADDRESS_BITS 128u
#define MAPPED_BITS 96u

static bool parse_address(struct str text, struct in6_addr *address)
{
    char buffer[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(buffer) || str_find_char(text, '\0') != SIZE_MAX)
        return false;
    memcpy(buffer, text.data, text.len);
    buffer[text.len] = '\0';
    if (inet_pton(AF_INET6, buffer, address) == 1)
        return true;
    *address = (struct in6_addr){ .s6_addr = { [10] = 0xFF, [11] = 0xFF } };
    return inet_pton(AF_INET, buffer, address->s6_addr + MAPPED_BITS / 8) == 1;
}

static bool is_ipv6(struct str text)
{
    return str_find_char(text, ':') != SIZE_MAX;
}

/* The first `bits` of the address are what those in the range have in common. */
static bool parse_range(struct str range, struct in6_addr *address, unsigned *bits)
{
    size_t slash = str_find_char(range, '/');
    struct str first = str_slice(range, 0, slash);
    unsigned before = is_ipv6(first) ? 0 : MAPPED_BITS;
    uint64_t length = ADDRESS_BITS - before;

    if (slash != SIZE_MAX && !str_to_u64(str_slice(range, slash + 1, SIZE_MAX), length, &length))
        return false;
    *bits = before + (unsigned)length;
    return parse_address(first, address);
}

static bool begin_alike(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(a->s6_addr, b->s6_addr, bytes) == 0 &&
           (!rest || (a->s6_addr[bytes] ^ b->s6_addr[bytes]) >> (8 - rest) == 0);
}

bool address_is_valid(struct str text)
{
    struct in6_addr address;

    return parse_address(text, &address);
}

bool address_range_is_valid(struct str range)
{
    struct in6_addr address;
    unsigned bits;

    return parse_range(range, &address, &bits);
}

bool address_range_is_ipv4(struct str range)
{
    return !is_ipv6(range) && address_range_is_valid(range);
}

bool address_ranges_hold(struct str ranges, struct str address)
{
    struct in6_addr one, first;
    struct str range;
    unsigned bits;

    if (str_is_empty(ranges) || !parse_address(address, &one))
        return false;
    while (str_split(&ranges, ',', &range)) {
        if (parse_range(range, &first, &bits) && begin_alike(&one, &first, bits))
            return true;
    }
    return false;
}
