"""Format cards, drafts, highlights, questions and decisions as JSON and as text for a terminal.

The JSON is what commands such as `list --json` and `show --json` print.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from ankiforge.model import (
    FOREIGN_PREFIX,
    CardContent,
    CardKind,
    Document,
    Draft,
    Fields,
    Highlight,
    Json,
    ListRow,
    LocalCard,
    Lookalike,
    Pair,
    PendingDraft,
    Proposal,
    Question,
    Strings,
    hash16,
)
from ankiforge.text import (
    RIGHT_ALIGN_MARK,
    format_count,
    mark_bold,
    occlusion,
    to_one_line,
    truncate,
)
from ankiforge.text.cloze import (
    format_cloze_answers,
    split_at_gaps,
    to_plain_text,
    to_terminal_text,
)
from ankiforge.text.normalize import remove_escapes
from ankiforge.text.passages import (
    remove_truncated_first_word,
    remove_truncated_last_word,
)

if TYPE_CHECKING:
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.ledger import (
        HighlightOutcome,
        HistoryEntry,
        Ledger,
        LocatedLookalike,
    )
    from ankiforge.ledger.facts import Fact


TextLines = Iterator[str]

# --- JSON -------------------------------------------------------------------------------


def list_row_to_json(
    ledger: Ledger, list_row: ListRow, decks: tuple[DeckRule, ...]
) -> Json:
    """Convert a card or draft to the JSON printed by `list --json` and `show --json`."""
    # import these late, because they are slow, and `extract` doesn't need them
    from ankiforge.anki.notes import render_content
    from ankiforge.pipeline.decks import collect_tags

    if isinstance(list_row, LocalCard):
        state = _card_state_to_json(ledger, list_row)
    else:
        state = _draft_state_to_json(list_row)
    html = render_content(list_row.kind, list_row.fields)
    figure: Json | None = None
    masks = get_figure_masks(list_row)
    if masks is not None:
        figure = {"hide": masks.hide, "masks": [*map(asdict, masks.masks)]}
    return {
        "id": list_row.id,
        "guid": state.pop("guid"),
        "verdict": list_row.verdict_name,
        "kind": list_row.kind,
        "anki": state.pop("anki"),
        "deck": list_row.deck,
        "tags": collect_tags(list_row, decks),
        "fields": dict(list_row.fields),
        "gaps": list_alternative_gaps(list_row),
        "figure": figure,
        "html": dict(zip(list_row.family.content_fields, html, strict=True)),
        "quote": list_row.quote,
        "highlight": list_row.highlight.key,
        "also": [passage.key for passage in list_row.passages[1:]],
        "document": list_row.highlight.document.key,
        "title": list_row.highlight.document.title,
        "heading": list_row.highlight.heading,
        "origin": {
            "drafter": list_row.origin.drafter,
            "model": list_row.origin.model,
            "prompt": list_row.origin.prompt,
        },
        "findings": list_row.findings,
        **state,
    }


def _draft_state_to_json(draft: PendingDraft) -> Json:
    from ankiforge.review.items import explain_pending

    return {
        "guid": None,
        "anki": "none",
        "waits": explain_pending(draft),
        "revises": draft.revises,
        "replaces": draft.replaces,
        "revision": None,
        "reason": "",
        "accepted_by": "",
        "seen": None,
    }


def _card_state_to_json(ledger: Ledger, card: LocalCard) -> Json:
    from ankiforge.ledger.tables.anki_notes import load_present_note

    revision: Json | None = None
    if card.revision:
        fields = dict(card.revision.fields)
        revision = {"id": card.revision.id, "fields": fields}
    seen: Json | None = None
    note = load_present_note(ledger, card.guid) if card.anki == "seen" else None
    if note is not None:
        seen = {
            "mod": note.mod,
            "tags": note.tags,
            "deck": note.deck,
            "reviews": note.reviews,
            "lapses": note.lapses,
            "suspended": note.suspended,
            "leech": note.is_leech,
            "remark": note.feedback,
        }
    return {
        "guid": card.guid,
        "anki": card.anki,
        "waits": "",
        "revises": None,
        "replaces": None,
        "revision": revision,
        "reason": card.why,
        "accepted_by": card.by if card.is_live else "",
        "seen": seen,
    }


def passage_to_json(ledger: Ledger, key: str) -> Json:
    """Convert the facts in a passage to the JSON printed by `show KEY --json`.

    A fact is a sentence of the passage that could become a card.
    """
    from ankiforge.ledger.tables.snapshots import load_snapshot

    local_passage = load_snapshot(ledger, ledger.get_passage(key))
    facts = []
    for fact in local_passage.compute_facts():
        sentence_hash = hash16(fact.sentence)
        state = "decided" if fact.decided else "offered"
        drafts = [
            draft.id
            for draft in local_passage.pending_drafts
            if sentence_hash in draft.about
        ]
        fact_json = {"sentence": fact.sentence, "state": state, "card": fact.card or None}
        facts.append({**fact_json, "near": fact.near, "drafts": drafts})
    ids = {"id": None, "guid": None, "key": key}
    return {**ids, "facts": facts, "closed": local_passage.passage.closed}


def format_passage(ledger: Ledger, key: str) -> TextLines:
    """Yield a line counting a passage's decided facts, followed by one line per fact."""
    from ankiforge.ledger.tables.snapshots import load_snapshot

    facts = load_snapshot(ledger, ledger.get_passage(key)).compute_facts()
    if facts:
        yield format_fact_count(facts) or "one fact"
    for fact in facts:
        yield f"  {'decided' if fact.decided else 'offered'}  {fact.sentence}"


