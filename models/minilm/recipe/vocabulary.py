"""WordPiece as llama.cpp wants it.

Hugging Face marks the pieces that continue a word (`##ing`). llama.cpp marks those that begin one, by a
"phantom space" (`▁play`), puts the same mark before each word of a text, and takes the longest piece
from there. Special tokens (`[CLS]`) stand for themselves.
"""

PHANTOM_SPACE = "\u2581"
CONTINUES = "##"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def phantom(piece: str) -> str:
    """A piece of Hugging Face's vocabulary in llama.cpp's form."""
    if piece in SPECIAL:
        return piece
    if piece.startswith(CONTINUES):
        return piece.removeprefix(CONTINUES)
    return PHANTOM_SPACE + piece
