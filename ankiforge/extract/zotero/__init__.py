"""Zotero: annotations of papers, read from its database, its local API or its web API.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # the user's own library, in Zotero 8 or later
      - zotero: {name: zotero, api: web}           # zotero.org, with a key in ZOTERO_API_KEY

Only a copy of the database is opened, so the original is never written to and Zotero may be
running. The text around an annotation is read from the PDF, which requires `path`.
"""

from __future__ import annotations

from typing import Literal

from ankiforge.extract.base import Opening, SourceSettings, SourceType
from ankiforge.model import Source, Strings

LibrarySetting = str | int | tuple[str | int, ...]


class ZoteroSettings(SourceSettings, kw_only=True):
    """The settings of a `zotero:` source.

    `path` is Zotero's data directory or a `zotero.sqlite`. It is optional if `api` is set.
    """

    path: str = ""
    api: Literal["", "local", "web"] = ""
    """The API to read from, `local` or `web`, or "" to read the database at `path`."""
    library: LibrarySetting = ""
    """The libraries to read, or "" for all of them."""
    key_env: str = ""
    url: str = ""
    linked: Strings = ()
    """The directories outside the workspace whose linked files may be opened, if the database is
    inside the workspace.
    """


class Zotero(SourceType):
    """Libraries of a Zotero installation or an account on zotero.org."""

    kind = "zotero"
    Settings = ZoteroSettings
    instead_of_path = ("api", "library")
    endings = (".sqlite",)
    marker = "zotero.sqlite"
    example = "- zotero: {name: zotero, path: ~/Zotero}      # Zotero's data folder"

    @classmethod
    def open(cls, opening: Opening) -> Source:
        """Return a reader of a data directory, of a database file, or of Zotero's API."""
        from ankiforge.extract.zotero.reader import open_source

        return open_source(opening)
