/* The activity log: what is recorded, how it is shown and found again, and when it goes.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "arm/activity.h"
#include "base/format.h"
#include "net/loop.h"

#define EVENTS S "/providers/microsoft.insights/eventtypes/management/values?api-version=2015-04-01"
#define SINCE "&$filter=eventTimestamp%20ge%20'2000-01-01T00:00:00Z'"
#define AND(member, value) "%20and%20" member "%20eq%20'" value "'"
#define D A "/deployments/chat"
#define BODY                                                                      \
    "{\"sku\":{\"name\":\"Standard\",\"capacity\":1},\"properties\":{\"model\":{" \
    "\"format\":\"OpenAI\",\"name\":\"gpt-35-turbo\",\"version\":\"0613\"}}}"

static yyjson_val *events(struct fixture *f, const char *more)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s%s", EVENTS SINCE, more);
    return expect(f, 200, HTTP_GET, path, NULL);
}

static void a_write_is_told_with_all_that_is_known(void **state)
{
    struct fixture *f = *state;
    yyjson_val *event;

    expect(f, 201, HTTP_PUT, D V, BODY);
    event = item(events(f, ""), 0);
    assert_text(event, "operationName.value",
                "Microsoft.CognitiveServices/accounts/deployments/write");
    assert_text(event, "operationName.localizedValue", "Write Deployments");
    assert_text(event, "resourceId", D);
    assert_text(event, "resourceGroupName", "myGroup");
    assert_text(event, "resourceProviderName.value", "Microsoft.CognitiveServices");
    assert_text(event, "resourceType.value", "Microsoft.CognitiveServices/accounts/deployments");
    assert_text(event, "authorization.action",
                "Microsoft.CognitiveServices/accounts/deployments/write");
    assert_text(event, "authorization.scope", D);
    assert_text(event, "caller", "dev@contoso.com");
    assert_text(event, "channels", "Operation");
    assert_text(event, "category.value", "Administrative");
    assert_text(event, "eventName.value", "EndRequest");
    assert_text(event, "level", "Informational");
    assert_text(event, "status.value", "Succeeded");
    assert_text(event, "subStatus.value", "Created");
    assert_text(event, "subStatus.localizedValue", "Created (HTTP Status Code: 201)");
    assert_text(event, "properties.statusCode", "Created");
    assert_text(event, "properties.serviceRequestId", "aaaaaaaa-0000-4000-8000-000000000001");
    assert_absent(event, "properties.statusMessage");
    assert_text(event, "operationId", "aaaaaaaa-0000-4000-8000-000000000001");
    assert_text(event, "correlationId", "aaaaaaaa-0000-4000-8000-000000000001");
    assert_text(event, "httpRequest.clientRequestId", "the client's");
    assert_text(event, "httpRequest.clientIpAddress", "192.0.2.7");
    assert_text(event, "httpRequest.method", "PUT");
    assert_text(event, "httpRequest.uri", BASE D V);
    assert_text(event, "subscriptionId", SUBSCRIPTION);
    assert_text(event, "tenantId", TENANT);
    assert_true(format_is_guid(json_str(json_at(event, "eventDataId"))));
    assert_true(str_starts_with(json_str(json_at(event, "id")), STR(D "/events/")));
}

/* The time is that of the call, and the newest comes first. */
static void events_are_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;
    int64_t time_ms;

    clock_move_to(&f->clock, 1893456000000); /* 2030 */
    expect(f, 201, HTTP_PUT, D V, BODY);
    clock_move_to(&f->clock, 1893456000000 + 60000);
    expect(f, 200, HTTP_DELETE, D V, NULL);
    list = events(f, "");
    assert_text(item(list, 0), "operationName.value",
                "Microsoft.CognitiveServices/accounts/deployments/delete");
    assert_text(item(list, 1), "httpRequest.method", "PUT");
    assert_true(format_parse_time(json_str(json_at(item(list, 0), "eventTimestamp")), &time_ms));
    assert_in_range(time_ms, 1893456000000 + 60000, 4102444800000 + 70000);
    assert_text(item(list, 2), "operationName.value", "Microsoft.CognitiveServices/accounts/write");
    assert_text(item(list, 3), "operationName.value",
                "Microsoft.Resources/subscriptions/resourceGroups/write");
    assert_text(item(list, 3), "resourceType.value",
                "Microsoft.Resources/subscriptions/resourceGroups");
    assert_text(item(list, 4), "operationName.value", "Microsoft.Resources/subscriptions/write");
    assert_text(item(list, 4), "caller", "lazuli"); /* the program's own */
    assert_text(item(list, 4), "claims.appid", "lazuli");
    assert_int_equal(count_of(list), 5);
}

