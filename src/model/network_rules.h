/*
 * The address rules of an account's networkAcls: "203.0.113.7" or "198.51.100.0/24". Azure knows
 * IPv4 rules only; a peer that comes as an IPv4-mapped IPv6 address counts as the IPv4 one.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_NETWORK_RULES_H
#define MODEL_NETWORK_RULES_H

#include <stdbool.h>

#include "base/str.h"

/* Is it one address, or a range in CIDR form? */
bool network_rule_is_valid(struct str rule);
/* Does one of the rules, separated by commas, let this address in? */
bool network_rules_allow(struct str rules, struct str address);

#endif
