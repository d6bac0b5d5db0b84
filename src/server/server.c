/* SPDX-License-Identifier: MIT */
#include "server/server_private.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "identity/admin_token.h"
#include "identity/authority.h"
#include "server/federation.h"
#include "server/file_limit.h"
#include "server/key_secret.h"
#include "server/llama_path.h"
#include "server/sandbox.h"
#include "server/sealing.h"

static const int handled_signals[] = { SIGTERM, SIGINT, SIGHUP };

/* ---- start ---- */

static void mask_hangup(int how)
{
    sigset_t hangup;

    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    pthread_sigmask(how, &hangup, NULL);
}

void server_hold_reloads(void)
{
    mask_hangup(SIG_BLOCK);
}

static unsigned worker_count(const struct settings *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (s->workers)
        return (unsigned)s->workers;
    return cores > 0 ? (unsigned)cores : 1;
}

static bool open_tls(struct server *s, struct error *err)
{
    if (!tls_source_open(&s->tls_source, s->options.settings, &s->folder, &s->tls, err))
        return false;
    if (s->tls_source.ca)
        s->shared.authority_pem = development_ca_pem(s->tls_source.ca);
    return true;
}

/* The sandbox comes after the command that prints the master key, which is the operator's own and may
 * need more than is left. */
static bool open_data(struct server *s, struct error *err)
{
    const struct settings *settings = s->options.settings;
    struct issuers *issuers;

    if (!data_folder_open(&s->folder, settings->data, err) || !data_folder_lock(&s->folder, err) ||
        !data_folder_unpack_model(&s->folder, err))
        return false;
    s->box = sealing_open(settings, &s->folder, true, err);
    if (!s->box || !sandbox_enter(settings_sandbox_mode(settings), s->folder.path, err))
        return false;
    s->store = store_open(s->folder.database, err);
    if (!s->store)
        return false;
    if (store_is_alone(s->store))
        log_warn("store_not_shared",
                 "advice=\"the disk is full: until the next start no other process can read the "
                 "store, neither a backup nor another lazuli command\"");
    s->catalog = server_load_catalog(settings, err);
    if (!s->catalog)
        return false;
    issuers = issuers_load(settings->identity_file, err);
    if (!issuers)
        return false;
    s->federation = federation_new(issuers);
    s->vault = key_vault_new();
    sealing_configure_vault(settings, s->vault);
    return open_tls(s, err) && key_secret_open(s->store, s->box, &s->key_hash, err);
}

static bool make_workers(struct server *s, unsigned *port, struct error *err)
{
    struct worker_shared *shared = &s->shared;
    unsigned count = worker_count(s->options.settings);
    char *host;
    bool ok = true;

    if (!settings_parse_listen(s->options.settings->listen, &host, port, err))
        return false;
    shared->workers = memory_alloc_array(count, sizeof(struct worker *));
    shared->metrics = metrics_new(count);
    while (ok && shared->worker_count < count) {
        struct worker *w = worker_new(shared, shared->worker_count, host, port, s->tls, err);

        ok = w != NULL;
        if (ok)
            shared->workers[shared->worker_count++] = w;
    }
    free(host);
    return ok;
}

static struct str listen_host(const struct settings *settings)
{
    struct str listen = str_from(settings->listen);

    return str_slice(listen, 0, (size_t)(strrchr(listen.data, ':') - listen.data));
}

static bool is_wildcard(struct str host)
{
    return str_equal(host, STR("0.0.0.0")) || str_equal(host, STR("[::]"));
}

/* Clients cannot connect to a wildcard address: they get this machine's loopback, by number, since a
 * minimal system has no file that says what localhost is. */
static struct str public_base(struct server *s, unsigned port)
{
    const struct settings *settings = s->options.settings;
    const char *scheme = settings->tls_certificate || settings->tls_required ? "https" : "http";
    struct str host = listen_host(settings);

    if (settings->public_base) {
        struct str base = str_from(settings->public_base);

        while (base.len && base.data[base.len - 1] == '/')
            base.len--;
        return base;
    }
    if (is_wildcard(host))
        host = STR("127.0.0.1");
    return arena_printf(s->arena, "%s://%.*s:%u", scheme, STR_ARGS(host), port);
}

