"""What an export holds besides notes of ours: whether nothing was left out of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ankiforge.anki.views.archives import unpack
from ankiforge.anki.views.database import numbers, opened
from ankiforge.errors import ItemError


def note_ids(path: Path) -> frozenset[int]:
    """The ids of all notes in an `.apkg`.

    Raises:
        ItemError: it cannot be looked at; says why.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            copy = Path(folder) / "collection.anki2"
            unpack(path, copy)
            with opened(copy, str(path)) as database:
                rows = database.rows(f"select {numbers('id')} from notes")
                return frozenset(int(row[0]) for row in rows)
    except OSError as error:
        raise ItemError(f"{path}: cannot be read: {error.strerror or error}") from error
