"""The concerns about a workspace's settings, and those that a person has confirmed.

A workspace from a stranger must not send, read or unlock anything without confirmation. A
person confirms once what it asks for. The confirmation is stored in the user's own
folder, and is valid only for this path and value. Until then, no command runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ankiforge.config import (
    ANKI,
    LLM,
    ZOTERO,
    DefaultKey,
    expanded,
    is_loopback,
)
from ankiforge.config.workspace import (
    REMEMBERED,
    WorkspaceFolder,
    load_values,
    store_values,
)
from ankiforge.config.yamlfile import Location
from ankiforge.errors import UsageError
from ankiforge.model import Value

_TRUSTED = "trusted"
_OUTSIDE = "which is outside this workspace"


class Concern(Value):
    """An action of a workspace that a person has to confirm."""

    says: str
    """In words, without file and line, so that a moved line asks nothing."""
    at: Location

    def __str__(self) -> str:
        return f"{self.at}: {self.says}"


def concerns(workspace: WorkspaceFolder) -> list[Concern]:
    """Return everything that leaves this machine and the workspace."""
    return [*_concerns_of_settings(workspace), *remembered_concerns(workspace)]


def _concerns_of_settings(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield the concerns about `ankiforge.yaml`."""
    config = workspace.config
    where = config.where
    llm, meaning, anki = config.llm, config.meaning, config.anki

    # sources outside the workspace, with the files that they link to, and books
    read: list[tuple[str, Path, Location]] = []
    for source in config.sources:
        read.append(("{} would be read", source.path, source.where.at("path")))
        for key, noun in (("linked", "linked files"), ("books", "books")):
            place = source.where.at(key)
            listed = source.options.get(key)
            for folder in listed if isinstance(listed, list) else ():
                path = expanded(str(folder), workspace.root, place)
                read.append((f"{noun} in {{}} would be read", path, place))
    yield from _concerns_outside(read, workspace)

    # services elsewhere, and the keys that they would get
    services = [(where.at("llm", "base_url"), "passages", LLM, llm.base_url, llm.key_env)]
    if meaning.base_url:
        place = where.at("meaning", "base_url")
        gets = "passages and questions"
        services.append((place, gets, LLM, meaning.base_url, meaning.key_env))
    place = where.at("anki", "connect")
    services.append((place, "cards", ANKI, anki.connect, anki.key_env))
    for source in config.sources:
        place = source.where.at("url")
        url = str(source.options.get("url") or "")
        key_env = str(source.options.get("key_env") or "")
        services.append((place, "a key and questions", ZOTERO, url, key_env))
    for service in services:
        yield from _concerns_of_service(*service)

    # a cluster's scheduler can run programs here, on this machine, too, where anybody may
    # have started it
    if config.executor:
        message = f"{config.executor} would read PDFs, and can run programs here"
        yield Concern(message, where.at("executor"))

    # packages, collection and journal
    used = []
    if not workspace.is_default:
        place = where.at("output")
        used.append(("packages would be written to {}", workspace.output, place))
    if anki.collection not in ("auto", "none"):
        place = where.at("anki", "collection")
        used.append(("{} would be read", Path(anki.collection), place))
    yield from _concerns_outside(used, workspace)
    journal = workspace.journal.path  # a link in its place is refused
    if not journal.is_relative_to(workspace.root):
        message = f"decisions and passages would be written to {journal}, {_OUTSIDE}"
        yield Concern(message, where.at("journal"))


def _concerns_outside(
    places: Iterable[tuple[str, Path, Location]], workspace: WorkspaceFolder
) -> Iterator[Concern]:
    """Yield a concern for each path that is outside the workspace."""
    for says, path, where in places:
        # unlike `Path.resolve`, this accepts a circular link
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(workspace.root):
            yield Concern(f"{says.format(real)}, {_OUTSIDE}", where)


def _concerns_of_service(
    where: Location, gets: str, default: DefaultKey, url: str, key_env: str
) -> Iterator[Concern]:
    """Yield a concern for a service elsewhere, and for a key that is not its own.

    Args:
        where: its address in the settings; its key is beside it.
        gets: the noun for what would be sent to it.
        default: its default key.
        url: its address; "" for the default one.
        key_env: the environment variable with its key, as the settings name it.
    """
    # that Zotero's key goes to Zotero is expected
    if url and not is_loopback(url) and not (default is ZOTERO and ZOTERO.owns(url)):
        yield Concern(f"{gets} would be sent to {url}", where)
    address = url or default.address
    gets_it_anyway = key_env == default.name and default.owns(address)
    if key_env and not gets_it_anyway:
        server = "/".join(address.lower().split("/")[:3])
        message = (
            f"the environment variable {key_env} would be used as a key, sent to {server}"
        )
        beside = Location(where.file, where.steps[:-1], where.lines)
        yield Concern(message, beside.at("key_env"))


def remembered_concerns(workspace: WorkspaceFolder) -> list[Concern]:
    """Return the concerns about remembered sources. Their file may have come with the folder."""
    if workspace.is_default:
        return []
    where = Location(REMEMBERED)
    paths = [Path(item.path) for item in workspace.remembered]
    read = [("{} would be read", path, where) for path in paths]
    return list(_concerns_outside(read, workspace))


# --- confirmations ----------------------------------------------------------------------


def unconfirmed(workspace: WorkspaceFolder, folder: Path) -> list[Concern]:
    """Return the unconfirmed concerns; [] if ANKIFORGE_TRUST names this workspace."""
    trusted_path = os.environ.get("ANKIFORGE_TRUST", "")
    if trusted_path and Path(trusted_path).expanduser().resolve() == workspace.root:
        return []
    waiting = []
    for concern in concerns(workspace):
        if not is_confirmed(workspace, concern, folder):
            waiting.append(concern)
    return waiting


def is_confirmed(
    workspace: WorkspaceFolder,
    concern: Concern,
    folder: Path,
) -> bool:
    """Return whether a person has confirmed this concern for this workspace."""
    return _confirmation(workspace, concern) in load_values(folder, _TRUSTED)


def confirm(
    workspace: WorkspaceFolder,
    confirmed: list[Concern],
    folder: Path,
) -> None:
    """Store a person's confirmation of these concerns."""
    if confirmed:
        values = load_values(folder, _TRUSTED)
        for concern in confirmed:
            values[_confirmation(workspace, concern)] = "confirmed"
        store_values(folder, _TRUSTED, values)


def _confirmation(workspace: WorkspaceFolder, concern: Concern) -> str:
    """Return the name under which a confirmation is stored."""
    return f"{workspace.root}: {concern.says}"


def require_trust(
    workspace: WorkspaceFolder,
    ask: Callable[[str], bool] | None,
    folder: Path,
) -> None:
    """Check that a person has confirmed everything that the workspace asks for.

    Args:
        workspace: the workspace of the command.
        ask: asks a person a question of several lines. None without a terminal.
        folder: the user's folder.

    Raises:
        UsageError: a person must look at the settings first. Each concern is named.
    """
    waiting = unconfirmed(workspace, folder)
    if not waiting:
        return
    listed = "\n".join(f"  {concern}" for concern in waiting)
    question = f"This workspace, {workspace.root}, asks for:\n{listed}\nTrust it?"
    if ask is None or not ask(question):
        message = f"{workspace.root} must be confirmed first. It asks for:\n{listed}"
        confirming = (
            f"ankiforge init --trust {workspace.root}, or --yes with run or review"
        )
        raise UsageError(message, hint=f"to confirm it: {confirming}")
    confirm(workspace, waiting, folder)
