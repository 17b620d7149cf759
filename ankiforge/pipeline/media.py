"""Find the files that cards refer to: pictures and sounds in the sources, and PDFs to open."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from msgspec.structs import replace

from ankiforge.draft import find_drafting_skip_reason
from ankiforge.extract.files import find_path_on_disk, find_vault, get_relative_path
from ankiforge.ledger import Ledger
from ankiforge.model import (
    Highlight,
    HighlightKind,
    LocalCard,
    Media,
    Problem,
    ShownCard,
    SourceKind,
    Strings,
    Texts,
)
from ankiforge.pipeline.run_result import RunParameters
from ankiforge.pipeline.sources import load_source_directories
from ankiforge.text.cloze import find_image_paths

# The names in the settings of source kinds that are named differently in highlight keys.
_KIND_IN_SETTINGS = {SourceKind.VAULT: "obsidian", SourceKind.ZOTERO: "zotero"}
# The path prefix of pictures that were cropped from a page.
_CUT_PREFIX = "cut/"


def load_pictures(
    ledger: Ledger, card: ShownCard, folder: Path
) -> dict[str, Media | Problem]:
    """Load a card's pictures and sounds, keyed by their paths in the card's text.

    The path of a file that can't be loaded maps to a problem.

    Args:
        ledger: the ledger, which stores the directories of the sources.
        card: the card whose text refers to the files.
        folder: the directory of pictures cropped from pages.
    """
    text = "\n".join(text for _, text in card.fields)
    pictures: dict[str, Media | Problem] = {}
    for path in find_image_paths(text):
        picture = load_picture(ledger, card.highlight, path, folder)
        if isinstance(picture, Problem):
            title = card.highlight.document.title
            picture = replace(picture, location=f"{title}: {path}")
        pictures[path] = picture
    return pictures


def load_available_media(
    ledger: Ledger, card: ShownCard, folder: Path
) -> dict[str, Media]:
    """Load a card's pictures and sounds, keyed by path, skipping any that can't be loaded."""
    pictures = load_pictures(ledger, card, folder)
    return {
        path: picture for path, picture in pictures.items() if isinstance(picture, Media)
    }


def load_picture(
    ledger: Ledger, highlight: Highlight, path: str, folder: Path
) -> Media | Problem:
    """Load the picture or sound at a path in a highlight's source.

    Return a problem if it can't be loaded, e.g. because it's outside the source.

    Args:
        ledger: the ledger, which stores the directories of the sources.
        highlight: the card's highlight, which determines the source.
        path: the path as written in the card's text.
        folder: the directory of pictures cropped from pages.
    """
    from ankiforge.anki.render import load_media

    if "://" in path:
        return Problem(path, "it is on the web, and nothing is downloaded")
    if path.startswith(_CUT_PREFIX) and highlight.source_kind in (
        SourceKind.PDF,
        SourceKind.ZOTERO,
    ):
        name = path.removeprefix(_CUT_PREFIX)
        if Path(name).name != name:  # a card must not refer to files elsewhere
            return Problem(path, "is not a file name")
        return load_media(folder / name)
    own_kind = highlight.namespace.partition(":")[0]
    kind = _KIND_IN_SETTINGS.get(highlight.source_kind, own_kind)
    known_root = load_source_directories(ledger).get(
        f"{kind}:{highlight.document.source}"
    )
    if not known_root:
        return Problem(path, "its source is not known on this computer", is_notice=True)
    root = Path(known_root)
    base = root.parent if root.is_file() else root
    if not base.exists():
        message = "is not there, so pictures are missing"
        return Problem(
            str(base), message, "check that the disk is mounted", is_notice=True
        )
    parts = unquote(path).split("/")
    try:
        targets = [
            find_path_on_disk(base, "/".join(parts[start:])).resolve()
            for start in range(len(parts))
        ]
        # if the picture was moved to a parent directory, the card still has the old path
        target = next(filter(Path.is_file, targets), targets[0])
        if not target.is_relative_to(base.resolve()):
            return Problem(path, "is outside its source")
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is not a path: {error}")
    return load_media(target)


def find_picture_fault(
    ledger: Ledger, highlight: Highlight, path: str, folder: Path
) -> str:
    """Return the reason why a picture in a highlight's source can't be loaded, or ""."""
    picture = load_picture(ledger, highlight, path, folder)
    if isinstance(picture, Media):
        return ""
    return f"{path}: {picture.message}"


# --- figures ---------------------------------------------------------------------------------


def identify_figure(
    job: RunParameters, ledger: Ledger, highlight: Highlight
) -> Highlight:
    """Add the hash of its picture file to an image highlight, to identify the figure.

    Other highlights are returned unchanged, as are pictures cut from a page, which already have
    a hash, and pictures that can't be loaded or don't become cards.
    """
    from ankiforge.anki.render import parse_media_hash

    if highlight.kind is not HighlightKind.IMAGE or highlight.figure_hash:
        return highlight
    if not highlight.markdown or not job.figures or find_drafting_skip_reason(highlight):
        return highlight
    paths = find_image_paths(highlight.markdown[0])
    picture = load_picture(ledger, highlight, paths[0], job.pictures) if paths else None
    if not isinstance(picture, Media):
        return highlight
    return replace(highlight, figure_hash=parse_media_hash(picture))


# --- PDFs ------------------------------------------------------------------------------------


def make_pdf_url_finder(
    roots: Texts, *, file_links: bool
) -> Callable[[LocalCard], Strings]:
    """Build a function that returns the URLs of the PDFs that a card was made from.

    PDFs in a vault get an Obsidian URL, which works on every device that has the vault. Other
    PDFs only have a path, which doesn't work on other devices and reveals the user's home
    directory. PDFs in Zotero get no URL, because their cards link to Zotero.

    Args:
        roots: the directory of each source, keyed by `kind:name`.
        file_links: also return URLs for PDFs outside vaults.
    """
    find_vault_once = cache(find_vault)

    @cache
    def resolve_path(source: str, path: str) -> Path:
        root = Path(roots[source]).resolve()
        return root if root.is_file() else root / path

    def list_urls(card: LocalCard) -> Strings:
        urls = []
        for highlight in card.passages:
            source = f"{SourceKind.PDF}:{highlight.document.source}"
            if highlight.source_kind is not SourceKind.PDF or source not in roots:
                continue
            path = resolve_path(source, highlight.document.path)
            vault = find_vault_once(path.parent)
            page = ""
            if highlight.block_id.isdecimal():  # page numbers in blocks begin with 0
                page = f"#page={int(highlight.block_id) + 1}"
            if vault:
                file = quote(f"{get_relative_path(path, vault)}{page}", safe="")
                name = quote(vault.name, safe="")
                urls.append(f"obsidian://open?vault={name}&file={file}")
            elif file_links:
                urls.append(f"{path.as_uri()}{page}")
        return tuple(urls)

    return list_urls


# --- files of documents ---------------------------------------------------------------------


def find_document_file(root: str, path: str) -> Path | None:
    """Return a document's file, or None if it's missing or outside its source.

    Args:
        root: the directory of the source, or its only file.
        path: the document's path within the source.
    """
    base = Path(root)
    try:
        file = base if base.is_file() else find_path_on_disk(base, path)
        if file.is_file() and file.resolve().is_relative_to(base.resolve()):
            return file
    except OSError:
        pass
    return None
