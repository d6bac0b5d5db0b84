/*
 * A YAML file read into structs by a libcyaml schema, checked so that each error names the file,
 * the line and the field. libcyaml fills the structs; the file is checked before that, because
 * libcyaml 1.3 takes "3x" for 3, any word for true, and names the line before the one at fault.
 *
 * Schemas for this: all fields are pointers (or lists) and optional, so that NULL says "not
 * given"; numbers are CYAML_UINT and CYAML_FLOAT of `double`; enums and flags are strict; truth
 * values are enums of yaml_truths. What must be given is for the caller to check. Aliases are
 * refused: with them a small file can stand for a huge one.
 *
 * A path names a field: "engines[tiny].llama.model". A list's entry is named by the first field
 * of its schema where that is `name` or `version`, else numbered from 0.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_YAML_FILE_H
#define MODEL_YAML_FILE_H

#include <cyaml/cyaml.h>
#include <stdarg.h>

#include "base/error.h"
#include "base/str.h"

#define YAML_FILE_BYTES_MAX (1024 * 1024)
#define YAML_PATH_MAX 256

/* "true" and "false", for CYAML_FIELD_ENUM_PTR of an int. */
extern const cyaml_strval_t yaml_truths[2];

struct yaml_file;

/* `schema` is that of a mapping and outlives the result; `name` stands for the file in errors.
 * NULL with ERROR_CONFIG. */
MUST_CHECK struct yaml_file *yaml_file_parse(struct str text, const char *name,
                                             const cyaml_schema_value_t *schema, struct error *err);
/* The struct that the schema describes: the file's, to be changed only so that cyaml_free still
 * finds every pointer where the schema says. */
void *yaml_file_data(const struct yaml_file *f);
void yaml_file_free(struct yaml_file *f);

/* Sets ERROR_CONFIG, "FILE:LINE: PATH: TEXT", and returns false. Without the line where the path
 * is not found in the file. */
bool yaml_file_error(const struct yaml_file *f, struct error *err, const char *path,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* Whether the file gives that field. */
bool yaml_file_has(const struct yaml_file *f, const char *path);

/* A whole file, to be freed; NULL with ERROR_CONFIG when it cannot be read or is larger than
 * YAML_FILE_BYTES_MAX. */
MUST_CHECK char *yaml_file_read(const char *file, size_t *len, struct error *err);

#endif
