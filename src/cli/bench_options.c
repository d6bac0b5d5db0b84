/* SPDX-License-Identifier: MIT */
#include "cli/bench_options.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "load/report.h"

enum kind {
    KIND_TEXT,
    KIND_COUNT,
    KIND_CLIENTS,
    KIND_REAL,
    KIND_CHOICE,
    KIND_FLAG,
    KIND_BOOL,
    KIND_REPORT
};

/* What is given by words that are not numbers. */
struct words {
    /* of a choice, which one; -1: not given */
    int shape, output_format, retry, end_mode, generation, arrivals;
    bool no_stream;
};

/* Both the options and the words, so that a row can point into either. */
struct target {
    struct bench_options *b;
    struct words words;
};

#define LOAD_AT(member) offsetof(struct bench_options, load.member), false
#define OWN_AT(member) offsetof(struct bench_options, member), false
#define WORD_AT(member) offsetof(struct words, member), true

static const struct row {
    const char *name;
    char letter; /* 0: none */
    enum kind kind;
    size_t offset;
    bool is_word;
    double min, max;
    const char *choices; /* "a|b" */
    const char *help;
} rows[] = {
    { "api-version", 'a', KIND_TEXT, LOAD_AT(api_version), 0, 0, NULL,
      "api-version of Azure's surface (2023-05-15)" },
    { "api-key-env", 'k', KIND_TEXT, OWN_AT(api_key_env), 0, 0, NULL,
      "the variable of the environment that holds the key (OPENAI_API_KEY)" },
    { "token-env", 0, KIND_TEXT, OWN_AT(token_env), 0, 0, NULL,
      "the one that holds an access token of Entra ID, used instead of a key" },
    { "data", 0, KIND_TEXT, OWN_AT(data), 0, 0, NULL,
      "data folder of a lazuli on this machine: its endpoint, key and CA where you give none" },
    { "ca-file", 0, KIND_TEXT, LOAD_AT(ca_file), 0, 0, NULL,
      "PEM file of whom to trust for https (the system's)" },
    { "clients", 'c', KIND_CLIENTS, LOAD_AT(clients), 1, 100000, NULL,
      "requests that may be under way at a time (20)" },
    { "requests", 'n', KIND_COUNT, LOAD_AT(requests), 0, 1e15, NULL,
      "end after so many; 0: until told to stop (0)" },
    { "duration", 'd', KIND_REAL, LOAD_AT(duration_s), 0, 31536000, NULL,
      "end after so many seconds; 0: until told to stop (0)" },
    { "run-end-condition-mode", 0, KIND_CHOICE, WORD_AT(end_mode), 0, 0, "or|and",
      "end when either or both of requests and duration are reached (or)" },
    { "rate", 'r', KIND_REAL, LOAD_AT(rate_rpm), 0, 6e7, NULL,
      "requests a minute, at planned times; 0: as fast as the clients can (0)" },
    { "arrivals", 0, KIND_CHOICE, WORD_AT(arrivals), 0, 0, "even|poisson",
      "how the rate's planned times lie; as a Poisson process, they come in bursts (even)" },
    { "aggregation-window", 'w', KIND_REAL, LOAD_AT(window_s), 1, 86400, NULL,
      "seconds that a line's figures are about (60)" },
    { "context-generation-method", 0, KIND_CHOICE, WORD_AT(generation), 0, 0, "generate|replay",
      "random words, or messages of a file (generate)" },
    { "replay-path", 0, KIND_TEXT, LOAD_AT(replay_path), 0, 0, NULL,
      "the file: a JSON array of lists of messages, or JSON Lines of such or of whole bodies" },
    { "replay", 0, KIND_TEXT, LOAD_AT(replay_path), 0, 0, NULL, "the same as --replay-path" },
    { "shape-profile", 's', KIND_CHOICE, WORD_AT(shape), 0, 0, "balanced|context|generation|custom",
      "tokens of prompts and answers (balanced)" },
    { "context-tokens", 'p', KIND_COUNT, LOAD_AT(context_tokens), 1, 2e6, NULL,
      "of a prompt, for --shape-profile custom" },
    { "max-tokens", 'm', KIND_COUNT, LOAD_AT(max_tokens), 1, 2e6, NULL,
      "of an answer, for --shape-profile custom or a replay" },
    { "prevent-server-caching", 0, KIND_BOOL, LOAD_AT(prevents_caching), 0, 0, NULL,
      "put the time before each message (true)" },
    { "completions", 'i', KIND_COUNT, LOAD_AT(completions), 1, 128, NULL,
      "answers to each request (1)" },
    { "frequency-penalty", 0, KIND_REAL, LOAD_AT(frequency_penalty), -2, 2, NULL, "" },
    { "presence-penalty", 0, KIND_REAL, LOAD_AT(presence_penalty), -2, 2, NULL, "" },
    { "temperature", 0, KIND_REAL, LOAD_AT(temperature), 0, 2, NULL, "" },
    { "top-p", 0, KIND_REAL, LOAD_AT(top_p), 0, 1, NULL, "" },
    { "no-stream", 0, KIND_FLAG, WORD_AT(no_stream), 0, 0, NULL,
      "ask for whole answers: no time to first token, none between tokens" },
    { "include-usage", 0, KIND_FLAG, LOAD_AT(includes_usage), 0, 0, NULL,
      "ask for the usage in streams, and count tokens by it" },
    { "timeout", 0, KIND_REAL, LOAD_AT(timeout_s), 0.001, 86400, NULL,
      "seconds without a byte after which a request has failed (300)" },
    { "retry", 't', KIND_CHOICE, WORD_AT(retry), 0, 0, "none|exponential",
      "what is done about 429: nothing, or try again when asked to, for 60 s (none)" },
    { "output-format", 'f', KIND_CHOICE, WORD_AT(output_format), 0, 0, "human|jsonl",
      "of the lines (human)" },
    { "no-live", 0, KIND_FLAG, OWN_AT(is_plain), 0, 0, NULL,
      "lines in a terminal too, not a view that is drawn over again" },
    { "log-save-dir", 0, KIND_TEXT, LOAD_AT(log_save_dir), 0, 0, NULL,
      "folder for a copy of what is printed, in a file of this run" },
    { "report", 0, KIND_REPORT, LOAD_AT(reports), 0, 0, NULL,
      "FILE.html or FILE.json, written at the end; may be given several times" },
    { "deployment", 'e', KIND_TEXT, LOAD_AT(deployment), 0, 0, NULL,
      "the deployment's name (OpenAI: the model); must be given" },
    { "help", 'h', KIND_FLAG, OWN_AT(wants_help), 0, 0, NULL, "this" },
};

