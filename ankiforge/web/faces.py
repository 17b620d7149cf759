"""What there is to decide, as data for the page's script.

    item = {id, turn, title, ask?, why?, cards?, several?, beside?, lines?, option?,
            compose?, source?, then?, actions}

The card of a proposal has `gaps`, the words that it may hide, best first; its sentence in `parts`,
in which `spans` says where they are, `code` which words are code, and `starts` where its sentences
begin; in `views` the fields of the card with each of them; and in `before` the sentence before.
`several` is whether the passage has further facts; `then` the face of the next one, which comes
once this one is accepted.
Each of `lines` that may be cards has the `id`s of its drafts, its front `a` and its backs `b`, the
place `at` which it stands, whether it is ticked (`on`), and a `note` that warns of it.
The card of a figure has `figure`, its picture and its masks, which may be changed if the item
has `masks`.

`turn` is a hash of all that an item shows: a decision with another one is about something
that has changed meanwhile. `docs/guides/review.md` shows what a person sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ankiforge.check.source import NO_LABEL
from ankiforge.language.detection import language_of
from ankiforge.language.lexicon import listed
from ankiforge.ledger import (
    BACKS_SHOWN,
    HighlightOutcome,
    Ledger,
    LinesOfFront,
    lines_by_front,
)
from ankiforge.ledger.cards import card_of, highlight_of, state_of
from ankiforge.ledger.lists import waiting_among
from ankiforge.ledger.tables.anki import seen_note
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardHere,
    CardKind,
    Draft,
    Highlight,
    Json,
    Offered,
    Pair,
    Proposal,
    Question,
    QuestionKind,
    RemarkKind,
    Texts,
    Verdict,
    Waiting,
)
from ankiforge.pipeline.collection import as_in_anki
from ankiforge.review import Item
from ankiforge.review.items import (
    facts_seen,
    is_poor,
    reasons,
    sentence,
    warning,
    with_each_gap,
)
from ankiforge.review.selection import selectable_text, sentence_before, sentence_of
from ankiforge.review.shelf import RESULTS
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.fold import shields
from ankiforge.text.sentences import sentences
from ankiforge.web.card_view import (
    asked_words,
    card_view,
    compared,
    line_of,
    links_of,
    parts_of,
)
from ankiforge.web.documents import Documents

MOST_LINES = 300
"""Lines of a form, or missing notes, that are shown at once."""

# --- actions ----------------------------------------------------------------------------


def act(what: str, label: str, key: str, look: str, said: str, **more: Any) -> Json:
    """Return an action that the page offers.

    Args:
        what: what the decision is called (`review.Decision.act`).
        label: the words on its button.
        key: the key that presses it.
        look: how the button looks: `filled`, `outlined`, `text`, or `more` in the menu.
        said: what the page says afterwards.
        more: what the person must give: `needs` and the words that ask for it.
    """
    becomes = RESULTS.get(what, "card")
    words = {"label": label, "key": key, "look": look, "said": said}
    return {"act": what, "becomes": becomes, **words, **more}


ACCEPT = act("accept", "Accept", "", "filled", "Accepted")
REJECT = act("reject", "Reject", "x", "outlined", "Rejected")
ASK = act("ask", "Ask", "q", "text", "")
"""Turn a proposal into a question whose answer is its gap; the page does this by itself."""
EDIT = act(
    "edit",
    "Edit",
    "e",
    "text",
    "Saved and accepted",
    needs="edit",
    save="Save and accept",
)
MASKS = act("masks", "Save the masks", "", "filled", "Masks changed", needs="drawing")
SKIP = act("later", "Later", "s", "more", "Later")
REST = act(
    "passage", "Reject the rest of the highlight", "", "more", "Rejected the rest of"
)
ANOTHER = act("another", "Another card", "", "text", "Accepted")
FORCE = act("force", "Accept anyway", "", "more", "Accepted")
OTHERS = act(
    "others",
    "Let the model draft others",
    "",
    "more",
    "",
    stays="Asking the model …",
)


def _named(action: Json, label: str, said: str = "", **more: Any) -> Json:
    """Return an action under another label."""
    return {**action, "label": label, "said": said or action["said"], **more}


def _careful(keeps: Pair, drops: Pair) -> tuple[Json, Json]:
    """Return the answers to a question of which accepting loses something.

    Args:
        keeps: the label of the one that loses nothing, and what the page says afterwards.
        drops: the same of the other one.
    """
    return (
        act("reject", keeps[0], "1", "filled", keeps[1]),
        act("accept", drops[0], "2", "outlined", drops[1]),
    )


# --- drafts -----------------------------------------------------------------------------


def _why(waiting: Draft) -> Texts | None:
    """Return why a draft is to be looked at closely; None if nothing is to be said about it."""
    # that a label is missing is told where one may be drawn; how a card ends that a person wrote,
    # they know
    told = {NO_LABEL, "breaks_off"} if waiting.is_own_card else {NO_LABEL}
    findings = tuple(each for each in waiting.findings if each.check not in told)
    waiting = replace(waiting, findings=findings)
    said = warning(waiting)
    if not said:
        return None
    details = " ".join(reasons(waiting))
    tone = "stop" if waiting.blocked else "quiet" if waiting.clean else "caution"
    return {"text": said, "tone": tone, "details": "" if details == said else details}


def _plain(text: str) -> Texts:
    """Return a remark without any warning in it."""
    return {"text": text, "tone": "quiet"}


_QUESTIONS: dict[QuestionKind, tuple[str, Json, Json]] = {
    QuestionKind.SAME: (
        "The passage of your card is gone, and this one says nearly the same. “Yes” keeps the"
        " card, with any reviews.",
        _named(ACCEPT, "Yes, the same", "One card"),
        _named(REJECT, "No, a new card", "Two cards"),
    ),
    QuestionKind.GONE: (
        "Nobody highlighted it there, so nothing shows where it went.",
        _named(ACCEPT, "Keep", "Kept:"),
        _named(REJECT, "Reject", "Rejected:"),
    ),
    QuestionKind.DUPLICATE: (
        "The one with more reviews stays.",
        _named(ACCEPT, "Keep one", "One card"),
        _named(REJECT, "Keep both", "Two cards"),
    ),
    QuestionKind.CONFLICT: (
        "The card keeps its schedule either way.",
        *_careful(
            ("Keep mine", "Your words stay:"),
            ("Take the source’s", "The source’s words taken:"),
        ),
    ),
    QuestionKind.ABSENT: (
        "An older backup may have been restored, or a deck deleted by accident. “Bring back”"
        " begins anew, without reviews. After “I deleted it”, nothing of it is proposed again.",
        *_careful(("Bring back", "Will be sent again:"), ("I deleted it", "Retired:")),
    ),
    QuestionKind.EMPTIED: (
        "A drive that is not connected looks the same. Until you answer, no card changes."
        " “Nothing happened” keeps every card as it is. “Deleted” lists the cards whose"
        " passage is gone; they stay in Anki.",
        *_careful(
            ("Nothing happened", "Every card stays as it is:"),
            ("Deleted", "Taken as deleted:"),
        ),
    ),
    QuestionKind.FORM: (
        "Untick what is not a card.",
        _named(ACCEPT, "Make {n} cards", "Made cards of", none="Make no cards"),
        _named(REJECT, "None of them", "No cards of"),
    ),
}
"""By kind of question: what to know before one answers, and the two answers."""


def _actions_of(group: Sequence[Draft]) -> list[Json]:
    """Return the decisions on drafts; a blocked one is accepted only with force."""
    blocked = [waiting for waiting in group if waiting.blocked]
    if group[0].kind is CardKind.OCCLUSION:
        return [ACCEPT, REJECT, SKIP]
    if len(blocked) == len(group):
        return [_named(EDIT, "Edit", look="filled"), REJECT, SKIP, FORCE]
    actions = [ACCEPT, REJECT, EDIT]
    if len(group) == 1 and is_poor(group[0]):  # so Enter does not accept it as it is
        actions = [{**ACCEPT, "look": "outlined"}, REJECT, {**EDIT, "look": "filled"}]
    if any(waiting.gaps for waiting in group):
        actions.append(ASK)
    actions += [SKIP]
    return [*actions, FORCE] if blocked else actions


def words_of(highlight: Highlight) -> Json:
    """Return the words of a passage, of which a person may make a card: `parts` and `code`."""
    text = selectable_text(highlight)[0]
    formulas = None if highlight.has_formulas else ()
    code = [[start, end] for start, end, kind in shields(text) if kind == "code"]
    return {"parts": parts_of(text, formulas), "code": code}


class Faces:
    """Draws items for the page."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        paper: Callable[[Highlight], list[Texts]],
        documents: Documents,
        asks: bool,
    ) -> None:
        """Draw items of a ledger.

        Args:
            ledger: what waits, and what was decided.
            paper: returns a link to the page of a PDF.
            documents: shows its document beside it, and finds its pictures.
            asks: whether a model drafts cards, and so may be asked for others.
        """
        self._ledger = ledger
        self._more = [OTHERS] if asks else []
        self.find = documents.find
        self._paper = paper
        self._documents = documents

    def links(self, highlight: Highlight) -> list[Texts]:
        """Return the links to a passage, the page of a PDF on this machine first."""
        return self._paper(highlight) + links_of(highlight)

    def face(self, item: Item) -> Json:
        """Return an item as the page shows it."""
        if item.question:
            face = self._question(item.question)
        elif item.proposal:
            face = self._proposal(item.proposal)
        elif item.outcome:
            face = self._passage(item.outcome)
        elif item.card and item.drafts:
            face = self._revision(item.drafts[0], item.card)
        elif item.card:
            face = self._card(item.card)
        else:
            face = self._drafts(item.drafts)
        if face.get("cards"):
            face.setdefault("line", face["cards"][0]["line"])
        return {"id": item.id, "turn": item.turn, **face}

    def _drafts(self, group: Sequence[Offered]) -> Json:
        """Return a new card, or the drafts of a passage, of which some may be kept."""
        first = group[0]
        cards = [self._draft(waiting) for waiting in group]
        actions = _actions_of(group)
        face: Json = {
            "title": cards[0]["title"],
            "cards": cards,
            "source": self.source(first.highlight, first.quote),
            "why": _why(first),
            "actions": actions,
        }

        # how many facts of the passage are decided, and whether others are open
        facts = facts_seen(self._ledger, first.highlight)
        if len(facts) > 1:
            actions.append(REST)
            decided = sum(fact.decided for fact in facts)
            face["several"] = decided + 1 < len(facts)

        # each of several has a number, which is a key; a proposal one for each of its gaps
        if len(group) > 1:
            face["choose"] = True
            face["why"] = None
            number = 1
            for waiting, card in zip(group, cards, strict=True):
                card["why"] = _why(waiting)
                card["number"] = number
                number += len(waiting.gaps) or 1
        if first.kind is CardKind.OCCLUSION:
            face["masks"] = True
        elif not first.by_hand:
            actions += self._more
        return face

    def _revision(self, waiting: Waiting, card: CardHere) -> Json:
        """Return a draft beside the card that it would change or replace."""
        old = card_view(card, self.find)
        new = self._draft(waiting)
        old["label"] = "Your card"
        new["label"] = "With the new words"
        new["used"] = self._highest_number(card)
        if card.kind.family is waiting.kind.family:
            compared(old, new)
        why = _why(waiting)
        another: list[Json] = []
        ask = "Replace your card by one of another form?"
        accept = _named(ACCEPT, "Replace it", "Changed")
        reject = _named(REJECT, "Keep my card", "Kept as it was")
        if waiting.revises:
            ask = "The passage has changed. Change the card, too?"
            accept = _named(ACCEPT, "Change the card", "Changed")
            reject = _named(REJECT, "Keep the old words", "Kept as it was")
            why = why or _plain("The card keeps its schedule.")
        if waiting.revises and not waiting.own:
            ask = "The passage has changed. Are these the new words of your card?"
            why = _plain("The card keeps its schedule.")
            another = [ANOTHER]
        edit = _named(EDIT, "Edit", "Changed", save="Save")
        actions = [accept, reject, *another, edit, SKIP]
        if waiting.blocked:
            actions = [{**edit, "look": "filled"}, reject, SKIP, FORCE]
        return {
            "title": new["title"],
            "ask": ask,
            "cards": [old, new],
            "beside": True,
            "why": why,
            "edits": 1,
            "source": self.source(waiting.highlight, waiting.quote),
            "actions": actions,
        }

    def _proposal(self, proposal: Proposal) -> Json:
        """Return the proposal of a passage: a new card, of which nothing is stored."""
        face = self._drafts([proposal])
        actions = [_named(ACCEPT, "Make this card", "Made"), REJECT, EDIT, ASK, SKIP]
        return {**face, "proposal": True, "actions": [*actions, *self._more]}

    def _passage(self, outcome: HighlightOutcome) -> Json:
        """Return a passage without a card, of which a person may make one."""
        highlight = outcome.highlight
        text = selectable_text(highlight)[0]
        title = on_one_line(text or highlight.comment or highlight.document.title)
        write = act(
            "write", "Write it", "e", "text", "Made", needs="edit", save="Make this card"
        )
        nothing = act("none", "No card wanted", "x", "outlined", "No card for")
        make = act("make", "Make this card", "", "filled", "Made", needs="words")
        if text:
            actions = [make, nothing, write, SKIP, *self._more]
        else:
            actions = [{**write, "look": "filled"}, nothing, SKIP]
        words = words_of(highlight)
        parts = words["parts"] if text else None
        source = self.source(highlight)
        return {
            "title": shortened(title, 90),
            "line": parts,
            "compose": parts,
            "code": words["code"],
            "blank": [["Front", "Question", []], ["Back", "Answer", []]],
            "source": source,
            "actions": actions,
            "why": _plain(sentence(outcome.reason)),
        }

    def _card(self, card: CardHere) -> Json:
        """Return a card that was decided on, for the list of all."""
        shown = card_view(card, self.find)
        shown["used"] = self._highest_number(card)
        reasons = [sentence(finding.message) for finding in card.findings]
        if card.why:
            reasons.append(sentence(card.why))
        is_figure = card.kind is CardKind.OCCLUSION
        if card.live:
            edit = (
                MASKS
                if is_figure
                else _named(EDIT, "Edit", "Edited", look="filled", save="Save")
            )
            actions = [edit, REJECT]
        else:
            actions = [act("restore", "Take this back", "", "filled", "Taken back")]
        item: Json = {
            "title": shown["title"],
            "cards": [shown],
            "actions": actions,
            "why": _plain(" ".join(reasons)) if reasons else None,
            "source": self.source(card.highlight, card.quote),
        }
        if is_figure and card.live:
            item["masks"] = True
        return item

    def _question(self, question: Question) -> Json:
        """Return a question that only a person can answer, with the cards or lines in question."""
        about: Json = {}
        why, *answers = _QUESTIONS[question.kind]
        match question.kind:
            case QuestionKind.SAME:
                about = self._same(question)
            case QuestionKind.GONE:
                kept = [
                    card_of(self._ledger, each) for each in question.guids[:MOST_LINES]
                ]
                shown = [card_view(card, self.find) for card in kept]
                lines = [(view["line"], view["answer_line"]) for view in shown]
                about["lines"] = [{"id": "", "a": a, "b": b} for a, b in lines]
            case QuestionKind.DUPLICATE:
                about = self._duplicate(question)
            case QuestionKind.CONFLICT:
                about = self._conflict(question)
            case QuestionKind.ABSENT:
                missing, _, what = question.text.partition(" Did you delete ")
                missing = missing.replace("note", "card")
                about["ask"] = f"{missing} Bring {what.rstrip('?')} back?"
                missed = [
                    card_of(self._ledger, guid) for guid in question.guids[:MOST_LINES]
                ]
                gone = [card_view(card, self.find) for card in missed]
                lines = [(view["line"], view["answer_line"]) for view in gone]
                about["lines"] = [{"id": "", "a": a, "b": b} for a, b in lines]
                if len(lines) == 1:
                    about = {"ask": about["ask"], "cards": gone}
            case QuestionKind.FORM:
                about = self._form(question)
        title = question.text.partition(":")[0]
        if question.kind in (QuestionKind.ABSENT, QuestionKind.EMPTIED):
            title = question.text.partition(". ")[0].removesuffix(".")
        return {
            "title": title,
            "ask": question.text,
            "why": _plain(why),
            "actions": [*answers, SKIP],
            **about,
        }

    def _duplicate(self, question: Question) -> Json:
        """Return cards that ask the same."""
        cards = []
        for number, guid in enumerate(question.guids, 1):
            card = card_of(self._ledger, guid)
            shown = self._accepted(card, f"Card {number}")
            shown["note"] += f" · {card.highlight.document.title}"
            cards.append(shown)
        if len(cards) == 2:
            compared(cards[0], cards[1])
        about = {"title": cards[0]["title"], "cards": cards, "beside": True}
        return {**about, "ask": f"{question.text} Keep one?"}

    def _form(self, question: Question) -> Json:
        """Return lines of a form that may be cards, of which the person unticks some."""
        waiting = waiting_among(self._ledger, question.drafts)
        are_words = question.old == WORD_AND_TRANSLATION
        noun = "word" if are_words else "line"
        count = counted(len(question.drafts), noun)
        label = f"Make cards of such {noun}s in {question.new} from now on"
        lines = [self._lines(of_front) for of_front in lines_by_front(waiting)]
        place = question.new
        if len({line["at"] for line in lines}) == 1:  # it is named once
            place = lines[0]["at"]
            lines = [{**line, "at": ""} for line in lines]
        title = f"{count} like {question.old}"
        ask = f"{count} in {place} look like “{question.old}”. Are they cards?"
        if are_words:
            title = f"{count} with your translation"
            ask = f"You noted in {place} what {count} mean. Make cards of them?"
        return {
            "title": title,
            "lines": lines,
            "ask": ask,
            "option": {"name": "later", "label": label, "on": False},
        }

    def _same(self, question: Question) -> Json:
        """Return a new passage beside the card of which it may be the passage."""
        cards = []
        for guid in question.guids:
            cards.append(self._accepted(card_of(self._ledger, guid), "Your card"))
        highlight = highlight_of(self._ledger, question.new)
        title = cards[0]["title"] if cards else on_one_line(highlight.exact)
        for waiting in waiting_among(self._ledger, [question.new]):
            cards.append({**self._draft(waiting), "label": "From the new passage"})
        if len(cards) == 2 and "gaps" not in cards[1]:
            compared(cards[0], cards[1])
        source = self.source(highlight)
        if len(question.examples) > 1 and not question.guids:
            source["before"] = question.examples[1]
        return {
            "title": title,
            "ask": "Is this the card that you already have?",
            "cards": cards,
            "beside": len(cards) == 2,
            "source": source,
        }

    def _conflict(self, question: Question) -> Json:
        """Return a card in the person's words beside the same in the source's."""
        card = card_of(self._ledger, question.guids[0])
        card = as_in_anki(self._ledger, card)
        mine = dict(card.fields)
        theirs = dict(card.fields)
        if card.note.adopted and question.repair:  # in Anki nothing of it is there yet
            mine |= card.note.adopted.words
        for conflict in question.conflicts:
            mine[conflict.field] = conflict.mine
            theirs[conflict.field] = conflict.source
        my_card = card_view(replace(card, fields=tuple(mine.items())), self.find)
        their_card = card_view(replace(card, fields=tuple(theirs.items())), self.find)
        compared(my_card, their_card)
        my_card["label"] = "Yours"
        their_card["label"] = "From the source"
        about: Json = {
            "title": my_card["title"],
            "ask": "You and the source both changed this card. Which words stay?",
            "cards": [my_card, their_card],
            "beside": True,
            "source": self.source(card.highlight, card.quote),
        }
        if question.is_between_edits:
            my_card["label"] = "In Anki"
            their_card["label"] = "Here"
            about["ask"] = "You changed this card here and in Anki. Which words stay?"
            keep = ("Keep Anki’s", "Anki’s words stay:")
            take = ("Take those from here", "The words from here taken:")
            if question.repair:
                about["ask"] = f"{question.text} Which words stay?"
                keep = ("Keep Anki’s", "The repair taken back:")
                take = ("Send the repair", "The repair will be sent:")
            about["actions"] = [*_careful(keep, take), SKIP]
        return about

    def _lines(self, lines: LinesOfFront) -> Json:
        """Return lines that may be cards, with one front, ticked if nothing warns of them."""
        first = lines.drafts[0]
        # the question itself is about the form
        remarks = tuple(
            remark for remark in first.remarks if remark.kind is not RemarkKind.FORM
        )
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
            "on": all(draft.clean for draft in lines.drafts)
            and lines.front.casefold() not in listed("signs", "label"),
            "note": warning(replace(first, remarks=remarks)),
        }

    # --- parts --------------------------------------------------------------------------

    def _highest_number(self, card: CardHere) -> int:
        """Return the highest number of a gap that was ever shipped: it stays with its words."""
        state, _ = state_of(self._ledger, card.guid)
        return max(map(int, state.note.numbers), default=0)

    def _draft(self, draft: Offered) -> Json:
        """Return the view of a draft; of a proposal, with its sentence and all its gaps."""
        view = card_view(draft, self.find)
        if not draft.gaps:
            return view
        whole = sentence_of(draft)
        views = [card_view(card, self.find) for card in with_each_gap(draft)]
        return {
            **view,
            "gaps": [each["answer"] for each in views],
            "spans": whole.gaps,
            "views": [each["fields"] for each in views],
            "parts": parts_of(whole.text, whole.formulas),
            "code": whole.code,
            "starts": [start for start, _ in sentences(whole.text)],
            "before": sentence_before(draft),
        }

    def _accepted(self, card: CardHere, label: str) -> Json:
        """Return the view of an accepted card, with its reviews."""
        shown = card_view(as_in_anki(self._ledger, card), self.find)
        seen = seen_note(self._ledger, card.guid)
        if card.verdict is not Verdict.LIVE:
            state = card.verdict.value
        elif seen:
            state = counted(seen.reviews, "review")
        else:
            state = "not in Anki yet"
        shown["label"] = label
        shown["note"] = " · ".join(filter(None, (shown["note"].rstrip("."), state)))
        return shown

    def source(self, highlight: Highlight, quote: str = "") -> Json:
        """Return where a card is from, and the words of its mark that are `asked`."""
        around = f"{highlight.prefix}{highlight.exact}{highlight.suffix}"
        return {
            "key": highlight.key,
            "document": self._documents.prepare(highlight),
            "lang": language_of(around),
            "asked": asked_words(highlight, quote),
            "said": highlight.comment,
            "links": self.links(highlight),
        }
