"""Another card in the place of one that fails, asked for by files: out, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ankiforge import app
from ankiforge.draft import private
from ankiforge.model import Drafted, Drafter, Guid, RunId, Task
from ankiforge.pending import in_place_of
from ankiforge.pipeline import Progress, redraw
from ankiforge.review.history import remarks_for, replaceable

if TYPE_CHECKING:
    from ankiforge.cli.session import Session

Pairs = Sequence[tuple[Guid, str]]
"""Cards that fail, each with what is told of it."""


# --- out ------------------------------------------------------------------------------------


def tasks_for(now: Session, query: str, remark: str) -> tuple[list[Task], str]:
    """What is to be asked of the accepted cards that a query means; else why it is nothing."""
    from ankiforge.draft.wording.requests import withheld

    cards = replaceable(now.desk.matching(query))
    if not cards:
        return [], f"no accepted card matches {query!r}"
    pairs = remarks_for(now.ledger, cards, remark)
    tasks = list(in_place_of(now.ledger, pairs, now.decks, now.call.limit))
    told = {private(one) or withheld(one) for task in tasks for one in task.highlights}
    if "" not in told:
        why = "; ".join(sorted(told)) or "its passage is not there now"
        return [], f"nothing can be asked: {why}"
    return tasks, f"it was answered before: {now.call.program} draft --again QUERY --instead"


def lines_for(now: Session, tasks: list[Task]) -> Iterator[str]:
    """The lines of a batch; what each is about is remembered, for no answer says so."""
    from ankiforge.draft import exchange
    from ankiforge.ledger.requests import Errand

    settings, prompts = app.server_settings(now.workspace), app.load_prompts(now.workspace)
    repair = app.repair_hints(app.check_limits(now.workspace.config))
    for task in tasks:
        found = exchange.export_jsonl([task], settings, prompts, now.ledger.replies, repair=repair)
        lines = list(found)
        asked = (exchange.request_in(line) for line in lines)
        guid = Guid(task.instead)
        now.ledger.errands.give(Errand(request, guid, task.remark) for request in asked)
        yield from lines


# --- back -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _FromChat:
    """Draws what an answer says."""

    text: str
    now: Session

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        from ankiforge.draft import chat

        config = self.now.workspace.config
        candidates = config.llm.candidates or app.candidate_count(config)
        prompts = app.load_prompts(self.now.workspace, chat=True)
        return chat.import_chat(self.text, tasks, prompts, candidates, config.llm.tags)


def named_in(now: Session, text: str) -> Pairs:
    """The cards in whose place an answer has others: it bears their labels."""
    from ankiforge.draft import chat

    labels = chat.labels_in(text)
    guids = now.ledger.errands.replaceable() if labels else ()
    return [(guid, "") for guid in guids if chat.label_for(guid) in labels]


def from_chat(now: Session, run: RunId, text: str, pairs: Pairs) -> Iterator[Progress]:
    """Record what an answer has for these cards."""
    from ankiforge.draft import chat

    return _drawn(now, run, pairs, _FromChat(text, now), chat.CHAT)


def from_batch(now: Session, run: RunId, memory: Any, name: str) -> Iterator[Progress]:
    """Record what answers have come by now, of requests that were written for cards that fail."""
    from ankiforge.draft.exchange import is_answered

    errands, replies = now.ledger.errands, now.ledger.replies
    here = [one for one in errands.open() if is_answered(replies.get(one.request))]
    stand = set(errands.replaceable())
    pairs = list(dict.fromkeys((one.guid, one.remark) for one in here if one.guid in stand))
    yield from _drawn(now, run, pairs, memory, name)
    errands.close(here)


def _drawn(
    now: Session, run: RunId, pairs: Pairs, drafter: Drafter, name: str
) -> Iterator[Progress]:
    if not pairs:
        return iter(())
    keys = frozenset(now.ledger.cards.get(guid).highlight.key for guid, _ in pairs)
    job = app.make_job(now.workspace, (), None)
    job = replace(job, drafter_name=name, only=keys, instead=tuple(pairs), limit=None)
    return redraw(job, now.ledger, run, (drafter,))
