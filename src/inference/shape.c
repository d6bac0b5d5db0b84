/* SPDX-License-Identifier: MIT */
#include "inference/shape.h"

#include <assert.h>

#include "base/log.h"
#include "base/random.h"
#include "inference/operation.h"

#define ROOT_CHANGES_MAX 10
#define USAGE_CHANGES_MAX 4
#define DETAILS_MAX 4
#define LOGPROBS_CHANGES_MAX 2

/* Of an answer's id, behind its prefix: letters and digits. */
#define ID_CHARS 29

#define JSON_NULL STR("null")

/* -- Ids ----------------------------------------------------------------------------------- */

static struct str make_id(struct exchange *x, char *text, struct str prefix, unsigned len)
{
    memcpy(text, prefix.data, prefix.len);
    random_next_base62(&x->inference->random, text + prefix.len, len);
    return str_of(text, prefix.len + len);
}

struct str shape_new_id(struct exchange *x, struct arena *a, struct str prefix, unsigned len)
{
    return make_id(x, arena_alloc_bytes(a, prefix.len + len + 1), prefix, len);
}

/* FNV-1a over what identifies the backend's configuration: the same deployment answers with the
 * same fingerprint until its model or engine changes. "fp_" and ten hexadecimal digits. */
static struct str make_fingerprint(struct exchange *x)
{
    const char *parts[] = { x->deployment->model->label, x->deployment->engine->name };
    uint64_t hash = STR_HASH_START;
    char *text = x->relay.fingerprint_text;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        hash = str_hash(hash, str_from(parts[i]));
    memcpy(text, "fp_", 3);
    for (unsigned i = 3; i < sizeof(x->relay.fingerprint_text); i++)
        text[i] = "0123456789abcdef"[hash >> (4 * (i - 3)) & 15];
    return str_of(text, sizeof(x->relay.fingerprint_text));
}

static bool is_azures_id(struct str id, struct str prefix)
{
    return str_starts_with(id, prefix) && id.len == prefix.len + ID_CHARS &&
           str_is_alnum_or(str_slice(id, prefix.len, id.len), "");
}

void shape_set_id(struct exchange *x, struct str id)
{
    struct str prefix = x->operation->id_prefix;
    char *text = x->relay.id_text;

    if (x->relay.id.len)
        return;
    assert(prefix.len + ID_CHARS + 1 <= sizeof(x->relay.id_text));
    if (is_azures_id(id, prefix))
        x->relay.id = str_of(memcpy(text, id.data, id.len), id.len);
    else
        x->relay.id = make_id(x, text, prefix, ID_CHARS);
}

void shape_set_created(struct exchange *x, int64_t created)
{
    if (!x->relay.created)
        x->relay.created = created;
    if (x->relay.created <= 0)
        x->relay.created = clock_now_ms(x->inference->options.clock) / 1000;
}

void shape_set_fingerprint(struct exchange *x)
{
    if (!x->relay.fingerprint.len && x->version.parts & ANSWER_LOGPROBS)
        x->relay.fingerprint = make_fingerprint(x);
}

/* -- What each answer and event has -------------------------------------------------------- */

/* Without what only llama-server sends. Members are changed in the order of their names, which costs
 * the least. */
static void begin_root(struct json_edit *root, struct arena *scratch, yyjson_val *object)
{
    json_edit_init(root, scratch, object, ROOT_CHANGES_MAX);
    json_edit_drop(root, STR("__verbose"));
}

/* Behind the choices. */
static void name_root(struct exchange *x, struct json_edit *root, struct str object)
{
    shape_set_created(x, yyjson_get_sint(yyjson_obj_get(root->object, "created")));
    shape_set_id(x, json_str(yyjson_obj_get(root->object, "id")));
    json_edit_integer(root, STR("created"), x->relay.created);
    json_edit_plain(root, STR("id"), x->relay.id);
    json_edit_string(root, STR("model"), str_from(x->deployment->model->label));
    json_edit_plain(root, STR("object"), object);
}

/* Before the usage. */
static void end_root(struct exchange *x, struct json_edit *root)
{
    shape_set_fingerprint(x);
    if (x->relay.fingerprint.len)
        json_edit_plain(root, STR("system_fingerprint"), x->relay.fingerprint);
    else
        json_edit_drop(root, STR("system_fingerprint"));
    json_edit_drop(root, STR("timings"));
}

