/* What a template may take. SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* -- Templates that would take long, or much memory ------------------------------------------- */

/* The text so many times, with commas between; every % in it is the number. */
static const char *many(struct fixture *f, unsigned count, const char *text)
{
    char *made = arena_alloc(f->arena, count * (strlen(text) + 16) + 1), *end = made;

    for (unsigned i = 0; i < count; i++) {
        for (const char *c = text; *c; c++) {
            if (*c == '%')
                end += sprintf(end, "%u", i);
            else
                *end++ = *c;
        }
        *end++ = ',';
    }
    end[-1] = '\0';
    return made;
}

#define TOO_MUCH "take too long or too much memory"
#define FORMAT(...) arena_printf(f->arena, __VA_ARGS__).data
#define LOOP(more) \
    ",'resources':[{'type':'A.B/c','apiVersion':'1','name':'x','copy':{'name':'l'," more "}]"

static void bounds_ids(void **state)
{
    struct fixture *f = *state;
    const char *text = many(f, 700, "a/");

    bad(f, "is longer than 2048 bytes", FORMAT(",'resources':[" RESOURCE("%s", "") "]", text),
        NULL);
    bad(f, "is longer than 2048 bytes",
        FORMAT(",'resources':[" RESOURCE("x", ",'scope':'/subscriptions/%s'") "]", text), NULL);
    bad(f, "is longer than 2048 bytes",
        FORMAT(",'outputs':{'o':{'type':'object','value':'[reference(`/%s`,`1`)]'}}", text), NULL);
    bad(f, "is longer than 2048 bytes",
        FORMAT(",'outputs':{'o':{'type':'string','value':'[resourceId(`A.B/c`,`%s`)]'}}", text),
        NULL);
}

/* What is gone through, or copied, again and again. */
static void bounds_members(void **state)
{
    struct fixture *f = *state;

    bad(f, TOO_MUCH, FORMAT(LOOP("'count':800},%s"), many(f, 5000, "'m%':1")), NULL);
    bad(f, TOO_MUCH,
        FORMAT(",'resources':[{'type':'A.B/"
               "c','apiVersion':'1','name':'x','copy':{'name':'l','count':0},"
               "%s}," RESOURCE("y", ",'dependsOn':[%s]") "]",
               many(f, 5000, "'m%':1"), many(f, 500, "'l'")),
        NULL);
    bad(f, "more than 64 members", FORMAT(",%s", many(f, 70, "'m%':1")), NULL);
    bad(f, TOO_MUCH,
        FORMAT(",'functions':[%s,{'namespace':'u','members':{'f':{'parameters':[],'output':{'type':"
               "'int','value':1}}}}],'outputs':{'o':{'type':'int','value':'[length(createArray(%s))"
               "]'}}",
               many(f, 5000, "{'namespace':'n%'}"), many(f, 2000, "u.f()")),
        NULL);
    bad(f, TOO_MUCH,
        FORMAT(",'parameters':{'p':{'type':'array','allowedValues':[{'m':[%s]},1]}}",
               many(f, 5000, "%")),
        FORMAT("{'p':{'value':[%s]}}", many(f, 1000, "1")));
    bad(f, TOO_MUCH,
        FORMAT(
            ",'parameters':{'p':{'type':'object','additionalProperties':false,'properties':{%s}}}",
            many(f, 5000, "'m%':{'type':'int'}")),
        FORMAT("{'p':{'value':{%s}}}", many(f, 5000, "'m%':1")));
    bad(f, TOO_MUCH,
        FORMAT(",'resources':[{'type':'Microsoft.Resources/deployments','apiVersion':'1','name':"
               "'[concat(`n`,copyIndex())]','copy':{'name':'l','count':800},'properties':{"
               "'expressionEvaluationOptions':{'scope':'inner'},'template':{'m':[%s]}}}]",
               many(f, 5000, "'some text'")),
        NULL);
}

static void asks_the_host_once(void **state)
{
    struct fixture *f = *state;

    good(
        f,
        ",'outputs':{'o':{'type':'array','value':'[createArray(resourceGroup(),resourceGroup())]'},"
        "'p':{'type':'object','value':'[resourceGroup()]'}}",
        NULL);
    assert_int_equal(f->subjects, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bounds_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_the_host_once, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
