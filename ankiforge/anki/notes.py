"""Build the note of a card: its fields as HTML, its deck and its tags.

Content fields are rendered Markdown. Machine fields (Source, Citation, Links,
AnkiforgeId) are built from the highlight and never contain a path of this computer.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from string import capwords
from urllib.parse import parse_qs, unquote, urlsplit

from ankiforge.anki.notetypes import tags_hash
from ankiforge.anki.render import address, escape, lines, literal, render, typeset
from ankiforge.model import (
    Card,
    CardKind,
    Fields,
    Highlight,
    HighlightKind,
    Media,
    Pair,
    Shown,
    Span,
    Strings,
    Words,
)
from ankiforge.text import occlusion, regex
from ankiforge.text.fold import Shield, clean, isolated, locate, same, shields

Pictures = Mapping[str, Media]
"""The pictures that Markdown may show, by the path written there."""
SafeContext = Callable[[Words, Strings], Strings]
"""Returns the parts of a card's context that do not give its answer away: `check.safe_context`."""


def identity_of(card: Card, hashes: Strings, tags: Strings) -> str:
    """Return the parsed field AnkiforgeId of a note: its key and the hashes of its fields.

    Args:
        card: the card of the note.
        hashes: the hash of each content field as our package wrote it last.
        tags: our tags.
    """
    all_hashes = ".".join(hashes)
    slot = card.drafted or card.slot
    return f"af1 {card.guid} {card.key} {slot} {all_hashes} {tags_hash(tags)}"


def content_html(
    kind: CardKind,
    fields: Fields,
    pictures: Pictures | None = None,
) -> Strings:
    """Return only the content fields, in note type order. Used for cards and drafts."""
    family = kind.family
    markdown = dict(fields)
    if kind is CardKind.OCCLUSION:  # the masks as Anki has them, and the picture
        masks = occlusion.masks_in(markdown)
        image = render(markdown.get("Image", ""), cloze=False, pictures=pictures)
        return (occlusion.to_anki(masks), image)
    markdown |= dict.fromkeys(family.switches, "")  # a switch is set by the kind alone
    markdown |= dict(kind.switched_on)
    html_fields = []
    for name in family.content_fields:
        text = markdown.get(name, "")
        html_fields.append(render(text, cloze=name == "Text", pictures=pictures))
    return tuple(html_fields)


_WORD = "margin: .4em 0; font-size: 1.25rem; font-weight: 600"
_SHOWN_WORD = 'body:has(.cloze-highlight[data-ordinal="{0}"]) .af-word-{0}'
"""Anki puts the mask that was asked into a hidden element of the answer."""


def words_html(masks: occlusion.Masks) -> str:
    """Return the words under the masks of a figure, of which an answer shows the one asked.

    A style does it, without a script and in any note type, also in Anki's own.
    """
    labels = {str(mask.number): mask.label for mask in masks.shown if mask.label}
    if not labels:
        return ""
    shown = ", ".join(map(_SHOWN_WORD.format, labels))
    style = f".af-word {{ display: none; {_WORD} }} {shown} {{ display: block }}"
    words = []
    for number, label in labels.items():
        words.append(f'<div class="af-word af-word-{number}">{lines(label)}</div>')
    return f"<style>{style}</style>{''.join(words)}"


def folded_html(cited: str) -> str:
    """Return where a figure comes from, folded as below every other card."""
    if not cited:
        return ""
    return f'<details class="af-source"><summary>Source</summary>{cited}</details>'


# --- where it comes from ----------------------------------------------------------------

