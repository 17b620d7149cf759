"""The list of the web page that shows the cards that fail in Anki, with repairs to choose from.

The JSON of an item has the card as it is in Anki in `cards`, and a list of `repairs`. Each repair
has a summary in `says`, the resulting `cards`, and `lines` with a quote from the source and the
warnings of the checks. Items about our own cards also have `source`, the card's passage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ankiforge.anki.profiles import compute_fingerprint_text
from ankiforge.errors import UsageError
from ankiforge.features.repair import work as repair_work
from ankiforge.features.repair.count import FailingCount
from ankiforge.features.repair.repairs import CardRepair
from ankiforge.features.repair.work import FailingNote
from ankiforge.ledger import item_lists
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.events import USER
from ankiforge.model import (
    NO_KEY,
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Json,
    Origin,
    Pair,
    Preview,
    ShownCard,
    Texts,
    hash16,
)
from ankiforge.pipeline.collection import find_collection
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, DecisionOutcome, StaleItemError
from ankiforge.review.decisions import Accept, Edit, Postpone, Redraft, Reject
from ankiforge.review.items import apply_field_edits
from ankiforge.text import (
    format_as_sentence,
    format_count,
    regex,
    to_one_line,
    truncate,
)
from ankiforge.text.cloze import to_plain_text
from ankiforge.web.actions import EDIT, Action, Look
from ankiforge.web.card_view import render_card
from ankiforge.web.items import ItemRenderer
from ankiforge.web.page_part import ChatOutcome, ChatPrompt, ItemSource, ShelfList

NO_REPAIR_TEXT = "No repair that the checks let pass"
ID_PREFIX = "nid:"
"""The prefix of the ids of items."""
# The keys that accept the first, second and third repair.
_ACCEPT_KEYS = ("1", "2", "3")
_LEAVE = Action("later", "Leave 30 days", "s", Look.TEXT, "Left for 30 days")
_SUSPEND = Action("reject", "Suspend in Anki", "x", Look.OUTLINED, "Suspended")
_OFFER = Action(
    *("others", "Let the model offer repairs", "", Look.MORE, ""),
    stays="Asking the model …",
)
_MAX_QUOTE_CHARS = 300
"""The maximum length at which the quote of a repair is shown, in characters."""
_LINE_BREAK = regex(r"(?<=[^?.:!\n])\n(?!\n)")


class FailingCards(ItemSource):
    """The cards that fail in Anki, as a list in which the user decides on repairs."""

    lists = {
        "failing": ShelfList(
            "Cards that fail",
            "forgotten again and again, or flagged red",
            "!",
            ending="“Open in Anki” brings the repairs to your cards.",
        )
    }
    prefix = ID_PREFIX

    def __init__(
        self, workspace: Workspace, renderer: ItemRenderer, *, uses_model: bool
    ) -> None:
        """Create the list without reading the collection yet.

        Args:
            workspace: the workspace.
            renderer: renders cards and sources.
            uses_model: whether a model can be asked for repairs.
        """
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._renderer = renderer
        self._uses_model = uses_model
        self._fingerprint: str | None = None
        """The fingerprint of the collection when it was last read, or None."""
        self._entries: dict[str, FailingNote] = {}
        """The pending entries, keyed by item id."""

    def count_pending_items(self) -> dict[str, int]:
        """Return the number of pending cards, or the stored count until the collection is read."""
        if self._fingerprint is not None:
            return {"failing": len(self._entries)}
        stored_count = self._ledger.get_value("failing", FailingCount)
        if stored_count is None:
            return {"failing": 0}
        return {"failing": stored_count.cards}

    def list_ids(self, list_id: str) -> Sequence[str]:
        """Return the IDs of the pending cards, reading the collection if it has changed.

        Raises:
            ItemError: the collection can't be read.
            UsageError: no collection was found.
        """
        config = self._workspace.folder.config
        path = find_collection(config.anki, self._ledger)
        fingerprint = None
        if path is not None and path.is_file():
            fingerprint = compute_fingerprint_text(path)
        if fingerprint is None or fingerprint != self._fingerprint:
            self._entries = {}
            for failing_note in repair_work.list_failing_cards(self._workspace).failing:
                self._entries[_make_id(failing_note)] = failing_note
            self._fingerprint = fingerprint
        return tuple(self._entries)

    def render_item(self, id: str) -> Json | None:
        """Render an item as JSON, or return None if it isn't pending any more."""
        failing_note = self._entries.get(id)
        if failing_note is None:
            return None
        return self._render(failing_note)

    def _render(self, failing_note: FailingNote) -> Json:
        card = self._make_card(failing_note)
        view = render_card(card, self._renderer.find_picture)
        item: Json = {
            "id": _make_id(failing_note),
            "turn": _compute_turn(failing_note),
            "title": view["title"],
            "question": view["question"],
            "ask": _format_reason(failing_note),
            "cards": [view],
            "actions": self._list_actions(failing_note),
        }
        if failing_note.similar_note is not None:
            similar = _make_preview(failing_note.card.confused_fields)
            item["near"] = render_card(similar, self._renderer.find_picture)
        if failing_note.is_own_card:
            highlight = load_highlight(self._ledger, card.key)
            item["source"] = self._renderer.render_source(highlight, failing_note.quote)
        repairs = failing_note.proposed_repairs[: len(_ACCEPT_KEYS)]
        item["repairs"] = [self._render_repair(card, repair) for repair in repairs]
        return item

    def _render_repair(self, card: ShownCard, repair: CardRepair) -> Json:
        changed_fields = dict(apply_field_edits(card.fields, repair.fields))
        resulting_cards = []
        for fields in (changed_fields, *repair.new_cards):
            shown_fields = [
                (name, _LINE_BREAK.sub(", ", text)) for name, text in fields.items()
            ]
            kind = CardKind.from_fields(fields)
            resulting_card = replace(card, kind=kind, fields=tuple(shown_fields))
            view = render_card(resulting_card, self._renderer.find_picture)
            resulting_cards.append(view)
        return {
            "says": repair.summary[:1].upper() + repair.summary[1:],
            "cards": resulting_cards,
            "lines": [to_plain_text(line) for line in _iter_remarks(repair)],
        }

    def _list_actions(self, failing_note: FailingNote) -> list[Json]:
        """Return the JSON of the actions on a card.

        Only the main action is a filled button: to accept the first repair or, if there is none,
        to edit or suspend the card.
        """
        actions = _list_repair_actions(len(failing_note.proposed_repairs))
        if failing_note.is_changeable:
            actions.append(replace(EDIT, message="Saved", save="Save"))
        actions += [_SUSPEND, _LEAVE]
        main_action, *others = actions
        actions = [replace(main_action, look=Look.FILLED), *others]
        if self._uses_model:
            actions.append(_OFFER)
        # put the buttons that are only text last
        actions.sort(key=lambda action: action.look is Look.TEXT)
        return [action.to_json() for action in actions]

    def _make_card(self, failing_note: FailingNote) -> ShownCard:
        if not failing_note.is_own_card:
            return _make_preview(failing_note.card.fields, failing_note.note.deck)
        card = next(iter(item_lists.load_items(self._ledger, [failing_note.guid])))
        fields_by_name = {**dict(card.fields), **failing_note.card.fields}
        return replace(card, fields=tuple(fields_by_name.items()))

    # --- decisions ----------------------------------------------------------------------

    def _find_failing_note(self, decision: Decision) -> FailingNote:
        """Return the note that a decision is about.

        Raises:
            StaleItemError: the item has changed since it was shown, or isn't pending any more.
        """
        failing_note = self._entries.get(decision.id)
        if failing_note is None:
            raise StaleItemError(None, None)
        if decision.content_hash not in ("", _compute_turn(failing_note)):
            raise StaleItemError(None, self._render(failing_note))
        return failing_note

    def decide(self, decision: Decision) -> DecisionOutcome:
        """Carry out the user's decision on an item.

        Raises:
            StaleItemError: the item has changed since it was shown, or isn't pending any more.
            ForgeError: the decision is refused. The message gives the reason.
        """
        failing_note = self._find_failing_note(decision)
        if isinstance(decision, Redraft):
            return self._offer_repairs(decision.id, failing_note)
        action, message = self._carry_out(decision, failing_note)
        del self._entries[decision.id]

        def take_back() -> None:
            undo_decision(self._ledger, action)
            self._entries = {decision.id: failing_note, **self._entries}
            if isinstance(decision, Reject):
                repair_work.unsuspend_card(self._workspace, failing_note)

        return DecisionOutcome(take_back, action, message)

    def _offer_repairs(self, id: str, failing_note: FailingNote) -> DecisionOutcome:
        """Ask the model for repairs of a card, which stays pending."""
        repairs = repair_work.ask_model(self._workspace, failing_note)
        self._add_repairs(failing_note, repairs)
        message = f"{NO_REPAIR_TEXT}."
        if repairs:
            message = "The model offers these."
        return DecisionOutcome(message=message, next_id=id, is_pending=True)

    def _carry_out(self, decision: Decision, failing_note: FailingNote) -> Pair:
        """Record a decision, and return its id and a message for the user, which may be ""."""
        workspace = self._workspace
        message = ""
        match decision:
            case Accept(choice=choice) if choice < len(failing_note.proposed_repairs):
                repair = failing_note.proposed_repairs[choice]
                action = repair_work.accept_repair(workspace, failing_note, repair)
            case Edit(fields=typed):
                new_fields = {}
                for name, text in typed.items():
                    if text or name in failing_note.card.fields:
                        new_fields[name] = text
                action = repair_work.edit_note(workspace, failing_note, new_fields)
            case Reject():
                action, message = repair_work.suspend_card(workspace, failing_note)
                message = format_as_sentence(message)
            case Postpone():
                action = repair_work.postpone_repair(workspace, failing_note)
            case _:
                raise UsageError("this cannot be done here")
        return action, message

    def preview(self, decision: Decision) -> ShownCard:
        """Build the card as it would be with the fields in the editor."""
        card = self._make_card(
            self._find_failing_note(replace(decision, content_hash=""))
        )
        if not isinstance(decision, Edit):
            return card
        return replace(card, fields=apply_field_edits(card.fields, decision.fields))

    # --- the chat -----------------------------------------------------------------------

    def build_chat_prompt(self, id: str) -> ChatPrompt:
        """Build a prompt to paste into a chat, asking for repairs of a card.

        Raises:
            RefusedError: some of the text must stay on this computer, or ankiforge can't change
                the note.
        """
        ask = repair_work.prepare_repair(self._workspace, self._entries[id])

        def apply_reply(reply: str) -> ChatOutcome:
            repairs = ask.parse_reply(reply)
            self._add_repairs(self._entries[id], repairs)
            if not repairs:
                return ChatOutcome(f"{NO_REPAIR_TEXT}.", is_usable=False)
            count = format_count(len(repairs), "repair")
            return ChatOutcome(f"{count}.", is_usable=True)

        return ChatPrompt("Asks for repairs of this card.", ask.chat_text, apply_reply)

    def _add_repairs(
        self, failing_note: FailingNote, repairs: tuple[CardRepair, ...]
    ) -> None:
        if not repairs:
            return
        id = _make_id(failing_note)
        offers = (*repairs, *failing_note.proposed_repairs)[: len(_ACCEPT_KEYS)]
        del self._entries[id]
        self._entries = {
            id: replace(failing_note, proposed_repairs=offers),
            **self._entries,
        }


