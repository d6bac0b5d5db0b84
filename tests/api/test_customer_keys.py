"""Customers' own keys: encryption.keyVaultProperties, from the store to the data plane."""

import base64
import concurrent.futures
import itertools
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Account, AccountProperties, Encryption, KeyVaultProperties, Sku
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from arm import Arm, Token
from certificate import make_certificate, tls_arguments
from entra import Entra
from secret_places import LOG_LINE, SEARCHED, memory_of, places_of
from service import PROGRAM, Lazuli
from waiting import wait_until

SIMULATED = "extends: default\ndefault_engines: { chat: sim }\n"
HELLO = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
VAULT = "contoso.vault.azure.net"
LOST = "KeyVaultEncryptionKeyNotFound"
BY_THE_SERVICE = {"properties": {"encryption": {"keySource": "Microsoft.CognitiveServices"}}}


def named(version=None, name="key"):
    """The body that names a key."""
    key = {"keyName": name, "keyVaultUri": f"https://{VAULT}/"} | ({"keyVersion": version} if version else {})
    return {"properties": {"encryption": {"keySource": "Microsoft.KeyVault", "keyVaultProperties": key}}}


class Vault:
    """A folder of keys, as an operator keeps it."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = folder / VAULT / "key"
        self.keys.mkdir(parents=True)
        self.arguments = ["--vault-key-folder", str(folder)]

    def put(self, version, key=None):
        """The key, made when it is not given."""
        key = key or os.urandom(32)
        self.write(version, base64.b64encode(key).decode() + "\n")
        return key

    def write(self, version, text):
        file = self.keys / version
        file.write_text(text)
        file.chmod(0o600)

    def point(self, version):
        """That one is the newest now."""
        self.write("current.new", version + "\n")
        (self.keys / "current.new").replace(self.keys / "current")

    def lose(self, version):
        (self.keys / version).unlink()


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "vault")


@pytest.fixture
def service(tmp_path, vault):
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=vault.arguments) as running:
        yield running


def reload(service):
    """SIGHUP, until the vaults have been asked."""
    since = len(service.log_text())
    service.reload()
    service.wait_for_log(" vault_keys_done", since, limit_s=60)
    return service.log_text()[since:]


def patch(service, body, status=200, path=""):
    answer = service.arm("PATCH", path, body)
    assert answer.status_code == status, answer.text
    return answer.json()


def keys_of(service, path=""):
    answer = service.arm("POST", path + "/listKeys")
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_other(service, name, body=None):
    """Another account of the group; its path."""
    path = service.account_id.rpartition("/")[0] + f"/{name}"
    whole = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}} | (body or {"properties": {}})
    answer = service.arm("PUT", path, whole)
    assert answer.status_code == 201, answer.text
    return path


def stored(data):
    """What is kept of each account, by its key."""
    with sqlite3.connect(data / "lazuli.db") as db:
        rows = db.execute("SELECT key, secret FROM resources WHERE type LIKE '%accounts'")
        return {key: bytes(secret) for key, secret in rows}


def unseal(key, sealed, owner):
    """As the source describes a seal: version, id of the key, nonce, ciphertext with its tag."""
    return AESGCM(key).decrypt(sealed[5:17], sealed[17:], sealed[:5] + owner.encode())


def versions_of(data):
    """By which version the keys of each account are wrapped; None: by none."""
    master = base64.b64decode((data / "master.key").read_text())
    plain = {key: unseal(master, secret, key.removeprefix("/deleted")) for key, secret in stored(data).items()}
    return {key: text[33:].split(b"\n")[2].decode() if text[0] == 2 else None for key, text in plain.items()}


# -- What is stored ------------------------------------------------------------------------------


def test_the_folder_and_the_master_key_do_not_open_it(service, vault):
    """With the vault's key they do, and with another they do not."""
    key = vault.put("1")
    keys = keys_of(service)
    patch(service, named("1"))
    assert keys_of(service) == keys
    owner = service.account_id.lower()
    master = base64.b64decode((service.data / "master.key").read_text())
    plain = unseal(master, stored(service.data)[owner], owner)
    assert plain[0] == 2 and keys["key1"].encode() not in plain and keys["key2"].encode() not in plain
    head, inner = plain[33 : plain.index(b"\n1\n") + 3], plain[plain.index(b"\n1\n") + 3 :]
    assert head == f"{VAULT}\nkey\n1\n".encode()
    bound = f"{owner}\n{VAULT}\nkey\n1"
    assert unseal(key, inner, bound).decode().split("\n") == [keys["key1"], keys["key2"]]
    for wrong in (master, os.urandom(32)):
        with pytest.raises(InvalidTag):
            unseal(wrong, inner, bound)
    patch(service, BY_THE_SERVICE)
    assert versions_of(service.data)[owner] is None
    assert keys_of(service) == keys