ALSO = '<blockquote class="af-also">'
"""The start of each further passage in the field Source."""
WRITTEN = '<blockquote class="af-written">'
"""The start of a passage that is the card itself. Our note types do not show it: above
are the same words, without the signs of the note. The field keeps it, because a lost
workspace finds its cards by these words."""
_HIGHLIGHT = regex(r'(?s)<span class="af-exact">(.*?)</span>(?!</span>)')
_QUOTE = regex(r"(?s)<mark>(.*?)</mark>")
_LINE_END = regex(r"(?i)<br\s*/?>|</(?:p|div|blockquote)>")
_AS_WRITTEN = {
    "\\(": "$", "\\)": "$", "\\[": "$$", "\\]": "$$", "<code>": "`", "</code>": "`",
}  # fmt: skip
_FORMULA_SIGN = regex(r"\\[()\[\]]|</?code>")


def source_html(card: Shown) -> str:
    """Return the passage of the source, with the highlight and the card's evidence marked in it."""
    highlight = card.highlight
    span = locate(highlight.exact, highlight.sentence)
    passage = highlight.exact if span is None else highlight.sentence
    if not passage.strip():
        return ""
    is_hand_written = highlight.kind is HighlightKind.CARD and card.in_slot
    has_formulas = highlight.has_formulas and not is_hand_written
    set_text = typeset if has_formulas else lines
    fixed = shields(passage) if has_formulas else []
    start, end = _around(fixed, span or (0, len(passage)))
    before = set_text(passage[:start])
    marked = set_text(passage[start:end])
    after = set_text(passage[end:])
    evidence = locate(card.quote, passage[start:end])
    if evidence and evidence[0] < evidence[1]:
        quote = (start + evidence[0], start + evidence[1])
        first, last = _around(fixed, quote)
        quoted = f"<mark>{set_text(passage[first:last])}</mark>"
        marked = set_text(passage[start:first]) + quoted + set_text(passage[last:end])
    exact = f'<span class="af-exact">{marked}</span>'
    start_of_quote = WRITTEN if is_hand_written else "<blockquote>"
    quotes = [f"{start_of_quote}{before}{exact}{after}</blockquote>"]
    for other in card.passages[1:]:
        if not same(other.exact, highlight.exact):
            cite = f"<cite>{literal(reference(other))}</cite>"
            words = (typeset if other.has_formulas else lines)(other.exact)
            quotes.append(f"{ALSO}{words}<br>{cite}</blockquote>")
    return "".join(quotes)


def _around(fixed: Iterable[Shield], span: Span) -> Span:
    """Return a span that divides no formula and no code."""
    start, end = span
    for first, last, _ in fixed:
        if first < start < last:
            start = first
        if first < end < last:
            end = last
    return start, end


def read_source(field: str) -> tuple[str, str, str]:
    """Return (passage, its highlight, the quote in that) of a field Source. The quote may be ""."""
    first_passage = field.partition(ALSO)[0]
    passage = text_of(first_passage)
    highlight = _HIGHLIGHT.search(first_passage)
    quote = _QUOTE.search(first_passage)
    return (
        passage,
        text_of(highlight[1]) if highlight else passage,
        text_of(quote[1]) if quote else "",
    )


def text_of(field: str) -> str:
    """Return the plain text of a field that we wrote and a person may have edited."""
    # before what keeps signs of the text apart from those of formulas goes
    visible = _FORMULA_SIGN.sub(lambda sign: _AS_WRITTEN[sign[0]], field)
    visible = visible.replace("<wbr>", "").replace("<span></span>", "")
    visible = _LINE_END.sub("\n", visible)
    return html.unescape(re.sub(r"<[^>]*>", "", visible)).strip()


def citation_html(card: Shown, safe_context: SafeContext) -> str:
    """Return the line above the question and the full references.

    The line is work › last heading. Parts that would reveal the answer are left out of it.
    `af-short` marks a line that leaves out headings, which the references have.
    """
    parts = _safe_parts(card, safe_context)
    set_text = typeset if card.highlight.has_formulas else literal
    where = ""
    if parts:
        name = "af-where af-short" if len(parts) > len(_line(parts)) else "af-where"
        where = f'<span class="{name}">{set_text(" › ".join(_line(parts)))}</span>'
    cited = [f"<cite>{set_text(text)}</cite>" for text in references(card)]
    return where + "".join(cited)


