"""Questions that the user must answer before a draft, card or edit is processed further.

Open questions aren't stored. They are computed from the tables each time, and the id of a
question is a hash of its subject. Recording the answer removes the reason for the question, so
it isn't computed again. `model.UserQuestionKind` lists the kinds of questions with the effects
of their answers. For each kind, this module has a function that yields the open questions, and
a case in `_record_answer`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ankiforge.errors import RefusedError
from ankiforge.language.vocabulary import get_highlighted_term
from ankiforge.ledger import cards, decide, draft_groups, line_patterns
from ankiforge.ledger.anki_changes import DELETED_REASON
from ankiforge.ledger.decision_recording import update_waiting
from ankiforge.ledger.events import MERGED_REASON, USER
from ankiforge.ledger.readings import UnlistedDocuments
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import anki_notes, pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import decode_draft
from ankiforge.model import (
    QUESTION_PREFIX,
    WORD_AND_TRANSLATION,
    Conflict,
    Draft,
    Guid,
    Pair,
    PendingDraft,
    RemarkKind,
    UserQuestion,
    UserQuestionKind,
    hash16,
    is_card_id,
)
from ankiforge.text import format_count, to_one_line
from ankiforge.text.cloze import find_cloze_numbers, to_plain_text

MIN_FORM_LINES = 3
"""The minimum number of lines of one form (such as `a :: b`) for which the user is asked whether
such lines are cards."""
MAX_MISSING_EXAMPLES = 5
"""How many missing notes are shown as examples."""


def find_open_questions(store: Store) -> list[UserQuestion]:
    """Find all open questions, in the order in which they are listed."""
    questions: list[UserQuestion] = []
    for ask in _ASK_FUNCTIONS:
        questions.extend(ask(store))
    return questions


def answer_question(store: Store, question_id: str, *, yes: bool) -> None:
    """Record the user's answer to an open question.

    See `model.UserQuestionKind` for what each answer does.

    Args:
        store: The store.
        question_id: The id of the question, or an unambiguous prefix of it.
        yes: The answer.

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
        _record_answer(store, question, yes=yes)


def _record_answer(store: Store, question: UserQuestion, *, yes: bool) -> None:
    match question.kind:
        case UserQuestionKind.SAME | UserQuestionKind.DUPLICATE if not yes:
            _keep_passages_apart(store, question)
        case UserQuestionKind.SAME:
            store.record_event("same", question.new, USER, {"old": question.old})
            # ask at once whether the card still fits
            update_waiting(store, [question.new])
        case UserQuestionKind.DUPLICATE:
            _merge_cards(store, question.guids)
        case UserQuestionKind.CONFLICT:
            _resolve_conflict(store, question, yes=yes)
        case UserQuestionKind.ABSENT:
            _settle_missing_notes(store, question.guids, were_deleted=yes)
        case UserQuestionKind.EMPTIED:
            store.set_meta(f"emptied {question.new}", "yes" if yes else "no")
        case UserQuestionKind.FORM:
            _answer_line_pattern(store, question, yes=yes)


def _keep_passages_apart(store: Store, question: UserQuestion) -> None:
    store.record_event("different", question.new, USER, {"old": question.old})
    for draft in draft_groups.iter_pending_drafts(store, question.drafts):
        if draft.is_user_card:
            _make_card_if_clean(store, draft)


def _make_id_and_kind(
    kind: UserQuestionKind, *parts: str
) -> tuple[str, UserQuestionKind]:
    """Return the id and the kind of a question, to be passed to `UserQuestion`.

    The id is a hash of the kind and the `parts`, which identify the subject of the question.
    """
    return f"{QUESTION_PREFIX}{hash16(kind.value, *parts)}", kind


# --- is this passage the removed one of a card? -----------------------------------------


