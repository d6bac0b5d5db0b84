/* SPDX-License-Identifier: MIT */
#include "inference/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "rig.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT "/openai/deployments/sim/chat/completions" RIG_VERSION

static void expect_error(int status, const char *code)
{
    struct str found;

    assert_true(fake_reply.is_finished);
    assert_int_equal(fake_reply.status, status);
    found = json_str(json_at(rig_reply_json(), "error.code"));
    if (!str_equal(found, str_from(code)))
        fail_msg("the code is '%.*s', not '%s'", STR_ARGS(found), code);
}

static void expect_sent(const char *wanted)
{
    struct str sent = buf_str(&fake_engine.request);

    if (!str_equal(sent, str_from(wanted)))
        fail_msg("sent %.*s\nnot  %s", STR_ARGS(sent), wanted);
}

static void leave(void)
{
    rig_gone();
    assert_true(fake_reply.is_aborted);
}

/* -- From the head to the engine ----------------------------------------------------------------- */

static void a_request_reaches_its_engine(void **state)
{
    (void)state;
    rig_head("POST", CHAT, NULL);
    assert_int_equal(fake_engine.started, 0); /* the body comes first */
    rig_body(STR("{" MESSAGES "}"));
    assert_int_equal(fake_engine.started, 1);
    assert_string_equal(fake_engine.name, "sim");
    assert_false(fake_engine.stream);
    expect_sent("{" MESSAGES "}");
    leave();
}

static void who_leaves_before_the_body_is_let_go(void **state)
{
    (void)state;
    rig_head("POST", CHAT, NULL);
    rig_gone();
    assert_true(fake_reply.is_aborted);
    assert_int_equal(fake_engine.started, 0);
}

static void what_the_head_tells_is_refused_at_once(void **state)
{
    static const char *const stranger[] = { "api-key: nobody's", NULL };

    (void)state;
    rig_head("POST", CHAT, stranger);
    expect_error(401, "401");
    assert_string_equal(fake_reply.phrase, "PermissionDenied");
    rig_head("GET", CHAT, NULL);
    expect_error(405, "405");
    rig_head("POST", "/openai/deployments/sim/nothing" RIG_VERSION, NULL);
    expect_error(404, "404");
    rig_head("POST", "/openai/deployments/sim/chat/completions", NULL);
    expect_error(404, "404");
}

static void a_deployment_is_looked_for_before_the_body_is_read(void **state)
{
    (void)state;
    rig_post("nothing", "chat/completions", "no json");
    expect_error(404, "DeploymentNotFound");
    rig_post("ada", "chat/completions", "{}");
    expect_error(400, "OperationNotSupported");
}

/* By default more is said than Azure does. */
static void a_deployment_of_a_retired_model_says_so(void **state)
{
    (void)state;
    rig_post("retired", "chat/completions", "{}");
    assert_string_equal(json_str(json_at(rig_reply_json(), "error.message")).data,
                        "The API deployment for this resource has stopped working: its model "
                        "gpt-4, version 0301, was retired on 2025-02-13. Deploy a model or version "
                        "that is available.");
    expect_error(404, "DeploymentNotFound");
    rig.inference->options.strict_errors = true;
    rig_post("retired", "chat/completions", "{}");
    assert_string_equal(json_str(json_at(rig_reply_json(), "error.message")).data,
                        "Resource not found");
    expect_error(404, "404");
}

static void on_v1_the_body_names_the_deployment(void **state)
{
    (void)state;
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":\"SIM\"," MESSAGES "}"));
    assert_int_equal(fake_engine.started, 1);
    leave();
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{" MESSAGES "}"));
    expect_error(400, "missing_required_parameter");
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":5," MESSAGES "}"));
    expect_error(400, "invalid_type");
    assert_string_equal(yyjson_get_str(json_at(rig_reply_json(), "error.message")),
                        "Invalid type for 'model': expected a string, but got an integer instead.");
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":\"sim\\u0000x\"," MESSAGES "}"));
    expect_error(404, "DeploymentNotFound");
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":\"sim\",\"model\":\"up\"," MESSAGES "}"));
    assert_int_equal(fake_reply.status, 400);
}