/* -- Types --------------------------------------------------------------------------------- */

static bool is_count(yyjson_val *value)
{
    return yyjson_is_uint(value) && yyjson_get_uint(value) <= SHAPE_COUNT_MAX;
}

static bool is_call(yyjson_val *call)
{
    yyjson_val *function = yyjson_obj_get(call, "function");
    bool has_function = function && !yyjson_is_null(function);

    return yyjson_is_obj(call) && shape_is_text(call, "id") && shape_is_text(call, "type") &&
           (!has_function || yyjson_is_obj(function)) && shape_is_text(function, "name") &&
           shape_is_text(function, "arguments");
}

static bool are_calls(yyjson_val *calls)
{
    yyjson_val *call;
    size_t i, count;

    yyjson_arr_foreach(calls, i, count, call)
    {
        if (!is_call(call))
            return false;
    }
    return !calls || yyjson_is_arr(calls) || yyjson_is_null(calls);
}

bool shape_is_message(yyjson_val *message)
{
    return shape_is_text(message, "content") && shape_is_text(message, "role") &&
           shape_is_text(message, "refusal") && are_calls(yyjson_obj_get(message, "tool_calls"));
}

/* An index, if it has one, of a choice that was asked for. */
static bool is_choice(const struct exchange *x, yyjson_val *choice)
{
    yyjson_val *index = yyjson_obj_get(choice, "index");
    bool has_index = index && !yyjson_is_null(index);

    return yyjson_is_obj(choice) && shape_is_text(choice, "finish_reason") &&
           (!has_index || (yyjson_is_uint(index) && yyjson_get_uint(index) < x->facts.choices));
}

/* -- Usage --------------------------------------------------------------------------------- */

static uint64_t count_of(yyjson_val *usage, const char *key)
{
    yyjson_val *count = yyjson_obj_get(usage, key);

    return is_count(count) ? yyjson_get_uint(count) : 0;
}

static bool is_usage(yyjson_val *usage)
{
    return is_count(yyjson_obj_get(usage, "prompt_tokens")) &&
           is_count(yyjson_obj_get(usage, "completion_tokens")) &&
           is_count(yyjson_obj_get(usage, "total_tokens"));
}

void shape_count_text(struct exchange *x, yyjson_val *text)
{
    x->relay.text_bytes += json_str(text).len;
}

void shape_estimate_usage(struct exchange *x)
{
    log_debug("usage_estimated", "id=%s engine=%s", x->request_id, x->deployment->engine->name);
    x->usage.prompt_tokens = exchange_prompt_tokens(&x->facts);
    x->usage.completion_tokens = (x->relay.text_bytes + 3) / 4;
}

static yyjson_val *estimated_usage(struct exchange *x, struct arena *a)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *usage = yyjson_mut_obj(doc);
    uint64_t prompt, answer;

    shape_estimate_usage(x);
    prompt = x->usage.prompt_tokens;
    answer = x->usage.completion_tokens;
    json_set(doc, usage, "prompt_tokens", yyjson_mut_uint(doc, prompt));
    json_set(doc, usage, "completion_tokens", yyjson_mut_uint(doc, answer));
    json_set(doc, usage, "total_tokens", yyjson_mut_uint(doc, prompt + answer));
    return yyjson_doc_get_root(json_freeze(a, usage));
}

/* The details object `key`, with 0 for each count that the engine does not tell. */
static void shape_details(struct arena *a, struct json_edit *usage, const char *key,
                          const char *const counts[DETAILS_MAX])
{
    yyjson_val *there = yyjson_obj_get(usage->object, key);
    struct json_edit *details = ARENA_NEW(a, struct json_edit);

    json_edit_init(details, a, yyjson_is_obj(there) ? there : NULL, DETAILS_MAX);
    for (unsigned i = 0; i < DETAILS_MAX && counts[i]; i++) {
        if (!is_count(yyjson_obj_get(there, counts[i])))
            json_edit_integer(details, str_from(counts[i]), 0);
    }
    json_edit_object(usage, str_from(key), details);
}

/* Takes a usage object into x->usage and edits what the api-version shows of it. One that is not
 * there (NULL, or no object) or makes no sense is estimated. */
