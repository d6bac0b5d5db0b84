/*
 * Bytes as an engine's answer, or as an event of its stream, into Azure's shape; an answer made an
 * event, and events an answer. The first byte says of which operation, the second what the request
 * asked for.
 * SPDX-License-Identifier: MIT
 */
#include "../unit/inference/rig.h"
#include "inference/engine_error.h"
#include "inference/gather.h"
#include "inference/restream.h"
#include "inference/shape.h"
#include "fuzz.h"

static const struct {
    const struct operation *operation;
    const char *deployment;
    const char *request;
} targets[] = {
    { &operation_chat, "sim", "{\"messages\":[]}" },
    { &operation_chat, "llama", "{\"messages\":[]}" },
    { &operation_completions, "text", "{\"prompt\":[\"a\",\"b\"]}" },
    { &operation_embeddings, "small", "{\"input\":\"a\"}" },
};

static const char *const versions[] = { "2023-05-15", "2024-02-01", "2024-10-21" };

static struct exchange *make(uint8_t target, uint8_t wanted)
{
    struct exchange *x =
        rig_exchange(targets[target].operation, targets[target].deployment,
                     versions[wanted % ARRAY_LEN(versions)], str_from(targets[target].request));

    x->facts.logprobs = wanted & 4;
    x->facts.top_logprobs = wanted >> 3 & 1;
    x->facts.include_usage = wanted & 16;
    x->facts.choices = wanted & 32 ? 2 : 1;
    x->facts.base64 = wanted & 64;
    x->facts.dimensions = wanted & 128 ? 2 : 0;
    return x;
}

static void check_out(struct exchange *x, struct str out)
{
    struct error err;

    check(json_parse(x->arena, out, &err));
    check(str_find_char(out, '\n') == SIZE_MAX); /* it must fit into one line of an event */
}

static void gather(struct exchange *x, yyjson_doc *event)
{
    struct str out;

    for (int i = 0; i < 2; i++) {
        if (!gather_event(x, x->arena, event))
            return;
    }
    if (gather_finish(x, &out))
        check_out(x, out);
}

static void restream(struct exchange *x, yyjson_doc *answer)
{
    struct error err;
    struct str out = STR_NONE;
    yyjson_doc *event;

    if (!x->operation->shape_event)
        return;
    x->asking = x->arena;
    event = json_parse(x->arena, restream_event(x, answer), &err);
    check(event);
    if (x->operation->shape_event(x, x->arena, event, &out) && out.len)
        check_out(x, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct str text, out = STR_NONE;
    struct exchange *x;
    yyjson_doc *doc;

    if (!rig.loop)
        rig_open();
    if (size < 2)
        return 0;
    x = make(data[0] % ARRAY_LEN(targets), data[1]);
    text = str_of((const char *)data + 2, size - 2);
    doc = x->operation->is_bulky ? json_parse_numbers_as_text(x->arena, text, &err)
                                 : json_parse(x->arena, text, &err);
    if (doc && engine_error_of_event(x, doc, &err))
        check(err.code && str_is_utf8(str_from(err.text)));
    if (doc && x->operation->shape(x, x->arena, doc, &out))
        check_out(x, out);
    for (unsigned i = 0; doc && x->operation->shape_event && i < 2; i++) {
        out = STR_NONE;
        if (x->operation->shape_event(x, x->arena, doc, &out) && out.len)
            check_out(x, out);
        out = shape_usage_event(x, x->arena);
        if (out.len)
            check_out(x, out);
    }
    if (doc) {
        restream(x, doc);
        gather(x, doc);
    }
    rig_end_exchange(x);
    return 0;
}
