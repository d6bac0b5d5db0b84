/*
 * The service's own pages: a table of paths, and what belongs to nobody. Their errors have the
 * gateway's envelope.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include "net/http_server.h"
#include "server/worker.h"

/* There is a page at that path, whatever the method. */
bool page_matches(struct str path);
/* Answers by the page that matches; 405 for other methods than GET and HEAD. */
void page_on_head(struct worker *w, struct http_request *r);
/* 404, for paths that belong to nobody. */
void page_on_unknown_path(struct worker *w, struct http_request *r);

/* For pages: a whole reply, which nobody shall keep. */
void page_reply(struct http_request *r, int status, struct str type, struct str body);

#endif
