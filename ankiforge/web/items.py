"""What there is to decide, as data for the page's script: cards, reason, passage, and possible actions.

    item = {id, turn, title, ask?, why?, cards?, choose?, beside?, lines?, option?, compose?, source?, actions}

`turn` is a hash of all that an item shows: a decision with another one is about something that has
changed meanwhile. `docs/review.md` tells what a person sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ankiforge.anki.render import unrender
from ankiforge.ledger import HighlightOutcome, Ledger
from ankiforge.model import (
    Card,
    Finding,
    Highlight,
    Json,
    Question,
    QuestionKind,
    RemarkKind,
    Severity,
    Texts,
    Value,
    Verdict,
    Waiting,
    h16,
)
from ankiforge.pipeline.collection import as_in_anki
from ankiforge.pipeline.selection import selectable_text
from ankiforge.text import counted, on_one_line, regex, shortened
from ankiforge.text.cloze import image_paths
from ankiforge.web.card_view import Find, card_of, card_view, compared, passage

Item = Json
MOST_LINES = 300
"""Lines of a form, or missing notes, that are shown at once."""

# --- actions ------------------------------------------------------------------------------------


def _act(act: str, label: str, key: str, look: str, said: str, **more: Any) -> Json:
    return {"act": act, "label": label, "key": key, "look": look, "said": said, **more}


ACCEPT = _act("accept", "Accept", "a", "filled", "Accepted")
REJECT = _act("reject", "Reject", "x", "outlined", "Rejected")
EDIT = _act(
    "edit", "Edit", "e", "text", "Edited and accepted", needs="edit", save="Save and accept"
)
SKIP = _act("later", "Skip for now", "s", "more", "Skipped")
WHY = _act(
    "reject", "Reject with a reason…", "X", "more", "Rejected", needs="text", ask="Why not?"
)  # fmt: skip
FORCE = _act("force", "Accept it all the same", "F", "more", "Accepted")
OTHERS = _act("others", "Let the model draft others", "r", "more", "")


def _named(action: Json, label: str, said: str = "", **more: Any) -> Json:
    """Return an action under another label."""
    return {**action, "label": label, "said": said or action["said"], **more}


# --- reasons ------------------------------------------------------------------------------------

_REMARKS = {
    RemarkKind.EQUAL_CARD: "You have a card with the same words.",
    RemarkKind.REJECTED_ELSEWHERE: "You rejected the same words in another place.",
    RemarkKind.DECIDED_ON_LOST: (
        "You decided before on a passage with nearly the same words, which is gone."
    ),
    RemarkKind.DECIDED_BEFORE: "You rejected or changed a card of this passage before.",
    RemarkKind.UNKNOWN_NOTES: "Anki has notes of this document that are no cards here.",
    RemarkKind.REPLACEMENT: (
        "Your card of this passage would be replaced, and its schedule would end."
    ),
}
"""What the page says of remarks. Of the others, what it shows beside the draft says enough."""


_CODE = regex(r"`([^`]*)`")


def sentence(text: str) -> str:
    """Return words as a sentence."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!', '…')) else '.'}"


def _sentence(text: str) -> str:
    return sentence(_CODE.sub(r"“\1”", text.strip()))


def _why(one: Waiting) -> Texts | None:
    """Return why a draft is to be looked at closely; None if nothing is to be said of it."""
    found = [each for each in one.proposal.findings if each.severity is not Severity.INFO]
    said = [_sentence(each.message) for each in found]
    for remark in one.remarks:
        if remark.kind in _REMARKS:
            said.append(_REMARKS[remark.kind])
        elif remark.kind is RemarkKind.FORM:
            said.append(f"Lines like “{one.highlight.written}” may be no cards.")
    if not said:
        return None
    tone = "stop" if one.proposal.blocked else "caution" if found else "plain"
    return {"text": " ".join(dict.fromkeys(said)), "tone": tone}


# --- items --------------------------------------------------------------------------------------


class Found(Value):
    """What an item is about: all that it shows."""

    id: str
    drafts: tuple[Waiting, ...] = ()
    """Alternatives to one fact, or the one draft that would change or replace `card`."""
    card: Card | None = None
    findings: tuple[Finding, ...] = ()
    """What is to be said of a card."""
    fate: HighlightOutcome | None = None
    question: Question | None = None

    @property
    def turn(self) -> str:
        """A hash of it."""
        shown = (self.drafts, self.card, self.findings, self.fate, self.question)
        return h16(msgspec.json.encode(shown).decode())


