"""Where Zotero's API is, and in which words its faults are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ankiforge.config import ZOTERO_WEB, is_loopback
from ankiforge.errors import ItemError

WEB, LOCAL = ZOTERO_WEB, "http://127.0.0.1:23119/api"
_ALLOW = (
    "in Zotero: Settings, Advanced, tick “Allow other applications on this computer to communicate"
    " with Zotero”"
)
_OTHERWISE = "or give `path:`, Zotero's data folder"
_NEW_KEY = "a key is made at zotero.org/settings/keys; it must be allowed to read this library"
TOO_OLD = "the local API of Zotero 7 and before lists no annotations"
TOO_OLD_HINT = f"Zotero 8 or later is needed, {_OTHERWISE}, with `api: auto`"
_LONGEST = 200


class RefusalError(ItemError):
    """Zotero's API does not give what was asked for."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class UntoldError(ItemError):
    """A library cannot be read this way, and nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """One of Zotero's two APIs."""

    url: str
    local: bool
    """Zotero's own on this machine; it knows one user and asks for no key."""
    key_env: str = ""
    key: str = field(default="", repr=False)
    """Sent to this address, shown nowhere."""

    @property
    def host(self) -> str:
        """As a person reads it."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def loopback(self) -> bool:
        """Whether nothing leaves this machine."""
        return is_loopback(self.url)

    # --- its faults, in words ---------------------------------------------------------------

    def absent(self, why: str) -> ItemError:
        """Nobody answers."""
        if self.local:
            return ItemError(
                f"no Zotero answers at {self.host} ({why})",
                hint=f"start Zotero, {_OTHERWISE}; {_ALLOW}",
            )
        return ItemError(
            f"{self.host} cannot be reached ({why})",
            hint="is this machine online? run again later, nothing is lost",
        )

    def foreign(self, what: str) -> ItemError:
        """Somebody else answers."""
        hint = "log in to this network with a browser first" if not self.local else ""
        return ItemError(
            f"{what} answered in place of Zotero at {self.host}",
            hint=hint or "another program has Zotero's port; close it and start Zotero",
        )

    def broken(self, why: str) -> ItemError:
        """An answer nobody can make sense of."""
        return ItemError(
            f"the answer of {self.host} cannot be read: {self.shown(why)}",
            hint="run again; if it stays so, tell the makers of this program",
        )

    def short(self, have: int, want: int) -> ItemError:
        """An answer that lacks some of what was asked for."""
        return ItemError(
            f"{self.host} gave {have} of {want} items",
            hint="run again later; nothing was counted as deleted",
        )

    def restless(self) -> ItemError:
        """A library that is written to again and again."""
        return ItemError(
            "the library kept changing while it was read",
            hint="wait until Zotero has finished syncing, and run again",
        )

    def emptied(self, before: int, what: str = "marks and notes") -> ItemError:
        """A library that had something and lists none of it."""
        return ItemError(
            f"{self.host} lists none of the {before} {what} it had",
            hint="is it the right account and library? nothing was counted as deleted",
        )

    def busy(self, seconds: float) -> ItemError:
        """It wants to be left alone for longer than anybody waits."""
        return ItemError(
            f"{self.host} asks for {seconds:,.0f} s of rest",
            hint="run again later; nothing is lost",
        )

    def slow(self, seconds: float) -> ItemError:
        """It was waited for long enough."""
        return ItemError(
            f"{self.host} was waited for {seconds:,.0f} s, no more in this run",
            hint="run again later; nothing is lost",
        )

    def failing(self, status: int, text: str) -> RefusalError:
        """It says that the fault is its own."""
        says = f"{self.host} answers {status}: {self.shown(text)}"
        return RefusalError(status, says, "run again later; nothing is lost")

    def refusal(self, status: int, text: str) -> RefusalError:
        """It does not give what was asked for."""
        says = f"{self.host} answers {status}: {self.shown(text)}"
        if self.local and "not enabled" in text:
            return RefusalError(status, "Zotero's local API is switched off", _ALLOW)
        if self.local:
            hint = f"is `library:` one of this Zotero's? {_OTHERWISE}"
        elif status in (401, 403):
            hint = f"check the key in {self.key_env}; {_NEW_KEY}"
        elif status == 404:
            hint = "is `library:` right, and may the key read it?"
        else:
            hint = "run again later; if it stays so, tell the makers of this program"
        if status in (401, 403) and not self.local and not self.key:
            return self.no_key()
        return RefusalError(status, says, hint)

    def no_key(self) -> RefusalError:
        """It asks for a key, and there is none."""
        if not self.key_env:
            says = f"{self.host} wants a key, and no variable is confirmed for it"
            hint = "write `key_env: NAME`, NAME being the environment variable that holds it, then:"
            return RefusalError(403, says, f"{hint} ankiforge init --trust DIR")
        says = f"{self.host} wants a key: the environment variable {self.key_env} is not set"
        return RefusalError(403, says, f"export {self.key_env}=…; {_NEW_KEY}")

    def shown(self, text: str) -> str:
        """What a server says, in a line and without the key; a page of HTML says nothing."""
        words = "" if "<" in text[:_LONGEST] else " ".join(text.split())
        if self.key:
            words = words.replace(self.key, "***")
        return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", words)[:_LONGEST] or "no reason given"
