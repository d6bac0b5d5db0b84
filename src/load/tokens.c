/* SPDX-License-Identifier: MIT */
#include "load/tokens.h"

#define CHARS_A_TOKEN 4

uint64_t tokens_of_text(struct str text)
{
    return (str_count_chars(text) + CHARS_A_TOKEN - 1) / CHARS_A_TOKEN;
}

/* A content may be a list of parts; only text among them is counted. */
static uint64_t tokens_of_value(yyjson_val *value)
{
    size_t i, count;
    yyjson_val *part;
    uint64_t tokens = 0;

    if (yyjson_is_str(value))
        return tokens_of_text(json_str(value));
    yyjson_arr_foreach(value, i, count, part)
    {
        tokens += tokens_of_text(json_str(yyjson_obj_get(part, "text")));
    }
    return tokens;
}

uint64_t tokens_of_messages(yyjson_val *messages)
{
    size_t i, count, j, member_count;
    yyjson_val *message, *key, *value;
    uint64_t tokens = TOKENS_OF_PRIMING;

    yyjson_arr_foreach(messages, i, count, message)
    {
        tokens += TOKENS_A_MESSAGE;
        yyjson_obj_foreach(message, j, member_count, key, value)
        {
            (void)key;
            tokens += tokens_of_value(value);
        }
    }
    return tokens;
}