/* The body is given back once the answer has begun. */
static void on_v1_the_name_outlives_the_body(void **state)
{
    const struct exchange *x;

    (void)state;
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":\"SIM\",\"stream\":true," MESSAGES "}"));
    x = rig.request->handler_data;
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"));
    assert_true(fake_reply.is_started);
    assert_true(str_equal(x->deployment_name, STR("sim")));
    leave();
}

static void an_answer_is_of_the_clocks_time(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, 1234567890000);
    rig_chat("sim", "{" MESSAGES "}");
    assert_in_range(fake_engine.created_s, 1234567890, 1234567890 + 3600);
    leave();
}

static void a_body_must_be_an_object(void **state)
{
    static const char *const bodies[] = { "", "[]", "5", "{", "{}{}", "\xFF" };
    static const char *const xml[] = { "content-type: text/xml", NULL };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        rig_chat("sim", bodies[i]);
        assert_int_equal(fake_reply.status, 400);
        assert_true(yyjson_is_null(json_at(rig_reply_json(), "error.code")));
    }
    rig_head("POST", CHAT, xml);
    rig_body(STR("{" MESSAGES "}"));
    expect_error(415, "415");
}

/* -- Headers ------------------------------------------------------------------------------------- */

static void a_reply_names_the_request(void **state)
{
    static const char *const named[] = { "x-ms-client-request-id: my own", NULL };
    struct str id;

    (void)state;
    rig_head("POST", "/nothing", named);
    id = rig_header("apim-request-id");
    assert_int_equal(id.len, GUID_TEXT_LEN);
    assert_true(str_equal(rig_header("x-ms-client-request-id"), STR("my own")));
    rig_head("POST", "/nothing", NULL);
    assert_true(str_equal(rig_header("x-ms-client-request-id"), rig_header("apim-request-id")));
}

static void ids_differ(void **state)
{
    char first[GUID_TEXT_LEN + 1];

    (void)state;
    rig_head("POST", "/nothing", NULL);
    snprintf(first, sizeof(first), "%.*s", STR_ARGS(rig_header("apim-request-id")));
    rig_head("POST", "/nothing", NULL);
    assert_false(str_equal(rig_header("apim-request-id"), str_from(first)));
    assert_int_equal(first[14], '4');
}

/* A client's id goes back to it, unless it is so long that it cannot be an id. */
static void a_clients_id_is_bounded(void **state)
{
    char header[400];
    const char *headers[] = { header, NULL };

    (void)state;
    memset(header, 'x', sizeof(header) - 1);
    header[sizeof(header) - 1] = '\0';
    memcpy(header, "x-ms-client-request-id: ", 24);
    rig_head("POST", "/nothing", headers);
    assert_true(str_equal(rig_header("x-ms-client-request-id"), rig_header("apim-request-id")));
    assert_int_equal(rig_header("apim-request-id").len, GUID_TEXT_LEN);
}

static void limits_are_told_of_deployments(void **state)
{
    (void)state;
    rig_chat("sim", "{\"max_tokens\":100," MESSAGES "}");
    fake_engine_fail(ERROR_BACKEND);
    assert_true(str_equal(rig_header("x-ratelimit-limit-requests"), STR("60")));
    assert_true(str_equal(rig_header("x-ratelimit-remaining-requests"), STR("9")));
    /* "hi" is a token, an answer up to 100 */
    assert_true(str_equal(rig_header("x-ratelimit-remaining-tokens"), STR("9899")));
    rig_post("sim", "chat/completions", "{}");
    /* refused by the model's layer: it counts as a request, and as no tokens */
    assert_true(str_equal(rig_header("x-ratelimit-remaining-requests"), STR("8")));
    assert_true(str_equal(rig_header("x-ratelimit-remaining-tokens"), STR("9899")));
    rig_post("none", "chat/completions", "{}");
    assert_true(str_is_empty(rig_header("x-ratelimit-limit-requests")));
}

/* -- What the engine is sent ----------------------------------------------------------------------- */

#define STREAM_TAIL ",\"stream_options\":{\"include_usage\":true}}"

