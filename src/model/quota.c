/* SPDX-License-Identifier: MIT */
#include "model/quota.h"

#include <ctype.h>
#include <inttypes.h>

#include "model/sku.h"

/* Azure's for accounts in a region of any kind. Its 30 for those of Azure OpenAI are left out: more
 * teams than that share a machine. */
#define ACCOUNTS_MAX 200

const struct catalog_usage quota_accounts = { "AccountCount", "Maximum Resources per Region",
                                              ACCOUNTS_MAX };
const struct catalog_usage quota_s0_accounts = { "OpenAI.S0.AccountCount",
                                                 "Maximum resources for OpenAI S0 sku.",
                                                 ACCOUNTS_MAX };

/* -- Names ------------------------------------------------------------------------------------ */

/* How many of a word's letters are capitals. */
static size_t capitals_of(struct str word)
{
    bool is_size = word.len > 1 && word.data[word.len - 1] == 'k' &&
                   isdigit((unsigned char)word.data[word.len - 2]);

    if (str_equal(word, STR("gpt")) || is_size)
        return word.len;
    return word.len > 1 && word.data[0] == 'o' && isdigit((unsigned char)word.data[1]) ? 0 : 1;
}

/* "GPT-35-Turbo-16K" for "gpt-35-turbo-16k", as Azure writes the models of its quotas; "o3-Mini". */
static const char *title_of(struct arena *a, const char *model)
{
    struct str rest = str_from(model), word;
    char *title = arena_text(a, rest), *letters;

    while (str_split(&rest, '-', &word)) {
        letters = title + (word.data - model);
        for (size_t i = 0; i < capitals_of(word) && i < word.len; i++)
            letters[i] = (char)toupper((unsigned char)letters[i]);
    }
    return title;
}

/* The quota names of Azure's documentation for provisioned throughput; of the others the regional
 * one names the model alone. */
const char *quota_text(struct arena *a, const struct catalog_model *m, const struct catalog_sku *s)
{
    struct str sku = str_from(s->name);

    if (sku_family(sku) == SKU_PROVISIONED)
        return arena_printf(a, "%sProvisioned Managed Throughput Unit",
                            str_starts_with_nocase(sku, STR("Global"))     ? "Global "
                            : str_starts_with_nocase(sku, STR("DataZone")) ? "Data Zone "
                                                                           : "")
            .data;
    if (str_equal_nocase(sku, STR("Standard")))
        return arena_printf(a, "Tokens Per Minute (thousands) - %s", title_of(a, m->name)).data;
    return arena_printf(a, "Tokens Per Minute (thousands) - %s - %s", title_of(a, m->name), s->name)
        .data;
}

/* -- Limits ----------------------------------------------------------------------------------- */

uint64_t quota_limit(const struct catalog *c, const struct catalog_usage *u,
                     struct str subscription, struct str location)
{
    for (unsigned i = 0; i < c->quota_count; i++) {
        const struct catalog_quota *q = &c->quotas[i];

        if (catalog_matches(q->usage, str_from(u->name)) &&
            catalog_matches(q->location, location) &&
            catalog_matches(q->subscription, subscription))
            return q->limit;
    }
    return u->most;
}

uint64_t quota_available(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

bool quota_check(const struct catalog_usage *u, uint64_t limit, uint64_t used, uint64_t more,
                 struct error *err)
{
    uint64_t available = quota_available(limit, used);

    if (more <= available)
        return true;
    return error_set(err, ERROR_ARM_QUOTA,
                     "This operation require %" PRIu64 " new capacity in quota %s, which is bigger "
                     "than the current available capacity %" PRIu64 ". The current quota usage is "
                     "%" PRIu64 " and the quota limit is %" PRIu64 " for quota %s.",
                     more, u->text, available, used, limit, u->text);
}
