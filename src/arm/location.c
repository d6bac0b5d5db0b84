/* SPDX-License-Identifier: MIT */
#include "arm/location.h"

static struct str location_names(const struct arm_call *c)
{
    const struct catalog *catalog = c->arm->catalog;
    struct str list = STR_NONE;

    for (unsigned i = 0; i < catalog->location_count; i++)
        list = arena_printf(c->arena, "%.*s%s%s", STR_ARGS(list), i ? "," : "",
                            catalog->locations[i].name);
    return list;
}

bool arm_location_check(const struct arm_call *c, struct str location, const char *type,
                        struct error *err)
{
    if (str_is_empty(location))
        return error_set_target(err, ERROR_ARM_LOCATION_MISSING, "location", NULL);
    if (catalog_find_location(c->arm->catalog, location))
        return true;
    if (!type)
        return error_set_target(
            err, ERROR_ARM_NO_GROUP_LOCATION, "location",
            "The provided location '%.*s' is not available for resource group. List "
            "of available regions is '%.*s'.",
            STR_ARGS(str_slice(location, 0, 60)), STR_ARGS(location_names(c)));
    return error_set_target(
        err, ERROR_ARM_LOCATION, "location",
        "The provided location '%.*s' is not available for resource type '%s'. List "
        "of available regions for the resource type is '%.*s'.",
        STR_ARGS(str_slice(location, 0, 60)), type, STR_ARGS(location_names(c)));
}

bool arm_location_is_same(const struct arm_call *c, struct str a, struct str b)
{
    const struct catalog_location *x = catalog_find_location(c->arm->catalog, a);

    return x ? x == catalog_find_location(c->arm->catalog, b) : str_equal_nocase(a, b);
}
