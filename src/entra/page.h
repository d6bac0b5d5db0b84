/*
 * The few pages that people see when they sign in. No script, nothing from elsewhere.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_PAGE_H
#define ENTRA_PAGE_H

#include "entra/call.h"

/* With & < > " ' as entities. */
struct str page_escape(struct arena *a, struct str text);
/* <input type="hidden"> for each; `fields` are names of parameters of the request. */
struct str page_hidden(struct entra_call *c, const char *const *fields, size_t count);
/* 200 with a page of that title; `body` is HTML. `form_target` (an origin, may be empty) is where a
 * form's answer may lead to, besides here. */
void page_reply_html(struct entra_call *c, int status, const char *title, struct str body,
                     struct str form_target);
/* The form that asks for name and password; `more` is HTML in front, `action` the path, `wrong` what
 * was wrong with the last try (may be NULL). With `asks_new` it also asks for a new password, twice. */
void page_reply_sign_in(struct entra_call *c, const char *title, struct str action, struct str more,
                        const char *wrong, bool asks_new, struct str form_target);

#endif
