"""The drafter that asks a language model, by any OpenAI-compatible server.

Each document's highlights go out in chunks, several requests at a time. Every reply is cached before
it is parsed, so whatever stops a run, the next one goes on and pays for nothing twice. What a reply
leaves out is asked singly; what is too long is halved; a fact whose every card a check blocks goes
back to the model once, with the findings' words. What stays unreadable is no card, until a person
asks again.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from ankiforge.draft import BEYOND, Replies, asks, private, withheld
from ankiforge.draft.asker import Asker, UncachedError
from ankiforge.draft.budget import BUDGET, BudgetError, Usage
from ankiforge.draft.cache import Answer
from ankiforge.draft.client import (
    ServerSettings,
    TooLongError,
)
from ankiforge.draft.probe import Prober, Probing
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
from ankiforge.errors import ItemError
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
"""Receives what is about to leave the machine."""
Repair = Callable[[Draft, Highlight], tuple[str, ...]]
"""Returns what blocks a draft of a highlight, in words; called from several threads."""
PATIENCE_S = 0.3
"""How long a result waits for those of highlights before it."""
GRACE_S, PAID_GRACE_S = 3.0, 20.0
"""How long a person who stops the run waits for replies under way; for those that are paid for."""
UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
EMPTY = "the model answered with an empty list of cards"
AGAIN = "ankiforge draft --again"

# --- the conversation about a few highlights ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """A highlight that was not answered this time, and what to do."""

    highlight: HighlightKey
    what: str
    hint: str
    where: str = ""
    """What has to do with it; "" = this document alone."""


@dataclass(slots=True)
class Outcome:
    """What became of some highlights: each has drafts, a reason for none, or a failure."""

    drafts: list[Draft] = field(default_factory=list)
    no_cards: list[NoCard] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unread: list[Failure] = field(default_factory=list)
    """Highlights of `no_cards` whose new reply could not be read: reported once."""
    unprobed: list[Failure] = field(default_factory=list)
    """Highlights whose drafts were not probed this time."""

    def add(self, more: Outcome) -> None:
        """Add what became of others."""
        self.drafts += more.drafts
        self.no_cards += more.no_cards
        self.failures += more.failures
        self.unread += more.unread
        self.unprobed += more.unprobed

    def only(self, key: HighlightKey, drafts: list[Draft]) -> Outcome:
        """Return what became of one highlight, with these drafts."""
        return Outcome(
            drafts,
            [one for one in self.no_cards if one.highlight == key],
            [one for one in self.failures if one.highlight == key],
            [one for one in self.unread if one.highlight == key],
            [one for one in self.unprobed if one.highlight == key],
        )


Outcomes = dict[HighlightKey, Outcome]
"""What became of some highlights, by highlight."""


class Conversation:
    """Drafts chunks by asking; one call a chunk, from any thread."""

    def __init__(
        self, asker: Asker, repair: Repair | None = None, prober: Prober | None = None
    ) -> None:
        self._asker = asker
        self._repair = repair
        self._prober = prober
        self._settings = [settings := asker.settings]
        before = settings.candidates_before
        if before not in (0, settings.candidates):  # replies to an older default are paid for
            self._settings.append(replace(settings, candidates=before, candidates_before=0))

    def _variants(self, chunk: Chunk) -> Iterator[tuple[Chunk, _Talk]]:
        """Yield the chunk as it may have been asked about, as today first."""
        for prompt in self._asker.prompt.of(chunk.task).versions:
            for one in filter(None, (chunk, chunk.without_nearby, chunk.as_formerly)):
                for settings in self._settings:
                    yield one, _Talk(self._asker, self._repair, settings, prompt, one.task)

    def _asked_before(self, chunk: Chunk) -> tuple[Chunk, _Talk] | None:
        if self._asker.fresh:
            return None
        return next(
            ((one, talk) for one, talk in self._variants(chunk) if talk.has_reply(one)), None
        )

    def is_cached(self, chunk: Chunk) -> bool:
        """Return whether the first reply about a chunk is cached."""
        return self._asked_before(chunk) is not None

    def draft(self, chunk: Chunk) -> Iterator[Outcomes]:
        """Yield drafts, reasons or failures for every highlight of the chunk.

        First come those that need no second request; then each highlight whose cards are repaired.
        With the answer probe all come together, when they are probed.

        Raises:
            ServiceError, UsageError: what ends the run.
        """
        if reason := barred(chunk.task, self._asker.prompt):
            # as the settings are now; not recorded, for they may change
            yield {
                one.key: Outcome(no_cards=[NoCard(one.key, reason, passing=True)])
                for one in chunk.highlights
            }
            return
        one, talk = self._asked_before(chunk) or next(self._variants(chunk))
        outcome = Outcome()
        talk.ask(one, outcome)
        drafts = defaultdict[HighlightKey, list[Draft]](list)
        for draft in outcome.drafts:
            drafts[draft.highlight].append(draft)
        ready, blocked = dict[HighlightKey, Outcome](), dict[HighlightKey, _Facts]()
        for highlight in one.highlights:
            facts = talk.judge(drafts[highlight.key], highlight)
            if _blocked(facts):
                blocked[highlight.key] = facts
            else:
                ready[highlight.key] = outcome.only(highlight.key, _all(facts))
        if self._prober is None:
            yield ready
        for highlight in one.highlights:
            if facts := blocked.get(highlight.key, {}):
                repaired = Outcome()
                talk.repair(one.only(highlight), facts, repaired)
                if self._prober is None:
                    yield {highlight.key: repaired}
                else:
                    ready[highlight.key] = repaired
        if self._prober is not None:
            self._probe(one, ready, talk, self._prober)
            yield ready

    def _probe(self, chunk: Chunk, ready: Outcomes, talk: _Talk, prober: Prober) -> None:
        """Probe the drafts of a chunk that no check blocks, in one request."""
        open_ = [
            draft
            for highlight in chunk.highlights
            for fact in talk.judge(ready[highlight.key].drafts, highlight).values()
            for draft, faults in fact
            if not faults
        ]
        try:
            probed = dict(zip(map(id, open_), prober.probe(chunk, open_), strict=True))
        except UncachedError:
            return
        except ItemError as error:
            where = BUDGET if isinstance(error, BudgetError) else ""
            for key in {draft.highlight for draft in open_}:
                failure = Failure(key, error.message, error.hint, where)
                ready[key].unprobed.append(failure)
            return
        for outcome in ready.values():
            outcome.drafts = [probed.get(id(draft), draft) for draft in outcome.drafts]

    def repair(self, chunk: Chunk, drafts: tuple[Draft, ...]) -> Outcome:
        """Return what becomes of drafts of one highlight, made earlier, when they are repaired."""
        variants, outcome = list(self._variants(chunk)), Outcome()
        asked = (
            one for one in variants if not self._asker.fresh and one[1].has_repaired(one[0], drafts)
        )
        one, talk = next(asked, variants[0])
        talk.repair(one, talk.judge(drafts, one.highlights[0]), outcome)
        return outcome


_Facts = dict[int, list[tuple[Draft, tuple[str, ...]]]]
"""The drafts of one highlight by fact, each with what blocks it; of each fact the good ones first."""


def _all(facts: _Facts) -> list[Draft]:
    return [draft for fact in facts.values() for draft, _ in fact]


def _blocked(facts: _Facts) -> list[int]:
    """Return the facts of which every draft is blocked."""
    return [number for number, fact in facts.items() if fact[0][1]]


class _Talk:
    """The conversation about highlights of one task."""

    def __init__(
        self,
        asker: Asker,
        repair: Repair | None,
        settings: ServerSettings,
        prompt: Prompt,
        task: Task,
    ) -> None:
        self._asker = asker
        self._repair = repair
        self._settings = settings
        self._task = task
        self._prompt = prompt
        self._shape = shape_of(task, self._prompt, settings.candidates, settings.tags)

    def has_reply(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> bool:
        return any(True for _ in self._cached(chunk, further))

    def _cached(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Iterator[Answer]:
        return self._asker.cached(self._question(chunk, further))

    def _question(self, chunk: Chunk, further: tuple[Message, ...]) -> Body:
        return request_body(chunk, self._settings, self._prompt, further)

    def _reply(
        self, chunk: Chunk, further: tuple[Message, ...] = (), *, anew: bool = False
    ) -> Answer:
        question = self._question(chunk, further)
        return self._asker.reply(question, len(chunk.highlights), self._prompt, anew=anew)

    # --- first --------------------------------------------------------------------------------

    def ask(self, chunk: Chunk, outcome: Outcome) -> None:
        """Ask about a chunk, and put down what becomes of each highlight."""
        try:
            answer = self._reply(chunk)
            self._understand(chunk, answer, outcome)
        except TooLongError as error:
            half = len(chunk.highlights) // 2
            if half == 0:
                _fail(chunk, error, outcome)
                return
            self.ask(chunk.only(*chunk.highlights[:half]), outcome)
            self.ask(chunk.only(*chunk.highlights[half:]), outcome)
        except ItemError as error:
            _fail(chunk, error, outcome)

    def _understand(self, chunk: Chunk, answer: Answer, outcome: Outcome) -> None:
        said, alone = answer.completion, len(chunk.highlights) == 1
        refusal = ""
        if said.refusal:
            refusal = f"the model refused: {' '.join(said.refusal.split())[:200]}"
        elif said.finish == "content_filter":
            refusal = "the server's content filter refused it"
        if refusal and alone:
            outcome.no_cards.append(NoCard(chunk.highlights[0].key, refusal))
            return
        # one passage may have spoilt it for the others: each is asked alone
        read = {} if refusal else self._read(chunk, answer)
        for at, highlight in enumerate(chunk.highlights):
            if at in read:
                self._record(highlight, read[at], answer, outcome)
            elif alone:
                self._ask_once_more(chunk, answer, outcome)
            else:
                self.ask(chunk.only(highlight), outcome)

    def _read(self, chunk: Chunk, answer: Answer) -> dict[int, list[Item]]:
        """Return the items of each highlight, by its place in the chunk."""
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

    def _record(
        self, highlight: Highlight, read: list[Item], answer: Answer, outcome: Outcome
    ) -> None:
        if made := self._drafts(read, highlight, answer):
            outcome.drafts += numbered(made, self._shape)
        else:
            why = next(reasons(read), "") or unwanted(read, self._shape)
            why = f"{BEYOND}: {why}" if asks(highlight) else why
            outcome.no_cards.append(NoCard(highlight.key, why))

    # --- once more ----------------------------------------------------------------------------

    def _ask_once_more(self, chunk: Chunk, answer: Answer, outcome: Outcome) -> None:
        """Ask again about one highlight whose reply could not be read.

        If that is cached, all that was said to this request in an earlier run is looked at; where
        that ended unreadable, nothing is sent: it would be paid for twice.
        """
        [highlight] = chunk.highlights
        known = list(self._cached(chunk)) if answer.cached else []
        whole = [one for one in known if one.completion.finish != "length"]
        again = [two for one in whole for two in self._cached(chunk, _not_json(one))]
        if any(self._recorded(chunk, one, outcome) for one in (*known, *again)):
            return
        cut_off = len(whole) < len(known) or answer.completion.finish == "length"
        if is_empty(answer.completion.content) and not cut_off:
            outcome.no_cards.append(NoCard(highlight.key, EMPTY))
            return
        ended = known and (again or highlight.key in self._task.unread)
        if not (ended or cut_off):
            answer = self._reply(chunk, _not_json(answer))
            if self._recorded(chunk, answer, outcome):
                return
        if not answer.cached and answer.form.format < self._asker.form.format:
            answer = self._reply(chunk, anew=True)  # by now the server is asked in another format
            if self._recorded(chunk, answer, outcome):
                return
        _give_up(highlight, answer, outcome)

    def _recorded(self, chunk: Chunk, answer: Answer, outcome: Outcome) -> bool:
        """Put down what a reply says of one highlight; False if it cannot be read."""
        read = self._read(chunk, answer)
        if read:
            self._record(chunk.highlights[0], read[0], answer, outcome)
        return bool(read)

    # --- repair -------------------------------------------------------------------------------

    def has_repaired(self, chunk: Chunk, drafts: Iterable[Draft]) -> bool:
        """Return whether the repair of these drafts is answered already."""
        facts = self.judge(drafts, chunk.highlights[0])
        wanted = _blocked(facts)
        return bool(wanted) and self.has_reply(chunk, self._complaint(facts, wanted))

    def judge(self, drafts: Iterable[Draft], highlight: Highlight) -> _Facts:
        """Return the drafts of a highlight by fact, with what blocks each."""
        facts: _Facts = {}
        for draft in drafts:
            faults = self._repair(draft, highlight) if self._repair else ()
            facts.setdefault(draft.intent, []).append((draft, faults))
        return {
            number: sorted(fact, key=lambda one: bool(one[1])) for number, fact in facts.items()
        }

    def repair(self, chunk: Chunk, facts: _Facts, outcome: Outcome) -> None:
        """Put down the drafts of one highlight; a fact whose every card is blocked is asked again.

        A fact of which some card passes needs no repair: a person picks, and may pick a blocked
        one by force. What was sent back is kept with what came instead; what is still blocked
        stays to be seen, with its reason.
        """
        [highlight] = chunk.highlights
        as_it_is, wanted = _all(facts), _blocked(facts)
        if not wanted:
            outcome.drafts += as_it_is
            return
        try:
            answer = self._reply(chunk, self._complaint(facts, wanted))
        except ItemError:  # the budget, the server: what was drafted stays, blocked
            outcome.drafts += as_it_is
            return
        read = self._read(chunk, answer).get(0, [])

        # each new card belongs to the fact it names, else to the next one without
        placed: dict[int, list[Draft]] = {number: [] for number in wanted}
        made = self._drafts(read, highlight, answer)
        for draft in made:
            number = draft.intent - 1
            if number not in placed or self._shape.candidates == 1:
                number = next((one for one in wanted if not placed[one]), wanted[-1])
            placed[number].append(draft)
        if not made and len(wanted) == len(facts):
            if not read:
                outcome.drafts += as_it_is
                return
            why = next(reasons(read), "") or unwanted(read, self._shape)
            faults = "; ".join(_faults(facts, wanted))
            reason = f"a check blocked the card ({faults[:200]}), and asked again: {why}"
            reason = f"{BEYOND}: {reason}" if asks(highlight) else reason
            outcome.no_cards.append(NoCard(highlight.key, reason))
            return
        every: list[Draft] = []
        for number, fact in facts.items():
            if new := placed.get(number):
                attempts = tuple(
                    Attempt(draft.kind, draft.fields, faults, draft.origin.request)
                    for draft, faults in fact
                )
                [judged] = self.judge(
                    [replace(one, intent=number) for one in new], highlight
                ).values()
                first, *more = (draft for draft, _ in judged)
                kept = [replace(first, attempts=(*first.attempts, *attempts)), *more]
            else:
                kept = [draft for draft, _ in fact]
            every += (replace(draft, intent=number + 1) for draft in kept)
        outcome.drafts += numbered(every, self._shape) or as_it_is

    def _complaint(self, facts: _Facts, wanted: list[int]) -> tuple[Message, ...]:
        """Return what is said to the model after its first reply."""
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


def _faults(facts: _Facts, wanted: list[int]) -> Iterable[str]:
    """Return what blocks the drafts of these facts, each fault once."""
    return dict.fromkeys(fault for at in wanted for _, faults in facts[at] for fault in faults)


def _not_json(answer: Answer) -> tuple[Message, ...]:
    said = answer.completion.content[:2_000] or "(nothing)"
    return (
        {"role": "assistant", "content": said},
        {"role": "user", "content": "That could not be read. Answer with the JSON only."},
    )


def _give_up(highlight: Highlight, answer: Answer, outcome: Outcome) -> None:
    """Put down no card, for good: asked again only if a person asks; reported once."""
    key, said = highlight.key, " ".join(answer.completion.content.split())[:80]
    if answer.completion.finish == "length":
        what = fault = CUT_OFF
        hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
    else:
        what, fault = UNREADABLE, f"{UNREADABLE}: {repr(said) if said else 'it is empty'}"
        hint = "try another model"
    reason = f"{what}; ask again with: {AGAIN} {shlex.quote(key)}"
    outcome.no_cards.append(NoCard(key, reason))
    if not answer.cached:
        hint = f"{hint}; then {AGAIN} KEY, keys: ankiforge list --no-card"
        outcome.unread.append(Failure(key, fault, hint))


def _fail(chunk: Chunk, error: ItemError, outcome: Outcome) -> None:
    where = BUDGET if isinstance(error, BudgetError) else ""
    for one in chunk.highlights:
        outcome.failures.append(Failure(one.key, error.message, error.hint, where))


def drafted(task: Task, outcome: Outcome) -> Drafted:
    """Return a task's result, in the order of its highlights, those not sent included."""
    place = {highlight.key: at for at, highlight in enumerate(task.highlights)}
    held = [
        NoCard(one.key, reason, passing=bool(private(one)))
        for one in task.highlights
        if (reason := withheld(one))
    ]
    return Drafted(
        task=task,
        drafts=tuple(sorted(outcome.drafts, key=lambda draft: place[draft.highlight])),
        no_cards=tuple(sorted([*held, *outcome.no_cards], key=lambda none: place[none.highlight])),
        failed=tuple((failure.highlight, failure.what) for failure in outcome.failures),
        problems=tuple(_problems(task, outcome)),
    )