static struct json_edit *shape_usage(struct exchange *x, struct arena *a, yyjson_val *usage)
{
    static const char *const completion_counts[DETAILS_MAX] = {
        "accepted_prediction_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
    };
    static const char *const prompt_counts[DETAILS_MAX] = { "audio_tokens", "cached_tokens" };
    struct json_edit *edit = ARENA_NEW(a, struct json_edit);

    if (!is_usage(usage))
        usage = estimated_usage(x, a);
    x->usage.prompt_tokens = count_of(usage, "prompt_tokens");
    x->usage.completion_tokens = count_of(usage, "completion_tokens");
    x->usage.cached_tokens =
        count_of(yyjson_obj_get(usage, "prompt_tokens_details"), "cached_tokens");
    json_edit_init(edit, a, usage, USAGE_CHANGES_MAX);
    if (x->facts.no_answer) {
        x->usage.completion_tokens = 0;
        json_edit_integer(edit, STR("completion_tokens"), 0);
        json_edit_integer(edit, STR("total_tokens"), (int64_t)x->usage.prompt_tokens);
    }
    if (x->version.parts & ANSWER_USAGE_DETAILS) {
        shape_details(a, edit, "completion_tokens_details", completion_counts);
        shape_details(a, edit, "prompt_tokens_details", prompt_counts);
    } else {
        json_edit_drop(edit, STR("completion_tokens_details"));
        json_edit_drop(edit, STR("prompt_tokens_details"));
    }
    return edit;
}

/* Each choice's by itself, with the whole prompt each time. */
static bool tells_usage_in_parts(const struct exchange *x)
{
    return x->deployment->engine->kind == ENGINE_LLAMA && x->facts.choices > 1;
}

struct str shape_sum_usage(struct exchange *x, struct arena *a, yyjson_val *usage)
{
    struct usage_sum *sum = &x->relay.usage_sum;
    uint64_t prompt, cached, total;

    if (!tells_usage_in_parts(x))
        return json_write(a, usage);
    sum->parts++;
    sum->prompt_tokens += count_of(usage, "prompt_tokens");
    sum->cached_tokens += count_of(yyjson_obj_get(usage, "prompt_tokens_details"), "cached_tokens");
    sum->completion_tokens += count_of(usage, "completion_tokens");
    prompt = sum->prompt_tokens * x->facts.prompts / sum->parts;
    cached = sum->cached_tokens * x->facts.prompts / sum->parts;
    total = prompt + sum->completion_tokens;
    return arena_printf(a,
                        "{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"total_tokens\":%llu,"
                        "\"prompt_tokens_details\":{\"cached_tokens\":%llu}}",
                        (unsigned long long)prompt, (unsigned long long)sum->completion_tokens,
                        (unsigned long long)total, (unsigned long long)cached);
}

void shape_keep_usage(struct exchange *x, struct str usage)
{
    struct relay *r = &x->relay;
    char *to = (char *)(uintptr_t)r->usage.data;

    if (usage.len > r->usage_room) {
        r->usage_room = 2 * usage.len;
        to = arena_alloc_bytes(x->arena, r->usage_room);
    }
    memcpy(to, usage.data, usage.len);
    r->usage = str_of(to, usage.len);
}

/* The usage of a stream comes in an event of its own, in one per choice, or beside the last text,
 * as the engine likes: it is kept for the event that tells it. True: nothing else is in this one. */
static bool take_usage(struct exchange *x, struct arena *scratch, yyjson_val *root)
{
    yyjson_val *usage = yyjson_obj_get(root, "usage");
    struct error ignored;

    if (!yyjson_is_obj(usage))
        return false;
    if (tells_usage_in_parts(x))
        usage =
            yyjson_doc_get_root(json_parse(scratch, shape_sum_usage(x, scratch, usage), &ignored));
    shape_keep_usage(x, json_write_edit(scratch, shape_usage(x, scratch, usage)));
    return yyjson_arr_size(yyjson_obj_get(root, "choices")) == 0;
}

struct str shape_usage_event(struct exchange *x, struct arena *scratch)
{
    struct json_edit root;

    if (!x->relay.usage.len) /* the engine told none: what came is counted */
        shape_keep_usage(x, json_write_edit(scratch, shape_usage(x, scratch, NULL)));
    if (!x->facts.include_usage || !x->relay.id.len)
        return STR_NONE;
    begin_root(&root, scratch, NULL);
    json_edit_text(&root, STR("choices"), STR("[]"));
    name_root(x, &root, str_from(x->operation->event_object));
    end_root(x, &root);
    json_edit_text(&root, STR("usage"), x->relay.usage);
    return json_write_edit(scratch, &root);
}

