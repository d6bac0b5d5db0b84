/*
 * lazuli bench: load for a deployment, as Azure's benchmark tool makes it, and a guess at tokens.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/bench_options.h"
#include "cli/command.h"
#include "cli/service_info.h"
#include "load/run.h"
#include "load/tokens.h"
#include "server/file_limit.h"

#define API_KEY_ENV "OPENAI_API_KEY" /* as of Azure's tool */
#define EXIT_NOTHING_DONE 1
#define EXIT_FORCED 130 /* as by a shell for SIGINT */

/* -- lazuli bench load ------------------------------------------------------------------------- */

/* What the environment is to hold: present, not empty, and fit for a header. */
static bool read_variable(const char *option, const char *name, const char **value,
                          struct error *err)
{
    *value = getenv(name);
    if (!*value || !**value)
        return error_set(err, ERROR_CONFIG, "%s %s: there is no such variable in the environment",
                         option, name);
    return str_is_visible(str_from(*value)) ||
           error_set(err, ERROR_CONFIG,
                     "%s %s: its value holds a character that no key and no token has", option,
                     name);
}

/* What the data folder knows takes the place of what was not given. */
static bool read_data(struct bench_options *b, struct arena *a, struct error *err)
{
    struct settings settings;
    struct service_info service;
    bool ok;

    settings_init(&settings);
    ok = settings_set(&settings, STR("data"), str_from(b->data), "--data", err) &&
         service_info_read(&settings, a, &service, err);
    settings_done(&settings);
    if (!ok)
        return false;
    if (!b->load.endpoint)
        b->load.endpoint = arena_text(a, service.known.endpoint.public_base);
    if (!b->load.key && !b->load.token && service.known.key1.len)
        b->load.key = arena_text(a, service.known.key1);
    if (!b->load.key && !b->load.token)
        return error_set(err, ERROR_CONFIG,
                         "--data %s: it knows no key, since the service was not made by lazuli up: "
                         "give -k/--api-key-env or --token-env",
                         b->data);
    if (!b->load.ca_file && service.authority_file.len)
        b->load.ca_file = arena_text(a, service.authority_file);
    return true;
}

/* Of a data folder it is the folder's own key that is used: OPENAI_API_KEY may be somebody else's. */
static bool read_secrets(struct bench_options *b, struct arena *a, struct error *err)
{
    const char *key_env = b->api_key_env;

    if (!key_env && !b->data)
        key_env = API_KEY_ENV;
    if (b->token_env && !read_variable("--token-env", b->token_env, &b->load.token, err))
        return false;
    if (key_env && !b->token_env && !read_variable("-k/--api-key-env", key_env, &b->load.key, err))
        return false;
    return !b->data || read_data(b, a, err);
}

/* Now, and not after an hour of load. A pipe's reader would be gone by then, and nobody there to write
 * to. */
static bool check_reports(const struct load_options *o, struct error *err)
{
    for (unsigned i = 0; i < o->report_count; i++) {
        int fd = open(o->reports[i], O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
        struct stat status;
        bool is_pipe =
            fd < 0 ? errno == ENXIO : fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);

        if (fd < 0 && !is_pipe)
            return error_set(err, ERROR_CONFIG, "--report %s: %s", o->reports[i], strerror(errno));
        if (fd >= 0)
            close(fd);
        if (is_pipe)
            return error_set(err, ERROR_CONFIG, "--report %s: it is not a file", o->reports[i]);
    }
    return true;
}

