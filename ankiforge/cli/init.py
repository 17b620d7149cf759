"""`ankiforge init`: create a workspace with the sources found on this computer.

Existing files are never overwritten. The settings, `ankiforge.yaml`, are written last, because
this file is what makes the directory a workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import Call, command, flag_option
from ankiforge.errors import UsageError, wrap_write_errors

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.model import Strings


_MAX_SHOWN_MODELS = 8


# Dataclasses, because the help of `init` must not wait for msgspec.


@dataclass(frozen=True)
class FoundOnComputer:
    """What a new workspace may use on this computer, by the names that `init` shows."""

    vaults: Strings = ()
    zotero: Strings = ()
    """The data folders of Zotero."""
    books: Strings = ()
    """The kind and path of each folder or file of an e-book reader."""
    anki: Strings = ()
    """The collections of Anki."""
    models: Strings = ()
    """The name of each provider or local server, with its key or its models."""

    @property
    def has_sources(self) -> bool:
        """Whether anything was found that highlights may be read from."""
        return bool(self.vaults or self.zotero or self.books)


@dataclass(frozen=True)
class InitReport:
    """What `init` has done, with the fields that `init --json` prints."""

    workspace: str
    written: list[str]
    """The files that were written, by their paths in the workspace."""
    moved: list[str]
    """The names of what was moved here from the default workspace."""
    registered: bool
    """Whether commands outside a workspace use this one."""
    found: FoundOnComputer
    trusted: bool


@command("""
  ankiforge init ~/cards     a workspace in ~/cards
  ankiforge init --trust .   trust a workspace that you were given

