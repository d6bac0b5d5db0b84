/*
 * format(): .NET's composite formats, "{index[,alignment][:format]}" (learn.microsoft.com,
 * "Composite formatting"). Of an integer's formats: D, F, G, N, P and X with a number of digits,
 * and pictures of 0, #, comma and point; in the invariant culture, as templates are evaluated.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>

#include "base/buf.h"
#include "base/format.h"
#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

/* .NET takes a million of both; a name is never that long. */
#define ALIGNMENT_MAX 10000
#define DIGITS_MAX 99

/* -- Integers ------------------------------------------------------------------------------ */

/* An integer as digits, and what goes around them. */
struct number {
    struct arena *arena;
    bool is_negative;
    struct str digits; /* of its magnitude */
};

static struct str zeros(struct arena *a, size_t count)
{
    return count ? arena_printf(a, "%0*d", (int)count, 0) : STR_NONE;
}

/* With zeros in front up to so many digits. */
static struct str padded(const struct number *n, size_t wanted)
{
    if (n->digits.len >= wanted)
        return n->digits;
    return arena_printf(n->arena, "%s%.*s", zeros(n->arena, wanted - n->digits.len).data,
                        STR_ARGS(n->digits));
}

static struct str with_decimals(const struct number *n, struct str whole, size_t decimals)
{
    if (!decimals)
        return whole;
    return arena_printf(n->arena, "%.*s.%s", STR_ARGS(whole), zeros(n->arena, decimals).data);
}

static struct str hexadecimal(const struct number *n, int64_t value, bool is_upper, size_t wanted)
{
    if (is_upper)
        return arena_printf(n->arena, "%0*llX", (int)wanted, (unsigned long long)value);
    return arena_printf(n->arena, "%0*llx", (int)wanted, (unsigned long long)value);
}

/* "N0", "D3", ...: false when there is no such format. */
static bool standard(const struct number *n, int64_t value, struct str format, struct str *out)
{
    char letter = (char)toupper((unsigned char)format.data[0]);
    struct str rest = str_slice(format, 1, format.len), text = n->digits;
    uint64_t digits = letter == 'N' || letter == 'F' || letter == 'P' ? 2 : 0;

    if (rest.len && !str_to_u64(rest, DIGITS_MAX, &digits))
        return false;
    if (letter == 'X') {
        *out = hexadecimal(n, value, format.data[0] == 'X', (size_t)digits);
        return true;
    }
    if (letter == 'D')
        text = padded(n, (size_t)digits);
    else if (letter == 'N')
        text = with_decimals(n, format_grouped(n->arena, text), (size_t)digits);
    else if (letter == 'F')
        text = with_decimals(n, text, (size_t)digits);
    else if (letter == 'P')
        text = arena_printf(
            n->arena, "%s %%",
            with_decimals(
                n,
                format_grouped(n->arena,
                               value ? arena_printf(n->arena, "%.*s00", STR_ARGS(text)) : STR("0")),
                (size_t)digits)
                .data);
    else if (letter != 'G')
        return false;
    *out = n->is_negative ? arena_printf(n->arena, "-%.*s", STR_ARGS(text)) : text;
    return true;
}

/* A picture, "#,##0.00": as many zeros as it has before its point are filled up, and behind it
 * appended. */
static bool picture(const struct number *n, struct str format, struct str *out)
{
    struct str whole = format, decimals = STR_NONE, text;
    size_t zero_count = 0, decimal_count = 0;
    bool groups;

    for (size_t i = 0; i < format.len; i++) {
        if (!strchr("0#,.", format.data[i]))
            return false;
    }
    if (str_find_char(format, '.') != SIZE_MAX) {
        decimals = format;
        str_split(&decimals, '.', &whole);
    }
    groups = str_find_char(whole, ',') != SIZE_MAX;
    for (size_t i = 0; i < whole.len; i++)
        zero_count += zero_count || whole.data[i] == '0' ? whole.data[i] != ',' : 0;
    for (size_t i = 0; i < decimals.len; i++)
        decimal_count += decimals.data[i] == '0';
    if (zero_count > DIGITS_MAX || decimal_count > DIGITS_MAX)
        return false;
    text = !zero_count && str_equal(n->digits, STR("0")) ? STR_NONE : padded(n, zero_count);
    if (groups)
        text = format_grouped(n->arena, text);
    text = with_decimals(n, text, decimal_count);
    *out = n->is_negative ? arena_printf(n->arena, "-%.*s", STR_ARGS(text)) : text;
    return true;
}

static bool format_integer(struct template_call *c, int64_t value, struct str format,
                           struct str *out)
{
    struct number n = { c->x->arena, value < 0, format_decimal(c->x->arena, value) };

