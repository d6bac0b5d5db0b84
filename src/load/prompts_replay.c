/*
 * Prompts of a file of the user's.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "load/prompts.h"

#define FILE_BYTES_MAX ((off_t)512 * 1024 * 1024)

static bool read_file(struct arena *a, const char *path, struct str *text, struct error *err)
{
    const char *why;
    struct stat status;
    ssize_t len = -1;
    char *data = NULL;
    int fd = file_open(path, &why);

    if (fd < 0)
        return error_set(err, ERROR_CONFIG, "%s", why);
    if (fstat(fd, &status)) {
        error_set(err, ERROR_CONFIG, "%s", strerror(errno));
    } else if (status.st_size > FILE_BYTES_MAX) {
        error_set(err, ERROR_CONFIG, "larger than 512 MiB");
    } else {
        data = arena_alloc_bytes(a, (size_t)status.st_size + 1);
        len = file_read(fd, data, (size_t)status.st_size);
        if (len < 0)
            error_set(err, ERROR_CONFIG, "%s", strerror(errno));
    }
    close(fd);
    *text = str_of(data, len > 0 ? (size_t)len : 0);
    return len >= 0;
}

/* A list of messages, or a whole body. */
static bool add_value(struct prompts *p, const struct load_options *o, struct arena *scratch,
                      yyjson_val *value, struct error *err)
{
    yyjson_mut_doc *doc;
    yyjson_mut_val *body;

    if (yyjson_is_obj(value)) {
        doc = json_copy(scratch, value);
        body = yyjson_mut_doc_get_root(doc);
    } else if (yyjson_is_arr(value)) {
        doc = json_new(scratch);
        body = yyjson_mut_obj(doc);
        json_set(doc, body, "messages", yyjson_val_mut_copy(doc, value));
    } else {
        return error_set(err, ERROR_CONFIG, "neither a list of messages nor a request's body");
    }
    return prompts_add(p, o, scratch, doc, body, err);
}

static bool is_message(yyjson_val *value)
{
    return yyjson_obj_get(value, "role");
}

/* The whole file is one JSON value. */
static bool add_file(struct prompts *p, const struct load_options *o, struct arena *scratch,
                     yyjson_val *root, struct error *err)
{
    size_t i, count;
    yyjson_val *item;
    struct error why;

    if (!yyjson_is_arr(root) || is_message(yyjson_arr_get_first(root)))
        return add_value(p, o, scratch, root, err);
    yyjson_arr_foreach(root, i, count, item)
    {
        if (!add_value(p, o, scratch, item, &why))
            return error_set(err, ERROR_CONFIG, "item %zu: %s", i + 1, why.text);
    }
    return p->count || error_set(err, ERROR_CONFIG, "an empty list");
}

static bool add_line(struct prompts *p, const struct load_options *o, struct str line,
                     struct error *err)
{
    struct arena *scratch = arena_new(NULL);
    yyjson_doc *doc = json_parse(scratch, line, err);
    bool ok = doc && add_value(p, o, scratch, yyjson_doc_get_root(doc), err);

    arena_free(scratch);
    return ok;
}

static bool add_lines(struct prompts *p, const struct load_options *o, struct str text,
                      struct error *err)
{
    struct str line;
    struct error why;

    for (unsigned number = 1; str_split(&text, '\n', &line); number++) {
        if (line.len && line.data[line.len - 1] == '\r')
            line.len--;
        line = str_trim(line);
        if (line.len && !add_line(p, o, line, &why))
            return error_set(err, ERROR_CONFIG, "line %u: %s", number, why.text);
    }
    return p->count || error_set(err, ERROR_CONFIG, "it is empty");
}

bool prompts_replay(struct prompts *p, const struct load_options *o, struct error *err)
{
    struct arena *scratch = arena_new(NULL);
    struct error why, no_json;
    struct str text;
    yyjson_doc *doc;
    bool ok = read_file(scratch, o->replay_path, &text, &why);

    if (ok) {
        doc = json_parse(scratch, text, &no_json);
        ok = doc ? add_file(p, o, scratch, yyjson_doc_get_root(doc), &why)
                 : add_lines(p, o, text, &why);
    }
    arena_free(scratch);
    return ok || error_set(err, ERROR_CONFIG, "--replay-path %s: %s", o->replay_path, why.text);
}