def format_fact_count(facts: Sequence[Fact]) -> str:
    """Format how many facts have been decided on, or return "" for fewer than two facts."""
    decided = [fact for fact in facts if fact.decided]
    if len(facts) < 2:
        return ""
    return f"{len(decided)} of {len(facts)} facts decided"


def question_to_json(question: Question) -> Json:
    """Convert a question to the JSON printed by `list --view questions --json`."""
    conflicts = []
    for conflict in question.conflicts:
        conflicts.append(
            {"field": conflict.field, "mine": conflict.mine, "source": conflict.source}
        )
    return {
        "id": question.id,
        "guid": None,
        "question": question.kind,
        "text": question.text,
        "accept": question.accept_effect,
        "reject": question.reject_effect,
        "guids": question.guids,
        "examples": question.examples,
        "conflicts": conflicts,
    }


def decision_to_json(entry: HistoryEntry) -> Json:
    """Convert a history entry, i.e. a decision or a change made by a source, to JSON.

    Its `id` can be passed to `ankiforge undo`.
    """
    origin = {
        "id": entry.id,
        "guid": entry.guid,
        "at": entry.at,
        "by": entry.by,
        "what": entry.what,
    }
    data: Json = {**origin, "highlight": entry.key, "text": entry.text}
    if entry.change is not None:
        data["before"] = dict(entry.change.before)
        data["after"] = dict(entry.change.after)
    return data


def highlight_to_json(highlight: Highlight) -> Json:
    """Convert a highlight to the JSON printed by `extract --json`."""
    return {
        "key": highlight.key,
        "source": highlight.document.source,
        "kind": highlight.kind,
        "form": highlight.form,
        "exact": highlight.exact,
        "gaps": highlight.gaps,
        "prefix": remove_truncated_first_word(highlight.prefix),
        "suffix": remove_truncated_last_word(highlight.suffix),
        "comment": highlight.comment,
        "colour": highlight.colour,
        "author": highlight.author,
        "tags": highlight.tags,
        "created": highlight.created,
        "modified": highlight.modified,
        "page_label": highlight.page_label,
        "heading": highlight.heading,
        "above": highlight.above,
        "uri": highlight.uri,
        "links": highlight.links,
        "document": document_to_json(highlight.document),
    }


def document_to_json(document: Document) -> Json:
    """Convert a document's bibliographic data to JSON."""
    data = {
        "key": document.key,
        "title": document.title,
        "creators": document.creators,
        "issued": document.issued,
    }
    return {**data, "identifiers": dict(document.identifiers)}


# --- short forms ------------------------------------------------------------------------

STATUS_TEXTS = {
    "carded": "with a card",
    "waiting": "waiting for you",
    "blocked": "blocked by a check",
    "no_card": "no card",
    "left_out": "skipped",
    "failed": "failed",
    "undrafted": "not drafted yet",
}
"""How the user sees each status of a highlight."""

_MAX_PROPOSAL_REASONS = 3
_MAX_QUESTION_CHARS = 72
_CHARS_BEFORE_GAP = 24
"""The number of characters to show before the first gap when a long question is truncated on
the left.
"""