/* -- One option -------------------------------------------------------------------------------- */

/* "-c/--clients" */
static bool refuse(struct error *err, const struct row *row, const char *what)
{
    if (row->letter)
        return error_set_target(err, ERROR_CONFIG, row->name, "-%c/--%s %s", row->letter, row->name,
                                what);
    return error_set_target(err, ERROR_CONFIG, row->name, "--%s %s", row->name, what);
}

static bool refuse_range(struct error *err, const struct row *row, const char *what,
                         const char *value)
{
    char text[200], shown[64];

    str_show(str_from(value), shown, sizeof(shown));
    snprintf(text, sizeof(text), "must be a %s from %.15g to %.15g, not '%s'", what, row->min,
             row->max, shown);
    return refuse(err, row, text);
}

static bool set_count(const struct row *row, const char *value, uint64_t *count, struct error *err)
{
    if (str_to_u64(str_from(value), (uint64_t)row->max, count) && *count >= (uint64_t)row->min)
        return true;
    return refuse_range(err, row, "whole number", value);
}

static bool set_real(const struct row *row, const char *value, double *real, struct error *err)
{
    char *end;

    *real = strtod(value, &end);
    if (*value && *value != ' ' && !*end && isfinite(*real) && *real >= row->min &&
        *real <= row->max)
        return true;
    return refuse_range(err, row, "number", value);
}

