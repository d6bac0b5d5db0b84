/*
 * Lists that come in pages: $top is the size of a page, $skipToken where the next one starts (the
 * last key of the one before, in base64); nextLink leads there and keeps the rest of the query.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_PAGE_H
#define ARM_PAGE_H

#include "arm/call.h"

#define ARM_PAGE_SIZE 100
#define ARM_PAGE_SIZE_MAX 1000

struct arm_page {
    size_t size;
    struct str after_key; /* empty: from the start */
};

MUST_CHECK bool arm_page_read(struct arm_call *c, struct arm_page *page, struct error *err);
/* Adds nextLink: the page ended with `last_key` and there is more. */
void arm_page_link(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   struct str last_key);

#endif
