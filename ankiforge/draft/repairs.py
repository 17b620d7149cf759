"""Repairs of a card: what a program offers without a model, and what a model is asked.

A repair is data: what the words of the card become, and which cards are new. None adds a
fact. A program offers only the moves that two readers found better in most cases: to split,
to ask a clause alone, to hide a word everywhere, to show what a card is mixed up with, to
say what it is about. Another gap, a hint of first letters, or an end of the card were not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from ankiforge.config import shipped
from ankiforge.draft.prompt import ModelRequest, exactly, filled, message
from ankiforge.draft.reply import cloze_text, markdown, objects
from ankiforge.draft.sendable import SendableText, ours
from ankiforge.language.words import content, stem
from ankiforge.model import Json, Strings, Texts, Value, h16
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import plain
from ankiforge.text.fold import locate
from ankiforge.text.lists import (
    BULLET,
    FEWEST,
    asks_for_several,
    is_code,
    number_asked_for,
    things,
)
from ankiforge.text.sentences import sentences

GAP = "[…]"
MOST_OFFERS = 3
# So many things can be asked one by one.
_MOST_THINGS = 9
_MOST_WORDS_OF_NAME = 10
_MOST_WORDS_OF_POINT = 6
# The first sentence of a long answer, in words.
_SENTENCE_WORDS = range(2, 31)
_FEWEST_OF_CLAUSE = 4
# The content words of an answer that the question does not have.
_FEWEST_NEW = 3
# The words of a subject that is put before a question.
_MOST_OF_ORPHAN = 6


class CardRepair(Value):
    """A change of a card that a person may take."""

    name: str
    says: str
    """In a line, what it does."""
    fields: Texts
    """The words of the card as they become, by field; a field that is not here stays."""
    new: tuple[Texts, ...] = ()
    """The words of cards that it adds."""
    beside: str = ""
    """What is shown below the answer of the card that this one is mixed up with."""
    html: Texts = {}
    """The HTML of fields that only their form is changed of."""
    quote: str = ""
    """Of a model's repair: the words of the source that prove it."""
    doubts: Strings = ()
    """What the checks say about it."""


class CardToRepair(Value):
    """All that a repair depends on."""

    fields: Texts
    """Markdown: Front, Back and Extra, or Text and Extra."""
    faults: frozenset[str] = frozenset()
    """The rules that it breaks."""
    topic: str = ""
    """What its deck or heading says that it is about."""
    near: Texts = {}
    """The fields of the card that it is mixed up with."""
    alone: bool = True
    """Whether its note has no other card that the change of a side would change, too."""

    @property
    def is_cloze(self) -> bool:
        """Whether its words stand in one text with gaps."""
        return "Text" in self.fields


def offers(card: CardToRepair) -> tuple[CardRepair, ...]:
    """Return the repairs that a program can make of a card, at most three, the surest first."""
    found: list[CardRepair] = []
    if card.is_cloze:
        found += _clozes(card)
    elif card.alone and not any("![" in text for text in card.fields.values()):
        found += _two_questions(card)
        found += _set(card)
        found += _first_sentence(card)
    found += _contrast(card)
    if not card.is_cloze and not any(repair.name == "split" for repair in found):
        found += _context(card)
    return tuple(found[:MOST_OFFERS])


# --- several things in one card -----------------------------------------------------------

