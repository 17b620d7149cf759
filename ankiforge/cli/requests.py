"""Requests to a model as files, and answers from files, for a chat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ankiforge import app
from ankiforge.check import same_answer
from ankiforge.cli.run import follow, say_what_waits
from ankiforge.cli.session import Session
from ankiforge.draft import chat, private, probe, withheld
from ankiforge.errors import ForgeError, UsageError
from ankiforge.model import Candidate, Card, Drafted, Drafter, Guid, Highlight, RunId, Task
from ankiforge.pipeline import (
    DraftRecorder,
    Job,
    Progress,
    draft_again,
    record_probes,
    replacement_tasks,
    unprobed,
    unwritten,
)
from ankiforge.reports.summary import Tally
from ankiforge.review.history import remarks_for, replaceable
from ankiforge.text.display import counted

# --- files ----------------------------------------------------------------------------------


def _candidates(now: Session) -> int:
    """Return the number of cards for one fact that a chat is asked for."""
    config = now.workspace.config
    return config.llm.candidates or app.candidate_count(config)


def chat_texts(now: Session, tasks: list[Task]) -> tuple[list[str], int]:
    """Return the texts to paste into a chat, and the number of highlights in them."""
    prompts = app.load_prompts(now.workspace, chat=True)
    return chat.export_chats(tasks, prompts, _candidates(now)), chat.asked_in(tasks, prompts)


def write_files(file: Path, texts: list[str]) -> list[Path]:
    """Write texts to FILE, FILE-2 and so on."""
    files = [file, *(file.with_stem(f"{file.stem}-{n}") for n in range(2, len(texts) + 1))]
    for path, text in zip(files, texts, strict=True):
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return files


def probe_texts(now: Session) -> tuple[list[str], int]:
    """Return texts that ask a chat to probe answers, and the number of cards in them."""
    probing = app.probing(now.workspace, app.server_settings(now.workspace))
    waiting = list(_waiting(now)) if probing else []
    if not probing or not waiting:
        return [], 0
    asked = [(label, one, candidate.draft) for label, (_, one, candidate) in waiting]
    return [probe.chat_text(asked, probing.ask)], len(asked)


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
        for answer in chat.import_chat(text, tasks, prompts, _candidates(now)):
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
        cards = replaceable(now.ledger.cards.all()) if labels else ()
        remarks = [(one.guid, "") for one in cards if chat.label_for(one.guid) in labels]
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
        return chat.import_chat(self.text, tasks, prompts, _candidates(self.now))


def _text_of(file: Path) -> str:
    data = file.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: cannot be read: {error}", hint="save it as UTF-8") from error
