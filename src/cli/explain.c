/*
 * lazuli explain: why a request was refused (429), and when it passes. Asks the running service.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/explain_text.h"
#include "cli/fetch.h"
#include "cli/service_info.h"

struct question {
    const char *id;
    const char *endpoint; /* NULL: that of the data folder */
    int output;
    struct fetch_request request;
};

enum { OUTPUT_TEXT, OUTPUT_JSON };

static const struct option_row option_rows[] = {
    { "endpoint", .kind = OPTION_TEXT, .offset = offsetof(struct question, endpoint) },
    { "output", .kind = OPTION_CHOICE, .offset = offsetof(struct question, output),
      .choices = "text|json" },
};

static const struct option_table options = {
    .rows = option_rows,
    .count = ARRAY_LEN(option_rows),
    .has_subject = true,
    .subject = offsetof(struct question, id),
};

static bool check(const struct question *q, struct error *err)
{
    if (!q->id)
        return error_set(err, ERROR_CONFIG,
                         "explain needs the apim-request-id of the refused request's answer");
    return format_is_guid(str_from(q->id)) ||
           error_set(err, ERROR_CONFIG,
                     "'%s' is no apim-request-id, which looks like "
                     "01234567-89ab-cdef-0123-456789abcdef",
                     q->id);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* As lazuli env prints them: the administrator's token sees all accounts' refusals, a key its own. */
static bool use_environment(struct question *q, struct arena *a, struct error *err)
{
    const char *token = variable("LAZULI_ARM_TOKEN"), *key = variable("AZURE_OPENAI_API_KEY");

    if (!key)
        key = variable("AZURE_OPENAI_KEY");
    q->request.endpoint = str_from(q->endpoint);
    q->request.ca_file = variable("LAZULI_CA_BUNDLE");
    if (token)
        q->request.header = arena_printf(a, "authorization: Bearer %s", token);
    else if (key)
        q->request.header = arena_printf(a, "api-key: %s", key);
    else
        return error_set(err, ERROR_CONFIG,
                         "--endpoint needs LAZULI_ARM_TOKEN, AZURE_OPENAI_API_KEY or "
                         "AZURE_OPENAI_KEY in the environment");
    return true;
}

static bool use_folder(struct question *q, const struct settings *s, struct arena *a,
                       struct error *err)
{
    struct service_info service;

    if (!service_info_read(s, a, &service, err))
        return false;
    q->request.endpoint = service.known.endpoint.public_base;
    if (service.authority_file.len)
        q->request.ca_file = arena_text(a, service.authority_file);
    q->request.header =
        arena_printf(a, "authorization: Bearer %.*s", STR_ARGS(service.known.admin_token));
    return true;
}

static void refuse(const struct fetch_answer *answer, const struct question *q, struct error *err)
{
    if (answer->status == 404)
        error_set(err, ERROR_IO,
                  "the service knows of no refusal %s: it remembers the last ones since its start, "
                  "of deployments' own limits, and a key sees those of its account",
                  q->id);
    else if (answer->status == 401 || answer->status == 403)
        error_set(err, ERROR_IO, "the service does not take our credential (status %d)",
                  answer->status);
    else
        error_set(err, ERROR_IO, "the service answers with status %d", answer->status);
}

/* NULL: it failed. */
static yyjson_val *ask(struct question *q, struct arena *a, struct error *err)
{
    struct fetch_answer answer;
    struct error why;
    yyjson_val *refusal;

    q->request.path = arena_printf(a, "/lazuli/refusals/%s", q->id);
    if (!fetch(a, &q->request, &answer, &why)) {
        error_set(err, why.code, "%.*s: %s", STR_ARGS(q->request.endpoint), why.text);
        return NULL;
    }
    if (answer.status != 200) {
        refuse(&answer, q, err);
        return NULL;
    }
    refusal = yyjson_doc_get_root(json_parse(a, answer.body, &why));
    if (!yyjson_is_obj(refusal)) {
        error_set(err, ERROR_IO, "the service's answer is not understood");
        return NULL;
    }
    return refusal;
}

static int explain(struct question *q, const struct settings *s, struct arena *a)
{
    yyjson_val *refusal = NULL;
    struct error err = { .code = ERROR_NONE };

    if (q->endpoint ? use_environment(q, a, &err) : use_folder(q, s, a, &err))
        refusal = ask(q, a, &err);
    if (!refusal)
        return command_fail(&err, err.code == ERROR_CONFIG ? EXIT_USAGE : 1);
    if (q->output == OUTPUT_JSON)
        printf("%s\n", json_write(a, refusal).data);
    else
        explain_print_text(stdout, a, refusal);
    return 0;
}

static int run(int argc, char **argv)
{
    struct question q = { .output = OUTPUT_TEXT };
    struct arena *a = arena_new(NULL);
    struct settings settings;
    const char *config;
    struct error err;
    int status;

    arena_keep_secret(a);
    settings_init(&settings);
    if (command_read_settings(argc, argv, &options, &q, &settings, &config, &err) &&
        check(&q, &err))
        status = explain(&q, &settings, a);
    else
        status = command_fail(&err, EXIT_USAGE);
    settings_done(&settings);
    arena_free(a);
    return status;
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "ID [--data DIR | --endpoint URL] [--output text|json]",
    .help = "tell why a request was refused (429) and when it passes, by its apim-request-id",
    .run = run,
    .has_secrets = true,
    .prints = true,
};
