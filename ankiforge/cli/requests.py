"""Requests to a model as files, and answers from files, for a chat or a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ankiforge import app
from ankiforge.check import same_answer
from ankiforge.cli.run import follow, job_for, model_for, say_what_waits
from ankiforge.cli.session import Session
from ankiforge.draft import batch, chat, private, probe, withheld
from ankiforge.errors import ForgeError, UsageError
from ankiforge.ledger.requests import ReplacementRequest
from ankiforge.model import Candidate, Card, Drafted, Drafter, Guid, Highlight, RunId, Task
from ankiforge.pipeline import (
    DraftRecorder,
    Job,
    Progress,
    draft_again,
    draft_pending,
    record_probes,
    replacement_tasks,
    unprobed,
    unrepaired,
    unwritten,
)
from ankiforge.reports.summary import Tally
from ankiforge.review.history import remarks_for, replaceable
from ankiforge.text.display import counted

# --- files ----------------------------------------------------------------------------------


def is_chat(file: Path) -> bool:
    """Return whether a file is for a chat (.md), not a batch (.jsonl).

    Raises:
        UsageError: the file has another extension.
    """
    if file.suffix not in (".md", ".jsonl"):
        raise UsageError(f"{file}: .md is for a chat, .jsonl for a batch")
    return file.suffix == ".md"


def chat_settings(now: Session) -> tuple[int, tuple[str, ...]]:
    """Return the number of candidates and the tags that a chat is asked for."""
    config = now.workspace.config
    return config.llm.candidates or app.candidate_count(config), config.llm.tags


def chat_texts(now: Session, tasks: list[Task]) -> tuple[list[str], int]:
    """Return the texts to paste into a chat, and the number of highlights in them."""
    prompts = app.load_prompts(now.workspace, chat=True)
    return chat.export_chats(tasks, prompts, *chat_settings(now)), chat.asked_in(tasks, prompts)


def batch_lines(now: Session, tasks: Iterable[Task], blocked: Iterable[Any] = ()) -> Iterator[str]:
    """Yield requests as lines of a batch; `blocked` are drafts to repair."""
    return batch.export_jsonl(
        tasks, app.server_settings(now.workspace), app.load_prompts(now.workspace),
        now.ledger.replies, repair=app.repair_hints(now.workspace.config), blocked=blocked,
    )  # fmt: skip


def batch_texts(lines: Iterable[str]) -> tuple[list[str], int]:
    """Join lines to the texts of files; return them with the number of requests."""
    files = list(batch.parts(lines))
    return ["".join(f"{line}\n" for line in part) for part in files], sum(map(len, files))


def write_files(file: Path, texts: list[str]) -> list[Path]:
    """Write texts to FILE, FILE-2 and so on."""
    files = [file, *(file.with_stem(f"{file.stem}-{n}") for n in range(2, len(texts) + 1))]
    for path, text in zip(files, texts, strict=True):
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return files


def probe_texts(now: Session, *, to_chat: bool) -> tuple[list[str], int]:
    """Return texts that ask a chat or a batch to probe answers, and the number of cards in them."""
    settings = app.server_settings(now.workspace)
    probing = app.probing(now.workspace, settings)
    waiting = list(_waiting(now)) if probing else []
    if not probing or not waiting:
        return [], 0
    if to_chat:
        asked = [
            (label, one, draft)
            for label, (_, one, candidate) in waiting
            for draft in (candidate.draft,)
        ]
        return [probe.chat_text(asked, probing.ask)], len(asked)
    pairs = [(task, tuple(one.draft for one in drafts)) for _, task, drafts in unprobed(now.ledger)]
    return batch_texts(batch.probe_lines(pairs, probing, now.ledger.replies))


def _waiting(now: Session) -> Iterator[tuple[str, tuple[Card, Highlight, Candidate]]]:
    """Yield drafts that a chat may probe, as (label, (card, the highlight as it may be shown, draft))."""
    for card, task, drafts in unprobed(now.ledger):
        for one in drafts:
            if chunk := probe.later(task, (one.draft,)):
                label = chat.label_for(f"probe {one.id}")
                yield label, (card, chunk.highlights[0], one)


# --- requests -------------------------------------------------------------------------------


def pending_tasks(now: Session, drafter: str, limit: int | None) -> list[Task]:
    """Return the tasks to ask about, with each of equal highlights only once."""
    return list(unwritten(now.ledger, None, drafter, limit, decks=now.decks, once=True))


def why_nothing(now: Session) -> str:
    """Return why there are no tasks to ask about."""
    if now.call.limit == 0:
        return "nothing to ask: --limit 0"
    if next(iter(now.ledger.highlights.all()), None):
        return "nothing is pending"
    has_sources = now.workspace.config.sources or now.workspace.remembered
    return (
        f"nothing was read here yet: {now.call.program} run{'' if has_sources else ' PATH'} reads"
    )


def replacements(now: Session, query: str, remark: str) -> tuple[list[Task], str]:
    """Return the tasks that replace the cards matching a query, and the reason if there are none."""
    cards = replaceable(now.review.matching(query))
    if not cards:
        return [], f"no accepted card matches {query!r}"
    remarks = remarks_for(now.ledger, cards, remark)
    tasks = list(replacement_tasks(now.ledger, remarks, now.decks, now.call.limit))
    barred = {private(one) or withheld(one) for task in tasks for one in task.highlights}
    if "" in barred:
        return tasks, f"it was answered before: {now.call.program} draft --again QUERY --instead"
    why = "; ".join(sorted(barred)) or "its highlight is missing from its source"
    return [], f"nothing can be asked: {why}"


def replacement_lines(now: Session, tasks: list[Task]) -> Iterator[str]:
    """Yield lines of a batch; store the card of each request, because answers do not contain it."""
    for task in tasks:
        lines = list(batch_lines(now, [task]))
        guid = Guid(task.instead)
        requests = map(batch.request_in, lines)
        now.ledger.replacements.add(
            ReplacementRequest(request, guid, task.remark) for request in requests
        )
        yield from lines


# --- answers --------------------------------------------------------------------------------


def import_chat(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Record the cards in a chat's answers; the unchanged answers are cached."""
    job = app.make_job(now.workspace, (), None, accept=accept)
    say_what_waits(now, accept)
    recorder = DraftRecorder(replace(job, drafter_name=chat.CHAT), now.ledger, run)
    prompts = app.load_prompts(now.workspace, chat=True)
    error: ForgeError | None = None
    for file in files:
        text = _text_of(file)
        tasks = list(unwritten(now.ledger, None, chat.CHAT, decks=now.decks, late=True))
        drafted = []
        for answer in chat.import_chat(text, tasks, prompts, *chat_settings(now)):
            # highlights that the answer does not mention stay pending
            spoken = {one.highlight for one in answer.drafts}
            spoken |= {one.highlight for one in answer.no_cards}
            asked = answer.task.highlights
            if kept := tuple(one for one in asked if one.key in spoken and not withheld(one)):
                task = replace(answer.task, highlights=kept)
                drafted.append(replace(answer, task=task, failed=(), problems=()))
        if probed := _record_probes(now, text, job, run):
            now.out.say(f"{counted(probed, 'answer')} to the probe recorded")
        labels = chat.labels_in(text)
        guids = now.ledger.replacements.replaceable() if labels else ()
        remarks = [(guid, "") for guid in guids if chat.label_for(guid) in labels]
        request = chat.chat_request(text)
        if drafted or remarks or probed:
            now.ledger.replies.put(
                request, text, model=chat.CHAT, prompt=prompts.usual.fingerprint,
                tokens_in=0, tokens_out=0,
            )  # fmt: skip
            error = follow(now, tally, recorder.record(drafted, chat.CHAT)) or error
            replaced = _replaced(now, run, remarks, _ChatAnswer(text, now), chat.CHAT)
            error = follow(now, tally, replaced) or error
        elif now.ledger.replies.get(request) is not None:
            now.out.say(f"{file}: nothing new: it was imported before")
        else:
            tally.problems.append(chat.unread(text, file.name))
    return error


