"""Questions that the user must answer before a draft, card or edit is processed further.

Open questions aren't stored. They are computed from the tables each time, and the id of a
question is a hash of its subject. Recording the answer removes the reason for the question, so
it isn't computed again. `model.UserQuestionKind` lists the kinds of questions with the effects
of their answers. For each kind, this module has a function that yields the open questions, and
a case in `_record_answer`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from ankiforge.errors import RefusedError
from ankiforge.language.vocabulary import get_highlighted_term
from ankiforge.ledger import cards, decide, draft_groups, line_patterns
from ankiforge.ledger.anki_changes import DELETED_REASON
from ankiforge.ledger.decision_recording import update_pending_drafts
from ankiforge.ledger.draft_changes import PendingDraftChanges
from ankiforge.ledger.events import MERGED_REASON, USER, Event
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import anki_notes, pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import decode_draft
from ankiforge.ledger.undo import REWORDING_KINDS
from ankiforge.model import (
    QUESTION_PREFIX,
    WORD_AND_TRANSLATION,
    Conflict,
    Guid,
    PendingDraft,
    RemarkKind,
    Strings,
    UserQuestion,
    UserQuestionKind,
    hash16,
    is_card_id,
)
from ankiforge.text import format_count, to_one_line, truncate
from ankiforge.text.cloze import find_cloze_numbers, to_plain_text
from ankiforge.text.normalize import normalize_for_lookup

MIN_FORM_LINES = 3
"""The minimum number of lines of one form (such as `a :: b`) for which the user is asked whether
such lines are cards."""
MAX_BACKS = 5
"""How many backs are shown as examples for one front."""
MAX_BACK_CHARS = 40
"""The maximum length of each example back, in characters."""
MAX_KEYS_CHARS = 60
"""The maximum length of the shown list of field names, in characters."""
MAX_MISSING_EXAMPLES = 5
"""How many missing notes are shown as examples."""


def find_open_questions(store: Store) -> list[UserQuestion]:
    """Find all open questions, in the order in which they are listed."""
    questions: list[UserQuestion] = []
    for ask in _ASK_FUNCTIONS:
        questions.extend(ask(store))
    return questions


def answer_question(
    store: Store, question_id: str, *, yes: bool, without: Collection[str] | None = None
) -> None:
    """Record the user's answer to an open question.

    See `model.UserQuestionKind` for what each answer does.

    Args:
        store: The store.
        question_id: The id of the question, or an unambiguous prefix of it.
        yes: The answer.
        without: For a question about a form of lines, the ids of the drafts to reject because
            their lines aren't cards.

    Raises:
        RefusedError: No open question matches `question_id`, or more than one does.
    """
    with store.action():
        matching_questions = []
        for question in find_open_questions(store):
            if question.id.startswith(question_id):
                matching_questions.append(question)
        if len(matching_questions) != 1:
            raise RefusedError(
                f"{question_id}: there is no such open question",
                hint="ankiforge list --view questions",
            )
        [question] = matching_questions
        _record_answer(store, question, yes=yes, without=without or ())


def _record_answer(
    store: Store, question: UserQuestion, *, yes: bool, without: Collection[str]
) -> None:
    match question.kind:
        case UserQuestionKind.SAME | UserQuestionKind.DUPLICATE if not yes:
            store.record_event("different", question.new, USER, {"old": question.old})
            for draft in draft_groups.iter_pending_drafts(store, question.drafts):
                if draft.is_user_card:
                    _make_card_if_clean(store, draft)
        case UserQuestionKind.SAME:
            store.record_event("same", question.new, USER, {"old": question.old})
            # ask at once whether the card still fits
            update_pending_drafts(store, [store.get_first_key(question.new)])
        case UserQuestionKind.DUPLICATE:
            _merge_cards(store, question.guids)
        case UserQuestionKind.CONFLICT:
            _resolve_conflict(store, question, yes=yes)
        case UserQuestionKind.ABSENT:
            for guid in question.guids:
                _, passage = cards.load_card_and_passage(store, guid)
                if yes:
                    body = {"guid": guid, "why": DELETED_REASON}
                    store.record_event("retire", passage.key, USER, body)
                else:
                    store.record_event("unseen", passage.key, USER, {"guid": guid})
                anki_notes.delete_note(store, guid)
        case UserQuestionKind.EMPTIED:
            store.set_meta(f"emptied {question.new}", "yes" if yes else "no")
        case UserQuestionKind.FORM:
            _answer_line_pattern(store, question, yes=yes, excluded_ids=without)


def _make_id_and_kind(
    kind: UserQuestionKind, *parts: str
) -> tuple[str, UserQuestionKind]:
    """Return the id and the kind of a question, to be passed to `UserQuestion`.

    The id is a hash of the kind and the `parts`, which identify the subject of the question.
    """
    return f"{QUESTION_PREFIX}{hash16(kind.value, *parts)}", kind


# --- is this passage the removed one of a card? -----------------------------------------


def _iter_same_passage_questions(store: Store) -> Iterator[UserQuestion]:
    key_pairs = []
    for row in store.fetch_rows("SELECT key FROM passage WHERE asks"):
        key_pairs += draft_groups.find_possible_matches_to_ask(
            store, store.get_passage(row["key"])
        )
    # add the passages with a draft that duplicates a card whose passage was removed
    for row in pending_drafts.load_drafts_with_duplicate_finding(store):
        if row["revises"]:
            continue
        passage = store.get_passage(row["key"])
        for finding in decode_draft(row["body"]).findings:
            if finding.check != "duplicate" or not is_card_id(finding.duplicate):
                continue
            if cards.find_passage_key(store, finding.duplicate) is None:
                continue  # the other draft isn't a card yet
            card, lost_passage = cards.load_card_and_passage(store, finding.duplicate)
            if (
                card.is_live
                and not cards.load_current_highlight_row(store, lost_passage.keys)
                and not passage.was_ever_decided
                and not passage.is_distinct_from(lost_passage)
            ):
                key_pairs.append((row["key"], lost_passage.key))
                break
    for new_key, old_key in dict.fromkeys(key_pairs):
        examples = []
        for key in (new_key, old_key):
            newest_text = store.get_passage(key).readings[:1]
            examples += [text.exact for text in newest_text if text.exact]
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.SAME, new_key, old_key),
            text="Is this the passage of a card whose passage is no longer found?",
            new=new_key,
            old=old_key,
            guids=tuple(card.guid for card in store.get_passage(old_key).live_cards),
            examples=tuple(examples),
            drafts=tuple(pending_drafts.find_drafts_of_highlight(store, new_key)),
        )


def _find_last_repair_action(store: Store, guid: str) -> str:
    """Return the id of the repair that last changed a card's text.

    Returns "" if the last change of the text wasn't a repair.
    """
    act = ""
    acts_of_repairs = set()
    for event in cards.iter_active_events(store, *REWORDING_KINDS):
        if event.body.get("guid") != guid:
            continue
        if event.kind == "repair" and event.body["name"] != cards.LEFT_AS_IS:
            acts_of_repairs.add(event.action_id)
        act = event.action_id or ""
    return act if act in acts_of_repairs else ""


def find_cards_held_by_repair(store: Store) -> set[str]:
    """Find the cards that can't be sent to Anki because of a conflict about another card.

    All changes of a repair are sent together, so they have to wait until the conflict is resolved.
    """
    held_guids: set[str] = set()
    guids_in_conflict: set[str] = set()
    for question in _iter_conflict_questions(store):
        guids_in_conflict.update(question.guids)
        for event in cards.iter_action_events(store, question.repair):
            held_guids.add(event.body.get("guid", ""))
            held_guids.update(
                added_card["guid"] for added_card in event.body.get("new", ())
            )
    return held_guids - guids_in_conflict


# --- two equal cards --------------------------------------------------------------------


def _iter_duplicate_questions(store: Store) -> Iterator[UserQuestion]:
    for pair in store.fetch_rows(
        "SELECT a.guid AS old_guid, b.guid AS new_guid, a.passage AS old,"
        " b.passage AS new, a.words AS words"
        " FROM card a JOIN card b ON a.content = b.content"
        " WHERE a.live AND b.live AND a.guid < b.guid"
    ):
        new_passage = store.get_passage(pair["new"])
        if new_passage.is_distinct_from(store.get_passage(pair["old"])):
            continue
        guids = (Guid(pair["old_guid"]), Guid(pair["new_guid"]))
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.DUPLICATE, *guids),
            text="Two cards ask and answer the same.",
            new=pair["new"],
            old=pair["old"],
            guids=guids,
            examples=(pair["words"],),
        )


def _merge_cards(store: Store, guids: Iterable[Guid]) -> None:
    """Keep the card with the most reviews, and retire the others. The oldest card wins a tie."""
    ranked_cards = []
    for guid in guids:
        _, passage = cards.load_card_and_passage(store, guid)
        query = "SELECT reviews FROM seen WHERE guid = ?"
        review_count = store.fetch_value(query, guid) or 0
        events = store.load_events([passage.key])
        accepted_at = min(
            (each.number for each in events if each.kind == "accept"), default=0
        )
        ranked_cards.append((-review_count, accepted_at, guid, passage.key))
    (_, _, kept_guid, _), *retired_cards = sorted(ranked_cards)
    for _, _, guid, key in retired_cards:
        body = {"guid": guid, "why": f"{MERGED_REASON}{kept_guid}"}
        store.record_event("retire", key, USER, body)


# --- cards that both the user and the source changed ------------------------------------


_CHANGED_BY_BOTH = "You changed this card, and so did its source."
_EDITED_TWICE = "You changed this card here, and in Anki."
_REPAIRED = "You repaired this card here, and changed it in Anki."


def _iter_conflict_questions(store: Store) -> Iterator[UserQuestion]:
    """Ask which text to keep if a field was changed in two places.

    Either both the source and the user have changed the field, or the user has changed it both in
    ankiforge and in Anki.
    """
    for guid, conflicts in _find_conflicts(store).items():
        only_edits = all(conflict.is_edited_in_ankiforge for conflict in conflicts)
        repair = _find_last_repair_action(store, guid)
        text = _EDITED_TWICE if only_edits else _CHANGED_BY_BOTH
        if repair:
            text = _REPAIRED
        lost_numbers = set[int]()
        for conflict in conflicts:
            if conflict.field == "Text":
                kept_numbers = find_cloze_numbers(conflict.source)
                lost_numbers.update(find_cloze_numbers(conflict.user_text))
                lost_numbers.difference_update(kept_numbers)
        if lost_numbers:
            numbers_lost = ", ".join(f"c{number}" for number in sorted(lost_numbers))
            cards_lost = format_count(len(lost_numbers), "card")
            chosen_text = "The words from here" if only_edits else "The source's words"
            text += f" {chosen_text} would leave {cards_lost} empty: {numbers_lost}."
        card = cards.load_card(store, guid)
        front = next((text for _, text in card.fields if text), "")
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.CONFLICT, guid),
            text=text,
            new=guid,
            guids=(Guid(guid),),
            conflicts=tuple(conflicts),
            examples=(to_plain_text(front), card.highlight.document.title),
            repair=repair,
        )


def _find_conflicts(store: Store) -> dict[str, list[Conflict]]:
    """Find the conflicts of each card, keyed by GUID.

    Conflicts with the source come first, followed by conflicts between edits in ankiforge and in
    Anki.
    """
    conflicts: dict[str, list[Conflict]] = defaultdict(list)
    for card_row in store.fetch_rows(
        "SELECT passage, guid FROM card WHERE live AND offered"
    ):
        passage = store.get_passage(card_row["passage"])
        card = passage.cards[card_row["guid"]]
        for field, text in card.edits.source_texts_offered.items():
            mine = card.get_field(field)
            conflict = Conflict(card.guid, field, mine, text, hash16(mine), hash16(text))
            conflicts[card.guid].append(conflict)
    for card_row in store.fetch_rows(
        "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    ):
        card_conflicts = conflicts[card_row["guid"]]
        if any(conflict.field == card_row["field"] for conflict in card_conflicts):
            continue
        card, _ = cards.load_card_and_passage(store, card_row["guid"])
        repaired_fields = card.note.adopted.repaired if card.note.adopted else {}
        conflict = Conflict(
            guid=Guid(card_row["guid"]),
            field=card_row["field"],
            user_text=card_row["mine"],
            source=card_row["source"],
            user_version_hash=card_row["theirs"],
            source_version_hash=card_row["ours"],
            is_edited_in_ankiforge=card_row["field"]
            in (*card.edits.pinned, *repaired_fields),
        )
        card_conflicts.append(conflict)
    return conflicts


def find_cards_in_conflict(store: Store) -> set[str]:
    """Find the GUIDs of the cards with a conflict about any of their fields."""
    return set(_find_conflicts(store))


def _resolve_conflict(store: Store, question: UserQuestion, *, yes: bool) -> None:
    """Keep the text of the source if `yes`, otherwise the user's text.

    If the conflict is about a repair, "no" undoes the entire repair, including the notes that
    it added.
    """
    if question.repair and not yes:
        decide.undo_decision(store, question.repair)
        anki_notes.delete_conflicts(store, question.guids)
        return
    for conflict in question.conflicts:
        _, passage = cards.load_card_and_passage(store, conflict.guid)
        body = {
            "guid": conflict.guid,
            "field": conflict.field,
            "choice": "source" if yes else "mine",
            "theirs": conflict.user_version_hash,
            "ours": conflict.source_version_hash,
            "was": conflict.user_text,
        }
        store.record_event("resolve", passage.key, USER, body)
        anki_notes.delete_conflicts(store, [conflict.guid], conflict.field)


# --- notes missing in Anki --------------------------------------------------------------


def _iter_missing_note_questions(store: Store) -> Iterator[UserQuestion]:
    """Ask whether the user deleted notes of live cards that are missing in Anki.

    There is a separate question for notes that were deleted together with many others.
    """
    for is_asked in (False, True):
        absent_rows = store.fetch_rows(
            "SELECT s.guid, c.words FROM seen s JOIN card c USING (guid)"
            " WHERE s.absent AND s.asked = ? AND c.live",
            is_asked,
        )
        if not absent_rows:
            continue
        guids = tuple(Guid(card_row["guid"]) for card_row in absent_rows)
        is_single = len(guids) == 1
        were_missed = f"{'is' if is_single else 'are'} missing in Anki"
        were_deleted = f"{'was' if is_single else 'were'} deleted in Anki at once"
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.ABSENT, *guids),
            text=(
                f"{format_count(len(guids), 'note')} {were_deleted if is_asked else were_missed}."
                f" Did you delete {'it' if is_single else 'them'}?"
            ),
            guids=guids,
            were_deleted=is_asked,
            examples=tuple(
                card_row["words"] for card_row in absent_rows[:MAX_MISSING_EXAMPLES]
            ),
        )


# --- a source that lost its documents ---------------------------------------------------


def _iter_missing_document_questions(store: Store) -> Iterator[UserQuestion]:
    for container, value in store.get_metas_with_prefix("emptied ").items():
        query = "SELECT 1 FROM document WHERE container = ? AND state = 'present'"
        is_forgotten = store.fetch_first_row(query, container) is None
        if is_forgotten or not value.startswith("asked "):  # already answered
            continue
        _, remaining, expected, folder = value.split(" ", maxsplit=3)
        lost = int(expected) - int(remaining)
        location = f"in {folder}" if folder else f"in {container}"
        kind = container.partition(":")[0]
        noun = {"pdf": "PDF", "vault": "note"}.get(kind, "document")
        documents = format_count(int(expected), noun)
        verb = "was" if lost == 1 else "were"
        live_cards = store.fetch_value(
            "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.passage"
            " JOIN document d ON d.id = h.document WHERE c.live AND d.container = ?",
            container,
        )
        come = "comes" if live_cards == 1 else "come"
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.EMPTIED, container),
            text=(
                f"{lost:,} of {documents} {verb} not found {location}."
                f" {format_count(live_cards, 'card')} {come} from this source."
                f" {verb.capitalize()} {'it' if lost == 1 else 'they'} deleted?"
            ),
            new=container,
        )


# --- forms that may not be cards --------------------------------------------------------


def _iter_line_pattern_questions(store: Store) -> Iterator[UserQuestion]:
    """Ask, once for each source and form, whether lines in an ambiguous form are cards.

    A form with fewer than `MIN_FORM_LINES` pending drafts is skipped, unless its lines are fields.
    """
    # load the drafted hand-written cards, and words with a translation as their comment
    rows = store.fetch_rows(
        "SELECT * FROM highlight WHERE state = 'present' AND (kind = 'card' OR instr(body, ?))"
        " AND key IN (SELECT key FROM draft)",
        WORD_AND_TRANSLATION,
    )
    fields = line_patterns.FieldDetector(store)
    doubtful_keys = []
    for row in rows:
        highlight = decode_highlight(row["body"])
        if line_patterns.has_unaccepted_pattern(store, highlight, fields):
            doubtful_keys.append(highlight.key)
    drafts_by_form: dict[tuple[str, str], list[PendingDraft]] = defaultdict(list)
    draft_ids = pending_drafts.find_drafts_of_highlights(store, doubtful_keys, new=True)
    for draft in draft_groups.iter_pending_drafts(store, draft_ids):
        highlight = draft.highlight
        form = line_patterns.find_line_pattern(highlight)
        drafts_by_form[highlight.document.source, form].append(draft)
    for (source, form), form_drafts in sorted(drafts_by_form.items()):
        if len(form_drafts) < MIN_FORM_LINES and form != line_patterns.FIELD_FORM:
            continue
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.FORM, source, form),
            text=_format_line_pattern_question(source, form, form_drafts),
            new=source,
            old=form,
            examples=tuple(group.summary for group in group_by_front(form_drafts)),
            drafts=tuple(draft.id for draft in form_drafts),
        )


def _format_line_pattern_question(
    source: str, form: str, drafts: Sequence[PendingDraft]
) -> str:
    if form == WORD_AND_TRANSLATION:
        words = format_count(len(drafts), "word")
        return f"{words} with your translation in {source}: make cards?"
    lines = format_count(len(drafts), "line")
    if form != line_patterns.FIELD_FORM:
        return f"{lines} like `{form}` in {source}: are they cards?"
    keys = dict.fromkeys(draft.get_field("Front") for draft in drafts)
    names = truncate(", ".join(map(to_one_line, keys)), MAX_KEYS_CHARS)
    return f"{lines} in {source} may be fields ({names}): are they cards?"


class LinesWithSameFront(NamedTuple):
    """Lines of one form with the same front, which a question about the form lists together.

    Fields in different directories are in different groups.
    """

    front: str
    backs: Strings
    """The backs in Markdown, without duplicates."""
    directory: str
    """The directory of the lines, or "" if they aren't fields or are in the source's root."""
    drafts: tuple[PendingDraft, ...]

    @property
    def summary(self) -> str:
        """A one-line summary of all lines, e.g. `rating::1 · 2 · 5 (12 lines in Books)`."""
        highlight = self.drafts[0].highlight
        if highlight.line_syntax == WORD_AND_TRANSLATION:
            return to_one_line(f"{get_highlighted_term(highlight)} = {self.backs[0]}")
        if len(self.drafts) == 1:
            return to_one_line(highlight.exact)
        backs = [
            truncate(to_one_line(back), MAX_BACK_CHARS) for back in self.backs[:MAX_BACKS]
        ]
        if self.backs[MAX_BACKS:]:
            backs.append("…")
        is_field = line_patterns.find_line_pattern(highlight) == line_patterns.FIELD_FORM
        colons = "::" if is_field else " :: "
        location = f" in {self.directory}" if self.directory else ""
        line_text = f"{to_one_line(self.front)}{colons}{' · '.join(backs)}"
        return f"{line_text} ({len(self.drafts)} lines{location})"


def group_by_front(drafts: Iterable[PendingDraft]) -> list[LinesWithSameFront]:
    """Group the drafts of a question about a form by their front. Preserves the order.

    Fields are also grouped by directory.
    """
    groups: dict[tuple[str, str], list[PendingDraft]] = defaultdict(list)
    for draft in drafts:
        highlight = draft.highlight
        is_field = line_patterns.find_line_pattern(highlight) == line_patterns.FIELD_FORM
        folder = highlight.document.directory if is_field else ""
        groups[folder, normalize_for_lookup(draft.get_field("Front"))].append(draft)
    lines = []
    for (folder, _), front_drafts in groups.items():
        backs = dict.fromkeys(draft.get_field("Back") for draft in front_drafts)
        front = front_drafts[0].get_field("Front")
        lines.append(LinesWithSameFront(front, tuple(backs), folder, tuple(front_drafts)))
    return lines


def _answer_line_pattern(
    store: Store, question: UserQuestion, *, yes: bool, excluded_ids: Collection[str]
) -> None:
    """Record the answer about a form of lines. If `yes`, its drafts are accepted.

    `excluded_ids` are the drafts to reject because their lines aren't cards. If they include all
    fields with the same key, in the source or in a directory, the answer for that key is "never",
    so that later lines with this key aren't drafted.
    """
    draft_ids = pending_drafts.sort_by_reading_order(store, question.drafts)
    drafts = list(draft_groups.iter_pending_drafts(store, draft_ids))
    drafts_by_form: dict[str, list[PendingDraft]] = defaultdict(list)
    for draft in drafts:
        for name in line_patterns.list_line_patterns(draft.highlight):
            drafts_by_form[name].append(draft)
    choices: dict[str, str] = {}
    for name, form_drafts in drafts_by_form.items():
        choices[name] = line_patterns.NEVER
        if yes and any(draft.id not in excluded_ids for draft in form_drafts):
            choices[name] = line_patterns.ACCEPTED
    events_by_form: dict[str, Event] = {}
    for name, form_drafts in drafts_by_form.items():
        broadest = line_patterns.list_line_patterns(form_drafts[0].highlight)[-1]
        if name == broadest or choices[name] != choices[broadest]:
            key = line_patterns.make_line_pattern_event_key(question.new, name)
            events_by_form[name] = store.record_event(
                "form", key, USER, {"choice": choices[name]}
            )
    for draft in drafts:
        if (
            line_patterns.find_line_pattern_answer(store, draft.highlight)
            == line_patterns.NEVER
        ):  # not a card
            names = line_patterns.list_line_patterns(draft.highlight)
            event = next(events_by_form[name] for name in names if name in events_by_form)
            change = PendingDraftChanges(archived=((draft.id, event.id),))
            pending_drafts.apply_changes(store, [change])
            query = "UPDATE highlight SET fate = 'left_out', reason = ? WHERE key = ?"
            reason = line_patterns.explain_rejected_pattern(draft.highlight)
            store.execute(query, reason, draft.highlight.key)
        elif draft.id in excluded_ids:
            decide.reject_item(store, draft.id)
        else:
            _make_card_if_clean(store, draft)


def _make_card_if_clean(store: Store, draft: PendingDraft) -> None:
    """Accept a draft after an answer, unless a check or a remark still asks for a review."""
    answered = (RemarkKind.FORM, RemarkKind.TAKEN_BACK)
    if draft.is_clean and all(remark.kind in answered for remark in draft.remarks):
        snapshot, _ = decide.load_draft(store, draft.id)
        decide.make_card(store, snapshot, draft)


_ASK_FUNCTIONS = (
    _iter_same_passage_questions,
    _iter_duplicate_questions,
    _iter_conflict_questions,
    _iter_missing_note_questions,
    _iter_missing_document_questions,
    _iter_line_pattern_questions,
)
"""The functions that yield open questions, in the order in which the questions are listed."""
