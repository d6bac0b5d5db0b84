"""The development CA: `lazuli up` answers HTTP and TLS on one port, and tells what to trust."""

import socket
import ssl
import subprocess

import httpx
import pytest
import requests
from openai import AzureOpenAI

from certificate import tls_arguments
from conftest import SIMULATED
from service import PROGRAM, Lazuli, free_port

ASK = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def authority(simulated, tmp_path):
    """The CA's certificate as a client fetches it."""
    answer = requests.get(f"{simulated.endpoint}/ca.pem", timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-pem-file"
    file = tmp_path / "ca.pem"
    file.write_text(answer.text)
    return file


def secure(service):
    assert service.endpoint.startswith("http:")
    return service.endpoint.replace("http:", "https:")


def presented(service, authority, name):
    """The subject's names in the certificate that a client gets who asks for that name and checks it."""
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", service.port)) as bare, context.wrap_socket(
        bare, server_hostname=name
    ) as tls:  # fmt: skip
        return [name for kind, name in tls.getpeercert()["subjectAltName"]]


def test_both_on_one_port(simulated, authority):
    for base, verify in ((simulated.endpoint, True), (secure(simulated), str(authority))):
        answer = requests.get(f"{base}/healthz", verify=verify, timeout=60)
        assert (answer.status_code, answer.text) == (200, "ok\n")


def test_the_ca_is_that_of_the_folder(simulated, authority):
    assert authority.read_text() == (simulated.data / "tls" / "ca.pem").read_text()
    assert simulated.variables["LAZULI_CA_BUNDLE"] == str(simulated.data / "tls" / "ca.pem")
    assert simulated.variables["AZURE_AUTHORITY_HOST"] == secure(simulated)


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "::1", "management.azure.com", "login.microsoftonline.com", "graph.microsoft.com",
     "mine.openai.azure.com", "mine.cognitiveservices.azure.com", "mine.services.ai.azure.com",
     "eastus.api.cognitive.microsoft.com"],
)  # fmt: skip
def test_names(simulated, authority, name):
    assert "localhost" in presented(simulated, authority, name)


@pytest.mark.parametrize("name", ["example.com", "azure.com", "portal.azure.com", "a.b.openai.azure.com", "127.0.0.2"])
def test_no_other_names(simulated, authority, name):
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        presented(simulated, authority, name)


def test_nobody_trusts_it_by_himself(simulated):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{secure(simulated)}/healthz", timeout=60)


def test_curl(simulated, authority):
    line = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(authority), f"{secure(simulated)}/healthz"]
    assert subprocess.run(line, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout == b"ok\n"


def test_node(simulated, authority):
    script = f"fetch('{secure(simulated)}/healthz').then(r => r.text()).then(t => process.stdout.write(t))"
    done = subprocess.run(
        ["node", "--eval", script],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "NODE_EXTRA_CA_CERTS": str(authority)},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout == b"ok\n"


def test_openai_sdk(simulated, authority):
    """httpx checks by ssl's own rules."""
    client = AzureOpenAI(
        azure_endpoint=secure(simulated),
        api_key=simulated.key,
        api_version="2024-02-01",
        http_client=httpx.Client(verify=ssl.create_default_context(cafile=authority)),
    )
    assert client.chat.completions.create(**ASK).choices


def test_a_restart_keeps_it(tmp_path):
    with Lazuli(SIMULATED, data=tmp_path) as service:
        before = (service.data / "tls" / "ca.pem").read_text()
        served = requests.get(f"{service.endpoint}/ca.pem", timeout=60).text
    with Lazuli(SIMULATED, data=tmp_path) as service:
        assert requests.get(f"{service.endpoint}/ca.pem", timeout=60).text == before == served
        assert requests.get(f"{secure(service)}/healthz", verify=service.variables["LAZULI_CA_BUNDLE"], timeout=60).ok


def test_data_domain_and_public_base(tmp_path):
    port = free_port()
    arguments = ["--listen", f"127.0.0.1:{port}", "--data-domain", "example.com"]
    arguments += ["--public-base", f"http://lazuli.example.org:{port}/"]
    with Lazuli(SIMULATED, arguments, data=tmp_path) as service:
        assert service.variables["AZURE_AUTHORITY_HOST"] == f"https://lazuli.example.org:{port}"
        names = presented(service, service.variables["LAZULI_CA_BUNDLE"], "mine.openai.example.com")
        assert {"lazuli.example.org", "*.openai.example.com"} <= set(names)
        account = requests.get(
            f"https://127.0.0.1:{port}{service.account_id}?api-version=2023-05-01", timeout=60,
            headers={"Authorization": f"Bearer {service.token}"}, verify=service.variables["LAZULI_CA_BUNDLE"],
        ).json()  # what is set is shown, however it was asked
        assert account["properties"]["endpoint"].startswith(f"http://lazuli.example.org:{port}/accounts/")


def test_off(tmp_path):
    """Not asked for: no TLS, no CA, and nothing that says there was one."""
    with Lazuli(SIMULATED, ["--tls-development=false"], data=tmp_path) as service:
        answer = requests.get(f"{service.endpoint}/ca.pem", timeout=60)
        assert (answer.status_code, answer.json()) == (404, {"error": {"code": "404", "message": "Resource not found"}})
        assert not (service.data / "tls").exists()
        assert not {"AZURE_AUTHORITY_HOST", "LAZULI_CA_BUNDLE"} & set(service.variables)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"{secure(service)}/healthz", timeout=60)


