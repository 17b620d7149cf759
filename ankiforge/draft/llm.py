"""The drafter that asks a language model through any OpenAI-compatible server.

The highlights of a document are sent in chunks, several requests at a time. A highlight that a reply
leaves out is asked about alone, and a chunk that is too long is halved. If checks block every card of a
fact, the cards go back to the model once, with the findings. A highlight whose replies stay unreadable
gets no card until a person asks again.
"""

from __future__ import annotations

import shlex
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from ankiforge.draft import BEYOND, Replies, asks, private, withheld
from ankiforge.draft.ask import Answer, Asker
from ankiforge.draft.client import TooLongError
from ankiforge.draft.prompt import (
    Chunk,
    Message,
    Shape,
    Wording,
    barred,
    canonical,
    characters,
    sendable,
    shape_of,
)
from ankiforge.draft.reply import (
    Item,
    card_json,
    drafts_of,
    is_empty,
    numbered,
    reasons,
    unwanted,
)
from ankiforge.draft.server import BUDGET, BudgetError, ServerSettings, Usage
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.model import (
    Attempt,
    Draft,
    Drafted,
    Highlight,
    HighlightKey,
    NoCard,
    Origin,
    Problem,
    Task,
)

Notice = Callable[[str], None]
"""Receives a line about what is about to leave the machine."""
Repair = Callable[[Draft, Highlight], tuple[str, ...]]
"""Returns the findings that block a draft, as text; called from several threads."""
PATIENCE_S = 0.3
"""How long a result waits for the results of earlier highlights."""
GRACE_S, PAID_GRACE_S = 3.0, 20.0
"""How long to wait for pending replies when a person stops the run; the second for paid replies."""
UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
EMPTY = "the model answered with an empty list of cards"
AGAIN = "ankiforge draft --again"

# --- the outcome for each highlight -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a highlight was not drafted this time, and what to do."""

    what: str
    hint: str
    where: str = ""
    """The setting that is responsible; "" = only this document is affected."""

    @classmethod
    def of(cls, error: ItemError) -> Failure:
        """Return the failure for an error; exceeding the budget affects all documents."""
        where = BUDGET if isinstance(error, BudgetError) else ""
        return cls(error.message, error.hint, where)


@dataclass(slots=True)
class Outcome:
    """What became of a highlight: it has drafts, a reason for none, or a failure."""

    drafts: list[Draft] = field(default_factory=list)
    no_card: NoCard | None = None
    failure: Failure | None = None
    unread: Failure | None = None
    """With `no_card`: its new reply could not be read, which is reported once."""


Outcomes = dict[HighlightKey, Outcome]


def drafted(task: Task, outcomes: Outcomes) -> Drafted:
    """Return the result of a task, in the order of its highlights, including those never sent."""
    drafts, no_cards, failed = list[Draft](), list[NoCard](), list[tuple[HighlightKey, str]]()
    for one in task.highlights:
        if reason := withheld(one):
            no_cards.append(NoCard(one.key, reason, passing=bool(private(one))))
        if outcome := outcomes.get(one.key):
            drafts += outcome.drafts
            no_cards += [outcome.no_card] if outcome.no_card else []
            failed += [(one.key, outcome.failure.what)] if outcome.failure else []
    found = tuple(problems(task, outcomes.values()))
    return Drafted(task, tuple(drafts), tuple(no_cards), tuple(failed), found)


def problems(task: Task, outcomes: Iterable[Outcome]) -> Iterator[Problem]:
    """Yield one problem for all highlights that failed for the same reason."""
    title = task.document.title or task.document.key
    causes: Counter[tuple[Failure, bool]] = Counter()
    for one in outcomes:
        causes.update([(one.failure, False)] if one.failure else [])
        causes.update([(one.unread, True)] if one.unread else [])
    for (cause, once), count in causes.items():
        if cause.where:
            yield Problem(cause.where, cause.what, cause.hint)
        else:
            passages = "1 highlight" if count == 1 else f"{count} highlights"
            yield Problem(title, f"{passages} not drafted: {cause.what}", cause.hint, once=once)


