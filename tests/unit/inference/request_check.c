/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "request_check.h"

bool request_check(const struct operation *operation, const char *deployment, const char *body,
                   struct request_facts *facts, struct error *err)
{
    struct exchange *x = rig_exchange(operation, deployment, "2024-10-21", str_from(body));
    bool ok;

    if (!x->document)
        fail_msg("no JSON: %s", body);
    *err = (struct error){ 0 };
    ok = x->operation->check(x, err);
    *facts = x->facts;
    rig_end_exchange(x);
    return ok;
}

void request_assert_refused(bool passed, const char *body, const struct error *err,
                            enum error_code code, const char *target)
{
    if (passed)
        fail_msg("passed: %s", body);
    assert_string_equal(error_info(err->code)->name, error_info(code)->name);
    assert_string_equal(err->target, target);
}
