"""Adopt the notes that other tools made in Anki, with their review history.

Drafts are matched with notes in Anki by an id that the tool wrote into the source or, failing that,
by equal text if it occurs in only one draft and one note. Drafts that can't be matched are listed
for the user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ankiforge.anki.collection import open_anki_contents
from ankiforge.anki.notes import field_to_text, render_content_fields
from ankiforge.anki.notetypes import find_question_and_answer_fields, map_to_our_fields
from ankiforge.anki.render import field_to_markdown
from ankiforge.ledger import (
    Ledger,
    NoteTakeover,
    QueryTerm,
    anki_views,
    cards,
    item_lists,
)
from ankiforge.ledger.tables.anki_notes import iter_notes_in_anki
from ankiforge.model import (
    AdoptedNote,
    AnkiNote,
    AnkiNoteType,
    Json,
    NoteType,
    PendingDraft,
    Strings,
    Texts,
    Value,
)
from ankiforge.model.hints import parse_schedule
from ankiforge.text import regex, to_one_line, truncate

ROWS_SHOWN = 3
"""The default number of rows to show from each list."""
_MAX_TEXT_CHARS = 60
"""The length to which a text in a row is truncated, in characters."""
_CLOZE_START = regex(r"\{\{c\d+::")
_OUR_GUID = regex(r"af[a-z2-7]{24}")


class MatchRow(Value):
    """A draft, note or card in one of the lists that the user sees before confirming."""

    where: str
    """The path or title of the document."""
    source: str = ""
    """The text in the source."""
    anki: str = ""
    """The text in Anki, or the reason why the draft can't be matched."""


class NoteMatches(msgspec.Struct):
    """Drafts matched with other tools' notes, and drafts and notes that couldn't be matched."""

    by_id: list[NoteTakeover] = []
    """The notes matched with certainty, by an id in the source."""
    by_words: list[NoteTakeover] = []
    """The notes matched because only one draft and one note have the same text."""
    scheduled: list[NoteTakeover] = []
    """The drafts and cards to which a schedule in the source will be applied."""
    in_anki: list[MatchRow] = []
    """The cards that have a schedule in the source but are already in Anki.

    An import doesn't change their schedule in Anki."""
    differing: list[MatchRow] = []
    """The notes in `by_id` whose text in Anki differs from the source."""
    not_in_anki: list[MatchRow] = []
    """The drafts with an id of another tool that match no note in Anki."""
    unclear: list[MatchRow] = []
    """The drafts that can't be matched because two passages have the same id, a side of the note
    consists of several fields, or the note is of a different kind."""

    @property
    def notes_to_take_over(self) -> list[NoteTakeover]:
        """The matched notes, and the drafts and cards with a schedule in their source."""
        return [*self.by_id, *self.by_words, *self.scheduled]


TOOLS = ("o2a", "flashcards")
"""The values of `--from` for tools that make notes in Anki: Obsidian_to_Anki and
flashcards-obsidian. The third value, `sr` for obsidian-spaced-repetition, has only schedules."""

# --- matching ---------------------------------------------------------------------------


class _ForeignNote(Value):
    note: AnkiNote
    type: AnkiNoteType
    names: Texts
    """Maps our field names to the note's, or {} if a side has no single field."""

    @property
    def html(self) -> Texts:
        return dict(zip(self.type.field_names, self.note.fields, strict=False))

    @property
    def texts(self) -> Strings:
        """The plain text of the fields in `names`. If there are none, of the first two fields."""
        first_two = dict(zip(("Front", "Back"), self.type.field_names, strict=False))
        names = self.names or first_two
        html = self.html
        our_html = {our_name: html.get(name, "") for our_name, name in names.items()}
        return _to_plain_texts(our_html, self.type.our_type)

    def explain_mismatch(self, claims: Sequence[PendingDraft]) -> str | None:
        """Return why drafts with the note's id can't take over the note, or None if one can."""
        if len(claims) > 1:
            return "two passages have its id"
        if not self.names:
            return f"its note type {self.type.name} has no single field for each side"
        if self.type.our_type is not claims[0].kind.note_type:
            return f"it is not a card of the note type {self.type.name}"
        return None

    def make_takeover(self, draft: PendingDraft) -> NoteTakeover:
        html = self.html
        text = ""
        if self.type.cloze:
            text = field_to_markdown(html[self.names["Text"]])
        note = self.note
        adopted = AdoptedNote(note.guid, note.id, self.type.id, self.names, html)
        return NoteTakeover(draft.id, adopted, text, note.deck)


