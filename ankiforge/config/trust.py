"""Trust: a workspace from a stranger must not send, read or unlock anything without confirmation.

A person confirms once what a workspace asks for. The confirmation is stored in the user's own
folder, and is valid only for this path and value: a changed value needs a new one. Most unconfirmed
settings stop a command. A few are only ignored (`Concern.stops`, `restricted`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ankiforge.config import ANKI, LLM, ZOTERO, ZOTERO_WEB, DefaultKey, SourceEntry, is_loopback
from ankiforge.config.workspace import UserFolders, Workspace, load_values, store_values
from ankiforge.config.yamlfile import Location
from ankiforge.errors import UsageError

_TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class Concern:
    """One setting of a workspace that a person has to confirm."""

    key: str
    """A stable name: `llm.base_url`, `sources.<name>.path` …"""
    value: str
    says: str
    """The text for people: file, line, what would happen."""
    stops: bool = True
    """Whether it stops a command until confirmed. Otherwise it is ignored."""

    @property
    def is_key(self) -> bool:
        """Whether it names a variable for a key."""
        return self.key.endswith(".key_env")

    def fingerprint(self, root: Path) -> str:
        """Return the stored form of a confirmation."""
        parts = "\x1f".join((str(root), self.key, self.value))
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()

    def confirmed(self, root: Path, trusted: Mapping[str, str]) -> bool:
        """Return whether it is confirmed. `trusted` is keyed by fingerprint."""
        return self.fingerprint(root) in trusted


# --- what needs a confirmation --------------------------------------------------------------


def concerns(workspace: Workspace) -> list[Concern]:
    """Return all settings that reach beyond this machine and the workspace."""
    config, where, found = workspace.config, workspace.config.where, list[Concern]()
    llm, anki = config.llm, config.anki
    for at, url, sent in (
        (where.at("llm", "base_url"), llm.base_url, "passages"),
        (where.at("anki", "connect"), anki.connect, "cards"),
    ):
        if not is_loopback(url):
            found.append(_concern(at, url, f"{sent} would be sent to {url}"))
    if config.executor and not is_loopback(config.executor):
        says = f"PDFs would be read by {config.executor}, which can run programs here"
        found.append(_concern(where.at("executor"), config.executor, says))
    found += _key_concern(where.at("llm", "key_env"), llm.key_env, LLM, llm.base_url)
    found += _key_concern(where.at("anki", "key_env"), anki.key_env, ANKI, anki.connect)
    for source in config.sources:
        found += _source_concerns(source, workspace.root)
    if workspace.is_default:
        return found
    output = workspace.output.resolve()
    if not output.is_relative_to(workspace.root):
        says = f"packages would be written to {output}, which is outside this workspace"
        found.append(replace(_concern(where.at("output"), str(output), says), stops=False))
    return [*found, *remembered_concerns(workspace)]


def remembered_concerns(workspace: Workspace) -> Iterator[Concern]:
    """Yield the concerns about remembered sources. Their file may have come with the folder."""
    for item in workspace.remembered:
        if not Path(item.path).resolve().is_relative_to(workspace.root):
            says = f"{item.path} would be read, which is outside this workspace (remembered)"
            yield Concern(f"remembered.{item.path}", item.path, says)


def _concern(where: Location, value: str, says: str, key: str = "") -> Concern:
    return Concern(key or where.key, value, f"{where}: {says}")


def _key_concern(
    where: Location, name: str, default: DefaultKey, url: str, key: str = ""
) -> Iterator[Concern]:
    """Yield the concern about a key and its address.

    The default variable for a server on this machine stops no command: that server does not get the key.
    """
    usual = name == default.name
    if not name or (usual and default.owns(url)):
        return
    parts = urlsplit(url)
    to = f"{parts.scheme}://{parts.netloc}".lower()
    says = f"the environment variable {name} would be used as a key, sent to {to}"
    concern = _concern(where, f"{name} {to}", says, key)
    yield replace(concern, stops=not (usual and is_loopback(url)))


def _source_concerns(source: SourceEntry, root: Path) -> Iterator[Concern]:
    """Yield concerns named after the source, so that reordering sources needs no confirmation."""
    named = f"sources.{source.name}"
    path = Path(os.path.realpath(source.path))  # unlike `resolve`, accepts a circular link
    if not path.is_relative_to(root):
        says = f"{path} would be read, which is outside this workspace"
        yield _concern(source.where.at("path"), str(path), says, f"{named}.path")
    url = str(source.options.get("url") or ZOTERO_WEB)
    if variable := source.options.get("key_env"):
        where = source.where.at("key_env")
        local = source.options.get("api") != "web" and is_loopback(url)  # it gets no key
        to = ZOTERO_WEB if local else url
        yield from _key_concern(where, str(variable), ZOTERO, to, f"{named}.key_env")
    if url.rstrip("/") != ZOTERO_WEB and not is_loopback(url):
        says = f"a key and questions would be sent to {url}"
        yield _concern(source.where.at("url"), url, says, f"{named}.url")


# --- confirmations --------------------------------------------------------------------------


def unconfirmed(
    workspace: Workspace, folders: UserFolders, environ: Mapping[str, str] = os.environ
) -> list[Concern]:
    """Return the unconfirmed concerns. None if ANKIFORGE_TRUST names this workspace."""
    root, trusted_path = workspace.root, environ.get("ANKIFORGE_TRUST", "")
    if trusted_path and Path(trusted_path).expanduser().resolve() == root:
        return []
    trusted = load_values(folders, _TRUSTED)
    return [concern for concern in concerns(workspace) if not concern.confirmed(root, trusted)]


def is_confirmed(workspace: Workspace, concern: Concern, folders: UserFolders) -> bool:
    """Return whether a person has confirmed this concern for this workspace."""
    return concern.confirmed(workspace.root, load_values(folders, _TRUSTED))


def confirm(workspace: Workspace, confirmed: list[Concern], folders: UserFolders) -> None:
    """Store a person's confirmation of these concerns."""
    if confirmed:
        root = workspace.root
        added = {concern.fingerprint(root): f"{root}: {concern.key}" for concern in confirmed}
        store_values(folders, _TRUSTED, load_values(folders, _TRUSTED) | added)


