"""An embedding model with WordPiece tokens: a BERT of made-up weights, converted as models/minilm converts a real one."""

import math
import sys

import numpy
import openai
import pytest

from conftest import KEPT
from service import TOP, Lazuli

sys.path.insert(0, str(TOP / "models"))
from minilm.recipe.reference import Reference
from minilm.recipe.to_gguf import convert

ADA = "text-embedding-ada-002"
CONTEXT = 512
CATALOG = TOP / "models" / "minilm" / "catalog.yaml"
REAL_MODEL = "all-MiniLM-L6-v2-F16.gguf"
CONFIG = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": CONTEXT,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, "play", "##play", "##ing", "##ed", "naive", "!", "東", "the", "a"]
# Texts and, between [CLS] and [SEP], their pieces.
TEXTS = {
    "Playing, the  PLAY!": ["play", "##ing", "[UNK]", "the", "play", "!"],
    "Naïve 東東": ["naive", "東", "東"],
    "the played playplay a": ["the", "play", "##ed", "play", "##play", "a"],
    "other ing [MASK]": ["[UNK]", "[UNK]", "[MASK]"],
}


def made_up_weights():
    """Weights under Hugging Face's names, the same each time."""
    random = numpy.random.default_rng(1)
    width, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    weights = {}

    def norm(name):
        weights[f"{name}.weight"] = 1 + random.normal(size=width) / 10
        weights[f"{name}.bias"] = random.normal(size=width) / 10

    def dense(name, outputs, inputs):
        weights[f"{name}.weight"] = random.normal(size=(outputs, inputs)) / math.sqrt(inputs)
        weights[f"{name}.bias"] = random.normal(size=outputs) / 10

    for table, rows in (("word", len(VOCABULARY)), ("position", CONTEXT), ("token_type", 2)):
        weights[f"embeddings.{table}_embeddings.weight"] = random.normal(size=(rows, width))
    norm("embeddings.LayerNorm")
    for i in range(CONFIG["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{layer}.attention.{part}", width, width)
        norm(f"{layer}.attention.output.LayerNorm")
        dense(f"{layer}.intermediate.dense", inner, width)
        dense(f"{layer}.output.dense", width, inner)
        norm(f"{layer}.output.LayerNorm")
    return {name: value.astype(numpy.float32) for name, value in weights.items()}


WEIGHTS = made_up_weights()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    model = tmp_path_factory.mktemp("bert") / "bert.gguf"
    convert(CONFIG, WEIGHTS, VOCABULARY, model)
    catalog = CATALOG.read_text()
    assert REAL_MODEL in catalog
    catalog = catalog.replace(REAL_MODEL, str(model)) + KEPT
    with Lazuli(catalog=catalog) as service:
        service.deploy("shortened", "text-embedding-3-small", "1")
        yield service


def expected(pieces):
    ids = [VOCABULARY.index(piece) for piece in ("[CLS]", *pieces, "[SEP]")]
    return Reference(CONFIG, WEIGHTS).embed(ids)


def test_embeddings_are_those_of_the_weights(service):
    answer = service.azure().embeddings.create(model=ADA, input=list(TEXTS))
    for item, pieces in zip(answer.data, TEXTS.values(), strict=True):
        assert numpy.dot(item.embedding, expected(pieces)) > 0.9999
    assert answer.model.startswith(ADA)
    assert answer.usage.prompt_tokens == sum(len(pieces) + 2 for pieces in TEXTS.values())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens


def test_fewer_dimensions(service):
    (text, pieces), *_ = TEXTS.items()
    answer = service.azure().embeddings.create(model="shortened", input=text, dimensions=8)
    head = expected(pieces)[:8]
    assert answer.data[0].embedding == pytest.approx(head / numpy.linalg.norm(head), abs=0.01)
    assert answer.usage.prompt_tokens == len(pieces) + 2
    with pytest.raises(openai.BadRequestError) as caught:
        service.azure().embeddings.create(model="shortened", input=text, dimensions=33)
    assert caught.value.param == "dimensions"


def test_a_text_that_fills_the_context(service):
    answer = service.azure().embeddings.create(model=ADA, input="the " * (CONTEXT - 2))
    assert numpy.dot(answer.data[0].embedding, expected(["the"] * (CONTEXT - 2))) > 0.9999
    assert answer.usage.prompt_tokens == CONTEXT
    with pytest.raises(openai.BadRequestError) as caught:
        service.azure().embeddings.create(model=ADA, input="the " * (CONTEXT - 1))
    assert caught.value.code == "context_length_exceeded"
    assert f"maximum context length is {CONTEXT} tokens" in caught.value.message
