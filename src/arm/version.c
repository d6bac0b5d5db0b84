/* SPDX-License-Identifier: MIT */
#include "arm/version.h"

#include "base/format.h"

#define DATE_LEN 10

/* Microsoft.CognitiveServices/accounts, as listed by GET /providers/Microsoft.CognitiveServices */
static const char *const cognitive_services_versions[] = {
    "2016-02-01-preview", "2017-04-18",         "2021-04-30",         "2021-10-01",
    "2022-03-01",         "2022-10-01",         "2022-12-01",         "2023-05-01",
    "2023-06-01-preview", "2023-10-01-preview", "2024-04-01-preview", "2024-06-01-preview",
    "2024-10-01",         "2025-04-01-preview", "2025-06-01",         "2025-07-01-preview",
    "2025-09-01",         "2025-10-01-preview", "2025-12-01",         "2026-03-01",
    "2026-05-01",         "2026-05-15-preview",
};

/* Microsoft.Resources/resourceGroups; subscriptions, locations and the rest have more */
static const char *const resources_versions[] = {
    "2014-04-01", "2015-01-01", "2015-11-01", "2016-02-01", "2016-06-01", "2016-09-01",
    "2017-05-10", "2018-02-01", "2018-05-01", "2019-05-01", "2019-05-10", "2019-07-01",
    "2019-08-01", "2019-10-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01",
    "2021-04-01", "2022-09-01", "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01",
    "2024-11-01", "2025-03-01", "2025-04-01",
};

/* Microsoft.Authorization's roles and locks, which have versions each of their own */
static const char *const authorization_versions[] = {
    "2015-01-01",         "2015-06-01",         "2015-07-01",         "2016-07-01",
    "2016-09-01",         "2018-01-01-preview", "2018-07-01",         "2018-09-01-preview",
    "2020-04-01-preview", "2020-05-01",         "2020-08-01-preview", "2020-10-01",
    "2021-04-01-preview", "2022-04-01",         "2022-05-01-preview",
};

/* Microsoft.Insights/eventtypes and eventCategories; its other types have more */
static const char *const insights_versions[] = {
    "2014-04-01", "2014-11-01", "2015-04-01", "2016-09-01-preview", "2017-03-01-preview",
};

/* Microsoft.ManagedIdentity/userAssignedIdentities */
static const char *const managed_identity_versions[] = {
    "2015-08-31-preview", "2018-11-30",         "2021-09-30-preview", "2022-01-31-preview",
    "2023-01-31",         "2023-07-31-preview", "2024-11-30",         "2025-01-31-preview",
    "2025-05-31-preview", "2026-04-30",         "2026-05-31",
};

const struct arm_provider arm_cognitive_services = {
    .name = "Microsoft.CognitiveServices",
    .versions = cognitive_services_versions,
    .version_count = ARRAY_LEN(cognitive_services_versions),
};

const struct arm_provider arm_resources = {
    .name = "Microsoft.Resources",
    .versions = resources_versions,
    .version_count = ARRAY_LEN(resources_versions),
    .accepts_between = true,
};

const struct arm_provider arm_authorization = {
    .name = "Microsoft.Authorization",
    .versions = authorization_versions,
    .version_count = ARRAY_LEN(authorization_versions),
    .accepts_between = true,
};

const struct arm_provider arm_insights = {
    .name = "Microsoft.Insights",
    .versions = insights_versions,
    .version_count = ARRAY_LEN(insights_versions),
    .accepts_between = true,
};

const struct arm_provider arm_managed_identity = {
    .name = "Microsoft.ManagedIdentity",
    .versions = managed_identity_versions,
    .version_count = ARRAY_LEN(managed_identity_versions),
};

static bool is_date(struct str version)
{
    int64_t time_ms;

    return version.len >= DATE_LEN && version.data[4] == '-' && version.data[7] == '-' &&
           format_parse_time(str_slice(version, 0, DATE_LEN), &time_ms);
}

/* "2024-10-01" or "2024-10-01-preview"; az knows other endings ("-privatepreview", "-alpha"). */
static bool is_well_formed(struct str version)
{
    struct str ending = str_slice(version, DATE_LEN, SIZE_MAX);

    if (!is_date(version))
        return false;
    return ending.len == 0 || (ending.data[0] == '-' && ending.len > 1 && ending.len < 32 &&
                               str_find_char(str_slice(ending, 1, SIZE_MAX), '-') == SIZE_MAX);
}

static struct str version_list(const struct arm_provider *p, struct arena *a)
{
    struct str list = str_from(p->versions[p->version_count - 1]);

    for (size_t i = p->version_count - 1; i-- > 0;)
        list = arena_printf(a, "%.*s,%s", STR_ARGS(list), p->versions[i]);
    return list;
}

static int compare_dates(struct str a, const char *b)
{
    return str_compare(str_slice(a, 0, DATE_LEN), str_of(b, DATE_LEN));
}

static bool is_known(const struct arm_provider *p, struct str version)
{
    if (p->accepts_between && compare_dates(version, p->versions[0]) >= 0)
        return true;
    if (compare_dates(version, p->versions[p->version_count - 1]) > 0)
        return true;
    for (size_t i = 0; i < p->version_count; i++) {
        if (str_equal_nocase(version, str_from(p->versions[i])))
            return true;
    }
    return false;
}

bool arm_version_check(const struct arm_provider *p, const char *type, struct str version,
                       struct arena *a, struct error *err)
{
    struct str list;

    if (str_is_empty(version))
        return error_set(err, ERROR_ARM_NO_API_VERSION, NULL);
    if (is_well_formed(version) && is_known(p, version))
        return true;
    list = version_list(p, a);
    if (!is_well_formed(version))
        return error_set(err, ERROR_ARM_API_VERSION,
                         "The api-version '%.*s' is invalid. The supported versions are '%.*s'.",
                         STR_ARGS(str_slice(version, 0, 64)), STR_ARGS(list));
    return error_set(err, ERROR_ARM_NO_REGISTERED,
                     "No registered resource provider found for API version '%.*s' and type '%s'. "
                     "The supported api-versions are '%.*s'.",
                     STR_ARGS(version), type, STR_ARGS(list));
}

bool arm_version_is_at_least(const struct arm_call *c, const char *date)
{
    return compare_dates(c->api_version, date) >= 0;
}

/* Of each item, where there is a list on the way. */
static void remove_member(yyjson_mut_val *object, struct str path)
{
    yyjson_mut_val *item;
    size_t i, count;
    struct str name;

    yyjson_mut_arr_foreach(object, i, count, item)
    {
        remove_member(item, path);
    }
    if (!yyjson_mut_is_obj(object) || !str_split(&path, '.', &name))
        return;
    if (path.len)
        remove_member(yyjson_mut_obj_getn(object, name.data, name.len), path);
    else
        yyjson_mut_obj_remove_keyn(object, name.data, name.len);
}

void arm_version_trim(const struct arm_call *c, const struct arm_member *members, size_t count,
                      yyjson_mut_val *shown)
{
    for (size_t i = 0; i < count; i++) {
        if (!arm_version_is_at_least(c, members[i].since))
            remove_member(shown, str_from(members[i].path));
    }
}
