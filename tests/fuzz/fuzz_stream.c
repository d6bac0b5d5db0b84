/*
 * The order of events: the input says what the two ends of a connection do, step by step (write,
 * stop and start reading, close in any way, now or in the next event, let the loop run), plain or
 * TLS. Nothing may crash or leak, no event may come after a close or out of a call, and what
 * arrives is what was sent: all of it, when the sender closed in order and the receiver read on.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/listener.h"
#include "fuzz.h"

enum close { CLOSE_NOT, CLOSE_CUT, CLOSE_FLUSH };

struct end {
    struct stream *s; /* NULL: closed */
    struct end *peer;
    uint64_t sent, received; /* counts, from which the bytes follow */
    enum close on_event;     /* what to do in the next event */
    enum close closed;
    bool is_connected, has_failed, got_eof, is_inside, is_shut, is_watched;
    char space[3000];
};

static struct loop *l;
static struct listener *listener;
static struct tls_context *server_tls, *client_tls;
static char folder[] = "/tmp/lazuli-fuzz-XXXXXX";
static char path[64];
static struct end client, server;
static char bytes[200 * 1024 + 256];

static void close_end(struct end *e, enum close how)
{
    struct stream *s = e->s;

    if (!s || how == CLOSE_NOT)
        return;
    e->s = NULL;
    e->closed = how;
    e->is_inside = true;
    stream_close(s, how == CLOSE_FLUSH);
    e->is_inside = false;
}

static struct end *enter(void *data)
{
    struct end *e = data;

    assert(e->s && !e->is_inside);
    return e;
}

static void leave(struct end *e)
{
    enum close how = e->on_event;

    e->on_event = CLOSE_NOT;
    close_end(e, how);
}

static void on_connect(void *data)
{
    struct end *e = enter(data);

    e->is_connected = true;
    leave(e);
}

static void on_connect_failed(void *data, const struct error *err)
{
    struct end *e = enter(data);

    assert(err->text[0]);
    e->has_failed = true;
    close_end(e, CLOSE_CUT);
}

static struct stream_space on_space(void *data)
{
    struct end *e = enter(data);

    return (struct stream_space){ e->space, sizeof(e->space) };
}

static void on_read(void *data, struct str read)
{
    struct end *e = enter(data);

    for (size_t i = 0; i < read.len; i++)
        assert((unsigned char)read.data[i] == (e->received + i) % 256);
    e->received += read.len;
    leave(e);
}

static void on_end(void *data, enum stream_end why)
{
    struct end *e = enter(data);

    assert(!e->has_failed && !(e->got_eof && why == STREAM_END_EOF));
    if (why == STREAM_END_EOF)
        e->got_eof = true;
    else
        e->has_failed = true;
    leave(e);
}

static void on_drain(void *data)
{
    struct end *e = enter(data);

    assert(stream_pending(e->s) == 0);
    leave(e);
}

static void on_shut(void *data)
{
    struct end *e = enter(data);

    assert(e->is_watched);
    e->is_watched = false; /* it is told once */
    leave(e);
}

static const struct stream_events events = {
    on_connect, on_connect_failed, on_space, on_read, on_end, on_drain, on_shut,
};

static void on_accept(void *data, struct stream *s)
{
    struct end *e = data;

    assert(!e->s && !e->closed);
    e->s = s;
    e->is_connected = true;
    stream_set_events(s, &events, e);
    stream_read_start(s);
}

static void write_some(struct end *e, unsigned amount)
{
    const size_t sizes[] = { 1, 100, 16383, 16385, 200 * 1024 };
    struct str parts[3];
    size_t len = sizes[amount % 5];
    bool ok;

    if (!e->is_connected || e->is_shut || stream_pending(e->s) > 1024 * 1024)
        return;
    parts[0] = str_of(bytes + e->sent % 256, len / 3);
    parts[1] = STR_NONE;
    parts[2] = str_of(parts[0].data + parts[0].len, len - parts[0].len);
    e->is_inside = true;
    ok = stream_write(e->s, parts, 3);
    e->is_inside = false;
    if (ok)
        e->sent += len;
    else
        e->sent = UINT64_MAX; /* unknown from here on */
}

