"""Clients that have secrets, tell them to a service, and are told some: what must not be found afterwards."""

import base64
import contextlib
import hashlib
import json
import os
import unittest.mock
import urllib.parse
import uuid

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificate import make_certificate, tls_arguments
from entra import ARM, AZ_CLIENT, DATA, Entra, Form, forge, now
from federation import EXCHANGE, federating
from secret_places import SEARCHED, places_of
from waiting import wait_until
from wire import Wire

HELLO = {"messages": [{"role": "user", "content": "hello"}]}
FAR_KEY = "sk-the-key-of-an-upstream-that-is-far"
CATALOG = """
extends: default
default_engines:
  chat: sim
engines:
  - name: far
    upstream: { url: "http://127.0.0.1:9/v1", api_key_env: FAR_KEY }
deployments:
  - { deployment: far, engine: far }
"""
GRAPH = "https://graph.microsoft.com"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
USER = "secretive@lazuli.example"
BACK = "http://localhost:8400/"
GRANT = "urn:ietf:params:oauth:grant-type:"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RESOURCES = "2022-09-01"


def make_secret():
    """As people are asked to choose them, and not like anything else."""
    return f"Aa9-{uuid.uuid4().hex}"


class Talk:
    """What was said with one service: `secrets` by name, and `told`, what others hear and must hold none of them."""

    def __init__(self, service, folder):
        self.service, self.folder = service, folder
        self.secrets = {"admin token": service.token, "key1 as made": service.key}
        self.told = []
        self.entra = Entra(service)  # whose connection stays open, and what the service has of it
        self.connections = []
        self.look = lambda: None  # what is to be done after each step

    def add(self, name, secret=None):
        self.secrets[name] = secret or make_secret()
        return self.secrets[name]

    def add_token(self, name, token):
        """All of it but the signature is guessed, and known to who reads the log."""
        signature = self.add(name, token.rpartition(".")[2])
        self.secrets[f"{name}, decoded"] = base64.urlsafe_b64decode(signature + "==")
        return token

    def hear(self, answer, status, *granted):
        """An answer, which ends with that status, and tells what was asked for."""
        text = f"{answer.headers} {answer.text}"
        assert answer.status_code == status, text
        for secret in granted:
            text = text.replace(secret, "")
        self.told.append(text)
        self.look()
        return answer

    def grant(self, name, path="/oauth2/v2.0/token", **form):
        """An answer of the token endpoint, whose tokens are secrets."""
        answer = self.entra.ask(path, **form)
        tokens = {kind: token for kind, token in answer.json().items() if kind.endswith("_token")}
        self.hear(answer, 200, *tokens.values())
        assert tokens, answer.text
        for kind, token in tokens.items():
            (self.add if kind == "refresh_token" else self.add_token)(f"{kind} {name}", token)
        self.look()
        return tokens

    def graph(self, method, path, body, status, token, *granted):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.entra.base}/v1.0{path}"
        return self.hear(self.entra.session.request(method, url, json=body, headers=headers, timeout=60), status, *granted)

    def connect(self):
        """A client of the bare endpoint, whose connection stays open."""
        session = requests.Session()
        self.connections.append(session)
        return session

    def holds(self, text):
        """The names of secrets that are in it."""
        return [name for name, secret in self.secrets.items() if isinstance(secret, str) and secret in text]


# -- Keys of accounts ---------------------------------------------------------------------------------------------------------


def use_keys(talk):
    """Requests that carry and return keys, good ones and bad ones."""
    service = talk.service
    keys = service.arm("POST", "/listKeys").json()
    talk.add("key1 as listed", keys["key1"])
    talk.add("key2", keys["key2"])
    talk.look()
    talk.add("wrong", "w0ng" * 21)

    def post(status, deployment, body, key, **headers):
        talk.hear(service.post(deployment, body, headers={"api-key": key} | headers), status)

    service.deploy("chat", "gpt-4", "0613")
    service.deploy("far", "gpt-4", "0613")
    post(200, "chat", HELLO, keys["key1"])
    post(401, "chat", HELLO, None, Authorization=f"Bearer {keys['key2']}")
    with service.plain(api_key=keys["key2"]) as client:
        assert client.chat.completions.create(model="chat", **HELLO).choices
    post(404, "nowhere", HELLO, keys["key1"])
    post(400, "chat", "no json", keys["key2"])
    post(503, "far", HELLO, keys["key2"])
    post(401, "chat", HELLO, talk.secrets["wrong"])
    with Wire(service) as wire:
        wire.send(f"POST /openai HTTP/1.1\r\napi-key: {keys['key1']}\r\nno header\r\n\r\n".encode())
        assert wire.read_all().startswith(b"HTTP/1.1 400 ")
    talk.hear(requests.get(f"{service.endpoint}/nothing", headers={"api-key": keys["key1"]}, timeout=60), 404)
    talk.hear(service.arm("GET", ""), 200)
    talk.hear(service.arm("GET", "/deployments"), 200)
    talk.hear(service.arm("POST", "/regenerateKey", {"keyName": 1}), 400)
    new = service.arm("POST", "/regenerateKey", {"keyName": "Key1"}).json()
    assert new["key1"] != keys["key1"]
    talk.add("key1 anew", new["key1"])
    talk.look()
    post(401, "chat", HELLO, keys["key1"])
    post(200, "chat", HELLO, new["key1"])
    for key in (new["key1"], keys["key2"]):  # of a stream, whose request is forgotten before its end
        post(200, "chat", HELLO | {"stream": True}, key)


