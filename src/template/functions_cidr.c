/*
 * Ranges of addresses (learn.microsoft.com, "CIDR functions for Bicep").
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>

#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

#define PLAIN_MAX INET6_ADDRSTRLEN
/* What it takes to read and write a range's addresses. */
#define RANGE_STEPS 30

/* A range: `bits` of the address are the network's. */
struct range {
    int family;
    unsigned bits, all_bits;
    uint8_t address[16]; /* the network's first; of IPv4 four bytes */
};

static void keep_bits(uint8_t *address, unsigned all_bits, unsigned bits, bool fills)
{
    for (unsigned i = bits; i < all_bits; i++) {
        uint8_t bit = (uint8_t)(0x80 >> (i % 8));

        if (fills)
            address[i / 8] |= bit;
        else
            address[i / 8] &= (uint8_t)~bit;
    }
}

static bool take_range(struct template_call *c, struct range *r)
{
    struct str text, address;
    char plain[PLAIN_MAX];
    uint64_t bits;

    *r = (struct range){ .family = AF_INET, .all_bits = 32 };
    if (!template_charge(c->x, RANGE_STEPS, 5 * PLAIN_MAX, c->err) ||
        !template_arg_string(c, 0, &text))
        return false;
    if (!str_split(&text, '/', &address) || !text.data || address.len >= sizeof(plain))
        return template_call_fail(c, "The value is not a network in CIDR notation.");
    if (address.len)
        memcpy(plain, address.data, address.len);
    plain[address.len] = '\0';
    if (memchr(plain, ':', address.len))
        *r = (struct range){ .family = AF_INET6, .all_bits = 128 };
    if (strlen(plain) != address.len || inet_pton(r->family, plain, r->address) != 1 ||
        !str_to_u64(text, r->all_bits, &bits))
        return template_call_fail(c, "The value is not a network in CIDR notation.");
    r->bits = (unsigned)bits;
    keep_bits(r->address, r->all_bits, r->bits, false);
    return true;
}

static struct str text_of(struct template_call *c, const struct range *r, const uint8_t *address)
{
    char plain[PLAIN_MAX];

    return arena_copy(c->x->arena, str_from(inet_ntop(r->family, address, plain, sizeof(plain))));
}

/* Adds `n` units, of which each is one at the bit before `bits`. False beyond the last address. */
static bool add(uint8_t *address, unsigned bits, uint64_t n)
{
    uint8_t unit = bits % 8 ? (uint8_t)(8 - bits % 8) : 0;
    unsigned at = (bits + 7) / 8, carry = 0;
    uint64_t low = n << unit; /* its upper bits, shifted out, come with the last byte */

    if (unit && n >> (64 - unit))
        return false;
    while (at-- > 0) {
        carry += address[at] + (unsigned)(low & 0xFF);
        address[at] = (uint8_t)carry;
        carry >>= 8;
        low >>= 8;
    }
    return !carry && !low;
}

static bool put(struct template_call *c, yyjson_mut_val *object, struct str name,
                yyjson_mut_val *value)
{
    return template_put(c->x, object, name, value, c->err);
}

static bool put_address(struct template_call *c, yyjson_mut_val *object, struct str name,
                        const struct range *r, const uint8_t *address)
{
    struct str text = text_of(c, r, address);

    return put(c, object, name, yyjson_mut_strn(c->x->doc, text.data, text.len));
}

static bool run_parse_cidr(struct template_call *c, yyjson_mut_val **result)
{
    uint8_t mask[16] = { 0 }, first[16], last[16];
    struct range r;
    bool is_v4, is_good;

    if (!take_range(c, &r))
        return false;
    is_v4 = r.family == AF_INET;
    keep_bits(mask, r.bits, 0, true);
    memcpy(first, r.address, sizeof(first));
    memcpy(last, r.address, sizeof(last));
    keep_bits(last, r.all_bits, r.bits, true);
    *result = yyjson_mut_obj(c->x->doc);
    is_good = put_address(c, *result, STR("network"), &r, r.address) &&
              put_address(c, *result, STR("netmask"), &r, mask) &&
              (!is_v4 || put_address(c, *result, STR("broadcast"), &r, last));
    if (is_v4 && r.bits < 31) { /* between the network's address and the one for all */
        first[3]++;
        last[3]--;
    }
    return is_good && put_address(c, *result, STR("firstUsable"), &r, first) &&
           put_address(c, *result, STR("lastUsable"), &r, last) &&
           put(c, *result, STR("cidr"), yyjson_mut_sint(c->x->doc, r.bits));
}

static bool run_cidr_subnet(struct template_call *c, yyjson_mut_val **result)
{
    int64_t bits, index;
    struct range r;
    unsigned more;

    if (!take_range(c, &r) || !template_arg_integer(c, 1, &bits) ||
        !template_arg_integer(c, 2, &index))
        return false;
    if (bits < r.bits || bits > r.all_bits)
        return template_call_fail(c, "The new CIDR must be between %u and %u.", r.bits, r.all_bits);
    more = (unsigned)bits - r.bits;
    if (index < 0 || (more < 63 && index >> more) ||
        !add(r.address, (unsigned)bits, (uint64_t)index))
        return template_call_fail(c, "The network has no subnet of that index.");
    return template_return_text(
        c, arena_printf(c->x->arena, "%s/%u", text_of(c, &r, r.address).data, (unsigned)bits),
        result);
}

/* 0 is the address behind the network's own. */
static bool run_cidr_host(struct template_call *c, yyjson_mut_val **result)
{
    uint8_t last[16];
    struct range r;
    int64_t index;

    if (!take_range(c, &r) || !template_arg_integer(c, 1, &index))
        return false;
    memcpy(last, r.address, sizeof(last));
    keep_bits(last, r.all_bits, r.bits, true);
    if (index < 0 || !add(r.address, r.all_bits, (uint64_t)index + 1) ||
        memcmp(r.address, last, r.all_bits / 8) > 0)
        return template_call_fail(c, "The network has no host of that index.");
    return template_return_text(c, text_of(c, &r, r.address), result);
}

const struct template_function template_cidr_functions[] = {
    { "cidrHost", run_cidr_host, 2, 2, false },
    { "cidrSubnet", run_cidr_subnet, 3, 3, false },
    { "parseCidr", run_parse_cidr, 1, 1, false },
    { NULL, NULL, 0, 0, false },
};
