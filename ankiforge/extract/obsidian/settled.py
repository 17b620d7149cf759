"""Reading a note that its owner may be writing at this very moment.

A program that empties a file and writes it anew lets a reader see half of it; that the file was
the same before and after the reading proves nothing then (measured: 74 of 100 such halves pass
for whole). Only waiting until it has been left alone does.
"""

from __future__ import annotations

import os
import time

from ankiforge.errors import ItemError
from ankiforge.extract._folder import text_of, unreadable
from ankiforge.extract._stamps import Stamp, stamp_of
from ankiforge.extract.obsidian.files import NoteFile

LARGEST = 2_000_000
"""Bytes of a note."""
QUIET_SECONDS = 0.3
"""How long a note must have been left alone."""
EMPTY_SECONDS = 2.0
"""The same for an empty one: it may be about to be filled."""
TRIES = 10


def settled(note: NoteFile) -> tuple[str, Stamp]:
    """A note's text with LF line ends, and its stamp; waited for if it is being written.

    Raises:
        ItemError: it is too large, no text, never held still, or cannot be read.
    """
    for _ in range(TRIES):
        raw, found = _read(note)
        wait = _left_to_wait(found, time.time())
        if wait <= 0:
            return _text(raw), stamp_of(found)
        time.sleep(wait)
    raise ItemError("it is being written all the time", hint="run again later") from OSError()


def _read(note: NoteFile) -> tuple[bytes, os.stat_result]:
    """Its bytes, and how it was after they were read."""
    try:
        with open(note.at, "rb") as file:  # noqa: PTH123 - of very many notes
            return file.read(LARGEST + 1), os.fstat(file.fileno())
    except OSError as error:
        raise unreadable(error) from error


def _left_to_wait(found: os.stat_result, now: float) -> float:
    """Seconds until it will have been left alone for long enough; a time to come is no time."""
    quiet = QUIET_SECONDS if found.st_size else EMPTY_SECONDS
    left = found.st_mtime + quiet - now
    return left if 0 < left <= quiet else 0.0


def _text(raw: bytes) -> str:
    if len(raw) > LARGEST:
        hint = "split it, or leave it out with `exclude`"
        raise ItemError(f"the note is larger than {LARGEST // 1_000_000} MB", hint=hint)
    return text_of(raw)
