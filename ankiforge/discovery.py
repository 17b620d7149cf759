"""From settings and PATHs to sources: what is read, under which name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from ankiforge.config import EXPORTS, Config, SourceEntry, source_name
from ankiforge.config.remembered import Place, Remembered
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location
from ankiforge.errors import UsageError
from ankiforge.extract import kind_of, kinds_below, why_not
from ankiforge.ledger import Ledger
from ankiforge.model import Form, Problem, Source
from ankiforge.naming import named
from ankiforge.opening import opened

if TYPE_CHECKING:
    from ankiforge.crew import Crew

ON_THE_COMMAND_LINE = Location("the command line")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One source to be opened: as configured, or found behind a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """Files and folders below its root to look at; () = everything."""


def wanted_sources(
    workspace: Workspace, ledger: Ledger, paths: tuple[Path, ...], name: str = ""
) -> Iterator[Wanted | Problem]:
    """The sources a run reads: those configured and remembered, or those behind PATHs.

    A PATH that cannot be read is a problem; the others go on.

    Raises:
        UsageError: the only PATH cannot be read.
    """
    known = workspace.remembered
    if not paths:
        yield from _all(workspace.config, known, ledger)
        return
    found = [_behind(workspace.config, ledger, path.absolute(), name, known) for path in paths]
    problems = [one for one in found if isinstance(one, Problem)]
    if len(paths) == 1 and problems:
        raise UsageError(f"{problems[0].where}: {problems[0].what}", hint=problems[0].hint)
    yield from problems
    yield from _together([want for one in found if not isinstance(one, Problem) for want in one])


def followed_sources(workspace: Workspace, ledger: Ledger) -> list[Wanted]:
    """Return the same without PATHs, with what is remembered and not there now: it may come back."""
    config, known = workspace.config, workspace.remembered
    found = _all(config, known, ledger, absent_too=True)
    return [want for want in found if isinstance(want, Wanted)]


def _all(
    config: Config, known: tuple[Remembered, ...], ledger: Ledger, *, absent_too: bool = False
) -> Iterator[Wanted | Problem]:
    """Yield the configured sources and the remembered ones; a notice for each that is not there.

    What is not there must not make anything count as deleted: another file of the same export is
    then read as a part of it.
    """
    wanted = {(entry.kind, entry.name): Wanted(entry) for entry in config.sources}
    absent: set[tuple[str, str]] = set()
    for item in known:
        found = _behind(config, ledger, Path(item.path), item.name, known)
        if isinstance(found, Problem):
            what = "it is remembered as a source, and not there now; nothing counts as deleted"
            hint = f"bring it back, or: ankiforge run --forget {quote(item.path)}"
            yield Problem(item.path, what, hint, notice=True)
            absent |= {(place.kind, place.name) for place in item.places}
            found = [_at(place) for place in item.places] if absent_too else []
        else:  # settings may name the same folder as one of another kind
            kinds = {want.entry.kind for want in found}
            found += [_at(place) for place in item.places if place.kind not in kinds]
        for want in found:
            entry = want.entry
            named = entry in config.sources or entry.kind in EXPORTS
            key = (entry.kind, entry.name if named else str(entry.path))
            want = want if named else replace(want, entry=_as_read(entry, item))
            wanted[key] = _both(wanted[key], want) if key in wanted else want
    for want in wanted.values():
        entry = want.entry
        part = not want.only and (entry.kind, entry.name) in absent
        yield replace(want, only=(entry.path,)) if part else want


def _at(place: Place) -> Wanted:
    """A source as it was when it was remembered."""
    found = _unconfigured(_Place(place.kind, Path(place.root), (), place.exclude), "")
    return Wanted(replace(found.entry, name=place.name), tuple(map(Path, place.only)))


def _as_read(entry: SourceEntry, item: Remembered) -> SourceEntry:
    """A source under the name it was remembered by."""
    names = {(place.kind, place.root): place.name for place in item.places}
    return replace(entry, name=names.get((entry.kind, str(entry.path)), entry.name))


def _behind(
    config: Config, ledger: Ledger, path: Path, name: str, known: tuple[Remembered, ...] = ()
) -> list[Wanted] | Problem:
    if not path.exists():
        if path.is_symlink():
            what = "a link that leads nowhere, or round in a circle"
            return Problem(str(path), what, "name the file or folder itself")
        return Problem(str(path), "there is no such file or folder", "check the spelling")
    path = Path(os.path.realpath(path))
    kind = kind_of(path) if path.is_file() else ""
    configured = [e for e in config.sources if e.has_folder and _holds(e.path, path)]
    if kind in _UNMISTAKABLE:  # in a folder of notes it is no note
        configured = [e for e in configured if e.kind == kind or e.kind not in _OF_FILES]
    if configured:
        return [Wanted(e, _below(e, path)) for e in configured]
    found = [_wanted(config, place, name) for place in _places(path, ledger, known)]
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return found or Problem(str(path), _why_nothing(path), hint)


MOST_NAMED = 3
"""Files of a folder that are named when nothing in it can be read."""


def _why_nothing(path: Path) -> str:
    """What is wrong with a file, or with the exports of a folder in which nothing is read."""
    nothing = "nothing here that can be read"
    if path.is_file():
        return why_not(path) or nothing
    told: list[str] = []
    for within, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            why = why_not(Path(within, name))
            told += [f"{Path(within, name).relative_to(path)}: {why}"] if why else []
            if len(told) > MOST_NAMED:
                return "; ".join([nothing, *told[:MOST_NAMED], "…"])
    return "; ".join([nothing, *told])


def _below(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """The parts of a source to look at, as the settings spell its root: that may be a link."""
    root = _real(entry.path)
    return tuple(entry.path / path.relative_to(root) for path in paths if path != root)


def _holds(root: Path, path: Path) -> bool:
    root = _real(root)
    return path == root or root in path.parents


def _real(path: Path) -> Path:
    """The path without links; of a link to itself the path."""
    return Path(os.path.realpath(path))


class _Place(NamedTuple):
    """What a PATH is, or holds."""

    kind: str
    root: Path
    only: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()


def _wanted(config: Config, place: _Place, name: str) -> Wanted:
    for entry in config.sources:
        if entry.kind == place.kind and entry.has_folder and _real(entry.path) == place.root:
            return Wanted(entry, _below(entry, *place.only))
    return _unconfigured(place, name or _account(config, place.kind))


def _unconfigured(place: _Place, name: str) -> Wanted:
    options: dict[str, Any] = {"path": str(place.root)}
    options |= {"name": name} if name else {}
    options |= {"exclude": place.exclude} if place.exclude else {}
    own = name or source_name(place.root, place.kind)
    entry = SourceEntry(place.kind, own, place.root, options, ON_THE_COMMAND_LINE)
    return Wanted(entry, place.only)


_UNMISTAKABLE = {"pdf", "zotero", "tiddlywiki", *EXPORTS}
"""Kinds whose files no other kind on board reads."""
_OF_FILES = {*_UNMISTAKABLE, "obsidian", "markdown"} - {"zotero"}
"""Kinds that look at what they are given file by file."""


def _account(config: Config, kind: str) -> str:
    """The configured source an export goes to: the only one of its kind."""
    names = [entry.name for entry in config.sources if entry.kind == kind in EXPORTS]
    return names[0] if len(names) == 1 else ""


def _places(path: Path, ledger: Ledger, known: tuple[Remembered, ...]) -> Iterator[_Place]:
    """Each source a PATH is or holds; what it held before may be gone."""
    if path.is_file():
        yield from _of_file(path, ledger, known)
    elif (path / "zotero.sqlite").is_file():
        yield _Place("zotero", path)
    else:
        yield from _of_folder(path, ledger, known)


def _papers_around(folder: Path, known: tuple[Remembered, ...]) -> Path | None:
    """Return the nearest folder upwards that is remembered as one of PDFs."""
    places = (place for item in known for place in item.places)
    roots = {Path(one.root) for one in places if one.kind == "pdf" and not one.only}
    return next((up for up in (folder, *folder.parents) if up in roots), None)


def _of_file(path: Path, ledger: Ledger, known: tuple[Remembered, ...]) -> Iterator[_Place]:
    kind = kind_of(path)
    if kind == "obsidian" and _texts_of(path.parent, ledger):
        kind = "markdown"
    if kind == "zotero":
        yield _Place(kind, path)
    elif kind == "obsidian":
        yield _Place(kind, _vault_of(path.parent, ledger), (path,))
    elif kind in ("tiddlywiki", "markdown"):
        yield _Place(kind, _read_before(kind, path.parent, ledger) or path.parent, (path,))
    elif kind == "pdf":
        yield _Place(kind, _papers_around(path.parent, known) or path.parent, (path,))
    elif kind:
        yield _Place(kind, path.parent, (path,))


def _of_folder(path: Path, ledger: Ledger, known: tuple[Remembered, ...]) -> Iterator[_Place]:
    here = kinds_below(path)
    vault = _vault_of(path, ledger)
    texts = _texts_of(path, ledger)
    found = [kind for kind in ("obsidian", "pdf") if kind in here or _known(kind, path, ledger)]
    if "obsidian" in found and not texts:
        yield from _notes(vault, path, ledger)
    if "pdf" in found:
        papers = _papers_around(path, known) or path
        yield _Place("pdf", papers, () if papers == path else (path,))
    if (vault / ".obsidian").is_dir():
        return
    for kind in sorted(here & _UNMISTAKABLE - {"pdf", "zotero"}):
        found.append(kind)
        root = path if kind in EXPORTS else _read_before(kind, path, ledger) or path
        yield _Place(kind, root, () if root == path and kind not in EXPORTS else (path,))
    if texts or (not found and "markdown" in here):
        yield _Place("markdown", texts or path, () if texts in (None, path) else (path,))


def _known(kind: str, path: Path, ledger: Ledger) -> bool:
    return bool(ledger.roots.name_of(kind, path))


def _notes(vault: Path, path: Path, ledger: Ledger) -> Iterator[_Place]:
    """A folder of notes; what of it was read as a source of its own before stays one."""
    if vault != path:
        yield _Place("obsidian", vault, (path,))
        return
    roots = sorted(set(ledger.roots.known("obsidian").values()))
    below = [root for root in roots if vault in root.parents and root.is_dir()]
    exclude = tuple(f"{root.relative_to(vault).as_posix()}/" for root in below)
    yield _Place("obsidian", vault, exclude=exclude)
    for root in below:
        inner = (one for one in below if root in one.parents)
        inner_exclude = tuple(f"{one.relative_to(root).as_posix()}/" for one in inner)
        yield _Place("obsidian", root, exclude=inner_exclude)


def _read_before(kind: str, folder: Path, ledger: Ledger) -> Path | None:
    """The nearest folder upwards that was read as this kind before."""
    known = set(ledger.roots.known(kind).values())
    return next((up for up in (folder, *folder.parents) if up in known), None)


def _texts_of(folder: Path, ledger: Ledger) -> Path | None:
    """The nearest folder upwards that was read as plain texts; a vault's notes are never these."""
    return None if _vault(folder) else _read_before("markdown", folder, ledger)