static void a_refused_write_is_told_with_its_error(void **state)
{
    struct fixture *f = *state;
    yyjson_val *event;

    expect_error(f, 400, "InvalidRequestContent", "", HTTP_PUT, D V, "{\"secret\":\"hunter2\"");
    event = item(events(f, ""), 0);
    assert_text(event, "status.value", "Failed");
    assert_text(event, "level", "Error");
    assert_text(event, "subStatus.value", "BadRequest");
    assert_non_null(
        strstr(yyjson_get_str(json_at(event, "properties.statusMessage")),
               "{\"error\":{\"code\":\"InvalidRequestContent\",\"message\":\"The request content"));
    f->if_match = STR("\"another\"");
    expect(f, 412, HTTP_PATCH, A V, "{\"tags\":{}}");
    expect(f, 404, HTTP_DELETE, S "/resourceGroups/none" V, NULL);
    event = item(events(f, ""), 1);
    assert_text(event, "subStatus.value", "PreconditionFailed");
    assert_text(event, "operationName.value", "Microsoft.CognitiveServices/accounts/write");
    event = item(events(f, ""), 0);
    assert_text(event, "subStatus.value", "NotFound");
    assert_text(event, "resourceGroupName", "none");
    assert_int_equal(count_of(events(f, AND("status", "Failed"))), 3);
    assert_true(str_find(call(f, HTTP_GET, EVENTS SINCE, NULL).text, STR("hunter2")) == SIZE_MAX);
}

static void an_action_is_told_without_what_it_shows(void **state)
{
    struct fixture *f = *state;
    yyjson_val *keys = expect(f, 200, HTTP_POST, A "/listKeys" V, NULL), *event;
    struct str log;

    expect(f, 200, HTTP_POST, A "/regenerateKey" V, "{\"keyName\":\"Key1\"}");
    expect(f, 200, HTTP_POST, CS "/checkDomainAvailability" V,
           "{\"subdomainName\":\"a-name\",\"type\":\"Microsoft.CognitiveServices/accounts\"}");
    event = item(events(f, ""), 2);
    assert_text(event, "operationName.value",
                "Microsoft.CognitiveServices/accounts/listKeys/action");
    assert_text(event, "resourceType.value", "Microsoft.CognitiveServices/accounts");
    assert_text(event, "resourceId", A);
    assert_text(item(events(f, ""), 1), "operationName.value",
                "Microsoft.CognitiveServices/accounts/regenerateKey/action");
    assert_text(item(events(f, ""), 0), "operationName.value",
                "Microsoft.CognitiveServices/checkDomainAvailability/action");
    log = call(f, HTTP_GET, EVENTS SINCE, NULL).text;
    assert_true(str_find(log, json_str(json_at(keys, "key1"))) == SIZE_MAX);
    assert_true(str_find(log, json_str(json_at(keys, "key2"))) == SIZE_MAX);
}

static void an_operation_that_goes_on_is_told_twice(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect(f, 202, HTTP_DELETE, G V, NULL);
    list = events(f, AND("resourceGroupName", "MYGROUP"));
    assert_text(item(list, 0), "status.value", "Succeeded");
    assert_text(item(list, 1), "status.value", "Accepted");
    assert_text(item(list, 1), "operationName.value",
                "Microsoft.Resources/subscriptions/resourceGroups/delete");
    assert_string_equal(yyjson_get_str(json_at(item(list, 0), "correlationId")),
                        yyjson_get_str(json_at(item(list, 1), "correlationId")));
    assert_string_not_equal(yyjson_get_str(json_at(item(list, 0), "eventDataId")),
                            yyjson_get_str(json_at(item(list, 1), "eventDataId")));
}

/* Of a subscription that is not there. */
static bool count_events(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_event_query query = {
        .subscription = STR(TENANT), .before_ms = INT64_MAX, .before_id = INT64_MAX, .limit = 10
    };
    struct store_event *found;

    (void)arena;
    return store_list_events(t, &query, &found, data, err);
}

