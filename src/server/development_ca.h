/*
 * The development CA: a certificate authority of the data folder's own, and the certificate that
 * the service presents by it, so that TLS works before anybody has bought or configured one.
 *
 *   tls/ca.pem, ca.key            made at the first start; the first is what clients shall trust
 *   tls/server.pem, server.key    made anew when it nears its end or its names have changed
 *
 * It vouches for what names_of in the .c lists: this machine, the service's own names, and Azure's
 * hosts, for clients that a name override sends here. A new CA takes the place of one that nears its
 * end, or that may not vouch for a new name; it has to be trusted anew.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_DEVELOPMENT_CA_H
#define SERVER_DEVELOPMENT_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "server/data_folder.h"
#include "server/settings.h"

/* Below the data folder: the CA's own certificate. */
#define DEVELOPMENT_CA_FILE "tls/ca.pem"

struct development_ca;

/* Makes what is missing and what is due; what is due and cannot be written is tried again while it runs,
 * as long as what is there is good. ERROR_CONFIG names the file that is damaged. The time is
 * that of the clients' clocks, never one that was moved. */
MUST_CHECK struct development_ca *development_ca_open(const struct settings *s,
                                                      const struct data_folder *f, int64_t now_ms,
                                                      struct error *err);
/* NULL is fine. */
void development_ca_free(struct development_ca *ca);

/* While it runs: a new server's certificate where one is due, which *renewed tells. After a failure,
 * the next attempt is due an hour later. */
MUST_CHECK bool development_ca_renew(struct development_ca *ca, int64_t now_ms, bool *renewed,
                                     struct error *err);

/* The CA's own certificate, PEM; it stays the same as long as the service runs. */
struct str development_ca_pem(const struct development_ca *ca);
/* What the service presents. */
const char *development_ca_server_file(const struct development_ca *ca);
const char *development_ca_server_key_file(const struct development_ca *ca);

#endif
