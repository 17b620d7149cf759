"""Zotero: annotations of papers, from its database, its local API or its web API.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # the own library of a running Zotero 8
        or later
      - zotero: {name: zotero, api: web}           # zotero.org, with the key in
        ZOTERO_API_KEY

The database is copied, and SQLite opens only the copy. So the original is never written
to, and Zotero may be running. None of the three sources has the text around a mark. It is
read from the PDF if `path` leads to it.
"""

from __future__ import annotations

from typing import Literal

from ankiforge.extract.base import Opening, SourceSettings, SourceType
from ankiforge.model import Source, Strings

Setting = str | int | tuple[str | int, ...]


class ZoteroSettings(SourceSettings, kw_only=True):
    """`path` is Zotero's data folder or a `zotero.sqlite`. It is optional if `api` is given."""

    path: str = ""
    api: Literal["", "local", "web"] = ""
    """`local` or `web`. "" to read the database at `path`."""
    library: Setting = ""
    """The libraries to read. "" for all."""
    key_env: str = ""
    url: str = ""
    linked: Strings = ()
    """Folders outside the workspace in which linked files are read, though the database is in it.
    """


class Zotero(SourceType):
    """The libraries of one Zotero."""

    kind = "zotero"
    Settings = ZoteroSettings
    instead_of_path = ("api", "library")
    endings = (".sqlite",)
    marker = "zotero.sqlite"
    example = "- zotero: {name: zotero, path: ~/Zotero}      # Zotero's data folder"

    @classmethod
    def open(cls, opening: Opening) -> Source:
        """Return a reader for a data folder (or database file), or for Zotero's API."""
        from ankiforge.extract.zotero.reader import open_reader

        return open_reader(opening)