static void a_refusal_for_want_of_a_role_is_told(void **state)
{
    struct fixture *f = *state;
    struct principal stranger = {
        .kind = PRINCIPAL_APPLICATION,
        .name = STR("the-app"),
        .object_id = STR("cccccccc-0000-4000-8000-000000000003"),
    };
    yyjson_val *event;

    f->caller = &stranger;
    expect(f, 403, HTTP_DELETE, A V, NULL);
    f->caller = NULL;
    event = item(events(f, ""), 0);
    assert_text(event, "subStatus.value", "Forbidden");
    assert_text(event, "authorization.action", "Microsoft.CognitiveServices/accounts/delete");
    assert_text(event, "caller", "the-app");
    assert_text(event, "claims.appid", "the-app");
    assert_non_null(
        strstr(yyjson_get_str(json_at(event, "properties.statusMessage")), "AuthorizationFailed"));
}

static void reads_and_what_names_nothing_are_not_told(void **state)
{
    struct fixture *f = *state;
    size_t before = count_of(events(f, "")), others;
    struct error err;

    expect(f, 200, HTTP_GET, A V, NULL);
    expect(f, 404, HTTP_GET, A "/deployments/none" V, NULL);
    expect(f, 404, HTTP_PUT, G "/providers/Microsoft.Nothing/things/x" V, "{}");
    expect(f, 404, HTTP_PUT, "/subscriptions/" TENANT "/resourceGroups/x" V, "{}");
    expect(f, 405, HTTP_POST, A V, NULL);
    assert_int_equal(count_of(events(f, "")), before);
    assert_true(store_run(f->store, count_events, &others, &err));
    assert_int_equal(others, 0);
}

static void filters_find_what_they_name(void **state)
{
    struct fixture *f = *state;

    f->correlation_id = STR("bbbbbbbb-0000-4000-8000-000000000002");
    expect(f, 201, HTTP_PUT, S "/resourceGroups/other" V, "{\"location\":\"eastus\"}");
    f->correlation_id = STR_NONE;
    expect(f, 201, HTTP_PUT, D V, BODY);
    assert_int_equal(count_of(events(f, AND("resourceGroupName", "mygroup"))), 3);
    assert_int_equal(count_of(events(f, AND("resourceGroupName", "my"))), 0);
    assert_int_equal(count_of(events(f, AND("resourceUri", D))), 1);
    assert_int_equal(count_of(events(f, AND("resourceId", A))), 2); /* and what lies in it */
    assert_int_equal(count_of(events(f, AND("resourceUri", G))), 3);
    assert_int_equal(count_of(events(f, AND("resourceProvider", "microsoft.cognitiveservices"))),
                     2);
    assert_int_equal(
        count_of(events(f, AND("correlationId", "BBBBBBBB-0000-4000-8000-000000000002"))), 1);
    assert_int_equal(count_of(events(f, AND("caller", "DEV@contoso.com"))), 4);
    assert_int_equal(count_of(events(f, AND("eventChannels", "Admin,%20Operation"))), 5);
    assert_int_equal(count_of(events(f, AND("eventChannels", "Admin"))), 0);
    assert_int_equal(count_of(events(f, "%20and%20eventTimestamp%20le%20'2001-01-01T00:00:00Z'")),
                     0);
    /* as az writes times */
    assert_int_equal(count_of(expect(f, 200, HTTP_GET,
                                     EVENTS "&$filter=eventTimestamp%20ge%202026-01-01T00:00:00"
                                            "%20and%20eventTimestamp%20le%202200-01-01T00:00:00.25",
                                     NULL)),
                     5);
}

static void a_bad_filter_is_refused_with_its_fault(void **state)
{
    static const struct {
        const char *query;
        const char *words;
    } faults[] = {
        { "", "eventTimestamp ge" },
        { "&$filter=resourceGroupName%20eq%20'x'", "eventTimestamp ge" },
        { "&$filter=eventTimestamp%20ge%20'yesterday'", "'yesterday'" },
        { "&$filter=eventTimestamp%20gt%20'2026-01-01T00:00:00Z'", "'gt'" },
        { SINCE "%20and%20colour%20eq%20'red'", "'colour'" },
        { SINCE "%20or%20caller%20eq%20'x'", "'or caller" },
        { SINCE "%20and%20caller%20ne%20'x'", "'ne'" },
        { SINCE "%20and%20caller%20eq%20'x", "'caller eq" },
        { SINCE "%20and", "at 'and" },
        { "&$filter=eventTimestamp%20ge%20'2026-01-01T00:00:00Z'%20and%20eventTimestamp%20le%20"
          "'2025-01-01T00:00:00Z'",
          "later" },
        { SINCE "&$select=caller,colour", "'colour'" },
    };
    struct fixture *f = *state;
    char path[1024];

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        snprintf(path, sizeof(path), "%s%s", EVENTS, faults[i].query);
        expect_error(f, 400, "InvalidFilterInQueryString", faults[i].words, HTTP_GET, path, NULL);
    }
    expect_error(f, 400, "BadRequest", "$skipToken", HTTP_GET, EVENTS SINCE "&$skipToken=YWJj",
                 NULL);
}

