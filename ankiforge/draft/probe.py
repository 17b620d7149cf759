"""The answer probe: a model answers a card's question from the passage, without seeing the back.

A second request for each batch contains the questions with their passages. The answers are compared
with the backs by their words; if that is inconclusive, a short third request decides. The replies are
cached like all others. No request contains more of a passage than the one that drafted its cards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ankiforge.draft.asker import Asker
from ankiforge.draft.client import ServerSettings
from ankiforge.draft.prompt import (
    Body,
    Chunk,
    Format,
    Message,
    Prompt,
    chunks,
    data,
    object_schema,
    passage,
    response_format,
    title_of,
)
from ankiforge.draft.reply import label_of, objects, scrub
from ankiforge.errors import ItemError
from ankiforge.model import Draft, Highlight, Probe, Task
from ankiforge.text.cloze import blanked

SameAnswer = Callable[[str, str, str], bool | None]
"""Returns for (question, answer, other answer) whether the answers are the same; None if unclear."""
OTHERS = 3
"""The maximum number of other answers to a question that are read."""
_LONGEST = 200
"""The number of characters of an answer that are kept."""
_GUESSED = "Which of the things that this passage names is asked for here, and by what condition?"


@dataclass(frozen=True, slots=True)
class Probing:
    """The parameters of answer probes."""

    settings: ServerSettings
    """The settings of the model that answers."""
    ask: Prompt
    compare: Prompt
    same: SameAnswer


class Prober:
    """Probes drafts on the server of the model that drafts."""

    def __init__(self, asker: Asker, probing: Probing) -> None:
        """Send nothing yet. `asker` is that of the model that answers."""
        self.settings = probing.settings
        self._how = probing
        self._asker = asker

    def probe(self, chunk: Chunk, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
        """Return the drafts with the results; drafts without an answer are unchanged.

        Args:
            chunk: the highlights.
            drafts: drafts of these highlights, in their order.

        Raises:
            ServiceError, ItemError, BudgetError, UncachedError: as `Asker.reply`.
        """
        if not drafts:
            return ()
        answer = self._asker.reply(self._question(chunk, drafts), len(drafts), self._how.ask)
        read: dict[str, dict[str, Any]] = {}
        for one in objects(answer.completion.content, _answers):
            read.setdefault(label_of(one.get("h")), one)
        if not read and not answer.cached:
            raise ItemError("the answers to the probe could not be read", hint="accept by hand")
        probes = [
            probe_of(draft, read[label], self._how.same, answer.request) if label in read else None
            for label, draft in enumerated(drafts)
        ]
        doubtful = [
            (label, draft, probe.answer)
            for (label, draft), probe in zip(enumerated(drafts), probes, strict=True)
            if probe and not probe.done
        ]
        same = self._compared(doubtful)
        for at, (label, _) in enumerate(enumerated(drafts)):
            if (probe := probes[at]) and not probe.done:
                known = label in same
                probes[at] = replace(probe, done=True, same=same[label]) if known else None
        return tuple(
            replace(draft, probe=probe) if probe else draft
            for draft, probe in zip(drafts, probes, strict=True)
        )

    def guess(self, chunk: Chunk, candidates: int) -> Body:
        """Return a request that is about as long as the probe of the drafts of a chunk."""
        fronts = dict.fromkeys(chunk.highlights, (_GUESSED,) * candidates)
        return self._body(self._how.ask, _ANSWERS, _questions(fronts), title_of(chunk.task))

    # --- the requests -------------------------------------------------------------------------

    def _question(self, chunk: Chunk, drafts: Sequence[Draft]) -> Body:
        asked: dict[Highlight, tuple[str, ...]] = {}
        for one in chunk.highlights:
            asked[one] = tuple(front_of(draft) for draft in drafts if draft.highlight == one.key)
        return self._body(self._how.ask, _ANSWERS, _questions(asked), title_of(chunk.task))

    def _body(self, prompt: Prompt, schema: dict[str, Any], asked: str, title: str = "") -> Body:
        return {
            "model": self.settings.model,
            "messages": list(_messages(prompt, schema, asked, title)),
            **response_format(Format.JSON_SCHEMA, schema),
            **self.settings.extra_body,
        }

    # --- the answers --------------------------------------------------------------------------

    def _compared(self, doubtful: Sequence[tuple[str, Draft, str]]) -> dict[str, bool]:
        """Return by label whether the model considers an answer and a back to be the same."""
        if not doubtful:
            return {}
        pairs = "\n\n".join(
            f'<pair h="{label}">\n<question>{_data(front_of(draft))}</question>\n'
            f"<one>{_data(draft.answer)}</one>\n<other>{_data(answer)}</other>\n</pair>"
            for label, draft, answer in doubtful
        )
        question = self._body(self._how.compare, _COMPARED, pairs)
        reply = self._asker.reply(question, len(doubtful), self._how.compare)
        said = objects(reply.completion.content, _answers)
        return {
            label_of(one.get("h")): str(one["answer"]).strip().casefold().startswith("same")
            for one in reversed(said)
        }


def probe_of(draft: Draft, said: Mapping[str, Any], same: SameAnswer, request: str) -> Probe:
    """Return the result for a draft; `done` is False if the words are inconclusive."""
    front, answer = front_of(draft), _answer(said.get("answer"))
    if not answer:
        return Probe(answer="", same=False, request=request)
    others: list[str] = []
    agrees = same(front, draft.answer, answer)
    given = said.get("others")
    for one in given[:OTHERS] if isinstance(given, list) else ():
        if not isinstance(one, dict) or not (other := _answer(one.get("answer"))):
            continue
        thing = str(one.get("thing", "")).strip().casefold()
        if same(front, draft.answer, other) is True:  # the back is one of the right answers
            if agrees is not True and not thing.startswith("same"):
                others.insert(0, answer)
            agrees = True
        elif thing.startswith("different") and same(front, answer, other) is not True:
            others.append(other)
    return Probe(agrees is not None, answer, agrees is True, tuple(dict.fromkeys(others)), request)


# --- as text for a chat -----------------------------------------------------------------------


def chat_text(waiting: Iterable[tuple[str, Highlight, Draft]], prompt: Prompt) -> str:
    """Return a text to paste, with the labelled questions of drafts and their passages."""
    asked = "\n\n".join(
        _questions({one: (front_of(draft),)}, label) for label, one, draft in waiting
    )
    messages = _messages(prompt, _ANSWERS, asked, "several")
    end = "Now answer every question, with the JSON only, in one code block."
    return "\n\n".join([*(message["content"] for message in messages), end]) + "\n"


def chat_answers(
    text: str, drafts: Mapping[str, Draft], same: SameAnswer, request: str
) -> dict[str, Draft]:
    """Return the drafts that a chat's answer mentions, by label, with the results.

    Answers whose words are inconclusive count as different.
    """
    found: dict[str, Draft] = {}
    for one in objects(text, _answers):
        if (draft := drafts.get(label := label_of(one.get("h")))) is not None:
            probe = probe_of(draft, one, same, request)
            found.setdefault(label, replace(draft, probe=replace(probe, done=True)))
    return found


# --- the text of the requests -----------------------------------------------------------------


def front_of(draft: Draft) -> str:
    """Return the question of a card."""
    return blanked(draft.field("Text")) or draft.field("Front")


def enumerated(drafts: Iterable[Draft]) -> Iterator[tuple[str, Draft]]:
    """Return (label of its question, draft) for each draft."""
    return ((str(number), draft) for number, draft in enumerate(drafts, start=1))


def later(task: Task, drafts: Sequence[Draft]) -> Chunk | None:
    """Return the highlights of drafts of an earlier run as they may be sent; None if they may not."""
    wanted = {draft.highlight for draft in drafts}
    found = [one for chunk, _ in chunks(task, 1) for one in chunk.highlights if one.key in wanted]
    return Chunk(task, tuple(found)) if {one.key for one in found} == wanted else None


def _messages(
    prompt: Prompt, schema: dict[str, Any], asked: str, title: str
) -> tuple[Message, ...]:
    told = {"schema": json.dumps(schema, ensure_ascii=False), "title": title, "highlights": asked}
    return prompt.messages(told)


def _questions(asked: Mapping[Highlight, Sequence[str]], label: str = "") -> str:
    """Return passages with the questions about them; `label` is that of a single question."""
    parts, number = [], 0
    for count, (highlight, fronts) in enumerate(asked.items(), start=1):
        lines = [passage(f"P{count}", highlight, plain=True)] if fronts else []
        for front in fronts:
            number += 1
            lines.append(f'<question h="{label or number}">{_data(front)}</question>')
        parts += ["\n".join(lines)] if lines else []
    return "\n\n".join(parts)


_QUESTION = re.compile(r"<(?=\s*/?\s*(?:question|pair|one|other)\b)", re.IGNORECASE)


def _data(text: str) -> str:
    return _QUESTION.sub("‹", data(text))


def _answers(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects in a reply that answer a question."""
    if isinstance(value, dict) and "h" in value and "answer" in value:
        yield value
    elif depth < _DEEPEST and isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _answers(part, depth + 1)


_DEEPEST = 4
_NONE = frozenset(("", "none", "no answer", "n/a", "not answered", "not stated"))


def _answer(said: object) -> str:
    """Return an answer on one line; "" if it says that there is none."""
    words = " ".join(scrub(str(said if isinstance(said, str | int | float) else "")).split())
    return "" if words.strip(" .\"'“”").casefold() in _NONE else words[:_LONGEST]


# --- the shape of the replies -----------------------------------------------------------------

_TEXT = {"type": "string"}
_OTHER = object_schema(
    {"answer": _TEXT, "thing": {"type": "string", "enum": ["same", "different"]}}
)
_ANSWERS = object_schema(
    {
        "cards": {
            "type": "array",
            "items": object_schema(
                {"h": _TEXT, "answer": _TEXT, "others": {"type": "array", "items": _OTHER}}
            ),
        }
    }
)
_COMPARED = object_schema(
    {
        "cards": {
            "type": "array",
            "items": object_schema(
                {"h": _TEXT, "answer": {"type": "string", "enum": ["same", "different"]}}
            ),
        }
    }
)
