"""List the cards that fail in Anki, and record repairs by a model, a chat or the user.

A repaired note keeps its id, schedule and review log. Nothing is written until a repair is
accepted. A repair of our own card is recorded as an edit. The first repair of another tool's note
adds the note to the journal as a card, which is then merged like an adopted note: edits made in
Anki in the meantime are kept, and the user is asked about conflicts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge import check
from ankiforge.anki.collection import AnkiContents, open_anki_contents
from ankiforge.anki.render import field_to_markdown, render_field
from ankiforge.draft.ask import Ask
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.errors import RefusedError, ServiceError, UsageError
from ankiforge.features.repair import repairs
from ankiforge.features.repair.count import (
    load_last_repair_days,
    select_first_card_per_note,
)
from ankiforge.features.repair.failing import (
    CardHistory,
    FailingCard,
    find_failing_cards,
    read_histories,
)
from ankiforge.features.repair.reading import ParsedNote, parse_note
from ankiforge.features.repair.repairs import CardRepair, CardToRepair
from ankiforge.language.words import find_content_words, stem_word
from ankiforge.ledger import Ledger, item_lists
from ankiforge.ledger import decide as decisions
from ankiforge.ledger.cards import LEFT_AS_IS
from ankiforge.ledger.decision_plans import NoteRepair
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import (
    NO_KEY,
    AdoptedNote,
    CardContent,
    CardId,
    CardKind,
    Document,
    DocumentKey,
    Finding,
    Highlight,
    HighlightKind,
    LocalCard,
    NoteId,
    Origin,
    Pair,
    Severity,
    Strings,
    Texts,
    UserNoteType,
    Value,
    is_card_id,
)
from ankiforge.pipeline import decide
from ankiforge.pipeline.ask import get_answer, load_current_privacy_filter
from ankiforge.pipeline.collection import (
    apply_anki_edits,
    find_collection,
    load_adopted_guids,
)
from ankiforge.text import to_one_line
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.lists import split_answer_into_items

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace


# --- findings ---------------------------------------------------------------------------------


def check_parsed_note(note: ParsedNote) -> tuple[Finding, ...]:
    """Check a note, and return the findings that are errors or warnings.

    Notes of other tools are only checked for obvious faults.
    """
    findings = [*check.check_anki_card(note.draft, is_ours=bool(note.key))]
    if note.closed_early:
        excerpt = to_one_line(note.closed_early)[:40]
        message = f"`}}}}` of a formula closes the cloze early: “{excerpt}”"
        findings.insert(0, check.make_finding("malformed", message))
    serious = (finding for finding in findings if finding.severity is not Severity.INFO)
    return tuple(dict.fromkeys(serious))


# --- the list ---------------------------------------------------------------------------------


class FailingNote(Value):
    """A note with a failing card, the reasons for listing it, and any proposed repairs."""

    note: ParsedNote
    guid: str
    """The id of our card, or the GUID that another tool's note has in Anki."""
    card: CardToRepair
    """The text of the card as it is in Anki."""
    history: CardHistory
    """The review history of the failing card."""
    reasons: Strings
    """The reasons for listing the note, followed by the messages of the checks."""
    findings: tuple[Finding, ...] = ()
    """The errors and warnings of the checks."""
    similar_note: ParsedNote | None = None
    """The note whose question is so similar that the user may confuse the two, or None."""
    note_type: UserNoteType | None = None
    """The note type, if the note is another tool's and ankiforge can change it, otherwise None."""
    passage: str = ""
    """The passage that our own card was made from, with its context."""
    quote: str = ""
    """The part of the passage that our own card is based on."""
    proposed_repairs: tuple[CardRepair, ...] = ()
    """The repairs that a model or a chat proposed."""
    document: DocumentKey | None = None
    """The document that our own card was made from."""

    @property
    def is_own_card(self) -> bool:
        """Whether the note is a card of the workspace."""
        return is_card_id(self.guid)

    @property
    def is_changeable(self) -> bool:
        """Whether ankiforge can change the note."""
        return self.is_own_card or self.note_type is not None

    def has_private_text(self, privacy: PrivacyFilter) -> bool:
        """Return whether the card, its passage or the similar card must stay on this computer."""
        for note in filter(None, (self.note, self.similar_note)):
            if note.has_private_tag:
                return True
            if note.key != NO_KEY and privacy.is_private_passage(note.key):
                return True
        card = self.card
        fields = (*card.fields.values(), *card.confused_fields.values())
        return any(
            privacy.contains_private_text(text, self.document)
            for text in (*fields, self.passage, card.topic)
        )


