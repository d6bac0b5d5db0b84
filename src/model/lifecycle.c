/* SPDX-License-Identifier: MIT */
#include "model/lifecycle.h"

#include <assert.h>

#include "model/sku.h"

/* A new preview is run two weeks after it came out ("Working with Azure OpenAI models"). */
#define PREVIEW_DELAY_MS ((int64_t)14 * 24 * 3600 * 1000)

static bool is_past(int64_t time_ms, int64_t now_ms)
{
    return time_ms && now_ms >= time_ms;
}

bool lifecycle_is_retired(const struct catalog_model *m, int64_t now_ms)
{
    return is_past(m->deprecation_inference_ms, now_ms);
}

bool lifecycle_is_deprecating(const struct catalog_model *m, int64_t now_ms)
{
    return is_past(m->deprecation_start_ms, now_ms) && !lifecycle_is_retired(m, now_ms);
}

const char *lifecycle_status_name(const struct catalog_model *m, struct str api_version,
                                  int64_t now_ms)
{
    bool knows_the_end = str_compare(str_slice(api_version, 0, 10), STR("2024-10-01")) >= 0;

    if (knows_the_end && lifecycle_is_retired(m, now_ms))
        return "Deprecated";
    if (knows_the_end && lifecycle_is_deprecating(m, now_ms))
        return "Deprecating";
    return m->status == LIFECYCLE_PREVIEW ? "Preview" : "GenerallyAvailable";
}

static bool is_same_model(const struct catalog_model *a, const struct catalog_model *b)
{
    return str_equal_nocase(str_from(a->name), str_from(b->name)) &&
           str_equal_nocase(str_from(a->format), str_from(b->format));
}

/* The version of that status that came out last, of those that are out and not retired. */
static const struct catalog_model *newest(const struct catalog *c, const struct catalog_model *m,
                                          enum lifecycle_status status, int64_t now_ms)
{
    const struct catalog_model *found = NULL;
    unsigned i;

    for (i = 0; i < c->model_count; i++) {
        const struct catalog_model *other = &c->models[i];

        if (!is_same_model(other, m) || other->status != status || other->created_ms > now_ms ||
            lifecycle_is_retired(other, now_ms))
            continue;
        if (!found || other->created_ms > found->created_ms)
            found = other;
    }
    return found;
}

const struct catalog_model *lifecycle_default_version(const struct catalog *c,
                                                      const struct catalog_model *m, int64_t now_ms)
{
    const struct catalog_model *marked =
        catalog_find_model(c, str_from(m->format), str_from(m->name), STR_NONE);

    assert(marked);
    if (!lifecycle_is_retired(marked, now_ms) && marked->created_ms <= now_ms)
        return marked;
    return newest(c, m, LIFECYCLE_GENERALLY_AVAILABLE, now_ms);
}

bool lifecycle_parse_upgrade(struct str text, enum lifecycle_upgrade *option)
{
    if (!text.len || str_equal_nocase(text, STR("OnceCurrentVersionExpired")))
        *option = LIFECYCLE_WHEN_EXPIRED;
    else if (str_equal_nocase(text, STR("OnceNewDefaultVersionAvailable")))
        *option = LIFECYCLE_WHEN_NEW_DEFAULT;
    else if (str_equal_nocase(text, STR("NoAutoUpgrade")))
        *option = LIFECYCLE_NEVER;
    else
        return false;
    return true;
}

/* What a deployment that follows new versions runs, the end of its own left aside. */
static const struct catalog_model *followed(const struct catalog *c,
                                            const struct lifecycle_deployment *d, int64_t now_ms)
{
    const struct catalog_model *next;

    if (d->model->status == LIFECYCLE_PREVIEW)
        next = newest(c, d->model, LIFECYCLE_PREVIEW, now_ms - PREVIEW_DELAY_MS);
    else
        next = lifecycle_default_version(c, d->model, now_ms);
    if (!next || next->created_ms <= d->since_ms || lifecycle_is_retired(next, now_ms))
        return d->model;
    return next;
}

const struct catalog_model *
lifecycle_effective(const struct catalog *c, const struct lifecycle_deployment *d, int64_t now_ms)
{
    bool is_upgraded = d->option != LIFECYCLE_NEVER && sku_family(d->sku) == SKU_STANDARD;
    const struct catalog_model *runs = d->model;

    if (is_upgraded && d->option == LIFECYCLE_WHEN_NEW_DEFAULT)
        runs = followed(c, d, now_ms);
    if (!lifecycle_is_retired(runs, now_ms))
        return runs;
    return is_upgraded ? lifecycle_default_version(c, d->model, now_ms) : NULL;
}
