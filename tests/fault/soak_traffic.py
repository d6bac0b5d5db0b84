"""Clients of every kind, good and bad, each with a thread of its own, and what goes wrong behind the service meanwhile."""

import collections
import datetime
import http.client
import json
import os
import signal
import socket
import struct
import threading
import time

from crash_writer import Connection, Writer
from entra import ARM, AZ_CLIENT, DATA, PASSWORD, Entra
from fake_upstream import chat_answer, chat_event, obliging

CHAT = {"messages": [{"role": "user", "content": "What is a deployment?"}], "max_tokens": 24}
LONG = {"messages": [{"role": "user", "content": "long " * 60000}], "max_tokens": 24}
STREAM = CHAT | {"stream": True}
POUR = {"messages": [{"role": "user", "content": "Much, please."}], "stream": True}
AMPLE = 1_000_000  # a capacity whose limits no traffic here meets
VERSION = "2024-10-21"


async def scripted(call, chance, kept):
    """An upstream that is in order half of the time."""
    kept.clear()  # what was asked is nothing to keep
    kind = chance.choice(["good", "good", "good", "busy", "broken", "garbage", "half a head", "cut", "silent"])
    if kind == "good":
        await obliging(call)
    elif kind == "busy":
        await call.reply(429, {"error": {"message": "busy", "code": "429"}}, {"retry-after": "1"})
    elif kind == "broken":
        await call.reply(500, {"error": {"message": "broken"}})
    elif kind == "garbage":
        await call.reply(200, b'{"choices": [{]}')
    elif kind == "half a head":
        await call.raw(b"HTTP/1.1 200 OK\r\ncontent-le")
        call.cut()
    elif kind == "cut" and json.loads(call.body).get("stream"):
        await call.start_events()
        await call.event(chat_event("Scrip"))
        call.cut()
    elif kind == "cut":
        await call.head(200, {"content-length": 10000})
        await call.raw(json.dumps(chat_answer()).encode())
        call.cut()
    else:
        await call.until_left()


