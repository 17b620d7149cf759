"""Format cards, drafts, highlights, questions and decisions as JSON and as text for a terminal.

The JSON is what commands such as `list --json` print.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from ankiforge.ledger.item_lists import MIN_ID_CHARS
from ankiforge.model import (
    FOREIGN_PREFIX,
    AnkiNote,
    CardKind,
    Conflict,
    Document,
    Json,
    ListRow,
    LocalCard,
    PendingDraft,
    Proposal,
    SkippedText,
    SourceChange,
    StoredDraft,
    Strings,
    UserQuestion,
    UserQuestionKind,
    Verdict,
    hash16,
)
from ankiforge.reports.highlights import format_title, get_attributes
from ankiforge.reports.view import (
    Author,
    CardView,
    explain_pending,
    find_author,
    list_findings,
    list_remarks,
    view_card,
)
from ankiforge.review.actions import list_question_actions, sort_as_commands
from ankiforge.text import (
    ROW_TAIL_MARK,
    format_count,
    join_columns,
    mark_bold,
    occlusion,
    to_one_line,
    truncate,
)
from ankiforge.text.cloze import format_table_rows, to_terminal_text
from ankiforge.text.differences import mark_differing_words
from ankiforge.text.lines import Line, format_lines

if TYPE_CHECKING:
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.ledger import HighlightOutcome, Ledger, LocatedSkippedText
    from ankiforge.ledger.sentence_decisions import SentenceState


TextLines = Iterator[str]

# --- JSON -------------------------------------------------------------------------------


class DecisionKind(StrEnum):
    """What a row of a list waits for."""

    CARD = "card"
    """A decision on a new card."""
    CHANGE = "change"
    """A decision on a changed card."""
    QUESTION = "question"
    """An answer."""


def list_row_to_json(
    ledger: Ledger,
    list_row: ListRow,
    decks: tuple[DeckRule, ...],
    decision: DecisionKind | None = None,
) -> Json:
    """Convert a card or draft to the JSON printed by `list --json`.

    `decision` is what the row waits for, or None if nothing is decided with it.
    """
    # import these late, because they are slow, and `extract` doesn't need them
    from ankiforge.anki.notes import render_content_fields
    from ankiforge.pipeline.decks import collect_tags

    html = render_content_fields(list_row.kind, list_row.fields)
    view = view_card(list_row)
    return {
        **view.to_json(),
        "decision": decision,
        "verdict": list_row.verdict_name,
        "deck": list_row.deck,
        "tags": collect_tags(list_row, decks),
        "gaps": view.gaps,
        "figure": _masks_to_json(view.masks) if view.masks is not None else None,
        "html": dict(zip(list_row.note_type.content_fields, html, strict=True)),
        "also": [passage.key for passage in list_row.passages[1:]],
        "document": list_row.highlight.document.key,
        "heading": list_row.highlight.heading,
        "origin": get_attributes(list_row.origin, ("drafter", "model", "prompt")),
        **_anki_fields_to_json(list_row),
        **_draft_fields_to_json(list_row),
        **_card_fields_to_json(ledger, list_row),
    }


def _masks_to_json(masks: occlusion.Masks) -> Json:
    return {"hide": masks.hide, "masks": [*map(asdict, masks.masks)]}


_NOT_IN_ANKI: Json = {"guid": None, "anki": "none"}
"""The fields of the JSON about the note in Anki, with their values for what has no note."""


def _anki_fields_to_json(list_row: ListRow) -> Json:
    if not isinstance(list_row, LocalCard):
        return _NOT_IN_ANKI
    return {"guid": list_row.guid, "anki": list_row.anki_state}


_NO_DRAFT: Json = {
    "changes": None,
    "old_quote": "",
    "keeps_text": False,
    "replaces": None,
}
"""The fields of the JSON that only drafts have, with their values for other rows."""


def _draft_fields_to_json(list_row: ListRow) -> Json:
    """Convert what only drafts have. For a card, the values are empty."""
    if not isinstance(list_row, PendingDraft):
        return _NO_DRAFT
    return {
        "changes": list_row.revised_guid,
        "old_quote": list_row.old_quote,
        "keeps_text": list_row.keeps_text,
        "replaces": list_row.replaced_guid,
    }


_NO_CARD: Json = {
    "change": None,
    "reason": "",
    "accepted_by": "",
    "seen": None,
}
"""The fields of the JSON that only cards have, with their values for a draft."""


def _card_fields_to_json(ledger: Ledger, list_row: ListRow) -> Json:
    if not isinstance(list_row, LocalCard):
        return _NO_CARD
    card = list_row
    return {
        "change": _change_to_json(card.revision) if card.revision else None,
        "reason": card.verdict_reason,
        "accepted_by": card.decided_by if card.is_live else "",
        "seen": _note_in_anki_to_json(ledger, card),
    }


def _change_to_json(change: PendingDraft) -> Json:
    names = ("id", "quote", "old_quote", "keeps_text")
    return {**get_attributes(change, names), "fields": dict(change.fields)}


def suggestion_row_to_json(suggestion: Proposal, decks: tuple[DeckRule, ...]) -> Json:
    """Convert a suggested card to a row of `list --json`."""
    # import these late, because they are slow, and `extract` doesn't need them
    from ankiforge.anki.notes import render_content_fields
    from ankiforge.config.deckfiles import choose_deck

    view = view_card(suggestion)
    html = render_content_fields(suggestion.kind, suggestion.fields)
    highlight = suggestion.highlight
    return {
        **view.to_json(),
        "decision": DecisionKind.CARD,
        "verdict": "waiting",
        "deck": choose_deck(decks, highlight),
        "tags": [],
        "gaps": view.gaps,
        "figure": None,
        "html": dict(zip(suggestion.note_type.content_fields, html, strict=True)),
        "also": [],
        "document": highlight.document.key,
        "heading": highlight.heading,
        "origin": get_attributes(suggestion.origin, ("drafter", "model", "prompt")),
        **_NOT_IN_ANKI,
        **_NO_DRAFT,
        **_NO_CARD,
    }


def _note_in_anki_to_json(ledger: Ledger, card: LocalCard) -> Json | None:
    from ankiforge.ledger.tables.anki_notes import load_note_in_anki

    if card.anki_state != "seen":
        return None
    note = load_note_in_anki(ledger, card.guid)
    if note is None:
        return None
    names = ("mod", "tags", "deck", "reviews", "lapses", "suspended")
    more = {"leech": note.is_leech, "remark": note.feedback}
    return {**get_attributes(note, names), **more}


def format_passage_sentences(ledger: Ledger, key: str) -> tuple[Json, list[str]]:
    """Format the sentences of a passage, each with whether it is decided or still offered.

    Returns:
        The JSON printed by `list KEY --json`, and the same content as lines of text.
    """
    from ankiforge.ledger.tables.snapshots import load_snapshot

    passage = load_snapshot(ledger, ledger.get_passage(key))
    facts = passage.compute_sentence_states()
    data = {
        "id": None,
        "guid": None,
        "key": key,
        "facts": [_sentence_to_json(fact, passage.pending_drafts) for fact in facts],
        "closed": passage.passage.is_closed,
    }
    lines = [f"  {_name_sentence_state(fact)}  {fact.sentence}" for fact in facts]
    if facts:
        lines.insert(0, format_fact_count(facts) or "one fact")
    return data, lines


def _name_sentence_state(fact: SentenceState) -> str:
    return "decided" if fact.is_decided else "offered"


def _sentence_to_json(fact: SentenceState, drafts: Iterable[StoredDraft]) -> Json:
    """Convert a sentence to JSON, with the ids of those of the pending drafts that are about it."""
    sentence_hash = hash16(fact.sentence)
    return {
        "sentence": fact.sentence,
        "state": _name_sentence_state(fact),
        "card": fact.revised_guid or None,
        "near": fact.similar_removed,
        "drafts": [
            draft.id for draft in drafts if sentence_hash in draft.sentence_hashes
        ],
    }


def format_fact_count(facts: Sequence[SentenceState]) -> str | None:
    """Format how many sentences of a passage are decided, or return None for a single sentence."""
    if len(facts) < 2:
        return None
    decided_count = sum(bool(fact.is_decided) for fact in facts)
    return f"{decided_count} of {len(facts)} facts decided"


def find_question_decision(question: UserQuestion) -> DecisionKind:
    """Return what an answer decides: a question about a conflict is a changed card."""
    if question.kind is UserQuestionKind.CONFLICT:
        return DecisionKind.CHANGE
    return DecisionKind.QUESTION


def question_to_json(question: UserQuestion) -> Json:
    """Convert a question to the JSON printed by `list --view questions --json`."""
    return {
        "id": question.id,
        "guid": None,
        "question": question.kind,
        "text": question.text,
        "decision": find_question_decision(question),
        "by": "",
        "certain": True,
        "verdict": "waiting",
        "accept": question.accept_effect,
        "reject": question.reject_effect,
        "guids": question.guids,
        "examples": question.examples,
        "conflicts": [*map(_conflict_to_json, question.conflicts)],
    }


def _conflict_to_json(conflict: Conflict) -> Json:
    return {
        "field": conflict.field,
        "mine": conflict.user_text,
        "source": conflict.source,
    }


# --- short forms ------------------------------------------------------------------------

STATUS_TEXTS = {
    "carded": "with a card",
    "waiting": "waiting for you",
    "blocked": "blocked by a check",
    "left_out": "skipped",
    "failed": "failed",
    "undrafted": "not drafted yet",
}
"""The text shown to the user for each status of a highlight."""

_MAX_QUESTION_CHARS = 72
_MAX_LINE_CHARS = 500
"""A longer highlight, such as a whole page, is truncated in lists."""


WAITING_SIGN = "○"
_CARD_SIGN = "✓"
_OTHER_SIGN = "✗"
"""The sign of cards in any other state, which is spelled out in the row."""
_OTHER_WORDS_SIGN = "+"
QUESTION_SIGN = "?"
_ASKED_SIGN = "…"
_MORE_SIGN = "◌"
LEGEND = {
    WAITING_SIGN: "waiting",
    QUESTION_SIGN: "question",
    _ASKED_SIGN: "in a question above",
    _MORE_SIGN: "more",
    _OTHER_WORDS_SIGN: "other words for the same card",
    _CARD_SIGN: "card",
    _OTHER_SIGN: "gone",
    "·": "no card",
}
"""The meaning of the signs in rows."""


def format_heading(document: Document, lines: Iterable[Line]) -> str:
    """Format the line above a document's rows: its title, its folder and the number of rows.

    `lines` are the numbers of the document's rows by what they wait for.
    """
    tail = ", ".join(format_lines(lines))
    if document.directory:
        tail = f"{document.directory}/  {tail}"
    return f"{mark_bold(to_one_line(document.display_name))}{ROW_TAIL_MARK}{tail}"


class RowRole(Enum):
    """What a row of a list is for a person who decides."""

    DECISION = auto()
    """A draft or suggestion that waits by itself."""
    OTHER_WORDS = auto()
    """A further draft of a fact that waits."""
    IN_QUESTION = auto()
    """A draft on which the user decides by answering a question."""
    CARD = auto()
    """A card, in whatever state."""
    MORE = auto()
    """A less certain suggestion, which doesn't wait."""