# -- Tokens as credentials ----------------------------------------------------------------------------------------------------


def application(talk, name, **more):
    """One with a secret, which may read the subscription and call models: its client id and secret."""
    object_id, client_id, secret = talk.entra.make_principal(name, **more)
    talk.add(f"secret of {name}", secret)
    for role in (READER, OPENAI_USER):
        talk.entra.assign(object_id, role)
    return client_id, secret


def carry_tokens(talk):
    """Both planes and Graph called by tokens, good ones and bad ones; over TLS and without."""
    service, entra = talk.service, talk.entra
    service.deploy("chat", "gpt-4", "0613")
    client_id, secret = application(talk, "caller")
    by_secret = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    arm, data, graph = (
        talk.grant(name, scope=f"{scope}/.default", **by_secret)["access_token"]
        for name, scope in (("for ARM", ARM), ("for models", DATA), ("for Graph", GRAPH))
    )
    forged = [talk.add_token(f"forged, for {name}", forge(token)) for name, token in (("ARM", arm), ("models", data))]
    foreign = talk.add_token("foreign", service.issuer.token())
    groups = f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups?api-version=2022-12-01"
    chat = "/accounts/lazuli-openai/openai/deployments/chat/chat/completions?api-version=2024-02-01"

    for client, base in ((talk.connect(), service.endpoint), (entra.session, entra.base)):

        def call(status, token, path, body=None, client=client, base=base):
            method = "POST" if body else "GET"
            # az sends the second one for a resource that is shared with another tenant
            headers = dict.fromkeys(("Authorization", "x-ms-authorization-auxiliary"), f"Bearer {token}")
            talk.hear(client.request(method, base + path, json=body, headers=headers, timeout=60), status)

        for status, token in ((200, arm), (401, data), (401, forged[0]), (401, foreign)):
            call(status, token, groups)
        for status, token in ((401, arm), (200, data), (200, data), (401, forged[1]), (401, foreign)):
            call(status, token, chat, HELLO)
        call(200, data, chat, HELLO | {"stream": True})
        for status, token in ((200, graph), (401, arm)):
            call(status, token, "/v1.0/users")


# -- Signing in ---------------------------------------------------------------------------------------------------------------


def browse(talk, url, fields, query=None):
    """Fills in the form of a page and sends it; what comes back is not followed."""
    page = talk.hear(talk.entra.session.get(url, params=query, timeout=60), 200)
    form = Form(page.text)
    target = urllib.parse.urljoin(page.url, form.action)
    return talk.entra.session.post(target, data=form.fields | fields, allow_redirects=False, timeout=60)


def sign_in_by_code(talk, person):
    """In a browser: the code is told in a header."""
    verifier = talk.add("verifier", uuid.uuid4().hex * 2)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": AZ_CLIENT, "response_type": "code", "redirect_uri": BACK, "scope": f"{ARM}/.default offline_access openid",
        "code_challenge_method": "S256", "code_challenge": challenge,
    }  # fmt: skip
    url = talk.entra.url("/oauth2/v2.0/authorize")
    talk.hear(browse(talk, url, person | {"password": talk.secrets["wrong password"]}, query), 200)
    answer = browse(talk, url, person, query)
    (code,) = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["Location"]).query)["code"]
    talk.hear(answer, 302, talk.add("code", code))
    form = {"grant_type": "authorization_code", "client_id": AZ_CLIENT, "redirect_uri": BACK, "code": code}
    talk.hear(talk.entra.ask(code_verifier=talk.add("wrong verifier", uuid.uuid4().hex * 2), **form), 400)
    talk.grant("by code", code_verifier=verifier, **form)
    talk.hear(talk.entra.ask(code_verifier=verifier, **form), 400)