def get_anki_status(list_row: ListRow) -> str:
    """Return a card's status in Anki; drafts are always "none"."""
    return list_row.anki if isinstance(list_row, LocalCard) else "none"


def format_title(highlight: Highlight) -> str:
    """Format the title of a highlight's document, followed by the page if known."""
    return ", ".join(filter(None, (highlight.document.title, highlight.page_text)))


_STATE_SIGNS = {"accepted": "✓", "in Anki": "✓", "waiting": "○", "revision": "○"}


def format_list_row(list_row: ListRow, facts: str = "") -> str:
    """Format a card or draft as one line: question, `facts`, and document title.

    The line starts with ✓ for an accepted card and ○ for a pending draft. Any other state
    is marked with ✗ and spelled out.
    """
    _, *other_gaps = list_alternative_gaps(list_row) or [""]
    parts = [_format_card_question(list_row.fields)]
    if other_gaps:
        parts.append(f"or: {truncate(' · '.join(other_gaps), 60)}")
    parts += [
        f"({remark})"
        for remark in (facts, _STATE_SIGNS.get(list_row.state, list_row.state))
        if len(remark) > 1
    ]
    sign = _STATE_SIGNS.get(list_row.state, "✗")
    return (
        f"{sign} {'  '.join(parts)}{RIGHT_ALIGN_MARK}{list_row.highlight.document.title}"
    )


def _format_card_question(fields: Iterable[Pair]) -> str:
    text_by_field = dict(occlusion.to_readable_fields(fields))
    if occlusion.OCCLUSION_FIELD in text_by_field:
        return to_one_line(text_by_field[occlusion.OCCLUSION_FIELD]) or "(no label)"
    question = text_by_field.get("Text") or text_by_field.get("Front", "")
    return to_one_line(to_terminal_text(question, *mark_bold(" ").split(" ")))


def list_alternative_gaps(list_row: ListRow | Proposal) -> list[str]:
    """Return the text hidden by each candidate gap of a draft, best first.

    The list is empty for cards, whose gap has already been chosen.
    """
    gaps = list_row.gaps if isinstance(list_row, Draft) else ()
    return [to_plain_text(format_cloze_answers(text)) for text in gaps]


def proposal_to_json(proposal: Proposal) -> Json:
    """Convert a proposal to the JSON printed by `list --no-card --json`."""
    return {
        "fields": dict(proposal.fields),
        "gaps": list_alternative_gaps(proposal),
        "confidence": round(proposal.confidence, 2),
    }


def format_short_question(fields: Iterable[Pair]) -> str:
    """Format a card's question on one line, with gaps in brackets.

    A long question is truncated; a long cloze text is cut so that the first gap stays
    visible.
    """
    text_by_field = dict(occlusion.to_readable_fields(fields))
    question = text_by_field.get("Text") or text_by_field.get("Front", "")
    if occlusion.OCCLUSION_FIELD in text_by_field:
        question = text_by_field[occlusion.OCCLUSION_FIELD] or "(no label)"
    question = to_one_line(question)
    (before, answer), *_ = split_at_gaps(question) or [("", "")]
    gap_start = len(before)
    question = to_terminal_text(question)
    # if a cloze text is long, show the part with the first gap
    if not answer or gap_start + len(answer) + len("[]") <= _MAX_QUESTION_CHARS:
        return truncate(question, _MAX_QUESTION_CHARS)
    start = (
        question.find(" ", max(gap_start - _CHARS_BEFORE_GAP, 0), gap_start) + 1
        or gap_start
    )
    return f"…{truncate(question[start:], _MAX_QUESTION_CHARS - 1)}"


def format_question_row(question: Question) -> str:
    """Format a question to the user on one line, with its examples."""
    examples = question.examples or [conflict.source for conflict in question.conflicts]
    examples_line = to_one_line(" / ".join(examples))
    return f"? {question.text}{RIGHT_ALIGN_MARK}{examples_line}"


def describe_decision(entry: HistoryEntry) -> str:
    """Return the text a decision is about, falling back to the note's GUID or passage key."""
    return _format_entry_text(entry) or entry.guid[:10] or entry.key


def format_decision_row(entry: HistoryEntry) -> str:
    """Format a decision in the short one-line form: what was decided, the text, the time."""
    minute = entry.at[:16].replace("T", " ")
    return f"{entry.description}: {describe_decision(entry)}{RIGHT_ALIGN_MARK}{minute}"


