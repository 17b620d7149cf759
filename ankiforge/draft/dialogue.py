"""The conversation about a few highlights: asked, read, asked once more where it failed.

What a reply leaves out is asked singly; what is too long is halved; a fact whose every card a
check blocks goes back once, with the findings' words. What stays unreadable is no card, until a
person asks again.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ankiforge.draft import private
from ankiforge.draft.desk.asking import Answer, Desk
from ankiforge.draft.desk.faults import TooLongError
from ankiforge.draft.desk.till import BUDGET, BudgetError
from ankiforge.draft.mending import Mending
from ankiforge.draft.wording.drawing import drawn, numbered, unwanted
from ankiforge.draft.wording.reply import Item, items, reasons
from ankiforge.draft.wording.requests import Chunk, Message, Shape, barred, shape_of, withheld
from ankiforge.errors import ItemError
from ankiforge.model import Draft, Drafted, Highlight, HighlightKey, NoCard, Origin, Problem, Task

Repair = Callable[[Draft, Highlight], tuple[str, ...]]
"""What blocks a draft of a highlight, in words; called from several threads."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A highlight that was not answered this time, and what to do."""

    highlight: HighlightKey
    what: str
    hint: str
    where: str = ""
    """What has to do with it; "" = this document alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some highlights: each has drafts, a reason for none, or a failure."""

    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failures: tuple[Failure, ...] = ()
    unread: tuple[Failure, ...] = ()
    """Highlights of `no_cards` whose new reply could not be read: told of once."""


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """Several outcomes as one, in order."""
    parts = tuple(outcomes)
    return Outcome(
        tuple(draft for part in parts for draft in part.drafts),
        tuple(none for part in parts for none in part.no_cards),
        tuple(failure for part in parts for failure in part.failures),
        tuple(failure for part in parts for failure in part.unread),
    )


