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
    from ankiforge.config.workspace import resolve
    from ankiforge.draft.model_files import OFFERED, here
    from ankiforge.extract import registry

    # the file of the model that the workspace uses, if there is one
    used = ""
    try:
        used = resolve(call.folder, Path.cwd(), registry).config.llm.model_file
    except UsageError:
        if call.folder is not None:
            raise

    # the model that is offered, then other files in the folder, then the one in use
    rows = []
    files = here()
    if OFFERED.path not in files:
        rows.append(_row(OFFERED.name, None, OFFERED.size, used))
    if used and Path(used) not in files:
        files.append(Path(used))
    for file in files:
        size = file.stat().st_size if file.exists() else 0
        rows.append(_row(file.stem, file, size, used))
    for row in rows:
        state = "in use" if row["used"] else "here" if row["path"] else ""
        about = f"{row['licence']:11} {state:7} {row['about']}"
        line = f"{row['name']:14}{gigabytes(row['size']):>8}  {about}"
        call.show(row, [line.rstrip()])
    if not call.as_json and not used:
        call.say("next: ankiforge model get NAME, then: ankiforge model use NAME")


def _row(name: str, file: Path | None, size: int, used_path: str) -> Json:
    """Return a model as JSON; `file` is None if it was not downloaded."""
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
    lines = [f"{offer.path}: {gigabytes(offer.path.stat().st_size)}"]
    if offer.sha256:
        lines.append(f"SHA-256 {digest}, as expected")
    else:
        lines.append(f"SHA-256 {digest}")
        lines.append(
            "this hash was compared with nothing:"
            " do it with the page on which you found the file"
        )
    call.show(
        got, [*lines, *_missing_program(), f"next: ankiforge model use {offer.name}"]
    )


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
    from ankiforge.config import FILE_NAME
    from ankiforge.config.edit import scalar
    from ankiforge.draft.model_files import model_file, size_of

    file = model_file(name)
    size_of(file)  # refuses what is not a model
    folder = workspace_of(call)
    settings = _write(folder, file)
    if settings is None:
        where = f"{FILE_NAME} of a workspace (ankiforge init DIR)"
        if not folder.is_default:
            where = str(folder.root / FILE_NAME)
        lines = [f"add to {where}:", "llm:", f"  model_file: {scalar(str(file))}"]
        lines += _missing_program()
    else:
        lines = [f"{settings}: llm.model_file is {file}", *_missing_program()]
        lines.append("next: ankiforge run --drafter llm --limit 10")
    told = {"path": str(file), "settings": str(settings) if settings else None}
    call.show(told, lines)


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


model.add_command(list_)
model.add_command(get)
model.add_command(use)