def _make_id(failing_note: FailingNote) -> str:
    return f"{ID_PREFIX}{failing_note.note.note_id}"


def _compute_turn(failing_note: FailingNote) -> str:
    """Compute a hash by which the page notices that the card or its repairs have changed."""
    content = (failing_note.card.fields, failing_note.proposed_repairs)
    return hash16("failing", repr(content))


def _format_reason(failing_note: FailingNote) -> str:
    """Format why a card is listed, and what it cost so far."""
    history = failing_note.history
    reasons = format_as_sentence("; ".join(failing_note.reasons))
    failure_count = sum(answer.is_failure for answer in history.answers)
    answers = format_count(history.answer_count, "answer")
    minutes = format_count(max(round(history.total_seconds / 60), 1), "minute")
    return f"{reasons} {failure_count or 'None'} of {answers} wrong, {minutes} spent."


def _iter_remarks(repair: CardRepair) -> Iterator[str]:
    """Yield the quote that supports a repair, and what the checks doubt."""
    if repair.quote is not None:
        quote = truncate(to_one_line(repair.quote), _MAX_QUOTE_CHARS)
        yield f"the source: “{quote}”"
    for doubt in repair.warnings:
        yield f"perhaps: {doubt}"


def _list_repair_actions(repair_count: int) -> list[Action]:
    """Return an action for each repair that can be accepted."""
    actions = []
    for index, key in enumerate(_ACCEPT_KEYS[:repair_count]):
        label = "Take the repair"
        if repair_count > 1:
            label = f"Take repair {key}"
        choice = {"choice": index}
        actions.append(Action("accept", label, key, Look.MORE, "Repaired", sends=choice))
    return actions


def _make_preview(fields: Texts, deck: str = "") -> Preview:
    """Build a preview of a note from its fields, with the deck in place of the document title."""
    document = Document(DocumentKey(""), "", deck)
    passage = Highlight(document, "", HighlightKind.HIGHLIGHT, "")
    kind = CardKind.from_fields(fields)
    texts = tuple(fields.items())
    return Preview(NO_KEY, kind, texts, Origin(USER), passages=(passage,))
