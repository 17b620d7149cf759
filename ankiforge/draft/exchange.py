"""The same requests as files: OpenAI Batch lines, and (in `chat`) texts to paste into any chat.

Batch results only fill the memory of replies; the next `draft` finds them there. A chat's
answer is read directly. What stays on this machine does so here, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ankiforge.draft import Replies
from ankiforge.draft.chat import (
    CHAT,
    asked_in,
    chat_label,
    chat_request,
    export_chat,
    export_chats,
    import_chat,
    unread,
)
from ankiforge.draft.desk.asking import Answer, Desk, UnknownError
from ankiforge.draft.desk.faults import message_of
from ankiforge.draft.desk.ladder import Form, remembered_form, shaped
from ankiforge.draft.desk.server import Server
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.dialogue import Dialogue, Repair, drafted
from ankiforge.draft.wording.decode import objects
from ankiforge.draft.wording.prompt import Wording
from ankiforge.draft.wording.reply import completion
from ankiforge.draft.wording.requests import (
    Body,
    Chunk,
    Message,
    body,
    canonical,
    chunks,
    request_hash,
)
from ankiforge.model import Draft, Drafted, Problem, Task

__all__ = [
    "CHAT",
    "Imported",
    "asked_in",
    "chat_label",
    "chat_request",
    "export_chat",
    "export_chats",
    "export_jsonl",
    "import_chat",
    "import_files",
    "import_jsonl",
    "is_answered",
    "mended",
    "parts",
    "request_in",
    "unread",
]

# --- out ------------------------------------------------------------------------------------

MOST_LINES, MOST_BYTES = 50_000, 190_000_000
"""What a batch service takes in one file, with some room."""


class _Outbox(Desk):
    """Sends nothing: what would be asked next is put into a file."""

    def __init__(self, settings: ServerSettings, prompt: Wording, replies: Replies) -> None:
        super().__init__(settings, prompt, replies, Server(settings), sending=False)
        self.requests: list[Body] = []
        self._form = _batch_form(settings, replies)

    def _sent(self, chunk: Chunk, further: tuple[Message, ...]) -> Answer:
        question = body(chunk, self.settings, self.prompt, further=further)
        self.requests.append(shaped(question, self._form, self.settings))
        raise UnknownError("it is asked in the file")


_THINKING = re.compile(r"(?:^|/)(?:gpt-5|o\d)")


def _batch_form(settings: ServerSettings, replies: Replies) -> Form:
    """How a batch is asked: as the server is known to take it.

    Thinking models take no temperature, and nobody is there to ask them again without it.
    """
    known = remembered_form(settings, replies)
    if known == Form() and _THINKING.search(settings.model.casefold()):
        return Form(dropped=frozenset({"temperature"}))
    return known


def export_jsonl(
    tasks: Iterable[Task],
    settings: ServerSettings,
    prompt: Wording,
    replies: Replies,
    *,
    repair: Repair | None = None,
    blocked: Iterable[tuple[Task, tuple[Draft, ...]]] = (),
) -> Iterator[str]:
    """One line a request that is not answered yet, to upload or to give to `vllm run-batch`.

    `custom_id` is "ak-" and the request's hash, by which the answer finds its place again. What
    known replies lead to is asked, too: what they leave out, and the repair of what `repair`
    finds wrong with them; `blocked` are tasks of one highlight with its drafts of earlier rounds.
    """
    outbox = _Outbox(settings, prompt, replies)
    dialogue = Dialogue(outbox, repair)

    for task in tasks:
        for chunk in chunks(task, settings.batch, dialogue.answered):
            dialogue.about(chunk)
            yield from _lines(outbox)
    for chunk, drafts in _alone(blocked):
        dialogue.mend(chunk, drafts)
        yield from _lines(outbox)


def mended(
    blocked: Iterable[tuple[Task, tuple[Draft, ...]]],
    settings: ServerSettings,
    prompt: Wording,
    replies: Replies,
    repair: Repair,
) -> Iterator[Drafted]:
    """What becomes of drafts of earlier rounds whose repair is answered by now."""
    outbox = _Outbox(settings, prompt, replies)
    dialogue = Dialogue(outbox, repair)
    for chunk, drafts in _alone(blocked):
        outcome = dialogue.mend(chunk, drafts)
        if not outbox.requests and (outcome.no_cards or outcome.drafts != drafts):
            yield drafted(chunk.task, outcome)
        outbox.requests.clear()


def _alone(
    blocked: Iterable[tuple[Task, tuple[Draft, ...]]],
) -> Iterator[tuple[Chunk, tuple[Draft, ...]]]:
    """What may be sent of tasks of one highlight, with its drafts."""
    for task, drafts in blocked:
        for chunk in chunks(task, 1):
            yield chunk, drafts


def _lines(outbox: _Outbox) -> Iterator[str]:
    while outbox.requests:
        request = outbox.requests.pop(0)
        yield canonical(
            {
                "custom_id": f"ak-{request_hash(request)}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": request,
            }
        )


def request_in(line: str) -> str:
    """The hash of the request that a line of ours holds."""
    return str(json.loads(line)["custom_id"]).removeprefix("ak-")


def parts(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of each file: no more than a service takes in one."""
    part: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode("utf-8", "replace")) + 1
        if part and (len(part) >= MOST_LINES or size + length > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


# --- back -----------------------------------------------------------------------------------

LONGEST_LINE = 8_000_000
"""Characters of a line that is read."""
_CUSTOM_ID = re.compile(r"ak-([0-9a-f]{64})")
_FOREIGN = "no line of a batch result of ours: it has no custom_id like ak-…"


@dataclass(frozen=True, slots=True)
class Imported:
    """How many replies were remembered, how many were known, what was wrong with the others."""

    replies: int
    problems: tuple[Problem, ...]
    known: int = 0


def import_jsonl(
    lines: Iterable[str], replies: Replies, *, where: str = "batch", prompt: str = ""
) -> Imported:
    """Remember the replies of one file of a batch."""
    return import_files([(where, lines)], replies, prompt=prompt)


def import_files(
    files: Iterable[tuple[str, Iterable[str]]], replies: Replies, *, prompt: str = ""
) -> Imported:
    """Remember the replies of a batch, in any order; what failed is named by its line.

    A request that failed in one line and was answered in another, or before, is answered.
    """
    new, known = set[str](), set[str]()
    failed: list[tuple[str, Problem]] = []
    for where, lines in files:
        for number, line in enumerate(lines, start=1):
            if not line.lstrip("\ufeff").strip():
                continue
            name, what = _import_line(line, replies, prompt)
            if what == _KNOWN:
                known.add(name)
            elif what:
                hint = "it is asked by the next `draft`" if name else "is it another program's?"
                failed.append((name, Problem(f"{where}:{number}", what, hint)))
            else:
                new.add(name)
    left = [fault for name, fault in failed if not (name and is_answered(replies.get(name)))]
    return Imported(len(new), tuple(_few(left)), len(known - new))


_KNOWN = "known"
_SHOWN = 5


def _few(problems: list[Problem]) -> Iterator[Problem]:
    """The problems; of more than a handful that say the same, the first and their number."""
    alike: dict[str, list[Problem]] = {}
    for problem in problems:
        alike.setdefault(problem.what, []).append(problem)
    for same in alike.values():
        if len(same) <= _SHOWN:
            yield from same
            continue
        first = same[0]
        yield Problem(first.where, f"{first.what} (and {len(same) - 1} more lines)", first.hint)


def _import_line(line: str, replies: Replies, prompt: str) -> tuple[str, str]:
    """Remember one line's reply: (its request, what is wrong with it, or "")."""
    found = _object(line)
    name = _CUSTOM_ID.fullmatch(str(found.get("custom_id", "")))
    if name is None:
        return "", _FOREIGN
    response = found.get("response")
    answer = response if isinstance(response, dict) else {}
    raw = json.dumps(answer.get("body"), ensure_ascii=False)
    read = completion(raw) if answer.get("status_code", 200) == 200 else None
    if read is None:
        fault = found.get("error") or answer.get("body") or "no reply"
        return name[1], f"the request failed: {message_of(json.dumps(fault))}"
    if is_answered(replies.get(name[1])):
        return name[1], _KNOWN
    replies.put(
        name[1],
        raw,
        model=read.model,
        prompt=prompt,
        tokens_in=read.tokens_in,
        tokens_out=read.tokens_out,
    )
    return name[1], ""


def is_answered(raw: str | None) -> bool:
    """Whether a remembered reply holds cards; one that cannot be read may be had again."""
    read = completion(raw) if raw else None
    return read is not None and bool(objects(read.content))


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line.lstrip("\ufeff")) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
