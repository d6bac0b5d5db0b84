"""A service whose engine misbehaves, and what is true around each fault: others notice nothing, and all recovers by itself."""

import asyncio
import concurrent.futures
import contextlib
import functools
import itertools
import json
import re
import socket
import tempfile
import threading
import time

from certificate import serving_tls
from fake_llama import FakeLlama
from fake_upstream import FakeUpstream, chat_event, obliging
from memory import SMALL_QUARANTINE
from service import ONE_LOOP, Lazuli
from waiting import wait_until

BODY = {"messages": [{"role": "user", "content": "Hi"}]}
# Settings of the engines: `victim` has the time-outs that an operator would have, `hasty` short ones.
SETTINGS = {"victim": "", "hasty": "first_byte_timeout_ms: 1500, idle_timeout_ms: 1500"}
UPSTREAM = "upstream: {{ url: 'http://127.0.0.1:{port}/v1', {settings} }}"
LLAMA = "llama: {{ model: embedded, {settings} }}"
LATE_S_MAX = 1.2  # of an event of a bystander; below the time-outs, so that nobody can have waited for one of another's


@contextlib.contextmanager
def full_port():
    """A port that neither takes nor refuses connections: the queue of its socket is full, as behind a firewall that swallows
    what it gets."""
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def events_of(text):
    """The events of a stream that are JSON."""
    return [json.loads(event[6:]) for event in text.split("\n\n") if event.startswith("data: {")]


def text_of(events):
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def wait_until_settled(service):
    """Nothing is in flight any more (who asks does not count)."""

    def in_flight():
        values = service.metrics()
        engines = [value for name, value in values.items() if name.startswith("lazuli_engine_in_flight{")]
        assert engines
        return sum(engines, values["lazuli_requests_in_flight"])

    wait_until(lambda: in_flight() == 0, lambda: f"{in_flight()} in flight")


class Bystander:
    """A client of a stream that goes on while others meet a fault, and gets all of it, each event as soon as it is sent."""

    def __init__(self, service, deployment):
        self.deployment = deployment
        self.answer = service.post(deployment, BODY | {"stream": True, "user": "bystander"}, stream=True)
        assert self.answer.status_code == 200, self.answer.text
        self.begun = threading.Event()
        self.lines, self.late_s = [], [0]
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        assert self.begun.wait(20), self.lines

    def _read(self):
        for line in self.answer.iter_lines():
            now_ns = time.monotonic_ns()
            self.lines.append(line.decode())
            self.late_s += [(now_ns - int(at)) / 1e9 for at in re.findall(r"@(\d+)", self.lines[-1])]
            if '"content":"begun"' in self.lines[-1]:
                self.begun.set()

    def finish(self):
        self.thread.join(30)
        assert not self.thread.is_alive(), f"{self.deployment} has not ended: {self.lines[-4:]}"
        text = "\n".join(self.lines)
        first, *numbers, last = re.sub(r"@\d+", "", text_of(events_of(text))).split()
        assert (first, last) == ("begun", "ended") and numbers == [str(n) for n in range(len(numbers))], text
        assert text.rstrip().endswith("data: [DONE]"), text
        print(f"{len(numbers)} events of {self.deployment}, at most {max(self.late_s) * 1000:.0f} ms late")
        assert max(self.late_s) < LATE_S_MAX, self.late_s


class Bystanders:
    """A script for an engine that serves bystanders well, whatever becomes of others: an event every 20 ms, which says its
    number and when it was sent."""

    def __init__(self, script=obliging):
        self.script = script
        self.may_end = threading.Event()

    async def __call__(self, call):
        if call.json.get("user") != "bystander":
            await self.script(call)
            return
        await call.start_events()
        await call.event(chat_event("begun"))
        for number in itertools.count():
            if self.may_end.is_set():
                break
            await call.event(chat_event(f" {number}@{time.monotonic_ns()}"))
            await asyncio.sleep(0.02)
        await call.event(chat_event(" ended"))
        await call.event(chat_event(finish="stop"))
        await call.end_events()


class Faulty:
    """A service with the engines `victim` and `hasty`, both run by the fake `engine`, and `other`, which is in order. All are
    served by the same loop, so that what keeps it from one of them keeps it from all.

    `deployments` are more than the one of chat of each engine: by their names the engine, the model and its version. `scripts`
    are the fake's, from the start of the service on. `tls` is the folder of a certificate by which an upstream is called.
    """

    def __init__(self, kind, settings=SETTINGS, data=None, environment=None, deployments=None, tls=None, **scripts):
        self.kind = kind
        self.folder = tempfile.TemporaryDirectory(prefix="lazuli-fake-")
        self.other = FakeUpstream()
        self.engine = FakeUpstream(tls and serving_tls(tls)) if kind == "upstream" else FakeLlama(self.folder.name)
        for name, script in scripts.items():
            setattr(self.engine, name, script)
        arguments = ["--llama-server", str(self.engine.program)] if kind == "llama" else []
        form = UPSTREAM if kind == "upstream" else LLAMA
        if tls:
            form = form.replace("http:", "https:").replace("{settings}", f"ca_file: {tls / 'cert.pem'}, {{settings}}")
        lines = ["extends: default", "engines:"]
        for name, more in settings.items():
            lines += [f"  - name: {name}", "    " + form.format(port=self.engine.port, settings=more)]
        lines += ["  - name: other", "    " + UPSTREAM.format(port=self.other.port, settings="")]
        deployments = {name: (name, "gpt-4o", "2024-11-20") for name in [*settings, "other"]} | (deployments or {})
        lines += ["deployments:"]
        lines += [f"  - {{ deployment: {name}, engine: {engine} }}" for name, (engine, *_) in deployments.items()]
        environment = SMALL_QUARANTINE | ONE_LOOP | (environment or {})
        self.service = Lazuli("\n".join(lines), arguments, data=data, environment=environment)
        for name, (_, *model) in deployments.items():
            self.service.deploy(name, *model)

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
