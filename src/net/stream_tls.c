/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "net/stream_private.h"

/* Records are handed to the socket from here on, while the rest is still being encrypted. */
#define WIRE_BYTES ((size_t)64 * 1024)
/* Replies of TLS itself (key updates, alerts) that a peer may provoke without reading them. */
#define REPLIES_MAX ((size_t)64 * 1024)

/* Hands what TLS has made to the socket; false when the stream has failed. */
static bool send_records(struct stream *s)
{
    struct buf *out = &loop_scratch(s->loop)->out;
    struct str wire = buf_str(out);
    bool ok = stream_send(s, &wire, 1);

    buf_clear(out);
    return ok;
}

/* The same for what TLS says of itself: those bytes are nobody's to bound but ours. */
static void send_replies(struct stream *s)
{
    size_t len = buf_len(&loop_scratch(s->loop)->out);

    if (!len || !send_records(s) || !s->is_writing)
        return;
    s->tls_replies += len;
    if (s->tls_replies > REPLIES_MAX)
        stream_fail(s, "TLS: the peer does not read");
}

void stream_tls_start(struct stream *s, struct tls_context *c, const char *server_name)
{
    bool ok = true;

    s->tls = tls_new(c, !server_name, server_name, &loop_scratch(s->loop)->out);
    s->state = STREAM_SHAKING;
    if (server_name)
        ok = tls_start(s->tls);
    send_replies(s);
    if (!ok)
        stream_fail(s, tls_error(s->tls));
    else
        stream_update_reading(s);
}

/* Gives the owner decrypted bytes for as long as it reads. */
static void give(struct stream *s)
{
    while (s->state == STREAM_OPEN && s->reads_wanted && !s->peer_ended) {
        struct stream_space room = s->events->on_space(s->data);
        enum tls_result result;
        size_t len;

        assert(room.len > 0);
        result = tls_read(s->tls, room.data, room.len, &len);
        send_replies(s);
        if (s->state != STREAM_OPEN)
            return;
        if (result == TLS_FAILED) {
            stream_end(s, STREAM_END_RESET);
        } else if (result == TLS_EOF) {
            stream_end(s, STREAM_END_EOF);
        } else if (len) {
            s->events->on_read(s->data, str_of(room.data, len));
            /* to see that there is nothing, OpenSSL would take a buffer of 16 kB, and wipe it */
            if (!tls_has_pending(s->tls))
                return;
        } else {
            return;
        }
    }
}

void stream_tls_take(struct stream *s, struct str wire)
{
    bool ok = tls_feed(s->tls, wire);

    send_replies(s);
    if (!ok) {
        stream_fail(s, tls_error(s->tls));
        return;
    }
    if (s->state == STREAM_SHAKING && tls_is_ready(s->tls)) {
        s->state = STREAM_OPEN;
        if (s->connecting)
            stream_connected(s);
    }
    give(s);
    tls_keep(s->tls);
}

void stream_tls_resume(struct stream *s)
{
    give(s);
    tls_keep(s->tls);
    if (s->state == STREAM_OPEN)
        stream_update_reading(s);
}

bool stream_tls_write(struct stream *s, const struct str *parts, unsigned count)
{
    struct loop_scratch *scratch = loop_scratch(s->loop);
    size_t gathered = 0;
    bool ok = true;

    for (unsigned i = 0; i < count; i++) {
        struct str rest = parts[i];

        while (ok && rest.len) {
            struct str record = str_slice(rest, 0, sizeof(scratch->plain) - gathered);

            rest = str_slice(rest, record.len, SIZE_MAX);
            /* A whole record is encrypted from where it lies. */
            if (record.len < sizeof(scratch->plain)) {
                memcpy(scratch->plain + gathered, record.data, record.len);
                gathered += record.len;
                record = str_of(scratch->plain, gathered);
            }
            if (record.len < sizeof(scratch->plain))
                continue;
            gathered = 0;
            ok = tls_write(s->tls, record);
            if (ok && buf_len(&scratch->out) >= WIRE_BYTES && !send_records(s))
                return false;
        }
    }
    if (ok && gathered)
        ok = tls_write(s->tls, str_of(scratch->plain, gathered));
    explicit_bzero(scratch->plain, gathered); /* it may hold a key */
    if (!send_records(s))
        return false;
    if (!ok)
        stream_fail(s, tls_error(s->tls));
    return ok;
}

void stream_tls_goodbye(struct stream *s)
{
    tls_shutdown(s->tls);
    send_records(s);
}
