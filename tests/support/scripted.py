"""A deployment behind which a script of the test's own answers (fake_upstream.py)."""

import json

PATH = "/openai/deployments/scripted/chat/completions?api-version=2024-10-21"
ASKED = {"messages": [{"role": "user", "content": "Hi"}]}
WHOLE = json.dumps(ASKED).encode()
STREAM = json.dumps(ASKED | {"stream": True}).encode()
CATALOG = """
extends: default
engines:
  - name: scripted
    upstream: {{ url: "http://127.0.0.1:{port}/v1" }}
deployments:
  - {{ deployment: scripted, engine: scripted }}
"""
