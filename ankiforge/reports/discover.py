"""What is on this machine: vaults, Zotero folders, Anki profiles, local model servers.

Only files in the places where these programs keep them are looked at, and only ports of this
machine are asked. Whatever cannot be read is passed over: a guess is no reason to fail.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.anki.collection import collections
from ankiforge.config.yamlfile import control_character
from ankiforge.errors import ForgeError
from ankiforge.model import Extracted, Form
from ankiforge.reports.dialects import dialects
from ankiforge.reports.models import Unreachable, models


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look; tests bring their own."""

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
        """The one we run on."""
        return Machine(Path.home(), os.environ)

    def settings_of(self, *names: str) -> Iterator[Path]:
        """The folders in which a program of these folder names may keep its settings."""
        bases: tuple[str | Path, ...] = (
            self.environ.get("XDG_CONFIG_HOME") or self.home / ".config",
            self.home / "Library" / "Application Support",
            self.environ.get("APPDATA") or self.home / "AppData" / "Roaming",
        )
        yield from (Path(base, name) for base in bases for name in names)


@dataclass(frozen=True, slots=True)
class Server:
    """A model server that answered."""

    program: str
    base_url: str
    models: tuple[str, ...]
    locked: bool = False
    """It wants a key before it says more."""


# --- vaults ---------------------------------------------------------------------------------

_NEAR = ("", "Documents", "Notes", "Obsidian", "Dropbox", "OneDrive", "iCloudDrive")
_ICLOUD = "Library/Mobile Documents/iCloud~md~obsidian/Documents"
_MOST_FOLDERS = 500


def vaults(machine: Machine, near: Path | None = None) -> tuple[Path, ...]:
    """Obsidian vaults: those its own list names, then folders with `.obsidian` near at hand.

    Args:
        machine: where to look.
        near: one more folder to look into.
    """
    folders = [machine.home / name for name in (*_NEAR, _ICLOUD)]
    folders += [near] if near else []
    found = [*_listed_vaults(machine), *(v for folder in folders for v in _vaults_in(folder))]
    return _real(found)


def _listed_vaults(machine: Machine) -> Iterator[Path]:
    lists = [
        *machine.settings_of("obsidian"),
        machine.home / ".var/app/md.obsidian.Obsidian/config/obsidian",
        machine.home / "snap/obsidian/current/.config/obsidian",
    ]
    for folder in lists:
        known = _json(folder / "obsidian.json").get("vaults")
        for vault in known.values() if isinstance(known, dict) else ():
            if isinstance(vault, dict) and isinstance(vault.get("path"), str):
                yield Path(vault["path"])


def _vaults_in(folder: Path) -> Iterator[Path]:
    """The folder itself and those in it: deeper ones are in Obsidian's own list."""
    for path in (folder, *_folders_in(folder)):
        if _is_dir(path / ".obsidian"):
            yield path


def _folders_in(folder: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if _is_dir(Path(entry.path)))
    except OSError:
        return []
    return [folder / name for name in names[:_MOST_FOLDERS] if not name.startswith(".")]


# --- Zotero and Anki ------------------------------------------------------------------------


def zotero_folders(machine: Machine) -> tuple[Path, ...]:
    """Zotero's data folders: those its profiles name, then the usual one."""
    usual = (machine.home / "Zotero", machine.home / "snap/zotero-snap/common/Zotero")
    found = (*_folders_of_profiles(machine), *usual)
    return _real(folder for folder in found if _is_file(folder / "zotero.sqlite"))


def _folders_of_profiles(machine: Machine) -> Iterator[Path]:
    homes = (
        machine.home / ".zotero/zotero",
        machine.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        machine.home / "snap/zotero-snap/common/.zotero/zotero",
        *machine.settings_of("Zotero", "Zotero/Zotero"),
    )
    for home in homes:
        for profile in _profiles(home):
            yield from _data_folder(profile / "prefs.js")


def _profiles(home: Path) -> Iterator[Path]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(home / "profiles.ini"))
    except configparser.Error:
        return
    for section in parser.sections():
        if path := parser.get(section, "Path", fallback=""):
            yield home / path


_DATA_FOLDER = re.compile(r'^user_pref\("extensions\.zotero\.dataDir", ("[^\n]*")\);', re.MULTILINE)


