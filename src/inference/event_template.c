/* SPDX-License-Identifier: MIT */
#include "inference/event_template.h"

#include "base/bytes16.h"
#include "inference/operation.h"

/* Of a JSON number that is a time in seconds. */
#define CREATED_DIGITS_MAX 18
/* The holes of the client's event, whose members are sorted. */
static const enum event_hole client_order[EVENT_HOLES] = { EVENT_TEXT, EVENT_CREATED, EVENT_ID };

/* -- Values ------------------------------------------------------------------------------------ */

static bytes16 ends_text(bytes16 v)
{
    return (v == '"') | (v == '\\') | ((v >= 0) & (v < ' '));
}

/* Signed: what is not ASCII is below 0. */
static bytes16 ends_id(bytes16 v)
{
    return (v == '"') | (v == '\\') | (v < ' ');
}

/* How many bytes of `rest` are the value: the inside of a string without escapes, or a positive
 * integer. 0: it is none, or an empty one, which is shaped in another way. */
static size_t value_length(enum event_hole hole, struct str rest)
{
    size_t len = 0;

    switch (hole) {
    case EVENT_TEXT:
        len = bytes16_until(rest.data, rest.len, ends_text);
        return str_is_utf8(str_of(rest.data, len)) ? len : 0;
    case EVENT_ID:
        return bytes16_until(rest.data, rest.len, ends_id);
    case EVENT_CREATED:
    case EVENT_HOLES:
        break;
    }
    if (rest.len && rest.data[0] == '0')
        return 0;
    while (len < rest.len && rest.data[len] >= '0' && rest.data[len] <= '9')
        len++;
    return len <= CREATED_DIGITS_MAX ? len : 0;
}

/* -- An event that fits ------------------------------------------------------------------------ */

/* Can hold for an event of the exchange: what it is shaped by is the text of the event and what is
 * compared here and in is_for. */
static bool is_plain(const struct exchange *x)
{
    return x->facts.choices == 1 && !x->facts.logprobs && !x->facts.no_answer && x->relay.id.len;
}

static bool is_for(const struct event_template *t, const struct exchange *x)
{
    return t->operation == x->operation && t->parts == x->version.parts &&
           t->include_usage == x->facts.include_usage &&
           str_equal(str_from(x->deployment->model->label), t->model) &&
           str_equal(x->relay.fingerprint, t->fingerprint);
}

/* Finds the values in `event`; false: it is another one. */
static bool match(const struct event_template *t, struct str event, struct str values[EVENT_HOLES])
{
    for (unsigned i = 0; i < t->hole_count; i++) {
        size_t len;

        if (!str_starts_with(event, t->engine[i]))
            return false;
        event = str_of(event.data + t->engine[i].len, event.len - t->engine[i].len);
        len = value_length(t->holes[i], event);
        if (!len)
            return false;
        values[t->holes[i]] = str_of(event.data, len);
        event = str_of(event.data + len, event.len - len);
    }
    return str_equal(event, t->engine[t->hole_count]);
}

static char *put(char *at, struct str s)
{
    bytes16_copy(at, s.data, s.len);
    return at + s.len;
}

/* The client's event; false: the buffer is full. */
static bool write_event(const struct event_template *t, const struct exchange *x, struct str text,
                        struct buf *out)
{
    char created[FORMAT_DECIMAL_MAX];
    size_t created_len =
        (size_t)(format_put_decimal(created, (uint64_t)x->relay.created) - created);
    size_t len = text.len + created_len + x->relay.id.len;
    char *at;

    for (unsigned i = 0; i <= EVENT_HOLES; i++)
        len += t->client[i].len;
    at = buf_extend(out, len);
    if (!at)
        return false;
    at = put(put(put(at, t->client[0]), text), t->client[1]);
    memcpy(at, created, created_len);
    put(put(put(at + created_len, t->client[2]), x->relay.id), t->client[3]);
    return true;
}

bool event_template_apply(struct exchange *x, struct str event)
{
    struct event_templates *all = &x->inference->templates;
    struct str values[EVENT_HOLES];

    if (!is_plain(x))
        return false;
    for (unsigned i = 0; i < EVENT_TEMPLATES; i++) {
        unsigned n = (all->last + i) % EVENT_TEMPLATES;
        const struct event_template *t = &all->items[n];

        if (!is_for(t, x) || !match(t, event, values))
            continue;
        if (!write_event(t, x, values[EVENT_TEXT], &x->inference->events))
            return false;
        all->last = n;
        x->relay.text_bytes += values[EVENT_TEXT].len;
        x->relay.events++;
        return true;
    }
    return false;
}

/* -- Learning ---------------------------------------------------------------------------------- */

struct event_lesson event_template_begin(const struct exchange *x)
{
    return (struct event_lesson){ x->relay.text_bytes, x->relay.finished_choices,
                                  buf_len(&x->inference->events) };
}

/* How often a name (with its quotes) is there, 2 for more; *value: where the value behind it begins.
 * In a text of JSON without backslashes each quote begins or ends a string, so that what is found
 * before a colon is a name. */
