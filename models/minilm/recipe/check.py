"""Whether llama-server on the GGUF gives the tokens and embeddings that the model's own files give.

The tokens are held against Hugging Face's tokenizer, the embeddings against `reference.py`; and a sentence
has to be nearer to another of like meaning than to all that are unrelated.
"""

import shlex
from pathlib import Path

import numpy as np
from tiny.recipe.server import Server
from tokenizers import Tokenizer

from .reference import Reference
from .source import Source

AGREEMENT = 0.9999  # least cosine with the reference
CONTEXT = 512
SLOTS = 4
# As lazuli starts it, but for the pooling, which the file itself has to know.
OPTIONS = (
    *("--embeddings", "--ctx-size", str(CONTEXT * SLOTS), "--parallel", str(SLOTS)),
    *("--batch-size", str(CONTEXT), "--ubatch-size", str(CONTEXT)),
)

ALIKE = [
    ("How do I rotate the keys?", "Regenerate an API key"),
    ("Why do I get status 429?", "The service refuses me, too many requests"),
    ("The invoice has not been paid yet.", "We are still waiting for the money."),
    ("A cat sleeps on the sofa.", "The kitten is napping on the couch."),
    ("What is the capital of France?", "Paris is where the French government sits."),
    ("The train was two hours late.", "Our rail journey was badly delayed."),
    ("She plays the violin in an orchestra.", "A musician performs with her string instrument."),
    ("Heavy rain flooded the streets.", "The roads were under water after the storm."),
    ("Bake the bread for forty minutes.", "The loaf has to stay in the oven for a while."),
    ("The team won the football match.", "They beat their opponents in the soccer game."),
    ("Stocks fell sharply on Monday.", "Share prices dropped at the start of the week."),
    ("The doctor prescribed antibiotics.", "He got medicine for his infection."),
]
ODD = [
    "",
    " ",
    "a",
    "  two  blanks\n\n\tand a tab\r\n",
    "no-break\u00a0space, zero\u200bwidth, \ufeffmark, soft\u00adhyphen, bell\u0007",
    "don't we'll I'VE it's",
    "1234567 3.14 2024-10-21 $5.00 + 3% = ~7",
    "GPT-4o's x-ratelimit-remaining-tokens: -1!!! (???) {}[]<>",
    "def f(x): return x**2  # a_b.c->d",
    "https://NAME.openai.azure.com/openai/deployments/d/embeddings?api-version=2024-10-21",
    "[CLS] special [MASK] tokens [SEP] as text [UNK]",
    "<|im_start|>user\nhi<|im_end|>",
    "Grüße aus Köln, naïve café, señor, Ångström, straße",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",
    "Việt Nam, Türkiye: İstanbul ve Iğdır",
    "Ελλάδα, Αθήνα: όνομα",
    "Москва, ёлка, Йод; Київ",
    "السلام عليكم ورحمة الله",
    "שָׁלוֹם עולם",
    "東京タワー、がぎぐげご。漢字とカナ",
    "北京是中国的首都,上海不是。",
    "ไทย ภาษาไทย",
    "😀👍🏽 👩‍👩‍👧 🇩🇪 ok",
    "½ ² Ⅷ ٣ 一 ﬁ ℃ ™ № … — “quoted” «so»",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠀀",
    "x" * 100,
    "unbelievablyantidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "How do I rotate the keys of an account? " * 25,
    "token " * (CONTEXT - 2),
]
# Here llama.cpp makes other tokens; the README says why.
KNOWN_TO_DIFFER = {
    "Hangul": "서울은 한국의 수도이다",
    "Devanagari": "नमस्ते हिन्दी",
    "a word of 101 letters": "x" * 101,
}


def embeddings(server: Server, texts: list[str]) -> np.ndarray:
    """What llama-server makes of the texts, a row each."""
    data = server.post("/v1/embeddings", {"input": texts, "model": "minilm"})["data"]
    return np.array([each["embedding"] for each in sorted(data, key=lambda each: each["index"])])


def same_tokens(server: Server, tokenizer: Tokenizer, text: str) -> bool:
    """Whether llama.cpp splits a text as Hugging Face's tokenizer does."""
    body = {"content": text, "add_special": True, "parse_special": True}
    return server.post("/tokenize", body)["tokens"] == tokenizer.encode(text).ids


def nearest_is_alike(vectors: np.ndarray) -> tuple[int, float, float]:
    """Of pairs in a row: whose partner is nearest, and the mean cosines within and between pairs."""
    table = vectors @ vectors.T
    partner = np.arange(len(vectors)) ^ 1
    np.fill_diagonal(table, -1)
    within = table[np.arange(len(vectors)), partner]
    others = len(vectors) * (len(vectors) - 2)
    between = (table.sum() + len(vectors) - within.sum()) / others
    return int((table.argmax(axis=1) == partner).sum()), float(within.mean()), float(between)


def run(model: Path, source: Source, command: str) -> bool:
    """Print the comparison, and say whether all is well; `command` is the path of llama-server."""
    tokenizer = Tokenizer.from_str(source.tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    reference = Reference(source.config, source.weights)
    alike = [text for pair in ALIKE for text in pair]
    texts = [*alike, *ODD, *KNOWN_TO_DIFFER.values()]
    with Server(shlex.quote(command), model, None, *OPTIONS) as server:
        same = [same_tokens(server, tokenizer, text) for text in texts]
        found = embeddings(server, texts)
    wanted = np.array([reference.embed(tokenizer.encode(text).ids) for text in texts])
    cosines = (found * wanted).sum(axis=1)
    count = len(alike) + len(ODD)
    near, within, between = nearest_is_alike(found[: len(alike)])
    print(f"tokens: as Hugging Face's for {sum(same[:count])} of {count} texts")
    print(f"embeddings: the least cosine with the reference is {cosines[:count].min():.6f}")
    print(f"meaning: {near} of {len(alike)} sentences have the one of like meaning as the nearest;")
    print(f"  mean cosine {within:.2f} to that one, {between:.2f} to all others")
    for name, cosine in zip(KNOWN_TO_DIFFER, cosines[count:], strict=True):
        print(f"known to differ: {name}, cosine {cosine:.2f}")
    return all(same[:count]) and cosines[:count].min() >= AGREEMENT and near == len(alike)
