"""Render review items as JSON for the page's script.

An item is a group of drafts, a suggestion, a card, a question or a passage without a card. The
comment above `ItemRenderer` describes the JSON. The `turn` of an item is a hash of its content, so
a decision with a different `turn` refers to an outdated item. `docs/guides/review.md` describes
the page for users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ankiforge.anki.notes import iter_links
from ankiforge.check.source import NO_LABEL
from ankiforge.language.detection import detect_language
from ankiforge.ledger import (
    HighlightOutcome,
    Ledger,
)
from ankiforge.ledger.cards import load_card, load_card_and_passage, load_highlight
from ankiforge.ledger.item_lists import load_pending_drafts
from ankiforge.ledger.tables.anki_notes import load_note_in_anki
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    Draft,
    Finding,
    Highlight,
    Json,
    LocalCard,
    OfferedDraft,
    PendingDraft,
    Proposal,
    RemarkKind,
    Texts,
    UserQuestion,
    UserQuestionKind,
    Value,
    Verdict,
)
from ankiforge.pipeline.collection import apply_anki_edits
from ankiforge.reports.view import (
    find_main_warning,
    list_findings,
    list_remarks,
    view_card,
)
from ankiforge.review import Item
from ankiforge.review.items import expand_alternative_gaps, list_sentence_states
from ankiforge.review.selection import (
    find_previous_sentence,
    get_selectable_text,
    parse_sentence,
)
from ankiforge.text import format_as_sentence, format_count, to_one_line, truncate
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.differences import diff_words
from ankiforge.text.normalize import find_literal_spans, normalize_for_lookup
from ankiforge.text.sentences import find_sentence_spans
from ankiforge.web.actions import (
    ACCEPT,
    AGAIN,
    ANOTHER,
    ASK,
    BROWSE,
    CHANGE,
    EDIT,
    EDIT_FIRST,
    FORCE,
    KEEP_MINE,
    MASKS,
    OTHERS,
    REJECT,
    REST,
    SKIP,
    TAKE_NEW,
    WAIT,
    Action,
    Look,
    relabel,
)
from ankiforge.web.card_view import (
    find_card_quote,
    mark_differences,
    render_card,
)
from ankiforge.web.documents import DocumentRenderer
from ankiforge.web.maths import split_at_formulas

MAX_LINES = 300
"""The maximum number of lines or missing cards in a question."""

# --- drafts -----------------------------------------------------------------------------


def _actions_to_json(actions: Sequence[Action]) -> list[Json]:
    return [action.to_json() for action in actions]


def _render_passages(draft: PendingDraft) -> list[Json]:
    """Render the old and the new passage of a card, each split into equal and differing runs.

    A run is a [differs, text] pair. Returns [] if the passage hasn't changed.
    """
    if not draft.old_quote or draft.old_quote == draft.quote:
        return []
    runs = diff_words(draft.old_quote, draft.quote)
    return [
        {"label": label, "runs": [[differs, "".join(words)] for differs, words in side]}
        for label, side in zip(("It said", "It says now"), runs, strict=True)
    ]


def _contain_passages(old: LocalCard, new: PendingDraft) -> bool:
    """Return whether both texts of a card contain the passage, so that it is shown with them."""
    return _contains_text(old, new.old_quote) and _contains_text(new, new.quote)


def _contains_text(card: LocalCard | PendingDraft, text: str) -> bool:
    card_text = " ".join(to_plain_text(field) for _, field in card.fields)
    return normalize_for_lookup(text) in normalize_for_lookup(card_text)


def _render_warning(draft: Draft) -> Texts | None:
    """Render the main reason to look at a draft more closely, if there is one."""
    draft = replace(draft, findings=tuple(filter(_is_shown(draft), draft.findings)))
    text = find_main_warning(draft)
    if text is None:
        return None
    details = " ".join((*list_findings(draft), *list_remarks(draft)))
    tone = "caution"
    if draft.is_blocked:
        tone = "stop"
    elif draft.is_clean:
        tone = "quiet"
    return {"text": text, "tone": tone, "details": "" if details == text else details}


def _is_shown(draft: Draft) -> Callable[[Finding], bool]:
    # a missing label is reported where the user can draw one, and users know how the cards that
    # they wrote end
    hidden_checks = {NO_LABEL, "breaks_off"} if draft.is_user_card else {NO_LABEL}
    return lambda finding: finding.check not in hidden_checks


def _build_remark(text: str) -> Texts:
    return {"text": text, "tone": "quiet"}


_KEEPS_SCHEDULE = _build_remark("The card keeps its schedule.")


def _choose_actions(drafts: Sequence[Draft]) -> list[Action]:
    """Return the actions to offer for a group of drafts, the default action first.

    A blocked draft can be accepted only with `FORCE`.
    """
    if drafts[0].kind is CardKind.OCCLUSION:
        return [ACCEPT, REJECT, SKIP]
    if all(draft.is_blocked for draft in drafts):
        return [EDIT_FIRST, REJECT, SKIP, FORCE]
    actions = [ACCEPT, REJECT, EDIT]
    if any(draft.gaps for draft in drafts):
        actions.append(ASK)
    actions.append(SKIP)
    if any(draft.is_blocked for draft in drafts):
        actions.append(FORCE)
    return actions


# --- new text of a card -----------------------------------------------------------------


def _ask_about_revision(draft: PendingDraft) -> str:
    if not draft.revised_guid:
        return "The passage has another form now. Which card stays?"
    return "The passage has changed. Which words stay?"


def _explain_revision(draft: PendingDraft) -> Texts | None:
    if not draft.revised_guid:
        return _render_warning(draft)
    if draft.is_user_text:
        return _render_warning(draft) or _KEEPS_SCHEDULE
    return _KEEPS_SCHEDULE


def _choose_revision_actions(draft: PendingDraft) -> list[Action]:
    """Return the actions to offer for new text of a card, the default action first."""
    if draft.is_blocked:
        return [KEEP_MINE, CHANGE, SKIP, FORCE]
    if draft.may_be_another_card:
        return [KEEP_MINE, TAKE_NEW, ANOTHER, CHANGE, SKIP]
    return [KEEP_MINE, TAKE_NEW, CHANGE, SKIP]


# --- an accepted card, and a passage without one ----------------------------------------

_RESTORE = Action("restore", "Undo this", "", Look.FILLED, "Undone")
_MAKE_FROM_WORDS = replace(ACCEPT, name="make", needs="words")
_WRITE_CARD = replace(EDIT, name="write", label="Write a card", look=Look.MORE)
_REJECT_PASSAGE = relabel(REJECT, "No card", "No card for")


def _choose_card_actions(card: LocalCard) -> list[Action]:
    """Return the actions to offer on an accepted card, the default action first."""
    if not card.is_live:
        return [_RESTORE]
    if card.kind is CardKind.OCCLUSION:
        return [MASKS, REJECT]
    return [replace(EDIT_FIRST, message="Edited", save="Save"), REJECT]


# --- questions --------------------------------------------------------------------------


class _LossyAnswers(Value):
    """The two answers to a question, of which one loses data. The safe one is the default."""

    safe_label: str
    safe_message: str
    lossy_label: str
    lossy_message: str

    def list_actions(self) -> list[Action]:
        """Return the actions that give the answers, the safe one first."""
        return [
            relabel(KEEP_MINE, self.safe_label, self.safe_message),
            relabel(TAKE_NEW, self.lossy_label, self.lossy_message),
            SKIP,
        ]

    def list_bulk_actions(self) -> list[Action]:
        """Return the actions for a question about several cards, which has no default answer."""
        safe, lossy, _ = self.list_actions()
        return [WAIT, replace(safe, look=Look.OUTLINED), lossy]


class _ConflictTexts(Value):
    """What a question about two versions of a card says."""

    ask: str
    my_label: str
    their_label: str
    answers: _LossyAnswers


_SOURCE_CONFLICT = _ConflictTexts(
    "You and the source both changed this card. Which words stay?",
    "Mine",
    "New",
    _LossyAnswers(
        *(KEEP_MINE.label, KEEP_MINE.message),
        *(TAKE_NEW.label, TAKE_NEW.message),
    ),
)
_EDIT_CONFLICT = _ConflictTexts(
    "You changed this card here and in Anki. Which words stay?",
    "In Anki",
    "Here",
    _LossyAnswers(
        *("Keep Anki’s", "Anki’s words stay"),
        *("Take those from here", "The words from here taken"),
    ),
)


def _choose_conflict_texts(question: UserQuestion) -> _ConflictTexts:
    if not question.has_only_edit_conflicts:
        return _SOURCE_CONFLICT
    return _EDIT_CONFLICT


_ABSENCE_ANSWERS = _LossyAnswers(
    *("Bring back", "Will be sent again"), *("I deleted it", "Retired")
)
_DUPLICATE_ANSWERS = _LossyAnswers(*("Keep both", "Two cards"), *("Keep one", "One card"))
_EMPTIED_ANSWERS = _LossyAnswers(
    *("Nothing happened", "Every card stays as it is"), *("Deleted", "Taken as deleted")
)


def _render_emptied_question(question: UserQuestion) -> Json:
    """Render the question of whether the documents that a source has lost were deleted."""
    first_sentence, _, _ = question.text.partition(". ")
    return {
        "title": first_sentence,
        "ask": question.text,
        "why": _build_remark(
            "A drive that is not connected looks the same. Until you answer, no card changes."
            " “Nothing happened” keeps every card as it is. “Deleted” lists the cards whose"
            " passage is gone; they stay in Anki."
        ),
        "actions": _actions_to_json(_EMPTIED_ANSWERS.list_actions()),
    }


def _choose_form_actions(count: int) -> list[Action]:
    """Return the actions for a question about a number of lines, the default action first."""
    make = relabel(ACCEPT, "Make the card", "Card made")
    make_none = relabel(REJECT, "No card", "No cards made")
    if count == 1:
        return [make, make_none, SKIP]
    many = replace(ACCEPT, label=f"Make {count:,} cards", key="1", look=Look.OUTLINED)
    return [WAIT, relabel(many, many.label, "Cards made"), make_none]


def _state_absence(question: UserQuestion) -> str:
    """Say which notes are missing in Anki, without a full stop."""
    count = len(question.guids)
    cards = format_count(count, "card")
    if question.were_deleted:
        return f"{cards} {'was' if count == 1 else 'were'} deleted in Anki at once"
    return f"{cards} {'is' if count == 1 else 'are'} missing in Anki"


# --- passages ---------------------------------------------------------------------------


def selectable_text_to_json(highlight: Highlight) -> Json:
    """Render a passage's text so that the user can select words in it for a card.

    `parts` is the text split at formulas (see `split_at_formulas`), and `code` lists the spans of
    inline code.
    """
    text = get_selectable_text(highlight)[0]
    formulas = None if highlight.has_formulas else ()
    code = [
        [start, end] for start, end, kind in find_literal_spans(text) if kind == "code"
    ]
    return {"parts": split_at_formulas(text, formulas), "code": code}


# The JSON of an item:
#
#     item = {id, turn, title, ask?, why?, cards?, several?, beside?, lines?, option?,
#             compose?, source?, passages?, then?, actions}
#
# A suggested card has these fields: `gaps`, the texts that it could blank out, best first; `parts`,
# its sentence; `spans`, `code` and `starts`, the positions in the sentence of the gaps, of code and
# of sentence starts; `views`, the card's fields for each gap; and `before`, the previous sentence.
#
# `several` tells whether the passage has further facts. `then` is the item of the next fact, which
# the page shows once this one is accepted. Each of `lines` is a possible card: it has the ids of
# its drafts (`id`), its `question`, its `answer`, its location (`at`), whether it is ticked
# (`on`), and a warning (`note`). An occlusion card has `figure`, its picture and masks. The user
# can edit the masks if the item has `masks`.


def _number_cards(cards: Sequence[Json], drafts: Sequence[OfferedDraft]) -> None:
    """Number the cards of several drafts, so that they can be chosen by keyboard.

    A suggestion takes a number for each of its gaps.
    """
    number = 1
    for draft, card in zip(drafts, cards, strict=True):
        card["why"] = _render_warning(draft)
        card["number"] = number
        number += len(draft.gaps) or 1


class ItemRenderer:
    """Renders review items as JSON, with the actions that the page offers on them."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        find_pdf_link: Callable[[Highlight], list[Texts]],
        documents: DocumentRenderer,
        uses_model: bool,
        can_show_in_anki: Callable[[str], bool] = lambda guid: False,
    ) -> None:
        """Create a renderer.

        Args:
            ledger: source of pending items and past decisions.
            find_pdf_link: returns the link to a highlight's page in a local PDF, or [].
            documents: looks up pictures and registers the documents shown.
            uses_model: whether the user can have a model draft alternatives.
            can_show_in_anki: returns whether Anki is running and has the note with a GUID.
        """
        self._ledger = ledger
        self._model_actions = [OTHERS] if uses_model else []
        self._can_show_in_anki = can_show_in_anki
        self.find_picture = documents.find_picture
        self._find_pdf_link = find_pdf_link
        self._documents = documents

    def find_links(self, highlight: Highlight) -> list[Texts]:
        """Return the links for opening a passage in its source, the local PDF first."""
        links = self._find_pdf_link(highlight)
        for url, label in iter_links(highlight):
            links.append({"label": label, "href": url})
        return links

    def render_item(self, item: Item) -> Json:
        """Render a review item as JSON."""
        item_json = self._render_content(item)
        if item.guid and self._can_show_in_anki(item.guid):
            item_json["actions"] = [*item_json["actions"], BROWSE.to_json()]
        if item_json.get("cards"):
            item_json.setdefault("question", item_json["cards"][0]["question"])
        return {"id": item.id, "turn": item.content_hash, **item_json}

    def _render_content(self, item: Item) -> Json:
        if item.question:
            return self._render_question(item.question)
        if item.proposal:
            return self._render_suggestion(item.proposal)
        if item.outcome:
            return self._render_passage(item.outcome)
        if not item.card:
            return self._render_drafts(item.drafts)
        if not item.drafts:
            return self._render_card(item.card)
        if item.drafts[0].keeps_text:
            return self._render_outdated_card(item.drafts[0], item.card)
        return self._render_revision(item.drafts[0], item.card)

    def _render_suggestion(self, suggestion: Proposal) -> Json:
        actions = [ACCEPT, REJECT, EDIT, ASK, SKIP, *self._model_actions]
        return {
            **self._render_new_cards([suggestion]),
            "suggested": True,
            "actions": _actions_to_json(actions),
        }

    def _render_drafts(self, drafts: Sequence[PendingDraft]) -> Json:
        """Render the pending drafts of the same fact of a passage, with the actions on them."""
        first = drafts[0]
        item_json = self._render_new_cards(drafts)
        actions = _choose_actions(drafts)
        passages = _render_passages(first)
        if passages:
            item_json["passages"] = passages
            actions.append(AGAIN)
        has_further_facts = "several" in item_json
        if has_further_facts:
            actions.append(REST)
        if first.kind is not CardKind.OCCLUSION and not first.is_card_in_source:
            actions += self._model_actions
        item_json["actions"] = _actions_to_json(actions)
        return item_json

    def _render_new_cards(self, drafts: Sequence[OfferedDraft]) -> Json:
        """Render a suggestion, or the drafts of the same fact of a passage."""
        first = drafts[0]
        cards = [self._render_draft(draft) for draft in drafts]
        item_json: Json = {
            "title": cards[0]["title"],
            "cards": cards,
            "source": self.render_source(first.highlight, first.quote),
            "why": _render_warning(first),
        }
        facts = list_sentence_states(self._ledger, first.highlight)
        if len(facts) > 1:
            undecided = [fact for fact in facts if not fact.is_decided]
            item_json["several"] = (
                len(undecided) > 1
            )  # more than the fact of these drafts
        if len(drafts) > 1:
            item_json["choose"] = True
            item_json["why"] = None
            _number_cards(cards, drafts)
        if first.kind is CardKind.OCCLUSION:
            item_json["masks"] = True
        return item_json

    def _render_revision(self, draft: PendingDraft, card: LocalCard) -> Json:
        """Render a card beside new text for it, of which the user edits the new text.

        The old and the new passage are shown as well, unless the cards contain them anyway.
        """
        old = {**render_card(card, self.find_picture), "label": "Mine"}
        new = {
            **self._render_draft(draft),
            "label": "New",
            "used": self._find_highest_gap_number(card),
        }
        if card.kind.note_type is draft.kind.note_type:
            mark_differences(old, new)
        passages: list[Json] = []
        if not _contain_passages(card, draft):
            passages = _render_passages(draft)
        return {
            "title": new["title"],
            "ask": _ask_about_revision(draft),
            "cards": [old, new],
            "beside": True,
            "why": _explain_revision(draft),
            "edits": 1,  # the index of the card that the user edits
            "source": self.render_source(draft.highlight, draft.quote),
            "actions": _actions_to_json(_choose_revision_actions(draft)),
            "passages": passages,
        }

    def _render_outdated_card(self, draft: PendingDraft, card: LocalCard) -> Json:
        """Render a card whose passage has changed but which no drafter can reword.

        The old and the new passage are shown.
        """
        view = render_card(card, self.find_picture)
        view["used"] = self._find_highest_gap_number(card)
        keep = relabel(replace(KEEP_MINE, name="accept"), KEEP_MINE.label, "Kept")
        retire = relabel(REJECT, "Retire it", "Retired")
        return {
            "title": view["title"],
            "ask": "The passage has changed. Does the card still fit?",
            "cards": [view],
            "why": _build_remark("The text for your chat asks about it, too."),
            "source": self.render_source(draft.highlight, draft.quote),
            "actions": _actions_to_json([keep, retire, CHANGE, AGAIN, SKIP]),
            "passages": _render_passages(draft),
        }

    def _render_passage(self, outcome: HighlightOutcome) -> Json:
        """Render a passage without a card, in which the user selects words or writes a card."""
        highlight = outcome.highlight
        words = selectable_text_to_json(highlight)
        text = get_selectable_text(highlight)[0]
        title = to_one_line(text or highlight.comment or highlight.document.title)
        if text:
            actions = [
                *(_MAKE_FROM_WORDS, _REJECT_PASSAGE, ASK, _WRITE_CARD, SKIP),
                *self._model_actions,
            ]
        else:
            actions = [replace(_WRITE_CARD, look=Look.FILLED), _REJECT_PASSAGE, SKIP]
        return {
            "title": truncate(title, 90),
            "compose": words["parts"] if text else None,
            "code": words["code"],
            "blank": [["Front", "Question", []], ["Back", "Answer", []]],
            "source": self.render_source(highlight),
            "actions": _actions_to_json(actions),
            "why": _build_remark(format_as_sentence(outcome.reason)),
        }

    def _render_card(self, card: LocalCard) -> Json:
        """Render an accepted card that the user opened, with what the checks say about it."""
        view = {
            **render_card(card, self.find_picture),
            "used": self._find_highest_gap_number(card),
        }
        reasons = [finding.message for finding in card.findings]
        if card.verdict_reason:
            reasons.append(card.verdict_reason)
        why = " ".join(map(format_as_sentence, reasons))
        can_edit_masks = card.is_live and card.kind is CardKind.OCCLUSION
        return {
            "title": view["title"],
            "cards": [view],
            "masks": can_edit_masks,
            "actions": _actions_to_json(_choose_card_actions(card)),
            "why": _build_remark(why) if why else None,
            "source": self.render_source(card.highlight, card.quote),
        }

    # --- questions ----------------------------------------------------------------------

    def _render_question(self, question: UserQuestion) -> Json:
        match question.kind:
            case UserQuestionKind.SAME:
                return self._render_same_question(question)
            case UserQuestionKind.DUPLICATE:
                return self._render_duplicate_question(question)
            case UserQuestionKind.CONFLICT:
                return self._render_conflict_question(question)
            case UserQuestionKind.ABSENT:
                return self._render_absent_question(question)
            case UserQuestionKind.EMPTIED:
                return _render_emptied_question(question)
            case UserQuestionKind.FORM:
                return self._render_form_question(question)

    def _render_same_question(self, question: UserQuestion) -> Json:
        """Render the question of whether a new passage is the passage that a card has lost."""
        cards = []
        for guid in question.guids:
            card = load_card(self._ledger, guid)
            cards.append(self._render_accepted_card(card, "Your card"))
        highlight = load_highlight(self._ledger, question.new)
        title = cards[0]["title"] if cards else to_one_line(highlight.exact)
        for draft in load_pending_drafts(self._ledger, [question.new]):
            cards.append({**self._render_draft(draft), "label": "From the new passage"})
        # a draft that could blank out several gaps isn't one card to compare with
        if len(cards) == 2 and "gaps" not in cards[1]:
            mark_differences(cards[0], cards[1])
        source = self.render_source(highlight)
        if not question.guids and len(question.examples) > 1:
            # the old passage had no card to show, so show its text
            source["before"] = question.examples[1]
        yes = relabel(ACCEPT, "Yes, the same", "One card")
        no = relabel(REJECT, "No, a new card", "Kept apart")
        return {
            "title": title,
            "ask": "Is this the card that you already have?",
            "cards": cards,
            "beside": len(cards) == 2,
            "source": source,
            "why": _build_remark(
                "The passage of your card is gone, and this one says nearly the same. “Yes”"
                " keeps the card, with any reviews, and asks whether it still fits."
            ),
            "actions": _actions_to_json([yes, no, SKIP]),
        }

    def _render_duplicate_question(self, question: UserQuestion) -> Json:
        """Render the question of whether to keep only one of several identical cards."""
        cards = []
        for number, guid in enumerate(question.guids, 1):
            card = load_card(self._ledger, guid)
            view = self._render_accepted_card(card, f"Card {number}")
            view["note"] += f" · {card.highlight.document.title}"
            cards.append(view)
        if len(cards) == 2:
            mark_differences(cards[0], cards[1])
        return {
            "title": cards[0]["title"],
            "ask": f"{question.text} Keep one?",
            "cards": cards,
            "beside": True,
            "why": _build_remark("The one with more reviews stays."),
            "actions": _actions_to_json(_DUPLICATE_ANSWERS.list_actions()),
        }

    def _render_conflict_question(self, question: UserQuestion) -> Json:
        """Render the question of which of two versions of a card stays."""
        card = apply_anki_edits(self._ledger, load_card(self._ledger, question.guids[0]))
        mine, theirs = dict(card.fields), dict(card.fields)
        for conflict in question.conflicts:
            mine[conflict.field] = conflict.user_text
            theirs[conflict.field] = conflict.source
        my_card = self._render_version(card, mine)
        their_card = self._render_version(card, theirs)
        mark_differences(my_card, their_card)
        texts = _choose_conflict_texts(question)
        my_card["label"] = texts.my_label
        their_card["label"] = texts.their_label
        return {
            "title": my_card["title"],
            "ask": texts.ask,
            "cards": [my_card, their_card],
            "beside": True,
            "source": self.render_source(card.highlight, card.quote),
            "why": _build_remark("The card keeps its schedule either way."),
            "actions": _actions_to_json([*texts.answers.list_actions(), CHANGE]),
        }

    def _render_version(self, card: LocalCard, fields: Texts) -> Json:
        version = replace(card, fields=tuple(fields.items()))
        return render_card(version, self.find_picture)

    def _render_absent_question(self, question: UserQuestion) -> Json:
        """Render the question of whether the user deleted notes that are missing from Anki."""
        views = []
        for guid in question.guids[:MAX_LINES]:
            card = load_card(self._ledger, guid)
            views.append(render_card(card, self.find_picture))
        absence = _state_absence(question)
        item_json: Json = {
            "title": absence,
            "ask": f"{absence}. Bring {'it' if len(question.guids) == 1 else 'them'} back?",
            "why": _build_remark(
                "An older backup may have been restored, or a deck deleted by accident. “Bring"
                " back” begins anew, without reviews. After “I deleted it”, nothing of it is"
                " suggested again."
            ),
        }
        if len(views) == 1:
            item_json["actions"] = _actions_to_json(_ABSENCE_ANSWERS.list_actions())
            item_json["cards"] = views
        else:
            item_json["actions"] = _actions_to_json(_ABSENCE_ANSWERS.list_bulk_actions())
            item_json["lines"] = [
                {"id": "", "question": view["question"], "answer": view["answer"]}
                for view in views
            ]
        return item_json

    def _render_form_question(self, question: UserQuestion) -> Json:
        """Render the question of whether lines of a form, such as `term: meaning`, are cards."""
        count = len(question.drafts)
        # in other kinds of questions, these two fields are keys or GUIDs
        form = question.old
        source_name = question.new
        if form == WORD_AND_TRANSLATION:
            words = format_count(count, "word")
            title = f"{words} with your translation"
            ask = f"You noted in {source_name} what {words} mean. Make cards of them?"
        else:
            lines = format_count(count, "line")
            title = f"{lines} like {form}"
            ask = f"{lines} in {source_name} look like “{form}”. Are they cards?"
        drafts = load_pending_drafts(self._ledger, question.drafts)
        return {
            "title": title,
            "lines": [self._render_line_of_form(draft) for draft in drafts],
            "ask": ask,
            "why": _build_remark(
                "The answer is also for later ones. You can reject single cards afterwards."
            ),
            "actions": _actions_to_json(_choose_form_actions(count)),
        }

    def _render_line_of_form(self, draft: PendingDraft) -> Json:
        """Render a line that may be a card, without the remark that the question asks about."""
        view = render_card(draft, self.find_picture)
        remarks = [
            remark for remark in draft.remarks if remark.kind is not RemarkKind.FORM
        ]
        document = draft.highlight.document
        warning = find_main_warning(replace(draft, remarks=tuple(remarks)))
        return {
            "id": draft.id,
            "question": view["question"],
            "answer": view["answer"],
            "at": document.path or document.title,
            "note": warning or "",
        }

    # --- parts --------------------------------------------------------------------------

    def _find_highest_gap_number(self, card: LocalCard) -> int:
        """Return the highest cloze number ever exported for a card, or 0.

        The editor gives new gaps higher numbers, so that an exported number is never reused for
        different text.
        """
        state, _ = load_card_and_passage(self._ledger, card.guid)
        return max(map(int, state.note.exported_text_by_number), default=0)

    def _render_draft(self, draft: OfferedDraft) -> Json:
        """Render a draft, with its sentence and a view for each gap if it has alternative gaps."""
        view = render_card(draft, self.find_picture)
        if not draft.gaps:
            return view
        full_sentence = parse_sentence(draft)
        views = [
            render_card(card, self.find_picture)
            for card in expand_alternative_gaps(draft)
        ]
        return {
            **view,
            "gaps": view_card(draft).gaps,
            "spans": full_sentence.gaps,
            "views": [gap_view["fields"] for gap_view in views],
            "parts": split_at_formulas(full_sentence.text, full_sentence.formulas),
            "code": full_sentence.code,
            "starts": [start for start, _ in find_sentence_spans(full_sentence.text)],
            "before": find_previous_sentence(draft),
        }

    def _render_accepted_card(self, card: LocalCard, label: str) -> Json:
        """Render an accepted card, with its number of reviews or, if it has none, its state."""
        view = render_card(apply_anki_edits(self._ledger, card), self.find_picture)
        seen = load_note_in_anki(self._ledger, card.guid)
        if card.verdict is not Verdict.LIVE:
            state = card.verdict.value
        elif seen:
            state = format_count(seen.reviews, "review")
        else:
            state = "not in Anki yet"
        if view["note"]:
            state = f"{view['note'].rstrip('.')} · {state}"
        return {**view, "label": label, "note": state}

    def render_source(self, highlight: Highlight, quote: str = "") -> Json:
        """Render a card's source as JSON.

        `asked` is the part of the highlight that matches `quote`, or "" if no part does. `said`
        is the user's comment.
        """
        around = f"{highlight.prefix}{highlight.exact}{highlight.suffix}"
        return {
            "key": highlight.key,
            "document": self._documents.register_document(highlight),
            "lang": detect_language(around),
            "asked": find_card_quote(highlight, quote),
            "said": highlight.comment,
            "links": self.find_links(highlight),
        }
