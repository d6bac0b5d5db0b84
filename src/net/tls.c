/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"

/* A stream reads 64 KiB at once, and nothing while any of that is kept. */
#define KEPT_MAX ((size_t)64 * 1024)
/* For TLS 1.2 (1.3 has only good ones): forward secrecy and authenticated encryption. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* Of files, which a reload reads while the control loop does nothing else. OpenSSL reads a key a byte at a time. */
#define KEY_BYTES_MAX ((size_t)64 * 1024)
#define CERTIFICATES_BYTES_MAX ((size_t)4 * 1024 * 1024)

static const unsigned char ALPN_HTTP[] = "\x08http/1.1";
#define ALPN_HTTP_LEN (sizeof(ALPN_HTTP) - 1)

struct tls_context {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *wire;
};

struct tls {
    struct tls_context *context;
    SSL *ssl;
    struct buf *out;
    struct buf kept; /* comes before `lent` */
    struct str lent;
    char error[160];
};

/* The wire, as OpenSSL sees it. */

static int wire_write(BIO *bio, const char *bytes, int len)
{
    struct tls *t = BIO_get_data(bio);

    return buf_append(t->out, str_of(bytes, (size_t)len)) ? len : -1;
}

static int wire_read(BIO *bio, char *out, int size)
{
    struct tls *t = BIO_get_data(bio);
    struct str from = buf_len(&t->kept) ? buf_str(&t->kept) : t->lent;
    size_t len = from.len < (size_t)size ? from.len : (size_t)size;

    BIO_clear_retry_flags(bio);
    if (!len || !from.data) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, from.data, len);
    if (from.data == t->lent.data)
        t->lent = str_slice(t->lent, len, SIZE_MAX);
    else
        buf_consume(&t->kept, len);
    return (int)len;
}

static long wire_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "lazuli wire");

    if (!method || !BIO_meth_set_write(method, wire_write) ||
        !BIO_meth_set_read(method, wire_read) || !BIO_meth_set_ctrl(method, wire_control))
        abort(); /* out of memory */
    return method;
}

/* Contexts. */

/* An encrypted key is refused: nobody is there to be asked for its password. */
static int on_password(char *password, int size, int is_writing, void *data)
{
    (void)password;
    (void)size;
    (void)is_writing;
    (void)data;
    return -1;
}

static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                   const unsigned char *offered, unsigned offered_len, void *data)
{
    unsigned char *match;

    (void)ssl;
    (void)data;
    if (SSL_select_next_proto(&match, chosen_len, ALPN_HTTP, ALPN_HTTP_LEN, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = match;
    return SSL_TLSEXT_ERR_OK;
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *c = memory_alloc(sizeof(*c));

    ERR_clear_error();
    c->refs = 1;
    c->wire = wire_method();
    c->ssl = SSL_CTX_new(method);
    if (!c->ssl || !SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION))
        abort(); /* out of memory, or an OpenSSL without TLS */
    /* the last one: keys do not stay in the buffer that they were decrypted in */
    SSL_CTX_set_options(c->ssl,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
    /* Tickets need no cache, and a cache would be shared by all loops under a lock. */
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    return c;
}

/* The reason of OpenSSL's oldest error: what it stumbled over first. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    return text ? text : "unknown error";
}

/* What SSL_CTX_use_PrivateKey_file does, but that no buffer is left with the key. */
static bool use_private_key(SSL_CTX *ssl, const char *file, const char **why)
{
    int fd = file_open_up_to(file, KEY_BYTES_MAX, why);
    EVP_PKEY *key;
    bool ok;
    BIO *bio;

    if (fd < 0)
        return false;
    bio = BIO_new_fd(fd, BIO_CLOSE);
    key = PEM_read_bio_PrivateKey(bio, NULL, on_password, NULL);
    BIO_free(bio);
    ok = key && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    EVP_PKEY_free(key);
    *why = reason();
    return ok;
}

struct tls_context *tls_context_new_server(const char *certificate_file, const char *key_file,
                                           struct error *err)
{
    struct tls_context *c = context_new(TLS_server_method());
    const char *why = file_why_not(certificate_file, CERTIFICATES_BYTES_MAX);

    SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, NULL);
    SSL_CTX_set_default_passwd_cb(c->ssl, on_password);
    if (!SSL_CTX_set_cipher_list(c->ssl, SERVER_CIPHERS)) {
        error_set(err, ERROR_CONFIG, "OpenSSL offers no cipher for TLS 1.2: %s", reason());
        goto failed;
    }
    if (why || SSL_CTX_use_certificate_chain_file(c->ssl, certificate_file) != 1) {
        error_set(err, ERROR_CONFIG, "%s: no certificate can be read from it: %s", certificate_file,
                  why ? why : reason());
        goto failed;
    }
    if (!use_private_key(c->ssl, key_file, &why)) {
        error_set(err, ERROR_CONFIG, "%s: no private key for %s can be read from it: %s", key_file,
                  certificate_file, why);
        goto failed;
    }
    return c;

failed:
    tls_context_unref(c);
    return NULL;
}

struct tls_context *tls_context_new_client(const char *ca_file, struct error *err)
{
    struct tls_context *c = context_new(TLS_client_method());
    const char *why = ca_file ? file_why_not(ca_file, CERTIFICATES_BYTES_MAX) : NULL;

    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_alpn_protos(c->ssl, ALPN_HTTP, ALPN_HTTP_LEN))
        abort(); /* out of memory */
    if (!why && (ca_file ? SSL_CTX_load_verify_file(c->ssl, ca_file) == 1
                         : SSL_CTX_set_default_verify_paths(c->ssl) == 1))
        return c;
    error_set(err, ERROR_CONFIG, "%s: no certificates can be read from it: %s",
              ca_file ? ca_file : "the system's trust store", why ? why : reason());
    tls_context_unref(c);
    return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_context_unref(struct tls_context *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->wire);
    free(c);
}

