"""A service whose engine misbehaves, and what is true around each fault: others notice nothing, and all recovers by itself."""

import asyncio
import concurrent.futures
import contextlib
import functools
import json
import os
import pathlib
import re
import tempfile
import threading
import time

import requests

from fake_llama import FakeLlama
from fake_upstream import FakeUpstream, chat_event, obliging
from service import Lazuli

BODY = {"messages": [{"role": "user", "content": "Hi"}]}
# Settings of the engines: `victim` has the time-outs that an operator would have, `hasty` short ones.
SETTINGS = {"victim": "", "hasty": "first_byte_timeout_ms: 500, idle_timeout_ms: 500"}
UPSTREAM = "upstream: {{ url: 'http://127.0.0.1:{port}/v1', {settings} }}"
LLAMA = "llama: {{ model: embedded, {settings} }}"
# With the usual quarantine of freed memory a bound of memory says little.
SANITIZER = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"

UNEXPECTED = {
    "error": {
        "code": "InternalServerError",
        "message": "Backend returned unexpected response. Please contact Microsoft for help.",
    }
}
TIMEOUT = {"error": {"code": "Timeout", "message": "The operation was timeout."}}
UNAVAILABLE = {
    "error": {
        "code": "ServiceUnavailable",
        "message": "The service is temporarily unable to process your request. Please try again later.",
    }
}


def is_server_error(error):
    return error["message"].startswith("The server had an error while processing your request. Sorry about that!") and (
        error["type"],
        error["param"],
        error["code"],
    ) == ("server_error", None, None)


def events_of(text):
    """The events of a stream that are JSON."""
    return [json.loads(event[6:]) for event in text.split("\n\n") if event.startswith("data: {")]


def text_of(events):
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def metric(service, name):
    """The values of a metric by their labels."""
    text = requests.get(f"{service.endpoint}/metrics").text
    return {labels: float(value) for labels, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)}


def wait_until(condition, what, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.01)


def wait_until_settled(service):
    """Nothing is in flight any more (who asks does not count)."""

    def in_flight():
        engines = metric(service, "lazuli_engine_in_flight")
        return sum(engines.values()) + metric(service, "lazuli_requests_in_flight")[""]

    wait_until(lambda: in_flight() == 0, lambda: f"{in_flight()} in flight")


def memory_mib(pid, key):
    return int(re.search(rf"^{key}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]) / 1024


@contextlib.contextmanager
def bounded_memory(service, limit_mib):
    """The resident memory does not grow by more than that at any time."""
    pid = service.process.pid
    before = memory_mib(pid, "VmRSS")
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    yield
    grown = memory_mib(pid, "VmHWM") - before
    assert grown < limit_mib, f"{grown:.0f} MiB more"


class Bystander:
    """A client of a stream that goes on while others meet a fault, and gets all of it."""

    def __init__(self, service, deployment):
        self.answer = service.post(deployment, BODY | {"stream": True, "user": "bystander"}, stream=True)
        assert self.answer.status_code == 200, self.answer.text
        self.lines = self.answer.iter_lines()
        self.seen = []
        while '"content":"begun"' not in "".join(self.seen[-1:]):
            self.seen.append(next(self.lines).decode())

    def finish(self):
        text = "\n".join([*self.seen, *(line.decode() for line in self.lines)])
        assert text_of(events_of(text)) == "begun, ended", text
        assert text.rstrip().endswith("data: [DONE]"), text


class Bystanders:
    """A script for an engine that serves bystanders well, whatever becomes of others."""

    def __init__(self, script=obliging):
        self.script = script
        self.may_end = threading.Event()

    async def __call__(self, call):
        if call.json.get("user") != "bystander":
            await self.script(call)
            return
        await call.start_events()
        await call.event(chat_event("begun"))
        while not self.may_end.is_set():
            await call.chunk(b": wait\n\n")
            await asyncio.sleep(0.02)
        await call.event(chat_event(", ended"))
        await call.event(chat_event(finish="stop"))
        await call.end_events()


class Faulty:
    """A service with the engines `victim` and `hasty`, both run by the fake `engine`, and `other`, which is in order.

    `scripts` are the fake's, from the start of the service on.
    """

    def __init__(self, kind, settings=SETTINGS, **scripts):
        self.kind = kind
        self.folder = tempfile.TemporaryDirectory(prefix="lazuli-fake-")
        self.other = FakeUpstream()
        self.engine = FakeUpstream() if kind == "upstream" else FakeLlama(self.folder.name)
        for name, script in scripts.items():
            setattr(self.engine, name, script)
        arguments = ["--llama-server", str(self.engine.program)] if kind == "llama" else []
        form = UPSTREAM if kind == "upstream" else LLAMA
        lines = ["extends: default", "engines:"]
        for name, more in settings.items():
            lines += [f"  - name: {name}", "    " + form.format(port=self.engine.port, settings=more)]
        lines += ["  - name: other", "    " + UPSTREAM.format(port=self.other.port, settings="")]
        lines += ["deployments:"] + [f"  - {{ deployment: {name}, engine: {name} }}" for name in [*settings, "other"]]
        self.service = Lazuli("\n".join(lines), arguments, environment={"ASAN_OPTIONS": SANITIZER})
        for name in [*settings, "other"]:
            self.service.deploy(name, "gpt-4o", "2024-11-20")

    def stop(self):
        self.service.__exit__()
        self.engine.stop()
        self.other.stop()
        self.folder.cleanup()

    def ask(self, deployment="victim", stream=False, **more):
        return self.service.post(deployment, BODY | {"stream": stream} | more, version="2023-05-15")

    @contextlib.contextmanager
    def asking(self, *arguments, **options):
        """Asks meanwhile; what is given waits for the answer."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            yield functools.partial(pool.submit(self.ask, *arguments, **options).result, 60)

    @contextlib.contextmanager
    def fault(self, script, deployment="victim", spares_others_of_engine=True):
        """What happens inside, with an engine that does so, concerns nobody else, and passes."""
        engine, other = Bystanders(script), Bystanders()
        self.engine.reset(engine)
        self.other.reset(other)
        bystanders = [Bystander(self.service, "other")]
        if spares_others_of_engine:
            bystanders.append(Bystander(self.service, deployment))
        self.engine.calls.clear()
        yield
        assert self.ask("other").status_code == 200
        engine.may_end.set()
        other.may_end.set()
        for bystander in bystanders:
            bystander.finish()
        self.engine.reset()
        for stream in (False, True):
            answer = self.ask(deployment, stream)
            assert answer.status_code == 200 and "Scrip" in answer.text, answer.text
        wait_until_settled(self.service)
