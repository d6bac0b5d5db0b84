/*
 * The activity log as Azure's events API shows it: which events are asked for (event_filter.c), what
 * one looks like (event_view.c), and their lists (event.c).
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_EVENT_H
#define ARM_TYPES_EVENT_H

#include "arm/call.h"

/* $filter. Empty texts do not restrict. */
struct event_filter {
    int64_t from_ms, to_ms; /* both included */
    struct str group;
    struct str resource; /* key; what lies in it counts, too */
    struct str provider;
    struct str correlation;
    struct str caller;
    struct str status;
    bool has_from;
    bool wants_none; /* only channels that nothing is told in */
};

/* ERROR_ARM_FILTER says what is wrong with it. */
MUST_CHECK bool event_filter_read(struct arm_call *c, struct event_filter *filter,
                                  struct error *err);
/* `facts` is the event's body, parsed (arm/activity.h). */
bool event_filter_matches(const struct event_filter *filter, const struct store_event *e,
                          yyjson_val *facts);

/* The members that $select names; none for all. ERROR_ARM_FILTER for one that events lack. */
struct event_selection {
    const char *names[32];
    size_t count;
};
MUST_CHECK bool event_selection_read(struct arm_call *c, struct event_selection *selection,
                                     struct error *err);
yyjson_mut_val *event_render(struct arm_call *c, const struct event_selection *selection,
                             const struct store_event *e, yyjson_val *facts, yyjson_mut_doc *doc);

/* What follows from the facts: "Microsoft.CognitiveServices" and
 * "Microsoft.CognitiveServices/accounts" of "Microsoft.CognitiveServices/accounts/write". */
struct str event_provider(yyjson_val *facts);
struct str event_correlation(yyjson_val *facts);

#endif
