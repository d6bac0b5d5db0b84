/* Templates as documents. SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define PARAMETER(definition) \
    ",'parameters':{'p':" definition "},'outputs':{'o':{'type':'int','value':1}}"

static void checks_parameters(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *definition;
        const char *value;
        const char *words; /* NULL: it is taken */
    } rows[] = {
        { "{'type':'string'}", "'a'", NULL },
        { "{'type':'string'}", "1",
          "Expected a value of type 'String, Uri', but received a value "
          "of type 'Integer'" },
        { "{'type':'int'}", "1.5", "of type 'Integer'" },
        { "{'type':'bool'}", "'true'", "of type 'Boolean'" },
        { "{'type':'securestring'}", "'a'", NULL },
        { "{'type':'text'}", "'a'", "has no valid type" },
        { "{'type':'string','allowedValues':['a','b']}", "'b'", NULL },
        { "{'type':'string','allowedValues':['a','b']}", "'c'",
          "The value 'c' is not part of the allowed value(s): 'a,b'" },
        { "{'type':'array','allowedValues':['a','b']}", "['b','a']", NULL },
        { "{'type':'array','allowedValues':['a','b']}", "['b','c']", "The value 'c' is not part" },
        { "{'type':'string','minLength':2}", "'a'", "greater than or equal to '2'" },
        { "{'type':'string','maxLength':2}", "'abc'", "less than or equal to '2'" },
        { "{'type':'int','minValue':2}", "1", "greater than or equal to '2'" },
        { "{'type':'int','maxValue':2}", "3", "less than or equal to '2'" },
        { "{'type':'array','items':{'type':'int'}}", "[1,'a']", "'p[1]'" },
        { "{'type':'array','prefixItems':[{'type':'int'}],'items':false}", "[1,2]", "too many" },
        { "{'type':'array','prefixItems':[{'type':'int'}]}", "[]", "too few" },
        { "{'type':'object','properties':{'a':{'type':'int'}}}", "{}", "'p.a'" },
        { "{'type':'object','properties':{'a':{'type':'int','nullable':true}}}", "{}", NULL },
        { "{'type':'object','additionalProperties':false}", "{'b':1}", "'b' is not permitted" },
        { "{'type':'object','additionalProperties':{'type':'int'}}", "{'b':'c'}", "'p.b'" },
        { "{'type':'object','discriminator':{'propertyName':'k','mapping':{'x':{'type':'object',"
          "'properties':{'n':{'type':'int'}}}}}}",
          "{'k':'x'}", "'p.n'" },
        { "{'type':'object','discriminator':{'propertyName':'k','mapping':{}}}", "{'k':'x'}",
          "'p.k'" },
        { "{'$ref':'#/definitions/none'}", "1", "has no valid type" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *members = arena_printf(f->arena, PARAMETER("%s"), rows[i].definition).data;
        const char *given = arena_printf(f->arena, "{'p':{'value':%s}}", rows[i].value).data;

        if (rows[i].words)
            bad(f, rows[i].words, members, given);
        else
            good(f, members, given);
    }
    bad(f, "The value for the template parameter 'p' is not provided", PARAMETER("{'type':'int'}"),
        NULL);
    bad(f,
        "The template parameters 'q' in the parameters file are not valid; they are not present in "
        "the original template",
        PARAMETER("{'type':'int','defaultValue':1}"), "{'q':{'value':1}}");
    bad(f, "refers to a secret of a key vault", PARAMETER("{'type':'string'}"),
        "{'p':{'reference':{}}}");
    bad(f, "Circular dependency detected on template parameter",
        PARAMETER("{'type':'string','defaultValue':'[parameters(`p`)]'}"), NULL);
    bad(f, "'reference' is not expected at this location",
        PARAMETER("{'type':'object','defaultValue':'[reference(`x`)]'}"), NULL);
}