def match_notes(ledger: Ledger, collection: Path | None, tool: str | None) -> NoteMatches:
    """Match pending drafts with notes that other tools made in Anki.

    Args:
        ledger: source of the pending drafts.
        collection: the path of Anki's collection, which isn't changed, or None to look only for
            schedules in the sources.
        tool: the tool to take over from, as in `--from`, or None for all tools.
    """
    matches = NoteMatches()
    draft_ids = item_lists.find_items(ledger, [QueryTerm("verdict", "waiting")])
    new_cards = [
        draft
        for draft in item_lists.load_pending_drafts(ledger, draft_ids)
        if draft.is_user_text and not draft.revised_guid
    ]
    if collection is not None and tool != "sr":
        notes = list(_iter_foreign_notes(ledger, collection))
        _match_drafts(matches, notes, new_cards)
    if collection is None or tool in (None, "sr"):
        _add_schedules(ledger, matches, new_cards)
    return matches


def _iter_foreign_notes(ledger: Ledger, collection: Path) -> Iterator[_ForeignNote]:
    """Yield the notes of other tools that haven't been taken over yet."""
    adopted = {note.guid for note in anki_views.load_adopted_notes(ledger).values()}
    with open_anki_contents(collection, None) as view:
        types = {note_type.id: note_type for note_type in view.note_types}
        for note in view.iter_notes():
            note_type = types.get(note.type_id)
            is_ours = note.guid in adopted or _OUR_GUID.fullmatch(note.guid)
            if note_type is None or is_ours:
                continue
            fields = dict(zip(note_type.field_names, note.fields, strict=False))
            sides = find_question_and_answer_fields(note_type, note.ordinals, fields)
            yield _ForeignNote(note, note_type, map_to_our_fields(note_type, *sides))


def _match_drafts(
    matches: NoteMatches, notes: Sequence[_ForeignNote], drafts: Sequence[PendingDraft]
) -> None:
    """Add to `matches` what becomes of each draft.

    A draft with the id of a note, which the tool wrote into the source, can only match this note.
    All other drafts and notes are compared by their texts.
    """
    note_by_id = {str(note.note.id): note for note in notes}
    claims_by_id: dict[str, list[PendingDraft]] = defaultdict(list)
    drafts_without_id: list[PendingDraft] = []
    for draft in drafts:
        if draft.highlight.other_tool_id:
            claims_by_id[draft.highlight.other_tool_id].append(draft)
        else:
            drafts_without_id.append(draft)

    drafts_without_note: list[PendingDraft] = []
    for id, claims in claims_by_id.items():
        if id in note_by_id:
            _match_by_id(matches, note_by_id[id], claims)
        else:
            drafts_without_note += claims

    unclaimed_notes = [note for id, note in note_by_id.items() if id not in claims_by_id]
    _match_by_texts(matches, unclaimed_notes, [*drafts_without_id, *drafts_without_note])


def _match_by_id(
    matches: NoteMatches, note: _ForeignNote, claims: Sequence[PendingDraft]
) -> None:
    """Match the drafts that have a note's id with the note, if exactly one can take it over."""
    unclear_reason = note.explain_mismatch(claims)
    if unclear_reason is not None:
        matches.unclear += [_make_row(draft, unclear_reason) for draft in claims]
        return
    [draft] = claims
    matches.by_id.append(note.make_takeover(draft))
    if _remove_whitespace(note.texts) != _remove_whitespace(_render_draft(draft)):
        matches.differing.append(_make_row(draft, _join_texts(note.texts)))


def _match_by_texts(
    matches: NoteMatches, notes: Sequence[_ForeignNote], drafts: Sequence[PendingDraft]
) -> None:
    """Match drafts with notes that have the same text, if no other draft or note has it.

    A draft with an id but without a match is listed, because its note should be in Anki.
    """
    drafts_by_texts: dict[Strings, list[PendingDraft]] = defaultdict(list)
    for draft in drafts:
        drafts_by_texts[_remove_whitespace(_render_draft(draft))].append(draft)
    notes_by_texts: dict[Strings, list[_ForeignNote]] = defaultdict(list)
    for note in notes:
        if note.names:
            notes_by_texts[_remove_whitespace(note.texts)].append(note)
    for texts, same_drafts in drafts_by_texts.items():
        same_notes = notes_by_texts.get(texts, [])
        is_unique = len(same_drafts) == 1 and len(same_notes) == 1
        if is_unique and any(texts):
            matches.by_words.append(same_notes[0].make_takeover(same_drafts[0]))
        else:
            matches.not_in_anki += [
                _make_row(draft) for draft in same_drafts if draft.highlight.other_tool_id
            ]


def _add_schedules(
    ledger: Ledger, matches: NoteMatches, new_cards: Sequence[PendingDraft]
) -> None:
    """Add the drafts and cards that have a schedule in their source to `matches`.

    A draft that will take over a note is skipped, because the note already has a schedule.
    """
    taken_ids = {record.id for record in matches.notes_to_take_over}
    for draft in new_cards:
        schedule = parse_schedule(draft.highlight.tool_schedule)
        if schedule and not (draft.is_blocked or draft.id in taken_ids):
            deck = draft.deck
            matches.scheduled.append(NoteTakeover(draft.id, deck=deck, schedule=schedule))
    _add_card_schedules(ledger, matches)