/* -- Annotations --------------------------------------------------------------------------- */

/* The form that Azure documents for "the filter did not look at this". */
#define NOT_FILTERED                                                                    \
    "{\"error\":{\"code\":\"content_filter_error\",\"message\":\"The contents are not " \
    "filtered\"}}"
#define PROMPT_NOT_FILTERED "{\"content_filter_results\":" NOT_FILTERED ",\"prompt_index\":"

/* prompt_filter_results, which say that nothing was filtered. */
static void shape_prompt_filters(struct exchange *x, struct arena *scratch, struct json_edit *root,
                                 unsigned prompts)
{
    struct str all = STR("["), name = STR("prompt_filter_results");

    if (!(x->version.parts & ANSWER_FILTERS))
        return;
    if (prompts == 1) {
        json_edit_text(root, name, STR("[" PROMPT_NOT_FILTERED "0}]"));
        return;
    }
    for (unsigned i = 0; i < prompts; i++)
        all = arena_join(scratch,
                         (struct str[]){ all, i ? STR(",") : STR_NONE, STR(PROMPT_NOT_FILTERED),
                                         format_decimal(scratch, i), STR("}") },
                         5);
    json_edit_text(root, name, arena_join(scratch, (struct str[]){ all, STR("]") }, 2));
}

struct str shape_first_event(const struct exchange *x)
{
    if (!(x->version.parts & ANSWER_FILTERS))
        return STR_NONE;
    return STR("{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
               "\"prompt_filter_results\":[" PROMPT_NOT_FILTERED "0}]}");
}

void shape_choice_filters(struct exchange *x, struct json_edit *choice, bool has_text)
{
    if (x->version.parts & ANSWER_FILTERS)
        json_edit_text(choice, STR("content_filter_results"),
                       has_text ? STR(NOT_FILTERED) : STR("{}"));
}

/* -- Choices ------------------------------------------------------------------------------- */

void shape_refusal(struct exchange *x, struct json_edit *object)
{
    yyjson_val *refusal = yyjson_obj_get(object->object, "refusal");

    if (!(x->version.parts & ANSWER_REFUSAL)) {
        if (yyjson_is_null(refusal))
            json_edit_drop(object, STR("refusal"));
    } else if (!refusal) {
        json_edit_text(object, STR("refusal"), JSON_NULL);
    }
}

unsigned shape_index(const struct exchange *x, yyjson_val *choice)
{
    uint64_t index = yyjson_get_uint(yyjson_obj_get(choice, "index"));

    assert(index < x->facts.choices); /* is_choice */
    return (unsigned)index;
}

/* Edits of the objects in `array`, the first `max` of them, each without its "id", with room for
 * another change. */
static struct json_edit *without_ids(struct arena *a, yyjson_val *array, size_t max,
                                     unsigned *count)
{
    size_t len = yyjson_arr_size(array), i, all;
    struct json_edit *edits;
    yyjson_val *item;

    *count = (unsigned)(len < max ? len : max);
    edits = json_edit_list(a, *count);
    yyjson_arr_foreach(array, i, all, item)
    {
        if (i == *count)
            break;
        json_edit_init(&edits[i], a, item, 2);
        json_edit_drop(&edits[i], STR("id"));
    }
    return edits;
}

static bool are_objects(yyjson_val *array)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(array, i, count, item)
    {
        if (!yyjson_is_obj(item))
            return false;
    }
    return true;
}

static void shape_tokens(struct exchange *x, struct arena *a, struct json_edit *logprobs)
{
    yyjson_val *content = yyjson_obj_get(logprobs->object, "content");
    unsigned count, top_count;
    struct json_edit *tokens;

    if (!yyjson_is_arr(content) || !are_objects(content))
        return;
    tokens = without_ids(a, content, SIZE_MAX, &count);
    for (unsigned i = 0; i < count; i++) {
        yyjson_val *tops = yyjson_obj_get(tokens[i].object, "top_logprobs");
        struct json_edit *items;

        if (!yyjson_is_arr(tops) || !are_objects(tops))
            continue;
        items = without_ids(a, tops, x->facts.top_logprobs, &top_count);
        json_edit_array(&tokens[i], STR("top_logprobs"), items, top_count);
    }
    json_edit_array(logprobs, STR("content"), tokens, count);
}

