"""What tokens open: forged ones nothing, others what their principal's roles allow, on either plane."""

import base64
import hmac
import json
import re
import ssl

import httpx
import jwt
import openai
import pytest
from azure.identity import get_bearer_token_provider
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entra import ARM, DATA, claims_of, forge

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
COGNITIVE_CONTRIBUTOR = "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
INVALID_TOKEN = {
    "statusCode": 401,
    "message": "Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), "
    "or have expired.",
}
CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}


# -- Tokens that are refused ------------------------------------------------------------------------------------------------


def chat(entra, token, path="/accounts/lazuli-openai/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"):
    return entra.session.post(entra.base + path, json=CHAT, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def arm_error(entra, token):
    answer = entra.arm("GET", "/resourceGroups", token, version="2022-12-01")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer ")
    return answer.json()["error"]["code"]


def public_pem(entra, kid):
    keys = jwt.PyJWKSet.from_dict(entra.session.get(entra.url("/discovery/v2.0/keys")).json())
    return keys[kid].key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encode(part):
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=").decode()


def hs256(entra, token):
    """Signed by HMAC, with the public key for the secret (RFC 8725, 2.1)."""
    kid = jwt.get_unverified_header(token)["kid"]
    text = encode({"alg": "HS256", "typ": "JWT", "kid": kid}) + "." + token.split(".")[1]
    return text + "." + encode(hmac.new(public_pem(entra, kid), text.encode(), "sha256").digest())


def unsigned(entra, token):
    return encode({"alg": "none", "typ": "JWT"}) + "." + token.split(".")[1] + "."


def changed(token, **claims):
    """With the signature of what it was before."""
    head, _, signature = token.split(".")
    return ".".join([head, encode(claims_of(token) | claims), signature])


FORGERIES = {
    "another key": (lambda e, t: forge(t), "InvalidAuthenticationToken"),
    "an unknown key": (lambda e, t: forge(t, headers={"kid": "other"}), "InvalidAuthenticationToken"),
    "alg none": (unsigned, "InvalidAuthenticationToken"),
    "HMAC by the public key": (hs256, "InvalidAuthenticationToken"),
    "another issuer": (lambda e, t: forge(t, iss="https://sts.windows.net/other/"), "InvalidAuthenticationTokenTenant"),
    "another audience": (lambda e, t: e.token("https://graph.microsoft.com"), "InvalidAuthenticationTokenAudience"),
    "changed claims": (lambda e, t: changed(t, scp="Everything"), "InvalidAuthenticationToken"),
    "cut": (lambda e, t: t[:-20], "InvalidAuthenticationToken"),
    "garbage": (lambda e, t: "eyJ.eyJ.eyJ", "InvalidAuthenticationToken"),
    "too long": (lambda e, t: "eyJ" + "A" * 40000 + ".e.e", "InvalidAuthenticationToken"),
}


@pytest.fixture(scope="module")
def both(entra):
    """The tokens of a principal that may read the subscription, and call models: one for each plane."""
    object_id, client_id, secret = entra.make_principal("of both planes")
    entra.assign(object_id, READER)
    entra.assign(object_id, OPENAI_USER)
    tokens = [entra.token(scope, client_id=client_id, secret=secret) for scope in (ARM, DATA)]
    assert entra.arm("GET", "/resourceGroups", tokens[0], version="2022-12-01").status_code == 200
    assert chat(entra, tokens[1]).status_code == 200
    return tokens


def refuses_data(entra, token):
    answer = chat(entra, token)
    return answer.status_code == 401 and answer.json() == INVALID_TOKEN


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_tokens(entra, both, name):
    """Of tokens that each plane takes as they are."""
    make, code = FORGERIES[name]
    assert arm_error(entra, make(entra, both[0])) == code
    assert refuses_data(entra, make(entra, both[1]))


def test_the_token_for_the_other_plane(entra, both):
    assert arm_error(entra, both[1]) == "InvalidAuthenticationTokenAudience"
    assert refuses_data(entra, both[0])


def test_the_token_of_a_principal_that_is_gone(entra):
    """Though both planes have taken it before, and the data plane remembers that."""
    object_id, client_id, secret = entra.make_principal("gone")
    entra.assign(object_id, READER)
    entra.assign(object_id, OPENAI_USER)
    token = entra.token(client_id=client_id, secret=secret)
    data_token = entra.token(DATA, client_id=client_id, secret=secret)
    assert entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code == 200
    assert chat(entra, data_token).status_code == 200
    entra.graph("DELETE", f"/servicePrincipals/{object_id}")
    assert arm_error(entra, token) == "InvalidAuthenticationToken"
    assert refuses_data(entra, data_token)
    assert entra.ask_as_first(client_id=client_id, client_secret=secret).json()["error_codes"] == [700016]


# -- The data plane ---------------------------------------------------------------------------------------------------------


def test_a_role_opens_the_data_plane(entra):
    object_id, client_id, secret = entra.make_principal("caller")
    token = entra.token(DATA, client_id=client_id, secret=secret)
    refused = chat(entra, token)
    assert refused.status_code == 401 and refused.json()["error"]["code"] == "PermissionDenied"
    assert object_id in refused.json()["error"]["message"]
    assert "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action" in refused.text
    assignment = entra.assign(object_id, OPENAI_USER, "/resourceGroups/lazuli")
    assert chat(entra, token).status_code == 200
    assert chat(entra, token, "/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01").status_code == 401
    name = assignment["id"].partition(entra.service.variables["LAZULI_SUBSCRIPTION_ID"])[2]
    assert entra.arm("DELETE", name, entra.service.token).status_code == 200
    assert chat(entra, token).status_code == 401


def test_each_data_action_is_among_the_listed_operations(entra):
    """What a refusal names can be looked up, by who then writes a custom role."""
    _, client_id, secret = entra.make_principal("asker")
    headers = {"Authorization": f"Bearer {entra.token(DATA, client_id=client_id, secret=secret)}"}
    url = f"{entra.base}/providers/Microsoft.Authorization/providerOperations/Microsoft.CognitiveServices"
    shown = entra.session.get(
        url, params={"api-version": "2022-04-01"}, headers={"Authorization": f"Bearer {entra.service.token}"}, timeout=60
    ).json()
    listed = {item["name"] for kind in shown["resourceTypes"] for item in kind["operations"] if item["isDataAction"]}
    named = set()
    for method, path in (("POST", "deployments/gpt-4/chat/completions"), ("POST", "deployments/gpt-4/completions"),
                         ("POST", "deployments/gpt-4/embeddings"), ("GET", "models"), ("GET", "models/gpt-4")):
        url = f"{entra.base}/accounts/lazuli-openai/openai/{path}?api-version=2024-02-01"
        refused = entra.session.request(method, url, headers=headers, timeout=60)
        assert refused.status_code == 401, refused.text
        named.update(re.findall(r"Microsoft\.CognitiveServices/[\w/]+", refused.json()["error"]["message"]))
    assert listed == named


def test_who_manages_does_not_call(entra):
    """Owners and contributors have no data actions; they may list keys."""
    object_id, client_id, secret = entra.make_principal("manager")
    entra.assign(object_id, COGNITIVE_CONTRIBUTOR)
    assert chat(entra, entra.token(DATA, client_id=client_id, secret=secret)).status_code == 401
    keys = "/resourceGroups/lazuli/providers/Microsoft.CognitiveServices/accounts/lazuli-openai/listKeys"
    token = entra.token(client_id=client_id, secret=secret)
    assert entra.arm("POST", keys, token, version="2023-05-01").status_code == 200
    assert chat(entra, entra.token(DATA)).status_code == 401  # the first principal owns the subscription


def test_groups_lend_their_roles(entra):
    object_id, client_id, secret = entra.make_principal("member")
    group = entra.graph("POST", "/groups", {"displayName": "callers", "mailNickname": "callers", "securityEnabled": True})
    entra.assign(group["id"], OPENAI_USER, kind="Group")
    token = entra.token(DATA, client_id=client_id, secret=secret)
    assert chat(entra, token).status_code == 401
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"}
    entra.graph("POST", f"/groups/{group['id']}/members/$ref", reference)
    assert chat(entra, token).status_code == 200
    entra.graph("DELETE", f"/groups/{group['id']}/members/{object_id}/$ref")
    assert chat(entra, token).status_code == 401


def test_groups_of_groups_lend_their_roles(entra):
    object_id, client_id, secret = entra.make_principal("member of a member")
    outer, middle, inner = (
        entra.graph("POST", "/groups", {"displayName": name, "mailNickname": name, "securityEnabled": True})["id"]
        for name in ("outer", "middle", "inner")
    )

    def add(group, member):
        reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member}"}
        entra.graph("POST", f"/groups/{group}/members/$ref", reference)

    entra.assign(outer, OPENAI_USER, kind="Group")
    token = entra.token(DATA, client_id=client_id, secret=secret)
    add(outer, middle)
    add(middle, inner)
    add(inner, outer)  # a circle does no harm
    assert chat(entra, token).status_code == 401
    add(inner, object_id)
    assert chat(entra, token).status_code == 200
    entra.graph("DELETE", f"/groups/{outer}/members/{middle}/$ref")
    assert chat(entra, token).status_code == 401


