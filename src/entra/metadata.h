/*
 * The description of the cloud that clients fetch.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_METADATA_H
#define ENTRA_METADATA_H

#include "base/json.h"

/* What /metadata/endpoints answers since 2022-09-01, and environment() is in templates. `base` is "https://host". */
yyjson_mut_val *entra_cloud(struct arena *a, struct str base, yyjson_mut_doc *doc);

#endif
