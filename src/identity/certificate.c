/* SPDX-License-Identifier: MIT */
#include "identity/certificate.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/memory.h"

/* Clocks of clients may be behind. */
#define EARLY_MS CERTIFICATE_DAY_MS
#define SERIAL_BITS 127 /* RFC 5280, 4.1.2.2: positive, 20 octets at most */
#define NAME_MAX_LEN 253
#define LIST_MAX ((size_t)64 * 1024)

/* Where a service for development may be, and no public server is. */
#define PRIVATE_ADDRESSES                                                                  \
    "critical,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0"            \
    ",permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0"            \
    ",permitted;IP:169.254.0.0/255.255.0.0"                                                \
    ",permitted;IP:::1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF,permitted;IP:FC00::/FE00::" \
    ",permitted;IP:FE80::/FFC0::"
#define ONE_ADDRESS_4 "255.255.255.255"
#define ONE_ADDRESS_6 "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"

struct certificate {
    X509 *x509;
    EVP_PKEY *key; /* NULL: not at hand */
};

/* None of the calls that go through here fails but for lack of memory. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- names ---- */

/* Bytes of a numeric address: 4, 16, or 0 when it is none. */
static int address_bytes(struct str name)
{
    char text[NAME_MAX_LEN + 1];
    ASN1_OCTET_STRING *address;
    int len;

    if (name.len > NAME_MAX_LEN)
        return 0;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    address = a2i_IPADDRESS(text);
    len = address ? ASN1_STRING_length(address) : 0;
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return len;
}

bool certificate_is_name(struct str name)
{
    static const struct str letters = { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-",
                                        26 + 26 + 10 + 1 };
    size_t label = 0;

    if (name.len > NAME_MAX_LEN)
        return false;
    if (str_starts_with(name, STR("*.")))
        name = str_slice(name, 2, name.len);
    else if (name.len && address_bytes(name))
        return true;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '.' && !label)
            return false;
        if (name.data[i] != '.' && str_find_char(letters, name.data[i]) == SIZE_MAX)
            return false;
        label = name.data[i] == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label != 0;
}

/* A list as OpenSSL's configuration has them; `mark` is put before each name. */
static void append_names(struct buf *list, const char *mark, const struct certificate_names *names,
                         bool is_constraint)
{
    for (size_t i = 0; i < names->count; i++) {
        struct str name = names->items[i];
        int address = address_bytes(name);

        assert(certificate_is_name(name));
        /* "what is below it" needs no star there */
        if (is_constraint && str_starts_with(name, STR("*.")))
            name = str_slice(name, 2, name.len);
        must(buf_printf(list, "%s%s%s:%.*s", buf_len(list) ? "," : "", mark, address ? "IP" : "DNS",
                        STR_ARGS(name)));
        if (is_constraint && address)
            must(buf_printf(list, "/%s", address == 4 ? ONE_ADDRESS_4 : ONE_ADDRESS_6));
    }
    must(buf_append(list, str_of("", 1)));
}

/* ---- making ---- */

static void add_extension(X509 *x, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    must(extension && X509_add_ext(x, extension, -1));
    X509_EXTENSION_free(extension);
}

static void add_names(X509 *x, X509 *issuer, int kind, const struct certificate_names *names)
{
    bool is_constraint = kind == NID_name_constraints;
    struct buf list;

    buf_init(&list, LIST_MAX);
    if (is_constraint)
        must(buf_append(&list, STR(PRIVATE_ADDRESSES)));
    append_names(&list, is_constraint ? "permitted;" : "", names, is_constraint);
    add_extension(x, issuer, kind, buf_str(&list).data);
    buf_done(&list);
}

static void set_serial(X509 *x)
{
    BIGNUM *number = BN_new();

    must(number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)));
    BN_free(number);
}

static void set_time(ASN1_TIME *t, int64_t at_ms)
{
    must(ASN1_TIME_set(t, (time_t)(at_ms / 1000)) != NULL);
}

/* All but what tells an authority from a server, and the signature. */
static struct certificate *make(const char *name, int64_t now_ms, int64_t end_ms)
{
    struct certificate *c = memory_alloc(sizeof(*c));
    X509_NAME *subject;

    c->x509 = X509_new();
    c->key = EVP_EC_gen("P-256");
    must(c->x509 && c->key && X509_set_version(c->x509, X509_VERSION_3) &&
         X509_set_pubkey(c->x509, c->key));
    set_serial(c->x509);
    set_time(X509_getm_notBefore(c->x509), now_ms - EARLY_MS);
    set_time(X509_getm_notAfter(c->x509), end_ms);
    subject = X509_get_subject_name(c->x509);
    must(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"lazuli", -1,
                                    -1, 0) &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0));
    return c;
}