static void shut(struct end *e)
{
    if (!e->is_connected)
        return;
    e->is_shut = true;
    e->is_inside = true;
    stream_shut(e->s);
    e->is_inside = false;
}

static void watch(struct end *e)
{
    e->is_inside = true;
    if (stream_watch(e->s))
        e->is_watched = true;
    e->is_inside = false;
}

static void step(struct end *e, unsigned what, unsigned amount)
{
    if (what == 0)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    else if (!e->s)
        return;
    else if (what == 1 && e->sent != UINT64_MAX)
        write_some(e, amount);
    else if (what == 2)
        stream_read_stop(e->s);
    else if (what == 3)
        stream_read_start(e->s);
    else if (what == 4)
        e->on_event = amount % 2 ? CLOSE_FLUSH : CLOSE_CUT;
    else if (what == 5)
        close_end(e, amount % 4 ? CLOSE_FLUSH : CLOSE_CUT);
    else if (what == 6)
        shut(e);
    else if (what == 7)
        watch(e);
}

/* `e` lives on, its peer has closed: it gets all that was sent, then the end. */
static void finish(struct end *e)
{
    bool is_whole;

    if (!e->s)
        return;
    is_whole = e->is_connected && e->peer->closed == CLOSE_FLUSH && e->peer->is_connected &&
               e->peer->sent != UINT64_MAX && !e->peer->has_failed && e->sent == 0;
    e->on_event = CLOSE_NOT;
    stream_read_start(e->s);
    while (!e->got_eof && !e->has_failed)
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (is_whole && e->got_eof)
        assert(e->received == e->peer->sent);
    close_end(e, CLOSE_CUT);
}

static void count(uv_handle_t *handle, void *number)
{
    (void)handle;
    (*(unsigned *)number)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_address address = { .unix_path = path, .tls_server_name = "localhost" };
    unsigned idle = 0, handles;

    if (size > 200)
        return 0;
    uv_walk(loop_uv(l), count, &idle);
    client = (struct end){ .peer = &server };
    server = (struct end){ .peer = &client };
    if (size && data[0] & 1)
        address.tls = client_tls;
    client.s = stream_connect(l, &address, 0, &events, &client);
    for (size_t i = 1; i < size; i++)
        step(data[i] & 8 ? &server : &client, data[i] & 7, data[i] >> 4);
    while (!server.is_connected) /* accepted, whatever has become of the client */
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (server.s && client.s)
        close_end(&client, CLOSE_FLUSH);
    finish(&server);
    finish(&client);
    do {
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
        handles = 0;
        uv_walk(loop_uv(l), count, &handles);
    } while (handles > idle);
    return 0;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");

    X509_set_version(x, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 365L * 24 * 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x, key, EVP_sha256());
    return x;
}

static void make_contexts(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_certificate(key);
    char pem[64];
    struct error err;
    FILE *file;

    snprintf(pem, sizeof(pem), "%s/pem", folder);
    file = fopen(pem, "w");
    assert(file);
    PEM_write_X509(file, x);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    server_tls = tls_context_new_server(pem, pem, &err);
    client_tls = tls_context_new_client(pem, &err);
    assert(server_tls && client_tls);
    unlink(pem);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void tidy_up(void)
{
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct listener_options options = { .unix_path = path };
    struct error err;

    (void)argc;
    (void)argv;
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof(path), "%s/socket", folder);
    atexit(tidy_up);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i % 256);
    make_contexts();
    options.tls = server_tls;
    l = loop_new();
    listener = listener_new(l, &options, on_accept, &server, &err);
    assert(listener);
    return 0;
}
