/*
 * Addresses of clients, and ranges of them: "203.0.113.7", "198.51.100.0/24", "2001:db8::/32". An
 * IPv4-mapped IPv6 address ("::ffff:203.0.113.7") is the IPv4 one.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>

#include "base/str.h"

/* Is it one address, of IPv4 or IPv6, without port? */
bool address_is_valid(struct str text);
/* Is it one address, or a range in CIDR form? */
bool address_range_is_valid(struct str range);
/* The same, of IPv4 in its own form. */
bool address_range_is_ipv4(struct str range);
/* Does one of the ranges, separated by commas, hold this address? Text that is no range holds none. */
bool address_ranges_hold(struct str ranges, struct str address);

#endif
