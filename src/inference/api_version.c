/* SPDX-License-Identifier: MIT */
#include "inference/api_version.h"

#include "base/macros.h"

/* The versions published for inference: GA ones, and the previews named in Azure's documents and
 * SDKs. */
static const unsigned general[] = { 20221201, 20230515, 20240201, 20240601, 20241021 };
static const unsigned previews[] = {
    20230315, 20230601, 20230701, 20230801, 20230901, 20231001, 20231201,
    20240215, 20240301, 20240401, 20240501, 20240701, 20240801, 20240901,
    20241001, 20241201, 20250101, 20250201, 20250301, 20250401,
};

#define PREVIEW_SUFFIX STR("-preview")

static bool parse_date(struct str s, unsigned *date)
{
    uint64_t year, month, day;

    if (s.len != 10 || s.data[4] != '-' || s.data[7] != '-' ||
        !str_to_u64(str_slice(s, 0, 4), 9999, &year) ||
        !str_to_u64(str_slice(s, 5, 2), 12, &month) || !str_to_u64(str_slice(s, 8, 2), 31, &day))
        return false;
    *date = (unsigned)(year * 10000 + month * 100 + day);
    return true;
}

static bool contains(const unsigned *dates, size_t count, unsigned date)
{
    for (size_t i = 0; i < count; i++) {
        if (dates[i] == date)
            return true;
    }
    return false;
}

/* Content filter annotations are shown from 2023-06-01-preview on, and by the GA versions from
 * 2024-02-01 on; 2023-05-15 never had them (its quickstart's sample output has none). */
static unsigned parts_of(unsigned date)
{
    unsigned parts = 0;

    if (date >= 20230601)
        parts |= ANSWER_FILTERS;
    if (date >= 20231201)
        parts |= ANSWER_LOGPROBS;
    if (date >= 20240801)
        parts |= ANSWER_REFUSAL;
    if (date >= 20240901)
        parts |= ANSWER_USAGE_DETAILS;
    return parts;
}

bool api_version_parse(struct str text, struct api_version *version)
{
    struct str day = text;
    bool is_preview = str_ends_with(text, PREVIEW_SUFFIX);
    unsigned date;

    if (is_preview)
        day = str_slice(text, 0, text.len - PREVIEW_SUFFIX.len);
    if (!parse_date(day, &date))
        return false;
    if (is_preview ? !contains(previews, ARRAY_LEN(previews), date)
                   : !contains(general, ARRAY_LEN(general), date))
        return false;
    *version = (struct api_version){ text, date, parts_of(date) };
    return true;
}

bool api_version_parse_v1(struct str text, struct api_version *version)
{
    if (text.len && !str_equal(text, STR("v1")) && !str_equal(text, STR("preview")))
        return false;
    *version = (struct api_version){
        .text = text,
        .parts = ANSWER_FILTERS | ANSWER_LOGPROBS | ANSWER_REFUSAL | ANSWER_USAGE_DETAILS,
    };
    return true;
}
