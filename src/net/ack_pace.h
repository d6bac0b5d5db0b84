/*
 * When a client's connection may have TCP put off its acknowledgements: while an answer comes as a
 * stream, piece by piece. Linux acknowledges each such piece out of the call that reads it, before
 * the piece can be passed on, which is a fifth of all that passing it on costs; put off, one
 * acknowledgement is for two pieces, or for what came in 40 ms.
 *
 * A peer with Nagle's algorithm on (RFC 1122, 4.2.3.4) sends the next small piece only when the one
 * before is acknowledged, and must not be made to wait. It shows: what it held back comes together,
 * or ends amid a chunk. So a connection begins with acknowledgements at once, puts them off while
 * each read brings one whole chunk, and goes back to the beginning with the first read that does
 * not, for longer each time that the peer, over whichever connection, does so. What is written as
 * two whole chunks, the second held back, would come as one whole chunk each time: where chunks come
 * right behind each other while acknowledgements are at once, they are not put off. (Nor are they for
 * pieces that come 5 ms apart at most, which looks the same; and who begins to write pairs when they
 * are put off already has the second of each wait for 40 ms until the answer's end.)
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_ACK_PACE_H
#define NET_ACK_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Of an address, whose connections share it, and of one event loop; gone with the last of them. All zero
 * to begin with. */
struct ack_peer {
    uint64_t told_ms;  /* when it last seemed to wait, by the loop's clock */
    unsigned recovery; /* reads that are acknowledged at once after that */
};

/* Of a connection. All zero to begin with; ack_pace_begin before the first answer. */
struct ack_pace {
    uint32_t read_ms; /* of the loop's clock, modulo 2^32 */
    uint16_t at_once; /* reads that bring one whole chunk until acknowledgements are put off */
};

/* An answer begins: its head and first pieces are acknowledged at once. */
void ack_pace_begin(struct ack_pace *p);
/* Whether what is read now may be acknowledged later; `now_ms` of the loop's clock. */
bool ack_pace_may_delay(const struct ack_pace *p, uint64_t now_ms);
/* What the read brought: `is_one_chunk`, or else. */
void ack_pace_read(struct ack_pace *p, struct ack_peer *peer, uint64_t now_ms, bool is_one_chunk);

#endif
