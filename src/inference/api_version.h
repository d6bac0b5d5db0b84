/*
 * Versions of the data plane's API and what an answer shows in each.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_API_VERSION_H
#define INFERENCE_API_VERSION_H

#include <stdbool.h>

#include "base/str.h"

/* Fields of an answer that came with some version; a set of bits. */
enum answer_part {
    ANSWER_FILTERS = 1 << 0,       /* prompt_filter_results, content_filter_results */
    ANSWER_LOGPROBS = 1 << 1,      /* logprobs, system_fingerprint */
    ANSWER_REFUSAL = 1 << 2,       /* message.refusal */
    ANSWER_USAGE_DETAILS = 1 << 3, /* usage.*_details */
};

struct api_version {
    struct str text; /* as the client wrote it */
    unsigned date;   /* 20240201; 0 on the v1 surface */
    unsigned parts;  /* set of answer_part */
};

/* A version that Azure has published for inference (any date for which it is listed below). */
bool api_version_parse(struct str text, struct api_version *version);
/* The v1 surface: all parts. `text` is the query's value, empty, "v1" or "preview"; false for any
 * other. */
bool api_version_parse_v1(struct str text, struct api_version *version);

#endif
