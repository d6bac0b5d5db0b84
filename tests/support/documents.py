"""The documents in tests/seeds, whose commands run as they stand."""

import pathlib
import re
import textwrap

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "seeds"


def blocks(document, language):
    """The document's code blocks in a language, in order."""
    text = (FOLDER / document).read_text()
    return [textwrap.dedent(body) for body in re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
