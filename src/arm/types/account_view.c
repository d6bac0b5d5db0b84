/*
 * How an account is shown: what follows from its document and from how this installation is
 * reached.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/account.h"
#include "arm/types/private_endpoint.h"

#include "net/url.h"

/* The rules that an OpenAI account of SKU S0 shows, for the calls that lazuli has. */
static const struct rule {
    const char *key;
    int period_s;
    int count;
    struct {
        const char *path;
        const char *method;
    } patterns[2];
} rules[] = {
    { "openai.dalle.post", 1, 30, { { "dalle/*", "POST" }, { "openai/images/*", "POST" } } },
    { "openai.dalle.other", 1, 30, { { "dalle/*", "*" }, { "openai/operations/images/*", "*" } } },
    { "openai", 1, 30, { { "openai/*", "*" } } },
    { "default", 1, 30, { { "*", "*" } } },
};

static const struct capability {
    const char *name;
    const char *value; /* NULL: none */
} capabilities[] = {
    { "VirtualNetworks", NULL },
    { "CustomerManagedKey", NULL },
    { "MaxFineTuneCount", "100" },
    { "MaxRunningFineTuneCount", "1" },
    { "MaxUserFileCount", "50" },
    { "MaxTrainingFileSize", "512000000" },
    { "MaxUserFileImportDurationInHours", "1" },
    { "MaxFineTuneJobDurationInHours", "720" },
    { "TrustedServices",
      "Microsoft.CognitiveServices,Microsoft.MachineLearningServices,Microsoft.Search" },
};

static const char *const endpoint_names[] = {
    "OpenAI Language Model Instance API",
    "OpenAI Dall-E API",
    "OpenAI Whisper API",
    "OpenAI Model Scaleset API",
};

static void add_rules(yyjson_mut_doc *doc, yyjson_mut_val *properties)
{
    yyjson_mut_val *limit = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        yyjson_mut_val *rule = yyjson_mut_obj(doc), *patterns = yyjson_mut_arr(doc);

        json_set_str(doc, rule, "key", str_from(rules[i].key));
        json_set_int(doc, rule, "renewalPeriod", rules[i].period_s);
        json_set_int(doc, rule, "count", rules[i].count);
        for (size_t n = 0; n < ARRAY_LEN(rules[i].patterns) && rules[i].patterns[n].path; n++) {
            yyjson_mut_val *pattern = yyjson_mut_obj(doc);

            json_set_str(doc, pattern, "path", str_from(rules[i].patterns[n].path));
            json_set_str(doc, pattern, "method", str_from(rules[i].patterns[n].method));
            yyjson_mut_arr_append(patterns, pattern);
        }
        json_set(doc, rule, "matchPatterns", patterns);
        yyjson_mut_arr_append(list, rule);
    }
    json_set(doc, limit, "rules", list);
    json_set(doc, properties, "callRateLimit", limit);
}

static void add_capabilities(yyjson_mut_doc *doc, yyjson_mut_val *properties)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
        yyjson_mut_val *item = yyjson_mut_obj(doc);

        json_set_str(doc, item, "name", str_from(capabilities[i].name));
        if (capabilities[i].value)
            json_set_str(doc, item, "value", str_from(capabilities[i].value));
        yyjson_mut_arr_append(list, item);
    }
    json_set(doc, properties, "capabilities", list);
}

/* ":8443" of "https://host:8443"; empty when the base names no port. */
static struct str port_of(struct str base)
{
    size_t i = base.len;

    while (i > 0 && base.data[i - 1] >= '0' && base.data[i - 1] <= '9')
        i--;
    return i > 0 && i < base.len && base.data[i - 1] == ':' ? str_slice(base, i - 1, SIZE_MAX)
                                                            : STR_NONE;
}

/* As Azure shows it: who came by Azure's name for the control plane has its names led here. */
static struct str make_azure_endpoint(const struct arm_call *c, struct str domain,
                                      struct str location, struct str port)
{
    const struct catalog_location *known = catalog_find_location(c->arm->catalog, location);

    if (domain.len)
        return arena_printf(c->arena, "https://%.*s.openai.azure.com%.*s/",
                            STR_ARGS(arena_lower(c->arena, domain)), STR_ARGS(port));
    return arena_printf(c->arena, "https://%.*s.api.cognitive.microsoft.com%.*s/",
                        STR_ARGS(known ? str_from(known->name) : location), STR_ARGS(port));
}

/* See arm.h. */
static struct str make_endpoint(const struct arm_call *c, struct str domain, struct str location,
                                struct str route)
{
    struct str data_domain = str_from(c->arm->data_domain);
    struct str base = c->arm->is_public_base_set ? str_from(c->arm->public_base) : c->request->base;

    if (str_equal_nocase(url_host(base), STR("management.azure.com")))
        return make_azure_endpoint(c, domain, location, port_of(base));
    if (data_domain.len && domain.len)
        return arena_printf(c->arena, "%.*s%.*s.openai.%.*s%.*s/",
                            STR_ARGS(str_slice(base, 0, str_find(base, STR("://")) + 3)),
                            STR_ARGS(arena_lower(c->arena, domain)), STR_ARGS(data_domain),
                            STR_ARGS(port_of(base)));
    return arena_printf(c->arena, "%.*s/accounts/%.*s/", STR_ARGS(base), STR_ARGS(route));
}

static void add_endpoints(const struct arm_call *c, yyjson_val *facts, yyjson_mut_doc *doc,
                          yyjson_mut_val *shown, yyjson_mut_val *properties)
{
    struct str domain = json_mut_str(yyjson_mut_obj_get(properties, "customSubDomainName"));
    struct str location = json_mut_str(yyjson_mut_obj_get(shown, "location"));
    struct str route = json_str(yyjson_obj_get(facts, "route"));
    struct str endpoint = make_endpoint(c, domain, location, route);
    yyjson_mut_val *endpoints = yyjson_mut_obj(doc);

    json_set_str(doc, properties, "endpoint", endpoint);
    for (size_t i = 0; i < ARRAY_LEN(endpoint_names); i++)
        json_set_str(doc, endpoints, endpoint_names[i], endpoint);
    json_set(doc, properties, "endpoints", endpoints);
}

void account_render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                    yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");
    yyjson_val *facts = yyjson_obj_get(body, "facts");

    (void)r;
    add_endpoints(c, facts, doc, shown, properties);
    json_set_str(doc, properties, "internalId", json_str(yyjson_obj_get(facts, "internalId")));
    json_set_str(doc, properties, "dateCreated", json_str(yyjson_obj_get(facts, "dateCreated")));
    json_set_bool(doc, properties, "isMigrated", false);
    add_rules(doc, properties);
    add_capabilities(doc, properties);
    json_set_object(doc, properties, "apiProperties");
    json_set_str(doc, properties, "provisioningState", STR("Succeeded"));
    account_render_identity(c, facts, doc, shown);
}

bool account_render_related(struct arm_call *c, const struct store_resource *r, yyjson_mut_doc *doc,
                            yyjson_mut_val *shown, struct error *err)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");
    yyjson_mut_val *connections = yyjson_mut_arr(doc);

    json_set(doc, properties, "privateEndpointConnections", connections);
    return private_endpoint_render_all(c, r, doc, connections, err);
}