def format_row(view: CardView, id: str, role: RowRole) -> str:
    """Format a card, draft or suggestion as one line: id, sign, question, author and page.

    A card that isn't accepted has its state and the reason for it in place of the author.
    """
    # gaps are in brackets, and bold, so that a list keeps the gap of a row that it truncates
    opening, closing = mark_bold("[ ]").split(" ")
    question = view.format_question(opening, closing)
    sign, remark = _describe_row(view, role)
    other_gaps = []
    for number, gap in enumerate(view.gaps, start=1):
        if number > 1:  # the question has the first gap
            other_gaps.append(f"gap {number}: {gap}")
    tail = [remark, ", ".join(other_gaps)]
    if view.card.kind is not CardKind.OCCLUSION:  # the page is in the name of the figure
        tail.append(view.card.highlight.page_or_time)
    return build_list_row(id, sign, question, *tail)


def _describe_row(view: CardView, role: RowRole) -> tuple[str, str | None]:
    """Return the sign of a row, and a remark on it."""
    if role is RowRole.OTHER_WORDS:
        return _OTHER_WORDS_SIGN, find_author(view.card).value
    if role is RowRole.IN_QUESTION:
        return _ASKED_SIGN, None
    if role is RowRole.MORE:
        return _MORE_SIGN, find_author(view.card).value
    if role is RowRole.DECISION:
        return WAITING_SIGN, _describe_decision(view)
    if view.state in ("accepted", "in Anki"):
        return _CARD_SIGN, None
    return _OTHER_SIGN, _explain_state(view)


