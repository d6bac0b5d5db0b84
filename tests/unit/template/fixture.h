/*
 * Templates, and a host for them.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TEMPLATE_FIXTURE_H
#define TESTS_TEMPLATE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "template/template.h"

#define SCHEMA \
    "'$schema':'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',"
#define RESOURCE(name, more) "{'type':'A.B/c','apiVersion':'1','name':'" name "'" more "}"
#define G "/subscriptions/s/resourceGroups/g"

/* A deployment by a host that knows every resource: reference() is {"id": ID}. */
struct fixture {
    struct arena *arena;
    struct template_budget budget;
    struct template template;
    struct template_host host;
    struct str order;  /* names, in the order in which they were deployed */
    struct str bodies; /* their bodies, one behind the other */
    yyjson_mut_val *outputs;
    struct error err;
    unsigned subjects; /* that the host was asked for */
};

int set_up(void **state);
int tear_down(void **state);
/* Single quotes for double ones. */
yyjson_val *parse(struct fixture *f, const char *text);
/* `lost`: the name of one that fails; NULL. */
bool run(struct fixture *f, const char *members, const char *parameters, const char *lost);
void good(struct fixture *f, const char *members, const char *parameters);
void bad(struct fixture *f, const char *words, const char *members, const char *parameters);
void assert_output(struct fixture *f, const char *wanted);

#endif