def format_decision_line(entry: HistoryEntry) -> str:
    """Format a decision in the long one-line form.

    This adds its id, its author, and the id of the item it applies to.
    """
    minute = entry.at[:16].replace("T", " ")
    object_id = entry.guid[:10] or entry.key
    start = f"{entry.id:16}  {minute}  {entry.description} by {entry.by}"
    return f"{start}  {object_id}  {_format_entry_text(entry)}".rstrip()


def _format_entry_text(entry: HistoryEntry) -> str:
    text = to_terminal_text(entry.text) if "{{" in entry.text else entry.text
    return truncate(remove_escapes(to_one_line(text)), 60)


def format_change(entry: HistoryEntry) -> TextLines:
    """Yield lines with the old and new text of a card that was updated from its source.

    The first line gives the command to undo the change.
    """
    undo = f"to undo it: ankiforge undo {entry.id}"
    yield f"{entry.guid[:10]}  changed with its source {entry.at[:10]}; {undo}"
    if entry.change:
        for name, old_text, new_text in entry.change.changed_fields:
            yield _format_labelled(f"  {name.lower()}", old_text)
            yield _format_labelled("   →", new_text or "(nothing)")


def format_outcome(
    outcome: HighlightOutcome, proposal: Proposal | None, *, whole: bool
) -> TextLines:
    """Yield lines about a highlight without a card: its proposal, or the text and reason.

    Args:
        outcome: the highlight and the reason why it has no card.
        proposal: the card proposed for the highlight, if any.
        whole: whether to add the alternative gaps, and the key to pass to `accept` and
            `edit`.
    """
    highlight = outcome.highlight
    document_title = format_title(highlight)
    if proposal:
        yield f"○ {_format_card_question(proposal.fields)}{RIGHT_ALIGN_MARK}{document_title}"
        if whole:
            _, *other_gaps = list_alternative_gaps(proposal)
            alternatives = f"; or: {' · '.join(other_gaps)}" if other_gaps else ""
            yield f"    proposal, score {100 * proposal.confidence:.0f}{alternatives}"
            yield f"    ankiforge accept {highlight.key}"
        return
    text = to_one_line(highlight.exact or highlight.comment)
    yield f"– {text or f'({highlight.kind})'}{RIGHT_ALIGN_MARK}{document_title}"
    yield f"    {STATUS_TEXTS.get(outcome.status, 'no card')}: {outcome.reason}"
    if whole:
        yield f"    {highlight.key}"


def format_location(highlight: Highlight) -> str:
    """Format where a highlight is: the file or title, the page, and the heading."""
    document = highlight.document
    file = document.path or dict(document.identifiers).get("file") or document.title
    return ", ".join(filter(None, (file, highlight.page_text, highlight.heading)))


def list_skipped(ledger: Ledger) -> Iterator[LocatedLookalike]:
    """Yield passages that look like highlights but were skipped, followed by unread files.

    Unread files of the same kind in the same directory share one entry.
    """
    from ankiforge.extract.discover import EMPTY_FILE_KIND, MARKED_ATTACHMENT_KIND
    from ankiforge.ledger import LocatedLookalike, pending_items
    from ankiforge.pipeline.sources import load_unread_files

    reasons = {
        EMPTY_FILE_KIND: "which are empty",
        MARKED_ATTACHMENT_KIND: (
            "whose marks Zotero does not know: name the folder storage to read them"
        ),
        ".txt": "read only if named, or in a folder that contains only texts",
    }
    yield from pending_items.iter_lookalikes(ledger)
    for folder, unread in load_unread_files(ledger).items():
        for kind, number in unread.count_by_kind.items():
            explanation = reasons.get(
                kind, "which ankiforge cannot read: name one to see why"
            )
            reason = f"{format_count(number, 'such file')} here, {explanation}"
            if unread.are_elsewhere and kind not in reasons:
                marks = format_count(number, "mark")
                reason = f"the file is not on this computer: the text around {marks} is unknown"
            yield LocatedLookalike("", folder, folder, Lookalike(kind, "", reason))


def skipped_to_json(entry: LocatedLookalike) -> Json:
    """Convert a skipped passage or file to JSON for `list --no-card --all --json`."""
    return {
        "key": None,
        "source": entry.source,
        "kind": entry.lookalike.kind,
        "exact": "",
        "place": entry.location,
        "fate": "left_out",
        "reason": entry.lookalike.reason,
        "path": entry.document,
        "title": entry.title,
    }


