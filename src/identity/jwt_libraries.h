/*
 * What the libraries behind identity/jwt.h are told once. Apart from it, since jansson and base/json.h
 * have names in common.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_JWT_LIBRARIES_H
#define IDENTITY_JWT_LIBRARIES_H

/* Has libcjose, and jansson, by which it reads and writes JSON, overwrite what they free: they copy
 * tokens and keys more than once. And has jansson draw the seed of its tables, which the first object would,
 * in whichever thread. For the whole process, before there are threads. */
void jwt_libraries_set_up(void);

#endif
