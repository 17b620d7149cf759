"""The cascade: what a check forbids goes back to the model once, and nothing of it is forgotten.

    draft ─▶ checks ─▶ (blocked) back with the findings' words ─▶ checks ─▶ ready, or blocked

A fact of which some card passes needs no mending: a person picks, and may pick a blocked one by
force. What was sent back is kept with what came instead; what is still blocked after mending stays
to be seen, with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ankiforge.draft.wording.drawing import by_fact, card_json, numbered
from ankiforge.draft.wording.requests import Message, Shape
from ankiforge.model import Attempt, Draft

Faults = Callable[[Draft], tuple[str, ...]]
"""What blocks a draft, in words; () if nothing does."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """The cards of one fact, parted by what the checks say."""

    good: tuple[Draft, ...]
    bad: tuple[tuple[Draft, tuple[str, ...]], ...]

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """All of them, the good ones first."""
        return (*self.good, *(draft for draft, _ in self.bad))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The blocked ones, as what was sent back."""
        return tuple(
            Attempt(draft.kind, draft.fields, faults, draft.origin.request)
            for draft, faults in self.bad
        )


class Mending:
    """The drafts of one highlight, and what is to be drawn once more."""

    def __init__(self, drafts: tuple[Draft, ...], shape: Shape, faults: Faults) -> None:
        self._shape = shape
        self._faults = faults
        self._facts = {fact[0].intent: self._judged(fact) for fact in by_fact(drafts)}
        self.wanted = [number for number, fact in self._facts.items() if not fact.good]
        """The facts of which every card is blocked."""

    def _judged(self, fact: list[Draft]) -> _Fact:
        judged = [(draft, self._faults(draft)) for draft in fact]
        good = tuple(draft for draft, faults in judged if not faults)
        return _Fact(good, tuple((draft, faults) for draft, faults in judged if faults))

    def as_it_is(self) -> tuple[Draft, ...]:
        """The drafts without mending: of each fact those that pass before those that are blocked."""
        return tuple(draft for fact in self._facts.values() for draft in fact.drafts)

    # --- once more --------------------------------------------------------------------------

    def _bad(self) -> list[tuple[Draft, tuple[str, ...]]]:
        return [one for number in self.wanted for one in self._facts[number].bad]

    def request(self) -> tuple[Message, ...]:
        """What is said to the model after its first reply."""
        cards = ",".join(card_json(draft, self._shape) for draft, _ in self._bad())
        faults = "\n".join(
            f"- card {number}: {fault}"
            for number, (_, faults) in enumerate(self._bad(), start=1)
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

    def mended(self, again: tuple[Draft, ...]) -> tuple[Draft, ...]:
        """All drafts with those that were drawn again in their places; () if nothing is left."""
        drawn = self._placed(again)
        if not any(drawn.values()) and len(self.wanted) == len(self._facts):
            return ()
        every = (
            replace(draft, intent=number + 1)
            for number in self._facts
            for draft in self._renewed(number, drawn.get(number, []))
        )
        return numbered(every, self._shape)

    def _placed(self, again: tuple[Draft, ...]) -> dict[int, list[Draft]]:
        """What was drawn again, under the fact it is about: as it is labelled, else in turn."""
        placed: dict[int, list[Draft]] = {number: [] for number in self.wanted}
        for draft in again:
            free = (number for number in self.wanted if not placed[number])
            number = draft.intent - 1
            if number not in placed or self._shape.candidates == 1:
                number = next(free, self.wanted[-1])
            placed[number].append(draft)
        return placed

    def _renewed(self, number: int, again: list[Draft]) -> tuple[Draft, ...]:
        """The cards of one fact; what was sent back is kept with them."""
        if not again:
            return self._facts[number].drafts
        return _after(self._facts[number].attempts, self._judged(again).drafts)

    def given_up(self, why: str) -> str:
        """Why there is no card after all, in the words of the check and of the model."""
        faults = "; ".join(dict.fromkeys(fault for _, faults in self._bad() for fault in faults))
        return f"a check blocked the card ({faults[:200]}), and asked again: {why}"


def _after(attempts: tuple[Attempt, ...], drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """The drafts, the first of which keeps what was drawn before it."""
    if not drafts or not attempts:
        return drafts
    return (replace(drafts[0], attempts=(*drafts[0].attempts, *attempts)), *drafts[1:])
