"""Discover vaults, Zotero folders, Anki profiles and local model servers on this machine.

Only files in the places where these programs keep them are read, and only ports of this machine are
asked. Whatever cannot be read is passed over: a guess is no reason to fail.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.anki.collection import collections
from ankiforge.config import is_loopback
from ankiforge.config.yamlfile import CONTROL


class Machine(msgspec.Struct, frozen=True):
    """The places to search; tests provide their own."""

    home: Path
    environ: Mapping[str, str] = {}
    servers: tuple[tuple[str, int], ...] = (
        ("Ollama", 11434),
        ("LM Studio", 1234),
        ("llama.cpp", 8080),
    )
    """(program, port on this machine) of OpenAI-compatible servers."""

    @staticmethod
    def this() -> Machine:
        """Return the machine that runs this process."""
        return Machine(Path.home(), os.environ)

    def settings_of(self, *names: str) -> Iterator[Path]:
        """Yield the folders in which a program with these names may keep its settings."""
        bases: tuple[str | Path, ...] = (
            self.environ.get("XDG_CONFIG_HOME") or self.home / ".config",
            self.home / "Library" / "Application Support",
            self.environ.get("APPDATA") or self.home / "AppData" / "Roaming",
        )
        yield from (Path(base, name) for base in bases for name in names)


# --- vaults ---------------------------------------------------------------------------------

_NEAR = (
    *("", "Documents", "Notes", "Obsidian", "Dropbox", "OneDrive", "iCloudDrive"),
    "Library/Mobile Documents/iCloud~md~obsidian/Documents",
)
_DIALECTS = {
    "obsidian-spaced-repetition": "osr",
    "obsidian-to-anki-plugin": "o2a",
    "flashcards-obsidian": "flashcards",
}
"""Plugin of Obsidian: the dialect in which its cards are written."""


def vaults(machine: Machine, near: Path | None = None) -> tuple[Path, ...]:
    """Return Obsidian vaults: those in Obsidian's list, then folders with `.obsidian` in usual places.

    Args:
        machine: the places to search.
        near: one more folder to search.
    """
    found = []
    for folder in (
        *machine.settings_of("obsidian"),
        machine.home / ".var/app/md.obsidian.Obsidian/config/obsidian",
    ):
        try:
            listed = _parsed(_text(folder / "obsidian.json"))["vaults"].values()
            found += [Path(vault["path"]) for vault in listed]
        except (TypeError, LookupError, AttributeError):
            continue
    for folder in (*(machine.home / name for name in _NEAR), *([near] if near else [])):
        inside = sorted(path for path in _listed(folder) if not path.name.startswith("."))
        found += [path for path in (folder, *inside) if _exists(path / ".obsidian")]
    return _real(found)


def dialects(vault: Path) -> list[str]:
    """Return the dialects of the flashcard plugins that a vault has."""
    plugins = vault / ".obsidian" / "plugins"
    return [name for plugin, name in _DIALECTS.items() if _exists(plugins / plugin)]


# --- Zotero and Anki ------------------------------------------------------------------------

_PROFILE = re.compile(r"^Path=(.+)$", re.MULTILINE)
_DATA_FOLDER = re.compile(r'^user_pref\("extensions\.zotero\.dataDir", ("[^\n]*")\);', re.MULTILINE)


def zotero_folders(machine: Machine) -> tuple[Path, ...]:
    """Return Zotero's data folders: those named in its profiles, then the usual ones."""
    found = []
    for home in (
        machine.home / ".zotero/zotero",
        machine.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        *machine.settings_of("Zotero", "Zotero/Zotero"),
    ):
        for profile in _PROFILE.findall(_text(home / "profiles.ini")):
            setting = _DATA_FOLDER.search(_text(home / profile.strip() / "prefs.js"))
            folder = _parsed(setting[1]) if setting else None
            found += [Path(folder)] if isinstance(folder, str) else []
    return _real(
        folder for folder in (*found, machine.home / "Zotero") if _exists(folder / "zotero.sqlite")
    )


def anki_collections(machine: Machine) -> tuple[Path, ...]:
    """Return the collections of Anki's profiles; () if Anki was never started here."""
    return _real(collections(machine.home, machine.environ))


# --- model servers --------------------------------------------------------------------------


class Server(msgspec.Struct, frozen=True):
    """A model server that answered."""

    program: str
    base_url: str
    models: tuple[str, ...]


class Unreachable(Exception):
    """The server did not answer with a list of models, for the reason in the message."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status
        """The HTTP status; 0 if there was no answer."""


def model_servers(machine: Machine) -> tuple[Server, ...]:
    """Return the local servers that list models within 0.3 seconds, in the order of `machine`."""

    def ask(server: tuple[str, int]) -> Server:
        url = f"http://127.0.0.1:{server[1]}/v1"
        try:
            return Server(server[0], url, models(url, timeout=0.3))
        except Unreachable:
            return Server(server[0], url, ())

    with ThreadPoolExecutor(max_workers=max(len(machine.servers), 1)) as pool:
        return tuple(one for one in pool.map(ask, machine.servers) if one.models)


def models(base_url: str, key: str = "", timeout: float = 3.0) -> tuple[str, ...]:
    """Return the names of the models that an OpenAI-compatible server offers.

    Args:
        base_url: the URL as in the settings, such as `http://127.0.0.1:11434/v1`.
        key: sent as a bearer token, if not empty; never to where a redirect leads.
        timeout: the limit in seconds for each step of the exchange.

    Raises:
        Unreachable: there is no connection, or the answer is an error or not a list of models.
    """
    import httpx2 as httpx

    if not (key.isascii() and key.isprintable()):
        raise Unreachable("was not contacted: the key contains invalid characters")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url, ours = f"{base_url.rstrip('/')}/models", is_loopback(base_url)
    try:
        answer = httpx.get(url, headers=headers, timeout=timeout, trust_env=not ours)
        if answer.status_code != 200:
            status = f"{answer.status_code} {answer.reason_phrase}".strip()
            raise Unreachable(f"answers {status}", answer.status_code)
        return tuple(str(model["id"]) for model in answer.json()["data"])
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Unreachable(f"does not answer ({error})") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise Unreachable("is not a language model server") from error


# --- small readers --------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _exists(path: Path) -> bool:
    """Return whether a path exists; False if the name is invalid."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _real(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the existing paths, resolved and without duplicates or names with control characters."""
    existing = (path.resolve() for path in paths if _exists(path))
    return tuple(dict.fromkeys(path for path in existing if not CONTROL.search(str(path))))
