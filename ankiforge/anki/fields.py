"""The fields of a note, as HTML: the card's words, and what we know of where they come from.

Content fields are rendered Markdown. Machine fields (Source, Citation, Links, AnkiforgeId) are
built from the highlight; no path of this machine stands in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from ankiforge.anki.content import content_hash
from ankiforge.anki.escape import address, escape, lines, literal
from ankiforge.anki.names import deck_name, tag_names
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.render import render
from ankiforge.model import Card, CardKind, Fields, Highlight, Media, Note
from ankiforge.text.cloze import gaps
from ankiforge.text.fold import canonical, isolated, same
from ankiforge.text.markdown import plain
from ankiforge.text.quotes import locate

Pictures = Mapping[str, Media]


def note_for(card: Card, deck: str, mod: int, pictures: Pictures | None = None) -> Note:
    """The note of a card, ready to be written.

    Args:
        card: as decided.
        deck: the deck's name; brought into Anki's form.
        mod: the compare-and-swap number (docs/keys.md).
        pictures: what its Markdown may show, by the path written there.
    """
    fields = field_html(card, pictures)
    return Note(
        card.guid, card.family, deck_name(deck), fields, tag_names(card.tags), mod,
        _shown(fields, pictures or {}),
    )  # fmt: skip


def _shown(fields: tuple[str, ...], pictures: Pictures) -> tuple[Media, ...]:
    text = "".join(fields)
    used = {media.name: media for media in pictures.values() if f'src="{media.name}"' in text}
    return tuple(used[name] for name in sorted(used))


def field_html(card: Card, pictures: Pictures | None = None) -> tuple[str, ...]:
    """All fields of a card's note, in note type order."""
    content = content_html(card.kind, card.fields, pictures)
    written = dict(zip(card.family.content_fields, content, strict=True))
    written |= {
        "Source": source_html(card),
        "Citation": citation_html(card),
        "Links": links_html(card.highlight, *card.also),
        "AnkiforgeId": ankiforge_id(card, content),
    }
    return tuple(written.get(name, "") for name in note_type(card.family).fields)


def with_content(
    card: Card,
    ours: tuple[str, ...],
    merged: tuple[str, ...],
    our_content: tuple[str, ...],
    theirs: tuple[str, ...],
    mod: int,
) -> tuple[str, ...]:
    """All fields of a note in which the words of two sides were merged.

    Args:
        card: whose note it is.
        ours: all its fields as we would ship them.
        merged: the content fields that are to stand there.
        our_content: our side of them; AnkiforgeId names these.
        theirs: all fields as they stand in Anki; what a person owns is taken from there.
        mod: the number of this revision.
    """
    names = note_type(card.family).fields
    written = dict(zip(names, ours, strict=True))
    written |= dict(zip(card.family.content_fields, merged, strict=True))
    written["AnkiforgeId"] = ankiforge_id(card, our_content, mod)
    written["Feedback"] = theirs[names.index("Feedback")]
    return tuple(written[name] for name in names)


def content_html(
    kind: CardKind, fields: Fields, pictures: Pictures | None = None
) -> tuple[str, ...]:
    """The content fields alone, in note type order: of a card, or of a draft to be looked at."""
    markdown = dict(fields)
    if kind is CardKind.CLOZE:
        text = render(markdown.get("Text", ""), cloze=True, pictures=pictures)
        return (text, render(markdown.get("Extra", ""), pictures=pictures))
    front, back, extra = (
        render(markdown.get(name, ""), pictures=pictures) for name in ("Front", "Back", "Extra")
    )
    return (front, back, "y" if kind is CardKind.TWO_WAY else "", extra)


def ankiforge_id(card: Card, content: tuple[str, ...], mod: int = 0) -> str:
    """`af1 <guid> <family> <slot> <key> <content>`: by it a note is known as ours.

    A revision made after a look at Anki says its `mod` as well: so it is known again, whatever a
    person does to the note.
    """
    return identity_html(card, content_hash(card.family, content), mod)