def _iter_same_passage_questions(store: Store) -> Iterator[UserQuestion]:
    key_pairs: list[Pair] = []
    for row in store.fetch_rows("SELECT key FROM passage WHERE asks"):
        key_pairs += draft_groups.find_possible_matches_to_ask(
            store, store.get_passage(row["key"])
        )
    for row in pending_drafts.load_drafts_with_duplicate_finding(store):
        if row["revises"]:
            continue
        old_key = _find_removed_passage(store, row["key"], decode_draft(row["body"]))
        if old_key is not None:
            key_pairs.append((row["key"], old_key))
    for new_key, old_key in dict.fromkeys(key_pairs):
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.SAME, new_key, old_key),
            text="Is this the passage of a card whose passage is no longer found?",
            new=new_key,
            old=old_key,
            guids=tuple(card.guid for card in store.get_passage(old_key).live_cards),
            examples=tuple(_iter_newest_texts(store, (new_key, old_key))),
            drafts=tuple(pending_drafts.find_drafts_of_highlight(store, new_key)),
        )


def _find_removed_passage(store: Store, key: str, draft: Draft) -> str | None:
    """Return the key of the removed passage whose card a draft duplicates, or None.

    `key` is the highlight of the draft.
    """
    passage = store.get_passage(key)
    if passage.was_ever_decided:
        return None
    for finding in draft.findings:
        if finding.check != "duplicate" or not is_card_id(finding.duplicate):
            continue
        if cards.find_passage_key(store, finding.duplicate) is None:
            continue  # the other draft isn't a card yet
        card, other_passage = cards.load_card_and_passage(store, finding.duplicate)
        if not card.is_live or passage.is_distinct_from(other_passage):
            continue
        if cards.load_current_highlight_row(store, other_passage.keys) is None:
            return other_passage.key
    return None


def _iter_newest_texts(store: Store, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        readings = store.get_passage(key).readings
        if readings and readings[0].exact:
            yield readings[0].exact


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
        review_count = anki_notes.load_review_count(store, guid)
        accepted_at = _find_first_acceptance(store, passage.key)
        ranked_cards.append((-review_count, accepted_at, guid, passage.key))
    (_, _, kept_guid, _), *retired_cards = sorted(ranked_cards)
    for _, _, guid, key in retired_cards:
        body = {"guid": guid, "why": f"{MERGED_REASON}{kept_guid}"}
        store.record_event("retire", key, USER, body)


def _find_first_acceptance(store: Store, key: str) -> int:
    """Return the number of the first `accept` event for a key, or 0 if there is none."""
    numbers = []
    for event in store.load_events([key]):
        if event.kind == "accept":
            numbers.append(event.number)
    return min(numbers, default=0)


# --- cards that were changed in two places ----------------------------------------------


def _iter_conflict_questions(store: Store) -> Iterator[UserQuestion]:
    """Ask which text to keep if a field was changed in two places.

    Either both the source and the user have changed the field, or the user has changed it both in
    ankiforge and in Anki.
    """
    for guid, conflicts in _find_conflicts(store).items():
        card = cards.load_card(store, guid)
        front = next((text for _, text in card.fields if text), "")
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.CONFLICT, guid),
            text=_describe_conflicts(conflicts),
            new=guid,
            guids=(guid,),
            conflicts=tuple(conflicts),
            examples=(to_plain_text(front), card.highlight.document.title),
        )


def _describe_conflicts(conflicts: Sequence[Conflict]) -> str:
    """Say who changed a card, and which of its cards in Anki one of the choices would empty."""
    text = "You changed this card, and so did its source."
    other_text = "The source's words"
    if all(conflict.is_edited_in_ankiforge for conflict in conflicts):
        text = "You changed this card here, and in Anki."
        other_text = "The words from here"
    emptied_numbers: set[int] = set()
    for conflict in conflicts:
        if conflict.field == "Text":
            emptied_numbers.update(find_cloze_numbers(conflict.user_text))
            emptied_numbers.difference_update(find_cloze_numbers(conflict.source))
    if not emptied_numbers:
        return text
    count = format_count(len(emptied_numbers), "card")
    names = ", ".join(f"c{number}" for number in sorted(emptied_numbers))
    return f"{text} {other_text} would leave {count} empty: {names}."