def test_no_key_stays_in_memory(tmp_path, vault):
    """Neither an account's, nor a vault's that is not used any more."""
    lost, kept = vault.put("1"), vault.put("2")
    arguments = ["--core-dumps", "--workers", "2", *vault.arguments]
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=arguments, environment=SEARCHED) as service:
        pid = service.process.pid
        patch(service, named("1"))
        patch(service, named("2"))
        keys = keys_of(service)
        new = service.arm("POST", "/regenerateKey", {"keyName": "Key1"}).json()
        vault.lose("1")
        for _ in range(3):  # who has asked for a key has that long to use it
            reload(service)
        assert any(kept in region for region in memory_of(pid)), "what is in use is there: the search works"
        assert not any(lost in region for region in memory_of(pid))
        secrets = {"key1": keys["key1"], "key2": keys["key2"], "new": new["key1"]}
        secrets |= {"file": base64.b64encode(kept).decode(), "lost file": base64.b64encode(lost).decode()}
        assert places_of(pid, secrets) == {}
        lines = "\n".join(LOG_LINE.findall(service.log_text()))
        assert "vault_keys_done" in lines and not [name for name, secret in secrets.items() if secret in lines]


# -- By Microsoft's SDK --------------------------------------------------------------------------


def test_by_the_sdk(tmp_path, vault):
    vault.put("1")
    vault.put("2")
    tls = tls_arguments(make_certificate(tmp_path))
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=[*tls, *vault.arguments]) as service:
        group = service.variables["LAZULI_RESOURCE_GROUP"]
        client = CognitiveServicesManagementClient(
            Token(service.token), service.variables["LAZULI_SUBSCRIPTION_ID"], base_url=service.endpoint,
            credential_scopes=["https://management.azure.com/.default"], connection_verify=str(tmp_path / "cert.pem"),
        )  # fmt: skip

        def body(version, name="key"):
            key = KeyVaultProperties(key_name=name, key_version=version, key_vault_uri=f"https://{VAULT}/")
            encryption = Encryption(key_source="Microsoft.KeyVault", key_vault_properties=key)
            properties = AccountProperties(encryption=encryption)
            return Account(location="eastus", kind="OpenAI", sku=Sku(name="S0"), properties=properties)

        made = client.accounts.begin_create(group, "own", body("1")).result()
        assert made.properties.encryption.key_vault_properties.key_version == "1"
        keys = client.accounts.list_keys(group, "own").as_dict()
        changed = client.accounts.begin_update(group, "own", body("2")).result()
        assert changed.properties.encryption.key_vault_properties.key_version == "2"
        assert client.accounts.list_keys(group, "own").as_dict() == keys
        assert client.accounts.get(group, "own").properties.encryption.key_source == "Microsoft.KeyVault"
        for refused in (body("3"), body("1", "none")):
            with pytest.raises(HttpResponseError, match="Unable to access the key") as error:
                client.accounts.begin_update(group, "own", refused).result()
            assert error.value.error.code == "BadRequest"
            assert error.value.error.target == "properties.encryption.keyVaultProperties"
        with pytest.raises(HttpResponseError, match="Unable to access the key"):
            client.accounts.begin_create(group, "other", body("3")).result()
        vault.lose("2")
        reload(service)
        with pytest.raises(HttpResponseError) as error:
            client.accounts.list_keys(group, "own")
        assert error.value.status_code == 403 and error.value.error.code == LOST
        client.accounts.begin_delete(group, "own").result()
        client.deleted_accounts.begin_purge("eastus", group, "own").result()


def test_answers_are_of_the_specification(service, vault):
    vault.put("1")
    arm = Arm(service)
    arm.make_group("customers")
    made = arm.make_account("customers", "own", **named("1")["properties"])
    assert made["properties"]["encryption"]["keyVaultProperties"]["keyVersion"] == "1"
    path = arm.account("customers", "own")
    error = arm.error("PATCH", path, named("2"))
    assert error["code"] == "BadRequest" and error["target"] == "properties.encryption.keyVaultProperties"
    arm.call("PATCH", path, BY_THE_SERVICE)


