"""Looking at what Anki has, without touching it.

    with open_view(path) as view:
        for note in view.notes(): ...

The live collection is copied, never opened; exports are unpacked. Both copies lie in a folder
of their own, which is gone when the view is closed.
"""

from __future__ import annotations

import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from ankiforge.anki.places import COLLECTION
from ankiforge.anki.views.archives import unpack
from ankiforge.anki.views.copying import changed_at, copy_collection, signature
from ankiforge.anki.views.database import opened
from ankiforge.anki.views.everything import AnyNote, Everything
from ankiforge.anki.views.reading import DatabaseView, database_view
from ankiforge.anki.views.union import UnionView
from ankiforge.errors import ItemError
from ankiforge.model import View, ViewKind

__all__ = [
    "AnyNote",
    "Everything",
    "changed_at",
    "connect_view",
    "open_everything",
    "open_view",
    "signature",
]

_SQLITE = b"SQLite format 3\0"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")


def open_view(path: Path, *, live: bool | None = None) -> AbstractContextManager[View]:
    """Look at a collection or an export.

    Args:
        path: a `collection.anki2`, an `.apkg` or a `.colpkg`.
        live: whether a collection is the one a profile of Anki uses, then seen as it is now, and
            its folder names the profile; else as it was when last written to. Unless said, one
            that is called `collection.anki2` is.

    Raises:
        ItemError: it cannot be looked at; says why.
    """
    return _opened(path, live)


@contextmanager
def open_everything(path: Path) -> Iterator[Everything]:
    """Look at all notes of a collection or an export, not only at ours.

    Raises:
        ItemError: it cannot be looked at; says why.
    """
    with _opened(path, None) as view:
        yield Everything(view)


def connect_view(
    exports: Sequence[Path], *, address: str, profile: str, complete: bool
) -> AbstractContextManager[View]:
    """Look at the exports of a running Anki as one.

    Args:
        exports: `.apkg` files, made just now, with scheduling.
        address: of that Anki.
        profile: that it has open.
        complete: whether they hold every deck with notes of ours.

    Raises:
        ItemError: one of them cannot be looked at; says why.
    """
    return _united(exports, address, profile, complete)


@contextmanager
def _united(
    exports: Sequence[Path], address: str, profile: str, complete: bool
) -> Iterator[UnionView]:
    with ExitStack() as stack:
        parts = tuple(stack.enter_context(_opened(path, False)) for path in exports)
        yield UnionView(address, profile, complete, parts)


@contextmanager
def _opened(path: Path, live: bool | None) -> Iterator[DatabaseView]:
    with ExitStack() as stack:
        try:
            kind = _kind(path)
            written = changed_at(path)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ankiforge-")))
            copy = _copy(path, kind, folder)
        except OSError as error:
            raise _unreadable(path, error) from error
        is_live = kind is ViewKind.COLLECTION and (
            path.name == COLLECTION if live is None else live
        )
        taken_at = time.time() if is_live else min(written, time.time())
        profile = path.resolve().parent.name if is_live else ""
        database = stack.enter_context(opened(copy, str(path)))
        yield database_view(database, kind, str(path), profile, taken_at)


def _copy(path: Path, kind: ViewKind, folder: Path) -> Path:
    if kind is ViewKind.COLLECTION:
        return copy_collection(path, folder)
    unpack(path, folder / COLLECTION)
    return folder / COLLECTION


def _kind(path: Path) -> ViewKind:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ItemError(f"{path}: not a file", hint=_WANTED)
    with path.open("rb") as file:
        start = file.read(len(_SQLITE))
    if start == _SQLITE:
        return ViewKind.COLLECTION
    if not start.startswith(_ZIPS):
        raise ItemError(f"{path}: neither a collection nor an export of Anki", hint=_WANTED)
    return ViewKind.COLPKG if path.suffix.lower() == ".colpkg" else ViewKind.APKG


_WANTED = "name the collection.anki2 of a profile, or an .apkg or .colpkg that Anki exported"


def _unreadable(path: Path, error: OSError) -> ItemError:
    if isinstance(error, FileNotFoundError | NotADirectoryError) and error.filename:
        return ItemError(f"{path}: no such file", hint=_WANTED)
    if isinstance(error, PermissionError):
        return ItemError(
            f"{path}: permission denied",
            hint="let your user read it (macOS: Privacy & Security › Full Disk Access)",
        )
    return ItemError(
        f"{path}: cannot be copied to be read: {error.strerror or error}",
        hint=f"see that there is room in {tempfile.gettempdir()}",
    )
