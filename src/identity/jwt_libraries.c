/* SPDX-License-Identifier: MIT */
#include "identity/jwt_libraries.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/memory.h"

void jwt_libraries_set_up(void)
{
    cjose_set_alloc_funcs(malloc, memory_realloc_secret, memory_free_secret);
    json_object_seed(0);
}
