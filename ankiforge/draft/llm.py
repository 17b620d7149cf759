"""The drafter that asks a language model through any OpenAI-compatible server.

The highlights of a document are sent in chunks, several requests at a time. A highlight that a reply
leaves out is asked about alone, and a chunk that is too long is halved. A card that a check blocks goes
back to the model once, with the reason. A highlight whose replies stay unreadable gets no card until a
person asks again. With `verify`, the model compares the cards with their passages in a second look.
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from ankiforge.draft import Replies
from ankiforge.draft.client import Answer, Client, TooLongError
from ankiforge.draft.prompt import (
    CARDS,
    Message,
    Prompt,
    barred,
    look_question,
    message,
    question,
    shape_of,
)
from ankiforge.draft.reply import (
    TOO_LARGE,
    Item,
    drafts_of,
    is_empty,
    items,
    verdicts,
    why_none,
)
from ankiforge.draft.sendable import SendableCard, SendableTask, SendableText, ours
from ankiforge.draft.server import BUDGET, BudgetError, ServerSettings, Usage
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.model import (
    Draft,
    Drafted,
    Finding,
    Highlight,
    HighlightKey,
    NoCard,
    Origin,
    Problem,
    Strings,
    Value,
)
from ankiforge.text import counted

Notice = Callable[[str], None]
"""Receives a line about what is about to leave the machine."""
Repair = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text; called from several threads."""
PATIENCE_S = 0.3
"""How long a result waits for the results of earlier highlights."""
GRACE_S = 10.0
"""How long to wait for pending replies when a run ends early."""
UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
OVERSIZE = "the model's answer was too large"
EMPTY = "the model answered with an empty list of cards"
AGAIN = "ankiforge draft --again"

# --- the outcome for each highlight -----------------------------------------------------------


class Outcome(msgspec.Struct):
    """What became of a highlight: drafts, a reason for none, a problem, or the last two of them."""

    drafts: tuple[Draft, ...] = ()
    no_card: NoCard | None = None
    problem: Problem | None = None
    """Why it was not drafted; `where` is a setting that is responsible, "" = the document."""


Outcomes = dict[HighlightKey, Outcome]


def drafted(sent: SendableTask, outcomes: Outcomes) -> Drafted:
    """Return the result of a task, in the order of its highlights, including those never sent."""
    task = sent.task
    drafts, no_cards, failed = list[Draft](), list[NoCard](), list[tuple[HighlightKey, str]]()
    for highlight in task.highlights:
        if highlight.key in sent.withheld:
            no_cards.append(sent.withheld[highlight.key])
        if outcome := outcomes.get(highlight.key):
            drafts += outcome.drafts
            if outcome.no_card:
                no_cards.append(outcome.no_card)
            if outcome.problem and not outcome.problem.once:
                failed.append((highlight.key, outcome.problem.what))
    title = task.document.title or task.document.key
    causes = dict.fromkeys(one.problem for one in outcomes.values() if one.problem)
    problems = tuple(
        one if one.where else replace(one, where=title, what=f"not drafted: {one.what}")
        for one in causes
    )
    return Drafted(task, tuple(drafts), tuple(no_cards), tuple(failed), problems)


def complaint(drafts: Iterable[tuple[Draft, Strings]]) -> str:
    """Return the cards that a check blocks, each with the reasons, for the model."""
    return "\n".join(f"{_card(draft)}: {'; '.join(faults)}" for draft, faults in drafts)


def _card(draft: Draft) -> str:
    return json.dumps({"kind": draft.kind.value, **dict(draft.fields)}, ensure_ascii=False)


# --- the drafter ----------------------------------------------------------------------------


