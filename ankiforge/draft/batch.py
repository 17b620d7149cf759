"""Batch files: requests as JSON Lines, which services answer within a day at half the price.

The format is that of OpenAI, which `vllm run-batch` also reads. Importing results only fills the
cache of replies, from which the next `draft` uses them. Private highlights are left out here, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ankiforge.draft import Replies
from ankiforge.draft.asker import Asker, UncachedError
from ankiforge.draft.cache import Answer, RequestForm
from ankiforge.draft.client import ServerSettings, message_of
from ankiforge.draft.llm import Conversation, Repair, drafted
from ankiforge.draft.probe import Prober, Probing, later
from ankiforge.draft.prompt import Body, Prompt, Wording, canonical, chunks, request_hash
from ankiforge.draft.reply import completion, objects
from ankiforge.model import Draft, Drafted, Problem, Task

MOST_LINES, MOST_BYTES = 50_000, 190_000_000
"""The limits of one file, slightly below those of batch services."""
LONGEST_LINE = 8_000_000
"""The maximum length of a line, in characters."""
Blocked = Iterable[tuple[Task, tuple[Draft, ...]]]
"""Tasks of one highlight each, with drafts of earlier rounds to repair or probe."""
_THINKING = re.compile(r"(?:^|/)(?:gpt-5|o\d)")

# --- out ------------------------------------------------------------------------------------


class _Outbox(Asker):
    """Collects the requests that would be sent next, and sends nothing."""

    def __init__(self, settings: ServerSettings, prompt: Wording, replies: Replies) -> None:
        super().__init__(settings, prompt, replies, sending=False)
        self.requests: list[Body] = []
        if self.form == RequestForm() and _THINKING.search(settings.model.casefold()):
            # thinking models refuse a temperature, and a batch cannot be asked again without it
            self.form = RequestForm(dropped=frozenset({"temperature"}))

    def ask(self, question: Body, count: int, prompt: Prompt) -> Answer:
        self.requests.append(self.form.apply(question, self.settings))
        raise UncachedError("the file asks for it")


def export_jsonl(
    tasks: Iterable[Task],
    settings: ServerSettings,
    prompt: Wording,
    replies: Replies,
    *,
    repair: Repair | None = None,
    blocked: Blocked = (),
) -> Iterator[str]:
    """Yield one line for each request that has no reply yet.

    `custom_id` is "ak-" and the request's hash, by which the answer is recognised. Requests that
    follow from cached replies are included: about highlights they omit, and for the repair of
    drafts that `repair` blocks, including the given `blocked` ones.
    """
    outbox = _Outbox(settings, prompt, replies)
    conversation = Conversation(outbox, repair)

    for task in tasks:
        for chunk, _ in chunks(task, settings.batch, conversation.is_cached):
            for _ in conversation.draft(chunk):
                yield from _lines(outbox)
    for task, drafts in blocked:
        for chunk, _ in chunks(task, 1):
            conversation.repair(chunk, drafts)
            yield from _lines(outbox)


def probe_lines(waiting: Blocked, probing: Probing, replies: Replies) -> Iterator[str]:
    """Yield a line for each request that probes drafts of earlier rounds."""
    outbox = _Outbox(probing.settings, probing.ask, replies)
    prober = Prober(outbox, probing)
    for task, drafts in waiting:
        if chunk := later(task, drafts):
            with suppress(UncachedError):
                prober.probe(chunk, drafts)
            yield from _lines(outbox)


def _lines(outbox: _Outbox) -> Iterator[str]:
    while outbox.requests:
        request = outbox.requests.pop(0)
        name = f"ak-{request_hash(request)}"
        line = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions"}
        yield canonical({**line, "body": request})


def repaired(
    blocked: Blocked, settings: ServerSettings, prompt: Wording, replies: Replies, repair: Repair
) -> Iterator[Drafted]:
    """Yield the results for drafts of earlier rounds whose repair has been answered."""
    outbox = _Outbox(settings, prompt, replies)
    conversation = Conversation(outbox, repair)
    for task, drafts in blocked:
        for chunk, _ in chunks(task, 1):
            outcome = conversation.repair(chunk, drafts)
            if not outbox.requests and (outcome.no_card or tuple(outcome.drafts) != drafts):
                yield drafted(task, {chunk.highlights[0].key: outcome})
            outbox.requests.clear()


def request_in(line: str) -> str:
    """Return the hash of the request in a line."""
    return str(json.loads(line)["custom_id"]).removeprefix("ak-")


def parts(lines: Iterable[str]) -> Iterator[list[str]]:
    """Group lines into files within the limits of batch services."""
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

_CUSTOM_ID = re.compile(r"ak-([0-9a-f]{64})")
_FOREIGN = "not a line of a batch result for ankiforge: it has no custom_id like ak-…"
_KNOWN = "known"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Imported:
    """The number of replies stored and of those known before, and the problems with the others."""

    replies: int
    problems: tuple[Problem, ...]
    known: int = 0


def import_files(files: Iterable[tuple[str, Iterable[str]]], replies: Replies) -> Imported:
    """Store the replies of a batch, in any order, and report failed lines.

    A failed request is not reported if another line, or an earlier import, answers it.
    """
    new, known = set[str](), set[str]()
    failed: list[tuple[str, Problem]] = []
    for where, lines in files:
        for number, line in enumerate(lines, start=1):
            if not line.lstrip("\ufeff").strip():
                continue
            name, what = _import_line(line, replies)
            if what == _KNOWN:
                known.add(name)
            elif what:
                hint = "the next `draft` asks for it" if name else "is it from another program?"
                failed.append((name, Problem(f"{where}:{number}", what, hint)))
            else:
                new.add(name)
    alike: dict[str, list[Problem]] = {}
    for name, problem in failed:
        if not (name and is_answered(replies.get(name))):
            alike.setdefault(problem.what, []).append(problem)
    problems: list[Problem] = []
    for same in alike.values():
        if len(same) > _SHOWN:  # report only the first of many equal problems, and their number
            first, count = same[0], len(same) - 1
            what = f"{first.what} (and {count} more lines)"
            same = [Problem(first.where, what, first.hint)]
        problems += same
    return Imported(len(new), tuple(problems), len(known - new))


def _import_line(line: str, replies: Replies) -> tuple[str, str]:
    """Store the reply in a line; return its request and the fault, "" if none."""
    try:
        found = json.loads(line.lstrip("\ufeff")) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        found = None
    found = found if isinstance(found, dict) else {}
    name = _CUSTOM_ID.fullmatch(str(found.get("custom_id", "")))
    if name is None:
        return "", _FOREIGN
    response: Any = found.get("response")
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
        prompt="",
        tokens_in=read.tokens_in,
        tokens_out=read.tokens_out,
    )
    return name[1], ""


def is_answered(raw: str | None) -> bool:
    """Return whether a cached reply contains cards; others may be replaced."""
    read = completion(raw) if raw else None
    return read is not None and bool(objects(read.content))
