"""The two sides of a card as plain text, and a form that is equal for identical cards."""

from __future__ import annotations

from functools import lru_cache

from ankiforge.check.reading import without_markup
from ankiforge.model import Card, Family, Fields, Strings, Value
from ankiforge.text import cloze, regex
from ankiforge.text.fold import for_comparing
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


def sides(draft: Card) -> ComparedSides:
    """Return the two sides of a draft."""
    return _sides(draft.family, draft.fields)


@lru_cache(maxsize=64)
def _sides(family: Family, fields: Fields) -> ComparedSides:
    words = dict(fields)
    if family is Family.BASIC:
        front = without_markup(words.get("Front", "")[:MAX_LENGTH])
        back = without_markup(words.get("Back", "")[:MAX_LENGTH])
        return ComparedSides(Family.BASIC, front, back)
    text = words.get("Text", "")[:MAX_LENGTH]
    answers = _SIMPLE_CLOZE.findall(text)
    if len(answers) == text.count("{{") and not _SHIELD_SIGN.search(text):
        # faster, and sufficient for most clozes
        question = _SIMPLE_CLOZE.sub(" ", text)
    else:
        answers = []
        outside = []
        end = 0
        for gap in cloze.gaps(text):
            answers.append(gap.answer)
            if gap.start >= end:  # not within the gap before it
                outside.append(text[end : gap.start])
                end = gap.end
        question = " ".join((*outside, text[end:]))
    return ComparedSides(
        Family.CLOZE,
        asked=without_markup(question),
        answered=without_markup(" ".join(answers)),
        text=without_markup(text),
    )


# --- identical cards ------------------------------------------------------------------


def exact_form(draft: Card) -> Strings:
    """Return values that are equal for identical cards; () if a side is empty.

    Typography, emphasis, and the last stop or question mark are ignored; the gaps of a
    cloze, their grouping and Extra are not.
    """
    extra = _exact(draft.field("Extra")) if draft.field("Extra") else ""
    if draft.kind.family is not Family.CLOZE:
        front = _exact(draft.field("Front"))
        back = _exact(draft.field("Back"))
        return (draft.kind.value, front, back, extra) if front and back else ()
    # brackets for cloze signs, numbered in order of appearance
    text = draft.field("Text")
    ranks: dict[tuple[int, ...], int] = {}
    parts = []
    place = 0
    for gap in cloze.gaps(text):
        rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
        parts.append(f"{text[place : gap.start]}⟦{rank}⟧")
        place = gap.body
    form = _exact("".join((*parts, text[place:])))
    return ("cloze", form, extra) if form else ()


def _exact(text: str) -> str:
    """Return the canonical text; maths and code keep their case, as `m` and `M` differ."""
    if _SHIELD_SIGN.search(text):
        parts = []
        place = 0
        for start, end, _ in shields(text):
            parts.append(for_comparing(without_markup(text[place:start])))
            parts.append(text[start:end])
            place = end
        parts.append(for_comparing(without_markup(text[place:])))
        text = " ".join(parts).strip()
    else:
        text = without_markup(text)
        text = (
            " ".join(text.casefold().split()) if text.isascii() else for_comparing(text)
        )
    return text.rstrip(".? \t\n\u00a0") or text
