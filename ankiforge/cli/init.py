"""`ankiforge init`: make a workspace with the sources found on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ankiforge.cli.output import Call, command
from ankiforge.errors import UsageError


@command("""
  ankiforge init ~/cards            a workspace in ~/cards
  ankiforge init --trust .          confirm what this folder's ankiforge.yaml asks for

Outside a workspace, commands use your first one.
""")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--trust", is_flag=True, help="Trust what the settings ask for.")
def init(call: Call, directory: Path | None, trust: bool) -> None:
    """Make a workspace in DIRECTORY (default: here): find vaults, Zotero, Anki, local models."""
    from ankiforge.cli import settings
    from ankiforge.config import FILE_NAME
    from ankiforge.config.trust import concerns, confirm, remembered_concerns, unconfirmed
    from ankiforge.config.workspace import (
        adopt_default,
        open_workspace,
        register,
        registered,
        user_folders,
    )
    from ankiforge.config.yamlfile import control_character
    from ankiforge.reports.discover import (
        Machine,
        anki_collections,
        model_servers,
        vaults,
        zotero_folders,
    )

    out, folders, machine = call.out, user_folders(), Machine.this()
    root = (Path.cwd() / (directory or call.workspace or Path()).expanduser()).resolve()
    if control_character(str(root)):
        raise UsageError(f"{str(root)!r}: this name cannot be saved", hint="another folder")
    found: dict[str, list[str]] = {name: [] for name in ("vaults", "zotero", "anki", "models")}
    written: tuple[Path, ...] = ()
    if not (root / FILE_NAME).exists():
        settings.refuse_vault(root)
        out.say("looking for vaults, Zotero, Anki and local models …")
        here, zotero = vaults(machine, root.parent), zotero_folders(machine)
        servers = model_servers(machine)
        found = {
            "vaults": [str(path) for path in here],
            "zotero": [str(path) for path in zotero],
            "anki": [str(path) for path in anki_collections(machine)],
            "models": [f"{one.program}: {', '.join(one.models[:8])}" for one in servers],
        }
        proposal = settings.with_model(
            settings.Proposal(settings.proposed_sources(here, zotero, ())), servers
        )
        written = settings.write_workspace(root, proposal)
    # the user's first workspace takes over the cards of the default one
    moved = adopt_default(root, folders) if registered(folders) is None else ()
    if moved:  # the remembered PATHs were given by the user, so they need no confirmation
        workspace = open_workspace(root)
        confirm(workspace, list(remembered_concerns(workspace)), folders)
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
        "found": found,
        "unconfirmed": [one.says for one in waiting if one.stops or not one.is_key],
        "confirmed": [one.says for one in asked],
    }
    if out.as_json:
        out.data(made)
    else:
        for line in _report(made, trust=trust):
            out.say(line)


def _report(made: dict[str, Any], *, trust: bool) -> Iterator[str]:
    """Yield the lines that describe the result and the next commands."""
    from ankiforge.config import FILE_NAME

    root = made["workspace"]
    if made["written"]:
        for kind, things in made["found"].items():
            if things:
                yield f"  {kind:8}{'; '.join(things)}"
        yield f"made a workspace in {root}: {', '.join(made['written'])}"
    else:
        yield f"{root} is already a workspace; its files are unchanged"
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
    yield f"  ankiforge doctor{where}     check everything"
    yield f"  ankiforge run{where}        cards from every source"
