/* SPDX-License-Identifier: MIT */
#include "inference/restream.h"

/* In a stream the pieces of calls are put together by their index. */
static void number_calls(yyjson_mut_doc *doc, yyjson_mut_val *message)
{
    yyjson_mut_val *call;
    size_t i, count;

    yyjson_mut_arr_foreach(yyjson_mut_obj_get(message, "tool_calls"), i, count, call)
    {
        if (yyjson_mut_is_obj(call) && !yyjson_mut_obj_get(call, "index"))
            json_set_int(doc, call, "index", (int64_t)i);
    }
}

struct str restream_event(struct exchange *x, yyjson_doc *answer)
{
    yyjson_mut_doc *doc = json_copy(x->asking, yyjson_doc_get_root(answer));
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *choice;
    size_t i, count;

    yyjson_mut_arr_foreach(yyjson_mut_obj_get(root, "choices"), i, count, choice)
    {
        number_calls(doc, yyjson_mut_obj_get(choice, "message"));
        yyjson_mut_obj_rename_key(doc, choice, "message", "delta"); /* a chat's */
    }
    return json_write_mut(x->asking, root);
}
