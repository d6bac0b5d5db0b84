/*
 * Azure's built-in roles that concern this service, word for word ("Azure built-in roles":
 * Privileged, General, AI + machine learning).
 * SPDX-License-Identifier: MIT
 */
#include "model/rbac.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })
#define PERMISSION(actions, not_actions, data_actions, not_data_actions) \
    (const struct rbac_permission[])                                     \
    {                                                                    \
        {                                                                \
            { actions, data_actions },                                   \
            {                                                            \
                not_actions, not_data_actions                            \
            }                                                            \
        }                                                                \
    }
#define CS "Microsoft.CognitiveServices/"
#define OPENAI CS "accounts/OpenAI/"

/* clang-format off */
const struct rbac_role rbac_built_in_roles[] = {
    { "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner",
      "Grants full access to manage all resources, including the ability to assign roles in Azure "
      "RBAC.",
      PERMISSION(LIST("*"), NONE, NONE, NONE), 1 },
    { "b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor",
      "Grants full access to manage all resources, but does not allow you to assign roles in Azure "
      "RBAC, manage assignments in Azure Blueprints, or share image galleries.",
      PERMISSION(LIST("*"),
                 LIST("Microsoft.Authorization/*/Delete",
                      "Microsoft.Authorization/*/Write",
                      "Microsoft.Authorization/elevateAccess/Action",
                      "Microsoft.Blueprint/blueprintAssignments/write",
                      "Microsoft.Blueprint/blueprintAssignments/delete",
                      "Microsoft.Compute/galleries/share/action",
                      "Microsoft.Purview/consents/write",
                      "Microsoft.Purview/consents/delete",
                      "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
                      "Microsoft.Subscription/cancel/action",
                      "Microsoft.Subscription/enable/action"),
                 NONE, NONE), 1 },
    { "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader",
      "View all resources, but does not allow you to make any changes.",
      PERMISSION(LIST("*/read"), NONE, NONE, NONE), 1 },
    { "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator",
      "Lets you manage user access to Azure resources.",
      PERMISSION(LIST("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
                 NONE, NONE, NONE), 1 },
    { "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", "Cognitive Services Contributor",
      "Lets you create, read, update, delete and manage keys of Cognitive Services.",
      PERMISSION(LIST("Microsoft.Authorization/*/read",
                      "Microsoft.CognitiveServices/*",
                      "Microsoft.Features/features/read",
                      "Microsoft.Features/providers/features/read",
                      "Microsoft.Features/providers/features/register/action",
                      "Microsoft.Insights/alertRules/*",
                      "Microsoft.Insights/diagnosticSettings/*",
                      "Microsoft.Insights/logDefinitions/read",
                      "Microsoft.Insights/metricdefinitions/read",
                      "Microsoft.Insights/metrics/read",
                      "Microsoft.ResourceHealth/availabilityStatuses/read",
                      "Microsoft.Resources/deployments/*",
                      "Microsoft.Resources/deployments/operations/read",
                      "Microsoft.Resources/subscriptions/operationresults/read",
                      "Microsoft.Resources/subscriptions/read",
                      "Microsoft.Resources/subscriptions/resourcegroups/deployments/*",
                      "Microsoft.Resources/subscriptions/resourceGroups/read",
                      "Microsoft.Support/*"),
                 NONE, NONE, NONE), 1 },
    { "a97b65f3-24c7-4388-baec-2e87135dc908", "Cognitive Services User",
      "Lets you read and list keys of Cognitive Services.",
      PERMISSION(LIST("Microsoft.CognitiveServices/*/read",
                      "Microsoft.CognitiveServices/accounts/listkeys/action",
                      "Microsoft.Insights/alertRules/read",
                      "Microsoft.Insights/diagnosticSettings/read",
                      "Microsoft.Insights/logDefinitions/read",
                      "Microsoft.Insights/metricdefinitions/read",
                      "Microsoft.Insights/metrics/read",
                      "Microsoft.ResourceHealth/availabilityStatuses/read",
                      "Microsoft.Resources/deployments/operations/read",
                      "Microsoft.Resources/subscriptions/operationresults/read",
                      "Microsoft.Resources/subscriptions/read",
                      "Microsoft.Resources/subscriptions/resourceGroups/read",
                      "Microsoft.Support/*"),
                 NONE, LIST(CS "*"), NONE), 1 },
    { "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", "Cognitive Services OpenAI User",
      "Ability to view files, models, deployments. Readers can't make any changes They can "
      "inference and create images",
      PERMISSION(LIST(CS "*/read",
                      "Microsoft.Authorization/roleAssignments/read",
                      "Microsoft.Authorization/roleDefinitions/read"),
                 NONE,
                 LIST(OPENAI "*/read",
                      OPENAI "engines/completions/action",
                      OPENAI "engines/search/action",
                      OPENAI "engines/generate/action",
                      OPENAI "deployments/audio/action",
                      OPENAI "deployments/search/action",
                      OPENAI "deployments/completions/action",
                      OPENAI "deployments/chat/completions/action",
                      OPENAI "deployments/realtime/action",
                      OPENAI "deployments/extensions/chat/completions/action",
                      OPENAI "deployments/embeddings/action",
                      OPENAI "images/generations/action",
                      OPENAI "video/generations/*/action",
                      OPENAI "video/generations/*/delete",
                      OPENAI "assistants/*",
                      OPENAI "responses/*"),
                 LIST(OPENAI "stored-completions/read")), 1 },
    { "a001fd3d-188f-4b5d-821b-7da978bf7442", "Cognitive Services OpenAI Contributor",
      "Full access including the ability to fine-tune, deploy and generate text",
      PERMISSION(LIST(CS "*/read",
                      CS "accounts/deployments/write",
                      CS "accounts/deployments/delete",
                      CS "accounts/raiPolicies/read",
                      CS "accounts/raiPolicies/write",
                      CS "accounts/raiPolicies/delete",
                      CS "accounts/commitmentplans/read",
                      CS "accounts/commitmentplans/write",
                      CS "accounts/commitmentplans/delete",
                      "Microsoft.Authorization/roleAssignments/read",
                      "Microsoft.Authorization/roleDefinitions/read"),
                 NONE, LIST(OPENAI "*"), NONE), 1 },
    { "bba48692-92b0-4667-a9ad-c31c7b334ac2", "Cognitive Services Usages Reader",
      "Minimal permission to view Cognitive Services usages.",
      PERMISSION(LIST(CS "locations/usages/read"), NONE, NONE, NONE), 1 },
    { "b59867f0-fa02-499b-be73-45a86b5b3e1c", "Cognitive Services Data Reader",
      "Lets you read Cognitive Services data.",
      PERMISSION(NONE, NONE, LIST(CS "*/read"), NONE), 1 },
};
/* clang-format on */
const size_t rbac_built_in_role_count = ARRAY_LEN(rbac_built_in_roles);