_SENTENCE = regex(r"(?<=[.!?。])\s+(?=[A-ZÄÖÜ«“\"(\d])")
_SECOND = regex(
    r"(?ix)(?<=\?)\s+(?=\S)"
    r"|,?\s+(?:and|und|et|y)\s+(?=(?:what|which|who|when|where|why|how|was|wer|wann|wo|warum"
    r"|wie|welche\w*|qui|quand|où|pourquoi|comment|qué|quién|cuándo|dónde|cómo)\b)"
)
_LEANS = regex(
    r"(?i)\b(?:it|its|they|their|them|this|that|es|sie|dies\w*|er|ihn|ihm|elle|il|ils|ello)\b"
)
_ASKS_WHAT = regex(
    r"(?i)^(?:what|was|who|wer|wie)\s+(?:is|are|ist|sind)\s+(?:(?:an?|the|der|die|das|eine?)\s+)?"
)
# What is answered by more than one sentence, and an answer that begins elsewhere.
_ASKS_HOW = regex(r"(?i)^\W*(?:how|wie|comment|cómo|come)\b")
_BEGINS_ELSEWHERE = regex(r"(?i)\(?\d|(?:this|these|that|it|dies\w*|es|questo|questa)\b")
_BOTH = regex(r"(?i)\s(?:and|und|et|y|e|vs\.?|versus|or|oder|[+&])\s|[,/]")
_NOT_ALL = regex(r"(?i)\b(?:many|others?|etc|usw|viele|among|e\. ?g|z\. ?B)\b|…|\.\.\.")
_SAME = regex(r"(?i)\b(?:same|likewise|also|above|gleiche[nrs]?|ebenso|auch)\b")
# A second question that asks about each of several things has no one answer.
_OF_EACH = regex(
    r"(?i)\b(?:each|both|jede[mnrs]?|beide[nrs]?|chacun\w*|cada|ciascun\w*)\b"
)
_AND = regex(r"(?i)^(?:and|und|et|y|or|oder)\s+")
_BEHIND_NAME = regex(r"\s*[:(–]\s*| - | z\. ?B\. | e\. ?g\. ")


def _set(card: CardToRepair) -> Iterator[CardRepair]:
    """Ask for one thing of a list, and show the others; each of them is asked in a new note."""
    if card.faults.isdisjoint(("set", "list_gt5")):
        return
    front, back = card.fields["Front"], card.fields["Back"]
    parts = [_AND.sub("", part) for part in things(front, back)]
    bullets = list(BULLET.finditer(back))
    has_words_above = bool(bullets and back[: bullets[0].start()].strip())
    is_flat = len({len(bullet[1]) for bullet in bullets}) <= 1
    is_fit = FEWEST <= len(parts) <= _MOST_THINGS and is_flat and not has_words_above
    if not is_fit or "two_questions" in card.faults:
        return
    if any("\n" in part or part.startswith("\\<") for part in parts):
        return
    # a heading above others, or a word for those that are left out
    if any(plain(part).endswith(":") for part in parts) or _NOT_ALL.search(back):
        return
    if number_asked_for(front) not in (0, len(parts)):
        return
    if any(_SENTENCE.search(part) for part in parts) and not bullets:
        return
    # a list that nobody asked for may be an explanation in points
    are_short = all(len(part.split()) <= _MOST_WORDS_OF_POINT for part in parts)
    if not are_short and not asks_for_several(front):
        return
    names = []
    for part in parts:
        name = _BEHIND_NAME.split(part, maxsplit=1)[0]
        names.append(" ".join(name.split()).strip(" .,;"))
    if len(set(names)) != len(names) or not all(names):
        return
    if any(len(name.split()) > _MOST_WORDS_OF_NAME for name in names):
        return
    cards: list[dict[str, str]] = []
    for place, part in enumerate(parts):
        shown = [*names[:place], GAP, *names[place + 1 :]]
        listed = "\n".join(shown)
        cards.append({"Front": f"{front}\n\n{listed}", "Back": part})
    says = f"ask for one of the {len(parts)} and show the others"
    yield CardRepair("split", says, cards[0], tuple(cards[1:]))