static bool set_choice(const struct row *row, const char *value, int *which, struct error *err)
{
    struct str rest = str_from(row->choices), choice;
    char text[200], shown[64];

    for (int i = 0; str_split(&rest, '|', &choice); i++) {
        if (str_equal(choice, str_from(value))) {
            *which = i;
            return true;
        }
    }
    str_show(str_from(value), shown, sizeof(shown));
    snprintf(text, sizeof(text), "must be one of %s, not '%s'", row->choices, shown);
    return refuse(err, row, text);
}

/* The words that Azure's tool takes. */
static bool read_bool(const char *value, bool *is_true)
{
    static const char *const yes[] = { "true", "yes", "t", "y", "1" };
    static const char *const no[] = { "false", "no", "f", "n", "0" };

    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        *is_true = strcasecmp(value, yes[i]) == 0;
        if (*is_true || strcasecmp(value, no[i]) == 0)
            return true;
    }
    return false;
}

static bool add_report(const struct row *row, const char *value, struct load_options *o,
                       struct error *err)
{
    if (!load_report_is_name(value))
        return refuse(err, row, "must end in .html or .json");
    if (o->report_count == LOAD_REPORTS_MAX)
        return refuse(err, row, "may be given four times at most");
    o->reports[o->report_count++] = value;
    return true;
}

static bool set_value(struct target *t, const struct row *row, const char *value, struct error *err)
{
    void *at = (char *)(row->is_word ? (void *)&t->words : (void *)t->b) + row->offset;
    uint64_t count;

    switch (row->kind) {
    case KIND_TEXT:
        *(const char **)at = value;
        return *value || refuse(err, row, "must not be empty");
    case KIND_COUNT:
        return set_count(row, value, at, err);
    case KIND_CLIENTS:
        if (!set_count(row, value, &count, err))
            return false;
        *(unsigned *)at = (unsigned)count;
        return true;
    case KIND_REAL:
        return set_real(row, value, at, err);
    case KIND_CHOICE:
        return set_choice(row, value, at, err);
    case KIND_BOOL:
        return read_bool(value, at) || refuse(err, row, "must be true or false");
    case KIND_REPORT:
        return add_report(row, value, &t->b->load, err);
    case KIND_FLAG:
        break;
    }
    *(bool *)at = true;
    return true;
}

/* -- The words --------------------------------------------------------------------------------- */

static const struct row *find_letter(char letter)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].letter == letter)
            return &rows[i];
    }
    return NULL;
}

/* The whole name, or the beginning of one only. */
static const struct row *find_name(struct str name, bool *is_unclear)
{
    const struct row *found = NULL;

    *is_unclear = false;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct str known = str_from(rows[i].name);

        if (str_equal(known, name))
            return &rows[i];
        if (!str_starts_with(known, name))
            continue;
        *is_unclear = found;
        found = &rows[i];
    }
    if (*is_unclear)
        return NULL;
    return found;
}

struct cursor {
    int argc, at;
    char **argv;
};

/* The word's value: behind the '=', directly behind the letter, or the next word. NULL: there is none. */
static const char *take_value(struct cursor *c, const struct row *row, const char *own)
{
    bool is_true;

    if (own || row->kind == KIND_FLAG)
        return own ? own : "";
    if (row->kind == KIND_BOOL &&
        (c->at + 1 >= c->argc || !read_bool(c->argv[c->at + 1], &is_true)))
        return "true";
    return c->at + 1 < c->argc ? c->argv[++c->at] : NULL;
}

