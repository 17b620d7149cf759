"""The fields of the highlights that quotes from papers become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ankiforge.extract.markdown.blocks import Block
from ankiforge.extract.markdown.citations import Citation, address_of
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.quotation import has_words
from ankiforge.extract.markdown.quotes import Piece, Quote
from ankiforge.extract.markdown.signs import hex_colour
from ankiforge.extract.markdown.tokens import Phrase
from ankiforge.model import Hint, Json, Span, hints

# Pieces of a quote are joined by a line end in its text, and in its Markdown by this.
_BETWEEN_PIECES = "\n\n"


def quote_fields(
    quote: Quote,
    blocks: Sequence[Block],
    wanted_marks: frozenset[str],
    note_address: str,
) -> Json:
    """Return the fields of the highlight that a quote becomes.

    Args:
        quote: the quote.
        blocks: the blocks of its note.
        wanted_marks: the marks that make highlights.
        note_address: opens the note in Obsidian.
    """
    markdown: list[str] = []
    gaps: list[Span] = []
    markdown_gaps: list[Span] = []
    mark_colour = ""
    keeps_bold = "bold" not in wanted_marks
    length = 0
    markdown_length = 0
    for piece in quote.pieces:
        block = blocks[piece.block]
        phrases = _phrases_near(piece, block)
        mark_colour = mark_colour or _colour_of(phrases)
        marked = _marked_within(piece, block, phrases, wanted_marks)
        text, markdown_spans = _markdown(piece, block, marked, bold=keeps_bold)
        markdown.append(text)
        for phrase in marked:
            gaps.append(_moved(phrase.span, length - piece.start))
        markdown_gaps += [_moved(span, markdown_length) for span in markdown_spans]
        length += piece.end - piece.start + len("\n")
        markdown_length += len(text) + len(_BETWEEN_PIECES)
    citation = quote.citation
    style = blocks[quote.pieces[0].block].style
    return {
        "exact": quote.text(blocks),
        "markdown": (_BETWEEN_PIECES.join(markdown),),
        "gaps": tuple(gaps),
        "markdown_gaps": tuple(markdown_gaps),
        "comment": quote.comment,
        "colour": mark_colour or citation.colour or _colour_of_callout(style),
        "page_label": citation.label or citation.page,
        "hints": _hints(citation),
        "links": tuple(_addresses(citation.links, note_address)),
    }


def _phrases_near(piece: Piece, block: Block) -> list[Phrase]:
    """Return the marked phrases of a block that overlap a piece of a quote."""
    overlapping = []
    for phrase in block.inline.phrases:
        start, end = phrase.span
        if piece.start < end and start < piece.end:
            overlapping.append(phrase)
    return overlapping


def _marked_within(
    piece: Piece,
    block: Block,
    phrases: Iterable[Phrase],
    wanted_marks: frozenset[str],
) -> list[Phrase]:
    """Return the wanted marks within a piece that lie in no other phrase.

    None if one of them covers all of the piece.
    """
    marks = [phrase for phrase in outermost(phrases) if phrase.sign in wanted_marks]
    if any(_covers(phrase.span, block.plain, piece) for phrase in marks):
        return []
    inside = []
    for phrase in marks:
        start, end = phrase.span
        if piece.start <= start and end <= piece.end:
            inside.append(phrase)
    return inside


def _covers(phrase: Span, plain: str, piece: Piece) -> bool:
    """Return whether all words of a piece are marked; its quotation marks need not be."""
    start, end = phrase
    before = plain[piece.start : start]
    after = plain[max(end, piece.start) : piece.end]
    return not has_words(before + after)


def _markdown(
    piece: Piece,
    block: Block,
    marked: Sequence[Phrase],
    *,
    bold: bool,
) -> tuple[str, tuple[Span, ...]]:
    """Return a piece in our Markdown, and the spans of its marked phrases in that."""
    if not block.is_text:
        code = block.plain[piece.start : piece.end]
        return f"```\n{code}\n```", ()
    return block.inline.markdown(piece.start, piece.end, marked, bold=bold)


def _addresses(links: Iterable[str], note_address: str) -> Iterator[str]:
    for link in links:
        address = address_of(link, note_address)
        if address:
            yield address


def _moved(span: Span, by: int) -> Span:
    start, end = span
    return start + by, end + by


def _colour_of(phrases: Iterable[Phrase]) -> str:
    """Return the first colour of some marked phrases, "" if none has one."""
    for phrase in phrases:
        if phrase.sign == "mark" and phrase.note:
            return phrase.note
    return ""


def _colour_of_callout(style: str) -> str:
    """Return the colour that the type of a callout has, as in `quote|#ffd400`."""
    _, _, option = style.partition("|")
    colour = hex_colour(option.strip().lower())
    return colour if colour.startswith("#") else ""


def _hints(citation: Citation) -> tuple[Hint, ...]:
    """Return the annotation in Zotero that is cited, without and with its library."""
    annotation = citation.annotation
    if not annotation:
        return ()
    _, _, key = annotation.rpartition("/")
    return hints.zotero_annotation(key), hints.zotero_annotation(annotation)