def sign_in_on_device(talk, person):
    for is_used in (True, False):
        codes = talk.entra.ask("/oauth2/v2.0/devicecode", client_id=AZ_CLIENT, scope=f"{ARM}/.default offline_access")
        code = talk.add(f"device code, used: {is_used}", codes.json()["device_code"].partition(".")[2])
        talk.hear(codes, 200, code)
        form = {"grant_type": f"{GRANT}device_code", "client_id": AZ_CLIENT, "device_code": codes.json()["device_code"]}
        talk.hear(talk.entra.ask(**form), 400)
        if is_used:
            fields = person | {"user_code": codes.json()["user_code"]}
            talk.hear(browse(talk, codes.json()["verification_uri"], fields), 200)
            talk.grant("by device", **form)


def sign_in_people(talk):
    """By a password, in a browser, on a device; and what they are given then, used again."""
    entra = talk.entra
    password, wrong = talk.add("password"), talk.add("wrong password")
    entra.make_user(USER, password)
    talk.look()
    by_password = {"grant_type": "password", "client_id": AZ_CLIENT, "username": USER}
    everything = f"{ARM}/.default offline_access openid"
    talk.hear(entra.ask(password=wrong, scope=everything, **by_password), 400)
    tokens = talk.grant("by password", password=password, scope=everything, **by_password)
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": f"{DATA}/.default offline_access"}
    talk.hear(entra.ask(client_id="nobody", **again), 400)
    talk.grant("by refresh", client_id=AZ_CLIENT, **again)
    sign_in_by_code(talk, {"username": USER, "password": password})
    sign_in_on_device(talk, {"username": USER, "password": password})
    own = talk.grant("for Graph", password=password, scope=f"{GRAPH}/.default", **by_password)["access_token"]
    change = {"currentPassword": password, "newPassword": talk.add("new password")}
    talk.graph("POST", "/me/changePassword", change | {"currentPassword": wrong}, 400, own)
    talk.graph("POST", "/me/changePassword", change, 204, own)
    talk.graph("GET", f"/users/{USER}", None, 200, entra.token(GRAPH))


# -- Programs -----------------------------------------------------------------------------------------------------------------


def own_assertion(talk, client_id, key):
    """What a client signs by the key of its certificate."""
    claims = {"aud": talk.entra.url("/oauth2/v2.0/token"), "iss": client_id, "sub": client_id, "jti": uuid.uuid4().hex}
    pem = x509.load_pem_x509_certificate((talk.folder / "cert.pem").read_bytes())
    der = pem.public_bytes(Encoding.DER)
    shown = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    talk.entra.graph("PATCH", f"/applications(appId='{client_id}')", {"keyCredentials": [shown]}, status=204)
    thumbprint = base64.urlsafe_b64encode(hashlib.sha1(der).digest()).rstrip(b"=").decode()
    return jwt.encode(claims | {"nbf": now(), "exp": now() + 600}, key, algorithm="RS256", headers={"x5t": thumbprint})


def sign_in_programs(talk):
    """By a secret, by assertions of their own and of a foreign issuer; and on behalf of people."""
    entra, issuer = talk.entra, talk.service.issuer
    client_id, secret = application(talk, "shop", identifierUris=["api://shop"])
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": f"{ARM}/.default"}
    talk.grant("by secret", client_secret=secret, **form)
    talk.hear(entra.ask(client_secret=talk.add("wrong secret"), **form), 401)
    path = f"/applications(appId='{client_id}')"
    added = entra.graph("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "second"}})
    talk.add("second secret", added["secretText"])
    talk.graph("GET", path, None, 200, entra.token(GRAPH))

    body = {"name": "pod", "issuer": issuer.url, "subject": "pod", "audiences": [EXCHANGE]}
    entra.graph("POST", f"{path}/federatedIdentityCredentials", body, status=201)
    form["client_assertion_type"] = BEARER
    make_certificate(talk.folder)
    mine = own_assertion(talk, client_id, (talk.folder / "key.pem").read_text())
    assertions = {"of a pod": issuer.token(sub="pod", aud=EXCHANGE), "of its own": mine}
    for name, assertion in assertions.items():
        talk.grant(f"by assertion {name}", client_assertion=talk.add_token(f"assertion {name}", assertion), **form)
    wrong = talk.add_token("assertion of another", issuer.token(sub="other", aud=EXCHANGE))
    talk.hear(entra.ask(client_assertion=wrong, **form), 401)

    password = talk.add("password of who is served")
    entra.make_user("served@lazuli.example", password)
    by_password = {"grant_type": "password", "client_id": AZ_CLIENT, "username": "served@lazuli.example"}
    person = talk.grant("for the shop", password=password, scope="api://shop/.default", **by_password)["access_token"]
    form = {
        "grant_type": f"{GRANT}jwt-bearer", "client_id": client_id, "client_secret": secret,
        "scope": f"{ARM}/.default offline_access", "requested_token_use": "on_behalf_of",
    }  # fmt: skip
    talk.grant("on behalf", assertion=person, **form)
    talk.hear(entra.ask(assertion=talk.add_token("forged assertion", forge(person)), **form), 400)


# -- Templates ----------------------------------------------------------------------------------------------------------------


def template_of(**outputs):
    """Larger than what a body gets of memory at first. What comes before it is secret."""
    parameters = {"text": {"type": "secureString"}, "object": {"type": "secureObject"}}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0",
        "parameters": parameters, "resources": [], "outputs": outputs, "variables": {"long": "long" * 25000},
    }  # fmt: skip


