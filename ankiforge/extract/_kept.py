"""What files said when they were last read, so that an unchanged one is not read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ankiforge.extract._stamps import Stamp, proves
from ankiforge.model import Memory

INDEX = "index"
BODY = "file:"


class Index(msgspec.Struct, frozen=True):
    """Which files were read, as they were then."""

    context: str = ""
    """All that decides what a file says besides its own bytes: settings, names, the program."""
    stamps: dict[str, Stamp] = {}
    """name: stamp; of a file that says nothing this is all that is kept."""
    said: frozenset[str] = frozenset()
    """The names of those that say something: where that is lost, the file is read again."""


@dataclass(slots=True)
class Kept:
    """The files as they were, and what a scan learns about them."""

    memory: Memory
    index: Index
    bodies: dict[str, bytes] | None
    """None: each is recalled when it is asked for."""
    stale: frozenset[str] = frozenset()
    """Names of what was kept in another context."""
    news: dict[str, bytes] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """Those of this scan."""
    silent: set[str] = field(default_factory=set)
    """Names of files that were read in this scan and say nothing."""
    at_once: bool = False
    """All bodies are recalled when the first is asked for."""

    @classmethod
    def recalled(cls, memory: Memory, context: str, *, at_once: bool = False) -> Kept:
        """Return what is known if nothing but the files has changed; else nothing.

        `at_once`: the bodies are small, and are recalled together.
        """
        index = _decoded(memory.recall(INDEX))
        if index.context != context:
            bodies = memory.recall_all(BODY) if at_once else {}
            stale = frozenset(bodies or (BODY + name for name in index.stamps))
            return cls(memory, Index(context), {}, stale)
        return cls(memory, index, None, at_once=at_once)

    def of(self, name: str, stamp: Stamp) -> bytes | None:
        """What a file said (b"" for nothing) if it is as it was; None if it must be read."""
        if not self.knows(name, stamp):
            return None
        body = self._body(BODY + name) if name in self.index.said else b""
        if body is not None:
            self.stamps[name] = stamp
        return body

    def knows(self, name: str, stamp: Stamp) -> bool:
        """Whether a file was read as it is; what it said may be lost all the same."""
        return self.index.stamps.get(name) == stamp

    def retain(self, name: str) -> None:
        """Keep on what is known of a file that is as it was."""
        if name in self.index.stamps:
            self.stamps[name] = self.index.stamps[name]

    def _body(self, name: str) -> bytes | None:
        if self.bodies is None and self.at_once:
            self.bodies = self.memory.recall_all(BODY)
        if self.bodies is None:
            return self.memory.recall(name)
        return self.bodies.get(name)

    def learn(self, name: str, stamp: Stamp, body: bytes) -> None:
        """Note what it says; not of one so fresh that its stamp proves nothing."""
        if not proves(stamp):
            return
        self.stamps[name] = stamp
        if body:
            self.news[BODY + name] = body
        else:
            self.silent.add(name)

    def store(self, *, complete: bool) -> None:
        """Keep it for the next scan; after a scan of a part, the rest stays as it was."""
        before = self.index.stamps
        stamps = self.stamps if complete else before | self.stamps
        if stamps == before and not self.news and not self.stale:
            return
        changed = {name for name, stamp in before.items() if stamps.get(name) != stamp}
        changed |= self.silent
        bare = {BODY + name for name in changed} | self.stale
        said = (self.index.said - changed) | {name.removeprefix(BODY) for name in self.news}
        index = msgspec.json.encode(Index(self.index.context, stamps, said))
        self.memory.keep({**self.news, INDEX: index}, _without(bare, self.news))


def _without(names: Iterable[str], kept: dict[str, bytes]) -> list[str]:
    return sorted(name for name in names if name not in kept)


def _decoded(body: bytes | None) -> Index:
    try:
        return msgspec.json.decode(body, type=Index) if body else Index()
    except msgspec.MsgspecError:
        return Index()
