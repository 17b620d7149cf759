"""Pictures cut from pages: files beside the ledger, named by the place they show.

They can be cut again from what was read as long as that is there, so they are in no journal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from ankiforge.config import private
from ankiforge.model import Picture, Problem

FOLDER = "pictures"
_NAME = re.compile(r"cut/[0-9a-f]{16}\.png", re.ASCII)


def is_cut(name: str) -> bool:
    """Whether Markdown calls a picture so that was cut from a page."""
    return _NAME.fullmatch(name) is not None


class Pictures:
    """The pictures of one workspace."""

    def __init__(self, folder: Path, *, forgetful: bool = False) -> None:
        """Keep pictures below `folder`; if `forgetful`, only look at what is there."""
        self.folder = folder
        """What names are relative to."""
        self._forgetful = forgetful

    def keep(self, pictures: Iterable[Picture]) -> tuple[Problem, ...]:
        """Keep pictures, each whole or not at all; says which could not be."""
        if self._forgetful:
            return ()
        kept = (self._keep(picture) for picture in pictures if is_cut(picture.name))
        return tuple(problem for problem in kept if problem)

    def _keep(self, picture: Picture) -> Problem | None:
        path = self.folder / picture.name
        try:
            if not path.is_file() or path.read_bytes() != picture.data:
                private.make_folder(self.folder)
                private.make_folder(path.parent)
                _write(path, picture.data)
        except OSError as error:
            what = f"the picture cannot be kept: {error.strerror or error}"
            return Problem(str(path), what, "is there room on the disk, and may you write there?")
        return None


def _write(path: Path, data: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        part.write(data)
    try:
        os.replace(part.name, path)  # noqa: PTH105
    except OSError:
        with suppress(OSError):
            Path(part.name).unlink()
        raise
