/* Requests of deployments of templates. SPDX-License-Identifier: MIT */
#ifndef TESTS_ARM_DEPLOYMENT_REQUEST_H
#define TESTS_ARM_DEPLOYMENT_REQUEST_H

#include "fixture.h"

#define DV "?api-version=2022-09-01"
#define D G "/providers/Microsoft.Resources/deployments"
#define SD S "/providers/Microsoft.Resources/deployments"
#define SCHEMA                                                              \
    "\"$schema\":\"https://schema.management.azure.com/schemas/2019-04-01/" \
    "deploymentTemplate.json#\","
#define SUBSCRIPTION_SCHEMA                                                 \
    "\"$schema\":\"https://schema.management.azure.com/schemas/2018-05-01/" \
    "subscriptionDeploymentTemplate.json#\","
#define HEAD SCHEMA "\"contentVersion\":\"1.0.0.0\""

/* The request of a deployment; `members` are the template's, behind its head. */
const char *request(struct fixture *f, const char *members, const char *parameters);
/* That of the deployment "d", answered so. */
yyjson_val *deploy(struct fixture *f, int status, const char *members);

#endif
