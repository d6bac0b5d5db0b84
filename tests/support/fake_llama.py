"""A `llama-server` that does as a test says: a program for --llama-server whose socket is served by the test.

The program tells the test where it was to listen, and is a real process: lazuli starts, watches and kills it. `start` is a
script that gets each `Process`; requests go to `script` as those of FakeUpstream do, GET /health to `health`, GET /props to
`properties`, and questions how many tokens a prompt has to `counts`.
"""

import asyncio
import pathlib
import stat

from fake_upstream import FakeUpstream

PROGRAM = """#!/usr/bin/env python3
import socket, sys
with socket.create_connection(("127.0.0.1", {port})) as control:
    control.sendall(sys.argv[sys.argv.index("--host") + 1].encode() + b"\\n")
    for line in control.makefile():
        word, _, rest = line.rstrip("\\n").partition(" ")
        if word == "exit":
            sys.exit(int(rest))
        print(rest, file=sys.stderr, flush=True)
"""
PROPERTIES = {
    "chat_template_caps": {"supports_tools": True},
    "default_generation_settings": {"n_ctx": 1000000},
}


class Process:
    """One run of the program."""

    def __init__(self, owner, path, control):
        self.owner, self.path, self.control = owner, path, control
        self.server = None
        self.connections = []

    async def serve(self):
        self.server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader, writer):
        self.connections.append(writer)
        await self.owner._serve(reader, writer)

    def say(self, line):
        self.control.write(f"say {line}\n".encode())

    def exit(self, code):
        self.control.write(f"exit {code}\n".encode())

    async def refuse(self):
        """It goes on running, but nobody listens any more."""
        self.server.close()

    def end(self):
        """The process has ended, and its connections with it."""
        if self.server:
            self.server.close()
        for writer in self.connections:
            writer.transport.abort()


async def serve_at_once(process):
    await process.serve()


async def be_well(call):
    await call.reply(200, {"status": "ok"})


async def tell_properties(call):
    await call.reply(200, PROPERTIES)


async def count(call):
    await call.reply(200, {"input_tokens": 3})


class FakeLlama(FakeUpstream):
    def __init__(self, folder):
        super().__init__()
        self.processes = []
        self.probes = 0
        self.reset()
        self.program = pathlib.Path(folder) / "llama-server"
        self.program.write_text(PROGRAM.format(port=self.control_port))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    async def open(self):
        server = await asyncio.start_server(self._control, "127.0.0.1", 0)
        self.control_port = server.sockets[0].getsockname()[1]

    async def _control(self, reader, writer):
        path = (await reader.readline()).decode().strip()
        process = Process(self, path, writer)
        self.processes.append(process)
        try:
            await self.start(process)
            while await reader.read(1024):
                pass
        except ConnectionError:
            pass  # it was killed
        finally:
            process.end()
            writer.close()

    async def answer(self, call):
        if call.path == "/health":
            self.probes += 1
            await self.health(call)
        elif call.path == "/props":
            await self.properties(call)
        elif call.path.endswith("/input_tokens"):
            await self.counts(call)
        else:
            await super().answer(call)

    def reset(self, *script):
        super().reset(*script)
        self.start, self.health, self.properties, self.counts = serve_at_once, be_well, tell_properties, count
