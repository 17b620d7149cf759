"""Render cards and passages as JSON and HTML for the page, with formulas as MathML.

The editor shows the fields of a card as they look on it (`web.pieces`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

from msgspec.structs import asdict, replace

from ankiforge.anki.notes import (
    format_context,
    render_citation,
    render_content_fields,
    render_passage,
)
from ankiforge.anki.notetypes import find_cloze_tokens
from ankiforge.anki.render import SOUND_TAG, render_field
from ankiforge.check import remove_revealing_context
from ankiforge.model import (
    CardKind,
    Highlight,
    Json,
    ListRow,
    Media,
    NoteType,
    ShownCard,
    SourceKind,
)
from ankiforge.reports.view import CardView, view_card
from ankiforge.text import occlusion, regex, to_one_line
from ankiforge.text.cloze import find_cloze_numbers, find_image_paths
from ankiforge.text.differences import diff_tokens
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import isolate_bidi
from ankiforge.web.maths import render_formulas
from ankiforge.web.pieces import split_into_pieces

# --- cards ------------------------------------------------------------------------------

FindPicture = Callable[[Highlight, str], Media | None]
"""Returns the picture at a path in a highlight's source, or None if it can't be read. Afterwards,
the page can request the picture by name.
"""
FIELD_LABELS = {
    "Front": "Question",
    "Back": "Answer",
    "Extra": "Shown with the answer",
    "Text": "Text",
}
_TOKEN = regex(r"(?s)<[^>]*>|(?:&#?\w+;|\w)+\s*|\s+|.")


def render_card(
    card: ShownCard, find_picture: FindPicture, cloze_number: int = 0
) -> Json:
    """Render a card as JSON for the page.

    Args:
        card: the card to render.
        find_picture: looks up the card's pictures.
        cloze_number: the cloze number to blank out, which selects one of the note's cards in Anki,
            or 0 to blank out all cloze deletions.

    Returns:
        `front` and `back`, the sides as HTML, where the back repeats the question; `context`, the
            line shown above both sides in Anki; `place`, the headings in that line; `fields`, a
            list of [name, label, pieces]; `title`, the question as plain text on one line;
            `question` and `answer`, the HTML of the sides for a list (the answers of a cloze text
            are marked in `question`, and `answer` is ""); and `note`, a remark such as the number
            of cards. For an occlusion card, `figure` has the picture and its masks.
    """
    view = view_card(card)
    if view.masks is not None:
        return _render_figure(card, view, view.masks, find_picture)
    note_type = card.kind.note_type
    media = find_pictures(card, find_picture)
    html_by_name = {}
    html_fields = render_content_fields(card.kind, card.fields, media)
    for name, html in zip(note_type.content_fields, html_fields, strict=True):
        html_by_name[name] = adapt_html_to_page(html)
    if note_type is NoteType.CLOZE:
        sides = _render_cloze_sides(view, html_by_name["Text"], cloze_number)
    else:
        sides = _render_question_sides(card, html_by_name["Front"], html_by_name["Back"])
    back = sides.back
    for name in note_type.text_fields:
        if html_by_name[name] and name not in note_type.required_fields:
            back += _wrap_part(name.lower(), html_by_name[name])

    # cite only this passage, not its copies in other documents
    cited = replace(card, passages=(card.highlight,))
    citation = render_citation(cited, remove_revealing_context)
    context = format_context(cited, remove_revealing_context)  # "work › heading"
    _, _, headings = context.partition(" › ")
    return {
        "place": headings,
        "context": _wrap_part("context", citation),
        "front": sides.front,
        "back": back,
        "fields": _render_editor_fields(card, media),
        "title": view.format_question("", ""),
        "question": sides.question,
        "answer": sides.answer,
        "note": sides.note,
    }


class _Sides(NamedTuple):
    """The sides of a card as HTML."""

    front: str
    back: str
    """The answer below the question, without further fields."""
    question: str
    """The question in a list, in which the answers of a cloze text are marked."""
    answer: str
    """The answer in a list, or "" for a cloze text."""
    note: str
    """A remark such as the number of cards, or ""."""


def _render_cloze_sides(view: CardView, html: str, cloze_number: int) -> _Sides:
    """Render a cloze text with its gaps blanked out, and with the answers in them."""
    asked = _render_clozes(html, hidden=True, cloze_number=cloze_number)
    answered = _render_clozes(html, hidden=False, cloze_number=cloze_number)
    count = len(find_cloze_numbers(view.front))
    return _Sides(
        front=_wrap_part("text", asked),
        back=_wrap_part("text", answered),
        question=answered,
        answer="",
        note=f"Makes {count} cards." if count > 1 else "",
    )


def _render_question_sides(card: ShownCard, question: str, answer: str) -> _Sides:
    front = _wrap_part("question", question)
    is_two_way = card.kind is CardKind.TWO_WAY
    return _Sides(
        front=front,
        back=f"{front}<hr>{_wrap_part('answer', answer)}",
        question=question,
        answer=answer,
        note="Asked in both directions." if is_two_way else "",
    )


def _render_editor_fields(card: ShownCard, media: Mapping[str, Media]) -> list[Json]:
    """Render the fields for the editor, each as [name, label, pieces]."""
    note_type = card.kind.note_type
    markdown = dict(card.fields)

    def draw(source: str) -> str:
        is_cloze = note_type is NoteType.CLOZE
        html = render_field(source, cloze=is_cloze, pictures=media)
        return _render_clozes(adapt_html_to_page(html), hidden=False)

    fields: list[Any] = []
    for name in note_type.text_fields:
        text = markdown.get(name, "")
        pieces = split_into_pieces(text, draw, cloze=name == "Text")
        fields.append([name, FIELD_LABELS.get(name, name), pieces])
    return fields


def adapt_html_to_page(html: str) -> str:
    """Replace the sounds, formulas and picture URLs in a field's HTML with the page's versions."""
    html = SOUND_TAG.sub(r'<audio controls preload="none" src="\1"></audio>', html)
    html = html.replace('src="af-', 'src="/picture/af-')
    return render_formulas(html)


def _render_figure(
    card: ShownCard, view: CardView, masks: occlusion.Masks, find_picture: FindPicture
) -> Json:
    media = find_pictures(card, find_picture)
    pictures_shown = list(media.values())
    _, picture_html = render_content_fields(card.kind, card.fields, media)
    picture = _wrap_part("question", adapt_html_to_page(picture_html))
    labels = escape(to_one_line(" · ".join(occlusion.list_labels(masks))))
    return {
        "figure": {
            "src": f"/picture/{pictures_shown[0].name}" if pictures_shown else "",
            "alt": view.question,
            "hide": masks.hide,
            "masks": [*map(asdict, masks.masks)],
        },
        "context": "",
        "front": picture,
        "back": f"{picture}<hr>{_wrap_part('answer', labels)}",
        "fields": [],
        "title": view.question,
        "question": escape(view.question),
        "answer": "",
        "note": "",
    }


def render_row(list_row: ListRow) -> Json:
    """Render a card or draft as JSON for a row of a list, without its pictures."""
    card = render_card(list_row, lambda *_: None)
    row = {name: card[name] for name in ("title", "question", "answer")}
    state = list_row.state
    return {"id": list_row.id, **row, "state": state[:1].upper() + state[1:]}


def render_text(markdown: str) -> str:
    """Render Markdown without cloze deletions as HTML for a list, without pictures."""
    return adapt_html_to_page(render_field(markdown, cloze=False))


def find_pictures(card: ShownCard, find_picture: FindPicture) -> dict[str, Media]:
    """Look up the pictures in a card, keyed by path, skipping any that can't be read."""
    media_by_path = {}
    for path in find_image_paths("\n".join(text for _, text in card.fields)):
        media = find_picture(card.highlight, path)
        if media:
            media_by_path[path] = media
    return media_by_path


