"""Build the note of a card: its fields as HTML, its deck name and its tags.

The content fields are rendered from the card's Markdown. The other fields (such as Source,
Citation, Links and AnkiforgeId) are generated from the highlight. They never contain a local
path.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from posixpath import basename, splitext
from string import capwords
from urllib.parse import parse_qs, unquote, urlsplit

from ankiforge.anki.notetypes import hash_tags
from ankiforge.anki.render import (
    escape_html,
    formulas_to_html,
    lines_to_html,
    render_field,
    sanitize_url,
    text_to_html,
)
from ankiforge.model import (
    Card,
    CardContent,
    CardKind,
    Document,
    Fields,
    Highlight,
    HighlightKind,
    Media,
    Pair,
    ShownCard,
    Span,
    Strings,
)
from ankiforge.text import occlusion, regex
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import (
    LiteralSpan,
    find_literal_spans,
    is_same_text,
    isolate_bidi,
    normalize_for_anki,
)

MediaByPath = Mapping[str, Media]
"""The pictures that Markdown may show, by their path in the Markdown."""
ContextFilter = Callable[[CardContent, Strings], Strings]
"""A function that removes the parts of a context that would reveal a card's answer, such as
`check.remove_revealing_context`."""


def format_identity(card: Card, hashes: Strings, tags: Strings) -> str:
    """Format the content of the AnkiforgeId field, which `notetypes.parse_identity` parses.

    `hashes` contains the hash of each content field, as last exported.
    """
    joined_hashes = ".".join(hashes)
    slot = card.drafted_text_hash or card.stored_text_number
    return f"af1 {card.guid} {card.key} {slot} {joined_hashes} {hash_tags(tags)}"


def render_content_fields(
    kind: CardKind,
    fields: Fields,
    pictures: MediaByPath | None = None,
) -> Strings:
    """Render the content fields of a card or draft as HTML, in note type order."""
    our_type = kind.note_type
    markdown = dict(fields)
    if kind is CardKind.OCCLUSION:
        # the fields are the masks in Anki's syntax and the picture
        masks = occlusion.get_masks(markdown)
        picture = render_field(markdown.get("Image", ""), cloze=False, pictures=pictures)
        return (occlusion.masks_to_anki(masks), picture)
    markdown |= dict.fromkeys(our_type.switch_fields, "")  # only `kind` turns switches on
    markdown |= dict(kind.filled_switch_fields)
    html_fields = []
    for name in our_type.content_fields:
        text = markdown.get(name, "")
        html_fields.append(render_field(text, cloze=name == "Text", pictures=pictures))
    return tuple(html_fields)


_LABEL_STYLE = "margin: .4em 0; font-size: 1.25rem; font-weight: 600"
_SHOWN_LABEL_SELECTOR = 'body:has(.cloze-highlight[data-ordinal="{0}"]) .af-word-{0}'
"""Selects the label with a number if Anki asked for the mask with that number, because Anki's
answer side contains a hidden element for that mask."""


def render_mask_labels(masks: occlusion.Masks) -> str:
    """Render the labels of a figure's masks as HTML, with CSS that shows only the right label.

    Thanks to the CSS, this works in any note type and without scripts.
    """
    label_by_number = {
        str(mask.number): mask.label for mask in masks.active_masks if mask.label
    }
    if not label_by_number:
        return ""
    selectors = []
    divs = []
    for number, label in label_by_number.items():
        selectors.append(_SHOWN_LABEL_SELECTOR.format(number))
        divs.append(f'<div class="af-word af-word-{number}">{lines_to_html(label)}</div>')
    hide_all = f".af-word {{ display: none; {_LABEL_STYLE} }}"
    show_one = f"{', '.join(selectors)} {{ display: block }}"
    return f"<style>{hide_all} {show_one}</style>{''.join(divs)}"


def render_collapsible_source(citation: str) -> str:
    """Render the source of a figure as a collapsible HTML element, as on other cards."""
    if not citation:
        return ""
    return f'<details class="af-source"><summary>Source</summary>{citation}</details>'


# --- the field Source and the citation --------------------------------------------------

FURTHER_PASSAGE_START = '<blockquote class="af-also">'
"""The start tag of each further passage in the field Source."""
HAND_WRITTEN_PASSAGE_START = '<blockquote class="af-written">'
"""The start tag of a hand-written card's passage. Our note types hide this passage, because the
card itself shows the same text. It is still in the field, because a workspace that is rebuilt from
Anki finds its cards by that text."""
_MARKED_HIGHLIGHT = regex(r'(?s)<span class="af-exact">(.*?)</span>(?!</span>)')
_MARKED_QUOTE = regex(r"(?s)<mark>(.*?)</mark>")
_LINE_END = regex(r"(?i)<br\s*/?>|</(?:p|div|blockquote)>")
_MARKDOWN_SIGNS = {
    "\\(": "$", "\\)": "$", "\\[": "$$", "\\]": "$$", "<code>": "`", "</code>": "`",
}  # fmt: skip
_FORMULA_SIGN = regex(r"\\[()\[\]]|</?code>")


def render_source(card: ShownCard) -> str:
    """Render the Source field: the card's passages, with the highlight and the quote marked."""
    highlight = card.highlight
    # a card that the user wrote in the source, such as `question:: answer`
    is_source_card = highlight.kind is HighlightKind.CARD and card.is_hand_written
    has_formulas = highlight.has_formulas and not is_source_card
    before, highlighted, after = render_passage(
        highlight, card.quote, has_formulas=has_formulas
    )
    if not before and not highlighted:
        return ""
    start_tag = HAND_WRITTEN_PASSAGE_START if is_source_card else "<blockquote>"
    marked = f'{before}<span class="af-exact">{highlighted}</span>{after}'
    blockquotes = [f"{start_tag}{marked}</blockquote>"]
    for passage in card.passages[1:]:
        if not is_same_text(passage.exact, highlight.exact):
            blockquotes.append(_render_further_passage(passage))
    return "".join(blockquotes)


