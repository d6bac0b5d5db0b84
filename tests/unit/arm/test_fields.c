/*
 * Every field that a client may set, of every type: a wrong value is refused with its path as the
 * error's target. What a client may not set is left aside.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "arm/type.h"
#include "fixture.h"

#define LATE "?api-version=2024-10-01"
#define D A "/deployments/x"
#define DEPLOYMENT "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}"
#define PTU A "/deployments/ptu"
#define PROVISIONED                                                                          \
    "{\"sku\":{\"name\":\"ProvisionedManaged\",\"capacity\":50},\"properties\":{\"model\":{" \
    "\"name\":\"gpt-35-turbo\"}}}"
#define IDENTITY G "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine"
#define IDENTITY_VERSION "?api-version=2024-11-30"
#define SHARED G "/providers/Microsoft.CognitiveServices/commitmentPlans/shared"

static const struct arm_type *const types[] = {
    &arm_group_type,
    &arm_account_type,
    &arm_deployment_type,
    &arm_private_endpoint_type,
    &arm_commitment_plan_type,
    &arm_shared_commitment_plan_type,
    &arm_plan_association_type,
    &arm_rai_policy_type,
    &arm_rai_blocklist_type,
    &arm_rai_blocklist_item_type,
    &arm_encryption_scope_type,
    &arm_defender_setting_type,
    &arm_lock_type,
    &arm_user_assigned_identity_type,
    &arm_federated_credential_type,
};

/* The path of one that is there, or may be made. */
static struct str path_of(struct fixture *f, const struct arm_type *type)
{
    static const char *const names[][2] = {
        { "subscriptions", SUBSCRIPTION },
        { "resourceGroups", "myGroup" },
        { "accounts", "myAccount" },
        { "raiBlocklists", "words" },
        { "commitmentPlans", "shared" },
        { "userAssignedIdentities", "mine" },
        { "federatedIdentityCredentials", "one" },
    };
    struct str rest = str_from(type->path), part, before = STR_NONE, path = STR_NONE;

    str_split(&rest, '/', &part);
    if (part.len)
        path = STR(A);
    while (str_split(&rest, '/', &part)) {
        struct str shown = str_equal(part, STR("{}")) ? STR("x") : part;

        for (size_t i = 0; str_equal(part, STR("{}")) && i < ARRAY_LEN(names); i++) {
            if (str_equal(before, str_from(names[i][0])))
                shown = str_from(names[i][1]);
        }
        path = arena_printf(f->arena, "%.*s/%.*s", STR_ARGS(path), STR_ARGS(shown));
        before = part;
    }
    return arena_printf(f->arena, "%.*s%s", STR_ARGS(path),
                        type->provider == &arm_managed_identity ? IDENTITY_VERSION : LATE);
}

/* {"a":{"b":VALUE}} of "a.b", {"a":[{"b":VALUE}]} of "a[].b" */
static struct str body_of(struct fixture *f, const char *field, const char *value)
{
    struct str rest = str_from(field), part, head = STR("{"), tail = STR("}");

    str_split(&rest, '.', &part);
    while (rest.data) {
        bool is_list = str_ends_with(part, STR("[]"));

        if (is_list)
            part.len -= 2;
        head = arena_printf(f->arena, "%.*s\"%.*s\":%s{", STR_ARGS(head), STR_ARGS(part),
                            is_list ? "[" : "");
        tail = arena_printf(f->arena, "}%s%.*s", is_list ? "]" : "", STR_ARGS(tail));
        str_split(&rest, '.', &part);
    }
    return arena_printf(f->arena, "%.*s\"%.*s\":%s%.*s", STR_ARGS(head), STR_ARGS(part), value,
                        STR_ARGS(tail));
}

static void assert_refused(struct fixture *f, enum http_method method, struct str path,
                           const char *field, const char *value, const char *target)
{
    struct str body = body_of(f, field, value);
    struct answer a = call(f, method, path.data, body.data);

    if (a.status != 400 || !yyjson_equals_str(json_at(a.body, "error.target"), target))
        fail_msg("%s %s %s: %d %.*s", http_method_name(method), path.data, body.data, a.status,
                 STR_ARGS(a.text));
    assert_text(a.body, "error.code", "InvalidRequestContent");
}

/* "a[0].b" of "a[].b" */
static const char *target_of(struct fixture *f, const char *field)
{
    struct str path = str_from(field);
    size_t at = str_find(path, STR("[]"));

    if (at == SIZE_MAX)
        return field;
    return arena_printf(f->arena, "%.*s[0]%.*s", STR_ARGS(str_slice(path, 0, at)),
                        STR_ARGS(str_slice(path, at + 2, SIZE_MAX)))
        .data;
}

