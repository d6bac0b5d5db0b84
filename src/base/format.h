/*
 * Text forms: time stamps, GUIDs, hexadecimal, base64. Pure, but for the random GUID.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define GUID_TEXT_LEN 36

/* Digits of UINT64_MAX. */
#define FORMAT_DECIMAL_MAX 20
/* Writes the digits at `at`, at most FORMAT_DECIMAL_MAX, and returns the position behind them. */
char *format_put_decimal(char *at, uint64_t number);
/* Decimal, without the cost of printf. */
struct str format_decimal(struct arena *a, int64_t number);

/* "1,234,567" of "1234567", for people; C text. */
struct str format_grouped(struct arena *a, struct str digits);
/* "2023-10-31T15:35:53.0829120Z": seven digits, as ARM's systemData has them. */
struct str format_time(struct arena *a, int64_t time_ms);
/* "2023-10-31T00:00:00Z", as model dates are shown. */
struct str format_time_seconds(struct arena *a, int64_t time_ms);
/* "Tue, 31 Oct 2023 15:35:53 GMT" (RFC 9110, 5.6.7); `out` holds 30 bytes with the NUL. */
void format_http_date(char out[30], int64_t time_ms);
/* RFC 3339 with or without a time part ("2027-04-15"), to ms since 1970; false when malformed. */
MUST_CHECK bool format_parse_time(struct str s, int64_t *time_ms);

/* A random (version 4) GUID in lower case; `out` holds 37 bytes with the NUL. */
void format_guid(char out[GUID_TEXT_LEN + 1]);
/* The same of random bytes that the caller has. */
void format_guid_of(const uint8_t random[16], char out[GUID_TEXT_LEN + 1]);
bool format_is_guid(struct str s);

/* Of a digit in either case: 0 to 15, or -1. */
int format_hex_value(char c);
/* Lower-case hexadecimal. */
struct str format_hex(struct arena *a, const void *bytes, size_t len);
/* Standard base64 with padding. */
struct str format_base64(struct arena *a, const void *bytes, size_t len);
/* False when malformed. *out points into the arena. */
MUST_CHECK bool format_parse_base64(struct arena *a, struct str s, struct str *out);

/* The same in the alphabet of URLs, without padding (RFC 4648, 5). */
struct str format_base64url(struct arena *a, const void *bytes, size_t len);
MUST_CHECK bool format_parse_base64url(struct arena *a, struct str s, struct str *out);

/* %XX decoded, '+' left alone; false on a malformed escape or a NUL, encoded or not. */
MUST_CHECK bool format_percent_decode(struct arena *a, struct str s, struct str *out);
/* What is not unreserved (RFC 3986, 2.3) as %XX. */
struct str format_percent_encode(struct arena *a, struct str s);

#endif
