/*
 * The managed identity endpoint: programs of this machine get tokens without a secret. It takes the
 * form of Azure's instance metadata service, and that of Azure's Cloud Shell, a POST of the same, for
 * clients that let only the address of the latter be set (MSI_ENDPOINT). Whose tokens they are, the
 * operator says, and no client: the setting machine_identity names the machine's own identity,
 * machine_identities the user-assigned ones that it has besides, of which a client picks one. Without
 * them nobody gets any. Only callers on loopback are answered, and none that something has forwarded;
 * the header that must come along, and the name that is asked for, keep a browser from being tricked
 * into asking.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "entra/token.h"
#include "identity/managed_identity.h"
#include "net/url.h"

static bool is_local(struct str peer)
{
    return str_starts_with(peer, STR("127.")) || str_equal(peer, STR("::1")) ||
           str_equal(peer, STR("::ffff:127.0.0.1"));
}

/* An address, or a name of this machine. A page of a site whose name was made to mean this machine (DNS
 * rebinding) may send any header to it, but asks for that name. */
static bool is_own_name(const struct entra_call *c)
{
    struct str host = url_host(c->request->base);

    return host.len &&
           (str_starts_with(host, STR("[")) || str_equal_nocase(host, STR("localhost")) ||
            str_equal_nocase(host, url_host(str_from(c->entra->public_base))) ||
            strspn(arena_text(c->arena, host), "0123456789.") == host.len);
}

static bool refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_OAUTH_REQUEST, "%s", why);
}

/* -- Which identity ---------------------------------------------------------------------------- */

/* How a client says which one it wants; it may do so in several ways at once. */
struct choice {
    struct str client_id, object_id, resource_id; /* may be empty */
};

static struct choice read_choice(const struct entra_call *c)
{
    struct str resource_id = entra_parameter(c, "mi_res_id");

    return (struct choice){
        .client_id = entra_parameter(c, "client_id"),
        .object_id = entra_parameter(c, "object_id"),
        .resource_id = resource_id.len ? resource_id : entra_parameter(c, "msi_res_id"),
    };
}

static bool is_wanted(struct str wanted, struct str own)
{
    return str_is_empty(wanted) || str_equal_nocase(wanted, own);
}

static bool is_chosen(const struct choice *choice, const struct managed_identity *identity)
{
    return is_wanted(choice->client_id, identity->client_id) &&
           is_wanted(choice->object_id, identity->object_id) &&
           is_wanted(choice->resource_id, identity->resource_id);
}

/* Does this machine have it? Of what is not listed nobody learns whether it is there. */
static bool is_of_machine(const struct entra_call *c, const struct principal_record *p,
                          const struct managed_identity *identity, bool is_managed)
{
    struct str own = str_from(c->entra->machine_identity);

    if (!principal_is_enabled(p) ||
        (p->type != PRINCIPAL_TYPE_APPLICATION && p->type != PRINCIPAL_TYPE_MANAGED_IDENTITY))
        return false;
    return (own.len && str_equal_nocase(own, p->name)) ||
           (is_managed &&
            managed_identity_is_listed(identity, str_from(c->entra->machine_identities)));
}

static bool is_good(const struct entra_call *c, const struct choice *choice,
                    const struct principal_record *p)
{
    struct managed_identity identity;
    bool is_managed = managed_identity_read(p, &identity);

    return is_of_machine(c, p, &identity, is_managed) && is_chosen(choice, &identity);
}

/* By whichever of the three it was named. */
static bool look_up(struct entra_call *c, const struct choice *choice, struct principal_record *p,
                    bool *found, struct error *err)
{
    if (choice->client_id.len)
        return principals_find(c->txn, c->arena, choice->client_id, p, found, err);
    if (choice->object_id.len)
        return principals_get(c->txn, c->arena, choice->object_id, p, found, err);
    return managed_identity_find(c->txn, c->arena, choice->resource_id, p, found, err);
}

/* Of a machine without an identity of its own, the only one that it has been given. */
static bool find_only_one(struct entra_call *c, const struct choice *choice,
                          struct principal_record *only, bool *found, struct error *err)
{
    struct principal_record *list;
    size_t count;

    *found = false;
    if (!c->entra->machine_identities[0])
        return true;
    if (!principals_list_type(c->txn, c->arena, PRINCIPAL_TYPE_MANAGED_IDENTITY, &list, &count,
                              err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_good(c, choice, &list[i]))
            continue;
        if (*found)
            return refuse(err, "Multiple user assigned identities exist, please specify the "
                               "clientId / resourceId of the identity in the token request");
        *found = true;
        *only = list[i];
    }
    return true;
}

static bool find(struct entra_call *c, struct principal_record *identity, struct error *err)
{
    struct choice choice = read_choice(c);
    struct str own = str_from(c->entra->machine_identity);
    bool found, is_open = str_is_empty(choice.client_id) && str_is_empty(choice.object_id) &&
                          str_is_empty(choice.resource_id);

    if (is_open)
        choice.client_id = own;
    if (is_open && str_is_empty(own) ? !find_only_one(c, &choice, identity, &found, err)
                                     : !look_up(c, &choice, identity, &found, err))
        return false;
    return (found && is_good(c, &choice, identity)) || refuse(err, "Identity not found");
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
    return token_reply_to_machine(c, &identity, resource, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/metadata/identity/oauth2/token", token, false },
    { HTTP_POST, "/metadata/identity/oauth2/token", token, false },
};

const struct entra_endpoints entra_managed_identity = { endpoints, ARRAY_LEN(endpoints) };
