/* SPDX-License-Identifier: MIT */
#include "template/date.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"

#define DAY_SECONDS 86400
/* A custom format is never that long. */
#define FORMAT_MAX 200
#define FORMATTED_MAX ((size_t)4096)

static const char *const day_names[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday" };
static const char *const month_names[] = { "January",   "February", "March",    "April",
                                           "May",       "June",     "July",     "August",
                                           "September", "October",  "November", "December" };

/* -- Reading ------------------------------------------------------------------------------- */

/* Exactly so many digits. */
static bool take_digits(struct str *s, size_t count, int max, int *value)
{
    uint64_t number;

    if (s->len < count || !str_to_u64(str_slice(*s, 0, count), (uint64_t)max, &number))
        return false;
    *value = (int)number;
    *s = str_slice(*s, count, s->len);
    return true;
}

static bool take(struct str *s, char c)
{
    if (!s->len || s->data[0] != c)
        return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

/* Up to seven digits as ticks; more of them are dropped. */
static bool take_fraction(struct str *s, int64_t *ticks)
{
    int64_t unit = TICKS_PER_SECOND / 10;

    if (!take(s, '.'))
        return true;
    if (!s->len || !isdigit((unsigned char)s->data[0]))
        return false;
    for (; s->len && isdigit((unsigned char)s->data[0]); unit /= 10) {
        *ticks += (s->data[0] - '0') * unit;
        *s = str_slice(*s, 1, s->len);
    }
    return true;
}

/* Seconds to take off for it. */
static bool take_zone(struct str *s, int64_t *offset)
{
    int hours, minutes = 0;
    bool is_east = s->len && s->data[0] == '+';

    if (!s->len || take(s, 'Z') || take(s, 'z'))
        return true;
    if (!take(s, '+') && !take(s, '-'))
        return false;
    if (!take_digits(s, 2, 14, &hours))
        return false;
    if (s->len && (take(s, ':'), !take_digits(s, 2, 59, &minutes)))
        return false;
    *offset = (hours * 3600 + minutes * 60) * (is_east ? 1 : -1);
    return true;
}

static bool take_time(struct str *s, struct tm *t, int64_t *ticks, int64_t *offset)
{
    bool has_colons;

    if (!take(s, 'T') && !take(s, 't') && !take(s, ' '))
        return take_zone(s, offset);
    if (!take_digits(s, 2, 23, &t->tm_hour))
        return false;
    has_colons = take(s, ':');
    if (!take_digits(s, 2, 59, &t->tm_min))
        return false;
    if (has_colons ? take(s, ':') : s->len && isdigit((unsigned char)s->data[0])) {
        if (!take_digits(s, 2, 59, &t->tm_sec) || !take_fraction(s, ticks))
            return false;
    }
    return take_zone(s, offset);
}

bool template_date_parse(struct str s, int64_t *ticks)
{
    struct tm t = { 0 }, same;
    int64_t fraction = 0, offset = 0;
    time_t seconds;
    bool has_hyphens;

    if (!take_digits(&s, 4, 9999, &t.tm_year) || t.tm_year < 1)
        return false;
    has_hyphens = take(&s, '-');
    if (!take_digits(&s, 2, 12, &t.tm_mon) || !t.tm_mon || (has_hyphens && !take(&s, '-')) ||
        !take_digits(&s, 2, 31, &t.tm_mday) || !t.tm_mday)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    same = t;
    timegm(&same);
    if (same.tm_mday != t.tm_mday) /* the month has no such day */
        return false;
    if (!take_time(&s, &t, &fraction, &offset) || s.len)
        return false;
    seconds = timegm(&t) - offset;
    *ticks = seconds * TICKS_PER_SECOND + fraction;
    return *ticks >= TICKS_MIN && *ticks <= TICKS_MAX;
}

/* A number with its unit's letter, of those in `letters`, from letter *at on: each comes once, in
 * their order. */
static bool take_part(struct str *s, const char *letters, const int64_t *units, size_t *at,
                      int64_t *total)
{
    size_t digits = 0;
    int64_t fraction = 0, ticks;
    uint64_t number;
    const char *letter;

    while (digits < s->len && isdigit((unsigned char)s->data[digits]))
        digits++;
    if (!str_to_u64(str_slice(*s, 0, digits), INT32_MAX, &number))
        return false;
    *s = str_slice(*s, digits, s->len);
    if (!take_fraction(s, &fraction) || !s->len || !s->data[0])
        return false;
    letter = strchr(letters + *at, s->data[0]);
    if (!letter || (fraction && *letter != 'S'))
        return false;
    *at = (size_t)(letter - letters) + 1;
    *s = str_slice(*s, 1, s->len);
    return !__builtin_mul_overflow((int64_t)number, units[*at - 1], &ticks) &&
           !__builtin_add_overflow(*total, ticks + fraction, total);
}

bool template_date_parse_duration(struct str s, int64_t *ticks)
{
    static const int64_t day = DAY_SECONDS * (int64_t)TICKS_PER_SECOND;
    static const int64_t days[] = { 365 * day, 30 * day, 7 * day, day };
    static const int64_t times[] = { day / 24, day / 24 / 60, TICKS_PER_SECOND };
    bool is_negative = take(&s, '-');
    size_t at = 0;

    *ticks = 0;
    if (!take(&s, 'P') || !s.len)
        return false;
    while (s.len && s.data[0] != 'T') {
        if (!take_part(&s, "YMWD", days, &at, ticks))
            return false;
    }
    if (take(&s, 'T')) {
        at = 0;
        if (!s.len)
            return false;
        while (s.len) {
            if (!take_part(&s, "HMS", times, &at, ticks))
                return false;
        }
    }
    if (is_negative)
        *ticks = -*ticks;
    return true;
}

/* -- Writing ------------------------------------------------------------------------------- */

/* A point in time in parts. */
struct parts {
    struct tm t;
    unsigned fraction; /* ticks of the second */
};

/* Standard formats, by their letter, as custom ones. */
static const struct {
    char letter;
    const char *custom;
} standard[] = {
    { 'd', "MM/dd/yyyy" },
    { 'D', "dddd, dd MMMM yyyy" },
    { 'f', "dddd, dd MMMM yyyy HH:mm" },
    { 'F', "dddd, dd MMMM yyyy HH:mm:ss" },
    { 'g', "MM/dd/yyyy HH:mm" },
    { 'G', "MM/dd/yyyy HH:mm:ss" },
    { 'm', "MMMM dd" },
    { 'M', "MMMM dd" },
    { 'o', "yyyy-MM-ddTHH:mm:ss.fffffffK" },
    { 'O', "yyyy-MM-ddTHH:mm:ss.fffffffK" },
    { 'r', "ddd, dd MMM yyyy HH:mm:ss 'GMT'" },
    { 'R', "ddd, dd MMM yyyy HH:mm:ss 'GMT'" },
    { 's', "yyyy-MM-ddTHH:mm:ss" },
    { 't', "HH:mm" },
    { 'T', "HH:mm:ss" },
    { 'u', "yyyy-MM-dd HH:mm:ssZ" },
    { 'U', "dddd, dd MMMM yyyy HH:mm:ss" },
    { 'y', "yyyy MMMM" },
    { 'Y', "yyyy MMMM" },
};

/* Digits of a fraction of a second; `trims`: without zeros at their end. */
static bool put_fraction(struct buf *out, unsigned fraction, size_t count, bool trims)
{
    char digits[16];

    if (count > 7)
        return false;
    snprintf(digits, sizeof(digits), "%07u", fraction);
    while (trims && count && digits[count - 1] == '0')
        count--;
    if (trims && !count && buf_len(out) && out->data[out->end - 1] == '.')
        out->end--; /* the point before it goes along */
    return buf_append(out, str_of(digits, count));
}

static bool put_name(struct buf *out, const char *name, size_t count)
{
    return buf_append(out, str_slice(str_from(name), 0, count == 3 ? 3 : SIZE_MAX));
}

static bool put_number(struct buf *out, int number, size_t count)
{
    return buf_printf(out, "%0*d", count > 1 ? 2 : 1, number);
}

static bool put_year(struct buf *out, int year, size_t count)
{
    return buf_printf(out, "%0*d", (int)count, count > 2 ? year : year % 100);
}

/* `count` times the letter; a letter that means nothing stands for itself. */
static bool put_field(struct buf *out, const struct parts *p, char letter, size_t count)
{
    const struct tm *t = &p->t;

    switch (letter) {
    case 'd':
        return count > 2 ? put_name(out, day_names[t->tm_wday], count)
                         : put_number(out, t->tm_mday, count);
    case 'M':
        return count > 2 ? put_name(out, month_names[t->tm_mon], count)
                         : put_number(out, t->tm_mon + 1, count);
    case 'y':
        return put_year(out, t->tm_year + 1900, count);
    case 'H':
        return put_number(out, t->tm_hour, count);
    case 'h':
        return put_number(out, (t->tm_hour + 11) % 12 + 1, count);
    case 'm':
        return put_number(out, t->tm_min, count);
    case 's':
        return put_number(out, t->tm_sec, count);
    case 'f':
        return put_fraction(out, p->fraction, count, false);
    case 'F':
        return put_fraction(out, p->fraction, count, true);
    case 't':
        return buf_append(out, str_slice(t->tm_hour < 12 ? STR("AM") : STR("PM"), 0, count));
    case 'g':
        return buf_append(out, STR("A.D."));
    case 'K':
        return buf_append(out, STR("Z"));
    case 'z':
        return buf_append(out, count > 2 ? STR("+00:00") : count == 2 ? STR("+00") : STR("+0"));
    default:
        while (count--) {
            if (!buf_append(out, str_of(&letter, 1)))
                return false;
        }
        return true;
    }
}

/* What stands for itself, a text in quotes or a character behind a backslash; *count characters of the
 * format. False when it does not end. */
static bool put_literal(struct buf *out, struct str format, size_t *count)
{
    struct str rest = str_slice(format, 1, format.len);
    bool is_quoted = format.data[0] != '\\';
    size_t len = is_quoted ? str_find_char(rest, format.data[0]) : 1;

    if (len > rest.len)
        return false;
    *count = 1 + len + is_quoted;
    return buf_append(out, str_slice(rest, 0, len));
}

static bool put_custom(struct buf *out, const struct parts *p, struct str format)
{
    size_t count;

    for (; format.len; format = str_slice(format, count, format.len)) {
        char c = format.data[0];

        count = 1;
        if (c == '\'' || c == '"' || c == '\\') {
            if (!put_literal(out, format, &count))
                return false;
            continue;
        }
        while (count < format.len && format.data[count] == c)
            count++;
        if (c != '%' && !put_field(out, p, c, count)) /* which says that one letter is custom */
            return false;
    }
    return true;
}

static struct str custom_of(struct str format)
{
    for (size_t i = 0; format.len == 1 && i < ARRAY_LEN(standard); i++) {
        if (standard[i].letter == format.data[0])
            return str_from(standard[i].custom);
    }
    return format.len == 1 ? STR_NONE : format;
}

bool template_date_format(struct arena *a, int64_t ticks, struct str format, struct str *out)
{
    struct str custom = custom_of(format);
    struct parts p;
    struct buf text;
    bool is_good;
    int64_t rest = ticks % TICKS_PER_SECOND;
    time_t seconds;

    if (!custom.len || custom.len > FORMAT_MAX)
        return false;
    if (rest < 0)
        rest += TICKS_PER_SECOND;
    seconds = (time_t)((ticks - rest) / TICKS_PER_SECOND);
    p.fraction = (unsigned)rest;
    gmtime_r(&seconds, &p.t);
    buf_init(&text, FORMATTED_MAX);
    is_good = put_custom(&text, &p, custom);
    *out = arena_copy(a, buf_str(&text));
    buf_done(&text);
    return is_good;
}
