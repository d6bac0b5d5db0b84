"""Whether llama.cpp sees the model as the recipe does.

Compares the token ids and the chat template of the GGUF in llama-server with those used in training, and
looks at the embeddings: finite, and nearer for questions of like meaning.
"""

import itertools
import math

import numpy as np

from . import mixture
from .chat import Turn, render_prompt
from .server import Server
from .vocabulary import Vocabulary

ODD_TEXTS = [
    "",
    " ",
    "  two  blanks\n\n\tand a tab ",
    "don't we'll I'VE it's",
    "1234567 3.14 2024-10-21 v1beta2",
    "GPT-4o's x-ratelimit-remaining-tokens: -1!!! (???) {}[]<>",
    "Grüße aus Köln, naïve café, Ελλάδα, Москва, 東京, 😀👍",
    "https://NAME.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "x" * 300,
    "\r\nwindows\r\nlines\r\n",
    "½ ² Ⅷ ٣ 一",
]
ALIKE = [
    ("How do I rotate the keys?", "Regenerate an API key"),
    ("What is a deployment?", "Explain deployments"),
    ("Why do I get 429?", "Too many requests error"),
    ("What does TPM mean?", "tokens per minute"),
    ("How do I start lazuli?", "run lazuli with make"),
    ("Which roles are there?", "RBAC roles of Azure OpenAI"),
    ("Does it stream?", "server-sent events"),
    ("My prompt was blocked", "content filter"),
    ("What is the capital of France?", "Paris, France"),
    ("Tell me a joke", "Say something funny"),
]


def unequal_tokens(server: Server, vocabulary: Vocabulary, conversations: int = 300) -> list[str]:
    """Texts that llama.cpp splits otherwise than the tokenizer of the training."""
    talks = itertools.islice(mixture.stream(99), conversations)
    texts = ODD_TEXTS + [render_prompt(talk[:-1]) for talk in talks]
    return [text for text in texts if server.tokenize(text) != vocabulary.encode(text)]


def unequal_templates(server: Server) -> list[str]:
    """Conversations that the GGUF's template renders otherwise than `chat.render_prompt`."""
    talks = [
        [Turn("user", "Hi")],
        [Turn("system", "Be brief."), Turn("user", "Hi")],
        [Turn("system", "S"), Turn("user", "a\nb"), Turn("assistant", "c"), Turn("user", "d {x} 'q'")],
    ]
    return [render_prompt(talk) for talk in talks if server.render(talk) != render_prompt(talk)]


def cosine(a: list[float], b: list[float]) -> float:
    """Cosine of two vectors."""
    first, second = np.asarray(a), np.asarray(b)
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def embedding_report(server: Server) -> dict:
    """How often the text of like meaning is the nearest of all, and the mean cosines."""
    texts = [text for pair in ALIKE for text in pair]
    data = server.post("/v1/embeddings", {"input": texts, "model": "tiny"})["data"]
    vectors = [each["embedding"] for each in sorted(data, key=lambda each: each["index"])]
    if not all(math.isfinite(value) for vector in vectors for value in vector):
        raise ValueError("an embedding is not finite")
    firsts, seconds = vectors[0::2], vectors[1::2]
    table = [[cosine(a, b) for b in seconds] for a in firsts]
    own = [table[i][i] for i in range(len(table))]
    other = [table[i][j] for i in range(len(table)) for j in range(len(table)) if i != j]
    return {
        "dimensions": len(vectors[0]),
        "pairs": len(ALIKE),
        "nearest_is_alike": sum(max(row) == row[i] for i, row in enumerate(table)),
        "mean_cosine_alike": round(sum(own) / len(own), 3),
        "mean_cosine_different": round(sum(other) / len(other), 3),
    }
