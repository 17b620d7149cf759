"""`ankiforge init`: make a workspace with the sources found on this machine.

Existing files are never overwritten. `ankiforge.yaml` is written last, because it turns the folder
into a workspace.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, command, flag
from ankiforge.errors import UsageError

if TYPE_CHECKING:
    from ankiforge.reports.doctor import Server


@command("""
  ankiforge init ~/cards            a workspace in ~/cards
  ankiforge init --trust .          confirm what this folder's ankiforge.yaml asks for

Outside a workspace, commands use your first one.
""")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@flag("--trust", help="Confirm what the settings ask for.")
def init(call: Call, directory: Path | None, trust: bool) -> None:
    """Make a workspace in DIRECTORY (default: here): find vaults, Zotero, Anki, local models."""
    from ankiforge.config import FILE_NAME
    from ankiforge.config import workspace as places
    from ankiforge.config.ownfiles import own_file
    from ankiforge.extract import registry

    folders = places.user_folder()
    root = (Path.cwd() / (directory or call.folder or Path()).expanduser()).resolve()
    found: dict[str, list[str]] = {name: [] for name in ("vaults", "zotero", "anki", "models")}
    written = []
    if not own_file(root / FILE_NAME).is_there():
        _refuse_vault(root)
        call.say("looking for vaults, Zotero, Anki and local models …")
        found, text = _discovered(root)
        written = _write(root, text)
    # the user's first workspace takes over the cards of the default one
    moved = places.adopt_default(root, folders) if places.registered(folders) is None else ()
    workspace = places.load(root, registry)
    if moved:  # the remembered PATHs were given by the user, so they need no confirmation
        places.confirm(workspace, list(places.remembered_concerns(workspace)), folders)
    asked = places.unconfirmed(workspace, folders) if trust else []
    if written or trust:
        places.confirm(workspace, places.concerns(workspace), folders)
    waiting = places.unconfirmed(workspace, folders)
    if not waiting:  # the journal may be outside
        workspace.prepare()
    registered = places.register(root, folders)
    settings, files = root / FILE_NAME, [path.relative_to(root).as_posix() for path in written]
    if call.as_json:
        call.data(
            {
                "workspace": str(root),
                "written": files,
                "moved": [path.name for path in moved],
                "registered": registered,
                "found": found,
                "unconfirmed": list(map(str, waiting)),
                "confirmed": list(map(str, asked)),
            }
        )
        return
    for kind, things in found.items():
        if things:
            call.say(f"  {kind:8}{'; '.join(things)}")
    call.say(f"made {settings}" if written else f"{settings} is there already")
    if moved:
        names = ", ".join(path.name for path in moved)
        call.say(f"moved here from the default workspace: {names}")
    for one in asked:
        call.say(f"confirmed: {one}")
    for one in waiting:
        call.say(f"not confirmed: {one}")
    todo = f"init --trust {root}" if waiting else "run" if registered else f"run -C {root}"
    call.say(f"next: read {settings}, then: ankiforge {todo}")


# --- the files of a workspace ---------------------------------------------------------------


def _refuse_vault(root: Path) -> None:
    """Refuse a workspace inside a vault, which would read its files as notes and synchronise them.

    Raises:
        UsageError: `root` is in a vault.
    """
    for folder in (root, *root.parents):
        if (folder / ".obsidian").is_dir():
            what = f"{root} is inside the vault {folder}, where ankiforge never writes"
            raise UsageError(what, hint="a folder outside: ankiforge init ~/cards")


# What a person edits has the usual modes, which the umask restricts.
_FOLDER_MODE = 0o777
_FILE_MODE = 0o666


def _write(root: Path, text: str) -> list[Path]:
    """Write the files of a workspace that do not exist yet; return their paths.

    Raises:
        OwnFileError: a link or no regular file is in the place of one of them.
        UsageError: the folder cannot be written.
    """
    from ankiforge.config import FILE_NAME, shipped
    from ankiforge.config.ownfiles import OwnPath

    own = OwnPath(root)
    written = []
    try:
        for kind in ("prompts", "decks"):
            (own / kind).make_folder(_FOLDER_MODE)
            for file in sorted(shipped(kind).iterdir()):
                copy = own / kind / file.name
                if file.is_file() and not copy.is_there():
                    copy.write(file.read_bytes(), mode=_FILE_MODE)
                    written.append(copy.path)
        settings = own / FILE_NAME
        settings.write(text.encode(), mode=_FILE_MODE)
    except OSError as error:
        what = f"{error.filename or root}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="choose another folder: ankiforge init DIR") from error
    return [*written, settings.path]


# --- the text of ankiforge.yaml -------------------------------------------------------------


def _discovered(root: Path) -> tuple[dict[str, list[str]], str]:
    """Return what is on this machine, and the settings for it."""
    from ankiforge.reports import doctor

    machine = doctor.Machine.this()
    here, zotero = doctor.vaults(machine, root.parent), doctor.zotero_folders(machine)
    servers = doctor.model_servers(machine)
    found = {
        "vaults": [str(path) for path in here],
        "zotero": [str(path) for path in zotero],
        "anki": [str(path) for path in doctor.anki_collections(machine)],
        "models": [f"{one.program}: {', '.join(one.models[:8])}" for one in servers],
    }
    return found, settings_text(root, here, zotero, servers)


def settings_text(
    root: Path,
    vaults: Iterable[Path],
    zotero: Iterable[Path] = (),
    servers: Iterable[Server] = (),
) -> str:
    """Return the text of `ankiforge.yaml` for a new workspace, which reads these folders."""
    from ankiforge.config import LlmSettings
    from ankiforge.extract import registry

    taken: set[str] = set()
    blocks = [_block("obsidian", path, root, taken) for path in vaults]
    blocks += [_block("zotero", path, root, taken) for path in zotero]
    llm, models = LlmSettings(), ""
    base_url, model = llm.base_url, llm.model
    if server := next((one for one in servers if one.models), None):
        base_url, model = server.base_url, model if model in server.models else server.models[0]
        models = f"    # here: {server.program} with {', '.join(server.models[:8])}"
    template = files("ankiforge.cli").joinpath("ankiforge.yaml").read_text(encoding="utf-8")
    return template.format(
        sources="".join(blocks),
        examples="".join(f"  # {example}\n" for example in registry.examples_for_settings()),
        others=", ".join(registry.kinds_without_example()),
        base_url=_scalar(base_url),
        model=_scalar(model),
        models=models,
    )


def _block(kind: str, path: Path, root: Path, taken: set[str]) -> str:
    """Return the settings of a source, named after its folder, numbered if the name is taken."""
    import unicodedata

    from ankiforge.config import source_name
    from ankiforge.extract.registry import source_type

    folded = unicodedata.normalize("NFC", source_name(path)[:56])
    numbered = (f"{folded}-{number}" for number in count(2))
    name = next(free for free in chain([folded], numbered) if free not in taken)
    taken.add(name)
    home = Path.home()
    shown = f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else shown
    lines = [f"  - {kind}:", f"      name: {_scalar(name)}", f"      path: {_scalar(shown)}"]
    lines += [f"      # {option}" for option in source_type(kind).options_shown]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    """Return a YAML scalar, in quotes if necessary."""
    import yaml

    written: str = yaml.safe_dump(text, allow_unicode=True, width=2**20)
    return written.removesuffix("...\n").strip()