class Dialogue:
    """Talks with the model at a desk; one call a chunk, from any thread."""

    def __init__(self, desk: Desk, repair: Repair | None = None) -> None:
        self._desk = desk
        self._repair = repair
        before = desk.before()
        self._before = Dialogue(before, repair) if before else None
        """The same as it was before a default was changed: its replies are paid for."""

    def answered(self, chunk: Chunk) -> bool:
        """Whether the first reply about a chunk is remembered."""
        return self._asked_before(chunk) is not None

    def _asked_before(self, chunk: Chunk) -> tuple[Dialogue, Chunk] | None:
        """Who was asked about a chunk, and as what it was read then; None if nobody answered."""
        for one in filter(None, (chunk, chunk.as_formerly)):
            for who in filter(None, (self, self._before)):
                if who._desk.answered(one):
                    return (who, one)
        return None

    def about(self, chunk: Chunk) -> Outcome:
        """Drafts, reasons or problems for every highlight of the chunk.

        Raises:
            ServiceError, UsageError: what ends the run.
        """
        who, chunk = self._asked_before(chunk) or (self, chunk)
        return who._about(chunk)

    def _about(self, chunk: Chunk) -> Outcome:
        if reason := barred(chunk.task, self._desk.prompt):
            return Outcome(no_cards=tuple(_not_now(one, reason) for one in chunk.highlights))
        outcome = self._asked(chunk)
        if self._repair is None:
            return outcome
        return joined(self._mended(chunk, outcome, highlight) for highlight in chunk.highlights)

    def _asked(self, chunk: Chunk) -> Outcome:
        try:
            answer = self._desk.reply(chunk)
            return self._understood(chunk, answer)
        except TooLongError as error:
            half = len(chunk.highlights) // 2
            if half == 0:
                return _failed(chunk, error)
            parts = (chunk.highlights[:half], chunk.highlights[half:])
            return joined(self._asked(chunk.only(part)) for part in parts)
        except ItemError as error:
            return _failed(chunk, error)

    def _understood(self, chunk: Chunk, answer: Answer) -> Outcome:
        if refusal := _refusal(answer):
            return self._refused(chunk, refusal)
        read = self._read(chunk, answer)
        named = ((at, one) for at, one in enumerate(chunk.highlights) if at in read)
        done = joined(self._carded(chunk, one, read[at], answer) for at, one in named)
        missing = [one for at, one in enumerate(chunk.highlights) if at not in read]
        if len(chunk.highlights) == 1 and missing:
            return self._once_more(chunk, answer)
        return joined([done, *(self._asked(chunk.only((one,))) for one in missing)])

    def _refused(self, chunk: Chunk, refusal: str) -> Outcome:
        """One passage may have spoilt it for the others: each is asked alone."""
        if len(chunk.highlights) > 1:
            return joined(self._asked(chunk.only((one,))) for one in chunk.highlights)
        return Outcome(no_cards=(NoCard(chunk.highlights[0].key, refusal),))

    def _read(self, chunk: Chunk, answer: Answer) -> dict[int, list[Item]]:
        """The items of each highlight, by its place in the chunk."""
        labels = tuple(str(at) for at in range(1, len(chunk.highlights) + 1))
        read: dict[int, list[Item]] = {}
        for item in items(answer.completion.content, labels):
            read.setdefault(int(item.label) - 1, []).append(item)
        if answer.completion.finish == "length" and len(read) > 1:
            read.popitem()  # its next card may have been cut off
        self._desk.readable(answer, bool(read))
        return read

    def _shape(self, chunk: Chunk) -> Shape:
        settings, words = self._desk.settings, self._desk.prompt.of(chunk.task)
        return shape_of(chunk.task, words, settings.candidates, settings.tags)

    def _origin(self, chunk: Chunk, answer: Answer) -> Origin:
        words = self._desk.prompt.of(chunk.task)
        return Origin("llm", self._desk.settings.model, words.fingerprint, answer.request)

    def _carded(
        self, chunk: Chunk, highlight: Highlight, read: list[Item], answer: Answer
    ) -> Outcome:
        shape = self._shape(chunk)
        made = drawn(read, highlight, self._origin(chunk, answer), shape)
        if made:
            return Outcome(drafts=numbered(made, shape))
        why = next(reasons(read), "") or unwanted(read, shape)
        return Outcome(no_cards=(NoCard(highlight.key, why),))

    # --- asking once more -------------------------------------------------------------------

    def _once_more(self, chunk: Chunk, answer: Answer) -> Outcome:
        """One highlight, and a reply that could not be read.

        If it is remembered, all that was said to this request in an earlier run is looked at;
        where that ended unreadable, nothing is sent: it would be paid for twice.
        """
        highlight = chunk.highlights[0]
        known = list(self._desk.kept(chunk)) if answer.cached else []
        whole = [one for one in known if one.completion.finish != "length"]
        again = [two for one in whole for two in self._desk.kept(chunk, _not_json(one))]
        for one in (*known, *again):
            if read := self._read(chunk, one):
                return self._carded(chunk, highlight, read[0], one)
        cut_off = len(whole) < len(known) or answer.completion.finish == "length"
        ended = known and (again or highlight.key in chunk.task.unread)
        if not ended and not cut_off:
            answer = self._desk.reply(chunk, _not_json(answer))
            if read := self._read(chunk, answer):
                return self._carded(chunk, highlight, read[0], answer)
        if self._desk.outdated(answer):  # by now the server is asked otherwise
            answer = self._desk.reply(chunk, anew=True)
            if read := self._read(chunk, answer):
                return self._carded(chunk, highlight, read[0], answer)
        return _unreadable(highlight, answer)

    def mend(self, chunk: Chunk, drafts: tuple[Draft, ...]) -> Outcome:
        """What becomes of the drafts of one highlight, made earlier, when they are mended now."""
        for one in filter(None, (chunk, chunk.as_formerly)):
            for who in filter(None, (self, self._before)):
                if who._has_mended(one, drafts):
                    return who._mended(one, Outcome(drafts=drafts), one.highlights[0])
        return self._mended(chunk, Outcome(drafts=drafts), chunk.highlights[0])

    def _has_mended(self, chunk: Chunk, drafts: tuple[Draft, ...]) -> bool:
        """Whether the repair of these drafts is answered already."""
        highlight = chunk.highlights[0]
        mending = Mending(drafts, self._shape(chunk), lambda draft: self._faults(draft, highlight))
        return bool(mending.wanted) and self._desk.answered(chunk, mending.request())

    def _mended(self, chunk: Chunk, outcome: Outcome, highlight: Highlight) -> Outcome:
        """The outcome of one highlight; a fact whose every card is blocked is drawn once more."""
        own, alone = _of(outcome, highlight.key), chunk.only((highlight,))
        shape = self._shape(chunk)
        mending = Mending(own.drafts, shape, lambda draft: self._faults(draft, highlight))
        if not mending.wanted:
            return replace(own, drafts=mending.as_it_is())
        try:
            answer = self._desk.reply(alone, mending.request())
        except ItemError:  # the budget, the server: what was drawn stays, blocked
            return replace(own, drafts=mending.as_it_is())
        read = self._read(alone, answer).get(0, [])
        drafts = mending.mended(drawn(read, highlight, self._origin(chunk, answer), shape))
        if not drafts and read:
            why = next(reasons(read), "") or unwanted(read, shape)
            return Outcome(no_cards=(NoCard(highlight.key, mending.given_up(why)),))
        return replace(own, drafts=drafts or mending.as_it_is())

    def _faults(self, draft: Draft, highlight: Highlight) -> tuple[str, ...]:
        return self._repair(draft, highlight) if self._repair else ()


