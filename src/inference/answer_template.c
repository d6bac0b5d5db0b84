/* SPDX-License-Identifier: MIT */
#include "inference/answer_template.h"

#include "base/bytes16.h"
#include "base/json_special.h"
#include "inference/operation.h"
#include "inference/shape.h"

/* Of a time in seconds, or of a count. */
#define DIGITS_MAX 18
/* A new template is not the first to go. */
#define FITS_FIRST 2
/* The path of a chat's text has so many names. */
#define DEPTH_MAX 4

/* What stands in the holes of an answer. */
struct answer_values {
    struct str at[HOLES]; /* empty: it has none of that */
    size_t text_bytes;    /* of the text without its escapes */
};

/* Where one is in a JSON text. */
struct place {
    struct str rest;                 /* of the text */
    struct str name;                 /* of the member whose value that is */
    unsigned depth;                  /* objects and arrays around it */
    struct str names[DEPTH_MAX + 1]; /* from 1 on: of what leads there; "[]" in an array */
};

/* -- Values ------------------------------------------------------------------------------------ */

static bytes16 stops_text(bytes16 v)
{
    return (v == '"') | (v == '\\') | ((v >= 0) & (v < ' '));
}

/* The inside of a string at the front of `rest`, up to its quote; 0: it is none that is copied as it
 * is. An escape is, when it is the one by which it is written. *bytes: what it takes without them. */
static size_t text_length(struct str rest, size_t *bytes)
{
    size_t len = 0, escapes = 0;

    for (;;) {
        len += bytes16_until(rest.data + len, rest.len - len, stops_text);
        if (rest.len - len < 2 || rest.data[len] != '\\')
            break;
        if (!memchr("btnfr\"\\", rest.data[len + 1], 7))
            return 0;
        len += 2;
        escapes++;
    }
    *bytes = len - escapes;
    return str_is_utf8(str_of(rest.data, len)) ? len : 0;
}

static size_t number_length(struct str rest)
{
    size_t len = 0;

    while (len < rest.len && rest.data[len] >= '0' && rest.data[len] <= '9')
        len++;
    return len > DIGITS_MAX || (len > 1 && rest.data[0] == '0') ? 0 : len;
}

/* Takes the value of the hole off the front of *rest. False: none fits, or an empty one, which is
 * shaped in another way. */
static bool take_value(enum answer_hole hole, struct str *rest, struct answer_values *values)
{
    size_t len;

    if (hole == HOLE_TEXT)
        len = text_length(*rest, &values->text_bytes);
    else if (hole == HOLE_ID)
        len = bytes16_until(rest->data, rest->len, json_is_special);
    else
        len = number_length(*rest);
    values->at[hole] = str_of(rest->data, len);
    *rest = str_of(rest->data + len, rest->len - len);
    return len != 0;
}

/* A number of at most DIGITS_MAX digits. */
static uint64_t number_of(struct str digits)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.len; i++)
        number = 10 * number + (uint64_t)(digits.data[i] - '0');
    return number;
}

static bool are_counts(const struct answer_values *values)
{
    for (unsigned hole = HOLE_PROMPT_TOKENS; hole < HOLES; hole++) {
        if (number_of(values->at[hole]) > SHAPE_COUNT_MAX)
            return false;
    }
    return true;
}

/* -- What fits --------------------------------------------------------------------------------- */

/* Whether what is made of the exchange's answer depends on nothing but the answer and what is_for
 * compares. */
static bool is_plain(const struct exchange *x)
{
    return x->operation->answer_text.len && x->facts.choices == 1 && x->facts.prompts == 1 &&
           !x->facts.logprobs && !x->facts.no_answer && !x->facts.must_call;
}

static bool is_for(const struct answer_template *t, const struct exchange *x, bool is_event)
{
    return t->operation == x->operation && t->is_event == is_event &&
           t->parts == x->version.parts &&
           (!is_event || t->include_usage == x->facts.include_usage) &&
           str_equal(str_from(x->deployment->model->label), t->model) &&
           str_equal(x->relay.fingerprint, t->fingerprint);
}

/* Finds the values in the engine's answer; false: it is another one. */
static bool match(const struct answer_form *f, struct str answer, struct answer_values *values)
{
    *values = (struct answer_values){ 0 };
    for (unsigned i = 0; i < f->hole_count; i++) {
        if (!str_starts_with(answer, f->around[i]))
            return false;
        answer = str_of(answer.data + f->around[i].len, answer.len - f->around[i].len);
        if (!take_value(f->holes[i], &answer, values))
            return false;
    }
    return str_equal(answer, f->around[f->hole_count]) && are_counts(values);
}

