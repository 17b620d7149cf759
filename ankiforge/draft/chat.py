"""Questions as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can still be matched;
so has each draft that is to be compared with its passage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.draft import Replies
from ankiforge.draft.llm import (
    Outcome,
    Outcomes,
    Repair,
    complaint,
    drafted,
    looked_at,
)
from ankiforge.draft.prompt import (
    CARDS,
    Prompt,
    Shape,
    Wording,
    barred,
    look_question,
    passage,
    remark_of,
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
    Waiting,
    h16,
)

CHAT = "chat"
"""The name of the unknown model."""
MOST = 100
"""The maximum number of highlights that one answer can cover."""


# --- out ------------------------------------------------------------------------------------


def export_chats(
    tasks: Iterable[Task], prompt: Wording, most: int = MOST, rejected: Mapping[str, str] = {}
) -> list[str]:
    """Return texts to paste, each into its own chat, of at most `most` highlights.

    Args:
        tasks: the highlights.
        prompt: the prompt of all tasks, or of each.
        most: the maximum number of highlights in a text.
        rejected: by label, the cards that a check blocked, with the reasons.
    """
    parts: dict[tuple[str, Shape], list[list[Task]]] = {}
    for task in tasks:
        # the tasks in one text share the prompt and the shape of the reply
        words = prompt.of(task)
        texts = parts.setdefault((words.fingerprint, shape_of(task, words)), [])
        for one in _sent(task, prompt):
            if not texts or sum(len(each.highlights) for each in texts[-1]) == most:
                texts.append([])
            if texts[-1] and texts[-1][-1].document == task.document:
                last = texts[-1].pop()
                texts[-1].append(replace(task, highlights=(*last.highlights, one)))
            else:
                texts[-1].append(replace(task, highlights=(one,)))
    return [
        _text(part, prompt.of(part[0]), shape, rejected)
        for (_, shape), texts in parts.items()
        for part in texts
    ]


def _text(tasks: list[Task], prompt: Prompt, shape: Shape, rejected: Mapping[str, str]) -> str:
    alone, sections = len(tasks) == 1, []
    for task in tasks:
        head = "" if alone else f"Document: {title_of(task)}\n{remark_of(task)}".strip() + "\n\n"
        labelled = [(label_for(one.key), one) for one in task.highlights]
        wants = task.brief.wants
        marks = (passage(label, one, wants, rejected.get(label, "")) for label, one in labelled)
        sections.append(head + "\n\n".join(marks))
    values = {
        **rules_of(shape),
        "title": title_of(tasks[0]) if alone else "several, named with their passages",
        "remark": remark_of(tasks[0]) if alone else "",
        "highlights": "\n\n".join(sections),
    }
    count = sum(len(task.highlights) for task in tasks)
    number = "the highlight" if count == 1 else f"all {count} highlights"
    end = f"Now answer for {number}, with the JSON only, in one code block."
    return "\n\n".join([*(one["content"] for one in prompt.messages(values)), end]) + "\n"


def export_looks(cards: Sequence[Waiting]) -> list[str]:
    """Return texts to paste in which a chat compares drafts with their passages."""
    texts = []
    for at in range(0, len(cards), CARDS):
        part = [looked_at(label_for(one.id), one) for one in cards[at : at + CARDS]]
        texts.append("\n\n".join(one["content"] for one in look_question(part).messages) + "\n")
    return texts


def asked_in(tasks: Iterable[Task], prompt: Wording | None = None) -> int:
    """Count the highlights that the texts contain."""
    return sum(len(_sent(task, prompt)) for task in tasks)


def label_for(identity: str) -> str:
    """Return the label (8 hex digits) of a highlight's key, or of a draft's id."""
    return h16(identity)[:8]


def _sent(task: Task, prompt: Wording | None) -> tuple[Highlight, ...]:
    return () if prompt is not None and barred(task, prompt) else sendable(task)


# --- back -----------------------------------------------------------------------------------


def chat_request(text: str) -> str:
    """Return the name under which an answer is stored in the cache."""
    return f"chat/{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def import_chat(
    text: str,
    tasks: Iterable[Task],
    prompt: Wording,
    repair: Repair | None = None,
    replies: Replies | None = None,
) -> list[Drafted]:
    """Return the results for the highlights that a chat's answer is about.

    A highlight whose every card `repair` blocks counts as failed the first time: its cards are there,
    and the next export sends them back with the reasons, which `replies` keep.
    """
    read: dict[str, list[Item]] = {}
    for item in every_item(text)[0]:
        read.setdefault(item.label, []).append(item)
    results = []
    for task in tasks:
        words = prompt.of(task)
        shape, reason = shape_of(task, words), barred(task, prompt)
        origin = Origin("llm", CHAT, words.fingerprint, chat_request(text))
        outcomes: Outcomes = {}
        for one in sendable(task):
            if not (found := read.get(label_for(one.key), [])):
                continue
            outcome = outcomes[one.key] = Outcome(drafts_of(found, one, origin, shape))
            if reason:
                outcomes[one.key] = Outcome(no_card=NoCard(one.key, reason, passing=True))
            elif not outcome.drafts:
                outcome.no_card = NoCard(one.key, why_none(found, shape))
            elif repair and replies and replies.get(name := _back(one)) is None:
                judged = [(draft, repair(draft, one)) for draft in outcome.drafts]
                if all(faults for _, faults in judged):
                    outcome.problem = Problem("", SENT_BACK)
                    replies.put(
                        name, complaint(judged), model=CHAT, prompt="", tokens_in=0, tokens_out=0
                    )
        if outcomes:
            kept = tuple(one for one in task.highlights if one.key in outcomes)
            results.append(replace(drafted(replace(task, highlights=kept), outcomes), problems=()))
    return results


SENT_BACK = "a check blocks its card, which the next export sends back"


def _back(highlight: Highlight) -> str:
    """Return the name under which the blocked cards of a highlight are kept."""
    return f"back/{h16(highlight.key, highlight.exact, highlight.comment)}"


def sent_back(tasks: Iterable[Task], replies: Replies) -> dict[str, str]:
    """Return, by label, the cards of highlights that a check blocked, with the reasons."""
    marks = [one for task in tasks for one in task.highlights]
    found = ((label_for(one.key), replies.get(_back(one)) or "") for one in marks)
    return {label: cards for label, cards in found if cards}


def looks_in(text: str, cards: Iterable[Waiting]) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yield the ids of drafts with what a chat found, comparing them with their passages."""
    read = verdicts(text)
    for one in cards:
        if found := read.get(label_for(one.id)):
            yield one.id, found


def unused(text: str, tasks: Iterable[Task], where: str) -> Iterator[Problem]:
    """Yield what in an answer cannot be used: cards for no pending highlight, and what is no card."""
    labels = {label_for(one.key) for task in tasks for one in task.highlights}
    read, unusable = every_item(text)
    strays = [one for one in read if one.label not in labels]
    if not read and not unusable and not verdicts(text):
        what = "it contains no readable card"
        yield Problem(where, what, "ask the chat to answer again, with the JSON only")
    elif strays and len(strays) == len(read):
        what = "none of its cards is for a highlight that still needs one"
        yield Problem(where, what, "it was imported before, or the chat changed the labels `h`")
    else:
        for one in strays:
            words = one.front or one.text or one.why_none
            what = (
                f"“{words[:60]}”: no highlight that still needs a card has the label {one.label!r}"
            )
            yield Problem(where, what, "the chat changed the label `h`, or it was imported before")
    for found in unusable:
        what = f"no card can be made of {found[:80]}"
        yield Problem(where, what, "ask the chat for question and answer")
