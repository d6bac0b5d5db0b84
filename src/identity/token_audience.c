/* SPDX-License-Identifier: MIT */
#include "identity/token_audience.h"

#include "base/macros.h"

#define AUDIENCE(text)         \
    {                          \
        text, sizeof(text) - 1 \
    }

#define ARM_AUDIENCES \
    AUDIENCE("https://management.core.windows.net/"), AUDIENCE("https://management.azure.com/")

static const struct str arm_audiences[] = { ARM_AUDIENCES };
static const struct str control_audiences[] = { ARM_AUDIENCES, AUDIENCE(TOKEN_AUDIENCE_OWN) };
static const struct str data_audiences[] = {
    AUDIENCE("https://cognitiveservices.azure.com"), AUDIENCE("https://ai.azure.com"),
    AUDIENCE("7d312290-28c8-473c-a0ed-8e53749b6d6d"), /* the id of that application */
};
const struct token_audiences token_audiences_arm = { arm_audiences, ARRAY_LEN(arm_audiences) };
const struct token_audiences token_audiences_control = { control_audiences,
                                                         ARRAY_LEN(control_audiences) };
const struct token_audiences token_audiences_data = { data_audiences, ARRAY_LEN(data_audiences) };

static struct str without_slash(struct str s)
{
    while (s.len && s.data[s.len - 1] == '/')
        s.len--;
    return s;
}

bool token_audience_is_same(struct str a, struct str b)
{
    return str_equal_nocase(without_slash(a), without_slash(b));
}

bool token_audiences_hold(const struct token_audiences *audiences, struct str audience)
{
    for (size_t i = 0; i < audiences->count; i++) {
        if (token_audience_is_same(audiences->items[i], audience))
            return true;
    }
    return false;
}