def _record_probes(now: Session, text: str, job: Job, run: RunId) -> int:
    """Record the results of a probe in a chat's answer; return the number of drafts."""
    waiting = dict(_waiting(now)) if job.probing else {}
    drafts = {label: one.draft for label, (_, _, one) in waiting.items()}
    answered = probe.chat_answers(text, drafts, same_answer, chat.chat_request(text))
    for label, draft in answered.items():
        card, _, candidate = waiting[label]
        record_probes(job, now.ledger, run, card, [(candidate, draft)])
    return len(answered)


def import_batch(
    now: Session, files: tuple[Path, ...], accept: str, run: RunId, tally: Tally
) -> ForgeError | None:
    """Cache the replies of a batch, and draft from them without sending requests."""

    def lines_of(file: Path) -> Iterator[str]:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            yield from lines

    replies = now.ledger.replies
    found = batch.import_files([(file.name, lines_of(file)) for file in files], replies)
    tally.problems += found.problems
    known = f", {found.known} were known" if found.known else ""
    none = not found.replies and not found.problems
    now.out.say("nothing new" if none else f"{found.replies} replies are stored{known}")
    model = model_for(now, "llm")
    job = job_for(now, (), model, accept)
    cached = model.from_memory() if model else None
    job_cached = replace(job, drafter=cached or job.drafter)
    steps = draft_pending(job_cached, now.ledger, run, only_read=False)
    error = follow(now, tally, steps, cached, job_cached)
    repaired = batch.repaired(
        unrepaired(now.ledger, job.drafter_name, job.decks),
        app.server_settings(now.workspace),
        app.load_prompts(now.workspace),
        replies,
        app.repair_hints(now.workspace.config),
    )
    error = (
        follow(now, tally, DraftRecorder(job, now.ledger, run).record(repaired, job.drafter_name))
        or error
    )
    if cached is None:
        return error
    return follow(now, tally, _answered(now, run, cached, job), cached, job) or error