def _not_now(highlight: Highlight, reason: str) -> NoCard:
    """No card as the settings are; not remembered, for they may change."""
    return NoCard(highlight.key, reason, passing=True)


def _of(outcome: Outcome, key: HighlightKey) -> Outcome:
    """The part of one highlight."""
    return Outcome(
        tuple(draft for draft in outcome.drafts if draft.highlight == key),
        tuple(none for none in outcome.no_cards if none.highlight == key),
        tuple(failure for failure in outcome.failures if failure.highlight == key),
        tuple(failure for failure in outcome.unread if failure.highlight == key),
    )


def _refusal(answer: Answer) -> str:
    """Why the model will not speak of it; "" if it does."""
    said = answer.completion
    if said.refusal:
        return f"the model refused: {' '.join(said.refusal.split())[:200]}"
    return "the server's content filter refused it" if said.finish == "content_filter" else ""


def _not_json(answer: Answer) -> tuple[Message, ...]:
    said = answer.completion.content[:2_000] or "(nothing)"
    return (
        {"role": "assistant", "content": said},
        {"role": "user", "content": "That could not be read. Answer with the JSON only."},
    )


UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
AGAIN = "ankiforge draft --again"


def _unreadable(highlight: Highlight, answer: Answer) -> Outcome:
    """No card, for good: asked again only if a person asks; what the model said is told once."""
    key = highlight.key
    if answer.completion.finish == "length":
        what, fault = CUT_OFF, CUT_OFF
        hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
    else:
        said = " ".join(answer.completion.content.split())[:80]
        what, fault = (
            UNREADABLE,
            f"{UNREADABLE}: {said!r}" if said else f"{UNREADABLE}: it is empty",
        )
        hint = "try another model"
    none = NoCard(key, f"{what}; ask again with: {AGAIN} {shlex.quote(key)}")
    told = Failure(key, fault, f"{hint}; then {AGAIN} KEY, keys: ankiforge list --no-card")
    return Outcome(no_cards=(none,), unread=() if answer.cached else (told,))


def _failed(chunk: Chunk, error: ItemError) -> Outcome:
    where = BUDGET if isinstance(error, BudgetError) else ""
    failures = (Failure(one.key, error.message, error.hint, where) for one in chunk.highlights)
    return Outcome(failures=tuple(failures))


# --- the result of a task -------------------------------------------------------------------


def drafted(task: Task, outcome: Outcome) -> Drafted:
    """A task's result, in the order of its highlights, those that were not sent included."""
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
    """One problem for all highlights that failed for the same reason."""
    where = task.document.title or task.document.key
    own = [failure for failure in (*outcome.failures, *outcome.unread) if not failure.where]
    for failure in dict.fromkeys(
        replace(one, highlight=HighlightKey("")) for one in outcome.failures
    ):
        if failure.where:
            yield Problem(failure.where, failure.what, failure.hint)
    causes = Counter((failure.what, failure.hint, failure in outcome.unread) for failure in own)
    for (what, hint, once), count in causes.items():
        passages = "1 highlight" if count == 1 else f"{count} highlights"
        yield Problem(where, f"{passages} not drafted: {what}", hint, once=once)
