"""What llama-server is held against: BERT (Devlin et al. 2018) in NumPy, from the weights as they came.

In double precision, and with nothing of llama.cpp. An embedding is the mean of the tokens, of unit length, as
the model's own `modules.json` says.
"""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: np.ndarray) -> np.ndarray:
    """The exact form, which `hidden_act: gelu` means."""
    return x * (1 + erf(x / math.sqrt(2))) / 2


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Reference:
    """A BERT in Hugging Face's form: its `config`, and its weights under Hugging Face's names."""

    def __init__(self, config: dict, weights: dict[str, np.ndarray]) -> None:
        """Take the weights in double precision."""
        self.config = config
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        """A dense layer."""
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        """Layer normalisation."""
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.config["layer_norm_eps"])
        return centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, name: str, x: np.ndarray) -> np.ndarray:
        """Every token looks at every other."""
        heads = self.config["num_attention_heads"]
        query, key, value = (
            self.linear(f"{name}.self.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        shares = softmax(query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1]))
        mixed = (shares @ value).swapaxes(0, 1).reshape(x.shape)
        return self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", mixed))

    def embed(self, ids: list[int]) -> np.ndarray:
        """The embedding of a text, given its tokens with [CLS] before and [SEP] behind."""
        word, position, kind = (
            self.weights[f"embeddings.{table}_embeddings.weight"]
            for table in ("word", "position", "token_type")
        )
        x = self.norm("embeddings.LayerNorm", word[ids] + position[: len(ids)] + kind[0])
        for i in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{i}"
            x = self.attention(f"{name}.attention", x)
            inner = gelu(self.linear(f"{name}.intermediate.dense", x))
            x = self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", inner))
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)
