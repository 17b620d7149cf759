"""Questions as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can still be matched;
so has each draft that is to be compared with its passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from msgspec.structs import replace

from ankiforge.draft import Replies
from ankiforge.draft.llm import Outcome, Repair, complaint, drafted, looked_at
from ankiforge.draft.prompt import (
    CARDS,
    Message,
    Prompt,
    Shape,
    barred,
    look_question,
    passage,
    rules_of,
    sendable,
    shape_of,
    title_of,
)
from ankiforge.draft.reply import Item, drafts_of, every_item, verdicts, why_none
from ankiforge.model import (
    Drafted,
    Finding,
    Highlight,
    NoCard,
    Origin,
    Problem,
    Task,
    Texts,
    Waiting,
    h16,
)

CHAT = "chat"
"""The name of the unknown model."""
MOST = 100
"""The maximum number of highlights that one answer can cover."""


# --- out ------------------------------------------------------------------------------------


def export_chats(
    tasks: Iterable[Task], prompt: Prompt, most: int = MOST, rejected: Mapping[str, str] = {}
) -> list[str]:
    """Return texts to paste, each into its own chat, of at most `most` highlights.

    `rejected` has by key the cards that a check blocked, with the reasons.
    """
    parts: dict[Shape, list[tuple[Task, Highlight]]] = {}
    for task in tasks:  # those in one text share the shape of the reply
        parts.setdefault(shape_of(task), []).extend((task, one) for one in _sent(task))
    return [
        _text(marks[at : at + most], prompt, shape, rejected)
        for shape, marks in parts.items()
        for at in range(0, len(marks), most)
    ]


def _text(
    marks: list[tuple[Task, Highlight]], prompt: Prompt, shape: Shape, rejected: Texts
) -> str:
    parts = [(title, [*some]) for title, some in groupby(marks, key=lambda one: title_of(one[0]))]
    sections = []
    for title, some in parts:
        head = "" if len(parts) == 1 else f"Document: {title}\n\n"
        shown = (
            passage(label_for(one.key), one, task.brief.wants, rejected.get(one.key, ""))
            for task, one in some
        )
        sections.append(head + "\n\n".join(shown))
    values = {
        **rules_of(shape),
        "title": parts[0][0] if len(parts) == 1 else "several, named with their passages",
        "remark": "",
        "highlights": "\n\n".join(sections),
    }
    number = "the highlight" if len(marks) == 1 else f"all {len(marks)} highlights"
    end = f"Now answer for {number}, with the JSON only, in one code block."
    return _pasted((*prompt.messages(values), {"content": end}))


def export_looks(cards: Sequence[Waiting]) -> list[str]:
    """Return texts to paste in which a chat compares drafts with their passages."""
    parts = [cards[at : at + CARDS] for at in range(0, len(cards), CARDS)]
    looks = ([looked_at(label_for(one.id), one) for one in part] for part in parts)
    return [_pasted(look_question(look).messages) for look in looks]


def _pasted(messages: Iterable[Message]) -> str:
    return "\n\n".join(one["content"] for one in messages) + "\n"


def asked_in(tasks: Iterable[Task]) -> int:
    """Count the highlights that the texts contain."""
    return sum(len(_sent(task)) for task in tasks)


def label_for(identity: str) -> str:
    """Return the label (8 hex digits) of a highlight's key, or of a draft's id."""
    return h16(identity)[:8]


def _sent(task: Task) -> tuple[Highlight, ...]:
    return () if barred(task) else sendable(task)


# --- back -----------------------------------------------------------------------------------


def chat_request(text: str) -> str:
    """Return the name under which an answer is stored in the cache."""
    return f"chat/{h16(text)}"


def import_chat(
    text: str,
    tasks: Iterable[Task],
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
    for task in tasks:
        shape, reason = shape_of(task), barred(task)
        origin = Origin("llm", CHAT, prompt.fingerprint, chat_request(text))
        outcomes = {}
        for one in sendable(task):
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
            kept = tuple(one for one in task.highlights if one.key in outcomes)
            results.append(replace(drafted(replace(task, highlights=kept), outcomes), problems=()))
    return results


def _back(highlight: Highlight) -> str:
    """Return the name under which the blocked cards of a highlight are kept."""
    return f"back/{h16(highlight.key, highlight.exact, highlight.comment)}"


def sent_back(tasks: Iterable[Task], replies: Replies) -> Texts:
    """Return, by key, the cards of highlights that a check blocked, with the reasons."""
    marks = (one for task in tasks for one in task.highlights)
    return {one.key: cards for one in marks if (cards := replies.get(_back(one)))}


def looks_in(text: str, cards: Iterable[Waiting]) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yield the ids of drafts with what a chat found, comparing them with their passages."""
    read = verdicts(text)
    yield from ((one.id, found) for one in cards if (found := read.get(label_for(one.id))))


def unused(text: str, tasks: Iterable[Task], where: str) -> Iterator[Problem]:
    """Yield what in an answer cannot be used: cards for no pending highlight, and what is no card."""
    labels = {label_for(one.key) for task in tasks for one in task.highlights}
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
