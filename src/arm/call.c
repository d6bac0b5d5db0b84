/* SPDX-License-Identifier: MIT */
#include "arm/call.h"

#include <assert.h>

void arm_reply_header(struct arm_call *c, struct str name, struct str value)
{
    assert(c->reply.header_count < ARM_HEADERS_MAX);
    c->reply.headers[c->reply.header_count++] = (struct http_header){ name, value };
}

void arm_reply_json(struct arm_call *c, int status, yyjson_mut_val *root)
{
    c->reply.status = status;
    c->reply.body = json_write_mut(c->arena, root);
}

void arm_reply_list(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    json_set(doc, root, "value", list);
    arm_reply_json(c, 200, root);
}

static yyjson_mut_val *error_head(yyjson_mut_doc *doc, const struct error *err)
{
    const struct error_info *info = error_info(err->code);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    bool is_ours = info->status >= 500; /* its text is for the log */

    json_set_str(doc, object, "code", str_from(info->wire_code));
    json_set_str(doc, object, "message", str_from(is_ours ? info->text : err->text));
    if (err->target[0] && !is_ours)
        json_set_str(doc, object, "target", str_from(err->target));
    return object;
}

yyjson_mut_val *arm_error_object(yyjson_mut_doc *doc, const struct error *err, struct str details)
{
    yyjson_mut_val *object = error_head(doc, err), *list;

    if (details.len) {
        json_set(doc, object, "details", yyjson_mut_rawncpy(doc, details.data, details.len));
    } else if (err->code == ERROR_ARM_NOT_REGISTERED) {
        /* Azure names the name space in a detail alone, by whose target Go's SDK registers it. */
        list = yyjson_mut_arr(doc);
        yyjson_mut_arr_append(list, error_head(doc, err));
        yyjson_mut_obj_remove_key(object, "target");
        json_set(doc, object, "details", list);
    }
    return object;
}

/* A name given twice, of which some readers take the first and some the last, could mean two
 * things; for readers in C, a NUL ends what it stands in. */
bool arm_check_doubts(struct arm_call *c, yyjson_doc *doc, struct error *err)
{
    char shown[101];
    struct str name;
    bool has_nul;

    json_find_doubts(c->arena, doc, &name, &has_nul);
    if (has_nul)
        return error_set(err, ERROR_ARM_BODY,
                         "The request content was invalid and could not be deserialized: a name or "
                         "a string in it holds the character U+0000.");
    if (!name.data)
        return true;
    str_show(name, shown, sizeof(shown));
    return error_set_target(err, ERROR_ARM_BODY, shown,
                            "The request content was invalid and could not be deserialized: the "
                            "member '%s' is given more than once.",
                            shown);
}

/* The body's value; NULL with ERROR_ARM_BODY. */
static yyjson_val *read_value(struct arm_call *c, bool may_be_empty, struct error *err)
{
    struct str text = str_trim(c->request->body);
    struct error why;
    yyjson_doc *doc;

    if (str_is_empty(text) && may_be_empty)
        text = STR("{}");
    if (str_is_empty(text)) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: it is empty.");
        return NULL;
    }
    doc = json_parse(c->arena, text, &why);
    if (!doc) {
        error_set(err, ERROR_ARM_BODY,
                  "The request content was invalid and could not be deserialized: '%s'.", why.text);
        return NULL;
    }
    return arm_check_doubts(c, doc, err) ? yyjson_doc_get_root(doc) : NULL;
}

yyjson_val *arm_read_body(struct arm_call *c, bool may_be_empty, struct error *err)
{
    yyjson_val *body = read_value(c, may_be_empty, err);

    if (!body || yyjson_is_obj(body))
        return body;
    error_set(err, ERROR_ARM_BODY,
              "The request content was invalid and could not be deserialized: it must be an "
              "object.");
    return NULL;
}

yyjson_val *arm_read_list(struct arm_call *c, struct error *err)
{
    yyjson_val *body = read_value(c, false, err);

    if (!body || yyjson_is_arr(body))
        return body;
    error_set(err, ERROR_ARM_BODY,
              "The request content was invalid and could not be deserialized: it must be an "
              "array.");
    return NULL;
}
