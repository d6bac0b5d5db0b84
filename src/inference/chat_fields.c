/* SPDX-License-Identifier: MIT */
#include "inference/chat_fields.h"

#define TEXT_OR_PARTS FIELD_STRING | FIELD_ARRAY

/* -- Parts of a message's content ---------------------------------------------------------- */

/* The bits follow the order of the values. */
enum part {
    PART_TEXT = 1 << 0,
    PART_IMAGE = 1 << 1,
    PART_AUDIO = 1 << 2,
    PART_FILE = 1 << 3,
};

static const char *const user_parts[] = { "text", "image_url", "input_audio", "file", NULL };
static const char *const image_details[] = { "auto", "low", "high", NULL };

static const struct field image_list[] = {
    FIELD("url", FIELD_STRING, .required = FIELD_ALWAYS),
    FIELD("detail", FIELD_STRING, .values = image_details),
};
static const struct fields image_fields = FIELDS(image_list);

static const struct field audio_list[] = {
    FIELD("data", FIELD_STRING, .required = FIELD_ALWAYS),
    FIELD("format", FIELD_STRING, .required = FIELD_ALWAYS),
};
static const struct fields audio_fields = FIELDS(audio_list);

static const struct field file_list[] = {
    FIELD("filename", FIELD_STRING),
    FIELD("file_data", FIELD_STRING),
    FIELD("file_id", FIELD_STRING),
};
static const struct fields file_fields = FIELDS(file_list);

static const struct field user_part_list[] = {
    FIELD("type", FIELD_STRING, .values = user_parts),
    FIELD("text", FIELD_STRING, .only = PART_TEXT, .required = PART_TEXT),
    FIELD("image_url", FIELD_OBJECT, .only = PART_IMAGE, .required = PART_IMAGE,
          .members = &image_fields),
    FIELD("input_audio", FIELD_OBJECT, .only = PART_AUDIO, .required = PART_AUDIO,
          .members = &audio_fields),
    FIELD("file", FIELD_OBJECT, .only = PART_FILE, .required = PART_FILE, .members = &file_fields),
};
static const struct fields user_part_fields = FIELDS_BY(user_part_list, "type");

enum assistant_part { PART_SAID = 1 << 0, PART_REFUSED = 1 << 1 };

static const char *const assistant_parts[] = { "text", "refusal", NULL };

static const struct field assistant_part_list[] = {
    FIELD("type", FIELD_STRING, .values = assistant_parts),
    FIELD("text", FIELD_STRING, .only = PART_SAID, .required = PART_SAID),
    FIELD("refusal", FIELD_STRING, .only = PART_REFUSED, .required = PART_REFUSED),
};
static const struct fields assistant_part_fields = FIELDS_BY(assistant_part_list, "type");

static const char *const text_parts[] = { "text", NULL };

static const struct field text_part_list[] = {
    FIELD("type", FIELD_STRING, .values = text_parts),
    FIELD("text", FIELD_STRING, .required = FIELD_ALWAYS),
};
static const struct fields text_part_fields = FIELDS_BY(text_part_list, "type");

/* -- Messages ------------------------------------------------------------------------------ */

/* The bits follow the order of the values. */
enum role {
    ROLE_SYSTEM = 1 << 0,
    ROLE_ASSISTANT = 1 << 1,
    ROLE_USER = 1 << 2,
    ROLE_FUNCTION = 1 << 3,
    ROLE_TOOL = 1 << 4,
    ROLE_DEVELOPER = 1 << 5,
};

static const char *const roles[] = { "system", "assistant", "user", "function",
                                     "tool",   "developer", NULL };
static const char *const function_types[] = { "function", NULL };

/* `parsed_arguments`, `parsed` and `index` are what SDKs add to an answer, and send back with it. */
static const struct field called_list[] = {
    FIELD("name", FIELD_STRING | FIELD_NAME, .required = FIELD_ALWAYS),
    FIELD("arguments", FIELD_STRING, .required = FIELD_ALWAYS),
    FIELD("parsed_arguments", FIELD_ANY),
};
static const struct fields called_fields = FIELDS(called_list);

