/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/lazuli-file-XXXXXX";
static char path[sizeof(folder) + 10];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/it", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void refused(const char *file, int number, const char *words)
{
    const char *why = NULL;

    errno = 0;
    assert_int_equal(file_open(file, &why), -1);
    assert_int_equal(errno, number);
    assert_non_null(strstr(why, words));
    assert_string_equal(file_why_not(file, SIZE_MAX), why);
}

static void files_are_read_to_their_end(void **state)
{
    const char *why;
    char text[10];
    FILE *f;
    int fd;

    (void)state;
    f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs("six by", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_null(file_why_not(path, 6));
    assert_string_equal(file_why_not(path, 5), "it is too large");
    assert_int_equal(file_open_up_to(path, 5, &why), -1);
    assert_int_equal(errno, EFBIG);
    fd = file_open(path, &why);
    assert_true(fd >= 0);
    assert_int_equal(file_read(fd, text, 4), 4);
    assert_int_equal(file_read(fd, text + 4, sizeof(text) - 4), 2);
    assert_memory_equal(text, "six by", 6);
    close(fd);
    assert_int_equal(unlink(path), 0);
}

/* A pipe that nobody writes into would be waited for. */
static void only_regular_files_are_taken(void **state)
{
    (void)state;
    refused(path, ENOENT, "No such file");
    refused(folder, EISDIR, "directory");
    refused("/dev/zero", EINVAL, "not a regular file");
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(path, EINVAL, "not a regular file");
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_to_their_end),
        cmocka_unit_test(only_regular_files_are_taken),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
