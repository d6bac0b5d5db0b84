/*
 * A JSON value that satisfies a JSON schema, for tool calls and structured outputs of the
 * simulator. Understood: type (also a list), enum, const, default, properties, required, items,
 * prefixItems, minItems, minLength, maxLength, minimum, maximum and their exclusive forms,
 * multipleOf, format, anyOf, oneOf, allOf, $ref within the schema. What else a schema asks
 * (patterns, conditions) is not looked at. Pure; the seed chooses among what is allowed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_SCHEMA_H
#define ENGINE_SIM_SCHEMA_H

#include <stdint.h>

#include "base/json.h"

/* Compact JSON text in the arena. `schema` NULL, or not an object: an empty object. */
struct str sim_schema_sample(struct arena *a, yyjson_val *schema, uint64_t seed);

#endif
