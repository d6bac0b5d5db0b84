/* SPDX-License-Identifier: MIT */
#include "cli/bench_options.h"

#include <stddef.h>

#include "base/str.h"
#include "cli/options.h"
#include "load/report.h"

/* What is given by words that are not numbers, beside what they are made into. */
struct given {
    struct bench_options options;
    /* of a choice, which one; -1: not given */
    int shape, output_format, retry, end_mode, generation, arrivals;
    bool no_stream;
};

static bool add_report(void *filled, const char *value, struct error *err)
{
    struct load_options *o = &((struct given *)filled)->options.load;

    if (!load_report_is_name(value))
        return error_set(err, ERROR_CONFIG, "--report must end in .html or .json");
    if (o->report_count == LOAD_REPORTS_MAX)
        return error_set(err, ERROR_CONFIG, "--report may be given four times at most");
    o->reports[o->report_count++] = value;
    return true;
}

#define LOAD_AT(member) .offset = offsetof(struct given, options.load.member)
#define OWN_AT(member) .offset = offsetof(struct given, options.member)
#define WORD_AT(member) .offset = offsetof(struct given, member)

static const struct option_row rows[] = {
    { "api-version", 'a', OPTION_TEXT, LOAD_AT(api_version),
      .help = "api-version of Azure's surface (2023-05-15)" },
    { "api-key-env", 'k', OPTION_TEXT, OWN_AT(api_key_env),
      .help = "the variable of the environment that holds the key (OPENAI_API_KEY)" },
    { "token-env", 0, OPTION_TEXT, OWN_AT(token_env),
      .help = "the one that holds an access token of Entra ID, used instead of a key" },
    { "data", 0, OPTION_TEXT, OWN_AT(data),
      .help =
          "data folder of a lazuli on this machine: its endpoint, key and CA where you give none" },
    { "ca-file", 0, OPTION_TEXT, LOAD_AT(ca_file),
      .help = "PEM file of whom to trust for https (the system's)" },
    { "clients", 'c', OPTION_UNSIGNED, LOAD_AT(clients), .min = 1, .max = 100000,
      .help = "requests that may be under way at a time (20)" },
    { "requests", 'n', OPTION_COUNT, LOAD_AT(requests), .min = 0, .max = 1e15,
      .help = "end after so many; 0: until told to stop (0)" },
    { "duration", 'd', OPTION_REAL, LOAD_AT(duration_s), .min = 0, .max = 31536000,
      .help = "end after so many seconds; 0: until told to stop (0)" },
    { "run-end-condition-mode", 0, OPTION_CHOICE, WORD_AT(end_mode), .choices = "or|and",
      .help = "end when either or both of requests and duration are reached (or)" },
    { "rate", 'r', OPTION_REAL, LOAD_AT(rate_rpm), .min = 0, .max = 6e7,
      .help = "requests a minute, at planned times; 0: as fast as the clients can (0)" },
    { "arrivals", 0, OPTION_CHOICE, WORD_AT(arrivals), .choices = "even|poisson",
      .help =
          "how the rate's planned times lie; as a Poisson process, they come in bursts (even)" },
    { "aggregation-window", 'w', OPTION_REAL, LOAD_AT(window_s), .min = 1, .max = 86400,
      .help = "seconds that a line's figures are about (60)" },
    { "context-generation-method", 0, OPTION_CHOICE, WORD_AT(generation),
      .choices = "generate|replay", .help = "random words, or messages of a file (generate)" },
    { "replay-path", 0, OPTION_TEXT, LOAD_AT(replay_path),
      .help =
          "the file: a JSON array of lists of messages, or JSON Lines of such or of whole bodies" },
    { "replay", 0, OPTION_TEXT, LOAD_AT(replay_path), .help = "the same as --replay-path" },
    { "shape-profile", 's', OPTION_CHOICE, WORD_AT(shape),
      .choices = "balanced|context|generation|custom",
      .help = "tokens of prompts and answers (balanced)" },
    { "context-tokens", 'p', OPTION_COUNT, LOAD_AT(context_tokens), .min = 1, .max = 2e6,
      .help = "of a prompt, for --shape-profile custom" },
    { "max-tokens", 'm', OPTION_COUNT, LOAD_AT(max_tokens), .min = 1, .max = 2e6,
      .help = "of an answer, for --shape-profile custom or a replay" },
    { "prevent-server-caching", 0, OPTION_BOOL, LOAD_AT(prevents_caching),
      .help = "put the time before each message (true)" },
    { "completions", 'i', OPTION_COUNT, LOAD_AT(completions), .min = 1, .max = 128,
      .help = "answers to each request (1)" },
    { "frequency-penalty", 0, OPTION_REAL, LOAD_AT(frequency_penalty), .min = -2, .max = 2,
      .help = "" },
    { "presence-penalty", 0, OPTION_REAL, LOAD_AT(presence_penalty), .min = -2, .max = 2,
      .help = "" },
    { "temperature", 0, OPTION_REAL, LOAD_AT(temperature), .min = 0, .max = 2, .help = "" },
    { "top-p", 0, OPTION_REAL, LOAD_AT(top_p), .min = 0, .max = 1, .help = "" },
    { "no-stream", 0, OPTION_FLAG, WORD_AT(no_stream),
      .help = "ask for whole answers: no time to first token, none between tokens" },
    { "include-usage", 0, OPTION_FLAG, LOAD_AT(includes_usage),
      .help = "ask for the usage in streams, and count tokens by it" },
    { "timeout", 0, OPTION_REAL, LOAD_AT(timeout_s), .min = 0.001, .max = 86400,
      .help = "seconds without a byte after which a request has failed (300)" },
    { "drain-timeout", 0, OPTION_REAL, LOAD_AT(drain_s), .min = 0.001, .max = 86400,
      .help = "seconds at the end for what is under way, which is left then (300)" },
    { "retry", 't', OPTION_CHOICE, WORD_AT(retry), .choices = "none|exponential",
      .help = "what is done about 429: nothing, or try again when asked to, for 60 s (none)" },
    { "output-format", 'f', OPTION_CHOICE, WORD_AT(output_format), .choices = "human|jsonl",
      .help = "of the lines (human)" },
    { "no-live", 0, OPTION_FLAG, OWN_AT(is_plain),
      .help = "lines in a terminal too, not a view that is drawn over again" },
    { "log-save-dir", 0, OPTION_TEXT, LOAD_AT(log_save_dir),
      .help = "folder for a copy of what is printed, in a file of this run" },
    { "report", .kind = OPTION_EACH, .take = add_report,
      .help = "FILE.html or FILE.json, written at the end; may be given several times" },
    { "deployment", 'e', OPTION_TEXT, LOAD_AT(deployment),
      .help = "the deployment's name (OpenAI: the model); must be given" },
    { "help", 'h', OPTION_FLAG, OWN_AT(wants_help), .help = "this" },
};

