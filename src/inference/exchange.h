/*
 * An exchange: one request of the data plane from its head to the end of its answer.
 *
 *   ROUTE -> AUTHENTICATE -> RECEIVE -> RESOLVE <-> PARSE -> VALIDATE -> ADMIT -> MEASURE
 *         -> DISPATCH -> RELAY -> SETTLE -> FINISH -> END
 *   AUTHENTICATE -> ANSWER -> SETTLE       (operations that need no engine)
 *   ROUTE, AUTHENTICATE, ANSWER, RESOLVE, PARSE, VALIDATE, MEASURE, DISPATCH, RELAY
 *                -> FAIL -> SETTLE         (nothing was sent yet: an error's envelope)
 *   RECEIVE, MEASURE, DISPATCH, RELAY
 *                -> SETTLE                 (the client has left)
 *   RELAY        -> SETTLE                 (too late for a status: an error event, or a cut)
 *   SETTLE       -> VALIDATE               (a provisioned deployment could not take it, and nothing
 *                                           was sent: another one is asked, once; spillover.h)
 *
 * RECEIVE, MEASURE and RELAY wait for events, the others never. Only FINISH ends the request with
 * the HTTP server; x and all it holds are gone after it.
 *
 * RESOLVE and PARSE come in either order: the dated surface names the deployment in the path, so
 * that an unknown one is refused before the body is looked at; on the v1 surface the body names it.
 *
 * A phase asks what is true now and returns the next phase, or PHASE_WAIT to be called again after
 * the next event. Callbacks record a fact and wake the exchange, or run it when they lend it bytes;
 * nothing else. Everything that the exchange holds is in the request's arena, or in `asking`.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_EXCHANGE_H
#define INFERENCE_EXCHANGE_H

#include "base/format.h"
#include "base/json.h"
#include "inference/answer_template.h"
#include "inference/api_version.h"
#include "inference/inference.h"
#include "net/sse.h"

#define PHASES(X)                          \
    X(ROUTE, exchange_route)               \
    X(AUTHENTICATE, exchange_authenticate) \
    X(RECEIVE, exchange_receive)           \
    X(RESOLVE, exchange_resolve)           \
    X(PARSE, exchange_parse)               \
    X(VALIDATE, exchange_validate)         \
    X(ADMIT, exchange_admit)               \
    X(MEASURE, exchange_measure)           \
    X(DISPATCH, exchange_dispatch)         \
    X(RELAY, exchange_relay)               \
    X(ANSWER, exchange_answer)             \
    X(FAIL, exchange_fail)                 \
    X(SETTLE, exchange_settle)             \
    X(FINISH, exchange_finish)

enum phase {
#define X(name, fn) PHASE_##name,
    PHASES(X)
#undef X
        PHASE_END,
    PHASE_WAIT,
};

/* How FINISH ends the request. */
enum finish {
    FINISH_REPLY,      /* a whole reply: status, content_type, reply_body */
    FINISH_STREAM_END, /* a started stream, in order */
    FINISH_ABORT,      /* cut: the client has left, or shall see that the stream is not whole */
};

enum surface { SURFACE_DATED, SURFACE_V1 };

struct exchange;
struct operation;
struct shaping;
struct spillover;

/* What VALIDATE found in the request's body. */
struct request_facts {
    bool stream;
    bool include_usage;          /* stream_options.include_usage of the client */
    bool uses_legacy_max_tokens; /* max_tokens rather than max_completion_tokens */
    unsigned prompts;            /* of a completion, inputs of embeddings; else 1 */
    unsigned choices;            /* answers that the reply will have (n, times the prompts) */
    unsigned n;                  /* answers that are generated; best_of when that is larger */
    unsigned top_logprobs;       /* alternatives asked for with each token */
    bool logprobs;
    bool is_gathered;      /* the engine streams, the client gets the whole */
    bool no_answer;        /* a completion's max_tokens is 0, and llama-server says a token still */
    bool asks_max_tokens;  /* by either name */
    bool must_call;        /* tool_choice leaves no answer without a call of a tool */
    uint64_t max_tokens;   /* asked for, or what Azure takes for it; 0 of a chat: nothing */
    uint64_t prompt_chars; /* of all text in the prompt */
    /* Of the document, by which prompts_count_text spares a look at its long strings; NULL: it has none. */
    const struct json_asides *asides;
    uint64_t prompt_tokens; /* of prompts given as tokens */
    unsigned features;      /* set of engine_feature that the request needs */
    unsigned lacks;         /* set of engine_feature that the deployment's engine has not */
    bool has_refusals;      /* assistants' messages of a chat have some */
    bool base64;            /* embeddings: encoding_format base64 */
    unsigned dimensions;    /* embeddings: length asked for; 0: the model's own */
};

