/* SPDX-License-Identifier: MIT */
#include "arm/part.h"

#include "arm/activity.h"
#include "arm/execute.h"
#include "arm/publish.h"
#include "base/format.h"

/* Each segment of an id as it stands in a path. */
static struct str encode(struct arena *a, struct str id)
{
    char *path = arena_alloc_bytes(a, 3 * id.len + 1);
    struct str part;
    size_t len = 0;

    str_split(&id, '/', &part); /* nothing is before the first slash */
    while (str_split(&id, '/', &part)) {
        part = format_percent_encode(a, part);
        path[len++] = '/';
        memcpy(path + len, part.data, part.len);
        len += part.len;
    }
    return str_of(path, len);
}

static void make_request(struct arm_call *c, struct template_run *run, const struct arm_part *part,
                         struct arm_request *request)
{
    *request = (struct arm_request){
        .method = part->method,
        .path = encode(c->arena, part->id),
        .query = arena_printf(c->arena, "api-version=%.*s",
                              STR_ARGS(format_percent_encode(c->arena, part->api_version))),
        .body = part->body,
        .base = c->request->base,
        .principal = c->request->principal,
        .client_address = c->request->client_address,
        .correlation_id = c->request->correlation_id,
        .client_request_id = c->request->client_request_id,
        .asked = c->request->asked,
        .run = run,
    };
    if (part->action.len)
        request->path = arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(request->path),
                                     STR_ARGS(format_percent_encode(c->arena, part->action)));
}

static bool is_of_store(const struct error *err)
{
    return err->code == ERROR_STORE || err->code == ERROR_STORE_UNUSABLE;
}

static bool succeed(struct arm_call *c, struct arm_call *inner, struct arm_part *part,
                    struct error *err)
{
    yyjson_doc *doc;

    arm_publish_adopt(c, inner);
    part->status = inner->reply.status;
    part->text = inner->reply.body;
    if (part->text.len) {
        doc = json_parse(c->arena, part->text, err);
        if (!doc)
            return error_set(err, ERROR_STORE, "a reply is no JSON");
        part->root = yyjson_doc_get_root(doc);
    }
    return store_keep(c->txn, err);
}

void arm_part_hide_secrets(struct arm_part *part)
{
    if (!part->template)
        return;
    template_hide_secrets(part->template, &part->err);
    if (part->error_details.len)
        part->error_details = template_json_without_secrets(part->template, part->error_details);
}

static bool fail(struct arm_call *c, struct arm_call *inner, struct arm_part *part,
                 struct error *err)
{
    if (is_of_store(&part->err) || inner->wanted_key.vault.len) {
        c->wanted_key = inner->wanted_key;
        *err = part->err;
        return false;
    }
    part->status = error_info(part->err.code)->status;
    part->error_details = inner->error_details;
    arm_part_hide_secrets(part);
    return store_take_back(c->txn, err) && arm_activity_record(inner, &part->err, err);
}

bool arm_part_run(struct arm_call *c, struct template_run *run, struct arm_part *part,
                  struct error *err)
{
    struct arm_request request;
    struct arm_call inner = {
        .arm = c->arm, .txn = c->txn, .arena = c->arena, .request = &request
    };

    make_request(c, run, part, &request);
    if (!store_mark(c->txn, err))
        return false;
    part->is_good = arm_execute(&inner, &part->err);
    return part->is_good ? succeed(c, &inner, part, err) : fail(c, &inner, part, err);
}

bool arm_part_look(struct arm_call *c, struct template_run *run, struct arm_part *part,
                   struct error *err)
{
    struct arm_request request;
    struct arm_call inner = {
        .arm = c->arm, .txn = c->txn, .arena = c->arena, .request = &request
    };

    make_request(c, run, part, &request);
    part->is_good = arm_execute_look(&inner, &part->err);
    if (!part->is_good && is_of_store(&part->err)) {
        *err = part->err;
        return false;
    }
    if (!part->is_good)
        arm_part_hide_secrets(part);
    return true;
}