static bool take_option(struct target *t, struct cursor *c, struct error *err)
{
    const char *word = c->argv[c->at], *own = NULL, *value;
    const struct row *row;
    bool is_unclear = false;

    if (word[1] == '-') {
        struct str rest = str_from(word + 2), name;

        (void)str_split(&rest, '=', &name);
        own = rest.data;
        row = find_name(name, &is_unclear);
    } else {
        row = find_letter(word[1]);
        own = word[2] ? word + 2 : NULL;
    }
    if (is_unclear)
        return error_set(err, ERROR_CONFIG, "'%s' may be one of several options", word);
    if (!row)
        return error_set(err, ERROR_CONFIG, "there is no option '%s'; --help lists them", word);
    if (own && row->kind == KIND_FLAG)
        return refuse(err, row, "takes no value");
    value = take_value(c, row, own);
    return value ? set_value(t, row, value, err) : refuse(err, row, "needs a value");
}

static bool take_words(struct target *t, int argc, char **argv, struct error *err)
{
    struct cursor c = { .argc = argc, .at = 1, .argv = argv };
    bool only_words = false;

    for (; c.at < argc; c.at++) {
        const char *word = argv[c.at];

        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1]) {
            if (!take_option(t, &c, err))
                return false;
        } else if (t->b->load.endpoint) {
            return error_set(err, ERROR_CONFIG, "'%s' is one word too many", word);
        } else {
            t->b->load.endpoint = word;
        }
    }
    return true;
}

/* -- The whole --------------------------------------------------------------------------------- */

static bool check(const struct target *t, struct error *err)
{
    const struct load_options *o = &t->b->load;

    if (t->b->wants_help)
        return true;
    if (!o->deployment)
        return error_set(err, ERROR_CONFIG, "-e/--deployment must be given");
    if (!o->endpoint && !t->b->data)
        return error_set(
            err, ERROR_CONFIG,
            "API_BASE_ENDPOINT must be given, or --data DIR of a lazuli that runs here");
    if (t->words.generation == 1 && !o->replay_path)
        return error_set(
            err, ERROR_CONFIG,
            "--replay-path is missing, which --context-generation-method replay needs");
    if (t->words.generation == 0 && o->replay_path)
        return error_set(
            err, ERROR_CONFIG,
            "--replay-path is not for --context-generation-method generate: give one of them");
    if (o->shape == LOAD_SHAPE_CUSTOM && !o->replay_path && !o->context_tokens)
        return error_set(err, ERROR_CONFIG,
                         "-p/--context-tokens is missing, which --shape-profile custom needs");
    if (t->words.arrivals == 1 && o->rate_rpm <= 0)
        return error_set(err, ERROR_CONFIG, "--arrivals poisson needs a -r/--rate");
    if (o->includes_usage && !o->streams)
        return error_set(err, ERROR_CONFIG,
                         "--include-usage is for streams: an answer that is whole has its usage");
    return true;
}

bool bench_options_parse(int argc, char **argv, struct bench_options *b, struct error *err)
{
    struct target t = { .b = b, .words = { .shape = LOAD_SHAPE_BALANCED, .generation = -1 } };

    *b = (struct bench_options){
        .load = { .api_version = "2023-05-15",
                  .clients = 20,
                  .window_s = 60,
                  .completions = 1,
                  .prevents_caching = true,
                  .timeout_s = 300,
                  .frequency_penalty = LOAD_UNSET,
                  .presence_penalty = LOAD_UNSET,
                  .temperature = LOAD_UNSET,
                  .top_p = LOAD_UNSET },
    };
    if (!take_words(&t, argc, argv, err))
        return false;
    b->load.shape = (enum load_shape)t.words.shape;
    b->load.is_jsonl = t.words.output_format == 1;
    b->load.retries = t.words.retry == 1;
    b->load.is_random = t.words.arrivals == 1;
    b->load.ends_with_both = t.words.end_mode == 1;
    b->load.streams = !t.words.no_stream;
    if (!check(&t, err))
        return false;
    if (!b->load.replay_path)
        load_shape_apply(&b->load);
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
        const struct row *row = &rows[i];
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
