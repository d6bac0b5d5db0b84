/*
 * ARM's description of the cloud, by which `az cloud register`, Terraform and the SDKs find the
 * login endpoint, the audiences and the suffixes of host names: one object since 2022-09-01, an
 * array of clouds in 2019-05-01, and a shorter form of its own in 2015-01-01 (which az knows from
 * Azure Stack).
 * SPDX-License-Identifier: MIT
 */
#include "entra/metadata.h"

#include "entra/call.h"

#define CLOUD_NAME "lazuli"

/* What is not served here has Azure's own name, which nobody can reach: clients want all of them. */
static const struct {
    const char *name;
    const char *value;
} suffixes[] = {
    { "azureDataLakeStoreFileSystem", "azuredatalakestore.net" },
    { "acrLoginServer", "azurecr.io" },
    { "sqlServerHostname", "database.windows.net" },
    { "azureDataLakeAnalyticsCatalogAndJob", "azuredatalakeanalytics.net" },
    { "keyVaultDns", "vault.azure.net" },
    { "storage", "core.windows.net" },
    { "azureFrontDoorEndpointSuffix", "azurefd.net" },
    { "storageSyncEndpointSuffix", "afs.azure.net" },
    { "mhsmDns", "managedhsm.azure.net" },
    { "mysqlServerEndpoint", "mysql.database.azure.com" },
    { "postgresqlServerEndpoint", "postgres.database.azure.com" },
    { "mariadbServerEndpoint", "mariadb.database.azure.com" },
    { "synapseAnalytics", "dev.azuresynapse.net" },
    { "attestationEndpoint", "attest.azure.net" },
}, others[] = {
    { "media", "https://rest.media.azure.net" },
    { "vmImageAliasDoc", "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json" },
    { "activeDirectoryDataLake", "https://datalake.azure.net/" },
    { "sqlManagement", "https://management.core.windows.net:8443/" },
    { "appInsightsResourceId", "https://api.applicationinsights.io" },
    { "appInsightsTelemetryChannelResourceId", "https://dc.applicationinsights.azure.com/v2/track" },
    { "attestationResourceId", "https://attest.azure.net" },
    { "synapseAnalyticsResourceId", "https://dev.azuresynapse.net" },
    { "logAnalyticsResourceId", "https://api.loganalytics.io" },
    { "ossrDbmsResourceId", "https://ossrdbms-aad.database.windows.net" },
};

static yyjson_mut_val *authentication(struct str base, yyjson_mut_doc *doc, bool is_whole)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc), *audiences = yyjson_mut_arr(doc);

    json_set_str(doc, object, "loginEndpoint", base);
    for (size_t i = 0; i < token_audiences_arm.count; i++)
        yyjson_mut_arr_add_strn(doc, audiences, token_audiences_arm.items[i].data,
                                token_audiences_arm.items[i].len);
    json_set(doc, object, "audiences", audiences);
    if (is_whole) {
        json_set_str(doc, object, "tenant", STR("common"));
        json_set_str(doc, object, "identityProvider", STR("AAD"));
    }
    return object;
}

yyjson_mut_val *entra_cloud(struct arena *a, struct str base, yyjson_mut_doc *doc)
{
    struct str root_url = arena_printf(a, "%.*s/", STR_ARGS(base));
    yyjson_mut_val *root = yyjson_mut_obj(doc), *object = yyjson_mut_obj(doc);
    static const char *const ours[] = { "portal", "graphAudience",   "graph",
                                        "batch",  "resourceManager", "microsoftGraphResourceId",
                                        "gallery" };

    json_set_str(doc, root, "name", STR(CLOUD_NAME));
    json_set(doc, root, "authentication", authentication(base, doc, true));
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        json_set_str(doc, object, suffixes[i].name, str_from(suffixes[i].value));
    json_set(doc, root, "suffixes", object);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        json_set_str(doc, root, others[i].name, str_from(others[i].value));
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        json_set_str(doc, root, ours[i], root_url);
    return root;
}

static bool endpoints_of_cloud(struct entra_call *c, struct error *err)
{
    struct str version = http_query_get(c->arena, c->request->query, STR("api-version"));
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root;

    (void)err;
    if (str_equal(str_slice(version, 0, 4), STR("2015"))) {
        struct str base = arena_printf(c->arena, "%.*s/", STR_ARGS(c->request->base));

        root = yyjson_mut_obj(doc);
        json_set_str(doc, root, "galleryEndpoint", base);
        json_set_str(doc, root, "graphEndpoint", base);
        json_set_str(doc, root, "portalEndpoint", base);
        json_set(doc, root, "authentication", authentication(c->request->base, doc, false));
    } else if (version.len && str_compare(version, STR("2022-09-01")) < 0) {
        root = yyjson_mut_arr(doc);
        yyjson_mut_arr_append(root, entra_cloud(c->arena, c->request->base, doc));
    } else {
        root = entra_cloud(c->arena, c->request->base, doc);
    }
    entra_reply_json(c, 200, root);
    return true;
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/metadata/endpoints", endpoints_of_cloud, false },
};

const struct entra_endpoints entra_metadata = { endpoints, ARRAY_LEN(endpoints) };
