/*
 * AUTHENTICATE: which account is called, and whether the caller may. An account is named by host,
 * by path, or, on the regional form, by the key itself.
 * SPDX-License-Identifier: MIT
 */
#include "identity/credential.h"
#include "inference/authorize.h"
#include "inference/operation.h"
#include "net/address.h"
#include "net/http_forwarded.h"

/* Takes ".suffix" off the end of *host; false when it does not end so. */
static bool strip_suffix(struct str *host, struct str suffix)
{
    size_t left = host->len - suffix.len - 1;

    if (host->len <= suffix.len + 1 || host->data[left] != '.' ||
        !str_equal_nocase(str_slice(*host, left + 1, suffix.len), suffix))
        return false;
    host->len = left;
    return true;
}

/* NAME of NAME.openai.DATA_DOMAIN, a custom subdomain; of Azure's own names, too, for clients to whom
 * a resolver gives this service's address for them. STR_NONE for another host, and for the service's
 * own, which may look like one of these. */
static struct str domain_of_host(const struct exchange *x)
{
    const struct inference_options *options = &x->inference->options;
    struct str whole = x->request->host, host;

    whole = str_slice(whole, 0, str_find_char(whole, ':'));
    host = whole;
    if (((options->data_domain.len && strip_suffix(&host, options->data_domain) &&
          strip_suffix(&host, STR("openai"))) ||
         strip_suffix(&host, STR("openai.azure.com")) ||
         strip_suffix(&host, STR("cognitiveservices.azure.com")) ||
         strip_suffix(&host, STR("services.ai.azure.com"))) &&
        !str_equal_nocase(whole, options->own_host))
        return host;
    return STR_NONE;
}

/* *named stays NULL where the request names none, so that its key has to. One that names an account
 * that is not there is nobody else's: in Azure, its host would not be found. */
static bool find_account(const struct exchange *x, const struct directory_account **named,
                         struct error *err)
{
    struct str domain = x->account_name.len ? STR_NONE : domain_of_host(x);

    *named = NULL;
    if (x->account_name.len)
        *named = directory_by_name(x->directory, x->account_name);
    else if (domain.len)
        *named = directory_by_domain(x->directory, domain);
    else
        return true;
    return *named || error_set(err, ERROR_NOT_FOUND, NULL);
}

static bool client_is_in(const struct exchange *x, struct str ranges)
{
    struct str trusted = x->inference->options.trusted_proxies;

    return address_ranges_hold(ranges, http_forwarded_client(x->request, trusted));
}

/* The account's own rules about whence it may be called, and by which endpoint: by its own, or by
 * that of the region. In Azure none of them is about who comes by a private endpoint, which is
 * another way to its own. */
static bool check_network(struct exchange *x, const struct directory_account *account,
                          bool is_regional, struct error *err)
{
    if (account->has_private_endpoint && !is_regional &&
        client_is_in(x, x->inference->options.private_networks))
        return true;
    if (account->public_access_disabled)
        return error_set(err, ERROR_PUBLIC_ACCESS, NULL);
    if (account->denies_by_default && account->has_virtual_networks && is_regional)
        return error_set(err, ERROR_VIRTUAL_NETWORK, NULL);
    if (account->denies_by_default && !client_is_in(x, account->ip_rules))
        return error_set(err, ERROR_FIREWALL, NULL);
    return true;
}

static bool refuse_key(const struct directory_account *account, struct error *err)
{
    bool is_ai_services = account && str_equal_nocase(account->kind, STR("AIServices"));

    return error_set(err, is_ai_services ? ERROR_INVALID_KEY_AI : ERROR_INVALID_KEY, NULL);
}

static bool check_key(struct exchange *x, const struct directory_account *named, struct str key,
                      struct error *err)
{
    const struct directory_account *account;
    uint8_t digest[KEY_DIGEST_BYTES];

    key_hash_digest(x->inference->options.key_hash, key, digest);
    account = named ? named : directory_by_key_digest(x->directory, digest);
    if (!account || (named && !credential_matches(named, digest)))
        return refuse_key(named, err);
    if (!named && !check_network(x, account, true, err))
        return false;
    if (account->local_auth_disabled)
        return error_set(err, ERROR_KEY_DISABLED, NULL);
    x->account = account;
    return true;
}

/* The regional endpoint takes keys alone, since a token names no account. */
static bool check_token(struct exchange *x, const struct directory_account *named, struct str token,
                        struct error *err)
{
    struct principal who;
    struct error why;

    if (!named ||
        !token_cache_check(x->inference->options.tokens, x->request->arena, token, &who, &why))
        return error_set(err, ERROR_INVALID_TOKEN, NULL);
    x->account = named;
    return exchange_authorize(x, &who, err);
}

static bool check_credential(struct exchange *x, const struct directory_account *named,
                             struct credential credential, struct error *err)
{
    switch (credential.kind) {
    case CREDENTIAL_KEY:
        return check_key(x, named, credential.value, err);
    case CREDENTIAL_TOKEN:
        if (x->operation->check_token)
            return x->operation->check_token(x, named, credential.value, err);
        return check_token(x, named, credential.value, err);
    case CREDENTIAL_NONE:
        break;
    }
    return refuse_key(named, err);
}

/* Who may not call it does not learn that it is locked. */
static bool authenticate(struct exchange *x, struct error *err)
{
    const struct directory_account *named;
    struct credential credential = credential_of(&x->request->headers, x->surface == SURFACE_V1);

    if (!find_account(x, &named, err))
        return false;
    if (named && !check_network(x, named, false, err))
        return false;
    if (!check_credential(x, named, credential, err))
        return false;
    return !x->account->is_locked || error_set(err, ERROR_KEY_VAULT, NULL);
}

enum phase exchange_authenticate(struct exchange *x)
{
    if (!authenticate(x, exchange_error(x)))
        return PHASE_FAIL;
    return x->operation->model_operation ? PHASE_RECEIVE : PHASE_ANSWER;
}
