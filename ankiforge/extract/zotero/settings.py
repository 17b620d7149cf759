"""Which libraries to read, the addresses of Zotero's APIs, and their error messages."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ankiforge.config import (
    ZOTERO,
    ZOTERO_WEB,
    is_loopback,
    key_for,
    key_variable,
)
from ankiforge.errors import ConfigError, ItemError

WEB, LOCAL = ZOTERO_WEB, "http://127.0.0.1:23119/api"
LONGEST_REASON = 200

# --- the setting `library` ------------------------------------------------------------------

_GROUP = re.compile(r"groups?[./](\d{1,18})")
_HINT = "user, the number of a group, groups/<number>, or a list of these"

Setting = str | int | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The selected libraries. All of them unless `explicit`."""

    explicit: bool = False
    own: bool = True
    """Whether the user's own library is selected."""
    named: frozenset[int] = frozenset()
    """Numbers that were given as groups."""
    numbers: frozenset[int] = frozenset()
    """Plain numbers: groups if groups with these numbers exist, otherwise the user."""

    @property
    def needs_groups(self) -> bool:
        """Whether the selection depends on which groups exist."""
        return not self.explicit or bool(self.numbers)

    def user(self, groups: Collection[int]) -> int | None:
        """Return the number that is not a group, and so means the user. None if there is none."""
        return min((number for number in self.numbers if number not in groups), default=None)

    def groups(self, groups: Collection[int]) -> list[int]:
        """Return the groups to read: the selected ones that exist, and those that were named."""
        if not self.explicit:
            return sorted(groups)
        return sorted(self.named | {number for number in self.numbers if number in groups})


def wanted(setting: Setting) -> Wanted:
    """Parse the setting.

    Raises:
        ConfigError: it does not name a library.
    """
    words = setting if isinstance(setting, tuple) else (setting,) if setting != "" else ()
    if not words:
        return Wanted()
    texts = [str(word).strip() for word in words]
    groups = {text: int(found[1]) for text in texts if (found := _GROUP.fullmatch(text))}
    numbers = {int(text) for text in texts if re.fullmatch(r"\d{1,18}", text) and int(text)}
    for text in texts:
        if text != "user" and text not in groups and not re.fullmatch(r"0*[1-9]\d{0,17}", text):
            raise ConfigError(f"library: {text!r} is no library", hint=_HINT)
    return Wanted(True, "user" in texts, frozenset(groups.values()), frozenset(numbers))


# --- addresses and their faults -------------------------------------------------------------

_ALLOW = (
    "in Zotero: Settings, Advanced, tick “Allow other applications on this computer to communicate"
    " with Zotero”"
)
_OTHERWISE = "or leave out `api:` and give `path:`, Zotero's data folder"
_NEW_KEY = "a key is made at zotero.org/settings/keys; it must be allowed to read this library"
_LATER = "run again later; nothing is lost"
_MAKERS = "please report this"
TOO_OLD = "the local API of Zotero 7 and before lists no annotations"
TOO_OLD_HINT = f"Zotero 8 or later is needed, {_OTHERWISE}"
_FAULTS = {
    "absent": (
        "{host} cannot be reached ({0})",
        "is this machine online? run again later, nothing is lost",
    ),
    "absent locally": (
        "no Zotero answers at {host} ({0})",
        f"start Zotero, {_OTHERWISE}; {_ALLOW}",
    ),
    "foreign": (
        "{0} answered in place of Zotero at {host}",
        "log in to this network with a browser first",
    ),
    "foreign locally": (
        "{0} answered in place of Zotero at {host}",
        "another program has Zotero's port; close it and start Zotero",
    ),
    "broken": (
        "the answer of {host} cannot be read: {0}",
        f"run again; if it happens again, {_MAKERS}",
    ),
    "short": ("{host} gave {0} of {1} items", "run again later; nothing was counted as deleted"),
    "restless": (
        "the library kept changing while it was read",
        "wait until Zotero has finished syncing, and run again",
    ),
    "emptied": (
        "{host} lists none of the {0} {1} it had",
        "is it the right account and library? nothing was counted as deleted",
    ),
    "busy": ("{host} asks to wait {0:,.0f} s", _LATER),
    "slow": ("{host} asked to wait {0:,.0f} s in all; this run waits no longer", _LATER),
}


