"""Trust: a workspace may come from strangers, and must not send, read or unlock by itself.

What it asks for is confirmed once and kept in the user's own folder, bound to the workspace's
path and the very value: a changed value asks again. Without that word most things stop a command;
a few are merely not followed (`Concern.stops`): see `settled`.
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
    """One thing a workspace asks for that needs a person's word."""

    key: str
    """Stable: `llm.base_url`, `sources.<name>.path` …"""
    value: str
    says: str
    """The whole of it, for people: file, line, what would happen."""
    stops: bool = True
    """A command stops without a person's word; else it goes on and leaves this out."""
    former: str = ""
    """The value under which earlier versions kept a person's word for this; "" if they did not."""

    @property
    def is_key(self) -> bool:
        """Whether it names a variable for a key."""
        return self.key.endswith(".key_env")

    def fingerprint(self, root: Path) -> str:
        """What is kept once it is confirmed."""
        return _fingerprint(root, self.key, self.value)

    def confirmed(self, root: Path, trusted: Mapping[str, str]) -> bool:
        """Whether a person has said so."""
        formerly = self.former and _fingerprint(root, self.key, self.former) in trusted
        return bool(formerly) or self.fingerprint(root) in trusted


def _fingerprint(root: Path, key: str, value: str) -> str:
    parts = "\x1f".join((str(root), key, value))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def concerns(workspace: Workspace) -> list[Concern]:
    """Return everything in the settings that reaches beyond this machine and the workspace."""
    config, where, found = workspace.config, workspace.config.where, list[Concern]()
    llm, anki = config.llm, config.anki
    for at, url, sent in (
        (where.at("llm", "base_url"), llm.base_url, "passages"),
        (where.at("anki", "connect"), anki.connect, "cards"),
    ):
        if not is_loopback(url):
            found.append(_concern(at, url, f"{sent} would be sent to {url}"))
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
    """Yield what the file of remembered sources asks for; it may have come with the folder."""
    for item in workspace.remembered:
        targets = (target for place in item.places for target in place.targets)
        for path in dict.fromkeys((item.path, *map(str, targets))):
            if not Path(path).resolve().is_relative_to(workspace.root):
                says = f"{path} would be read, which is outside this workspace (remembered)"
                yield Concern(f"remembered.{path}", path, says)


def _concern(where: Location, value: str, says: str, key: str = "") -> Concern:
    return Concern(key or where.key, value, f"{where}: {says}")


def _key_concern(
    where: Location, name: str, default: DefaultKey, url: str, key: str = ""
) -> Iterator[Concern]:
    """Bound to where the key goes, too.

    A server on this machine for which an earlier `init` wrote the default variable goes on
    working: it stops nothing, it is not sent that key.
    """
    usual = name == default.name
    if not name or (usual and default.owns(url)):
        return
    parts = urlsplit(url)
    to = f"{parts.scheme}://{parts.netloc}".lower()
    says = f"the environment variable {name} would be used as a key, sent to {to}"
    concern = _concern(where, f"{name} {to}", says, key)
    yield replace(concern, stops=not (usual and is_loopback(url)), former="" if usual else name)


def _source_concerns(source: SourceEntry, root: Path) -> Iterator[Concern]:
    """By the source's name, not its place in the list: reordering asks nothing anew."""
    path = Path(os.path.realpath(source.path))  # a loop is no error
    if not path.is_relative_to(root):
        says = f"{path} would be read, which is outside this workspace"
        yield _concern(source.where.at("path"), str(path), says, f"sources.{source.name}.path")
    url = str(source.options.get("url") or ZOTERO_WEB)
    if name := source.options.get("key_env"):
        where, key = source.where.at("key_env"), f"sources.{source.name}.key_env"
        local = source.options.get("api") != "web" and is_loopback(url)  # it is sent no key
        yield from _key_concern(where, str(name), ZOTERO, ZOTERO_WEB if local else url, key)
    if url.rstrip("/") != ZOTERO_WEB and not is_loopback(url):
        says = f"a key and questions would be sent to {url}"
        yield _concern(source.where.at("url"), url, says, f"sources.{source.name}.url")


# --- a person's word ------------------------------------------------------------------------


def unconfirmed(
    workspace: Workspace, folders: UserFolders, environ: Mapping[str, str] = os.environ
) -> list[Concern]:
    """The concerns nobody has confirmed; none where ANKIFORGE_TRUST names this workspace."""
    root, vouched = workspace.root, environ.get("ANKIFORGE_TRUST", "")
    if vouched and Path(vouched).expanduser().resolve() == root:
        return []
    trusted = load_values(folders, _TRUSTED)
    return [one for one in concerns(workspace) if not one.confirmed(root, trusted)]


def settled(workspace: Workspace, waiting: list[Concern]) -> Workspace:
    """The workspace without what waits for a person's word.

    No key goes where none was confirmed, and packages stay in the workspace.
    """
    keys = {one.key for one in waiting if one.is_key}
    config = workspace.config
    llm, anki, sources = config.llm, config.anki, []
    if "llm.key_env" in keys:
        llm = msgspec.structs.replace(llm, key_env="")
    if "anki.key_env" in keys:
        anki = msgspec.structs.replace(anki, key_env="")
    for one in config.sources:
        if f"sources.{one.name}.key_env" in keys:
            options = {name: value for name, value in one.options.items() if name != "key_env"}
            one = replace(one, options=options)
        sources.append(one)
    config = msgspec.structs.replace(config, llm=llm, anki=anki, sources=tuple(sources))
    workspace = replace(workspace, config=config)
    if any(one.key == "output" for one in waiting):
        inside = workspace.root
        return replace(workspace, output=inside, unconfirmed_output=workspace.output)
    return workspace


def confirm(workspace: Workspace, confirmed: list[Concern], folders: UserFolders) -> None:
    """Keep a person's word for these concerns."""
    if confirmed:
        root = workspace.root
        added = {one.fingerprint(root): f"{root}: {one.key}" for one in confirmed}
        store_values(folders, _TRUSTED, load_values(folders, _TRUSTED) | added)


def require_trust(
    workspace: Workspace,
    ask: Callable[[str], bool] | None,
    folders: UserFolders,
    environ: Mapping[str, str] = os.environ,
) -> Workspace:
    """Pass if all that stops a command without a person's word has it.

    Args:
        workspace: the one to be worked in.
        ask: puts a question of several lines to a person; None without a terminal.
        folders: the user's.
        environ: may hold ANKIFORGE_TRUST=<path of the workspace>.

    Returns:
        The workspace to work in: without what is merely not followed until it is confirmed.

    Raises:
        UsageError: somebody has to look at the settings first; each concern is named.
    """
    waiting = unconfirmed(workspace, folders, environ)
    if not any(one.stops for one in waiting):
        return settled(workspace, waiting)
    listed = "\n".join(f"  {one.says}" for one in waiting)
    if ask is None or not ask(f"This workspace, {workspace.root}, asks for:\n{listed}\nTrust it?"):
        hint = f"if that is what you want: ankiforge init --trust {workspace.root}"
        raise UsageError(f"{workspace.root} needs your word for:\n{listed}", hint=hint)
    confirm(workspace, waiting, folders)
    return workspace
