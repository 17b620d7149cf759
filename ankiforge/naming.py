"""The name of a source: part of its keys, so it stays when the folder is moved or renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ankiforge.config import EXPORTS, SourceEntry
from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.model import Extracted, Source
from ankiforge.text.anchors import text_of

Opener = Callable[[SourceEntry], Source]
"""Opens the whole source under the name in its entry."""

HEIR = 0.5
"""The share of a gone root's highlights that makes a new folder its heir."""


def named(
    entry: SourceEntry, ledger: Ledger, opened: Opener, say: Callable[[str], None]
) -> SourceEntry:
    """The entry under the name it is to have, which from now on stands for its folder.

    A folder keeps the name it was read under. One that holds most highlights of a folder that
    is gone *is* that folder, and takes over its name (said once). A source without a folder has
    the name its settings give it: it stands for no folder, and takes none away. So has one of
    exports, which come as another file each time.

    Raises:
        UsageError: the name is that of another folder.
    """
    if not entry.has_folder or entry.kind in EXPORTS:
        return entry
    if not entry.options.get("name"):
        known = ledger.roots.name_of(entry.kind, entry.path)
        entry = replace(entry, name=known or _heir(entry, ledger, opened, say) or entry.name)
    before = ledger.roots.folder_of(entry.kind, entry.name)
    if before and before != entry.path and not _may_move(entry, ledger, opened, before.exists()):
        raise _taken(entry, str(before), before.exists())
    ledger.roots.remember(entry.kind, entry.name, entry.path)
    return entry


def _heir(entry: SourceEntry, ledger: Ledger, opened: Opener, say: Callable[[str], None]) -> str:
    for name, root in ledger.roots.known(entry.kind).items():
        if not root.exists() and _holds_most(replace(entry, name=name), ledger, opened):
            say(f"{entry.path} is what {root} was: it keeps the name {name!r}")
            return name
    return ""


def _may_move(entry: SourceEntry, ledger: Ledger, opened: Opener, there: bool) -> bool:
    """Whether a name may go over to another folder: its own is gone, and this is its heir."""
    if there:
        return False
    nothing = not ledger.roots.texts(_container(entry))
    return nothing or _holds_most(entry, ledger, opened)


def _holds_most(entry: SourceEntry, ledger: Ledger, opened: Opener) -> bool:
    texts = ledger.roots.texts(_container(entry))
    found = texts & frozenset(_texts(opened(entry))) if texts else texts
    return bool(texts) and len(found) >= HEIR * len(texts)


def _texts(source: Source) -> Iterator[str]:
    """Words, not surroundings: a passage that was moved meanwhile counts, too."""
    for sighting in source.scan():
        if isinstance(sighting, Extracted):
            yield from map(text_of, sighting.highlights)


def _container(entry: SourceEntry) -> str:
    kind = "vault" if entry.kind == "obsidian" else entry.kind
    return f"{kind}:{entry.name}"


def _taken(entry: SourceEntry, root: str, there: bool) -> UsageError:
    state = "" if there else ", which is not there now"
    what = f"{entry.path}: the name {entry.name!r} is that of {root}{state}"
    if entry.where.line:
        return entry.where.at("name").error(what, "give this source another `name`")
    return UsageError(what, hint="give this one a name of its own: --name NAME")