void shape_logprobs(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    yyjson_val *logprobs = yyjson_obj_get(choice->object, "logprobs");
    struct json_edit *edit;

    if (!(x->version.parts & ANSWER_LOGPROBS) && !x->facts.logprobs) {
        json_edit_drop(choice, STR("logprobs"));
        return;
    }
    if (!x->facts.logprobs || !yyjson_is_obj(logprobs)) {
        json_edit_text(choice, STR("logprobs"), JSON_NULL);
        return;
    }
    edit = ARENA_NEW(scratch, struct json_edit);
    json_edit_init(edit, scratch, logprobs, LOGPROBS_CHANGES_MAX);
    shape_tokens(x, scratch, edit);
    shape_refusal(x, edit);
    json_edit_object(choice, STR("logprobs"), edit);
}

void shape_finish(struct exchange *x, struct json_edit *choice)
{
    yyjson_val *reason = yyjson_obj_get(choice->object, "finish_reason");

    if (yyjson_is_str(reason))
        x->relay.finished_choices++;
    else if (!reason)
        json_edit_text(choice, STR("finish_reason"), JSON_NULL);
}

/* -- Whole answers and events -------------------------------------------------------------- */

/* Adds the choices to `root`. An answer whose choices are no list of objects, each with an object
 * `part` if any, is not understood. */
static bool shape_choices(struct exchange *x, struct arena *scratch, struct json_edit *root,
                          const char *part,
                          bool (*shape)(struct exchange *, struct arena *, struct json_edit *))
{
    yyjson_val *choices = yyjson_obj_get(root->object, "choices"), *choice;
    struct json_edit *edits;
    size_t i, count;

    if (!yyjson_is_arr(choices))
        return false;
    edits = json_edit_list(scratch, yyjson_arr_size(choices));
    yyjson_arr_foreach(choices, i, count, choice)
    {
        yyjson_val *inner = part ? yyjson_obj_get(choice, part) : NULL;

        if (!is_choice(x, choice) || (inner && !yyjson_is_obj(inner)))
            return false;
        json_edit_init(&edits[i], scratch, choice, SHAPE_CHOICE_MAX);
        if (!shape(x, scratch, &edits[i]))
            return false;
    }
    json_edit_array(root, STR("choices"), edits, (unsigned)count);
    return true;
}

/* A whole answer has a choice at least, and no more than were asked for, each with what it is about. */
static bool are_whole(const struct exchange *x, yyjson_val *choices, const char *part)
{
    yyjson_val *choice;
    size_t i, count;

    yyjson_arr_foreach(choices, i, count, choice)
    {
        if (part && !yyjson_obj_get(choice, part))
            return false;
    }
    return count > 0 && count <= x->facts.choices;
}

bool shape_answer(struct exchange *x, struct arena *scratch, yyjson_doc *answer,
                  const struct shape_form *form, unsigned prompts, struct str *out)
{
    struct json_edit root;

    begin_root(&root, scratch, yyjson_doc_get_root(answer));
    if (!are_whole(x, yyjson_obj_get(root.object, "choices"), form->part) ||
        !shape_choices(x, scratch, &root, form->part, form->choice))
        return false;
    name_root(x, &root, form->object);
    shape_prompt_filters(x, scratch, &root, prompts);
    end_root(x, &root);
    json_edit_object(&root, STR("usage"),
                     shape_usage(x, scratch, yyjson_obj_get(root.object, "usage")));
    *out = json_write_edit(scratch, &root);
    return true;
}

bool shape_stream_event(struct exchange *x, struct arena *scratch, yyjson_doc *event,
                        const struct shape_form *form, struct str *out)
{
    struct json_edit root;

    begin_root(&root, scratch, yyjson_doc_get_root(event));
    if (!shape_choices(x, scratch, &root, form->event_part, form->event_choice))
        return false;
    name_root(x, &root, str_from(x->operation->event_object));
    end_root(x, &root);
    if (take_usage(x, scratch, root.object))
        return true;
    if (x->facts.include_usage)
        json_edit_text(&root, STR("usage"), JSON_NULL);
    else
        json_edit_drop(&root, STR("usage"));
    *out = json_write_edit(scratch, &root);
    return true;
}
