"""Remove a secret from a text, even where somebody has encoded it."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from urllib.parse import quote

SHORTEST = 9
"""The length from which a secret is removed: shorter ones are words, such as `ollama`."""


def without_secret(text: str, secret: str) -> str:
    """Return a text in which `***` stands for a secret, in any of the usual encodings.

    These are capitals, the escapes of JSON, HTML, addresses and programming languages,
    hexadecimal digits, and Base64 in both alphabets, wherever the secret is in what
    was encoded.
    """
    if len(secret) < SHORTEST:
        return text
    return _pattern(secret).sub("***", text)


@lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern for a secret in its encodings."""
    characters = "".join(map(_character, secret))
    digits = r"(?:[\s:]|\\x|0x)?".join(secret.encode().hex(" ").split())
    encoded = "|".join(_in_base64(secret.encode()))
    return re.compile(f"(?i:{characters})|(?i:{digits})|{encoded}")


def _character(character: str) -> str:
    """Return a pattern for one character, as it is or escaped."""
    code = ord(character)
    forms = [
        re.escape(character),
        rf"\\+u(?:\{{0*{code:x}\}}|{code:04x})",  # JSON, also twice; JavaScript
        rf"\\+U{code:08x}",
        rf"\\+x{code:02x}",
        rf"\\+0*{code:o}",
        rf"\\+{re.escape(character)}",
        *(f"%(?:25)*{byte:02x}" for byte in character.encode()),
        rf"&(?:amp;)*#0*{code};?",
        rf"&(?:amp;)*#x0*{code:x};?",
    ]
    return f"(?:{'|'.join(forms)})"


def _in_base64(secret: bytes) -> set[str]:
    """Return patterns for the part of its Base64 that stays whatever surrounds it.

    Three bytes are four letters, so there are three of them.
    """
    patterns = set()
    for before in range(3):
        surrounded = bytes(before) + secret + bytes(3)
        letters = b64encode(surrounded).decode()
        # a letter has six bits, and those at the ends are not only of the secret
        start = -(-before * 8 // 6)
        end = (before + len(secret)) * 8 // 6
        unaffected = letters[start:end]
        for_urls = unaffected.replace("+", "-").replace("/", "_")
        for form in (unaffected, for_urls, quote(unaffected, safe="")):
            # one more letter on each side holds some bits of the secret
            patterns.add(rf"[\w+/-]?{re.escape(form)}[\w+/-]?=*")
    return patterns