def _add_card_schedules(ledger: Ledger, matches: NoteMatches) -> None:
    """Add the cards that have a schedule in their source to `matches`.

    Cards that are already in Anki are only listed, because they have a schedule there.
    """
    guids_in_anki = {note.guid for note in iter_notes_in_anki(ledger)}
    for card in cards.iter_cards(ledger):
        has_schedule = card.note.adopted is not None or bool(card.note.schedule)
        if not card.is_live or has_schedule:
            continue
        schedule = parse_schedule(card.highlight.tool_schedule)
        if not schedule:
            continue
        if card.guid in guids_in_anki:
            document = card.highlight.document
            words = " / ".join(text for _, text in card.fields)
            matches.in_anki.append(MatchRow(document.path or document.title, words))
        else:
            takeover = NoteTakeover(card.guid, deck=card.deck, schedule=schedule)
            matches.scheduled.append(takeover)


# --- texts ------------------------------------------------------------------------------


def _render_draft(draft: PendingDraft) -> Strings:
    kind = draft.kind
    html = render_content_fields(kind, draft.fields)
    by_name = dict(zip(kind.note_type.content_fields, html, strict=True))
    return _to_plain_texts(by_name, kind.note_type)


def _to_plain_texts(html: Texts, family: NoteType) -> Strings:
    """Convert HTML fields to plain text in a fixed order, without cloze numbers.

    The texts of an image occlusion note are empty, because such notes can't be taken over.
    """
    names = ("Text",) if family is NoteType.CLOZE else ("Front", "Back")
    texts = []
    for name in names:
        text = to_one_line(field_to_text(html.get(name, "")))
        texts.append(_CLOZE_START.sub("{{c::", text))
    return tuple(texts)


def _remove_whitespace(texts: Strings) -> Strings:
    """Remove all whitespace, because tools format lists and paragraphs differently."""
    return tuple("".join(text.split()) for text in texts)


def _join_texts(texts: Strings) -> str:
    return " / ".join(text for text in texts if text)


def _make_row(draft: PendingDraft, anki: str = "") -> MatchRow:
    document = draft.highlight.document
    words = _join_texts(_render_draft(draft))
    return MatchRow(document.path or document.title, words, anki)


# --- the summary before the user agrees -------------------------------------------------


class _MatchList(NamedTuple):
    """A list of `NoteMatches`, as it is shown."""

    heading: str
    """The line above the rows of the list."""
    title: str
    """What is counted, in the line with the length of the list."""
    matches: Sequence[MatchRow | NoteTakeover]

    @property
    def rows(self) -> list[MatchRow]:
        """The rows to show. Of matched notes, only the number is shown."""
        return [row for row in self.matches if isinstance(row, MatchRow)]


def _list_matches(matches: NoteMatches) -> list[_MatchList]:
    """Return the lists in the order in which they are counted."""
    in_anki_title = "in Anki already, with the schedule that they have there"
    differing_title = "  of these, worded differently in Anki"
    return [
        _MatchList("by id", "matched by id", matches.by_id),
        _MatchList("differing", differing_title, matches.differing),
        _MatchList("by words", "matched by equal words", matches.by_words),
        _MatchList("scheduled", "schedules", matches.scheduled),
        _MatchList("in anki", in_anki_title, matches.in_anki),
        _MatchList("not in anki", "not in Anki", matches.not_in_anki),
        _MatchList("unclear", "unclear", matches.unclear),
    ]


def format_matches(matches: NoteMatches, limit: int | None) -> Iterator[str]:
    """Yield lines with the length of each list, then rows of the lists that need attention.

    At most `limit` rows of each list are shown, or all of them if `limit` is None.
    """
    lists = _list_matches(matches)
    if not any(each.matches for each in lists):
        yield "no notes or schedules of another tool were found"
        return
    for each in lists:
        yield f"{len(each.matches):7,}  {each.title}"
    for each in lists:
        if each.rows:
            yield f"{each.heading}:"
            yield from _format_rows(each.rows, limit)


def _format_rows(rows: Sequence[MatchRow], limit: int | None) -> Iterator[str]:
    for row in rows[:limit]:
        texts = [
            truncate(text, _MAX_TEXT_CHARS) for text in (row.source, row.anki) if text
        ]
        yield f"  {row.where}: {' → '.join(texts)}"
    if limit is not None and len(rows) > limit:
        yield f"  … and {len(rows) - limit:,} more (-v)"


def matches_to_json(matches: NoteMatches) -> Json:
    """Convert matches to JSON: the numbers of matched notes, and the rows of the other lists."""
    return {
        "by_id": len(matches.by_id),
        "by_words": len(matches.by_words),
        "scheduled": len(matches.scheduled),
        "differing": msgspec.to_builtins(matches.differing),
        "in_anki": msgspec.to_builtins(matches.in_anki),
        "not_in_anki": msgspec.to_builtins(matches.not_in_anki),
        "unclear": msgspec.to_builtins(matches.unclear),
    }
