"""Remove a secret from a text, even where its characters are escaped."""

from __future__ import annotations

import re
from functools import lru_cache

SHORTEST = 9
"""The length from which a secret is removed: shorter ones are words, such as `ollama`."""


def without_secret(text: str, secret: str) -> str:
    """Return a text in which `***` stands for a secret, in capitals, too.

    Any of its characters may be escaped as in JSON, HTML or an address, also twice.
    """
    if len(secret) < SHORTEST:
        return text
    return _pattern(secret).sub("***", text)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern for a secret, each character as it is or escaped."""
    characters = []
    for character in secret:
        code = ord(character)
        forms = (
            rf"\\*{re.escape(character)}",
            rf"\\+u{code:04x}",
            rf"%(?:25)*{code:02x}",
            rf"&(?:amp;)*#(?:0*{code}|x0*{code:x});?",
        )
        characters.append(f"(?:{'|'.join(forms)})")
    return re.compile("".join(characters), re.IGNORECASE)
