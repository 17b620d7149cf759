"""Find the stored documents to forget, those that are missing or moved, and those without marks."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.config import Config
from ankiforge.config.workspace import RememberedPath
from ankiforge.extract.base import scan_source
from ankiforge.extract.discover import UNMARKED_KINDS, resolve_links
from ankiforge.extract.files import find_path_on_disk, has_content, normalize_name
from ankiforge.extract.registry import find_source_type
from ankiforge.model import DocumentId, ExtractedDocument, Pair, Strings
from ankiforge.pipeline.reading_list import (
    Entry,
    Forgetting,
    SelectedSource,
    SourceKey,
    build_sources,
    list_configured,
    list_remembered,
    load_entries,
    make_configured_entries,
    make_entry,
)
from ankiforge.pipeline.sources import load_source_directories, open_sources

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.ledger import Ledger

# --- documents to forget ----------------------------------------------------------------


def find_documents_to_forget(
    workspace: WorkspaceDirectory, ledger: Ledger, forgetting: Forgetting
) -> set[DocumentId]:
    """Return the documents at the forgotten PATHs that no other source or PATH reads.

    It isn't known which document came from which export, so the exports that are kept are read
    again.
    """
    from ankiforge.ledger.readings import load_current_documents_of_source

    forgotten = [*map(make_entry, forgetting.to_forget)]
    remembered = [*map(make_entry, forgetting.to_keep)]
    kept = [*make_configured_entries(workspace.config), *remembered]
    documents = set()
    for source_key, root in {(entry.source_key, entry.root) for entry in forgotten}:
        for row in load_current_documents_of_source(ledger, *source_key):
            path = resolve_links(root) / row["place"]
            if not _is_read(source_key, path, kept):
                documents.add(row["id"])

    accounts = {entry.source_key for entry in forgotten if entry.is_export}
    kept_exports = []
    for entry in remembered:
        if entry.source_key in accounts and entry.path.exists():
            kept_exports.append(entry)
    selected, _ = build_sources(kept_exports, kept)
    return documents - _find_documents_in(workspace, ledger, selected)


def _is_read(source_key: SourceKey, path: Path, entries: Iterable[Entry]) -> bool:
    """Return whether one of the entries of a source contains a path."""
    return any(
        entry.contains(path) for entry in entries if entry.source_key == source_key
    )


def _find_documents_in(
    workspace: WorkspaceDirectory, ledger: Ledger, selected: Iterable[SelectedSource]
) -> set[DocumentId]:
    """Read sources, and return the stored documents that are in them."""
    from ankiforge.ledger.readings import find_document

    documents = set()
    for source in open_sources(workspace, ledger, selected):
        for sighting in scan_source(source, None):
            if not isinstance(sighting, ExtractedDocument):
                continue
            path_or_key = sighting.document.path or sighting.document.key
            stored = find_document(ledger, sighting.container, path_or_key)
            if stored is not None:
                documents.add(stored["id"])
    return documents


# --- documents that moved ---------------------------------------------------------------


def find_missing_documents(
    config: Config, ledger: Ledger, places: Iterable[RememberedPath]
) -> dict[DocumentId, Path]:
    """Find the stored documents whose files are missing, and return their paths by row id.

    A file only counts as missing if the directory of its source exists, because a missing
    directory may be on a disk that isn't mounted. Libraries and exports are skipped, because
    their documents aren't files.
    """
    from ankiforge.ledger.readings import load_current_documents_of_source

    missing = {}
    entries = [*map(make_entry, places), *make_configured_entries(config)]
    for source_key, root in {(entry.source_key, entry.root) for entry in entries}:
        kind, _ = source_key
        if not root.is_dir() or not _is_directory_of_documents(kind):
            continue
        for row in load_current_documents_of_source(ledger, *source_key):
            if not os.path.lexists(find_path_on_disk(root, row["place"])):
                missing[row["id"]] = root / row["place"]
    return missing


def _is_directory_of_documents(kind: str) -> bool:
    """Return whether each file that a source reads is a document."""
    source = find_source_type(kind)
    return source is not None and source.reads_single_files() and not source.is_export


def find_moved_file(
    workspace: WorkspaceDirectory, ledger: Ledger, path: Path, content: str | None = None
) -> Path:
    """Find the document of the remembered and configured sources that was at `path` before.

    It has the `content` of the file (`summarize_content`) or, failing that, its name. If several
    have, the one whose path ends most like `path` is returned. Returns `path` itself if it exists
    or there is no such document.
    """
    if path.exists():
        return path
    files = [*_iter_document_files(workspace, ledger)]
    candidates = _find_files_with_content(files, content) or _find_namesakes(files, path)
    return max(
        candidates,
        key=lambda file: _compare_endings(file.parts, path.parts),
        default=path,
    )


def _find_files_with_content(files: Iterable[Path], content: str | None) -> list[Path]:
    if not content:
        return []
    return [file for file in files if has_content(file, content)]


def _find_namesakes(files: Iterable[Path], path: Path) -> list[Path]:
    """Return the existing files with the name of `path`."""
    name = normalize_name(path.name)
    namesakes = []
    for file in files:
        if normalize_name(file.name) == name and file.exists():
            namesakes.append(file)
    return namesakes


def _iter_document_files(workspace: WorkspaceDirectory, ledger: Ledger) -> Iterator[Path]:
    """Yield the files of all documents, those of remembered paths first."""
    from ankiforge.ledger.readings import load_current_documents

    loaded = load_entries(workspace)
    entries = [*list_remembered(loaded), *list_configured(loaded)]
    for entry in entries:
        for row in load_current_documents(ledger, entry.container):
            yield find_path_on_disk(entry.root, row["place"])


def _compare_endings(parts: Strings, other_parts: Strings) -> list[bool]:
    """Return whether the last parts of two paths are equal, then those before them, and so on."""
    pairs = zip(reversed(parts), reversed(other_parts), strict=False)
    return [part == other for part, other in pairs]


# --- documents without marks ------------------------------------------------------------


_TEXT_SOURCE_KINDS = frozenset(("pdf", "obsidian", "markdown", *UNMARKED_KINDS.values()))
"""The kinds of sources in whose files passages can be chosen without a mark."""


def find_unmarked_files(workspace: WorkspaceDirectory, ledger: Ledger) -> list[str]:
    """Return the remembered files that have neither highlights nor chosen passages."""
    from ankiforge.ledger.chosen_passages import load_documents_with_highlights

    marked_files = load_documents_with_highlights(ledger)
    paths = _UnmarkedPaths()
    for entry in list_remembered(load_entries(workspace)):
        if entry.path.is_file():
            is_marked = (entry.name, entry.path.name) in marked_files
            paths.add(entry, is_marked=is_marked)
    return paths.list_unmarked()


def find_unmarked_paths(workspace: WorkspaceDirectory, ledger: Ledger) -> list[str]:
    """Return the remembered and configured files and directories without highlights.

    A directory is returned if most of its documents have no highlight and no passage was chosen in
    them. The PDFs without a highlight in other directories follow.
    """
    from ankiforge.ledger.chosen_passages import load_documents_with_highlights

    marked_files = load_documents_with_highlights(ledger)
    marked_sources = _find_mostly_marked_sources(ledger)
    loaded = load_entries(workspace)
    entries = [*list_remembered(loaded), *list_configured(loaded)]
    unmarked = _UnmarkedPaths()
    for entry in entries:
        if entry.path.is_file():
            is_marked = (entry.name, entry.path.name) in marked_files
            unmarked.add(entry, is_marked=is_marked)
        elif entry.path.is_dir():
            unmarked.add(entry, is_marked=entry.name in marked_sources)
    paths = unmarked.list_unmarked()
    for file in find_unmarked_pdfs(ledger):
        if not any(file.is_relative_to(path) for path in paths):
            paths.append(str(file))
    return paths


class _UnmarkedPaths:
    """The paths of entries without highlights, unless another entry has highlights there."""

    def __init__(self) -> None:
        self._unmarked: dict[str, None] = {}
        self._marked: set[str] = set()

    def add(self, entry: Entry, *, is_marked: bool) -> None:
        """Add an entry, if passages can be chosen in its files."""
        if is_marked:
            self._marked.add(str(entry.path))
        elif entry.kind in _TEXT_SOURCE_KINDS:
            self._unmarked[str(entry.path)] = None

    def list_unmarked(self) -> list[str]:
        """Return the paths in the order in which they were added."""
        return [path for path in self._unmarked if path not in self._marked]


def _find_mostly_marked_sources(ledger: Ledger) -> set[str]:
    """Return the sources of which at least half have a highlight, or where passages were chosen."""
    from ankiforge.ledger.chosen_passages import load_chosen_passages
    from ankiforge.ledger.tables.highlights import count_documents_with_highlights

    containers_with_choices = load_chosen_passages(ledger)
    sources = set()
    for row in count_documents_with_highlights(ledger):
        has_choices = row["container"] in containers_with_choices
        if has_choices or 2 * row["marked"] >= row["total"]:
            sources.add(row["source"])
    return sources


def find_unmarked_documents(workspace: WorkspaceDirectory, ledger: Ledger) -> list[Path]:
    """Return the files without highlights that the web page lists.

    These are the files from `find_unmarked_files` and the PDFs from `find_unmarked_pdfs`.
    """
    files = [*map(Path, find_unmarked_files(workspace, ledger))]
    return [*dict.fromkeys((*files, *find_unmarked_pdfs(ledger)))]


def find_unmarked_pdfs(
    ledger: Ledger, places: Container[Pair] | None = None
) -> list[Path]:
    """Return the PDFs without a highlight in the directories that were read.

    If `places` is given, only these documents, as pairs of container and path, are considered.
    """
    from ankiforge.ledger.tables.highlights import list_documents_without_highlights

    files = []
    roots_by_source = load_source_directories(ledger)
    for row in list_documents_without_highlights(ledger):
        container, place = row["container"], row["place"]
        if not container.startswith("pdf:") or container not in roots_by_source:
            continue
        file = Path(roots_by_source[container], place)
        if (places is None or (container, place) in places) and file.is_file():
            files.append(file)
    return files
