/* SPDX-License-Identifier: MIT */
#include "inference/chat_messages.h"

#include <ctype.h>
#include <stdio.h>

#include "inference/fields.h"

#define PARAM_BYTES 64

static const char *const roles[] = {
    "system", "developer", "user", "assistant", "tool", "function"
};

struct part_kind {
    const char *type;
    unsigned feature;
};

/* What an array as content may hold. */
static const struct part_kind part_kinds[] = {
    { "text", 0 },
    { "refusal", 0 },
    { "image_url", ENGINE_IMAGES },
    { "input_audio", ENGINE_AUDIO },
    { "file", ENGINE_IMAGES },
};

static bool is_role(struct str role)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_equal(role, str_from(roles[i])))
            return true;
    }
    return false;
}

/* The name of a message's part in errors, made only when there is one: "messages.[2].role". */
static const char *message_param(char param[PARAM_BYTES], size_t at, const char *member)
{
    snprintf(param, PARAM_BYTES, "messages.[%zu]%s", at, member);
    return param;
}

static bool refuse_type(struct error *err, const char *param, const char *wanted)
{
    return error_set_target(err, ERROR_MODEL_TYPE, param, "Invalid type for '%s': expected %s.",
                            param, wanted);
}

/* What a part of a kind holds under the kind's own name. */
static bool check_part_value(const struct part_kind *kind, yyjson_val *part, const char *param,
                             struct error *err)
{
    yyjson_val *value = yyjson_obj_get(part, kind->type);

    if (!value)
        return fields_missing(err, param);
    if (kind->feature)
        return yyjson_is_obj(value) || refuse_type(err, param, "an object");
    return yyjson_is_str(value) || refuse_type(err, param, "a string");
}

static bool check_part(struct request_facts *facts, yyjson_val *part, size_t at, size_t index,
                       struct error *err)
{
    struct str type = json_str(yyjson_obj_get(part, "type"));
    char param[PARAM_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(part_kinds); i++) {
        const struct part_kind *kind = &part_kinds[i];

        if (!str_equal(type, str_from(kind->type)))
            continue;
        facts->features |= kind->feature;
        facts->prompt_chars += json_str(yyjson_obj_get(part, "text")).len;
        snprintf(param, sizeof(param), "messages.[%zu].content.[%zu].%s", at, index, kind->type);
        return check_part_value(kind, part, param, err);
    }
    snprintf(param, sizeof(param), "messages.[%zu].content.[%zu].type", at, index);
    return error_set_target(err, ERROR_MODEL_VALUE, param,
                            "Invalid value: '%.40s'. Supported values are: 'text', 'image_url', "
                            "'input_audio', 'refusal', and 'file'.",
                            type.data ? type.data : "");
}

static bool check_content(struct request_facts *facts, yyjson_val *content, size_t at,
                          struct error *err)
{
    char param[PARAM_BYTES];
    yyjson_val *part;
    size_t i, count;

    if (yyjson_is_str(content)) {
        facts->prompt_chars += yyjson_get_len(content);
        return true;
    }
    if (!yyjson_is_arr(content))
        return refuse_type(err, message_param(param, at, ".content"),
                           "one of a string or array of objects");
    yyjson_arr_foreach(content, i, count, part)
    {
        if (!check_part(facts, part, at, i, err))
            return false;
    }
    return true;
}

/* What is text wherever it is. */
static bool check_texts(yyjson_val *message, size_t at, struct error *err)
{
    static const char *const names[] = { ".name", ".tool_call_id", ".refusal",
                                         ".reasoning_content" };
    char param[PARAM_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        yyjson_val *value = fields_get(message, names[i] + 1);

        if (value && !yyjson_is_str(value))
            return refuse_type(err, message_param(param, at, names[i]), "a string");
    }
    return true;
}

