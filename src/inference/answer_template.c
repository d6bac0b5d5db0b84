/* SPDX-License-Identifier: MIT */
#include "inference/answer_template.h"

#include "base/bytes16.h"
#include "inference/operation.h"
#include "inference/shape.h"

/* Of a time in seconds, or of a count. */
#define DIGITS_MAX 18
/* A new template is not the first to go. */
#define FITS_FIRST 2

/* What stands in the holes of an answer. */
struct answer_values {
    struct str at[HOLES]; /* empty: it has none of that */
    size_t text_bytes;    /* of the text without its escapes */
};

/* -- Values ------------------------------------------------------------------------------------ */

static bytes16 stops_text(bytes16 v)
{
    return (v == '"') | (v == '\\') | ((v >= 0) & (v < ' '));
}

/* Signed: what is not ASCII is below 0. */
static bytes16 stops_id(bytes16 v)
{
    return (v == '"') | (v == '\\') | (v < ' ');
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
        len = bytes16_until(rest->data, rest->len, stops_id);
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

/* Takes the next string of a JSON text off the front of *rest: its inside, escapes and all. */
static bool take_string(struct str *rest, struct str *inside)
{
    size_t begin = str_find_char(*rest, '"'), end;

    if (begin == SIZE_MAX)
        return false;
    for (end = ++begin; end < rest->len && rest->data[end] != '"'; end++) {
        if (rest->data[end] == '\\')
            end++;
    }
    *inside = str_slice(*rest, begin, end - begin);
    *rest = str_slice(*rest, end + 1, SIZE_MAX);
    return true;
}

/* Which hole has values of that name; HOLES: none. */
static enum answer_hole hole_of(const struct exchange *x, struct str name)
{
    const struct str names[HOLES] = {
        [HOLE_TEXT] = x->operation->answer_text,
        [HOLE_ID] = STR("id"),
        [HOLE_CREATED] = STR("created"),
        [HOLE_PROMPT_TOKENS] = STR("prompt_tokens"),
        [HOLE_COMPLETION_TOKENS] = STR("completion_tokens"),
        [HOLE_TOTAL_TOKENS] = STR("total_tokens"),
        [HOLE_CACHED_TOKENS] = STR("cached_tokens"),
    };
    enum answer_hole hole = 0;

    while (hole < HOLES && !str_equal(name, names[hole]))
        hole++;
    return hole;
}

/* Moves *rest behind a colon at its front, and the blanks around it; false: there is none. */
static bool take_colon(struct str *rest)
{
    size_t at = 0;
    bool is_there;

    while (at < rest->len && rest->data[at] == ' ')
        at++;
    is_there = at < rest->len && rest->data[at] == ':';
    for (at += is_there; at < rest->len && rest->data[at] == ' ';)
        at++;
    *rest = str_slice(*rest, at, SIZE_MAX);
    return is_there;
}

/* Finds the values of a JSON text, by the names of its members, in whatever objects they are. False:
 * one will not do, or a name is there twice, or might be, being written by escapes. */
static bool find_values(const struct exchange *x, struct str text, struct answer_values *values,
                        bool *has_usage)
{
    bool is_known[HOLES] = { false };
    struct str name, rest;

    while (take_string(&text, &name)) {
        enum answer_hole hole;

        if (!take_colon(&text))
            continue;
        if (str_find_char(name, '\\') != SIZE_MAX)
            return false;
        if (str_equal(name, STR("usage")) && !str_starts_with(text, STR("null")))
            *has_usage = true;
        hole = hole_of(x, name);
        if (hole == HOLES)
            continue;
        rest = text;
        if (hole == HOLE_TEXT || hole == HOLE_ID) {
            if (!str_starts_with(rest, STR("\"")))
                return false;
            rest = str_slice(rest, 1, SIZE_MAX);
        }
        if (is_known[hole] || !take_value(hole, &rest, values))
            return false;
        is_known[hole] = true;
    }
    return true;
}

static bool keep(struct answer_template *t, struct str s, struct str *kept)
{
    if (s.len > sizeof(t->bytes) - t->used)
        return false;
    *kept = str_of(t->bytes + t->used, s.len);
    put(t->bytes + t->used, s);
    t->used += s.len;
    return true;
}

/* Keeps what of `text` is around the values, which lie in it. */
static bool keep_around(struct answer_template *t, struct str text,
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

        if (!keep(t, str_of(at, (size_t)(value.data - at)), &f->around[i]))
            return false;
        at = value.data + value.len;
    }
    return keep(t, str_of(at, (size_t)(text.data + text.len - at)), &f->around[f->hole_count]);
}

