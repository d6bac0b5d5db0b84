#!/bin/sh
# Makes lazuli-tiny.gguf from nothing: a virtual environment, the data's checks, training, conversion, evaluation.
#
#   models/tiny/make.sh                   the whole recipe, an hour or so on two cores
#   models/tiny/make.sh --quick           the same steps in a few minutes, for trying the recipe
#   models/tiny/make.sh evaluate          one step: check, train, convert or evaluate
#
# The GGUF is evaluated as well where llama-server is on the PATH, or given with --llama-server COMMAND.
set -eu
cd "$(dirname "$0")"
if ! cmp -s requirements.txt .venv/requirements.txt; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --requirement requirements.txt
    cp requirements.txt .venv/requirements.txt
fi
# Large pages for the network's arrays: a quarter less time for a step where the kernel has them.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184}"
exec .venv/bin/python -m recipe "$@"