static const struct field call_list[] = {
    FIELD("id", FIELD_STRING, .required = FIELD_ALWAYS),
    FIELD("type", FIELD_STRING, .values = function_types, .required = FIELD_ALWAYS),
    FIELD("function", FIELD_OBJECT, .required = FIELD_ALWAYS, .members = &called_fields),
    FIELD("index", FIELD_INTEGER),
};
static const struct fields call_fields = FIELDS(call_list);

static const struct field said_list[] = {
    FIELD("id", FIELD_STRING, .required = FIELD_ALWAYS),
    FIELD("data", FIELD_STRING),
    FIELD("expires_at", FIELD_INTEGER),
    FIELD("transcript", FIELD_STRING),
};
static const struct fields said_fields = FIELDS(said_list);

static const struct field message_list[] = {
    FIELD("role", FIELD_STRING, .values = roles),
    /* Of a tool's result it is not in the specification, but in Azure's own samples. */
    FIELD("name", FIELD_STRING, .required = ROLE_FUNCTION),
    FIELD("tool_call_id", FIELD_STRING, .only = ROLE_TOOL, .required = ROLE_TOOL),
    FIELD("content", TEXT_OR_PARTS, .only = ROLE_USER, .items = FIELD_OBJECT,
          .members = &user_part_fields),
    FIELD("content", TEXT_OR_PARTS, .only = ROLE_ASSISTANT, .items = FIELD_OBJECT,
          .members = &assistant_part_fields),
    FIELD("content", TEXT_OR_PARTS, .only = ROLE_SYSTEM | ROLE_DEVELOPER | ROLE_TOOL,
          .items = FIELD_OBJECT, .members = &text_part_fields),
    FIELD("content", FIELD_STRING, .only = ROLE_FUNCTION),
    FIELD("tool_calls", FIELD_ARRAY, .only = ROLE_ASSISTANT, .items = FIELD_OBJECT,
          .members = &call_fields),
    FIELD("function_call", FIELD_OBJECT, .feature = ENGINE_FUNCTIONS, .only = ROLE_ASSISTANT,
          .members = &called_fields),
    FIELD("refusal", FIELD_STRING, .only = ROLE_ASSISTANT),
    FIELD("audio", FIELD_OBJECT, .feature = ENGINE_AUDIO, .only = ROLE_ASSISTANT,
          .members = &said_fields),
    FIELD("annotations", FIELD_ARRAY, .only = ROLE_ASSISTANT),
    FIELD("parsed", FIELD_ANY, .only = ROLE_ASSISTANT),
    /* What engines answer with beside the content. */
    FIELD("reasoning", FIELD_STRING, .only = ROLE_ASSISTANT),
    FIELD("reasoning_content", FIELD_STRING, .only = ROLE_ASSISTANT),
};
static const struct fields message_fields = FIELDS_BY(message_list, "role");

/* -- Tools --------------------------------------------------------------------------------- */

static const struct field function_list[] = {
    FIELD("name", FIELD_STRING | FIELD_NAME, .required = FIELD_ALWAYS),
    FIELD("description", FIELD_STRING),
    FIELD("parameters", FIELD_OBJECT),
    FIELD("strict", FIELD_BOOL),
};
static const struct fields function_fields = FIELDS(function_list);

static const struct field tool_list[] = {
    FIELD("type", FIELD_STRING, .values = function_types),
    FIELD("function", FIELD_OBJECT, .required = FIELD_ALWAYS, .members = &function_fields),
};
static const struct fields tool_fields = FIELDS_BY(tool_list, "type");

static const struct field named_list[] = {
    FIELD("name", FIELD_STRING, .required = FIELD_ALWAYS),
};
static const struct fields named_fields = FIELDS(named_list);

static const struct field chosen_list[] = {
    FIELD("type", FIELD_STRING, .values = function_types),
    FIELD("function", FIELD_OBJECT, .required = FIELD_ALWAYS, .members = &named_fields),
};
static const struct fields chosen_fields = FIELDS_BY(chosen_list, "type");

static const char *const tool_choices[] = { "none", "auto", "required", NULL };
static const char *const function_choices[] = { "none", "auto", NULL };

