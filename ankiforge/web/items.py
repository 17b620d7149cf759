"""What there is to decide, as data for the page's script.

    item = {id, turn, title, ids?, ask?, why?, cards?, choose?, several?, beside?, lines?, option?,
            compose?, source?, actions}

A card that a small model made step by step has these steps in `made`: (name, words), followed by
the steps to its questions about the passage that were dropped. The card of a proposal has `gaps`,
the words that it may hide, best first; its sentence in `parts`, in which `spans` says where they
are; and in `views` the card with each of them.
The card of a figure has `figure`, its picture and its masks, which may be changed if the item
has `masks`.

`turn` is a hash of all that an item shows: a decision with another one is about something
that has changed meanwhile. `docs/guides/review.md` shows what a person sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ankiforge.anki.plan import in_our_words
from ankiforge.ledger import (
    BACKS_SHOWN,
    HighlightOutcome,
    Ledger,
    LinesOfFront,
    lines_by_front,
    views,
)
from ankiforge.model import (
    Card,
    CardKind,
    Draft,
    Finding,
    Highlight,
    Json,
    Pair,
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
from ankiforge.pipeline.selection import selectable_text, sentence_of
from ankiforge.reports.cards import (
    dropped_questions,
    dropped_rows,
    how_made,
    how_made_rows,
)
from ankiforge.text import counted, on_one_line, regex, shortened
from ankiforge.text.cloze import image_paths
from ankiforge.web.card_view import (
    Find,
    card_of,
    card_view,
    compared,
    line_of,
    parts_of,
    passage,
    without_formulas,
)

Item = Json
MOST_LINES = 300
"""Lines of a form, or missing notes, that are shown at once."""

# --- actions ----------------------------------------------------------------------------


def _act(act: str, label: str, key: str, look: str, said: str, **more: Any) -> Json:
    """Return an action that the page offers.

    Args:
        act: what the decision is called (`session.Decision.act`).
        label: the words on its button.
        key: the key that presses it.
        look: how the button looks: `filled`, `outlined`, `text`, or `more` in the menu.
        said: what the page says afterwards.
        more: what the person must give: `needs` and the words that ask for it.
    """
    return {"act": act, "label": label, "key": key, "look": look, "said": said, **more}


ACCEPT = _act("accept", "Accept", "a", "filled", "Accepted")
REJECT = _act("reject", "Reject", "x", "outlined", "Rejected")
ASK = _act("ask", "Ask", "q", "text", "")
"""Turn a proposal into a question whose answer is its gap; the page does this by itself."""
EDIT = _act(
    "edit",
    "Edit",
    "e",
    "text",
    "Edited and accepted",
    needs="edit",
    save="Save and accept",
)
MASKS = _act("masks", "Save the masks", "a", "filled", "Masks changed")
SKIP = _act("later", "Skip for now", "s", "more", "Skipped")
WHY = _act(
    "reject",
    "Reject with a reason…",
    "X",
    "more",
    "Rejected",
    needs="text",
    ask="Why not?",
)
FORCE = _act("force", "Accept anyway", "F", "more", "Accepted")
OTHERS = _act("others", "Let the model draft others", "r", "more", "")


def _named(action: Json, label: str, said: str = "", **more: Any) -> Json:
    """Return an action under another label."""
    return {**action, "label": label, "said": said or action["said"], **more}


def _careful(keeps: str, drops: str) -> list[Json]:
    """Return the answers to a question of which accepting loses something.

    As everywhere, `a` accepts and `x` rejects; here the button of `x` is the filled one.
    """
    return [
        _act("reject", keeps, "x", "filled", keeps),
        _act("accept", drops, "a", "outlined", drops),
    ]


# --- reasons ----------------------------------------------------------------------------

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
"""What the page says about remarks. Of the others, what it shows beside the draft says enough."""


_CODE = regex(r"`([^`]*)`")


def sentence(text: str) -> str:
    """Return words as a sentence."""
    capitalised = text[:1].upper() + text[1:]
    return capitalised if text.endswith((".", "?", "!", "…")) else f"{capitalised}."


def _sentence(text: str) -> str:
    """Return words as a sentence, with quotation marks for code."""
    return sentence(_CODE.sub(r"“\1”", text.strip()))


def _why(waiting: Waiting) -> Texts | None:
    """Return why a draft is to be looked at closely; None if nothing is to be said about it."""
    findings = waiting.proposal.findings
    doubts = [finding for finding in findings if finding.severity is not Severity.INFO]
    reasons = [_sentence(finding.message) for finding in doubts]
    for remark in waiting.remarks:
        if remark.kind in _REMARKS:
            reasons.append(_REMARKS[remark.kind])
        elif remark.kind is RemarkKind.FORM:
            reasons.append(f"Lines like “{waiting.highlight.written}” may be no cards.")
    if not reasons:
        return None
    tone = "caution" if doubts else "plain"
    if waiting.proposal.blocked:
        tone = "stop"
    return {"text": " ".join(dict.fromkeys(reasons)), "tone": tone}


def _plain(text: str) -> Texts:
    """Return a remark without any warning in it."""
    return {"text": text, "tone": "plain"}


def _offer_choice(item: Item, group: Sequence[Waiting]) -> None:
    """Ask which of several drafts are kept. Each has a number, which is a key on the page.

    A draft with several gaps takes as many numbers, one for each of its gaps.
    """
    facts = {fact_of(waiting) for waiting in group}
    item["choose"] = True
    item["several"] = len(facts) > 1
    if item["several"]:
        item["ask"] = f"{len(group)} drafts of one passage. Keep one, or several."
    else:
        item["ask"] = f"{len(group)} drafts of one fact. Keep the best."
    number = 1
    for waiting, card in zip(group, item["cards"], strict=True):
        card["number"] = number
        card["keep"] = f"Accept {number}"
        card["why"] = _why(waiting)
        number += len(waiting.draft.gaps) or 1


def _actions_on_drafts(group: Sequence[Waiting]) -> list[Json]:
    """Return what may be done with alternatives; a blocked one is accepted only with force."""
    if group[0].draft.kind is CardKind.OCCLUSION:
        return [_named(ACCEPT, "Accept", "Accepted"), REJECT, SKIP, WHY]
    blocked = [waiting for waiting in group if waiting.proposal.blocked]
    if len(blocked) == len(group):
        return [_named(EDIT, "Edit", look="filled"), REJECT, SKIP, WHY, FORCE]
    reject = _named(REJECT, "Reject all") if len(group) > 1 else REJECT
    actions = [ACCEPT, reject, EDIT, SKIP, WHY]
    if any(waiting.draft.gaps for waiting in group):
        actions.insert(3, ASK)
    if blocked:
        actions.append(FORCE)
    return actions


def fact_of(waiting: Waiting) -> tuple[str, ...]:
    """Return what the alternatives to one fact have in common."""
    draft = waiting.draft
    if not draft.origin.request:
        return (waiting.id,)
    return (draft.highlight, draft.origin.request, str(draft.intent))


def _show_masks(item: Item) -> None:
    """Let a person change the masks of a figure; its picture is not shown twice."""
    item["masks"] = True
    item["source"]["pictures"] = []


# --- items ------------------------------------------------------------------------------


class Subject(Value):
    """What an item is about: all that it shows."""

    id: str
    drafts: tuple[Waiting, ...] = ()
    """All drafts of a passage, or the one that would change or replace `card`."""
    card: Card | None = None
    findings: tuple[Finding, ...] = ()
    """What is to be said about a card."""
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
        *,
        find: Find,
        paper: Callable[[Highlight], list[Texts]],
        page: Callable[[Highlight], str],
        reply: Callable[[str], str | None],
        asks: bool,
    ) -> None:
        """Make items from what a ledger has.

        Args:
            ledger: what waits, and what was decided.
            find: returns a picture of a source.
            paper: returns a link to the page of a PDF.
            page: returns the name of the picture of that page.
            reply: returns what is kept of a model under a name.
            asks: whether a model drafts cards, and so may be asked for others.
        """
        self._ledger = ledger
        self._more = [OTHERS] if asks else []
        self._find = find
        self._paper = paper
        self._page = page
        self._reply = reply

    def item(self, subject: Subject) -> Item:
        """Return the item about a subject."""
        if subject.question:
            item = self._question(subject.question)
        elif subject.fate:
            item = self._passage(subject.fate)
        elif subject.card and subject.drafts:
            item = self._revision(subject.drafts[0], subject.card)
        elif subject.card:
            item = self._card(subject.card, subject.findings)
        else:
            item = self._drafts(subject.drafts)
        if item.get("cards"):
            item.setdefault("line", item["cards"][0]["line"])
        return {"id": subject.id, "turn": subject.turn, **item}

    def _drafts(self, group: Sequence[Waiting]) -> Item:
        """Return a new card, or the alternatives to one fact, of which one may be chosen."""
        first = group[0]
        cards = [self._draft(waiting) for waiting in group]
        first_card = cards[0]
        # the gap of a proposal may change
        rests_on = "" if first.draft.gaps else first_card["answer"]
        item: Item = {
            "title": first_card["title"],
            "ids": [waiting.id for waiting in group],
            "cards": cards,
            "source": self._source(first.highlight, first.draft.quote, rests_on),
            "why": None,
            "actions": _actions_on_drafts(group),
        }
        is_alone = len(group) == 1
        if is_alone:
            item["why"] = _why(first)
        else:
            _offer_choice(item, group)
        if first.draft.kind is CardKind.OCCLUSION:
            _show_masks(item)
        elif not first.draft.by_hand:
            item["actions"] += self._more
        return item

    def _revision(self, waiting: Waiting, card: Card) -> Item:
        """Return a draft beside the card that it would change or replace."""
        old = card_view(card, self._find)
        new = self._draft(waiting)
        old["label"] = "Your card"
        new["label"] = "With the new words"
        if card.kind.family is waiting.draft.kind.family:
            compared(old, new)
        why = _why(waiting)
        if waiting.revises:
            ask = "The passage has changed. Change the card, too?"
            accept = _named(ACCEPT, "Change the card", "Changed")
            reject = _named(REJECT, "Keep the old words", "Kept as it was")
            why = why or _plain("The card keeps its schedule.")
        else:
            ask = "Replace your card by one of another form?"
            accept = _named(ACCEPT, "Replace it", "Changed")
            reject = _named(REJECT, "Keep my card", "Kept as it was")
        edit = _named(EDIT, "Edit", "Changed", save="Save")
        if waiting.proposal.blocked:
            actions = [{**edit, "look": "filled"}, reject, SKIP, FORCE]
        else:
            actions = [accept, reject, edit, SKIP]
        return {
            "title": new["title"],
            "ask": ask,
            "cards": [old, new],
            "beside": True,
            "why": why,
            "edits": 1,
            "source": self._source(waiting.highlight, waiting.draft.quote, new["answer"]),
            "actions": actions,
        }

    def _passage(self, outcome: HighlightOutcome) -> Item:
        """Return a passage without a card, of which a person may make one."""
        highlight = outcome.highlight
        text = selectable_text(highlight)[0]
        title = on_one_line(text or highlight.comment or highlight.document.title)
        write = _act(
            "write", "Write it", "e", "text", "Made", needs="edit", save="Make this card"
        )
        nothing = _act("none", "No card wanted", "x", "outlined", "No card for")
        make = _act("make", "Make this card", "a", "filled", "Made", needs="words")
        if text:
            actions = [make, nothing, write, SKIP, *self._more]
        else:
            actions = [{**write, "look": "filled"}, nothing, SKIP]
        parts = (
            parts_of(text, () if without_formulas(highlight) else None) if text else None
        )
        source = self._source(highlight)
        if source["whole"] and text:
            source["blocks"] = []
        return {
            "title": shortened(title, 90),
            "line": parts,
            "compose": parts,
            "blank": [["Front", "Question", ""], ["Back", "Answer", ""]],
            "source": source,
            "actions": actions,
            "why": _plain(_sentence(outcome.reason)),
        }

    def _card(self, card: Card, findings: Sequence[Finding]) -> Item:
        """Return a card that was decided on, for the list of all."""
        shown = {**card_view(card, self._find), "made": self._made(card, card.highlight)}
        reasons = [_sentence(finding.message) for finding in findings]
        if card.why:
            reasons.append(_sentence(card.why))
        is_figure = card.kind is CardKind.OCCLUSION
        if card.live:
            edit = (
                MASKS
                if is_figure
                else _named(EDIT, "Edit", "Edited", look="filled", save="Save")
            )
            actions = [edit, REJECT, WHY]
        else:
            actions = [_act("restore", "Take this back", "a", "filled", "Taken back")]
        item: Item = {
            "title": shown["title"],
            "cards": [shown],
            "actions": actions,
            "why": _plain(" ".join(reasons)) if reasons else None,
            "source": self._source(card.highlight, card.quote),
        }
        if is_figure and card.live:
            _show_masks(item)
        return item

    def _question(self, question: Question) -> Item:
        """Return a question that only a person can answer."""
        views = {
            QuestionKind.SAME: self._same,
            QuestionKind.DUPLICATE: self._duplicate,
            QuestionKind.CONFLICT: self._conflict,
            QuestionKind.ABSENT: self._absent,
            QuestionKind.RETIRED: self._retired,
            QuestionKind.EMPTIED: self._emptied,
            QuestionKind.DIALECT: self._dialect,
            QuestionKind.FORM: self._form,
            QuestionKind.PRIVATE: self._private,
        }
        return views[question.kind](question)

    # --- questions ----------------------------------------------------------------------

    def _same(self, question: Question) -> Item:
        """Ask whether a new passage is the one of a card whose passage is gone."""
        cards = []
        if question.guids:
            for card in self._ledger.cards(*question.guids):
                cards.append(self._accepted(card, "Your card"))
        highlight = self._ledger.highlight(question.new)
        title = cards[0]["title"] if cards else on_one_line(highlight.exact)
        for waiting in self._ledger.drafts([question.new]):
            cards.append({**self._draft(waiting), "label": "From the new passage"})
        source = self._source(highlight)
        if len(question.examples) > 1:
            source["before"] = question.examples[1]
        text = (
            "The passage of your card is gone, and this one says nearly the same. “Yes” keeps the"
            " card and its schedule."
        )
        return {
            "title": title,
            "ask": "Is this the card that you already have?",
            "cards": cards,
            "beside": len(cards) == 2,
            "source": source,
            "why": _plain(text),
            "actions": [
                _named(ACCEPT, "Yes, the same card", "One card"),
                _named(REJECT, "No, another card", "Two cards"),
                SKIP,
            ],
        }

    def _duplicate(self, question: Question) -> Item:
        """Ask whether one of two equal cards may go."""
        cards = []
        for number, card in enumerate(self._ledger.cards(*question.guids), 1):
            shown = self._accepted(card, f"Card {number}")
            notes = (shown["note"], card.highlight.document.title)
            shown["note"] = " · ".join(filter(None, notes))
            cards.append(shown)
        return {
            "title": cards[0]["title"],
            "ask": f"{question.text} Keep one?",
            "cards": cards,
            "beside": True,
            "why": _plain("The one with more reviews stays."),
            "actions": [
                _named(ACCEPT, "Keep one", "One card"),
                _named(REJECT, "Keep both", "Two cards"),
                SKIP,
            ],
        }

    def _conflict(self, question: Question) -> Item:
        """Ask whose words stay in fields that the source and the person changed."""
        [card] = self._ledger.cards(question.guids[0])
        card = as_in_anki(self._ledger, card)
        mine = dict(card.fields)
        theirs = dict(card.fields)
        for conflict in question.conflicts:
            changed_in_anki = bool(conflict.words)
            if changed_in_anki:  # then both texts are HTML, else Markdown
                mine[conflict.field] = conflict.words
                theirs[conflict.field] = in_our_words(card, conflict.field, conflict.ours)
            else:
                mine[conflict.field] = conflict.theirs
                theirs[conflict.field] = conflict.ours
        my_card = card_view(replace(card, fields=tuple(mine.items())), self._find)
        their_card = card_view(replace(card, fields=tuple(theirs.items())), self._find)
        compared(my_card, their_card, ("ins", "ins"))
        if question.is_between_edits:
            my_card["label"] = "In Anki"
            their_card["label"] = "Here"
            asked = "You changed this card here and in Anki. Which words stay?"
            answers = _careful("Keep Anki’s", "Take those from here")
        else:
            my_card["label"] = "Yours"
            their_card["label"] = "From the source"
            asked = "You and the source both changed this card. Which words stay?"
            answers = _careful("Keep mine", "Take the source’s")
        return {
            "title": my_card["title"],
            "ask": asked,
            "cards": [my_card, their_card],
            "beside": True,
            "why": _plain("The card keeps its schedule either way."),
            "source": self._source(card.highlight, card.quote),
            "actions": [*answers, SKIP],
        }

    def _absent(self, question: Question) -> Item:
        """Ask whether notes that are missing in Anki were deleted by the person."""
        lines = []
        for card in self._ledger.cards(*question.guids[:MOST_LINES]):
            shown = card_view(card, self._find)
            lines.append({"id": "", "a": shown["line"], "b": shown["answer_line"]})
        return {
            "title": question.text.partition(".")[0],
            "lines": lines,
            "ask": question.text,
            "why": _plain(
                "An older backup may have been restored, or a deck deleted by accident."
                " “Deleted” retires the cards here. “Send again” brings them back as new notes."
            ),
            "actions": [*_careful("Send again", "Deleted"), SKIP],
        }

    def _retired(self, question: Question) -> Item:
        """Ask whether a card is to be dropped whose note in Anki is tagged as dropped."""
        [card] = self._ledger.cards(*question.guids)
        shown = self._accepted(card, "Your card")
        return {
            "title": shown["title"],
            "ask": f"{question.text} Retire it?",
            "cards": [shown],
            "why": _plain(
                "Another computer may have retired it, and its decisions have not arrived yet."
                " Until you answer, the note stays as it is."
            ),
            "actions": [*_careful("Keep it", "Retire it"), SKIP],
        }

    def _emptied(self, question: Question) -> Item:
        """Ask whether the documents of a source were deleted that lists hardly any."""
        return {
            "title": question.text.partition(". ")[0],
            "ask": question.text,
            "why": _plain(
                "A drive that is not connected looks the same. Until you answer, no card changes."
                " “Nothing happened” keeps every card as it is. “Deleted” lists the cards whose"
                " passage is gone; they stay in Anki."
            ),
            "actions": [*_careful("Nothing happened", "Deleted"), SKIP],
        }

    def _dialect(self, question: Question) -> Item:
        """Ask whether notes are written in a dialect that another tool knows."""
        return {
            "title": question.text.partition(":")[0],
            "ask": question.text,
            "why": _plain(
                "Until you say so, the notes are read as before, and no card changes."
            ),
            "actions": [
                _named(ACCEPT, "Yes", "From the next run on"),
                _named(REJECT, "No, as before", "Read as before"),
                SKIP,
            ],
        }

    def _private(self, question: Question) -> Item:
        """Ask whether a spelling is meant as the tag that keeps text on this machine."""
        why = "Until you say so, nothing of them is sent: " + ", ".join(question.examples)
        return {
            "title": question.text.partition(":")[0],
            "ask": question.text,
            "why": _plain(why),
            "actions": [
                _named(ACCEPT, "Yes", "Kept on this machine"),
                _named(REJECT, "No, they may be sent", "May be sent"),
                SKIP,
            ],
        }

    def _form(self, question: Question) -> Item:
        """Ask which lines of a form are cards."""
        lines = lines_by_front(self._ledger.drafts(question.drafts))
        count = counted(len(question.drafts), "line")
        form = question.old
        source = question.new
        return {
            "title": f"{count} like {form}",
            "lines": [self._lines(of_front) for of_front in lines],
            "ask": f"{count} in {source} look like “{form}”. Are they cards?",
            "why": _plain("Untick what is no card."),
            "option": {
                "name": "later",
                "label": f"Make cards of such lines in {source} from now on",
                "on": True,
            },
            "actions": [
                _named(ACCEPT, "Make {n} cards", "Made cards of", none="Make no cards"),
                _named(REJECT, "None of them is a card", "No cards of"),
                SKIP,
            ],
        }

    def _lines(self, lines: LinesOfFront) -> Json:
        """Return lines that may be cards, with one front, ticked if no check warns of them."""
        first = lines.drafts[0]
        # the question itself is about the form
        remarks = tuple(
            remark for remark in first.remarks if remark.kind is not RemarkKind.FORM
        )
        why = _why(replace(first, remarks=remarks))
        backs: list[Pair] = []
        for back in lines.backs[:BACKS_SHOWN]:
            backs += [(" · ", ""), *line_of(back)] if backs else line_of(back)
        document = first.highlight.document
        place = lines.folder or document.path or document.title
        count = len(lines.drafts)
        return {
            "id": " ".join(draft.id for draft in lines.drafts),
            "a": line_of(lines.front),
            "b": backs,
            "at": place if count == 1 else f"{count} lines, {place}",
            "on": all(draft.proposal.clean for draft in lines.drafts),
            "note": why["text"] if why else "",
        }

    # --- parts --------------------------------------------------------------------------

    def _draft(self, waiting: Waiting) -> Json:
        """Return the view of a draft; of a proposal, with its sentence and all its gaps."""
        draft = waiting.draft
        card = card_of(draft.kind, draft.fields, waiting.highlight, draft.quote)
        view = card_view(card, self._find)
        if not draft.gaps:
            return {**view, "made": self._made(draft, waiting.highlight)}
        sentence = sentence_of(draft)
        views = []
        for text in draft.gaps:
            fields = tuple({**dict(draft.fields), "Text": text}.items())
            views.append(card_view(replace(card, fields=fields), self._find))
        return {
            **view,
            "gaps": [each["answer"] for each in views],
            "spans": sentence.gaps,
            "views": views,
            "parts": parts_of(sentence.text, sentence.formulas),
            "made": self._made(draft, waiting.highlight),
        }

    def _made(self, words: Card | Draft, highlight: Highlight) -> list[Pair]:
        """Return the steps in which a small model made a card, and dropped its other questions."""
        made = how_made(words, self._reply)
        rows = how_made_rows(made) if made else []
        for entry in dropped_questions(highlight, self._reply):
            rows += dropped_rows(entry)
        return rows

    def _accepted(self, card: Card, label: str) -> Json:
        """Return the view of an accepted card, with its reviews."""
        shown = card_view(as_in_anki(self._ledger, card), self._find)
        seen = next(views.notes(self._ledger, card.guid), None)
        if card.verdict is not Verdict.LIVE:
            state = card.verdict.value
        elif seen:
            state = counted(seen.reviews, "review")
        else:
            state = "not in Anki yet"
        shown["label"] = label
        shown["note"] = " ".join(filter(None, (shown["note"], state)))
        return shown

    def _source(self, highlight: Highlight, quote: str = "", answer: str = "") -> Json:
        """Return the passage of a highlight with its pictures."""
        source = passage(highlight, quote, answer)
        alt = f"Picture in {highlight.document.title}"
        pictures = []
        for path in image_paths("\n".join(highlight.markdown)):
            media = self._find(highlight, path)
            if media:
                pictures.append({"src": f"/picture/{media.name}", "alt": alt})
        source["pictures"] = pictures
        source["page"] = self._page(highlight)
        source["links"] = self._paper(highlight) + source["links"]
        return source
