"""Services under valgrind that are asked for few or for many of the same: the difference is what the many took."""

import contextlib
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


# Whole answers, and events of a stream.
KINDS = {"chat": (whole, False), "event": (streamed, True)}


@contextlib.contextmanager
def asking(kind):
    """The upstream for that, and whether it streams."""
    script, streams = KINDS[kind]
    upstream = FakeUpstream()
    upstream.reset(script)
    yield upstream, streams
    upstream.stop()


def begun(tmp_path, upstream):
    """The folder of a service that has made its keys: how long it looks for primes is left to chance."""
    folder = tmp_path / "begun"
    if not folder.exists():
        with Lazuli(CATALOG.format(port=upstream.port), data=folder) as service:
            service.deploy("counted", "gpt-4o", "2024-11-20")
            assert requests.get(f"{service.endpoint}/common/discovery/keys", timeout=60).json()["keys"]
    return folder


def run(options, tmp_path, upstream, count, streams):
    """What valgrind, called with these options, tells at the end of a service that was asked so much."""
    log = tmp_path / f"valgrind-{count}"
    under = ["valgrind", f"--log-file={log}", *options]
    data = shutil.copytree(begun(tmp_path, upstream), tmp_path / str(count))
    with Lazuli(CATALOG.format(port=upstream.port), ["--workers", "1"], data=data, under=under) as service:
        ask(service, count, streams)
    return log.read_text()