def _describe_decision(view: CardView) -> str:
    """Return who wrote the card that waits, and what is special about it."""
    author = find_author(view.card).value
    if not isinstance(view.card, PendingDraft):
        return author
    draft = view.card
    if draft.keeps_text:
        parts = ["its passage changed"]
    elif draft.target_guid is not None:
        parts = [author, "changed card"]
    else:
        parts = [author]
    if draft.is_blocked:
        parts.append(_add_reason("blocked", view.pending_reason))
    return " · ".join(parts)


def build_list_row(id: str, sign: str, text: str, *tail: str | None) -> str:
    """Build a row of a list. The texts in `tail` aren't truncated on narrow terminals."""
    end = " · ".join(filter(None, tail))
    row = f"{id} {sign} {text}".lstrip()
    return f"{row}{ROW_TAIL_MARK}{end}" if end else row


def _explain_state(view: CardView) -> str:
    """Return the state of a card, with the reason for it and whether Anki has the note."""
    card = view.card
    state = view.state
    if not isinstance(card, LocalCard):
        return state
    if card.verdict is not Verdict.TAKEN_BACK:
        reason = to_one_line(card.verdict_reason)
        state = _add_reason(state, _truncate_at_word(reason, _MAX_QUESTION_CHARS))
    if card.anki_state == "seen":
        state += ", still in Anki"
    return state