static struct bootstrap_endpoint endpoint_of(struct server *s, unsigned port)
{
    struct bootstrap_endpoint e = { .public_base = public_base(s, port) };

    if (str_starts_with(e.public_base, STR("https:")))
        e.secure_base = e.public_base;
    else if (s->tls)
        e.secure_base =
            arena_printf(s->arena, "https%.*s", STR_ARGS(str_slice(e.public_base, 4, SIZE_MAX)));
    if (s->tls_source.ca)
        e.authority_file = STR(DEVELOPMENT_CA_FILE);
    return e;
}

static bool on_authenticate(void *data, struct http_request *r, struct str token,
                            struct principal *who, struct error *err)
{
    struct server *s = data;
    int64_t expires_at_ms;

    if (!admin_token_matches(s->admin_token, token))
        return authority_check(s->shared.authority, r->arena, token, &token_audiences_control, who,
                               &expires_at_ms, err);
    *who = (struct principal){ .name = STR("admin"), .is_administrator = true };
    return true;
}

static bool make_arm(struct server *s, struct error *err)
{
    struct worker_shared *shared = &s->shared;

    shared->directory = directory_box_new(directory_new(s->catalog, NULL, 0));
    shared->authority = authority_new(s->box, &s->clock, s->info.tenant_id);
    authority_trust(shared->authority, federation_keys(s->federation));
    shared->entra = entra_new(&(struct entra_options){
        .store = s->store,
        .authority = shared->authority,
        .directory = shared->directory,
        .subscription_id = s->info.subscription_id,
        .box = s->box,
        .public_base = s->info.endpoint.public_base,
        .has_any_name =
            !s->options.settings->public_base && is_wildcard(listen_host(s->options.settings)),
        .trusted_proxies = str_from(s->options.settings->trusted_proxies),
        .machine_identity = str_from(s->options.settings->machine_identity),
        .machine_identities = str_from(s->options.settings->machine_identities),
    });
    s->admin_token = admin_token_new(s->info.admin_token);
    secret_wipe(s->info.admin_token);
    secret_wipe(s->info.client_secret);
    shared->arm = arm_new(&(struct arm_options){
        .store = s->store,
        .clock = &s->clock,
        .catalog = s->catalog,
        .directory = shared->directory,
        .box = s->box,
        .vault = s->vault,
        .key_hash = s->key_hash,
        .authority = shared->authority,
        .tenant_id = s->info.tenant_id,
        .public_base = s->info.endpoint.public_base,
        .is_public_base_set = s->options.settings->public_base,
        .data_domain = str_from(s->options.settings->data_domain),
        .trusted_proxies = str_from(s->options.settings->trusted_proxies),
        .is_unthrottled = !s->options.settings->arm_rate_limits,
        .authenticate = on_authenticate,
        .authenticate_data = s,
    });
    return bootstrap_resources(s->store, shared->arm, s->options.quickstart, &s->info, err) &&
           authority_load(shared->authority, s->store, err) && arm_load_directory(shared->arm, err);
}

/* The store's copy of the endpoint is for other commands; the service does without. */
static void note_endpoint(struct server *s)
{
    struct error err;

    if (!bootstrap_note_endpoint(s->store, &s->info.endpoint, s->arena, &err))
        log_warn("endpoint_not_noted", "error=\"%s\" advice=\"lazuli env tells an earlier one\"",
                 err.text);
}

static bool read_info(struct server *s, const struct bootstrap_endpoint *endpoint,
                      struct error *err)
{
    if (!bootstrap_read(s->store, s->box, s->vault, s->arena, &s->info, err))
        return false;
    s->info.endpoint = *endpoint;
    return true;
}

static void make_engines(struct server *s)
{
    s->llama_server = llama_path_find(s->options.settings->llama_server);
    if (!s->llama_server)
        log_warn(
            "llama_server_missing",
            "advice=\"engines of kind llama cannot run: put llama-server on the PATH, or its path "
            "into llama_server; make run installs it\"");
    s->shared.engines = engines_new(
        &(struct engines_options){
            .loop = s->loop,
            .run_folder = s->folder.run,
            .llama_server = s->llama_server,
            .embedded_model = s->folder.model,
        },
        s->catalog);
}

