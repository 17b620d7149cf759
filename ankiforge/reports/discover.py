"""Discover vaults, Zotero folders, Anki profiles and local model servers on this machine.

Only files in the places where these programs keep them are read, and only ports of this machine are
asked. Whatever cannot be read is passed over: a guess is no reason to fail.
"""

from __future__ import annotations

import configparser
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.anki.collection import collections
from ankiforge.config import is_loopback
from ankiforge.config.yamlfile import control_character
from ankiforge.errors import ForgeError
from ankiforge.model import Extracted, Form


@dataclass(frozen=True, slots=True)
class Machine:
    """The places to search; tests provide their own."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[tuple[str, int] | tuple[str, int, str], ...] = (
        ("Ollama", 11434),
        ("LM Studio", 1234),
        ("llama.cpp", 8080),
        ("vLLM", 8000),
        ("Jan", 1337),
        ("text-generation-webui", 5000),
        ("KoboldCpp", 5001),
        ("GPT4All", 4891),
        ("Open WebUI", 3000, "/api"),
    )
    """(program, port on this machine, path if it is not /v1) of OpenAI-compatible servers."""

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
_MOST_FOLDERS = 500


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
        machine.home / "snap/obsidian/current/.config/obsidian",
    ):
        known = _json(folder / "obsidian.json").get("vaults")
        listed = known.values() if isinstance(known, dict) else ()
        named = (vault.get("path") for vault in listed if isinstance(vault, dict))
        found += [Path(path) for path in named if isinstance(path, str)]
    for folder in (*(machine.home / name for name in _NEAR), *([near] if near else [])):
        found += [path for path in (folder, *_folders_in(folder)) if _is(path / ".obsidian", "dir")]
    return _real(found)


def _folders_in(folder: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if _is(Path(entry.path), "dir"))
    except OSError:
        return []
    return [folder / name for name in names[:_MOST_FOLDERS] if not name.startswith(".")]


# --- Zotero and Anki ------------------------------------------------------------------------

_DATA_FOLDER = re.compile(r'^user_pref\("extensions\.zotero\.dataDir", ("[^\n]*")\);', re.MULTILINE)


def zotero_folders(machine: Machine) -> tuple[Path, ...]:
    """Return Zotero's data folders: those named in its profiles, then the usual ones."""
    found = []
    for home in (
        machine.home / ".zotero/zotero",
        machine.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        machine.home / "snap/zotero-snap/common/.zotero/zotero",
        *machine.settings_of("Zotero", "Zotero/Zotero"),
    ):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(_text(home / "profiles.ini"))
        except configparser.Error:
            continue
        for section in parser.sections():
            if profile := parser.get(section, "Path", fallback=""):
                setting = _DATA_FOLDER.search(_text(home / profile / "prefs.js"))
                try:
                    found += [Path(json.loads(setting[1]))] if setting else []
                except ValueError:
                    continue
    found += [machine.home / "Zotero", machine.home / "snap/zotero-snap/common/Zotero"]
    return _real(folder for folder in found if _is(folder / "zotero.sqlite", "file"))


def anki_collections(machine: Machine) -> tuple[Path, ...]:
    """Return the collections of Anki's profiles; () if Anki was never started here."""
    return _real(collections(machine.home, machine.environ))


# --- model servers --------------------------------------------------------------------------

_MOST_PARTS, _PART = 512, 16 * 1024
"""The limit of an answer, as the number and size of parts: it should be a list, not a stream."""


@dataclass(frozen=True, slots=True)
class Server:
    """A model server that answered."""

    program: str
    base_url: str
    models: tuple[str, ...]
    locked: bool = False
    """Whether the server requires a key."""


class Unreachable(Exception):
    """The server did not answer with a list of models, for the reason in the message."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status
        """The HTTP status; 0 if there was no answer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, so that a key is not sent to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def model_servers(machine: Machine) -> tuple[Server, ...]:
    """Return the local servers that answer within 0.3 seconds, in the order of `machine`."""

    def ask(program: str, port: int, path: str = "/v1") -> Server | None:
        url = f"http://127.0.0.1:{port}{path}"
        try:
            return Server(program, url, models(url, timeout=0.3))
        except Unreachable as error:  # many programs answer 401, so this may be another one
            return Server(program, url, (), locked=True) if error.status == 401 else None

    with ThreadPoolExecutor(max_workers=max(len(machine.servers), 1)) as pool:
        answers = list(pool.map(lambda server: ask(*server), machine.servers))
    return tuple(answer for answer in answers if answer)