static bool check_call(yyjson_val *call, size_t at, size_t index, struct error *err)
{
    static const char *const texts[] = { "id", "type", "function.name", "function.arguments" };
    char param[PARAM_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        yyjson_val *value = json_at(call, texts[i]);

        if (yyjson_is_str(value))
            continue;
        snprintf(param, sizeof(param), "messages.[%zu].tool_calls.[%zu].%s", at, index, texts[i]);
        return value ? refuse_type(err, param, "a string") : fields_missing(err, param);
    }
    return true;
}

static bool check_calls(yyjson_val *calls, size_t at, struct error *err)
{
    char param[PARAM_BYTES];
    yyjson_val *call;
    size_t i, count;

    if (calls && !yyjson_is_arr(calls))
        return refuse_type(err, message_param(param, at, ".tool_calls"), "an array of objects");
    yyjson_arr_foreach(calls, i, count, call)
    {
        if (!check_call(call, at, i, err))
            return false;
    }
    return true;
}

/* A tool's result answers a call of the assistant's message before it (or before other results of
 * the same message). */
static bool check_tool_order(yyjson_val *previous, struct str role, size_t at, struct error *err)
{
    char param[PARAM_BYTES];

    if (!str_equal(role, STR("tool")))
        return true;
    if (str_equal(json_str(yyjson_obj_get(previous, "role")), STR("tool")) ||
        yyjson_arr_size(yyjson_obj_get(previous, "tool_calls")))
        return true;
    return error_set_target(err, ERROR_MODEL_REQUEST, message_param(param, at, ".role"),
                            "Invalid parameter: messages with role 'tool' must be a response to a "
                            "preceeding message with 'tool_calls'.");
}

static bool check_role(yyjson_val *message, struct str role, size_t at, struct error *err)
{
    char param[PARAM_BYTES];

    if (!yyjson_is_obj(message))
        return refuse_type(err, message_param(param, at, ""), "an object");
    if (is_role(role))
        return true;
    message_param(param, at, ".role");
    if (!yyjson_obj_get(message, "role"))
        return fields_missing(err, param);
    return error_set_target(err, ERROR_MODEL_VALUE, param,
                            "Invalid value: '%.40s'. Supported values are: 'system', "
                            "'assistant', 'user', 'function', 'tool', and 'developer'.",
                            role.data ? role.data : "");
}

/* The members that are looked at, each at most once: an engine might read the other one. */
static bool check_once(yyjson_val *message, size_t at, struct error *err)
{
    static const char *const names[] = { ".role",          ".content", ".tool_calls",
                                         ".function_call", ".refusal", ".tool_call_id" };
    yyjson_obj_iter members = yyjson_obj_iter_with(message);
    char param[PARAM_BYTES];
    unsigned seen = 0;
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&members))) {
        for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
            if (!str_equal(json_str(key), str_from(names[i] + 1)))
                continue;
            if (seen & 1u << i)
                return error_set_target(err, ERROR_MODEL_REQUEST,
                                        message_param(param, at, names[i]),
                                        "Invalid '%s': it is given more than once.", param);
            seen |= 1u << i;
        }
    }
    return true;
}

static bool check_message(struct request_facts *facts, yyjson_val *message, yyjson_val *previous,
                          size_t at, struct error *err)
{
    struct str role = json_str(yyjson_obj_get(message, "role"));
    yyjson_val *content = fields_get(message, "content");
    char param[PARAM_BYTES];

    if (!check_role(message, role, at, err) || !check_once(message, at, err) ||
        !check_texts(message, at, err) ||
        !check_calls(fields_get(message, "tool_calls"), at, err) ||
        !check_tool_order(previous, role, at, err))
        return false;
    if (content)
        return check_content(facts, content, at, err);
    if (str_equal(role, STR("assistant")) &&
        (fields_get(message, "tool_calls") || fields_get(message, "function_call") ||
         fields_get(message, "refusal")))
        return true;
    return fields_missing(err, message_param(param, at, ".content"));
}

