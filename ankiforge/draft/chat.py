"""Requests as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can still be matched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec.structs import replace

from ankiforge.draft.llm import Failure, Outcome, Outcomes, drafted
from ankiforge.draft.prompt import (
    Prompt,
    Shape,
    Wording,
    barred,
    passage,
    remark_of,
    rules_of,
    sendable,
    shape_of,
    title_of,
    wish_of,
)
from ankiforge.draft.reply import (
    Item,
    drafts_of,
    numbered,
    objects,
    reasons,
    unwanted,
    usable,
)
from ankiforge.model import Drafted, Highlight, NoCard, Origin, Problem, Task, h16

CHAT = "chat"
"""The name of the unknown model."""
MOST = 100
"""The maximum number of highlights, with one card each, that one answer can cover."""
LARGEST = 150_000
"""The maximum number of characters of a text."""


# --- out ------------------------------------------------------------------------------------


def export_chats(
    tasks: Iterable[Task],
    prompt: Wording,
    candidates: int = 1,
    most: int = 0,
) -> list[str]:
    """Return texts to paste, each into its own chat, of at most `most` highlights.

    `most` 0 = as many as an answer can cover.
    """
    limit, largest = most or MOST * 2 // (1 + candidates), 10**9 if most else LARGEST
    asked = [replace(task, highlights=sent) for task in tasks if (sent := _sent(task, prompt))]

    def words(task: Task) -> tuple[str, Shape]:
        used = prompt.of(task)
        return used.fingerprint, shape_of(task, used, candidates)

    # the tasks in one text share the prompt and the shape of the reply
    asked.sort(key=lambda task: repr(words(task)))
    return [
        _text(part, prompt.of(part[0]), shape)
        for (_, shape), group in groupby(asked, words)
        for part in _split(group, limit, largest)
    ]


def _split(tasks: Iterable[Task], most: int, largest: int) -> Iterator[list[Task]]:
    """Group tasks into texts of at most `most` highlights and about `largest` characters."""
    part: list[Task] = []
    count = characters = 0
    for task in tasks:
        for one in task.highlights:
            length = len(passage(_label(task, one), one))
            if count >= most or (part and characters + length > largest):
                yield part
                part, count, characters = [], 0, 0
            if part and replace(part[-1], highlights=()) == replace(task, highlights=()):
                part[-1] = replace(task, highlights=(*part[-1].highlights, one))
            else:
                part.append(replace(task, highlights=(one,)))
            count += 1
            characters += length
    if part:
        yield part


def _text(tasks: list[Task], prompt: Prompt, shape: Shape) -> str:
    alone, sections = len(tasks) == 1, []
    for task in tasks:
        head = "" if alone else f"Document: {title_of(task)}\n{remark_of(task)}".strip() + "\n\n"
        wish = wish_of(task)
        passages = (passage(_label(task, one), one, wish) for one in task.highlights)
        sections.append(head + "\n\n".join(passages))
    values = {
        **rules_of(shape),
        "title": title_of(tasks[0]) if alone else "several, named with their passages",
        "remark": remark_of(tasks[0]) if alone else "",
        "highlights": "\n\n".join(sections),
    }
    count = sum(len(task.highlights) for task in tasks)
    number = "the highlight" if count == 1 else f"all {count} highlights"
    end = f"Now answer for {number}, with the JSON only, in one code block."
    messages = prompt.messages(values)
    return "\n\n".join([*(message["content"] for message in messages), end]) + "\n"


def asked_in(tasks: Iterable[Task], prompt: Wording | None = None) -> int:
    """Count the highlights that the texts contain."""
    return sum(len(_sent(task, prompt)) for task in tasks)


def label_for(identity: str) -> str:
    """Return the label (8 hex digits) of a highlight's key."""
    return h16(identity)[:8]


def _label(task: Task, highlight: Highlight) -> str:
    return label_for(highlight.key)


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
    candidates: int = 1,
) -> Iterator[Drafted]:
    """Yield the results in a chat's answer.

    Highlights that it does not mention count as failed, and are asked about again.
    """
    everything = tuple(tasks)
    labelled = {_label(task, one): one for task in everything for one in task.highlights}
    read = answers(text, labelled)
    for task in everything:
        words = prompt.of(task)
        shape, reason = shape_of(task, words, candidates), barred(task, prompt)
        origin = Origin("llm", CHAT, words.fingerprint, chat_request(text))
        outcomes: Outcomes = {}
        for one in sendable(task):
            found = read.get(_label(task, one), [])
            if reason:
                outcome = Outcome(no_card=NoCard(one.key, reason, passing=True))
            elif made := numbered(drafts_of(found, one, origin, shape), shape):
                outcome = Outcome([*made])
            elif why := next(reasons(found), "") or unwanted(found, shape):
                outcome = Outcome(no_card=NoCard(one.key, why))
            else:
                missing = "the pasted answer says nothing about it"
                outcome = Outcome(failure=Failure(missing, "export and paste what is left"))
            outcomes[one.key] = outcome
        yield drafted(task, outcomes)


def answers(text: str, marked: dict[str, Highlight]) -> dict[str, list[Item]]:
    """Return the items in an answer by label."""
    read: dict[str, list[Item]] = {}
    for item in usable(objects(text), tuple(marked)):
        read.setdefault(item.label, []).append(item)
    return read


def unread(text: str, where: str) -> Problem:
    """Return the problem with an answer that mentions no pending highlight."""
    if objects(text):
        what = "none of its cards is for a highlight that still needs one"
        return Problem(where, what, "it was imported before, or the chat changed the labels `h`")
    what = "it contains no readable card"
    return Problem(where, what, "ask the chat to answer again, with the JSON only")