class Estimate(Value):
    """What drafting would send. Tokens are estimated: 4 bytes each, and 80 out for a highlight.

    Reasoning tokens, and cards that are asked about again, are not included.
    """

    highlights: int
    requests: int
    cached: int
    """Highlights whose replies are kept."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        prompt: Prompt,
        *,
        repair: Repair | None = None,
        notice: Notice | None = None,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Nothing is sent yet.

        Args:
            settings: server, model, limits.
            replies: the replies that are kept.
            prompt: the prompt.
            repair: returns what blocks a draft; such a draft goes back to the model once.
            notice: receives "43 highlights, 9,812 characters to HOST" before a document is sent.
            offline: connect only to a server on this machine.
            fresh: ask even if replies are kept, because a person asks again.
        """
        self._settings, self._prompt, self._repair, self._notice = settings, prompt, repair, notice
        self._client = Client(settings, replies, offline=offline, fresh=fresh)

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._client.budget.usage

    def draft(self, tasks: Iterator[SendableTask]) -> Iterator[Drafted]:
        """Yield a result for each request.

        They are in the order of the highlights, so that equal replies give equal cards; but a slow
        reply delays the results after it by no more than `PATIENCE_S`.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        slots = threading.Semaphore(self._settings.threads)
        ahead = []
        for task in tasks:
            known, new = self._chunks(task)
            if rest := _not_sent(task):
                yield rest
            self._announce(new)
            for chunk in (*known, *new):
                ahead.append((chunk, _in_thread(slots, self._outcomes, chunk)))
                while len(ahead) > 2 * self._settings.threads:
                    yield _next(ahead)
        while ahead:
            yield _next(ahead)

    def leave(self) -> None:
        """Send nothing more; a pending reply, which may be paid for, is kept if it arrives soon."""
        self._client.stop(GRACE_S)

    def _chunks(self, task: SendableTask) -> tuple[list[SendableTask], list[SendableTask]]:
        """Return what is asked about together: whose replies are kept, and the rest."""
        if barred(task.task):
            return [], []
        known, rest = list[SendableTask](), list[Highlight]()
        for highlight in task.highlights:
            alone = task.only(highlight)
            if self._client.known(question(alone, self._prompt)):
                known.append(alone)
            else:
                rest.append(highlight)
        size = self._settings.batch
        starts = range(0, len(rest), size)
        return known, [task.only(*rest[start : start + size]) for start in starts]

    def _announce(self, new: list[SendableTask]) -> None:
        if new:
            self._client.prepare()
        if self._notice and new:
            count = sum(len(chunk.highlights) for chunk in new)
            letters = sum(question(chunk, self._prompt).characters for chunk in new)
            told = f"{counted(count, 'highlight')}, {letters:,} characters"
            self._notice(f"{told} to {self._settings.host}")

    def estimate(self, tasks: Iterable[SendableTask]) -> Estimate:
        """Return what drafting these tasks would send; send nothing."""
        settings = self._settings
        parts = [self._chunks(task) for task in tasks]
        new = [chunk for _, some in parts for chunk in some]
        asked = [question(chunk, self._prompt) for chunk in new]
        sent = sum(len(json.dumps([one.messages, one.schema]).encode()) for one in asked)
        highlights = sum(len(chunk.highlights) for chunk in new)
        return Estimate(
            highlights=highlights,
            requests=len(new),
            cached=sum(len(known) for known, _ in parts),
            characters=sum(one.characters for one in asked),
            tokens_in=sent // 4,
            tokens_out=80 * highlights,
            cost_usd=settings.cost(sent // 4, 80 * highlights),
        )

    # --- the conversation about a chunk, in any thread ----------------------------------------

    def _outcomes(self, chunk: SendableTask) -> Outcomes:
        """Return the outcome for every highlight of a chunk.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        outcomes = self._ask(chunk)
        for highlight in chunk.highlights:
            outcome = outcomes[highlight.key]
            if blocked := self._blocked(outcome.drafts, highlight):
                outcomes[highlight.key] = self._repaired(chunk.only(highlight), outcome, blocked)
        return outcomes

    def _ask(self, chunk: SendableTask, *, anew: bool = False) -> Outcomes:
        """Ask about the highlights together, and about those that the reply leaves out alone."""
        try:
            answers = self._client.ask(question(chunk, self._prompt), anew=anew)
            outcomes = {}
            for highlight, answer in zip(chunk.highlights, answers, strict=True):
                if read := [] if _refused(answer) else _items(answer):
                    outcomes[highlight.key] = self._made(chunk, highlight, read, answer)
            for highlight, answer in zip(chunk.highlights, answers, strict=True):
                if highlight.key not in outcomes:
                    alone = chunk.only(highlight)
                    if answer.of > 1:
                        outcomes |= self._ask(alone, anew=True)
                    else:
                        outcomes[highlight.key] = self._unread(alone, answer)
            return outcomes
        except ItemError as error:
            half = len(chunk.highlights) // 2
            if half and isinstance(error, TooLongError):
                first = self._ask(chunk.only(*chunk.highlights[:half]))
                return first | self._ask(chunk.only(*chunk.highlights[half:]))
            where = BUDGET if isinstance(error, BudgetError) else ""
            problem = Problem(where, error.message, error.hint)
            return {one.key: Outcome(problem=problem) for one in chunk.highlights}

    def _made(
        self,
        chunk: SendableTask,
        highlight: Highlight,
        read: list[Item],
        answer: Answer,
        before: str = "",
    ) -> Outcome:
        """Return the drafts in the items about a highlight, else why there are none."""
        shape = shape_of(chunk.task)
        origin = Origin("llm", self._settings.model, self._prompt.fingerprint, answer.request)
        if made := drafts_of(read, highlight, origin, shape):
            return Outcome(made)
        why = before + why_none(read, shape)
        return Outcome(no_card=NoCard(highlight.key, why))

    def _unread(self, chunk: SendableTask, answer: Answer) -> Outcome:
        """Ask again about one highlight whose reply could not be read."""
        [highlight], asked = chunk.highlights, question(chunk, self._prompt)
        if refusal := _refused(answer):
            return Outcome(no_card=NoCard(highlight.key, refusal))
        if is_empty(answer.said.content) and not answer.cut_off:
            return Outcome(no_card=NoCard(highlight.key, EMPTY))
        if not answer.cut_off:
            unread = chunk.text(answer.said.content[:2_000] or "(nothing)")
            wish = ours("That could not be read. Answer with the JSON only.")
            [answer] = self._client.ask(asked.and_then(*_exchange(unread, wish)))
        if read := _items(answer):
            return self._made(chunk, highlight, read, answer)

        # give up for good: it is asked about again only if a person wants it, and reported once
        said = " ".join(answer.said.content.split())[:80]
        what, hint = UNREADABLE, "try another model"
        fault = f"{UNREADABLE}: {repr(said) if said else 'it is empty'}"
        if answer.cut_off:
            what = fault = OVERSIZE if answer.said.finish == TOO_LARGE else CUT_OFF
            hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
        reason = f"{what}; ask again with: {AGAIN} {shlex.quote(highlight.key)}"
        hint = f"{hint}; then {AGAIN} KEY, keys: ankiforge list --no-card"
        problem = None if answer.cached else Problem("", fault, hint, once=True)
        return Outcome(no_card=NoCard(highlight.key, reason), problem=problem)

    def _blocked(
        self, drafts: Sequence[Draft], highlight: Highlight
    ) -> list[tuple[Draft, Strings]]:
        """Return the drafts that a check blocks, with the findings; of candidates, only if all are."""
        blocked = []
        for draft in drafts:
            with suppress(BugError), one_item():  # it fails again where the draft is recorded
                if faults := self._repair(draft, highlight) if self._repair else ():
                    blocked.append((draft, faults))
        is_choice = len(drafts) > 1 and drafts[0].intent == drafts[1].intent
        return [] if is_choice and len(blocked) < len(drafts) else blocked

    def _repaired(
        self, chunk: SendableTask, outcome: Outcome, blocked: list[tuple[Draft, Strings]]
    ) -> Outcome:
        """Send the blocked cards of one highlight back once; what is still blocked is shown so."""
        [highlight], asked = chunk.highlights, question(chunk, self._prompt)
        wish = "Draft better cards for this highlight, from its own words, or answer none."
        said = chunk.text(f'{{"cards": [{", ".join(_card(draft) for draft, _ in blocked)}]}}')
        why = chunk.text(complaint(blocked))  # a finding may repeat the passage's surroundings
        asks = f"These cards cannot be used:\n{why}\n{wish} Answer with the JSON only."
        try:
            exchange = _exchange(said, SendableText(asks))
            [answer] = self._client.ask(asked.and_then(*exchange))
        except ItemError:  # such as an exceeded budget: the drafts stay, blocked
            return outcome
        read = _items(answer)
        if not read:
            return outcome
        faults = "; ".join(dict.fromkeys(fault for _, found in blocked for fault in found))
        before = f"a check blocked the card ({faults[:200]}), and asked again: "
        made = self._made(chunk, highlight, read, answer, before)
        kept = [draft for draft in outcome.drafts if all(draft is not one for one, _ in blocked)]
        return Outcome((*kept, *made.drafts)) if kept else made

    # --- a second look ------------------------------------------------------------------------

    def verify(self, cards: Sequence[SendableCard]) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """Yield the ids of drafts with what the model finds, comparing them with their passages.

        Drafts whose verdict is missing or unreadable are left out, and not asked about again.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        known, new = [], []
        for one in cards:
            answer = self._client.known(look_question([("1", one)]))
            known += [(one, answer)] if answer else []
            new += [] if answer else [one]
        for one, answer in known:
            self._client.budget.count_cached()
            if found := verdicts(answer.said.content).get(str(answer.label)):
                yield one.id, found
        for at in range(0, len(new), CARDS):
            part = new[at : at + CARDS]
            asked = look_question([(str(n), one) for n, one in enumerate(part, 1)])
            self._client.prepare()
            if self._notice:
                told = f"{counted(len(part), 'card')} to compare, {asked.characters:,} characters"
                self._notice(f"{told} to {self._settings.host}")
            try:
                [answer, *_] = self._client.ask(asked, anew=True)
            except ItemError:  # the next run tries it
                continue
            read = verdicts(answer.said.content)
            for label, one in enumerate(part, 1):
                if found := read.get(str(label)):
                    yield one.id, found


def _not_sent(task: SendableTask) -> Drafted | None:
    """Return the result for the highlights of a task that are not sent; None if all are."""
    why = barred(task.task)  # it is not recorded, because it depends on the settings
    left = list[Highlight]()
    outcomes = Outcomes()
    for highlight in task.task.highlights:
        if highlight.key in task.withheld:
            left.append(highlight)
        elif why:
            left.append(highlight)
            outcomes[highlight.key] = Outcome(no_card=NoCard(highlight.key, why, passing=True))
    return drafted(task.only(*left), outcomes) if left else None


def _items(answer: Answer) -> list[Item]:
    """Return the items about the highlight of an answer; none if the last of them may be cut off."""
    read = items(answer.said.content, tuple(map(str, range(1, answer.of + 1))))
    labels = list(dict.fromkeys(one.label for one in read))
    if answer.cut_off and len(labels) > 1 and labels[-1] == str(answer.label):
        return []
    return [one for one in read if one.label == str(answer.label)]


def _refused(answer: Answer) -> str:
    """Return why the model or the server refused to answer; "" if it did not."""
    if answer.said.refusal:
        return f"the model refused: {' '.join(answer.said.refusal.split())[:200]}"
    is_filtered = answer.said.finish == "content_filter"
    return "the server's content filter refused it" if is_filtered else ""


def _exchange(said: SendableText, wish: SendableText) -> tuple[Message, Message]:
    """Return the model's answer, and what is wrong with it."""
    return message("assistant", said), message("user", wish)


# --- several requests at a time ---------------------------------------------------------------


def _next(ahead: list[tuple[SendableTask, Future[Outcomes]]]) -> Drafted:
    """Return the result of the first chunk; if it takes a while, of the first one that is done."""
    while True:
        wait([ahead[0][1]], PATIENCE_S)
        if part := next((one for one in ahead if one[1].done()), None):
            ahead.remove(part)
            return drafted(part[0], part[1].result())


def _in_thread(
    slots: threading.Semaphore, draft: Callable[[SendableTask], Outcomes], chunk: SendableTask
) -> Future[Outcomes]:
    """Draft a chunk in a thread that ends with the program, however long a server takes to answer.

    The interpreter waits for the pools of the standard library when it exits, so Ctrl-C would hang.
    """
    future: Future[Outcomes] = Future()

    def work() -> None:
        try:
            with slots, one_item():
                future.set_result(draft(chunk))
        except BugError as error:
            problem = Problem("", error.message, error.hint)
            future.set_result({one.key: Outcome(problem=problem) for one in chunk.highlights})
        except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
            future.set_exception(error)

    threading.Thread(target=work, name="draft", daemon=True).start()
    return future
