/* SPDX-License-Identifier: MIT */
#ifndef ENTRA_AUTHORIZE_H
#define ENTRA_AUTHORIZE_H

#include "entra/call.h"

/* The grant of an authorization code. */
entra_handler authorize_redeem;

#endif
