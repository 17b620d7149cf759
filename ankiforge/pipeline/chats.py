"""Questions from a chat window: the text that asks for them, and what its answer gives.

The page, `draft`, and `draft export` and `import` ask and take answers here.
A chat is offered first where no model is set, until it was used or put away: `offer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

import msgspec

from ankiforge.config.workspace import WorkspaceFolder, first_time, was_told
from ankiforge.draft import chat
from ankiforge.draft.second_reading import verdicts_in
from ankiforge.errors import OwnFileError
from ankiforge.ledger import offers, recording
from ankiforge.ledger.tables.waiting import all_in_order
from ankiforge.model import HighlightKey
from ankiforge.pipeline import choosing, second_reading
from ankiforge.pipeline.draft import for_model, privacy_of, record
from ankiforge.pipeline.models import load_prompt, repair_hints
from ankiforge.pipeline.result import Asked, Progress, Taken
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import counted

_USED = "chat: used or put away"
_ASKED = "asked.json"
"""The file of a workspace with the highlights of the latest texts."""
_MOST_ASKED = 50
_LARGEST = 1_000_000


def number_offered(workspace: Workspace) -> int:
    """Return the number of highlights to offer a chat for, at most `MOST`; 0 = offer none."""
    if workspace.folder.config.drafter == "llm" or was_told(_USED):
        return 0
    return chat.asked_in(for_model(workspace.job(), workspace.ledger, enough=chat.MOST))


def ask(workspace: Workspace, limit: int = chat.MOST, document: str = "") -> Asked:
    """Return the texts that ask about the best highlights without a card.

    The sources are read first: what is tagged `#no-llm` since the last run stays here, too.

    Args:
        workspace: the workspace.
        limit: the number of highlights.
        document: the key of the only document that they are of; "" = any.
    """
    problems = workspace.read().problems
    job = workspace.job()
    ledger = workspace.ledger
    prompt = load_prompt(workspace.folder)
    pending = chat.asked_in(for_model(job, ledger, document=document))
    best = for_model(job, ledger, limit, document)
    chats = chat.export_chats(best, prompt)
    keys = tuple(frozenset(each.keys) for each in chats)
    # for an answer that comes as a file: which highlights the texts are about
    new = [sorted(each) for each in keys]
    before = [each for each in _asked(workspace.folder) if each not in new]
    with suppress(OSError, OwnFileError):  # then an answer says only what it has
        latest = msgspec.json.encode([*new, *before][:_MOST_ASKED])
        (workspace.folder.folder / _ASKED).write(latest)
    privacy = privacy_of(ledger)
    reasons = map(
        privacy.why, recording.to_draft(ledger, by_model=True, within=job.within)
    )
    withheld = Counter(filter(None, reasons)).items()
    asked = sum(map(len, keys))
    return Asked(
        counted(asked, "highlight"),
        what_is_asked([*map(len, keys)], withheld),
        texts=tuple(each.text for each in chats),
        keys=keys,
        left=pending - asked,
        problems=tuple(problem for problem in problems if not problem.notice),
    )


def what_is_asked(numbers: Sequence[int], withheld: Iterable[tuple[str, int]]) -> str:
    """Return how many highlights the first text asks about, and how many are withheld, and why."""
    said = (
        "nothing to ask: each highlight has a card, was asked about, or may not be sent"
    )
    if numbers:
        said = f"{counted(numbers[0], 'highlight')} for your chat"
    for reason, number in withheld:
        said += f"; {number:,} withheld: {reason}"
    return said


def _asked(folder: WorkspaceFolder) -> list[list[HighlightKey]]:
    """Return the highlights of the latest texts, the newest first."""
    file = folder.folder / _ASKED
    with suppress(OSError, OwnFileError, msgspec.DecodeError):
        if file.is_there():
            return msgspec.json.decode(file.read(_LARGEST), type=list[list[HighlightKey]])
    return []


def take(
    workspace: Workspace,
    text: str,
    accept: str = "",
    asked: Collection[HighlightKey] = (),
    about: choosing.Asking | None = None,
) -> Taken:
    """Record the cards of an answer beside the drafts that wait, or its doubts about these.

    Labels say whether it is about highlights, or about a document that nobody marked.

    Args:
        workspace: the workspace.
        text: the answer, as it was pasted.
        accept: the policy of `--accept`; "" = as in the settings.
        asked: the highlights that were asked about; () = those of the latest text with them.
        about: the document without marks that was asked about; None = none was.
    """
    ledger = workspace.ledger
    prompt = load_prompt(workspace.folder)
    request = chat.chat_request(text)
    steps: tuple[Progress, ...] = ()
    with workspace.locked("drafting"):
        verdicts = verdicts_in(text)
        if verdicts:
            read_again, doubted = second_reading.take(ledger, verdicts)
            missing = "" if read_again else "it judges no card that waits"
            return Taken(
                missing=missing, is_second=True, read_again=read_again, doubted=doubted
            )
        chosen = choosing.take(workspace, text, accept, about)
        if chosen:
            return chosen
        job = workspace.job(accept=accept)
        tasks = list(for_model(job, ledger))
        answer = chat.read_answer(text, tasks, prompt, repair_hints())
        is_known = workspace.replies.get(request) is not None
        if not (answer.drafted or is_known):
            chosen = choosing.take(workspace, text, accept, only_labelled=False)
            if chosen:
                return chosen
        if answer.drafted:
            key = prompt.fingerprint
            workspace.replies.put(request, text, model=chat.CHAT, prompt=key)
            steps = tuple(record(job, ledger, [answer.drafted]))
            first_time(_USED)  # it is offered no more
    if not asked and answer.drafted:
        answered = {result.highlight.key for result in answer.drafted}
        texts = _asked(workspace.folder)
        asked = max(texts, key=lambda keys: len(answered.intersection(keys)), default=())
    pending = {highlight.key for task in tasks for highlight in task.highlights}
    pending -= {result.highlight.key for result in answer.drafted}
    return Taken(
        drafted=answer.drafted,
        unused=answer.unused,
        steps=steps,
        asked=max(len(asked), len(answer.drafted)),
        is_known=is_known,
        unanswered=len(pending.intersection(asked)),
        missing="" if answer.drafted or is_known else chat.what_is_missing(text),
    )


def second_text(workspace: Workspace, answer: str) -> str:
    """Return the text that asks a chat to read the cards of its answer again; "" if none waits."""
    ledger = workspace.ledger
    request = chat.chat_request(answer)
    waiting = offers.each_waiting(ledger, all_in_order(ledger, "llm"))
    drafts = [draft for draft in waiting if draft.origin.request == request]
    return second_reading.text_for_chat(workspace.folder, privacy_of(ledger), drafts)
