/*
 * The content filters that policies may have, by location: Azure's, the same in each.
 * SPDX-License-Identifier: MIT
 */
#include "arm/location.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/rai.h"

#define PATH COGNITIVE_PATH "/locations/{}/raiContentFilters"

static const struct filter {
    const char *name; /* of the resource */
    const char *title;
    bool has_levels;
    const char *source;
} filters[] = {
    { "Hate", "Hate", true, "Prompt" },
    { "HateCompletion", "Hate", true, "Completion" },
    { "Sexual", "Sexual", true, "Prompt" },
    { "SexualCompletion", "Sexual", true, "Completion" },
    { "Violence", "Violence", true, "Prompt" },
    { "ViolenceCompletion", "Violence", true, "Completion" },
    { "Selfharm", "Selfharm", true, "Prompt" },
    { "SelfharmCompletion", "Selfharm", true, "Completion" },
    { "Jailbreak", "Jailbreak", false, "Prompt" },
    { "IndirectAttack", "Indirect Attack", false, "Prompt" },
    { "Profanity", "Profanity", false, "Prompt" },
    { "ProtectedMaterialText", "Protected Material Text", false, "Completion" },
    { "ProtectedMaterialCode", "Protected Material Code", false, "Completion" },
};

static bool is_separator(char c)
{
    return c == ' ' || c == '_';
}

static bool is_title(struct str name, const char *title)
{
    for (size_t i = 0; i < name.len; i++) {
        if (is_separator(name.data[i]))
            continue;
        while (is_separator(*title))
            title++;
        if (!*title || !str_equal_nocase(str_of(title++, 1), str_slice(name, i, 1)))
            return false;
    }
    return !*title;
}

bool rai_content_filter_is_known(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        if (is_title(name, filters[i].title))
            return true;
    }
    return false;
}

static yyjson_mut_val *render(const struct arm_call *c, yyjson_mut_doc *doc, const struct filter *f)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);
    struct str location = str_from(catalog_find_location(c->arm->catalog, c->names[1])->name);

    json_set_str(doc, shown, "id",
                 arena_printf(c->arena,
                              "/subscriptions/%.*s/providers/Microsoft.CognitiveServices/locations/"
                              "%.*s/raiContentFilters/%s",
                              STR_ARGS(c->names[0]), STR_ARGS(location), f->name));
    json_set_str(doc, shown, "name", str_from(f->name));
    json_set_str(doc, shown, "type", str_from(arm_rai_content_filter_type.name));
    json_set_str(doc, properties, "name", str_from(f->title));
    json_set_bool(doc, properties, "isMultiLevelFilter", f->has_levels);
    json_set_str(doc, properties, "source", str_from(f->source));
    json_set(doc, shown, "properties", properties);
    return shown;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);

    if (!arm_location_check(c, c->names[1], c->type->name, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        yyjson_mut_arr_append(value, render(c, doc, &filters[i]));
    arm_reply_list(c, doc, value);
    return true;
}

static bool get(struct arm_call *c, struct error *err)
{
    if (!arm_location_check(c, c->names[1], c->type->name, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        if (str_equal_nocase(c->names[2], str_from(filters[i].name))) {
            arm_reply_json(c, 200, render(c, json_new(c->arena), &filters[i]));
            return true;
        }
    }
    return error_set(err, ERROR_ARM_NO_RESOURCE, "The content filter '%.*s' could not be found.",
                     STR_ARGS(str_slice(c->names[2], 0, 100)));
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, list },
    { HTTP_GET, PATH "/{}", get },
};

const struct arm_type arm_rai_content_filter_type = {
    .name = "Microsoft.CognitiveServices/locations/raiContentFilters",
    .provider = &arm_cognitive_services,
    .path = PATH "/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
