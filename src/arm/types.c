/* SPDX-License-Identifier: MIT */
#include "arm/type.h"

const struct arm_type *const arm_types[] = {
    &arm_subscription_type,
    &arm_group_type,
    &arm_provider_type,
    &arm_provider_operation_type,
    &arm_account_type,
    &arm_deployment_type,
    &arm_private_endpoint_type,
    &arm_commitment_plan_type,
    &arm_shared_commitment_plan_type,
    &arm_plan_association_type,
    &arm_rai_policy_type,
    &arm_rai_blocklist_type,
    &arm_rai_blocklist_item_type,
    &arm_rai_content_filter_type,
    &arm_encryption_scope_type,
    &arm_model_type,
    &arm_usage_type,
    &arm_sku_type,
    &arm_operation_type,
    &arm_lock_type,
    &arm_role_definition_type,
    &arm_role_assignment_type,
    &arm_permission_type,
    &arm_deleted_account_type,
    &arm_tags_type,
    &arm_tag_names_type,
    &arm_event_type,
    &arm_event_category_type,
};
const size_t arm_type_count = ARRAY_LEN(arm_types);
