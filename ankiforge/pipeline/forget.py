"""Forget the PATHs of earlier runs, and take this back.

The PATHs are in a file of the workspace, and the documents in the ledger, so no event of the
journal records what was forgotten. A setting in the ledger does, until `undo` needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ankiforge.config import SETTINGS_FILE_NAME, Config
from ankiforge.config.workspace import RememberedPath, store_remembered_paths
from ankiforge.errors import RefusedError, UsageError
from ankiforge.extract.discover import resolve_links
from ankiforge.ledger.decide import find_last_action, is_last_action
from ankiforge.ledger.ingest import reselect_documents, unselect_documents
from ankiforge.ledger.readings import load_present_in_source, load_unselected_keys
from ankiforge.model import DocumentId, Pair, Strings, Value
from ankiforge.pipeline.sources import contains, find_configured_sources, suggest_forget
from ankiforge.text import format_first_names

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.ledger import Ledger

_FORGOTTEN_SETTING = "forgotten"
"""The name of the ledger setting with a `ForgottenPaths` for each `forget` that can be undone."""


class ForgottenPaths(Value):
    """What one `forget` removed, which its undo restores."""

    places: tuple[RememberedPath, ...]
    documents: tuple[DocumentId, ...]
    unselected: Strings
    """The keys of the highlights in `documents` that were already unselected before."""
    last_action: tuple[int, int]
    """The last action before, see `find_last_action`."""

    @property
    def paths(self) -> list[str]:
        """The PATHs, each once."""
        return list(dict.fromkeys(place.path for place in self.places))


def forget_path(
    workspace: WorkspaceDirectory, ledger: Ledger, path: Path
) -> tuple[list[str], int]:
    """Stop reading a remembered PATH, and return the forgotten PATHs and number of highlights.

    Raises:
        UsageError: the PATH isn't remembered.
    """
    to_forget, to_keep = _split_remembered_paths(workspace, path)
    documents = _find_documents_to_forget(workspace.config, ledger, to_forget, to_keep)
    forgotten = ForgottenPaths(
        tuple(to_forget),
        tuple(sorted(documents)),
        load_unselected_keys(ledger, documents),
        find_last_action(ledger),
    )
    with ledger.transaction():
        ledger.set_value(_FORGOTTEN_SETTING, [*_load_forgotten(ledger), forgotten])
        count = unselect_documents(ledger, documents)
        store_remembered_paths(workspace.state_directory, to_keep)
    return forgotten.paths, count


def can_undo_forget(ledger: Ledger) -> bool:
    """Return whether `forget` was the last thing that can be undone."""
    forgotten = _load_forgotten(ledger)
    return bool(forgotten) and is_last_action(ledger, forgotten[-1].last_action)


def undo_last_forget(
    workspace: WorkspaceDirectory, ledger: Ledger
) -> tuple[list[str], int] | None:
    """Undo the last `forget`, for which `can_undo_forget` must be True.

    A PATH comes back with its deck and marks, and its highlights with their pending drafts.

    Returns:
        The PATHs and the number of highlights, or None if the user named the PATHs again.

    Raises:
        RefusedError: another source has the name of the forgotten one by now.
    """
    *earlier, forgotten = _load_forgotten(ledger)
    places = list(workspace.remembered_paths)
    directory_by_source: dict[Pair, Path] = {}
    for entry in workspace.config.sources:
        directory_by_source[entry.kind, entry.name] = entry.path
    for place in places:
        directory_by_source[place.source_key] = place.directory
    missing = [place for place in forgotten.places if place not in places]
    renamed = []
    for place in missing:
        if directory_by_source.get(place.source_key, place.directory) != place.directory:
            renamed.append(place.path)
    with ledger.transaction():
        ledger.set_value(_FORGOTTEN_SETTING, earlier)
        if missing and not renamed:
            ids, unselected = forgotten.documents, forgotten.unselected
            count = reselect_documents(ledger, ids, unselected)
            new = {(place.source_key, place.path) for place in missing}
            kept = [each for each in places if (each.source_key, each.path) not in new]
            store_remembered_paths(workspace.state_directory, [*kept, *missing])
            return forgotten.paths, count
    if renamed:
        message = f"{renamed[0]} stays forgotten: another source has its name by now"
        raise RefusedError(message, hint=f"ankiforge run {quote(renamed[0])}")
    return None


def _load_forgotten(ledger: Ledger) -> list[ForgottenPaths]:
    return ledger.get_value(_FORGOTTEN_SETTING, list[ForgottenPaths]) or []


def _split_remembered_paths(
    workspace: WorkspaceDirectory, path: Path
) -> tuple[list[RememberedPath], list[RememberedPath]]:
    """Split the remembered places into those of the PATH `path`, to forget, and the rest.

    A place below `path` belongs to it unless the user named the place itself.

    Raises:
        UsageError: `path` isn't remembered; the hint says what to do instead.
    """
    resolved = resolve_links(path.absolute())
    to_forget: list[RememberedPath] = []
    to_keep: list[RememberedPath] = []
    for place in workspace.remembered_paths:
        is_named = str(resolved) in (place.path, place.given)
        (to_forget if is_named else to_keep).append(place)
    if to_forget:
        return to_forget, to_keep
    if find_configured_sources(workspace.config, resolved):
        file = workspace.root / SETTINGS_FILE_NAME
        message = f"{path} is read because {file} names it"
        raise UsageError(message, hint="delete it under `sources:` there; its cards stay")
    inner = dict.fromkeys(
        place.path for place in to_keep if contains(resolved, Path(place.path))
    )
    if inner:
        message = f"{path} is not remembered itself, but {format_first_names([*inner])}"
        raise UsageError(message, hint=suggest_forget(next(iter(inner))))
    for place in to_keep:
        if contains(Path(place.path), resolved):
            message = f"{path} is a part of {place.path}, which is remembered as a whole"
            raise UsageError(message, hint=suggest_forget(place.path))
    hint = "no PATH is remembered"
    by_name = {Path(place.path).name: place.path for place in to_keep}
    nearest = get_close_matches(resolved.name, by_name, n=1)
    if nearest:
        hint = f"did you mean {by_name[nearest[0]]}?"
    elif to_keep:
        hint = "ankiforge status names those that are"
    raise UsageError(f"{path} is not remembered", hint=hint)


def _find_documents_to_forget(
    config: Config,
    ledger: Ledger,
    forgotten: Iterable[RememberedPath],
    kept: Iterable[RememberedPath],
) -> set[DocumentId]:
    """Return the documents at forgotten PATHs that no other source or PATH reads.

    A source may have several PATHs, such as several files of a directory. For exports, it is
    unknown which document is in which file, so all documents of the source may be returned.
    The next run then reads those in the remaining files again.
    """
    read_paths = [(place.source_key, Path(place.path)) for place in kept]
    for entry in config.sources:
        if entry.has_path:
            read_paths.append(((entry.kind, entry.name), entry.path))
    documents = set()
    for source_key, root in {(place.source_key, place.directory) for place in forgotten}:
        for row in load_present_in_source(ledger, *source_key):
            if not any(
                source_key == other_key and contains(other_path, root / row["place"])
                for other_key, other_path in read_paths
            ):
                documents.add(row["id"])
    return documents