static struct answer_template *find(struct exchange *x, bool is_event, struct str answer,
                                    struct answer_values *values)
{
    struct answer_templates *all = &x->inference->templates;

    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++) {
        unsigned n = (all->last + i) % ANSWER_TEMPLATES;
        struct answer_template *t = &all->items[n];

        if (is_for(t, x, is_event) && match(&t->engine, answer, values)) {
            all->last = n;
            t->fits++;
            return t;
        }
    }
    return NULL;
}

/* The client's id and time are the exchange's, whatever this event says. */
static void set_own(const struct exchange *x, struct answer_values *values,
                    char digits[FORMAT_DECIMAL_MAX])
{
    char *end = format_put_decimal(digits, (uint64_t)x->relay.created);

    values->at[HOLE_ID] = x->relay.id;
    values->at[HOLE_CREATED] = str_of(digits, (size_t)(end - digits));
}

static size_t length_of(const struct answer_form *f, const struct answer_values *values)
{
    size_t len = f->around[f->hole_count].len;

    for (unsigned i = 0; i < f->hole_count; i++)
        len += f->around[i].len + values->at[f->holes[i]].len;
    return len;
}

static char *put(char *at, struct str s)
{
    bytes16_copy(at, s.data, s.len);
    return at + s.len;
}

static void write_form(const struct answer_form *f, const struct answer_values *values, char *at)
{
    for (unsigned i = 0; i < f->hole_count; i++)
        at = put(put(at, f->around[i]), values->at[f->holes[i]]);
    put(at, f->around[f->hole_count]);
}

bool answer_template_event(struct exchange *x, struct str event)
{
    char digits[FORMAT_DECIMAL_MAX];
    struct answer_values values;
    const struct answer_template *t;
    char *at;

    /* the first one makes the id, the time and the fingerprint */
    if (!x->relay.id.len || !is_plain(x))
        return false;
    t = find(x, true, event, &values);
    if (!t)
        return false;
    set_own(x, &values, digits);
    at = buf_extend(&x->inference->events, length_of(&t->client, &values));
    if (!at)
        return false;
    write_form(&t->client, &values, at);
    x->relay.text_bytes += values.text_bytes;
    x->relay.events++;
    return true;
}

bool answer_template_whole(struct exchange *x, struct arena *a, struct str answer, struct str *out)
{
    char digits[FORMAT_DECIMAL_MAX];
    struct answer_values values;
    const struct answer_template *t;
    char *at;

    if (!is_plain(x))
        return false;
    shape_set_fingerprint(x);
    t = find(x, false, answer, &values);
    if (!t)
        return false;
    x->inference->templates.misses = 0;
    shape_set_created(x, (int64_t)number_of(values.at[HOLE_CREATED]));
    shape_set_id(x, values.at[HOLE_ID]);
    x->usage.prompt_tokens = number_of(values.at[HOLE_PROMPT_TOKENS]);
    x->usage.completion_tokens = number_of(values.at[HOLE_COMPLETION_TOKENS]);
    x->usage.cached_tokens = number_of(values.at[HOLE_CACHED_TOKENS]);
    x->relay.text_bytes += values.text_bytes;
    set_own(x, &values, digits);
    out->len = length_of(&t->client, &values);
    at = arena_alloc_bytes(a, out->len);
    write_form(&t->client, &values, at);
    out->data = at;
    return true;
}

/* -- Learning ---------------------------------------------------------------------------------- */

struct answer_lesson answer_template_begin(const struct exchange *x)
{
    return (struct answer_lesson){ x->relay.text_bytes, x->relay.finished_choices,
                                   buf_len(&x->inference->events) };
}

/* Passes over a string, of which the quote that begins it is gone: its inside, escapes and all. */
static struct str take_string(struct str *rest)
{
    struct str inside;
    size_t end = 0;

    for (; end < rest->len && rest->data[end] != '"'; end++) {
        if (rest->data[end] == '\\')
            end++;
    }
    inside = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 1, SIZE_MAX);
    return inside;
}

static void skip_blanks(struct str *rest)
{
    size_t at = 0;

    while (at < rest->len && memchr(" \t\r\n", rest->data[at], 4))
        at++;
    *rest = str_slice(*rest, at, SIZE_MAX);
}

/* Moves *rest behind a colon at its front, and the blanks around it; false: there is none. */
static bool take_colon(struct str *rest)
{
    skip_blanks(rest);
    if (!str_starts_with(*rest, STR(":")))
        return false;
    *rest = str_slice(*rest, 1, SIZE_MAX);
    skip_blanks(rest);
    return true;
}