def _add_reason(state: str, reason: str | None) -> str:
    return f"{state}: {reason}" if reason else state


def format_short_question(list_row: ListRow) -> str:
    """Format the question of a card or draft on one line, truncated."""
    return _truncate_at_word(view_card(list_row).question, _MAX_QUESTION_CHARS)


def format_sides(view: CardView) -> TextLines:
    """Yield the fields of a card as bold text without markup, with gaps in brackets."""
    for name, text in view.rows:
        rows = "\n".join(format_table_rows(text)) or text
        label = "" if name == "Text" else f"{name.lower()}: "
        shown_text = to_terminal_text(rows).replace("\n", "\n    ")
        yield f"{label}{mark_bold(shown_text)}"


def suggestion_to_json(suggestion: Proposal) -> Json:
    """Convert a suggested card to the JSON printed by `list --no-card --json`."""
    view = view_card(suggestion)
    confidence = round(suggestion.confidence, 2)
    return {**view.to_json(), "gaps": view.gaps, "confidence": confidence}


def format_question_row(question: UserQuestion) -> str:
    """Format a question to the user on one line, with its examples."""
    examples_line = to_one_line(" / ".join(question.examples))
    return build_list_row(
        question.id[:MIN_ID_CHARS],
        QUESTION_SIGN,
        f"{question.text}  {examples_line}",
    )