# -- Losing a key --------------------------------------------------------------------------------


def chat(service, path, **headers):
    url = f"{service.endpoint}{path}/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"
    return requests.post(url, json=HELLO, headers=headers, timeout=60)


def test_a_lost_key_locks_its_account_alone(service, vault):
    """By each way to it; who may not call it learns nothing of that; and it comes back as it was."""
    key = vault.put("1")
    patch(service, named("1"))
    other = make_other(service, "other")
    others = keys_of(service, other)["key1"]
    model = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": {"name": "gpt-4", "version": "0613"}}}
    assert service.arm("PUT", f"{other}/deployments/gpt-4", model).status_code == 201
    service.deploy("gpt-4", "gpt-4", "0613")
    own, mine = f"/accounts/{service.variables['LAZULI_ACCOUNT']}", service.key
    entra = Entra(service)
    object_id, client_id, secret = entra.make_principal("caller")
    user = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"  # Cognitive Services OpenAI User
    role = {"roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{user}", "principalId": object_id}
    assignment = "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-00000000000a"
    made = service.arm("PUT", assignment, {"properties": role | {"principalType": "ServicePrincipal"}}, version="2022-04-01")
    assert made.status_code == 201, made.text
    token = entra.ask(
        grant_type="client_credentials", client_id=client_id, client_secret=secret,
        scope="https://cognitiveservices.azure.com/.default",
    ).json()["access_token"]  # fmt: skip

    def expect(status):
        ways = [("", {"api-key": mine}), (own, {"api-key": mine}), (own, {"Authorization": f"Bearer {token}"})]
        for path, headers in ways:
            answer = chat(service, path, **headers)
            assert answer.status_code == status, answer.text
            if status == 403:
                assert answer.json()["error"]["code"] == LOST
        assert chat(service, own, **{"api-key": "w0ng" * 21}).status_code == 401
        assert chat(service, "", **{"api-key": others}).status_code == 200
        assert service.arm("POST", "/listKeys").status_code == status
        assert keys_of(service, other)["key1"] == others

    expect(200)
    vault.lose("1")
    log = reload(service)
    account = service.variables["LAZULI_ACCOUNT"]
    assert f" account_locked account={account} vault={VAULT} key=key version=1 reason=" in log
    expect(403)
    service.stop()
    service.start()
    expect(403)
    vault.put("1", key)
    assert f" account_unlocked account={account}" in reload(service)
    expect(200)