class Client:
    """One thread that does one thing again and again; `counts` says how it went."""

    pause_s = 0.01  # on average, between two requests: the machine has more to do

    def __init__(self, traffic, number):
        self.traffic, self.service = traffic, traffic.service
        self.chance = traffic.chance_of(f"{type(self).__name__}-{number}")
        self.counts = collections.Counter()
        self.connection = Connection(self.service)
        self.failure = None

    def run(self, stop):
        try:
            while not stop.is_set():
                self.counts[self.ask()] += 1
                stop.wait(self.pause_s * 2 * self.chance.random())
        except Exception as failure:  # the driver's thread reports it
            self.failure = failure
        self.close()

    def close(self):
        self.connection.close()

    def post(self, deployment, body, operation="chat/completions", headers=None):
        """Status and bytes."""
        connection = self.connection.open()
        headers = {"api-key": self.service.key, "Content-Type": "application/json"} | (headers or {})
        connection.request(
            "POST", f"/openai/deployments/{deployment}/{operation}?api-version={VERSION}", json.dumps(body), headers
        )
        answer = connection.getresponse()
        return answer.status, answer.read()

    def raw_request(self, deployment="paced", body=STREAM):
        """The bytes of a request."""
        text = json.dumps(body)
        return (
            f"POST /openai/deployments/{deployment}/chat/completions?api-version={VERSION} HTTP/1.1\r\nHost: h\r\n"
            f"api-key: {self.service.key}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        ).encode()


class Whole(Client):
    """Now and then of a long prompt."""

    def ask(self):
        status, body = self.post(*self.chance.choice([("gpt-4", CHAT)] * 3 + [("large", LONG)]))
        assert status == 200, body
        return status


class Stream(Client):
    def ask(self):
        status, body = self.post(self.chance.choice(["gpt-4", "paced"]), STREAM)
        assert status == 200 and body.endswith(b"data: [DONE]\n\n"), body
        return status


class Embeddings(Client):
    """Now and then an answer that a loop leaves to the pool."""

    def ask(self):
        status, body = self.post("vectors", {"input": ["a"] * self.chance.choice([1, 1, 1, 100])}, "embeddings")
        assert status == 200, body
        return status


class Faulty(Client):
    """The simulator's faults: what a client sees of them is all that is wrong."""

    def ask(self):
        fault = self.chance.choice(["status=429; retry-after-ms=10", "status=500", "cut; after=3", "malformed; after=2"])
        try:
            return self.post("gpt-4", STREAM, headers={"x-lazuli-fault": fault})[0]
        except http.client.IncompleteRead:  # a stream that broke off
            self.connection.close()
            return "cut"


class Behind(Client):
    """Of an upstream that fails as it likes: an answer or an error, but an end."""

    def ask(self):
        status, body = self.post("scripted", self.chance.choice([CHAT, STREAM]))
        assert status in (200, 408, 429, 500, 503), body
        return status


class Model(Client):
    """Of a llama-server that is killed now and then."""

    def ask(self):
        status, body = self.post("tiny", self.chance.choice([CHAT, STREAM]))
        assert status in (200, 503, 500), body
        return status


class Leaving(Client):
    """Goes at some byte of its request or of the answer, politely or not."""

    def ask(self):
        request = self.raw_request(self.chance.choice(["paced", "gpt-4", "scripted", "tiny"]))
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as s:
            if self.chance.random() < 0.3:
                s.sendall(request[: self.chance.randrange(len(request))])
                how = "in its request"
            else:
                s.sendall(request)
                s.recv(self.chance.choice([1, 100, 1000]))
                how = "in its answer"
            if self.chance.random() < 0.5:  # a reset instead of an end
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return how


class Narrow(Client):
    """Reads a long stream slower than it comes, and seldom to its end: the service has to hold it back."""

    def ask(self):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(60)
            s.connect(("127.0.0.1", self.service.port))
            s.sendall(self.raw_request("pouring", POUR))
            is_patient = self.chance.random() < 0.1
            end, reads = b"", self.chance.randrange(200)
            while is_patient or reads:
                more = s.recv(4096)
                assert more, "closed before its end"
                end = end[-100:] + more
                if end.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
                    return "to its end"
                if not is_patient:
                    reads -= 1
                    time.sleep(0.001)
        return "not to its end"


class Encrypted(Client):
    """Over TLS, to the end of the answer or not, and now and then by a new connection."""

    def __init__(self, traffic, number):
        super().__init__(traffic, number)
        self.entra = Entra(self.service)
        self.url = self.entra.base + f"/openai/deployments/{{}}/chat/completions?api-version={VERSION}"

    def ask(self):
        if self.chance.random() < 0.2:
            self.entra.session.close()
        deployment, body = self.chance.choice([("gpt-4", CHAT), ("gpt-4", STREAM), ("paced", STREAM), ("large", LONG)])
        answer = self.entra.session.post(
            self.url.format(deployment), json=body, headers={"api-key": self.service.key}, stream=True, timeout=60
        )
        assert answer.status_code == 200, answer.text
        if self.chance.random() < 0.3:
            answer.raw.read(100)
            answer.close()
            return "not to its end"
        assert answer.content.endswith(b"data: [DONE]\n\n" if body is STREAM else b"}"), answer.content
        return "to its end"

    def close(self):
        super().close()
        self.entra.session.close()


class Limited(Client):
    """Asks for more than a deployment's limits let through."""

    def ask(self):
        status, body = self.post("limited", CHAT)
        assert status in (200, 429), body
        assert self.connection.http.sock, "the connection is kept"
        return status


class Bad(Client):
    """Requests that are refused; each has its status."""

    def ask(self):
        if self.chance.random() < 0.3:
            return self.ask_raw()
        deployment, body, headers, expected = self.chance.choice(
            [
                ("gpt-4", {"messages": []}, {}, 400),
                ("gpt-4", {"messages": 1}, {}, 400),
                ("gpt-4", CHAT | {"max_tokens": -1}, {}, 400),
                ("none", CHAT, {}, 404),
                ("gpt-4", CHAT, {"api-key": "wrong"}, 401),
            ]
        )
        status, answer = self.post(deployment, body, headers=headers)
        assert status == expected, answer
        return status

    def ask_raw(self):
        request = self.chance.choice(
            [
                b"GARBAGE\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"\x16\x03\x01\x00\x05hello",
                b"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
            ]
        )
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as s:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(65536):
                    pass
            except ConnectionResetError:
                pass
        return "garbage"


class Manager(Client):
    """The control plane, written and read."""

    def __init__(self, traffic, number):
        super().__init__(traffic, number)
        self.writer = Writer(number, self.service, self.chance, lambda: None)
        self.writer.connection = self.connection
        self.writer.capacities = (1000, 1030)  # the limits of smaller ones are met

    def ask(self):
        if self.chance.random() < 0.1:
            self.writer.check()
            return "check"
        self.writer.step()
        return "write"


class Deploying(Client):
    """Templates, good ones, such that fail on the way, and such that are refused."""

    pause_s = 0.05

    def __init__(self, traffic, number):
        super().__init__(traffic, number)
        v = self.service.variables
        group = f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{v['LAZULI_RESOURCE_GROUP']}"
        self.path = f"{group}/providers/Microsoft.Resources/deployments/soak-{number}"
        self.account = f"soak-{number}"

    def ask(self):
        ways = [("Succeeded", "OpenAI", 0), ("Failed", "None such", 0), ("refused", "OpenAI", "no")]
        how, kind, length = self.chance.choice(ways)
        status, answer = self.deploy(kind, length)
        if how == "refused":
            assert status == 400, answer
            return how
        assert status in (200, 201), answer
        while (state := self.state()) not in ("Succeeded", "Failed"):
            time.sleep(0.01)
        assert state == how
        return how

    def deploy(self, kind, length):
        account = {
            "type": "Microsoft.CognitiveServices/accounts", "apiVersion": "2024-10-01", "name": self.account, "kind": kind,
            "location": "eastus", "sku": {"name": "S0"}, "properties": {},
            "tags": {"length": "[string(length(parameters('text')))]"},
        }  # fmt: skip
        template = {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0", "parameters": {"text": {"type": "secureString"}, "length": {"type": "int"}},
            "resources": [account], "outputs": {"sum": {"type": "int", "value": "[add(parameters('length'), 1)]"}},
        }  # fmt: skip
        values = {"text": {"value": f"secret {self.chance.random()}"}, "length": {"value": length}}
        body = {"properties": {"mode": "Incremental", "template": template, "parameters": values}}
        return self.connection.call("PUT", self.path, body, "2022-09-01")

    def state(self):
        status, answer = self.connection.call("GET", self.path, version="2022-09-01")
        assert status == 200, answer
        return answer["properties"]["provisioningState"]


class SignedIn(Client):
    """Gets tokens in ways good and bad, and does something with them; TLS all the way, now and then on a new connection."""

    pause_s = 0.05  # each password takes a core for some time

    def __init__(self, traffic, number):
        super().__init__(traffic, number)
        self.entra = Entra(self.service)
        self.user = f"soak-{number}@lazuli.example"
        self.entra.make_user(self.user)
        self.object_id, *self.principal = self.entra.make_principal(f"soak-{number}")

    def ask(self):
        if self.chance.random() < 0.2:
            self.entra.session.close()
        return self.chance.choice([self.by_secret, self.by_secret, self.by_password, self.badly, self.by_device, self.read_log])()

    def close(self):
        super().close()
        self.entra.session.close()

    def token(self, scope=ARM, **form):
        answer = self.entra.ask(scope=f"{scope}/.default", **form)
        return answer.status_code, answer.json().get("access_token")

    def by_secret(self):
        client_id, secret = self.principal
        status, token = self.token(DATA, grant_type="client_credentials", client_id=client_id, client_secret=secret)
        assert status == 200
        status = self.post("gpt-4", CHAT, headers={"api-key": "", "Authorization": f"Bearer {token}"})[0]
        assert status == 401, status  # it has no role
        return "token"

    def by_password(self):
        form = {"grant_type": "password", "client_id": AZ_CLIENT, "username": self.user, "password": PASSWORD}
        status, token = self.token(**form)
        assert status == 200
        assert self.entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code == 403
        return "password"

    def badly(self):
        status, _ = self.token(grant_type="client_credentials", client_id=self.principal[0], client_secret="wrong")
        assert status == 401
        answer = self.entra.arm("GET", "", self.chance.choice(["", "garbage", "a.b.c", "x" * 20000]), version="2022-12-01")
        assert answer.status_code == 401, answer.text
        return "refused"

    def by_device(self):
        """Nobody will ever enter its code."""
        answer = self.entra.ask("/oauth2/v2.0/devicecode", client_id=AZ_CLIENT, scope=f"{ARM}/.default")
        assert answer.status_code in (200, 400, 429, 503), answer.text
        return f"device code: {answer.status_code}"

    def read_log(self):
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
        query = f"$filter=eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}'&$select=eventName"
        path = f"/providers/Microsoft.Insights/eventtypes/management/values?{query}"
        answer = self.entra.arm("GET", path, self.service.token, version="2015-04-01")
        assert answer.status_code == 200, answer.text
        return "log"


CLIENTS = {
    Whole: 1, Stream: 2, Encrypted: 2, Embeddings: 1, Limited: 1, Faulty: 1, Behind: 2, Model: 1, Leaving: 3, Narrow: 2, Bad: 1,
    Manager: 2, Deploying: 2, SignedIn: 2,
}  # fmt: skip


class Disturbance(Client):
    """Kills models, and reloads the configuration, also one that is wrong."""

    pause_s = 1

    def ask(self):
        return self.chance.choice([self.kill_model, self.reload, self.reload_wrong])()

    def kill_model(self):
        for pid in self.traffic.models():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it has ended since its file was read
                continue
            return "model killed"
        return "no model"

    def reload(self):
        said = self.traffic.reload(self.chance.randint(2, 4))
        assert said == "reload_done"
        return said

    def reload_wrong(self):
        said = self.traffic.reload("many")
        assert said == "reload_refused"
        return said


class Traffic:
    """All clients, which can be let go and stopped again."""

    def __init__(self, service, chance_of, models, reload):
        self.service, self.chance_of, self.models, self.reload = service, chance_of, models, reload
        self.clients = [kind(self, n) for kind, count in CLIENTS.items() for n in range(count)]
        self.clients.append(Disturbance(self, 0))

    def flow(self, seconds):
        """For so long, or until something is not as it must be."""
        stop = threading.Event()
        threads = [threading.Thread(target=client.run, args=(stop,)) for client in self.clients]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(client.failure for client in self.clients):
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        for client in self.clients:
            if client.failure:
                raise client.failure

    def counts(self):
        total = collections.defaultdict(collections.Counter)
        for client in self.clients:
            total[type(client).__name__] += client.counts
        return {name: dict(counts) for name, counts in total.items()}
