/*
 * Foreign issuers as the server has them: from the identity file to keys in a box that the authority
 * trusts, started, reloaded and stopped with it.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_FEDERATION_H
#define SERVER_FEDERATION_H

#include "identity/issuer_keys.h"
#include "net/loop.h"

struct federation;

/* Takes the reference to the list. */
struct federation *federation_new(struct issuers *list);
/* After federation_stop has called back, or when it never was started. NULL is fine. */
void federation_free(struct federation *f);

struct issuer_keys_box *federation_keys(struct federation *f);

/* From here on, on the loop's thread: fetches keys. */
void federation_start(struct federation *f, struct loop *loop);
/* Another list, whose reference it takes. What is known of issuers that stay is kept. */
void federation_reload(struct federation *f, struct issuers *list);
/* on_done comes when nothing of it is left on the loop. */
void federation_stop(struct federation *f, void (*on_done)(void *data), void *data);

#endif
