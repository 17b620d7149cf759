"""Requests as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can still be matched.
The text asks for JSON, but tables, and lines of `Q:` and `A:` below a label, are read too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

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
    label_of,
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
    """Return the items in an answer by label: from JSON, else from tables and `Q:` lines."""
    read: dict[str, list[Item]] = {}
    for item in usable(objects(text), tuple(marked)):
        read.setdefault(item.label, []).append(item)
    left = {label: one for label, one in marked.items() if label not in read}
    own_words = _ASKED.sub("", text)  # the answer may quote the pasted text
    for item in usable(_in_words(own_words, left), tuple(left)):
        read.setdefault(item.label, []).append(item)
    return read


def unread(text: str, where: str) -> Problem:
    """Return the problem with an answer that mentions no pending highlight."""
    if objects(text):
        what = "none of its cards is for a highlight that still needs one"
        return Problem(where, what, "it was imported before, or the chat changed the labels `h`")
    what = "it contains no readable card"
    return Problem(where, what, "ask the chat to answer again, with the JSON only")


# --- answers in words -----------------------------------------------------------------------

_ASKED = re.compile(r"<highlight h=.*?</highlight>", re.DOTALL)
_SIDES = {
    "front": "q|question|front|frage|vorderseite",
    "back": "a|answer|back|antwort|rückseite",
    "text": "cloze|text|lückentext",
    "quote": "quote|evidence|zitat",
    "why_none": "none|no card",
}
_SIDE_OF = {word: side for side, words in _SIDES.items() for word in words.split("|")}
_SIDE = re.compile(
    rf"^[\s>*_#-]*(?:\d{{1,2}}[.)]\s*)?[*_]*(?P<side>{'|'.join(_SIDES.values())})[*_]*\s*[:：][*_]*\s*"
    r"(?P<words>.*)$",
    re.IGNORECASE,
)
_ROW = re.compile(r"^\s*\|?(.+\|.+?)\|?\s*$")
_GAP = re.compile(r"\{\{c\d+::?")
_LABEL = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])", re.IGNORECASE)


def _in_words(text: str, left: dict[str, Highlight]) -> Iterator[dict[str, Any]]:
    """Yield cards that follow the label of their highlight on lines of their own or in a table row."""
    label, card = "", dict[str, str]()
    for line in (*text.splitlines(), ""):
        named = next((word[0].lower() for word in _LABEL.finditer(line)), "")
        if named:
            yield from _whole(label, card, left)
            label, card = named, dict[str, str]()
            if (row := _ROW.match(line)) and "|" in line:
                yield from _whole(label, _row(row[1], label), left)
                continue
            line = line[line.lower().index(named) + len(named) :].lstrip(" \t:*_)]`-–—")
        if not label:
            continue
        side, words = "", ""
        if found := _SIDE.match(line):
            side, words = _SIDE_OF[found["side"].casefold()], found["words"].strip()
        elif _GAP.search(line):
            side, words = "text", line.strip(" \t>*-")
        if side and side in card and side != "quote":
            yield from _whole(label, card, left)
            card = {}
        if side:
            card[side] = words
    yield from _whole(label, card, left)


def _row(cells: str, label: str) -> dict[str, str]:
    """Return the card in a table row: a label, then a cloze, or a question and its answer."""
    words = [cell.strip(" \t`*") for cell in re.split(r"(?<!\\)\|", cells)]
    rest = [word for word in words if word and label_of(word) != label]
    rest = [word for word in rest if word.casefold() not in ("basic", "cloze", "two-way")]
    if rest and _GAP.search(rest[0]):
        return {"text": rest[0]}
    if rest and rest[0].casefold() == "none":
        return {"why_none": rest[-1]}
    return {"front": rest[0], "back": rest[1]} if len(rest) >= 2 else {}


def _whole(
    label: str, card: dict[str, str], left: dict[str, Highlight]
) -> Iterator[dict[str, Any]]:
    """Yield a card if it is complete; without a quote, it quotes the whole passage."""
    if label not in left:
        return
    if card.get("text") or (card.get("front") and card.get("back")):
        yield {"h": label, "quote": left[label].exact, **card}
    elif card.get("why_none"):
        yield {"h": label, "kind": "none", "why_none": card["why_none"]}
