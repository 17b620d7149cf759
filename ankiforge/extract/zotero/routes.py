"""The ways to Zotero, and which of them is taken: its database, its local or its web API."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ankiforge.config import ZOTERO, ZOTERO_KEY, is_loopback, key_for, key_variable
from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract.zotero.address import LOCAL, WEB, Address
from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import Database, Library
from ankiforge.extract.zotero.local import local_database
from ankiforge.extract.zotero.wanted import Wanted
from ankiforge.model import Memory, Problem

if TYPE_CHECKING:
    from ankiforge.extract.zotero.wire import Pace

APIS = ("", "none", "auto", "local", "web")
KNOWN_SCHEMAS = range(119, 130)
"""`userdata` versions with all the columns we read: 119 (2022) to 129 (Zotero 10)."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to some of the libraries."""

    where: str
    says: str
    """What it is, in words."""
    opened: Callable[[], AbstractContextManager[Catalog]]
    libraries: Callable[[Catalog], Iterator[Library | Problem]]
    """Those to be read, and what is to be said of the rest."""
    container: str = Library.USER
    """What is not read whole if it is blocked; "" = nobody knows."""


@dataclass(frozen=True, slots=True)
class Routes:
    """All the ways that the settings allow."""

    api: str
    database: Path | None
    wanted: Wanted
    local: Address
    web: Address
    memory: Memory
    offline: bool
    pace: Pace | None = None

    def taken(self) -> tuple[Way, ...]:
        """The ways to take now; together they lead to every library that is wanted.

        Raises:
            ItemError: there is none.
        """
        if self.api == "auto":
            return self._first_open()
        if self.api == "local":
            return self._by_local()
        if self.api == "web":
            return (self._by_web(),)
        return (self._by_database(),)

    def _first_open(self) -> tuple[Way, ...]:
        """The running Zotero, else its database, else the web."""
        try:
            self._check_local()
        except ItemError as error:
            if self._has_database:
                return (self._by_database(),)
            if self.web.key and not (self.offline and not self.web.loopback):
                return (self._by_web(),)
            raise ItemError(
                f"no way to Zotero: {error.message}; no data folder; no key for the web",
                hint=f"{error.hint}; or {self._give_key}",
            ) from error
        return self._by_local()

    @property
    def _give_key(self) -> str:
        name = self.web.key_env
        return f"export {name}=…" if name else "name the key's variable: `key_env: NAME`"

    @property
    def _has_database(self) -> bool:
        return self.database is not None and self.database.is_file()

    def _check_local(self) -> None:
        from ankiforge.extract.zotero.service import Place, Service
        from ankiforge.extract.zotero.sync import check_local
        from ankiforge.extract.zotero.wire import Pace

        with closing(Service(self.local, self.pace or Pace())) as service:
            check_local(service, Place("user", 0))

    # --- one by one -------------------------------------------------------------------------

    def _by_local(self) -> tuple[Way, ...]:
        """The shared libraries by the database, where there is one: it tells whose a mark is."""
        says = f"Zotero's local API at {self.local.host}"
        if not self._has_database:
            return (Way(self.local.host, says, lambda: self._remote(self.local), self._all),)
        own = Way(self.local.host, says, lambda: self._remote(self.local), _own)
        needs = self.wanted.needs_groups or self.wanted.named
        return (own, self._by_database(groups_only=True)) if needs else (own,)

    def _by_web(self) -> Way:
        if self.offline and not self.web.loopback:
            raise ItemError(
                f"--offline, and Zotero's web library is at {self.web.host}",
                hint="leave --offline out, or give `path:`, Zotero's data folder",
            )
        says = f"Zotero's web API at {self.web.host}"
        return Way(self.web.host, says, lambda: self._remote(self.web), self._all)

    def _remote(self, address: Address) -> AbstractContextManager[Catalog]:
        from ankiforge.extract.zotero.remote import Remote
        from ankiforge.extract.zotero.wire import Pace

        return closing(Remote(address, self.wanted, self.memory, self.pace or Pace()))

    @staticmethod
    def _all(catalog: Catalog) -> Iterator[Library | Problem]:
        from ankiforge.extract.zotero.remote import Remote

        yield from catalog.libraries()
        if isinstance(catalog, Remote) and (problem := catalog.unlisted):
            yield problem

    def _by_database(self, *, groups_only: bool = False) -> Way:
        path = self.database or Path()

        @contextmanager
        def opened() -> Iterator[Catalog]:
            with local_database(path) as database:
                yield database

        def libraries(catalog: Catalog) -> Iterator[Library | Problem]:
            if isinstance(catalog, Database):
                yield from _age(path, catalog)
            for library in _chosen(path, catalog, self.wanted):
                if isinstance(library, Problem) or library.group is not None or not groups_only:
                    yield library

        container = "" if groups_only else Library.USER
        return Way(str(path), str(path), opened, libraries, container)


