"""Cards for a set of passages, drawn and checked as `draft` does it; nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ankiforge import check
from ankiforge.model import (
    CardKind,
    Draft,
    Drafted,
    Finding,
    HighlightKey,
    NoCard,
    Problem,
    Severity,
    h16,
)
from ankiforge.reports.evaluating.material import Passage

if TYPE_CHECKING:
    from ankiforge.draft.budget import Usage


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card of the evaluation."""

    id: str
    """16 hex digits of the passage's key and the card's words: the same in every sheet."""
    passage: Passage
    draft: Draft
    findings: tuple[Finding, ...]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Nothing for a person to look at."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def origin(self) -> dict[str, str]:
        """Who drew it."""
        origin = self.draft.origin
        return {"drafter": origin.drafter, "model": origin.model, "prompt": origin.prompt}


@dataclass(slots=True)
class Evaluation:
    """All that became of a set."""

    passages: list[Passage]
    cards: list[Drawn] = field(default_factory=list)
    no_cards: dict[HighlightKey, str] = field(default_factory=dict)
    """Passages for which the drafter draws none, and why."""
    failed: dict[HighlightKey, str] = field(default_factory=dict)
    """Passages that were not answered this time."""
    problems: list[Problem] = field(default_factory=list)
    usage: Usage | None = None

    def close(self, usage: Usage | None) -> None:
        """All is in: what nobody spoke of was not answered."""
        self.usage = usage
        spoken = {card.draft.highlight for card in self.cards} | self.no_cards.keys()
        for passage in self.passages:
            if passage.highlight.key not in spoken:
                self.failed.setdefault(passage.highlight.key, "no reply is known")

    @property
    def carded(self) -> frozenset[HighlightKey]:
        """Passages with a card that no check forbids."""
        return frozenset(c.draft.highlight for c in self.cards if not c.blocked)

    @property
    def blocked(self) -> frozenset[HighlightKey]:
        """Passages all of whose cards a check forbids."""
        return frozenset(c.draft.highlight for c in self.cards) - self.carded

    @property
    def left(self) -> list[Passage]:
        """Passages that were answered and are left without a card."""
        return [
            passage
            for passage in self.passages
            if (key := passage.highlight.key) not in self.carded and key not in self.failed
        ]


def evaluate(
    evaluation: Evaluation, results: Iterable[Drafted], limits: check.Limits
) -> Iterator[Drafted]:
    """Take the results of a drafter in as they come; each is handed on once it is checked."""
    passages = {passage.highlight.key: passage for passage in evaluation.passages}
    known = check.DuplicateIndex()
    for drafted in results:
        made = list(_checked(drafted, passages, known, limits))
        for card in made:
            known.add(card.id, card.draft.highlight, card.draft)
        evaluation.cards += made
        evaluation.no_cards |= _reasons(drafted.no_cards)
        evaluation.failed |= dict(drafted.failed)
        yield drafted


def _checked(
    drafted: Drafted,
    passages: Mapping[HighlightKey, Passage],
    known: check.DuplicateIndex,
    limits: check.Limits,
) -> Iterator[Drawn]:
    """The cards of one task with what the checks say; those drafted before may be repeated."""
    here, labelled = check.DuplicateIndex(), [(card_id(draft), draft) for draft in drafted.drafts]
    siblings = check.Siblings(labelled)
    for label, draft in labelled:
        passage = passages[draft.highlight]
        context = check.Context(passage.highlight, known, here, limits, siblings)
        yield Drawn(label, passage, draft, check.check(draft, context))
        here.add(label, draft.highlight, draft)


def _reasons(no_cards: Iterable[NoCard]) -> dict[HighlightKey, str]:
    return {none.highlight: none.reason for none in no_cards}


def card_id(draft: Draft) -> str:
    """The name of a card: of its passage and its words."""
    words = (part for pair in draft.fields for part in pair)
    return h16(draft.highlight, draft.kind.value, *words)


# --- what it came to ------------------------------------------------------------------------


def came_to(evaluation: Evaluation) -> dict[str, Any]:
    """The counts, as `--json` tells them."""
    cards = evaluation.cards
    return {
        "highlights": {
            "seen": len(evaluation.passages),
            "carded": len(evaluation.carded),
            "blocked": len(evaluation.blocked),
            "no_card": len(evaluation.left) - len(evaluation.blocked),
            "failed": len(evaluation.failed),
        },
        "labelled": labelled(evaluation),
        "cards": {
            "drawn": len(cards),
            "clean": sum(card.clean for card in cards),
            "warned": sum(not card.clean and not card.blocked for card in cards),
            "blocked": sum(card.blocked for card in cards),
        },
        "kinds": {kind.value: sum(c.draft.kind is kind for c in cards) for kind in CardKind},
        "findings": found_by(cards),
        "no_card": dict(Counter(evaluation.no_cards.values()).most_common()),
        "origins": origins(cards),
        "llm": _usage(evaluation.usage),
        "problems": evaluation.problems,
    }


def labelled(evaluation: Evaluation) -> dict[str, int]:
    """How the passages fared of which it is known whether they deserve a card."""
    carded, failed = evaluation.carded, evaluation.failed
    known = [p for p in evaluation.passages if p.highlight.key not in failed]
    deserving = [p.highlight.key for p in known if p.deserves is True]
    others = [p.highlight.key for p in known if p.deserves is False]
    return {
        "deserving": len(deserving),
        "deserving_carded": sum(key in carded for key in deserving),
        "undeserving": len(others),
        "left_alone": sum(key not in carded for key in others),
    }


def found_by(cards: Iterable[Drawn]) -> dict[str, dict[str, int]]:
    """severity: {check: cards on which it was found}, the frequent first."""
    found: dict[str, Counter[str]] = {severity.value: Counter() for severity in reversed(Severity)}
    for card in cards:
        for severity, name in {(one.severity.value, one.check) for one in card.findings}:
            found[severity][name] += 1
    return {severity: dict(counts.most_common()) for severity, counts in found.items()}


def origins(cards: Iterable[Drawn]) -> dict[str, int]:
    """Who drew how many: the rule, or the model and the prompt."""
    return dict(Counter(origin_name(card.origin) for card in cards).most_common())


def origin_name(origin: dict[str, str]) -> str:
    """`rules:acronym`, or `model · prompt@fingerprint`."""
    named = " · ".join(filter(None, (origin.get("model", ""), origin.get("prompt", ""))))
    return named or origin.get("drafter", "") or "unknown"


def _usage(usage: Usage | None) -> dict[str, Any]:
    from ankiforge.draft.budget import Usage

    return asdict(usage or Usage())
