#!/usr/bin/env python3
"""Nothing includes upwards: a file of src/LAYER/ includes only from its own layer and those listed before it."""

import pathlib
import re
import sys

LAYERS = (
    "base", "template", "net", "store", "model", "engine", "identity", "telemetry", "entra", "arm", "inference", "server",
    "load", "cli",
)  # fmt: skip

top = pathlib.Path(__file__).resolve().parent.parent / "src"
bad = []
for path in sorted(top.rglob("*.[ch]")):
    layer = path.relative_to(top).parts[0]
    if layer not in LAYERS:
        bad.append(f"{path}: '{layer}' is no layer")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*"([^"/]+)/', line)
        if include and include[1] in LAYERS and LAYERS.index(include[1]) > LAYERS.index(layer):
            bad.append(f"{path}:{number}: {layer} includes from {include[1]}, which is above it")
        elif re.match(r'\s*#\s*include\s*"[^/]*"', line):
            bad.append(f"{path}:{number}: an include path starts at its layer's folder")
print("\n".join(bad))
sys.exit(bool(bad))