static void follows_definitions(void **state)
{
    struct fixture *f = *state;
    const char *members =
        ",'languageVersion':'2.0','definitions':{'size':{'type':'int','minValue':1},"
        "'loop':{'$ref':'#/definitions/loop'},"
        "'tree':{'type':'object','properties':{'next':{'$ref':'#/definitions/"
        "tree','nullable':true}}}},"
        "'parameters':{'a':{'$ref':'#/definitions/size','maxValue':5,'defaultValue':3},"
        "'t':{'$ref':'#/definitions/tree','defaultValue':{}},"
        "'n':{'type':'string','nullable':true}},'resources':{},"
        "'outputs':{'a':{'$ref':'#/definitions/size','value':'[parameters(`a`)]'},"
        "'n':{'type':'string','nullable':true,'value':'[parameters(`n`)]'}}";

    good(f, members, NULL);
    assert_output(f, "{'a':{'type':'Int','value':3},'n':{'type':'String','value':null}}");
    good(f, members, "{'t':{'value':{'next':{'next':{}}}}}");
    bad(f, "'t.next.next'", members, "{'t':{'value':{'next':{'next':1}}}}");
    bad(f, "greater than or equal to '1'", members, "{'a':{'value':0}}");
    bad(f, "less than or equal to '5'", members, "{'a':{'value':6}}");
    bad(f, "has no valid type",
        ",'definitions':{'loop':{'$ref':'#/definitions/loop'}},'parameters':{'p':{'$ref':'#/"
        "definitions/loop'}}",
        "{'p':{'value':1}}");
}

static void evaluates_variables_and_functions(void **state)
{
    struct fixture *f = *state;

    good(f,
         ",'variables':{'a':'[add(variables(`b`), 1)]','b':2,'copy':[{'name':'c','count':3,'input':"
         "'[mul(copyIndex(`c`), variables(`b`))]'}],'d':{'copy':[{'name':'e','count':2,'input':"
         "'[copyIndex(`e`, 5)]'}]}},"
         "'functions':[{'namespace':'my','members':{'twice':{'parameters':[{'name':'n','type':'int'"
         "}],'output':{'type':'int','value':'[mul(parameters(`n`), 2)]'}}}}],"
         "'outputs':{'a':{'type':'int','value':'[variables(`a`)]'},'c':{'type':'array','value':"
         "'[variables(`c`)]'},'d':{'type':'object','value':'[variables(`d`)]'},"
         "'f':{'type':'int','value':'[my.Twice(my.twice(3))]'},"
         "'l':{'type':'array','copy':{'count':2,'input':'[copyIndex(1)]'}},"
         "'no':{'condition':false,'type':'int','value':1},"
         "'s':{'type':'secureString','value':'secret'}}",
         NULL);
    assert_output(f, "{'a':{'type':'Int','value':3},'c':{'type':'Array','value':[0,2,4]},"
                     "'d':{'type':'Object','value':{'e':[5,6]}},'f':{'type':'Int','value':12},"
                     "'l':{'type':'Array','value':[1,2]},'s':{'type':'SecureString'}}");
    bad(f, "Circular dependency detected on template variable 'a'",
        ",'variables':{'a':'[variables(`b`)]','b':'[variables(`a`)]'},"
        "'outputs':{'o':{'type':'int','value':'[variables(`a`)]'}}",
        NULL);
    bad(f, "takes 1 arguments",
        ",'functions':[{'namespace':'my','members':{'f':{'parameters':[{'name':'n','type':'int'}],"
        "'output':{'type':'int','value':1}}}}],'outputs':{'o':{'type':'int','value':'[my.f()]'}}",
        NULL);
    bad(f, "nested too deep",
        ",'functions':[{'namespace':'my','members':{'f':{'parameters':[],"
        "'output':{'type':'int','value':'[my.f()]'}}}}],"
        "'outputs':{'o':{'type':'int','value':'[my.f()]'}}",
        NULL);
    bad(f, "The template output 'o' is not valid", ",'outputs':{'o':{'type':'int','value':'a'}}",
        NULL);
}

#define A(more) ",'resources':[" RESOURCE("a", more) "]"
#define OUTPUT(value) ",'outputs':{'o':{'type':'string','value':'" value "'}}"

/* What can be known before anything is deployed is refused before. */
static void refuses_early(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *members;
        const char *words;
    } rows[] = {
        { A(",'p':{'q':['[none()]']}"),
          "for resource '" G "/providers/A.B/c/a'. 'The template function 'none'" },
        { A(",'p':'[parameters(`none`)]'"), "'none' is not found" },
        { A(",'condition':'true'"), "resource 'a' is not valid: its condition must be a boolean." },
        { A(",'p':'[reference(`none`)]'"), "is not defined" },
        { A(",'p':'[listKeys(`/none`)]'"), "API version" },
        { A("") OUTPUT("[add(1)]"), "The template output 'o' is not valid" },
        { A("") OUTPUT("[createArray(none(), reference(`a`))]"), "'none' is not valid" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bad(f, rows[i].words, rows[i].members, NULL);
        assert_true(str_is_empty(f->order));
    }
    /* not evaluated, or only when resources are there */
    good(f, A(",'condition':false,'p':'[none()]'"), NULL);
    good(f, A(",'metadata':'[none()]'"), NULL);
    good(f, A("") OUTPUT("[if(false(), none(), reference(`a`).id)]"), NULL);
    good(f, ",'outputs':{'n':{'condition':false,'type':'int','value':'[none()]'}}", NULL);
    bad(f, "doesn't exist", A("") OUTPUT("[reference(`a`).none]"), NULL);
    assert_string_equal(f->order.data, " a");
}

