"""The same requests as text for a chat: one block to paste, and whatever comes back.

Each highlight bears a label that no re-run changes, so that an answer finds its place however
late it comes. JSON is asked for; a table, or lines of `Q:` and `A:` below a label, are read too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from ankiforge.draft.dialogue import Failure, Outcome, drafted, joined
from ankiforge.draft.wording.decode import objects
from ankiforge.draft.wording.drawing import drawn, numbered, unwanted
from ankiforge.draft.wording.prompt import Wording
from ankiforge.draft.wording.reply import Item, label_of, reasons, usable
from ankiforge.draft.wording.requests import (
    Shape,
    barred,
    chunks,
    passage,
    remark_of,
    rules_of,
    shape_of,
    title_of,
    wish_of,
)
from ankiforge.model import Drafted, Highlight, NoCard, Origin, Problem, Task, h16

CHAT = "chat"
"""Stands for the model, whose name nobody knows."""
MOST = 100
"""Highlights that one answer of a chat can hold, a card each."""
LARGEST = 150_000
"""Characters of one text."""


# --- out ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Part:
    """What goes into one text: highlights that are asked about in the same words."""

    tasks: list[Task] = field(default_factory=list)
    highlights: int = 0
    characters: int = 0


def export_chat(
    tasks: Iterable[Task], prompt: Wording, candidates: int = 1, tags: tuple[str, ...] = ()
) -> str:
    """All that can be asked, as one text however long; "" if there is nothing."""
    return "\n\n".join(export_chats(tasks, prompt, candidates, tags, most=10**9))


def export_chats(
    tasks: Iterable[Task],
    prompt: Wording,
    candidates: int = 1,
    tags: tuple[str, ...] = (),
    most: int = 0,
) -> list[str]:
    """Texts to paste, each into a chat of its own, of at most so many highlights.

    `most` 0 = as many as an answer can hold.
    """
    limit = most or MOST * 2 // (1 + candidates)
    asked = [replace(task, highlights=sent) for task in tasks if (sent := _sent(task, prompt))]

    def words(task: Task) -> tuple[str, Shape]:
        used = prompt.of(task)
        return used.fingerprint, shape_of(task, used, candidates, tags)

    asked.sort(key=lambda task: repr(words(task)))  # stable: the order of reading within
    return [
        _text(part, prompt, words(part.tasks[0])[1])
        for _, group in groupby(asked, words)
        for part in _cut(group, limit, LARGEST if not most else 10**9)
    ]


def _cut(tasks: Iterable[Task], most: int, largest: int) -> Iterator[_Part]:
    part = _Part()
    for task in tasks:
        for one in task.highlights:
            length = len(passage(_label(task, one), one))
            if part.highlights >= most or (part.tasks and part.characters + length > largest):
                yield part
                part = _Part()
            if part.tasks and _same_head(part.tasks[-1], task):
                last = part.tasks[-1]
                part.tasks[-1] = replace(last, highlights=(*last.highlights, one))
            else:
                part.tasks.append(replace(task, highlights=(one,)))
            part.highlights += 1
            part.characters += length
    if part.tasks:
        yield part


def _same_head(one: Task, other: Task) -> bool:
    return replace(one, highlights=()) == replace(other, highlights=())


def _text(part: _Part, prompt: Wording, shape: Shape) -> str:
    first, alone = part.tasks[0], len(part.tasks) == 1
    values = {
        **rules_of(shape),
        "title": title_of(first) if alone else "several, named with their passages",
        "remark": remark_of(first) if alone else "",
        "highlights": "\n\n".join(_section(task, alone) for task in part.tasks),
    }
    messages = prompt.of(first).messages(values)
    number = "the highlight" if part.highlights == 1 else f"all {part.highlights} highlights"
    end = f"Now answer for {number}, with the JSON only, in one code block."
    return "\n\n".join([*(message["content"] for message in messages), end]) + "\n"


def _section(task: Task, alone: bool) -> str:
    head = "" if alone else f"Document: {title_of(task)}\n{remark_of(task)}".strip() + "\n\n"
    wish = wish_of(task)
    return head + "\n\n".join(passage(_label(task, one), one, wish) for one in task.highlights)


def asked_in(tasks: Iterable[Task], prompt: Wording | None = None) -> int:
    """How many highlights a chat is asked about."""
    return sum(len(_sent(task, prompt)) for task in tasks)


def chat_label(highlight: Highlight) -> str:
    """Eight hex digits of its key."""
    return label_for(highlight.key)


def label_for(identity: str) -> str:
    """What stands for a key, or for the guid of a card in whose place another is wanted."""
    return h16(identity)[:8]


def labels_in(text: str) -> frozenset[str]:
    """All that may be labels in an answer."""
    return frozenset(word.lower() for word in _LABEL.findall(text))


def _label(task: Task, highlight: Highlight) -> str:
    return label_for(task.instead) if task.instead else chat_label(highlight)


def _sent(task: Task, prompt: Wording | None) -> tuple[Highlight, ...]:
    if prompt is not None and barred(task, prompt):
        return ()
    return tuple(one for chunk in chunks(task, 100) for one in chunk.highlights)


# --- back -----------------------------------------------------------------------------------


def chat_request(text: str) -> str:
    """The name under which the text of an answer is kept."""
    return f"chat/{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def import_chat(
    text: str,
    tasks: Iterable[Task],
    prompt: Wording,
    candidates: int = 1,
    tags: tuple[str, ...] = (),
) -> Iterator[Drafted]:
    """The cards of a chat's answer: JSON wherever it stands, between fences and prose.

    Highlights that the answer leaves out are failed, and asked again the next time.
    """
    everything = tuple(tasks)
    labelled = {_label(task, one): one for task in everything for one in task.highlights}
    read = answers(text, labelled)
    for task in everything:
        words = prompt.of(task)
        shape = shape_of(task, words, candidates, tags)
        origin = Origin("llm", CHAT, words.fingerprint, chat_request(text))
        outcomes = (
            _from_chat(one, read.get(_label(task, one), []), origin, shape)
            for one in _sent(task, prompt)
        )
        yield drafted(task, joined((*outcomes, _barred(task, prompt))))


def _barred(task: Task, prompt: Wording) -> Outcome:
    if not (reason := barred(task, prompt)):
        return Outcome()
    kept = [one for chunk in chunks(task, 100) for one in chunk.highlights]
    return Outcome(no_cards=tuple(NoCard(one.key, reason, passing=True) for one in kept))


def answers(text: str, marked: dict[str, Highlight]) -> dict[str, list[Item]]:
    """What an answer says of each highlight, by its label: JSON, else tables and `Q:` lines."""
    read: dict[str, list[Item]] = {}
    for item in usable(objects(text), tuple(marked)):
        read.setdefault(item.label, []).append(item)
    left = {label: one for label, one in marked.items() if label not in read}
    for item in usable(_in_words(_without_questions(text), left), tuple(left)):
        read.setdefault(item.label, []).append(item)
    return read


def unread(text: str, where: str) -> Problem:
    """Why an answer speaks of nothing that is pending."""
    if objects(text):
        what = "none of its cards is for a highlight that is pending"
        return Problem(where, what, "it was imported before, or the chat changed the labels `h`")
    what = "no card in it can be read"
    return Problem(where, what, "have the chat answer once more, with the JSON only")


def _from_chat(one: Highlight, read: list[Item], origin: Origin, shape: Shape) -> Outcome:
    if made := numbered(drawn(read, one, origin, shape), shape):
        return Outcome(drafts=made)
    if reason := next(reasons(read), "") or unwanted(read, shape):
        return Outcome(no_cards=(NoCard(one.key, reason),))
    missing = "the pasted answer says nothing about it"
    return Outcome(failures=(Failure(one.key, missing, "export and paste what is left"),))


# --- answers in words -----------------------------------------------------------------------

_ASKED = re.compile(r"<highlight h=.*?</highlight>", re.DOTALL)
_SIDE = re.compile(
    r"^[\s>*_#-]*(?:\d{1,2}[.)]\s*)?[*_]*(?P<side>q|question|front|frage|vorderseite|a|answer|back"
    r"|antwort|rückseite|cloze|text|lückentext|quote|evidence|zitat|none|no card)[*_]*\s*[:：][*_]*\s*"
    r"(?P<words>.*)$",
    re.IGNORECASE,
)
_SIDES = {
    "front": ("q", "question", "front", "frage", "vorderseite"),
    "back": ("a", "answer", "back", "antwort", "rückseite"),
    "text": ("cloze", "text", "lückentext"),
    "quote": ("quote", "evidence", "zitat"),
    "why_none": ("none", "no card"),
}
_SIDE_OF = {word: side for side, words in _SIDES.items() for word in words}
_ROW = re.compile(r"^\s*\|?(.+\|.+?)\|?\s*$")
_GAP = re.compile(r"\{\{c\d+::?")
_LABEL = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])", re.IGNORECASE)


def _without_questions(text: str) -> str:
    """An answer that was pasted below the question, without the passages of that."""
    return _ASKED.sub("", text)


def _in_words(text: str, left: dict[str, Highlight]) -> Iterator[dict[str, Any]]:
    """Cards below the label of their highlight, or in a row beside it.

    Nothing is quoted there: the card rests on the whole passage.
    """
    label, card = "", dict[str, str]()
    for line in (*text.splitlines(), ""):
        named = next((word[0].lower() for word in _LABEL.finditer(line)), "")
        if named:
            yield from _whole(label, card, left)
            label, card = named, dict[str, str]()
            if (row := _ROW.match(line)) and "|" in line:
                yield from _whole(label, _row(row[1], label), left)
                continue
        if not label:
            continue
        side, words = _side(line, named)
        if side and side in card and side != "quote":
            yield from _whole(label, card, left)
            card = {}
        if side:
            card[side] = words
    yield from _whole(label, card, left)


def _side(line: str, named: str) -> tuple[str, str]:
    """Which side of a card a line gives, and its words."""
    after = line[line.lower().index(named) + len(named) :].lstrip(" \t:*_)]`-–—") if named else line
    if found := _SIDE.match(after):
        return _SIDE_OF[found["side"].casefold()], found["words"].strip()
    return ("text", after.strip(" \t>*-")) if _GAP.search(after) else ("", "")


def _row(cells: str, label: str) -> dict[str, str]:
    """The card of a row of a table: the label, then a cloze, or a question and its answer."""
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
    """A card that has all its sides; its evidence is the passage if it names none."""
    if label not in left:
        return
    if card.get("text") or (card.get("front") and card.get("back")):
        yield {"h": label, "quote": left[label].exact, **card}
    elif card.get("why_none"):
        yield {"h": label, "kind": "none", "why_none": card["why_none"]}
