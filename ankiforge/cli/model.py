"""The commands for a built-in model: list, get, use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, CommandGroup, command, workspace_of
from ankiforge.errors import UsageError
from ankiforge.text import gigabytes

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.model import Json

Show = Callable[[int, int], None]


@command("""
  ankiforge model list                the model to download, and those that are here
  ankiforge model get qwen2.5-1.5b    download one
  ankiforge model use qwen2.5-1.5b    let this workspace draft with it
""", cls=CommandGroup)  # fmt: skip
def model(call: Call) -> None:
    """Download a small language model that runs on this machine, and use it.

    Only `get` downloads anything. No server is needed: llama.cpp runs only while a command
    needs it.
    """


# --- list -----------------------------------------------------------------------------------


@command("\n  ankiforge model list")
def list_(call: Call) -> None:
    """Show the model that can be downloaded, and those that are here."""
    used = _used(call)
    for row in _rows(used):
        call.show(row, [_row_text(row)])
    if not call.as_json and not used:
        call.say("next: ankiforge model get NAME, then: ankiforge model use NAME")


def _used(call: Call) -> str:
    """Return the file of the model that the workspace uses; "" if it uses none, or cannot tell."""
    from ankiforge.config.workspace import resolve
    from ankiforge.extract import registry

    try:
        return resolve(call.folder, Path.cwd(), registry).config.llm.model_file
    except UsageError:
        if call.folder is not None:
            raise
        return ""


def _rows(used_path: str) -> Iterator[Json]:
    """Yield the model that is offered, then other files in the folder, then what else is used."""
    from ankiforge.draft.model_files import OFFERED, here

    files = here()
    if OFFERED.path not in files:
        yield _row(OFFERED.name, None, OFFERED.size, used_path)
    if used_path and Path(used_path) not in files:
        files.append(Path(used_path))
    for file in files:
        size = file.stat().st_size if file.exists() else 0
        yield _row(file.stem, file, size, used_path)


def _row(name: str, file: Path | None, size: int, used_path: str) -> Json:
    """Return what is shown of a model; `file` is None if it was not downloaded."""
    from ankiforge.draft.model_files import OFFERED

    is_offered = name == OFFERED.name
    return {
        "name": name,
        "path": str(file) if file else None,
        "size": size,
        "licence": OFFERED.licence if is_offered else "",
        "about": OFFERED.about if is_offered else "",
        "used": file is not None and str(file) == used_path,
    }


def _row_text(row: Json) -> str:
    """Return the line of a model in the list."""
    state = ""
    if row["used"]:
        state = "in use"
    elif row["path"]:
        state = "here"
    size = gigabytes(row["size"])
    line = f"{row['name']:14}{size:>8}  {row['licence']:11} {state:7} {row['about']}"
    return line.rstrip()


# --- get ------------------------------------------------------------------------------------


@command("""
  ankiforge model get qwen2.5-1.5b
  ankiforge model get https://example.org/model.gguf --sha256 6a1a2e…""")
@click.argument("name_or_url", metavar="NAME_OR_URL")
@click.option(
    "--sha256",
    default="",
    metavar="HEX",
    help="With a URL: what its hash must be.",
)
def get(call: Call, name_or_url: str, sha256: str) -> None:
    """Download the model of the list, or the .gguf file at an address.

    If the hash is known, what has arrived is kept: after Ctrl-C or a broken connection, the same
    command goes on.
    """
    from ankiforge.config import is_loopback
    from ankiforge.draft.model_files import download, offered
    from ankiforge.draft.on_board import too_little_memory

    offer = offered(name_or_url, sha256)
    if call.offline and not is_loopback(offer.url):
        raise UsageError("--offline forbids a download", hint="run it without --offline")
    if not call.as_json:
        size = f" ({gigabytes(offer.size)}, {offer.licence})" if offer.size else ""
        call.say(f"{offer.url}{size} → {offer.path}")
    memory = too_little_memory(offer.name, offer.size) if offer.size else ""
    if memory:
        call.warn(f"{memory}: it would not start here")
    with _progress(call) as show:
        digest = download(offer, show)
    got = {
        "name": offer.name,
        "path": str(offer.path),
        "size": offer.path.stat().st_size,
        "sha256": digest,
        "checked": bool(offer.sha256),
    }
    call.show(got, _got_text(got))


