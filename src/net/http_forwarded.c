/* SPDX-License-Identifier: MIT */
#include "net/http_forwarded.h"

#include "net/address.h"

/* Takes the last part of a list joined by commas off its end. False when the list was already used up
 * (data == NULL). */
static bool take_last(struct str *list, struct str *last)
{
    size_t at = list->len;

    if (!list->data)
        return false;
    while (at > 0 && list->data[at - 1] != ',')
        at--;
    *last = str_trim(str_slice(*list, at, SIZE_MAX));
    *list = at > 0 ? str_slice(*list, 0, at - 1) : STR_NONE;
    return true;
}

/* "203.0.113.7:4711" and "[2001:db8::7]:4711", as some proxies write it, "2001:db8::7" as others do. */
static struct str without_port(struct str address)
{
    size_t colon = str_find_char(address, ':');

    if (str_starts_with(address, STR("[")))
        return str_slice(address, 1, str_find_char(address, ']') - 1);
    if (colon == SIZE_MAX ||
        str_find_char(str_slice(address, colon + 1, SIZE_MAX), ':') != SIZE_MAX)
        return address;
    return str_slice(address, 0, colon);
}

struct str http_forwarded_client(const struct http_request *r, struct str trusted)
{
    struct str address = r->peer;

    for (size_t i = r->headers.count; i-- > 0 && address_ranges_hold(trusted, address);) {
        struct str list = r->headers.items[i].value, last;

        if (!str_equal_nocase(r->headers.items[i].name, STR("X-Forwarded-For")))
            continue;
        while (address_ranges_hold(trusted, address) && take_last(&list, &last))
            address = without_port(last);
        if (!address_is_valid(address))
            return STR_NONE;
    }
    return address;
}