def _problems(task: Task, outcome: Outcome) -> Iterator[Problem]:
    """Yield one problem for all highlights that failed for the same reason."""
    where = task.document.title or task.document.key
    failed = (*outcome.failures, *outcome.unprobed)
    for fault in dict.fromkeys((one.where, one.what, one.hint) for one in failed):
        if fault[0]:
            yield Problem(*fault)
    kinds = (
        ("not drafted", outcome.failures, False),
        ("not drafted", outcome.unread, True),
        ("not probed, so its cards wait", outcome.unprobed, True),
    )
    causes = Counter(
        (said, one.what, one.hint, once)
        for said, failures, once in kinds
        for one in failures
        if not one.where
    )
    for (said, what, hint, once), count in causes.items():
        passages = "1 highlight" if count == 1 else f"{count} highlights"
        yield Problem(where, f"{passages} {said}: {what}", hint, once=once)


# --- the drafter ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """What drafting would send. Tokens are guessed: 4 bytes each, 80 out a highlight.

    Where there are candidates to choose from, 60 each. The low cost takes 5 bytes a token and five
    eighths of what comes out; the high one 3 bytes and three times as much, and asks all of it
    twice, as where every card is blocked. No guess counts a model's thoughts.
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
    probes: int = 0
    """Of the requests: those that probe answers."""


