/* SPDX-License-Identifier: MIT */
#include "telemetry/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "base/arena.h"
#include "base/memory.h"

/* Series are made by what clients send (deployment names that exist, operations, statuses): bounded
 * by the catalog and the directory, and by this number all the same: so many take less than 64 MB of
 * text, which is what a scrape may be. */
#define SERIES_MAX 4000
#define LABELS_BYTES 320
#define NAME_BYTES_MAX 100
/* Both names, and what the other labels come from. */
#define KEY_BYTES (2 * NAME_BYTES_MAX + 32)

/* Upper bounds in seconds, for a whole answer and for its first byte. */
static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                 0.5,   1,      2.5,   5,    10,    30,   60,  120 };
#define BUCKETS (ARRAY_LEN(bounds) + 1)

struct histogram {
    uint64_t counts[BUCKETS]; /* of each bucket alone; made cumulative when written */
    uint64_t sum_us;
};

/* One combination of labels. */
struct series {
    UT_hash_handle hh;
    unsigned char key[KEY_BYTES];
    unsigned key_len;
    char labels[LABELS_BYTES]; /* as Prometheus writes them: account="a",deployment="d",... */
    uint64_t requests;
    uint64_t requests_seen; /* by metrics_forget, at that time first */
    int64_t seen_at_ms;
    uint64_t prompt_tokens;
    uint64_t completion_tokens;
    struct histogram duration;
    struct histogram first_byte;
};

struct metrics_shard {
    pthread_mutex_t lock;
    struct series *series;
    struct series *recent; /* the one recorded into last, which is often the next one too */
};

struct metrics {
    unsigned shard_count;
    struct metrics_shard *shards;
    pthread_mutex_t forgetting; /* who holds it may free series, and nobody else */
};

/* Counters of a series, by name: the table of what is written. */
static const struct {
    const char *name;
    const char *help;
    size_t offset;
    const char *more_labels;
} counters[] = {
    { "lazuli_requests_total", "Requests of the data plane that have ended.",
      offsetof(struct series, requests), "" },
    { "lazuli_tokens_total",
      "Tokens, as the engines counted them, or estimated where they did not.",
      offsetof(struct series, prompt_tokens), ",kind=\"prompt\"" },
    { "lazuli_tokens_total", NULL, offsetof(struct series, completion_tokens),
      ",kind=\"completion\"" },
};

static const struct {
    const char *name;
    const char *help;
    size_t offset;
} histograms[] = {
    { "lazuli_request_duration_seconds", "From a request's head to the end of its answer.",
      offsetof(struct series, duration) },
    { "lazuli_time_to_first_byte_seconds", "From a request's head to its answer's first byte.",
      offsetof(struct series, first_byte) },
};

struct metrics *metrics_new(unsigned shards)
{
    struct metrics *m = memory_alloc(sizeof(*m));

    m->shard_count = shards;
    pthread_mutex_init(&m->forgetting, NULL);
    m->shards = memory_alloc_array(shards, sizeof(*m->shards));
    for (unsigned i = 0; i < shards; i++)
        pthread_mutex_init(&m->shards[i].lock, NULL);
    return m;
}

static void series_free_all(struct series **all)
{
    struct series *s = *all, *next;

    HASH_CLEAR(hh, *all);
    for (; s; s = next) {
        next = s->hh.next;
        free(s);
    }
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < m->shard_count; i++) {
        series_free_all(&m->shards[i].series);
        pthread_mutex_destroy(&m->shards[i].lock);
    }
    pthread_mutex_destroy(&m->forgetting);
    free(m->shards);
    free(m);
}

struct metrics_shard *metrics_shard(struct metrics *m, unsigned index)
{
    return &m->shards[index];
}

static void put(unsigned char key[KEY_BYTES], unsigned *len, const void *bytes, size_t size)
{
    memcpy(key + *len, bytes, size);
    *len += (unsigned)size;
}

static void put_name(unsigned char key[KEY_BYTES], unsigned *len, struct str name)
{
    unsigned char size = (unsigned char)(name.len < NAME_BYTES_MAX ? name.len : NAME_BYTES_MAX);

    put(key, len, &size, sizeof(size));
    if (size)
        put(key, len, name.data, size);
}

