"""Write the package for Anki, completely or not at all; open it.

What must stay true: the ledger records what is shipped before the new package is in
the old one's place. So a kill between the two costs a second shipment, never a lost one
(`tests/ledger/test_killed.py`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.ownfiles import own_file
from ankiforge.errors import ItemError, UsageError
from ankiforge.ledger import Ledger, QueryTerm, lists, views
from ankiforge.model import Problem, Value

if TYPE_CHECKING:  # the formats of Anki are loaded only when there is something to write
    from ankiforge.anki.plan import Planned

_PATIENCE_SECONDS = 4.0
"""A program that opens files, and has not ended by then, is Anki itself."""
# The name under which the ledger keeps it until something changes.
_LAST_PACKAGE = "package"


class Published(Value):
    """The result of writing a package."""

    path: Path
    notes: int = 0
    added: int = 0
    """Notes that no package contained before."""
    updated: int = 0
    """Notes that are newer than those in Anki, or than those of an earlier package."""
    aside: Path | None = None
    """Where the old package was moved, because nothing is left to ship."""
    problems: tuple[Problem, ...] = ()

    @property
    def as_before(self) -> int:
        """Notes that Anki has, or that were in an earlier package."""
        return self.notes - self.added - self.updated


class LastPackage(Value):
    """The last package. The ledger forgets it as soon as a card, passage or note changes."""

    settings: str
    """A hash of all that the plan depends on besides the ledger."""
    path: str
    size: int
    mtime: int
    """In nanoseconds since 1970."""
    notes: int
    updated: int


def package_path(output: Path, deck: str = "") -> Path:
    """Return the path of a package in the output folder, named after a deck if there is one."""
    name = "ankiforge"
    if deck:
        from ankiforge.anki.notes import deck_name

        name = deck_name(deck).replace("::", "-")
    signs = []
    for sign in name:
        is_forbidden = sign in '/\\:*?"<>|' or sign < " "
        signs.append("_" if is_forbidden else sign)
    safe = "".join(signs)
    return output / f"{safe}.apkg"


def refuse_foreign(path: Path, ledger: Ledger, *, force: bool) -> None:
    """Check that a package may be written to a path.

    Raises:
        UsageError: the path has a file that is not ours (unless `force`), or cannot have a package.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
    if not path.parent.is_dir():
        raise UsageError(
            f"{path.parent}: there is no such folder",
            hint=f"mkdir {path.parent}",
        )
    if path.suffix.lower() != ".apkg":
        message = f"{path}: Anki imports only packages whose names end in .apkg"
        raise UsageError(message, hint=f"-o {path.with_suffix('.apkg')}")
    is_there = own_file(path).is_there()
    if is_there and not force and _last_package(ledger, path) is None:
        from ankiforge.anki.package import is_ours

        if not is_ours(path):
            message = f"{path}: is not a package of ankiforge; it was left unchanged"
            raise UsageError(
                message, hint="use another name, -o FILE.apkg, or --force to replace it"
            )


def unchanged(ledger: Ledger, path: Path, settings: str) -> Published | None:
    """Return the contents of a package that would be written unchanged; None if it may differ.

    Raises:
        OwnFileError: a link or no regular file is in the place of the package.
    """
    last = _last_package(ledger, path)
    if last is None or not settings or last.settings != settings:
        return None
    return Published(path, last.notes, updated=last.updated)


def _last_package(ledger: Ledger, path: Path) -> LastPackage | None:
    """Return the last package if the file at a path is still it."""
    stored = ledger.kept(_LAST_PACKAGE)
    last = msgspec.json.decode(stored, type=LastPackage) if stored else None
    state = own_file(path).state() if own_file(path).is_there() else None
    if last is None or last.path != str(path) or state is None:
        return None
    if (state.st_size, state.st_mtime_ns) != (last.size, last.mtime):
        return None
    return last


def write(
    ledger: Ledger,
    planned: Iterable[Planned],
    path: Path,
    settings: str = "",
) -> Published:
    """Write the package of the planned notes, and record its contents.

    The ledger records it before the file replaces the old one, so that a power cut never gives one
    `mod` to two texts. If nothing is left to ship, an old package of ours is set aside.

    Args:
        ledger: records what is shipped.
        planned: what to do with each card.
        path: where the package is written.
        settings: a hash of all that the plan depends on besides the ledger; "" if it is not all
            that is to be shipped.

    Raises:
        ItemError: the folder cannot be written.
        OwnFileError: a link or no regular file is in the place of the package.
    """
    from ankiforge.anki.package import is_ours, write_package

    previous = path.with_name(f"{path.stem}.previous.apkg")
    has_package = own_file(path).is_there()
    planned = list(planned)
    problems = tuple(problem for plan in planned for problem in plan.problems)
    packed = []
    for plan in planned:
        if plan.note and plan.sent:
            packed.append(plan)
    if not packed:
        aside = None
        if has_package and is_ours(path):
            with suppress(OSError):
                aside = path.replace(previous)
        return Published(path, aside=aside, problems=problems)

    # the notes in the order in which Anki shows those that are new
    note_by_guid = {plan.guid: plan.note for plan in packed if plan.note}
    guids = views.in_learning_order(ledger, list(note_by_guid))
    beside = path.with_name(f".{path.name}.part")
    try:
        write_package(beside, [note_by_guid[guid] for guid in guids])
        sent = [(plan.guid, plan.sent) for plan in packed if plan.sent]
        added = views.record_shipped(ledger, sent)
        beside.replace(path)
    except OSError as error:
        message = f"{path}: cannot be replaced: {error.strerror or error}"
        hint = "close the program that has it open, then: ankiforge build"
        raise ItemError(message, hint=hint) from error
    finally:
        beside.unlink(missing_ok=True)

    # the same plan would write the same package again, unless something waits, or has a picture
    updated = sum(plan.changed for plan in packed)
    is_whole = not any(plan.held or plan.conflicts or plan.problems for plan in planned)
    has_media = any(plan.note and plan.note.media for plan in packed)
    if settings and is_whole and not has_media:
        state = path.stat()
        last = LastPackage(
            settings=settings,
            path=str(path),
            size=state.st_size,
            mtime=state.st_mtime_ns,
            notes=len(packed),
            updated=updated,
        )
        ledger.keep_until_change(_LAST_PACKAGE, msgspec.json.encode(last).decode())
    updated += sum(plan.rewritten for plan in packed)
    return Published(path, len(packed), added, updated, problems=problems)


def why_none(ledger: Ledger, planned: Iterable[Planned], deck: str = "") -> str:
    """Return why nothing is sent to Anki of the cards of a deck; "" = of all."""
    from ankiforge.anki.notes import deck_name

    terms = [QueryTerm("verdict", "accepted")]
    where = ""
    if deck:
        terms.append(QueryTerm("deck", deck_name(deck)))
        where = f" in the deck {deck_name(deck)}"
    if not lists.find(ledger, terms):
        return f"no card{where} is accepted yet"
    some_wait = any(plan.held or plan.conflicts for plan in planned)
    but = ", but those that wait" if some_wait else ""
    return f"Anki has every accepted card{where}{but}"


def open_file(path: Path) -> bool:
    """Open a package as a double-click would. Return whether the system took it.

    It does not where nobody could see the program: over SSH, or without a screen. No shell is
    involved.
    """
    import subprocess

    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform not in ("darwin", "win32") and not screen:
        return False
    if sys.platform == "win32":
        try:
            os.startfile(path)
        except OSError:
            return False
        return True
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return False
    try:
        process = subprocess.Popen(  # it lives on without us
            [opener, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return process.wait(_PATIENCE_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return True