class FailingNotes(Value):
    """The notes with a failing card in a collection."""

    failing: tuple[FailingNote, ...]
    minutes: float = 0.0
    """How many minutes the user spent on these cards in the last thirty days."""


def list_failing_cards(workspace: Workspace) -> FailingNotes:
    """Read Anki's collection and list the cards that are currently failing.

    Raises:
        ItemError: the collection can't be read.
        UsageError: no collection was found.
    """
    ledger = workspace.ledger
    now = datetime.now().astimezone()
    path = find_collection(workspace.folder.config.anki, ledger)
    if path is None or not path.is_file():
        hint = "set anki.collection in ankiforge.yaml"
        raise UsageError("there is no collection of Anki to look at", hint=hint)
    with open_anki_contents(path, None) as view:
        all_histories = read_histories(view, now)
        builder = _FailingNoteBuilder(ledger, view)
    cards = []
    for card in select_first_card_per_note(
        find_failing_cards(all_histories, load_last_repair_days(ledger, now))
    ):
        note = builder.read_note(card.history.note_id)
        if note:
            cards.append(card)
    seconds = sum(card.history.recent_seconds for card in cards)
    return FailingNotes(
        tuple(builder.iter_failing_notes(cards, all_histories)), seconds / 60
    )


class _FailingNoteBuilder:
    def __init__(self, ledger: Ledger, view: AnkiContents) -> None:
        self._ledger = ledger
        self._types = {note_type.id: note_type for note_type in view.note_types}
        self._notes = {note.id: note for note in view.iter_notes()}
        self._adopted_guids = load_adopted_guids(ledger)

    def read_note(self, note_id: NoteId) -> ParsedNote | None:
        note = self._notes.get(note_id)
        if note is None:
            return None
        return parse_note(note, self._types.get(note.type_id))

    def iter_failing_notes(
        self, cards: Sequence[FailingCard], all_histories: Iterable[CardHistory]
    ) -> Iterator[FailingNote]:
        """Yield the list's entry for each card that can be read.

        If its question is similar to that of another note that the user forgot repeatedly, the
        user may confuse the two, so the entry has both.
        """
        if not cards:
            return
        note_ids = {history.note_id for history in all_histories if history.lapses > 1}
        note_ids.update(card.history.note_id for card in cards)
        question_stems = {}
        for note_id in note_ids:
            question_stems[note_id] = self._find_question_stems(note_id)
        for card in cards:
            failing_note = self._build_failing_note(card)
            if failing_note is None:
                continue
            similar_id = find_most_similar_note(card.history.note_id, question_stems)
            if similar_id is not None:
                failing_note = self._add_similar_note(failing_note, similar_id)
            yield failing_note

    def _find_question_stems(self, note_id: NoteId) -> frozenset[str]:
        note = self.read_note(note_id)
        if note is None:
            return frozenset()
        return frozenset(map(stem_word, find_content_words(note.front)))

    def _add_similar_note(
        self, failing_note: FailingNote, similar_id: NoteId
    ) -> FailingNote:
        similar = self.read_note(similar_id)
        if similar is None:
            return failing_note
        card = replace(failing_note.card, confused_fields=dict(similar.draft.fields))
        return replace(failing_note, similar_note=similar, card=card)

    def _build_failing_note(self, failing_card: FailingCard) -> FailingNote | None:
        """Build the list's entry for a card.

        Returns None if the note can't be read as a card, or if it is a card of this workspace
        that was made on another device.
        """
        note = self.read_note(failing_card.history.note_id)
        if note is None:
            return None
        findings = check_parsed_note(note)
        messages = [finding.message for finding in findings]
        failing_note = FailingNote(
            note,
            self._adopted_guids.get(note.guid, note.guid),
            CardToRepair(dict(note.draft.fields)),
            failing_card.history,
            (*failing_card.reasons, *messages),
            findings,
        )
        if failing_note.is_own_card:
            return self._complete_own_card(failing_note)
        return self._complete_other_note(failing_note)

    def _complete_own_card(self, failing_note: FailingNote) -> FailingNote | None:
        """Add the text and passage of our own card, or return None if it isn't known here."""
        own_card = next(item_lists.load_items(self._ledger, [failing_note.guid]), None)
        if not isinstance(own_card, LocalCard):
            return None
        fields = dict(apply_anki_edits(self._ledger, own_card).fields)
        fields.pop("Reverse", None)
        return replace(
            failing_note,
            # the topic is omitted, because the line above the question shows it
            card=CardToRepair(fields),
            passage=own_card.highlight.context,
            quote=own_card.quote,
            document=own_card.highlight.document.key,
        )

    def _complete_other_note(self, failing_note: FailingNote) -> FailingNote:
        """Add the Extra field and deck of a note of another tool, and its note type.

        The note type is None if we can't change the note.
        """
        note = failing_note.note
        card = failing_note.card
        if "Extra" in note.field_names:
            extra_html = dict(note.fields)[note.field_names["Extra"]]
            if extra_html:
                extra = field_to_markdown(extra_html)
                card = replace(card, fields={**card.fields, "Extra": extra})
        parent_deck, _, deck_name = note.deck.rpartition("::")
        if parent_deck:
            card = replace(card, topic=deck_name)
        return replace(failing_note, card=card, note_type=self._map_note_type(note))

    def _map_note_type(self, note: ParsedNote) -> UserNoteType | None:
        """Return the type of a note, or None if a side consists of several fields."""
        if not note.field_names:  # the mapping is only empty for such a note
            return None
        note_type = self._types[self._notes[note.note_id].type_id]
        ids_by_name = dict(note_type.fields)
        field_ids = {}
        for our_name, name in note.field_names.items():
            field_id = ids_by_name[name]
            if field_id is not None:
                field_ids[our_name] = field_id
        return UserNoteType(note_type.id, note_type.name, note.field_names, field_ids)