bool chat_messages_check(struct request_facts *facts, yyjson_val *root, struct error *err)
{
    yyjson_val *message, *previous = NULL;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(root, "messages"), i, count, message)
    {
        if (!check_message(facts, message, previous, i, err))
            return false;
        previous = message;
    }
    return true;
}

static bool check_tool(yyjson_val *tool, size_t at, struct error *err)
{
    yyjson_val *function = yyjson_obj_get(tool, "function");
    struct str type = json_str(yyjson_obj_get(tool, "type"));
    char param[PARAM_BYTES];

    snprintf(param, sizeof(param), "tools[%zu].type", at);
    if (!yyjson_obj_get(tool, "type"))
        return fields_missing(err, param);
    if (!str_equal(type, STR("function")))
        return error_set_target(err, ERROR_MODEL_VALUE, param,
                                "Invalid value: '%.40s'. Supported values are: 'function'.",
                                type.data ? type.data : "");
    snprintf(param, sizeof(param), "tools[%zu].function", at);
    if (!yyjson_is_obj(function))
        return fields_missing(err, param);
    snprintf(param, sizeof(param), "tools[%zu].function.name", at);
    return yyjson_is_str(yyjson_obj_get(function, "name")) || fields_missing(err, param);
}

static bool has_tool(yyjson_val *tools, struct str name)
{
    yyjson_val *tool;
    size_t i, count;

    yyjson_arr_foreach(tools, i, count, tool)
    {
        if (str_equal(json_str(json_at(tool, "function.name")), name))
            return true;
    }
    return false;
}

static bool check_tool_choice(yyjson_val *choice, yyjson_val *tools, struct error *err)
{
    struct str word = json_str(choice), name;

    if (!yyjson_arr_size(tools))
        return error_set_target(err, ERROR_MODEL_REQUEST, "tool_choice",
                                "Invalid value for 'tool_choice': 'tool_choice' is only allowed "
                                "when 'tools' are specified.");
    if (yyjson_is_str(choice)) {
        if (str_equal(word, STR("none")) || str_equal(word, STR("auto")) ||
            str_equal(word, STR("required")))
            return true;
        return error_set_target(err, ERROR_MODEL_VALUE, "tool_choice",
                                "Invalid value: '%.40s'. Supported values are: 'none', 'auto', "
                                "and 'required'.",
                                word.data ? word.data : "");
    }
    name = json_str(json_at(choice, "function.name"));
    if (!name.data)
        return fields_missing(err, "tool_choice.function");
    if (has_tool(tools, name))
        return true;
    return error_set_target(err, ERROR_MODEL_REQUEST, "tool_choice",
                            "Tool choice '%.64s' not found in 'tools' parameter.", name.data);
}

bool chat_tools_check(struct request_facts *facts, yyjson_val *root, struct error *err)
{
    yyjson_val *tools = fields_get(root, "tools"), *choice = fields_get(root, "tool_choice"), *tool;
    size_t i, count;

    yyjson_arr_foreach(tools, i, count, tool)
    {
        if (!check_tool(tool, i, err))
            return false;
    }
    if (choice) {
        facts->features |= ENGINE_TOOLS;
        return check_tool_choice(choice, tools, err);
    }
    return true;
}

static bool mentions_json(struct str text)
{
    for (size_t i = 0; i + 4 <= text.len; i++) {
        if (str_equal_nocase(str_slice(text, i, 4), STR("json")))
            return true;
    }
    return false;
}

bool chat_messages_mention_json(yyjson_val *messages)
{
    yyjson_val *message, *part;
    size_t i, count, j, parts;

    yyjson_arr_foreach(messages, i, count, message)
    {
        yyjson_val *content = yyjson_obj_get(message, "content");

        if (mentions_json(json_str(content)))
            return true;
        yyjson_arr_foreach(content, j, parts, part)
        {
            if (mentions_json(json_str(yyjson_obj_get(part, "text"))))
                return true;
        }
    }
    return false;
}