Outside a workspace, commands use your first one. It takes over the cards of the default
workspace; on a terminal, you are asked first.
""")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@flag_option(
    "--trust", help="Trust a workspace that is new to ankiforge; read its file first."
)
def init(call: Call, directory: Path | None, trust: bool) -> None:
    """Make a workspace in DIRECTORY (default: here), with the sources, Anki and models found."""
    from ankiforge.config import SETTINGS_FILE_NAME
    from ankiforge.config import workspace as folders
    from ankiforge.extract import registry

    user_folder = folders.find_user_directory()
    chosen_directory = directory or call.folder or Path()
    root = chosen_directory.expanduser().resolve()
    is_first = not folders.has_registered_workspace(user_folder)
    keeps_default = is_first and _ask_to_keep_default(call, user_folder, root)

    found = FoundOnComputer()
    written_paths: list[Path] = []
    if not (root / SETTINGS_FILE_NAME).exists():
        settings_content, found = _make_settings(call, root)
        if is_first:
            settings_content = _copy_model_settings(user_folder, settings_content)
        written_paths = _write_files(root, settings_content)
    moved: tuple[Path, ...] = ()
    if is_first and not keeps_default:
        moved = folders.move_default_workspace(root, user_folder)
    workspace = folders.load_workspace(root, registry)
    is_trusted = _trust_workspace(
        workspace, user_folder, is_made=bool(written_paths), says_so=trust
    )
    if is_trusted:
        # only now, because the settings may place the journal outside the workspace
        workspace.create_directories()
    is_registered = False
    if not keeps_default:
        is_registered = folders.register_workspace(root, user_folder)

    report = InitReport(
        workspace=str(root),
        written=[path.relative_to(root).as_posix() for path in written_paths],
        moved=[path.name for path in moved],
        registered=is_registered,
        found=found,
        trusted=is_trusted,
    )
    if call.as_json:
        call.print_json(report)
    else:
        call.say("\n".join(_format_report(report, workspace, trust=trust)))


def _trust_workspace(
    workspace: WorkspaceDirectory, user_folder: Path, *, is_made: bool, says_so: bool
) -> bool:
    """Trust a workspace that this call has made, or that the user says is to be trusted.

    Returns whether it is trusted now; it may have been before.
    """
    from ankiforge.config import trust

    if is_made or says_so:
        trust.trust_workspace(workspace, user_folder, made_here=is_made)
    return trust.explain_distrust(workspace, user_folder) is None


def _ask_to_keep_default(call: Call, user_folder: Path, root: Path) -> bool:
    """Ask whether the cards of the default workspace, if there are any, stay there.

    If the user can't be asked, they are moved to `root`.
    """
    if not call.is_interactive or not (user_folder / "journal").exists():
        return False
    question = (
        f"move the cards of your default workspace to {root}? "
        "If not, they stay, and commands outside a workspace still use them"
    )
    return not click.confirm(question, default=True, err=True)


def _make_settings(call: Call, root: Path) -> tuple[str, FoundOnComputer]:
    """Return the text of a new workspace's settings, and what was found on this computer.

    Raises:
        UsageError: the workspace would be inside an Obsidian vault, where Obsidian would
            read and sync its files.
    """
    from ankiforge.draft import server as servers
    from ankiforge.reports import doctor

    for folder in (root, *root.parents):
        if (folder / ".obsidian").is_dir():
            message = f"{root} is inside the vault {folder}, where ankiforge never writes"
            raise UsageError(message, hint="a folder outside: ankiforge init ~/cards")
    call.say("looking for vaults, Zotero, e-books, Anki and local models …")
    environment = doctor.Environment.current()
    # the servers are asked in the background, while the files are searched
    wait_for_servers = servers.discover_servers()
    vaults = doctor.find_vaults(environment, root.parent)
    zotero = doctor.find_zotero_folders(environment)
    books = doctor.find_book_sources(environment)
    models = []
    for provider in servers.find_providers_with_key():
        models.append(f"{provider.name}: {provider.key_env} is set")
    for server in wait_for_servers(servers.LOCAL_DISCOVERY_TIMEOUT):
        models.append(f"{server.name}: {', '.join(server.models[:_MAX_SHOWN_MODELS])}")
    found = FoundOnComputer(
        vaults=tuple(map(str, vaults)),
        zotero=tuple(map(str, zotero)),
        books=tuple(f"{kind}: {path}" for kind, path in books),
        anki=tuple(map(str, doctor.find_anki_collections(environment))),
        models=tuple(models),
    )
    sources = [("obsidian", path) for path in vaults]
    sources += [("zotero", path) for path in zotero]
    return render_settings(root, [*sources, *books]), found


def _format_report(
    report: InitReport, workspace: WorkspaceDirectory, *, trust: bool
) -> Iterator[str]:
    from ankiforge.config import SETTINGS_FILE_NAME

    settings_file = workspace.root / SETTINGS_FILE_NAME
    for kind, names in asdict(report.found).items():
        if names:
            yield f"  {kind:8}{'; '.join(names)}"
    if report.written:
        yield f"made {settings_file}"
    elif trust:
        yield f"trusted {workspace.root}"
    else:
        yield f"{settings_file} already exists"
    if report.moved:
        yield f"moved here from the default workspace: {', '.join(report.moved)}"
    if workspace.config.drafter == "rules":
        yield from _suggest_drafter(report)
    has_sources = report.found.has_sources or workspace.remembered_paths
    lacks_sources = report.trusted and report.written and not has_sources
    if lacks_sources:
        yield "no vault, Zotero library or e-book was found; PATH is a file or folder to read"
    command = _choose_next_command(report)
    if lacks_sources:
        command += " PATH"
    yield f"next: read {settings_file}, then: ankiforge {command}"


def _suggest_drafter(report: InitReport) -> Iterator[str]:
    """Yield how to let a model that was found draft or, in a new workspace, a chat."""
    if report.found.models:
        name = report.found.models[0].partition(":")[0]
        yield f"to draft with a model: ankiforge model use {name}"
    elif report.written:
        yield "to let a chat write the questions: ankiforge draft"


def _choose_next_command(report: InitReport) -> str:
    """Return the command to run after `init`, without `ankiforge`."""
    if not report.trusted:
        return f"init --trust {quote(report.workspace)}"
    if report.registered:
        return "run"
    return f"-C {quote(report.workspace)} run"


def _copy_model_settings(user_folder: Path, text: str) -> str:
    """Return the text of new settings with the model and drafter of the default workspace.

    It is called for a first workspace, which takes over from the default one.
    """
    from ankiforge.config import SETTINGS_FILE_NAME
    from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded
    from ankiforge.config.yamlfile import parse_yaml, set_values

    file = user_folder / SETTINGS_FILE_NAME
    if not file.exists():
        return text
    content = read_bounded(file, MAX_TEXT_FILE_BYTES).decode()
    data, _ = parse_yaml(content, SETTINGS_FILE_NAME)
    default: Any = data or {}
    # the values to set, by their path in the file
    values: dict[Strings, Any] = {}
    for key, value in (default.get("llm") or {}).items():
        values["llm", key] = value
    if "drafter" in default:
        values[("drafter",)] = default["drafter"]
    return set_values(text, values) or text


# --- the files of a workspace ---------------------------------------------------------------


# The files that the user may edit get the default modes, which the umask restricts.
_FOLDER_MODE = 0o777
_FILE_MODE = 0o666


def _write_files(root: Path, text: str) -> list[Path]:
    from ankiforge.config import SETTINGS_FILE_NAME, find_packaged_directory
    from ankiforge.config.files import make_directory, write_file

    written_paths = []
    with wrap_write_errors(root, hint="choose another folder: ankiforge init DIR"):
        for kind in ("prompts", "decks"):
            make_directory(root / kind, _FOLDER_MODE)
            for file in sorted(find_packaged_directory(kind).iterdir()):
                target = root / kind / file.name
                if file.is_file() and not target.exists():
                    write_file(target, file.read_bytes(), mode=_FILE_MODE)
                    written_paths.append(target)
        settings = root / SETTINGS_FILE_NAME
        write_file(settings, text.encode(), mode=_FILE_MODE)
    return [*written_paths, settings]


# --- the text of ankiforge.yaml -------------------------------------------------------------


def render_settings(root: Path, sources: Iterable[tuple[str, Path]]) -> str:
    """Render the `ankiforge.yaml` of a new workspace.

    Args:
        root: the workspace directory.
        sources: the kind and path of each source.
    """
    from unicodedata import normalize

    from ankiforge.config.yamlfile import format_scalar
    from ankiforge.extract import registry
    from ankiforge.pipeline.reading_list import choose_free_name

    # name each source after its directory, with a number if the name is taken
    taken_names: set[str] = set()
    lines = []
    for kind, path in sources:
        short_name = normalize("NFC", registry.get_default_name(kind, path)[:56])
        name = choose_free_name(short_name, taken_names)
        taken_names.add(name)
        lines.append(f"  - {kind}:")
        lines.append(f"      name: {format_scalar(name)}")
        lines.append(f"      path: {format_scalar(_format_path(path, root))}")
        for option in registry.load_source_type(kind).options_shown:
            lines.append(f"      # {option}")

    template_file = files("ankiforge.cli").joinpath("ankiforge.yaml")
    template = template_file.read_text(encoding="utf-8")
    examples = [f"  # {example}\n" for example in registry.list_settings_examples()]
    return template.format(
        sources="".join(f"{line}\n" for line in lines),
        examples="".join(examples),
        others=", ".join(registry.list_kinds_without_example()),
    )


def _format_path(path: Path, root: Path) -> str:
    """Format a path relative to the workspace or the home directory, if it is in one of them."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    if path.is_relative_to(Path.home()):
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    return str(path)