def _wrap_part(name: str, html: str) -> str:
    return f'<div class="af-{name}" dir="auto">{html}</div>'


class _OpenCloze(NamedTuple):
    """A cloze deletion whose end wasn't reached yet."""

    html_before: str
    """The rendered HTML between the start of the enclosing cloze deletion, or of the field, and
    the start of this one."""
    is_selected: bool
    """Whether the cloze deletion belongs to the card that is shown."""


def _render_cloze(inner_html: str, cloze: _OpenCloze, *, hidden: bool) -> str:
    """Render a cloze deletion from the HTML inside, which may end with a hint."""
    answer, _, hint = inner_html.partition("::")
    if not cloze.is_selected:
        return answer
    if not hidden:
        return f'<span class="cloze">{answer}</span>'
    return f'<span class="cloze">[{hint or "…"}]</span>'


def _render_clozes(html: str, *, hidden: bool, cloze_number: int = 0) -> str:
    """Render cloze deletions as gaps if `hidden`, otherwise as highlighted answers.

    If `cloze_number` isn't 0, cloze deletions with other numbers are rendered as plain text.
    """
    rendered = ""
    open_clozes: list[_OpenCloze] = []
    position = 0
    for token in find_cloze_tokens(html):
        rendered += html[position : token.start]
        # only the start of a cloze deletion has numbers
        if token.numbers:
            is_selected = cloze_number in (0, *token.numbers)
            open_clozes.append(_OpenCloze(rendered, is_selected))
            rendered = ""
        else:
            cloze = open_clozes.pop()
            rendered = cloze.html_before + _render_cloze(rendered, cloze, hidden=hidden)
        position = token.end
    rendered += html[position:]
    # a cloze deletion without an end is shown as its text
    return "".join(cloze.html_before for cloze in open_clozes) + rendered


