"""Which key goes where.

A default variable belongs to one address and is sent there alone. Any other address gets a key
only if `key_env` is written for it and a person has confirmed that: `trust.settled` drops a
`key_env` without that word, so what arrives here as `written` may be used.

Every key is read from the environment by `key_for`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ankiforge.config import ANKI_KEY, LLM_KEY, ZOTERO_KEY


@dataclass(frozen=True, slots=True)
class DefaultKey:
    """The variable a key is read from when the settings name none, and whose key that is."""

    name: str
    address: re.Pattern[str]
    """Matches every spelling of a URL below the one address; anything doubtful is foreign."""

    def owns(self, url: str) -> bool:
        """Whether the key belongs to this address."""
        return self.address.fullmatch(url) is not None


def _only(scheme: str, host: str, port: str) -> re.Pattern[str]:
    # no user name, no trailing dot, no backslash, no other port; hosts are ASCII, case is free
    return re.compile(rf"{scheme}://{re.escape(host)}{port}(?:/[^\s\\]*)?", re.ASCII | re.I)


LLM = DefaultKey(LLM_KEY, _only("https", "api.openai.com", "(?::443)?"))
ZOTERO = DefaultKey(ZOTERO_KEY, _only("https", "api.zotero.org", "(?::443)?"))
ANKI = DefaultKey(ANKI_KEY, _only("http", "127.0.0.1", ":8765"))


def key_variable(default: DefaultKey, url: str, written: str) -> str:
    """The environment variable whose key may be sent to `url`; "" if none may."""
    return written or (default.name if default.owns(url) else "")


def key_for(
    default: DefaultKey, url: str, written: str, environ: Mapping[str, str] = os.environ
) -> str:
    """The key that may be sent to `url`; "" if there is none.

    Args:
        default: the service.
        url: where it would be sent.
        written: `key_env` as the settings have it, "" if they name no variable.
        environ: the environment.
    """
    name = key_variable(default, url, written)
    return environ.get(name, "").strip() if name else ""


def origin(url: str) -> str:
    """Scheme, host and port: what a confirmed key is bound to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
