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


def load_card_media(
    ledger: Ledger, card: ShownCard, crop_directory: Path
) -> dict[str, Media | Problem]:
    """Load the pictures and sounds of a card, keyed by their paths in the text of the card.

    If a file can't be loaded, the value is a problem that says why.

    Args:
        ledger: The ledger, which stores the directories of the sources.
        card: The card whose text refers to the files.
        crop_directory: The directory of pictures cropped from pages.
    """
    text = "\n".join(text for _, text in card.fields)
    media_by_path: dict[str, Media | Problem] = {}
    for path in find_image_paths(text):
        media = load_highlight_media(ledger, card.highlight, path, crop_directory)
        if isinstance(media, Problem):
            title = card.highlight.document.title
            media = replace(media, location=f"{title}: {path}")
        media_by_path[path] = media
    return media_by_path


def load_available_card_media(
    ledger: Ledger, card: ShownCard, crop_directory: Path
) -> dict[str, Media]:
    """Load the pictures and sounds of a card by path, and skip those that can't be loaded."""
    available: dict[str, Media] = {}
    for path, media in load_card_media(ledger, card, crop_directory).items():
        if isinstance(media, Media):
            available[path] = media
    return available


def load_highlight_media(
    ledger: Ledger, highlight: Highlight, path: str, crop_directory: Path
) -> Media | Problem:
    """Load the picture or sound that a card of a highlight refers to by its path in the source.

    Returns a problem if the file can't be loaded, e.g. because it is outside the source.

    Args:
        ledger: The ledger, which stores the directories of the sources.
        highlight: The card's highlight, which determines the source.
        path: The path as written in the card's text.
        crop_directory: The directory of pictures cropped from pages.
    """
    from ankiforge.anki.render import load_media

    if "://" in path:
        return Problem(path, "it is on the web, and nothing is downloaded")
    has_cropped_pictures = highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO)
    if has_cropped_pictures and path.startswith(_CUT_PREFIX):
        name = path.removeprefix(_CUT_PREFIX)
        if Path(name).name != name:  # a card must not refer to files elsewhere
            return Problem(path, "is not a file name")
        return load_media(crop_directory / name)
    base = _find_source_directory(ledger, highlight)
    if base is None:
        return Problem(path, "its source is not known on this computer", is_notice=True)
    if not base.exists():
        message = "is not there, so pictures are missing"
        return Problem(
            str(base), message, "check that the disk is mounted", is_notice=True
        )
    try:
        file = _find_media_file(base, unquote(path))
        if not file.is_relative_to(base.resolve()):
            return Problem(path, "is outside its source")
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is not a path: {error}")
    return load_media(file)


def _find_source_directory(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Return the directory of a highlight's source, or None if this device doesn't know it."""
    own_kind = highlight.namespace.partition(":")[0]
    kind = _KIND_IN_SETTINGS.get(highlight.source_kind, own_kind)
    source = f"{kind}:{highlight.document.source}"
    known_root = load_source_directories(ledger).get(source)
    if not known_root:
        return None
    root = Path(known_root)
    if root.is_file():
        return root.parent
    return root


def _find_media_file(base: Path, path: str) -> Path:
    """Return the file at a path below a directory, or at the end of the path if that exists.

    If the picture was moved to a parent directory, the card still has the old path: `a/b.png` is
    then also found at `b.png`.
    """
    parts = path.split("/")
    for start in range(len(parts)):
        file = find_path_on_disk(base, "/".join(parts[start:])).resolve()
        if file.is_file():
            return file
    return find_path_on_disk(base, path).resolve()


def explain_missing_picture(
    ledger: Ledger, highlight: Highlight, path: str, crop_directory: Path
) -> str:
    """Return the reason why a picture of a highlight can't be loaded, or "" if it can."""
    picture = load_highlight_media(ledger, highlight, path, crop_directory)
    if isinstance(picture, Media):
        return ""
    return f"{path}: {picture.message}"


# --- figures ---------------------------------------------------------------------------------


def add_figure_hash(
    job: RunParameters, ledger: Ledger, highlight: Highlight
) -> Highlight:
    """Add the hash of the picture file to a highlighted picture, to identify the figure.

    The highlight is returned unchanged if it isn't a picture, if the picture can't be loaded or
    won't become a card, or if the picture was cropped from a page and thus already has a hash.
    """
    from ankiforge.anki.render import parse_media_hash

    if highlight.kind is not HighlightKind.IMAGE or highlight.figure_hash:
        return highlight
    if not highlight.markdown or not job.figures or find_drafting_skip_reason(highlight):
        return highlight
    paths = find_image_paths(highlight.markdown[0])
    if not paths:
        return highlight
    picture = load_highlight_media(ledger, highlight, paths[0], job.pictures)
    if not isinstance(picture, Media):
        return highlight
    return replace(highlight, figure_hash=parse_media_hash(picture))


# --- PDFs ------------------------------------------------------------------------------------


def make_pdf_url_finder(
    roots: Texts, *, file_links: bool
) -> Callable[[LocalCard], Strings]:
    """Create a function that returns the URLs of the PDFs from which a card was made.

    PDFs in a vault get an Obsidian URL, which works on every device that has the vault. Other
    PDFs only have a path, which doesn't work on other devices and reveals the user's home
    directory. PDFs in Zotero get no URL, because their cards link to Zotero.

    Args:
        roots: The directory of each source, keyed by `kind:name`.
        file_links: Also return URLs for PDFs outside vaults.
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
            page = _format_page(highlight)
            if vault is not None:
                urls.append(_make_obsidian_url(vault, path, page))
            elif file_links:
                urls.append(f"{path.as_uri()}{page}")
        return tuple(urls)

    return list_urls


def _format_page(highlight: Highlight) -> str:
    """Return the end of a PDF's URL that opens the page of a highlight, such as `#page=3`."""
    if not highlight.block_id.isdecimal():
        return ""
    return f"#page={int(highlight.block_id) + 1}"  # page numbers in blocks begin with 0


def _make_obsidian_url(vault: Path, path: Path, page: str) -> str:
    """Return the URL that opens a page of a PDF in Obsidian."""
    file = quote(f"{get_relative_path(path, vault)}{page}", safe="")
    name = quote(vault.name, safe="")
    return f"obsidian://open?vault={name}&file={file}"


# --- files of documents ---------------------------------------------------------------------


def find_document_file(root: str, path: str) -> Path | None:
    """Return the file of a document, or None if it is missing or outside the document's source.

    Args:
        root: The directory of the source, or its only file.
        path: The document's path within the source.
    """
    base = Path(root)
    try:
        file = base if base.is_file() else find_path_on_disk(base, path)
        if file.is_file() and file.resolve().is_relative_to(base.resolve()):
            return file
    except OSError:
        pass
    return None
