/* SPDX-License-Identifier: MIT */
#include "entra/audit.h"

#include "base/format.h"
#include "base/log.h"

/* Lines of failures: strangers decide how many there would be. */
#define PERIOD_MS 1000
#define LINES_MAX 20

static const char *const kinds[PRINCIPAL_TYPES] = {
    [PRINCIPAL_TYPE_APPLICATION] = "application",
    [PRINCIPAL_TYPE_MANAGED_IDENTITY] = "managed_identity",
    [PRINCIPAL_TYPE_USER] = "user",
    [PRINCIPAL_TYPE_GROUP] = "group",
};

/* Is there room for one more line? *left_out: those since the last one that there was none for. */
static bool take_line(struct entra_call *c, unsigned long long *left_out)
{
    struct entra_failures *f = &c->entra->failures;
    int64_t now_ms = authority_now_ms(c->entra->authority);

    if (now_ms < f->since_ms || now_ms - f->since_ms >= PERIOD_MS) {
        f->since_ms = now_ms;
        f->lines = 0;
    }
    if (f->lines == LINES_MAX) {
        f->left_out++;
        return false;
    }
    f->lines++;
    *left_out = f->left_out;
    f->left_out = 0;
    return true;
}

void audit_refused(struct entra_call *c, const struct principal_record *principal,
                   enum error_code why)
{
    struct str client = entra_parameter(c, "client_id");
    unsigned long long left_out;

    if (!take_line(c, &left_out))
        return;
    c->audit = (struct entra_audit){
        .event = why == ERROR_OAUTH_LOCKED ? AUDIT_LOCKED : "sign_in_failed",
        .details =
            arena_printf(c->arena, "kind=%s id=%.*s client=%.*s reason=AADSTS%s left_out=%llu",
                         principal ? kinds[principal->type] : "unknown",
                         STR_ARGS(principal ? principal->object_id : STR("unknown")),
                         STR_ARGS(format_is_guid(client) ? client : STR("unknown")),
                         error_info(why)->type, left_out),
    };
}

static void set_guid(yyjson_mut_doc *doc, yyjson_mut_val *event, const char *key)
{
    char guid[GUID_TEXT_LEN + 1];

    format_guid(guid);
    json_set_str(doc, event, key, str_from(guid));
}

/* As arm/activity.h has events. */
static bool append_event(struct entra_call *c, struct str resource, const char *segment,
                         struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *event = yyjson_mut_obj(doc);
    struct store_event e = {
        .at_ms = authority_now_ms(c->entra->authority),
        .resource = arena_lower(c->arena, resource),
        .scope = STR("/providers/microsoft.graph"),
    };

    json_set_str(
        doc, event, "operation",
        arena_printf(c->arena, "Microsoft.Graph/%s/%s", segment,
                     c->request->method == HTTP_DELETE && c->name_count == 1 ? "delete" : "write"));
    json_set_str(doc, event, "resource", resource);
    json_set_int(doc, event, "status", 200);
    json_set_str(doc, event, "state", STR("Succeeded"));
    set_guid(doc, event, "event");
    set_guid(doc, event, "request");
    json_set_str(doc, event, "method", str_from(http_method_name(c->request->method)));
    json_set_str(doc, event, "uri",
                 arena_printf(c->arena, "%.*s%s", STR_ARGS(c->request->base), c->endpoint->path));
    if (c->request->client_address.len)
        json_set_str(doc, event, "address", c->request->client_address);
    json_set_str(doc, event, "caller", c->asker.name);
    json_set_str(doc, event, "kind",
                 c->asker.kind == PRINCIPAL_USER ? STR("User") : STR("Application"));
    json_set_str(doc, event, "object", c->asker.object_id);
    e.body = json_write_mut(c->arena, event);
    return store_append_event(c->txn, &e, err);
}

bool audit_changed(struct entra_call *c, const struct principal_record *principal,
                   const char *change, struct str other, struct error *err)
{
    static const char *const segments[PRINCIPAL_TYPES] = { "applications", "servicePrincipals",
                                                           "users", "groups" };
    const char *segment = segments[principal->type];

    c->audit = (struct entra_audit){
        .event = "principal_changed",
        .details =
            arena_printf(c->arena, "change=%s kind=%s id=%.*s%s%.*s by=%.*s", change,
                         kinds[principal->type], STR_ARGS(principal->object_id),
                         other.len ? " other=" : "", STR_ARGS(other), STR_ARGS(c->asker.object_id)),
        .is_of_change = true,
    };
    return append_event(c,
                        arena_printf(c->arena, "/providers/Microsoft.Graph/%s/%.*s", segment,
                                     STR_ARGS(principal->object_id)),
                        segment, err);
}

/* Who is connected, where a trusted proxy does not say whom it is there for. */
static struct str address_of(const struct entra_request *r)
{
    return r->client_address.len ? r->client_address : r->peer;
}

void audit_write(const struct entra_call *c, bool is_kept)
{
    if (c->audit.event && (is_kept || !c->audit.is_of_change))
        log_info(c->audit.event, "%.*s address=%.*s", STR_ARGS(c->audit.details),
                 STR_ARGS(address_of(c->request)));
}