def _render_further_passage(passage: Highlight) -> str:
    to_html = formulas_to_html if passage.has_formulas else lines_to_html
    citation = f"<cite>{text_to_html(format_reference(passage))}</cite>"
    text = f"{to_html(passage.exact)}<br>{citation}"
    return f"{FURTHER_PASSAGE_START}{text}</blockquote>"


def render_passage(
    highlight: Highlight, quote: str = "", *, has_formulas: bool
) -> tuple[str, str, str]:
    """Render a highlight and the sentence around it as HTML, with `quote` marked.

    Returns:
        The text before the highlight, the highlight itself, and the text after it.
    """
    passage = highlight.sentence
    span = locate_text(highlight.exact, passage)
    if span is None:
        passage = highlight.exact
        span = 0, len(passage)
    if not passage.strip():
        return "", "", ""
    to_html = lines_to_html
    unbreakable: list[LiteralSpan] = []
    if has_formulas:
        to_html = formulas_to_html
        unbreakable += find_literal_spans(passage)
    start, end = _extend_to_literals(unbreakable, span)
    before, after = to_html(passage[:start]), to_html(passage[end:])
    quote_span = _locate_between(quote, passage, start, end)
    if quote_span is None:
        return before, to_html(passage[start:end]), after
    quote_start, quote_end = _extend_to_literals(unbreakable, quote_span)
    highlighted = (
        to_html(passage[start:quote_start])
        + f"<mark>{to_html(passage[quote_start:quote_end])}</mark>"
        + to_html(passage[quote_end:end])
    )
    return before, highlighted, after


def _locate_between(quote: str, passage: str, start: int, end: int) -> Span | None:
    """Return the span of a quote in `passage`, looked for from `start` to `end`, or None."""
    span = locate_text(quote, passage[start:end])
    if span is None or span[0] == span[1]:
        return None
    return start + span[0], start + span[1]


def _extend_to_literals(unbreakable: Iterable[LiteralSpan], span: Span) -> Span:
    """Extend a span to the formulas and code at its ends, which can't be split."""
    start, end = span
    for literal_start, literal_end, _ in unbreakable:
        if literal_start < start < literal_end:
            start = literal_start
        if literal_start < end < literal_end:
            end = literal_end
    return start, end


