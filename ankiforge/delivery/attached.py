"""What a card takes along into a package: its pictures and its tags."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from ankiforge.anki.media import media_of
from ankiforge.anki.names import tag_names
from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.ledger import Ledger
from ankiforge.ledger.collection.packages import Shipment
from ankiforge.ledger.passages.pictures import is_cut
from ankiforge.model import Card, Highlight, HighlightKind, Media, Problem, Route
from ankiforge.text.markdown import image_paths

_ROUTES = {Route.VAULT: "obsidian", Route.ZOTERO: "zotero"}
"""The kinds of source in which pictures lie beside what was read."""
_BESIDE = ("markdown", "tiddlywiki")
"""More of them, by what their keys begin with."""
_CUT = (Route.PDF, Route.ZOTERO)
"""Those from whose pages pictures are cut; no note of a vault can call for these."""
CUT_AGAIN = "run again where its PDF lies: ankiforge run cuts the picture anew"


def pictures_of(ledger: Ledger, card: Card) -> tuple[dict[str, Media], list[Problem]]:
    """The pictures a card shows, by the path it calls them; never one outside its source."""
    found: dict[str, Media] = {}
    problems: list[Problem] = []
    paths = image_paths("\n".join(text for _, text in card.fields))
    for path in paths:
        media = picture_at(ledger, card.highlight, path)
        if isinstance(media, Media):
            found[path] = media
        else:
            where = f"{card.highlight.document.title}: {path}"
            hint = CUT_AGAIN if _is_cut(path, card.highlight) else _hint(card)
            problems.append(Problem(where, media.what, media.hint or hint))
    return found, problems


def picture_at(ledger: Ledger, highlight: Highlight, path: str) -> Media | Problem:
    """The picture that a highlight's source calls so; never one outside of it."""
    cut = _is_cut(path, highlight)
    root = ledger.pictures.folder if cut else _root_of(ledger, highlight)
    return _picture(root, unquote(path))


def picture_fault(ledger: Ledger, highlight: Highlight, path: str) -> str:
    """Why the picture that a highlight's source calls so cannot be shown; "" if it can."""
    media = picture_at(ledger, highlight, path)
    return "" if isinstance(media, Media) else f"{path}: {media.what}"


def _is_cut(path: str, highlight: Highlight) -> bool:
    return is_cut(path) and highlight.route in _CUT


_FIGURES = (HighlightKind.IMAGE, HighlightKind.INK)
_SHOWN = 'src="af-'


def needs_pictures(card: Card, last: Shipment | None) -> bool:
    """Whether it must not go without pictures that are missing: a figure, or it had some before."""
    return card.highlight.kind in _FIGURES or (last is not None and _SHOWN in "".join(last.html))


def _hint(card: Card) -> str:
    zotero = card.highlight.route is Route.ZOTERO
    return "open the PDF in Zotero once: it keeps pictures of what it shows" if zotero else ""


def _root_of(ledger: Ledger, highlight: Highlight) -> Path | None:
    """The folder that pictures of its source are named from: the vault, Zotero's data folder."""
    head = highlight.namespace.partition(":")[0]
    kind = _ROUTES.get(highlight.route, head if head in _BESIDE else "")
    root = ledger.roots.of(kind).get(highlight.document.source)
    return root.parent if root and root.is_file() else root


def _picture(root: Path | None, path: str) -> Media | Problem:
    if root is None:
        return Problem(path, "its source is not known on this machine")
    try:
        target = (root / path).resolve()
        inside = target.is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is no path: {error}")
    return media_of(target) if inside else Problem(path, "lies outside its source")


def tags_of(ledger: Ledger, card: Card, decks: tuple[DeckRule, ...]) -> tuple[str, ...]:
    """The tags a package has: the reader's as they stand now, the deck files', the document's."""
    highlight = card.highlight
    chosen = deck_of(decks, highlight.document, highlight).tags
    drawn = card.leading.draft.tags
    slug = ledger.highlights.slug(highlight.document.key)
    ours = (f"ankiforge::doc::{slug}",) if slug else ()
    read = (*highlight.document.tags, *highlight.tags)
    return tag_names((*card.tags, *read, *chosen, *drawn, *ours))
