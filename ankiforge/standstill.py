"""Standstill: whether all is as the last run left it. Then there is nothing to do but to say so.

What a run depends on leaves traces that are cheap to look at: the stamps of its sources, the
settings, the collection in Anki, the ledger, the packages. A run that leaves nothing to do for
the next one notes them, and what the next one would say. Only what is needed to compare is
imported here: the whole command is to take less than half a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.anki.collection import collections
from ankiforge.app import open_source
from ankiforge.config import Config, SourceEntry
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location
from ankiforge.extract import kind_of, kinds_below, program
from ankiforge.memory import MEMORY, Memories, at_rest
from ankiforge.model import Problem, Source, h16

OWNER = "standstill"
_LOOKED_AT = ("", "-wal", "-journal")
"""What SQLite writes: the collection, and what lies beside it."""

Traces = dict[str, str]
"""What may be compared, by what it is of."""


class Read(msgspec.Struct, frozen=True):
    """A source as the run read it."""

    kind: str
    name: str
    root: str
    options: dict[str, Any]
    only: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What the next run would come to, if nothing changes."""

    said: tuple[str, ...]
    """What it would say before it begins."""
    data: dict[str, Any]
    """For `--json`."""
    lines: tuple[str, ...]
    """For people."""
    problems: tuple[Problem, ...]


class _Record(msgspec.Struct, frozen=True):
    sources: tuple[Read, ...]
    traces: Traces
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Standstill:
    """What one way to call `run` left behind."""

    workspace: Workspace
    request: str
    """All that was asked for."""
    paths: tuple[Path, ...]
    """Those named on the command line."""
    home: Path
    environ: Mapping[str, str]

    def outcome(self) -> Outcome | None:
        """What a run comes to now that nothing has changed; None if something has."""
        record = self._recalled()
        if record is None or self._at_work():
            return None
        left = self._of_settings() | self._after(record.traces)
        if not left.items() <= record.traces.items():  # known before a source is looked at
            return None
        config = self.workspace.config
        memories = Memories(self.workspace.folder / MEMORY)
        sources = (_opened(config, one, memories) for one in record.sources)
        found = self.before(sources) | left
        return record.outcome if found == record.traces and all(found.values()) else None

    def before(self, sources: Iterable[Source]) -> Traces:
        """The traces of what a run reads, to be taken before it reads; "" if one has none."""
        stamps = {f"source {at}": _stamp(source) for at, source in enumerate(sources)}
        return stamps | self._of_settings() | {"anki": self._anki(), "paths": self._holding()}

    def note(
        self,
        before: Traces,
        sources: Iterable[Read],
        packages: Iterable[Path],
        pictures: Iterable[str],
        outcome: Outcome,
    ) -> None:
        """Remember how all was left, `pictures` in packages too; the ledger is closed by now."""
        files = {f"package {path}": "" for path in packages}
        traces = before | self._after(files | {f"picture {path}": "" for path in pictures})
        record = _Record(tuple(sources), traces, outcome)
        self._memory.keep({h16(self.request): msgspec.json.encode(record)})

    def _at_work(self) -> bool:
        """Whether another program is changing things at this moment: then it is waited for."""
        from filelock import FileLock, Timeout

        try:
            for what in ("drafting", "publishing"):
                path = self.workspace.folder / f"{what}.lock"
                FileLock(path, timeout=0, mode=0o600).acquire().lock.release()
        except (Timeout, OSError):
            return True
        return not at_rest(self.workspace.ledger)

    def _of_settings(self) -> Traces:
        root = self.workspace.root
        patterns = (*self.workspace.config.decks, "prompts/*.md", "prices.yaml")
        files = [path for pattern in patterns for path in sorted(root.glob(pattern))]
        settings, output = _texts([self.workspace.settings, *files]), str(self.workspace.output)
        return {"program": program(), "settings": settings, "output": output}

    def _anki(self) -> str:
        """Differs once a look at Anki might show something else."""
        setting = self.workspace.config.anki.collection
        named = setting not in ("auto", "none")
        found = collections(self.home, self.environ) if setting == "auto" else ()
        places = (Path(setting).resolve(),) if named else found
        states = (
            _file(place.with_name(place.name + end)) for place in places for end in _LOOKED_AT
        )
        return h16(setting, *map(str, places), *states)

    def _holding(self) -> str:
        """Differs once something else, or of another kind, lies behind a PATH."""
        return repr([_behind(Path(os.path.realpath(path))) for path in self.paths])

    def _after(self, traces: Traces) -> Traces:
        """The traces of what a run writes."""
        ledger, journal = self.workspace.ledger, self.workspace.journal
        wal = _file(ledger.with_name(f"{ledger.name}-wal"), empty="-")
        packages = [name for name in traces if name.startswith("package ")]
        pictures = [name for name in traces if name.startswith("picture ")]
        return (
            {"ledger": _file(ledger), "wal": wal, "journal": _file(journal)}
            | {name: _placed(Path(name.removeprefix("package "))) for name in packages}
            | {name: _file(Path(name.removeprefix("picture "))) for name in pictures}
        )

    @property
    def _memory(self) -> Any:
        return Memories(self.workspace.folder / MEMORY).of(OWNER)

    def _recalled(self) -> _Record | None:
        body = self._memory.recall(h16(self.request))
        try:
            return msgspec.json.decode(body, type=_Record) if body else None
        except msgspec.MsgspecError:
            return None


def _opened(config: Config, one: Read, memories: Memories) -> Source:
    entry = SourceEntry(one.kind, one.name, Path(one.root), one.options, Location("memory"))
    memory = memories.of(f"{one.kind}:{one.name}")
    return open_source(config, entry, tuple(map(Path, one.only)), memory=memory, offline=True)


def _stamp(source: Source) -> str:
    """A source without stamps must be read each time."""
    stamp = getattr(source, "stamp", None)
    return stamp() if stamp else ""


def _behind(path: Path) -> tuple[str, ...]:
    """Where a PATH leads, which vault that is in, and the kinds of what lies there."""
    kinds = kinds_below(path) if path.is_dir() else {kind_of(path)}
    vault = next((up for up in (path, *path.parents) if (up / ".obsidian").is_dir()), "")
    library = (path / "zotero.sqlite").is_file()
    return (str(path), str(vault), str(library), *sorted(kinds))


def _placed(package: Path) -> str:
    """A package, and whether its folder is there."""
    return f"{_file(package)} {package.parent.is_dir()}"


def _file(path: Path, empty: str = "") -> str:
    """Differs once a file was written to, replaced or removed; `empty` may stand for no bytes."""
    try:
        found = path.stat()
    except OSError:
        return "-"
    if empty and not found.st_size:
        return empty
    return f"{found.st_mtime_ns}.{found.st_size}.{found.st_ino}"


def _texts(paths: Iterable[Path]) -> str:
    return h16(*(f"{path}\0{_text(path)}" for path in paths))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