def mark_differences(old: Json, new: Json) -> None:
    """Mark the words that differ between the backs of two rendered cards, in place."""
    old_tokens = _TOKEN.findall(old["back"])
    new_tokens = _TOKEN.findall(new["back"])
    old_runs, new_runs = diff_tokens(old_tokens, new_tokens)
    old["back"] = "".join(_mark_differing_runs(old_runs))
    new["back"] = "".join(_mark_differing_runs(new_runs))


def _mark_differing_runs(runs: Iterable[tuple[bool, list[str]]]) -> Iterator[str]:
    """Yield HTML in which differing text is wrapped in `<ins>`, while tags are left as they are.

    Each run is a pair of whether it differs from the other card, and the tokens of the run.
    """
    for differs, tokens in runs:
        for is_tag, group in groupby(tokens, lambda token: token.startswith("<")):
            text = "".join(group)
            words = text.rstrip()
            if is_tag or not differs or not words:
                yield text
            else:
                yield f"<ins>{words}</ins>{text[len(words) :]}"


# --- the passage ------------------------------------------------------------------------


def find_card_quote(highlight: Highlight, quote: str) -> str:
    """Return the part of a highlight's text that matches a card's quote, or "" if no part does."""
    if not quote.strip():
        return ""
    span = locate_text(quote, highlight.exact)
    if span is None:
        return ""
    start, end = span
    return highlight.exact[start:end]


def render_highlight_list(title: str, highlights: Iterable[Highlight]) -> str:
    """Render a document's highlights as an HTML list whose entries have the key in `data-key`."""
    entries = "".join(map(_render_entry, highlights))
    return (
        f'<div class="book"><h1 dir="auto">{escape(title)}</h1><ol>{entries}</ol></div>'
    )


def _render_entry(highlight: Highlight) -> str:
    before, marked, after = render_passage(highlight, has_formulas=highlight.has_formulas)
    quote = adapt_html_to_page(f"{before}<mark>{marked}</mark>{after}")
    parts = [
        f'<p class="place" dir="auto">{escape(_format_location(highlight))}</p>',
        f'<blockquote dir="auto">{quote}</blockquote>',
    ]
    if highlight.comment:
        parts.append(f'<p class="said" dir="auto">{escape(highlight.comment)}</p>')
    return f'<li data-key="{escape(highlight.key)}">{"".join(parts)}</li>'


def _format_location(highlight: Highlight) -> str:
    """Format the page or path of a highlight, and the headings without the document's title."""
    document = highlight.document
    location = []
    if highlight.page_or_time:
        location.append(highlight.page_or_time)
    elif highlight.source_kind is SourceKind.VAULT:
        location.append(document.path)
    headings = []
    for heading in highlight.heading.split(" › "):
        if heading not in ("", document.title):
            headings.append(heading)
    if headings:
        location.append(" › ".join(headings))
    return " · ".join(map(isolate_bidi, location))