class RefusalError(ItemError):
    """Zotero's API refused a request."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status


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
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def loopback(self) -> bool:
        """Whether the address is on this machine."""
        return is_loopback(self.url)

    def fault(self, name: str, *values: object) -> ItemError:
        """Return the error of this name in `_FAULTS`."""
        local = _FAULTS.get(f"{name} locally") if self.local else None
        message, hint = local or _FAULTS[name]
        return ItemError(message.format(*values, host=self.host), hint=hint)

    def broken(self, why: str) -> ItemError:
        """Return the error for a malformed response."""
        return self.fault("broken", self.shown(why))

    def refusal(self, status: int, text: str) -> RefusalError:
        """Return the error for an unsuccessful response."""
        says = f"{self.host} answers {status}: {self.shown(text)}"
        if status in (408, 429) or status >= 500:
            return RefusalError(status, says, _LATER)
        if self.local and "not enabled" in text:
            return RefusalError(status, "Zotero's local API is switched off", _ALLOW)
        if self.local:
            hint = f"is `library:` one of this Zotero's? {_OTHERWISE}"
        elif status in (401, 403):
            if not self.key:
                return self.no_key()
            hint = f"check the key in {self.key_env}; {_NEW_KEY}"
        elif status == 404:
            hint = "is `library:` right, and may the key read it?"
        else:
            hint = f"run again later; if it happens again, {_MAKERS}"
        return RefusalError(status, says, hint)

    def no_key(self) -> RefusalError:
        """Return the error for a missing key."""
        if not self.key_env:
            says = f"{self.host} needs a key, and you have confirmed no variable for it"
            hint = "write `key_env: NAME`, NAME being the environment variable that holds it, then:"
            return RefusalError(403, says, f"{hint} ankiforge init --trust DIR")
        says = f"{self.host} needs a key: the environment variable {self.key_env} is not set"
        return RefusalError(403, says, f"export {self.key_env}=…; {_NEW_KEY}")

    def shown(self, text: str) -> str:
        """Return a server's message in one line and without the key. HTML pages are dropped."""
        words = "" if "<" in text[:LONGEST_REASON] else " ".join(text.split())
        if self.key:
            words = words.replace(self.key, "***")
        return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", words)[:LONGEST_REASON] or "no reason given"


class UntoldError(ItemError):
    """A library cannot be read in this way, although nothing is wrong with it."""


# --- settings `api`, `url` and `key_env` ----------------------------------------------------


def address_of(api: str, url: str, key_env: str) -> Address | None:
    """Return the address of the local or of the web API. None if there is no `api`.

    Raises:
        ConfigError: the settings are invalid.
    """
    if not re.fullmatch(r"(?:[A-Za-z_][A-Za-z0-9_]*)?", key_env):
        raise ConfigError("key_env: not the name of an environment variable", hint=ZOTERO.name)
    if url:
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            parts, sound = urlsplit(""), False
        remote, such = not is_loopback(url), f"such as {WEB}"
        named = parts.username is not None or parts.query or parts.fragment
        for wrong, what, hint in (
            (not sound or re.search(r"\s", url), f"{url!r} is not a web address", such),
            (named, "leave out name, password and query", "use key_env"),
            (
                not api,
                "is for an `api`",
                "write api: local or api: web beside it",
            ),
            (
                api == "local" and remote,
                "the local API is on this machine only",
                f"such as {LOCAL}",
            ),
            (parts.scheme == "http" and remote, "keys are sent by https only", such),
        ):
            if wrong:
                raise ConfigError(f"url: {what}", hint=hint)
    if not api:
        return None
    if api == "local":
        return Address(url.rstrip("/") or LOCAL, True)
    there = url.rstrip("/") or WEB
    name, key = key_variable(ZOTERO, there, key_env), key_for(ZOTERO, there, key_env)
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"key_env: the key in {name} contains characters that are not allowed in a header"
        )
    return Address(there, False, name, key)