def _answered(now: Session, run: RunId, cached: Drafter, job: Job) -> Iterator[Progress]:
    """Record replacements of cards from batch requests that are answered by now."""
    replacements, replies = now.ledger.replacements, now.ledger.replies
    here = [one for one in replacements.open() if batch.is_answered(replies.get(one.request))]
    stand = set(replacements.replaceable())
    remarks = list(dict.fromkeys((one.guid, one.remark) for one in here if one.guid in stand))
    yield from _replaced(now, run, remarks, cached, job.drafter_name)
    replacements.remove(here)


def _replaced(
    now: Session, run: RunId, remarks: list[tuple[Guid, str]], drafter: Drafter, name: str
) -> Iterator[Progress]:
    """Record a drafter's replacements of the given cards."""
    if not remarks:
        return iter(())
    keys = frozenset(now.ledger.cards.get(guid).highlight.key for guid, _ in remarks)
    job = app.make_job(now.workspace, (), None)
    job = replace(job, drafter_name=name, only=keys, instead=tuple(remarks), limit=None)
    return draft_again(job, now.ledger, run, (drafter,))


@dataclass(frozen=True, slots=True)
class _ChatAnswer:
    """A drafter that takes its drafts from a chat's answer."""

    text: str
    now: Session

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        prompts = app.load_prompts(self.now.workspace, chat=True)
        return chat.import_chat(self.text, tasks, prompts, *chat_settings(self.now))


def _text_of(file: Path) -> str:
    data = file.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: cannot be read: {error}", hint="save it as UTF-8") from error
