"""The cards that fail in Anki, as items of the page, with the repairs of a model or a chat.

An item has the `cards` as it is in Anki, and its `repairs`, each with what it `says`, the `cards`
that it makes, and `lines` about them. Its document stands beside it if the card is one of ours.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from ankiforge.anki.profiles import signature
from ankiforge.features.repair import work as mending
from ankiforge.features.repair.count import FailingCount
from ankiforge.features.repair.repairs import CardRepair
from ankiforge.features.repair.work import RepairEntry
from ankiforge.ledger import lists
from ankiforge.ledger.cards import highlight_of
from ankiforge.ledger.decide import undo
from ankiforge.ledger.events import PERSON
from ankiforge.model import (
    NO_KEY,
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Json,
    Origin,
    Preview,
    Shown,
    h16,
)
from ankiforge.pipeline.collection import collection_path
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, StaleError
from ankiforge.review.items import sentence, with_changes
from ankiforge.text import counted, on_one_line, regex, shortened
from ankiforge.text.cloze import plain
from ankiforge.web.card_view import card_view, line_of
from ankiforge.web.faces import EDIT, Faces, act
from ankiforge.web.page_part import PageList

NOTHING_SOUND = "No repair that the checks let pass"
PREFIX = "nid:"
"""Of the ids of these items."""
_TAKE = ("1", "2", "3")
_LEAVE = act("leave", "Leave 30 days", "s", "text", "Left for 30 days")
_SUSPEND = act("suspend", "Suspend in Anki", "x", "outlined", "Suspended")
_OFFER = act(
    "others", "Let the model offer repairs", "", "more", "", stays="Asking the model …"
)
_QUOTE = 300
"""The number of characters that are shown of the quote of a repair."""
_LISTED = regex(r"(?<=[^?.:!\n])\n(?!\n)")
_ASKING = "Asking Anki …"
_WHY = {"red flag": "you flagged this card red in Anki"}
_IN_ANKI = {
    "unsuspend": act("unsuspend", "Ask it again in Anki", "", "more", "", stays=_ASKING),
    "unflag": act("unflag", "Clear the red flag in Anki", "", "more", "", stays=_ASKING),
    "forget": act("forget", "Start again as new in Anki", "", "more", "", stays=_ASKING),
}
"""What is done in Anki while the card stays in the list."""


class FailingCards(PageList):
    """The cards that fail, in the order in which they are shown."""

    id = "failing"
    title = "Cards that fail"
    about = "forgotten again and again, or flagged red"
    cover = "!"
    prefix = PREFIX
    ending = "“Open in Anki” brings the repairs to your cards."

    def __init__(self, workspace: Workspace, faces: Faces, *, asks: bool) -> None:
        """Read nothing yet; `asks` is whether a model may be asked for repairs."""
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._faces = faces
        self._asks = asks
        self._state = ""
        """Of the collection when it was read."""
        self._entries: dict[str, RepairEntry] = {}
        self._decided: dict[str, RepairEntry] = {}
        """By the id of a decision: what it was about, for undo."""
        self._suspended: dict[str, RepairEntry] = {}
        """By the id of a decision: what it suspended."""

    @property
    def left(self) -> int:
        """How many cards wait; until the collection is read, as many as the last run counted."""
        if self._state:
            return len(self._entries)
        count = self._ledger.get_value("failing", FailingCount)
        return count.cards if count else 0

    def read(self) -> None:
        """Read the collection, if it has changed since it was read.

        Raises:
            ItemError: it cannot be read.
            UsageError: there is none.
        """
        config = self._workspace.folder.config
        path = collection_path(config.anki, self._ledger, Path.home())
        state = signature(path) if path and path.is_file() else ""
        if state and state == self._state:
            return
        entries = mending.repair_list(self._workspace).failing
        self._entries = {f"{PREFIX}{entry.note.nid}": entry for entry in entries}
        self._state = state

    def faces(self, start: int, most: int) -> list[Json]:
        """Return the items of the list from a place on."""
        ids = [*self._entries][start : start + most]
        return [self._face(self._entries[id]) for id in ids]

    def face(self, id: str) -> Json | None:
        """Return an item; None if it no longer waits."""
        entry = self._entries.get(id)
        return self._face(entry) if entry else None

    def _face(self, entry: RepairEntry) -> Json:
        """Return an item as the page shows it."""
        card = self._card(entry)
        view = card_view(card, self._faces.find)
        told: Json = {}
        why = sentence("; ".join(_WHY.get(why, why) for why in entry.why))
        if entry.fails:
            history = entry.history
            wrong = sum(answer.failed for answer in history.answers)
            minutes = counted(max(round(history.seconds / 60), 1), "minute")
            answers = counted(history.asked, "answer")
            why += f" {wrong or 'None'} of {answers} wrong, {minutes} spent."
        if entry.near:
            near = entry.near.card.fields
            sides = [line_of(near.get(name, "")) for name in ("Front", "Back", "Text")]
            told["near"] = [side for side in sides if side]
        if entry.is_ours:
            highlight = highlight_of(self._ledger, card.key)
            told["source"] = self._faces.source(highlight, entry.quote)
        return {
            "id": f"{PREFIX}{entry.note.nid}",
            "turn": h16("failing", repr((entry.card.fields, entry.offers))),
            "title": view["title"],
            "line": view["line"],
            "ask": why,
            "cards": [view],
            "repairs": [
                self._repair(card, repair) for repair in entry.offers[: len(_TAKE)]
            ],
            "actions": self._actions(entry),
            **told,
        }

    def _repair(self, card: Shown, repair: CardRepair) -> Json:
        """Return a repair with the cards that it makes of a card."""
        becomes = dict(with_changes(card.fields, repair.fields))
        cards = []
        for words in (becomes, *repair.new):
            fields = [(name, _LISTED.sub(", ", text)) for name, text in words.items()]
            made = replace(card, kind=CardKind.of(words), fields=tuple(fields))
            cards.append(card_view(made, self._faces.find))
        says = repair.says[:1].upper() + repair.says[1:]
        lines = [f"perhaps: {doubt}" for doubt in repair.doubts]
        if repair.quote:
            quote = shortened(on_one_line(repair.quote), _QUOTE)
            lines.insert(0, f"the source: “{quote}”")
        return {"says": says, "cards": cards, "lines": [plain(line) for line in lines]}

    def _actions(self, entry: RepairEntry) -> list[Json]:
        """Return the decisions; the first repair has the filled button, without one the editor."""
        actions: list[Json] = []
        for number in _TAKE[: len(entry.offers)]:
            look = "more" if actions else "filled"
            which = f"repair {number}" if len(entry.offers) > 1 else "the repair"
            take = act("take", f"Take {which}", number, look, "Repaired")
            actions.append({**take, "choice": int(number) - 1})
        if entry.may_change:
            look = "text" if actions else "filled"
            actions.append({**EDIT, "look": look, "said": "Saved", "save": "Save"})
        actions += [{**_SUSPEND, "look": "outlined" if actions else "filled"}, _LEAVE]
        if self._asks:
            actions.append(_OFFER)
        if entry.history.suspended:
            actions.append(_IN_ANKI["unsuspend"])
        if entry.history.flagged:
            actions.append(_IN_ANKI["unflag"])
        actions.append(_IN_ANKI["forget"])
        return sorted(actions, key=lambda each: each["look"] == "text")  # the lesser last

    def _card(self, entry: RepairEntry) -> Shown:
        """Return the card of an entry in the words that it has in Anki."""
        fields = tuple(entry.card.fields.items())
        if entry.is_ours:
            card = next(iter(lists.lines(self._ledger, [entry.guid])))
            words = {**dict(card.fields), **entry.card.fields}
            return replace(card, fields=tuple(words.items()))
        kind = CardKind.of(entry.card.fields)
        about = Document(DocumentKey(""), "", entry.note.deck)
        passage = Highlight(about, "", HighlightKind.HIGHLIGHT, "")
        return Preview(NO_KEY, kind, fields, Origin(PERSON), passages=(passage,))

    # --- decisions ----------------------------------------------------------------------

    def _current(self, decision: Decision) -> RepairEntry:
        """Return the entry of a decision.

        Raises:
            StaleError: it is not what was painted, or waits no more.
        """
        entry = self._entries.get(decision.id)
        face = self._face(entry) if entry else None
        if entry is None or (decision.turn and face and decision.turn != face["turn"]):
            raise StaleError(None, face)
        return entry

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision.

        Returns:
            `undo`, what takes it back; `said`, what became of it in Anki; and the `item`, if it
            stays.

        Raises:
            StaleError: it is not what was painted, or waits no more.
            ForgeError: it is refused, with the reason.
        """
        entry = self._current(decision)
        workspace = self._workspace
        said = ""
        match decision.act:
            case "take" if decision.choice < len(entry.offers):
                action = mending.take(workspace, entry, entry.offers[decision.choice])
            case "edit":
                known = entry.card.fields
                typed = decision.fields.items()
                words = {name: text for name, text in typed if name in known or text}
                action = mending.edited(workspace, entry, words)
            case "suspend":
                action, said = mending.suspend(workspace, entry)
                self._suspended[action] = entry
            case "leave":
                action = mending.leave(workspace, entry)
            case "others":
                repairs = mending.asked(workspace, entry)
                self._add(entry, repairs)
                said = "The model offers these." if repairs else f"{NOTHING_SOUND}."
                return {"item": self.face(decision.id), "said": said}
            case _:
                said = mending.do_in_anki(workspace, decision.act, entry.cards_asked)
                return {"item": self.face(decision.id), "said": _told(said)}
        self._decided[action] = self._entries.pop(decision.id)
        return {"undo": action, "said": _told(said)}

    def undo(self, action: str) -> Json | None:
        """Take back a decision on one of these; return the item, or None if it was none.

        Raises:
            RefusedError: it cannot be undone, with the reason.
        """
        entry = self._decided.get(action)
        if entry is None:
            return None
        undo(self._ledger, action)
        del self._decided[action]
        id = f"{PREFIX}{entry.note.nid}"
        self._entries = {id: entry, **self._entries}
        suspended = self._suspended.pop(action, None)
        if suspended is not None:
            cards = suspended.cards_asked
            mending.do_in_anki(self._workspace, "unsuspend", cards)
        return self._face(entry)

    def preview(self, decision: Decision) -> Shown:
        """Return the card that the fields of the editor make."""
        card = self._card(self._current(replace(decision, turn="")))
        return replace(card, fields=with_changes(card.fields, decision.fields))

    # --- the chat -----------------------------------------------------------------------

    def question_about(self, id: str) -> Json:
        """Return the text that asks a chat for repairs.

        Raises:
            RefusedError: something of the card must stay on this machine.
        """
        text = mending.question_about(self._workspace, self._entries[id])
        return {"said": "Asks for repairs of this card.", "text": text}

    def answered(self, id: str, reply: str) -> tuple[str, bool]:
        """Offer the repairs in the answer of a chat, too; say how many there are."""
        entry = self._entries[id]
        repairs = mending.answered(entry, reply)
        self._add(entry, repairs)
        said = counted(len(repairs), "repair") if repairs else NOTHING_SOUND
        return f"{said}.", bool(repairs)

    def _add(self, entry: RepairEntry, repairs: tuple[CardRepair, ...]) -> None:
        """Offer further repairs, the newest first; the list begins with what has new ones."""
        if not repairs:
            return
        id = f"{PREFIX}{entry.note.nid}"
        offers = (*repairs, *entry.offers)[: len(_TAKE)]
        others = {key: each for key, each in self._entries.items() if key != id}
        self._entries = {id: replace(entry, offers=offers), **others}


def _told(said: str) -> str:
    """Return the outcome of an act in Anki as a sentence; "" if nothing was done there."""
    return sentence(said) if said else ""