static bool check(const struct given *g, struct error *err)
{
    const struct load_options *o = &g->options.load;

    if (g->options.wants_help)
        return true;
    if (!o->deployment)
        return error_set(err, ERROR_CONFIG, "-e/--deployment must be given");
    if (!o->endpoint && !g->options.data)
        return error_set(
            err, ERROR_CONFIG,
            "API_BASE_ENDPOINT must be given, or --data DIR of a lazuli that runs here");
    if (g->generation == 1 && !o->replay_path)
        return error_set(
            err, ERROR_CONFIG,
            "--replay-path is missing, which --context-generation-method replay needs");
    if (g->generation == 0 && o->replay_path)
        return error_set(
            err, ERROR_CONFIG,
            "--replay-path is not for --context-generation-method generate: give one of them");
    if (o->shape == LOAD_SHAPE_CUSTOM && !o->replay_path && !o->context_tokens)
        return error_set(err, ERROR_CONFIG,
                         "-p/--context-tokens is missing, which --shape-profile custom needs");
    if (g->arrivals == 1 && o->rate_rpm <= 0)
        return error_set(err, ERROR_CONFIG, "--arrivals poisson needs a -r/--rate");
    if (o->includes_usage && !o->streams)
        return error_set(err, ERROR_CONFIG,
                         "--include-usage is for streams: an answer that is whole has its usage");
    return true;
}

bool bench_options_parse(int argc, char **argv, struct bench_options *b, struct error *err)
{
    static const struct option_table table = {
        .rows = rows,
        .count = ARRAY_LEN(rows),
        .takes_beginnings = true,
        .has_subject = true,
        .subject = offsetof(struct given, options.load.endpoint),
    };
    struct given g = { .shape = LOAD_SHAPE_BALANCED, .generation = -1 };
    struct load_options *load = &g.options.load;

    *load = (struct load_options){
        .api_version = "2023-05-15",
        .clients = 20,
        .window_s = 60,
        .completions = 1,
        .prevents_caching = true,
        .timeout_s = 300,
        .drain_s = 300,
        .frequency_penalty = LOAD_UNSET,
        .presence_penalty = LOAD_UNSET,
        .temperature = LOAD_UNSET,
        .top_p = LOAD_UNSET,
    };
    if (!options_read(&table, argc, argv, &g, NULL, err))
        return false;
    load->shape = (enum load_shape)g.shape;
    load->is_jsonl = g.output_format == 1;
    load->retries = g.retry == 1;
    load->is_random = g.arrivals == 1;
    load->ends_with_both = g.end_mode == 1;
    load->streams = !g.no_stream;
    if (!check(&g, err))
        return false;
    if (!load->replay_path)
        load_shape_apply(load);
    *b = g.options;
    return true;
}

void bench_options_print(FILE *out)
{
    fputs("usage: lazuli bench load [OPTIONS] API_BASE_ENDPOINT\n\n"
          "Calls a deployment's chat completions, and tells each second how it does. The endpoint "
          "is\n"
          "Azure's (https://NAME.openai.azure.com), a lazuli's (http://127.0.0.1:4270), or one of\n"
          "OpenAI's kind (https://api.openai.com/v1). docs/bench.md teaches it.\n\n",
          out);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        const struct option_row *row = &rows[i];
        char name[64], letter[8] = "    ";

        if (row->letter)
            snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        snprintf(name, sizeof(name), "--%s", row->name);
        fprintf(out, "  %s%-28s ", letter, name);
        if (row->choices)
            fprintf(out, "%s%s", row->choices, *row->help ? ": " : "");
        else if (!*row->help)
            fprintf(out, "%g to %g, of each request", row->min, row->max);
        fprintf(out, "%s\n", row->help);
    }
}