def _vault_of(folder: Path, ledger: Ledger) -> Path:
    """The nearest folder upwards with `.obsidian/`, else that was read before, else the folder."""
    return _vault(folder) or _read_before("obsidian", folder, ledger) or folder


def _vault(folder: Path) -> Path | None:
    upwards = (folder, *folder.parents)
    return next((up for up in upwards if (up / ".obsidian").is_dir()), None)


def _together(wanted: list[Wanted]) -> Iterator[Wanted]:
    """One reading of each source, however many PATHs lead to it."""
    merged: dict[tuple[str, str | Path], Wanted] = {}
    for want in wanted:
        entry = want.entry
        place = (entry.kind, entry.name if entry.kind in EXPORTS else entry.path)
        merged[place] = _both(merged[place], want) if place in merged else want
    yield from merged.values()


def _both(one: Wanted, other: Wanted) -> Wanted:
    """Two PATHs of one source; of an account's exports they may lie in two folders."""
    entry, roots = one.entry, (one.entry.path, other.entry.path)
    if roots[0] == roots[1]:
        only = (*one.only, *other.only) if one.only and other.only else ()
        return Wanted(entry, tuple(dict.fromkeys(only)))
    only = (*(one.only or roots[:1]), *(other.only or roots[1:]))
    return Wanted(replace(entry, path=Path(os.path.commonpath(roots))), only)


