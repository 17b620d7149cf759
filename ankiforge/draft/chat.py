"""Questions as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can still be matched;
so has each draft that is to be compared with its passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.draft import Replies
from ankiforge.draft.llm import Outcome, Repair, complaint, drafted
from ankiforge.draft.prompt import (
    CARDS,
    NOTHING,
    Message,
    Prompt,
    Shape,
    barred,
    data,
    joined,
    look_question,
    message,
    passage,
    rules_of,
    shape_of,
)
from ankiforge.draft.reply import Item, drafts_of, every_item, verdicts, why_none
from ankiforge.draft.sendable import Sendable, SendableCard, SendableTask, SendableText, ours
from ankiforge.model import (
    Drafted,
    Finding,
    Highlight,
    NoCard,
    Origin,
    Problem,
    Texts,
    h16,
)

CHAT = "chat"
"""The name of the unknown model."""
MOST = 100
"""The maximum number of highlights that one answer can cover."""


# --- out ------------------------------------------------------------------------------------


def export_chats(
    tasks: Iterable[SendableTask],
    prompt: Prompt,
    most: int = MOST,
    rejected: Mapping[str, str] = {},
) -> list[str]:
    """Return texts to paste, each into its own chat, of at most `most` highlights.

    `rejected` has by key the cards that a check blocked, with the reasons.
    """
    by_shape = dict[Shape, list[_Asked]]()
    for sent in tasks:  # those in one text share the shape of the reply
        if barred(sent.task):
            continue
        for key, shown in sent.passages.items():
            complaint = sent.text(rejected.get(key, ""))
            by_shape.setdefault(shape_of(sent.task), []).append(_Asked(sent, shown, complaint))
    texts = list[str]()
    for shape, asked in by_shape.items():
        for start in range(0, len(asked), most):
            texts.append(_text(asked[start : start + most], prompt, shape))
    return texts


class _Asked(NamedTuple):
    """One highlight of a text to paste."""

    sent: SendableTask
    shown: Sendable
    rejected: SendableText


def _text(asked: list[_Asked], prompt: Prompt, shape: Shape) -> str:
    by_title = [(title, [*some]) for title, some in groupby(asked, key=lambda one: one.sent.title)]
    sections = list[SendableText]()
    for title, some in by_title:
        shown = joined(
            passage(label_for(one.shown.key), one.shown, one.sent.task.brief.wants, one.rejected)
            for one in some
        )
        head = "" if len(by_title) == 1 else f"Document: {data(title)}\n\n"
        sections.append(SendableText(head + shown))
    several = ours("several, named with their passages")
    values = {
        **rules_of(shape),
        "title": data(by_title[0][0]) if len(by_title) == 1 else several,
        "remark": NOTHING,
        "highlights": joined(sections),
    }
    number = "the highlight" if len(asked) == 1 else f"all {len(asked)} highlights"
    end = ours(f"Now answer for {number}, with the JSON only, in one code block.")
    return _pasted((*prompt.messages(values), message("user", end)))


def export_looks(cards: Sequence[SendableCard]) -> list[str]:
    """Return texts to paste in which a chat compares drafts with their passages."""
    texts = list[str]()
    for start in range(0, len(cards), CARDS):
        labelled = [(label_for(card.id), card) for card in cards[start : start + CARDS]]
        texts.append(_pasted(look_question(labelled).messages))
    return texts


def _pasted(messages: Iterable[Message]) -> str:
    return "\n\n".join(one["content"] for one in messages) + "\n"


def asked_in(tasks: Iterable[SendableTask]) -> int:
    """Count the highlights that the texts contain."""
    return sum(len(sent.passages) for sent in tasks if not barred(sent.task))


def label_for(identity: str) -> str:
    """Return the label (8 hex digits) of a highlight's key, or of a draft's id."""
    return h16(identity)[:8]


# --- back -----------------------------------------------------------------------------------


def chat_request(text: str) -> str:
    """Return the name under which an answer is stored in the cache."""
    return f"chat/{h16(text)}"


def import_chat(
    text: str,
    tasks: Iterable[SendableTask],
    prompt: Prompt,
    repair: Repair | None = None,
    replies: Replies | None = None,
) -> list[Drafted]:
    """Return the results for the highlights that a chat's answer is about.

    A highlight whose every card `repair` blocks counts as failed the first time: its cards are in
    `replies`, and the next export sends them back with the reasons.
    """
    read: dict[str, list[Item]] = {}
    for item in every_item(text)[0]:
        read.setdefault(item.label, []).append(item)
    results = []
    for sent in tasks:
        shape, reason = shape_of(sent.task), barred(sent.task)
        origin = Origin("llm", CHAT, prompt.fingerprint, chat_request(text))
        outcomes = {}
        for one in sent.highlights:
            if not (found := read.get(label_for(one.key), [])):
                continue
            outcome = outcomes[one.key] = Outcome(drafts_of(found, one, origin, shape))
            if reason:
                outcomes[one.key] = Outcome(no_card=NoCard(one.key, reason, passing=True))
            elif not outcome.drafts:
                outcome.no_card = NoCard(one.key, why_none(found, shape))
            elif repair and replies and replies.get(_back(one)) is None:
                judged = [(draft, repair(draft, one)) for draft in outcome.drafts]
                if all(faults for _, faults in judged):
                    outcome.problem = Problem("", "a check blocks its card")
                    told = complaint(judged)
                    replies.put(_back(one), told, model=CHAT, prompt="", tokens_in=0, tokens_out=0)
        if outcomes:
            answered = [one for one in sent.highlights if one.key in outcomes]
            results.append(replace(drafted(sent.only(*answered), outcomes), problems=()))
    return results


def _back(highlight: Highlight) -> str:
    """Return the name under which the blocked cards of a highlight are kept."""
    return f"back/{h16(highlight.key, highlight.exact, highlight.comment)}"


def sent_back(tasks: Iterable[SendableTask], replies: Replies) -> Texts:
    """Return, by key, the cards of highlights that a check blocked, with the reasons."""
    found = dict[str, str]()
    for sent in tasks:
        for highlight in sent.highlights:
            if cards := replies.get(_back(highlight)):
                found[highlight.key] = cards
    return found


def looks_in(text: str, cards: Iterable[SendableCard]) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yield the ids of drafts with what a chat found, comparing them with their passages."""
    read = verdicts(text)
    yield from ((one.id, found) for one in cards if (found := read.get(label_for(one.id))))


def unused(text: str, tasks: Iterable[SendableTask], where: str) -> Iterator[Problem]:
    """Yield what in an answer cannot be used: cards for no pending highlight, and what is no card."""
    labels = {label_for(one.key) for sent in tasks for one in sent.task.highlights}
    read, unusable = every_item(text)
    if not (read or unusable or verdicts(text)):
        yield Problem(where, "it contains no readable card", "ask the chat for the JSON only")
    for one in read:
        if one.label not in labels:
            words = one.front or one.text or one.why_none
            what = (
                f"“{words[:60]}”: no highlight that still needs a card has its label {one.label!r}"
            )
            yield Problem(where, what, "it was imported before, or the chat changed the label")
    for found in unusable:
        yield Problem(where, f"no card can be made of {found[:80]}", "ask for question and answer")
