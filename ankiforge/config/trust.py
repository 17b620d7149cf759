"""Trust: a workspace may come from strangers, and must not send, read or unlock by itself.

What it asks for is confirmed once and kept in the user's own folder, bound to the workspace's
path and the very value: a changed value asks again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ankiforge.config import (
    ANKI_KEY,
    LLM_KEY,
    ZOTERO_KEY,
    ZOTERO_WEB,
    SourceEntry,
    is_loopback,
)
from ankiforge.config.user import UserFolders, remember, remembered
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location
from ankiforge.errors import UsageError

_TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing a workspace asks for that needs a person's word."""

    key: str
    """Stable: `llm.base_url`, `sources.<name>.path` …"""
    value: str
    says: str
    """The whole of it, for people: file, line, what would happen."""

    def fingerprint(self, root: Path) -> str:
        """What is kept once it is confirmed."""
        parts = "\x1f".join((str(root), self.key, self.value))
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def concerns(workspace: Workspace) -> list[Concern]:
    """Everything in the settings that reaches beyond this machine and the workspace."""
    return list(_concerns(workspace))


def _concerns(workspace: Workspace) -> Iterator[Concern]:
    config, where = workspace.config, workspace.config.where
    if not is_loopback(config.llm.base_url):
        says = f"passages would be sent to {config.llm.base_url}"
        yield _concern(where.at("llm", "base_url"), config.llm.base_url, says)
    if not is_loopback(config.anki.connect):
        says = f"cards would be sent to {config.anki.connect}"
        yield _concern(where.at("anki", "connect"), config.anki.connect, says)
    yield from _key_concern(where.at("llm", "key_env"), config.llm.key_env, LLM_KEY)
    yield from _key_concern(where.at("anki", "key_env"), config.anki.key_env, ANKI_KEY)
    for source in config.sources:
        yield from _source_concerns(source, workspace.root)


def _concern(where: Location, value: str, says: str, key: str = "") -> Concern:
    return Concern(key or where.key, value, f"{where}: {says}")


def _key_concern(where: Location, name: str, usual: str, key: str = "") -> Iterator[Concern]:
    if name != usual:
        yield _concern(where, name, f"the environment variable {name} would be used as a key", key)


def _source_concerns(source: SourceEntry, root: Path) -> Iterator[Concern]:
    """By the source's name, not its place in the list: reordering asks nothing anew."""
    path = Path(os.path.realpath(source.path))  # a loop is no error
    if not path.is_relative_to(root):
        says = f"{path} would be read, which is outside this workspace"
        yield _concern(source.where.at("path"), str(path), says, f"sources.{source.name}.path")
    if name := source.options.get("key_env"):
        where = source.where.at("key_env")
        yield from _key_concern(where, str(name), ZOTERO_KEY, f"sources.{source.name}.key_env")
    url = str(source.options.get("url") or ZOTERO_WEB)
    if url.rstrip("/") != ZOTERO_WEB and not is_loopback(url):
        says = f"a key and questions would be sent to {url}"
        yield _concern(source.where.at("url"), url, says, f"sources.{source.name}.url")


# --- a person's word ------------------------------------------------------------------------


def unconfirmed(
    workspace: Workspace, folders: UserFolders, environ: Mapping[str, str] = os.environ
) -> list[Concern]:
    """The concerns nobody has confirmed; none where ANKIFORGE_TRUST names this workspace."""
    if _vouched(workspace.root, environ.get("ANKIFORGE_TRUST", "")):
        return []
    trusted = remembered(folders, _TRUSTED)
    return [one for one in concerns(workspace) if one.fingerprint(workspace.root) not in trusted]


def _vouched(root: Path, named: str) -> bool:
    return bool(named) and Path(named).expanduser().resolve() == root


def confirm(workspace: Workspace, confirmed: list[Concern], folders: UserFolders) -> None:
    """Keep a person's word for these concerns."""
    if confirmed:
        added = {
            one.fingerprint(workspace.root): f"{workspace.root}: {one.key}" for one in confirmed
        }
        remember(folders, _TRUSTED, remembered(folders, _TRUSTED) | added)


def require_trust(
    workspace: Workspace,
    ask: Callable[[str], bool] | None,
    folders: UserFolders,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Pass if all that needs a person's word has it.

    Args:
        workspace: the one to be worked in.
        ask: puts a question of several lines to a person; None without a terminal.
        folders: the user's.
        environ: may hold ANKIFORGE_TRUST=<path of the workspace>.

    Raises:
        UsageError: somebody has to look at the settings first; each concern is named.
    """
    waiting = unconfirmed(workspace, folders, environ)
    if not waiting:
        return
    listed = "\n".join(f"  {one.says}" for one in waiting)
    if ask is None or not ask(f"This workspace, {workspace.root}, asks for:\n{listed}\nTrust it?"):
        hint = f"if that is what you want: ankiforge init --trust {workspace.root}"
        raise UsageError(f"{workspace.root} needs your word for:\n{listed}", hint=hint)
    confirm(workspace, waiting, folders)