struct certificate *certificate_new_authority(const struct certificate_names *names, int64_t now_ms)
{
    struct certificate *c = make("lazuli development CA", now_ms,
                                 now_ms + CERTIFICATE_AUTHORITY_DAYS * CERTIFICATE_DAY_MS);
    X509 *x = c->x509;

    must(X509_set_issuer_name(x, X509_get_subject_name(x)));
    add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(x, x, NID_key_usage, "critical,keyCertSign");
    add_extension(x, x, NID_subject_key_identifier, "hash");
    add_names(x, x, NID_name_constraints, names);
    must(X509_sign(x, c->key, EVP_sha256()) > 0);
    return c;
}

struct certificate *certificate_new_server(const struct certificate *authority,
                                           const struct certificate_names *names, int64_t now_ms)
{
    int64_t end_ms = now_ms + CERTIFICATE_SERVER_DAYS * CERTIFICATE_DAY_MS - EARLY_MS;
    int64_t last_ms = certificate_end_ms(authority);
    struct certificate *c =
        make("lazuli development server", now_ms, end_ms < last_ms ? end_ms : last_ms);
    X509 *x = c->x509, *issuer = authority->x509;

    must(X509_set_issuer_name(x, X509_get_subject_name(issuer)));
    add_extension(x, issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x, issuer, NID_key_usage, "critical,digitalSignature");
    add_extension(x, issuer, NID_ext_key_usage, "serverAuth");
    add_extension(x, issuer, NID_subject_key_identifier, "hash");
    add_extension(x, issuer, NID_authority_key_identifier, "keyid:always");
    add_names(x, issuer, NID_subject_alt_name, names);
    must(X509_sign(x, authority->key, EVP_sha256()) > 0);
    return c;
}

void certificate_free(struct certificate *c)
{
    if (!c)
        return;
    X509_free(c->x509);
    EVP_PKEY_free(c->key); /* which wipes it */
    free(c);
}

/* ---- text ---- */

static BIO *reader_of(struct str text)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);

    must(bio != NULL);
    return bio;
}

struct certificate *certificate_parse(struct str certificate, struct str key, const char **why)
{
    struct certificate *c = memory_alloc(sizeof(*c));
    char no_password[] = ""; /* nobody is there to be asked for one */
    BIO *from = reader_of(certificate), *key_from = reader_of(key.data ? key : STR(""));

    *why = NULL;
    c->x509 = PEM_read_bio_X509(from, NULL, NULL, no_password);
    if (!c->x509)
        *why = "no certificate can be read from it";
    if (!*why && key.data) {
        c->key = PEM_read_bio_PrivateKey(key_from, NULL, NULL, no_password);
        if (!c->key)
            *why = "no private key can be read from it";
        else if (!X509_check_private_key(c->x509, c->key))
            *why = "is the key of another certificate";
    }
    BIO_free(from);
    BIO_free(key_from);
    ERR_clear_error();
    if (!*why)
        return c;
    certificate_free(c);
    return NULL;
}

static struct str text_of(BIO *written, struct arena *a)
{
    char *bytes;
    long len = BIO_get_mem_data(written, &bytes);
    struct str text = arena_copy(a, str_of(bytes, (size_t)len));

    BIO_free(written);
    return text;
}

struct str certificate_pem(const struct certificate *c, struct arena *a)
{
    BIO *to = BIO_new(BIO_s_mem());

    must(to && PEM_write_bio_X509(to, c->x509));
    return text_of(to, a);
}

/* Memory of this kind is wiped when it is freed. */
struct str certificate_key_pem(const struct certificate *c, struct arena *a)
{
    BIO *to = BIO_new(BIO_s_secmem());

    must(to && PEM_write_bio_PrivateKey(to, c->key, NULL, NULL, 0, NULL, NULL));
    return text_of(to, a);
}

int64_t certificate_end_ms(const struct certificate *c)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;

    must(epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(c->x509)));
    ASN1_TIME_free(epoch);
    return days * CERTIFICATE_DAY_MS + (int64_t)seconds * 1000;
}

/* ---- checking ---- */

static bool is_trusted(X509 *x, X509 *authority, int64_t at_ms)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    bool ok;

    must(store && context && X509_STORE_add_cert(store, authority) &&
         X509_STORE_CTX_init(context, store, x, NULL));
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)(at_ms / 1000));
    must(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT) &&
         X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER));
    ok = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

static bool has_names(X509 *x, const struct certificate_names *names)
{
    X509 *other = X509_new();
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    bool ok;

    must(other != NULL);
    add_names(other, other, NID_subject_alt_name, names);
    ok = at >= 0 && ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(x, at)),
                                          X509_EXTENSION_get_data(X509_get_ext(other, 0))) == 0;
    X509_free(other);
    return ok;
}

bool certificate_serves(const struct certificate *c, const struct certificate *authority,
                        const struct certificate_names *names, int64_t at_ms)
{
    return has_names(c->x509, names) && is_trusted(c->x509, authority->x509, at_ms);
}