static void usage_of_a_stream_is_always_asked_for(void **state)
{
    (void)state;
    rig_chat("sim", "{\"stream\":true," MESSAGES "} \r\n");
    expect_sent("{\"stream\":true," MESSAGES STREAM_TAIL);
    assert_true(fake_engine.stream);
    leave();
    rig_chat("sim", "{\"stream\":true,\"stream_options\":null," MESSAGES "}");
    expect_sent("{\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES "}");
    leave();
    rig_chat("sim", "{\"stream\":true,\"stream_options\":{\"include_usage\":false}," MESSAGES "}");
    expect_sent("{\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES "}");
    leave();
    rig_chat("sim", " {\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES "}");
    expect_sent("{\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES "}");
    leave();
}

static void an_engine_gets_its_own_model_name(void **state)
{
    (void)state;
    rig_chat("up", "{" MESSAGES "}");
    expect_sent("{" MESSAGES ",\"model\":\"up\"}");
    leave();
    rig_chat("up", "{\"model\":\"gpt-4\"," MESSAGES "}");
    expect_sent("{\"model\":\"up\"," MESSAGES "}");
    leave();
    rig_chat("up", "{\"model\":null," MESSAGES "}");
    expect_sent("{\"model\":\"up\"," MESSAGES "}");
    leave();
    rig_chat("far", "\t{ " MESSAGES " }\n");
    expect_sent("{ " MESSAGES " ,\"model\":\"far-model\"}");
    leave();
    rig_chat("far", "{\"model\":\"far-model\"," MESSAGES "}");
    expect_sent("{\"model\":\"far-model\"," MESSAGES "}");
    leave();
}

static void both_are_said_at_once(void **state)
{
    (void)state;
    rig_chat("up", "{\"stream\":true," MESSAGES "}");
    expect_sent("{\"stream\":true," MESSAGES ",\"model\":\"up\"" STREAM_TAIL);
    leave();
    rig_chat("up", "{\"stream\":true,\"model\":\"x\"," MESSAGES "}");
    expect_sent("{\"stream\":true,\"model\":\"up\"," MESSAGES STREAM_TAIL);
    leave();
}

static void nothing_is_put_behind_nothing(void **state)
{
    (void)state;
    rig_post("up-text", "completions", "{ }");
    expect_sent("{\"model\":\"up-text\"}");
    leave();
}

/* An upstream knows what they are; the others would leave them out without a word. */
static void other_members_are_an_upstreams(void **state)
{
    static const char chat[] =
        "{\"top_k\":4,\"chat_template_kwargs\":{\"a\":[null]},\"messages\":[{\"role\":\"user\","
        "\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":{}}],\"x\":null}],"
        "\"model\":\"up\"}";

    (void)state;
    rig_chat("up", chat);
    expect_sent(chat);
    leave();
    rig_post("up-text", "completions", "{\"prompt\":\"a\",\"top_k\":1,\"model\":\"up-text\"}");
    expect_sent("{\"prompt\":\"a\",\"top_k\":1,\"model\":\"up-text\"}");
    leave();
    rig_chat("llama", chat);
    expect_error(400, NULL);
    rig_chat("sim", chat);
    expect_error(400, NULL);
    /* known ones are looked at all the same */
    rig_chat("up", "{\"top_k\":4,\"n\":0," MESSAGES "}");
    expect_error(400, "integer_below_min_value");
    rig_chat("up", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":[]}]}");
    expect_error(400, NULL);
}

static void faults_are_for_development(void **state)
{
    static const char *const fault[] = { "x-lazuli-fault: status=429", NULL };

    (void)state;
    rig_head("POST", CHAT, fault);
    rig_body(STR("{" MESSAGES "}"));
    assert_false(fake_engine.has_fault);
    leave();
}