static void orders_resources(void **state)
{
    struct fixture *f = *state;

    good(f, ",'resources':[" RESOURCE("a", ",'dependsOn':['b']") "," RESOURCE("b", "") "]", NULL);
    assert_string_equal(f->order.data, " b a");
    good(f,
         ",'resources':[" RESOURCE("a", ",'tags':'[reference(`b`)]'") "," RESOURCE(
             "b", ",'tags':'[reference(resourceId(`A.B/c`, `c`)).id]'") "," RESOURCE("c", "") "]",
         NULL);
    assert_string_equal(f->order.data, " c b a");
    assert_string_equal(f->bodies.data,
                        "{}{\"tags\":\"" G "/providers/A.B/c/c\"}{\"tags\":{\"id\":\"" G
                        "/providers/A.B/c/b\",\"by\":\"reference\",\"full\":false}}");
    /* found only when the other one is there */
    good(f,
         ",'resources':[" RESOURCE("a", ",'p':{'copy':[{'name':'l','count':1,'input':"
                                        "'[listKeys(`b`, `1`).by]'}]}") "," RESOURCE("b", "") "]",
         NULL);
    assert_string_equal(f->order.data, " b a");
    bad(f, "Circular dependency detected on resource: '" G "/providers/A.B/c/a'",
        ",'resources':[" RESOURCE("a", ",'dependsOn':['b']") "," RESOURCE("b",
                                                                          ",'dependsOn':['a']") "]",
        NULL);
    /* not wanted: no one waits for it */
    good(f,
         ",'resources':[" RESOURCE("a", ",'dependsOn':['b']") "," RESOURCE(
             "b", ",'condition':'[equals(1, 2)]'") "]",
         NULL);
    assert_string_equal(f->order.data, " a");
}

static void skips_what_needs_what_failed(void **state)
{
    struct fixture *f = *state;

    run(f,
        ",'resources':[" RESOURCE("a", ",'dependsOn':['b']") "," RESOURCE("b", "") "," RESOURCE(
            "c", "") "," RESOURCE("d", ",'dependsOn':['a']") "]",
        NULL, "b");
    assert_string_equal(f->order.data, " b c");
}

static void runs_loops(void **state)
{
    struct fixture *f = *state;

    good(f,
         ",'resources':[" RESOURCE(
             "last", ",'dependsOn':['l']") ","
                                           "{'type':'A.B/c','apiVersion':'1','name':'[concat(`n`, "
                                           "copyIndex())]','p':{'copy':[{'name':"
                                           "'x','count':2,'input':'[format(`{0}{1}`, copyIndex(), "
                                           "copyIndex(`x`))]'}]},"
                                           "'copy':{'name':'l','count':2}}]",
         NULL);
    assert_string_equal(f->order.data, " n0 n1 last");
    assert_string_equal(f->bodies.data,
                        "{\"p\":{\"x\":[\"00\",\"01\"]}}{\"p\":{\"x\":[\"10\",\"11\"]}}{}");
    /* a batch that fails keeps the next from being begun */
    run(f,
        ",'resources':[{'type':'A.B/c','apiVersion':'1','name':'[concat(`n`, copyIndex())]',"
        "'copy':{'name':'l','count':5,'mode':'serial','batchSize':2}}]",
        NULL, "n1");
    assert_string_equal(f->order.data, " n0 n1");
    good(f,
         ",'resources':[" RESOURCE(
             "a", ",'dependsOn':['l']") ",{'type':'A.B/c','apiVersion':'1',"
                                        "'name':'[concat(`n`, "
                                        "copyIndex())]','copy':{'name':'l','count':0}}]",
         NULL);
    assert_string_equal(f->order.data, " a");
    bad(f, "exceeds limit. Limit: '800'",
        ",'resources':[" RESOURCE("a", ",'copy':{'name':'l','count':800}") "," RESOURCE("b",
                                                                                        "") "]",
        NULL);
    bad(f, "it must be from 0 to 800",
        ",'resources':[" RESOURCE("a", ",'copy':{'name':'l','count':801}") "]", NULL);
}

