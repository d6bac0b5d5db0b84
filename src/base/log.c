/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* A line, its end included; what is longer is cut. Below PIPE_BUF (4096), so that lines of
 * several processes to one pipe do not mix, and that a pipe which takes anything takes it whole. */
#define LINE_BYTES 2048

static const char *const level_names[] = { "error", "warn", "info", "debug" };

static _Atomic int level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

bool log_parse_level(struct str name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_equal(name, str_from(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

/* "2026-11-21T01:02:03.123Z info event_name" */
static size_t write_head(char *line, size_t size, enum log_level level, const char *event)
{
    uint64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm t;
    int len;

    gmtime_r(&seconds, &t);
    len = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s %s", t.tm_year + 1900,
                   t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                   (int)(now_us / 1000 % 1000), level_names[level], event);
    assert(len > 0 && (size_t)len < size);
    return (size_t)len;
}

/* Shortens text that is cut at `len` so that it ends with a whole UTF-8 character. */
static size_t whole_characters(const char *text, size_t len)
{
    size_t start = len;

    while (start && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start && (unsigned char)text[start - 1] >= 0xC0)
        start--;
    return str_is_utf8(str_of(text + start, len - start)) ? len : start;
}

/* Whether standard error takes a line without making the writer wait. */
static bool takes_a_line(void)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

    return poll(&out, 1, 0) == 1;
}

/* What has been lost until standard error takes lines again; a disk that fills up may have taken the
 * beginning of one. */
struct log_loss {
    unsigned count;
    bool is_torn;
};

/* False: standard error did not take all of it. */
static bool write_line(struct log_loss *loss, const char *line, size_t len)
{
    ssize_t written;

    if (!takes_a_line())
        return false;
    do
        written = write(STDERR_FILENO, line, len);
    while (written < 0 && errno == EINTR);
    if (written > 0)
        loss->is_torn = (size_t)written < len;
    return written == (ssize_t)len;
}

static bool tell_of_loss(struct log_loss *loss)
{
    char told[LINE_BYTES] = "\n";
    size_t len = loss->is_torn; /* that line is ended first */

    len += write_head(told + len, sizeof(told) - len, LOG_WARN, "log_lines_lost");
    len += (size_t)snprintf(told + len, sizeof(told) - len, " count=%u\n", loss->count);
    if (!write_line(loss, told, len))
        return false;
    loss->count = 0;
    return true;
}

/* A reader of the log that has stopped, or a full disk, must not stop the service: what does not fit is
 * left out, and counted. The lock keeps others from taking the room that was seen. */
static void put_line(const char *line, size_t len)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct log_loss loss;

    pthread_mutex_lock(&lock);
    if ((loss.count && !tell_of_loss(&loss)) || !write_line(&loss, line, len))
        loss.count++;
    pthread_mutex_unlock(&lock);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t len, room;

    if (!log_is_on(level))
        return;
    len = write_head(line, sizeof(line), level, event);
    if (format) {
        va_list args;
        int wanted;

        line[len++] = ' ';
        room = sizeof(line) - 1 - len;
        va_start(args, format);
        wanted = vsnprintf(line + len, room + 1, format, args);
        va_end(args);
        assert(wanted >= 0);
        if ((size_t)wanted <= room) {
            len += (size_t)wanted;
        } else {
            len = whole_characters(line, sizeof(line) - 1 - strlen("..."));
            memcpy(line + len, "...", strlen("..."));
            len += strlen("...");
        }
    }
    str_mask_controls(line, len);
    line[len++] = '\n';
    put_line(line, len);
}
