/* SPDX-License-Identifier: MIT */
#ifndef ENTRA_DEVICE_H
#define ENTRA_DEVICE_H

#include "entra/call.h"

/* The grant of a device code. */
entra_handler device_redeem;

#endif
