/*
 * The whole way of a request in any order of events: real connections and exchanges over streams and
 * engines that are made up. The input is a script: each byte says what happens next, to which client
 * or call, and some take another byte along. Whatever happens, each request ends once, each call of
 * an engine too, nothing is left over, and what each client got is HTTP, its replies in the order of
 * its requests.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../unit/inference/rig.h"
#include "../unit/net/fake_stream.h"
#include "base/log.h"
#include "identity/credential.h"
#include "net/http_server_private.h"
#include "reply_check.h"
#include "script_engine.h"
#include "fuzz.h"

#define CLIENTS 4
#define CALLS 4
#define REQUESTS_MAX 64 /* of one connection */
#define BYTES_MAX ((size_t)1024 * 1024)
#define SHAPING_MS_MAX 10000

/* The rig is made for one request without a connection; of that nothing happens here. */
struct fake_reply fake_reply;
struct fake_engine fake_engine;
void fake_reply_clear(void)
{
}
void fake_engine_clear(void)
{
}

/* -- The script -------------------------------------------------------------------------------- */

static const uint8_t *script;
static size_t script_len;

static unsigned next_byte(void)
{
    if (!script_len)
        return 0;
    script_len--;
    return *script++;
}

/* -- Clients ----------------------------------------------------------------------------------- */

struct client {
    struct stream *stream; /* NULL: not connected yet */
    struct buf out;        /* what it is about to send */
    unsigned requests;     /* of which all or a part is in `out` or was sent */
    bool is_head[REQUESTS_MAX + 1];
    bool is_raw; /* it has sent what the script made up: who knows what it asked for */
};

static struct client clients[CLIENTS];
static struct http_server *server;

#define CHAT "/chat/completions" RIG_VERSION
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static const struct {
    const char *method, *path, *headers, *body;
    bool is_chunked;
} requests[] = {
    { "POST", "/openai/deployments/up" CHAT, "", "{" MESSAGES "}", false },
    { "POST", "/openai/deployments/up" CHAT, "", "{\"stream\":true," MESSAGES "}", false },
    { "POST", "/openai/deployments/llama" CHAT, "", "{\"max_tokens\":30," MESSAGES "}", false },
    { "POST", "/openai/deployments/sim" CHAT, "",
      "{\"stream\":true,\"n\":2,\"stream_options\":{\"include_usage\":true}," MESSAGES "}", true },
    { "POST", "/openai/deployments/ada/embeddings" RIG_VERSION, "", "{\"input\":[\"a\",\"b\"]}",
      false },
    { "POST", "/openai/deployments/text/completions" RIG_VERSION, "", "{\"prompt\":\"a\"}", false },
    { "POST", "/openai/v1/chat/completions", "", "{\"model\":\"up\"," MESSAGES "}", true },
    { "POST", "/openai/deployments/up" CHAT, "", "no json", false },
    { "POST", "/openai/deployments/nothing" CHAT, "", "{}", false },
    { "POST", "/openai/deployments/up" CHAT, "Expect: 100-continue\r\n", "{" MESSAGES "}", false },
    { "POST", "/openai/deployments/up" CHAT, "Connection: close\r\n", "{" MESSAGES "}", false },
    { "POST", "/openai/deployments/up/chat/completions", "", "{}", true },
    { "GET", "/openai/models" RIG_VERSION, "", NULL, false },
    { "HEAD", "/openai/models" RIG_VERSION, "", NULL, false },
    { "GET", "/elsewhere", "", NULL, false },
    { "DELETE", "/openai/deployments/up" CHAT, "", NULL, false },
    { "POST", "/openai/deployments/up" CHAT, "Transfer-Encoding: gzip\r\n", NULL, false },
    { "POST", "/openai/deployments/up" CHAT, "Content-Length: 5\r\nContent-Length: 6\r\n", NULL,
      false },
    { "POST", "/openai/deployments/ptu" CHAT, "", "{\"max_tokens\":30," MESSAGES "}", false },
    { "POST", "/openai/deployments/ptu" CHAT, "", "{\"stream\":true," MESSAGES "}", false },
};

static void compose_body(struct buf *out, struct str body, bool is_chunked)
{
    size_t half = body.len / 2;

    if (is_chunked)
        check(buf_printf(
            out, "Transfer-Encoding: chunked\r\n\r\n%zx;x=y\r\n%.*s\r\n%zx\r\n%.*s\r\n0\r\n\r\n",
            half, (int)half, body.data, body.len - half, (int)(body.len - half), body.data + half));
    else
        check(buf_printf(out, "Content-Length: %zu\r\n\r\n%.*s", body.len, STR_ARGS(body)));
}

