"""What the files of a library say about its marks, each asked once until it or they change."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from ankiforge.extract.files import Stamp, program, proves, stamp_of
from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.cuts import MOST
from ankiforge.extract.pdf.protocol import Area, Passage, Quote
from ankiforge.extract.zotero.database import Library
from ankiforge.model import Memory, h16


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What a file said."""

    stamp: Stamp
    asked: str
    """Names what it was asked, and which program it was that asked."""
    passages: tuple[Passage, ...]
    """One for each quote; none if the file cannot be read."""
    pictures: tuple[bytes, ...]
    """One for each area, b"" where there is none."""


class _Place(NamedTuple):
    namespace: str
    attachment: str

    @property
    def name(self) -> str:
        return f"file/{self.namespace}/{self.attachment}"


class Asked:
    """Asks files, and remembers."""

    def __init__(self, worker: PdfWorker, memory: Memory) -> None:
        """`worker` reads them."""
        self._worker = worker
        self._memory = memory
        self._known: set[_Place] = set()

    def of(
        self,
        library: Library,
        attachment: str,
        file: Path,
        quotes: tuple[Quote, ...],
        areas: tuple[Area, ...],
    ) -> Answer:
        """What stands around these quotes, and how these areas look.

        Raises:
            OSError: the file is not there any more.
        """
        place = _Place(library.namespace, attachment)
        stamp = stamp_of(file.stat())
        asked = h16(program(), msgspec.json.encode((quotes, areas)).decode())
        answer = self._recalled(place)
        if answer is None or (answer.stamp, answer.asked) != (stamp, asked):
            answer = self._ask(file, quotes, areas, stamp, asked)
            if len(answer.passages) == len(quotes) and proves(stamp):
                self._memory.keep({place.name: msgspec.msgpack.encode(answer)})
        self._known.add(place)
        return answer

    def is_new(self, library: Library, attachment: str, file: Path) -> bool:
        """Whether the file will be read: it never was, or is another by now.

        Raises:
            OSError: it is not there any more.
        """
        answer = self._recalled(_Place(library.namespace, attachment))
        return answer is None or answer.stamp != stamp_of(file.stat())

    def _ask(
        self,
        file: Path,
        quotes: tuple[Quote, ...],
        areas: tuple[Area, ...],
        stamp: Stamp,
        asked: str,
    ) -> Answer:
        passages = self._worker.passages(file, quotes) if quotes else ()
        cut = self._worker.cut(file, areas[:MOST]) if areas else ()
        return Answer(stamp, asked, passages, tuple(picture or b"" for picture in cut))

    def _recalled(self, place: _Place) -> Answer | None:
        body = self._memory.recall(place.name)
        try:
            return msgspec.msgpack.decode(body, type=Answer) if body else None
        except msgspec.MsgspecError:
            return None

    def settle(self, library: Library) -> None:
        """All files of a library were asked: forget those that are in it no more."""
        index = f"files/{library.namespace}"
        known = {place.name for place in self._known if place.namespace == library.namespace}
        before = _names(self._memory.recall(index))
        if known != before:
            body = msgspec.json.encode(sorted(known))
            self._memory.keep({index: body}, sorted(before - known))


def _names(body: bytes | None) -> set[str]:
    try:
        return msgspec.json.decode(body, type=set[str]) if body else set()
    except msgspec.MsgspecError:
        return set()