# --- the conversation about the highlights of a chunk ----------------------------------------------

_Facts = dict[int, list[tuple[Draft, tuple[str, ...]]]]
"""The drafts of a highlight by fact, each with the findings that block it; unblocked ones first."""


class Conversation:
    """Drafts chunks by asking; its methods may be called from any thread."""

    def __init__(self, asker: Asker, repair: Repair | None = None) -> None:
        self._asker, self._repair = asker, repair

    def draft(self, chunk: Chunk) -> Outcomes:
        """Return the outcome for every highlight of a chunk.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        if reason := barred(chunk.task, self._asker.prompt):
            # not recorded, because it depends on the current settings
            keys = [one.key for one in chunk.highlights]
            return {key: Outcome(no_card=NoCard(key, reason, passing=True)) for key in keys}
        outcomes = self._ask(chunk)
        for highlight in chunk.highlights:
            outcome = outcomes[highlight.key]
            facts = self._judged(outcome.drafts, highlight)
            outcome.drafts = _all(facts)
            if wanted := [number for number, fact in facts.items() if fact[0][1]]:
                outcomes[highlight.key] = self._repaired(chunk.only(highlight), facts, wanted)
        return outcomes

    def _ask(self, chunk: Chunk, *, anew: bool = False) -> Outcomes:
        """Ask about the highlights together, and about those that the reply leaves out alone."""
        try:
            answers = self._asker.reply(chunk, anew=anew)
            outcomes: Outcomes = {}
            for highlight in chunk.highlights:
                answer = answers[highlight.key]
                if read := [] if _refused(answer) else answer.items:
                    outcomes[highlight.key] = self._made(chunk, highlight, read, answer)
            self._asker.read(answers[chunk.highlights[0].key], bool(outcomes))
            for highlight in chunk.highlights:
                if highlight.key not in outcomes:
                    alone, answer = chunk.only(highlight), answers[highlight.key]
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
            return {one.key: Outcome(failure=Failure.of(error)) for one in chunk.highlights}

    def _drafts(
        self, chunk: Chunk, highlight: Highlight, read: list[Item], answer: Answer
    ) -> tuple[Draft, ...]:
        prompt = self._asker.prompt.of(chunk.task).fingerprint
        origin = Origin("llm", self._asker.settings.model, prompt, answer.request)
        return drafts_of(read, highlight, origin, self._shape(chunk))

    def _made(
        self, chunk: Chunk, highlight: Highlight, read: list[Item], answer: Answer
    ) -> Outcome:
        """Return the drafts in the items about a highlight, else why there are none."""
        if made := self._drafts(chunk, highlight, read, answer):
            return Outcome([*numbered(made, self._shape(chunk))])
        return self._none(chunk, highlight, read)

    def _shape(self, chunk: Chunk) -> Shape:
        prompt = self._asker.prompt.of(chunk.task)
        return shape_of(chunk.task, prompt, self._asker.settings.candidates)

    def _none(
        self, chunk: Chunk, highlight: Highlight, read: list[Item], before: str = ""
    ) -> Outcome:
        """Return why the items about a highlight make no card; `before` introduces the reason."""
        why = before + (next(reasons(read), "") or unwanted(read, self._shape(chunk)))
        why = f"{BEYOND}: {why}" if asks(highlight) else why
        return Outcome(no_card=NoCard(highlight.key, why))

    # --- an unreadable reply ------------------------------------------------------------------

    def _unread(self, chunk: Chunk, answer: Answer) -> Outcome:
        """Ask again about one highlight whose reply could not be read."""
        [highlight] = chunk.highlights
        if refusal := _refused(answer):
            return Outcome(no_card=NoCard(highlight.key, refusal))
        if is_empty(answer.said.content) and not answer.cut_off:
            return Outcome(no_card=NoCard(highlight.key, EMPTY))
        is_new = not answer.cached
        if not answer.cut_off:
            answer = self._asker.reply(chunk, _not_json(answer))[highlight.key]
            self._asker.read(answer, bool(answer.items))
        if not answer.items and is_new and answer.format < self._asker.form.format:
            # the server is asked in another format by now
            answer = self._asker.reply(chunk, anew=True)[highlight.key]
            self._asker.read(answer, bool(answer.items))
        if read := answer.items:
            return self._made(chunk, highlight, read, answer)

        # give up for good: it is asked about again only if a person wants it, and reported once
        said = " ".join(answer.said.content.split())[:80]
        if answer.cut_off:
            what = fault = CUT_OFF
            hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
        else:
            what, fault = UNREADABLE, f"{UNREADABLE}: {repr(said) if said else 'it is empty'}"
            hint = "try another model"
        reason = f"{what}; ask again with: {AGAIN} {shlex.quote(highlight.key)}"
        hint = f"{hint}; then {AGAIN} KEY, keys: ankiforge list --no-card"
        unread = None if answer.cached else Failure(fault, hint)
        return Outcome(no_card=NoCard(highlight.key, reason), unread=unread)

    # --- repair -------------------------------------------------------------------------------

    def _judged(self, drafts: Iterable[Draft], highlight: Highlight) -> _Facts:
        """Return the drafts of a highlight by fact, with the findings that block each."""
        facts: _Facts = {}
        for draft in drafts:
            faults: tuple[str, ...] = ()
            with suppress(BugError), one_item():  # it fails again where the draft is recorded
                faults = self._repair(draft, highlight) if self._repair else ()
            facts.setdefault(draft.intent, []).append((draft, faults))
        return {
            number: sorted(fact, key=lambda one: bool(one[1])) for number, fact in facts.items()
        }

    def _repaired(self, chunk: Chunk, facts: _Facts, wanted: list[int]) -> Outcome:
        """Ask again about the facts of one highlight whose every card is blocked.

        A fact with an unblocked card needs no repair: a person picks, and may force a blocked one.
        The cards that were sent back are kept with their replacement. What is still blocked is
        shown with its findings.
        """
        [highlight], unchanged = chunk.highlights, Outcome(_all(facts))
        try:
            further = self._complaint(facts, wanted, self._shape(chunk))
            answer = self._asker.reply(chunk, further)[highlight.key]
        except ItemError:  # such as an exceeded budget: the drafts stay, blocked
            return unchanged
        read = answer.items
        self._asker.read(answer, bool(read))
        made = self._drafts(chunk, highlight, read, answer)
        if not made and len(wanted) == len(facts):
            if not read:
                return unchanged
            faults = "; ".join(dict.fromkeys(
                fault for at in wanted for _, found in facts[at] for fault in found
            ))  # fmt: skip
            before = f"a check blocked the card ({faults[:200]}), and asked again: "
            return self._none(chunk, highlight, read, before)

        # each new card belongs to the fact it names, else to the next fact without one
        placed: dict[int, list[Draft]] = {number: [] for number in wanted}
        for draft in made:
            number = draft.intent - 1
            if number not in placed or self._asker.settings.candidates == 1:
                number = next((one for one in wanted if not placed[one]), wanted[-1])
            placed[number].append(replace(draft, intent=number))
        every: list[Draft] = []
        for number, fact in facts.items():
            kept = [draft for draft, _ in fact]
            if new := placed.get(number):
                attempts = tuple(
                    Attempt(draft.kind, draft.fields, faults, draft.origin.request)
                    for draft, faults in fact
                )
                first, *more = _all(self._judged(new, highlight))
                kept = [replace(first, attempts=(*first.attempts, *attempts)), *more]
            every += (replace(draft, intent=number + 1) for draft in kept)
        return Outcome([*numbered(every, self._shape(chunk))] or unchanged.drafts)

    def _complaint(self, facts: _Facts, wanted: list[int], shape: Shape) -> tuple[Message, ...]:
        """Return the messages that follow the model's first reply."""
        bad = [one for number in wanted for one in facts[number]]
        cards = ",".join(card_json(draft, shape) for draft, _ in bad)
        faults = "\n".join(
            f"- card {number}: {fault}"
            for number, (_, faults) in enumerate(bad, start=1)
            for fault in faults
        )
        wish = (
            "Draft better cards for this highlight, from its own words, or answer none. Answer with "
            "the JSON only."
        )
        return (
            {"role": "assistant", "content": f'{{"cards":[{cards}]}}'},
            {"role": "user", "content": f"These cards cannot be used:\n{faults}\n{wish}"},
        )


