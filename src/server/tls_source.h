/*
 * Where the certificate that the service presents comes from: the operator's files, else the
 * development CA where that is wanted, else there is none and no TLS.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_TLS_SOURCE_H
#define SERVER_TLS_SOURCE_H

#include <stdbool.h>

#include "base/error.h"
#include "net/tls.h"
#include "server/data_folder.h"
#include "server/development_ca.h"
#include "server/settings.h"

struct tls_source {
    struct development_ca *ca; /* NULL: not in use */
};

/* *tls is NULL without an error where there is no certificate; likewise below. */
MUST_CHECK bool tls_source_open(struct tls_source *t, const struct settings *s,
                                const struct data_folder *f, struct tls_context **tls,
                                struct error *err);
/* The files anew, of settings that have been reloaded. */
MUST_CHECK bool tls_source_load(const struct tls_source *t, const struct settings *s,
                                struct tls_context **tls, struct error *err);
/* From time to time: another certificate where that of the development CA has been renewed, else
 * NULL. */
MUST_CHECK bool tls_source_renew(struct tls_source *t, const struct settings *s,
                                 struct tls_context **tls, struct error *err);
void tls_source_close(struct tls_source *t);

#endif
