/* SPDX-License-Identifier: MIT */
#include "inference/chat_messages.h"

#include <stdio.h>

#include "inference/field_errors.h"
#include "inference/prompts.h"

#define PARAM_BYTES 64

/* What an engine must be able to read. */
static const struct {
    const char *type;
    unsigned feature;
} part_features[] = {
    { "image_url", ENGINE_IMAGES },
    { "input_audio", ENGINE_AUDIO },
    { "file", ENGINE_IMAGES },
};

/* Of a message or a part. */
static void count_refusal(struct request_facts *facts, yyjson_val *object)
{
    struct str refusal = json_str(yyjson_obj_get(object, "refusal"));

    if (!refusal.len)
        return;
    facts->prompt_chars += str_count_chars(refusal);
    facts->has_refusals = true;
}

static bool check_part(struct request_facts *facts, yyjson_val *part, size_t at, size_t index,
                       struct error *err)
{
    struct str type = json_str(yyjson_obj_get(part, "type"));
    char param[PARAM_BYTES];

    prompts_count_text(facts, yyjson_obj_get(part, "text"));
    count_refusal(facts, part);
    for (size_t i = 0; i < ARRAY_LEN(part_features); i++) {
        if (!str_equal(type, str_from(part_features[i].type)))
            continue;
        facts->features |= part_features[i].feature;
        if (!(facts->lacks & part_features[i].feature))
            return true;
        snprintf(param, sizeof(param), "messages.[%zu].content.[%zu].type", at, index);
        return error_set_target(err, ERROR_MODEL_REQUEST, param,
                                "Invalid content type. %s is only supported by certain models.",
                                part_features[i].type);
    }
    return true;
}

static bool check_content(struct request_facts *facts, yyjson_val *content, size_t at,
                          struct error *err)
{
    yyjson_val *part;
    size_t i, count;

    prompts_count_text(facts, content);
    yyjson_arr_foreach(content, i, count, part)
    {
        if (!check_part(facts, part, at, i, err))
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
    snprintf(param, sizeof(param), "messages.[%zu].role", at);
    return error_set_target(err, ERROR_MODEL_REQUEST, param,
                            "Invalid parameter: messages with role 'tool' must be a response to a "
                            "preceeding message with 'tool_calls'.");
}

/* Something is said, if not in `content`. */
static bool needs_content(yyjson_val *message, struct str role)
{
    static const char *const others[] = { "tool_calls", "function_call", "refusal", "audio" };

    if (str_equal(role, STR("function")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (fields_get(message, others[i]))
            return false;
    }
    return true;
}

static bool refuse_silence(yyjson_val *message, size_t at, struct error *err)
{
    const struct field_path list = { NULL, "messages", 0 }, item = { &list, NULL, at };
    char param[PARAM_BYTES];

    if (!yyjson_obj_get(message, "content"))
        return field_refuse_missing(&(struct field_path){ &item, "content", 0 }, err);
    snprintf(param, sizeof(param), "messages.[%zu].content", at);
    return error_set_target(err, ERROR_MODEL_REQUEST, param,
                            "Invalid value for 'content': expected a string, got null.");
}

static bool check_function_role(struct request_facts *facts, size_t at, struct error *err)
{
    char param[PARAM_BYTES];

    snprintf(param, sizeof(param), "messages[%zu].role", at);
    return fields_need(facts, ENGINE_FUNCTIONS, param, err);
}

/* What the model had called is in its prompt as well. */
static void count_calls(struct request_facts *facts, yyjson_val *message)
{
    facts->prompt_chars += json_count_chars(yyjson_obj_get(message, "tool_calls")) +
                           json_count_chars(yyjson_obj_get(message, "function_call"));
}

static bool check_message(struct request_facts *facts, yyjson_val *message, yyjson_val *previous,
                          size_t at, struct error *err)
{
    struct str role = json_str(yyjson_obj_get(message, "role"));
    yyjson_val *content = fields_get(message, "content");

    count_refusal(facts, message);
    if (str_equal(role, STR("assistant")))
        count_calls(facts, message);
    if (!check_tool_order(previous, role, at, err))
        return false;
    if (!content && needs_content(message, role))
        return refuse_silence(message, at, err);
    return check_content(facts, content, at, err) &&
           (!str_equal(role, STR("function")) || check_function_role(facts, at, err));
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

bool chat_tools_check(struct request_facts *facts, yyjson_val *root, struct error *err)
{
    yyjson_val *tools = fields_get(root, "tools"), *choice = fields_get(root, "tool_choice");
    struct str name = json_str(yyjson_obj_get(yyjson_obj_get(choice, "function"), "name"));
    char shown[FIELD_NAME_CHARS_MAX + 1];

    facts->prompt_chars +=
        json_count_chars(tools) + json_count_chars(yyjson_obj_get(root, "functions"));
    if (choice && !yyjson_arr_size(tools))
        return error_set_target(err, ERROR_MODEL_REQUEST, "tool_choice",
                                "Invalid value for 'tool_choice': 'tool_choice' is only allowed "
                                "when 'tools' are specified.");
    if (fields_get(root, "parallel_tool_calls") && !yyjson_arr_size(tools))
        return error_set_target(err, ERROR_MODEL_REQUEST, "parallel_tool_calls",
                                "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is "
                                "only allowed when 'tools' are specified.");
    if (name.data && !has_tool(tools, name))
        return error_set_target(err, ERROR_MODEL_REQUEST, "tool_choice",
                                "Tool choice '%s' not found in 'tools' parameter.",
                                str_show(name, shown, sizeof(shown)));
    facts->must_call = yyjson_is_obj(choice) || str_equal(json_str(choice), STR("required"));
    if (yyjson_arr_size(tools) && !fields_need(facts, ENGINE_TOOLS, "tools", err))
        return false;
    return !yyjson_arr_size(tools) || !yyjson_is_true(fields_get(root, "parallel_tool_calls")) ||
           fields_need(facts, ENGINE_PARALLEL_TOOLS, "parallel_tool_calls", err);
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
