"""`ankiforge init`: make a workspace, with what is found on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import click

from ankiforge.cli.output import Call, command
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
from ankiforge.config.trust import concerns, confirm, remembered_concerns, unconfirmed
from ankiforge.config.user import user_folders
from ankiforge.config.workspace import adopt_default, open_workspace, register, registered
from ankiforge.config.yamlfile import control_character
from ankiforge.errors import UsageError
from ankiforge.reports.discover import (
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
_NAMELESS = ("pdf", "zotero")
"""Kinds whose keys do not hold the name of their source."""


@command("""
  ankiforge init ~/cards            a workspace in ~/cards
  ankiforge init --trust .          confirm what this folder's ankiforge.yaml asks for

The first workspace is the one that commands use when they are called elsewhere.
""")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--trust", is_flag=True, help="Confirm what the workspace asks for.")
def init(call: Call, directory: Path | None, trust: bool) -> None:
    """Make a workspace in DIRECTORY (default: here): find vaults, Zotero, Anki, local models."""
    out, folders, machine = call.out, user_folders(), Machine.this()
    root = (Path.cwd() / (directory or call.workspace or Path()).expanduser()).resolve()
    if control_character(str(root)):
        raise UsageError(f"{str(root)!r}: such a name cannot be kept", hint="another folder")
    found: dict[str, list[str]] = {name: [] for name in ("vaults", "zotero", "anki", "models")}
    written: tuple[Path, ...] = ()
    before: tuple[Remembered, ...] = ()
    sources: tuple[ProposedSource, ...] = ()
    if not (root / FILE_NAME).exists():
        refuse_vault(root)
        out.say("looking for vaults, Zotero, Anki and local models …")
        here, zotero = vaults(machine, root.parent), zotero_folders(machine)
        servers = model_servers(machine)
        found = {
            "vaults": [str(path) for path in here],
            "zotero": [str(path) for path in zotero],
            "anki": [str(path) for path in anki_collections(machine)],
            "models": [f"{one.program}: {', '.join(one.models[:8])}" for one in servers],
        }
        home = registered(folders) or folders.data
        before = () if home.resolve() == root else load(home / ".ankiforge")
        sources = tuple(_named_apart(_sources_before(before, here)))
        proposal = _with_model(Proposal(_proposed(here, zotero, sources)), servers)
        written = scaffold(root, proposal)
    # the user's first workspace gets the cards of the default one
    moved = adopt_default(root, folders) if registered(folders) is None else ()
    if moved:  # what a person read by its PATH has their word
        workspace = open_workspace(root)
        confirm(workspace, list(remembered_concerns(workspace)), folders)
    if written:
        _remember_rest(root, before, sources)
    if root / DECK_FILE in written:
        from ankiforge.ledger import generation

        workspace = open_workspace(root)
        if generation.at(workspace.ledger, workspace.journal) == generation.FIRST:
            keep_first_deck(root / DECK_FILE)  # as the cards have it that were moved here
    workspace = open_workspace(root)
    asked = unconfirmed(workspace, folders) if trust else []
    workspace.prepare()
    if written or trust:
        confirm(workspace, concerns(workspace), folders)
    waiting = unconfirmed(workspace, folders)
    made = {
        "workspace": str(root),
        "written": [path.relative_to(root).as_posix() for path in written],
        "moved": [path.name for path in moved],
        "registered": register(root, folders),
        "found": found | {"read": list(dict.fromkeys(str(one.path) for one in sources))},
        "unconfirmed": [one.says for one in waiting if one.stops or not one.is_key],
        "confirmed": [one.says for one in asked],
    }
    if out.as_json:
        out.data(made)
    else:
        for line in _report(made, trust=trust):
            out.say(line)
    if written and sources and not moved and (home_now := registered(folders)) not in (None, root):
        out.say(f"what you decided on these sources until now stays in {home_now}")


def _report(made: dict[str, Any], *, trust: bool) -> Iterator[str]:
    """Yield what was done and what to do next, for people."""
    root = made["workspace"]
    if made["written"]:
        for kind, things in made["found"].items():
            if things or kind != "read":
                yield f"  {kind:8}{'; '.join(things) or 'none found'}"
        yield f"made a workspace in {root}: {', '.join(made['written'])}"
    else:
        yield f"{root} is a workspace already; its files are as they were"
    if made["moved"]:
        yield f"moved here from the default workspace: {', '.join(made['moved'])}"
    yield from (f"confirmed: {one}" for one in made["confirmed"])
    if trust and not made["confirmed"]:
        yield "nothing needed confirming"
    yield from (f"not confirmed: {one}" for one in made["unconfirmed"])
    if made["unconfirmed"]:
        yield f"next: read {FILE_NAME}, then ankiforge init --trust {root}"
        return
    where = "" if made["registered"] else f" -C {root}"
    yield f"next: read {root}/{FILE_NAME}, then"
    yield f"  ankiforge doctor{where}     is all well?"
    yield f"  ankiforge run{where}        cards from every source"


# --- what is proposed -----------------------------------------------------------------------


def _proposed(
    here: tuple[Path, ...], zotero: tuple[Path, ...], before: tuple[ProposedSource, ...]
) -> tuple[ProposedSource, ...]:
    """Return the sources of the settings: those that were read before, then what else was found."""
    roots = {one.path for one in before if one.kind == "obsidian"}
    known = {one.path for one in before if one.kind == "zotero"}
    new = [path for path in here if roots.isdisjoint((path, *path.parents))]
    seconds = _COUNTING_SECONDS / max(len(new) + len(roots), 1)
    sources = []
    for one in before:
        if one.kind == "obsidian":
            counted = _vault(one.path, seconds)
            one = replace(one, counts=counted.counts, dialects=counted.dialects)
        sources.append(one)
    for path in new:
        inside = (one.relative_to(path).as_posix() for one in roots if path in one.parents)
        sources.append(replace(_vault(path, seconds), exclude=tuple(f"{one}/" for one in inside)))
    libraries = (path for path in zotero if known.isdisjoint((path, path / "zotero.sqlite")))
    return (*sources, *(ProposedSource("zotero", path) for path in libraries))


def _vault(path: Path, seconds: float) -> ProposedSource:
    """Return a vault with what each switch would give there, and the dialects it is written in."""
    found = count_forms(path, seconds)
    if found is None:
        return ProposedSource("obsidian", path)
    counts = []
    for switch, figures in (("marks", found.marks), ("cards", found.cards)):
        words = ", ".join(f"{word} {number}" for word, number in figures.items())
        counts.append((switch, words if found.complete or not words else f"at least {words}"))
    dialects = tuple((name, dict(settings)) for name, settings in found.told.items())
    return ProposedSource("obsidian", path, tuple(counts), dialects)


def _with_model(proposal: Proposal, servers: tuple[Server, ...]) -> Proposal:
    """Name the model of a server on this machine, the usual one if it has that."""
    server = next((one for one in servers if one.models), None)
    if server is None:
        return proposal
    model = proposal.model if proposal.model in server.models else server.models[0]
    offered = f"{server.program} with {', '.join(server.models[:8])}"
    return replace(proposal, base_url=server.base_url, model=model, models=offered)


# --- what was read already ------------------------------------------------------------------


def _sources_before(before: tuple[Remembered, ...], here: tuple[Path, ...]) -> list[ProposedSource]:
    """Return those remembered sources that settings can name: folders, the newest of each export.

    Single files of a folder stay remembered: settings that name one of them would say that the
    others are gone. Those of a vault found on this machine are part of that vault.
    """

    def modified(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except OSError:
            return 0

    whole: dict[tuple[str, str], ProposedSource] = {}
    for place in (place for item in before for place in item.places):
        exported = place.kind in EXPORTS
        path = Path(place.only[0] if exported and place.only else place.root)
        single = bool(place.only) and not exported and path not in here
        if single or not path.exists() or control_character(str(path)):
            continue
        key = (place.kind, place.name)
        if key not in whole or modified(path) > modified(whole[key].path):
            whole[key] = ProposedSource(
                place.kind, path, name=place.name, exclude=place.exclude, as_before=True
            )
    return list(whole.values())


def _named_apart(sources: list[ProposedSource]) -> Iterator[ProposedSource]:
    """Yield sources with different names: the notes and the PDFs of one folder share one."""
    taken: set[str] = set()
    for source in sorted(sources, key=lambda one: one.kind in _NAMELESS):
        name = source.name
        if name in taken and source.kind in _NAMELESS:
            numbered = (f"{name}-{source.kind}{n if n > 1 else ''}" for n in count(1))
            name = next(one for one in numbered if one not in taken)
        if name not in taken:
            taken.add(name)
            yield replace(source, name=name)


def _remember_rest(
    root: Path, before: tuple[Remembered, ...], written: tuple[ProposedSource, ...]
) -> None:
    """Remember in the new workspace what its settings do not name."""
    named = [Place(one.kind, one.name, str(one.path)) for one in written]
    settings = load_settings(root / FILE_NAME)
    named += [Place(one.kind, one.name, str(one.path)) for one in settings.sources]
    rest: dict[Path, Remembered] = {}
    for given, place in ((item.name, place) for item in before for place in item.places):
        for target in place.targets:
            only = (str(target),) if place.only else ()
            one = Place(place.kind, place.name, place.root, only, place.exclude)
            if not any(other.covers(one) for other in named):
                first = rest.setdefault(target, Remembered(str(target), given, ()))
                rest[target] = Remembered(first.path, first.name, (*first.places, one))
    if rest or (root / ".ankiforge" / FILE).exists():
        open_workspace(root).prepare()
        store(root / ".ankiforge", list(rest.values()))
