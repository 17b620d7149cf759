"""The same requests as files: OpenAI Batch lines, and one text to paste into any chat.

Batch results only fill the memory of replies; the next `draft` finds them there. A chat's
answer is read directly. What stays on this machine does so here, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ankiforge.domain import Drafted, Highlight, NoCard, Origin, Problem, Task, h16
from ankiforge.draft import Replies
from ankiforge.draft.asking import remembered
from ankiforge.draft.decode import objects
from ankiforge.draft.dialogue import Failure, Outcome, drafted, joined
from ankiforge.draft.prompt import Prompt
from ankiforge.draft.reply import Item, completion, drafts, items, reasons
from ankiforge.draft.requests import (
    Chunk,
    body,
    canonical,
    chunks,
    passage,
    remark_of,
    request_hash,
    rules_of,
    title_of,
)
from ankiforge.draft.server import message_of
from ankiforge.draft.settings import ServerSettings

# --- OpenAI Batch files ---------------------------------------------------------------------

LONGEST_LINE = 8_000_000
"""Characters of a line that is read."""
_CUSTOM_ID = re.compile(r"ak-([0-9a-f]{64})")


def export_jsonl(
    tasks: Iterable[Task], settings: ServerSettings, prompt: Prompt, replies: Replies
) -> Iterator[str]:
    """One line a request that is not answered yet, to upload or to give to `vllm run-batch`.

    `custom_id` is "ak-" and the request's hash, by which the answer finds its place again.
    """

    def known(chunk: Chunk) -> bool:
        return remembered(replies, chunk, settings, prompt) is not None

    for task in tasks:
        for chunk in chunks(task, settings.batch, known):
            if not known(chunk):
                request = body(chunk, settings, prompt)
                yield canonical(
                    {
                        "custom_id": f"ak-{request_hash(request)}",
                        "method": "POST",
                        "url": "/v1/chat/completions",
                        "body": request,
                    }
                )


@dataclass(frozen=True, slots=True)
class Imported:
    """How many replies were remembered, and what was wrong with the others."""

    replies: int
    problems: tuple[Problem, ...]


def import_jsonl(
    lines: Iterable[str], replies: Replies, *, where: str = "batch", prompt: str = ""
) -> Imported:
    """Remember the replies of a batch, in any order; what failed is named by its line."""
    kept, problems = 0, []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        what = _import_line(line, replies, prompt)
        if what:
            problems.append(Problem(f"{where}:{number}", what, "it is asked by the next `draft`"))
        else:
            kept += 1
    return Imported(kept, tuple(problems))


def _import_line(line: str, replies: Replies, prompt: str) -> str:
    """Remember one line's reply; what is wrong with it, or ""."""
    found = _object(line)
    name = _CUSTOM_ID.fullmatch(str(found.get("custom_id", "")))
    if name is None:
        return "no line of a batch result of ours: it has no custom_id like ak-…"
    response = found.get("response")
    answer = response if isinstance(response, dict) else {}
    raw = json.dumps(answer.get("body"), ensure_ascii=False)
    read = completion(raw) if answer.get("status_code", 200) == 200 else None
    if read is None:
        fault = found.get("error") or answer.get("body") or "no reply"
        return f"the request failed: {message_of(json.dumps(fault))}"
    replies.put(
        name[1],
        raw,
        model=read.model,
        prompt=prompt,
        tokens_in=read.tokens_in,
        tokens_out=read.tokens_out,
    )
    return ""


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# --- a chat ---------------------------------------------------------------------------------

CHAT = "chat"
"""Stands for the model, whose name nobody knows."""


def export_chat(tasks: Iterable[Task], prompt: Prompt, candidates: int = 1) -> str:
    """One Markdown text for any chat; each highlight bears a label that no re-run changes.

    "" if there is nothing to ask.
    """
    asked = [(task, sent) for task in tasks if (sent := _sent(task))]
    if not asked:
        return ""
    alone = len(asked) == 1
    values = {
        **rules_of(prompt, candidates),
        "title": title_of(asked[0][0]) if alone else "several, named with their passages",
        "remark": remark_of(asked[0][0]) if alone else "",
        "highlights": "\n\n".join(_section(task, sent, alone) for task, sent in asked),
    }
    messages = prompt.messages(values)
    return "\n\n".join(message["content"] for message in messages) + "\n"


def asked_in(tasks: Iterable[Task]) -> int:
    """How many highlights a chat is asked about."""
    return sum(len(_sent(task)) for task in tasks)


def _section(task: Task, sent: tuple[Highlight, ...], alone: bool) -> str:
    head = "" if alone else f"Document: {title_of(task)}\n{remark_of(task)}".strip() + "\n\n"
    return head + "\n\n".join(passage(chat_label(one), one) for one in sent)


def chat_label(highlight: Highlight) -> str:
    """Eight hex digits of its key."""
    return h16(highlight.key)[:8]


def _sent(task: Task) -> tuple[Highlight, ...]:
    return tuple(one for chunk in chunks(task, 100) for one in chunk.highlights)


def import_chat(
    text: str, tasks: Iterable[Task], prompt: Prompt, candidates: int = 1
) -> Iterator[Drafted]:
    """The cards of a chat's answer: JSON wherever it stands, between fences and prose.

    Highlights that the answer leaves out are failed, and asked again the next time.
    """
    everything = tuple(tasks)
    labels = tuple(chat_label(one) for task in everything for one in task.highlights)
    read: dict[str, list[Item]] = {}
    for item in items(text, labels):
        read.setdefault(item.label, []).append(item)
    origin = Origin("llm", CHAT, prompt.fingerprint)
    for task in everything:
        outcomes = (
            _from_chat(one, read.get(chat_label(one), []), origin, candidates)
            for one in _sent(task)
        )
        yield drafted(task, joined(outcomes))


def unread(text: str, where: str) -> Problem:
    """Why an answer speaks of nothing that is pending."""
    if objects(text):
        what = "none of its cards is for a highlight that is pending"
        return Problem(where, what, "it was imported before, or the chat changed the labels `h`")
    what = "no card in it can be read"
    return Problem(where, what, "have the chat answer once more, with the JSON only")


def _from_chat(one: Highlight, read: list[Item], origin: Origin, candidates: int) -> Outcome:
    if made := drafts(read, one, origin, candidates):
        return Outcome(drafts=made)
    for reason in reasons(read):
        return Outcome(no_cards=(NoCard(one.key, reason),))
    missing = "the pasted answer says nothing about it"
    return Outcome(failures=(Failure(one.key, missing, "export and paste what is left"),))