/* MEASURE's own. */
struct measure {
    bool is_asking;    /* a count is under way */
    struct buf answer; /* to it */
    unsigned prompt;   /* the one that is looked at */
};

/* What the engine said, or has said so far. */
struct engine_facts {
    struct engine_call *call; /* NULL before and after */
    bool is_asked;            /* for an answer, not only for the prompt's tokens */
    struct str incoming;      /* bytes lent for this turn */
    int status;               /* 0: no head yet */
    bool is_event_stream;
    bool ended;
    bool failed;
    bool paused;
    bool is_faulty;              /* a simulated fault has begun: the client shall meet it */
    const struct error *failure; /* why it failed */
};

/* Of choices whose usage came by itself. */
struct usage_sum {
    unsigned parts; /* choices */
    uint64_t prompt_tokens, cached_tokens, completion_tokens;
};

/* RELAY's own. */
struct relay {
    /* What each event of a stream looks at. */
    struct shaping *shaping;     /* of a large answer; NULL: not begun */
    const struct error *failure; /* why the stream ended without being whole; NULL: it did not */
    unsigned events;             /* that went to the client */
    unsigned finished_choices;
    uint64_t text_bytes;    /* of the answer's texts so far */
    int64_t created;        /* of the stream's events */
    struct str id;          /* of the answer, once known: id_text */
    struct str fingerprint; /* system_fingerprint, once made: fingerprint_text */
    bool *called;           /* of chats that must call a tool: which choices have */
    bool splitter_used;
    bool saw_done;
    unsigned char lessons; /* events that templates were to be made of */
    char fingerprint_text[13];
    char id_text[39]; /* ended by a NUL, as random_next_base62 does */
    struct sse_splitter splitter;

    struct str usage;  /* JSON of the last usage that the stream told */
    size_t usage_room; /* that the arena has for it: a stream may tell one with each event */
    struct usage_sum usage_sum;
    uint64_t *text_offsets; /* of completions with logprobs: where each choice's next token is */
    struct gather *gather;  /* an answer out of a stream */
    size_t gathered_bytes;
    struct str piece; /* an answer that is not a stream, if it came in one piece */
    struct buf whole; /* else */
};

/* When a refused client may come again; both empty: that is not known. */
struct retry {
    struct str seconds; /* for retry-after */
    struct str ms;      /* for retry-after-ms */
};

/* ADMIT's own. */
struct admission {
    bool is_counted;              /* at least as a request */
    bool is_admitted;             /* and not settled yet */
    bool wants_receipt;           /* and was admitted; see receipt.h */
    uint64_t estimate;            /* tokens; of the Provisioned family, work in input tokens */
    uint64_t answer;              /* tokens that one answer is taken for in it */
    uint64_t actual;              /* once it is settled: what the estimate should have been, */
    int64_t correction;           /* and by what the deployment's count was changed for it */
    struct rate_decision rates;   /* of the Standard family */
    struct ptu_decision bucket;   /* of the Provisioned family */
    struct rate_window *spending; /* of an engine that costs money; NULL: it does not */
    uint64_t cost;                /* added there, estimated */
    int64_t spending_ends_ms;     /* of the day in which that was */
};

struct usage {
    uint64_t prompt_tokens;
    uint64_t cached_tokens; /* of these */
    uint64_t completion_tokens;
};

struct exchange {
    /* What each event of a stream looks at comes first, side by side; see struct stream of
     * net/stream_private.h. */
    struct inference *inference;
    struct http_request *request;
    struct arena *arena;
    const struct operation *operation;             /* ROUTE */
    const struct directory_deployment *deployment; /* RESOLVE */
    enum phase phase;
    bool running; /* inside exchange_run */
    bool again;   /* an event came while running */

    /* events */
    bool body_ready;
    bool client_gone;
    bool time_up; /* the service ends: nothing is begun any more */

