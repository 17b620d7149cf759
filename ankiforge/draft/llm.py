"""The drafter that asks a language model through any OpenAI-compatible server.

The highlights of a document are sent in chunks, several requests at a time. Every reply is cached
before it is parsed, so a run that was stopped continues without paying for anything twice. A
highlight that a reply leaves out is asked about alone, and a chunk that is too long is halved. If
checks block every card of a fact, the cards go back to the model once, with the findings. A
highlight whose replies stay unreadable gets no card until a person asks again.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from ankiforge.draft import BEYOND, Replies, asks, private, withheld
from ankiforge.draft.asker import Asker
from ankiforge.draft.budget import BUDGET, BudgetError, Usage
from ankiforge.draft.cache import Answer
from ankiforge.draft.client import (
    ServerSettings,
    TooLongError,
)
from ankiforge.draft.prompt import (
    Body,
    Chunk,
    Message,
    Prompt,
    Wording,
    barred,
    canonical,
    characters,
    chunks,
    request_body,
    shape_of,
)
from ankiforge.draft.reply import (
    Item,
    card_json,
    drafts_of,
    is_empty,
    items,
    numbered,
    reasons,
    unwanted,
)
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
    problems = tuple(_problems(task, outcomes))
    return Drafted(task, tuple(drafts), tuple(no_cards), tuple(failed), problems)


def _problems(task: Task, outcomes: Outcomes) -> Iterator[Problem]:
    """Yield one problem for all highlights that failed for the same reason."""
    title = task.document.title or task.document.key
    causes: Counter[tuple[Failure, bool]] = Counter()
    causes.update((one.failure, False) for one in outcomes.values() if one.failure)
    causes.update((one.unread, True) for one in outcomes.values() if one.unread)
    elsewhere = {one: Problem(one.where, one.what, one.hint) for one, _ in causes if one.where}
    yield from elsewhere.values()
    for (one, once), count in causes.items():
        if not one.where:
            passages = "1 highlight" if count == 1 else f"{count} highlights"
            yield Problem(title, f"{passages} not drafted: {one.what}", one.hint, once=once)


# --- the conversation about a few highlights --------------------------------------------------


class Conversation:
    """Drafts chunks by asking; its methods may be called from any thread."""

    def __init__(self, asker: Asker, repair: Repair | None = None) -> None:
        self._asker = asker
        self._repair = repair

    def _talk(self, chunk: Chunk) -> _Talk:
        prompt = self._asker.prompt.of(chunk.task)
        return _Talk(self._asker, self._repair, prompt, chunk.task)

    def is_cached(self, chunk: Chunk) -> bool:
        """Return whether the first reply about a chunk is cached."""
        return not self._asker.fresh and self._talk(chunk).has_reply(chunk)

    def draft(self, chunk: Chunk) -> Iterator[Outcomes]:
        """Yield the outcome for every highlight of a chunk.

        The highlights that need no second request come first, then one by one those whose cards
        are repaired.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        if reason := barred(chunk.task, self._asker.prompt):
            # not recorded, because it depends on the current settings
            keys = [one.key for one in chunk.highlights]
            yield {key: Outcome(no_card=NoCard(key, reason, passing=True)) for key in keys}
            return
        talk = self._talk(chunk)
        ready, blocked = talk.ask(chunk), dict[HighlightKey, _Facts]()
        for highlight in chunk.highlights:
            outcome = ready[highlight.key]
            facts = talk.judge(outcome.drafts, highlight)
            if _blocked(facts):
                blocked[highlight.key] = facts
            else:
                outcome.drafts = _all(facts)
        yield {key: found for key, found in ready.items() if key not in blocked}
        for highlight in chunk.highlights:
            if bad := blocked.get(highlight.key):
                yield {highlight.key: talk.repair(chunk.only(highlight), bad)}


_Facts = dict[int, list[tuple[Draft, tuple[str, ...]]]]
"""The drafts of a highlight by fact, each with the findings that block it; unblocked ones first."""


