/*
 * Microsoft.Insights/eventtypes: the events of the activity log, of a subscription or (what belongs
 * to none) of the tenant, newest first.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/event.h"

#include "arm/activity.h"
#include "arm/page.h"
#include "arm/resource.h"

#define EVENTS "/providers/Microsoft.Insights/eventtypes/management/values"
/* How many a page looks at, in portions: one that finds few among many ends early, with a link. */
#define SCANNED_MAX 5000
#define PORTION 250

/* The place in the list behind the event of that time and id. */
static struct str page_key(struct arm_call *c, const struct store_event *e)
{
    return arena_printf(c->arena, "%lld.%lld", (long long)e->at_ms, (long long)e->id);
}

static bool read_place(const struct arm_page *page, struct store_event_query *query,
                       struct error *err)
{
    struct str rest = page->after_key, at;
    uint64_t at_ms, id;

    if (str_is_empty(rest))
        return true;
    str_split(&rest, '.', &at);
    if (!str_to_u64(at, INT64_MAX, &at_ms) || !str_to_u64(rest, INT64_MAX, &id))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "$skipToken",
                                "The value of the query parameter '$skipToken' is not valid.");
    if ((int64_t)at_ms <= query->before_ms) {
        query->before_ms = (int64_t)at_ms;
        query->before_id = (int64_t)id;
    }
    return true;
}

/* Where what is asked for lies. */
static struct store_event_query make_query(struct arm_call *c, const struct event_filter *filter)
{
    struct store_event_query query = {
        .from_ms = filter->from_ms,
        .before_ms = filter->to_ms,
        .before_id = INT64_MAX,
        .limit = PORTION,
    };

    if (c->name_count)
        query.subscription = arena_lower(c->arena, c->names[0]);
    /* of a resource; all of a group or a subscription have many scopes */
    if (arm_id_segment(filter->resource, 7).len &&
        str_equal(arm_id_segment(filter->resource, 1), query.subscription))
        query.scope = arm_activity_scope(filter->resource);
    return query;
}

/* What a page is filled from. */
struct scan {
    struct arm_call *call;
    const struct event_filter *filter;
    const struct event_selection *selection;
    struct store_event_query query;
    size_t wanted;
    size_t scanned;
    yyjson_mut_doc *doc;
    yyjson_mut_val *list;
    const struct store_event *last; /* that was looked at */
    bool has_more;
};

static bool take(struct scan *s, const struct store_event *e, struct error *err)
{
    struct arm_call *c = s->call;
    yyjson_doc *facts = json_parse(c->arena, e->body, err);

    if (!facts)
        return error_set(err, ERROR_STORE, "event %lld is damaged", (long long)e->id);
    if (event_filter_matches(s->filter, e, yyjson_doc_get_root(facts)))
        yyjson_mut_arr_append(s->list,
                              event_render(c, s->selection, e, yyjson_doc_get_root(facts), s->doc));
    s->last = e;
    s->scanned++;
    return true;
}

static bool is_full(const struct scan *s)
{
    return yyjson_mut_arr_size(s->list) == s->wanted || s->scanned >= SCANNED_MAX;
}

static bool fill(struct scan *s, struct error *err)
{
    struct store_event *found;
    size_t count;

    do {
        if (!store_list_events(s->call->txn, &s->query, &found, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (is_full(s)) {
                s->has_more = true;
                return true;
            }
            if (!take(s, &found[i], err))
                return false;
        }
        if (count) {
            s->query.before_ms = s->last->at_ms;
            s->query.before_id = s->last->id;
        }
    } while (count == s->query.limit);
    return true;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct event_selection selection;
    struct event_filter filter;
    struct arm_page page;
    struct scan scan = {
        .call = c,
        .filter = &filter,
        .selection = &selection,
        .doc = doc,
        .list = yyjson_mut_arr(doc),
    };

    if (!event_filter_read(c, &filter, err) || !event_selection_read(c, &selection, err) ||
        !arm_page_read(c, &page, err))
        return false;
    scan.query = make_query(c, &filter);
    scan.wanted = page.size;
    if (!read_place(&page, &scan.query, err) || !fill(&scan, err))
        return false;
    json_set(doc, root, "value", scan.list);
    if (scan.has_more)
        arm_page_link(c, doc, root, page_key(c, scan.last));
    arm_reply_json(c, 200, root);
    return true;
}

static bool list_categories(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *categories = yyjson_mut_arr(doc), *item = yyjson_mut_obj(doc);

    (void)err;
    json_set_str(doc, item, "value", STR("Administrative"));
    json_set_str(doc, item, "localizedValue", STR("Administrative"));
    yyjson_mut_arr_append(categories, item);
    arm_reply_list(c, doc, categories);
    return true;
}

static const struct arm_route event_routes[] = {
    { HTTP_GET, "/subscriptions/{}" EVENTS, list },
    { HTTP_GET, EVENTS, list },
};

const struct arm_type arm_event_type = {
    .name = "Microsoft.Insights/eventtypes",
    .provider = &arm_insights,
    .path = "/subscriptions/{}/providers/Microsoft.Insights/eventtypes/{}",
    .routes = event_routes,
    .route_count = ARRAY_LEN(event_routes),
};

static const struct arm_route category_routes[] = {
    { HTTP_GET, "/providers/Microsoft.Insights/eventcategories", list_categories },
};

const struct arm_type arm_event_category_type = {
    .name = "Microsoft.Insights/eventCategories",
    .provider = &arm_insights,
    .path = "/providers/Microsoft.Insights/eventcategories/{}",
    .routes = category_routes,
    .route_count = ARRAY_LEN(category_routes),
};
