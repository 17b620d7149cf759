"""Trust: a workspace from a stranger must not send, read or unlock anything without confirmation.

A person confirms once what a workspace asks for. The confirmation is stored in the user's own
folder, and is valid only for this path and value: a changed value needs a new one. Until then, no
command runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ankiforge.config import ANKI, LLM, ZOTERO, ZOTERO_WEB, DefaultKey, SourceEntry, is_loopback
from ankiforge.config.workspace import Workspace, load_values, store_values
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


# --- what needs a confirmation --------------------------------------------------------------


def concerns(workspace: Workspace) -> list[Concern]:
    """Return all settings that reach beyond this machine and the workspace."""
    config, where = workspace.config, workspace.config.where
    llm, anki, executor = config.llm, config.anki, config.executor
    found = [
        _concern(where.at(*steps), url, says)
        for steps, url, says in (
            (("llm", "base_url"), llm.base_url, f"passages would be sent to {llm.base_url}"),
            (("anki", "connect"), anki.connect, f"cards would be sent to {anki.connect}"),
            (("executor",), executor, f"{executor} would read PDFs, and can run programs here"),
        )
        if url and not is_loopback(url)
    ]
    found += _key_concern(where.at("llm", "key_env"), llm.key_env, LLM, llm.base_url)
    found += _key_concern(where.at("anki", "key_env"), anki.key_env, ANKI, anki.connect)
    for source in config.sources:
        found += _source_concerns(source, workspace.root)
    if workspace.is_default:
        return found
    output = workspace.output.resolve()
    if not output.is_relative_to(workspace.root):
        says = f"packages would be written to {output}, which is outside this workspace"
        found.append(_concern(where.at("output"), str(output), says))
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
    """Yield the concern about a key that its own address would not get anyway."""
    if name and not (name == default.name and default.owns(url)):
        to = "/".join(url.lower().split("/")[:3])
        says = f"the environment variable {name} would be used as a key, sent to {to}"
        yield _concern(where, f"{name} {to}", says, key)


def _source_concerns(source: SourceEntry, root: Path) -> Iterator[Concern]:
    """Yield concerns named after the source, so that reordering sources needs no confirmation."""
    named = f"sources.{source.name}"
    path = Path(os.path.realpath(source.path))  # unlike `resolve`, accepts a circular link
    if not path.is_relative_to(root):
        says = f"{path} would be read, which is outside this workspace"
        yield _concern(source.where.at("path"), str(path), says, f"{named}.path")
    url = str(source.options.get("url") or ZOTERO_WEB)
    name = str(source.options.get("key_env") or "")
    yield from _key_concern(source.where.at("key_env"), name, ZOTERO, url, f"{named}.key_env")
    if url.rstrip("/") != ZOTERO_WEB and not is_loopback(url):
        says = f"a key and questions would be sent to {url}"
        yield _concern(source.where.at("url"), url, says, f"{named}.url")


# --- confirmations --------------------------------------------------------------------------


def unconfirmed(
    workspace: Workspace, folder: Path, environ: Mapping[str, str] = os.environ
) -> list[Concern]:
    """Return the unconfirmed concerns. None if ANKIFORGE_TRUST names this workspace."""
    trusted_path = environ.get("ANKIFORGE_TRUST", "")
    if trusted_path and Path(trusted_path).expanduser().resolve() == workspace.root:
        return []
    return [one for one in concerns(workspace) if not is_confirmed(workspace, one, folder)]


def is_confirmed(workspace: Workspace, concern: Concern, folder: Path) -> bool:
    """Return whether a person has confirmed this concern for this workspace."""
    trusted = load_values(folder, _TRUSTED)
    return trusted.get(f"{workspace.root}: {concern.key}") == concern.value


def confirm(workspace: Workspace, confirmed: list[Concern], folder: Path) -> None:
    """Store a person's confirmation of these concerns."""
    if confirmed:
        added = {f"{workspace.root}: {concern.key}": concern.value for concern in confirmed}
        store_values(folder, _TRUSTED, load_values(folder, _TRUSTED) | added)


def require_trust(
    workspace: Workspace,
    ask: Callable[[str], bool] | None,
    folder: Path,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Check that a person has confirmed everything that the workspace asks for.

    Args:
        workspace: the workspace of the command.
        ask: asks a person a question of several lines. None without a terminal.
        folder: the user's folder.
        environ: may contain ANKIFORGE_TRUST=<path of the workspace>.

    Raises:
        UsageError: a person must look at the settings first. Each concern is named.
    """
    waiting = unconfirmed(workspace, folder, environ)
    listed = "\n".join(f"  {concern.says}" for concern in waiting)
    question = f"This workspace, {workspace.root}, asks for:\n{listed}\nTrust it?"
    if waiting and (ask is None or not ask(question)):
        what = f"{workspace.root} must be confirmed first. It asks for:\n{listed}"
        raise UsageError(what, hint=f"to confirm it: ankiforge init --trust {workspace.root}")
    confirm(workspace, waiting, folder)
