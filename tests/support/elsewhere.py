"""Requests that no engine answers, as bytes: of the control plane, for a token, for what there is to see."""

import json
import urllib.parse

from entra import ARM
from service import ARM_VERSION


def request(line, credential, body=b"", kind="application/json"):
    head = [f"{line} HTTP/1.1", "Host: x", credential, f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def put(service, name):
    """A change of the control plane."""
    model = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}
    body = json.dumps({"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model}}).encode()
    line = f"PUT {service.account_id}/deployments/{name}?api-version={ARM_VERSION}"
    return request(line, f"Authorization: Bearer {service.token}", body)


def ask_for_token(service):
    v = service.variables
    form = {"grant_type": "client_credentials", "scope": f"{ARM}/.default"}
    form |= {"client_id": v["AZURE_CLIENT_ID"], "client_secret": v["AZURE_CLIENT_SECRET"]}
    body = urllib.parse.urlencode(form).encode()
    return request(f"POST /{v['AZURE_TENANT_ID']}/oauth2/v2.0/token", "Accept: */*", body, "application/x-www-form-urlencoded")


# How it is made, its status, and what is in its answer.
ELSEWHERE = {
    "the control plane": (lambda service: put(service, "alone"), 201, b'"name":"alone"'),
    "a token": (ask_for_token, 200, b'"access_token":"ey'),
    "metrics": (lambda service: request("GET /metrics", "Accept: */*"), 200, b"lazuli_requests_in_flight"),
    "v1 models": (lambda service: request("GET /openai/v1/models", f"api-key: {service.key}"), 200, b'"id":"gpt-4o-2024-11-20"'),
}