# --- confused cards ---------------------------------------------------------------------------

_MIN_SHARED_STEMS = 2
_MIN_OVERLAP = 0.5
"""The minimum Jaccard similarity of two questions' word stems for their cards to be confusable."""


def find_most_similar_note(
    note_id: NoteId, question_stems: Mapping[NoteId, frozenset[str]]
) -> NoteId | None:
    """Return the id of the note whose question is most similar to that of `note_id`.

    Returns None if no question is similar enough. `question_stems` has the word stems of each
    note's question, keyed by note id.
    """
    stems = question_stems[note_id]
    similar_notes = []
    for other, other_stems in question_stems.items():
        if other == note_id:
            continue
        shared_count = len(stems & other_stems)
        if shared_count < _MIN_SHARED_STEMS:
            continue
        similarity = shared_count / len(stems | other_stems)
        if similarity >= _MIN_OVERLAP:
            similar_notes.append((similarity, other))
    if not similar_notes:
        return None
    _, most_similar = max(similar_notes)
    return most_similar


# --- accepting a repair -----------------------------------------------------------------------


def accept_repair(
    workspace: Workspace, failing_note: FailingNote, repair: CardRepair
) -> str:
    """Accept a repair, and return the id of the action that undoes all of it.

    Raises:
        RefusedError: ankiforge can't change the note.
    """
    with workspace.ledger.action() as action:
        _record_change(
            workspace.ledger, failing_note, "reword", repair.fields, repair.new_cards
        )
    return action


def edit_note(workspace: Workspace, failing_note: FailingNote, fields: Texts) -> str:
    """Replace a note's text with the text that the user typed, and return the decision's id.

    Raises:
        RefusedError: ankiforge can't change the note.
    """
    with workspace.ledger.action() as action:
        _record_change(workspace.ledger, failing_note, "edit", fields)
    return action


def postpone_repair(workspace: Workspace, failing_note: FailingNote) -> str:
    """Record that a note stays unchanged for thirty days, and return the decision's id."""
    with workspace.ledger.action() as action:
        decisions.record_repair(
            workspace.ledger, LEFT_AS_IS, failing_note.note.note_id, failing_note.guid
        )
    return action


def suspend_card(workspace: Workspace, failing_note: FailingNote) -> Pair:
    """Suspend the failing card in a running Anki. Its note isn't changed.

    Returns:
        The id of the decision, and a message for the user: a confirmation or, if Anki can't be
        reached, instructions for suspending the card in Anki.
    """
    message = _suspend_in_anki(workspace, failing_note.history.card_id, suspends=True)
    return postpone_repair(workspace, failing_note), message


def _record_change(
    ledger: Ledger,
    failing_note: FailingNote,
    decision: str,
    fields: Texts,
    new: Iterable[Texts] = (),
) -> None:
    """Record the new text of a note, along with any new cards from the same repair.

    `decision` is the kind of decision, "reword" or "edit". `new` has the fields of each new
    card.

    Raises:
        RefusedError: ankiforge can't change the note.
    """
    if failing_note.is_own_card:
        _record_own_change(ledger, failing_note, decision, fields, new)
        return
    note_type = failing_note.note_type
    if note_type is None:
        raise _make_unchangeable_error(failing_note, "its question has several fields")
    note = failing_note.note
    rendered_changes = _render_changes(failing_note, fields)
    old_texts: dict[str, str] = {}
    for name in note_type.fields:
        old_texts[name] = failing_note.card.fields.get(name, "")
    new_texts = {**old_texts}
    for name, (markdown, _) in rendered_changes.items():
        new_texts[name] = markdown
    change = NoteRepair(
        note=AdoptedNote(
            guid=note.guid,
            id=note.note_id,
            type=note_type.id,
            field_names=note_type.fields,
            html=dict(note.fields),
            source_texts=old_texts,
            repaired=rendered_changes,
        ),
        card=replace(_make_card(new_texts), deck=note.deck),
        added_cards=tuple(
            replace(_make_card(card_fields), deck=note.deck) for card_fields in new
        ),
        added_note_type=note_type,
    )
    decisions.record_repair(ledger, decision, note.note_id, note.guid, change)


