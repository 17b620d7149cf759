"""The addresses that open the PDFs of cards, at the page, on this computer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from ankiforge.extract.files import relative
from ankiforge.model import Card, SourceKind, Strings, Texts


def paper_addresses(roots: Texts, *, file_links: bool) -> Callable[[Card], Strings]:
    """Return a function that gives the addresses of the PDFs of a card.

    Obsidian opens a PDF that lies in a vault on every device that has the vault. The path of
    another one leads nowhere elsewhere, and names a home folder. PDFs in Zotero have links to
    Zotero.

    Args:
        roots: the folder of each source, by `kind:name`.
        file_links: whether PDFs outside vaults have an address, too.
    """

    @cache
    def vault_of(folder: Path) -> Path | None:
        for above in (folder, *folder.parents):
            if (above / ".obsidian").is_dir():
                return above
        return None

    @cache
    def path_at(source: str, path: str) -> Path:
        root = Path(roots[source]).resolve()
        return root if root.is_file() else root / path

    def addresses(card: Card) -> Strings:
        found = []
        for highlight in card.passages:
            source = f"{SourceKind.PDF}:{highlight.document.source}"
            if highlight.source_kind is not SourceKind.PDF or source not in roots:
                continue
            path = path_at(source, highlight.document.path)
            vault = vault_of(path.parent)
            page = ""
            if highlight.block.isdecimal():  # counted from 0
                page = f"#page={int(highlight.block) + 1}"
            if vault:
                file = quote(f"{relative(path, vault)}{page}", safe="")
                name = quote(vault.name, safe="")
                found.append(f"obsidian://open?vault={name}&file={file}")
            elif file_links:
                found.append(f"{path.as_uri()}{page}")
        return tuple(found)

    return addresses