static void a_model_may_be_younger_than_the_version(void **state)
{
    static const char *const older[] = { "2024-10-21", "2024-10-01-preview", "2023-05-15" };
    static const char *const newer[] = { "2024-12-01-preview", "2025-01-01-preview" };
    char target[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(older); i++) {
        snprintf(target, sizeof(target), "/openai/deployments/late/chat/completions?api-version=%s",
                 older[i]);
        rig_head("POST", target, NULL);
        rig_body(STR("no JSON"));
        expect_error(400, "BadRequest");
        assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.message")),
                              STR("Model {modelName} is enabled only for api versions "
                                  "2024-12-01-preview and later")));
    }
    for (size_t i = 0; i < ARRAY_LEN(newer); i++) {
        snprintf(target, sizeof(target), "/openai/deployments/late/chat/completions?api-version=%s",
                 newer[i]);
        rig_head("POST", target, NULL);
        rig_body(STR("{" MESSAGES "}"));
        assert_non_null(fake_engine.call);
        leave();
    }
    rig_head("POST", "/openai/v1/chat/completions", NULL);
    rig_body(STR("{\"model\":\"late\"," MESSAGES "}"));
    assert_non_null(fake_engine.call);
    leave();
}

/* -- Who calls ----------------------------------------------------------------------------------- */

static void post_as(const char *target, const char *const *headers)
{
    rig_head("POST", target, headers);
    if (fake_reply.is_finished)
        return;
    rig_body(STR("{\"model\":\"sim\"," MESSAGES "}"));
    leave();
}

static void expect_status(const char *target, const char *header, int status)
{
    const char *headers[] = { header, NULL };

    post_as(target, header ? headers : NULL);
    assert_int_equal(fake_reply.status, status);
}

static void keys_open_accounts(void **state)
{
    (void)state;
    expect_status(CHAT, "api-key: " RIG_KEY, 0);
    expect_status(CHAT, "api-key: another key", 0);
    expect_status(CHAT, "ocp-apim-subscription-key: " RIG_KEY, 0);
    expect_status(CHAT, "Authorization: Bearer " RIG_KEY, 401);
    expect_status("/openai/v1/chat/completions", "Authorization: Bearer " RIG_KEY, 0);
    expect_status("/openai/v1/chat/completions", "Authorization: Bearer eyJ0.eyJ1.c2ln", 401);
}

static void accounts_have_paths(void **state)
{
    (void)state;
    expect_status("/accounts/lapis" CHAT, NULL, 0);
    expect_status("//accounts/LAPIS/" CHAT, NULL, 0);
    expect_status("/accounts/nobody" CHAT, NULL, 404);
    expect_status("/accounts/%ZZ" CHAT, NULL, 404);
}

static void expect_message(const char *target, const char *header, const char *start)
{
    expect_status(target, header, 403);
    assert_true(
        str_starts_with(json_str(json_at(rig_reply_json(), "error.message")), str_from(start)));
}

static void accounts_have_walls(void **state)
{
    (void)state;
    expect_message(CHAT, "api-key: " RIG_WALLED_KEY,
                   "Access denied due to Virtual Network/Firewall");
    assert_true(str_equal(rig_header("policy-id"), STR("ThrowExceptionDueToTrafficDenied")));
    expect_message("/accounts/walled" CHAT, "api-key: " RIG_WALLED_KEY,
                   "Access denied due to Virtual Network/Firewall");
}

/* Who has a virtual network is called by its own endpoint. */
static void accounts_have_endpoints(void **state)
{
    static const char *const headers[] = { "api-key: " RIG_GUARDED_KEY, NULL };

    (void)state;
    expect_message(CHAT, "api-key: " RIG_GUARDED_KEY,
                   "A Virtual Network is configured for this resource. Please use the correct "
                   "endpoint for making requests.");
    assert_null(rig_header("policy-id").data);
    rig_head("POST", "/accounts/guarded" CHAT, headers);
    rig_body(STR("{}"));
    expect_error(404, "DeploymentNotFound"); /* let in, and none is there */
}

/* -- Answers without an engine --------------------------------------------------------------------- */

static void models_are_listed(void **state)
{
    (void)state;
    rig_head("GET", "/openai/models" RIG_VERSION, NULL);
    assert_int_equal(fake_reply.status, 200);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(rig_reply_json(), "data")), 7);
    rig_head("GET", "/openai/models/gpt-4-0613" RIG_VERSION, NULL);
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(json_str(json_at(rig_reply_json(), "id")), STR("gpt-4-0613")));
    rig_head("GET", "/openai/models/none" RIG_VERSION, NULL);
    expect_error(404, "404");
    rig_head("GET", "/openai/v1/models", NULL);
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(
        json_str(json_at(yyjson_arr_get_first(json_at(rig_reply_json(), "data")), "owned_by")),
        STR("system")));
}