_FILE_NAME = regex(r"\S*[-_\d]\S*")
# The length to which a list item above the highlight is shortened.
_MAX_ITEM_CHARS = 60
_MAX_WORK_CHARS = 40


def context_of(card: Shown, safe_context: SafeContext) -> str:
    """Return work › last heading, without parts that would reveal the answer."""
    return " › ".join(_line(_safe_parts(card, safe_context)))


def _safe_parts(card: Shown, safe_context: SafeContext) -> Strings:
    """Return work, headings and list items above the highlight that do not reveal the answer."""
    parts = [*_title_and_headings(card.highlight)]
    document = card.highlight.document
    file_name = PurePosixPath(document.path).stem
    # as 02-how-to-read: a heading names the work better
    if document.subject == file_name and _FILE_NAME.fullmatch(file_name):
        parts = parts[1:] or parts
    for item in card.highlight.above:
        parts.append(isolated(_cut(item.rstrip(" :："), _MAX_ITEM_CHARS)))
    return safe_context(card, tuple(parts))


def _line(parts: Strings) -> Strings:
    """Return the work, and the heading or list item next above the highlight."""
    if len(parts) < 2:
        return parts
    work = parts[0]
    if isolated(work) == work:  # what is in isolates is never cut
        work = _cut(work, _MAX_WORK_CHARS)
    return work, parts[-1]


def _cut(text: str, limit: int) -> str:
    """Return the first words of a text that is longer, with an ellipsis."""
    if len(text) <= limit:
        return text
    start = text[:limit]
    return f"{start.rpartition(' ')[0] or start}…"


def references(card: Shown) -> Strings:
    """Return the full reference of each passage of a card."""
    return tuple(dict.fromkeys(map(reference, card.passages)))


def _title_and_headings(highlight: Highlight) -> Strings:
    """Return the title and the headings, without a first heading that repeats the title.

    A title that is the name of a file, in small letters, begins its words with capitals.
    """
    document = highlight.document
    title = document.subject
    if title.islower() and PurePosixPath(document.path).stem == title:
        title = capwords(title)
    headings = highlight.heading.split(" › ")
    if same(headings[0], title):
        headings = headings[1:]
    parts = []
    for part in (title, *headings):
        if part.strip():
            parts.append(isolated(part))
    return tuple(parts)


def reference(highlight: Highlight) -> str:
    """Return the reference, as in `Roediger & Karpicke (2006). Test-enhanced learning, p. 250`."""
    names = []
    for creator in highlight.document.creators:
        family_name = creator.partition(",")[0].strip()
        names.append(isolated(family_name))
    authors = " & ".join(names)
    if len(names) > 2:
        authors = f"{names[0]} et al."
    year = re.match(r"\d{4}", highlight.document.issued)
    authors_and_year = _joined(" ", authors, f"({year[0]})" if year else "")
    title, *headings = _title_and_headings(highlight) or ("",)
    page = highlight.page
    place = _joined(", ", title, " › ".join(headings), page)
    return _joined(". ", authors_and_year, place)


def _joined(separator: str, *parts: str) -> str:
    """Join the parts that are not empty."""
    return separator.join(filter(None, parts))


# --- links ------------------------------------------------------------------------------

_LABELS = {
    "zotero": "Zotero",
    "obsidian": "Open in Obsidian",
    "kindle": "Kindle",
    "mailto": "Mail",
}
_RESOLVERS = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}


