"""A plain HTTP client of the control plane. Its answers, as all others, are held against the specifications by arm_watch."""

import time

import requests
from azure.core.credentials import AccessToken

RESOURCES = "2022-12-01"
# Of Microsoft.CognitiveServices, all that answers are held against (arm_watch).
VERSIONS = [
    "2023-05-01", "2024-06-01-preview", "2024-10-01", "2025-04-01-preview", "2025-06-01", "2025-09-01", "2025-10-01-preview",
    "2025-12-01", "2026-03-01", "2026-05-01", "2026-05-15-preview",
]  # fmt: skip


class Token:
    """A token that is there already, as azure-identity would hand it over to an SDK."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *scopes, **arguments):
        return AccessToken(self.token, int(time.time()) + 3600)


class Arm:
    def __init__(self, service, version="2023-05-01"):
        self.service = service
        self.version = version
        self.subscription = f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {service.token}"

    def with_version(self, version):
        return Arm(self.service, version)

    def group(self, name):
        return f"{self.subscription}/resourceGroups/{name}"

    def account(self, group, name):
        return f"{self.group(group)}/providers/Microsoft.CognitiveServices/accounts/{name}"

    def raw(self, method, path, body=None, **arguments):
        """Any answer."""
        return self.session.request(method, self.service.endpoint + path, json=body, timeout=60, **arguments)

    def call(self, method, path, body=None, status=200, **arguments):
        """The parsed answer to a call that ends with that status."""
        version = self.version if "microsoft.cognitiveservices" in path.lower() else RESOURCES
        separator = "&" if "?" in path else "?"
        answer = self.raw(method, f"{path}{separator}api-version={version}", body, **arguments)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def error(self, method, path, body=None, status=400, **arguments):
        """The error of a call that fails with that status."""
        return self.call(method, path, body, status, **arguments)["error"]

    def make_group(self, name):
        return self.call("PUT", self.group(name), {"location": "eastus"}, 201)

    def make_account(self, group, name, status=201, **properties):
        body = {"kind": "OpenAI", "sku": {"name": "s0"}, "location": "eastus", "properties": properties}
        return self.call("PUT", self.account(group, name), body, status)
