"""A source that is followed: how it was when it was read, and what has changed since."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ankiforge.config import EXPORTS, SourceEntry
from ankiforge.extract import Look, Stamp, changed_at, proves, relative, stamp_of, walk
from ankiforge.model import Source

QUIET = 0.3
"""Seconds for which a note must have been left alone."""
EMPTY = 2.0
"""The same for an empty one: it may be about to be filled."""
NOT_DELETED = "nothing is counted as deleted"


@dataclass(frozen=True, slots=True)
class State:
    """A source at one moment."""

    missing: str = ""
    """Why it cannot be read, "" if it can."""
    look: Look | None = None
    """Its notes, if they may be read one by one."""
    stamp: str = ""
    """Of any other source; "" = it cannot be told whether it has changed, or not yet."""
    bare: bool = False
    """A folder in which there is no file at all."""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed since a source was read."""

    whole: str = ""
    """Why all must be read; "" = the notes are enough."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """New and changed ones: where each is, by its path below the root."""
    settles: float = 0.0
    """When (wall clock) the last of them will have been left alone; 0 = all have been."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.notes)


class Followed:
    """One source of the settings."""

    def __init__(self, entry: SourceEntry, source: Source) -> None:
        self.entry = entry
        self._source = source
        self._was: State | None = None

    @property
    def name(self) -> str:
        """As the settings call it."""
        return f"{self.entry.kind} {self.entry.name}"

    @property
    def root(self) -> Path | None:
        """The folder in which files come and go; None where one file, or a service, is read."""
        path = self.entry.path
        try:
            return path if self._is_folder and path.is_dir() else None
        except OSError:
            return None

    @property
    def is_asked(self) -> bool:
        """Whether only asking can tell if something has changed, as far as that is known yet."""
        return self._was is not None and not (self._was.look or self._was.stamp)

    @property
    def _is_folder(self) -> bool:
        return self.entry.has_folder and self.entry.kind not in ("zotero", *EXPORTS)

    def part(self, notes: Collection[str], name: str) -> Source | None:
        """A reader of these notes, under the name the source is to have; None if it has another."""
        part = getattr(self._source, "part", None)
        if part is None or getattr(self._source, "name", "") != name:
            return None
        some: Source = part(notes)
        return some

    # --- looking ----------------------------------------------------------------------------

    def now(self) -> State:
        """How it is; cheap."""
        try:
            found = self._found()
        except OSError as error:  # a disk that no longer answers
            return State(missing=f"cannot be read: {error.strerror or error}; {NOT_DELETED}")
        if found.bare and self._was is not None and not self._was.bare:
            return State(missing=f"is suddenly empty; {NOT_DELETED}")
        return found

    def _found(self) -> State:
        if self.entry.has_folder and not self.entry.path.exists():
            return State(missing=f"is not there; {NOT_DELETED}")
        if self.entry.kind == "obsidian":
            look: Look = self._source.look()  # type: ignore[attr-defined]
            return State(look=look, bare=not look.notes)
        stamp = getattr(self._source, "stamp", None)
        bare = self._is_folder and next(walk(self.entry.path, _unheard), None) is None
        return State(stamp=stamp() if stamp else "", bare=bare)

    def news(self, now: State, at: float) -> News:
        """What has changed since it was read; `at` is the time of the wall clock."""
        if now.missing:
            return News()
        if self._was is None:
            return News(whole="it was not read yet")
        if now.look is None or self._was.look is None:
            return News(whole="it has changed" if now.stamp != self._was.stamp else "")
        return _news(self._was.look, now.look, at)

    def taken(self, state: State, at: float) -> None:
        """It was read as it was then; what was still being written counts as unread."""
        if not state.missing:
            self._was = replace(state, look=_proven(state.look, at))

    def note_taken(self, state: State, paths: Mapping[str, str]) -> None:
        """Of its notes these were read, as they were then."""
        assert self._was is not None
        assert self._was.look is not None
        assert state.look is not None
        notes = dict(self._was.look.notes)
        notes |= {path: state.look.notes[path] for path in paths}
        look = Look(notes, self._was.look.rest, self._was.look.complete)
        self._was = State(look=look, bare=not notes)

    # --- what is quiet ----------------------------------------------------------------------

    def stirred_since(self, at: float, now: float) -> frozenset[str]:
        """The paths, as documents have them, of the files that were changed since."""
        try:
            return frozenset(path for path, stamp in self._stamps() if changed_at(stamp, now) > at)
        except OSError:  # a disk that no longer answers: nobody writes there
            return frozenset()

    def _stamps(self) -> Iterator[tuple[str, Stamp]]:
        state = self.now()
        if state.look is not None:
            yield from ((path, stamp) for path, (_, stamp) in state.look.notes.items())
        elif self.entry.has_folder and self.entry.kind != "zotero" and not state.missing:
            for at in walk(self.entry.path, _unheard):
                try:
                    yield relative(at, self.entry.path), stamp_of(os.stat(at))  # noqa: PTH116
                except OSError:
                    continue


def _unheard(error: OSError) -> None:
    """What cannot be listed is told of by whoever reads it."""


def _news(was: Look, now: Look, at: float) -> News:
    if was.rest != now.rest or was.complete != now.complete:
        return News(whole="its pictures or other files have changed")
    if was.notes.keys() - now.notes.keys():
        return News(whole="notes were renamed or deleted")
    changed = {
        path: where for path, (where, stamp) in now.notes.items()
        if path not in was.notes or was.notes[path][1] != stamp
    }  # fmt: skip
    settles = max((_settles(now.notes[path][1], at) for path in changed), default=0.0)
    return News(notes=changed, settles=settles)


def _settles(stamp: Stamp, at: float) -> float:
    """When a note will have been left alone long enough; 0 if it has; a time to come is no time."""
    wait = QUIET if stamp[2] else EMPTY
    until = stamp[0] / 1e9 + wait
    return until if at < until <= at + wait else 0.0


_NEVER: Stamp = (0, 0, 0, 0)


def _proven(look: Look | None, at: float) -> Look | None:
    """With no stamp for a note that could change once more without its stamp showing it."""
    if look is None:
        return None
    now_ns = int(at * 1e9)
    notes = {
        path: (where, stamp if proves(stamp, now_ns) else _NEVER)
        for path, (where, stamp) in look.notes.items()
    }
    return Look(notes, look.rest, look.complete)