/* Connections. */

static void set_error(struct tls *t)
{
    long verified = SSL_get_verify_result(t->ssl);

    if (verified != X509_V_OK)
        snprintf(t->error, sizeof(t->error), "TLS: certificate not accepted: %s",
                 X509_verify_cert_error_string(verified));
    else if (ERR_peek_error())
        snprintf(t->error, sizeof(t->error), "TLS: %s", reason());
    else
        snprintf(t->error, sizeof(t->error), "TLS: the connection has failed");
    ERR_clear_error();
}

/* False when the name cannot be checked: then there is no connection, rather than one to anybody. */
static bool expect_name(struct tls *t, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name))
        return true;
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* SSL_set_tlsext_host_name, which casts the const away */
    return name[0] && SSL_set1_host(t->ssl, name) &&
           SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)name);
}

struct tls *tls_new(struct tls_context *c, bool is_server, const char *server_name,
                    struct buf *wire_out)
{
    struct tls *t = memory_alloc(sizeof(*t));
    BIO *bio = BIO_new(c->wire);

    ERR_clear_error();
    t->context = tls_context_ref(c);
    t->ssl = SSL_new(c->ssl);
    t->out = wire_out;
    buf_init(&t->kept, KEPT_MAX);
    if (!bio || !t->ssl)
        abort(); /* out of memory */
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    if (is_server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    if (!is_server && !expect_name(t, server_name))
        snprintf(t->error, sizeof(t->error), "TLS: \"%.64s\" is no server name", server_name);
    ERR_clear_error();
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    tls_context_unref(t->context);
    buf_done(&t->kept);
    free(t);
}

static bool shake_hands(struct tls *t)
{
    int rc;

    if (t->error[0])
        return false;
    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    if (rc == 1 || SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ)
        return true;
    set_error(t);
    return false;
}

bool tls_start(struct tls *t)
{
    return shake_hands(t);
}

bool tls_feed(struct tls *t, struct str wire)
{
    assert(!t->lent.len);
    t->lent = wire;
    return tls_is_ready(t) ? !t->error[0] : shake_hands(t);
}

void tls_keep(struct tls *t)
{
    if (!buf_len(&t->kept))
        buf_done(&t->kept);
    if (t->lent.len && !buf_append(&t->kept, t->lent) && !t->error[0])
        snprintf(t->error, sizeof(t->error), "TLS: too much is waiting to be read");
    t->lent = STR_NONE;
}

bool tls_is_ready(const struct tls *t)
{
    return SSL_is_init_finished(t->ssl);
}

enum tls_result tls_read(struct tls *t, char *out, size_t size, size_t *len)
{
    *len = 0;
    if (t->error[0])
        return TLS_FAILED;
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, out, size, len))
        return TLS_OK;
    *len = 0;
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return TLS_OK;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_EOF;
    default:
        set_error(t);
        return TLS_FAILED;
    }
}

bool tls_has_pending(const struct tls *t)
{
    return buf_len(&t->kept) || t->lent.len || SSL_has_pending(t->ssl);
}

bool tls_has_kept(const struct tls *t)
{
    return buf_len(&t->kept) > 0;
}

bool tls_write(struct tls *t, struct str plain)
{
    size_t written;

    if (t->error[0])
        return false;
    ERR_clear_error();
    /* The wire takes all or fails, so that this writes all or fails. */
    if (SSL_write_ex(t->ssl, plain.data, plain.len, &written))
        return true;
    set_error(t);
    return false;
}

void tls_shutdown(struct tls *t)
{
    if (t->error[0] || !tls_is_ready(t))
        return;
    ERR_clear_error();
    if (SSL_shutdown(t->ssl) < 0)
        set_error(t);
}

const char *tls_error(const struct tls *t)
{
    return t->error;
}