def links_html(papers: Strings, *highlights: Highlight) -> Pair:
    """Return the links to the sources that hold on every computer, and those that hold on this one.

    Other computers may name the vault otherwise. For a PDF, the name of the file follows the
    first: it is found by a search in Anki, and not shown.

    Args:
        papers: the addresses of the PDFs of these highlights.
        highlights: the passages of a card.
    """
    everywhere: list[str] = []
    here: list[str] = []
    for highlight in highlights:
        for target, link in _links(highlight):
            links = here if _names_a_vault(target) else everywhere
            links.append(link)
        name = highlight.document.path.rpartition("/")[2]
        if name.lower().endswith(".pdf"):
            everywhere.append(f"<span>{literal(isolated(name))}</span>")
    for target in papers:
        label = _LABELS["obsidian"] if _names_a_vault(target) else "Open the PDF"
        here.append(f'<a href="{escape(target)}">{label}</a>')
    return " ".join(dict.fromkeys(everywhere)), " ".join(dict.fromkeys(here))


def _links(highlight: Highlight) -> Iterator[Pair]:
    """Yield the address of each link of a highlight, and the link as HTML."""
    # the addresses of the passage, or else of its document, and of the work
    document = highlight.document
    urls = [url for url in (highlight.uri, *highlight.links) if url] or [document.uri]
    for scheme, value in document.identifiers:
        if scheme in _RESOLVERS and value:
            urls.append(value if "://" in value else f"{_RESOLVERS[scheme]}{value}")

    address_of_mark = address(highlight.uri)
    for target in dict.fromkeys(map(address, urls)):
        if not target:
            continue
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        label = _LABELS.get(parts.scheme) or parts.netloc or target
        if _names_a_vault(target):
            # `obsidian://open?path=/home/…` works on one computer only
            if not parts.netloc or "path" in query:
                continue
            # a link from one note to another shows the target's name
            between_notes = address_of_mark.startswith("obsidian:")
            file = query.get("file", [""])[0]
            if between_notes and target != address_of_mark and file:
                label = file.rpartition("/")[2].partition("#^")[0]
        elif parts.netloc.endswith("doi.org"):
            label = f"doi:{unquote(parts.path).lstrip('/')}"
        yield target, f'<a href="{escape(target)}">{literal(isolated(label))}</a>'


def _names_a_vault(target: str) -> bool:
    return target.casefold().startswith("obsidian:")


# --- deck and tags, in the form in which Anki stores them -------------------------------

DEFAULT_DECK = "ankiforge"
_CONTROL_CHARS = regex(r"[\x00-\x1f\x7f]+")
_UNFIT_IN_TAGS = regex(r"[\s\x00-\x1f\x7f]+")
# Tags that belong to Anki: they record what a person or the scheduler did.
_SYSTEM_TAGS = frozenset({"marked", "leech"})


@lru_cache(maxsize=4096)
def deck_name(name: str) -> str:
    """Return a valid, non-empty deck name: no part is empty, padded or ends in a colon."""
    parts = []
    for part in clean(name).split("::"):
        printable = _CONTROL_CHARS.sub(" ", part.replace('"', ""))
        parts.append(printable.strip().strip(":").strip())
    return "::".join(filter(None, parts)) or DEFAULT_DECK


def in_deck(name: str, deck: str) -> bool:
    """Return whether a deck is `deck` or one of its subdecks. Every deck matches ""."""
    if not deck:
        return True
    wanted = deck_name(deck).casefold()
    wanted_deck = deck_name(name).casefold()
    return wanted_deck == wanted or wanted_deck.startswith(f"{wanted}::")


@lru_cache(maxsize=4096)
def tag_names(tags: Strings) -> Strings:
    """Return valid tags, sorted: no white space, no empty parts, no duplicates ignoring case."""
    names = []
    for tag in tags:
        fit = _UNFIT_IN_TAGS.sub("-", clean(tag).strip())
        parts = (part.strip(":-") for part in fit.split("::"))
        names.append("::".join(filter(None, parts)))
    by_fold: dict[str, str] = {}
    for name in sorted(names):
        folded = name.casefold()
        if name and folded not in _SYSTEM_TAGS:
            by_fold.setdefault(folded, name)
    return tuple(sorted(by_fold.values()))