def format_skipped(entry: LocatedLookalike) -> Strings:
    """Format a skipped passage or file as two lines: where and what it is, then the reason."""
    return (
        f"{entry.location}: {entry.lookalike.kind}",
        f"    left out: {entry.lookalike.reason}",
    )


# --- in full ----------------------------------------------------------------------------

_CONTEXT_CHARS = 150
"""The number of characters of a passage to show before and after a quote."""
_MAX_WORD_CHARS = 24


def _format_labelled(label: str, text: str) -> str:
    return f"{label:9} {text}".replace("\n", f"\n{'':10}")


def format_list_row_in_full(
    ledger: Ledger,
    list_row: ListRow,
    questions: Iterable[Question] = (),
) -> TextLines:
    """Yield lines with everything about a card or draft, from its fields to its state.

    Any of `questions` that concern the card are added at the end.
    """
    from ankiforge.ledger import item_lists

    title = f"{list_row.id[:10]}  {list_row.kind}  {list_row.verdict_name}"
    yield f"{title}  anki: {list_row.anki}" if isinstance(list_row, LocalCard) else title
    yield _format_labelled("deck", list_row.deck)
    yield from format_content(list_row)
    yield from _format_source(list_row)
    for finding in list_row.findings:
        yield _format_labelled(finding.severity, finding.message)
        if finding.duplicate and not finding.duplicate.startswith(FOREIGN_PREFIX):
            for duplicate in item_lists.load_items(ledger, [finding.duplicate]):
                yield _format_labelled(
                    "", f"{duplicate.id[:10]}  {format_short_question(duplicate.fields)}"
                )
    if isinstance(list_row, PendingDraft):
        yield from _format_draft_state(ledger, list_row)
    else:
        yield from _format_card_state(ledger, list_row)
    for question in questions:
        if list_row.id in question.guids:
            yield from format_question(question)


def format_quote_in_passage(passage: str, quote: str) -> str:
    """Format a quote in » and «, surrounded by some context from the passage.

    If the quote isn't in the passage, or is all of it, return the start of the passage.
    """
    passage, quote = to_one_line(passage), to_one_line(quote)
    text_before, match, text_after = (
        passage.partition(quote) if quote else (passage, "", "")
    )
    if match and quote != passage:
        text_before = _truncate_at_word(text_before[::-1], _CONTEXT_CHARS)[::-1]
        return f"“{text_before}»{quote}«{_truncate_at_word(text_after, _CONTEXT_CHARS)}”"
    return f"“{_truncate_at_word(passage, 2 * _CONTEXT_CHARS)}”"


