/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "one_engine.h"

static unsigned features(const char *settings)
{
    struct catalog *c;
    unsigned set = engine_features(one_engine(settings, &c));

    catalog_unref(c);
    return set;
}

static void knows_what_each_kind_honours(void **state)
{
    (void)state;
    assert_false(features("llama: { model: a }") & (ENGINE_ECHO | ENGINE_BEST_OF | ENGINE_IMAGES));
    assert_true(features("llama: { model: a }") & ENGINE_JSON_SCHEMA);
    assert_true(features("llama: { model: embedded }") & ENGINE_TOOLS); /* until it is loaded */
    assert_true(features("llama: { model: a, arguments: [--mmproj, /p] }") & ENGINE_IMAGES);
    assert_true(features("upstream: { url: 'http://a' }") & ENGINE_STREAM_USAGE);
    assert_false(features("upstream: { url: 'http://a', stream_usage: false }") &
                 ENGINE_STREAM_USAGE);
    assert_true(features("upstream: { url: 'http://a' }") & ENGINE_AUDIO);
    assert_false(features("sim: { seed: 1 }") & (ENGINE_AUDIO | ENGINE_LOGIT_BIAS));
}

static void names_the_model_of_an_upstream(void **state)
{
    struct catalog *c;

    (void)state;
    assert_true(str_equal(
        engine_model_name(one_engine("upstream: { url: 'http://a', model: m }", &c)), STR("m")));
    catalog_unref(c);
    assert_null(engine_model_name(one_engine("upstream: { url: 'http://a' }", &c)).data);
    catalog_unref(c);
    assert_null(engine_model_name(one_engine("llama: { model: a }", &c)).data);
    catalog_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_each_kind_honours),
        cmocka_unit_test(names_the_model_of_an_upstream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
