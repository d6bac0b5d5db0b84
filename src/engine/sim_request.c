/* SPDX-License-Identifier: MIT */
#include "engine/sim_request.h"

#include <limits.h>

#include "base/buf.h"
#include "engine/sim_text.h"

/* What OpenAI's counting rule adds for each message, and once for the answer's start. */
#define TOKENS_PER_MESSAGE 4
#define TOKENS_PER_ANSWER 3
/* An image of low detail (OpenAI's vision guide). */
#define TOKENS_PER_IMAGE 85
/* The search for a stop string costs its length for each token. */
#define STOP_BYTES_MAX 1024

static bool missing(struct error *err, const char *field)
{
    return error_set_target(err, ERROR_MODEL_MISSING, field, "Missing required parameter: '%s'.",
                            field);
}

/* A whole number; absent or null leaves *value as it is. */
static bool get_count(yyjson_val *body, const char *field, unsigned min, unsigned max,
                      unsigned *value, struct error *err)
{
    yyjson_val *found = yyjson_obj_get(body, field);

    if (!found || yyjson_is_null(found))
        return true;
    if (!yyjson_is_uint(found) || yyjson_get_uint(found) < min || yyjson_get_uint(found) > max)
        return error_set_target(err, ERROR_MODEL_VALUE, field,
                                "Invalid '%s': a whole number from %u to %u is expected.", field,
                                min, max);
    *value = (unsigned)yyjson_get_uint(found);
    return true;
}

static bool parse_stop(yyjson_val *body, struct sim_request *r, struct error *err)
{
    yyjson_val *stop = yyjson_obj_get(body, "stop"), *item;
    size_t i, count;

    if (yyjson_is_str(stop) && yyjson_get_len(stop))
        r->stops[r->stop_count++] = json_str(stop);
    if (yyjson_arr_size(stop) > SIM_STOPS_MAX || yyjson_get_len(stop) > STOP_BYTES_MAX)
        goto invalid;
    yyjson_arr_foreach(stop, i, count, item)
    {
        if (yyjson_is_str(item) && yyjson_get_len(item) > STOP_BYTES_MAX)
            goto invalid;
        if (yyjson_is_str(item) && yyjson_get_len(item))
            r->stops[r->stop_count++] = json_str(item);
    }
    return true;
invalid:
    return error_set_target(err, ERROR_MODEL_VALUE, "stop",
                            "Invalid 'stop': at most %d strings of at most %d bytes are expected.",
                            SIM_STOPS_MAX, STOP_BYTES_MAX);
}

/* -- Chat ---------------------------------------------------------------------------------- */

/* Text and images of a message's content: a string or an array of parts. */
static unsigned content_tokens(yyjson_val *content)
{
    unsigned tokens = 0;
    yyjson_val *part;
    size_t i, count;

    if (yyjson_is_str(content))
        return sim_token_count(yyjson_get_len(content));
    yyjson_arr_foreach(content, i, count, part)
    {
        yyjson_val *text = yyjson_obj_get(part, "text");

        tokens += yyjson_is_str(text) ? sim_token_count(yyjson_get_len(text)) : TOKENS_PER_IMAGE;
    }
    return tokens;
}

/* The text of a message; of several parts, the last text. */
static struct str content_text(yyjson_val *content)
{
    struct str text = json_str(content);
    yyjson_val *part;
    size_t i, count;

    yyjson_arr_foreach(content, i, count, part)
    {
        if (yyjson_is_str(yyjson_obj_get(part, "text")))
            text = json_str(yyjson_obj_get(part, "text"));
    }
    return text;
}

static bool parse_messages(struct arena *a, yyjson_val *body, struct sim_request *r,
                           struct error *err)
{
    yyjson_val *messages = yyjson_obj_get(body, "messages"), *message;
    size_t i, count;

    if (!yyjson_arr_size(messages))
        return missing(err, "messages");
    r->prompts = ARENA_NEW(a, struct sim_prompt);
    r->prompt_count = 1;
    yyjson_arr_foreach(messages, i, count, message)
    {
        yyjson_val *content = yyjson_obj_get(message, "content");

        r->prompts->tokens += TOKENS_PER_MESSAGE + content_tokens(content);
        r->prompts->text = STR_NONE;
        if (str_equal(json_str(yyjson_obj_get(message, "role")), STR("user")))
            r->prompts->text = content_text(content);
    }
    r->prompts->tokens += TOKENS_PER_ANSWER;
    return true;
}

/* Takes the function of that name out of tools, or out of the older functions. */
static bool take_tool(yyjson_val *list, struct str name, struct sim_request *r)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        yyjson_val *function = r->is_legacy_function ? item : yyjson_obj_get(item, "function");
        struct str found = json_str(yyjson_obj_get(function, "name"));

        if (found.len && (!name.data || str_equal(found, name))) {
            r->tool = found;
            r->schema = yyjson_obj_get(function, "parameters");
            return true;
        }
    }
    return false;
}

/* With tool_choice "auto" a model decides; here the user decides, by naming a function in the
 * last message. After a tool's answer there is none, so that an agent's loop comes to its end. */