def _truncate_at_word(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    start, _, last_word = text[: limit + 1].rpartition(" ")
    # if the last word is very long, the text is probably in a script without spaces
    return f"{start if len(last_word) <= _MAX_WORD_CHARS else text[:limit]}…"


def format_content(list_row: ListRow) -> TextLines:
    """Yield the fields, gaps and quote of a card or draft."""
    for name, text in list_row.fields:
        if name != occlusion.OCCLUSION_FIELD:
            yield _format_labelled(name.lower(), text)
    masks = get_figure_masks(list_row)
    if masks is not None:
        hides_one = masks.hide == occlusion.HIDE_ONE
        yield _format_labelled(
            "hides", "one label at a time" if hides_one else "all labels"
        )
        for mask in masks.masks:
            state = "" if mask.on else "  (switched off)"
            yield _format_labelled("", f"{mask.number}  {mask.label or '(drawn)'}{state}")
    for number, text in enumerate(list_alternative_gaps(list_row), start=1):
        yield _format_labelled(f"gap {number}", text)
    yield _format_labelled("quote", list_row.quote)


def _format_source(list_row: ListRow) -> TextLines:
    highlight = list_row.highlight
    heading = f" › {highlight.heading}" if highlight.heading else ""
    yield _format_labelled("source", f"{format_title(highlight)}{heading}")
    for link in (highlight.uri, *highlight.links):
        if link:
            yield _format_labelled("", link)
    for passage in list_row.passages[1:]:
        yield _format_labelled("also", format_title(passage))


def _format_draft_state(ledger: Ledger, draft: PendingDraft) -> TextLines:
    from ankiforge.ledger import item_lists
    from ankiforge.review.items import explain_pending

    reason = explain_pending(draft)
    if reason:
        yield _format_labelled("waits", reason)
    for old_card in item_lists.load_items(
        ledger, [draft.changed_card] if draft.changed_card else []
    ):
        yield _format_labelled(
            "instead of" if draft.replaces else "now", _format_fields(old_card.fields)
        )
    force_option = "--force " if draft.is_blocked else ""
    gap_option = " --gap 1" if len(draft.gaps) > 1 else ""
    effect = " (the card gets these words)" if draft.revises else ""
    yield _format_labelled(
        "", f"ankiforge accept {force_option}{draft.id[:10]}{gap_option}{effect}"
    )
    if draft.revises and not draft.is_hand_written:
        yield _format_labelled(
            "",
            f"ankiforge accept --another {force_option}{draft.id[:10]}{gap_option} (another card)",
        )
    if draft.kind is CardKind.OCCLUSION:
        yield _format_labelled("", "ankiforge review")
    else:
        first_field = draft.family.content_fields[0]
        yield _format_labelled(
            "", f'ankiforge edit {draft.id[:10]} --field {first_field} "…"'
        )
    yield _format_labelled("", f"ankiforge reject {draft.id[:10]}")


def _format_card_state(ledger: Ledger, card: LocalCard) -> TextLines:
    from ankiforge.ledger.tables.anki_notes import load_present_note

    if card.revision:
        yield _format_labelled("revision", _format_fields(card.revision.fields))
        yield _format_choices(card.revision.id, "take the new words", "keep the old ones")
        if not card.revision.is_hand_written:
            yield _format_labelled(
                "", f"ankiforge accept --another {card.revision.id[:10]} (another card)"
            )
    note = load_present_note(ledger, card.id)
    if note:
        parts = [note.deck] if note.deck else []
        parts.append(f"{note.reviews} reviews")
        if note.lapses:
            parts.append(f"{note.lapses} lapses")
        if note.suspended:
            parts.append("suspended")
        yield _format_labelled("studied", " · ".join(parts))
        if note.feedback:
            yield _format_labelled("remark", note.feedback)
    if card.why:
        yield _format_labelled(card.verdict_name, card.why)
    if not card.is_live:
        yield _format_labelled("", f"ankiforge undo {card.id[:10]}")


def get_figure_masks(content: CardContent) -> occlusion.Masks | None:
    """Return the masks of an image occlusion card, or None for other kinds of cards."""
    if content.kind is not CardKind.OCCLUSION:
        return None
    return occlusion.get_masks(content.fields)


def explain_proposal(proposal: Proposal) -> str:
    """Explain why a proposal's sentence should make a good card, strongest reasons first."""
    from ankiforge.draft.propose import ScoredSentence, draft_cloze, score_sentences
    from ankiforge.draft.propose.features import rank_features

    reasons = []
    for sentence in score_sentences(proposal.highlight):
        if not isinstance(sentence, ScoredSentence):
            continue
        draft = draft_cloze(proposal.highlight, sentence)
        if not isinstance(draft, Draft) or draft.quote != proposal.quote:
            continue
        for feature in rank_features(sentence.features):
            if feature.weight > 0:
                reasons.append(feature.description)
    return "; ".join(reasons[:_MAX_PROPOSAL_REASONS])


def _format_fields(fields: Fields) -> str:
    parts = [f"{name}: {text}" for name, text in occlusion.to_readable_fields(fields)]
    return to_one_line("; ".join(parts))


def _format_choices(id: str, accept_effect: str, reject_effect: str) -> str:
    return _format_labelled(
        "",
        f"ankiforge accept {id} ({accept_effect}) · ankiforge reject {id} ({reject_effect})",
    )


def format_question(question: Question) -> TextLines:
    """Yield lines with a question, its conflicts and examples, and the answer commands."""
    yield f"{question.id}  {question.text}"
    for conflict in question.conflicts:
        yield _format_labelled(conflict.field.lower(), "")
        yield _format_labelled(
            "  in Anki" if conflict.edited_here else "  mine", conflict.mine
        )
        yield _format_labelled(
            "  here" if conflict.edited_here else "  source", conflict.source
        )
    for example in question.examples:
        yield _format_labelled("", to_one_line(example))
    yield _format_choices(question.id, question.accept_effect, question.reject_effect)