def _record_own_change(
    ledger: Ledger,
    failing_note: FailingNote,
    decision: str,
    fields: Texts,
    new: Iterable[Texts],
) -> None:
    """Record the new text of a card that ankiforge made, along with any new cards.

    The repair is recorded as well, so that the card isn't listed again for a while.
    """
    guid = failing_note.guid
    card = next(item_lists.load_items(ledger, [guid]), None)
    if not isinstance(card, LocalCard):
        raise RefusedError(f"{guid} is no longer a card", hint="list again")
    texts = _fit_to_note_fields(
        {**failing_note.card.fields, **fields}, card.note_field_names
    )
    decide.edit_card_or_draft(ledger, guid, texts, forced=True)
    decisions.record_repair(ledger, decision, failing_note.note.note_id, guid)
    for card_fields in new:
        new_card = replace(_make_card(card_fields), key=card.key, deck=card.deck)
        local_passage = load_snapshot(ledger, ledger.get_passage(card.key))
        decisions.make_card(ledger, local_passage, new_card)


def _fit_to_note_fields(texts: Texts, note_field_names: Container[str]) -> Texts:
    """Drop the fields that a note lacks, except Extra, which is appended to the answer."""
    fitting = {name: text for name, text in texts.items() if name in note_field_names}
    extra = texts.get("Extra")
    if extra and "Extra" not in note_field_names and "Back" in fitting:
        fitting["Back"] = f"{fitting['Back']}{_EXTRA_RULE}{extra}"
    return fitting


_EXTRA_RULE = "\n\n---\n\n"
"""Separates the answer from the text below it, in a note without a field for the latter."""


def _make_unchangeable_error(failing_note: FailingNote, reason: str) -> RefusedError:
    hint = f"in Anki's browser, search nid:{failing_note.note.note_id}"
    return RefusedError(f"{reason}: change it in Anki", hint=hint)


def _make_card(fields: Texts) -> CardContent:
    filled = tuple((name, text) for name, text in fields.items() if text)
    return CardContent(
        NO_KEY, CardKind.from_fields(fields), filled, Origin(decide.PERSON)
    )


def _render_changes(failing_note: FailingNote, fields: Texts) -> dict[str, Pair]:
    """Return the new (Markdown, HTML) of each changed field of a note, keyed by our field name.

    Unchanged fields are left out, so they keep HTML that our Markdown may not be able to express.
    If the note has no Extra field, that text is appended to the answer.

    Raises:
        RefusedError: a field would lose a picture or sound, or the note has no field for the
            text below the answer.
    """
    names = failing_note.note.field_names
    html = dict(failing_note.note.fields)
    old_fields = failing_note.card.fields
    changes: dict[str, Pair] = {}
    for name, text in fields.items():
        old_text = old_fields.get(name, "")
        if name not in names or text == old_text:
            continue
        if "![" in old_text or "[sound:" in html[names[name]]:
            reason = f"its {name} has a picture or a sound, which would be lost"
            raise _make_unchangeable_error(failing_note, reason)
        changes[name] = (text, render_field(text, cloze=name == "Text"))

    extra = fields.get("Extra", "")
    if not extra or "Extra" in names:
        return changes
    if "Back" not in names:
        reason = "its note type has no field for the text below"
        raise _make_unchangeable_error(failing_note, reason)
    if "Back" in changes:
        answer, answer_html = changes["Back"]
    else:
        answer, answer_html = old_fields["Back"], html[names["Back"]]
    extra_html = f"<hr><small>{render_field(extra)}</small>"
    changes["Back"] = (f"{answer}{_EXTRA_RULE}{extra}", f"{answer_html}{extra_html}")
    return changes


# --- asking a model or a chat -----------------------------------------------------------------


class RepairAsk(Ask[tuple[CardRepair, ...]]):
    """A request to a model or a chat for repairs of a note."""

    failing_note: FailingNote

    def parse_reply(self, reply: str) -> tuple[CardRepair, ...]:
        """Return the repairs in a reply that no check blocks."""
        return read_acceptable_repairs(self.failing_note, reply)