/* -- The answer's form --------------------------------------------------------------------- */

enum format { FORMAT_OBJECT = 1 << 0, FORMAT_SCHEMA = 1 << 1, FORMAT_TEXT = 1 << 2 };

static const char *const formats[] = { "json_object", "json_schema", "text", NULL };

static const struct field schema_list[] = {
    FIELD("name", FIELD_STRING | FIELD_NAME, .required = FIELD_ALWAYS),
    FIELD("description", FIELD_STRING),
    FIELD("schema", FIELD_OBJECT),
    FIELD("strict", FIELD_BOOL),
};
static const struct fields schema_fields = FIELDS(schema_list);

static const struct field format_list[] = {
    FIELD("type", FIELD_STRING, .values = formats),
    FIELD("json_schema", FIELD_OBJECT, .feature = ENGINE_JSON_SCHEMA, .only = FORMAT_SCHEMA,
          .required = FORMAT_SCHEMA, .members = &schema_fields),
};
static const struct fields format_fields = FIELDS_BY(format_list, "type");

static const char *const modalities[] = { "text", "audio", NULL };

/* -- The request --------------------------------------------------------------------------- */

static const struct field request_list[] = {
    FIELD("messages", FIELD_ARRAY, 1, 2048, .required = FIELD_ALWAYS, .items = FIELD_OBJECT,
          .members = &message_fields),
    FIELD("model", FIELD_STRING),
    FIELD("temperature", FIELD_NUMBER, 0, 2),
    FIELD("top_p", FIELD_NUMBER, 0, 1),
    FIELD("n", FIELD_INTEGER, 1, 128),
    FIELD("stream", FIELD_BOOL),
    FIELD("stream_options", FIELD_OBJECT, .members = &stream_options_fields),
    FIELD("stop", FIELD_STRING | FIELD_ARRAY | FIELD_FILLED, 1, 4, .items = FIELD_STRING),
    FIELD("max_tokens", FIELD_INTEGER, 1, 2147483647),
    FIELD("max_completion_tokens", FIELD_INTEGER, 1, 2147483647),
    FIELD("presence_penalty", FIELD_NUMBER, -2, 2),
    FIELD("frequency_penalty", FIELD_NUMBER, -2, 2),
    FIELD("logit_bias", FIELD_OBJECT, .feature = ENGINE_LOGIT_BIAS),
    FIELD("logprobs", FIELD_BOOL),
    FIELD("top_logprobs", FIELD_INTEGER, 0, 20),
    FIELD("user", FIELD_STRING),
    FIELD("seed", FIELD_INTEGER, FIELD_INT64_MIN, FIELD_INT64_MAX, ENGINE_SEED),
    FIELD("response_format", FIELD_OBJECT, .members = &format_fields),
    FIELD("tools", FIELD_ARRAY, 0, 128, .items = FIELD_OBJECT, .members = &tool_fields),
    FIELD("tool_choice", FIELD_STRING | FIELD_OBJECT, .values = tool_choices,
          .members = &chosen_fields),
    FIELD("parallel_tool_calls", FIELD_BOOL),
    FIELD("functions", FIELD_ARRAY, 1, 128, .feature = ENGINE_FUNCTIONS, .items = FIELD_OBJECT,
          .members = &function_fields),
    FIELD("function_call", FIELD_STRING | FIELD_OBJECT, .feature = ENGINE_FUNCTIONS,
          .values = function_choices, .members = &named_fields),
    FIELD("reasoning_effort", FIELD_STRING, .feature = ENGINE_REASONING),
    FIELD("metadata", FIELD_OBJECT, .feature = ENGINE_STORE),
    FIELD("store", FIELD_BOOL),
    FIELD("prediction", FIELD_OBJECT, .feature = ENGINE_PREDICTION),
    FIELD("modalities", FIELD_ARRAY, .items = FIELD_STRING, .values = modalities),
    FIELD("audio", FIELD_OBJECT, .feature = ENGINE_AUDIO),
    FIELD("data_sources", FIELD_ARRAY, .feature = ENGINE_DATA_SOURCES),
};
const struct fields chat_fields = FIELDS(request_list);
