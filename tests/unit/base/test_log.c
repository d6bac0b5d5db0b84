/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

static char captured[8192];

/* Logs with standard error going to a pipe; what came out is in `captured`. */
#define CAPTURE(statement)                                     \
    do {                                                       \
        int ends_[2], saved_ = dup(STDERR_FILENO);             \
        ssize_t len_;                                          \
                                                               \
        assert_int_equal(pipe(ends_), 0);                      \
        dup2(ends_[1], STDERR_FILENO);                         \
        close(ends_[1]);                                       \
        statement;                                             \
        dup2(saved_, STDERR_FILENO);                           \
        close(saved_);                                         \
        len_ = read(ends_[0], captured, sizeof(captured) - 1); \
        close(ends_[0]);                                       \
        assert_true(len_ >= 0);                                \
        captured[len_] = '\0';                                 \
    } while (0)

/* The captured line behind its time, which is checked. */
static const char *after_time(void)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == 'd')
            assert_in_range(captured[i], '0', '9');
        else
            assert_int_equal(captured[i], shape[i]);
    }
    return captured + sizeof(shape) - 1;
}

static void writes_one_line(void **state)
{
    (void)state;
    CAPTURE(log_info("server_started", "port=%d name=%s", 8080, "one"));
    assert_string_equal(after_time(), "info server_started port=8080 name=one\n");
    CAPTURE(log_error("server_stopped", NULL));
    assert_string_equal(after_time(), "error server_stopped\n");
    CAPTURE(log_warn("backend_lost", "backend=%s", "a"));
    assert_string_equal(after_time(), "warn backend_lost backend=a\n");
}

static void obeys_its_level(void **state)
{
    (void)state;
    CAPTURE(log_debug("flow", NULL));
    assert_string_equal(captured, "");
    log_set_level(LOG_DEBUG);
    CAPTURE(log_debug("flow", NULL));
    assert_string_equal(after_time(), "debug flow\n");
    log_set_level(LOG_ERROR);
    CAPTURE(log_warn("coped", NULL));
    assert_string_equal(captured, "");
    assert_true(log_is_on(LOG_ERROR));
    assert_false(log_is_on(LOG_WARN));
    log_set_level(LOG_INFO);
}

static void hides_control_characters(void **state)
{
    (void)state;
    CAPTURE(log_info("name_seen", "name=%s",
                     "a\nb\r\x1b[2Jc\x7f\xC2\x9Bz\xC3\xBC 2026-01-01 error forged"));
    assert_string_equal(after_time(), "info name_seen name=a?b??[2Jc???z\xC3\xBC"
                                      " 2026-01-01 error forged\n");
}

static void cuts_a_long_line(void **state)
{
    static char longer[4000];
    size_t len;

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    CAPTURE(log_info("big", "v=%s", longer));
    assert_int_equal(strlen(captured), 2048);
    assert_string_equal(captured + 2048 - 5, "x...\n");
    /* between characters, not inside one: with each start of the two-byte characters */
    for (size_t shift = 0; shift < 2; shift++) {
        longer[0] = 'x';
        for (size_t i = shift; i + 2 < sizeof(longer); i += 2)
            memcpy(longer + i, "\xC3\xBC", 2);
        CAPTURE(log_info("big", "v=%s", longer));
        len = strlen(captured);
        assert_in_range(len, 2047, 2048);
        assert_true(str_is_utf8(str_of(captured, len)));
        assert_string_equal(captured + len - 6, "\xC3\xBC...\n");
    }
}

static size_t read_file(int fd)
{
    ssize_t len = pread(fd, captured, sizeof(captured) - 1, 0);

    assert_true(len >= 0);
    captured[len] = '\0';
    return (size_t)len;
}

/* /dev/full takes nothing; a file that may not grow takes the beginning of a line, as a disk does that
 * is filling up. */
static void counts_what_a_full_disk_does_not_take(void **state)
{
    static const char told[] = "warn log_lines_lost count=3\n";
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);
    int file = fileno(tmpfile());
    struct rlimit limit, small;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ .rlim_cur = 40, .rlim_max = limit.rlim_max };
    dup2(full, STDERR_FILENO);
    log_info("first", NULL);
    log_info("second", NULL);
    dup2(file, STDERR_FILENO);
    setrlimit(RLIMIT_FSIZE, &small);
    log_info("third", NULL);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(read_file(file), 40); /* of what tells of the loss */
    log_info("fourth", NULL);
    dup2(saved, STDERR_FILENO);
    read_file(file);
    assert_int_equal(captured[40], '\n');
    memmove(captured, captured + 41, strlen(captured + 41) + 1);
    assert_memory_equal(after_time(), told, strlen(told));
    memmove(captured, strchr(captured, '\n') + 1, strlen(strchr(captured, '\n')));
    assert_string_equal(after_time(), "info fourth\n");
    close(full);
    close(saved);
}

static void waits_for_no_reader(void **state)
{
    static const char told[] = "warn log_lines_lost count=2\n";
    int ends[2], saved = dup(STDERR_FILENO);
    size_t room = 0;
    char byte = 'x';
    ssize_t len;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], &byte, 1) == 1)
        room++;
    fcntl(ends[1], F_SETFL, 0); /* from now on a writer would wait */
    dup2(ends[1], STDERR_FILENO);
    alarm(20);
    log_info("first", NULL);
    log_info("second", NULL);
    alarm(0);
    while (room && (len = read(ends[0], captured, sizeof(captured) - 1)) > 0)
        room -= (size_t)len;
    log_info("third", NULL);
    log_info("fourth", NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    len = read(ends[0], captured, sizeof(captured) - 1);
    close(ends[0]);
    close(ends[1]);
    assert_true(len > 0);
    captured[len] = '\0';
    assert_memory_equal(after_time(), told, sizeof(told) - 1);
    assert_non_null(strstr(captured, "info third\n"));
    assert_non_null(strstr(captured, "info fourth\n"));
    assert_null(strstr(captured, "second"));
    assert_null(strstr(strstr(captured, "count") + 1, "count"));
}

static void knows_the_names_of_levels(void **state)
{
    enum log_level level = LOG_INFO;

    (void)state;
    assert_true(log_parse_level(STR("error"), &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_parse_level(STR("debug"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_parse_level(STR("Debug"), &level));
    assert_false(log_parse_level(STR("verbose"), &level));
    assert_int_equal(level, LOG_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_line),
        cmocka_unit_test(obeys_its_level),
        cmocka_unit_test(hides_control_characters),
        cmocka_unit_test(cuts_a_long_line),
        cmocka_unit_test(counts_what_a_full_disk_does_not_take),
        cmocka_unit_test(waits_for_no_reader),
        cmocka_unit_test(knows_the_names_of_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
