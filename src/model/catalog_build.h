/*
 * Part of catalog: makes the structs of catalog.h from what the file says, and checks them. Each
 * function returns false with ERROR_CONFIG naming file, line and field.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_CATALOG_BUILD_H
#define MODEL_CATALOG_BUILD_H

#include "base/arena.h"
#include "model/catalog.h"
#include "model/catalog_file.h"
#include "model/yaml_file.h"

struct catalog_builder {
    const struct catalog_file *in;  /* what is to be built: the file, or what it extends */
    const struct yaml_file *source; /* the file: where lines are looked up */
    struct catalog *out;
    struct arena *arena; /* the catalog's */
    const char *folder;  /* the file's, from where its GGUFs are seen; NULL: it is text alone */
    struct error *err;
};

/* catalog_engines.c. The engines in `deployments` come behind those in `engines`. */
MUST_CHECK bool catalog_build_engines(struct catalog_builder *b);
MUST_CHECK bool catalog_build_overrides(struct catalog_builder *b);
/* catalog_models.c; needs the engines. */
MUST_CHECK bool catalog_build_models(struct catalog_builder *b);
MUST_CHECK bool catalog_build_locations(struct catalog_builder *b);
/* catalog_quotas.c; needs the models. */
MUST_CHECK bool catalog_build_usages(struct catalog_builder *b);
/* Needs the usages and the locations. */
MUST_CHECK bool catalog_build_quotas(struct catalog_builder *b);

/* A copy in the catalog's arena; NULL stays NULL. */
const char *catalog_copy(struct catalog_builder *b, const char *text);

static inline unsigned catalog_or(const unsigned *given, unsigned otherwise)
{
    return given ? *given : otherwise;
}

static inline uint64_t catalog_or_u64(const uint64_t *given, uint64_t otherwise)
{
    return given ? *given : otherwise;
}

static inline double catalog_or_number(const double *given, double otherwise)
{
    return given ? *given : otherwise;
}

static inline int catalog_or_word(const int *given, int otherwise)
{
    return given ? *given : otherwise;
}

#endif
