/*
 * How the servers that stand in for engines read their requests.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_FAKE_REQUEST_H
#define TEST_FAKE_REQUEST_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One request, head and body, ended by a NUL, into `request`, which has `size` bytes. Where its body
 * begins; NULL when the client has left, or sends more. */
static inline const char *fake_request_read(int fd, char *request, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t got = recv(fd, request + len, size - 1 - len, 0);
        const char *end, *length;

        if (got <= 0)
            return NULL;
        len += (size_t)got;
        request[len] = '\0';
        end = strstr(request, "\r\n\r\n");
        length = strcasestr(request, "Content-Length:");
        if (end && (!length || length > end ||
                    len >= (size_t)(end + 4 - request) + strtoul(length + 15, NULL, 10)))
            return end + 4;
    }
    return NULL;
}

#endif
