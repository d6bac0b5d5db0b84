/*
 * The operations of the data plane, one descriptor each (chat.c, completions.c, embeddings.c,
 * models.c, explain.c): where it is found, how its request is checked, how its answer is put into Azure's
 * shape.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_OPERATION_H
#define INFERENCE_OPERATION_H

#include "inference/exchange.h"

/* What a token's bearer must be allowed to: data actions as Azure's roles name them. */
#define DATA_ACTION_OPENAI "Microsoft.CognitiveServices/accounts/OpenAI/"

struct operation {
    const char *id;   /* "ChatCompletions_Create", as logs and 429 texts name it */
    const char *word; /* "chatCompletion", as OperationNotSupported names it */
    struct str path;  /* behind the deployment, or behind /openai/v1/ */
    enum http_method method;
    const char *data_action;
    unsigned since; /* first api-version's date; 0: it has none, being the service's own */
    /* Operations on a deployment: */
    unsigned model_operation; /* a model_operation bit; 0: needs no deployment */
    enum engine_operation engine_operation;
    const char *event_object; /* `object` of a stream's events */
    struct str id_prefix;     /* of an answer's id: "chatcmpl-" */
    /* Where an answer's, and an event's, text is: the names of the members that lead there, with dots
     * between, "[]" for those of an array; "": it has none. */
    struct str answer_text, event_text;
    /* Checks the parsed body and fills x->facts. */
    bool (*check)(struct exchange *x, struct error *err);
    /* Answers may have millions of numbers: `shape` gets them as text (json.h), and, for a large
     * answer, is called on another thread, so that it may use nothing of the loop's. */
    bool is_bulky;
    /* The engine's whole answer (status 200) in Azure's shape; false: it is not understood, or
     * does not fit the request (the exchange's error says why). */
    bool (*shape)(struct exchange *x, struct arena *scratch, yyjson_doc *answer, struct str *out);
    /* One event of a stream; out empty: the event is not for the client. */
    bool (*shape_event)(struct exchange *x, struct arena *scratch, yyjson_doc *event,
                        struct str *out);
    /* Text of the event before the first (prompt annotations); STR_NONE: there is none. */
    struct str (*first_event)(const struct exchange *x);
    /* May the bearer of this token? `named` is the account that the request names, or NULL; sets
     * x->account. NULL: as it is for all others. */
    bool (*check_token)(struct exchange *x, const struct directory_account *named, struct str token,
                        struct error *err);
    /* Operations that need no engine: the answer's body. */
    bool (*answer)(struct exchange *x, struct str *body, struct error *err);
};

extern const struct operation operation_chat;
extern const struct operation operation_completions;
extern const struct operation operation_embeddings;
extern const struct operation operation_models_list;
extern const struct operation operation_models_get;
extern const struct operation operation_refusals_get;

#endif