static void try_field(struct fixture *f, enum http_method method, struct str path,
                      const struct arm_field *field)
{
    static const char *const wrong[][4] = {
        [ARM_FIELD_TEXT] = { "5", "{}", "true" },
        [ARM_FIELD_INTEGER] = { "\"many\"", "-1", "2147483648", "1.5" },
        [ARM_FIELD_BOOL] = { "\"yes\"", "1" },
        [ARM_FIELD_OBJECT] = { "[]", "\"x\"" },
        [ARM_FIELD_LIST] = { "{}", "\"x\"" },
        [ARM_FIELD_TEXT_LIST] = { "{}", "[5]" },
        [ARM_FIELD_TEXT_MAP] = { "[]", "{\"a\":1}", "{\"\":\"a\"}" },
    };
    const char *target = target_of(f, field->path);
    struct str way = str_from(field->path);

    for (size_t i = 0; i < ARRAY_LEN(wrong[0]) && wrong[field->kind][i]; i++)
        assert_refused(f, method, path, field->path, wrong[field->kind][i], target);
    if (field->values)
        assert_refused(f, method, path, field->path, "\"Nonsense\"", target);
    if (target != field->path) { /* an item that is no object */
        struct str list = str_slice(way, 0, str_find(way, STR("[]")));

        assert_refused(f, method, path, arena_text(f->arena, list), "[5]",
                       arena_printf(f->arena, "%.*s[0]", STR_ARGS(list)).data);
    }
    if (str_find_char(way, '.') != SIZE_MAX) {
        way = str_slice(way, 0, str_find_char(way, '.'));
        assert_refused(f, method, path, arena_text(f->arena, way), "5", arena_text(f->arena, way));
    }
}

static bool has_patch(const struct arm_type *type)
{
    for (size_t i = 0; i < type->route_count; i++) {
        if (type->routes[i].method == HTTP_PATCH)
            return true;
    }
    return false;
}

static void test_each_field(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, A "/raiBlocklists/words" LATE, "{}");
    expect(f, 201, HTTP_PUT, D LATE, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, A "/defenderForAISettings/x" LATE, "{}");
    expect(f, 201, HTTP_PUT, IDENTITY IDENTITY_VERSION, "{\"location\":\"eastus\"}");
    expect(
        f, 201, HTTP_PUT, SHARED LATE,
        "{\"location\":\"eastus\",\"properties\":{\"hostingModel\":\"Web\",\"planType\":\"p\"}}");
    for (size_t t = 0; t < ARRAY_LEN(types); t++) {
        struct str path = path_of(f, types[t]);

        for (size_t i = 0; i < types[t]->field_count; i++) {
            try_field(f, HTTP_PUT, path, &types[t]->fields[i]);
            if (has_patch(types[t]))
                try_field(f, HTTP_PATCH, path, &types[t]->fields[i]);
        }
    }
}

/* Values of the right type that make no sense. */
static const struct {
    const char *path;
    const char *code;
    const char *target;
    const char *body;
} senseless[] = {
    { A, "InvalidApiSetId", "kind", "{\"kind\":\"Speech\"}" },
    { A, "InvalidSku", "sku", "{\"sku\":{\"name\":\"F0\"}}" },
    { A, "LocationNotAvailableForResourceType", "location", "{\"location\":\"mars\"}" },
    { A, "CustomDomainInvalid", "properties.customSubDomainName",
      "{\"properties\":{\"customSubDomainName\":\"a_b\"}}" },
    { A, "BadRequest", "properties.networkAcls",
      "{\"properties\":{\"networkAcls\":{\"defaultAction\":\"Deny\"}}}" },
    { A, "BadRequest", "properties.networkAcls.ipRules",
      "{\"properties\":{\"networkAcls\":{\"ipRules\":[{\"value\":\"x\"}]}}}" },
    { A, "InvalidRequestContent", "properties.networkAcls.virtualNetworkRules",
      "{\"properties\":{\"networkAcls\":{\"virtualNetworkRules\":[{}]}}}" },
    { A, "InvalidRequestContent", "identity.userAssignedIdentities",
      "{\"identity\":{\"type\":\"UserAssigned\"}}" },
    { A, "InvalidRequestContent", "properties.encryption.keyVaultProperties.keyName",
      "{\"properties\":{\"encryption\":{\"keySource\":\"Microsoft.KeyVault\"}}}" },
    { A, "InvalidRequestContent", "properties.userOwnedStorage",
      "{\"properties\":{\"userOwnedStorage\":[{\"identityClientId\":\"x\"}]}}" },
    { A, "InvalidRequestContent", "properties.locations.regions",
      "{\"properties\":{\"locations\":{\"regions\":[{\"value\":1}]}}}" },
    { D, "InvalidResourceProperties", "properties.spilloverDeploymentName",
      "{\"properties\":{\"spilloverDeploymentName\":\"none\"}}" },
    { D, "InvalidResourceProperties", "properties.spilloverDeploymentName",
      "{\"properties\":{\"spilloverDeploymentName\":\"x\"}}" },
    { D, "InvalidResourceProperties", "properties.spilloverDeploymentName",
      "{\"properties\":{\"spilloverDeploymentName\":\"other\"}}" },
    { PTU, "InvalidResourceProperties", "properties.spilloverDeploymentName",
      "{\"properties\":{\"spilloverDeploymentName\":\"ptu2\"}}" },
    { D, "InvalidResourceProperties", "properties.parentDeploymentName",
      "{\"properties\":{\"parentDeploymentName\":\"none\"}}" },
    { D, "InvalidResourceProperties", "properties.deploymentState",
      "{\"properties\":{\"deploymentState\":\"Paused\"}}" },
    { D, "InvalidRequestContent", "properties.speculativeDecoding.draftModel.name",
      "{\"properties\":{\"speculativeDecoding\":{\"draftTokenCount\":4}}}" },
    { D, "DeploymentModelNotSupported", "properties.model",
      "{\"properties\":{\"model\":{\"name\":\"gpt-9\"}}}" },
    { D, "ServiceModelDeprecated", "properties.model",
      "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\",\"version\":\"0301\"}}}" },
    { D, "InvalidResourceProperties", "sku.name", "{\"sku\":{\"name\":\"Nothing\"}}" },
    { D, "InvalidCapacity", "sku.capacity", "{\"sku\":{\"name\":\"Standard\",\"capacity\":0}}" },
    { D, "InvalidResourceProperties", "properties.scaleSettings",
      "{\"properties\":{\"scaleSettings\":{\"scaleType\":\"Standard\"}}}" },
    { D, "InvalidResourceProperties", "properties.raiPolicyName",
      "{\"properties\":{\"raiPolicyName\":\"none\"}}" },
};