def parse_source_field(field: str) -> tuple[str, str, str]:
    """Parse the Source field into (passage, highlight, quote), each as plain text.

    If no highlight is marked, the whole passage is returned as the highlight. If no quote is
    marked, the quote is "".
    """
    first_passage = field.partition(FURTHER_PASSAGE_START)[0]
    passage = field_to_text(first_passage)
    highlight = _find_marked_text(_MARKED_HIGHLIGHT, first_passage)
    quote = _find_marked_text(_MARKED_QUOTE, first_passage)
    return passage, highlight or passage, quote


def _find_marked_text(pattern: re.Pattern[str], field: str) -> str:
    match = pattern.search(field)
    return field_to_text(match[1]) if match else ""


def field_to_text(field: str) -> str:
    """Convert the HTML of a field to plain text, with formulas in `$` and code in backticks.

    Any HTML is accepted, because the user may have edited the field.
    """
    # convert formulas first, while `<span></span>` still distinguishes a literal `\\(` from them
    text = _FORMULA_SIGN.sub(lambda sign: _MARKDOWN_SIGNS[sign[0]], field)
    text = text.replace("<wbr>", "").replace("<span></span>", "")
    text = _LINE_END.sub("\n", text)
    return html.unescape(re.sub(r"<[^>]*>", "", text)).strip()


def render_citation(card: ShownCard, filter_context: ContextFilter) -> str:
    """Render the Citation field: a line to show above the question, and full references.

    The line names the work and the last heading, unless they'd reveal the answer. If it
    omits headings that the references contain, it gets the class `af-short`.
    """
    to_html = formulas_to_html if card.highlight.has_formulas else text_to_html
    html_parts = []
    context = _filter_context_parts(card, filter_context)
    if context:
        shown = _shorten_context(context)
        css_class = "af-where af-short" if len(context) > len(shown) else "af-where"
        line = to_html(" › ".join(shown))
        html_parts.append(f'<span class="{css_class}">{line}</span>')
    for reference in format_references(card):
        html_parts.append(f"<cite>{to_html(reference)}</cite>")
    return "".join(html_parts)


# Matches a file name without spaces that has a number, such as `02-how-to-read` or `2024-05-01`.
_NUMBERED_NAME = regex(r"\S*\d\S*")
# Matches what stands for spaces in other file names, such as `cap-theorem`.
_NAME_SEPARATORS = regex(r"[-_]+")
# The length to which a list item that is above the highlight is truncated, in characters.
_MAX_ITEM_CHARS = 60
_MAX_WORK_CHARS = 40


def format_context(card: ShownCard, filter_context: ContextFilter) -> str:
    """Format the origin of a card as "work › heading", without parts that reveal the answer."""
    return " › ".join(_shorten_context(_filter_context_parts(card, filter_context)))


def _filter_context_parts(card: ShownCard, filter_context: ContextFilter) -> Strings:
    """List the title, headings and parent list items that don't reveal the answer.

    A title that is just a file name with numbers, such as `02-how-to-read`, is only listed if no
    heading follows.
    """
    document = card.highlight.document
    parts = [*_list_title_and_headings(document, card.highlight.heading)]
    has_numbered_title = _NUMBERED_NAME.fullmatch(document.meaningful_title) is not None
    if has_numbered_title and _has_file_name_as_title(document) and len(parts) > 1:
        del parts[0]
    for item in card.highlight.parent_items:
        parts.append(isolate_bidi(_truncate(item.rstrip(" :："), _MAX_ITEM_CHARS)))
    return filter_context(card, tuple(parts))


def _shorten_context(parts: Strings) -> Strings:
    if len(parts) < 2:
        return parts
    work = parts[0]
    if isolate_bidi(work) == work:  # truncating would remove the end of a bidi isolate
        work = _truncate(work, _MAX_WORK_CHARS)
    return work, parts[-1]


