"""Remove a secret from a text, even where its characters are escaped."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache

SHORTEST = 9
"""The length from which a secret is removed: shorter ones are words, such as `ollama`."""


def without_secret(text: str, secret: str) -> str:
    """Return a text in which `***` stands for a secret, in capitals, too.

    Any of its characters may be escaped as in JSON, HTML or an address, also twice, and
    the whole of it may be in base64, alone or within other words, or in hexadecimal digits.
    """
    if len(secret) < SHORTEST:
        return text
    return _pattern(secret).sub("***", text)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern for a secret, each character as it is or escaped, or encoded as a whole."""
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
    plain = "".join(characters)
    encoded = map(re.escape, _encoded(secret.encode()))
    return re.compile("|".join((plain, *encoded)), re.IGNORECASE)


def _encoded(secret: bytes) -> Iterator[str]:
    """Yield a secret in hexadecimal digits, and in base64 at each of three places in a text."""
    yield secret.hex()
    for before in range(3):
        text = b64encode(bytes(before) + secret).decode().rstrip("=")
        # its first and last characters also hold what stands beside the secret
        whole = text[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