static void test_targets(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, D LATE, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, A "/deployments/other" LATE, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, PTU LATE, PROVISIONED);
    expect(f, 201, HTTP_PUT, A "/deployments/ptu2" LATE, PROVISIONED);
    for (size_t i = 0; i < ARRAY_LEN(senseless); i++) {
        struct str path = arena_printf(f->arena, "%s" LATE, senseless[i].path);
        yyjson_val *error = expect(f, 400, HTTP_PATCH, path.data, senseless[i].body);

        assert_text(error, "error.code", senseless[i].code);
        assert_text(error, "error.target", senseless[i].target);
        assert_true(yyjson_get_len(json_at(error, "error.message")) > 0);
    }
}

/* -- What is left aside ---------------------------------------------------------------------- */

/* A GET's body, as the SDKs send it back, with members that nobody knows and others that only the
 * service may set. */
static struct str disguise(struct fixture *f, const char *path)
{
    yyjson_mut_doc *doc = json_copy(f->arena, expect(f, 200, HTTP_GET, path, NULL));
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *properties = json_set_object(doc, root, "properties");

    json_set_str(doc, root, "id", STR("/subscriptions/other"));
    json_set_str(doc, root, "name", STR("other"));
    json_set_str(doc, root, "type", STR("Other/type"));
    json_set_str(doc, root, "etag", STR("other"));
    json_set_int(doc, root, "systemData", 5);
    json_set_str(doc, root, "facts", STR("mine"));
    json_set_str(doc, root, "unknown", STR("x"));
    json_set_str(doc, properties, "provisioningState", STR("Failed"));
    json_set_str(doc, properties, "endpoint", STR("http://elsewhere/"));
    json_set_str(doc, properties, "internalId", STR("other"));
    json_set_int(doc, properties, "dateCreated", 5);
    json_set_int(doc, properties, "callRateLimit", 5);
    json_set_int(doc, properties, "rateLimits", 5);
    json_set_int(doc, properties, "currentCapacity", 99);
    json_set_str(doc, properties, "unknown", STR("x"));
    return json_write_mut(f->arena, root);
}

/* The text of a resource without what changes with each write. */
static struct str lasting(struct fixture *f, yyjson_val *shown)
{
    yyjson_mut_doc *doc = json_copy(f->arena, shown);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);

    yyjson_mut_obj_remove_key(root, "etag");
    yyjson_mut_obj_remove_key(json_set_object(doc, root, "systemData"), "lastModifiedAt");
    return json_write_sorted(f->arena, root);
}

static void test_left_aside(void **state)
{
    static const char *const paths[] = { A LATE, D LATE };
    static const enum http_method methods[] = { HTTP_PUT, HTTP_PATCH };
    struct fixture *f = *state;

    expect(f, 200, HTTP_PATCH, A LATE,
           "{\"identity\":{\"type\":\"SystemAssigned\"},\"tags\":{\"a\":\"b\"},\"properties\":{"
           "\"customSubDomainName\":\"mine\",\"networkAcls\":{\"defaultAction\":\"Deny\"}}}");
    expect(f, 201, HTTP_PUT, D LATE, DEPLOYMENT);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
            struct str before = lasting(f, expect(f, 200, HTTP_GET, paths[i], NULL));
            yyjson_val *after = expect(f, 200, methods[m], paths[i], disguise(f, paths[i]).data);

            assert_string_equal(lasting(f, after).data, before.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_each_field),
        T(test_targets),
        T(test_left_aside),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
