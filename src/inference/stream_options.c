/* SPDX-License-Identifier: MIT */
#include "inference/stream_options.h"

static const struct field option_list[] = {
    FIELD("include_usage", FIELD_BOOL),
};
const struct fields stream_options_fields = FIELDS(option_list);

bool stream_options_check(struct request_facts *facts, yyjson_val *root, struct error *err)
{
    yyjson_val *options = fields_get(root, "stream_options");

    facts->stream = yyjson_is_true(fields_get(root, "stream"));
    facts->include_usage = yyjson_is_true(fields_get(options, "include_usage"));
    return !options || facts->stream ||
           error_set_target(err, ERROR_MODEL_REQUEST, "stream_options",
                            "The 'stream_options' parameter is only allowed when 'stream' is "
                            "enabled.");
}