def _find_conflicts(store: Store) -> dict[Guid, list[Conflict]]:
    """Find the conflicts of each card, keyed by GUID.

    A field has only one conflict, and one with the source comes first.
    """
    conflicts: dict[Guid, dict[str, Conflict]] = defaultdict(dict)
    for conflict in (
        *_iter_conflicts_with_source(store),
        *_iter_conflicts_with_anki(store),
    ):
        conflicts[conflict.guid].setdefault(conflict.field, conflict)
    return {guid: list(by_field.values()) for guid, by_field in conflicts.items()}


def _iter_conflicts_with_source(store: Store) -> Iterator[Conflict]:
    """Yield the fields for which the source now has other text than the user."""
    for row in store.fetch_rows("SELECT passage, guid FROM card WHERE live AND offered"):
        card = store.get_passage(row["passage"]).cards[row["guid"]]
        for field, source_text in card.edits.source_texts_offered.items():
            user_text = card.get_field(field)
            yield Conflict(
                guid=card.guid,
                field=field,
                user_text=user_text,
                source=source_text,
                user_version_hash=hash16(user_text),
                source_version_hash=hash16(source_text),
            )


def _iter_conflicts_with_anki(store: Store) -> Iterator[Conflict]:
    """Yield the fields whose text was changed in Anki and here, as the last export found them."""
    for row in store.fetch_rows(
        "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    ):
        card, _ = cards.load_card_and_passage(store, row["guid"])
        edited_fields = set(card.edits.pinned)
        if card.note.adopted is not None:
            edited_fields.update(card.note.adopted.repaired)
        yield Conflict(
            guid=card.guid,
            field=row["field"],
            user_text=row["mine"],
            source=row["source"],
            user_version_hash=row["theirs"],
            source_version_hash=row["ours"],
            is_edited_in_ankiforge=row["field"] in edited_fields,
        )


def find_cards_in_conflict(store: Store) -> set[Guid]:
    """Find the GUIDs of the cards with a conflict about any of their fields."""
    return set(_find_conflicts(store))


def _resolve_conflict(store: Store, question: UserQuestion, *, yes: bool) -> None:
    """Keep the text of the source if `yes`, otherwise the user's text."""
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
    for is_mass_deletion in (False, True):
        rows = anki_notes.load_absent_notes_of_live_cards(store, asked=is_mass_deletion)
        if not rows:
            continue
        guids = tuple(Guid(row["guid"]) for row in rows)
        words = [row["words"] for row in rows[:MAX_MISSING_EXAMPLES]]
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.ABSENT, *guids),
            text=_describe_missing_notes(len(guids), is_mass_deletion=is_mass_deletion),
            guids=guids,
            were_deleted=is_mass_deletion,
            examples=tuple(words),
        )


def _describe_missing_notes(count: int, *, is_mass_deletion: bool) -> str:
    verb, pronoun = ("is", "it") if count == 1 else ("are", "them")
    state = f"{verb} missing in Anki"
    if is_mass_deletion:
        state = f"{'was' if count == 1 else 'were'} deleted in Anki at once"
    return f"{format_count(count, 'note')} {state}. Did you delete {pronoun}?"


def _settle_missing_notes(
    store: Store, guids: Iterable[Guid], *, were_deleted: bool
) -> None:
    """Retire the cards whose notes the user deleted, or have the notes exported again."""
    for guid in guids:
        _, passage = cards.load_card_and_passage(store, guid)
        if were_deleted:
            body = {"guid": guid, "why": DELETED_REASON}
            store.record_event("retire", passage.key, USER, body)
        else:
            store.record_event("unseen", passage.key, USER, {"guid": guid})
        anki_notes.delete_note(store, guid)


# --- a source that lost its documents ---------------------------------------------------


def _iter_missing_document_questions(store: Store) -> Iterator[UserQuestion]:
    for container in store.get_metas_with_prefix("unlisted "):
        if store.get_meta(f"emptied {container}"):
            continue  # already answered
        query = "SELECT 1 FROM document WHERE container = ? AND state = 'present'"
        if store.fetch_first_row(query, container) is None:
            continue  # forgotten
        unlisted = store.get_value(f"unlisted {container}", UnlistedDocuments)
        if unlisted is None:
            continue
        card_count = store.fetch_value(
            "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.passage"
            " JOIN document d ON d.id = h.document WHERE c.live AND d.container = ?",
            container,
        )
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.EMPTIED, container),
            text=_describe_missing_documents(container, unlisted, card_count),
            new=container,
        )