# --- what is remembered ---------------------------------------------------------------------


def with_paths(
    workspace: Workspace, ledger: Ledger, paths: tuple[Path, ...], name: str, wanted: list[Wanted]
) -> tuple[list[Remembered], list[Remembered]]:
    """Add PATHs to what is remembered.

    A PATH within a configured or remembered source is not added. One that holds a remembered one
    takes its place; the keys of what was read there stay as they are.

    Args:
        workspace: whose sources they are to be.
        ledger: knows what was read before.
        paths: as given on the command line.
        name: as given by `--name`.
        wanted: what was found behind them, under the names it keeps.

    Returns:
        All that is to be remembered from now on, and which of it is new.
    """
    config, known = workspace.config, workspace.remembered
    names = {(one.entry.kind, one.entry.path): one.entry.name for one in wanted}
    kept, new = list(known), []
    for path in (Path(os.path.realpath(path)) for path in paths):
        found = _behind(config, ledger, path, name, known)
        if isinstance(found, Problem):
            continue
        own = [want for want in found if want.entry not in config.sources]
        places = tuple(_place(want, names) for want in own)
        others = [item for item in kept if item.path != str(path)]
        if not places or any(item.covers(places) for item in others):
            continue
        item = Remembered(str(path), name or _given(kept, path), places)
        inner = [one for one in others if item.covers(one.places) or _followed(one, item)]
        new += [] if any(one.path == item.path for one in kept) else [item]
        kept = [*(one for one in others if one not in inner), item]
    return kept, [item for item in new if item in kept]