def models(base_url: str, key: str = "", timeout: float = 3.0) -> tuple[str, ...]:
    """Return the names of the models that an OpenAI-compatible server offers.

    Args:
        base_url: the URL as in the settings, such as `http://127.0.0.1:11434/v1`.
        key: sent as a bearer token, if not empty.
        timeout: the limit in seconds for each step of the exchange.

    Raises:
        Unreachable: there is no connection, or the answer is an error or not a list of models.
    """
    request = urllib.request.Request(f"{base_url.rstrip('/')}/models")
    if key and not (key.isascii() and key.isprintable()):
        raise Unreachable("was not contacted: the key contains invalid characters")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(base_url) else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    try:
        with opener.open(request, timeout=timeout) as response:
            parts = [response.read1(_PART) for _ in range(_MOST_PARTS)]
        answer = json.loads(b"".join(parts))
        return tuple(str(model["id"]) for model in answer["data"])
    except urllib.error.HTTPError as error:
        error.close()
        raise Unreachable(f"answers {error.code} {error.reason}", error.code) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unreachable(f"does not answer ({reason})") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise Unreachable("is not a language model server") from error


# --- counting the highlights of a vault -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class FormCounts:
    """The number of highlights that each option of an `obsidian:` source would yield."""

    marks: Mapping[str, int]
    cards: Mapping[str, int]
    complete: bool
    """Whether all notes were read in time; if not, the numbers are those of the notes read so far."""
    dialects: Sequence[str] = ()
    """The dialects found in the vault."""


_SWITCH = {
    Form.INLINE: "inline",
    Form.INLINE_FIELD: "inline",
    Form.BLOCK: "block",
    Form.CLOZE: "cloze",
    Form.GLOSSARY: "glossary",
    Form.TERM: "glossary",  # in a glossary of only one or two terms; others are counted separately
}


def count_forms(
    vault: Path, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
) -> FormCounts | None:
    """Count the highlights for each option of a vault: cards first, then each mark and dialect.

    Counting stops after `seconds` in all; the remaining options are omitted. Return None if the
    vault cannot be read.
    """
    from ankiforge import extract

    end, in_time = clock() + seconds, True

    def forms(**switches: Any) -> Counter[Form]:
        nonlocal in_time
        counted: Counter[Form] = Counter()
        settings = msgspec.convert({"path": str(vault), **switches}, obsidian.Settings)
        for sighting in obsidian.open_source("vault", vault, settings).scan():
            if clock() > end:
                in_time = False
                break
            if isinstance(sighting, Extracted):
                counted.update(highlight.form for highlight in sighting.highlights)
        return counted

    try:
        obsidian: Any = extract.module("obsidian")
        cards = dict.fromkeys(obsidian.CARDS, 0)
        for form, count in forms(marks=(), cards=obsidian.CARDS).items():
            if form in _SWITCH:
                cards[_SWITCH[form]] += count
        if in_time:
            cards[obsidian.TERM] = forms(marks=(), cards=(obsidian.TERM,))[Form.TERM]
        marks: dict[str, int] = {}
        for mark in obsidian.MARKS:
            if in_time:
                counted = forms(marks=(mark,))
                marks[mark] = sum(n for form, n in counted.items() if form not in _SWITCH)
        dialects = _dialects(vault, end, clock)
        for name in dialects:
            cards[name] = forms(marks=(), cards=(name,)).total()
    except (ForgeError, OSError):
        return None
    return FormCounts(marks, cards, in_time, dialects)


# --- dialects of other tools ------------------------------------------------------------------

_DIALECTS = {
    "osr": r"<!--SR:|\[!sr\|card-metadata\]|^[^\n`]*(?<!\S)#flashcards(?![\w-])",
    "o2a": r"<!--ID: \d+|^ID: \d{13}\s*$|^START[ \t]*\n(?:.*\n){1,60}?END[ \t]*$|STARTI \[.*\bENDI\b"
    r"|^TARGET DECK",
    "flashcards": r"(?:^|[ \t])#card[/-](?:reverse|spaced)\b|(?:^|[ \t])\^1\d{12}[ \t]*$|^cards-deck:"
    r"|^(?![ \t]*[-*+] )[^\n]*\S[ \t]+#card(?:[ \t]+#[\w/-]+)*[ \t]*\n[^\n]",
}
"""Patterns that occur only in notes written for a dialect."""
_LARGEST_NOTE = 400_000
"""The number of characters of a note that are searched."""


def _dialects(vault: Path, end: float, clock: Callable[[], float]) -> list[str]:
    """Return the dialects found in a vault."""
    left = {name: re.compile(marks, re.MULTILINE) for name, marks in _DIALECTS.items()}
    for text in _notes(vault):
        left = {name: marks for name, marks in left.items() if not marks.search(text)}
        if not left or clock() > end:
            break
    return [name for name in _DIALECTS if name not in left]


def _notes(vault: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(vault):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".md"):
                yield _text(Path(folder, name), _LARGEST_NOTE)


# --- small readers --------------------------------------------------------------------------


def _text(path: Path, most: int = 4 * 1024 * 1024) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(most)
    except (OSError, ValueError):
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _is(path: Path, kind: str) -> bool:
    """Return whether a path is a "dir" or a "file"; False if the name is invalid."""
    try:
        return path.is_dir() if kind == "dir" else path.is_file()
    except (OSError, ValueError):
        return False


def _real(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the existing paths, resolved and without duplicates or names with control characters."""
    existing = (path.resolve() for path in paths if _is(path, "dir") or _is(path, "file"))
    return tuple(dict.fromkeys(path for path in existing if not control_character(str(path))))
