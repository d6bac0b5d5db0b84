"""An upstream whose every answer a test writes: an HTTP server on a thread of its own that hands each request to a script.

A script is a coroutine that gets the `Call` and answers as it likes, badly too; it runs on the server's thread. `calls`
holds all that was asked, and `left` is set when the other side closes a connection before its answer was whole.
"""

import asyncio
import json
import threading
import time

from waiting import wait_until


class ClosedError(Exception):
    """The script has closed the connection."""


class Call:
    """One request and the way to answer it."""

    def __init__(self, reader, writer, method, path, headers, body):
        self.reader, self.writer = reader, writer
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.came_s = time.monotonic()

    @property
    def json(self):
        return json.loads(self.body)

    async def raw(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status=200, headers=None, content_type="application/json"):
        lines = [f"HTTP/1.1 {status} Scripted", f"content-type: {content_type}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def reply(self, status=200, body=None, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.head(status, {"content-length": len(data)} | (headers or {}))
        await self.raw(data)

    async def start_events(self):
        await self.head(200, {"transfer-encoding": "chunked"}, "text/event-stream")

    async def chunk(self, data):
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, value):
        text = value if isinstance(value, str) else json.dumps(value)
        await self.chunk(f"data: {text}\n\n".encode())

    async def end_events(self, done=True):
        if done:
            await self.event("[DONE]")
        await self.chunk(b"")

    async def until_left(self):
        """Until the other side closes the connection."""
        while await self.reader.read(1024):
            pass
        raise ConnectionResetError

    async def pour(self, data):
        """The same again and again, until the other side has had enough; 2 GiB at most."""
        for _ in range(2 * 1024**3 // len(data)):
            await self.raw(data)
        raise AssertionError("the other side took 2 GiB")

    async def close(self):
        """The end of the connection, behind all that was written."""
        await self.writer.drain()
        self.writer.close()
        raise ClosedError

    def cut(self):
        self.writer.transport.abort()


def chat_answer(text="Scripted.", **more):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {
        "id": "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "backend",
        "choices": [choice],
        "usage": usage,
    } | more


def chat_event(content=None, finish=None, **more):
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "backend",
        "choices": [choice],
    } | more


async def obliging(call):
    """A server in order: streams where it is asked to, and tells the usage where it is asked to."""
    request = json.loads(call.body or b"null") or {}
    if not request.get("stream"):
        await call.reply(200, chat_answer())
        return
    await call.start_events()
    await call.event(chat_event("Scrip"))
    await call.event(chat_event("ted."))
    await call.event(chat_event(finish="stop"))
    if (request.get("stream_options") or {}).get("include_usage"):
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        await call.event(chat_event() | {"choices": [], "usage": usage})
    await call.end_events()


def answering(status, body=None, headers=None):
    """A script that answers so, whatever it is asked."""

    async def script(call):
        await call.reply(status, body, headers)

    return script


class FakeUpstream:
    """Over TLS where there is a context for it."""

    def __init__(self, tls=None):
        self.tls = tls
        self.script = obliging
        self.calls = []
        self.left = threading.Event()
        self.writers = set()
        self.port = None
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        assert started.wait(10)

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.open())
        started.set()
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def open(self):
        """Listens: on a free port at first, after that on the same."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port or 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]

    def refuse(self, refuses=True):
        """From now on nobody listens, until refuse(False); connections that there are stay."""

        async def change():
            if refuses:
                self.server.close()
            else:
                await self.open()

        self.run(change())

    def run(self, coroutine):
        """On the server's thread, to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def answer(self, call):
        self.calls.append(call)
        try:
            await self.script(call)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
            raise

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.strip().split("\r\n")
                method, path, _ = line.split(" ")
                headers = {name.lower(): value.strip() for name, value in (r.split(":", 1) for r in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                call = Call(reader, writer, method, path, headers, body)
                call.lines = [line, *rest]
                await self.answer(call)
                if headers.get("connection") == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ClosedError):
            pass  # gone between two requests, or in the middle of one: what the test then looks at is `left`
        finally:
            self.writers.discard(writer)
            writer.close()

    def hang_up(self):
        """Closes all connections, idle ones too."""
        self.loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self.writers])

    def reset(self, script=obliging):
        self.script = script
        self.calls.clear()
        self.left.clear()

    def wait_for_calls(self, count, limit_s=10):
        wait_until(lambda: len(self.calls) >= count, lambda: f"{len(self.calls)} calls of {count}", limit_s)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