def test_openai_sdk_with_a_token_provider(entra):
    object_id, client_id, secret = entra.make_principal("sdk")
    entra.assign(object_id, OPENAI_USER)
    provider = get_bearer_token_provider(entra.secret_credential(client_id, secret), f"{DATA}/.default")
    client = openai.AzureOpenAI(
        azure_endpoint=f"{entra.base}/accounts/lazuli-openai", api_version="2024-02-01", azure_ad_token_provider=provider,
        http_client=httpx.Client(verify=ssl.create_default_context(cafile=entra.ca)),
    )  # fmt: skip
    assert client.chat.completions.create(model="gpt-4", **CHAT).choices[0].message.content


def test_a_resource_server_of_ones_own(entra):
    """It is configured by the v2 discovery document alone, and looks at issuer, audience and roles."""
    reading = {"id": "cccccccc-0000-0000-0000-000000000001", "value": "Orders.Read", "displayName": "Read", "isEnabled": True}
    shop, shop_id, _ = entra.make_principal(
        "shop", identifierUris=["api://shop"], api={"requestedAccessTokenVersion": 2},
        appRoles=[reading | {"description": "Read orders", "allowedMemberTypes": ["Application"]}],
    )  # fmt: skip
    caller, caller_id, secret = entra.make_principal("caller of the shop")
    grant = {"principalId": caller, "resourceId": shop, "appRoleId": reading["id"]}
    made = entra.graph("POST", f"/servicePrincipals/{shop}/appRoleAssignedTo", grant, status=201)
    assert entra.graph("GET", f"/servicePrincipals/{caller}/appRoleAssignments")["value"] == [made]

    found = entra.session.get(f"{entra.base}/{entra.tenant}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(entra.session.get(found["jwks_uri"]).json())
    token = entra.token("api://shop", client_id=caller_id, secret=secret)
    key = keys[jwt.get_unverified_header(token)["kid"]].key
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=shop_id, issuer=found["issuer"])
    assert (claims["roles"], claims["azp"], claims["ver"]) == (["Orders.Read"], caller_id, "2.0")
    # which is no token for this service's own planes
    assert entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code == 401
