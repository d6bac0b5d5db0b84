"""The identity provider of a running Lazuli, as its clients see it: principals by Graph, tokens by hand."""

import html.parser
import time
import uuid

import jwt
import requests
from azure.identity import ClientSecretCredential
from cryptography.hazmat.primitives.asymmetric import rsa

ARM = "https://management.azure.com"
DATA = "https://cognitiveservices.azure.com"
AZ_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # a public client that everybody has: the Azure CLI
PASSWORD = "Correct-horse-9"


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


class Entra:
    """Endpoints over TLS, trusted by the service's own CA."""

    def __init__(self, service):
        self.service = service
        self.base = service.endpoint.replace("http:", "https:")
        self.ca = str(service.data / "tls" / "ca.pem")
        self.tenant = service.variables["AZURE_TENANT_ID"]
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, self.ca

    def url(self, path):
        return f"{self.base}/{self.tenant}{path}"

    def options(self):
        """For credentials of azure-identity."""
        return {"authority": self.base, "disable_instance_discovery": True, "connection_verify": self.ca}

    def secret_credential(self, client_id=None, secret=None):
        v = self.service.variables
        return ClientSecretCredential(
            self.tenant, client_id or v["AZURE_CLIENT_ID"], secret or v["AZURE_CLIENT_SECRET"], **self.options()
        )

    def token(self, scope=ARM, **credential):
        with self.secret_credential(**credential) as known:  # else its connection stays open
            return known.get_token(f"{scope}/.default").token

    def ask(self, path="/oauth2/v2.0/token", **form):
        """A bare request of an endpoint of OAuth."""
        return self.session.post(self.url(path), data=form, timeout=60)

    def ask_as_first(self, **form):
        """The same as the first service principal."""
        v = self.service.variables
        form = {"client_id": v["AZURE_CLIENT_ID"], "client_secret": v["AZURE_CLIENT_SECRET"]} | form
        return self.ask(**{"grant_type": "client_credentials", "scope": f"{ARM}/.default"} | form)

    def graph(self, method, path, body=None, token=None, status=None):
        """A call of Graph as the first service principal, or whose token it is."""
        headers = {"Authorization": f"Bearer {token or self.token('https://graph.microsoft.com')}"}
        answer = self.session.request(method, f"{self.base}/v1.0{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code == status or (status is None and answer.ok), answer.text
        return answer.json() if answer.content else None

    def make_user(self, name, password=PASSWORD, **more):
        profile = {"password": password, "forceChangePasswordNextSignIn": False}
        body = {"displayName": name, "userPrincipalName": name, "accountEnabled": True, "passwordProfile": profile}
        return self.graph("POST", "/users", body | more)

    def make_principal(self, name, **more):
        """An application with its service principal and a secret: (object id, client id, secret)."""
        app = self.graph("POST", "/applications", {"displayName": name} | more)
        secret = self.graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": {"displayName": "x"}})
        principal = self.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
        return principal["id"], app["appId"], secret["secretText"]

    def arm(self, method, path, token, body=None, version="2022-04-01"):
        """A call of ARM with that token; `path` is behind the subscription unless it is a scope."""
        url = f"{self.base}/subscriptions/{self.service.variables['LAZULI_SUBSCRIPTION_ID']}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.request(method, url, json=body, params={"api-version": version}, headers=headers, timeout=60)

    def assign(self, object_id, role_id, scope="", kind="ServicePrincipal"):
        """Gives a role, at the subscription or below it."""
        definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role_id}"
        body = {"properties": {"roleDefinitionId": definition, "principalId": object_id, "principalType": kind}}
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        answer = self.arm("PUT", path, self.service.token, body)
        assert answer.status_code == 201, answer.text
        return answer.json()


class Form(html.parser.HTMLParser):
    """The fields of a page's form, and where it goes."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.action, self.alert, self.in_alert = {}, None, "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes.get("value", "")
        self.in_alert = attributes.get("role") == "alert"

    def handle_data(self, data):
        if self.in_alert:
            self.alert += data

    def handle_endtag(self, tag):
        self.in_alert = False


def forge(token, key=None, algorithm="RS256", headers=None, **claims):
    """A token with the same claims but these, signed by somebody else."""
    header = jwt.get_unverified_header(token)
    body = claims_of(token) | claims
    body = {name: value for name, value in body.items() if value is not None}
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(body, key, algorithm=algorithm, headers={"kid": header["kid"]} | (headers or {}))


def now():
    return int(time.time())