/* What tells series apart, in a form that costs little to make for each request. */
static unsigned make_key(unsigned char key[KEY_BYTES], const struct metrics_request *r)
{
    unsigned char flags = (unsigned char)(r->streamed | r->is_spillover << 1);
    unsigned len = 0;

    put_name(key, &len, r->account);
    put_name(key, &len, r->deployment);
    put(key, &len, &r->operation, sizeof(r->operation)); /* static text: its address will do */
    put(key, &len, &r->status, sizeof(r->status));
    put(key, &len, &flags, sizeof(flags));
    return len;
}

/* Label values hold no quote, backslash or line end: names of ARM resources cannot. */
static void make_labels(char out[LABELS_BYTES], const struct metrics_request *r)
{
    snprintf(out, LABELS_BYTES,
             "account=\"%.*s\",deployment=\"%.*s\",operation=\"%s\",status=\"%d\","
             "stream=\"%s\",is_spillover=\"%s\"",
             STR_ARGS(str_slice(r->account, 0, NAME_BYTES_MAX)),
             STR_ARGS(str_slice(r->deployment, 0, NAME_BYTES_MAX)), r->operation, r->status,
             r->streamed ? "true" : "false", r->is_spillover ? "true" : "false");
}

/* A new series of that key; NULL when there are too many. */
static struct series *series_add(struct series **all, const void *key, unsigned key_len)
{
    struct series *s;

    if (HASH_COUNT(*all) >= SERIES_MAX)
        return NULL;
    s = memory_alloc(sizeof(*s));
    memcpy(s->key, key, key_len);
    s->key_len = key_len;
    HASH_ADD(hh, *all, key, key_len, s);
    return s;
}

static struct series *series_of(struct metrics_shard *shard, const struct metrics_request *r)
{
    unsigned char key[KEY_BYTES];
    unsigned len = make_key(key, r);
    struct series *s = shard->recent;

    if (s && s->key_len == len && memcmp(s->key, key, len) == 0)
        return s;
    HASH_FIND(hh, shard->series, key, len, s);
    if (!s) {
        s = series_add(&shard->series, key, len);
        if (!s)
            return NULL;
        make_labels(s->labels, r);
    }
    shard->recent = s;
    return s;
}

static void observe(struct histogram *h, uint64_t value_us)
{
    size_t bucket = 0;

    while (bucket < ARRAY_LEN(bounds) && (double)value_us > bounds[bucket] * 1e6)
        bucket++;
    h->counts[bucket]++;
    h->sum_us += value_us;
}