def _truncate(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    start = text[:limit]
    return f"{start.rpartition(' ')[0] or start}…"


def format_references(card: ShownCard) -> Strings:
    """Format a reference to each passage of a card, without duplicates."""
    return tuple(dict.fromkeys(map(format_reference, card.passages)))


def _has_file_name_as_title(document: Document) -> bool:
    return splitext(basename(document.path))[0] == document.meaningful_title


def _list_title_and_headings(document: Document, heading: str) -> Strings:
    """Return the title of a work, followed by the headings above a highlight in it.

    The first heading is dropped if it only repeats the title. A title that is just a lower-case
    file name is capitalized, and gets spaces unless it has a number: `cap-theorem` becomes
    `Cap Theorem`, but `rfc-2119` becomes `Rfc-2119`.
    """
    title = document.meaningful_title
    if title.islower() and _has_file_name_as_title(document):
        if not _NUMBERED_NAME.fullmatch(title):
            title = _NAME_SEPARATORS.sub(" ", title)
        title = capwords(title)
    headings = heading.split(" › ")
    if is_same_text(headings[0], title):
        headings = headings[1:]
    return tuple(isolate_bidi(part) for part in (title, *headings) if part.strip())


def format_reference(highlight: Highlight) -> str:
    """Format a reference like `Roediger & Karpicke (2006). Test-enhanced learning, p. 250`."""
    document = highlight.document
    title_and_headings = _list_title_and_headings(document, highlight.heading)
    title = "".join(title_and_headings[:1])
    headings = " › ".join(title_and_headings[1:])
    location = _join_nonempty(", ", title, headings, highlight.page_or_time)
    authors = _format_authors(document)
    # the title may name the author, such as `James Clear - Atomic habits`
    if authors and title.casefold().startswith(authors.casefold()):
        return location
    year = re.match(r"\d{4}", document.publication_date)
    if year:
        authors = _join_nonempty(" ", authors, f"({year[0]})")
    # authors may end in an abbreviation, such as `et al.`
    return _join_nonempty(". ", authors.removesuffix("."), location)


def _format_authors(document: Document) -> str:
    names = []
    for creator in document.creators:
        family_name, _, _ = creator.partition(",")
        names.append(isolate_bidi(family_name.strip()))
    if len(names) > 2:
        return f"{names[0]} et al."
    return " & ".join(names)


def _join_nonempty(separator: str, *parts: str | None) -> str:
    return separator.join(filter(None, parts))


# --- links ------------------------------------------------------------------------------

_LABEL_BY_SCHEME = {
    "zotero": "Zotero",
    "obsidian": "Open in Obsidian",
    "kindle": "Kindle",
    "mailto": "Mail",
}
_URL_PREFIXES = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}


def render_links(pdf_urls: Strings, *highlights: Highlight) -> Pair:
    """Render the links of a card as HTML.

    Returns two strings: the links that work on any computer, and the links that only work on this
    one, i.e. those into Obsidian and to the PDFs. The first also contains the file names of PDFs,
    in hidden elements, so that Anki's search finds them. An Obsidian link is left out if it names
    no vault or contains a local path.

    Args:
        pdf_urls: The URLs of the passages' PDFs on this computer.
        highlights: The card's passages.
    """
    global_links: list[str] = []
    local_links: list[str] = []
    for highlight in highlights:
        for url, label in iter_links(highlight):
            link = _render_link(url, text_to_html(label))
            if not _is_vault_link(url):
                global_links.append(link)
            elif _names_vault(url):
                local_links.append(link)
        _, _, file_name = highlight.document.path.rpartition("/")
        if file_name.lower().endswith(".pdf"):
            global_links.append(f"<span>{text_to_html(isolate_bidi(file_name))}</span>")
    for url in pdf_urls:
        label = _LABEL_BY_SCHEME["obsidian"] if _is_vault_link(url) else "Open the PDF"
        local_links.append(_render_link(url, label))
    return " ".join(dict.fromkeys(global_links)), " ".join(dict.fromkeys(local_links))


def _render_link(url: str, label_html: str) -> str:
    return f'<a href="{escape_html(url)}">{label_html}</a>'


def _names_vault(url: str) -> bool:
    """Return whether an Obsidian link names a vault, unlike `obsidian://open?path=/home/…`."""
    parts = urlsplit(url)
    return bool(parts.netloc) and "path" not in parse_qs(parts.query)


