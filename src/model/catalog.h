/*
 * The model catalog: which models exist, in which versions, with which life cycle, SKUs and
 * capacities, and on which engine each runs. Read from catalog.yaml (libcyaml, by schema), checked
 * whole, then immutable and counted: a reload makes a new one, and whoever still uses the old one
 * keeps it. What ARM's model operations list is what the catalog says.
 *
 * Strings live as long as the catalog.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* What a model can be asked; a set of bits. */
enum model_operation {
    MODEL_CHAT = 1 << 0,
    MODEL_COMPLETION = 1 << 1,
    MODEL_EMBEDDINGS = 1 << 2,
};

enum lifecycle_status {
    LIFECYCLE_PREVIEW,
    LIFECYCLE_GENERALLY_AVAILABLE,
};

enum engine_kind { ENGINE_LLAMA, ENGINE_UPSTREAM, ENGINE_SIM };

/* A GGUF run by llama-server, one process an engine. */
struct catalog_llama {
    const char *model;              /* path of the GGUF; "embedded": the one in the binary */
    bool embeddings;                /* serve embeddings (mean pooling) instead of text */
    unsigned context_tokens;        /* of one slot; 0: the model's own */
    unsigned parallel;              /* slots, i.e. requests at a time; default 4 */
    unsigned threads;               /* 0: as many as cores */
    unsigned gpu_layers;            /* 0: CPU only */
    bool load_at_start;             /* else on first use */
    uint64_t idle_unload_s;         /* 0: never unloaded */
    uint64_t load_timeout_ms;       /* not ready so long after its start: it is killed; 15 min */
    uint64_t ready_timeout_ms;      /* for which a request waits until it is ready; default 2 min */
    uint64_t first_byte_timeout_ms; /* default 10 min: a long prompt takes its time */
    uint64_t idle_timeout_ms;       /* between bytes; default 5 min */
    uint64_t health_interval_ms;    /* probed with GET /health; 0: never; default 5 s */
    uint64_t health_timeout_ms;     /* default 5 s */
    unsigned health_failures;       /* in a row, after which it is killed; default 3 */
    const char **arguments;         /* passed on to llama-server as they are */
    unsigned argument_count;
};

struct catalog_address {
    const char *url;          /* base: "https://host/v1", "http+unix:///path/to.sock:/v1" */
    const char *api_key_env;  /* name of the environment variable with the key; may be NULL */
    const char *api_key_file; /* or a file that holds it; may be NULL */
    unsigned weight;          /* share of traffic among equals; default 1 */
};

/* In millionths of a unit of money, whichever that is. */
struct catalog_cost {
    uint64_t input_per_million;  /* tokens of prompts */
    uint64_t cached_per_million; /* of these, what came out of the upstream's cache */
    uint64_t output_per_million; /* tokens of answers */
    uint64_t per_day;            /* most that may be spent in a day; UINT64_MAX: no cap */
};

enum upstream_api { UPSTREAM_OPENAI, UPSTREAM_AZURE };

/* One or more OpenAI-compatible or Azure OpenAI endpoints that serve the same model. */
struct catalog_upstream {
    enum upstream_api api;
    const char *api_version; /* sent to Azure; default 2024-10-21 */
    const char *model;       /* name sent to it (Azure: of its deployment); NULL: the client's */
    const char *ca_file;     /* NULL: the system's trust store */
    struct catalog_address *addresses;
    unsigned address_count;
    uint64_t connect_timeout_ms;     /* default 5 s */
    uint64_t first_byte_timeout_ms;  /* default 120 s */
    uint64_t idle_timeout_ms;        /* between bytes; default 60 s */
    const char *health_path;         /* probed with GET; NULL: passive health only */
    uint64_t health_interval_ms;     /* default 5 s */
    bool stream_usage;               /* it understands stream_options.include_usage; default true */
    const struct catalog_cost *cost; /* NULL: it costs nothing */
};

/* A fault that the simulator makes; also given per request on a dev server. */
enum sim_fault_kind {
    SIM_FAULT_NONE,
    SIM_FAULT_STATUS,
    SIM_FAULT_STALL,
    SIM_FAULT_CUT,
    SIM_FAULT_MALFORMED,
};

struct sim_fault {
    enum sim_fault_kind kind;
    unsigned status;         /* STATUS: what is answered */
    uint64_t retry_after_ms; /* STATUS: 0 means no header */
    unsigned after_tokens;   /* STALL, CUT, MALFORMED: after so many tokens of the answer */
    double rate;             /* share of requests concerned, 0..1; default 1 */
};

struct catalog_sim {
    uint64_t seed;                 /* same seed and request: same answer, same timing plan */
    double first_token_ms;         /* time to first token */
    double per_prompt_token_ms;    /* added for each token of the prompt */
    double tokens_per_second;      /* 0: as fast as can be */
    double jitter;                 /* share, 0..1, of each time, evenly to both sides */
    unsigned answer_tokens;        /* length of an answer when max_tokens allows; default 32 */
    unsigned embedding_dimensions; /* default 1536 */
    struct sim_fault fault;
};

struct catalog_engine {
    const char *name;
    enum engine_kind kind;
    struct catalog_llama llama;
    struct catalog_upstream upstream;
    struct catalog_sim sim;
};

