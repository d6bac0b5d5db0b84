/*
 * The service's log: one line an event, to standard error: time, level, event name, then
 * key=value pairs. Levels: error (someone must act), warn (we coped), info (life cycle),
 * debug (flow). Never a key, a prompt or an answer. Low layers return errors instead of logging.
 * Any thread; a line is written by one system call. Where standard error takes nothing at the moment
 * (its reader has stopped, its disk is full), the line is lost, which `log_lines_lost count=N` tells as
 * soon as it does.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/macros.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is logged from now on; LOG_INFO at start. */
void log_set_level(enum log_level level);
/* "error", "warn", "info" or "debug"; false for any other word. */
MUST_CHECK bool log_parse_level(struct str name, enum log_level *level);
bool log_is_on(enum log_level level);

/* `event` in snake_case; `format` makes the key=value pairs, NULL when there are none. A value
 * with blanks is written in quotes by the caller. Control characters are written as '?'. */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(event, ...) log_event(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                         \
    do {                                              \
        if (log_is_on(LOG_DEBUG))                     \
            log_event(LOG_DEBUG, event, __VA_ARGS__); \
    } while (0)

#endif
