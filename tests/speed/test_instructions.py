"""How many instructions a request takes, held to committed figures, so that a slow-down is a change that is seen.

Callgrind counts what lazuli executes, which is the same whatever else the machine does, so that no clock is needed. The
same service is started twice, for few and for many of the same request; the difference is what the many took. Figures
depend on the compiler: instructions.json has them for those of the Debian releases. After a change that is meant,
`SPEED_WRITE=1 make test SUITES=speed` writes them anew; docs/performance.md says what they were and why.
"""

import json
import os
import pathlib
import platform
import re
import subprocess

import pytest

from fake_upstream import FakeUpstream, chat_answer, chat_event
from service import Lazuli
from wire import Wire

FILE = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
FEW, MANY = 100, 600
PATH = "/openai/deployments/counted/chat/completions?api-version=2024-02-01"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Does Azure OpenAI support customer managed keys?"},
    {"role": "assistant", "content": "Yes, customer managed keys are supported by Azure OpenAI."},
    {"role": "user", "content": "Do other Azure AI services support this too?"},
]
TEXT = (
    "Yes, other Azure AI services also support customer managed keys. Azure AI services offer multiple options for "
    "customers to manage keys, such as using Azure Key Vault, or customer-managed keys through Azure Storage service."
)
CATALOG = """
extends: default
engines:
  - name: upstream
    upstream: {{ url: "http://127.0.0.1:{port}/v1" }}
deployments:
  - {{ deployment: counted, engine: upstream }}
"""


async def whole(call):
    await call.reply(200, chat_answer(TEXT))


async def streamed(call):
    """As many events as the request's max_tokens says, each in a write of its own."""
    await call.start_events()
    for number in range(call.json["max_tokens"]):
        await call.event(chat_event(f"word {number % 10}", finish=None))
    await call.event(chat_event(finish="stop"))
    await call.end_events()


def ask(service, count, streams):
    """`count` whole answers on one connection, or a stream of so many events."""
    with Wire(service) as wire:
        if streams:
            wire.post(PATH, json.dumps({"messages": MESSAGES, "stream": True, "max_tokens": count}).encode())
            assert b"[DONE]" in wire.read_until(b"\r\n0\r\n\r\n")
            return
        for _ in range(count):
            wire.post(PATH, json.dumps({"messages": MESSAGES}).encode())
            status, _, _, body = wire.reply()
            assert status == 200, body


def instructions(tmp_path, upstream, count, streams):
    """Of all that a service does that is asked so much."""
    log, out = tmp_path / f"callgrind-{count}", tmp_path / f"callgrind.out.{count}"
    under = ["valgrind", "--tool=callgrind", f"--log-file={log}", f"--callgrind-out-file={out}"]
    with Lazuli(catalog=CATALOG.format(port=upstream.port), arguments=["--workers", "1"], under=under) as service:
        service.deploy("counted", "gpt-4o", "2024-11-20")
        ask(service, count, streams)
    return int(re.search(r"Collected : (\d+)", log.read_text())[1])


def compiler():
    """As instructions.json names it."""
    version = subprocess.run(["gcc", "-dumpversion"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{platform.machine()} gcc-{version.split('.')[0]}"


def hold_to_figure(name, found):
    figures = json.loads(FILE.read_text())
    if os.environ.get("SPEED_WRITE"):
        figures.setdefault(compiler(), {})[name] = round(found)
        FILE.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    if compiler() not in figures:
        pytest.skip(f"there are no figures for {compiler()}; this is {found:.0f}")
    known = figures[compiler()][name]
    assert abs(found - known) <= TOLERANCE * known, f"{found:.0f} instructions for {name}, where {known} are known"


@pytest.mark.parametrize(("name", "script", "streams"), [("chat", whole, False), ("event", streamed, True)])
def test_instructions(tmp_path, name, script, streams):
    upstream = FakeUpstream()
    upstream.reset(script)
    few, many = (instructions(tmp_path, upstream, count, streams) for count in (FEW, MANY))
    upstream.stop()
    hold_to_figure(name, (many - few) / (MANY - FEW))
