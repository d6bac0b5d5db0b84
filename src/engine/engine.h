/*
 * Engines: what runs a model. One interface for a managed llama-server, for OpenAI-compatible
 * upstreams, and for the simulator; the data plane sees an answer's status, headers and bytes as
 * they come, whichever it is.
 *
 * `struct engines` belongs to the control loop: it starts, probes, restarts and stops processes
 * and keeps the health of addresses. `struct engine_client` belongs to one worker loop: its
 * connections and its calls. A call that must wait (a model being loaded) waits in its client and
 * goes on by itself.
 *
 * A call calls back like an HTTP client's: on_head once, on_body as bytes arrive, then exactly one
 * of on_end or on_failure; no callback comes out of engine_call_start itself, nor after
 * engine_call_cancel. Retries on another address happen only before on_head.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/prefetch.h"
#include "model/catalog.h"
#include "model/rate_window.h"
#include "net/http.h"
#include "net/loop.h"

struct engines;
struct engine_client;
struct engine_call;

enum engine_operation { ENGINE_CHAT, ENGINE_COMPLETION, ENGINE_EMBEDDINGS };

/* Request features that not every engine honours; a request that needs one which the engine lacks
 * is refused, never silently changed. A set of bits. */
enum engine_feature {
    ENGINE_N = 1 << 0, /* n > 1 */
    ENGINE_BEST_OF = 1 << 1,
    ENGINE_ECHO = 1 << 2,
    ENGINE_SUFFIX = 1 << 3,
    ENGINE_LOGPROBS = 1 << 4,
    ENGINE_LOGIT_BIAS = 1 << 5,
    ENGINE_TOOLS = 1 << 6,
    ENGINE_JSON_OBJECT = 1 << 7,
    ENGINE_JSON_SCHEMA = 1 << 8,
    ENGINE_SEED = 1 << 9,
    ENGINE_PROMPT_ARRAY = 1 << 10,  /* several prompts in one completion request */
    ENGINE_PROMPT_TOKENS = 1 << 11, /* prompts as token ids */
    ENGINE_IMAGES = 1 << 12,
    ENGINE_AUDIO = 1 << 13,
    ENGINE_PARALLEL_TOOLS = 1 << 14,
    ENGINE_STREAM_USAGE = 1 << 15, /* usage comes at the end of a stream when asked for */
    ENGINE_FUNCTIONS = 1 << 16,    /* the deprecated functions and function_call */
    ENGINE_REASONING = 1 << 17,    /* reasoning_effort */
    ENGINE_STORE = 1 << 18,        /* store and metadata */
    ENGINE_PREDICTION = 1 << 19,   /* predicted outputs */
    ENGINE_DATA_SOURCES = 1 << 20, /* Azure's "on your data" */
    ENGINE_INPUT_TYPE = 1 << 21,   /* input_type of embeddings */
};

/* What its settings promise. What a model cannot do is known once it is loaded: see on_failure. */
unsigned engine_features(const struct catalog_engine *e);
/* The model name to be sent to it, STR_NONE: leave the client's. */
struct str engine_model_name(const struct catalog_engine *e);

struct engines_options {
    struct loop *loop;          /* the control loop */
    const char *run_folder;     /* for sockets */
    const char *llama_server;   /* path, found by the caller; NULL: llama engines fail clearly */
    const char *embedded_model; /* path of the extracted GGUF */
};

struct engines *engines_new(const struct engines_options *options, struct catalog *catalog);
/* Another catalog: engines that did not change go on, others are stopped after their calls. A
 * process starts once that which it replaces has ended, whose calls may take another grace_ms;
 * calls wait for it meanwhile. */
void engines_reload(struct engines *e, struct catalog *catalog, uint64_t grace_ms);
/* Stops all processes (SIGTERM, after some seconds SIGKILL), then on_done. Every client must have
 * been closed before. */
void engines_stop(struct engines *e, void (*on_done)(void *data), void *data);
void engines_free(struct engines *e);

