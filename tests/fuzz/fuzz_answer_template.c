/*
 * Events of a stream, or whole answers, a line each: what a template makes of one is to the byte what
 * the parser and the writer make of it. The first byte says of which operation, and whether they are
 * events, the second what the request asked for.
 * SPDX-License-Identifier: MIT
 */
#include "../unit/inference/rig.h"
#include "inference/engine_error.h"
#include "inference/answer_template.h"
#include "fuzz.h"

static const char *const versions[] = { "2023-05-15", "2024-02-01", "2024-10-21" };

static struct exchange *make(uint8_t target, uint8_t wanted)
{
    const struct operation *operation = target & 1 ? &operation_completions : &operation_chat;
    const char *deployment = target & 1 ? "up-text" : "up";
    struct exchange *x = rig_exchange(operation, deployment, versions[wanted % ARRAY_LEN(versions)],
                                      STR("{\"messages\":[],\"prompt\":\"a\"}"));

    x->facts.include_usage = wanted & 16;
    x->facts.must_call = wanted & 32;
    return x;
}

/* What RELAY's parser and writer add to inference.events; false: no event. */
static bool shape(struct exchange *x, struct str line)
{
    struct buf *events = &x->inference->events;
    struct error err;
    yyjson_doc *doc = json_parse(x->arena, line, &err);
    struct str out = STR_NONE;

    if (!doc || engine_error_of_event(x, doc, &err) ||
        !x->operation->shape_event(x, x->arena, doc, &out) || !out.len)
        return false;
    x->relay.events++;
    check(buf_append(events, SSE_DATA_PREFIX) && buf_append(events, out) &&
          buf_append(events, SSE_DATA_SUFFIX));
    return true;
}

static void learn(struct exchange *x, struct str line)
{
    struct answer_lesson before = answer_template_begin(x);

    x->relay.lessons = 0;
    if (shape(x, line))
        answer_template_learn_event(x, &before, line);
}

/* What has no "created" gets the time, in seconds: nothing is to be compared of two. */
static int64_t second(void)
{
    return clock_now_ms(&rig.clock) / 1000;
}

/* A template has taken the line, in the second `began`: the other way, too, it is what it has become. */
static void compare(struct exchange *x, struct relay before, struct str line, int64_t began)
{
    struct relay after = x->relay;
    struct str made = arena_copy(x->arena, buf_str(&x->inference->events));

    buf_clear(&x->inference->events);
    x->relay = before;
    check(shape(x, line));
    if (second() != began)
        return;
    check(str_equal(buf_str(&x->inference->events), made));
    check(x->relay.text_bytes == after.text_bytes && x->relay.events == after.events);
    check(x->relay.finished_choices == after.finished_choices);
    check(x->relay.usage.data == after.usage.data && x->relay.id.data == after.id.data);
}

static void try_event(struct exchange *x, struct str line)
{
    struct relay before = x->relay;
    int64_t began = second();

    buf_clear(&x->inference->events);
    if (answer_template_event(x, line))
        compare(x, before, line, began);
    else
        learn(x, line);
    buf_clear(&x->inference->events);
}

static bool shape_answer_text(struct exchange *x, struct str line, struct str *out)
{
    struct error err;
    yyjson_doc *doc = json_parse(x->arena, line, &err);

    return doc && x->operation->shape(x, x->arena, doc, out);
}

/* Of an exchange of its own; `by_template` of another one. */
static void try_answer(struct exchange *x, struct exchange *by_template, struct str line)
{
    struct answer_lesson before = answer_template_begin(x);
    uint64_t random = x->inference->random;
    int64_t began = second();
    struct str out, made = STR_NONE;
    bool fits = answer_template_whole(by_template, by_template->arena, line, &made);

    x->inference->random = random; /* so that an id by chance is the same one */
    if (!shape_answer_text(x, line, &out)) {
        check(!fits);
        return;
    }
    if (!fits) {
        x->inference->templates.misses = 0;
        answer_template_learn(x, &before, line, out);
        return;
    }
    if (second() != began)
        return;
    check(str_equal(out, made));
    check(memcmp(&x->usage, &by_template->usage, sizeof(x->usage)) == 0);
    check(x->relay.text_bytes == by_template->relay.text_bytes);
    check(x->relay.created == by_template->relay.created);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest, line;
    struct exchange *x;

    if (!rig.loop)
        rig_open();
    if (size < 2)
        return 0;
    rig.inference->templates = (struct answer_templates){ 0 };
    rest = str_of((const char *)data + 2, size - 2);
    x = make(data[0], data[1]);
    while (str_split(&rest, '\n', &line)) {
        if (!(data[0] & 2)) {
            try_event(x, line);
        } else {
            struct exchange *first = make(data[0], data[1]), *second = make(data[0], data[1]);

            try_answer(first, second, line);
            rig_end_exchange(first);
            rig_end_exchange(second);
        }
    }
    rig_end_exchange(x);
    return 0;
}
