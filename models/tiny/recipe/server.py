"""A llama-server of our own on a loopback port, for checking and evaluating the GGUF itself."""

import json
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from .chat import Conversation


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Starts llama-server on entering, ends it on leaving."""

    def __init__(self, command: str, model: Path, folder: Path | None = None, *options: str) -> None:
        """`command` starts llama-server; `folder` is where it finds its CPU backends, if not by itself."""
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.words = [
            *shlex.split(command),
            *("--model", str(model.resolve()), "--host", "127.0.0.1", "--port", str(port)),
            *("--parallel", "4", "--ctx-size", "16384", "--no-webui", "--jinja"),
            *options,
        ]
        self.folder = folder
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Server":
        """Start, and wait until the model is loaded."""
        self.process = subprocess.Popen(
            self.words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            if self.process.poll() is not None:
                raise RuntimeError(f"llama-server ended with {self.process.returncode}: {self.words}")
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return self
        raise TimeoutError("llama-server did not become ready")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(20)

    def post(self, path: str, body: dict) -> dict:
        """One JSON call."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def chat(self, talk: Conversation) -> str:
        """The greedy answer to a conversation."""
        messages = [{"role": turn.role, "content": turn.text} for turn in talk]
        body = {"messages": messages, "temperature": 0, "max_tokens": 400}
        return self.post("/v1/chat/completions", body)["choices"][0]["message"]["content"]

    def chats(self, talks: list[Conversation]) -> list[str]:
        """Answers to many conversations, four at a time."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(self.chat, talks))

    def tokenize(self, text: str) -> list[int]:
        """Token ids as llama.cpp makes them."""
        return self.post("/tokenize", {"content": text, "parse_special": True})["tokens"]

    def render(self, talk: Conversation) -> str:
        """What the template in the GGUF makes of a conversation."""
        messages = [{"role": turn.role, "content": turn.text} for turn in talk]
        return self.post("/apply-template", {"messages": messages})["prompt"]