def identity_html(card: Card, digest: str, mod: int = 0) -> str:
    """The same, for content whose hash is known."""
    number = f" {mod}" if mod else ""
    return literal(f"af1 {card.guid} {card.family} {card.slot} {card.key} {digest}{number}")


def renamed(card: Card, fields: tuple[str, ...], digest: str, mod: int) -> tuple[str, ...]:
    """The fields of a note with another AnkiforgeId, all else as it stands."""
    at = note_type(card.family).fields.index("AnkiforgeId")
    return (*fields[:at], identity_html(card, digest, mod), *fields[at + 1 :])


# --- where it comes from --------------------------------------------------------------------


def source_html(card: Card) -> str:
    """The passage as it stands in the source: in it the highlight, in that this card's evidence."""
    highlight = card.highlight
    around = locate(highlight.exact, highlight.sentence)
    passage = highlight.sentence if around else highlight.exact
    if not passage.strip():
        return ""
    start, end = around or (0, len(passage))
    exact = _marked(passage[start:end], card.leading.draft.quote if card.candidates else "")
    first = (
        f"<blockquote>{lines(passage[:start])}"
        f'<span class="af-exact">{exact}</span>{lines(passage[end:])}</blockquote>'
    )
    return first + "".join(
        f"{passage_html(one)}<cite>{literal(reference(one))}</cite></blockquote>"
        for one in card.also
    )


def passage_html(highlight: Highlight) -> str:
    """How a further passage that a card serves begins in the field Source."""
    said = lines(highlight.exact) if highlight.exact.strip() else ""
    return f"{ALSO}{said}<br>" if said else ALSO


ALSO = '<blockquote class="af-also">'
"""Begins a further passage in the field Source."""


def _marked(exact: str, quote: str) -> str:
    start, end = locate(quote, exact) or (0, 0)
    if start == end:
        return lines(exact)
    before, middle, after = exact[:start], exact[start:end], exact[end:]
    return f"{lines(before)}<mark>{lines(middle)}</mark>{lines(after)}"


def citation_html(card: Card) -> str:
    """A line for above the question (document › heading › items), and the reference in full.

    What would give the answer away is left out of the line.
    """
    highlight = card.highlight
    above = " › ".join(
        part
        for part in (*_places(highlight), *map(_shortened, highlight.above))
        if not any(_tells(part, it) for it in _answers(card))
    )
    where = f'<span class="af-where">{literal(above)}</span>' if above else ""
    named = dict.fromkeys(reference(one) for one in (highlight, *card.also))
    return where + "".join(f"<cite>{literal(one)}</cite>" for one in named)


def _places(highlight: Highlight) -> tuple[str, ...]:
    title = highlight.document.title
    headings = highlight.heading.split(" › ")
    if same(headings[0], title):
        headings = headings[1:]
    return tuple(isolated(part) for part in (title, *headings) if part.strip())


_LONGEST_ITEM = 60
"""Characters of what stands above in a list."""


def _shortened(text: str) -> str:
    text = text.rstrip(" :：")
    if len(text) <= _LONGEST_ITEM:
        return isolated(text)
    return isolated(f"{text[:_LONGEST_ITEM].rpartition(' ')[0] or text[:_LONGEST_ITEM]}…")


def _answers(card: Card) -> tuple[str, ...]:
    markdown = dict(card.fields)
    if card.kind is CardKind.CLOZE:
        return tuple(plain(gap.answer) for gap in gaps(markdown.get("Text", "")))
    names = ("Front", "Back") if card.kind is CardKind.TWO_WAY else ("Back",)
    return tuple(plain(markdown.get(name, "")) for name in names)