/* Goes on to the next member, whose value is then the rest; false: there is none. */
static bool next_member(struct place *p)
{
    while (p->rest.len) {
        char c = p->rest.data[0];

        p->rest = str_slice(p->rest, 1, SIZE_MAX);
        if (c == '"') {
            p->name = take_string(&p->rest);
            if (!take_colon(&p->rest))
                continue;
            if (p->depth <= DEPTH_MAX)
                p->names[p->depth] = p->name;
            return true;
        }
        if (c == '{' || c == '[') {
            p->depth++;
            if (p->depth <= DEPTH_MAX)
                p->names[p->depth] = STR("[]"); /* of an object: until its first member */
        } else if (c == '}' || c == ']') {
            p->depth--;
        }
    }
    return false;
}

static bool is_at(const struct place *p, struct str path)
{
    struct str name;

    if (p->depth > DEPTH_MAX)
        return false;
    for (unsigned i = 1; i <= p->depth; i++) {
        if (!str_split(&path, '.', &name) || !str_equal(name, p->names[i]))
            return false;
    }
    return !path.data;
}

/* Which hole has the value of that member; HOLES: none. */
static enum answer_hole hole_of(const struct exchange *x, bool is_event, const struct place *p)
{
    const struct str paths[HOLES] = {
        [HOLE_TEXT] = is_event ? x->operation->event_text : x->operation->answer_text,
        [HOLE_ID] = STR("id"),
        [HOLE_CREATED] = STR("created"),
        [HOLE_PROMPT_TOKENS] = STR("usage.prompt_tokens"),
        [HOLE_COMPLETION_TOKENS] = STR("usage.completion_tokens"),
        [HOLE_TOTAL_TOKENS] = STR("usage.total_tokens"),
        [HOLE_CACHED_TOKENS] = STR("usage.prompt_tokens_details.cached_tokens"),
    };
    enum answer_hole hole = 0;

    while (hole < HOLES && !is_at(p, paths[hole]))
        hole++;
    return hole;
}

/* A member's value, which must be one of the hole's and no more: "id\u0041", or 1.5, only begins
 * with one. */
static bool take_whole_value(enum answer_hole hole, struct str rest, struct answer_values *values)
{
    if (hole == HOLE_TEXT || hole == HOLE_ID) {
        if (!str_starts_with(rest, STR("\"")))
            return false;
        rest = str_slice(rest, 1, SIZE_MAX);
        return take_value(hole, &rest, values) && str_starts_with(rest, STR("\""));
    }
    return take_value(hole, &rest, values) && rest.len && !memchr(".eE", rest.data[0], 3);
}

/* Finds the values of a JSON text. False: one will not do, or is there twice, or a name is not seen
 * for what it is, being written by escapes. */
static bool find_values(const struct exchange *x, bool is_event, struct str text,
                        struct answer_values *values)
{
    struct place place = { .rest = text };

    while (next_member(&place)) {
        enum answer_hole hole = hole_of(x, is_event, &place);

        if (str_find_char(place.name, '\\') != SIZE_MAX)
            return false;
        /* a stream's is kept for later */
        if (is_event && is_at(&place, STR("usage")) && !str_starts_with(place.rest, STR("null")))
            return false;
        if (hole == HOLES && !str_equal(place.name, STR("id")))
            continue;
        /* the id of a tool's call becomes one by chance, which must not be another answer's, too */
        if (hole == HOLES || values->at[hole].len || !take_whole_value(hole, place.rest, values))
            return false;
    }
    return values->at[HOLE_TEXT].len != 0;
}

/* The same of the client's answer, in which each must be what the rule gives: one that the engine
 * did not tell, but for its id and its time, is none. */
static bool find_client_values(const struct exchange *x, bool is_event, struct str answer,
                               const struct answer_values *engine, struct answer_values *values)
{
    char digits[FORMAT_DECIMAL_MAX];
    struct answer_values due = *engine;

    set_own(x, &due, digits);
    if (!find_values(x, is_event, answer, values))
        return false;
    if (!engine->at[HOLE_CACHED_TOKENS].len)
        values->at[HOLE_CACHED_TOKENS] = STR_NONE; /* a 0 that is always there */
    for (enum answer_hole hole = 0; hole < HOLES; hole++) {
        if (values->at[hole].len && !str_equal(values->at[hole], due.at[hole]))
            return false;
    }
    return true;
}

