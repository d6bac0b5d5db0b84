/*
 * What time does to models and to the deployments that run them. Pure functions of the catalog, a
 * deployment, and now.
 *
 *     preview / generally available --deprecates--> deprecating --retires--> deprecated (retired)
 *
 * A retired version always answers with errors. A deployment runs the version that it was made
 * with until its versionUpgradeOption, or the end of that version, moves it to another.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_LIFECYCLE_H
#define MODEL_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/catalog.h"

bool lifecycle_is_deprecating(const struct catalog_model *m, int64_t now_ms);
bool lifecycle_is_retired(const struct catalog_model *m, int64_t now_ms);

/* ARM's lifecycleStatus as clients of that api-version know it: "Deprecating" and "Deprecated"
 * came with 2024-10-01, those before are shown what the version was until then. */
const char *lifecycle_status_name(const struct catalog_model *m, struct str api_version,
                                  int64_t now_ms);

/* The version of a model that counts as its default now: the catalog's, or, once that is retired,
 * the newest that is generally available and not retired. NULL when there is none. */
const struct catalog_model *
lifecycle_default_version(const struct catalog *c, const struct catalog_model *m, int64_t now_ms);

/* versionUpgradeOption */
enum lifecycle_upgrade {
    LIFECYCLE_WHEN_EXPIRED,     /* OnceCurrentVersionExpired; also what null means */
    LIFECYCLE_WHEN_NEW_DEFAULT, /* OnceNewDefaultVersionAvailable */
    LIFECYCLE_NEVER,            /* NoAutoUpgrade */
};

/* False for what is none of ARM's three words; an empty text is null. */
MUST_CHECK bool lifecycle_parse_upgrade(struct str text, enum lifecycle_upgrade *option);

/* What is asked of a deployment. */
struct lifecycle_deployment {
    const struct catalog_model *model; /* that it was made with, or last changed to */
    struct str sku;
    enum lifecycle_upgrade option;
    int64_t since_ms; /* when that was */
};

/* The version that it runs now; NULL when it has stopped working. Upgrades happen to SKUs of the
 * standard family only. A default counts as new for a deployment when its version came out
 * (`created`) after the deployment had its own; a new preview, for a deployment of a preview, two
 * weeks after it came out. */
const struct catalog_model *
lifecycle_effective(const struct catalog *c, const struct lifecycle_deployment *d, int64_t now_ms);

#endif
