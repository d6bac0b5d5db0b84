/*
 * Heads in the form that nearly all of them have, recognized sixteen bytes at a time: a short way
 * past llhttp, which looks at each byte by itself.
 *
 * Whatever is not just so is not recognized, and left to llhttp, which alone says what is wrong
 * with it: a head whose end has not come yet; a method that is seldom, a target that is no path, a
 * version other than HTTP/1.1; a line end other than CR LF, a tab or a byte that is not printable
 * ASCII; a name with other than letters, digits, '-' and '_'; more than one length, or one that is
 * not digits; a transfer coding, an upgrade, a trailer, or a Connection other than `close` and
 * `keep-alive`. Of what is recognized, llhttp would say the same, which
 * tests/fuzz/fuzz_plain_head.c holds: two readers that disagree about a head are how requests are
 * smuggled.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_PLAIN_HEAD_H
#define NET_HTTP_PLAIN_HEAD_H

#include "net/http_parser.h"

/* One with more headers is not recognized. */
#define HTTP_PLAIN_HEADERS_MAX 48

/* The head at the beginning of `bytes`, of which it has *used ones. *head is all zero but for its
 * list of headers, which has room for as many as that; where none is recognized, it is left in
 * whatever state. Nothing is said of limits, nor, of an answer, of whether its length is about a
 * body. */
MUST_CHECK bool http_plain_head_read(enum http_parser_kind kind, struct str bytes,
                                     struct http_head *head, size_t *used);

#endif