struct server *server_new(const struct server_options *options, struct error *err)
{
    struct server *s = memory_alloc(sizeof(*s));
    struct bootstrap_endpoint endpoint;
    unsigned port;

    s->options = *options;
    s->folder.lock_fd = -1;
    s->arena = arena_new(NULL);
    s->shared.settings = options->settings;
    s->shared.clock = &s->clock;
    s->shared.refusals = refusal_log_new(REFUSAL_LOG_MAX);
    s->shared.authenticate = on_authenticate;
    s->shared.authenticate_data = s;
    if (!options->settings->core_dumps)
        sandbox_hide_memory();
    /* before the sandbox takes the right to go beyond the hard limit */
    file_limit_raise(worker_count(options->settings) *
                     (unsigned long)options->settings->connections_max);
    if (!open_data(s, err))
        goto failed;
    /* Within the sandbox, which forbids io_uring: from 1.45 on libuv makes a ring for each loop if it
     * may, and ends the process when the ring cannot be used later. */
    s->loop = loop_new();
    loop_start_pool(s->loop);
    if (!make_workers(s, &port, err))
        goto failed;
    endpoint = endpoint_of(s, port);
    if (!bootstrap_identity(s->store, s->box, &endpoint, s->arena, &s->info, err) ||
        !make_arm(s, err) || !server_load_spending(s, err) || !read_info(s, &endpoint, err))
        goto failed;
    note_endpoint(s);
    s->shared.key_hash = s->key_hash;
    make_engines(s);
    server_resume_spending(s);
    return s;

failed:
    server_free(s);
    return NULL;
}

void server_forget_keys(struct server *s)
{
    secret_wipe(s->info.key1);
    secret_wipe(s->info.admin_token);
    secret_wipe(s->info.client_secret);
    s->info.key1 = s->info.admin_token = s->info.client_secret = STR_NONE;
}

const struct bootstrap_info *server_info(const struct server *s)
{
    return &s->info;
}

/* ---- run ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;

    if (number == SIGHUP) {
        if (!server_is_stopping(s))
            server_on_hangup(s);
        return;
    }
    if (server_is_stopping(s))
        _exit(1);
    server_drain(s);
}

void server_run(struct server *s)
{
    for (size_t i = 0; i < ARRAY_LEN(handled_signals); i++) {
        uv_signal_init(loop_uv(s->loop), &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, handled_signals[i]);
    }
    server_start_timers(s);
    server_start_spending(s);
    uv_timer_init(loop_uv(s->loop), &s->drain_timer);
    s->drain_timer.data = s;
    federation_start(s->federation, s->loop);
    memory_return_all(); /* a catalog in YAML, certificates and hashes took their part */
    for (unsigned i = 0; i < s->shared.worker_count; i++)
        worker_start(s->shared.workers[i]);
    /* in this thread alone, so that server_hold_reloads holds at the end, too */
    mask_hangup(SIG_UNBLOCK);
    log_info("started", "endpoint=%.*s workers=%u", STR_ARGS(s->info.endpoint.public_base),
             s->shared.worker_count);
    server_make_signing_key(s);
    s->has_run = true;
    loop_run(s->loop);
    log_info("stopped", NULL);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->shared.worker_count; i++)
        worker_free(s->shared.workers[i]);
    free(s->shared.workers);
    engines_free(s->shared.engines);
    if (s->store)
        store_close(s->store);
    arm_free(s->shared.arm);
    entra_free(s->shared.entra);
    authority_free(s->shared.authority);
    federation_free(s->federation);
    directory_box_free(s->shared.directory);
    metrics_free(s->shared.metrics);
    refusal_log_free(s->shared.refusals);
    admin_token_free(s->admin_token);
    key_hash_free(s->key_hash);
    key_vault_free(s->vault);
    secret_box_free(s->box);
    tls_context_unref(s->tls);
    tls_source_close(&s->tls_source);
    catalog_unref(s->catalog);
    arena_free(s->spending.arena);
    free(s->drained);
    free(s->llama_server);
    if (s->loop && !s->has_run) {
        /* What a loop is made of has to be closed by a turn of it. */
        loop_stop(s->loop);
        loop_run(s->loop);
    }
    loop_free(s->loop);
    arena_free(s->arena);
    data_folder_close(&s->folder);
    free(s);
}