def deploy_templates(talk):
    """With parameters that are secret: deployed, refused, failed, looked at first; in each form that a body comes in."""
    service = talk.service
    subscription = f"{service.endpoint}/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}"
    group = f"{subscription}/resourceGroups/lazuli"
    good = template_of(
        joined={"type": "secureString", "value": "[concat(parameters('text'), parameters('object').inner)]"},
        length={"type": "int", "value": "[length(parameters('text'))]"},
    )
    refused = template_of(number={"type": "int", "value": "[int(parameters('text'))]"})
    failed = good | {"resources": [{
        "type": "Microsoft.CognitiveServices/accounts", "apiVersion": "2024-10-01", "name": "failed", "location": "eastus",
        "kind": "[parameters('text')]", "sku": {"name": "S0"}, "properties": {},
    }]}  # fmt: skip
    small = good | {"variables": {}}

    def call(method, path, template=None, form="whole"):
        """Over a connection of its own, which stays: nothing that comes later is written over what it left."""
        data = None
        headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
        if template:
            text, inner = (talk.add(f"{name} of {method} {path} {form} {len(talk.secrets)}") for name in ("text", "object"))
            values = {"text": {"value": text}, "object": {"value": {"inner": inner}}}
            data = json.dumps({"properties": {"mode": "Incremental", "parameters": values, "template": template}}).encode()
        if data and form == "in chunks":
            data = iter([data[at : at + 5000] for at in range(0, len(data), 5000)])
        url = f"{group}{'' if path.endswith('/operations') else '/providers/Microsoft.Resources'}/deployments/{path}"
        return talk.connect().request(
            method, url, params={"api-version": RESOURCES}, data=data, headers=headers, timeout=60
        )

    for form in ("whole", "in chunks"):
        for template in (small, good):
            talk.hear(call("PUT", "good", template, form), 201 if form == "whole" and template is small else 200)
    talk.hear(call("PUT", "refused", refused), 400)
    talk.hear(call("PUT", "failed", failed), 201)
    talk.hear(call("POST", "good/validate", good), 200)
    talk.hear(call("POST", "good/whatIf", good), 200)
    for path in ("good", "good/operations"):
        talk.hear(call("GET", path), 200)
    assert talk.hear(call("GET", "failed"), 200).json()["properties"]["provisioningState"] == "Failed"
    assert "(secure)" in talk.hear(call("GET", "failed/operations"), 200).text, "the message does quote it"
    assert "joined" in talk.hear(call("POST", "good/exportTemplate"), 200).text
    events = f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    query = {"api-version": "2015-04-01", "$filter": "eventTimestamp ge '2020-01-01T00:00:00Z'"}
    headers = {"Authorization": f"Bearer {service.token}"}
    assert "(secure)" in talk.hear(requests.get(events, params=query, headers=headers, timeout=60), 200).text


TALKS = {
    "keys": use_keys,
    "tokens": carry_tokens,
    "people": sign_in_people,
    "programs": sign_in_programs,
    "templates": deploy_templates,
}


# -- The service --------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def talking(folder, *arguments, has_tls=False):
    """A talk with a service that trusts a foreign issuer; by its own certificate, or by whichever way a client comes."""
    trust = {}
    if has_tls:
        tls = folder / "tls"
        tls.mkdir()
        make_certificate(tls)
        arguments = [*arguments, *tls_arguments(tls)]
        trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(tls / "cert.pem"))
    environment = SEARCHED | {"FAR_KEY": FAR_KEY}
    with (
        unittest.mock.patch.dict(os.environ, trust),
        federating(folder, catalog=CATALOG, arguments=arguments, environment=environment) as service,
    ):
        yield Talk(service, folder)


def check_memory(name, folder, has_tls=False, at_each_step=False):
    """Nothing of what was said is in the memory of the service after its use. An answer is there before the service has written
    over what it was made of; what stays, stays."""
    with talking(folder, "--core-dumps", "--workers", "6", has_tls=has_tls) as talk:
        pid = talk.service.process.pid

        def look():
            wait_until(lambda: not places_of(pid, talk.secrets), lambda: places_of(pid, talk.secrets))

        if at_each_step:
            talk.look = look
        TALKS[name](talk)
        assert places_of(pid, {"upstream's": FAR_KEY}), "what is in use is there: the search works"
        look()
