"""Render review items as JSON for the page's script.

An item is a group of drafts, a proposal, a card, a question or a passage without a card. The
comment above `ItemRenderer` describes the JSON. The `turn` of an item is a hash of its content, so
a decision with a different `turn` refers to an outdated item. `docs/guides/review.md` describes
the page for users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ankiforge.anki.notes import iter_links
from ankiforge.check.source import NO_LABEL
from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import read_word_set
from ankiforge.ledger import (
    MAX_BACKS,
    HighlightOutcome,
    Ledger,
    LinesWithSameFront,
    group_by_front,
)
from ankiforge.ledger.cards import load_card, load_card_and_passage, load_highlight
from ankiforge.ledger.item_lists import load_pending_drafts
from ankiforge.ledger.tables.anki_notes import load_note_in_anki
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    Draft,
    Highlight,
    Json,
    LocalCard,
    OfferedDraft,
    Pair,
    PendingDraft,
    RemarkKind,
    Texts,
    UserQuestion,
    UserQuestionKind,
    Verdict,
)
from ankiforge.pipeline.collection import apply_anki_edits
from ankiforge.reports.view import (
    find_main_warning,
    has_wording_problem,
    list_findings,
    list_remarks,
    view_card,
)
from ankiforge.review import Item
from ankiforge.review.decisions import RESULT_BY_ACT
from ankiforge.review.items import expand_alternative_gaps, list_sentence_states
from ankiforge.review.selection import (
    find_previous_sentence,
    get_selectable_text,
    parse_sentence,
)
from ankiforge.text import format_as_sentence, format_count, to_one_line, truncate
from ankiforge.text.differences import diff_words
from ankiforge.text.normalize import find_literal_spans
from ankiforge.text.sentences import find_sentence_spans
from ankiforge.web.card_view import (
    find_card_quote,
    mark_differences,
    render_card,
    render_text,
    split_at_formulas,
)
from ankiforge.web.documents import DocumentRenderer

MAX_LINES = 300
"""The maximum number of lines or missing cards in a question."""

# --- actions ----------------------------------------------------------------------------


def build_action(
    name: str, label: str, key: str, look: str, message: str, **more: Any
) -> Json:
    """Build the JSON for an action that the page offers on an item.

    Args:
        name: the `kind` of the resulting `Decision`, or an action that the page handles itself.
        label: the button label.
        key: the keyboard shortcut, or "".
        look: the button style, `filled`, `outlined`, or `text`, or `more` for a menu entry.
        message: the message shown after the decision.
        more: additional JSON fields, e.g. `needs` for the input required from the user, or `sends`
            for additional fields of the decision.
    """
    becomes = RESULT_BY_ACT.get(name, "card")
    texts = {"label": label, "key": key, "look": look, "said": message}
    return {"act": name, "becomes": becomes, **texts, **more}


ACCEPT = build_action("accept", "Accept", "", "filled", "Accepted")
MAKE = build_action("accept", "Make this card", "", "filled", "Made")
REJECT = build_action("reject", "Reject", "x", "outlined", "Rejected")
ASK = build_action("ask", "Ask", "q", "text", "")
"""Turns a proposal into a question with the gap as its answer. Handled by the page's script,
without a request.
"""
EDIT = build_action(
    "edit",
    "Edit",
    "e",
    "text",
    "Saved and accepted",
    needs="edit",
    save="Save and accept",
)
MASKS = build_action(
    "masks", "Save the masks", "", "filled", "Masks changed", needs="drawing"
)
SKIP = build_action("later", "Later", "s", "more", "Later")
REST = build_action(
    "reject",
    "Reject the rest of the highlight",
    "",
    "more",
    "Rejected the rest of",
    sends={"passage": True},
)
ANOTHER = build_action(
    "accept", "Another card", "", "text", "Accepted", sends={"another": True}
)
FORCE = build_action(
    "accept", "Accept anyway", "", "more", "Accepted", sends={"forced": True}
)
BROWSE = build_action("browse", "Show in Anki", "", "text", "", stays="Asking Anki …")
OTHERS = build_action(
    "others",
    "Let the model draft others",
    "",
    "more",
    "",
    stays="Asking the model …",
)


AGAIN = build_action("chat", "Ask again", "", "text", "")
"""Opens the dialog with a prompt for a chat, which includes the changed passage. Handled by the
page's script.
"""
CHANGE = {**EDIT, "said": "Changed", "save": "Save"}
"""Edits a card whose passage has changed."""


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


def _relabel(action: Json, label: str, message: str = "", **more: Any) -> Json:
    """Copy an action with a new label. The message and other fields can be overridden as well."""
    return {**action, "label": label, "said": message or action["said"], **more}


def _build_lossy_answers(safe_answer: Pair, lossy_answer: Pair) -> tuple[Json, Json]:
    """Build the actions for a question with two answers, one of which would lose data.

    The safe answer is the default action. Each answer is a (label, message) pair.
    """
    return (
        build_action("reject", safe_answer[0], "1", "filled", safe_answer[1]),
        build_action("accept", lossy_answer[0], "2", "outlined", lossy_answer[1]),
    )


# --- drafts -----------------------------------------------------------------------------


def _render_warning(draft: Draft) -> Texts | None:
    # a missing label is reported where the user can draw one, and users know how the cards that
    # they wrote end
    hidden_checks = {NO_LABEL, "breaks_off"} if draft.is_user_card else {NO_LABEL}
    findings = tuple(
        finding for finding in draft.findings if finding.check not in hidden_checks
    )
    draft = replace(draft, findings=findings)
    text = find_main_warning(draft)
    if not text:
        return None
    details = " ".join((*list_findings(draft), *list_remarks(draft)))
    tone = "stop" if draft.is_blocked else "quiet" if draft.is_clean else "caution"
    return {"text": text, "tone": tone, "details": "" if details == text else details}


def _build_remark(text: str) -> Texts:
    return {"text": text, "tone": "quiet"}


_QUESTION_TEXTS: dict[UserQuestionKind, tuple[str, Json, Json]] = {
    UserQuestionKind.SAME: (
        "The passage of your card is gone, and this one says nearly the same. “Yes” keeps the"
        " card, with any reviews, and asks whether it still fits.",
        _relabel(ACCEPT, "Yes, the same", "One card"),
        _relabel(REJECT, "No, a new card", "Kept apart"),
    ),
    UserQuestionKind.DUPLICATE: (
        "The one with more reviews stays.",
        _relabel(ACCEPT, "Keep one", "One card"),
        _relabel(REJECT, "Keep both", "Two cards"),
    ),
    UserQuestionKind.CONFLICT: (
        "The card keeps its schedule either way.",
        *_build_lossy_answers(
            ("Keep mine", "Your words stay"),
            ("Take the source’s", "The source’s words taken"),
        ),
    ),
    UserQuestionKind.ABSENT: (
        "An older backup may have been restored, or a deck deleted by accident. “Bring back”"
        " begins anew, without reviews. After “I deleted it”, nothing of it is proposed again.",
        *_build_lossy_answers(
            ("Bring back", "Will be sent again"), ("I deleted it", "Retired")
        ),
    ),
    UserQuestionKind.EMPTIED: (
        "A drive that is not connected looks the same. Until you answer, no card changes."
        " “Nothing happened” keeps every card as it is. “Deleted” lists the cards whose"
        " passage is gone; they stay in Anki.",
        *_build_lossy_answers(
            ("Nothing happened", "Every card stays as it is"),
            ("Deleted", "Taken as deleted"),
        ),
    ),
    UserQuestionKind.FORM: (
        "Untick what is not a card.",
        _relabel(
            ACCEPT, "Make {n} cards", "Cards made", act="lines", none="Make no cards"
        ),
        _relabel(REJECT, "None of them", "No cards made"),
    ),
}
"""Maps each kind of question to an explanation and the two answers."""


def _choose_actions(drafts: Sequence[Draft]) -> list[Json]:
    """Return the actions to offer for a group of drafts, the default action first.

    A blocked draft can be accepted only with `FORCE`.
    """
    blocked = [draft for draft in drafts if draft.is_blocked]
    if drafts[0].kind is CardKind.OCCLUSION:
        return [ACCEPT, REJECT, SKIP]
    if len(blocked) == len(drafts):
        return [_relabel(EDIT, "Edit", look="filled"), REJECT, SKIP, FORCE]
    actions = [ACCEPT, REJECT, EDIT]
    if len(drafts) == 1 and has_wording_problem(
        drafts[0]
    ):  # make Edit the default, so that Enter doesn't accept the draft unedited
        actions = [{**ACCEPT, "look": "outlined"}, REJECT, {**EDIT, "look": "filled"}]
    if any(draft.gaps for draft in drafts):
        actions.append(ASK)
    actions += [SKIP]
    return [*actions, FORCE] if blocked else actions


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
# A proposed card has these fields: `gaps`, the texts that it could blank out, best first; `parts`,
# its sentence; `spans`, `code` and `starts`, the positions in the sentence of the gaps, of code and
# of sentence starts; `views`, the card's fields for each gap; and `before`, the previous sentence.
#
# `several` tells whether the passage has further facts. `then` is the item of the next fact, which
# the page shows once this one is accepted. Each of `lines` is a possible card: it has the ids of
# its drafts (`id`), its `question`, its `answer`, its location (`at`), whether it is ticked
# (`on`), and a warning (`note`). An occlusion card has `figure`, its picture and masks. The user
# can edit the masks if the item has `masks`.


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
        links = iter_links(highlight)
        return self._find_pdf_link(highlight) + [
            {"label": name, "href": url} for url, name in links
        ]

    def render_item(self, item: Item) -> Json:
        """Render a review item as JSON."""
        if item.question:
            item_json = self._render_question(item.question)
        elif item.proposal:
            item_json = self._render_drafts([item.proposal])
            actions = [MAKE, REJECT, EDIT, ASK, SKIP, *self._model_actions]
            item_json = {**item_json, "proposal": True, "actions": actions}
        elif item.outcome:
            item_json = self._render_passage(item.outcome)
        elif item.card and item.drafts and item.drafts[0].keeps_text:
            item_json = self._render_outdated_card(item.drafts[0], item.card)
        elif item.card and item.drafts:
            item_json = self._render_revision(item.drafts[0], item.card)
        elif item.card:
            item_json = self._render_card(item.card)
        else:
            item_json = self._render_drafts(item.drafts)
        if item.guid and self._can_show_in_anki(item.guid):
            item_json["actions"] = [*item_json["actions"], BROWSE]
        if item_json.get("cards"):
            item_json.setdefault("question", item_json["cards"][0]["question"])
        return {"id": item.id, "turn": item.content_hash, **item_json}

    def _render_drafts(self, drafts: Sequence[OfferedDraft]) -> Json:
        first = drafts[0]
        cards = [self._render_draft(draft) for draft in drafts]
        actions = _choose_actions(drafts)
        item_json: Json = {
            "title": cards[0]["title"],
            "cards": cards,
            "source": self.render_source(first.highlight, first.quote),
            "why": _render_warning(first),
            "actions": actions,
        }
        if isinstance(first, PendingDraft) and (passages := _render_passages(first)):
            item_json["passages"] = passages
            actions.append(AGAIN)

        # whether the passage has further undecided facts
        facts = list_sentence_states(self._ledger, first.highlight)
        if len(facts) > 1:
            actions.append(REST)
            decided_count = sum(fact.is_decided for fact in facts)
            item_json["several"] = decided_count + 1 < len(facts)

        # number the drafts, so that they can be chosen by keyboard; a proposal takes a number for
        # each of its gaps
        if len(drafts) > 1:
            item_json["choose"] = True
            item_json["why"] = None
            number = 1
            for draft, card in zip(drafts, cards, strict=True):
                card["why"] = _render_warning(draft)
                card["number"] = number
                number += len(draft.gaps) or 1
        if first.kind is CardKind.OCCLUSION:
            item_json["masks"] = True
        elif not first.is_card_in_source:
            actions += self._model_actions
        return item_json

    def _render_revision(self, draft: PendingDraft, card: LocalCard) -> Json:
        old = render_card(card, self.find_picture)
        new = self._render_draft(draft)
        old["label"] = "Your card"
        new["label"] = "With the new words"
        new["used"] = self._find_highest_gap_number(card)
        if card.kind.note_type is draft.kind.note_type:
            mark_differences(old, new)
        warning_json = _render_warning(draft)
        another: list[Json] = []
        # Enter keeps the card, because a card of another form has a schedule of its own
        ask = "Replace your card by one of another form?"
        accept = _relabel(ACCEPT, "Replace it", "Changed", look="outlined")
        reject = _relabel(REJECT, "Keep my card", "Kept as it was", look="filled")
        if draft.revised_guid:
            ask = "The passage has changed. Change the card, too?"
            accept = _relabel(ACCEPT, "Change the card", "Changed")
            reject = _relabel(REJECT, "Keep the old words", "Kept as it was")
            warning_json = warning_json or _build_remark("The card keeps its schedule.")
        if draft.revised_guid and not draft.is_user_text:
            ask = "The passage has changed. Are these the new words of your card?"
            warning_json = _build_remark("The card keeps its schedule.")
            another = [ANOTHER]
        actions = [accept, reject, *another, CHANGE, SKIP]
        if not draft.revised_guid:
            actions = [reject, accept, CHANGE, SKIP]
        if draft.is_blocked:
            actions = [{**CHANGE, "look": "filled"}, reject, SKIP, FORCE]
        return {
            "title": new["title"],
            "ask": ask,
            "cards": [old, new],
            "beside": True,
            "why": warning_json,
            "edits": 1,
            "source": self.render_source(draft.highlight, draft.quote),
            "actions": actions,
            "passages": _render_passages(draft),
        }

    def _render_outdated_card(self, draft: PendingDraft, card: LocalCard) -> Json:
        """Render a card whose passage has changed but which no drafter can reword.

        The old and the new passage are shown.
        """
        view = render_card(card, self.find_picture)
        view["used"] = self._find_highest_gap_number(card)
        keep = _relabel(ACCEPT, "Keep the card", "Kept")
        retire = _relabel(REJECT, "Retire it", "Retired")
        return {
            "title": view["title"],
            "ask": "The passage has changed. Does the card still fit?",
            "cards": [view],
            "why": _build_remark("The text for your chat asks about it, too."),
            "source": self.render_source(draft.highlight, draft.quote),
            "actions": [keep, retire, CHANGE, AGAIN, SKIP],
            "passages": _render_passages(draft),
        }

    def _render_passage(self, outcome: HighlightOutcome) -> Json:
        highlight = outcome.highlight
        text = get_selectable_text(highlight)[0]
        title = to_one_line(text or highlight.comment or highlight.document.title)
        write = build_action(
            "write", "Write it", "e", "text", "Made", needs="edit", save="Make this card"
        )
        nothing = build_action("reject", "No card wanted", "x", "outlined", "No card for")
        make = build_action("make", "Make this card", "", "filled", "Made", needs="words")
        if text:
            actions = [make, nothing, write, SKIP, *self._model_actions]
        else:
            actions = [{**write, "look": "filled"}, nothing, SKIP]
        words = selectable_text_to_json(highlight)
        return {
            "title": truncate(title, 90),
            "compose": words["parts"] if text else None,
            "code": words["code"],
            "blank": [["Front", "Question", []], ["Back", "Answer", []]],
            "source": self.render_source(highlight),
            "actions": actions,
            "why": _build_remark(format_as_sentence(outcome.reason)),
        }

    def _render_card(self, card: LocalCard) -> Json:
        view = render_card(card, self.find_picture)
        view["used"] = self._find_highest_gap_number(card)
        reasons = [format_as_sentence(finding.message) for finding in card.findings]
        if card.verdict_reason:
            reasons.append(format_as_sentence(card.verdict_reason))
        masks = card.is_live and card.kind is CardKind.OCCLUSION
        if not card.is_live:
            actions = [build_action("restore", "Undo this", "", "filled", "Undone")]
        elif masks:
            actions = [MASKS, REJECT]
        else:
            edit = _relabel(EDIT, "Edit", "Edited", look="filled", save="Save")
            actions = [edit, REJECT]
        return {
            "title": view["title"],
            "cards": [view],
            "masks": masks,
            "actions": actions,
            "why": _build_remark(" ".join(reasons)) if reasons else None,
            "source": self.render_source(card.highlight, card.quote),
        }

    def _render_question(self, question: UserQuestion) -> Json:
        about: Json = {}
        remark, *answers = _QUESTION_TEXTS[question.kind]
        match question.kind:
            case UserQuestionKind.SAME:
                about = self._render_same_question(question)
            case UserQuestionKind.ABSENT:
                about = self._render_absent_question(question)
            case UserQuestionKind.DUPLICATE:
                about = self._render_duplicate_question(question)
            case UserQuestionKind.CONFLICT:
                about = self._render_conflict_question(question)
            case UserQuestionKind.FORM:
                about = self._render_form_question(question)
        title = question.text.partition(":")[0]
        if question.kind in (UserQuestionKind.ABSENT, UserQuestionKind.EMPTIED):
            title = question.text.partition(". ")[0].removesuffix(".")
        return {
            "title": title,
            "ask": question.text,
            "why": _build_remark(remark),
            "actions": [*answers, SKIP],
            **about,
        }

    def _render_absent_question(self, question: UserQuestion) -> Json:
        """Render the question of whether the user deleted notes that are missing from Anki."""
        views = []
        for guid in question.guids[:MAX_LINES]:
            card = load_card(self._ledger, guid)
            views.append(render_card(card, self.find_picture))
        lines = [
            {"id": "", "question": view["question"], "answer": view["answer"]}
            for view in views
        ]
        text, _, restored = question.text.partition(" Did you delete ")
        text = text.replace("note", "card")
        ask = f"{text} Bring {restored.rstrip('?')} back?"
        about: Json = {"cards": views} if len(views) == 1 else {"lines": lines}
        return {**about, "ask": ask}

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
        ask = f"{question.text} Keep one?"
        return {"title": cards[0]["title"], "cards": cards, "beside": True, "ask": ask}

    def _render_form_question(self, question: UserQuestion) -> Json:
        """Render the question of whether lines of a form are cards, with a checkbox per line."""
        drafts = load_pending_drafts(self._ledger, question.drafts)
        are_words = question.old == WORD_AND_TRANSLATION
        noun = "word" if are_words else "line"
        count = format_count(len(question.drafts), noun)
        label = f"Make cards of such {noun}s in {question.new} from now on"
        lines = [self._render_front_group(group) for group in group_by_front(drafts)]
        location = question.new
        if len({line["at"] for line in lines}) == 1:  # name a common location only once
            location = lines[0]["at"]
            lines = [{**line, "at": ""} for line in lines]
        title = f"{count} like {question.old}"
        ask = f"{count} in {location} look like “{question.old}”. Are they cards?"
        if are_words:
            title = f"{count} with your translation"
            ask = f"You noted in {location} what {count} mean. Make cards of them?"
        return {
            "title": title,
            "lines": lines,
            "ask": ask,
            "option": label,
        }

    def _render_same_question(self, question: UserQuestion) -> Json:
        """Render the question of whether a new passage is the passage that a card has lost."""
        cards = []
        for guid in question.guids:
            cards.append(
                self._render_accepted_card(load_card(self._ledger, guid), "Your card")
            )
        highlight = load_highlight(self._ledger, question.new)
        title = cards[0]["title"] if cards else to_one_line(highlight.exact)
        for draft in load_pending_drafts(self._ledger, [question.new]):
            cards.append({**self._render_draft(draft), "label": "From the new passage"})
        if len(cards) == 2 and "gaps" not in cards[1]:
            mark_differences(cards[0], cards[1])
        source = self.render_source(highlight)
        if len(question.examples) > 1 and not question.guids:
            source["before"] = question.examples[1]
        return {
            "title": title,
            "ask": "Is this the card that you already have?",
            "cards": cards,
            "beside": len(cards) == 2,
            "source": source,
        }

    def _render_conflict_question(self, question: UserQuestion) -> Json:
        card = load_card(self._ledger, question.guids[0])
        card = apply_anki_edits(self._ledger, card)
        mine = dict(card.fields)
        theirs = dict(card.fields)
        if card.note.adopted and question.repair:  # Anki doesn't have the repair yet
            mine |= card.note.adopted.source_texts
        for conflict in question.conflicts:
            mine[conflict.field] = conflict.user_text
            theirs[conflict.field] = conflict.source
        my_card = render_card(
            replace(card, fields=tuple(mine.items())), self.find_picture
        )
        their_card = render_card(
            replace(card, fields=tuple(theirs.items())), self.find_picture
        )
        mark_differences(my_card, their_card)
        my_card["label"] = "Yours"
        their_card["label"] = "From the source"
        about: Json = {
            "title": my_card["title"],
            "ask": "You and the source both changed this card. Which words stay?",
            "cards": [my_card, their_card],
            "beside": True,
            "source": self.render_source(card.highlight, card.quote),
        }
        if question.has_only_edit_conflicts:
            my_card["label"] = "In Anki"
            their_card["label"] = "Here"
            about["ask"] = "You changed this card here and in Anki. Which words stay?"
            keep = ("Keep Anki’s", "Anki’s words stay")
            take = ("Take those from here", "The words from here taken")
            if question.repair:
                about["ask"] = f"{question.text} Which words stay?"
                keep = ("Keep Anki’s", "Undid the repair")
                take = ("Send the repair", "The repair will be sent")
            about["actions"] = [*_build_lossy_answers(keep, take), SKIP]
        return about

    def _render_front_group(self, group: LinesWithSameFront) -> Json:
        """Render lines with the same front as a single checkbox.

        The box is ticked unless a draft has a warning or the front is a mere label.
        """
        first = group.drafts[0]
        # leave out the remark about the form, because the question itself is about it
        remarks = tuple(
            remark for remark in first.remarks if remark.kind is not RemarkKind.FORM
        )
        document = first.highlight.document
        location = group.directory or document.path or document.title
        count = len(group.drafts)
        return {
            "id": " ".join(draft.id for draft in group.drafts),
            "question": render_text(group.front),
            "answer": " · ".join(map(render_text, group.backs[:MAX_BACKS])),
            "at": location if count == 1 else f"{count} lines, {location}",
            "on": all(draft.is_clean for draft in group.drafts)
            and group.front.casefold() not in read_word_set("signs", "label"),
            "note": find_main_warning(replace(first, remarks=remarks)),
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
        view["label"] = label
        view["note"] = " · ".join(filter(None, (view["note"].rstrip("."), state)))
        return view

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
