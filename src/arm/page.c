/* SPDX-License-Identifier: MIT */
#include "arm/page.h"

#include "base/format.h"

bool arm_page_read(struct arm_call *c, struct arm_page *page, struct error *err)
{
    struct str top = http_query_get(c->arena, c->request->query, STR("$top"));
    struct str token = http_query_get(c->arena, c->request->query, STR("$skipToken"));
    uint64_t size = ARM_PAGE_SIZE;

    *page = (struct arm_page){ .size = ARM_PAGE_SIZE };
    if (!str_is_empty(top) && (!str_to_u64(top, UINT32_MAX, &size) || size == 0))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "$top",
                                "The value of the query parameter '$top' must be a positive "
                                "integer.");
    page->size = size < ARM_PAGE_SIZE_MAX ? (size_t)size : ARM_PAGE_SIZE_MAX;
    if (!str_is_empty(token) && !format_parse_base64(c->arena, token, &page->after_key))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "$skipToken",
                                "The value of the query parameter '$skipToken' is not valid.");
    return true;
}

/* The query of the request without $skipToken. */
static struct str rest_of_query(struct arm_call *c)
{
    struct str query = c->request->query, part, rest = STR_NONE;

    while (str_split(&query, '&', &part)) {
        if (str_is_empty(part) || str_starts_with_nocase(part, STR("$skipToken=")) ||
            str_starts_with_nocase(part, STR("%24skipToken=")))
            continue;
        rest = arena_printf(c->arena, "%.*s%.*s&", STR_ARGS(rest), STR_ARGS(part));
    }
    return rest;
}

void arm_page_link(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   struct str last_key)
{
    struct str token =
        format_percent_encode(c->arena, format_base64(c->arena, last_key.data, last_key.len));

    json_set_str(doc, root, "nextLink",
                 arena_printf(c->arena, "%.*s%.*s?%.*s$skipToken=%.*s", STR_ARGS(c->request->base),
                              STR_ARGS(c->request->path), STR_ARGS(rest_of_query(c)),
                              STR_ARGS(token)));
}
