/* SPDX-License-Identifier: MIT */
#include "net/ack_pace.h"

/* The head, an event with the role, the first ones with text: those are waited for. */
#define FIRST_READS 4
/* Some seconds of a stream; ten minutes. */
#define RECOVERY_READS_MIN 64
#define RECOVERY_READS_MAX 16384
/* What shows on several connections within that time has one cause: this service was late itself, say. */
#define OCCASION_MS 1000
/* After each such time without an occasion half of it is forgotten. */
#define FORGET_MS 60000
/* After a longer pause Linux usually acknowledges what comes as it comes (tcp_event_data_recv, beyond the
 * retransmission time-out, which is 200 ms at least unless a route says otherwise): reading has nothing to
 * put off. */
#define PAUSE_MS 200
/* So soon after a piece, and a round trip of a local network, the next one was written right behind
 * it. */
#define PAIR_MS 5

void ack_pace_begin(struct ack_pace *p)
{
    if (p->at_once < FIRST_READS)
        p->at_once = FIRST_READS;
}

bool ack_pace_may_delay(const struct ack_pace *p, uint64_t now_ms)
{
    return !p->at_once && (uint32_t)now_ms - p->read_ms < PAUSE_MS;
}

static void may_have_waited(struct ack_peer *peer, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - peer->told_ms, halvings = passed_ms / FORGET_MS;

    if (peer->recovery && passed_ms < OCCASION_MS)
        return;
    peer->told_ms = now_ms;
    peer->recovery = halvings < 16 ? 2 * (peer->recovery >> halvings) : 0;
    if (peer->recovery < RECOVERY_READS_MIN)
        peer->recovery = RECOVERY_READS_MIN;
    if (peer->recovery > RECOVERY_READS_MAX)
        peer->recovery = RECOVERY_READS_MAX;
}

void ack_pace_read(struct ack_pace *p, struct ack_peer *peer, uint64_t now_ms, bool is_one_chunk)
{
    bool is_pair = (uint32_t)now_ms - p->read_ms <= PAIR_MS;

    p->read_ms = (uint32_t)now_ms;
    if (p->at_once) {
        if (is_one_chunk && is_pair)
            ack_pace_begin(p);
        else if (is_one_chunk)
            p->at_once--;
    } else if (!is_one_chunk) {
        may_have_waited(peer, now_ms);
        p->at_once = (uint16_t)peer->recovery;
    }
}
