/*
 * A client that sends early data by a ticket that does not allow for it, as OpenSSL's own does not:
 *
 *   early_data PORT CA REQUEST EARLY
 *
 * asks REQUEST (a file's text) for a ticket, connects again by that with EARLY as early data, and
 * asks REQUEST once more when hands are shaken. Its output: how much the ticket offers, what became
 * of EARLY, a line each, and behind these all that the second connection was answered.
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define EARLY_BYTES_MAX 16384

static SSL_SESSION *ticket;

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "early_data: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

static size_t read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t len;

    expect(file, path);
    len = fread(text, 1, size, file);
    fclose(file);
    return len;
}

static SSL *connect_to(SSL_CTX *context, int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(context);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    expect(ssl && SSL_set_fd(ssl, fd) && SSL_set1_host(ssl, "localhost"), "SSL_new");
    return ssl;
}

/* Asks, and prints what comes until the other side closes, if it is wanted. */
static void ask(SSL *ssl, const char *request, size_t len, bool prints)
{
    char text[4096];
    size_t got;

    expect(SSL_connect(ssl) == 1, "SSL_connect");
    expect(SSL_write(ssl, request, (int)len) == (int)len, "SSL_write");
    if (prints)
        printf("early data: %s, session: %s\n",
               SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED   ? "accepted"
               : SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_REJECTED ? "rejected"
                                                                           : "not sent",
               SSL_session_reused(ssl) ? "reused" : "new");
    while (SSL_read_ex(ssl, text, sizeof(text), &got)) {
        if (prints)
            fwrite(text, 1, got, stdout);
    }
    expect(SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN, "SSL_read");
    SSL_shutdown(ssl);
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

int main(int argc, char **argv)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char request[EARLY_BYTES_MAX], early[EARLY_BYTES_MAX];
    size_t request_len, early_len, written;
    SSL *ssl;

    expect(argc == 5, "early_data PORT CA REQUEST EARLY");
    request_len = read_file(argv[3], request, sizeof(request));
    early_len = read_file(argv[4], early, sizeof(early));
    expect(context && SSL_CTX_load_verify_file(context, argv[2]) == 1, argv[2]);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
    ask(connect_to(context, atoi(argv[1])), request, request_len, false);
    expect(ticket, "no ticket");
    printf("offered: %u\n", SSL_SESSION_get_max_early_data(ticket));
    expect(SSL_SESSION_set_max_early_data(ticket, EARLY_BYTES_MAX) == 1, "max_early_data");
    ssl = connect_to(context, atoi(argv[1]));
    expect(SSL_set_session(ssl, ticket) == 1, "SSL_set_session");
    expect(SSL_write_early_data(ssl, early, early_len, &written) == 1 && written == early_len,
           "SSL_write_early_data");
    ask(ssl, request, request_len, true);
    SSL_SESSION_free(ticket);
    SSL_CTX_free(context);
    return 0;
}
