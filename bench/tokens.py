"""Calls of lazuli by an access token of its first service principal, in place of a key."""

import base64
import json
import urllib.parse
import uuid

ROLE = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"  # Cognitive Services OpenAI User
AUDIENCE = "https://cognitiveservices.azure.com"


def request(server, method, path, body, headers):
    connection = server.connect()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text)


def get_token(server):
    v = server.variables
    form = {
        "grant_type": "client_credentials", "client_id": v["AZURE_CLIENT_ID"], "client_secret": v["AZURE_CLIENT_SECRET"],
        "scope": f"{AUDIENCE}/.default",
    }  # fmt: skip
    path = f"/{v['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return request(server, "POST", path, urllib.parse.urlencode(form), headers)["access_token"]


def assign_role(server, object_id):
    v = server.variables
    scope = f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}"
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
    body = {"properties": {"roleDefinitionId": role, "principalId": object_id, "principalType": "ServicePrincipal"}}
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01"
    headers = {"Authorization": f"Bearer {v['LAZULI_ARM_TOKEN']}", "Content-Type": "application/json"}
    request(server, "PUT", path, json.dumps(body), headers)


def use(server):
    """From here on `server` is called by a token, at the account's own endpoint."""
    token = get_token(server)
    claims = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assign_role(server, claims["oid"])
    server.headers = {"Authorization": f"Bearer {token}"}
    server.path = f"/accounts/{server.variables['LAZULI_ACCOUNT']}{server.path}"