/* Nothing was counted but the text, and the usage that a whole answer shows. */
static bool has_counted_text(const struct exchange *x, bool is_event,
                             const struct answer_lesson *before, const struct answer_values *values)
{
    return x->relay.text_bytes - before->text_bytes == values->text_bytes &&
           (!is_event || x->relay.finished_choices == before->finished_choices);
}

/* Which one gives way: of those for such exchanges, if they have their share, else of all; the one
 * that was of least use lately. */
static struct answer_template *make_room(const struct exchange *x, bool is_event)
{
    struct answer_templates *all = &x->inference->templates;
    struct answer_template *least = NULL;
    unsigned alike = 0;

    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++)
        alike += is_for(&all->items[i], x, is_event);
    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++) {
        struct answer_template *t = &all->items[i];

        if (alike >= ANSWER_TEMPLATES_ALIKE && !is_for(t, x, is_event))
            continue;
        t->fits /= 2;
        if (!least || (least->operation && (!t->operation || t->fits < least->fits)))
            least = t;
    }
    return least;
}

/* How much of the text is around the values. */
static size_t length_around(struct str text, const struct answer_values *values)
{
    size_t len = text.len;

    for (enum answer_hole hole = 0; hole < HOLES; hole++)
        len -= values->at[hole].len;
    return len;
}

static struct str keep(struct answer_template *t, struct str s)
{
    char *at = t->bytes + t->used;

    put(at, s);
    t->used += s.len;
    return str_of(at, s.len);
}

/* Keeps what of `text` is around the values, which lie in it. */
static void keep_around(struct answer_template *t, struct str text,
                        const struct answer_values *values, struct answer_form *f)
{
    const char *at = text.data;

    f->hole_count = 0;
    for (enum answer_hole hole = 0; hole < HOLES; hole++) {
        unsigned i = f->hole_count;

        if (!values->at[hole].len)
            continue;
        for (; i && values->at[f->holes[i - 1]].data > values->at[hole].data; i--)
            f->holes[i] = f->holes[i - 1];
        f->holes[i] = hole;
        f->hole_count++;
    }
    for (unsigned i = 0; i < f->hole_count; i++) {
        struct str value = values->at[f->holes[i]];

        f->around[i] = keep(t, str_of(at, (size_t)(value.data - at)));
        at = value.data + value.len;
    }
    f->around[f->hole_count] = keep(t, str_of(at, (size_t)(text.data + text.len - at)));
}

static void learn(struct exchange *x, bool is_event, const struct answer_lesson *before,
                  struct str answer, struct str shaped)
{
    struct answer_values engine = { 0 }, client = { 0 };
    struct str model = str_from(x->deployment->model->label);
    struct answer_template *t;

    if (!find_values(x, is_event, answer, &engine) ||
        !find_client_values(x, is_event, shaped, &engine, &client) ||
        !has_counted_text(x, is_event, before, &engine) ||
        length_around(answer, &engine) + length_around(shaped, &client) + model.len +
                x->relay.fingerprint.len >
            ANSWER_TEMPLATE_BYTES)
        return;
    t = make_room(x, is_event);
    *t = (struct answer_template){ .operation = x->operation,
                                   .parts = x->version.parts,
                                   .is_event = is_event,
                                   .include_usage = x->facts.include_usage,
                                   .fits = FITS_FIRST };
    t->model = keep(t, model);
    t->fingerprint = keep(t, x->relay.fingerprint);
    keep_around(t, answer, &engine, &t->engine);
    keep_around(t, shaped, &client, &t->client);
}

void answer_template_learn_event(struct exchange *x, const struct answer_lesson *before,
                                 struct str event)
{
    struct str events = buf_str(&x->inference->events);
    struct answer_values known;

    if (!is_plain(x) || x->relay.lessons == ANSWER_TEMPLATE_LESSONS ||
        x->relay.text_bytes == before->text_bytes)
        return;
    /* a stream's first one is parsed though one may fit */
    if (find(x, true, event, &known))
        return;
    x->relay.lessons++;
    learn(x, true, before, event, str_slice(events, before->events_bytes, SIZE_MAX));
}

void answer_template_learn(struct exchange *x, const struct answer_lesson *before,
                           struct str answer, struct str shaped)
{
    unsigned miss;

    if (!is_plain(x))
        return;
    miss = x->inference->templates.misses++;
    if (miss < ANSWER_TEMPLATE_TRIES || miss % ANSWER_TEMPLATE_RETRY == 0)
        learn(x, false, before, answer, shaped);
}
