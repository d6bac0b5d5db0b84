/*
 * What changes while the server runs: settings, catalog, issuers and certificates at SIGHUP, and what
 * happens at its date.
 * SPDX-License-Identifier: MIT
 */
#include "arm/activity.h"
#include "base/log.h"
#include "base/memory.h"
#include "identity/authority.h"
#include "server/federation.h"
#include "server/sealing.h"
#include "server/server_private.h"

/* Model dates are days; a minute late is on time. */
#define DATES_EVERY_MS 60000
#define MEMORY_EVERY_MS 10000
/* Of these turns: whether it is time for new signing keys is a matter of days; whether a vault has newer
 * keys, or has lost one, is asked often enough so. */
#define KEYS_EVERY_TURNS 60

struct catalog *server_load_catalog(const struct settings *s, struct error *err)
{
    if (s->catalog)
        return catalog_load(s->catalog, err);
    return catalog_parse(catalog_default_text(), "built-in catalog", err);
}

static void log_ignored(struct server *s, const struct settings *next)
{
    struct buf ignored;

    buf_init(&ignored, 1024);
    settings_reload(s->options.settings, next, &ignored);
    if (buf_len(&ignored))
        log_warn("reload_ignored", "settings=\"%.*s\" reason=\"need a restart\"",
                 STR_ARGS(buf_str(&ignored)));
    buf_done(&ignored);
}

/* A job of the control plane is done; `failed` is what the log calls its failure. */
static void end_publishing(struct server *s, const struct error *err, const char *failed)
{
    if (err)
        log_error(failed, "error=\"%s\"", err->text);
    s->publishing--;
    server_leave_when_done(s);
}

static void on_catalog_published(void *data, const struct error *err)
{
    if (!err)
        log_info("reload_done", NULL);
    end_publishing(data, err, "reload_failed");
}

static void on_dates_looked_at(void *data, const struct error *err)
{
    end_publishing(data, err, "dates_failed");
}

static void on_activity_trimmed(void *data, const struct error *err)
{
    end_publishing(data, err, "activity_log_trim_failed");
}

static void on_principals_read(void *data, const struct error *err)
{
    end_publishing(data, err, "signing_keys_failed");
}

static void on_keys_published(void *data, const struct error *err)
{
    if (!err)
        log_info("vault_keys_done", NULL);
    end_publishing(data, err, "vault_keys_failed");
}

static void on_missing_keys_published(void *data, const struct error *err)
{
    end_publishing(data, err, "vault_keys_failed");
}

/* Accounts go on by the keys that are known meanwhile: a vault may take its time. */
static void refresh_vault(struct server *s, bool only_missing)
{
    s->publishing++;
    arm_refresh_keys(s->shared.arm, only_missing, s->loop,
                     only_missing ? on_missing_keys_published : on_keys_published, s);
}

static void refresh_authority(struct server *s)
{
    s->publishing++;
    entra_refresh(s->shared.entra, s->loop, on_principals_read, s);
}

void server_make_signing_key(struct server *s)
{
    struct authority_state *known = authority_state(s->shared.authority);

    if (!authority_can_sign(known))
        refresh_authority(s);
    authority_state_unref(known);
}

static void set_tls(struct server *s, struct tls_context *tls)
{
    tls_context_unref(s->tls);
    s->tls = tls;
    for (unsigned i = 0; tls && i < s->shared.worker_count; i++)
        worker_set_tls(s->shared.workers[i], tls);
}

static void renew_certificate(struct server *s)
{
    struct tls_context *tls;
    struct error err;

    if (!tls_source_renew(&s->tls_source, s->options.settings, &tls, &err)) {
        log_error("certificate_not_renewed", "error=\"%s\"", err.text);
    } else if (tls) {
        log_info("certificate_renewed", NULL);
        set_tls(s, tls);
    }
}

/* Retirements and upgrades happen at their dates, whether or not something is written then, and the
 * activity log loses what is too old. */
static void on_dates_timer(uv_timer_t *timer)
{
    struct server *s = timer->data;

    if (++s->dates_turns % KEYS_EVERY_TURNS == 0)
        refresh_authority(s);
    if (s->dates_turns % KEYS_EVERY_TURNS == 0)
        refresh_vault(s, false);
    else if (key_vault_lacks(s->vault))
        refresh_vault(s, true);
    renew_certificate(s);
    s->publishing += 2;
    arm_reload_catalog(s->shared.arm, NULL, s->loop, on_dates_looked_at, s);
    arm_activity_trim(s->shared.arm, s->options.settings->activity_log_days, s->loop,
                      on_activity_trimmed, s);
}

static bool reload(struct server *s, struct settings *next, struct error *err)
{
    struct tls_context *tls;
    struct catalog *catalog;
    struct issuers *issuers;

    if (!s->options.read_settings(s->options.data, next, err) ||
        !tls_source_load(&s->tls_source, next, &tls, err))
        return false;
    catalog = server_load_catalog(next, err);
    issuers = catalog ? issuers_load(next->identity_file, err) : NULL;
    if (!issuers) {
        tls_context_unref(tls);
        catalog_unref(catalog);
        return false;
    }
    log_ignored(s, next);
    log_set_level(settings_log_level(s->options.settings));
    set_tls(s, tls);
    federation_reload(s->federation, issuers);
    engines_reload(s->shared.engines, catalog, s->options.settings->drain_ms);
    s->publishing++;
    arm_reload_catalog(s->shared.arm, catalog, s->loop, on_catalog_published, s);
    sealing_configure_vault(s->options.settings, s->vault);
    refresh_vault(s, false);
    catalog_unref(s->catalog);
    s->catalog = catalog;
    return true;
}

void server_on_hangup(struct server *s)
{
    struct settings next;
    struct error err;

    renew_certificate(s);
    settings_init(&next);
    if (!reload(s, &next, &err))
        log_error("reload_refused", "error=\"%s\"", err.text);
    settings_done(&next);
}

static void on_memory_timer(uv_timer_t *timer)
{
    (void)timer;
    memory_return_scattered();
}

void server_start_timers(struct server *s)
{
    uv_timer_init(loop_uv(s->loop), &s->memory_timer);
    uv_timer_start(&s->memory_timer, on_memory_timer, MEMORY_EVERY_MS, MEMORY_EVERY_MS);
    uv_timer_init(loop_uv(s->loop), &s->dates_timer);
    s->dates_timer.data = s;
    uv_timer_start(&s->dates_timer, on_dates_timer, DATES_EVERY_MS, DATES_EVERY_MS);
}
