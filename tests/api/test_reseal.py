"""lazuli reseal: another master key, and nothing that the old one opens is left."""

import base64
import binascii
import sqlite3
import subprocess

import pytest

from entra import Entra
from service import PROGRAM, Lazuli

SIMULATED = "extends: default\ndefault_engines: { chat: sim }\n"
BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


def reseal(data, key_file, *more):
    line = [PROGRAM, "reseal", "--data", str(data), "--new-key-file", str(key_file), *more]
    return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def sealed(database):
    """The ids of the keys by which what is sealed was: by their bytes, whoever wrote them."""
    with sqlite3.connect(database) as db:
        found = [(key, bytes(secret)) for key, secret in db.execute("SELECT key, secret FROM resources") if secret]
        for name, value in db.execute("SELECT name, value FROM settings"):
            try:
                raw = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue
            if raw[:1] == b"\x01" and len(raw) > 33:
                found.append((name, raw))
    return {name: raw[1:5] for name, raw in found}


@pytest.fixture
def ended(tmp_path):
    """The folder of a service that has made everything that is sealed, an account that was deleted included."""
    with Lazuli(SIMULATED, data=tmp_path) as service:
        assert Entra(service).token()
        other = service.account_id.rpartition("/")[0] + "/other"
        account = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}
        assert service.arm("PUT", other, account).status_code == 201
        keys = service.arm("POST", other + "/listKeys").json()
        assert service.arm("DELETE", other).status_code == 200
        known = service.env()
    return tmp_path, other, keys, known


def test_everything_is_sealed_anew(ended):
    folder, other, keys, known = ended
    before = sealed(folder / "data" / "lazuli.db")
    assert len(set(before.values())) == 1 and {"admin_token", "client_secret", "key_hash_secret", "signing_keys"} < set(before)
    done = reseal(folder / "data", folder / "new.key")
    assert done.returncode == 0 and f"{len(before)} secrets" in done.stdout, done.stderr
    after = sealed(folder / "data" / "lazuli.db")
    assert set(after) == set(before) and len(set(after.values())) == 1 and set(after.values()) != set(before.values())

    with pytest.raises(RuntimeError, match="not the master key"):
        Lazuli(SIMULATED, data=folder)
    (folder / "new.key").replace(folder / "data" / "master.key")
    with Lazuli(SIMULATED, data=folder) as service:
        names = ("AZURE_OPENAI_KEY", "LAZULI_ARM_TOKEN", "AZURE_CLIENT_SECRET")
        assert [service.env()[name] for name in names] == [known[name] for name in names]
        assert service.post("gpt-4", BODY).status_code == 200
        assert Entra(service).token()
        assert service.arm("PUT", other, {"location": "eastus", "properties": {"restore": True}}).status_code == 201
        assert service.arm("POST", other + "/listKeys").json() == keys


def test_what_it_refuses(ended, tmp_path):
    folder = ended[0]
    before = sealed(folder / "data" / "lazuli.db")
    with Lazuli(SIMULATED, data=folder):
        running = reseal(folder / "data", tmp_path / "new.key")
        assert running.returncode == 1 and "in use by the lazuli process" in running.stderr
    (tmp_path / "other.key").write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    (tmp_path / "other.key").chmod(0o600)
    wrong = reseal(folder / "data", tmp_path / "new.key", "--master-key-file", str(tmp_path / "other.key"))
    assert wrong.returncode == 1 and wrong.stderr.startswith("lazuli: ")
    nameless = subprocess.run([PROGRAM, "reseal", "--data", folder / "data"], capture_output=True, text=True, check=False)
    assert nameless.returncode == 2 and "--new-key-file" in nameless.stderr
    assert sealed(folder / "data" / "lazuli.db") == before