static void take_mentioned_tool(yyjson_val *list, struct sim_request *r)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        yyjson_val *function = r->is_legacy_function ? item : yyjson_obj_get(item, "function");
        struct str name = json_str(yyjson_obj_get(function, "name"));

        if (name.len && str_find(r->prompts->text, name) != SIZE_MAX) {
            take_tool(list, name, r);
            return;
        }
    }
}

static bool parse_tools(yyjson_val *body, struct sim_request *r, struct error *err)
{
    yyjson_val *list = yyjson_obj_get(body, "tools"), *choice, *named;
    struct str word, name;

    r->is_legacy_function =
        !yyjson_is_arr(list) && yyjson_is_arr(yyjson_obj_get(body, "functions"));
    if (r->is_legacy_function)
        list = yyjson_obj_get(body, "functions");
    if (!yyjson_arr_size(list))
        return true;
    r->prompts->tokens += (unsigned)yyjson_arr_size(list) * TOKENS_PER_MESSAGE;
    choice = yyjson_obj_get(body, r->is_legacy_function ? "function_call" : "tool_choice");
    word = json_str(choice);
    if (str_equal(word, STR("none")))
        return true;
    named =
        r->is_legacy_function ? yyjson_obj_get(choice, "name") : json_at(choice, "function.name");
    name = json_str(named);
    if (name.data || str_equal(word, STR("required"))) {
        if (!take_tool(list, name, r))
            return error_set_target(err, ERROR_MODEL_VALUE, "tool_choice",
                                    "Tool choice 'function' not found in 'tools' parameter.");
        return true;
    }
    take_mentioned_tool(list, r);
    return true;
}

static bool parse_chat(struct arena *a, yyjson_val *body, struct sim_request *r, struct error *err)
{
    yyjson_val *format = yyjson_obj_get(body, "response_format");
    struct str type = json_str(yyjson_obj_get(format, "type"));

    if (!parse_messages(a, body, r, err))
        return false;
    r->logprobs = yyjson_is_true(yyjson_obj_get(body, "logprobs"));
    if (!get_count(body, "top_logprobs", 0, SIM_TOP_LOGPROBS_MAX, &r->top_logprobs, err) ||
        !get_count(body, "max_tokens", 1, UINT_MAX, &r->max_tokens, err) ||
        !get_count(body, "max_completion_tokens", 1, UINT_MAX, &r->max_tokens, err))
        return false;
    if (str_equal(type, STR("json_object")) || str_equal(type, STR("json_schema"))) {
        r->is_json = true;
        r->schema = json_at(format, "json_schema.schema");
    }
    if (!parse_tools(body, r, err))
        return false;
    r->prompt_tokens = r->prompts->tokens;
    return true;
}

/* -- Completions and embeddings ------------------------------------------------------------ */

static bool parse_token_ids(struct arena *a, yyjson_val *ids, struct sim_prompt *prompt)
{
    struct str *parts;
    size_t i, count, len = 0;
    char *text;
    yyjson_val *id;

    count = yyjson_arr_size(ids);
    parts = ARENA_ARRAY(a, struct str, count ? count : 1);
    yyjson_arr_foreach(ids, i, count, id)
    {
        if (!yyjson_is_uint(id))
            return false;
        parts[i] = sim_token_word(yyjson_get_uint(id));
        len += parts[i].len + 1;
    }
    text = arena_alloc_bytes(a, len + 1);
    prompt->text = str_of(text, len ? len - 1 : 0);
    for (i = 0; i < count; i++) {
        memcpy(text, parts[i].data, parts[i].len);
        text += parts[i].len;
        *text++ = ' ';
    }
    prompt->tokens = (unsigned)count;
    return true;
}

static bool parse_prompt(struct arena *a, yyjson_val *value, struct sim_prompt *prompt)
{
    if (yyjson_is_arr(value))
        return parse_token_ids(a, value, prompt);
    prompt->text = json_str(value);
    prompt->tokens = sim_token_count(prompt->text.len);
    return yyjson_is_str(value);
}

/* A string, an array of strings, an array of token ids, or an array of such arrays. */
static bool parse_prompts(struct arena *a, yyjson_val *body, const char *field,
                          struct sim_request *r, struct error *err)
{
    yyjson_val *value = yyjson_obj_get(body, field), *item;
    bool is_list = yyjson_is_arr(value) && !yyjson_is_num(yyjson_arr_get_first(value));
    size_t i, count;

    if (!value || yyjson_is_null(value) || (is_list && !yyjson_arr_size(value)))
        return missing(err, field);
    if (is_list && yyjson_arr_size(value) > SIM_PROMPTS_MAX)
        return error_set_target(err, ERROR_MODEL_VALUE, field,
                                "Invalid '%s': at most %d items are expected.", field,
                                SIM_PROMPTS_MAX);
    r->prompt_count = is_list ? (unsigned)yyjson_arr_size(value) : 1;
    r->prompts = ARENA_ARRAY(a, struct sim_prompt, r->prompt_count);
    if (!is_list && !parse_prompt(a, value, r->prompts))
        goto invalid;
    if (is_list) {
        yyjson_arr_foreach(value, i, count, item)
        {
            if (!parse_prompt(a, item, &r->prompts[i]))
                goto invalid;
        }
    }
    for (i = 0; i < r->prompt_count; i++)
        r->prompt_tokens += r->prompts[i].tokens;
    return true;
invalid:
    return error_set_target(err, ERROR_MODEL_VALUE, field,
                            "Invalid '%s': strings or arrays of token ids are expected.", field);
}