def _all(facts: _Facts) -> list[Draft]:
    return [draft for fact in facts.values() for draft, _ in fact]


def _refused(answer: Answer) -> str:
    """Return why the model or the server refused to answer; "" if it did not."""
    if answer.said.refusal:
        return f"the model refused: {' '.join(answer.said.refusal.split())[:200]}"
    is_filtered = answer.said.finish == "content_filter"
    return "the server's content filter refused it" if is_filtered else ""


def _not_json(answer: Answer) -> tuple[Message, ...]:
    said = answer.said.content[:2_000] or "(nothing)"
    return (
        {"role": "assistant", "content": said},
        {"role": "user", "content": "That could not be read. Answer with the JSON only."},
    )


# --- the drafter ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """What drafting would send. Tokens are estimated: 4 bytes each, and 80 out for a highlight.

    If there are several candidates for a fact, 60 tokens out for each. The low cost assumes 5 bytes
    a token and five eighths of the output; the high one 3 bytes, three times the output, and that
    everything is asked twice, as when every card is blocked. Reasoning tokens are not included.
    """

    highlights: int
    requests: int
    cached: int
    """Highlights whose replies are kept."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        prompt: Wording,
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
            prompt: the prompt of all tasks, or of each.
            repair: returns what blocks a draft; such a draft goes back to the model once.
            notice: receives "43 highlights, 9,812 characters to HOST" before a document is sent.
            offline: connect only to a server on this machine.
            fresh: ask even if replies are kept, because a person asks again.
        """
        self._settings, self._notice = settings, notice
        self._asker = Asker(settings, prompt, replies, offline=offline, fresh=fresh)
        self._conversation = Conversation(self._asker, repair)
        self._is_stopped = False

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._asker.budget.usage

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield a result for each request. Call it once.

        They are in the order of the highlights, so that equal replies give equal cards; but a slow
        reply delays the results after it by no more than `PATIENCE_S`.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        slots = threading.Semaphore(self._settings.threads)
        ahead: list[_Part] = []
        try:
            for task in tasks:
                chunks = self._chunks(task)
                kept = tuple(one for one in task.highlights if withheld(one))
                if kept or not chunks:
                    yield drafted(replace(task, highlights=kept), {})
                self._announce([chunk for chunk, is_known in chunks if not is_known])
                whole = _Whole(len(chunks))
                for chunk, _ in chunks:
                    future = _in_thread(slots, self._conversation.draft, chunk)
                    ahead.append(_Part(chunk, future, whole))
                    while len(ahead) > 2 * self._settings.threads:
                        yield _next(ahead).result()
            while ahead:
                yield _next(ahead).result()
        except (KeyboardInterrupt, GeneratorExit):
            self.leave()
            raise
        finally:  # wait for pending replies, which are paid for and must be stored
            self._stop(None)

    def leave(self) -> None:
        """Stop at once; a pending reply is stored if it arrives soon."""
        price, count = self._settings.price, self._asker.client.under_way
        paid = price is None or price.into or price.out
        if not self._is_stopped and self._notice and paid and count:
            replies = "1 reply that is" if count == 1 else f"{count} replies that are"
            self._notice(
                f"waiting at most {PAID_GRACE_S:g} s for {replies} paid for; Ctrl-C again leaves it"
            )
        self._stop(PAID_GRACE_S if paid else GRACE_S)

    def _stop(self, patience: float | None) -> None:
        """Send nothing more, and wait for pending replies; None = without limit. Idempotent."""
        if not self._is_stopped:
            self._is_stopped = True
            self._asker.budget.close()
            self._asker.client.stop(patience)

    def _chunks(self, task: Task) -> list[tuple[Chunk, bool]]:
        """Return what is asked about together, each with whether its reply is kept."""
        found: list[tuple[Chunk, bool]] = []
        group: list[Highlight] = []
        is_barred = bool(barred(task, self._asker.prompt))
        for one in sendable(task):
            alone = Chunk(task, (one,))
            if is_barred or self._asker.known(alone):
                found.append((alone, True))
                continue
            group.append(one)
            if len(group) == self._settings.batch:
                found.append((Chunk(task, tuple(group)), False))
                group = []
        return [*found, (Chunk(task, tuple(group)), False)] if group else found

    def _announce(self, new: list[Chunk]) -> None:
        if new:
            self._asker.prepare()
        if self._notice and new:
            count = sum(len(chunk.highlights) for chunk in new)
            letters = sum(characters(self._asker.body(chunk)) for chunk in new)
            passages = "1 highlight" if count == 1 else f"{count:,} highlights"
            self._notice(f"{passages}, {letters:,} characters to {self._settings.host}")

    def estimate(self, tasks: Iterable[Task]) -> Estimate:
        """Return what drafting these tasks would send; send nothing."""
        settings = self._settings
        parts = [part for task in tasks for part in self._chunks(task)]
        new = [chunk for chunk, is_known in parts if not is_known]
        bodies = [self._asker.body(chunk) for chunk in new]
        sent = sum(len(canonical(request).encode("utf-8", "replace")) for request in bodies)
        highlights = sum(len(chunk.highlights) for chunk in new)
        out = max(80, 60 * settings.candidates) * highlights

        def cost(bytes_a_token: float, times_out: float, times_asked: int = 1) -> float | None:
            return settings.cost(int(times_asked * sent / bytes_a_token), int(times_out * out))

        return Estimate(
            highlights=highlights,
            requests=len(new),
            cached=len(parts) - len(new),
            characters=sum(characters(request) for request in bodies),
            tokens_in=sent // 4,
            tokens_out=out,
            cost_usd=cost(4, 1),
            cost_low_usd=cost(5, 5 / 8),
            cost_high_usd=cost(3, 6, times_asked=2),
        )


@dataclass(slots=True)
class _Whole:
    """A task in parts."""

    left: int
    """The number of parts without a result."""
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk that is being drafted."""

    chunk: Chunk
    future: Future[Outcomes]
    whole: _Whole

    def result(self) -> Drafted:
        """Return the result of the chunk; the last one of a task has the problems of all."""
        outcomes, task, whole = self.future.result(), self.chunk.task, self.whole
        whole.outcomes.extend(outcomes.values())
        whole.left -= 1
        found = drafted(replace(task, highlights=self.chunk.highlights), outcomes)
        return replace(found, problems=() if whole.left else tuple(problems(task, whole.outcomes)))


def _next(ahead: list[_Part]) -> _Part:
    """Remove and return the first part; if it takes a while, the first one that is done."""
    while True:
        wait([ahead[0].future], PATIENCE_S)
        if part := next((one for one in ahead if one.future.done()), None):
            ahead.remove(part)
            return part


def _in_thread(
    slots: threading.Semaphore, draft: Callable[[Chunk], Outcomes], chunk: Chunk
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
            failure = Failure.of(error)
            future.set_result({one.key: Outcome(failure=failure) for one in chunk.highlights})
        except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
            future.set_exception(error)

    threading.Thread(target=work, name="draft", daemon=True).start()
    return future
