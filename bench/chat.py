"""A chat completion for load tests: the request, its answer, an upstream that gives it at once, and the load."""

import json

import rig

ANSWER = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "bench-model",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Yes, other Azure AI services also support customer managed keys. Azure AI services offer multiple "
                "options for customers to manage keys, such as using Azure Key Vault, customer-managed keys in Azure Key Vault "
                "or customer-managed keys through Azure Storage service. This helps customers ensure that their data is secure.",
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 58, "completion_tokens": 68, "total_tokens": 126},
}

QUESTION = "Do other Azure AI services support this too?"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Does Azure OpenAI support customer managed keys?"},
    {"role": "assistant", "content": "Yes, customer managed keys are supported by Azure OpenAI."},
    {"role": "user", "content": QUESTION},
]

NGINX_UPSTREAM = """  server { listen %(listen)s; location / { return 200 '%(answer)s'; } }
}
"""


def make_request(prompt_bytes=0):
    """The request, its last message made as long as it takes for a body of so many bytes."""
    missing = prompt_bytes - len(json.dumps({"messages": MESSAGES}))
    text = QUESTION + " Please." * (missing // len(" Please.") + 1) if missing > 0 else QUESTION
    return {"messages": [*MESSAGES[:-1], {"role": "user", "content": text}]}


def start_upstream(bench, is_unix=False):
    """nginx on the load's core. Returns its address as nginx names it, and as catalogs do."""
    if is_unix:
        path = bench.folder / "upstream.sock"
        address, url, is_there = f"unix:{path}", f"http+unix://{path}:/v1", path.exists
    else:
        port = rig.free_port()
        address, url, is_there = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}/v1", lambda: rig.can_connect(port)
    answer = json.dumps(ANSWER, separators=(",", ":"))
    process = bench.nginx("upstream", bench.other_core, NGINX_UPSTREAM, listen=address, answer=answer)
    bench.wait_for(process, is_there)
    return address, url


def wrk_script(server, request):
    body = {"model": server.model} | request if server.model else request
    headers = {"Content-Type": "application/json"} | server.headers
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    return "\n".join(['wrk.method = "POST"', *lines, f"wrk.body = [==[{json.dumps(body)}]==]"])
