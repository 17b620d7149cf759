"""The two sides of a card as plain text, and a form that is equal for identical cards."""

from __future__ import annotations

from functools import lru_cache

from ankiforge.check.reading import without_markup
from ankiforge.model import Draft, Family, Strings, Value
from ankiforge.text import cloze, regex
from ankiforge.text.fold import canonical
from ankiforge.text.shields import shields

MAX_LENGTH = 2000
"""The number of characters of a field that are compared; useful cards are not longer."""
_SIMPLE_CLOZE = regex(r"\{\{c\d+(?:,\d+)*::([^{}:]*)(?:::[^{}:]*)?\}\}")
_SHIELD_SIGN = regex(r"[`$\\]")


class ComparedSides(Value, gc=False):
    """A card as plain text: question, answer, and both together."""

    family: Family
    asked: str
    answered: str
    text: str = ""
    """The text of a cloze with its answers; "" for other cards."""

    @property
    def whole(self) -> str:
        """The whole text."""
        return self.text or f"{self.asked} {self.answered}"

    @property
    def shown(self) -> str:
        """The text that identifies the card to a reader."""
        return self.text or self.asked


@lru_cache(maxsize=64)
def sides(draft: Draft) -> ComparedSides:
    """Return the two sides of a draft."""
    if draft.kind.family is Family.BASIC:
        front = without_markup(draft.field("Front")[:MAX_LENGTH])
        back = without_markup(draft.field("Back")[:MAX_LENGTH])
        return ComparedSides(Family.BASIC, front, back)
    text = draft.field("Text")[:MAX_LENGTH]
    question, answers = _parted(text)
    return ComparedSides(
        Family.CLOZE,
        asked=without_markup(question),
        answered=without_markup(" ".join(answers)),
        text=without_markup(text),
    )


def _parted(text: str) -> tuple[str, list[str]]:
    """Return the text of a cloze without its gaps, and the answer of each gap."""
    answers = _SIMPLE_CLOZE.findall(text)
    if len(answers) == text.count("{{") and not _SHIELD_SIGN.search(text):
        # faster, and sufficient for most clozes
        return _SIMPLE_CLOZE.sub(" ", text), answers
    gaps = cloze.gaps(text)
    outside = []
    end = 0
    for gap in gaps:
        if gap.start >= end:  # not within the gap before it
            outside.append(text[end : gap.start])
            end = gap.end
    outside.append(text[end:])
    return " ".join(outside), [gap.answer for gap in gaps]


# --- identical cards ------------------------------------------------------------------


def exact_form(draft: Draft) -> Strings:
    """Return values that are equal for identical cards; () if a side is empty.

    Typography, emphasis, and the last stop or question mark are ignored; the gaps of a
    cloze, their grouping and Extra are not.
    """
    extra = _exact(draft.field("Extra")) if draft.field("Extra") else ""
    if draft.kind.family is Family.CLOZE:
        text = _exact(_with_ranks(draft.field("Text")))
        return ("cloze", text, extra) if text else ()
    front = _exact(draft.field("Front"))
    back = _exact(draft.field("Back"))
    if not front or not back:
        return ()
    return (draft.kind.value, front, back, extra)


def _with_ranks(text: str) -> str:
    """Return the text of a cloze with brackets for cloze signs, numbered in order of appearance."""
    ranks: dict[tuple[int, ...], int] = {}
    parts = []
    place = 0
    for gap in cloze.gaps(text):
        rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
        text_before = text[place : gap.start]
        parts.append(f"{text_before}⟦{rank}⟧")
        place = gap.body
    parts.append(text[place:])
    return "".join(parts)


def _exact(text: str) -> str:
    """Return the canonical text; maths and code keep their case, as `m` and `M` differ."""
    if _SHIELD_SIGN.search(text):
        text = _canonical_outside_shields(text)
    else:
        text = without_markup(text)
        text = " ".join(text.casefold().split()) if text.isascii() else canonical(text)
    return text.rstrip(".? \t\n\u00a0") or text


def _canonical_outside_shields(text: str) -> str:
    """Return a text in its canonical form; code and maths stay as they are."""
    parts = []
    place = 0
    for start, end, _ in shields(text):
        parts.append(canonical(without_markup(text[place:start])))
        parts.append(text[start:end])
        place = end
    parts.append(canonical(without_markup(text[place:])))
    return " ".join(parts).strip()
