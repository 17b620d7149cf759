"""From items to drafts: which kinds are wanted, what is one fact, where the evidence stands.

A quote that does not stand in the source still makes a draft: the grounding check blocks it,
and the person sees what the model tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rapidfuzz import fuzz

from ankiforge.draft.shapes import sided
from ankiforge.draft.wording.reply import Item
from ankiforge.draft.wording.requests import FACTS, Shape
from ankiforge.model import CardKind, Draft, Fields, Highlight, Origin, Span
from ankiforge.text import cloze
from ankiforge.text.fold import fold
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import locate
from ankiforge.text.sentences import boundaries

# --- one draft ------------------------------------------------------------------------------


def drawn(
    read: Iterable[Item], highlight: Highlight, origin: Origin, shape: Shape
) -> tuple[Draft, ...]:
    """The cards of one highlight, of the kinds that are wanted, not `numbered` yet.

    `intent` is the number of the fact as the model has it; where it has none, all are of fact 1
    if they are to be chosen from, else each is a fact of its own.
    """
    fitting = (_fitted(item, shape.kinds) for item in read)
    made = [_draft(item, highlight, origin, shape) for item in fitting if item is not None]
    return tuple(
        draft if draft.intent else replace(draft, intent=1 if shape.candidates > 1 else _OWN + at)
        for at, draft in enumerate(made)
    )


_OWN = 1000
"""Facts the model gave no number are numbered from here."""


def unwanted(read: Iterable[Item], shape: Shape) -> str:
    """Why none of the cards a model drew is of use; "" if it drew none."""
    kinds = [item.kind for item in read if item.kind is not None]
    drew = ", ".join(dict.fromkeys(kinds))
    return f"the model drew only {drew}, wanted is {', '.join(shape.kinds)}" if drew else ""


def _fitted(item: Item, kinds: tuple[CardKind, ...]) -> Item | None:
    """The card as one of the kinds that are wanted; None if it cannot be one."""
    if item.kind is None or item.kind in kinds:
        return item if item.kind else None
    if CardKind.BASIC not in kinds:
        return None
    if item.kind is CardKind.TWO_WAY:
        return replace(item, kind=CardKind.BASIC)
    gaps = cloze.gaps(item.text)
    if len(gaps) != 1:
        return None
    front = f"{item.text[: gaps[0].start]}[…]{item.text[gaps[0].end :]}"
    return replace(item, kind=CardKind.BASIC, front=front, back=gaps[0].answer, text="")


def _draft(item: Item, highlight: Highlight, origin: Origin, shape: Shape) -> Draft:
    kind = item.kind or CardKind.BASIC
    answers = [item.back] if item.back else [gap.answer for gap in cloze.gaps(item.text)]
    quote, start = _evidence(item.quote, [plain(answer) for answer in answers], highlight)
    fields: Fields = (("Text", item.text),)
    if kind is not CardKind.CLOZE:
        fields = sided(kind, item.front, item.back)
    answer = cloze_answers(item.text) if kind is CardKind.CLOZE else plain(item.back)
    fact = int(item.fact) if re.fullmatch(r"[1-9]\d{0,2}", item.fact) else 0
    tags = tuple(tag for tag in item.tags if tag.partition("::")[0] in shape.tags)
    return Draft(highlight.key, kind, fields, quote, answer, start, origin, fact, tags=tags)


def _evidence(quote: str, answers: Iterable[str], highlight: Highlight) -> tuple[str, int]:
    """The quote as it stands in the source, and where the model's own begins in the marked words.

    Where the answers stand beside it in the same sentence, it holds them too.
    """
    bare = quote.strip().strip('"“”„«»').strip()
    places = (highlight.exact, highlight.sentence)
    found = [_found((quote, bare), place) for place in places]
    missing = [answer for answer in answers if not _within(answer, bare)]
    held = [_held(missing, place) for place in places]
    if found[0] and (not missing or held[0] or not (found[1] and held[1])):
        start, end = _stretched(found[0], held[0], highlight.exact)
        return highlight.exact[start:end], found[0][0]
    if found[1]:
        start, end = _stretched(found[1], held[1], highlight.sentence)
        return highlight.sentence[start:end], 0
    return quote, 0


def _found(quotes: Iterable[str], place: str) -> Span | None:
    return next((span for quote in quotes if (span := locate(quote, place))), None)


def _held(answers: Iterable[str], place: str) -> list[Span]:
    """Where the answers stand in a text; nothing unless all of them do."""
    spans = [_within(answer, place) for answer in answers]
    return [] if None in spans else [span for span in spans if span]


def _within(answer: str, place: str) -> Span | None:
    """Where an answer stands as words of its own: no rat in generation."""
    at = 0
    while span := locate(answer.strip(" ."), place[at:]):
        start, end = at + span[0], at + span[1]
        if not (_LETTER.match(place[start - 1 : start]) or _LETTER.match(place[end : end + 1])):
            return start, end
        at = end
    return None


_LETTER = re.compile(r"[a-zA-Z\u00c0-\u024f0-9]")
"""Scripts that part words by blanks."""


def _stretched(quote: Span, answers: list[Span], place: str) -> Span:
    """The stretch that holds the quote and the answers; a quote of a word takes its line along.

    A quote that has another figure than the answer is left as it is: one of them is wrong.
    """
    told = _FIGURES.findall(" ".join(place[start:end] for start, end in answers))
    quoted = _FIGURES.findall(place[quote[0] : quote[1]])
    spans = [quote] if told and quoted and not set(told) <= set(quoted) else [quote, *answers]
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    if any(start < at < end for at in boundaries(place)):  # another sentence, another claim
        start, end = quote
    if _NAMING <= end - start < _TELLING:
        start = place.rfind("\n", 0, start) + 1
        end = place.find("\n", end) if "\n" in place[end:] else len(place)
    return (start, end) if end - start <= _STRETCH else quote


_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_NAMING, _TELLING = 3, 8
"""Characters from which a quote points at a line, and from which it may prove something."""
_STRETCH = 600
"""Characters beyond which a quote tells no more than the whole page."""


# --- facts and their candidates -------------------------------------------------------------


def numbered(made: Iterable[Draft], shape: Shape) -> tuple[Draft, ...]:
    """At most two facts, in the order of the passage; of each the cards that differ.

    One card a fact, or as many as a person is to choose from, the model's best first.
    """
    facts: dict[int, list[Draft]] = {}
    for draft in made:
        full = (
            len(facts) == FACTS
            if draft.intent not in facts
            else (len(facts[draft.intent]) == shape.candidates)
        )
        if full or any(alike(draft, other) for others in facts.values() for other in others):
            continue
        facts.setdefault(draft.intent, []).append(draft)
    return tuple(
        replace(draft, intent=intent)
        for intent, fact in enumerate(sorted(facts.values(), key=_start))
        for draft in fact
    )


def _start(fact: list[Draft]) -> int:
    return min(draft.start for draft in fact)


_SAME_WORDS = 90
"""Fronts at least this similar (rapidfuzz token_sort_ratio, 0 to 100) ask the same."""


def alike(one: Draft, other: Draft) -> bool:
    """Whether two cards of a highlight are one in other words: equal answers, the same question."""
    if one.fields == other.fields:
        return True
    if one.kind.family is not other.kind.family or fold(one.answer) != fold(other.answer):
        return False
    asked, again = _asked(one), _asked(other)
    if re.findall(r"\d+", asked) != re.findall(r"\d+", again):
        return False
    return fuzz.token_sort_ratio(asked, again) >= _SAME_WORDS


def _asked(draft: Draft) -> str:
    """The words of the question, without case and signs."""
    asked = cloze.reveal(draft.field("Text")) or draft.field("Front")
    return " ".join(re.findall(r"\w+", asked.casefold()))


# --- asking again ---------------------------------------------------------------------------


def card_json(draft: Draft, shape: Shape) -> str:
    """A draft as the model may see it again, when it is asked to mend it."""
    fact = {"fact": str(draft.intent + 1)} if shape.candidates > 1 else {}
    return json.dumps({**fact, "kind": draft.kind.value, **dict(draft.fields)}, ensure_ascii=False)


def by_fact(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    """The drafts of a highlight, fact by fact."""
    facts: dict[int, list[Draft]] = {}
    for draft in drafts:
        facts.setdefault(draft.intent, []).append(draft)
    yield from facts.values()
