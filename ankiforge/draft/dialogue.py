"""The conversation about a few highlights: asked, read, asked once more where it failed.

What a reply leaves out is asked singly; what is too long is halved; a card that a check blocks
goes back once, with the finding's words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ankiforge.domain import Draft, Drafted, Highlight, HighlightKey, NoCard, Origin, Problem, Task
from ankiforge.draft import private
from ankiforge.draft.asking import Answer, Desk
from ankiforge.draft.reply import Item, card_json, drafts, items, numbered, reasons
from ankiforge.draft.requests import Chunk, Message, withheld
from ankiforge.draft.server import TooLongError
from ankiforge.errors import ItemError

Repair = Callable[[Draft, Highlight], tuple[str, ...]]
"""What blocks a draft of a highlight, in words; called from several threads."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A highlight that was not answered this time, and what to do."""

    highlight: HighlightKey
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of some highlights: each has drafts, a reason for none, or a failure."""

    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failures: tuple[Failure, ...] = ()


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """Several outcomes as one, in order."""
    parts = tuple(outcomes)
    return Outcome(
        tuple(draft for part in parts for draft in part.drafts),
        tuple(none for part in parts for none in part.no_cards),
        tuple(failure for part in parts for failure in part.failures),
    )


class Dialogue:
    """Talks with the model at a desk; one call a chunk, from any thread."""

    def __init__(self, desk: Desk, repair: Repair | None = None) -> None:
        self._desk = desk
        self._repair = repair
        self._origin = Origin("llm", desk.settings.model, desk.prompt.fingerprint)

    def about(self, chunk: Chunk) -> Outcome:
        """Drafts, reasons or problems for every highlight of the chunk.

        Raises:
            ServiceError, UsageError: what ends the run.
        """
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
        done = joined(self._carded(one, read[at], answer) for at, one in _named(chunk, read))
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
        if not answer.cached:
            self._desk.readable(bool(read))
        return read

    def _carded(self, highlight: Highlight, read: list[Item], answer: Answer) -> Outcome:
        origin = replace(self._origin, request=answer.request)
        made = drafts(read, highlight, origin, self._desk.settings.candidates)
        if made:
            return Outcome(drafts=made)
        return Outcome(no_cards=(NoCard(highlight.key, next(reasons(read))),))

    # --- asking once more -------------------------------------------------------------------

    def _once_more(self, chunk: Chunk, answer: Answer) -> Outcome:
        """One highlight, and a reply that could not be read."""
        if answer.completion.finish == "length":
            read: dict[int, list[Item]] = {}
        else:
            again = self._desk.reply(chunk, _not_json(answer))
            answer, read = again, self._read(chunk, again)
        if not read and answer.cached:  # both are from an earlier run: a new try
            answer = self._desk.reply(chunk, anew=True)
            read = self._read(chunk, answer)
        if read:
            return self._carded(chunk.highlights[0], read[0], answer)
        return _failed(chunk, _unreadable(answer))

    def _mended(self, chunk: Chunk, outcome: Outcome, highlight: Highlight) -> Outcome:
        """The outcome of one highlight; what a check blocks is drafted once more."""
        own = _of(outcome, highlight.key)
        blocked = {at: self._faults(draft, highlight) for at, draft in enumerate(own.drafts)}
        bad = [(own.drafts[at], words) for at, words in blocked.items() if words]
        if not bad:
            return own
        good = tuple(draft for at, draft in enumerate(own.drafts) if not blocked[at])
        try:
            answer = self._desk.reply(chunk.only((highlight,)), _sent_back(bad))
        except ItemError:
            return own
        read = self._read(chunk.only((highlight,)), answer).get(0)
        if not read:
            return own
        again = self._carded(highlight, read, answer)
        return replace(again, drafts=self._numbered(good, again.drafts)) if good else again

    def _faults(self, draft: Draft, highlight: Highlight) -> tuple[str, ...]:
        return self._repair(draft, highlight) if self._repair else ()

    def _numbered(self, good: tuple[Draft, ...], more: tuple[Draft, ...]) -> tuple[Draft, ...]:
        """Old and new cards of a highlight together, each intent with a number of its own."""
        unique = {draft.fields: draft for draft in (*good, *more)}
        return numbered(unique.values(), self._desk.settings.candidates)


def _named(chunk: Chunk, read: dict[int, list[Item]]) -> list[tuple[int, Highlight]]:
    return [(at, one) for at, one in enumerate(chunk.highlights) if at in read]


def _of(outcome: Outcome, key: HighlightKey) -> Outcome:
    """The part of one highlight."""
    return Outcome(
        tuple(draft for draft in outcome.drafts if draft.highlight == key),
        tuple(none for none in outcome.no_cards if none.highlight == key),
        tuple(failure for failure in outcome.failures if failure.highlight == key),
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


def _sent_back(bad: list[tuple[Draft, tuple[str, ...]]]) -> tuple[Message, ...]:
    cards = ",".join(card_json(draft) for draft, _ in bad)
    faults = "\n".join(f"- {word}" for _, words in bad for word in words)
    wish = "Draft better cards for this highlight, or answer none. Answer with the JSON only."
    return (
        {"role": "assistant", "content": f'{{"cards":[{cards}]}}'},
        {"role": "user", "content": f"These cards cannot be used:\n{faults}\n{wish}"},
    )


def _unreadable(answer: Answer) -> ItemError:
    if answer.completion.finish == "length":
        return ItemError(
            "the reply was cut off before the first card",
            hint="raise max_completion_tokens in llm.extra_body, or turn the model's thinking off",
        )
    said = " ".join(answer.completion.content.split())[:80]
    return ItemError(f"the reply could not be read: {said!r}", hint="try a larger model")


def _failed(chunk: Chunk, error: ItemError) -> Outcome:
    return Outcome(
        failures=tuple(Failure(one.key, error.message, error.hint) for one in chunk.highlights)
    )


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
    causes = Counter((failure.what, failure.hint) for failure in outcome.failures)
    for (what, hint), count in causes.items():
        passages = "1 highlight" if count == 1 else f"{count} highlights"
        yield Problem(where, f"{passages} not drafted: {what}", hint)