/* Without a prompt a new document begins (inference specification, Completions): one token. */
static void set_no_prompt(struct arena *a, struct sim_request *r)
{
    r->prompts = ARENA_NEW(a, struct sim_prompt);
    *r->prompts = (struct sim_prompt){ .text = STR(""), .tokens = 1 };
    r->prompt_count = r->prompt_tokens = 1;
}

static bool parse_completion(struct arena *a, yyjson_val *body, struct sim_request *r,
                             struct error *err)
{
    yyjson_val *prompt = yyjson_obj_get(body, "prompt");
    bool has_prompt = prompt && !yyjson_is_null(prompt);

    r->max_tokens = 16; /* the operation's own default */
    if (!has_prompt)
        set_no_prompt(a, r);
    r->echo = yyjson_is_true(yyjson_obj_get(body, "echo"));
    r->logprobs = yyjson_is_uint(yyjson_obj_get(body, "logprobs"));
    return (!has_prompt || parse_prompts(a, body, "prompt", r, err)) &&
           get_count(body, "logprobs", 0, SIM_TOP_LOGPROBS_MAX, &r->top_logprobs, err) &&
           get_count(body, "max_tokens", 0, UINT_MAX, &r->max_tokens, err) &&
           get_count(body, "best_of", 1, SIM_CHOICES_MAX, &r->best_of, err);
}

static bool parse_embeddings(struct arena *a, yyjson_val *body, struct sim_request *r,
                             struct error *err)
{
    r->is_base64 = str_equal(json_str(yyjson_obj_get(body, "encoding_format")), STR("base64"));
    return parse_prompts(a, body, "input", r, err) &&
           get_count(body, "dimensions", 1, SIM_DIMENSIONS_MAX, &r->dimensions, err);
}

/* How an answer is cut and delivered; the same words come either way. */
static const char *const delivery[] = {
    "model",
    "user",
    "stream",
    "stream_options",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "echo",
    "logprobs",
    "top_logprobs",
    "encoding_format",
    "dimensions",
};

static uint64_t hash_of(struct arena *a, yyjson_val *body)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(body);
    uint64_t hash = 0;
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&members))) {
        bool is_delivery = false;

        for (size_t i = 0; i < ARRAY_LEN(delivery); i++)
            is_delivery = is_delivery || yyjson_equals_str(key, delivery[i]);
        if (is_delivery)
            continue;
        hash = sim_hash(hash, json_str(key));
        hash = sim_hash(hash, json_write(a, yyjson_obj_iter_get_val(key)));
    }
    return hash;
}

bool sim_request_parse(struct arena *a, enum engine_operation operation, struct str body_text,
                       struct sim_request *request, struct error *err)
{
    yyjson_doc *doc = json_parse(a, body_text, err);
    yyjson_val *body = yyjson_doc_get_root(doc);
    struct sim_request r = {
        .operation = operation,
        .n = 1,
        .best_of = 1,
        .max_tokens = UINT_MAX,
    };
    bool ok = false;

    if (!yyjson_is_obj(body))
        return error_set(err, ERROR_MODEL_REQUEST,
                         "We could not parse the JSON body of your request.");
    r.hash = hash_of(a, body);
    r.model = json_str(yyjson_obj_get(body, "model"));
    r.stream = yyjson_is_true(yyjson_obj_get(body, "stream"));
    r.include_usage = yyjson_is_true(json_at(body, "stream_options.include_usage"));
    if (operation != ENGINE_EMBEDDINGS &&
        (!get_count(body, "n", 1, SIM_CHOICES_MAX, &r.n, err) || !parse_stop(body, &r, err)))
        return false;
    switch (operation) {
    case ENGINE_CHAT:
        ok = parse_chat(a, body, &r, err);
        break;
    case ENGINE_COMPLETION:
        ok = parse_completion(a, body, &r, err);
        break;
    case ENGINE_EMBEDDINGS:
        ok = parse_embeddings(a, body, &r, err);
        break;
    }
    if (!ok)
        return false;
    if (r.best_of < r.n)
        r.best_of = r.n;
    if (r.prompt_count * r.n > SIM_PROMPTS_MAX)
        return error_set_target(err, ERROR_MODEL_VALUE, "n",
                                "Too many answers: at most %d are made at a time.",
                                SIM_PROMPTS_MAX);
    if (r.echo && (uint64_t)r.prompt_tokens * r.n > SIM_ECHO_TOKENS_MAX)
        return error_set_target(err, ERROR_MODEL_VALUE, "echo",
                                "The prompts are too long to be echoed: %d tokens at most.",
                                SIM_ECHO_TOKENS_MAX);
    *request = r;
    return true;
}