    if (n.is_negative)
        n.digits = str_slice(n.digits, 1, n.digits.len);
    if (!template_charge(c->x, 4, 4 * DIGITS_MAX, c->err))
        return false;
    if (isalpha((unsigned char)format.data[0]) ? standard(&n, value, format, out)
                                               : picture(&n, format, out))
        return true;
    return template_call_fail(c, "The format '%.*s' of a number is not supported.",
                              STR_ARGS(str_slice(format, 0, 40)));
}

/* -- The whole ----------------------------------------------------------------------------- */

/* What stands in braces. */
struct hole {
    size_t index;
    int64_t alignment; /* at least so many characters: to the right, or, negative, to the left */
    struct str format;
};

static bool fail_format(struct template_call *c, const char *what)
{
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "Unable to evaluate language function 'format': the format is invalid: '%s'. "
                     "Please see https://aka.ms/arm-function-format for usage details.",
                     what);
}

static bool take_hole(struct template_call *c, struct str text, struct hole *hole)
{
    struct str index = text, alignment;
    bool is_left = false;
    uint64_t number;

    *hole = (struct hole){ .format = STR_NONE };
    if (str_find_char(index, ':') != SIZE_MAX) {
        hole->format = index;
        str_split(&hole->format, ':', &index);
    }
    if (str_find_char(index, ',') != SIZE_MAX) {
        alignment = index;
        str_split(&alignment, ',', &index);
        alignment = str_trim(alignment);
        is_left = alignment.len && alignment.data[0] == '-';
        if (!str_to_u64(str_slice(alignment, is_left, alignment.len), ALIGNMENT_MAX, &number))
            return fail_format(c, "Input string was not in a correct format.");
        hole->alignment = is_left ? -(int64_t)number : (int64_t)number;
    }
    if (!str_to_u64(str_trim(index), INT32_MAX, &number))
        return fail_format(c, "Input string was not in a correct format.");
    if (number + 1 >= c->count)
        return fail_format(c, "Index (zero based) must be greater than or equal to zero and less "
                              "than the size of the argument list.");
    hole->index = (size_t)number + 1;
    return true;
}

static bool append(struct template_call *c, struct buf *out, struct str text)
{
    if (!template_charge(c->x, text.len / TEMPLATE_STEP_BYTES, 2 * text.len, c->err))
        return false;
    return buf_append(out, text) || template_call_fail(c, "The result is too long.");
}

static bool append_spaces(struct template_call *c, struct buf *out, size_t count)
{
    return !count || append(c, out, arena_printf(c->x->arena, "%*s", (int)count, ""));
}

static bool append_hole(struct template_call *c, struct buf *out, const struct hole *hole)
{
    yyjson_mut_val *value = c->args[hole->index];
    size_t chars, width, spaces;
    int64_t number;
    struct str text = STR_NONE;

    if (hole->format.len && template_as_integer(value, &number)) {
        if (!format_integer(c, number, hole->format, &text))
            return false;
    } else if (!template_text(c->x, value, &text, c->err)) {
        return false;
    }
    chars = str_count_chars(text);
    width = (size_t)(hole->alignment < 0 ? -hole->alignment : hole->alignment);
    spaces = width > chars ? width - chars : 0;
    return append_spaces(c, out, hole->alignment > 0 ? spaces : 0) && append(c, out, text) &&
           append_spaces(c, out, hole->alignment < 0 ? spaces : 0);
}

/* What the format begins with, of which it is *len bytes: text without braces; a brace twice, which is
 * one; or a hole. */
static bool append_next(struct template_call *c, struct buf *out, struct str format, size_t *len)
{
    char brace = format.data[0];
    struct hole hole;

    for (*len = 0; *len < format.len && format.data[*len] != '{' && format.data[*len] != '}';
         ++*len)
        ;
    if (*len)
        return append(c, out, str_slice(format, 0, *len));
    if (format.len > 1 && format.data[1] == brace) {
        *len = 2;
        return append(c, out, str_slice(format, 0, 1));
    }
    *len = str_find_char(format, '}');
    if (brace == '}' || *len == SIZE_MAX)
        return fail_format(c, "Input string was not in a correct format.");
    if (!take_hole(c, str_slice(format, 1, *len - 1), &hole))
        return false;
    ++*len;
    return append_hole(c, out, &hole);
}

static bool run_format(struct template_call *c, yyjson_mut_val **result)
{
    struct str format;
    bool is_good = true;
    struct buf out;
    size_t len;

    if (!template_arg_string(c, 0, &format))
        return false;
    buf_init(&out, TEMPLATE_BYTES_MAX);
    for (; format.len && is_good; format = str_slice(format, len, format.len))
        is_good = append_next(c, &out, format, &len);
    if (is_good)
        template_return_text(c, arena_copy(c->x->arena, buf_str(&out)), result);
    buf_done(&out);
    return is_good;
}

const struct template_function template_format_functions[] = {
    { "format", run_format, 1, TEMPLATE_ARGS_ANY, false },
    { NULL, NULL, 0, 0, false },
};
