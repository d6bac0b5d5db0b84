/*
 * The managed identity endpoint, in the form of Azure's instance metadata service: programs of this
 * machine get tokens without a secret. Whose, the setting machine_identity says; without it nobody
 * gets any. Only callers on loopback are answered, and none that something has forwarded; the header
 * that must come along, and the name that is asked for, keep a browser from being tricked into asking.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "entra/token.h"

static bool is_local(struct str peer)
{
    return str_starts_with(peer, STR("127.")) || str_equal(peer, STR("::1")) ||
           str_equal(peer, STR("::ffff:127.0.0.1"));
}

static struct str host_of(struct str base)
{
    struct str host = http_url_authority(base);
    size_t end = str_find_char(host, ':');

    if (host.len && host.data[0] == '[')
        return host;
    return str_slice(host, 0, end);
}

/* An address, or a name of this machine. A page of a site whose name was made to mean this machine (DNS
 * rebinding) may send any header to it, but asks for that name. */
static bool is_own_name(const struct entra_call *c)
{
    struct str host = host_of(c->request->base);

    return str_starts_with(host, STR("[")) || str_equal_nocase(host, STR("localhost")) ||
           str_equal_nocase(host, host_of(str_from(c->entra->public_base))) ||
           (host.len && strspn(arena_text(c->arena, host), "0123456789.") == host.len);
}

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_REQUEST, "%s", why);
}

/* The client may say which identity it wants; there is one. */
static bool is_wanted(struct entra_call *c, const char *name, struct str own)
{
    struct str wanted = entra_parameter(c, name);

    return str_is_empty(wanted) || str_equal_nocase(wanted, own);
}

static bool find(struct entra_call *c, struct principal_record *identity, struct error *err)
{
    struct str name = str_from(c->entra->machine_identity);
    bool found = false;

    if (name.len && !principals_find(c->txn, c->arena, name, identity, &found, err))
        return false;
    if (found && principal_is_enabled(identity) && identity->type != PRINCIPAL_TYPE_USER &&
        identity->type != PRINCIPAL_TYPE_GROUP && is_wanted(c, "client_id", identity->name) &&
        is_wanted(c, "object_id", identity->object_id))
        return true;
    return refuse(err, "Identity not found");
}

static bool token(struct entra_call *c, struct error *err)
{
    struct principal_record identity;
    struct str resource;

    if (!is_local(c->request->peer) || c->request->is_forwarded || !is_own_name(c))
        return refuse(err, "Only programs of this machine are answered.");
    if (!str_equal_nocase(c->request->metadata, STR("true")))
        return refuse(err, "Required metadata header not specified");
    if (!token_read_resource(c, &resource, err) || !find(c, &identity, err))
        return false;
    token_reply_to_machine(c, &identity, resource);
    return true;
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/metadata/identity/oauth2/token", token, false },
};

const struct entra_endpoints entra_managed_identity = { endpoints, ARRAY_LEN(endpoints) };