def _two_questions(card: CardToRepair) -> Iterator[CardRepair]:
    """Ask the second question in a note of its own, if the answer has two parts."""
    if "two_questions" not in card.faults:
        return
    front, back = card.fields["Front"], card.fields["Back"].strip()
    halves = [half.strip() for half in _SECOND.split(front)]
    listed = things(front, back)
    if len(halves) != 2 or min(len(half.split()) for half in halves) < 2:
        return
    if _OF_EACH.search(halves[1]) or len(_AND.sub("", halves[1]).split()) < 2:
        return
    if len(listed) >= FEWEST:  # its parts answer one question
        return
    separator = regex("\n+") if "\n" in back else _SENTENCE
    answers = listed if len(listed) == 2 else separator.split(back)
    answers = [answer.strip() for answer in answers]
    if len(answers) != 2 or not all(answers) or _SAME.search(answers[1]):
        return
    first = f"{halves[0].rstrip('?')}?"
    second = f"{halves[1][:1].upper()}{halves[1][1:].rstrip('?')}?"
    shared = set(map(stem, content(plain(first)))) & set(
        map(stem, content(plain(second)))
    )
    if _LEANS.search(second) or not shared:  # the first one tells its subject
        subject = _ASKS_WHAT.sub("", first).rstrip("?")
        is_short = len(subject.split()) <= _MOST_OF_ORPHAN and subject != first.rstrip(
            "?"
        )
        second = f"{subject}: {second}" if is_short else f"{first}\n\n{second}"
    yield CardRepair(
        "split",
        "ask only the first; the second becomes a new note",
        {"Front": first, "Back": answers[0]},
        ({"Front": second, "Back": answers[1]},),
    )


# --- a clause alone -----------------------------------------------------------------------


def _first_sentence(card: CardToRepair) -> Iterator[CardRepair]:
    """Answer with the first sentence; the rest is shown below."""
    back = card.fields["Back"].strip()
    if "answer_gt20w" not in card.faults or "two_questions" in card.faults:
        return
    start, end = next(iter(sentences(back)), (0, 0))
    first = back[start:end].strip()
    rest = back[end:].strip()
    is_sentence = "\n" not in first and first.endswith((".", "!", "。"))
    if _BEGINS_ELSEWHERE.match(first) or _ASKS_HOW.match(card.fields["Front"]):
        return
    if not rest or not is_sentence or BULLET.match(first) or is_code(back):
        return
    if len(first.split()) not in _SENTENCE_WORDS:
        return
    # a sentence that does not name what is asked begins an argument, or a calculation; one
    # that says little else may spell out the name; and of two things it answers one
    front = plain(card.fields["Front"])
    asked = set(map(stem, content(front)))
    said = set(map(stem, content(plain(first))))
    if not asked or 2 * len(asked & said) < len(asked) or _BOTH.search(front):
        return
    if len(said - asked) < _FEWEST_NEW:
        return
    below = _below(card, rest)
    says = "answer with the first sentence; the rest goes below it"
    yield CardRepair("clause", says, {"Back": first, "Extra": below})


def _below(card: CardToRepair, text: str) -> str:
    """Return the text below the answer, with another one after it."""
    return "\n\n".join(filter(None, (card.fields.get("Extra", ""), text)))


def _clozes(card: CardToRepair) -> Iterator[CardRepair]:
    text = card.fields["Text"]
    gaps = cloze.gaps(text)
    numbers = cloze.numbers(text)
    is_nested = any(later.start < gap.end for gap, later in pairwise(gaps))
    if not gaps or is_nested:
        return
    if "gap_leak" in card.faults:
        hidden = hidden_everywhere(text)
        if hidden != text:
            yield CardRepair("hide", "hide the word wherever it stands", {"Text": hidden})
    if "cloze_gt40w" in card.faults:
        parts = _SENTENCE.split(text)
        with_gaps = [part for part in parts if "{{c" in part]
        is_whole = len(with_gaps) == 1 and len(cloze.gaps(with_gaps[0])) == len(gaps)
        if len(parts) > 1 and is_whole and len(with_gaps[0].split()) >= _FEWEST_OF_CLAUSE:
            below = _below(card, cloze.words_of(text))
            says = "ask only the sentence with the gap; all of it goes below the answer"
            yield CardRepair("clause", says, {"Text": with_gaps[0], "Extra": below})
    if "set" in card.faults and len(numbers) == 1:
        says = f"a card for each gap: this one hides the first, {len(gaps) - 1} are new"
        yield CardRepair("split", says, {"Text": with_own_numbers(text)})