def iter_links(highlight: Highlight) -> Iterator[Pair]:
    """Yield the URL and the label of each link to a highlight and to its work."""
    document = highlight.document
    passage_urls = [*filter(None, (highlight.uri, *highlight.links))]
    urls = [*(passage_urls or [document.uri]), *iter_work_urls(document)]
    for url in dict.fromkeys(map(sanitize_url, urls)):
        if url:
            yield url, isolate_bidi(_choose_label(url, sanitize_url(highlight.uri)))


def _choose_label(url: str, passage_url: str) -> str:
    parts = urlsplit(url)
    if _is_vault_link(url):
        return _find_linked_note(url, passage_url) or _LABEL_BY_SCHEME["obsidian"]
    if parts.netloc.endswith("doi.org"):
        return f"doi:{unquote(parts.path).lstrip('/')}"
    if parts.scheme in _LABEL_BY_SCHEME:
        return _LABEL_BY_SCHEME[parts.scheme]
    _, _, host = parts.netloc.rpartition("@")
    return host or url


def _find_linked_note(url: str, passage_url: str) -> str | None:
    """Return the name of the note that a link from another note leads to, if it is one."""
    if not passage_url.startswith("obsidian:") or url == passage_url:
        return None
    for file_name in parse_qs(urlsplit(url).query).get("file", [])[:1]:
        note, _, _ = file_name.rpartition("/")[2].partition("#^")
        return note
    return None


def iter_work_urls(document: Document) -> Iterator[str]:
    """Yield a URL for each of a work's identifiers, such as its DOI."""
    for scheme, value in document.identifiers:
        if scheme in _URL_PREFIXES and value:
            yield value if "://" in value else f"{_URL_PREFIXES[scheme]}{value}"


def _is_vault_link(url: str) -> bool:
    return url.casefold().startswith("obsidian:")


# --- deck and tags, normalized as in Anki -----------------------------------------------

DEFAULT_DECK = "ankiforge"
_CONTROL_CHARS = regex(r"[\x00-\x1f\x7f]+")
_INVALID_IN_TAGS = regex(r"[\s\x00-\x1f\x7f]+")
# Tags that only Anki's user or Anki's scheduler may set.
_SYSTEM_TAGS = frozenset({"marked", "leech"})


@lru_cache(maxsize=4096)
def normalize_deck_name(name: str) -> str:
    """Normalize a deck name: strip spaces and colons, and drop empty components.

    Returns `DEFAULT_DECK` if nothing is left.
    """
    parts = []
    for part in normalize_for_anki(name).split("::"):
        cleaned = _CONTROL_CHARS.sub(" ", part.replace('"', ""))
        parts.append(cleaned.strip().strip(":").strip())
    return "::".join(filter(None, parts)) or DEFAULT_DECK


def is_in_deck(name: str, deck: str) -> bool:
    """Return whether the deck called `name` is `deck` or one of its subdecks."""
    ancestor = normalize_deck_name(deck).casefold()
    folded = normalize_deck_name(name).casefold()
    return folded == ancestor or folded.startswith(f"{ancestor}::")


@lru_cache(maxsize=4096)
def normalize_tags(tags: Strings) -> Strings:
    """Convert tags to valid Anki tags, sorted and without duplicates.

    A nested tag such as `biology/plants`, as Obsidian writes it, becomes `biology::plants`, because
    Anki shows such tags as a tree and searches the tags below one with it. Whitespace becomes `-`,
    and empty components are removed. Tags that differ only in case count as duplicates. `marked`
    and `leech` are dropped, because they belong to Anki and its user.
    """
    names = []
    for tag in tags:
        valid = _INVALID_IN_TAGS.sub("-", normalize_for_anki(tag).strip())
        parts = (part.strip(":-") for part in valid.replace("/", "::").split("::"))
        names.append("::".join(filter(None, parts)))
    # of tags that differ only in case, the first in the alphabet is the last here
    by_folded = {name.casefold(): name for name in sorted(names, reverse=True) if name}
    return tuple(sorted(by_folded[folded] for folded in by_folded.keys() - _SYSTEM_TAGS))
