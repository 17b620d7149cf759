"""What a workspace asks for, and what a person has confirmed of it.

A workspace from a stranger must not send, read or unlock anything without confirmation. A
person confirms once what it asks for. The confirmation is stored in the user's own
folder, and is valid only for this path and value. Until then, no command runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ankiforge.config import (
    ANKI,
    LLM,
    ZOTERO,
    DefaultKey,
    SourceEntry,
    expanded,
    is_loopback,
)
from ankiforge.config.workspace import (
    REMEMBERED,
    WorkspaceFolder,
    load_values,
    models_folder,
    store_values,
)
from ankiforge.config.yamlfile import Location
from ankiforge.errors import UsageError
from ankiforge.model import Value

_TRUSTED = "trusted"
_OUTSIDE = "which is outside this workspace"


class Concern(Value):
    """What a workspace would do that a person has to confirm."""

    says: str
    """In words, without file and line, so that a moved line asks nothing."""
    at: Location

    def __str__(self) -> str:
        return f"{self.at}: {self.says}"


def concerns(workspace: WorkspaceFolder) -> list[Concern]:
    """Return everything that leaves this machine and the workspace."""
    return [
        *_sources(workspace),
        *_services(workspace),
        *_executor(workspace),
        *_model_file(workspace),
        *_folders(workspace),
        *remembered_concerns(workspace),
    ]


def remembered_concerns(workspace: WorkspaceFolder) -> list[Concern]:
    """Return the concerns about remembered sources. Their file may have come with the folder."""
    if workspace.is_default:
        return []
    where = Location(REMEMBERED)
    paths = [_real_path(item.path) for item in workspace.remembered]
    outside = []
    for path in paths:
        if _is_outside(path, workspace):
            outside.append(Concern(f"{path} would be read, {_OUTSIDE}", where))
    return outside


def _real_path(path: str | Path) -> Path:
    """Resolve links. Unlike `Path.resolve`, this accepts a circular one."""
    return Path(os.path.realpath(path))


def _is_outside(path: Path, workspace: WorkspaceFolder) -> bool:
    return not path.is_relative_to(workspace.root)


# --- sources ----------------------------------------------------------------------------


def _sources(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern for each source that is read outside the workspace."""
    for source in workspace.config.sources:
        path = _real_path(source.path)
        if _is_outside(path, workspace):
            yield Concern(f"{path} would be read, {_OUTSIDE}", source.where.at("path"))
        yield from _further_files(source, workspace)


def _further_files(source: SourceEntry, workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern for each folder outside with files that a source links to, or books."""
    for key, noun in (("linked", "linked files"), ("books", "books")):
        yield from _further_folders(source, workspace, key, noun)


def _further_folders(
    source: SourceEntry,
    workspace: WorkspaceFolder,
    key: str,
    noun: str,
) -> Iterator[Concern]:
    """Yield a concern for each folder outside that a key of a source lists."""
    folders = source.options.get(key)
    if not isinstance(folders, list):
        return
    where = source.where.at(key)
    for folder in folders:
        path = _real_path(expanded(str(folder), workspace.root, where))
        if _is_outside(path, workspace):
            yield Concern(f"{noun} in {path} would be read, {_OUTSIDE}", where)


# --- services ---------------------------------------------------------------------------


class _Service(Value):
    """A server that gets something of the person's."""

    where: Location
    """Its section in the settings."""
    url_key: str
    """The key of its address in that section."""
    url: str
    """"" for the default address."""
    key_env: str
    """The environment variable with its key, as the settings name it."""
    default: DefaultKey
    gets: str
    """What would be sent to it."""


def _services(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern for each service elsewhere, and for each key that it would get."""
    for service in _configured_services(workspace):
        yield from _address_concern(service)
        yield from _key_concern(service)


def _configured_services(workspace: WorkspaceFolder) -> Iterator[_Service]:
    """Yield the services that the settings name, with what each of them would get."""
    config = workspace.config
    yield _Service(
        where=config.where.at("llm"),
        url_key="base_url",
        url=config.llm.base_url,
        key_env=config.llm.key_env,
        default=LLM,
        gets="passages",
    )
    yield _Service(
        where=config.where.at("anki"),
        url_key="connect",
        url=config.anki.connect,
        key_env=config.anki.key_env,
        default=ANKI,
        gets="cards",
    )
    for source in config.sources:
        yield _Service(
            where=source.where,
            url_key="url",
            url=str(source.options.get("url") or ""),
            key_env=str(source.options.get("key_env") or ""),
            default=ZOTERO,
            gets="a key and questions",
        )


def _address_concern(service: _Service) -> Iterator[Concern]:
    """Yield a concern if something would leave this machine; Zotero's own server is expected."""
    url = service.url
    if not url or is_loopback(url):
        return
    if service.default is ZOTERO and ZOTERO.owns(url):
        return
    yield Concern(
        f"{service.gets} would be sent to {url}",
        service.where.at(service.url_key),
    )


def _key_concern(service: _Service) -> Iterator[Concern]:
    """Yield a concern if a service would get a key that is not its own."""
    name = service.key_env
    url = service.url or service.default.address
    default = service.default
    gets_it_anyway = name == default.name and default.owns(url)
    if name and not gets_it_anyway:
        address = "/".join(url.lower().split("/")[:3])
        message = (
            f"the environment variable {name} would be used as a key, sent to {address}"
        )
        yield Concern(message, service.where.at("key_env"))


def _executor(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern if a cluster reads the PDFs.

    Its scheduler can run programs here, on this machine, too, where anybody may have started it.
    """
    executor = workspace.config.executor
    if executor:
        message = f"{executor} would read PDFs, and can run programs here"
        yield Concern(message, workspace.config.where.at("executor"))


def _model_file(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern for a language model from elsewhere: native code reads it."""
    file = workspace.config.llm.model_file
    if file and not _real_path(file).is_relative_to(_real_path(models_folder())):
        where = workspace.config.where.at("llm", "model_file")
        yield Concern(f"{file} would be loaded as a language model", where)


# --- folders ----------------------------------------------------------------------------


def _folders(workspace: WorkspaceFolder) -> Iterator[Concern]:
    """Yield a concern for packages, collection and journal outside of the workspace."""
    where = workspace.config.where
    output = _real_path(workspace.output)
    if not workspace.is_default and _is_outside(output, workspace):
        yield Concern(
            f"packages would be written to {output}, {_OUTSIDE}",
            where.at("output"),
        )
    setting = workspace.config.anki.collection
    if setting not in ("auto", "none"):
        collection = _real_path(setting)
        if _is_outside(collection, workspace):
            message = f"{collection} would be read, {_OUTSIDE}"
            yield Concern(message, where.at("anki", "collection"))
    journal = workspace.journal.path
    if _is_outside(journal, workspace):
        message = f"decisions and passages would be written to {journal}, {_OUTSIDE}"
        yield Concern(message, where.at("journal"))


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