def _own(catalog: Catalog) -> Iterator[Library | Problem]:
    yield from (library for library in catalog.libraries() if library.group is None)


def _age(path: Path, database: Database) -> Iterator[Problem]:
    version = database.version()
    if version in KNOWN_SCHEMAS:
        return
    age = "newer" if version >= KNOWN_SCHEMAS.stop else "older"
    yield Problem(
        str(path),
        f"it was written by a Zotero {age} than this program knows (schema {version})",
        hint="it was read all the same; if marks are missing, bring the older program up to date",
        notice=True,
    )


def _chosen(path: Path, catalog: Catalog, wanted: Wanted) -> Iterator[Library | Problem]:
    """Those of a database that are wanted, and a word about those it has not."""
    there = {library.group: library for library in catalog.libraries()}
    known = {group for group in there if group is not None}
    user, own = wanted.user(known), catalog.account().id
    foreign = user is not None and own not in (None, user)
    if (wanted.own or (user is not None and not foreign)) and None in there:
        yield there[None]
    if foreign:
        yield Problem(str(path), f"library: {user} is neither its user nor one of its groups")
    for group in wanted.groups(known):
        if group in there:
            yield there[group]
        else:
            yield Problem(str(path), f"library: it has no group {group}", "sync it in Zotero")


# --- settings -------------------------------------------------------------------------------


def addresses(
    api: str, url: str, key_env: str, environ: Mapping[str, str] = os.environ
) -> tuple[Address, Address]:
    """Those of the local and of the web API, as the settings have them.

    Raises:
        ConfigError: they cannot be meant.
    """
    if not re.fullmatch(r"(?:[A-Za-z_][A-Za-z0-9_]*)?", key_env):
        raise ConfigError("key_env: not the name of an environment variable", hint=ZOTERO_KEY)
    if url:
        _check_url(api, url)
    here = url.rstrip("/") if api == "local" or (api == "auto" and is_loopback(url)) else ""
    there = url.rstrip("/") if not here else ""
    name = key_variable(ZOTERO, there or WEB, key_env)
    key = key_for(ZOTERO, there or WEB, key_env, environ)
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"key_env: the key in {name} holds signs no header can carry")
    return Address(here or LOCAL, True), Address(there or WEB, False, name, key)


def _check_url(api: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, sound = urlsplit(""), False
    if not sound or re.search(r"\s", url):
        raise ConfigError(f"url: {url!r} is not a web address", hint=f"such as {WEB}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("url: no name, password or query belongs into it", hint="use key_env")
    if api not in ("auto", "local", "web"):
        raise ConfigError("url: is for an `api`", hint="write api: local or api: web beside it")
    if api == "local" and not is_loopback(url):
        raise ConfigError("url: the local API is on this machine only", hint=f"such as {LOCAL}")
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigError("url: keys travel by https only", hint=f"such as {WEB}")
