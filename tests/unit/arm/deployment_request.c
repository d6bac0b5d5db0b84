/* SPDX-License-Identifier: MIT */
#include "deployment_request.h"

const char *request(struct fixture *f, const char *members, const char *parameters)
{
    return arena_printf(
               f->arena,
               "{\"properties\":{\"mode\":\"Incremental\",\"parameters\":{%s},template:{" HEAD
               "%s}}}",
               parameters, members)
        .data;
}

yyjson_val *deploy(struct fixture *f, int status, const char *members)
{
    return expect(f, status, HTTP_PUT, D "/d" DV, request(f, members, ""));
}
