/* SPDX-License-Identifier: MIT */
#include "model/network_rules.h"

#include <arpa/inet.h>
#include <stdint.h>

#define MAPPED_PREFIX "::ffff:"

static bool parse_address(struct str text, uint32_t *address)
{
    char buffer[INET_ADDRSTRLEN];
    struct in_addr in;

    if (text.len == 0 || text.len >= sizeof(buffer))
        return false;
    memcpy(buffer, text.data, text.len);
    buffer[text.len] = '\0';
    if (inet_pton(AF_INET, buffer, &in) != 1)
        return false;
    *address = ntohl(in.s_addr);
    return true;
}

static bool parse_rule(struct str rule, uint32_t *address, uint32_t *mask)
{
    size_t slash = str_find_char(rule, '/');
    uint64_t bits = 32;

    if (slash != SIZE_MAX && !str_to_u64(str_slice(rule, slash + 1, SIZE_MAX), 32, &bits))
        return false;
    *mask = bits ? UINT32_MAX << (32 - bits) : 0;
    return parse_address(str_slice(rule, 0, slash), address);
}

bool network_rule_is_valid(struct str rule)
{
    uint32_t address, mask;

    return parse_rule(rule, &address, &mask);
}

bool network_rules_allow(struct str rules, struct str address)
{
    uint32_t peer, allowed, mask;
    struct str rule;

    if (str_starts_with_nocase(address, STR(MAPPED_PREFIX)))
        address = str_slice(address, sizeof(MAPPED_PREFIX) - 1, SIZE_MAX);
    if (!parse_address(address, &peer))
        return false;
    while (str_split(&rules, ',', &rule)) {
        if (parse_rule(rule, &allowed, &mask) && (peer & mask) == (allowed & mask))
            return true;
    }
    return false;
}
