/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "net/loop.h"
#include "net/loop_scratch.h"

#define THREADS 4
#define TASKS 2000

static struct loop *l;

static int set_up(void **state)
{
    (void)state;
    l = loop_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(l);
    return 0;
}

struct counted {
    struct loop_task task;
    int thread;
    int number;
};

static int seen[THREADS];

static void on_counted(struct loop_task *task)
{
    struct counted *c = CONTAINER_OF(task, struct counted, task);

    assert_int_equal(c->number, seen[c->thread]); /* each poster's tasks come in its order */
    seen[c->thread]++;
    free(c);
}

static void *poster(void *data)
{
    int thread = (int)(intptr_t)data;

    for (int i = 0; i < TASKS; i++) {
        struct counted *c = memory_alloc(sizeof(*c));

        c->task.fn = on_counted;
        c->thread = thread;
        c->number = i;
        loop_post(l, &c->task);
    }
    return NULL;
}

static void *runner(void *data)
{
    loop_run(data);
    return NULL;
}

static void test_tasks_of_many_threads_run_in_order(void **state)
{
    pthread_t posters[THREADS], run;

    (void)state;
    memset(seen, 0, sizeof(seen));
    assert_int_equal(pthread_create(&run, NULL, runner, l), 0);
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&posters[i], NULL, poster, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(posters[i], NULL);
    loop_stop(l);
    pthread_join(run, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(seen[i], TASKS);
}

/* A loop may be freed as soon as it has stopped, whoever stopped it. */
static void test_stopped_by_another_thread_and_freed_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct loop *other = loop_new();
        pthread_t run;

        assert_int_equal(pthread_create(&run, NULL, runner, other), 0);
        loop_stop(other);
        pthread_join(run, NULL);
        loop_free(other);
    }
    loop_stop(l);
    loop_run(l);
}

static int runs;
static struct loop_task again;

static void on_again(struct loop_task *task)
{
    if (++runs < 3)
        loop_post(l, task);
}

static void test_stop_waits_for_what_tasks_post(void **state)
{
    (void)state;
    runs = 0;
    again.fn = on_again;
    loop_post(l, &again);
    loop_stop(l);
    loop_run(l);
    assert_int_equal(runs, 3);
}

static uv_timer_t timer;

static void on_timer(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, NULL);
    runs = -1; /* ends the task that posts itself for ever */
}

static void on_for_ever(struct loop_task *task)
{
    if (runs != -1)
        loop_post(l, task);
}

/* A task that posts itself again must not keep the rest of the loop from its turn. */
static void test_posting_to_oneself_lets_others_run(void **state)
{
    (void)state;
    runs = 0;
    again.fn = on_for_ever;
    uv_timer_init(loop_uv(l), &timer);
    uv_timer_start(&timer, on_timer, 1, 0);
    loop_post(l, &again);
    loop_stop(l);
    loop_run(l);
    assert_int_equal(runs, -1);
}

struct job {
    struct loop_work work;
    pthread_t worked_on, done_on;
    bool is_done;
};

static void on_work(struct loop_work *work)
{
    CONTAINER_OF(work, struct job, work)->worked_on = pthread_self();
}

static void on_work_done(struct loop_work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);

    job->done_on = pthread_self();
    job->is_done = true;
}

static void test_offloads_work(void **state)
{
    struct job job = { .work = { .work = on_work, .done = on_work_done } };

    (void)state;
    loop_offload(l, &job.work);
    loop_stop(l);
    loop_run(l);
    assert_true(job.is_done);
    assert_true(pthread_equal(job.done_on, pthread_self()));
    assert_false(pthread_equal(job.worked_on, pthread_self()));
}

static unsigned count_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Must be the first case: the process makes its pool once. */
static void test_threads_for_work_begin_when_told(void **state)
{
    struct job job = { .work = { .work = on_work, .done = on_work_done } };
    unsigned before = count_threads(), begun;

    (void)state;
    loop_start_pool(l);
    begun = count_threads();
    assert_true(begun > before);
    loop_offload(l, &job.work);
    loop_stop(l);
    loop_run(l);
    assert_true(job.is_done);
    assert_int_equal(count_threads(), begun);
}

/* -- What is left on the stack ---------------------------------------------------------------- */

#define STACK_BYTES ((size_t)2048 * 1024)
#define MARK_BYTES ((size_t)8192)
#define MARK_PART_BYTES 64

static char *stack;
static bool had_mark, has_mark;
static struct loop_task wipe_task, look_task;

static char mark_at(size_t i)
{
    return (char)(i * 37 + i / 256 + 11);
}

/* In a place of its own on the real stack, also where a sanitizer would have another. */
static void __attribute__((noinline, no_sanitize_address)) leave_mark(void)
{
    volatile char mark[MARK_BYTES];

    for (size_t i = 0; i < sizeof(mark); i++)
        mark[i] = mark_at(i);
}

static bool __attribute__((no_sanitize_address)) is_mark(const volatile char *at)
{
    for (size_t i = 0; i < MARK_PART_BYTES; i++) {
        if (at[i] != mark_at(MARK_BYTES / 2 + i))
            return false;
    }
    return true;
}

/* Of a part of it: the rest may have been overwritten by chance. */
static bool __attribute__((no_sanitize_address)) stack_has_mark(void)
{
    for (size_t i = 0; i + MARK_PART_BYTES <= STACK_BYTES; i++) {
        if (is_mark(stack + i))
            return true;
    }
    return false;
}

static void on_look(struct loop_task *task)
{
    (void)task;
    has_mark = stack_has_mark();
    loop_stop(l);
}

static void on_flush(struct loop *loop)
{
    (void)loop;
    leave_mark();
}

static void on_wipe(struct loop_task *task)
{
    (void)task;
    had_mark = stack_has_mark();
    loop_flush_later(l, on_flush);
    loop_wipe_traces_later(l);
    loop_post(l, &look_task);
}

/* Timers are called from further up than what comes from elsewhere is. */
static void on_leave(uv_timer_t *t)
{
    leave_mark();
    uv_close((uv_handle_t *)t, NULL);
    loop_post(l, &wipe_task);
}

static void test_what_a_turn_left_on_the_stack_is_overwritten(void **state)
{
    pthread_attr_t attributes;
    pthread_t run;

    (void)state;
    stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    wipe_task.fn = on_wipe;
    look_task.fn = on_look;
    had_mark = has_mark = false;
    uv_timer_init(loop_uv(l), &timer);
    uv_timer_start(&timer, on_leave, 0, 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&run, &attributes, runner, l), 0);
    pthread_attr_destroy(&attributes);
    pthread_join(run, NULL);
    assert_true(had_mark);
    assert_false(has_mark);
    munmap(stack, STACK_BYTES);
}

static void test_ignores_sigpipe(void **state)
{
    struct sigaction action;

    (void)state;
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_IGN);
    loop_stop(l);
    loop_run(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_for_work_begin_when_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tasks_of_many_threads_run_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped_by_another_thread_and_freed_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stop_waits_for_what_tasks_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_posting_to_oneself_lets_others_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_offloads_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_turn_left_on_the_stack_is_overwritten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_ignores_sigpipe, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
