/*
 * A request from a stranger to the simulator: the first byte chooses the operation; what is
 * parsed is answered whole, in JSON or in events that parse again.
 * SPDX-License-Identifier: MIT
 */
#include "engine/sim_answer.h"
#include "engine/sim_fault.h"
#include "net/sse.h"
#include "fuzz.h"

static bool on_event(void *data, struct str event)
{
    struct error err;

    check(str_equal(event, STR("[DONE]")) || json_parse(data, event, &err));
    return true;
}

static void check_answer(struct arena *a, const struct sim_request *r, struct str bytes)
{
    struct sse_splitter splitter;
    struct error err;

    if (!r->stream || r->operation == ENGINE_EMBEDDINGS) {
        check(json_parse(a, bytes, &err) != NULL);
        return;
    }
    sse_splitter_init(&splitter, SIM_STEP_BYTES_MAX);
    check(sse_split(&splitter, bytes, on_event, a));
    check(!sse_is_partial(&splitter));
    sse_splitter_done(&splitter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct catalog_sim settings = { .answer_tokens = 4, .embedding_dimensions = 3 };
    struct arena *a = arena_new(NULL);
    struct str body = size ? str_of((const char *)data + 1, size - 1) : STR_NONE;
    struct sim_request r;
    struct sim_fault fault;
    struct error err;
    struct buf out;

    buf_init(&out, 2 * SIM_STEP_BYTES_MAX);
    if (sim_fault_parse(body, &fault, &err))
        check(fault.kind != SIM_FAULT_NONE && fault.rate >= 0 && fault.rate <= 1);
    if (size && sim_request_parse(a, (enum engine_operation)(data[0] % 3), body, &r, &err)) {
        struct sim_answer *s = sim_answer_new(a, &settings, &r, 1, 1);

        while (!sim_answer_is_done(s) && buf_len(&out) < SIM_STEP_BYTES_MAX)
            sim_answer_next(s, a, &out);
        if (sim_answer_is_done(s))
            check_answer(a, &r, buf_str(&out));
    }
    buf_done(&out);
    arena_free(a);
    return 0;
}
