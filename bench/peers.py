"""Other gateways: installed below .deps/bench, and started. find(NAME) is a function that starts one, or None."""

import json
import os
import shutil
import subprocess
import sys

import chat
import rig

FOLDER = rig.TOP / ".deps" / "bench"
PORTKEY = "@portkey-ai/gateway@1.15.2"
LITELLM = "litellm[proxy]==1.100.5"
KEY = "sk-bench"

LITELLM_CONFIG = """
model_list:
  - model_name: bench-model
    litellm_params: { model: openai/bench-model, api_base: "%(upstream)s", api_key: none }
general_settings: { master_key: %(key)s }
litellm_settings: { telemetry: false }
"""


def install(package, folder, *lines):
    """Runs these commands, unless they have been run for this package. False when one did not work."""
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == package:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"installing {package}", file=sys.stderr, flush=True)
    for line in lines:
        if not shutil.which(line[0]):
            print(f"skipping {package}: there is no {line[0]}", file=sys.stderr)
            return False
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            print(f"skipping {package}: it cannot be installed: {last}", file=sys.stderr)
            return False
    stamp.write_text(package)
    return True


def answer_once(server):
    """LiteLLM loads what it needs with the first request, which takes longer than the load warms up."""
    connection = server.connect()
    body = json.dumps({"model": server.model, "messages": chat.MESSAGES})
    connection.request("POST", server.path, body, {"Content-Type": "application/json"} | server.headers)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != 200:
        rig.fail(f"{server.url}: {answer.status} {text}")
    connection.close()


def start_portkey(bench, upstream):
    port = rig.free_port()
    program = FOLDER / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    environment = os.environ | {"NODE_ENV": "production"}
    process = bench.start(bench.proxy_core, ["node", program, "--headless", f"--port={port}"], env=environment)
    headers = {"Authorization": f"Bearer {KEY}", "x-portkey-provider": "openai", "x-portkey-custom-host": upstream}
    server = rig.Server(process, port, path="/v1/chat/completions", headers=headers, model="bench-model")
    bench.wait_ready(server, "/")
    return server


def start_litellm(bench, upstream):
    port = rig.free_port()
    config = bench.folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG % {"upstream": upstream, "key": KEY})
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    line = [FOLDER / "litellm" / "bin" / "litellm", "--config", config, "--host", "127.0.0.1", "--port", port, "--num_workers", 1]
    process = bench.start(bench.proxy_core, line, env=environment)
    headers = {"Authorization": f"Bearer {KEY}"}
    server = rig.Server(process, port, path="/v1/chat/completions", headers=headers, model="bench-model")
    bench.wait_ready(server, "/health/liveliness")
    answer_once(server)
    return server


def find(name):
    if name == "portkey":
        folder = FOLDER / "portkey"
        line = ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", PORTKEY]
        return start_portkey if install(PORTKEY, folder, line) else None
    if name == "litellm":
        folder = FOLDER / "litellm"
        venv = ["python3", "-m", "venv", folder]
        packages = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", LITELLM]
        return start_litellm if install(LITELLM, folder, venv, packages) else None
    sys.exit(f"--peers: there are portkey and litellm, not {name}")
