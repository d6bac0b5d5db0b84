/* SPDX-License-Identifier: MIT */
#include "arm/filter.h"
#include "arm/resource.h"
#include "arm/types/event.h"
#include "base/format.h"

#define MEMBERS                                                                               \
    "eventTimestamp by 'ge' and 'le', and resourceGroupName, resourceUri, resourceProvider, " \
    "correlationId, caller, status and eventChannels by 'eq', joined by 'and'"

static bool not_supported(struct str what, struct error *err)
{
    char shown[64];

    str_show(what, shown, sizeof(shown));
    return error_set_target(
        err, ERROR_ARM_FILTER, "$filter",
        "The filter is not valid or not supported at '%s': it may compare " MEMBERS ".", shown);
}

/* az leaves the zone out and means UTC. */
static bool parse_time(struct arm_call *c, struct str text, int64_t *time_ms)
{
    return format_parse_time(text, time_ms) ||
           format_parse_time(arena_printf(c->arena, "%.*sZ", STR_ARGS(text)), time_ms);
}

static bool set_time(struct arm_call *c, struct event_filter *filter, struct str comparison,
                     struct str value, struct error *err)
{
    char shown[64];
    int64_t time_ms;

    if (!parse_time(c, value, &time_ms)) {
        str_show(value, shown, sizeof(shown));
        return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                                "'%s' in the filter is not a time as '2026-01-31T12:00:00Z'.",
                                shown);
    }
    if (str_equal_nocase(comparison, STR("ge"))) {
        filter->from_ms = time_ms;
        filter->has_from = true;
    } else if (str_equal_nocase(comparison, STR("le"))) {
        filter->to_ms = time_ms;
    } else {
        return not_supported(comparison, err);
    }
    return true;
}

/* Every event is told in the channel Operation. */
static void set_channels(struct event_filter *filter, struct str list)
{
    struct str channel;

    filter->wants_none = true;
    while (str_split(&list, ',', &channel)) {
        if (str_equal_nocase(str_trim(channel), STR("Operation")))
            filter->wants_none = false;
    }
}

static bool set_text(struct arm_call *c, struct event_filter *filter, struct str member,
                     struct str value)
{
    const struct {
        const char *name;
        struct str *at;
    } texts[] = {
        { "resourceGroupName", &filter->group },
        { "resourceUri", &filter->resource },
        { "resourceId", &filter->resource },
        { "resourceProvider", &filter->provider },
        { "correlationId", &filter->correlation },
        { "caller", &filter->caller },
        { "status", &filter->status },
    };

    if (str_equal_nocase(member, STR("eventChannels"))) {
        set_channels(filter, value);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (str_equal_nocase(member, str_from(texts[i].name))) {
            *texts[i].at = arena_lower(c->arena, value);
            return true;
        }
    }
    return false;
}

static bool take_term(struct arm_call *c, struct event_filter *filter,
                      const struct arm_filter_term *term, struct error *err)
{
    if (str_equal_nocase(term->name, STR("eventTimestamp")) && !term->is_function)
        return set_time(c, filter, term->comparison, term->value, err);
    if (term->is_function || !str_equal_nocase(term->comparison, STR("eq")))
        return not_supported(term->is_function ? term->name : term->comparison, err);
    return set_text(c, filter, term->name, term->value) || not_supported(term->name, err);
}

bool event_filter_read(struct arm_call *c, struct event_filter *filter, struct error *err)
{
    struct arm_filter_terms terms;
    struct arm_filter_term term;

    *filter = (struct event_filter){ .to_ms = INT64_MAX };
    arm_filter_begin(c, &terms);
    while (arm_filter_next(&terms, &term)) {
        if (!take_term(c, filter, &term, err))
            return false;
    }
    if (terms.is_wrong)
        return not_supported(terms.at, err);
    if (!filter->has_from)
        return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                                "The filter must hold the time from which on events are wanted, as "
                                "eventTimestamp ge '2026-01-31T12:00:00Z'; it may compare " MEMBERS
                                ".");
    if (filter->from_ms > filter->to_ms)
        return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                                "The start time in the filter must not be later than its end "
                                "time.");
    return true;
}

/* -- Matching -------------------------------------------------------------------------------- */

static bool is_below(struct str key, struct str ancestor)
{
    return str_starts_with(key, ancestor) &&
           (key.len == ancestor.len || key.data[ancestor.len] == '/');
}

static bool is_same(struct str wanted, struct str found)
{
    return str_is_empty(wanted) || str_equal_nocase(wanted, found);
}

static struct str group_of(struct str key)
{
    return str_equal(arm_id_segment(key, 2), STR("resourcegroups")) ? arm_id_segment(key, 3)
                                                                    : STR_NONE;
}

bool event_filter_matches(const struct event_filter *filter, const struct store_event *e,
                          yyjson_val *facts)
{
    return !filter->wants_none && is_same(filter->group, group_of(e->resource)) &&
           (str_is_empty(filter->resource) || is_below(e->resource, filter->resource)) &&
           is_same(filter->provider, event_provider(facts)) &&
           is_same(filter->correlation, event_correlation(facts)) &&
           is_same(filter->caller, json_str(yyjson_obj_get(facts, "caller"))) &&
           is_same(filter->status, json_str(yyjson_obj_get(facts, "state")));
}
