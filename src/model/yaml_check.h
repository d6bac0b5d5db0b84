/*
 * Part of yaml_file: checks a YAML document against a libcyaml schema, more strictly than libcyaml
 * does, and finds the line of a path.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_YAML_CHECK_H
#define MODEL_YAML_CHECK_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "base/error.h"

MUST_CHECK bool yaml_check(yaml_document_t *d, const cyaml_schema_value_t *schema, const char *name,
                           struct error *err);

/* The line, from 1, of the field or list entry that a path names, or of the nearest above it that
 * is given; 0 when there is none, or when it belongs to a list entry that is not there. */
size_t yaml_line_of(const yaml_document_t *d, const char *path, bool *is_there);

#endif