def _tells(part: str, answer: str) -> bool:
    """Whether the words of an answer stand there, with whatever ending: catalysis tells a catalyst.

    Two words in three are enough; what the answer adds in brackets does not count.
    """
    bare = re.sub(r"\([^()]*\)", " ", answer)
    words = {_stem(word) for word in _WORD.findall(canonical(bare)) if word not in _SMALL}
    there = {_stem(word) for word in _WORD.findall(canonical(part))}
    needle = "".join(canonical(bare).split())
    if not needle.isascii() and needle in "".join(canonical(part).split()):
        return True
    return bool(words) and len(words & there) >= max(len(words) * 2 / 3, min(len(words), 2))


_WORD = re.compile(r"\w+")
_SMALL = frozenset({"a", "an", "the", "of", "in", "for", "that", "it", "to", "is", "be", "and", "by"}
                   | {"der", "die", "das", "des", "ein", "eine"}
                   | {"le", "la", "les", "un", "une", "de", "du", "el", "los", "las", "del"})  # fmt: skip


def _stem(word: str) -> str:
    return word[:5] if len(word) > 5 else word.removesuffix("s")


def reference(highlight: Highlight) -> str:
    """The source as plain text: `Roediger & Karpicke (2006). Test-enhanced learning, p. 250`."""
    document = highlight.document
    year = re.match(r"\d{4}", document.issued)
    authors = _authors(document.creators)
    head = " ".join(part for part in (authors, f"({year[0]})" if year else "") if part)
    page = f"p. {highlight.page_label}" if highlight.page_label else ""
    title, *headings = _places(highlight) or ("",)
    place = ", ".join(part for part in (title, " › ".join(headings), page) if part)
    return ". ".join(part for part in (head, place) if part)


def _authors(creators: tuple[str, ...]) -> str:
    families = tuple(isolated(creator.partition(",")[0].strip()) for creator in creators)
    return " & ".join(families) if len(families) < 3 else f"{families[0]} et al."


# --- links ----------------------------------------------------------------------------------

_LABELS = {"zotero": "Zotero", "obsidian": "Obsidian", "kindle": "Kindle", "mailto": "Mail"}
_RESOLVERS = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}


def links_html(*highlights: Highlight) -> str:
    """What opens the sources: zotero, obsidian and web links; of a PDF its file name and page."""
    links = (link for highlight in highlights for link in _links(highlight))
    return " ".join(dict.fromkeys(links))


def _links(highlight: Highlight) -> Iterator[str]:
    own = address(highlight.uri)
    for target in dict.fromkeys(address(url) for url in _urls(highlight)):
        if target and not _names_a_path(target):
            yield f'<a href="{escape(target)}">{literal(isolated(_label(target, own)))}</a>'
    yield from _file(highlight)


def _urls(highlight: Highlight) -> Iterator[str]:
    document = highlight.document
    near = tuple(filter(None, (highlight.uri, *highlight.links)))
    yield from near or (document.uri,)  # what opens at the mark opens the document
    for scheme, value in document.identifiers:
        if scheme in _RESOLVERS and value:
            yield value if "://" in value else f"{_RESOLVERS[scheme]}{value}"


def _names_a_path(target: str) -> bool:
    """Whether a link works on one machine only: `obsidian://open?path=/home/…`."""
    parts = urlsplit(target)
    return parts.scheme == "obsidian" and (not parts.netloc or "path" in parse_qs(parts.query))


def _label(target: str, own: str) -> str:
    """What a link is called; one from note to note by the name of that note."""
    parts = urlsplit(target)
    file = parse_qs(parts.query).get("file", [""])[0]
    if parts.scheme == "obsidian" and own.startswith("obsidian:") and target != own and file:
        return file.rpartition("/")[2].partition("#^")[0]
    if parts.netloc.endswith("doi.org"):
        return f"doi:{unquote(parts.path).lstrip('/')}"
    return _LABELS.get(parts.scheme) or parts.netloc or target


def _file(highlight: Highlight) -> Iterator[str]:
    name = highlight.document.path.rpartition("/")[2]
    if name.lower().endswith(".pdf"):
        name = isolated(name)
        words = f"{name}, p. {highlight.page_label}" if highlight.page_label else name
        yield f"<span>{literal(words)}</span>"