_GAP = regex(r"(?s)\{\{c(\d+)::(.*?)(?:::(.*?))?\}\}")
_KEPT = regex(r"(?s)(\{\{c[\d,]+::.*?\}\}|<[^<>]*>|\$[^$\n]*\$|\\\(.*?\\\)|`[^`]*`)")


def hidden_everywhere(text: str) -> str:
    """Return a cloze, as Markdown or HTML, with the words of each gap hidden where they repeat."""
    for number, answer, _ in _GAP.findall(text):
        words = answer.strip(" .,;:")
        if not words or not words[0].isalnum() or not words[-1].isalnum():
            continue
        pattern = re.compile(rf"(?i)(?<!\w){re.escape(words)}(?!\w)")
        pieces = _KEPT.split(text)
        for place in range(0, len(pieces), 2):
            pieces[place] = pattern.sub(
                lambda match, n=number: f"{{{{c{n}::{match[0]}}}}}", pieces[place]
            )
        text = "".join(pieces)
    return text


def with_own_numbers(text: str) -> str:
    """Return a cloze with a number for each gap; the first keeps its own, and so its history."""
    numbers = iter(range(max(cloze.numbers(text), default=0), 500))

    def numbered(match: re.Match[str]) -> str:
        hint = f"::{match[3]}" if match[3] else ""
        return f"{{{{c{next(numbers)}::{match[2]}{hint}}}}}"

    return _GAP.sub(numbered, text)


# --- beside others ------------------------------------------------------------------------


def _contrast(card: CardToRepair) -> Iterator[CardRepair]:
    """Show each of two cards that are mixed up below the answer of the other."""
    if card.near and _answer_of(card.near) != _answer_of(card.fields):
        below = _below(card, f"Not: {_in_a_line(card.near)}")
        says = "show the other card below the answer, on both notes"
        beside = f"Not: {_in_a_line(card.fields)}"
        yield CardRepair("contrast", says, {"Extra": below}, beside=beside)


def _answer_of(fields: Texts) -> str:
    """Return the answer of a card, to compare it with another one."""
    text = fields.get("Back", "")
    if "Text" in fields:
        text = ", ".join(gap.answer for gap in cloze.gaps(fields["Text"]))
    return " ".join(plain(text).casefold().split()).strip(" .")


def _in_a_line(fields: Texts) -> str:
    """Return a card as question and answer in a line of Markdown."""
    if "Text" in fields:
        answers = ", ".join(gap.answer for gap in cloze.gaps(fields["Text"]))
        question = _GAP.sub(GAP, fields["Text"])
        return f"{' '.join(question.split())} → {' '.join(answers.split())}"
    return " → ".join(" ".join(fields[name].split()) for name in ("Front", "Back"))


def _context(card: CardToRepair) -> Iterator[CardRepair]:
    """Offer a short question with its subject, if it names nothing of its deck."""
    front = card.fields["Front"]
    words = set(map(stem, content(plain(front))))
    topic_words = set(map(stem, content(card.topic)))
    if (
        topic_words
        and len(words) <= 1
        and front.rstrip().endswith("?")
        and words.isdisjoint(topic_words)
    ):
        fields = {"Front": f"{card.topic}: {front}"}
        yield CardRepair("context", "say what it is about", fields)


# --- a model, or a chat -------------------------------------------------------------------

PROMPT = "repair"
MOST_OF_MODEL = 2
_MOST_NEW = 4
_SHAPE = {
    "repairs": [
        {
            "why": "…",
            "front": "…",
            "back": "…",
            "new": [{"front": "…", "back": "…"}],
            "quote": "…",
        }
    ],
    "suspend": False,
}


