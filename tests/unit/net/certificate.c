/* SPDX-License-Identifier: MIT */
#include "certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

static void add_names(X509 *x, const char *names)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *make(EVP_PKEY *key, const char *names)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    add_names(x, names);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

void certificate_make(struct certificate *c, const char *names, const char *password)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make(key, names);
    FILE *file;

    snprintf(c->folder, sizeof(c->folder), "/tmp/lazuli-test-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    snprintf(c->certificate_file, sizeof(c->certificate_file), "%s/certificate.pem", c->folder);
    snprintf(c->key_file, sizeof(c->key_file), "%s/key.pem", c->folder);

    file = fopen(c->certificate_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, x), 1);
    fclose(file);
    file = fopen(c->key_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, password ? EVP_aes_128_cbc() : NULL,
                                          (const unsigned char *)password,
                                          password ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

void certificate_remove(struct certificate *c)
{
    unlink(c->certificate_file);
    unlink(c->key_file);
    assert_int_equal(rmdir(c->folder), 0);
}