def _followed(old: Remembered, new: Remembered) -> bool:
    """Whether a PATH that is gone was moved, or is an older export than the new one."""
    names = {(place.kind, place.name): place.root for place in new.places}
    if Path(old.path).exists() or not {(one.kind, one.name) for one in old.places} <= names.keys():
        return False
    moved = all(
        one.kind not in EXPORTS and names[one.kind, one.name] != one.root for one in old.places
    )
    return moved or Path(old.path).parent.exists()


def _given(kept: list[Remembered], path: Path) -> str:
    return next((item.name for item in kept if item.path == str(path)), "")


def _place(want: Wanted, names: dict[tuple[str, Path], str]) -> Place:
    entry = want.entry
    name = names.get((entry.kind, entry.path), entry.name)
    only, exclude = tuple(map(str, want.only)), tuple(entry.options.get("exclude", ()))
    return Place(entry.kind, name, str(entry.path), only, exclude)


def in_use(workspace: Workspace, ledger: Ledger) -> frozenset[str]:
    """Return the sources that plain `run` reads, each as `kind:name` with the name of its keys."""
    config, found = workspace.config, []
    for place in (place for item in workspace.remembered for place in item.places):
        around = [one for one in config.sources if one.kind == place.kind and one.has_folder]
        if not all(any(_holds(one.path, at) for one in around) for at in place.targets):
            found.append((place.kind, _account(config, place.kind) or place.name))
    for entry in config.sources:
        stays = entry.options.get("name") or not entry.has_folder or entry.kind in EXPORTS
        known = "" if stays else ledger.roots.name_of(entry.kind, entry.path)
        found.append((entry.kind, known or entry.name))
    places = (place for item in workspace.remembered for place in item.places)
    folders = [Path(place.root) for place in places if place.kind == "pdf"]
    folders += [entry.path for entry in config.sources if entry.kind == "pdf"]
    for name, root in ledger.roots.of("pdf").items():  # its keys are the same under any name
        if any(root == folder or folder in root.parents for folder in folders):
            found.append(("pdf", name))
    return frozenset(f"{kind}:{name}" for kind, name in found)