/* The body with a long text in place of its short one, beyond what is read with a head. */
static void compose_large_body(struct buf *out, const char *body, bool is_chunked)
{
    static const struct str words[] = { STR("words and more words "), STR("a line\\n"),
                                        STR("\\u00e9"), STR("\xC3\xA9") };
    const char *text = strstr(body, "hi");
    size_t len = 17000 + (size_t)next_byte() * 300, kind = next_byte();
    struct buf large;

    buf_init(&large, BYTES_MAX);
    check(buf_append(&large, text ? str_of(body, (size_t)(text - body)) : str_from(body)));
    for (size_t i = 0; text && buf_len(&large) < len; i++)
        check(buf_append(&large, words[(kind >> 2 * (i % 4)) % ARRAY_LEN(words)]));
    check(!text || buf_append(&large, str_from(text + 2)));
    compose_body(out, buf_str(&large), is_chunked);
    buf_done(&large);
}

/* The number of a request says the same of it less so many. */
#define LARGE_FROM (5 * ARRAY_LEN(requests))

/* It names itself by its number, which the reply says again. */
static void compose(struct client *c)
{
    unsigned byte = next_byte(), which = (byte & 0x7F) % ARRAY_LEN(requests);

    if (c->requests == REQUESTS_MAX)
        return;
    c->is_head[++c->requests] = strcmp(requests[which].method, "HEAD") == 0;
    check(buf_printf(
        &c->out,
        "%s %s HTTP/1.1\r\nHost: h\r\napi-key: " RIG_KEY "\r\nx-ms-client-request-id: %u\r\n%s",
        requests[which].method, requests[which].path, c->requests, requests[which].headers));
    if (byte & 0x80) /* a few of these fill a read buffer */
        check(buf_printf(&c->out, "x-pad: %03000u\r\n", 0u));
    if (requests[which].body && (byte & 0x7F) >= LARGE_FROM)
        compose_large_body(&c->out, requests[which].body, requests[which].is_chunked);
    else if (requests[which].body)
        compose_body(&c->out, str_from(requests[which].body), requests[which].is_chunked);
    else
        check(buf_append(&c->out, STR("\r\n")));
}

static void make_up(struct client *c)
{
    for (size_t len = next_byte() % 32; len; len--) {
        char byte = (char)next_byte();

        check(buf_append(&c->out, str_of(&byte, 1)));
    }
    c->is_raw = true;
}

/* `len` bytes of what it has to send, as far as they are taken, in reads of at most `step`. */
static void send_some(struct client *c, size_t len, size_t step)
{
    struct str bytes = str_slice(buf_str(&c->out), 0, len);

    if (c->stream && !c->stream->is_closed)
        buf_consume(&c->out, fake_feed(c->stream, bytes, step));
}

static void send_all(struct client *c)
{
    size_t step = (size_t[]){ 0, 0, 1, 7 }[next_byte() % 4];

    send_some(c, SIZE_MAX, step);
}

/* Only the last reply may be a part, where the connection was cut, and never a wrong one. */
static void check_replies(struct client *c)
{
    struct str rest = buf_str(&c->stream->out);
    bool is_whole = true;
    unsigned number = 0;
    struct reply r;

    while (rest.len && is_whole && !c->is_raw) {
        is_whole = reply_check_head(&rest, &r);
        if (is_whole && r.status == 100)
            continue;
        number++;
        check(number <= c->requests);
        check(!r.id || r.id == number);
        is_whole = is_whole && reply_check_body(&rest, &r, c->is_head[number]);
    }
    check(is_whole || !c->stream->is_flushed);
}

/* -- Events ------------------------------------------------------------------------------------ */

static void turn(void)
{
    uv_run(loop_uv(rig.loop), UV_RUN_NOWAIT);
    uv_run(loop_uv(rig.loop), UV_RUN_NOWAIT);
}

/* An answer that a thread is shaping ends when that is done, a client who left or not. */
static void finish_shaping(void)
{
    const struct timespec pause = { .tv_nsec = 1000 * 1000 };

    for (unsigned ms = 0; rig.inference->active && ms < SHAPING_MS_MAX; ms++) {
        nanosleep(&pause, NULL);
        turn();
    }
}

static void leave(struct client *c, enum stream_end why)
{
    if (!c->stream || c->stream->is_closed)
        return;
    if (why == STREAM_END_EOF && !c->stream->is_reading)
        fake_shut(c->stream); /* for who watches */
    else
        fake_end(c->stream, why);
}

static void forget(struct client *c)
{
    if (c->stream)
        check_replies(c);
    buf_done(&c->out);
    *c = (struct client){ 0 };
    buf_init(&c->out, BYTES_MAX);
}

static void arrive(struct client *c)
{
    unsigned byte = next_byte();

    if (c->stream && !c->stream->is_closed)
        return;
    forget(c);
    c->stream = fake_connect();
    check(c->stream != NULL);
    if (byte & 1)
        c->stream->window = 100; /* then it takes more only when the script says so */
}

