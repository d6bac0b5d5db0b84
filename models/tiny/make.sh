#!/bin/sh
# Makes lazuli-tiny.gguf from nothing: a virtual environment, the data's checks, training, conversion, evaluation.
#
#   models/tiny/make.sh                   the whole recipe, about an hour on two cores
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
exec .venv/bin/python -m recipe "$@"
