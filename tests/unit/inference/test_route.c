/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rig.h"

static void expect(const char *method, const char *target, int status)
{
    rig_head(method, target, NULL);
    if (!fake_reply.is_finished)
        rig_gone();
    if (fake_reply.status != status)
        fail_msg("%s %s: %d, not %d", method, target, fake_reply.status, status);
}

static void paths_of_the_data_plane_are_known(void **state)
{
    (void)state;
    assert_true(inference_matches(STR("/openai/deployments/a/chat/completions")));
    assert_true(inference_matches(STR("//openai/v1/models")));
    assert_true(inference_matches(STR("/OpenAI/models")));
    assert_true(inference_matches(STR("/accounts/a/openai/models")));
    assert_true(inference_matches(STR("/lazuli/refusals/x")));
    assert_true(inference_matches(STR("/accounts/a/lazuli/refusals/x")));
    assert_false(inference_matches(STR("/lazuli/refusals")));
    assert_false(inference_matches(STR("/lazuli/")));
    assert_false(inference_matches(STR("/openai")));
    assert_false(inference_matches(STR("/accounts//openai/models")));
    assert_false(inference_matches(STR("/accounts/openai")));
    assert_false(inference_matches(STR("/subscriptions/a")));
    assert_false(inference_matches(STR("")));
}

#define V RIG_VERSION

/* Status 0: the request waits for its body. */
static void operations_have_paths(void **state)
{
    (void)state;
    expect("POST", "/openai/deployments/sim/chat/completions" V, 0);
    expect("POST", "/OPENAI/Deployments/sim/Chat/Completions" V, 0);
    expect("POST", "/openai/deployments/s%69m/embeddings" V, 0);
    expect("POST", "/openai/v1/completions", 0);
    expect("POST", "/openai/deployments/sim/chat/completions/" V, 404);
    expect("POST", "/openai/deployments//chat/completions" V, 404);
    expect("POST", "/openai/deployments/%zz/chat/completions" V, 404);
    expect("POST", "/openai/deployments" V, 404);
    expect("POST", "/openai/chat/completions" V, 404);
    expect("POST", "/openai/v1/deployments/sim/chat/completions", 404);
    expect("GET", "/openai/models/" V, 404);
    expect("POST", "/openai/" V, 404);
}

static void versions_are_asked_for(void **state)
{
    (void)state;
    expect("POST", "/openai/deployments/sim/chat/completions?API-VERSION=2024-02-01", 0);
    expect("POST", "/openai/deployments/sim/chat/completions?a=b&api-version=2024-02-01", 0);
    expect("POST", "/openai/deployments/sim/chat/completions?api-version=2024-02-02", 404);
    expect("POST", "/openai/deployments/sim/chat/completions?api-version=", 404);
    /* older than chat */
    expect("POST", "/openai/deployments/sim/chat/completions?api-version=2022-12-01", 404);
    expect("POST", "/openai/deployments/sim/completions?api-version=2022-12-01", 0);
    expect("POST", "/openai/v1/completions?api-version=preview", 0);
    expect("POST", "/openai/v1/completions?api-version=2024-02-01", 400);
}

static void methods_are_the_operations(void **state)
{
    (void)state;
    expect("GET", "/openai/models" V, 200);
    expect("DELETE", "/openai/models" V, 405);
    expect("PURGE", "/openai/models" V, 405);
    expect("GET", "/openai/deployments/sim/chat/completions" V, 405);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_of_the_data_plane_are_known),
        TEST(operations_have_paths),
        TEST(versions_are_asked_for),
        TEST(methods_are_the_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
