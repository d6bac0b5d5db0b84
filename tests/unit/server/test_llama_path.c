/* SPDX-License-Identifier: MIT */
#include "server/llama_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], program[96], path[256];

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/lazuli-path-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(program, sizeof(program), "%s/llama-server", folder);
    f = fopen(program, "w");
    if (!f)
        return -1;
    return fclose(f);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(program);
    return rmdir(folder);
}

static void what_is_configured_counts(void **state)
{
    char *found = llama_path_find("/as/configured");

    (void)state;
    assert_string_equal(found, "/as/configured");
    free(found);
}

static void the_path_is_searched(void **state)
{
    char *found;

    (void)state;
    snprintf(path, sizeof(path), "/nowhere::%s:/usr", folder);
    setenv("PATH", path, 1);
    chmod(program, 0700);
    found = llama_path_find(NULL);
    assert_string_equal(found, program);
    free(found);
}

static void what_cannot_be_run_is_passed_over(void **state)
{
    char *found;

    (void)state;
    chmod(program, 0600);
    found = llama_path_find(NULL);
    if (found)
        assert_string_not_equal(found, program); /* that of the build, where there is one */
    free(found);
    unsetenv("PATH");
    found = llama_path_find(NULL);
    if (found)
        assert_string_not_equal(found, program);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_configured_counts),
        cmocka_unit_test(the_path_is_searched),
        cmocka_unit_test(what_cannot_be_run_is_passed_over),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
