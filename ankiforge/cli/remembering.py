"""`ankiforge run PATH` remembers the PATH; `ankiforge run --forget PATH` forgets it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from ankiforge.app import SelectedSource, remember_paths
from ankiforge.cli.common import Call
from ankiforge.cli.session import Session, note_sources, session
from ankiforge.config.remembered import Remembered, store
from ankiforge.config.trust import confirm, remembered_concerns
from ankiforge.config.user import user_folders
from ankiforge.errors import UsageError


def remember(
    now: Session, paths: tuple[Path, ...], name: str, wanted: list[SelectedSource]
) -> list[str]:
    """Add the PATHs of a run to what plain `run` reads; a line for each that is new.

    `wanted`: what was found behind them, under the names it keeps.
    """
    workspace = now.workspace
    legible = tuple(path for path in paths if _is_text(Path(os.path.realpath(path))))
    kept, new = remember_paths(workspace, now.ledger, legible, name, wanted)
    if tuple(kept) != workspace.remembered:
        store(workspace.folder, kept)
        if not workspace.is_default:
            confirm(workspace, list(remembered_concerns(workspace)), user_folders())
        note_sources(now)
    shown = {os.path.realpath(path): str(path) for path in paths}
    said = []
    for item in new:
        path, run = shown.get(item.path, item.path), f"{now.call.program} run"
        said.append(
            f"{path} is remembered as {_named(item)}: `{run}` reads it from now on;"
            f" to forget it: {run} --forget {quote(path)}"
        )
    return said


def forget(call: Call, paths: Iterable[Path]) -> None:
    """Take PATHs out of what plain `run` reads; what was made of them stays.

    Raises:
        UsageError: one of them is not remembered.
    """
    with session(call, writes="drafting") as now:
        note_sources(now)  # so that they are known as read until now
        known = now.workspace.remembered
        gone = [_found(known, path) for path in paths]
        store(now.workspace.folder, [item for item in known if item not in gone])
        note_sources(now)
        for item in gone:
            call.talk.say(
                f"{item.path} is forgotten; its cards stay, and nothing counts as deleted"
            )
        if call.talk.as_json:
            call.talk.data({"forgotten": [item.path for item in gone]})


def _found(known: tuple[Remembered, ...], path: Path) -> Remembered:
    """Return what is remembered under this path, which may be gone."""
    spellings = {str(path.absolute()), os.path.realpath(path)}
    if found := next((item for item in known if item.path in spellings), None):
        return found
    paths = ", ".join(item.path for item in known)
    hint = f"remembered: {paths}" if known else "nothing is remembered"
    raise UsageError(f"{path}: is not remembered as a source", hint=hint)


def _named(item: Remembered) -> str:
    names = list(dict.fromkeys(f"`{place.name}`" for place in item.places))
    if len(names) == 1:
        return f"the source {names[0]}"
    return f"the sources {', '.join(names[:-1])} and {names[-1]}"


def _is_text(path: Path) -> bool:
    """Whether the name can be written into a file; some names of long ago cannot."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