def _all(facts: _Facts) -> list[Draft]:
    return [draft for fact in facts.values() for draft, _ in fact]


def _blocked(facts: _Facts) -> list[int]:
    """Return the facts of which every draft is blocked."""
    return [number for number, fact in facts.items() if fact[0][1]]


class _Talk:
    """The conversation about highlights of one task, with one prompt and settings."""

    def __init__(self, asker: Asker, repair: Repair | None, prompt: Prompt, task: Task) -> None:
        self._asker = asker
        self._repair = repair
        self._settings = asker.settings
        self._prompt = prompt
        self._shape = shape_of(task, prompt, asker.settings.candidates)

    def has_reply(self, chunk: Chunk) -> bool:
        """Return whether a reply about a chunk is cached."""
        return next(self._cached(chunk), None) is not None

    def _cached(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Iterator[Answer]:
        return self._asker.cached(request_body(chunk, self._settings, self._prompt, further))

    def _reply(
        self, chunk: Chunk, further: tuple[Message, ...] = (), *, anew: bool = False
    ) -> Answer:
        question = request_body(chunk, self._settings, self._prompt, further)
        return self._asker.reply(question, len(chunk.highlights), self._prompt, anew=anew)

    # --- the first request --------------------------------------------------------------------

    def ask(self, chunk: Chunk) -> Outcomes:
        """Ask about a chunk, and return the outcome for each highlight."""
        try:
            answer = self._reply(chunk)
            said, alone = answer.completion, len(chunk.highlights) == 1
            refusal = ""
            if said.refusal:
                refusal = f"the model refused: {' '.join(said.refusal.split())[:200]}"
            elif said.finish == "content_filter":
                refusal = "the server's content filter refused it"
            if refusal and alone:
                key = chunk.highlights[0].key
                return {key: Outcome(no_card=NoCard(key, refusal))}
            # one passage may have caused the refusal of all, so each is asked about alone
            read = {} if refusal else self._read(chunk, answer)
            outcomes: Outcomes = {}
            for at, highlight in enumerate(chunk.highlights):
                if at in read:
                    outcomes[highlight.key] = self._made(highlight, read[at], answer)
                elif alone:
                    outcomes[highlight.key] = self._ask_once_more(chunk, answer)
                else:
                    outcomes |= self.ask(chunk.only(highlight))
            return outcomes
        except ItemError as error:
            half = len(chunk.highlights) // 2
            if half and isinstance(error, TooLongError):
                first = self.ask(chunk.only(*chunk.highlights[:half]))
                return first | self.ask(chunk.only(*chunk.highlights[half:]))
            return {one.key: Outcome(failure=Failure.of(error)) for one in chunk.highlights}

    def _read(self, chunk: Chunk, answer: Answer) -> dict[int, list[Item]]:
        """Return the items about each highlight, by its position in the chunk."""
        labels = tuple(str(at) for at in range(1, len(chunk.highlights) + 1))
        read: dict[int, list[Item]] = {}
        for item in items(answer.completion.content, labels):
            read.setdefault(int(item.label) - 1, []).append(item)
        if answer.completion.finish == "length" and len(read) > 1:
            read.popitem()  # its next card may have been cut off
        self._asker.read(answer, bool(read))
        return read

    def _drafts(self, read: list[Item], highlight: Highlight, answer: Answer) -> tuple[Draft, ...]:
        model = self._asker.settings.model
        origin = Origin("llm", model, self._prompt.fingerprint, answer.request)
        return drafts_of(read, highlight, origin, self._shape)

    def _made(self, highlight: Highlight, read: list[Item], answer: Answer) -> Outcome:
        """Return the drafts in the items about a highlight, else why there are none."""
        if made := self._drafts(read, highlight, answer):
            return Outcome([*numbered(made, self._shape)])
        return self._none(highlight, read)

    def _none(self, highlight: Highlight, read: list[Item], before: str = "") -> Outcome:
        """Return why the items about a highlight make no card; `before` introduces the reason."""
        why = before + (next(reasons(read), "") or unwanted(read, self._shape))
        why = f"{BEYOND}: {why}" if asks(highlight) else why
        return Outcome(no_card=NoCard(highlight.key, why))

    # --- an unreadable reply ------------------------------------------------------------------

    def _ask_once_more(self, chunk: Chunk, answer: Answer) -> Outcome:
        """Ask again about one highlight whose reply could not be read.

        If that reply is cached, all replies of earlier runs to this request are tried. If those
        ended unreadable, nothing is sent, because it would be paid for twice.
        """
        [highlight] = chunk.highlights
        known = list(self._cached(chunk)) if answer.cached else []
        whole = [one for one in known if one.completion.finish != "length"]
        again = [two for one in whole for two in self._cached(chunk, _not_json(one))]
        for one in (*known, *again):
            if read := self._read(chunk, one):
                return self._made(highlight, read[0], one)
        cut_off = len(whole) < len(known) or answer.completion.finish == "length"
        if is_empty(answer.completion.content) and not cut_off:
            return Outcome(no_card=NoCard(highlight.key, EMPTY))
        if not (again or cut_off):
            answer = self._reply(chunk, _not_json(answer))
            if read := self._read(chunk, answer):
                return self._made(highlight, read[0], answer)
        if not answer.cached and answer.form.format < self._asker.form.format:
            answer = self._reply(chunk, anew=True)  # the server is asked in another format by now
            if read := self._read(chunk, answer):
                return self._made(highlight, read[0], answer)

        # give up for good: it is asked about again only if a person wants it, and reported once
        said = " ".join(answer.completion.content.split())[:80]
        if answer.completion.finish == "length":
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

    def judge(self, drafts: Iterable[Draft], highlight: Highlight) -> _Facts:
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

    def repair(self, chunk: Chunk, facts: _Facts) -> Outcome:
        """Ask again about the facts of one highlight whose every card is blocked.

        A fact with an unblocked card needs no repair: a person picks, and may force a blocked one.
        The cards that were sent back are kept with their replacement. What is still blocked is
        shown with its findings.
        """
        [highlight] = chunk.highlights
        unchanged, wanted = Outcome(_all(facts)), _blocked(facts)
        if not wanted:
            return unchanged
        try:
            answer = self._reply(chunk, self._complaint(facts, wanted))
        except ItemError:  # such as an exceeded budget: the drafts stay, blocked
            return unchanged
        read = self._read(chunk, answer).get(0, [])
        made = self._drafts(read, highlight, answer)
        if not made and len(wanted) == len(facts):
            if not read:
                return unchanged
            faults = "; ".join(dict.fromkeys(
                fault for at in wanted for _, found in facts[at] for fault in found
            ))  # fmt: skip
            before = f"a check blocked the card ({faults[:200]}), and asked again: "
            return self._none(highlight, read, before)

        # each new card belongs to the fact it names, else to the next fact without one
        placed: dict[int, list[Draft]] = {number: [] for number in wanted}
        for draft in made:
            number = draft.intent - 1
            if number not in placed or self._shape.candidates == 1:
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
                first, *more = _all(self.judge(new, highlight))
                kept = [replace(first, attempts=(*first.attempts, *attempts)), *more]
            every += (replace(draft, intent=number + 1) for draft in kept)
        return Outcome([*numbered(every, self._shape)] or unchanged.drafts)

    def _complaint(self, facts: _Facts, wanted: list[int]) -> tuple[Message, ...]:
        """Return the messages that follow the model's first reply."""
        bad = [one for number in wanted for one in facts[number]]
        cards = ",".join(card_json(draft, self._shape) for draft, _ in bad)
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


def _not_json(answer: Answer) -> tuple[Message, ...]:
    said = answer.completion.content[:2_000] or "(nothing)"
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
    """Requests whose replies are cached."""
    characters: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None


_Place = tuple[int, HighlightKey]
"""A highlight in the task of this number."""


class _Unfinished:
    """A task of which some highlights have no result yet."""

    def __init__(self, task: Task, left: set[HighlightKey]) -> None:
        self.task = task
        self.left = left
        self._whole: Outcomes = {}

    def result(self, outcomes: Outcomes) -> Drafted:
        """Return the result for some highlights; the last one has the problems of all."""
        self.left -= outcomes.keys()
        self._whole |= outcomes
        here = tuple(
            one
            for one in self.task.highlights
            if one.key in outcomes or (not self.left and withheld(one))
        )
        part = drafted(replace(self.task, highlights=here), outcomes)
        problems = () if self.left else tuple(_problems(self.task, self._whole))
        return replace(part, problems=problems, more=bool(self.left))


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
            replies: the cache of replies.
            prompt: the prompt of all tasks, or of each.
            repair: returns what blocks a draft; such a draft goes back to the model once.
            notice: receives "43 highlights, 9,812 characters to HOST" before a document is sent.
            offline: connect only to a server on this machine.
            fresh: ask even if replies are cached, because a person asks again.
        """
        self._settings = settings
        self._repair = repair
        self._notice = notice
        self._asker = Asker(settings, prompt, replies, offline=offline, fresh=fresh)
        self._conversation = Conversation(self._asker, repair)
        self._pool: _Pool | None = None

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._asker.budget.usage

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield results as replies arrive, several for each task. Call it once.

        They are in the order of the highlights, so that equal replies give equal cards; but a slow
        reply delays the results after it by no more than `PATIENCE_S`.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        threads = self._settings.threads
        self._pool = pool = _Pool(threads, self._conversation.draft)
        source, number = iter(tasks), 0
        unfinished: dict[int, _Unfinished] = {}
        waiting: dict[_Place, None] = {}
        """Highlights without a result, in order."""
        ready: dict[_Place, tuple[float, Outcome]] = {}
        """Results that were not yielded yet, in order of arrival, each with its time."""
        error: BaseException | None = None
        try:
            while True:
                # read ahead far enough to keep every thread busy
                while error is None and pool.unfinished <= 2 * threads:
                    if (task := next(source, None)) is None:
                        break
                    number += 1
                    chunks_ = self._submit(pool, number, task)
                    keys = [one.key for chunk in chunks_ for one in chunk.highlights]
                    waiting |= {(number, key): None for key in keys}
                    unfinished[number] = _Unfinished(task, set(keys))
                    if not keys:
                        yield drafted(unfinished.pop(number).task, {})
                if not ready:
                    if error is not None:
                        raise error
                    if not pool.unfinished:
                        return

                # what comes next in order, else what has waited long enough
                due: list[_Place] = []
                for place in waiting:
                    if place not in ready or (due and place[0] != due[0][0]):
                        break
                    due.append(place)
                patience = None
                if ready and not due:
                    oldest, (came, _) = next(iter(ready.items()))
                    patience = came + PATIENCE_S - time.monotonic()
                    if patience <= 0 or error is not None:
                        due = [one for one in waiting if one in ready and one[0] == oldest[0]]
                if not due:
                    got = pool.result(patience)
                    if isinstance(got, BaseException):
                        error = error or got
                    elif got is not None:
                        at, outcomes = got
                        now = time.monotonic()
                        ready |= {(at, key): (now, one) for key, one in outcomes.items()}
                    continue
                for place in due:
                    del waiting[place]
                at = due[0][0]
                yield unfinished[at].result({key: ready.pop((at, key))[1] for _, key in due})
                if not unfinished[at].left:
                    del unfinished[at]
        except (KeyboardInterrupt, GeneratorExit):
            self.leave()
            raise
        finally:  # wait for pending replies, which are paid for and must be stored
            self._stop(None)

    def leave(self) -> None:
        """Stop at once; a pending reply is stored if it arrives soon."""
        price, count = self._settings.price, self._asker.client.under_way
        paid = price is None or price.into or price.out
        if self._pool and self._notice and paid and count:
            replies = "1 reply that is" if count == 1 else f"{count} replies that are"
            self._notice(
                f"waiting at most {PAID_GRACE_S:g} s for {replies} paid for; Ctrl-C again leaves it"
            )
        self._stop(PAID_GRACE_S if paid else GRACE_S)

    def _stop(self, patience: float | None) -> None:
        """Send nothing more, and wait for pending replies; None = without limit. Idempotent."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
            self._asker.budget.close()
            self._asker.client.stop(patience)
            pool.join()

    def _submit(self, pool: _Pool, number: int, task: Task) -> list[Chunk]:
        parts = list(chunks(task, self._settings.batch, self._is_known))
        new = [chunk for chunk, known in parts if not known]
        if new:
            self._asker.prepare()
        if self._notice and new:
            count = sum(len(chunk.highlights) for chunk in new)
            letters = sum(characters(self._body(chunk)) for chunk in new)
            passages = "1 highlight" if count == 1 else f"{count:,} highlights"
            self._notice(f"{passages}, {letters:,} characters to {self._settings.host}")
        for chunk, _ in parts:
            pool.submit(number, chunk)
        return [chunk for chunk, _ in parts]

    def _is_known(self, chunk: Chunk) -> bool:
        return bool(barred(chunk.task, self._asker.prompt)) or self._conversation.is_cached(chunk)

    def _body(self, chunk: Chunk) -> Body:
        return request_body(chunk, self._settings, self._asker.prompt)

    def estimate(self, tasks: Iterable[Task]) -> Estimate:
        """Return what drafting these tasks would send; send nothing."""
        settings = self._settings
        parts = [part for task in tasks for part in chunks(task, settings.batch, self._is_known)]
        new = [chunk for chunk, known in parts if not known]
        bodies = [self._body(chunk) for chunk in new]
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


class _Pool:
    """Threads that end with the program, however long a server takes to answer.

    The interpreter waits for the standard library's pools when it exits, so Ctrl-C would hang.
    """

    def __init__(self, size: int, draft: Callable[[Chunk], Iterator[Outcomes]]) -> None:
        self._draft = draft
        self._queue: SimpleQueue[tuple[int, Chunk] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[int, Outcomes] | BaseException | None] = SimpleQueue()
        self.unfinished = 0
        """The number of chunks whose last result was not fetched."""
        self._threads = [
            threading.Thread(target=self._work, name=f"draft-{number}", daemon=True)
            for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, number: int, chunk: Chunk) -> None:
        """Queue a chunk of a task for the next free thread."""
        self.unfinished += 1
        self._queue.put((number, chunk))

    def result(self, timeout: float | None) -> tuple[int, Outcomes] | BaseException | None:
        """Return the next result with the number of its task, or the exception of a thread.

        None: a chunk is finished, or no result arrived within `timeout` seconds.
        """
        try:
            got = self._results.get(timeout=timeout)
        except Empty:
            return None
        if got is None or isinstance(got, BaseException):
            self.unfinished -= 1
        return got

    def close(self) -> None:
        """Begin no further chunk."""
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._queue.put(None)

    def join(self) -> None:
        """Wait briefly for the threads to end; one that waits for a retry is left behind."""
        latest = time.monotonic() + 1.0
        for thread in self._threads:
            thread.join(max(latest - time.monotonic(), 0.0))

    def _work(self) -> None:
        while given := self._queue.get():
            number, chunk = given
            left = {one.key for one in chunk.highlights}
            try:
                with one_item():
                    for outcomes in self._draft(chunk):
                        left -= outcomes.keys()
                        self._results.put((number, outcomes))
                self._results.put(None)
            except BugError as error:
                failure = Failure.of(error)
                self._results.put((number, {key: Outcome(failure=failure) for key in left}))
                self._results.put(None)
            except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
                self._results.put(error)
