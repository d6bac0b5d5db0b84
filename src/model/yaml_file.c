/* SPDX-License-Identifier: MIT */
#include "model/yaml_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/yaml_check.h"

const cyaml_strval_t yaml_truths[2] = { { "false", 0 }, { "true", 1 } };

struct yaml_file {
    char *name;
    yaml_document_t document; /* kept for the lines in errors */
    const cyaml_schema_value_t *schema;
    void *data;
    char message[256]; /* what libcyaml said first */
};

/* libcyaml says what is wrong in its first line; those after it are its own path to there. */
static void on_log(cyaml_log_t level, void *context, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

static void on_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct yaml_file *f = context;

    (void)level;
    if (!f->message[0])
        vsnprintf(f->message, sizeof(f->message), format, args);
}

static cyaml_config_t config_for(struct yaml_file *f)
{
    return (cyaml_config_t){
        .log_fn = on_log,
        .log_ctx = f,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

/* Loads the one document; its memory is in *document, also on failure. */
static bool load_document(struct str text, const char *name, yaml_document_t *document,
                          struct error *err)
{
    yaml_document_t second;
    yaml_parser_t parser;
    bool ok;

    memset(document, 0, sizeof(*document));
    memset(&second, 0, sizeof(second));
    if (!yaml_parser_initialize(&parser))
        return error_set(err, ERROR_CONFIG, "%s: no YAML parser", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
    ok = yaml_parser_load(&parser, document) &&
         (!yaml_document_get_root_node(document) || yaml_parser_load(&parser, &second));
    if (!ok)
        error_set(err, ERROR_CONFIG, "%s:%zu: not YAML: %s", name, parser.problem_mark.line + 1,
                  parser.problem ? parser.problem : "malformed");
    else if (!yaml_document_get_root_node(document))
        ok = error_set(err, ERROR_CONFIG, "%s: the file is empty", name);
    else if (yaml_document_get_root_node(&second))
        ok = error_set(err, ERROR_CONFIG, "%s:%zu: a second document begins here", name,
                       second.start_mark.line + 1);
    yaml_document_delete(&second);
    yaml_parser_delete(&parser);
    return ok;
}

static bool load_data(struct yaml_file *f, struct str text, struct error *err)
{
    cyaml_config_t config = config_for(f);
    cyaml_err_t result;

    result =
        cyaml_load_data((const uint8_t *)text.data, text.len, &config, f->schema, &f->data, NULL);
    if (result == CYAML_OK && f->data)
        return true;
    return error_set(err, ERROR_CONFIG, "%s: %s: %.*s", f->name, cyaml_strerror(result),
                     (int)strcspn(f->message, "\n"), f->message);
}

struct yaml_file *yaml_file_parse(struct str text, const char *name,
                                  const cyaml_schema_value_t *schema, struct error *err)
{
    struct yaml_file *f;

    if (text.len > YAML_FILE_BYTES_MAX) {
        error_set(err, ERROR_CONFIG, "%s: the file is larger than %d bytes", name,
                  YAML_FILE_BYTES_MAX);
        return NULL;
    }
    if (!text.len) {
        error_set(err, ERROR_CONFIG, "%s: the file is empty", name);
        return NULL;
    }
    f = memory_alloc(sizeof(*f));
    f->name = memory_dup_text(name);
    f->schema = schema;
    if (load_document(text, name, &f->document, err) &&
        yaml_check(&f->document, schema, name, err) && load_data(f, text, err))
        return f;
    yaml_file_free(f);
    return NULL;
}

void *yaml_file_data(const struct yaml_file *f)
{
    return f->data;
}

void yaml_file_free(struct yaml_file *f)
{
    cyaml_config_t config;

    if (!f)
        return;
    config = config_for(f);
    cyaml_free(&config, f->schema, f->data, 0);
    yaml_document_delete(&f->document);
    free(f->name);
    free(f);
}

bool yaml_file_error(const struct yaml_file *f, struct error *err, const char *path,
                     const char *format, ...)
{
    char text[400], place[32] = "";
    bool is_there;
    size_t line = yaml_line_of(&f->document, path, &is_there);
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (line)
        snprintf(place, sizeof(place), ":%zu", line);
    return error_set_target(err, ERROR_CONFIG, path, "%s%s: %s: %s", f->name, place, path, text);
}

bool yaml_file_has(const struct yaml_file *f, const char *path)
{
    bool is_there;

    yaml_line_of(&f->document, path, &is_there);
    return is_there;
}

char *yaml_file_read(const char *file, size_t *len, struct error *err)
{
    char *text = NULL;
    ssize_t n = -1;
    const char *why;
    int fd = file_open(file, &why);

    if (fd >= 0) {
        text = memory_alloc(YAML_FILE_BYTES_MAX + 1);
        n = file_read(fd, text, YAML_FILE_BYTES_MAX + 1);
    }
    if (n < 0)
        error_set(err, ERROR_CONFIG, "%s: %s", file, fd < 0 ? why : strerror(errno));
    else if (n > YAML_FILE_BYTES_MAX)
        error_set(err, ERROR_CONFIG, "%s: the file is larger than %d bytes", file,
                  YAML_FILE_BYTES_MAX);
    if (fd >= 0)
        close(fd);
    if (n < 0 || n > YAML_FILE_BYTES_MAX) {
        free(text);
        return NULL;
    }
    *len = (size_t)n;
    return text;
}