def _describe_missing_documents(
    container: str, unlisted: UnlistedDocuments, card_count: int
) -> str:
    noun = {"pdf": "PDF", "vault": "note"}.get(container.partition(":")[0], "document")
    documents = format_count(unlisted.total_count, noun)
    lost_count = unlisted.total_count - unlisted.left_count
    place = unlisted.directory or container
    lost = f"{lost_count:,} of {documents} were not found in {place}."
    question = "Were they deleted?"
    if lost_count == 1:
        lost = f"1 of {documents} was not found in {place}."
        question = "Was it deleted?"
    dependents = f"{card_count:,} cards come from this source."
    if card_count == 1:
        dependents = "1 card comes from this source."
    return f"{lost} {dependents} {question}"


# --- forms that may not be cards --------------------------------------------------------


def _iter_line_pattern_questions(store: Store) -> Iterator[UserQuestion]:
    """Ask, once for each source and form, whether lines in an ambiguous form are cards.

    A form with fewer than `MIN_FORM_LINES` pending drafts is skipped.
    """
    # load the drafted hand-written cards, and words with a translation as their comment
    rows = store.fetch_rows(
        "SELECT body FROM highlight WHERE state = 'present' AND (kind = 'card' OR instr(body, ?))"
        " AND key IN (SELECT key FROM draft)",
        WORD_AND_TRANSLATION,
    )
    keys_by_form: dict[tuple[str, str], list[str]] = defaultdict(list)
    for highlight in (decode_highlight(row["body"]) for row in rows):
        form = line_patterns.find_line_pattern(highlight)
        if form and not line_patterns.find_line_pattern_answer(store, highlight):
            keys_by_form[highlight.document.source, form].append(highlight.key)
    for (source, form), keys in sorted(keys_by_form.items()):
        draft_ids = pending_drafts.find_drafts_of_highlights(store, keys, new=True)
        drafts = list(draft_groups.iter_pending_drafts(store, draft_ids))
        if len(drafts) < MIN_FORM_LINES:
            continue
        yield UserQuestion(
            *_make_id_and_kind(UserQuestionKind.FORM, source, form),
            text=_describe_lines(source, form, len(drafts)),
            new=source,
            old=form,
            examples=tuple(map(_format_line, drafts)),
            drafts=tuple(draft.id for draft in drafts),
        )


def _describe_lines(source: str, form: str, count: int) -> str:
    if form == WORD_AND_TRANSLATION:
        words = format_count(count, "word")
        return f"{words} with your translation in {source}: make cards?"
    return f"{format_count(count, 'line')} like `{form}` in {source}: are they cards?"


def _format_line(draft: PendingDraft) -> str:
    if draft.highlight.line_syntax != WORD_AND_TRANSLATION:
        return to_one_line(draft.highlight.exact)
    return to_one_line(
        f"{get_highlighted_term(draft.highlight)} = {draft.get_field('Back')}"
    )


def _answer_line_pattern(store: Store, question: UserQuestion, *, yes: bool) -> None:
    """Record the answer about a form of lines. If `yes`, its drafts are accepted."""
    key = line_patterns.make_line_pattern_event_key(question.new, question.old)
    choice = line_patterns.ACCEPTED if yes else line_patterns.NEVER
    store.record_event("form", key, USER, {"choice": choice})
    fields = line_patterns.FieldDetector(store)
    draft_ids = pending_drafts.sort_by_reading_order(store, question.drafts)
    for draft in list(draft_groups.iter_pending_drafts(store, draft_ids)):
        if yes:
            _make_card_if_clean(store, draft)
            continue
        update_waiting(store, [draft.highlight.key])
        query = "UPDATE highlight SET fate = 'left_out', reason = ? WHERE key = ?"
        reason = line_patterns.find_skip_reason(store, draft.highlight, fields)
        store.execute(query, reason, draft.highlight.key)


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