def _got_text(got: Json) -> Iterator[str]:
    """Yield what was downloaded, its hash, and the next command."""
    yield f"{got['path']}: {gigabytes(got['size'])}"
    if got["checked"]:
        yield f"SHA-256 {got['sha256']}, as expected"
    else:
        yield f"SHA-256 {got['sha256']}"
        yield "this hash was compared with nothing: do it with the page on which you found the file"
    yield from _missing_program()
    yield f"next: ankiforge model use {got['name']}"


def _missing_program() -> Iterator[str]:
    """Yield how llama.cpp is installed, if it is not."""
    from importlib.util import find_spec

    from ankiforge.draft.on_board import INSTALL

    if find_spec("xllamacpp") is None:
        yield f"llama.cpp is not installed yet: {INSTALL}"


@contextmanager
def _progress(call: Call) -> Iterator[Show]:
    """Show a bar on a terminal."""
    if not call.interactive or call.quiet:
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True, no_color=not call.color)
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("downloading")
        yield lambda done, of: bars.update(task, completed=done, total=of or None)


# --- use ------------------------------------------------------------------------------------


@command("\n  ankiforge model use qwen2.5-1.5b")
@click.argument("name", metavar="NAME")
def use(call: Call, name: str) -> None:
    """Write a model that is here, or the .gguf file at a path, into the workspace's settings."""
    from ankiforge.draft.model_files import model_file, size_of

    file = model_file(name)
    size_of(file)  # refuses what is not a model
    folder = workspace_of(call)
    settings = _write(folder, file)
    told = {"path": str(file), "settings": str(settings) if settings else None}
    call.show(told, _used_text(folder, file, settings))


def _write(folder: WorkspaceFolder, file: Path) -> Path | None:
    """Write `llm.model_file`, and confirm it; return the file of the settings.

    None if a person has to do it.
    """
    from ankiforge.config import FILE_NAME
    from ankiforge.config.edit import with_value
    from ankiforge.config.ownfiles import TEXT_BYTES, own_file
    from ankiforge.config.trust import concerns, confirm
    from ankiforge.config.workspace import load, user_folder
    from ankiforge.extract import registry

    if folder.is_default:
        return None
    settings = own_file(folder.root / FILE_NAME)
    text = settings.read(TEXT_BYTES).decode("utf-8-sig")
    edited = with_value(text, "llm", "model_file", str(file))
    if edited is None:
        return None
    if edited != text:
        try:
            permissions = settings.path.stat().st_mode & 0o777
            settings.write(edited.encode(), mode=permissions)
        except OSError as error:
            raise UsageError(
                f"{settings}: cannot be written: {error.strerror}"
            ) from error
    key = ("llm", "model_file")
    asked = []
    for concern in concerns(load(folder.root, registry)):
        if concern.at.steps == key:
            asked.append(concern)
    confirm(folder, asked, user_folder())  # the person just named it
    return settings.path


def _used_text(
    folder: WorkspaceFolder,
    file: Path,
    settings: Path | None,
) -> Iterator[str]:
    """Yield where the model was entered, or the lines to add."""
    from ankiforge.config import FILE_NAME
    from ankiforge.config.edit import scalar

    if settings is None:
        where = f"{FILE_NAME} of a workspace (ankiforge init DIR)"
        if not folder.is_default:
            where = str(folder.root / FILE_NAME)
        yield f"add to {where}:"
        yield "llm:"
        yield f"  model_file: {scalar(str(file))}"
    else:
        yield f"{settings}: llm.model_file is {file}"
    yield from _missing_program()
    if settings is not None:
        yield "next: ankiforge run --drafter llm --limit 10"


model.add_command(list_)
model.add_command(get)
model.add_command(use)
