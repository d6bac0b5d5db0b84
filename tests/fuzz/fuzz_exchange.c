/*
 * The order of events: each byte is the next thing that happens to an exchange, on the client's
 * side or on the engine's. Whatever the order, the exchange ends once when both sides are done, and
 * leaves no call behind; the fakes check that nothing is said to it or by it afterwards.
 * SPDX-License-Identifier: MIT
 */
#include "../unit/inference/rig.h"
#include "fuzz.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define EVENT(choices) "data: {\"choices\":[" choices "]}\n\n"

static const char *const bodies[] = {
    "{" MESSAGES "}",
    "{\"stream\":true," MESSAGES "}",
    "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":2," MESSAGES "}",
    "{\"stream\":true,\"unknown\":1," MESSAGES "}",
    "{\"n\":2," MESSAGES "}",
    "no json",
    "{\"max_tokens\":30," MESSAGES "}",
    "{\"stream\":true,\"max_tokens\":30," MESSAGES "}",
};

static const char *const deployments[] = { "sim", "llama", "up", "nothing" };

static const char *const pieces[] = {
    EVENT("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}"),
    EVENT("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"),
    EVENT("") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
    "data: null\n\n",
    "data: {\"error\":{\"code\":500,\"message\":\"m\"}}\n\n",
    "data: rubbish\n\n",
    "data: {\"cho",
    "ices\":[]}\n\n",
    "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}",
    "{\"error\":{\"message\":\"m\"}}",
    "{\"input_tokens\":10}",
    "{\"input_tokens\":11}",
};

static const int statuses[] = { 200, 200, 200, 400, 429, 500, 503 };

struct play {
    bool has_body, is_gone;
    unsigned has_head; /* the number of the call that has */
};

static void client_acts(struct play *p, unsigned what, unsigned detail)
{
    if (what == 0 && !p->has_body) {
        p->has_body = true;
        rig_body(str_from(bodies[detail % ARRAY_LEN(bodies)]));
    } else if (what == 1) {
        fake_reply.is_full = true;
    } else if (what == 2 && fake_reply.is_full) {
        fake_reply.is_full = false;
        rig_drain();
    } else if (what == 3 && !p->is_gone) {
        p->is_gone = true;
        rig_gone();
    }
}

static void engine_acts(struct play *p, unsigned what, unsigned detail)
{
    if (!fake_engine.call)
        return;
    if (what == 4 && p->has_head != fake_engine.started) {
        p->has_head = fake_engine.started;
        fake_engine_head(statuses[detail % ARRAY_LEN(statuses)],
                         detail & 8 ? "application/json" : "text/event-stream");
    } else if (what == 5 && p->has_head == fake_engine.started) {
        fake_engine_body(str_from(pieces[detail % ARRAY_LEN(pieces)]));
    } else if (what == 6 && p->has_head == fake_engine.started) {
        fake_engine_end();
    } else if (what == 7) {
        fake_engine_fail(detail & 1 ? ERROR_BACKEND : ERROR_UNAVAILABLE);
    }
}

static void open_request(uint8_t byte)
{
    static const char *const with_receipt[] = { "x-lazuli-receipt: true", NULL };
    struct arena *a = arena_new(NULL);
    struct str target =
        arena_printf(a, "/openai/deployments/%s/chat/completions%s",
                     deployments[byte % ARRAY_LEN(deployments)], byte & 4 ? "" : RIG_VERSION);

    if (byte % 16 >= 8) /* "ptu" has another deployment behind it */
        target = arena_printf(a, "/openai/deployments/%s/chat/completions" RIG_VERSION,
                              byte & 0x20 ? "ptu" : deployments[byte % 3]);
    rig_head("POST", target.data, byte & 0x40 ? with_receipt : NULL);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p = { 0 };

    if (!rig.loop)
        rig_open();
    if (!size)
        return 0;
    fake_engine_clear();
    if (data[0] & 0x80) /* little room: prompts are counted */
        fake_engine.context_tokens = data[0] & 0x40 ? 40 : 0;
    open_request(data[0]);
    for (size_t i = 1; i < size && !fake_reply.is_finished; i++) {
        unsigned what = data[i] & 7, detail = data[i] >> 3;

        if (what < 4)
            client_acts(&p, what, detail);
        else
            engine_acts(&p, what, detail);
    }
    /* Who leaves ends it at any point. */
    if (!fake_reply.is_finished) {
        check(!p.is_gone);
        rig_gone();
    }
    check(fake_reply.is_finished && !fake_engine.call);
    check(fake_engine.started == fake_engine.ended + fake_engine.cancelled);
    rig_turn();
    check(!rig.request);
    return 0;
}
