"""Services under valgrind that are asked for few or for many of the same: the difference is what the many took."""

import contextlib
import dataclasses
import json
import shutil

import requests

from fake_upstream import FakeUpstream, chat_answer, chat_event
from service import Lazuli
from wire import Wire

FEW, MANY = 100, 600
PATH = "/openai/deployments/counted/chat/completions?api-version=2024-02-01"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Does Azure OpenAI support customer managed keys?"},
    {"role": "assistant", "content": "Yes, customer managed keys are supported by Azure OpenAI."},
    {"role": "user", "content": "Do other Azure AI services support this too?"},
]
# eighty lines, an escape in each
LINE = "The quick brown fox jumps over the lazy dog, and then runs back into the forest.\n"
DOCUMENT = [{"role": "user", "content": LINE * 80}]
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


@dataclasses.dataclass(frozen=True)
class Kind:
    script: object  # the upstream's
    streams: bool = False
    messages: object = dataclasses.field(default_factory=lambda: MESSAGES)
    settings: tuple = ()


def ask(service, count, kind):
    """`count` whole answers on one connection, or a stream of so many events."""
    with Wire(service) as wire:
        if kind.streams:
            wire.post(PATH, json.dumps({"messages": kind.messages, "stream": True, "max_tokens": count}).encode())
            assert b"[DONE]" in wire.read_until(b"\r\n0\r\n\r\n")
            return
        for _ in range(count):
            wire.post(PATH, json.dumps({"messages": kind.messages}).encode())
            status, _, _, body = wire.reply()
            assert status == 200, body


# Whole answers, events of a stream, and whole answers to a long prompt, of which no limit's tokens are enough.
KINDS = {
    "chat": Kind(whole),
    "event": Kind(streamed, streams=True),
    "document": Kind(whole, messages=DOCUMENT, settings=("--rate-limits=false",)),
}


@contextlib.contextmanager
def upstream_for(kind):
    upstream = FakeUpstream()
    upstream.reset(kind.script)
    yield upstream
    upstream.stop()


def begun(tmp_path, upstream):
    """The folder of a service that has made its keys: how long it looks for primes is left to chance."""
    folder = tmp_path / "begun"
    if not folder.exists():
        with Lazuli(CATALOG.format(port=upstream.port), data=folder) as service:
            service.deploy("counted", "gpt-4o", "2024-11-20")
            assert requests.get(f"{service.endpoint}/common/discovery/keys", timeout=60).json()["keys"]
    return folder


def run(options, tmp_path, upstream, count, kind):
    """What valgrind, called with these options, tells at the end of a service that was asked so much."""
    log = tmp_path / f"valgrind-{count}"
    under = ["valgrind", f"--log-file={log}", *options]
    data = shutil.copytree(begun(tmp_path, upstream), tmp_path / str(count))
    with Lazuli(CATALOG.format(port=upstream.port), ["--workers", "1", *kind.settings], data=data, under=under) as service:
        ask(service, count, kind)
    return log.read_text()