def restricted(workspace: Workspace, waiting: list[Concern]) -> Workspace:
    """Return the workspace without unconfirmed keys, and with its packages written inside it."""
    keys = {concern.key for concern in waiting if concern.is_key}
    config = workspace.config
    llm, anki, sources = config.llm, config.anki, []
    if "llm.key_env" in keys:
        llm = msgspec.structs.replace(llm, key_env="")
    if "anki.key_env" in keys:
        anki = msgspec.structs.replace(anki, key_env="")
    for source in config.sources:
        if f"sources.{source.name}.key_env" in keys:
            options = {name: value for name, value in source.options.items() if name != "key_env"}
            source = replace(source, options=options)
        sources.append(source)
    config = msgspec.structs.replace(config, llm=llm, anki=anki, sources=tuple(sources))
    workspace = replace(workspace, config=config)
    if any(concern.key == "output" for concern in waiting):
        inside = workspace.root
        return replace(workspace, output=inside, unconfirmed_output=workspace.output)
    return workspace


def require_trust(
    workspace: Workspace,
    ask: Callable[[str], bool] | None,
    folders: UserFolders,
    environ: Mapping[str, str] = os.environ,
) -> Workspace:
    """Return the workspace to use, once everything that stops a command is confirmed.

    Args:
        workspace: the workspace of the command.
        ask: asks a person a question of several lines. None without a terminal.
        folders: the user's folders.
        environ: may contain ANKIFORGE_TRUST=<path of the workspace>.

    Raises:
        UsageError: a person must look at the settings first. Each concern is named.
    """
    waiting = unconfirmed(workspace, folders, environ)
    if not any(concern.stops for concern in waiting):
        return restricted(workspace, waiting)
    listed = "\n".join(f"  {concern.says}" for concern in waiting)
    if ask is None or not ask(f"This workspace, {workspace.root}, asks for:\n{listed}\nTrust it?"):
        hint = f"to confirm it: ankiforge init --trust {workspace.root}"
        raise UsageError(
            f"{workspace.root} must be confirmed first. It asks for:\n{listed}", hint=hint
        )
    confirm(workspace, waiting, folders)
    return workspace
