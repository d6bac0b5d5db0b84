/*
 * Certificates for tests, made on the spot and trusted by nobody but the test.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_CERTIFICATE_H
#define TEST_CERTIFICATE_H

/* PEM files in a folder of their own; the certificate signs itself, so that it is its own CA. */
struct certificate {
    char folder[32];
    char certificate_file[64];
    char key_file[64];
};

/* `names` as in subjectAltName: "DNS:localhost,IP:127.0.0.1". `password` NULL: the key lies open. */
void certificate_make(struct certificate *c, const char *names, const char *password);
void certificate_remove(struct certificate *c);

#endif