def format_highlight_without_card(
    outcome: HighlightOutcome, suggestion: Proposal | None, id: str, *, in_full: bool
) -> TextLines:
    """Yield lines about a highlight without a card.

    The lines show the suggested card or, if there is none, the text and the reason.

    Args:
        outcome: the highlight and the reason why it has no card.
        suggestion: the card suggested for the highlight, if any.
        id: the id of the highlight, which may be shortened.
        in_full: whether to give the whole reason.
    """
    highlight = outcome.highlight
    if suggestion:
        role = RowRole.DECISION if suggestion.is_certain else RowRole.MORE
        yield format_row(view_card(suggestion), id, role)
        return
    text = to_one_line(highlight.exact or highlight.comment) or f"({highlight.kind})"
    text = truncate(text, _MAX_LINE_CHARS)
    why = _explain_outcome(outcome, in_full=in_full)
    yield build_list_row(id, "·", text, why, highlight.page_or_time)


def _explain_outcome(outcome: HighlightOutcome, *, in_full: bool) -> str:
    """Return the status of a highlight and the reason for it, which may be the same."""
    status = STATUS_TEXTS.get(outcome.status)
    reason = outcome.reason if in_full else outcome.reason.partition(": ")[0]
    if status is None or status == reason:
        return reason
    return _add_reason(status, reason)


def list_skipped(ledger: Ledger) -> Iterator[LocatedSkippedText]:
    """Yield the texts that resemble a highlight or card but were skipped, then unread files.

    Unread files of the same kind in a directory are one entry.
    """
    from ankiforge.ledger import LocatedSkippedText, pending_items
    from ankiforge.pipeline.sources import load_unread_files

    yield from pending_items.iter_skipped_texts(ledger)
    for folder, unread in load_unread_files(ledger).items():
        for kind in unread.count_by_kind:
            reason = unread.explain(kind)
            yield LocatedSkippedText("", folder, folder, SkippedText(kind, "", reason))


def skipped_to_json(entry: LocatedSkippedText) -> Json:
    """Convert a skipped passage or file to JSON for `list --no-card --all --json`."""
    return {
        "key": None,
        "source": entry.source,
        "kind": entry.skipped_text.apparent_syntax,
        "exact": "",
        "place": entry.location,
        "fate": "left_out",
        "reason": entry.skipped_text.reason,
        "path": entry.document,
        "title": entry.title,
    }


def format_skipped(entry: LocatedSkippedText) -> Strings:
    """Format a skipped passage or file as two lines: its place and text, then the reason."""
    return (
        f"{entry.location}: {entry.skipped_text.apparent_syntax}",
        f"    left out: {entry.skipped_text.reason}",
    )


# --- in full ----------------------------------------------------------------------------

_CONTEXT_CHARS = 150
"""The number of characters of a passage to show before and after a quote."""
_MAX_WORD_CHARS = 24


def format_labelled_text(label: str, text: str) -> str:
    """Format a label and a text in two columns, indenting all further lines of the text."""
    return f"{label:9} {_indent_lines(text)}"


def format_unlabelled_text(text: str) -> str:
    """Format a text in the second of the two columns."""
    return f"{_TEXT_INDENT}{_indent_lines(text)}"


def _indent_lines(text: str) -> str:
    return text.replace("\n", f"\n{_TEXT_INDENT}")


_TEXT_INDENT = " " * 10


def format_item_in_full(
    ledger: Ledger,
    list_row: ListRow,
    questions: Iterable[UserQuestion] = (),
    *,
    with_commands: bool = False,
) -> TextLines:
    """Yield lines with all details of a card or draft, such as its deck, fields, source and state.

    Questions about the card, taken from `questions`, come last. With `with_commands`, the commands
    that decide on the card are added.
    """
    view = view_card(list_row)
    yield _format_title(list_row)
    yield format_labelled_text("deck", list_row.deck)
    yield from format_content(view)
    yield from _format_source(list_row)
    yield from _format_findings(ledger, list_row)
    if isinstance(list_row, LocalCard):
        if list_row.revision:
            yield from _format_passage_change(list_row.revision)
        yield from _format_card_state(ledger, list_row)
    else:
        yield from _format_passage_change(list_row)
        yield from _format_pending_reasons(list_row)
        yield from _format_changed_card(ledger, list_row)
    if with_commands:
        for arguments in view.commands:
            yield format_unlabelled_text(f"ankiforge {arguments}")
    for question in questions:
        if list_row.id in question.guids:
            yield from format_question(question)


