/*
 * SETTLE and FINISH: the exchange is accounted for, then ended. One that is sent on to another
 * deployment settles twice: each of the two calls is a request of its own deployment.
 * SPDX-License-Identifier: MIT
 */
#include "base/log.h"
#include "inference/admit.h"
#include "inference/operation.h"
#include "inference/reply.h"
#include "inference/spillover.h"

/* nginx's status for a client that left before its answer began. */
#define STATUS_CLIENT_GONE 499

enum phase exchange_settle(struct exchange *x)
{
    uint64_t duration_us = clock_monotonic_us() - x->request->started_us;

    if (x->client_gone && !x->status)
        x->status = STATUS_CLIENT_GONE;
    if (x->client_gone)
        x->finish = FINISH_ABORT;
    admit_settle(x);
    metrics_record_request(x->inference->options.metrics,
                           &(struct metrics_request){
                               .account = x->account ? x->account->name : STR_NONE,
                               .deployment = x->deployment ? x->deployment->name : STR_NONE,
                               .operation = x->operation ? x->operation->id : "",
                               .status = x->status,
                               .streamed = x->facts.stream,
                               .is_spillover = x->spillover != NULL,
                               .duration_us = duration_us,
                               .first_byte_us = x->first_byte_us,
                               .prompt_tokens = x->usage.prompt_tokens,
                               .completion_tokens = x->usage.completion_tokens,
                           });
    log_debug("exchange_end", "id=%s operation=%s deployment=%.*s status=%d duration_us=%llu",
              x->request_id, x->operation ? x->operation->id : "-",
              STR_ARGS(x->deployment ? x->deployment->name : STR("-")), x->status,
              (unsigned long long)duration_us);
    return x->status >= 400 && x->finish == FINISH_REPLY ? spillover_look(x) : PHASE_FINISH;
}

enum phase exchange_finish(struct exchange *x)
{
    struct inference *i = x->inference;
    struct http_request *r = x->request;
    struct http_headers headers;

    switch (x->finish) {
    case FINISH_REPLY:
        headers = reply_headers(x, x->content_type);
        http_reply_with_phrase(
            r, x->status, exchange_error_code(x) ? reply_error_phrase(exchange_error(x)) : NULL,
            &headers, x->reply_body);
        break;
    case FINISH_STREAM_END:
        http_reply_last_chunk(r, buf_str(&i->events));
        break;
    case FINISH_ABORT:
        http_reply_abort(r);
        break;
    }
    relay_clear_events(i);
    return PHASE_END;
}
