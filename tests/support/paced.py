"""Streams that take their time: a simulator that answers at 20 tokens a second."""

import json

from service import Lazuli
from wire import Wire

MESSAGES = [{"role": "user", "content": "Hi"}]
PATH = "/openai/deployments/paced/chat/completions?api-version=2023-05-15"
PACED = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
deployments:
  - { deployment: paced, sim: { tokens_per_second: 20, answer_tokens: %d } }
"""


def start(answer_tokens=16, more="", **options):
    service = Lazuli(catalog=PACED % answer_tokens + more, **options)
    service.deploy("paced", "gpt-4o", "2024-11-20")
    return service


def begin_stream(service):
    wire = Wire(service)
    wire.post(PATH, json.dumps({"messages": MESSAGES, "stream": True}).encode())
    return wire, wire.read_until(b'"delta":{"content":"')
