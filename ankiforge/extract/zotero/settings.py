"""Which libraries to read, and the addresses of Zotero's APIs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ankiforge.config import (
    ZOTERO,
    ZOTERO_WEB,
    is_loopback,
    key_for,
    key_variable,
    origin,
)
from ankiforge.errors import ConfigError

LOCAL = "http://127.0.0.1:23119/api"
_GROUP = re.compile(r"(?:groups?[./])?([1-9]\d{0,17})")
_HINT = "user, the number of a group, groups/<number>, or a list of these"

Setting = str | int | tuple[str | int, ...]
Wanted = frozenset[int | None] | None
"""The selected groups by number, None for the user's own library; None instead of the set for all."""


def wanted(setting: Setting) -> Wanted:
    """Parse the setting `library`.

    Raises:
        ConfigError: it does not name a library.
    """
    words = setting if isinstance(setting, tuple) else (setting,) if setting != "" else ()
    found: set[int | None] = set()
    for word in map(str, words):
        group = _GROUP.fullmatch(word.strip())
        if not group and word.strip() != "user":
            raise ConfigError(f"library: {word!r} is no library", hint=_HINT)
        found.add(int(group[1]) if group else None)
    return frozenset(found) or None


@dataclass(frozen=True, slots=True)
class Address:
    """One of Zotero's two APIs."""

    url: str
    local: bool
    """Whether it is the API of a Zotero on this machine, which knows one user and needs no key."""
    key_env: str = ""
    key: str = field(default="", repr=False)
    """The key. It is sent to this address, and never shown."""

    @property
    def host(self) -> str:
        """The host, for messages."""
        return urlsplit(self.url).netloc

    @property
    def loopback(self) -> bool:
        """Whether the address is on this machine."""
        return is_loopback(self.url)


def address_of(api: str, url: str, key_env: str) -> Address | None:
    """Return the address of the local or of the web API. None if there is no `api`.

    Raises:
        ConfigError: the settings are invalid.
    """
    if url and not api:
        raise ConfigError("url: is for an `api`", hint="write api: local or api: web beside it")
    if url and not any(origin(url)):
        raise ConfigError(f"url: {url!r} is not a web address", hint=f"such as {ZOTERO_WEB}")
    if url and not is_loopback(url) and (api == "local" or url.startswith("http:")):
        what = "url: another computer is asked by api: web and https only"
        raise ConfigError(what, hint=f"such as {ZOTERO_WEB}")
    if not api:
        return None
    if api == "local":
        return Address(url.rstrip("/") or LOCAL, True)
    there = url.rstrip("/") or ZOTERO_WEB
    name, key = key_variable(ZOTERO, there, key_env), key_for(ZOTERO, there, key_env)
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"key_env: the key in {name} contains characters that are not allowed in a header"
        )
    return Address(there, False, name, key)