#define ONE                                                                   \
    "'one':{'type':'A.B/c','apiVersion':'1','name':'a','dependsOn':['many']," \
    "'x':'[reference(`old`, `2`, `full`).full]'}"
#define MANY                                                                    \
    "'many':{'copy':{'name':'many','count':2},'type':'A.B/c','apiVersion':'1'," \
    "'name':'[format(`m{0}`, copyIndex())]'}"
#define OLD "'old':{'existing':true,'type':'A.B/c','apiVersion':'1','name':'old'}"

static void knows_symbolic_names(void **state)
{
    struct fixture *f = *state;

    good(f,
         ",'languageVersion':'2.0','resources':{" ONE "," MANY "," OLD "},"
         "'outputs':{'o':{'type':'string','value':'[reference(`many[1]`).id]'},"
         "'n':{'type':'int','value':'[length(references(`many`))]'},"
         "'i':{'type':'string','value':'[resourceInfo(`one`).type]'}}",
         NULL);
    assert_string_equal(f->order.data, " m0 m1 a");
    assert_string_equal(f->bodies.data, "{}{}{\"x\":true}");
    assert_output(f, "{'o':{'type':'String','value':'" G "/providers/A.B/c/m1'},"
                     "'n':{'type':'Int','value':2},'i':{'type':'String','value':'A.B/c'}}");
    bad(f, "languageVersion must be '2.0'", ",'resources':{}", NULL);
    bad(f, "refers to a resource that the template does not have",
        ",'languageVersion':'2.0','resources':{" OLD "},"
        "'outputs':{'o':{'type':'string','value':'[resourceInfo(`none`).type]'}}",
        NULL);
}

static void makes_ids(void **state)
{
    struct fixture *f = *state;

    good(f,
         ",'resources':[{'type':'A.B/c','apiVersion':'1','name':'p','resources':[{'type':'d',"
         "'apiVersion':'1','name':'q'}]},"
         "{'type':'E.F/g','apiVersion':'1','name':'r','scope':'A.B/c/p'},"
         "{'type':'A.B/c/providers/h','apiVersion':'1','name':'p/E.F/s'},"
         "{'type':'Microsoft.Resources/"
         "deployments','apiVersion':'1','name':'t','resourceGroup':'u'}],"
         "'outputs':{'o':{'type':'array','value':['[resourceId(`A.B/c/d`, `x`, `y`)]',"
         "'[resourceId(`v`, `A.B/c`, `x`)]','[subscriptionResourceId(`A.B/c`, `x`)]',"
         "'[extensionResourceId(`/subscriptions/z`, `A.B/c`, `x`)]','[tenantResourceId(`A.B/c`, "
         "`x`)]',"
         "'[resourceId(`Microsoft.Resources/resourceGroups`, `x`)]']}}",
         NULL);
    assert_true(str_equal(f->template.resources[1].id, STR(G "/providers/A.B/c/p/d/q")));
    assert_true(
        str_equal(f->template.resources[2].id, STR(G "/providers/A.B/c/p/providers/E.F/g/r")));
    assert_true(
        str_equal(f->template.resources[3].id, STR(G "/providers/A.B/c/p/providers/E.F/h/s")));
    assert_true(str_equal(
        f->template.resources[4].id,
        STR("/subscriptions/s/resourceGroups/u/providers/Microsoft.Resources/deployments/t")));
    assert_output(f, "{'o':{'type':'Array','value':['" G "/providers/A.B/c/x/d/y',"
                     "'/subscriptions/s/resourceGroups/v/providers/A.B/c/x',"
                     "'/subscriptions/s/providers/A.B/c/x','/subscriptions/z/providers/A.B/c/x',"
                     "'/providers/A.B/c/x','/subscriptions/s/resourceGroups/x']}}");
    bad(f, "incorrect segment lengths", ",'resources':[" RESOURCE("a/b", "") "]", NULL);
}