def _format_passage_change(draft: PendingDraft) -> TextLines:
    """Yield the old and the new passage of the card that a draft would change, if it does."""
    passages = format_passage_change(draft)
    for label, passage in zip(("was", "is now"), passages, strict=False):
        yield format_labelled_text(label, passage)


def format_suggestion_in_full(suggestion: Proposal) -> TextLines:
    """Yield lines with all details of a suggested card."""
    view = view_card(suggestion)
    id = str(view.id)[:10]
    yield f"{id}  {suggestion.kind}  waiting  {Author.SUGGESTED}"
    yield from format_content(view)
    yield format_labelled_text("source", format_title(suggestion.highlight))
    yield format_unlabelled_text(f"ankiforge accept {id}")


def _format_title(list_row: ListRow) -> str:
    title = f"{list_row.id[:10]}  {list_row.kind}  {list_row.verdict_name}"
    if isinstance(list_row, LocalCard):
        title += f"  anki: {list_row.anki_state}"
    return title


def _format_source(list_row: ListRow) -> TextLines:
    """Yield lines with the places of a card or draft in its sources, and links to them."""
    highlight = list_row.highlight
    parts = [format_title(highlight)]
    for heading in filter(None, highlight.heading.split(" › ")):
        if heading != highlight.document.title:
            parts.append(heading)
    label = "last in" if _is_lost(list_row) else "source"
    yield format_labelled_text(label, " › ".join(parts))
    for link in filter(None, (highlight.uri, *highlight.links)):
        yield format_unlabelled_text(link)
    for passage in list_row.passages[1:]:
        yield format_labelled_text("also", format_title(passage))


def _is_lost(list_row: ListRow) -> bool:
    """Return whether the passage of a card is gone from its source."""
    if not isinstance(list_row, LocalCard):
        return False
    return SourceChange.SOURCE_GONE in list_row.source_changes


def _format_findings(ledger: Ledger, list_row: ListRow) -> TextLines:
    from ankiforge.ledger import item_lists

    for finding in list_row.findings:
        yield format_labelled_text(finding.severity, finding.message)
        if finding.duplicate and not finding.duplicate.startswith(FOREIGN_PREFIX):
            for near in item_lists.load_items(ledger, [finding.duplicate]):
                text = f"{near.id[:10]}  {format_short_question(near)}"
                yield format_unlabelled_text(text)


def _format_pending_reasons(draft: PendingDraft) -> TextLines:
    """Yield lines that say why a draft waits, unless its findings say so."""
    if list_remarks(draft) or not list_findings(draft):
        yield format_labelled_text("waits", explain_pending(draft))
    for remark in draft.remarks:
        if remark.detail is not None:
            yield format_unlabelled_text(f"{remark.kind}: {remark.detail}")


def _format_changed_card(ledger: Ledger, draft: PendingDraft) -> TextLines:
    """Yield a line with the present text of the card that a draft would change, if any."""
    from ankiforge.ledger import item_lists
    from ankiforge.pipeline.collection import apply_anki_edits_to_rows

    if not draft.target_guid or draft.keeps_text:
        return
    label = "instead of" if draft.replaced_guid else "now"
    rows = item_lists.load_items(ledger, [draft.target_guid])
    for card in apply_anki_edits_to_rows(ledger, rows):
        yield format_labelled_text(label, _format_fields(card))


def format_passage_change(draft: PendingDraft) -> Strings:
    """Return the old and the new passage of the card that a draft would change, or ().

    The words in which they differ are bold.
    """
    old_quote, quote = to_one_line(draft.old_quote), to_one_line(draft.quote)
    if not old_quote or not quote or old_quote == quote:
        return ()
    return mark_differing_words(old_quote, quote)