static bool is_live(const struct bench_options *b)
{
    const char *terminal = getenv("TERM");

    return !b->is_plain && !b->load.is_jsonl && isatty(STDOUT_FILENO) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

static int end_status(enum load_end end)
{
    switch (end) {
    case LOAD_END_DONE:
        return 0;
    case LOAD_END_NOTHING:
        return EXIT_NOTHING_DONE;
    case LOAD_END_FORCED:
        return EXIT_FORCED;
    }
    return EXIT_NOTHING_DONE;
}

static int run_load(int argc, char **argv)
{
    struct arena *a = arena_new(NULL);
    struct bench_options b;
    struct error err;
    enum load_end end;
    int status;

    arena_keep_secret(a);
    if (!bench_options_parse(argc, argv, &b, &err)) {
        status = command_fail(&err, EXIT_USAGE);
    } else if (b.wants_help) {
        bench_options_print(stdout);
        status = 0;
    } else if (!read_secrets(&b, a, &err) || !check_reports(&b.load, &err)) {
        status = command_fail(&err, EXIT_USAGE);
    } else {
        b.load.is_live = is_live(&b);
        file_limit_raise(b.load.clients);
        status = load_run(&b.load, &end, &err)
                     ? end_status(end)
                     : command_fail(&err, err.code == ERROR_CONFIG ? EXIT_USAGE : 1);
    }
    arena_free(a);
    return status;
}

/* -- lazuli bench tokenize --------------------------------------------------------------------- */

static struct str read_input(struct arena *a)
{
    char part[4096];
    struct buf text;
    struct str copy;
    size_t len;

    buf_init(&text, (size_t)256 * 1024 * 1024);
    while ((len = fread(part, 1, sizeof(part), stdin)) > 0 && buf_append(&text, str_of(part, len)))
        ;
    copy = arena_copy(a, buf_str(&text));
    buf_done(&text);
    return copy;
}

static int usage_of_tokenize(void)
{
    fputs(
        "usage: lazuli bench tokenize [-m MODEL] [TEXT]\n\n"
        "How many tokens a text or a JSON list of chat messages has (default: standard input). No\n"
        "tokenizer is asked: it is a guess of four characters a token, whatever the model.\n",
        stdout);
    return 0;
}

struct tokenize_options {
    const char *model, *text;
    bool wants_help;
};

static int run_tokenize(int argc, char **argv)
{
    static const struct option_row rows[] = {
        { "model", 'm', OPTION_TEXT, .offset = offsetof(struct tokenize_options, model) },
        { "help", 'h', OPTION_FLAG, .offset = offsetof(struct tokenize_options, wants_help) },
    };
    static const struct option_table options = {
        .rows = rows,
        .count = ARRAY_LEN(rows),
        .has_subject = true,
        .subject = offsetof(struct tokenize_options, text),
    };
    struct tokenize_options given = { 0 };
    struct arena *a;
    struct str text;
    struct error err;
    yyjson_doc *doc;
    yyjson_val *root;

    if (!options_read(&options, argc, argv, &given, NULL, &err))
        return command_fail(&err, EXIT_USAGE);
    if (given.wants_help)
        return usage_of_tokenize();
    a = arena_new(NULL);
    text = given.text ? str_from(given.text) : read_input(a);
    doc = json_parse(a, text, &err);
    root = doc ? yyjson_doc_get_root(doc) : NULL;
    printf("tokens: %llu\n", (unsigned long long)(yyjson_is_arr(root) ? tokens_of_messages(root)
                                                                      : tokens_of_text(text)));
    arena_free(a);
    return 0;
}

/* -- lazuli bench ------------------------------------------------------------------------------ */

static int run(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "load") == 0)
        return run_load(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "tokenize") == 0)
        return run_tokenize(argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "lazuli: bench: there is no '%s'\n\n", argv[1]);
    fprintf(stderr, "usage: lazuli %s %s\n", command_bench.name, command_bench.arguments);
    return EXIT_USAGE;
}

const struct command command_bench = {
    .name = "bench",
    .arguments = "load [OPTIONS] API_BASE_ENDPOINT | tokenize [-m MODEL] [TEXT]   (load --help)",
    .help = "load a deployment and measure it, as Azure's benchmark tool does",
    .run = run,
    .has_secrets = true,
    .passes_words = true,
};
