"""Questions from a chat window: the text that asks for them, and what its answer gives.

The page, `draft`, and `draft export` and `import` ask and take answers here.
A chat is offered first where no model is set, until it was used or put away: `offer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import suppress

import msgspec

from ankiforge.config.workspace import WorkspaceFolder, first_time, was_told
from ankiforge.draft import chat
from ankiforge.draft.second_reading import verdicts_in
from ankiforge.errors import OwnFileError
from ankiforge.ledger import desk
from ankiforge.model import (
    Drafted,
    HighlightKey,
    Problem,
    Strings,
    Value,
)
from ankiforge.pipeline import second_reading
from ankiforge.pipeline.draft import for_model, privacy_of, record
from ankiforge.pipeline.models import load_prompt, repair_hints
from ankiforge.pipeline.result import Progress
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import counted

_USED = "chat: used or put away"
_ASKED = "asked.json"
"""The file of a workspace with the highlights of the latest texts."""
_MOST_ASKED = 50
_LARGEST = 1_000_000


def number_offered(workspace: Workspace) -> int:
    """Return how many highlights a chat is to be offered for, at most `MOST`; 0 = none is."""
    if workspace.folder.config.drafter == "llm" or was_told(_USED):
        return 0
    return chat.asked_in(for_model(workspace.job(), workspace.ledger, enough=chat.MOST))


def offer(workspace: Workspace) -> str:
    """Return the sentence that offers a chat; "" if there is no reason to."""
    number = number_offered(workspace)
    if not number:
        return ""
    best = "highlight" if number == 1 else f"best {number} highlights"
    return f"Let your chat write questions for your {best}."


def put_away() -> None:
    """Offer no chat any more."""
    first_time(_USED)


class Asked(Value):
    """Texts to paste, each into a chat of its own."""

    texts: Strings
    """() = there is nothing to ask."""
    keys: tuple[frozenset[HighlightKey], ...]
    """The highlights that each text asks about."""
    left: int
    """How many highlights without a card are asked about in no text."""
    withheld: tuple[tuple[str, int], ...]
    """How many highlights stay on this machine, by reason."""
    problems: tuple[Problem, ...]
    """Met when the sources were read."""

    @property
    def said(self) -> str:
        """How many highlights the first text asks about, and how many are withheld."""
        if not self.texts:
            said = "nothing to ask: every highlight has a card, or may not be sent"
        else:
            said = f"{counted(len(self.keys[0]), 'highlight')} for your chat"
        for reason, number in self.withheld:
            said += f"; {number:,} withheld: {reason}"
        return said


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
    reasons = map(privacy.why, desk.to_draft(ledger, by_model=True, within=job.within))
    return Asked(
        texts=tuple(each.text for each in chats),
        keys=keys,
        left=pending - sum(map(len, keys)),
        withheld=tuple(Counter(filter(None, reasons)).items()),
        problems=tuple(problem for problem in problems if not problem.notice),
    )


def _asked(folder: WorkspaceFolder) -> list[list[HighlightKey]]:
    """Return the highlights of the latest texts, the newest first."""
    file = folder.folder / _ASKED
    with suppress(OSError, OwnFileError, msgspec.DecodeError):
        if file.is_there():
            return msgspec.json.decode(file.read(_LARGEST), type=list[list[HighlightKey]])
    return []


class Taken(Value):
    """The drafts that an answer of a chat gave."""

    drafted: tuple[Drafted, ...]
    unused: tuple[Problem, ...]
    """The cards of no use, each with its highlight and the reason."""
    steps: tuple[Progress, ...]
    asked: int
    """How many highlights it should be about."""
    is_known: bool
    """Whether the same answer was taken before."""

    missing: str = ""
    """What the answer lacks, if it is none; "" if it is one."""
    is_second: bool = False
    """Whether it is that of a second reading."""
    read_again: int = 0
    """How many cards that wait it read a second time."""
    doubted: int = 0
    """Of how many of these it says that their passage says something else."""

    @property
    def unanswered(self) -> int:
        """The number of highlights that the answer leaves out."""
        return max(self.asked - len(self.drafted), 0)

    @property
    def said(self) -> str:
        """The outcome, in a line."""
        if self.missing:
            return self.missing
        if self.read_again:
            doubted = f"{self.doubted:,} doubted" if self.doubted else "none doubted"
            return f"{counted(self.read_again, 'card')} read a second time: {doubted}"
        if self.is_known and not self.drafted:
            return "nothing new: this answer was taken before"
        none = sum(not result.drafts for result in self.drafted)
        said = f"{len(self.drafted) - none:,} of {self.asked:,} got a question"
        if none:
            said += f"; {none:,} not worth one"
        if self.drafted and self.unanswered:
            said += f"; {self.unanswered:,} not answered"
        unused = sum(not each.notice for each in self.unused)
        if unused and not self.is_known:
            said += f"; {counted(unused, 'card')} not used"
        return said


def take(
    workspace: Workspace,
    text: str,
    accept: str = "",
    asked: Collection[HighlightKey] = (),
) -> Taken:
    """Record the cards of an answer beside the drafts that wait, or its doubts about these.

    Args:
        workspace: the workspace.
        text: the answer, as it was pasted.
        accept: the policy of `--accept`; "" = as in the settings.
        asked: the highlights that were asked about; () = those of the latest text with them.
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
            return Taken((), (), (), 0, False, missing, True, read_again, doubted)
        job = workspace.job(accept=accept)
        tasks = list(for_model(job, ledger))
        answer = chat.read_answer(text, tasks, prompt, repair_hints())
        is_known = workspace.replies.get(request) is not None
        if answer.drafted:
            key = prompt.fingerprint
            workspace.replies.put(request, text, model=chat.CHAT, prompt=key)
            steps = tuple(record(job, ledger, [answer.drafted]))
            put_away()
    if not asked and answer.drafted:
        answered = {result.highlight.key for result in answer.drafted}
        texts = _asked(workspace.folder)
        asked = max(texts, key=lambda keys: len(answered.intersection(keys)), default=())
    return Taken(
        drafted=answer.drafted,
        unused=answer.unused,
        steps=steps,
        asked=max(len(asked), len(answer.drafted)),
        is_known=is_known,
        missing="" if answer.drafted or is_known else chat.what_is_missing(text),
    )


def second_text(workspace: Workspace, answer: str) -> str:
    """Return the text that asks a chat to read the cards of its answer again; "" if none waits."""
    ledger = workspace.ledger
    request = chat.chat_request(answer)
    waiting = desk.each_waiting(ledger, "d.drafter = 'llm'")
    drafts = [draft for draft in waiting if draft.origin.request == request]
    return second_reading.text_for_chat(workspace.folder, privacy_of(ledger), drafts)