/* The first one whose time is up: each kind's are in that order. */
static void time_passes(void)
{
    enum wait kind = WAIT_FIRST + next_byte() % (WAIT_KINDS - WAIT_FIRST);

    if (server->waits[kind])
        connection_on_timeout(server->waits[kind]);
}

static void break_writes(struct client *c)
{
    if (!c->stream || c->stream->is_closed)
        return;
    c->stream->is_broken = true;
    fake_end(c->stream, STREAM_END_RESET);
}

static void wind_down(unsigned event)
{
    if ((event & 0xC0) == 0xC0 && server->connections && server->connections->stream)
        connection_end(server->connections); /* as the end of a drain's grace does */
    else if (event & 0x80)
        http_server_announce_drain(server);
    else
        turn();
}

static void play(unsigned event)
{
    struct client *c = &clients[event >> 4 & (CLIENTS - 1)];
    struct engine_call *call = script_engine_call(event >> 4 & (CALLS - 1));

    switch (event & 15) {
    case 0:
        arrive(c);
        break;
    case 1:
        compose(c);
        send_all(c);
        break;
    case 2:
        compose(c); /* and the next events say how much of it comes when */
        break;
    case 3:
        send_some(c, next_byte() * (buf_len(&c->out) > SERVER_BUFFER_BYTES ? 200 : 1), 0);
        break;
    case 4:
        send_all(c);
        break;
    case 5:
        make_up(c);
        break;
    case 6:
        leave(c, event & 0x80 ? STREAM_END_RESET : STREAM_END_EOF);
        break;
    case 7:
        break_writes(c);
        break;
    case 8:
        if (c->stream && !c->stream->is_closed)
            fake_take(c->stream, event & 0x40 ? 100000 : 1 + next_byte());
        break;
    case 9:
        time_passes();
        break;
    case 10:
        script_engine_says_head(call, next_byte());
        break;
    case 11:
        script_engine_says(call, next_byte());
        break;
    case 12:
        script_engine_ends(call);
        break;
    case 13:
        script_engine_fails(call, next_byte());
        break;
    case 14:
        wind_down(event);
        break;
    default:
        script_engine.context_tokens = event & 0x40 ? 1000000 : event & 0x80 ? 40 : 0;
        break;
    }
}

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    r->surface = NULL;
    if (inference_matches(r->path))
        inference_on_head(rig.inference, r);
    else
        http_reply(r, 404, NULL, STR("nothing"));
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    inference_on_body(r);
}

static void on_body_part(void *data, struct http_request *r, struct str body, size_t content_length)
{
    (void)data;
    inference_on_body_part(r, body, content_length);
}

static void on_drain(void *data, struct http_request *r)
{
    (void)data;
    inference_on_drain(r);
}

static void on_wake(void *data, struct http_request *r)
{
    (void)data;
    inference_on_wake(r);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    inference_on_gone(r);
}

static void on_time_up(void *data, struct http_request *r)
{
    (void)data;
    inference_on_time_up(r);
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    return inference_render_error(r, err, headers);
}

static void start(void)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_body_part = on_body_part,
        .on_drain = on_drain,
        .on_wake = on_wake,
        .on_gone = on_gone,
        .render_error = render_error,
        .on_time_up = on_time_up,
        .is_secret = credential_is_header,
    };
    struct listener_options options = { .host = "127.0.0.1" };
    struct http_server_limits limits;
    struct error err;

    log_set_level(LOG_ERROR);
    rig_open();
    http_server_limits_default(&limits);
    limits.head_bytes_max = 4096;
    limits.url_bytes_max = 256;
    limits.header_count_max = 16;
    limits.body_bytes_max = 100000;
    limits.bodies_bytes_max = 150000;
    limits.reply_high_bytes = 512;
    server = http_server_new(rig.loop, &limits, &handler, NULL);
    check(http_server_listen(server, &options, NULL, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server)
        start();
    script = data;
    script_len = size;
    script_engine = (struct script_engine){ .context_tokens = 1000000 };
    for (size_t i = 0; i < CLIENTS; i++)
        buf_init(&clients[i].out, BYTES_MAX);
    while (script_len)
        play(next_byte());
    /* All leave. The engines hear of it, and what they were asked is over. */
    for (size_t i = 0; i < CLIENTS; i++)
        leave(&clients[i], STREAM_END_RESET);
    turn();
    check(!script_engine_call(0) && script_engine.started == script_engine.ended);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].stream && !clients[i].stream->is_closed)
            fake_take(clients[i].stream, SIZE_MAX / 2);
    }
    turn();
    finish_shaping();
    check(http_server_stats(server).requests_active == 0);
    check(http_server_stats(server).connections_open == 0);
    check(rig.inference->active == 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        forget(&clients[i]);
        buf_done(&clients[i].out);
    }
    check(fake_free_all() == 0);
    server->says_close = false;
    return 0;
}