static void only_what_is_selected_is_shown(void **state)
{
    struct fixture *f = *state;
    yyjson_val *event = item(events(f, "&$select=caller%20,%20eventTimestamp"), 0);

    assert_int_equal(yyjson_obj_size(event), 2);
    assert_text(event, "caller", "dev@contoso.com");
}

/* All of them once, in order, page by page; events of one time may lie on two pages. */
static void pages_go_on_where_the_one_before_ended(void **state)
{
    struct fixture *f = *state;
    yyjson_val *whole, *page;
    size_t seen = 0, pages = 0;
    struct str link;

    clock_move_to(&f->clock, 4102444800000);
    for (size_t i = 0; i < 7; i++)
        expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{}}");
    whole = events(f, "");
    page = events(f, "&$top=3");
    for (;; pages++) {
        for (size_t i = 0; i < count_of(page); i++)
            assert_string_equal(yyjson_get_str(json_at(item(page, i), "eventDataId")),
                                yyjson_get_str(json_at(item(whole, seen + i), "eventDataId")));
        seen += count_of(page);
        link = json_str(json_at(page, "nextLink"));
        if (!link.len)
            break;
        page = expect(f, 200, HTTP_GET, link.data + strlen(BASE), NULL);
    }
    assert_int_equal(seen, count_of(whole));
    assert_int_equal(pages, (count_of(whole) - 1) / 3);
}

/* -- What does not belong to a subscription, and what is old ---------------------------------- */

static void categories_are_listed(void **state)
{
    struct fixture *f = *state;
    struct principal stranger = { .object_id = STR("cccccccc-0000-4000-8000-000000000003") };
    yyjson_val *list;

    f->caller = &stranger; /* whoever it is */
    list = expect(*state, 200, HTTP_GET,
                  "/providers/Microsoft.Insights/eventcategories?api-version=2015-04-01", NULL);

    f->caller = NULL;
    assert_text(item(list, 0), "value", "Administrative");
    assert_int_equal(count_of(expect(*state, 200, HTTP_GET,
                                     "/providers/microsoft.insights/eventtypes/management/values"
                                     "?api-version=2015-04-01" SINCE,
                                     NULL)),
                     0);
}

static void stop_loop(void *data, const struct error *err)
{
    assert_null(err);
    loop_stop(data);
}

static void trim(struct fixture *f, uint64_t days)
{
    struct loop *loop = loop_new();

    arm_activity_trim(f->arm, days, loop, stop_loop, loop);
    loop_run(loop);
    loop_free(loop);
}

static void what_is_old_goes(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_now_ms(&f->clock);
    size_t before = count_of(events(f, ""));

    trim(f, 1);
    assert_int_equal(count_of(events(f, "")), before);
    clock_move_to(&f->clock, now_ms + 90LL * 24 * 60 * 60 * 1000 + 60000);
    expect(f, 201, HTTP_PUT, D V, BODY);
    trim(f, 91);
    assert_int_equal(count_of(events(f, "")), before + 1);
    trim(f, 90);
    assert_int_equal(count_of(events(f, "")), 1);
    assert_text(item(events(f, ""), 0), "resourceId", D);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_is_told_with_all_that_is_known),
        TEST(events_are_in_the_order_of_their_times),
        TEST(a_refused_write_is_told_with_its_error),
        TEST(an_action_is_told_without_what_it_shows),
        TEST(an_operation_that_goes_on_is_told_twice),
        TEST(a_refusal_for_want_of_a_role_is_told),
        TEST(reads_and_what_names_nothing_are_not_told),
        TEST(filters_find_what_they_name),
        TEST(a_bad_filter_is_refused_with_its_fault),
        TEST(only_what_is_selected_is_shown),
        TEST(pages_go_on_where_the_one_before_ended),
        TEST(categories_are_listed),
        TEST(what_is_old_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
