/* SPDX-License-Identifier: MIT */
#include "net/ack_pace.h"

#define FIRST_READS 4
#define RECOVERY_READS_MIN 16
#define RECOVERY_READS_MAX 16384
/* After a longer pause Linux acknowledges what comes as it comes (tcp_event_data_recv, beyond the
 * retransmission time-out, which is 200 ms at least): reading has nothing to put off. */
#define PAUSE_MS 200
/* So soon after a piece, the next one was written right behind it. */
#define PAIR_MS 1

void ack_pace_begin(struct ack_pace *p)
{
    if (p->at_once < FIRST_READS)
        p->at_once = FIRST_READS;
}

bool ack_pace_may_delay(const struct ack_pace *p, uint64_t now_ms)
{
    return !p->at_once && (uint32_t)now_ms - p->read_ms < PAUSE_MS;
}

void ack_pace_read(struct ack_pace *p, uint64_t now_ms, bool is_one_chunk)
{
    bool is_pair = (uint32_t)now_ms - p->read_ms <= PAIR_MS;

    p->read_ms = (uint32_t)now_ms;
    if (is_one_chunk) {
        if (p->at_once && is_pair)
            ack_pace_begin(p);
        else if (p->at_once)
            p->at_once--;
    } else if (!p->at_once) {
        if (!p->recovery)
            p->recovery = RECOVERY_READS_MIN;
        else if (p->recovery < RECOVERY_READS_MAX)
            p->recovery *= 2;
        p->at_once = p->recovery;
    }
}
