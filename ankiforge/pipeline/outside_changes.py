"""Changes that the journal doesn't record: forgotten PATHs, and notes replaced by `patch --apply`.

The ledger's database keeps a list of them, so that `undo` can revert the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from shlex import quote

from msgspec.structs import replace

from ankiforge.config.workspace import RememberedPath
from ankiforge.errors import ItemError, RefusedError
from ankiforge.extract.registry import is_export_kind
from ankiforge.ledger import Ledger
from ankiforge.ledger.decide import LastAction, find_last_action, is_last_action
from ankiforge.model import Problem, Strings, Value
from ankiforge.pipeline.replaced_files import ReplacedFile

_SETTING = "changes outside the journal"
"""The name of the ledger setting with the changes that can be undone, oldest first."""


class OutsideCommand(StrEnum):
    """The commands whose changes aren't recorded in the journal."""

    FORGET = "forget"
    PATCH = "patch"


class ForgottenPaths(Value, tag="forget"):
    """The PATHs that a `forget` removed from the reading list."""

    last_action: LastAction
    """The last action before the command."""
    places: tuple[RememberedPath, ...]


class PatchedFiles(Value, tag="patch"):
    """The notes that a `patch --apply` replaced."""

    last_action: LastAction
    """The last action before the command."""
    files: tuple[ReplacedFile, ...]
    """The replaced notes, or () once their backups are deleted."""


OutsideChange = ForgottenPaths | PatchedFiles


class UndoneChange(Value):
    """What `Workspace.undo_outside_change` reverted."""

    command: OutsideCommand
    names: Strings
    """The PATHs that are remembered again, or the files that were restored."""
    problems: tuple[Problem, ...] = ()
    """A problem for each file that could not be restored."""


def record_forgotten_paths(ledger: Ledger, places: Iterable[RememberedPath]) -> None:
    """Store the PATHs that are about to be forgotten."""
    _append(ledger, ForgottenPaths(find_last_action(ledger), tuple(places)))


def record_patched_files(ledger: Ledger, files: Iterable[ReplacedFile]) -> None:
    """Store the files that are about to be replaced."""
    _append(ledger, PatchedFiles(find_last_action(ledger), tuple(files)))


def _append(ledger: Ledger, change: OutsideChange) -> None:
    ledger.set_value(_SETTING, [*_load(ledger), change])


def _load(ledger: Ledger) -> list[OutsideChange]:
    return ledger.get_value(_SETTING, list[OutsideChange]) or []


def find_last_change(ledger: Ledger) -> OutsideChange | None:
    """Return the last change, or None if there is none or a later action must be undone first."""
    changes = _load(ledger)
    if changes and is_last_action(ledger, changes[-1].last_action):
        return changes[-1]
    return None


def remove_last_change(ledger: Ledger) -> None:
    """Remove the last change from the list, because it was undone or can't be."""
    ledger.set_value(_SETTING, _load(ledger)[:-1])


def delete_backups(ledger: Ledger) -> None:
    """Delete the backups of all patched files, which can't be restored from then on."""
    changes = _load(ledger)
    kept: list[OutsideChange] = []
    for change in changes:
        if isinstance(change, ForgottenPaths):
            kept.append(change)
            continue
        for file in change.files:
            with suppress(OSError):
                file.backup_path.unlink(missing_ok=True)
        if change is changes[-1]:
            kept.append(replace(change, files=()))
    if kept != changes:
        ledger.set_value(_SETTING, kept)


def is_last_change_permanent(ledger: Ledger) -> bool:
    """Return whether the last change is a `patch --apply` whose backups are deleted."""
    change = find_last_change(ledger)
    return isinstance(change, PatchedFiles) and not change.files


def restore_files(change: PatchedFiles) -> UndoneChange:
    """Restore the files of a `patch --apply` that weren't edited since."""
    names = []
    problems = []
    for file in change.files:
        try:
            if file.restore():
                names.append(file.path)
        except ItemError as error:
            problems.append(Problem(file.path, error.message, error.hint))
    return UndoneChange(OutsideCommand.PATCH, tuple(names), tuple(problems))


def find_paths_to_restore(
    change: ForgottenPaths, stored: Sequence[RememberedPath]
) -> list[RememberedPath]:
    """Return the PATHs of a `forget` that haven't been remembered again since.

    Args:
        change: The PATHs that were forgotten.
        stored: The PATHs that are remembered now.

    Raises:
        RefusedError: Another source has the name of a forgotten one by now.
    """
    directories = {place.source_key: place.directory for place in stored}
    to_restore = []
    for place in change.places:
        if place in stored:
            continue
        directory = directories.get(place.source_key)
        is_name_free = directory is None or directory == place.directory
        if not is_name_free and not is_export_kind(place.kind):
            message = "stays forgotten: another source has its name by now"
            hint = f"ankiforge run {quote(place.path)}"
            raise RefusedError(f"{place.path} {message}", hint=hint)
        to_restore.append(place)
    return to_restore