def test_the_commands_for_operators(service, vault):
    """`lazuli env` prints the key where it is told where vaults' keys are, and goes on where it is not."""
    vault.put("1")
    key = service.key
    patch(service, named("1"))

    def env(*arguments):
        line = [PROGRAM, "env", "--data", str(service.data), "--format", "json", *arguments]
        out = subprocess.run(line, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return json.loads(out.stdout)

    assert env(*vault.arguments)["AZURE_OPENAI_KEY"] == key
    assert "AZURE_OPENAI_KEY" not in env() and env()["LAZULI_ARM_TOKEN"] == service.token


# -- Rotation ------------------------------------------------------------------------------------


def test_a_rotation_leaves_nothing_to_the_old_version(service, vault):
    """Of an account that was deleted, too; and one that names its version stays with that."""
    vault.put("1")
    vault.point("1")
    patch(service, named())
    deleted, fixed = make_other(service, "deleted", named()), make_other(service, "fixed", named("1"))
    keys = [keys_of(service, path) for path in ("", deleted, fixed)]
    assert service.arm("DELETE", deleted).status_code == 200
    assert set(versions_of(service.data).values()) == {"1"}
    vault.put("2")
    vault.point("2")
    log = reload(service)
    assert log.count(" account_keys_wrapped ") == 2
    assert sorted(versions_of(service.data).values()) == ["1", "2", "2"]
    patch(service, named("2"), path=fixed)
    service.stop()
    vault.lose("1")
    service.start()
    restored = service.arm("PUT", deleted, {"location": "eastus", "properties": {"restore": True}})
    assert restored.status_code == 201, restored.text
    assert [keys_of(service, path) for path in ("", deleted, fixed)] == keys
    assert service.post("gpt-4", HELLO, headers={"api-key": keys[0]["key1"]}).status_code == 200
    assert " account_locked " not in service.log_text()


def test_a_rotation_while_the_service_is_stopped(service, vault):
    vault.put("1")
    vault.point("1")
    patch(service, named())
    keys = keys_of(service)
    service.stop()
    vault.put("2")
    vault.point("2")
    service.start()
    assert set(versions_of(service.data).values()) == {"2"}
    assert keys_of(service) == keys


ACCOUNTS = 12


def test_killed_in_mid_rotation(service, vault):
    """Some moments around a rotation's commit: it is there for all accounts, or for none."""
    vault.put("1")
    vault.point("1")
    paths = [make_other(service, f"many{i}", named()) for i in range(ACCOUNTS)]
    keys = [keys_of(service, path) for path in paths]
    for turn in range(6):
        newest = str(turn + 2)
        vault.put(newest)
        vault.point(newest)
        since = len(service.log_text())
        service.process.send_signal(signal.SIGHUP)
        if turn % 2:
            service.wait_for_log(" account_keys_wrapped ", since)
        else:
            time.sleep(turn * 0.01)
        service.kill()
        versions = {version for key, version in versions_of(service.data).items() if "/many" in key}
        assert len(versions) == 1, versions
        service.start()
        assert [keys_of(service, path) for path in paths] == keys
        assert {version for key, version in versions_of(service.data).items() if "/many" in key} == {newest}
        vault.lose(str(turn + 1))


def test_killed_while_a_key_is_named(service, vault):
    """Writers that go back and forth: what is stored opens, by the key that the account shows."""
    vault.put("1")
    vault.put("2")
    keys = keys_of(service)
    for turn in range(3):
        stop = threading.Event()

        def write(stop=stop):
            while not stop.is_set():
                for body in (named("1"), named("2"), BY_THE_SERVICE):
                    try:
                        service.arm("PATCH", "", body)
                    except requests.RequestException:
                        return

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.1 + 0.07 * turn)
        service.kill()
        stop.set()
        writer.join()
        service.start()
        assert keys_of(service) == keys
        shown = service.arm("GET", "").json()["properties"].get("encryption", {"keySource": "Microsoft.CognitiveServices"})
        named_key = shown["keyVaultProperties"]["keyVersion"] if shown["keySource"] == "Microsoft.KeyVault" else None
        assert versions_of(service.data)[service.account_id.lower()] == named_key


# -- Another master key, another place -----------------------------------------------------------


def test_another_master_key_needs_no_vault(service, vault, tmp_path):
    vault.put("1")
    patch(service, named("1"))
    deleted = make_other(service, "deleted", named("1"))
    keys = [keys_of(service), keys_of(service, deleted)]
    assert service.arm("DELETE", deleted).status_code == 200
    service.stop()
    line = [PROGRAM, "reseal", "--data", str(service.data), "--new-key-file", str(tmp_path / "new.key")]
    subprocess.run(line, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (tmp_path / "new.key").replace(service.data / "master.key")
    service.start()
    assert service.arm("PUT", deleted, {"location": "eastus", "properties": {"restore": True}}).status_code == 201
    assert [keys_of(service), keys_of(service, deleted)] == keys


def test_a_copy_of_the_data_folder(service, vault, tmp_path):
    """Where the vault's keys are it is all there; elsewhere it serves what they are not needed for."""
    vault.put("1")
    patch(service, named("1"))
    other = make_other(service, "other")
    keys, others = keys_of(service), keys_of(service, other)
    service.stop()
    for place in ("with", "without"):
        (tmp_path / place).mkdir()
        shutil.copytree(service.data, tmp_path / place / "data")
    with Lazuli(SIMULATED, data=tmp_path / "with", arguments=vault.arguments) as copy:
        assert (keys_of(copy), keys_of(copy, other)) == (keys, others)
    with Lazuli(SIMULATED, data=tmp_path / "without") as copy:
        assert copy.arm("POST", "/listKeys").status_code == 403
        assert copy.post("gpt-4", HELLO, headers={"api-key": keys["key1"]}).status_code == 403
        assert keys_of(copy, other) == others
        assert "neither vault_key_folder nor vault_key_command is set" in copy.log_text()


# -- Commands ------------------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path, vault):
    """A service whose command prints the vault's keys, those of version "slow" only once `go` is there."""
    go = tmp_path / "go"
    key = f"$(cat {shlex.quote(str(vault.keys))}/$KEY_VAULT_VERSION)"
    command = (
        f'echo asked >> {shlex.quote(str(tmp_path))}/asked; test "$KEY_VAULT_URI" = https://{VAULT}/ || exit 1; '
        f'while [ "$KEY_VAULT_VERSION" = slow ] && [ ! -e {shlex.quote(str(go))} ]; do sleep 0.02; done; echo "{key}"'
    )
    vault.put("slow")
    vault.put("quick")
    arguments = ["--vault-key-command", command, "--vault-key-timeout-ms", "30000"]
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=arguments) as running:
        running.go = go
        running.asked = tmp_path / "asked"
        yield running