_Place = tuple[int, HighlightKey]
"""A highlight in the task of this number."""


class _Unfinished:
    """A task of which some highlights have no result yet."""

    def __init__(self, task: Task, left: set[HighlightKey]) -> None:
        self.task = task
        self.left = left
        self._whole = Outcome()

    def result(self, outcomes: Outcomes) -> Drafted:
        """Return the result for some highlights; the last one has the problems of all."""
        self.left -= outcomes.keys()
        part = Outcome()
        for one in outcomes.values():
            part.add(one)
            self._whole.add(one)
        withheld_too = [one.key for one in self.task.highlights if not self.left and withheld(one)]
        keys = outcomes.keys() | withheld_too
        here = tuple(one for one in self.task.highlights if one.key in keys)
        whole = drafted(replace(self.task, highlights=here), part)
        problems = () if self.left else tuple(_problems(self.task, self._whole))
        return replace(whole, problems=problems, more=bool(self.left))


class Model:
    """Drafts with a language model."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        prompt: Wording,
        *,
        repair: Repair | None = None,
        probing: Probing | None = None,
        notice: Notice | None = None,
        offline: bool = False,
        fresh: bool = False,
        sending: bool = True,
    ) -> None:
        """Nothing is sent yet.

        Args:
            settings: server, model, limits.
            replies: the cache of replies.
            prompt: the words, of all tasks or of each.
            repair: says what blocks a draft; such a draft goes back to the model once.
            probing: how the answers of drafts are probed; None = they are not.
            notice: receives "43 highlights, 9,812 characters to HOST" before a document is sent.
            offline: no server but one on this machine.
            fresh: ask although replies are cached (a person asks again).
            sending: False = results hold only what cached replies answer.
        """
        self._settings = settings
        self._repair = repair
        self._notice = notice if sending else None
        self._asker = Asker(
            settings, prompt, replies, offline=offline, fresh=fresh, sending=sending
        )
        self._probing = probing
        self.prober: Prober | None = None
        if probing:
            asker = Asker(
                probing.settings, probing.ask, replies, sending=sending, beside=self._asker
            )
            self.prober = Prober(asker, probing)
        self._conversation = Conversation(self._asker, repair, self.prober)
        self._pool: _Pool | None = None

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        return self._asker.budget.usage

    def from_memory(self) -> Model:
        """Return the same model, answering from cached replies alone: it sends nothing.

        Its results leave out highlights, and tasks, whose replies are not cached.
        """
        asker = self._asker
        return Model(
            self._settings, asker.replies, asker.prompt, repair=self._repair,
            probing=self._probing, sending=False,
        )  # fmt: skip

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield results as replies come, several per task; for one run only.

        Raises:
            ServiceError: the server is not there, or will answer nothing.
            ConfigError, UsageError: the key is missing; `--offline`.
        """
        for result in self._results(tasks):
            if self._asker.sending:
                yield result
                continue
            failed = dict(result.failed)
            kept = tuple(one for one in result.task.highlights if one.key not in failed)
            if kept:
                task = replace(result.task, highlights=kept)
                yield replace(result, task=task, failed=(), problems=())

    def _results(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield results as replies come: several per task.

        They come in the order of the highlights, so that equal replies give equal cards; but a slow
        reply holds up those behind it for no longer than `PATIENCE_S`.
        """
        threads = self._settings.threads
        self._pool = pool = _Pool(threads, self._conversation.draft)
        source, number = iter(tasks), 0
        unfinished: dict[int, _Unfinished] = {}
        waiting: dict[_Place, None] = {}
        """Highlights without a result, in order."""
        ready: dict[_Place, tuple[float, Outcome]] = {}
        """Results that are not yielded yet, by arrival, each with its time."""
        error: BaseException | None = None
        try:
            while True:
                # read ahead so far that work lies ready for every thread
                while error is None and pool.unfinished <= 2 * threads:
                    if (task := next(source, None)) is None:
                        break
                    number += 1
                    chunks_ = self._submit(pool, number, task)
                    keys = [one.key for chunk in chunks_ for one in chunk.highlights]
                    waiting |= {(number, key): None for key in keys}
                    unfinished[number] = _Unfinished(task, set(keys))
                    if not keys:
                        yield drafted(unfinished.pop(number).task, Outcome())
                if not ready:
                    if error is not None:
                        raise error
                    if not pool.unfinished:
                        return

                # what comes next in order, else what has waited for it long enough
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
        finally:  # what is under way is waited for: it is paid, and must be stored
            self._stop(None)

    def leave(self) -> None:
        """Stop at once; a reply under way is stored if it comes soon."""
        price, count = self._settings.price, self._asker.client.under_way
        paid = price is None or price.into or price.out
        if self._pool and self._notice and paid and count:
            replies = "1 reply that is" if count == 1 else f"{count} replies that are"
            self._notice(
                f"waiting at most {PAID_GRACE_S:g} s for {replies} paid for; Ctrl-C again leaves it"
            )
        self._stop(PAID_GRACE_S if paid else GRACE_S)

    def _stop(self, patience: float | None) -> None:
        """Send nothing more, wait for what is under way; None = whenever it comes. Idempotent."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
            self._asker.budget.close()
            self._asker.client.stop(patience)
            pool.join()

    def _submit(self, pool: _Pool, number: int, task: Task) -> list[Chunk]:
        parts = list(chunks(task, self._settings.batch, self._is_known))
        new = [chunk for chunk, known in parts if not known]
        if self._asker.sending and new:
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

        # each request that is sent is followed by one that probes its cards
        probes = [self.prober.guess(chunk, settings.candidates) for chunk in new if self.prober]
        server = self.prober.settings if self.prober else settings
        probed = sum(len(canonical(request).encode("utf-8", "replace")) for request in probes)
        told = 60 * settings.candidates * highlights if probes else 0

        def cost(bytes_a_token: float, times_out: float, both: int = 1) -> float | None:
            costs = (
                settings.cost(int(both * sent / bytes_a_token), int(times_out * out)),
                server.cost(int(both * probed / bytes_a_token), int(times_out * told)),
            )
            return None if None in costs else sum(filter(None, costs))

        return Estimate(
            highlights=highlights,
            requests=len(new) + len(probes),
            cached=len(parts) - len(new),
            characters=sum(characters(request) for request in (*bodies, *probes)),
            tokens_in=sent // 4 + probed // 4,
            tokens_out=out + told,
            cost_usd=cost(4, 1),
            cost_low_usd=cost(5, 5 / 8),
            cost_high_usd=cost(3, 6, both=2),
            probes=len(probes),
        )


class _Pool:
    """Threads that end with the program, however long a server takes to answer.

    The standard library's pools are waited for when the program ends, so Ctrl-C would hang.
    """

    def __init__(self, size: int, draft: Callable[[Chunk], Iterator[Outcomes]]) -> None:
        self._draft = draft
        self._queue: SimpleQueue[tuple[int, Chunk] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[int, Outcomes] | BaseException | None] = SimpleQueue()
        self.unfinished = 0
        """Chunks whose last result was not fetched."""
        self._threads = [
            threading.Thread(target=self._work, name=f"draft-{number}", daemon=True)
            for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, number: int, chunk: Chunk) -> None:
        """Have a chunk of a task drafted by the next thread that is free."""
        self.unfinished += 1
        self._queue.put((number, chunk))

    def result(self, timeout: float | None) -> tuple[int, Outcomes] | BaseException | None:
        """Return the next result with its task's number, or what a thread raised.

        None: a chunk is finished, or no result came within so many seconds.
        """
        try:
            got = self._results.get(timeout=timeout)
        except Empty:
            return None
        if got is None or isinstance(got, BaseException):
            self.unfinished -= 1
        return got

    def close(self) -> None:
        """Begin nothing more."""
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._queue.put(None)

    def join(self) -> None:
        """Wait for threads that are about to end; one that waits for a retry is left behind."""
        latest = time.monotonic() + 1.0
        for thread in self._threads:
            thread.join(max(latest - time.monotonic(), 0.0))

    def _work(self) -> None:
        while given := self._queue.get():
            number, chunk = given
            try:
                for outcomes in self._draft(chunk):
                    self._results.put((number, outcomes))
                self._results.put(None)
            except BaseException as error:  # noqa: BLE001  (raised where the results are fetched)
                self._results.put(error)
