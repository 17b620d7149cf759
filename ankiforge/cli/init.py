"""`ankiforge init`: makes a workspace, with what is found on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import click

from ankiforge.cli.common import Call, Talk, common_options
from ankiforge.config import EXPORTS, FILE_NAME
from ankiforge.config import load as load_settings
from ankiforge.config.remembered import FILE, Place, Remembered, load, store
from ankiforge.config.scaffold import (
    DECK_FILE,
    Proposal,
    ProposedSource,
    keep_first_deck,
    refuse_vault,
    scaffold,
)
from ankiforge.config.trust import (
    Concern,
    concerns,
    confirm,
    remembered_concerns,
    unconfirmed,
)
from ankiforge.config.user import UserFolders, user_folders
from ankiforge.config.workspace import adopt_default, open_workspace, register, registered
from ankiforge.config.yamlfile import control_character
from ankiforge.errors import UsageError
from ankiforge.reports.discover import (
    FormCounts,
    Machine,
    Server,
    anki_collections,
    count_forms,
    model_servers,
    vaults,
    zotero_folders,
)

_COUNTING_SECONDS = 5.0
"""For all vaults together."""

EPILOG = """\b
Examples:
  ankiforge init ~/cards            a workspace in ~/cards
  ankiforge init --trust .          confirm what this folder's ankiforge.yaml asks for

The first workspace is the one that commands use when they are called elsewhere.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is on this machine."""

    vaults: tuple[Path, ...] = ()
    zotero: tuple[Path, ...] = ()
    anki: tuple[Path, ...] = ()
    servers: tuple[Server, ...] = ()

    def listed(self) -> dict[str, list[str]]:
        """The same as text."""
        return {
            "vaults": [str(path) for path in self.vaults],
            "zotero": [str(path) for path in self.zotero],
            "anki": [str(path) for path in self.anki],
            "models": [f"{one.program}: {', '.join(one.models[:8])}" for one in self.servers],
        }


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` did; printed as it is with `--json`."""

    workspace: str
    written: tuple[str, ...]
    moved: tuple[str, ...]
    registered: bool
    found: dict[str, list[str]]
    unconfirmed: tuple[str, ...]
    confirmed: tuple[str, ...] = ()
    """By this call's `--trust`."""


@click.command(epilog=EPILOG)
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--trust", is_flag=True, help="Confirm what the workspace asks for.")
@common_options
def command(call: Call, directory: Path | None, trust: bool) -> None:
    """Make a workspace in DIRECTORY (default: here): find vaults, Zotero, Anki, local models."""
    root = Path.cwd() / (directory or call.workspace or Path()).expanduser()
    run(root, trust, call.talk, Machine.this(), os.environ)


def run(root: Path, trust: bool, talk: Talk, machine: Machine, environ: Mapping[str, str]) -> None:
    """Make or confirm the workspace in `root`, and tell of it.

    Raises:
        UsageError: `root` lies in a vault, cannot be written, or is not named by text.
        ConfigError: its `ankiforge.yaml` holds a mistake.
    """
    folders = user_folders(environ)
    root = root.resolve()
    if control_character(str(root)):
        raise UsageError(f"{str(root)!r}: such a name cannot be kept", hint="another folder")
    found = Found()
    written: tuple[Path, ...] = ()
    before: tuple[Remembered, ...] = ()
    sources: tuple[ProposedSource, ...] = ()
    if not (root / FILE_NAME).exists():
        refuse_vault(root)
        talk.say("looking for vaults, Zotero, Anki and local models …")
        found = look_around(machine, root.parent)
        before = read_before(root, folders)
        sources = to_be_written(before, found.vaults)
        written = scaffold(root, propose(found, sources))
    moved = take_over(root, folders)
    if moved:  # what a person read by its PATH has their word
        workspace = open_workspace(root)
        confirm(workspace, list(remembered_concerns(workspace)), folders)
    if written:
        keep_the_rest(root, before, sources)
    if root / DECK_FILE in written:
        keep_deck_of(root)
    asked = unconfirmed(open_workspace(root), folders, environ) if trust else []
    waiting = sign(root, bool(written) or trust, folders, environ)
    made = Made(
        workspace=str(root),
        written=tuple(path.relative_to(root).as_posix() for path in written),
        moved=tuple(path.name for path in moved),
        registered=register(root, folders),
        found=found.listed() | {"read": list(dict.fromkeys(str(one.path) for one in sources))},
        unconfirmed=tuple(one.says for one in waiting if one.stops or not one.is_key),
        confirmed=tuple(concern.says for concern in asked),
    )
    talk.data(made) if talk.as_json else _tell(made, talk, trust)
    if written and sources and not moved and (home := registered(folders)) not in (None, root):
        talk.say(f"what you decided on these sources until now stays in {home}")


