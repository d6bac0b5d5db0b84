/*
 * An operation's check of a request, for the tests of the operations.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_INFERENCE_REQUEST_CHECK_H
#define TESTS_INFERENCE_REQUEST_CHECK_H

#include "rig.h"

/* What the operation's own check says of a body; the test fails where that is no JSON. */
bool request_check(const struct operation *operation, const char *deployment, const char *body,
                   struct request_facts *facts, struct error *err);
/* Of a body that request_check let pass or not: it was refused so. */
void request_assert_refused(bool passed, const char *body, const struct error *err,
                            enum error_code code, const char *target);

#endif