/* What the deployments of SKUs with one usage name are counted under together. */
struct catalog_usage {
    const char *name; /* "OpenAI.Standard.gpt-4o" */
    const char *text; /* "Tokens Per Minute (thousands) - GPT-4o": as Azure shows it */
    uint64_t most;    /* the limit where no quota is for it: the largest capacity of one of them */
};

struct catalog_sku {
    const char *name;       /* Standard, GlobalStandard, ProvisionedManaged, ... */
    const char *usage_name; /* "OpenAI.Standard.gpt-4o" */
    const struct catalog_usage *usage;
    unsigned capacity_minimum, capacity_maximum, capacity_step, capacity_default;
    int64_t deprecation_ms; /* 0: none */
};

struct catalog_capability {
    const char *key;   /* "chatCompletion" */
    const char *value; /* "true": always strings, as ARM shows them */
};

struct catalog_model {
    const char *format;      /* "OpenAI" */
    const char *name;        /* "gpt-4o" */
    const char *version;     /* "2024-08-06" */
    const char *label;       /* the answer's `model`: "gpt-4o-2024-08-06", "gpt-35-turbo" */
    const char *description; /* may be NULL */
    bool is_default_version;
    enum lifecycle_status status;     /* while it is not deprecated */
    int64_t created_ms;               /* 0: not given */
    int64_t deprecation_start_ms;     /* deprecating from then on, not for newcomers; 0: none */
    int64_t deprecation_inference_ms; /* retirement; 0: not announced */
    int64_t deprecation_fine_tune_ms; /* 0: none */
    const char *first_api_version;    /* "2024-12-01-preview", older ones do not know it; or NULL */
    unsigned first_api_date;          /* of that version: 20241201; 0: none */
    unsigned operations;              /* set of model_operation */
    struct catalog_capability *capabilities;
    unsigned capability_count;
    struct catalog_sku *skus;
    unsigned sku_count;
    unsigned context_tokens;        /* prompt and answer together */
    unsigned output_tokens;         /* most that max_tokens may ask */
    unsigned embedding_dimensions;  /* 0: not an embedding model */
    bool can_shorten_embeddings;    /* `dimensions` is accepted (text-embedding-3) */
    bool is_reasoning;              /* wants max_completion_tokens, refuses max_tokens */
    unsigned tokens_per_unit;       /* tokens/min of one unit of capacity */
    unsigned requests_per_unit;     /* requests/min of one unit of capacity */
    unsigned ptu_tokens_per_minute; /* input tokens/min of a throughput unit; 0: no figure */
    unsigned ptu_output_ratio;      /* input tokens that one of the answer counts for */
    unsigned ptu_burst_ms;          /* so long units drain what their deployment holds */
    const struct catalog_engine *engine;
};

struct catalog_location {
    const char *name;         /* "eastus" */
    const char *display_name; /* "East US" */
};

/* Runs the deployments whose account and name match (shell patterns) on another engine than their
 * model's; the first match counts. */
struct catalog_override {
    const char *account; /* default "*" */
    const char *deployment;
    const struct catalog_engine *engine;
};

/* What deployments may take of a quota together; of several that match, the first counts. */
struct catalog_quota {
    const char *usage; /* shell patterns, case not regarded: "OpenAI.Standard.gpt-4o" */
    const char *location;
    const char *subscription;
    uint64_t limit; /* in units of capacity */
};

struct catalog {
    struct catalog_engine *engines;
    unsigned engine_count;
    struct catalog_model *models;
    unsigned model_count;
    struct catalog_location *locations;
    unsigned location_count;
    struct catalog_override *overrides;
    unsigned override_count;
    struct catalog_usage *usages; /* each once, in the order of the models */
    unsigned usage_count;
    struct catalog_quota *quotas;
    unsigned quota_count;
};

/* The catalog that is built in: what applies where no file is given. */
struct str catalog_default_text(void);
/* The catalog in a file; ERROR_CONFIG names file, line where known, and field. The GGUFs that it
 * names are seen from the file's folder, and must be there. */
MUST_CHECK struct catalog *catalog_load(const char *file, struct error *err);
/* From text; `name` stands for the file in errors. GGUFs are not looked for. */
MUST_CHECK struct catalog *catalog_parse(struct str text, const char *name, struct error *err);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);

/* Does a shell pattern of the catalog fit a name? Case is not regarded. */
bool catalog_matches(const char *pattern, struct str name);
/* NULL when there is none. Names and versions are compared without case, since az users write
 * "GPT-4" for "gpt-4" (seed: --model-name GPT-4). `version` empty: the default version; `format`
 * empty: whichever. */
const struct catalog_model *catalog_find_model(const struct catalog *c, struct str format,
                                               struct str name, struct str version);
const struct catalog_sku *catalog_find_sku(const struct catalog_model *m, struct str name);
const struct catalog_engine *catalog_find_engine(const struct catalog *c, struct str name);
/* "East US", "eastus" and "EastUS" name the same location. */
const struct catalog_location *catalog_find_location(const struct catalog *c, struct str name);
/* The engine that a deployment runs on: an override's, else its model's. */
const struct catalog_engine *catalog_engine_for(const struct catalog *c,
                                                const struct catalog_model *m, struct str account,
                                                struct str deployment);

#endif
