/* SPDX-License-Identifier: MIT */
#include "load/say.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "load/line.h"

#define TEXT_BYTES 1024

PRINTF_LIKE(3, 0)
static void say_text(struct say *s, const char *level, const char *format, va_list arguments)
{
    char time_text[LINE_TIME_BYTES], text[TEXT_BYTES];

    line_time(time_text, time(NULL));
    vsnprintf(text, sizeof(text), format, arguments);
    /* a service's words are in it */
    str_mask_controls(text, strlen(text));
    if (s->make_room)
        s->make_room(s->data);
    fprintf(s->out, "%s %-8s %s\n", time_text, level, text);
    if (s->copy)
        fprintf(s->copy, "%s %-8s %s\n", time_text, level, text);
}

void say_info(struct say *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_text(s, "INFO", format, arguments);
    va_end(arguments);
}

void say_warning(struct say *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_text(s, "WARNING", format, arguments);
    va_end(arguments);
}
