/* SPDX-License-Identifier: MIT */
#include "load/chart.h"

#include <math.h>
#include <stdbool.h>

#include "base/macros.h"

/* In the picture's own units. */
#define WIDTH 760.0
#define HEIGHT 220.0
#define LEFT 64.0
#define RIGHT 24.0
#define TOP 10.0
#define BOTTOM 26.0
#define TICKS 4
#define X_LABELS 6

void html_write(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            putc((unsigned char)*text < ' ' || *text == 0x7F ? '?' : *text, out);
        }
    }
}

/* "0.25", "7500", "12.5k", "1.2M" */
static void write_number(FILE *out, double value)
{
    if (value >= 1e6)
        fprintf(out, "%.4gM", value / 1e6);
    else if (value >= 1e4)
        fprintf(out, "%.4gk", value / 1e3);
    else
        fprintf(out, "%.4g", value);
}

/* The least number not below whose quarters are short ones. */
static double round_up(double value)
{
    static const double steps[] = { 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10 };
    double power;

    if (!(value > 0))
        return 1;
    power = pow(10, floor(log10(value)));
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        if (value <= steps[i] * power * (1 + 1e-9))
            return steps[i] * power;
    }
    return 10 * power;
}

static double largest(const struct chart *c)
{
    double most = 0;

    for (unsigned line = 0; line < c->line_count; line++) {
        for (unsigned i = 0; i < c->count; i++) {
            if (c->values[line][i] > most)
                most = c->values[line][i];
        }
    }
    return most;
}

static double x_at(const struct chart *c, unsigned point)
{
    double room = WIDTH - LEFT - RIGHT;

    return LEFT + (c->count > 1 ? room * point / (c->count - 1) : room / 2);
}

static double y_at(double value, double top)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
}

static void write_x_name(FILE *out, const struct chart *c, unsigned point)
{
    double seconds = c->x_step * point;

    if (c->x_step <= 0)
        fputs(c->x_names[point], out);
    else
        fprintf(out, "%d:%02d", (int)(seconds / 60), (int)fmod(seconds, 60));
}

static void write_axes(FILE *out, const struct chart *c, double top)
{
    unsigned step = (c->count + X_LABELS - 1) / X_LABELS;

    for (unsigned i = 0; i <= TICKS; i++) {
        double value = top * i / TICKS, y = y_at(value, top);

        fprintf(out,
                "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text class=\"y\" x=\"%.0f\" y=\"%.1f\">",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4);
        write_number(out, value);
        fputs("</text>\n", out);
    }
    if (c->x_step <= 0)
        step = 1;
    for (unsigned i = 0; i < c->count; i += step) {
        fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.0f\">", x_at(c, i), HEIGHT - 8);
        write_x_name(out, c, i);
        fputs("</text>\n", out);
    }
}

/* A line stops where there is no value, and goes on behind that. A value alone is a dot. */
static void write_line(FILE *out, const struct chart *c, unsigned line, double top)
{
    const double *values = c->values[line];

    for (unsigned i = 0; i < c->count; i++) {
        bool is_first = i == 0 || isnan(values[i - 1]);
        bool is_last = i + 1 == c->count || isnan(values[i + 1]);
        double x = x_at(c, i);

        if (isnan(values[i]))
            continue;
        if (is_first && is_last) {
            fprintf(out, "<circle class=\"l%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n", line, x,
                    y_at(values[i], top));
            continue;
        }
        if (is_first)
            fprintf(out, "<polyline class=\"l%u\" points=\"", line);
        fprintf(out, "%s%.1f,%.1f", is_first ? "" : " ", x, y_at(values[i], top));
        if (is_last)
            fputs("\"/>\n", out);
    }
}

static void write_values(FILE *out, const struct chart *c, unsigned point)
{
    double half = c->count > 1 ? (WIDTH - LEFT - RIGHT) / (c->count - 1) / 2 : 20;

    fprintf(out, "<rect class=\"tip\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"><title>",
            x_at(c, point) - half, TOP, 2 * half, HEIGHT - TOP - BOTTOM);
    write_x_name(out, c, point);
    for (unsigned line = 0; line < c->line_count; line++) {
        if (isnan(c->values[line][point]))
            continue;
        fputs("\n", out);
        html_write(out, c->names[line]);
        fputs(": ", out);
        write_number(out, c->values[line][point]);
        fputs(" ", out);
        html_write(out, c->unit);
    }
    fputs("</title></rect>\n", out);
}

void chart_write(FILE *out, const struct chart *c)
{
    double top = round_up(largest(c));

    fputs("<figure><figcaption>", out);
    html_write(out, c->title);
    fputs(" <small>", out);
    html_write(out, c->unit);
    fputs("</small>", out);
    for (unsigned line = 0; line < c->line_count; line++) {
        fprintf(out, " <span class=\"key l%u\">", line);
        html_write(out, c->names[line]);
        fputs("</span>", out);
    }
    fprintf(out, "</figcaption>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n", WIDTH, HEIGHT);
    write_axes(out, c, top);
    for (unsigned line = 0; line < c->line_count; line++)
        write_line(out, c, line, top);
    for (unsigned i = 0; i < c->count; i++)
        write_values(out, c, i);
    fputs("</svg></figure>\n", out);
}
