/* SPDX-License-Identifier: MIT */
#include "entra/page.h"

static const char style[] =
    "body{font:16px system-ui,sans-serif;max-width:26em;margin:12vh auto;padding:0 1em;color:#222}"
    "h1{font-size:1.3em}label{display:block;margin:.8em 0 .2em}input{font:inherit;width:100%;"
    "box-sizing:border-box;padding:.4em}button{font:inherit;margin-top:1.2em;padding:.5em 1.5em}"
    ".wrong{color:#a00}";

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

struct str page_escape(struct arena *a, struct str text)
{
    char *out = arena_alloc_bytes(a, text.len * strlen("&quot;") + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *entity = entity_of(text.data[i]);
        struct str part = entity ? str_from(entity) : str_of(&text.data[i], 1);

        memcpy(out + len, part.data, part.len);
        len += part.len;
    }
    out[len] = '\0';
    return str_of(out, len);
}

struct str page_hidden(struct entra_call *c, const char *const *fields, size_t count)
{
    struct str html = STR_NONE;

    for (size_t i = 0; i < count; i++) {
        struct str value = entra_parameter(c, fields[i]);

        if (value.len)
            html = arena_printf(c->arena, "%.*s<input type=\"hidden\" name=\"%s\" value=\"%.*s\">",
                                STR_ARGS(html), fields[i], STR_ARGS(page_escape(c->arena, value)));
    }
    return html;
}

void page_reply_html(struct entra_call *c, int status, const char *title, struct str body,
                     struct str form_target)
{
    c->reply.status = status;
    c->reply.type = STR("text/html; charset=utf-8");
    c->reply.body = arena_printf(
        c->arena,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>%s</title><style>%s</style><h1>%s</h1>%.*s</html>",
        title, style, title, STR_ARGS(body));
    /* nobody frames it, and a form goes nowhere else: who types a password knows to whom */
    entra_reply_header(c, STR("Content-Security-Policy"),
                       arena_printf(c->arena,
                                    "default-src 'none'; style-src 'unsafe-inline'; form-action "
                                    "'self' %.*s; frame-ancestors 'none'; base-uri 'none'",
                                    STR_ARGS(form_target)));
    entra_reply_header(c, STR("X-Frame-Options"), STR("DENY"));
    entra_reply_header(c, STR("Referrer-Policy"), STR("no-referrer"));
}

void page_reply_sign_in(struct entra_call *c, const char *title, struct str action, struct str more,
                        const char *wrong, bool asks_new, struct str form_target)
{
    static const char new_password[] =
        "<label for=\"new_password\">New password</label><input id=\"new_password\" "
        "name=\"new_password\" type=\"password\" autocomplete=\"new-password\" required>"
        "<label for=\"new_password_again\">New password, again</label><input "
        "id=\"new_password_again\" name=\"new_password_again\" type=\"password\" "
        "autocomplete=\"new-password\" required>";
    struct str name = entra_parameter(c, "username"), body;

    if (!name.len)
        name = entra_parameter(c, "login_hint");
    body = arena_printf(
        c->arena,
        "%s%s%s<form method=\"post\" action=\"%.*s\">%.*s<label for=\"username\">User name</label>"
        "<input id=\"username\" name=\"username\" autocomplete=\"username\" value=\"%.*s\" "
        "required>"
        "<label for=\"password\">%s</label><input id=\"password\" name=\"password\" "
        "type=\"password\" autocomplete=\"current-password\" required>%s<button>Sign in</button>"
        "</form>",
        wrong ? "<p class=\"wrong\" role=\"alert\">" : "", wrong ? wrong : "", wrong ? "</p>" : "",
        STR_ARGS(page_escape(c->arena, action)), STR_ARGS(more),
        STR_ARGS(page_escape(c->arena, name)), asks_new ? "Current password" : "Password",
        asks_new ? new_password : "");
    page_reply_html(c, 200, title, body, form_target);
}
