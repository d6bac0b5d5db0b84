/*
 * Calls of all kinds, started, paused, resumed and cancelled in any order, while upstreams change
 * their behaviour, processes crash and catalogs are reloaded. What is looked for is what the
 * sanitizers see, calls that hang, and counts that do not come back to zero.
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "fake_upstream.h"
#include "rig.h"

#define CALLS 24
#define STEPS 2500
#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"stream\":true}"

static struct rig rig;
static struct fake_upstream a, b;
static struct rig_call calls[CALLS];
static char folder[] = "/tmp/lazuli-storm-XXXXXX";
static char server[PATH_MAX], model[64];
static uint64_t seed = 1;

static unsigned roll(unsigned sides)
{
    return (unsigned)((random_next(&seed) >> 16) % sides);
}

/* Engines "u", "m" and "s"; `variant` changes the settings of one of them. */
static void write_catalog(char *yaml, size_t size, unsigned variant)
{
    snprintf(yaml, size,
             "engines:\n"
             "  - name: u\n"
             "    upstream: { addresses: [{ url: 'http://127.0.0.1:%u/v1' },\n"
             "                            { url: 'http://127.0.0.1:%u/v1' }],\n"
             "                first_byte_timeout_ms: %u, idle_timeout_ms: 100 }\n"
             "  - name: m\n"
             "    llama: { model: %s, arguments: [--fake-crash-after, '%u'] }\n"
             "  - name: s\n"
             "    sim: { seed: %u, first_token_ms: 1, tokens_per_second: 1000,\n"
             "           fault: { kind: cut, after_tokens: 9, rate: 0.3 } }\n",
             a.port, b.port, variant == 1 ? 100 : 120, model, variant == 2 ? 5 : 50, variant);
}

static void end_call(struct rig_call *c)
{
    if (c->call)
        engine_call_cancel(c->call);
    c->call = NULL;
    if (c->rig)
        rig_call_done(c);
    *c = (struct rig_call){ 0 };
}

static void start_call(struct rig_call *c)
{
    static const char *const engines[] = { "u", "u", "m", "s" };

    end_call(c);
    c->cancels = roll(4) ? RIG_NEVER : 1 + roll(3);
    c->pauses_after = roll(3) ? 0 : 1;
    rig_call_start(&rig, c, engines[roll(ARRAY_LEN(engines))], ENGINE_CHAT, BODY);
}

static void step(void)
{
    /* FAKE_HANG and FAKE_HALF_429 only for a while: a call to it lasts until its time-out. */
    static const enum fake_mode modes[] = { FAKE_OK,       FAKE_STREAM,  FAKE_CUT, FAKE_429,
                                            FAKE_HALF_429, FAKE_BIG_429, FAKE_503, FAKE_500,
                                            FAKE_CLOSE,    FAKE_HANG };
    struct rig_call *c = &calls[roll(CALLS)];
    char yaml[1024];

    switch (roll(12)) {
    case 0:
        a.mode = (int)modes[roll(ARRAY_LEN(modes))];
        b.mode = (int)modes[roll(ARRAY_LEN(modes))];
        break;
    case 1:
        write_catalog(yaml, sizeof(yaml), roll(4));
        rig.grace_ms = 1 + roll(100);
        if (roll(4) == 0)
            rig_reload(&rig, yaml);
        break;
    case 2:
        end_call(c);
        break;
    case 3:
        if (c->call)
            engine_call_pause(c->call);
        break;
    case 4:
        if (c->call)
            engine_call_resume(c->call);
        break;
    case 5:
        rig_sleep(&rig, 1 + roll(4));
        break;
    default:
        if (!c->call)
            start_call(c);
        uv_run(loop_uv(rig.worker), UV_RUN_NOWAIT);
    }
}

static bool is_quiet(void *data)
{
    (void)data;
    return rig_status(&rig, "u").in_flight == 0 && rig_status(&rig, "m").in_flight == 0 &&
           rig_status(&rig, "s").in_flight == 0;
}

static void weathers_a_storm(void **state)
{
    const struct engines_options options = { .run_folder = folder, .llama_server = server };
    char yaml[1024];

    (void)state;
    fake_upstream_start(&a, "a", FAKE_OK);
    fake_upstream_start(&b, "b", FAKE_STREAM);
    write_catalog(yaml, sizeof(yaml), 0);
    rig_start(&rig, yaml, &options);
    for (int i = 0; i < STEPS; i++)
        step();
    /* Those that are left go on to their end, or would hang here. */
    for (int i = 0; i < CALLS; i++) {
        if (calls[i].call)
            engine_call_resume(calls[i].call);
        calls[i].pauses_after = 0;
    }
    a.mode = b.mode = FAKE_OK;
    for (int i = 0; i < CALLS; i++) {
        if (calls[i].call)
            rig_wait(&rig, rig_call_is_over, &calls[i]);
        end_call(&calls[i]);
    }
    rig_wait(&rig, is_quiet, NULL);
    rig_stop(&rig, NULL, NULL);
    fake_upstream_stop(&a);
    fake_upstream_stop(&b);
}

/* `test_storm SEED` repeats the storm of that seed. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(weathers_a_storm) };
    char self[PATH_MAX];
    FILE *f;
    int failed;

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    if (!realpath(argv[0], self) || !mkdtemp(folder))
        return 1;
    snprintf(server, sizeof(server), "%.*s/fake_llama", PATH_MAX - 12, dirname(self));
    snprintf(model, sizeof(model), "%s/model.gguf", folder);
    f = fopen(model, "w");
    if (!f || fputs("GGUF", f) < 0 || fclose(f))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(model);
    rmdir(folder);
    return failed;
}