def test_a_certificate_of_ones_own(tmp_path, certificate):
    """It is presented instead, from the start or from a reload on."""
    with Lazuli(SIMULATED, tls_arguments(certificate), data=tmp_path / "start") as service:
        assert not (service.data / "tls").exists()
        assert service.variables["AZURE_AUTHORITY_HOST"] == service.endpoint
        assert "LAZULI_CA_BUNDLE" not in service.variables
        answer = requests.get(f"{service.endpoint}/ca.pem", verify=str(certificate / "cert.pem"), timeout=60)
        assert answer.status_code == 404
    config = tmp_path / "lazuli.yaml"
    config.write_text("log_level: info\n")
    with Lazuli(SIMULATED, ["--config", str(config)], data=tmp_path / "reload") as service:
        url, own = f"{secure(service)}/healthz", str(certificate / "cert.pem")
        assert requests.get(url, verify=service.variables["LAZULI_CA_BUNDLE"], timeout=60).ok
        config.write_text(f"tls_certificate: {certificate / 'cert.pem'}\ntls_key: {certificate / 'key.pem'}\n")
        assert "reload_done" in service.reload()
        assert requests.get(url, verify=own, timeout=60).ok


def test_serve(tmp_path):
    """By its setting; alone it does for tls_required, and then there is no other way in."""
    config = tmp_path / "lazuli.yaml"
    config.write_text("tls_development: true\ntls_required: true\n")
    with Lazuli(SIMULATED, ["--config", str(config)], data=tmp_path, command="serve") as service:
        assert service.endpoint.startswith("https:")
        assert requests.get(f"{service.endpoint}/healthz", verify=service.variables["LAZULI_CA_BUNDLE"], timeout=60).ok
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(service.endpoint.replace("https:", "http:"), timeout=60)


def test_damage_is_told(tmp_path):
    with Lazuli(SIMULATED, data=tmp_path) as service:
        file = service.data / "tls" / "ca.pem"
    file.write_text("nothing")
    done = subprocess.run(
        [PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", str(service.data)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert done.returncode == 2
    assert f"{file}: no certificate can be read from it; remove the folder {file.parent} to have" in done.stderr


def test_env_as_shell(simulated):
    """Without what would turn the user's other clients away from what they trust."""
    line = [PROGRAM, "env", "--data", str(simulated.data)]
    out = subprocess.run(line, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    assert f"export AZURE_AUTHORITY_HOST='{secure(simulated)}'\n" in out
    assert f"export LAZULI_CA_BUNDLE='{simulated.data / 'tls' / 'ca.pem'}'\n" in out
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert name not in out


def test_a_folder_with_a_quote_in_its_name(tmp_path):
    with Lazuli(SIMULATED, data=tmp_path / "it's") as service:
        file = service.data / "tls" / "ca.pem"
        assert "lazuli az --data '" + str(service.data).replace("'", "'\\''") + "' " in service.log_text()
        line = ["sh", "-euc", 'eval "$("$0" env --data "$1")"; printf %s "$LAZULI_CA_BUNDLE"', PROGRAM, str(service.data)]
        assert subprocess.run(line, check=True, capture_output=True, text=True).stdout == str(file)
