/*
 * What the answers of all text operations have in common: the model's label, ids, annotations,
 * usage. All functions change a document that the caller will write with sorted keys.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_SHAPE_H
#define INFERENCE_SHAPE_H

#include "inference/exchange.h"

/* `choices` is a list of objects, and so is `part` in each that has it ("delta"; NULL: whatever). An
 * answer for which this does not hold is not understood. */
bool shape_has_choices(yyjson_mut_val *root, const char *part);

/* id (the engine's when it begins with `id_prefix`, else a new one, the same for the whole
 * stream), model, object, system_fingerprint; drops what only llama-server sends. */
void shape_root(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root,
                const char *id_prefix, const char *object);

/* Takes usage into x->usage, and leaves in `root` what the api-version shows of it. */
void shape_usage(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root);

/* The usage of a stream comes in an event of its own, in one per choice, or beside the last text,
 * as the engine likes: it is taken out of the event here (in its place stays null where the client
 * asked for usage). True: nothing else is in the event. */
bool shape_take_usage(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root);
/* The event that tells the usage, before [DONE]; STR_NONE when there is none to tell. */
struct str shape_usage_event(struct exchange *x, struct arena *scratch);

/* prompt_filter_results for `prompts` prompts, which say that nothing was filtered: no content
 * filter is configured, so no text is ever called safe. */
void shape_prompt_filters(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root,
                          unsigned prompts);
/* content_filter_results of a choice: the same statement where it carries text, else {}. */
void shape_choice_filters(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *choice,
                          bool has_text);

/* `refusal`, null where the engine has none, from the api-versions on that know it. */
void shape_refusal(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *object);

/* The logprobs of one chat choice: only OpenAI's members, only as many alternatives as asked. */
void shape_logprobs(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *choice);

/* Counts a choice whose finish_reason is there. */
void shape_note_finish(struct exchange *x, yyjson_mut_val *choice);

/* The event before a stream's first: annotations of the prompt, or STR_NONE. */
struct str shape_first_event(struct exchange *x, struct arena *scratch);

/* `len` random base62 characters behind `prefix`. */
struct str shape_new_id(struct exchange *x, struct arena *a, const char *prefix, unsigned len);

#endif
