/*
 * What the answers of all text operations have in common: the model's label, ids, annotations,
 * usage. The engine's answer stays as it was parsed; functions add changes to edits of its parts,
 * and the whole is written once.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_SHAPE_H
#define INFERENCE_SHAPE_H

#include "base/json_edit.h"
#include "inference/exchange.h"

/* What is an operation's own. */
struct shape_form {
    struct str object; /* of a whole answer: "chat.completion" */
    /* The object that each choice must have where it has it: "message", and "delta" in a stream's
     * event; NULL: none. */
    const char *part;
    const char *event_part;
    /* Adds changes to a choice, at most SHAPE_CHOICE_MAX with those of the functions below. False:
     * the exchange's error says why the answer will not do. */
    bool (*choice)(struct exchange *x, struct arena *scratch, struct json_edit *choice);
    bool (*event_choice)(struct exchange *x, struct arena *scratch, struct json_edit *choice);
};
#define SHAPE_CHOICE_MAX 8

/* A whole answer, whose `prompts` prompts are annotated. False: it is not understood (its choices
 * are no list of objects, say, or have members of other types than OpenAI's), or a choice has been
 * refused. */
bool shape_answer(struct exchange *x, struct arena *scratch, yyjson_doc *answer,
                  const struct shape_form *form, unsigned prompts, struct str *out);
/* An event of a stream; `out` stays empty when nothing of it is for the client. */
bool shape_stream_event(struct exchange *x, struct arena *scratch, yyjson_doc *event,
                        const struct shape_form *form, struct str *out);
/* The event before a stream's first: annotations of the prompt, or STR_NONE. */
struct str shape_first_event(const struct exchange *x);
/* Once a stream is whole: the event that tells the usage, before [DONE]; STR_NONE where the client
 * did not ask for it, or nothing came. A usage that the engine did not tell is estimated, for
 * x->usage, whether asked for or not. */
struct str shape_usage_event(struct exchange *x, struct arena *scratch);

/* llama-server tells the usage of each of several choices by itself, with the whole prompt each time:
 * adds one up, and gives the usage object of all so far, in which each prompt counts once. Any other is
 * given as it was told, whatever it says. */
struct str shape_sum_usage(struct exchange *x, struct arena *a, yyjson_val *usage);
/* Keeps a copy as the last one that the stream told, in the place of the one before. */
void shape_keep_usage(struct exchange *x, struct str usage);

/* Is the member a string, null or absent? What else it may be, no client's SDK can read. Inline, so
 * that a literal's length is known. */
static inline bool shape_is_text(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return !value || yyjson_is_str(value) || yyjson_is_null(value);
}
/* Are the members of a chat's message or delta what clients read them as? */
bool shape_is_message(yyjson_val *message);
/* The most tokens that every client can hold: SDKs of some languages have 32-bit integers. */
#define SHAPE_COUNT_MAX INT32_MAX

/* Text of the answer, for a usage that the engine does not tell, or not in sensible numbers. */
void shape_count_text(struct exchange *x, yyjson_val *text);
/* Puts an estimate for such a one into x->usage, and says so in the log. */
void shape_estimate_usage(struct exchange *x);

/* Parts of a choice. */

/* content_filter_results: that nothing was filtered where there is text, else {}. No content filter
 * is configured, so no text is ever called safe. */
void shape_choice_filters(struct exchange *x, struct json_edit *choice, bool has_text);
/* `refusal`, null where the engine has none, from the api-versions on that know it. */
void shape_refusal(struct exchange *x, struct json_edit *object);
/* The logprobs of a chat choice: only OpenAI's members, only as many alternatives as asked. */
void shape_logprobs(struct exchange *x, struct arena *scratch, struct json_edit *choice);
/* In a stream: finish_reason is there, if only as null, and counted once it says something. */
void shape_finish(struct exchange *x, struct json_edit *choice);
/* The choice's `index`, 0 when it has none. */
unsigned shape_index(const struct exchange *x, yyjson_val *choice);

/* What an answer names, the same for all events of a stream: the first call decides.
 * The engine's id when it has Azure's form, else a new one. */
void shape_set_id(struct exchange *x, struct str id);
/* The engine's time (Unix, in seconds) when it tells one, else now. */
void shape_set_created(struct exchange *x, int64_t created);
/* system_fingerprint, of the api-versions that have it. */
void shape_set_fingerprint(struct exchange *x);
/* `len` random base62 characters behind `prefix`. */
struct str shape_new_id(struct exchange *x, struct arena *a, struct str prefix, unsigned len);

#endif