_ORDER = ("zotero", "pdf", "obsidian")
"""In which keys are issued; all others after these."""


def with_names(
    config: Config,
    wanted: list[Wanted],
    ledger: Ledger,
    say: Callable[[str], None],
    *,
    offline: bool = False,
) -> list[Wanted]:
    """The same under the names they are to have, in the order in which keys are issued.

    `say` tells of a name kept; `offline`: no connection but to this machine.

    Raises:
        ConfigError: an unknown kind, a mistake in its settings, or a name that is another's.
    """
    found = []
    said: dict[str, None] = {}
    for want in sorted(wanted, key=_rank):
        opened(config, want.entry)  # a mistake in its settings is told before its name is given
        entry = named(
            want.entry, ledger, partial(_opened_as_ever, config, ledger, offline), said.setdefault
        )
        found.append(replace(want, entry=_as_ever(entry, ledger)))
    for line in said:  # notes and PDFs of one folder tell the same
        say(line)
    return found


def _opened_as_ever(config: Config, ledger: Ledger, offline: bool, entry: SourceEntry) -> Source:
    return opened(config, _as_ever(entry, ledger), offline=offline)


def _as_ever(entry: SourceEntry, ledger: Ledger) -> SourceEntry:
    """The entry with `term` among its `cards:`, if an older workspace is to go on reading these.

    In generation 1 they belonged to `glossary`: where there are cards of them they are read until
    the settings say otherwise.
    """
    default = _WITH_TERMS.get(entry.kind)
    if ledger.generation > 1 or default is None:
        return entry
    cards = entry.options.get("cards", default)
    if not isinstance(cards, list | tuple) or "glossary" not in cards:
        return entry
    if {"term", "-term"}.intersection(map(str, cards)):
        return entry
    container = f"{'vault' if entry.kind == 'obsidian' else entry.kind}:{entry.name}"
    if not ledger.highlights.has_cards_of(container, Form.TERM):
        return entry
    return replace(entry, options={**entry.options, "cards": [*cards, "term"]})


_WITH_TERMS: dict[str, tuple[str, ...]] = {
    "obsidian": ("inline", "block", "cloze", "glossary"),
    "markdown": ("inline", "block", "cloze", "glossary"),
    "tiddlywiki": ("inline", "block", "glossary"),
}
"""The kinds of sources that know `Term: text` items, each with its default `cards:`."""


def open_sources(
    config: Config,
    wanted: list[Wanted],
    ledger: Ledger,
    *,
    offline: bool = False,
    crew: Crew | None = None,
) -> tuple[Source, ...]:
    """Open the sources that have their names; a crew helps to read them."""
    return tuple(
        opened(
            config,
            one.entry,
            one.only,
            memory=ledger.memories.of(f"{one.entry.kind}:{one.entry.name}"),
            offline=offline,
            crew=crew,
        )
        for one in wanted
    )


def _rank(want: Wanted) -> int:
    return _ORDER.index(want.entry.kind) if want.entry.kind in _ORDER else len(_ORDER)
