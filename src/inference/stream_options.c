/* SPDX-License-Identifier: MIT */
#include "inference/stream_options.h"

#include "inference/fields.h"

static const struct field option_fields[] = {
    { "include_usage", FIELD_BOOL, 0, 0, 0 },
};

bool stream_options_check(struct request_facts *facts, yyjson_val *root, struct error *err)
{
    yyjson_val *options = fields_get(root, "stream_options");

    facts->stream = yyjson_is_true(fields_get(root, "stream"));
    if (!options)
        return true;
    if (!facts->stream)
        return error_set_target(err, ERROR_MODEL_REQUEST, "stream_options",
                                "The 'stream_options' parameter is only allowed when 'stream' is "
                                "enabled.");
    if (!fields_check(options, option_fields, ARRAY_LEN(option_fields), "stream_options.", NULL,
                      err))
        return false;
    facts->include_usage = yyjson_is_true(fields_get(options, "include_usage"));
    return true;
}