def prompt_for(
    card: CardToRepair,
    picked: Iterable[str],
    history: str,
    passage: str,
    sendable: Callable[[str], SendableText],
) -> ModelRequest:
    """Return the prompt about a card for a model, or a chat.

    Args:
        card: the card.
        picked: why it was picked.
        history: its answers in a line.
        passage: the passage that it is from; "" = not known.
        sendable: returns a text without what must stay on this machine.
    """

    def shown(fields: Texts) -> Json:
        sides = {}
        for name, text in fields.items():
            if text and name != "Extra":
                sides[name.casefold()] = sendable(text)
        return sides

    asked: Json = {
        "card": shown(card.fields),
        "picked": [sendable(reason) for reason in picked],
        "history": history,
        "similar": [shown(card.near)] if card.near else [],
        "topic": sendable(card.topic),
        "passage": sendable(passage),
    }
    text = (shipped("prompts") / f"{PROMPT}.md").read_text("utf-8")
    system, _, user = text.partition("\n---\n")
    in_json = json.dumps(asked, ensure_ascii=False, indent=1)
    values = {"highlights": SendableText(in_json), "schema": ours(json.dumps(_SHAPE))}
    name = f"{PROMPT}@{h16(text)[:8]}"
    return ModelRequest(
        (
            message("system", filled(system, values)),
            message("user", filled(user, values)),
        ),
        _SCHEMA,
        name,
    )


_TEXT = {"type": "string"}
_CARD = {"front": _TEXT, "back": _TEXT}
_NEW = {"type": "array", "items": exactly(_CARD)}
_REPAIR = exactly({"why": _TEXT, **_CARD, "new": _NEW, "quote": _TEXT})
_REPAIRS = {"type": "array", "items": _REPAIR}
_SCHEMA = exactly({"repairs": _REPAIRS, "suspend": {"type": "boolean"}})


def read_repairs(reply: str, card: CardToRepair, passage: str) -> list[CardRepair]:
    """Return the repairs in the reply of a model or a chat; a quote is located, or dropped.

    What has no readable card, or changes the gap numbers of a cloze, is left out.
    """
    found: list[CardRepair] = []
    for value in objects(reply):
        entries = value.get("repairs") if isinstance(value, dict) else None
        if not isinstance(entries, list):
            entries = [value]
        for entry in entries:
            if isinstance(entry, dict):
                found += _read(entry, card, passage)
    return found[:MOST_OF_MODEL]


def _read(entry: Json, card: CardToRepair, passage: str) -> Iterator[CardRepair]:
    note = entry.get("note")
    words = note if isinstance(note, dict) else entry
    front = _said(words.get("front") or words.get("text"))
    back = markdown(_said(words.get("back")))
    if card.is_cloze:
        fields = {"Text": cloze_text(front)}
        is_fit = set(cloze.numbers(card.fields["Text"])) <= set(cloze.numbers(front))
    else:
        fields = {"Front": markdown(front), "Back": back}
        is_fit = bool(front and back)
    if not is_fit:
        return
    new = []
    added = entry.get("new")
    for other in added[:_MOST_NEW] if isinstance(added, list) else ():
        sides = other if isinstance(other, dict) else {}
        front, back = (markdown(_said(sides.get(side))) for side in ("front", "back"))
        if front and back:
            new.append({"Front": front, "Back": back})
    quote = _said(entry.get("quote"))
    if not (quote and passage and locate(quote, passage)):
        quote = ""
    says = _said(entry.get("why")) or "in other words"
    same = all(text == card.fields.get(name, "") for name, text in fields.items())
    if not same or new:
        yield CardRepair("reword", says, fields, tuple(new), quote=quote)


def _said(value: Any) -> str:
    return value.strip()[:2000] if isinstance(value, str) else ""
