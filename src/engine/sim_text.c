/* SPDX-License-Identifier: MIT */
#include "engine/sim_text.h"

#include <assert.h>

#define TOKEN_BYTES 4
/* Words of a sentence. */
#define SENTENCE_MIN 6
#define SENTENCE_SPREAD 8

static const char *const words[] = {
    "a",     "about",  "all",   "an",    "and",   "answer", "are",   "as",    "at",    "be",
    "blue",  "bright", "by",    "can",   "cloud", "code",   "comes", "could", "data",  "day",
    "deep",  "does",   "down",  "each",  "every", "far",    "few",   "field", "find",  "first",
    "for",   "from",   "gives", "goes",  "gold",  "good",   "has",   "have",  "here",  "how",
    "if",    "in",     "into",  "is",    "it",    "keeps",  "key",   "known", "large", "light",
    "like",  "line",   "long",  "made",  "makes", "many",   "may",   "metal", "more",  "most",
    "new",   "next",   "night", "no",    "not",   "now",    "of",    "on",    "one",   "only",
    "or",    "other",  "our",   "over",  "own",   "part",   "plain", "quiet", "river", "runs",
    "same",  "say",    "sea",   "see",   "short", "sky",    "small", "so",    "some",  "song",
    "still", "stone",  "such",  "takes", "than",  "that",   "the",   "then",  "there", "these",
    "they",  "thing",  "this",  "time",  "to",    "two",    "under", "until", "up",    "use",
    "very",  "was",    "water", "way",   "well",  "were",   "what",  "when",  "where", "which",
    "while", "white",  "will",  "with",  "word",  "work",   "world", "would", "year",  "yet",
};

uint64_t sim_mix(uint64_t seed, uint64_t value)
{
    uint64_t x = seed + value * 0x9E3779B97F4A7C15u + 0x9E3779B97F4A7C15u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t sim_hash(uint64_t seed, struct str bytes)
{
    return str_hash(seed ^ STR_HASH_START, bytes);
}

double sim_fraction(uint64_t random)
{
    return (double)(random >> 11) / (double)(1ull << 53);
}

struct sim_source sim_source_sentences(uint64_t seed)
{
    return (struct sim_source){ .seed = seed };
}

struct sim_source sim_source_text(struct str text)
{
    return (struct sim_source){ .text = str_of(text.data ? text.data : "", text.len) };
}

static void next_word(struct sim_source *s, struct sim_token *token)
{
    uint64_t random = sim_mix(s->seed, s->index);
    const char *word = words[random % ARRAY_LEN(words)];
    bool is_start = s->sentence_left == 0;

    token->len = 0;
    if (s->sentence_left == 1) {
        token->text[token->len++] = '.';
    } else {
        if (s->index)
            token->text[token->len++] = ' ';
        for (const char *p = word; *p; p++)
            token->text[token->len++] = *p;
        if (is_start) {
            char *first = token->text + (s->index != 0);

            *first = (char)(*first - 'a' + 'A');
        }
    }
    assert(token->len <= SIM_TOKEN_BYTES_MAX);
    if (is_start) /* words of the sentence after this one, and the full stop */
        s->sentence_left = SENTENCE_MIN + (unsigned)((random >> 32) % SENTENCE_SPREAD) + 1;
    s->sentence_left--;
    s->index++;
}

bool sim_source_next(struct sim_source *s, struct sim_token *token)
{
    size_t end;

    if (!s->text.data) {
        next_word(s, token);
        return true;
    }
    if (s->offset == s->text.len)
        return false;
    /* Cut at multiples of four bytes, moved on to where a character starts. */
    end = (s->offset / TOKEN_BYTES + 1) * TOKEN_BYTES;
    while (end < s->text.len && end - s->offset < SIM_TOKEN_BYTES_MAX &&
           ((unsigned char)s->text.data[end] & 0xC0) == 0x80)
        end++;
    if (end > s->text.len)
        end = s->text.len;
    token->len = (unsigned)(end - s->offset);
    memcpy(token->text, s->text.data + s->offset, token->len);
    s->offset = end;
    s->index++;
    return true;
}

unsigned sim_token_count(size_t bytes)
{
    size_t count = bytes / TOKEN_BYTES + (bytes % TOKEN_BYTES != 0);

    return count > UINT32_MAX ? UINT32_MAX : (unsigned)count;
}

struct str sim_token_word(uint64_t id)
{
    return str_from(words[id % ARRAY_LEN(words)]);
}