def _format_fields(list_row: ListRow) -> str:
    parts = [f"{name}: {text}" for name, text in view_card(list_row).rows]
    return to_one_line("; ".join(parts))


def format_quote_in_passage(passage: str, quote: str) -> str:
    """Format a quote between » and «, with some of the passage before and after it.

    If the passage doesn't contain the quote, or consists only of the quote, return the
    beginning of the passage.
    """
    passage, quote = to_one_line(passage), to_one_line(quote)
    if not quote or quote == passage or quote not in passage:
        return f"“{_truncate_at_word(passage, 2 * _CONTEXT_CHARS)}”"
    text_before, _, text_after = passage.partition(quote)
    text_before = _truncate_at_word(text_before[::-1], _CONTEXT_CHARS)[::-1]
    return f"“{text_before}»{quote}«{_truncate_at_word(text_after, _CONTEXT_CHARS)}”"


def _truncate_at_word(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    shown, _, last_word = text[: limit + 1].rpartition(" ")
    if len(last_word) > _MAX_WORD_CHARS:  # probably a script without spaces
        shown = text[:limit]
    return f"{shown.rstrip(' ,;:')}…"


def format_content(view: CardView) -> TextLines:
    """Yield the fields, gaps and quote of a card or draft."""
    for name, text in view.rows:
        if name != occlusion.OCCLUSION_FIELD:
            yield format_labelled_text(name.lower(), text)
    if view.masks is not None:
        yield from _format_masks(view.masks)
    for number, text in enumerate(view.gaps, start=1):
        yield format_labelled_text(f"gap {number}", text)
    yield format_labelled_text("quote", view.card.quote)


def _format_masks(masks: occlusion.Masks) -> TextLines:
    """Yield lines with how a figure is asked, and with the label below each of its masks."""
    hidden = "all labels"
    if masks.hide == occlusion.HIDE_ONE:
        hidden = "one label at a time"
    yield format_labelled_text("hides", hidden)
    for mask in masks.masks:
        text = f"{mask.number}  {mask.label or '(drawn)'}"
        if not mask.on:
            text += "  (switched off)"
        yield format_unlabelled_text(text)


def _format_card_state(ledger: Ledger, card: LocalCard) -> TextLines:
    from ankiforge.ledger.tables.anki_notes import load_note_in_anki

    if card.revision and not card.revision.keeps_text:
        yield format_labelled_text("becomes", _format_fields(card.revision))
    note = load_note_in_anki(ledger, card.id)
    if note is not None:
        yield format_labelled_text("studied", " · ".join(_list_study_facts(note)))
        if note.feedback:
            yield format_labelled_text("remark", note.feedback)
    if card.verdict_reason:
        yield format_labelled_text(card.verdict_name, card.verdict_reason)


def _list_study_facts(note: AnkiNote) -> TextLines:
    """Yield the deck of a note in Anki, and how it was studied there."""
    if note.deck:
        yield note.deck
    yield format_count(note.reviews, "review")
    if note.lapses:
        yield format_count(note.lapses, "lapse")
    if note.suspended:
        yield "suspended"


def format_question(question: UserQuestion) -> TextLines:
    """Yield lines with a question, its examples, its conflicts, and the commands that answer it."""
    id = question.id[:MIN_ID_CHARS]
    yield f"{id}  {question.text}"
    for example in question.examples:
        yield format_unlabelled_text(to_one_line(example))
    for conflict in question.conflicts:
        user_label, source_label = "mine", "source"
        if conflict.is_edited_in_ankiforge:
            user_label, source_label = "in Anki", "here"
        yield format_unlabelled_text(f"{conflict.field}:")
        yield format_labelled_text(f"  {user_label}", conflict.user_text)
        yield format_labelled_text(f"  {source_label}", conflict.source)
    for action in sort_as_commands(list_question_actions(question)):
        if action.effect is not None:
            command = join_columns(f"ankiforge {action.verb} {id}", action.effect)
            yield format_unlabelled_text(command)