void metrics_record_request(struct metrics_shard *shard, const struct metrics_request *r)
{
    struct series *s;

    pthread_mutex_lock(&shard->lock);
    s = series_of(shard, r);
    if (s) {
        s->requests++;
        s->prompt_tokens += r->prompt_tokens;
        s->completion_tokens += r->completion_tokens;
        observe(&s->duration, r->duration_us);
        if (r->first_byte_us)
            observe(&s->first_byte, r->first_byte_us);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* -- Forgetting ------------------------------------------------------------------------------ */

/* The name at key[*at], which moves on. */
static struct str get_name(const struct series *s, unsigned *at)
{
    struct str name = str_of((const char *)&s->key[*at + 1], s->key[*at]);

    *at += 1 + (unsigned)name.len;
    return name;
}

/* Those that have rested for long; returns how many. */
static size_t find_resting(struct metrics_shard *shard, int64_t now_ms,
                           struct series *resting[SERIES_MAX])
{
    size_t count = 0;

    pthread_mutex_lock(&shard->lock);
    for (struct series *s = shard->series; s; s = s->hh.next) {
        if (s->requests != s->requests_seen || now_ms < s->seen_at_ms) {
            s->requests_seen = s->requests;
            s->seen_at_ms = now_ms;
        } else if (now_ms - s->seen_at_ms >= METRICS_KEPT_MS) {
            resting[count++] = s;
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

static size_t keep_gone(struct series **all, size_t count, metrics_is_gone *is_gone, void *data)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned at = 0;
        struct str account = get_name(all[i], &at), deployment = get_name(all[i], &at);

        if (is_gone(data, account, deployment))
            all[kept++] = all[i];
    }
    return kept;
}

static void remove_all(struct metrics_shard *shard, struct series **all, size_t count)
{
    pthread_mutex_lock(&shard->lock);
    for (size_t i = 0; i < count && shard->series; i++) {
        if (all[i]->requests != all[i]->requests_seen)
            continue; /* a request was under way, or there is one of that name again */
        if (shard->recent == all[i])
            shard->recent = NULL;
        HASH_DEL(shard->series, all[i]);
        free(all[i]);
    }
    pthread_mutex_unlock(&shard->lock);
}

void metrics_forget(struct metrics *m, int64_t now_ms, metrics_is_gone *is_gone, void *data)
{
    struct series **found;

    if (pthread_mutex_trylock(&m->forgetting) != 0)
        return; /* somebody does it now */
    found = memory_alloc_array(SERIES_MAX, sizeof(struct series *));
    for (unsigned i = 0; i < m->shard_count; i++) {
        size_t count = find_resting(&m->shards[i], now_ms, found);

        count = keep_gone(found, count, is_gone, data);
        if (count)
            remove_all(&m->shards[i], found, count);
    }
    free(found);
    pthread_mutex_unlock(&m->forgetting);
}

/* -- Writing --------------------------------------------------------------------------------- */

static void histogram_add(struct histogram *to, const struct histogram *from)
{
    for (size_t i = 0; i < BUCKETS; i++)
        to->counts[i] += from->counts[i];
    to->sum_us += from->sum_us;
}

static void series_sum(struct series *to, const struct series *from)
{
    to->requests += from->requests;
    to->prompt_tokens += from->prompt_tokens;
    to->completion_tokens += from->completion_tokens;
    histogram_add(&to->duration, &from->duration);
    histogram_add(&to->first_byte, &from->first_byte);
}

/* All shards in one map of the caller's. */
static struct series *add_up(struct metrics *m)
{
    struct series *sum = NULL;

    for (unsigned i = 0; i < m->shard_count; i++) {
        struct metrics_shard *shard = &m->shards[i];

        pthread_mutex_lock(&shard->lock);
        for (struct series *s = shard->series; s; s = s->hh.next) {
            struct series *to;

            HASH_FIND(hh, sum, s->key, s->key_len, to);
            if (!to)
                to = series_add(&sum, s->key, s->key_len);
            if (!to)
                continue;
            memcpy(to->labels, s->labels, sizeof(to->labels));
            series_sum(to, s);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return sum;
}

static bool write_head(struct buf *out, const char *name, const char *help, const char *type)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool write_counters(const struct series *all, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        if (counters[i].help && !write_head(out, counters[i].name, counters[i].help, "counter"))
            return false;
        for (const struct series *s = all; s; s = s->hh.next) {
            uint64_t value;

            memcpy(&value, (const char *)s + counters[i].offset, sizeof(value));
            if (!buf_printf(out, "%s{%s%s} %llu\n", counters[i].name, s->labels,
                            counters[i].more_labels, (unsigned long long)value))
                return false;
        }
    }
    return true;
}

static bool write_histogram(const char *name, const struct series *s, const struct histogram *h,
                            struct buf *out)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        total += h->counts[i];
        if (!buf_printf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", name, s->labels, bounds[i],
                        (unsigned long long)total))
            return false;
    }
    total += h->counts[ARRAY_LEN(bounds)];
    return buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.6f\n%s_count{%s} %llu\n",
                      name, s->labels, (unsigned long long)total, name, s->labels,
                      (double)h->sum_us / 1e6, name, s->labels, (unsigned long long)total);
}

static bool write_histograms(const struct series *all, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(histograms); i++) {
        if (!write_head(out, histograms[i].name, histograms[i].help, "histogram"))
            return false;
        for (const struct series *s = all; s; s = s->hh.next) {
            const void *h = (const char *)s + histograms[i].offset;

            if (!write_histogram(histograms[i].name, s, h, out))
                return false;
        }
    }
    return true;
}

static bool write_gauges(const struct metrics_gauge *gauges, size_t count, struct buf *out)
{
    const char *last = "";

    for (size_t i = 0; i < count; i++) {
        const struct metrics_gauge *g = &gauges[i];

        if (strcmp(last, g->name) != 0 && !write_head(out, g->name, g->help, g->type))
            return false;
        last = g->name;
        if (!buf_printf(out, g->labels ? "%s{%s} %.17g\n" : "%s%s %.17g\n", g->name,
                        g->labels ? g->labels : "", g->value))
            return false;
    }
    return true;
}

bool metrics_write(struct metrics *m, const struct metrics_gauge *gauges, size_t gauge_count,
                   struct buf *out)
{
    struct series *all = add_up(m);
    bool ok = write_counters(all, out) && write_histograms(all, out) &&
              write_gauges(gauges, gauge_count, out);

    series_free_all(&all);
    return ok;
}
