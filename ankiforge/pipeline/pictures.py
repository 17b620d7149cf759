"""The files of cards in the folders of their sources: pictures and sounds, labels, and papers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from msgspec.structs import replace

from ankiforge.config.ownfiles import OwnPath
from ankiforge.draft import skip_reason
from ankiforge.errors import OwnFileError
from ankiforge.extract.files import relative, stored_at
from ankiforge.ledger import Ledger
from ankiforge.model import (
    CardHere,
    Highlight,
    HighlightKind,
    Media,
    Problem,
    Shown,
    SourceKind,
    Strings,
    Texts,
)
from ankiforge.pipeline.result import Job
from ankiforge.text.cloze import image_paths

# The sources whose highlights have a namespace of another name.
_KINDS = {SourceKind.VAULT: "obsidian", SourceKind.ZOTERO: "zotero"}
# How the names of pictures begin that were cut from a page.
_CUT = "cut/"


def pictures_of(
    ledger: Ledger,
    card: Shown,
    folder: OwnPath,
) -> dict[str, Media | Problem]:
    """Return the pictures of a card by their paths in its text, or why they are missing.

    Args:
        ledger: knows the folders of the sources.
        card: the card.
        folder: the folder with pictures cut from pages.
    """
    text = "\n".join(text for _, text in card.fields)
    pictures: dict[str, Media | Problem] = {}
    for path in image_paths(text):
        picture = picture_at(ledger, card.highlight, path, folder)
        if isinstance(picture, Problem):
            title = card.highlight.document.title
            picture = replace(picture, where=f"{title}: {path}")
        pictures[path] = picture
    return pictures


def media_of_card(ledger: Ledger, card: Shown, folder: OwnPath) -> dict[str, Media]:
    """Return the pictures of a card that are there, by their paths in its text."""
    pictures = pictures_of(ledger, card, folder)
    return {
        path: picture for path, picture in pictures.items() if isinstance(picture, Media)
    }


def picture_at(
    ledger: Ledger,
    highlight: Highlight,
    path: str,
    folder: OwnPath,
) -> Media | Problem:
    """Return the picture or sound at a path in a highlight's source.

    A file outside the source is a problem.
    """
    from ankiforge.anki.render import media_of

    if "://" in path:
        return Problem(path, "it is on the web, from where nothing is fetched")
    if path.startswith(_CUT) and highlight.source_kind in (
        SourceKind.PDF,
        SourceKind.ZOTERO,
    ):
        try:
            cut = folder / path.removeprefix(_CUT)
            cut.is_there()
        except OwnFileError as error:
            return Problem(path, error.message, error.hint)
        return media_of(cut.path)
    own_kind = highlight.namespace.partition(":")[0]
    kind = _KINDS.get(highlight.source_kind, own_kind)
    known_root = roots(ledger).get(f"{kind}:{highlight.document.source}")
    if not known_root:
        return Problem(path, "its source is not known on this machine", notice=True)
    root = Path(known_root)
    base = root.parent if root.is_file() else root
    if not base.exists():
        message = "is not there, so pictures are missing"
        return Problem(
            str(base),
            message,
            "check that the disk is mounted",
            notice=True,
        )
    parts = unquote(path).split("/")
    try:
        targets = []
        for start in range(len(parts)):
            targets.append(stored_at(base, "/".join(parts[start:])).resolve())
        # a picture that was moved up has its old path on the card
        target = next(filter(Path.is_file, targets), targets[0])
        if not target.is_relative_to(base.resolve()):
            return Problem(path, "is outside its source")
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is not a path: {error}")
    return media_of(target)


def picture_fault(
    ledger: Ledger,
    highlight: Highlight,
    path: str,
    folder: OwnPath,
) -> str:
    """Return why a picture in the source of a highlight cannot be shown; "" if it can."""
    picture = picture_at(ledger, highlight, path, folder)
    if isinstance(picture, Media):
        return ""
    return f"{path}: {picture.what}"


# --- figures ---------------------------------------------------------------------------------


def with_figure(job: Job, ledger: Ledger, highlight: Highlight) -> Highlight:
    """Return a picture with the digest of its file, which identifies it as a figure.

    A figure cut from a page has this from its page; other highlights stay as they are.
    """
    from ankiforge.anki.render import digest_in_name

    if highlight.kind is not HighlightKind.IMAGE or highlight.figure:
        return highlight
    if not highlight.markdown or not job.figures or skip_reason(highlight):
        return highlight
    paths = image_paths(highlight.markdown[0])
    picture = picture_at(ledger, highlight, paths[0], job.pictures) if paths else None
    if not isinstance(picture, Media):
        return highlight
    return replace(highlight, figure=digest_in_name(picture))


# --- papers ----------------------------------------------------------------------------------


def paper_addresses(roots: Texts, *, file_links: bool) -> Callable[[CardHere], Strings]:
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

    def addresses(card: CardHere) -> Strings:
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


# --- the folders of sources -----------------------------------------------------------------


def roots(ledger: Ledger) -> Texts:
    """Return the folder of each source, by `kind:name`, as this machine opened it last.

    What another machine has stored is not used: nobody here has confirmed its folders.
    """
    return ledger.get_value(_setting_of_roots(ledger), dict[str, str]) or {}


def file_in(root: str, path: str) -> Path | None:
    """Return the file of a document in its source; None if it is not there, or outside of it.

    Args:
        root: the folder of the source, or its only file.
        path: the path of the document in the source.
    """
    base = Path(root)
    try:
        file = base if base.is_file() else stored_at(base, path)
        if file.is_file() and file.resolve().is_relative_to(base.resolve()):
            return file
    except OSError:
        pass
    return None


def remember_roots(ledger: Ledger, folders: Texts) -> None:
    """Store the folders of sources that are opened, from which pictures are read."""
    known = roots(ledger)
    if folders.items() <= known.items():
        return
    ledger.set_value(_setting_of_roots(ledger), {**known, **folders})


def _setting_of_roots(ledger: Ledger) -> str:
    return f"roots of {ledger.machine}"
