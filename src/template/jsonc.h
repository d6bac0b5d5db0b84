/*
 * The JSON that templates come in. What az sends for a deployment has the template's text in it as
 * it is, under a name without quotes (`template:`), and templates have what Azure's reader allows
 * and JSON does not: comments, commas behind the last value, texts over several lines, texts and
 * names in single quotes, names without quotes.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_JSONC_H
#define TEMPLATE_JSONC_H

#include "base/json.h"

/* A document as json_parse makes it, with its limits; NULL with ERROR_BAD_REQUEST, which says what
 * is wrong in which line and at which position (both from 1, as people count). `text` need not
 * outlive the call. */
MUST_CHECK yyjson_doc *template_jsonc_parse(struct arena *a, struct str text, struct error *err);

#endif