static void passes_templates_on(void **state)
{
    struct fixture *f = *state;

#define NESTED(scope)                                                                          \
    ",'parameters':{'p':{'type':'string','defaultValue':'[[x]'}},'resources':[{'type':"        \
    "'Microsoft.Resources/deployments','apiVersion':'1','name':'t','properties':{'mode':"      \
    "'Incremental'" scope ",'parameters':{'a':{'value':'[parameters(`p`)]'}},'template':{'b':" \
    "'[parameters(`p`)]'}}}]"

    good(f, NESTED(",'expressionEvaluationOptions':{'scope':'inner'}"), NULL);
    assert_non_null(strstr(
        f->bodies.data, "{\"a\":{\"value\":\"[x]\"}},\"template\":{\"b\":\"[parameters('p')]\"}"));
    good(f, NESTED(""), NULL);
    assert_non_null(strstr(f->bodies.data, "\"template\":{\"b\":\"[[x]\"}"));
}

static void checks_the_head(void **state)
{
    struct fixture *f = *state;
    struct template_place place = { .subscription_id = STR("s") };

    good(f, "", NULL);
    template_budget_init(&f->budget);
    f->template = (struct template){
        .x = { .arena = f->arena, .doc = json_new(f->arena), .budget = &f->budget }
    };
    assert_false(template_load(&f->template, &place, &f->host,
                               parse(f, "{" SCHEMA "'contentVersion':'1.0.0.0'}"), NULL, &f->err));
    assert_non_null(strstr(f->err.text, "is not supported for a deployment to a subscription"));
    assert_false(template_load(&f->template, &place, &f->host, parse(f, "{}"), NULL, &f->err));
    assert_non_null(strstr(f->err.text, "Required property '$schema' not found"));
    bad(f, "must be an object", ",'parameters':[]", NULL);
    bad(f, "must be an array", ",'resources':1", NULL);
    bad(f, "not supported here", ",'languageVersion':'2.0','imports':{'a':{}},'resources':{}",
        NULL);
}

static void shows_no_secrets(void **state)
{
    struct fixture *f = *state;
    yyjson_mut_val *shown;

#define SECRET                                                                           \
    "'definitions':{'s':{'type':'securestring'},'t':{'type':'object','properties':{'k':" \
    "{'$ref':'#/definitions/s'}}}}"
    good(f,
         "," SECRET ",'parameters':{'p':{'$ref':'#/definitions/t'},'q':{'type':'array','items':"
         "{'type':'securestring'}},'r':{'type':'string'}}",
         "{'p':{'value':{'k':'hidden'}},'q':{'value':['hidden']},'r':{'value':'plain'}}");
    assert_true(template_shown_parameters(&f->template, &shown, &f->err));
    assert_string_equal(json_write_mut(f->arena, shown).data,
                        "{\"p\":{\"type\":\"Object\"},\"q\":{\"type\":\"Array\"},"
                        "\"r\":{\"type\":\"String\",\"value\":\"plain\"}}");
    bad(f, "'(secure)'",
        "," SECRET ",'parameters':{'p':{'$ref':'#/definitions/s','allowedValues':['a']}}",
        "{'p':{'value':'hidden'}}");
    assert_null(strstr(f->err.text, "hidden"));
    bad(f, "'(secure)'",
        ",'parameters':{'p':{'type':'secureObject','properties':{'k':{'type':'string',"
        "'allowedValues':['a']}}}}",
        "{'p':{'value':{'k':'hidden'}}}");
    assert_null(strstr(f->err.text, "hidden"));
}

/* A message without the secrets of a deployment whose parameter has so many texts. */
static const char *message_without(struct fixture *f, unsigned count)
{
    struct buf values;
    struct str shown;

    buf_init(&values, 65536);
    assert_true(buf_append(&values, STR("{'p':{'value':{'k':[")));
    for (unsigned i = 0; i < count; i++)
        assert_true(buf_printf(&values, "%s'text%04u'", i ? "," : "", i));
    assert_true(buf_append(&values, STR("]}}}")));
    good(f, ",'parameters':{'p':{'type':'secureObject'}}", arena_text(f->arena, buf_str(&values)));
    buf_done(&values);
    shown = template_without_secrets(&f->template, STR("of text0000 and text0999"));
    return arena_text(f->arena, shown);
}

/* Of more than are looked for, a message might quote one that was not. */
static void tells_nothing_of_too_many_secrets(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(message_without(f, 2), "of (secure) and text0999");
    assert_string_equal(message_without(f, 1000), "of (secure) and (secure)");
    assert_string_equal(message_without(f, 1001), "(secure)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follows_definitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evaluates_variables_and_functions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_resources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(skips_what_needs_what_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_loops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_symbolic_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passes_templates_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks_the_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shows_no_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_nothing_of_too_many_secrets, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