def look_around(machine: Machine, near: Path) -> Found:
    """Everything a workspace may be about."""
    return Found(
        vaults(machine, near),
        zotero_folders(machine),
        anki_collections(machine),
        model_servers(machine),
    )


def propose(found: Found, before: tuple[ProposedSource, ...] = ()) -> Proposal:
    """The settings for what was found; `before` are sources that were read already."""
    known = {(one.kind, one.path) for one in before}
    vaults = [path for path in found.vaults if not _is_read(path, "obsidian", before)]
    zotero = [path for path in found.zotero if ("zotero", path / "zotero.sqlite") not in known]
    counted = [*vaults, *(one for one in before if one.kind == "obsidian")]
    seconds = _COUNTING_SECONDS / max(len(counted), 1)
    sources = [
        *(_as_before(one, seconds) if one.kind == "obsidian" else one for one in before),
        *(replace(_vault(path, seconds), exclude=_read_below(path, before)) for path in vaults),
        *(ProposedSource("zotero", one) for one in zotero if ("zotero", one) not in known),
    ]
    usual = Proposal(tuple(sources))
    if not (server := next((server for server in found.servers if server.models), None)):
        return usual
    model = usual.model if usual.model in server.models else server.models[0]
    offered = f"{server.program} with {', '.join(server.models[:8])}"
    return Proposal(tuple(sources), server.base_url, model, offered)


def _is_read(path: Path, kind: str, before: tuple[ProposedSource, ...]) -> bool:
    """Whether a folder is, or lies within, a source that was read already."""
    roots = {one.path for one in before if one.kind == kind}
    return any(up in roots for up in (path, *path.parents))


def _read_below(path: Path, before: tuple[ProposedSource, ...]) -> tuple[str, ...]:
    """What lies in a vault and was read as a source of its own."""
    inner = (one.path for one in before if one.kind == "obsidian" and path in one.path.parents)
    return tuple(f"{one.relative_to(path).as_posix()}/" for one in inner)


def _as_before(source: ProposedSource, seconds: float) -> ProposedSource:
    found = _vault(source.path, seconds)
    return replace(source, counts=found.counts, dialects=found.dialects)


def _vault(path: Path, seconds: float) -> ProposedSource:
    """With what each switch would give there, and the dialects it is written in."""
    counted = count_forms(path, seconds)
    if counted is None:
        return ProposedSource("obsidian", path)
    counts = (("marks", _listed(counted, "marks")), ("cards", _listed(counted, "cards")))
    told = tuple((name, dict(settings)) for name, settings in counted.told.items())
    return ProposedSource("obsidian", path, counts, told)


def _listed(counted: FormCounts, switch: str) -> str:
    figures = counted.marks if switch == "marks" else counted.cards
    words = ", ".join(f"{word} {count}" for word, count in figures.items())
    return words if counted.complete or not words else f"at least {words}"


# --- what was read already ------------------------------------------------------------------


def read_before(root: Path, folders: UserFolders) -> tuple[Remembered, ...]:
    """Return the PATHs that the workspace in use so far remembers."""
    home = registered(folders) or folders.data
    return () if home.resolve() == root else load(home / ".ankiforge")


def to_be_written(
    before: tuple[Remembered, ...], vaults: tuple[Path, ...] = ()
) -> tuple[ProposedSource, ...]:
    """Return those sources that settings can name: whole folders, and the newest of each export.

    Single files of a folder stay remembered: settings that name one of them would say that the
    others are gone. Those of one of the `vaults` found on this machine are part of that vault.
    """
    whole: dict[tuple[str, str], ProposedSource] = {}
    for place in (place for item in before for place in item.places):
        path = Path(place.only[0] if place.kind in EXPORTS and place.only else place.root)
        single = bool(place.only) and place.kind not in EXPORTS and path not in vaults
        if single or not path.exists() or control_character(str(path)):
            continue
        key = (place.kind, place.name)
        one = ProposedSource(
            place.kind, path, name=place.name, exclude=place.exclude, as_before=True
        )
        if key not in whole or _modified(path) > _modified(whole[key].path):
            whole[key] = one
    return tuple(_each_named(whole.values()))


