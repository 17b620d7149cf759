"""Source for Zotero libraries, read from the database, the local API or the web API.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # the user's own library, in Zotero 8 or later
      - zotero: {name: zotero, api: web}           # zotero.org, with a key in ZOTERO_API_KEY

The database is copied before it is opened, so it is never written to and Zotero may be running. The
text around an annotation is read from the PDF, which requires `path`.
"""

from __future__ import annotations

from typing import Literal

from ankiforge.extract.base import SourceOpenParameters, SourceSettings, SourceType
from ankiforge.model import Source, Strings

LibrarySetting = str | int | tuple[str | int, ...]


class ZoteroSettings(SourceSettings, kw_only=True):
    """Settings for a `zotero:` source.

    `path` is Zotero's data directory or a `zotero.sqlite` file, and is optional if `api` is
    set.
    """

    path: str = ""
    api: Literal["", "local", "web"] = ""
    """The API to read from, or "" to read the database at `path`."""
    library: LibrarySetting = ""
    """The libraries to read, or "" for all."""
    key_env: str = ""
    url: str = ""
    linked: Strings = ()
    """Directories outside the workspace whose linked files may be opened even though the database
    is inside the workspace.
    """


class Zotero(SourceType):
    """Reads the libraries of a Zotero installation or zotero.org account."""

    kind = "zotero"
    Settings = ZoteroSettings
    path_alternatives = ("api", "library")
    suffixes = (".sqlite",)
    marker_file = "zotero.sqlite"
    example = "- zotero: {name: zotero, path: ~/Zotero}      # Zotero's data folder"

    @classmethod
    def open(cls, opening: SourceOpenParameters) -> Source:
        """Create a source for a data directory, a database file or an API."""
        from ankiforge.extract.zotero.reader import open_source

        return open_source(opening)
