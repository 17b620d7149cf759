"""What was shown, by names that say nothing: pictures of cards, and the sources beside them."""

from __future__ import annotations

import threading
from pathlib import Path

from ankiforge.model import HighlightKey, h16
from ankiforge.review.page.shown.items import Item

MOST = 4096
"""Pictures, and sources, that are remembered; the oldest are forgotten."""


def name_of(key: str) -> str:
    """What the page calls a highlight in addresses."""
    return h16("source", key)


class Shown:
    """What a name stands for: no path ever comes from the browser."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self._highlights: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, item: Item) -> None:
        """Remember the pictures and the source of an item that is about to be shown."""
        with self._lock:
            for slot in item.slots:
                self._paths |= {media.name: media.path for media in slot.pictures}
            self._highlights[name_of(item.group)] = item.group
            for known in (self._paths, self._highlights):
                while len(known) > MOST:
                    del known[next(iter(known))]

    def path_of(self, name: str) -> Path | None:
        """The file behind a name, None if no card that was shown has it."""
        with self._lock:
            path = self._paths.get(name)
        return Path(path) if path else None

    def highlight_of(self, name: str) -> HighlightKey:
        """The key of the highlight behind a name, "" if no source that was shown has it."""
        with self._lock:
            return HighlightKey(self._highlights.get(name, ""))