_NAMELESS = ("pdf", "zotero")
"""Kinds whose keys do not hold the name of their source."""


def _each_named(sources: Iterable[ProposedSource]) -> Iterator[ProposedSource]:
    """The notes and the PDFs of one folder have one name; in settings each has its own."""
    taken: set[str] = set()
    for source in sorted(sources, key=lambda one: one.kind in _NAMELESS):
        name = source.name
        if name in taken and source.kind in _NAMELESS:
            name = next(
                n
                for i in count(1)
                if (n := f"{name}-{source.kind}{i if i > 1 else ''}") not in taken
            )
        if name not in taken:
            taken.add(name)
            yield replace(source, name=name)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def keep_the_rest(
    root: Path, before: tuple[Remembered, ...], written: tuple[ProposedSource, ...]
) -> None:
    """Remember in the new workspace what its settings do not name."""
    named = [Place(one.kind, one.name, str(one.path)) for one in written]
    named += [
        Place(one.kind, one.name, str(one.path)) for one in load_settings(root / FILE_NAME).sources
    ]
    rest: dict[Path, Remembered] = {}
    for given, place in ((item.name, place) for item in before for place in item.places):
        for target in place.targets:
            one = Place(
                place.kind, place.name, place.root, place.only and (str(target),), place.exclude
            )
            if not any(other.covers(one) for other in named):
                first = rest.setdefault(target, Remembered(str(target), given, ()))
                rest[target] = Remembered(first.path, first.name, (*first.places, one))
    if rest or (root / ".ankiforge" / FILE).exists():
        open_workspace(root).prepare()
        store(root / ".ankiforge", list(rest.values()))


def take_over(root: Path, folders: UserFolders) -> tuple[Path, ...]:
    """What the user's first workspace gets from the default one."""
    return adopt_default(root, folders) if registered(folders) is None else ()


def keep_deck_of(root: Path) -> None:
    """Let the deck file just copied agree with the cards that are here already."""
    from ankiforge.ledger.journal import FIRST_GENERATION, generation_at

    workspace = open_workspace(root)
    if generation_at(workspace.ledger, workspace.journal) == FIRST_GENERATION:
        keep_first_deck(root / DECK_FILE)


def sign(
    root: Path, trusted: bool, folders: UserFolders, environ: Mapping[str, str]
) -> list[Concern]:
    """Make the workspace ready, keep the person's word if it was given; what still lacks it."""
    workspace = open_workspace(root)
    workspace.prepare()
    if trusted:
        confirm(workspace, concerns(workspace), folders)
    return unconfirmed(workspace, folders, environ)


# --- telling --------------------------------------------------------------------------------


def _tell(made: Made, talk: Talk, trust: bool) -> None:
    if made.written:
        _tell_found(made.found, talk)
        talk.say(f"made a workspace in {made.workspace}: {', '.join(made.written)}")
    else:
        talk.say(f"{made.workspace} is a workspace already; its files are as they were")
    if made.moved:
        talk.say(f"moved here from the default workspace: {', '.join(made.moved)}")
    for concern in made.confirmed:
        talk.say(f"confirmed: {concern}")
    if trust and not made.confirmed:
        talk.say("nothing needed confirming")
    for concern in made.unconfirmed:
        talk.say(f"not confirmed: {concern}")
    _tell_next(made, talk)


def _tell_found(found: dict[str, list[str]], talk: Talk) -> None:
    for kind, things in found.items():
        if kind == "read" and not things:
            continue
        talk.say(f"  {kind:8}{'; '.join(things) or 'none found'}")


def _tell_next(made: Made, talk: Talk) -> None:
    where = "" if made.registered else f" -C {made.workspace}"
    if made.unconfirmed:
        talk.say(f"next: read {FILE_NAME}, then ankiforge init --trust {made.workspace}")
        return
    talk.say(f"next: read {made.workspace}/{FILE_NAME}, then")
    talk.say(f"  ankiforge doctor{where}     is all well?")
    talk.say(f"  ankiforge run{where}        cards from every source")
