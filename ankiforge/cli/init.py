"""`ankiforge init`: makes a workspace, with what is found on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from ankiforge.cli.common import Call, Talk, common_options
from ankiforge.config import FILE_NAME
from ankiforge.config.scaffold import (
    DECK_FILE,
    Proposal,
    ProposedSource,
    keep_first_deck,
    refuse_vault,
    scaffold,
)
from ankiforge.config.trust import Concern, concerns, confirm, unconfirmed
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
    if not (root / FILE_NAME).exists():
        refuse_vault(root)
        talk.say("looking for vaults, Zotero, Anki and local models …")
        found = look_around(machine, root.parent)
        written = scaffold(root, propose(found))
    moved = take_over(root, folders)
    if root / DECK_FILE in written:
        keep_deck_of(root)
    waiting = sign(root, bool(written) or trust, folders, environ)
    made = Made(
        workspace=str(root),
        written=tuple(path.relative_to(root).as_posix() for path in written),
        moved=tuple(path.name for path in moved),
        registered=register(root, folders),
        found=found.listed(),
        unconfirmed=tuple(concern.says for concern in waiting),
    )
    talk.data(made) if talk.as_json else _tell(made, talk)


def look_around(machine: Machine, near: Path) -> Found:
    """Everything a workspace may be about."""
    return Found(
        vaults(machine, near),
        zotero_folders(machine),
        anki_collections(machine),
        model_servers(machine),
    )


def propose(found: Found) -> Proposal:
    """The settings for what was found."""
    seconds = _COUNTING_SECONDS / max(len(found.vaults), 1)
    sources = [
        *(_vault(path, seconds) for path in found.vaults),
        *(ProposedSource("zotero", path) for path in found.zotero),
    ]
    usual = Proposal(tuple(sources))
    if not (server := next((server for server in found.servers if server.models), None)):
        return usual
    model = usual.model if usual.model in server.models else server.models[0]
    offered = f"{server.program} with {', '.join(server.models[:8])}"
    return Proposal(tuple(sources), server.base_url, model, offered)


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


def take_over(root: Path, folders: UserFolders) -> tuple[Path, ...]:
    """What the user's first workspace gets from the default one."""
    return adopt_default(root, folders) if registered(folders) is None else ()


def keep_deck_of(root: Path) -> None:
    """Let the deck file just copied agree with the cards that are here already."""
    from ankiforge.ledger import generation

    workspace = open_workspace(root)
    if generation.at(workspace.ledger, workspace.journal) == generation.FIRST:
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


def _tell(made: Made, talk: Talk) -> None:
    if made.written:
        _tell_found(made.found, talk)
        talk.say(f"made a workspace in {made.workspace}: {', '.join(made.written)}")
    else:
        talk.say(f"{made.workspace} is a workspace already; its files are as they were")
    if made.moved:
        talk.say(f"moved here from the default workspace: {', '.join(made.moved)}")
    for concern in made.unconfirmed:
        talk.say(f"not confirmed: {concern}")
    _tell_next(made, talk)


def _tell_found(found: dict[str, list[str]], talk: Talk) -> None:
    for kind, things in found.items():
        talk.say(f"  {kind:8}{'; '.join(things) or 'none found'}")


def _tell_next(made: Made, talk: Talk) -> None:
    where = "" if made.registered else f" -C {made.workspace}"
    if made.unconfirmed:
        talk.say(f"next: read {FILE_NAME}, then ankiforge init --trust {made.workspace}")
        return
    talk.say(f"next: read {made.workspace}/{FILE_NAME}, then")
    talk.say(f"  ankiforge doctor{where}     is all well?")
    talk.say(f"  ankiforge run{where}        cards from every source")