def _data_folder(preferences: Path) -> Iterator[Path]:
    if found := _DATA_FOLDER.search(_text(preferences)):
        try:
            yield Path(json.loads(found[1]))
        except ValueError:
            return


def anki_collections(machine: Machine) -> tuple[Path, ...]:
    """The collections of Anki's profiles; () if Anki was never started here."""
    return _real(collections(machine.home, machine.environ))


# --- model servers --------------------------------------------------------------------------


def model_servers(machine: Machine, timeout: float = 0.3) -> tuple[Server, ...]:
    """The local servers that answer within `timeout` seconds, in the order of `machine`."""

    def ask(program: str, port: int, path: str = "/v1") -> Server | None:
        url = f"http://127.0.0.1:{port}{path}"
        try:
            return Server(program, url, models(url, timeout=timeout))
        except Unreachable as error:  # a 401 is no proof by itself: many programs give one
            return Server(program, url, (), locked=True) if error.status == 401 else None

    with ThreadPoolExecutor(max_workers=max(len(machine.servers), 1)) as pool:
        answers = list(pool.map(lambda server: ask(*server), machine.servers))
    return tuple(answer for answer in answers if answer)


# --- what a vault would give ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FormCounts:
    """How many highlights each switch of an `obsidian:` source would give."""

    marks: Mapping[str, int]
    cards: Mapping[str, int]
    complete: bool
    """False if time was up: then the figures are those of the notes read so far."""
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The dialects whose marks stand there, and what the tools themselves were told."""


_SWITCH = {
    Form.INLINE: "inline",
    Form.INLINE_FIELD: "inline",
    Form.BLOCK: "block",
    Form.CLOZE: "cloze",
    Form.GLOSSARY: "glossary",
    Form.TERM: "glossary",  # the only one or two of a glossary; all others are asked for alone
}


def count_forms(
    vault: Path, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
) -> FormCounts | None:
    """Count what each switch of a vault would give: its cards first, then each mark and dialect.

    Within `seconds` in all: what there was no time for is left out. None if it cannot be read.
    """
    from ankiforge import extract

    try:
        obsidian: Any = extract.module("obsidian")
        end = clock() + seconds
        forms, in_time = _forms(obsidian, vault, end, clock, marks=(), cards=obsidian.CARDS)
        cards = dict.fromkeys(obsidian.CARDS, 0)
        for form, count in forms.items():
            if form in _SWITCH:
                cards[_SWITCH[form]] += count
        if in_time:
            forms, in_time = _forms(obsidian, vault, end, clock, marks=(), cards=(obsidian.TERM,))
            cards[obsidian.TERM] = forms[Form.TERM]
        marks: dict[str, int] = {}
        for mark in obsidian.MARKS:
            if in_time:
                forms, in_time = _forms(obsidian, vault, end, clock, marks=(mark,))
                marks[mark] = sum(n for form, n in forms.items() if form not in _SWITCH)
        told = dialects(vault, end, clock)
        theirs: dict[str, int] = {}
        for name, told_it in told.items():
            switches = {"marks": (), "cards": (name,)} | ({name: told_it} if told_it else {})
            counted, whole = _forms(obsidian, vault, end, clock, **switches)
            theirs[name], in_time = counted.total(), in_time and whole
    except (ForgeError, OSError):
        return None
    return FormCounts(marks, cards | theirs, in_time, told)


def _forms(
    obsidian: Any, vault: Path, end: float, clock: Callable[[], float], **switches: Any
) -> tuple[Counter[Form], bool]:
    settings = msgspec.convert({"path": str(vault), **switches}, obsidian.Settings)
    counted: Counter[Form] = Counter()
    for sighting in obsidian.open_source("vault", vault, settings).scan():
        if clock() > end:
            return counted, False
        if isinstance(sighting, Extracted):
            counted.update(highlight.form for highlight in sighting.highlights)
    return counted, True


# --- small readers --------------------------------------------------------------------------

_MOST_TEXT = 4 * 1024 * 1024


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_TEXT)
    except (OSError, ValueError):
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _real(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those that are there, links resolved, each once; only names that a file can hold."""
    there = (path.resolve() for path in paths if _is_dir(path) or _is_file(path))
    return tuple(dict.fromkeys(path for path in there if not control_character(str(path))))