    struct engine_facts engine; /* MEASURE, DISPATCH, RELAY */
    struct api_version version; /* ROUTE */
    struct request_facts facts; /* PARSE, VALIDATE */
    struct relay relay;         /* from `usage` on, looked at at its end alone */

    /* PARSE */
    yyjson_doc *document;
    struct json_asides *asides; /* its long strings; NULL: it is small, or forgotten */

    /* What is only needed until the client's answer begins: the parsed body, what is sent to the
     * engine, an answer that is not a stream. NULL once a stream has begun. */
    struct arena *asking;

    /* ROUTE */
    enum surface surface;
    struct str account_name;            /* of the path form /accounts/NAME/openai/..., else empty */
    struct str deployment_name;         /* of the path, or of the body's `model` on v1; once
                                         * resolved, as the directory has it */
    struct str model_id;                /* GET models/{id} */
    struct str refusal_id;              /* GET /lazuli/refusals/{id} */
    char request_id[GUID_TEXT_LEN + 1]; /* apim-request-id */

    /* AUTHENTICATE */
    struct directory *directory;
    const struct directory_account *account;

    /* ADMIT */
    struct admission admission;
    struct retry retry;

    /* SETTLE: another deployment was to take the request; NULL: none was */
    struct spillover *spillover;

    /* MEASURE */
    struct measure measure;

    struct usage usage;
    enum finish finish;
    int status; /* of the reply, 0 before */
    struct str content_type;
    struct str reply_body;
    uint64_t first_byte_us; /* from the start to the first byte of the answer; 0 before */
    struct error *err;      /* for FAIL; see exchange_error */
};

struct inference {
    struct inference_options options;
    struct directory_view view;
    uint64_t random;   /* state of the generator for ids */
    struct buf events; /* of the stream whose turn it is; empty between turns */
    struct answer_templates templates;
    unsigned active;
};

/* Runs phases until one waits or the exchange has ended; x may be gone afterwards. */
void exchange_run(struct exchange *x);

/* Has exchange_run called at the end of the loop's turn, when the other exchanges run, too: for facts
 * that need not be looked at at once. */
void exchange_wake(struct exchange *x);

/* Sets the error and returns PHASE_FAIL. `err` is copied. */
enum phase exchange_refuse(struct exchange *x, const struct error *err);

#define X(name, fn) enum phase fn(struct exchange *x);
PHASES(X)
#undef X

/* Where the exchange's error is put, with no code as long as there is none. */
struct error *exchange_error(struct exchange *x);
enum error_code exchange_error_code(const struct exchange *x);
/* The answer has begun: gives back all that was only needed for the request. */
void exchange_forget_request(struct exchange *x);

/* A new GUID, in exchange.c. */
void exchange_new_id(struct inference *i, char out[GUID_TEXT_LEN + 1]);
/* In resolve.c: what has come of the body, for PARSE to have less to do; see http_handler's on_body_part. */
void exchange_look_ahead(struct exchange *x, struct str body, size_t content_length);
/* In resolve.c: can that deployment (NULL: there is none) do what is asked? */
bool exchange_check_deployment(struct exchange *x, const struct directory_deployment *d,
                               struct error *err);
/* The prompt's tokens, estimated from its length; in admit.c. */
uint64_t exchange_prompt_tokens(const struct request_facts *f);
/* The request as the deployment's engine gets it; how many parts it has. In dispatch.c. */
#define ENGINE_BODY_PARTS_MAX 5
unsigned exchange_engine_body(struct exchange *x, struct str parts[ENGINE_BODY_PARTS_MAX]);
/* In dispatch.c: begins a call, whose events are recorded in x->engine. */
void exchange_start_engine(struct exchange *x, const struct engine_request *request);
/* In dispatch.c: stops the engine's work on the exchange, if there is any. */
void exchange_stop_engine(struct exchange *x);
/* In relay.c: empties inference.events, once they are written. */
void relay_clear_events(struct inference *i);
/* In measure.c: gives back what MEASURE holds beyond the arena. */
void measure_done(struct measure *m);
/* In relay.c: gives back what RELAY holds beyond the arena. */
void relay_done(struct relay *r);
/* In relay.c: adds what each event of a stream looks at, RELAY_PREFETCH_PLACES. */
#define RELAY_PREFETCH_PLACES (1 + HTTP_REPLY_PREFETCH_PLACES)
void relay_prefetch(const struct exchange *x, struct prefetch *p);

#endif
