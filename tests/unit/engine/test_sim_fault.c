/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/sim_fault.h"

static void takes_every_kind(void **state)
{
    struct sim_fault f;
    struct error err;

    (void)state;
    assert_true(sim_fault_parse(STR("status=429; retry-after-ms=800"), &f, &err));
    assert_int_equal(f.kind, SIM_FAULT_STATUS);
    assert_int_equal(f.status, 429);
    assert_int_equal(f.retry_after_ms, 800);
    assert_true(f.rate > 0.999);
    assert_true(sim_fault_parse(STR("after=5;stall"), &f, &err));
    assert_int_equal(f.kind, SIM_FAULT_STALL);
    assert_int_equal(f.after_tokens, 5);
    assert_true(sim_fault_parse(STR("CUT;after=12;"), &f, &err));
    assert_int_equal(f.kind, SIM_FAULT_CUT);
    assert_true(sim_fault_parse(STR("malformed;rate=0.25"), &f, &err));
    assert_int_equal(f.kind, SIM_FAULT_MALFORMED);
    assert_true(f.rate > 0.249 && f.rate < 0.251);
}

static void refuses_and_names_the_part(void **state)
{
    static const struct {
        struct str text;
        const char *target;
    } cases[] = {
        { STR(""), "fault" },
        { STR("after=3"), "fault" },
        { STR("status"), "status" },
        { STR("status=200"), "status" },
        { STR("status=9999999999999999999999"), "status" },
        { STR("stall=yes"), "fault" },
        { STR("stall;cut"), "fault" },
        { STR("stall;after=1;after=2"), "fault" },
        { STR("stall;after=-1"), "after" },
        { STR("status=500;after=1"), "after" },
        { STR("cut;retry-after-ms=5"), "retry-after-ms" },
        { STR("status=429;retry-after-ms=0"), "retry-after-ms" },
        { STR("cut;rate=2"), "rate" },
        { STR("cut;rate=nan"), "rate" },
        { STR("cut;rate=0x1"), "rate" },
        { STR("cut;rate=1.0.0"), "rate" },
        { STR("cut;rate="), "rate" },
        { STR("explode"), "fault" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim_fault f = { .status = 7 };
        struct error err;

        if (sim_fault_parse(cases[i].text, &f, &err))
            fail_msg("'%s' was taken", cases[i].text.data);
        assert_int_equal(err.code, ERROR_BAD_REQUEST);
        assert_string_equal(err.target, cases[i].target);
        assert_int_equal(f.status, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_kind),
        cmocka_unit_test(refuses_and_names_the_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
