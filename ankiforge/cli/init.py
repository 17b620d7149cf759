"""`ankiforge init`: make a workspace with the sources found on this machine.

Existing files are never overwritten. `ankiforge.yaml` is written last, because it turns the folder
into a workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import Call, choice_option, command, flag
from ankiforge.errors import UsageError, writing

if TYPE_CHECKING:
    from ankiforge.model import Json, Strings


DECKS = ("one", "source", "book", "tag")
"""The values of the setting `decks`, the default first."""


@command("""
  ankiforge init ~/cards            a workspace in ~/cards
  ankiforge init ~/cards --decks book   a deck for each book or folder
  ankiforge init --trust .          confirm the settings of this folder

Outside a workspace, commands use your first one.
""")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@choice_option(
    "--decks",
    of=DECKS,
    help="New cards: one deck, or one for each source, book or tag.",
)
@flag("--trust", help="Confirm settings that lead outside the workspace.")
def init(
    call: Call,
    directory: Path | None,
    decks: str,
    trust: bool,
) -> None:
    """Make a workspace in DIRECTORY (default: here), with the sources, Anki and models found."""
    from ankiforge.config import FILE_NAME
    from ankiforge.config import workspace as folders
    from ankiforge.config.ownfiles import own_file
    from ankiforge.config.trust import concerns, confirm, remembered_concerns
    from ankiforge.config.trust import unconfirmed as unconfirmed_concerns
    from ankiforge.extract import registry

    user_folder = folders.user_folder()
    wanted_folder = directory or call.folder or Path()
    root = wanted_folder.expanduser().resolve()
    settings = root / FILE_NAME
    is_first_workspace = not folders.has_workspace(user_folder)

    # write the files of a new workspace
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS_FOUND}
    written: list[Path] = []
    if not own_file(settings).is_there():
        text, found = _settings_for(call, root, decks)
        if is_first_workspace:
            text = _with_model_of(user_folder, text)
        written = _write(root, text)
    elif decks:
        message = f"{settings} already exists"
        raise UsageError(message, hint=f"write this line into it: decks: {decks}")

    # the user's first workspace takes over the cards of the default one
    moved: tuple[Path, ...] = ()
    if is_first_workspace:
        moved = folders.adopt_default(root, user_folder)
    workspace = folders.load(root, registry)

    # confirm what the settings ask for, if the user or this program wrote them
    if moved:
        # the user named the remembered PATHs, so they need no confirmation
        confirm(workspace, remembered_concerns(workspace), user_folder)
    confirmed = unconfirmed_concerns(workspace, user_folder) if trust else []
    if written or trust:
        confirm(workspace, concerns(workspace), user_folder)
    unconfirmed = unconfirmed_concerns(workspace, user_folder)
    if not unconfirmed:
        # not before: the journal may be outside the workspace
        workspace.prepare()
    made: Json = {
        "workspace": str(root),
        "written": [path.relative_to(root).as_posix() for path in written],
        "moved": [path.name for path in moved],
        "registered": folders.register(root, user_folder),
        "found": found,
        "unconfirmed": list(map(str, unconfirmed)),
        "confirmed": list(map(str, confirmed)),
    }
    if call.as_json:
        call.data(made)
        return
    for line in _in_lines(made, settings, offers=workspace.config.drafter == "rules"):
        call.say(line)


def _settings_for(call: Call, root: Path, decks: str) -> tuple[str, dict[str, list[str]]]:
    """Return the settings of a new workspace, and all that was found on this machine, by kind.

    Raises:
        UsageError: it is inside a vault, which would read and synchronise its files.
    """
    for folder in (root, *root.parents):
        if (folder / ".obsidian").is_dir():
            message = f"{root} is inside the vault {folder}, where ankiforge never writes"
            raise UsageError(message, hint="a folder outside: ankiforge init ~/cards")
    call.say("looking for vaults, Zotero, e-books, Anki and local models …")
    if not decks and call.interactive:
        decks = click.prompt(
            "decks for new cards: one, or one for each source, book or folder, or tag",
            type=click.Choice(DECKS),
            default=DECKS[0],
            err=True,
        )
    sources, found = on_this_machine(root)
    return settings_text(root, sources, decks=decks or DECKS[0]), found


def _in_lines(made: Json, settings: Path, *, offers: bool) -> Iterator[str]:
    """Yield the outcome line by line, and the next command.

    Args:
        made: the object of `--json`.
        settings: the file with the settings.
        offers: whether a model or a chat is offered.
    """
    for kind, things in made["found"].items():
        if things:
            yield f"  {kind:8}{'; '.join(things)}"
    yield f"made {settings}" if made["written"] else f"{settings} already exists"
    if made["moved"]:
        yield f"moved here from the default workspace: {', '.join(made['moved'])}"
    models = made["found"]["models"]
    if offers and models:
        yield f"to draft with a model: ankiforge model use {models[0].partition(':')[0]}"
    elif offers and made["written"]:
        yield "questions from a chat window: ankiforge draft"
    yield from (f"confirmed: {concern}" for concern in made["confirmed"])
    yield from (f"not confirmed: {concern}" for concern in made["unconfirmed"])
    command = "run" if made["registered"] else f"run -C {settings.parent}"
    if made["unconfirmed"]:
        command = f"init --trust {settings.parent}"
    yield f"next: read {settings}, then: ankiforge {command}"


def _with_model_of(user_folder: Path, text: str) -> str:
    """Return the text of settings with the model of the default workspace."""
    from ankiforge.config import FILE_NAME
    from ankiforge.config.ownfiles import TEXT_BYTES, own_file
    from ankiforge.config.yamlfile import parse, with_values

    file = own_file(user_folder / FILE_NAME)
    if not file.is_there():
        return text
    default: Any = parse(file.read(TEXT_BYTES).decode(), FILE_NAME)[0] or {}
    values: dict[Strings, Any] = {}
    if "drafter" in default:
        values["drafter",] = default["drafter"]
    for key, value in (default.get("llm") or {}).items():
        values["llm", key] = value
    return with_values(text, values) or text


# --- what is on this machine ----------------------------------------------------------------


_MODELS_NAMED = 8
_KINDS_FOUND = ("vaults", "zotero", "books", "anki", "models")


def on_this_machine(root: Path) -> tuple[list[tuple[str, Path]], dict[str, list[str]]]:
    """Return the kinds and paths of the sources found here, and all that was found, by kind.

    Args:
        root: the folder of the new workspace: the vaults beside it are found, too.
    """
    from ankiforge.draft.server import LONGEST_S, look, with_key
    from ankiforge.reports import doctor

    machine = doctor.Machine.this()
    answered = look()
    vaults = doctor.vaults(machine, root.parent)
    zotero = doctor.zotero_folders(machine)
    books = doctor.book_sources(machine)
    models = [f"{each.name}: {each.key_env} is set" for each in with_key()]
    found = {
        "vaults": [str(path) for path in vaults],
        "zotero": [str(path) for path in zotero],
        "books": [f"{kind}: {path}" for kind, path in books],
        "anki": [str(path) for path in doctor.anki_collections(machine)],
        "models": models,
    }
    for server in answered(LONGEST_S):
        names = ", ".join(server.models[:_MODELS_NAMED])
        models.append(f"{server.name}: {names}")
    sources = [("obsidian", path) for path in vaults]
    sources += [("zotero", path) for path in zotero]
    return [*sources, *books], found


# --- the files of a workspace ---------------------------------------------------------------


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
    with writing(root, hint="choose another folder: ankiforge init DIR"):
        for kind in ("prompts", "decks"):
            (own / kind).make_folder(_FOLDER_MODE)
            for file in sorted(shipped(kind).iterdir()):
                copy = own / kind / file.name
                if file.is_file() and not copy.is_there():
                    copy.write(file.read_bytes(), mode=_FILE_MODE)
                    written.append(copy.path)
        settings = own / FILE_NAME
        settings.write(text.encode(), mode=_FILE_MODE)
    return [*written, settings.path]


# --- the text of ankiforge.yaml -------------------------------------------------------------


def settings_text(
    root: Path, sources: Iterable[tuple[str, Path]], *, decks: str = DECKS[0]
) -> str:
    """Return the text of `ankiforge.yaml` for a new workspace that reads the sources found.

    Args:
        root: the folder of the workspace.
        sources: the kinds and the paths of its sources.
        decks: the rule for the decks of new cards, one of `DECKS`.
    """
    from unicodedata import normalize

    from ankiforge.config.yamlfile import scalar
    from ankiforge.extract import registry
    from ankiforge.pipeline.sources import free_name

    # each source is named after its folder, and numbered if the name is taken
    names_taken: set[str] = set()
    lines = []
    for kind, path in sources:
        short_name = normalize("NFC", registry.default_name(kind, path)[:56])
        name = free_name(short_name, names_taken)
        names_taken.add(name)
        written_path = str(path)
        if path.is_relative_to(root):
            written_path = path.relative_to(root).as_posix()
        elif path.is_relative_to(Path.home()):
            written_path = f"~/{path.relative_to(Path.home()).as_posix()}"
        lines.append(f"  - {kind}:")
        lines.append(f"      name: {scalar(name)}")
        lines.append(f"      path: {scalar(written_path)}")
        for option in registry.source_type(kind).options_shown:
            lines.append(f"      # {option}")

    template_file = files("ankiforge.cli").joinpath("ankiforge.yaml")
    template = template_file.read_text(encoding="utf-8")
    examples = [f"  # {example}\n" for example in registry.examples_for_settings()]
    return template.format(
        sources="".join(f"{line}\n" for line in lines),
        examples="".join(examples),
        others=", ".join(registry.kinds_without_example()),
        decks=decks,
    )
