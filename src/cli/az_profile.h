/*
 * A configuration of the Azure CLI's for one service, apart from the user's own: the folder az/ of the
 * data folder, in which a cloud "lazuli" is registered and chosen, and the service's first service
 * principal is signed in.
 *
 *   az/ca-bundle.pem   what az trusts: the system's CAs, for its extensions, and the service's own
 *   az/signed-in       a digest of where, and as whom, it is signed in; az signs in anew when that
 *                      has changed
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_AZ_PROFILE_H
#define CLI_AZ_PROFILE_H

#include "cli/service_info.h"

#define AZ_CLOUD "lazuli"

struct az_profile {
    const struct service_info *service;
    struct arena *arena;
    struct str folder;
    struct str ca_bundle; /* empty where az trusts the service as it is */
};

/* Makes the folder and the bundle. ERROR_CONFIG when the service does not speak TLS, without which az
 * sends no token. */
MUST_CHECK bool az_profile_open(struct az_profile *p, const struct service_info *service,
                                struct arena *a, struct error *err);
/* The variables that point az to it, in our own environment. */
void az_profile_set_environment(const struct az_profile *p);
/* Registers the cloud and signs in, where that has not been done. `az` is its path. One of several at
 * the same time does it, and the others wait. What az complains of goes to standard error. */
MUST_CHECK bool az_profile_sign_in(const struct az_profile *p, const char *az, struct error *err);

#endif