/* State of one engine, for /readyz, metrics and the log. Any thread. An upstream is READY while an
 * address of it is in rotation, FAILED while none is; it is asked all the same. */
enum engine_state { ENGINE_STOPPED, ENGINE_STARTING, ENGINE_READY, ENGINE_FAILED };
/* Room for the reason of a failure, with its NUL. */
#define ENGINE_ERROR_BYTES 160
struct engine_status {
    enum engine_state state;
    unsigned restarts;
    unsigned in_flight; /* calls, also of those of its name that it has replaced */
    unsigned addresses_up, addresses;
    int pid;                            /* llama: of the process, else 0 */
    const struct rate_window *spending; /* see engine_spending */
    char last_error[ENGINE_ERROR_BYTES];
};
MUST_CHECK bool engines_status(struct engines *e, struct str name, struct engine_status *status);

struct engine_client *engine_client_new(struct engines *e, struct loop *l);
/* Calls that still run are cancelled: their owners hear nothing more. */
void engine_client_close(struct engine_client *c, void (*on_done)(void *data), void *data);

#define ENGINE_PREFETCH_PLACES 2

struct engine_request {
    const struct catalog_engine *engine;
    enum engine_operation operation;
    bool stream;
    struct str deployment;        /* named to an upstream whose model name is not configured */
    const struct str *body_parts; /* JSON; borrowed until on_head or the call's end */
    unsigned body_part_count;
    struct str request_id;         /* passed on as x-request-id */
    const struct sim_fault *fault; /* the request's own fault for the simulator; may be NULL */
    /* llama-server only: the answer is what the prompt comes to, {"input_tokens":N} of a chat,
     * {"tokens":[...]} of a completion's {"content":...}. */
    bool counts;
    int64_t created_s;      /* for the simulator: when its answer says that it was made */
    unsigned prompt_tokens; /* estimate, for the simulator's timing */
    unsigned features;      /* set of engine_feature that it needs */
    /* What the events look at. The engine adds its own, at most ENGINE_PREFETCH_PLACES. */
    struct prefetch prefetch;
};

struct engine_events {
    void (*on_head)(void *data, int status, const struct http_headers *headers);
    void (*on_body)(void *data, struct str bytes);
    void (*on_end)(void *data);
    /* ERROR_UNAVAILABLE, ERROR_TIMEOUT or ERROR_BACKEND; the text is for the log. Or
     * ERROR_MODEL_UNSUPPORTED: the model, once loaded, turned out to lack these features (a set of
     * engine_feature, else 0) of the request; nothing was sent to it. */
    void (*on_failure)(void *data, const struct error *err, unsigned lacks);
    /* After on_head, from the simulator alone: the answer goes wrong on purpose from here on. The
     * bytes that still come are for the client as they are, and a failure is a connection cut. */
    void (*on_fault)(void *data);
};

/* `request` is copied; `events` is borrowed until the call's end. */
struct engine_call *engine_call_start(struct engine_client *c, const struct engine_request *request,
                                      const struct engine_events *events, void *data);
/* Most tokens that prompt and answer may have together, as the loaded llama-server says; 0: it is
 * not known (not loaded yet, or another kind of engine). */
unsigned engine_context_tokens(struct engine_client *c, const struct catalog_engine *engine);

/* What calls of the engine have cost in the day, for model/budget.h: whoever knows what they cost
 * counts it there. All engines have one, which a reload leaves as it is; it lives as long as the
 * struct engines. NULL: there is no engine of that name any more. */
struct rate_window *engine_spending(struct engine_client *c, const struct catalog_engine *engine);

/* The same by name, whether or not there is, or ever was, an engine of it, and all that there are: for
 * who keeps them. On the control loop. */
struct rate_window *engines_spending(struct engines *e, const char *name);
void engines_each_spending(struct engines *e,
                           void (*visit)(void *data, const char *name,
                                         const struct rate_window *day),
                           void *data);

/* Stops the generation at once. */
void engine_call_cancel(struct engine_call *call);
void engine_call_pause(struct engine_call *call);
void engine_call_resume(struct engine_call *call);

#endif