def prepare_repair(workspace: Workspace, failing_note: FailingNote) -> RepairAsk:
    """Build the request for repairs of a note, with private text masked.

    Raises:
        RefusedError: some of the text must stay on this computer, or ankiforge can't change
            the note.
    """
    if not failing_note.is_changeable:
        raise _make_unchangeable_error(failing_note, "its question has several fields")
    privacy = load_current_privacy_filter(workspace)
    if failing_note.has_private_text(privacy):
        hint = "it has text under #no-llm: reword it here, with e"
        raise RefusedError("this card must stay on this computer", hint=hint)
    request = repairs.build_request(
        failing_note.card,
        failing_note.reasons,
        failing_note.history.summary,
        failing_note.passage,
        lambda text: privacy.mask_text(text, failing_note.document),
    )
    return RepairAsk(request, failing_note)


def read_acceptable_repairs(
    failing_note: FailingNote, reply: str
) -> tuple[CardRepair, ...]:
    """Parse a reply, and return the repairs that no check blocks, each with any warnings."""
    acceptable = []
    for repair in repairs.parse_repairs(reply, failing_note.card, failing_note.passage):
        findings: list[Finding] = []
        for fields in (repair.fields, *repair.new_cards):
            findings += _check_repair(failing_note, fields, repair.quote)
        if any(finding.severity is Severity.BLOCK for finding in findings):
            continue
        warnings = dict.fromkeys(
            finding.message for finding in findings if finding.severity is Severity.WARN
        )
        acceptable.append(replace(repair, warnings=tuple(warnings)))
    return tuple(acceptable)


def ask_model(workspace: Workspace, failing_note: FailingNote) -> tuple[CardRepair, ...]:
    """Ask the configured model for repairs, and return the repairs that no check blocks.

    Raises:
        ConfigError, UsageError: no model is configured.
        ServiceError: the request failed.
        RefusedError: some of the text must stay on this computer, or ankiforge can't change
            the note.
    """
    acceptable = get_answer(workspace, prepare_repair(workspace, failing_note))
    if acceptable is None:
        hint = "ankiforge model use NAME   or m: your chat"
        raise UsageError("no model is set", hint=hint)
    return acceptable


def _check_repair(
    failing_note: FailingNote, fields: Texts, quote: str | None
) -> Iterator[Finding]:
    """Check a repaired or new card like a model's draft from a passage.

    The old card and its passage serve as the highlight, so a fact that neither has is reported.
    """
    text = _get_source_text(failing_note)
    highlight = Highlight(
        document=Document(DocumentKey(""), "", failing_note.card.topic),
        namespace="",
        kind=HighlightKind.HIGHLIGHT,
        exact=text,
        surrounding_text=text,
        markdown=tuple(failing_note.card.fields.values()),
    )
    card = replace(_make_card(fields), quote=quote or text, origin=Origin("llm"))
    context = check.CheckContext(highlight, check.DuplicateIndex())
    yield from check.check_draft(card, context)


def _get_source_text(failing_note: FailingNote) -> str:
    """Return the text from which a repair may take its words.

    It contains the numbers up to the number of items that the old answer lists, because a repair
    may mention how many there are.
    """
    card = failing_note.card
    texts = [*card.fields.values(), *card.confused_fields.values()]
    lines = list(map(to_plain_text, texts))
    items = split_answer_into_items(
        card.fields.get("Front", ""), card.fields.get("Back", "")
    )
    lines.append(" ".join(map(str, range(2, len(items) + 1))))
    lines.append(failing_note.passage)
    return "\n".join(filter(None, lines))


# --- suspending cards in Anki -------------------------------------------------------------------


def _suspend_in_anki(workspace: Workspace, card_id: CardId, *, suspends: bool) -> str:
    """Suspend or unsuspend a card in a running Anki, and return a message for the user.

    The message is a confirmation or, if Anki can't be reached, instructions for doing it in Anki.
    """
    try:
        anki = workspace.connect_to_anki()
        if suspends:
            anki.suspend([card_id])
        else:
            anki.unsuspend([card_id])
    except (ServiceError, UsageError):
        return (
            f"in Anki's browser, search  cid:{card_id}  and choose Cards › Toggle Suspend"
        )
    return "done in Anki"


def unsuspend_card(workspace: Workspace, failing_note: FailingNote) -> str:
    """Revert `suspend_card`, and return a message for the user."""
    return _suspend_in_anki(workspace, failing_note.history.card_id, suspends=False)
