/*
 * Paths of request targets: their segments, and the patterns that surfaces know their endpoints by.
 *
 *   /subscriptions/{}/resourceGroups/{}      a {} stands for any one segment
 *
 * A path borrows the text that it was made of.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_PATH_H
#define NET_HTTP_PATH_H

#include <stdbool.h>

#include "base/macros.h"
#include "base/str.h"

#define HTTP_PATH_SEGMENTS_MAX 24

struct http_path {
    struct str segments[HTTP_PATH_SEGMENTS_MAX]; /* as they came: percent-encoded */
    unsigned count;
};

/* Empty segments do not count: clients make them of an address that ends in a slash ("//metadata"), or
 * of an empty parent. False when the text does not begin with a slash, or has too many segments. */
MUST_CHECK bool http_path_split(struct str text, struct http_path *path);

/* Do the segments have the pattern's form? Its words are compared without regard to case. What stands
 * at each {}, in order, comes into `names` (may be NULL), which has room for all of the pattern's;
 * *name_count is how many there were, and means nothing without a match. */
MUST_CHECK bool http_path_match(struct str pattern, const struct str *segments, unsigned count,
                                struct str *names, unsigned *name_count);

#endif
