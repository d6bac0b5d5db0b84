/*
 * Whom a load calls, made of the base URL:
 *
 *   https://NAME.openai.azure.com, http://127.0.0.1:4270   Azure's dated surface: the deployment is in the
 *                                                          path, the key in `api-key`
 *   https://api.openai.com/v1, .../openai/v1               OpenAI's: the deployment is the body's model,
 *                                                          the key a bearer token
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H

#include "base/arena.h"
#include "base/error.h"
#include "load/options.h"
#include "net/http_headers.h"
#include "net/stream.h"

struct load_target {
    struct stream_address address;
    struct str host; /* for the Host header */
    struct str path; /* with query */
    struct http_headers headers;
    const char *model; /* NULL: it is in the path */
};

/* Texts live in the arena, the key among them. The TLS context is the caller's to give back. */
MUST_CHECK bool load_target_init(struct load_target *t, const struct load_options *o,
                                 struct arena *a, struct error *err);
void load_target_done(struct load_target *t);

#endif
