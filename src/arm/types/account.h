/*
 * What the files about accounts share. SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_ACCOUNT_H
#define ARM_TYPES_ACCOUNT_H

#include "arm/type.h"

#define ACCOUNT_PATH \
    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts/{}"
#define COGNITIVE_PATH "/subscriptions/{}/providers/Microsoft.CognitiveServices"

/* Kinds and SKUs of accounts that lazuli has. */
#define ACCOUNT_KINDS "OpenAI|AIServices"
#define ACCOUNT_SKU "S0"
#define ACCOUNT_SKU_TIER "Standard"

/* Rows of a field table: a SKU. Which names there are, is for the type to say. */
#define COGNITIVE_SKU_FIELDS                                                          \
    { "sku.name", ARM_FIELD_TEXT, NULL },                                             \
        { "sku.tier", ARM_FIELD_TEXT, "Free|Basic|Standard|Premium|Enterprise" },     \
        { "sku.size", ARM_FIELD_TEXT, NULL }, { "sku.family", ARM_FIELD_TEXT, NULL }, \
    {                                                                                 \
        "sku.capacity", ARM_FIELD_INTEGER, NULL                                       \
    }

/* Of an account, deleted or not. */
#define ACCOUNT_LATER_MEMBERS 9
extern const struct arm_member account_later_members[ACCOUNT_LATER_MEMBERS];

/* Adds to an account's properties what is derived. */
void account_render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                    yyjson_mut_doc *doc, yyjson_mut_val *shown);

bool account_render_related(struct arm_call *c, const struct store_resource *r, yyjson_mut_doc *doc,
                            yyjson_mut_val *shown, struct error *err);

/* The name of something below an account: 1 to 64 letters, digits, hyphens, periods and
 * underscores. */
bool account_check_child_name(struct str name, struct error *err);

/* Its managed identities. */
MUST_CHECK bool account_check_identity(struct arm_change *change, struct error *err);
void account_render_identity(const struct arm_call *c, yyjson_val *facts, yyjson_mut_doc *doc,
                             yyjson_mut_val *shown);

/* A handler: DELETE of what lies below an account where Azure makes it an operation (202). */
bool account_delete_below(struct arm_call *c, struct error *err);

/* Checks an "encryption" (or what is like it) that stands at `path`. */
MUST_CHECK bool account_check_encryption(struct arm_change *change, const char *path,
                                         struct error *err);
/* Seals its keys for the store, as its document says: into change->after. */
MUST_CHECK bool account_seal_keys(struct arm_change *change, const struct account_keys *keys,
                                  struct error *err);
/* Seals those that it has anew, where a write changes by which key of a vault. */
MUST_CHECK bool account_change_encryption(struct arm_change *change, struct error *err);
/* A look (key_vault.h) at all accounts, deleted ones too, whose keys are wrapped by one of a vault;
 * what another version has to wrap by now is sealed anew. */
MUST_CHECK bool account_follow_keys(struct arm_call *c, struct error *err);

/* 2 to 64 letters, digits and hyphens, none at the ends. */
bool account_domain_is_valid(struct str name);

/* Actions. */
bool account_list_keys(struct arm_call *c, struct error *err);
bool account_regenerate_key(struct arm_call *c, struct error *err);
bool account_check_domain(struct arm_call *c, struct error *err);

#endif