/* -- Accounting ------------------------------------------------------------------------------------ */

static void what_is_in_flight_is_counted(void **state)
{
    struct directory *d = directory_box_get(rig.directory);
    const struct directory_deployment *sim =
        directory_deployment(directory_by_name(d, STR("lapis")), STR("sim"));

    (void)state;
    rig_chat("sim", "{" MESSAGES "}");
    assert_int_equal(atomic_load(&sim->counters->in_flight), 1);
    leave();
    assert_int_equal(atomic_load(&sim->counters->in_flight), 0);
    rig_chat("sim", "{}");
    assert_int_equal(atomic_load(&sim->counters->in_flight), 0);
    rig_chat("sim", "{" MESSAGES "}");
    fake_engine_fail(ERROR_BACKEND);
    assert_int_equal(atomic_load(&sim->counters->in_flight), 0);
    directory_unref(d);
}

static void requests_are_measured(void **state)
{
    struct buf out;

    (void)state;
    rig_chat("sim", "{" MESSAGES "}");
    leave();
    buf_init(&out, 1024 * 1024);
    assert_true(metrics_write(rig.metrics, NULL, 0, &out));
    assert_int_not_equal(
        str_find(buf_str(&out),
                 STR("lazuli_requests_total{account=\"lapis\",deployment=\"sim\",operation="
                     "\"ChatCompletions_Create\",status=\"499\",stream=\"false\",is_spillover="
                     "\"false\"} 1\n")),
        SIZE_MAX);
    buf_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

/* What comes of a large body is looked through at once; what is found there is found again in the whole. */
static void looks_through_a_large_body_as_it_comes(void **state)
{
    static char body[20000], part[10000];
    struct exchange *x;
    int len = snprintf(body, sizeof(body),
                       "{\"messages\":[{\"role\":\"user\",\"content\":\"%0*d\"}]}", 19000, 0);

    (void)state;
    rig_head("POST", "/openai/deployments/up/chat/completions" RIG_VERSION, NULL);
    x = rig.request->handler_data;
    memcpy(part, body, sizeof(part));
    inference_on_body_part(rig.request, str_of(part, sizeof(part)), (size_t)len);
    memset(part, 0, sizeof(part));
    assert_non_null(x->asides);
    rig_body(str_of(body, (size_t)len));
    assert_int_equal(x->facts.prompt_chars, 19000);
    assert_non_null(fake_engine.call);
    fake_engine_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_reaches_its_engine),
        TEST(who_leaves_before_the_body_is_let_go),
        TEST(what_the_head_tells_is_refused_at_once),
        TEST(a_deployment_is_looked_for_before_the_body_is_read),
        TEST(a_deployment_of_a_retired_model_says_so),
        TEST(on_v1_the_body_names_the_deployment),
        TEST(on_v1_the_name_outlives_the_body),
        TEST(an_answer_is_of_the_clocks_time),
        TEST(a_body_must_be_an_object),
        TEST(a_reply_names_the_request),
        TEST(ids_differ),
        TEST(a_clients_id_is_bounded),
        TEST(limits_are_told_of_deployments),
        TEST(usage_of_a_stream_is_always_asked_for),
        TEST(an_engine_gets_its_own_model_name),
        TEST(both_are_said_at_once),
        TEST(nothing_is_put_behind_nothing),
        TEST(other_members_are_an_upstreams),
        TEST(faults_are_for_development),
        TEST(a_model_may_be_younger_than_the_version),
        TEST(keys_open_accounts),
        TEST(accounts_have_paths),
        TEST(accounts_have_walls),
        TEST(accounts_have_endpoints),
        TEST(models_are_listed),
        TEST(what_is_in_flight_is_counted),
        TEST(requests_are_measured),
        TEST(looks_through_a_large_body_as_it_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