def test_a_vault_that_takes_its_time_holds_nobody_up(slow):
    """Its own request waits; other writes, other vaults' keys, and the data plane do not."""
    keys = keys_of(slow)
    other = make_other(slow, "other", named("quick"))
    slow.asked.unlink()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(slow.arm, "PATCH", "", named("slow"))
        wait_until(slow.asked.exists, "the command was not started")
        assert slow.post("gpt-4", HELLO).status_code == 200
        patch(slow, {"tags": {"a": "b"}})
        patch(slow, named("quick"), path=other)
        assert keys_of(slow) == keys and not waiting.done()
        slow.go.touch()
        assert waiting.result().status_code == 200
    assert versions_of(slow.data)[slow.account_id.lower()] == "slow"
    assert keys_of(slow) == keys
    assert slow.arm("GET", "").json()["tags"] == {"a": "b"}


def test_too_many_that_wait(slow):
    """Are told to come again, and the service ends while others wait."""
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(slow.arm, "PATCH", "", named("slow")) for _ in range(12)]
        for refused in itertools.islice(concurrent.futures.as_completed(waiting), 4):
            assert refused.result().status_code == 429 and int(refused.result().headers["Retry-After"]) > 0
        slow.go.touch()
        assert sorted(answer.result().status_code for answer in waiting) == [200] * 8 + [429] * 4


def test_a_vault_that_does_not_answer(tmp_path):
    """Is waited for no longer than it may take; a SIGHUP meanwhile is done with the rest at once."""
    command = f"test -e {shlex.quote(str(tmp_path))}/hang && sleep 1000; echo {base64.b64encode(b'k' * 32).decode()}"
    arguments = ["--vault-key-command", command, "--vault-key-timeout-ms", "500"]
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=arguments) as service:
        patch(service, named("1"))
        keys = keys_of(service)
        (tmp_path / "hang").touch()
        error = patch(service, named("2"), 400)["error"]
        assert error["code"] == "BadRequest" and error["target"] == "properties.encryption.keyVaultProperties"
        assert "took longer than 500 ms" in service.log_text() and "took longer" not in error["message"]
        reload(service)
        assert keys_of(service) == keys, "nothing was said of its key"
        service.stop()
        service.start()
        assert service.arm("POST", "/listKeys").status_code == 403, "nothing is known of its key"
        (tmp_path / "hang").unlink()
        reload(service)
        assert keys_of(service) == keys


def test_a_vault_that_does_not_answer_at_the_end(tmp_path):
    """Does not keep the service from ending."""
    place = shlex.quote(str(tmp_path))
    command = f"test -e {place}/hang && {{ touch {place}/asked; sleep 1000; }}; echo {base64.b64encode(b'k' * 32).decode()}"
    arguments = ["--vault-key-command", command, "--vault-key-timeout-ms", "60000"]
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=arguments) as service:
        patch(service, named("1"))
        (tmp_path / "hang").touch()
        service.process.send_signal(signal.SIGHUP)
        wait_until((tmp_path / "asked").exists, "it was not asked")
        service.stop()  # which waits for less than the vault's minute


def test_the_command_refuses(tmp_path):
    """As an operator's that does not give a key away any more."""
    command = f"test -e {shlex.quote(str(tmp_path))}/no && exit 1; echo {base64.b64encode(b'k' * 32).decode()}"
    with Lazuli(SIMULATED, data=tmp_path / "service", arguments=["--vault-key-command", command]) as service:
        patch(service, named("1"))
        keys = keys_of(service)
        assert patch(service, named(), 400)["error"]["code"] == "BadRequest", "it names no version"
        (tmp_path / "no").touch()
        assert "ended with status 1" in reload(service)
        assert service.arm("POST", "/listKeys").status_code == 403
        (tmp_path / "no").unlink()
        reload(service)
        assert keys_of(service) == keys