static unsigned find_member(struct str text, struct str name, size_t *value)
{
    size_t at = str_find(text, name);

    if (at == SIZE_MAX)
        return 0;
    at += name.len;
    if (str_find(str_slice(text, at, text.len), name) != SIZE_MAX)
        return 2;
    while (at < text.len && (text.data[at] == ':' || text.data[at] == ' '))
        at++;
    *value = at;
    return 1;
}

/* Whether a member of the name is absent or null. */
static bool is_null(struct str text, struct str name)
{
    size_t value;
    unsigned count = find_member(text, name, &value);

    return !count || (count == 1 && str_starts_with(str_slice(text, value, text.len), STR("null")));
}

/* Finds the value of the hole in `text`. False: it will not do. An empty place: it has none. */
static bool find_value(const struct exchange *x, enum event_hole hole, struct str text,
                       struct str *place)
{
    const struct str names[EVENT_HOLES] = {
        [EVENT_TEXT] = x->operation->event_text,
        [EVENT_ID] = STR("\"id\""),
        [EVENT_CREATED] = STR("\"created\""),
    };
    size_t at;
    unsigned count = find_member(text, names[hole], &at);

    *place = STR_NONE;
    if (count != 1)
        return !count;
    if (hole != EVENT_CREATED && (at == text.len || text.data[at++] != '"'))
        return false;
    *place = str_of(text.data + at, value_length(hole, str_slice(text, at, text.len)));
    return place->len != 0;
}

static bool keep(struct event_template *t, size_t *used, struct str s, struct str *kept)
{
    if (s.len > sizeof(t->bytes) - *used)
        return false;
    *kept = str_of(t->bytes + *used, s.len);
    put(t->bytes + *used, s);
    *used += s.len;
    return true;
}

/* Keeps what of `text` is around the places, which lie in that order. */
static bool keep_around(struct event_template *t, size_t *used, struct str text,
                        const struct str *places, unsigned count, struct str *kept)
{
    const char *at = text.data;

    for (unsigned i = 0; i < count; i++) {
        if (places[i].data < at ||
            !keep(t, used, str_of(at, (size_t)(places[i].data - at)), &kept[i]))
            return false;
        at = places[i].data + places[i].len;
    }
    return keep(t, used, str_of(at, (size_t)(text.data + text.len - at)), &kept[count]);
}

static bool learn_engine(struct event_template *t, size_t *used, const struct exchange *x,
                         struct str event, struct str *text)
{
    struct str places[EVENT_HOLES], place;

    t->hole_count = 0;
    for (enum event_hole hole = 0; hole < EVENT_HOLES; hole++) {
        unsigned at = t->hole_count;

        if (!find_value(x, hole, event, &place) || (hole == EVENT_TEXT && !place.len))
            return false;
        if (hole == EVENT_TEXT)
            *text = place;
        if (!place.len)
            continue;
        for (; at && places[at - 1].data > place.data; at--) {
            places[at] = places[at - 1];
            t->holes[at] = t->holes[at - 1];
        }
        places[at] = place;
        t->holes[at] = hole;
        t->hole_count++;
    }
    return keep_around(t, used, event, places, t->hole_count, t->engine);
}

static bool learn_client(struct event_template *t, size_t *used, const struct exchange *x,
                         struct str line, struct str text)
{
    char digits[FORMAT_DECIMAL_MAX];
    char *end = format_put_decimal(digits, (uint64_t)x->relay.created);
    const struct str values[EVENT_HOLES] = {
        [EVENT_TEXT] = text,
        [EVENT_ID] = x->relay.id,
        [EVENT_CREATED] = str_of(digits, (size_t)(end - digits)),
    };
    struct str places[EVENT_HOLES];

    for (unsigned i = 0; i < EVENT_HOLES; i++) {
        if (!find_value(x, client_order[i], line, &places[i]) ||
            !str_equal(places[i], values[client_order[i]]))
            return false;
    }
    return keep_around(t, used, line, places, EVENT_HOLES, t->client);
}

static bool learn(struct event_template *t, const struct exchange *x,
                  const struct event_lesson *before, struct str event, struct str line)
{
    size_t used = 0;
    struct str text;

    if (str_find_char(event, '\\') != SIZE_MAX || str_find_char(line, '\\') != SIZE_MAX ||
        !is_null(event, STR("\"usage\"")) ||
        x->relay.finished_choices != before->finished_choices ||
        !learn_engine(t, &used, x, event, &text) || !learn_client(t, &used, x, line, text) ||
        x->relay.text_bytes - before->text_bytes != text.len)
        return false;
    t->parts = x->version.parts;
    t->include_usage = x->facts.include_usage;
    return keep(t, &used, str_from(x->deployment->model->label), &t->model) &&
           keep(t, &used, x->relay.fingerprint, &t->fingerprint);
}

void event_template_learn(struct exchange *x, const struct event_lesson *before, struct str event)
{
    struct event_templates *all = &x->inference->templates;
    struct event_template *t = &all->items[all->next];
    struct str events = buf_str(&x->inference->events);

    if (!is_plain(x) || x->relay.lessons == EVENT_TEMPLATE_LESSONS)
        return;
    x->relay.lessons++;
    t->operation = NULL;
    if (!learn(t, x, before, event, str_slice(events, before->events_bytes, events.len)))
        return;
    t->operation = x->operation;
    all->last = all->next;
    all->next = (all->next + 1) % EVENT_TEMPLATES;
}