class Items:
    """Makes items from what the ledger has."""

    def __init__(
        self,
        ledger: Ledger,
        find: Find,
        paper: Callable[[Highlight], list[Texts]],
        *,
        asks: bool,
    ) -> None:
        """`find` returns a picture of a source; `paper` a link to the page of a PDF.

        `asks`: whether a model drafts cards, and so may be asked for others.
        """
        self._ledger = ledger
        self._more = [OTHERS] if asks else []
        self._find = find
        self._paper = paper

    def item(self, found: Found) -> Item:
        """Return the item of what was found."""
        if found.question:
            item = self._question(found.question)
        elif found.fate:
            item = self._passage(found.fate)
        elif found.card and found.drafts:
            item = self._revision(found.drafts[0], found.card)
        elif found.card:
            item = self._card(found.card, found.findings)
        else:
            item = self._drafts(found.drafts)
        return {"id": found.id, "turn": found.turn, **item}

    def _drafts(self, group: Sequence[Waiting]) -> Item:
        """Return a new card, or the alternatives to one fact, of which one may be chosen."""
        first, several = group[0], len(group) > 1
        cards = [self._draft(one) for one in group]
        source = self._source(first.highlight, first.draft.quote, cards[0]["answer"])
        item: Item = {"title": cards[0]["title"], "cards": cards, "source": source}
        item["why"] = None if several else _why(first)
        if several:
            item |= {"ask": f"{len(group)} drafts of one fact. Keep the best.", "choose": True}
            for number, (one, card) in enumerate(zip(group, cards, strict=True), 1):
                card |= {"keep": f"Accept {number}", "why": _why(one)}
        blocked = [one for one in group if one.proposal.blocked]
        if len(blocked) == len(group):
            actions = [_named(EDIT, "Edit", look="filled"), REJECT, SKIP, WHY, FORCE]
        else:
            reject = _named(REJECT, "Reject all") if several else REJECT
            actions = [ACCEPT, reject, EDIT, SKIP, WHY, *([FORCE] if blocked else [])]
        return {**item, "actions": actions if first.draft.by_hand else actions + self._more}

    def _revision(self, one: Waiting, card: Card) -> Item:
        """Return a draft beside the card that it would change or replace."""
        old = card_view(card, self._find)
        new = self._draft(one)
        old["label"], new["label"] = "Your card", "With the new words"
        same_type = card.kind.family is one.draft.kind.family
        compared(old, new) if same_type else None
        why = _why(one)
        if one.revises:
            ask, yes, no = (
                "The passage has changed. Change the card, too?",
                "Change the card",
                "Keep the old words",
            )
            why = why or {"text": "The card keeps its schedule.", "tone": "plain"}
        else:
            ask, yes, no = "Replace your card by one of another form?", "Replace it", "Keep my card"
        accept, reject = _named(ACCEPT, yes, "Changed"), _named(REJECT, no, "Kept as it was")
        edit = _named(EDIT, "Edit", "Changed", save="Save")
        actions = [accept, reject, edit, SKIP]
        if one.proposal.blocked:
            actions = [{**edit, "look": "filled"}, reject, SKIP, FORCE]
        return {
            "title": new["title"], "ask": ask, "cards": [old, new], "beside": True, "why": why, "edits": 1,
            "source": self._source(one.highlight, one.draft.quote, new["answer"]),
            "actions": actions,
        }  # fmt: skip

    def _passage(self, fate: HighlightOutcome) -> Item:
        """Return a passage without a card, of which a person may make one."""
        highlight = fate.highlight
        text = selectable_text(highlight)[0]
        title = shortened(on_one_line(text or highlight.comment or highlight.document.title), 90)
        blank = [["Front", "Question", ""], ["Back", "Answer", ""]]
        write = _act("write", "Write it", "e", "text", "Made", needs="edit", save="Make this card")
        nothing = _act("none", "No card wanted", "x", "outlined", "No card for")
        make = _act("make", "Make this card", "a", "filled", "Made", needs="words")
        actions = [make, nothing, write, SKIP] if text else [
            {**write, "look": "filled"}, nothing, SKIP
        ]  # fmt: skip
        source = self._source(highlight)
        source["blocks"] = [] if source["whole"] and text else source["blocks"]
        return {
            "title": title, "compose": text, "blank": blank, "source": source,
            "actions": [*actions, *(self._more if text else ())],
            "why": {"text": _sentence(fate.reason), "tone": "plain"},
        }  # fmt: skip

    def _card(self, card: Card, findings: Sequence[Finding]) -> Item:
        """Return a card that was decided on, for the list of all."""
        shown = card_view(card, self._find)
        why = [_sentence(one.message) for one in findings]
        why += [_sentence(card.why)] if card.why else []
        if card.live:
            actions = [_named(EDIT, "Edit", "Edited", look="filled", save="Save"), REJECT, WHY]
        else:
            actions = [_act("restore", "Take this back", "a", "filled", "Taken back")]
        return {
            "title": shown["title"], "cards": [shown], "actions": actions,
            "why": {"text": " ".join(why), "tone": "plain"} if why else None,
            "source": self._source(card.highlight, card.quote),
        }  # fmt: skip

    def _question(self, question: Question) -> Item:
        """Return a question that only a person can answer."""
        shown = {
            QuestionKind.SAME: self._same,
            QuestionKind.DUPLICATE: self._duplicate,
            QuestionKind.CONFLICT: self._conflict,
            QuestionKind.ABSENT: self._absent,
            QuestionKind.EMPTIED: self._emptied,
            QuestionKind.DIALECT: self._dialect,
            QuestionKind.FORM: self._form,
        }
        return shown[question.kind](question)

    # --- questions ------------------------------------------------------------------------------

    def _same(self, question: Question) -> Item:
        ledger, old = self._ledger, question.guids
        cards = [self._known(card, "Your card") for card in (ledger.cards(*old) if old else ())]
        highlight = ledger.highlight(question.new)
        title = cards[0]["title"] if cards else on_one_line(highlight.exact)
        drafts = map(self._draft, ledger.drafts([question.new]))
        cards += [one | {"label": "From the new passage"} for one in drafts]
        source = self._source(highlight)
        if len(question.examples) > 1:
            source["before"] = question.examples[1]
        text = "The passage of your card is gone, and this one says nearly the same. “Yes” keeps the card and its schedule."
        return {
            "title": title,
            "ask": "Is this the card that you already have?", "cards": cards,
            "beside": len(cards) == 2, "source": source, "why": {"text": text, "tone": "plain"},
            "actions": [
                _named(ACCEPT, "Yes, the same card", "One card"), _named(REJECT, "No, another card", "Two cards"), SKIP
            ],
        }  # fmt: skip

    def _duplicate(self, question: Question) -> Item:
        cards = []
        for number, card in enumerate(self._ledger.cards(*question.guids), 1):
            shown = self._known(card, f"Card {number}")
            title = card.highlight.document.title
            cards.append(shown | {"note": " · ".join(filter(None, (shown["note"], title)))})
        return {
            "title": cards[0]["title"], "ask": "Two cards ask and answer the same. Keep one?",
            "cards": cards, "beside": True,
            "why": {"text": "The one with more reviews stays.", "tone": "plain"},
            "actions": [_named(ACCEPT, "Keep one", "One card"), _named(REJECT, "Keep both", "Two cards"), SKIP],
        }  # fmt: skip

    def _conflict(self, question: Question) -> Item:
        [card] = self._ledger.cards(question.guids[0])
        card = as_in_anki(self._ledger, card)
        mine, theirs = dict(card.fields), dict(card.fields)
        for one in question.conflicts:  # from Anki both are HTML, from here both Markdown
            from_anki = bool(one.words)
            mine[one.field] = one.words if from_anki else one.theirs
            theirs[one.field] = unrender(one.ours) if from_anki else one.ours
        faces = [
            card_view(replace(card, fields=tuple(fields.items())), self._find)
            for fields in (mine, theirs)
        ]
        title = faces[0]["title"]
        compared(faces[0], faces[1], ("ins", "ins"))
        faces[0] |= {"label": "Yours", "keep": "Keep mine"}
        faces[1] |= {"label": "From the source", "keep": "Take the source’s"}
        return {
            "title": title, "ask": "You and the source both changed this card. Which words stay?",
            "cards": faces, "choose": True, "beside": True,
            "source": self._source(card.highlight, card.quote),
            "actions": [_named(ACCEPT, "Keep mine", "Settled"), SKIP],
        }  # fmt: skip

    def _absent(self, question: Question) -> Item:
        cards = self._ledger.cards(*question.guids[:MOST_LINES])
        faces = [card_view(one, self._find) for one in cards]
        lines = [{"id": "", "a": one["title"], "b": one["answer"]} for one in faces]
        count = len(question.guids)
        several = f"{counted(count, 'note')} {'is' if count == 1 else 'are'} missing in Anki"
        return {
            "title": several, "lines": lines,
            "ask": f"{several}. Did you delete {'it' if count == 1 else 'them'}?",
            "actions": [
                _named(ACCEPT, "Yes, deleted", "Deleted"), _named(REJECT, "No, send again", "Will be sent again"), SKIP
            ],
        }  # fmt: skip

    def _emptied(self, question: Question) -> Item:
        text = "Until you say so, nothing counts as deleted, and no card changes."
        return {
            "title": f"{question.new} lost its documents",
            "ask": f"{question.new} lists nothing, or lost more than half of its documents. Were they deleted?",
            "why": {"text": text, "tone": "plain"},
            "actions": [
                _named(REJECT, "No, nothing happened", "Nothing happened", look="filled", key="a"),
                _named(ACCEPT, "Yes, they were deleted", "Deleted", look="outlined", key="x"), SKIP,
            ],
        }  # fmt: skip

    def _dialect(self, question: Question) -> Item:
        text = "Until you say so, the notes are read as before, and no card changes."
        return {
            "title": question.text.partition(":")[0], "ask": question.text,
            "why": {"text": text, "tone": "plain"},
            "actions": [
                _named(ACCEPT, "Yes", "From the next run on"),
                _named(REJECT, "No, as before", "Read as before"), SKIP,
            ],
        }  # fmt: skip

    def _form(self, question: Question) -> Item:
        lines = []
        for one in self._ledger.drafts(question.drafts):
            shown = self._draft(one)
            remarks = [each for each in one.remarks if each.kind is not RemarkKind.FORM]
            why = _why(replace(one, remarks=tuple(remarks)))
            at = one.highlight.document.path or one.highlight.document.title
            lines.append({
                "id": one.id, "a": shown["title"], "b": shown["answer"], "at": at, "on": one.proposal.clean,
                "note": why["text"] if why else "",
            })  # fmt: skip
        count, form = counted(len(lines), "line"), question.old
        return {
            "title": f"{count} like {form}", "lines": lines,
            "ask": f"{count} in {question.new} look like “{form}”. Are they cards?",
            "why": {"text": "Untick what is no card.", "tone": "plain"},
            "option": {"name": "later", "label": f"Make cards of such lines in {question.new} from now on", "on": True},
            "actions": [
                _named(ACCEPT, "Make {n} cards", "Made cards of", none="Make no cards"),
                _named(REJECT, "None of them is a card", "No cards of"), SKIP,
            ],
        }  # fmt: skip

    # --- parts ----------------------------------------------------------------------------------

    def _draft(self, one: Waiting) -> Json:
        draft = one.draft
        return card_view(card_of(draft.kind, draft.fields, one.highlight, draft.quote), self._find)

    def _known(self, card: Card, label: str) -> Json:
        """Return the view of an accepted card, with its reviews."""
        shown = card_view(as_in_anki(self._ledger, card), self._find)
        seen = next(self._ledger.notes(card.guid), None)
        reviews = counted(seen.reviews, "review") if seen else "not in Anki yet"
        if card.verdict is not Verdict.LIVE:
            reviews = card.verdict.value
        return shown | {"label": label, "note": " ".join(filter(None, (shown["note"], reviews)))}

    def _source(self, highlight: Highlight, quote: str = "", answer: str = "") -> Json:
        """Return the passage of a highlight with its pictures."""
        found = passage(highlight, quote, answer)
        media = (self._find(highlight, one) for one in image_paths("\n".join(highlight.markdown)))
        alt = f"Picture in {highlight.document.title}"
        found["pictures"] = [{"src": f"/picture/{one.name}", "alt": alt} for one in media if one]
        found["links"] = self._paper(highlight) + found["links"]
        return found
