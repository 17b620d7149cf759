"""The database in an export of Anki: an `.apkg` or `.colpkg`, a zip of one of three makes."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ankiforge.anki.views.wire import WireError, read_message
from ankiforge.errors import ItemError

_MAKES = {3: "collection.anki21b", 2: "collection.anki21", 1: "collection.anki2"}
"""The database by the number in `meta`; a newer make holds an older one too, as a decoy."""
_META = "meta"
_META_MAKE = 1
"""Number of the field in the message `meta`."""
_PIECE = 1 << 20
_MOST = 8 << 30
_MOST_OF_SMALL = 64 << 20
_MOST_RATIO = 100
"""A database of text is packed to a tenth; what swells a hundredfold is no collection."""


def unpack(path: Path, target: Path) -> None:
    """Write the database of an export to `target`.

    Raises:
        ItemError: there is none, or it is broken, encrypted, of a newer make or far too large.
        OSError: the export cannot be read, or there is no room.
    """
    from ankiforge.anki.views.zstd import ZstdError

    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(path, archive)
            with _opened(archive, member) as source:
                _copy(path, source, target, most=_most(member))
    except (*_BROKEN, ZstdError) as error:
        raise ItemError(
            f"{path}: this export of Anki is broken or cut off ({error})", hint=_AGAIN
        ) from error


_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError)
"""What `zipfile` raises on a file that is none; ValueError: names that are no UTF-8."""
_AGAIN = "export it from Anki once more"


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = set(archive.namelist())
    make = _make(archive) if _META in names else 0
    if make > max(_MAKES):
        raise ItemError(
            f"{path}: an export of a newer Anki than is known here",
            hint="update ankiforge, or tick “Support older Anki versions” when exporting",
        )
    found = next((name for number, name in _MAKES.items() if name in names), "")
    if not found or (make in _MAKES and _MAKES[make] not in names):
        raise ItemError(f"{path}: no collection of Anki in it", hint=_AGAIN)
    member = archive.getinfo(found)
    if member.flag_bits & 1:
        raise ItemError(f"{path}: is encrypted", hint="export it from Anki without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{found} is packed in no way of Anki's")
    return member


def _make(archive: zipfile.ZipFile) -> int:
    """The number in `meta`; 0 if it tells none."""
    member = archive.getinfo(_META)
    if member.flag_bits & 1 or member.file_size > _PIECE:
        return 0
    try:
        return read_message(archive.read(member)).unsigned(_META_MAKE)
    except WireError:
        return 0


@contextmanager
def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """The member's bytes, of the newest make without its inner packing."""
    with archive.open(member) as source:
        if member.filename != _MAKES[3]:
            yield source
            return
        from ankiforge.anki.views.zstd import ZstdFile

        with ZstdFile(source) as inner:
            yield cast(IO[bytes], inner)


def _most(member: zipfile.ZipInfo) -> int:
    return min(_MOST, _MOST_OF_SMALL + _MOST_RATIO * member.compress_size)


def _copy(path: Path, source: IO[bytes], target: Path, *, most: int) -> None:
    size = 0
    with target.open("wb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > most:
                what = f"{path}: swells to more than {most >> 20} MiB when unpacked"
                raise ItemError(what, hint=_AGAIN)
            file.write(piece)