/* The engine's form. */
static bool learn_engine(struct answer_template *t, const struct exchange *x, struct str answer,
                         struct answer_values *values)
{
    bool has_usage = false;

    if (!find_values(x, answer, values, &has_usage) || !values->at[HOLE_TEXT].len ||
        !are_counts(values))
        return false;
    /* that of a whole answer must be told, not estimated; that of an event is kept for later */
    return (t->is_event
                ? !has_usage
                : values->at[HOLE_PROMPT_TOKENS].len && values->at[HOLE_COMPLETION_TOKENS].len &&
                      values->at[HOLE_TOTAL_TOKENS].len) &&
           keep_around(t, answer, values, &t->engine);
}

/* The client's form, each of whose holes has the value that the rule gives. */
static bool learn_client(struct answer_template *t, const struct exchange *x, struct str answer,
                         const struct answer_values *engine)
{
    char digits[FORMAT_DECIMAL_MAX];
    struct answer_values due = *engine, found = { 0 };
    bool has_usage = false;

    set_own(x, &due, digits);
    if (!find_values(x, answer, &found, &has_usage))
        return false;
    if (!engine->at[HOLE_CACHED_TOKENS].len)
        found.at[HOLE_CACHED_TOKENS] = STR_NONE; /* a 0 that is always there */
    for (enum answer_hole hole = 0; hole < HOLES; hole++) {
        if (found.at[hole].len && !str_equal(found.at[hole], due.at[hole]))
            return false;
    }
    return found.at[HOLE_TEXT].len && found.at[HOLE_ID].len && found.at[HOLE_CREATED].len &&
           keep_around(t, answer, &found, &t->client);
}

/* What was counted is what stands in the holes. */
static bool has_counted(const struct exchange *x, const struct answer_lesson *before,
                        const struct answer_template *t, const struct answer_values *values)
{
    const struct usage *u = &x->usage;

    return x->relay.finished_choices == before->finished_choices &&
           x->relay.text_bytes - before->text_bytes == values->text_bytes &&
           (t->is_event || (u->prompt_tokens == number_of(values->at[HOLE_PROMPT_TOKENS]) &&
                            u->completion_tokens == number_of(values->at[HOLE_COMPLETION_TOKENS]) &&
                            u->cached_tokens == number_of(values->at[HOLE_CACHED_TOKENS])));
}

static bool learn(struct answer_template *t, const struct exchange *x,
                  const struct answer_lesson *before, struct str answer, struct str shaped)
{
    struct answer_values values = { 0 };

    t->used = 0;
    t->parts = x->version.parts;
    t->include_usage = x->facts.include_usage;
    return learn_engine(t, x, answer, &values) && learn_client(t, x, shaped, &values) &&
           has_counted(x, before, t, &values) &&
           keep(t, str_from(x->deployment->model->label), &t->model) &&
           keep(t, x->relay.fingerprint, &t->fingerprint);
}

/* The one that was of least use lately. */
static struct answer_template *least_used(struct answer_templates *all)
{
    struct answer_template *least = &all->items[0];

    for (unsigned i = 0; i < ANSWER_TEMPLATES; i++) {
        struct answer_template *t = &all->items[i];

        t->fits /= 2;
        if (least->operation && (!t->operation || t->fits < least->fits))
            least = t;
    }
    return least;
}

static void learn_next(struct exchange *x, bool is_event, const struct answer_lesson *before,
                       struct str answer, struct str shaped)
{
    struct answer_template *t = least_used(&x->inference->templates);

    *t = (struct answer_template){ .is_event = is_event, .fits = FITS_FIRST };
    if (learn(t, x, before, answer, shaped))
        t->operation = x->operation;
}

void answer_template_learn_event(struct exchange *x, const struct answer_lesson *before,
                                 struct str event)
{
    struct str events = buf_str(&x->inference->events);

    if (!is_plain(x) || x->relay.lessons == ANSWER_TEMPLATE_LESSONS)
        return;
    x->relay.lessons++;
    learn_next(x, true, before, event, str_slice(events, before->events_bytes, SIZE_MAX));
}

void answer_template_learn(struct exchange *x, const struct answer_lesson *before,
                           struct str answer, struct str shaped)
{
    unsigned miss = x->inference->templates.misses++;

    if (is_plain(x) && (miss < ANSWER_TEMPLATE_TRIES || miss % ANSWER_TEMPLATE_RETRY == 0))
        learn_next(x, false, before, answer, shaped);
}
