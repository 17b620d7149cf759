"""What a card takes along into a package: its pictures and its tags."""

from __future__ import annotations

from urllib.parse import unquote

from ankiforge.anki.media import media_of
from ankiforge.anki.names import tag_names
from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.domain import Card, Media, Problem
from ankiforge.ledger import Ledger
from ankiforge.text.markdown import image_paths


def pictures_of(ledger: Ledger, card: Card) -> tuple[dict[str, Media], list[Problem]]:
    """The pictures a card shows, by the path it calls them; never one outside its source."""
    found: dict[str, Media] = {}
    problems: list[Problem] = []
    paths = image_paths("\n".join(text for _, text in card.fields))
    root = ledger.roots.of("obsidian").get(card.highlight.document.source) if paths else None
    if root is None:
        return found, problems
    for path in paths:
        target = (root / unquote(path)).resolve()
        inside = target.is_relative_to(root.resolve())
        media = media_of(target) if inside else Problem(path, "lies outside its vault")
        if isinstance(media, Media):
            found[path] = media
        else:
            where = f"{card.highlight.document.title}: {path}"
            problems.append(Problem(where, media.what, media.hint))
    return found, problems


def tags_of(ledger: Ledger, card: Card, decks: tuple[DeckRule, ...]) -> tuple[str, ...]:
    """The tags a package has: the reader's as they stand now, the deck files', the document's."""
    highlight = card.highlight
    chosen = deck_of(decks, highlight.document, highlight).tags
    drawn = card.leading.draft.tags
    slug = ledger.highlights.slug(highlight.document.key)
    ours = (f"ankiforge::doc::{slug}",) if slug else ()
    read = (*highlight.document.tags, *highlight.tags)
    return tag_names((*card.tags, *read, *chosen, *drawn, *ours))
