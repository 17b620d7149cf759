"""An index of book files by name, and the base class of sources that look up books in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from ankiforge.extract.base import SourceSettings
from ankiforge.extract.file_source import DirectorySource
from ankiforge.model import Strings
from ankiforge.text.normalize import normalize_for_lookup

_MAX_FILES = 200_000
"""The maximum number of files to list in directories of books."""
BOOK_SUFFIXES = (".epub", ".kepub", ".pdf", ".html", ".htm", ".xhtml")
"""The suffixes of books whose text can be read."""


class BookSettings(SourceSettings, kw_only=True):
    """The settings of sources whose highlights are stored separately from the books."""

    books: Strings = ()
    """Further directories that contain books."""


class BookIndex:
    """An index of the book files in some directories, by name."""

    def __init__(self, root: Path, further_folders: Iterable[Path]) -> None:
        """Index the books beside the highlights, which are at `root`, and in `further_folders`."""
        folder = root.parent if root.is_file() else root
        if folder.suffix == ".sdr" or folder.name.startswith("."):
            folder = folder.parent  # the folder of the book, or the device
        self._folders = tuple(dict.fromkeys([folder, *further_folders]))

    def find_book(self, device_path: str) -> Path | None:
        """Find the local copy of a book on a device, or return None if there is none.

        Names match even if their punctuation differs, or if one contains `.kepub`. Of several
        matching books, one with the same suffix is preferred, then the one that has the most
        parent directories in common with `device_path`.
        """
        original = PurePosixPath(device_path)
        best: Path | None = None
        best_rank = (False, -1)
        for path in self._paths_by_name.get(_normalize_name(original.name), ()):
            if path.is_symlink():  # a link may lead out of the workspace
                continue
            common_folders = 0
            for name, device_folder in zip(
                path.parts[-2::-1], original.parts[-2::-1], strict=False
            ):
                if name.casefold() != device_folder.casefold():
                    break
                common_folders += 1
            has_same_suffix = path.suffix.casefold() == original.suffix.casefold()
            rank = (has_same_suffix, common_folders)
            if rank > best_rank:
                best = path
                best_rank = rank
        return best

    @cached_property
    def _paths_by_name(self) -> dict[str, list[Path]]:
        paths_by_name: dict[str, list[Path]] = {}
        count = 0
        for folder in self._folders:
            for directory, subfolders, names in os.walk(folder):
                subfolders[:] = sorted(
                    name for name in subfolders if not name.startswith(".")
                )
                count += len(names)
                if count > _MAX_FILES:
                    return paths_by_name
                for name in sorted(names):
                    if name.casefold().endswith(BOOK_SUFFIXES):
                        path = Path(directory, name)
                        paths_by_name.setdefault(_normalize_name(name), []).append(path)
        return paths_by_name


def _normalize_name(file: str) -> str:
    stem = file.rpartition(".")[0] or file
    return normalize_for_lookup(stem.removesuffix(".kepub"))


class BookSource(DirectorySource):
    """Base class of sources that look up the sentences around highlights in book files."""

    @cached_property
    def books(self) -> BookIndex:
        """The index of the books beside the highlights and in the configured directories."""
        base = self.opening.workspace or Path()
        folders = [base / Path(folder).expanduser() for folder in self.settings.books]
        return BookIndex(self.listing.root, folders)
