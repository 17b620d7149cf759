"""Find the sources that a file or folder belongs to or contains."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ankiforge.config import EXPORTS
from ankiforge.extract._doors import kind_of, kinds_below, why_not

UNAMBIGUOUS = frozenset({"pdf", "zotero", "tiddlywiki", *EXPORTS})
"""Kinds whose files no other kind reads."""
FILE_BASED = frozenset({*UNAMBIGUOUS, "obsidian", "markdown"}) - {"zotero"}
"""Kinds that read single files."""
MAX_REASONS = 3
"""Unreadable files of one folder to name."""

KnownFolders = Callable[[str], Mapping[str, Path]]
"""Return the folders that were read as a kind of source before, by source name."""


class FoundSource(NamedTuple):
    """A source that a path belongs to or contains."""

    kind: str
    root: Path
    only: tuple[Path, ...] = ()
    """The parts of it that the path names; () = all of it."""
    exclude: tuple[str, ...] = ()
    """Patterns of folders that are sources of their own."""


def resolve(path: Path) -> Path:
    """Resolve symbolic links; a link to itself stays as it is."""
    return Path(os.path.realpath(path))


def discover(
    path: Path, known: KnownFolders, paper_folders: Collection[Path]
) -> Iterator[FoundSource]:
    """Yield each source that a path belongs to or contains.

    Args:
        path: an existing file or folder, without symbolic links.
        known: gives the folders read before: their files stay in the source they are in.
        paper_folders: folders of PDFs that are remembered as a whole.
    """
    if path.is_file():
        yield from _of_file(path, known, paper_folders)
    elif (path / "zotero.sqlite").is_file():
        yield FoundSource("zotero", path)
    else:
        yield from _of_folder(path, known, paper_folders)


def why_nothing(path: Path) -> str:
    """Say why no source was found: what is wrong with the file, or with exports in the folder."""
    nothing = "nothing here that can be read"
    if path.is_file():
        return why_not(path) or nothing
    reasons: list[str] = []
    for within, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            why = why_not(Path(within, name))
            reasons += [f"{Path(within, name).relative_to(path)}: {why}"] if why else []
            if len(reasons) > MAX_REASONS:
                return "; ".join([nothing, *reasons[:MAX_REASONS], "…"])
    return "; ".join([nothing, *reasons])


def _of_file(
    path: Path, known: KnownFolders, paper_folders: Collection[Path]
) -> Iterator[FoundSource]:
    kind, folder = kind_of(path), path.parent
    if kind == "obsidian" and _known_texts(folder, known):
        kind = "markdown"
    match kind:
        case "":
            return
        case "zotero":
            yield FoundSource(kind, path)
            return
        case "obsidian":
            root = _vault_or_known(folder, known)
        case "tiddlywiki" | "markdown":
            root = _nearest(folder, set(known(kind).values())) or folder
        case "pdf":
            root = _nearest(folder, paper_folders) or folder
        case _:
            root = folder
    yield FoundSource(kind, root, (path,))


def _of_folder(
    path: Path, known: KnownFolders, paper_folders: Collection[Path]
) -> Iterator[FoundSource]:
    here = kinds_below(path)
    vault = _vault_or_known(path, known)
    texts = _known_texts(path, known)
    found = [kind for kind in ("obsidian", "pdf") if kind in here or path in known(kind).values()]
    if "obsidian" in found and not texts:
        yield from _of_vault(vault, path, known)
    if "pdf" in found:
        papers = _nearest(path, paper_folders) or path
        yield FoundSource("pdf", papers, () if papers == path else (path,))
    if (vault / ".obsidian").is_dir():  # every other file in a vault is an attachment
        return
    for kind in sorted(here & UNAMBIGUOUS - {"pdf", "zotero"}):
        found.append(kind)
        if kind in EXPORTS:
            yield FoundSource(kind, path, (path,))
        else:
            root = _nearest(path, set(known(kind).values())) or path
            yield FoundSource(kind, root, () if root == path else (path,))
    if texts or (not found and "markdown" in here):
        yield FoundSource("markdown", texts or path, () if texts in (None, path) else (path,))


def _of_vault(vault: Path, path: Path, known: KnownFolders) -> Iterator[FoundSource]:
    """Yield a vault, without the folders in it that were read as sources of their own before."""
    if vault != path:
        yield FoundSource("obsidian", vault, (path,))
        return
    folders = sorted(set(known("obsidian").values()))
    inner = [folder for folder in folders if vault in folder.parents and folder.is_dir()]
    for root in (vault, *inner):
        below = (folder for folder in inner if root in folder.parents)
        exclude = tuple(f"{folder.relative_to(root).as_posix()}/" for folder in below)
        yield FoundSource("obsidian", root, exclude=exclude)


def _nearest(folder: Path, candidates: Collection[Path]) -> Path | None:
    """Return the first of a folder and its parents that is a candidate."""
    return next((up for up in (folder, *folder.parents) if up in candidates), None)


def _vault(folder: Path) -> Path | None:
    """Return the first of a folder and its parents that Obsidian made a vault."""
    upwards = (folder, *folder.parents)
    return next((up for up in upwards if (up / ".obsidian").is_dir()), None)


def _vault_or_known(folder: Path, known: KnownFolders) -> Path:
    return _vault(folder) or _nearest(folder, set(known("obsidian").values())) or folder


def _known_texts(folder: Path, known: KnownFolders) -> Path | None:
    """Return the folder that was read as plain text files before; None inside a vault."""
    return None if _vault(folder) else _nearest(folder, set(known("markdown").values()))
