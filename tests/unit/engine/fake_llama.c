/*
 * Stands in for llama-server in tests: the same command line and socket, answers without a model,
 * and misbehaves as told by arguments that the real one does not have:
 *
 *   --fake-exit CODE      ends at once, with some last words
 *   --fake-exception      says what the real one does of a request that it cannot serve, and ends
 *   --fake-exit-once FILE as --fake-exit 3, but only when FILE is not there yet; makes it
 *   --fake-load-ms N      answers 503 to GET /health for so long
 *   --fake-crash-after N  kills itself after so many events of a stream
 *   --fake-stall-after N  says nothing more after so many events of a stream
 *   --fake-event-ms N     between two events of a stream; 2
 *   --fake-mute           does not answer /v1/embeddings
 *   --fake-silent N       does not answer GET /health so many times, once it has loaded
 *   --fake-places N       kills itself when it is sent more calls at a time
 *   --fake-deaf           does not heed SIGTERM
 *   --fake-props TEXT     answers so to GET /props; else with all that there is
 *
 * Every event carries the process's id. A request for /v1/embeddings is answered as a whole with
 * what was received.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fake_request.h"

#define EVENTS 20
#define REQUEST_BYTES_MAX 65536

static int load_ms, crash_after = -1, stall_after = -1, event_ms = 2, silent, places = 100000;
static bool is_mute;
static atomic_int health_checks, calls;
static const char *props =
    "{\"modalities\":{\"vision\":true},\"chat_template_caps\":{\"supports_tools\":true}}";
static struct timespec started;

static long elapsed_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static bool say(int fd, const char *text)
{
    size_t len = strlen(text);

    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* In chunks, as the real one: else a crash would look like an end. */
static bool say_chunk(int fd, const char *text)
{
    char chunk[256];

    snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(text), text);
    return say(fd, chunk);
}

static void wait_until_left(int fd)
{
    char rest[64];

    while (recv(fd, rest, sizeof(rest), 0) > 0)
        continue;
}

static void stream(int fd)
{
    char event[128];

    if (!say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n"))
        return;
    for (int i = 0; i < EVENTS; i++) {
        if (i == crash_after)
            kill(getpid(), SIGKILL);
        if (i == stall_after) {
            wait_until_left(fd);
            return;
        }
        snprintf(event, sizeof(event), "data: {\"pid\":%d,\"event\":%d}\n\n", (int)getpid(), i);
        if (!say_chunk(fd, event))
            return;
        usleep((useconds_t)event_ms * 1000);
    }
    if (say_chunk(fd, "data: [DONE]\n\n"))
        say_chunk(fd, "");
}

static void answer_whole(int fd, const char *body)
{
    char head[256];

    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
    if (say(fd, head))
        say(fd, body);
}

static void answer_health(int fd)
{
    bool has_loaded = elapsed_ms() >= load_ms;
    int before = has_loaded ? health_checks++ : 0;

    if (!has_loaded)
        say(fd, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    else if (before >= 1 && before <= silent)
        wait_until_left(fd);
    else
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}");
}

static void answer_call(int fd, const char *request, const char *body)
{
    if (++calls > places)
        kill(getpid(), SIGKILL);
    if (strncmp(request, "POST /v1/chat/completions ", 26) == 0)
        stream(fd);
    else if (is_mute)
        wait_until_left(fd);
    else
        answer_whole(fd, body);
    calls--;
}

static void answer(int fd, const char *request, const char *body)
{
    if (strncmp(request, "GET /health ", 12) == 0) {
        answer_health(fd);
    } else if (strncmp(request, "POST /v1/chat/completions ", 26) == 0 ||
               strncmp(request, "POST /v1/embeddings ", 20) == 0) {
        answer_call(fd, request, body);
    } else if (strncmp(request, "POST /tokenize ", 15) == 0) {
        answer_whole(fd, "{\"tokens\":[1,2]}");
    } else if (strncmp(request, "POST /v1/chat/completions/input_tokens ", 39) == 0) {
        answer_whole(fd, "{\"input_tokens\":2}");
    } else if (strncmp(request, "GET /props ", 11) == 0) {
        answer_whole(fd, props);
    } else {
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

static void *serve(void *data)
{
    int fd = (int)(intptr_t)data;
    char *request = malloc(REQUEST_BYTES_MAX + 1);
    const char *body = request ? fake_request_read(fd, request, REQUEST_BYTES_MAX + 1) : NULL;

    if (body)
        answer(fd, request, body);
    free(request);
    close(fd);
    return NULL;
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 64)) {
        fprintf(stderr, "0.00.001 E cannot listen on %s\n", path);
        exit(1);
    }
    return fd;
}

static void fake_exit(int code)
{
    printf("0.00.000 I a line before the end\n0.00.001 E out of luck\n"
           "0.00.002 W nothing that matters\n0.00.003 E exiting due to an error\nbye\n");
    fflush(stdout);
    exit(code);
}

static void take_option(const char *name, const char *value)
{
    static const struct {
        const char *name;
        int *value;
    } numbers[] = {
        { "--fake-load-ms", &load_ms },         { "--fake-crash-after", &crash_after },
        { "--fake-stall-after", &stall_after }, { "--fake-event-ms", &event_ms },
        { "--fake-silent", &silent },           { "--fake-places", &places },
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0)
            *numbers[i].value = atoi(value);
    }
    if (strcmp(name, "--fake-props") == 0) {
        props = value;
    } else if (strcmp(name, "--fake-mute") == 0) {
        is_mute = true;
    } else if (strcmp(name, "--fake-deaf") == 0) {
        signal(SIGTERM, SIG_IGN);
    } else if (strcmp(name, "--fake-exit") == 0) {
        fake_exit(atoi(value));
    } else if (strcmp(name, "--fake-exception") == 0) {
        printf("0.00.001 E srv operator(): got exception: {\"error\":\"SECRET\"}\n");
        exit(4);
    } else if (strcmp(name, "--fake-exit-once") == 0 && access(value, F_OK)) {
        fclose(fopen(value, "w"));
        fake_exit(3);
    }
}

int main(int argc, char **argv)
{
    const char *host = NULL;
    int fd;

    clock_gettime(CLOCK_MONOTONIC, &started);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--host") == 0)
            host = value;
        else
            take_option(argv[i], value);
    }
    if (!host)
        return 2;
    fd = listen_on(host);
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        pthread_t thread;

        if (peer >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)peer) == 0)
            pthread_detach(thread);
    }
}
