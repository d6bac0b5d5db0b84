/* SPDX-License-Identifier: MIT */
#include "engine/sim_fault.h"

#include <stdlib.h>

/* A day: as long as any retry-after that clients meet. */
#define RETRY_AFTER_MS_MAX 86400000
#define AFTER_TOKENS_MAX 1000000
#define RATE_CHARS_MAX 16

enum part { PART_KIND = 1 << 0, PART_AFTER = 1 << 1, PART_RETRY = 1 << 2, PART_RATE = 1 << 3 };

static bool parse_kind(struct str name, bool has_value, struct sim_fault *fault)
{
    static const struct {
        struct str name;
        enum sim_fault_kind kind;
    } kinds[] = {
        { STR("stall"), SIM_FAULT_STALL },
        { STR("cut"), SIM_FAULT_CUT },
        { STR("malformed"), SIM_FAULT_MALFORMED },
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds) && !has_value; i++) {
        if (str_equal_nocase(name, kinds[i].name)) {
            fault->kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* "0", "1", "0.25": strtod alone would take "nan", blanks and hexadecimal too. */
static bool parse_rate(struct str text, double *rate)
{
    char copy[RATE_CHARS_MAX + 1];
    char *end;

    if (str_is_empty(text) || text.len > RATE_CHARS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9') && text.data[i] != '.')
            return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *rate = strtod(copy, &end);
    return *end == '\0' && *rate >= 0 && *rate <= 1;
}

static bool parse_number(struct str text, const char *name, uint64_t min, uint64_t max,
                         uint64_t *number, struct error *err)
{
    if (str_to_u64(text, max, number) && *number >= min)
        return true;
    return error_set_target(err, ERROR_BAD_REQUEST, name,
                            "'%s' of a fault must be a whole number from %llu to %llu.", name,
                            (unsigned long long)min, (unsigned long long)max);
}

static bool parse_part(struct str name, struct str value, bool has_value, unsigned *seen,
                       struct sim_fault *fault, struct error *err)
{
    uint64_t number;
    unsigned part;

    if (str_equal_nocase(name, STR("status"))) {
        part = PART_KIND;
        fault->kind = SIM_FAULT_STATUS;
        if (!parse_number(value, "status", 400, 599, &number, err))
            return false;
        fault->status = (unsigned)number;
    } else if (str_equal_nocase(name, STR("after"))) {
        part = PART_AFTER;
        if (!parse_number(value, "after", 0, AFTER_TOKENS_MAX, &number, err))
            return false;
        fault->after_tokens = (unsigned)number;
    } else if (str_equal_nocase(name, STR("retry-after-ms"))) {
        part = PART_RETRY;
        if (!parse_number(value, "retry-after-ms", 1, RETRY_AFTER_MS_MAX, &number, err))
            return false;
        fault->retry_after_ms = number;
    } else if (str_equal_nocase(name, STR("rate"))) {
        part = PART_RATE;
        if (!parse_rate(value, &fault->rate))
            return error_set_target(err, ERROR_BAD_REQUEST, "rate",
                                    "'rate' of a fault must be a number from 0 to 1.");
    } else if (parse_kind(name, has_value, fault)) {
        part = PART_KIND;
    } else {
        return error_set_target(err, ERROR_BAD_REQUEST, "fault",
                                "A fault has no part '%.*s'; there are status=, stall, cut, "
                                "malformed, after=, retry-after-ms= and rate=.",
                                name.len > 40 ? 40 : (int)name.len, name.data);
    }
    if (*seen & part)
        return error_set_target(err, ERROR_BAD_REQUEST, "fault",
                                "A fault says '%.*s' twice, or two kinds.",
                                name.len > 40 ? 40 : (int)name.len, name.data);
    *seen |= part;
    return true;
}

/* Parts that mean nothing for the fault's kind would be lost without a word. */
static bool check_parts(unsigned seen, const struct sim_fault *fault, struct error *err)
{
    if (!(seen & PART_KIND))
        return error_set_target(err, ERROR_BAD_REQUEST, "fault",
                                "A fault needs one of status=, stall, cut and malformed.");
    if (fault->kind == SIM_FAULT_STATUS && (seen & PART_AFTER))
        return error_set_target(err, ERROR_BAD_REQUEST, "after",
                                "'after' does not go with 'status': no token is sent.");
    if (fault->kind != SIM_FAULT_STATUS && (seen & PART_RETRY))
        return error_set_target(err, ERROR_BAD_REQUEST, "retry-after-ms",
                                "'retry-after-ms' goes with 'status' only.");
    return true;
}

bool sim_fault_parse(struct str header, struct sim_fault *fault, struct error *err)
{
    struct sim_fault parsed = { .rate = 1 };
    struct str rest = header, part;
    unsigned seen = 0;

    while (str_split(&rest, ';', &part)) {
        size_t equals;

        part = str_trim(part);
        if (str_is_empty(part))
            continue;
        equals = str_find_char(part, '=');
        if (!parse_part(str_trim(str_slice(part, 0, equals)),
                        equals == SIZE_MAX ? STR_NONE
                                           : str_trim(str_slice(part, equals + 1, part.len)),
                        equals != SIZE_MAX, &seen, &parsed, err))
            return false;
    }
    if (!check_parts(seen, &parsed, err))
        return false;
    *fault = parsed;
    return true;
}
