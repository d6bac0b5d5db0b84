/* SPDX-License-Identifier: MIT */
#include "server/tls_source.h"

#include "base/clock.h"

/* Clients judge a certificate by clocks of their own, which nobody has moved. */
static int64_t clients_now_ms(void)
{
    static const struct clock clock;

    return clock_now_ms(&clock);
}

bool tls_source_open(struct tls_source *t, const struct settings *s, const struct data_folder *f,
                     struct tls_context **tls, struct error *err)
{
    if (s->tls_development && !s->tls_certificate) {
        t->ca = development_ca_open(s, f, clients_now_ms(), err);
        if (!t->ca)
            return false;
    }
    return tls_source_load(t, s, tls, err);
}

bool tls_source_load(const struct tls_source *t, const struct settings *s, struct tls_context **tls,
                     struct error *err)
{
    *tls = NULL;
    if (s->tls_certificate)
        *tls = tls_context_new_server(s->tls_certificate, s->tls_key, err);
    else if (t->ca)
        *tls = tls_context_new_server(development_ca_server_file(t->ca),
                                      development_ca_server_key_file(t->ca), err);
    else
        return true;
    return *tls != NULL;
}

bool tls_source_renew(struct tls_source *t, const struct settings *s, struct tls_context **tls,
                      struct error *err)
{
    bool renewed;

    *tls = NULL;
    if (!t->ca)
        return true;
    if (!development_ca_renew(t->ca, clients_now_ms(), &renewed, err))
        return false;
    return !renewed || tls_source_load(t, s, tls, err);
}

void tls_source_close(struct tls_source *t)
{
    development_ca_free(t->ca);
    t->ca = NULL;
}
