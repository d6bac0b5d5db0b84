/* SPDX-License-Identifier: MIT */
#include "load/failures.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *name, *text;
} causes[LOAD_CAUSE_COUNT] = {
    [LOAD_CAUSE_CONNECT] = { "connect", "no connection" },
    [LOAD_CAUSE_TLS] = { "tls", "TLS failed" },
    [LOAD_CAUSE_CONNECT_TIMEOUT] = { "connect_timeout", "no connection in time" },
    [LOAD_CAUSE_NO_ANSWER] = { "no_answer", "no answer in time" },
    [LOAD_CAUSE_STALLED] = { "stalled", "the answer stalled" },
    [LOAD_CAUSE_CLOSED] = { "closed", "closed without an answer" },
    [LOAD_CAUSE_CUT] = { "cut", "the answer broke off" },
    [LOAD_CAUSE_NOT_HTTP] = { "not_http", "not an answer in HTTP" },
    [LOAD_CAUSE_GARBAGE] = { "garbage", "not an answer of a model" },
    [LOAD_CAUSE_ERROR_EVENT] = { "error_event", "an error in the stream" },
    [LOAD_CAUSE_STATUS] = { "status", "status" },
    [LOAD_CAUSE_THROTTLED] = { "throttled", "throttled" },
};

const char *load_cause_text(enum load_cause cause)
{
    return causes[cause].text;
}

const char *load_cause_name(enum load_cause cause)
{
    return causes[cause].name;
}

/* As it is kept: cut, and shown on terminals. */
static void keep(const char *text, char *out, size_t size)
{
    str_show(str_from(text), out, size);
    str_repair_utf8(out);
    str_mask_controls(out, strlen(out));
}

static bool has_digit(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] >= '0' && word.data[i] <= '9')
            return true;
    }
    return false;
}

/* "27" and "3", ids of requests, "second." and "seconds.". */
static bool is_word_alike(struct str word, struct str other)
{
    struct str second = STR("second");

    return str_equal(word, other) || (has_digit(word) && has_digit(other)) ||
           (str_starts_with(word, second) && str_starts_with(other, second));
}

/* The same words, but for those of numbers: "Please retry after 27 seconds". */
static bool is_alike(const char *text, const char *other)
{
    struct str a = str_from(text), b = str_from(other), word, other_word;

    while (str_split(&a, ' ', &word)) {
        if (!str_split(&b, ' ', &other_word))
            return false;
        if (!is_word_alike(word, other_word))
            return false;
    }
    return !str_split(&b, ' ', &other_word);
}

static struct failure_kind *find(struct load_failures *f, const struct load_outcome *o,
                                 const char *text)
{
    struct failure_kind *k;

    for (unsigned i = 0; i < f->count; i++) {
        k = &f->kinds[i];
        if (k->cause == o->cause && k->status == o->status && is_alike(k->text, text))
            return k;
    }
    if (f->count == FAILURE_KINDS_MAX)
        return NULL;
    k = &f->kinds[f->count++];
    *k = (struct failure_kind){ .cause = o->cause, .status = o->status };
    snprintf(k->text, sizeof(k->text), "%s", text);
    return k;
}

void load_failures_add(struct load_failures *f, const struct load_outcome *o)
{
    char text[FAILURE_TEXT_BYTES];
    struct failure_kind *k;

    keep(o->text, text, sizeof(text));
    k = find(f, o, text);
    if (!k) {
        f->others++;
        return;
    }
    k->count++;
    if (*o->request_id && k->id_count < FAILURE_IDS_MAX)
        keep(o->request_id, k->ids[k->id_count++], LOAD_REQUEST_ID_BYTES);
}
