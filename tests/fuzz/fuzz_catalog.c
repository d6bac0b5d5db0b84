/*
 * Any text is either refused with an error that says where, or makes a catalog whose every model
 * can be found and runs on an engine.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>

#include "model/catalog.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *c;
    struct error err = { 0 };
    unsigned i;

    c = catalog_parse(str_of((const char *)data, size), "fuzz.yaml", &err);
    if (!c) {
        assert(err.code == ERROR_CONFIG && str_starts_with(str_from(err.text), STR("fuzz.yaml:")));
        return 0;
    }
    for (i = 0; i < c->model_count; i++) {
        const struct catalog_model *m = &c->models[i];

        assert(m->engine && m->sku_count > 0);
        assert(catalog_find_model(c, str_from(m->format), str_from(m->name),
                                  str_from(m->version)) == m);
        assert(catalog_find_model(c, str_from(m->format), str_from(m->name), STR_NONE));
    }
    assert(c->location_count > 0);
    catalog_unref(c);
    return 0;
}
