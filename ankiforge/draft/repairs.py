"""Repairs of a card: what a program offers without a model, and what a model is asked.

A repair is data: what the words of the card become, and which cards are new. None adds a
fact. A program offers only the moves that two readers found better in most cases: to split,
to ask a clause alone, to hide a word everywhere, to show what a card is mixed up with.
Another gap, a hint of first letters, or an end of the card were not; the subject of its deck
in a question, and a part of a cloze, fitted 2 of 20,000 cards.
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
# Fewer words are learnt as a whole, unless the card fails.
_FEWEST_IF_SHORT = 5
# The first sentence of a long answer, in words.
_SENTENCE_WORDS = range(2, 31)
# The content words of an answer that the question does not have.
_FEWEST_NEW = 3


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
    fails: bool = False
    """Whether it is one that fails in Anki."""
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
        text = card.fields["Text"]
        hidden = hidden_everywhere(text)
        if "gap_leak" in card.faults and hidden != text:
            says = "hide the word wherever it stands"
            found.append(CardRepair("hide", says, {"Text": hidden}))
    elif card.alone and not any("![" in text for text in card.fields.values()):
        found += _labelled(card)
        if not found:
            found += _two_questions(card)
            found += _set(card)
            found += _first_sentence(card)
    if card.near and _answer_of(card.near) != _answer_of(card.fields):
        below = _below(card, f"Not: {_in_a_line(card.near)}")
        says = "show the other card below the answer, on both notes"
        beside = f"Not: {_in_a_line(card.fields)}"
        found.append(CardRepair("contrast", says, {"Extra": below}, beside=beside))
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
    r"(?i)^(?:what|was|who|wer)\s+(?:is|are|ist|sind)\s+(?:(?:an?|the|der|die|das|eine?)\s+)?"
)
# A few words that are all of a subject; not: gRPC typically used for.
_SUBJECT = regex(r"(?i)(?:\S+\s+){0,5}(?!(?:for|of|to|with|in|on|about|used|called)$)\S+")
# Some of many: those that are shown do not tell which one is missing.
_SOME = regex(
    r"""(?xi)
    ^\W*(?:name|list|give|state|nenne\w*(?:\ sie)?)\s+
        (?:two|three|four|five|six|seven|eight|nine|zwei|drei|vier|fünf|sechs|sieben|\d)\b
    | \b(?:some|several|other|different|various|common|typical|possible|examples?|einige
        |verschiedene\w*|mögliche\w*|typische\w*|beispiele?)\b
    """
)
_NOT_ALL = regex(r"(?i)\b(?:many|others?|etc|usw|viele|among)\b|…|\.\.\.")
_SAME = regex(r"(?i)\b(?:same|likewise|also|above|gleiche[nrs]?|ebenso|auch)\b")
# A second question that asks about each of several things has no one answer.
_OF_EACH = regex(
    r"(?i)\b(?:each|both|jede[mnrs]?|beide[nrs]?|chacun\w*|cada|ciascun\w*)\b"
)
# A sentence that lists, or has more than one label, answers both questions.
_LISTS = regex(r":\s[^:]*,[^:]*,|:(?:</\w+>|\*\*).*:(?:</\w+>|\*\*)")
_NUMBERED = regex(r"\(?\d+[.)]")
# As in: What is a graph, what are its parts, and …
_THIRD = regex(r"(?i),\s+(?:what|which|who|when|where|why|how|was|wer|wann|wo|warum)\b")
_INTRODUCES = regex(r"(?:[^\s:]+ ){2,14}[^\s:]+:\W*")
_AND = regex(r"(?i)^(?:and|und|et|y|or|oder)\s+")
_BEHIND_NAME = regex(r"\s*[:(–—→]\s*| - | z\. ?B\. | e\. ?g\. ")


# A line that begins with a label in bold, or underlined.
_LABEL = regex(
    r"""(?mx)
    ^[ \t]{0,9}(?:\*\*|<b>|<u>|__)\s{0,9}
    (?P<label>[^*<>\s:][^*<>\n:]{1,59}?)
    \s{0,9}(?P<colon>:)?\s{0,9}(?:\*\*|</b>|</u>|__)
    (?:\s{0,9}:\s{0,9}|(?(colon)\s{0,9}|[ \t]{0,9}$\s{0,9}))
    """
)
# What belongs to the part before it.
_ASIDE = regex(
    r"(?i)(?:examples?|beispiele?|notes?|hints?|hinweise?|intuition|viz|visuali[sz]\w+|formal\w*"
    r"|skizze|bild|source|quelle|summary|achtung|warning|aber|but)\b"
)
_FOR_AND_AGAINST = regex(
    r"(?i)(?:pros?|cons?|contra|kontra|vorteile?|nachteile?|\w*advantages?|benefits?|drawbacks?"
    r"|limitations?)\b"
)
_MOST_PARTS = 6


def _labelled(card: CardToRepair) -> Iterator[CardRepair]:
    """Ask for each part of an answer by its label, unless the labels are the answer."""
    if card.faults.isdisjoint(("set", "answer_gt20w", "two_questions", "open")):
        return
    front = card.fields["Front"]
    parts = _parts(card.fields["Back"])
    if not 1 < len(parts) <= _MOST_PARTS or len(dict(parts)) != len(parts):
        return
    are_sides = all(_FOR_AND_AGAINST.match(label) for label, _ in parts)
    if asks_for_several(front) and not are_sides:
        return
    first, *others = (
        {"Front": f"{front}\n\n**{label}**", "Back": text} for label, text in parts
    )
    says = f"split into {len(parts)} cards"
    yield CardRepair("split", says, first, tuple(others))


def _parts(back: str) -> list[tuple[str, str]]:
    """Return the labels and texts of the parts of an answer; [] if it does not begin with one."""
    labels = []
    for label in _LABEL.finditer(back):
        if not _ASIDE.match(label["label"]):
            labels.append(label)
    if not labels or back[: labels[0].start()].strip():
        return []
    parts = []
    ends = [*(label.start() for label in labels[1:]), len(back)]
    for label, end in zip(labels, ends, strict=True):
        parts.append((label["label"], back[label.end() : end].strip()))
    return parts if all(text for _, text in parts) else []


def _set(card: CardToRepair) -> Iterator[CardRepair]:
    """Ask for one thing of a list, and show the others; each of them is asked in a new note."""
    if card.faults.isdisjoint(("set", "list_gt5")) or "two_questions" in card.faults:
        return
    front = card.fields["Front"]
    above, back, behind = _around_list(card.fields["Back"])
    parts = [_AND.sub("", part) for part in things(front, back)]
    names = []
    for part in parts:
        name = _BEHIND_NAME.split(part, maxsplit=1)[0]
        if "<" in name or name.count("**") % 2:  # the name ends within its markup
            name = _BEHIND_NAME.split(plain(part), maxsplit=1)[0]
        names.append(" ".join(name.split()).strip(" .,;"))
    if above and not _INTRODUCES.fullmatch(above):
        return
    if not _is_flat(back, parts) or not _is_whole(front, parts, names):
        return
    if len(parts) < _FEWEST_IF_SHORT and not card.fails and _are_words(parts):
        return
    asked = "\n\n".join(filter(None, (front, above)))
    cards: list[dict[str, str]] = []
    for place, part in enumerate(parts):
        shown = "\n".join([*names[:place], GAP, *names[place + 1 :]])
        cards.append({"Front": f"{asked}\n\n{shown}", "Back": part})
    if behind:
        cards[0]["Extra"] = _below(card, behind)
    says = f"split into {len(parts)} cards, each of which shows the others"
    yield CardRepair("split", says, cards[0], tuple(cards[1:]))


def _around_list(back: str) -> tuple[str, str, str]:
    """Return the text above the list of an answer, the list, and the paragraphs behind it."""
    bullets = list(BULLET.finditer(back))
    if not bullets:
        return "", back, ""
    start = bullets[0].start()
    end = back.find("\n\n", bullets[-1].start())
    if end < 0:
        end = len(back)
    return back[:start].strip(), back[start:end], back[end:].strip()


def _is_flat(back: str, parts: list[str]) -> bool:
    """Return whether an answer is a list of things, with no list or heading in it."""
    bullets = list(BULLET.finditer(back))
    if not FEWEST <= len(parts) <= _MOST_THINGS:
        return False
    if len({len(bullet[1]) for bullet in bullets}) > 1:
        return False
    # a sentence that goes on in the next line
    if not bullets and "\n" in back and len({part[0].isupper() for part in parts}) > 1:
        return False
    for part in parts:
        if "\n" in part or part.startswith("\\<"):
            return False
        if plain(part).endswith(":"):
            return False
        if not bullets and _SENTENCE.search(part):
            return False
    return True


def _is_whole(front: str, parts: list[str], names: list[str]) -> bool:
    """Return whether a front asks for just these things, and each has a name to show."""
    if _SOME.search(plain(front)) or number_asked_for(front) not in (0, len(parts)):
        return False
    # a list that nobody asked for may be an explanation in points
    are_short = all(len(part.split()) <= _MOST_WORDS_OF_POINT for part in parts)
    if not are_short and not asks_for_several(front):
        return False
    if len(set(names)) != len(names):
        return False
    for name in names:
        if not name or _NOT_ALL.search(name) or len(name.split()) > _MOST_WORDS_OF_NAME:
            return False
    return True


def _are_words(parts: list[str]) -> bool:
    """Return whether things are one or two words each, which are learnt as a whole."""
    return all(len(plain(part).split()) <= 2 for part in parts)


def _two_questions(card: CardToRepair) -> Iterator[CardRepair]:
    """Ask the second question in a note of its own, if the answer has two parts."""
    if "two_questions" not in card.faults:
        return
    front, back = card.fields["Front"], card.fields["Back"].strip()
    halves = [half.strip() for half in _SECOND.split(front)]
    if len(halves) != 2 or min(len(half.split()) for half in halves) < 2:
        return
    if _THIRD.search(halves[0]) or _OF_EACH.search(halves[1]):
        return
    if len(_AND.sub("", halves[1]).split()) < 2:
        return
    first = f"{halves[0].rstrip('?')}?"
    answers = _two_answers(front, first, back)
    if not answers or _LISTS.search(answers[0]):
        return
    if _SAME.search(answers[1]) or _NUMBERED.match(answers[1]):
        return
    if "\n" in back and answers[1][0].islower():  # a sentence that goes on
        return
    second = f"{halves[1][:1].upper()}{halves[1][1:].rstrip('?')}?"
    asked_first, asked_second = _stems(first), _stems(second)
    # the other half answers it
    own = asked_second - asked_first
    if own & _stems(answers[0]) and not own & _stems(answers[1]):
        return
    # the first one tells its subject
    if _LEANS.search(second) or 2 * len(asked_first & asked_second) < len(asked_first):
        subject = _ASKS_WHAT.sub("", first).rstrip("?")
        if subject == first.rstrip("?") or not _SUBJECT.fullmatch(subject):
            second = f"{first}\n\n{second}"
        else:
            second = f"{subject}: {second}"
    yield CardRepair(
        "split",
        "ask only the first; the second becomes a new note",
        {"Front": first, "Back": answers[0]},
        ({"Front": second, "Back": answers[1]},),
    )


def _two_answers(front: str, first: str, back: str) -> list[str]:
    """Return the two parts of an answer to two questions; [] if it has not two.

    What a thing is stands in a sentence; all others answer the second question.
    """
    above, _, behind = _around_list(back)
    listed = things(front, back)
    if listed:  # of more, all answer one question
        return listed if len(listed) == 2 and not above and not behind else []
    if "\n" in back:
        parts = [line.strip() for line in back.split("\n") if line.strip()]
    else:
        parts = [back[start:end].strip() for start, end in sentences(back)]
        if _ASKS_WHAT.match(first):
            parts = [*parts[:1], *filter(None, [" ".join(parts[1:])])]
    if len(parts) != 2 or parts[0].count("(") != parts[0].count(")"):
        return []
    return parts


# --- a clause alone -----------------------------------------------------------------------

# What is answered by more than one sentence, an answer that begins elsewhere, and one that
# does not say what it is about.
_ASKS_HOW = regex(r"(?i)^\W*(?:how|wie|comment|cómo|come)\b")
_BEGINS_ELSEWHERE = regex(r"(?i)\(?\d|(?:this|these|that|it|dies\w*|es|questo|questa)\b")
_SAYS_LITTLE = regex(
    r"(?i)\b(?:is|are) one of (?:the|several|many)\b|\b(?:certain|various|bestimmte[nmrs]?)\b"
)
_BOTH = regex(r"(?i)\s(?:and|und|et|y|e|vs\.?|versus|or|oder|[+&])\s|[,/]")


def _first_sentence(card: CardToRepair) -> Iterator[CardRepair]:
    """Answer with the first sentence; the rest is shown below."""
    back = card.fields["Back"].strip()
    front = plain(card.fields["Front"])
    if card.faults.isdisjoint(("answer_gt20w", "open")) or "two_questions" in card.faults:
        return
    if _ASKS_HOW.match(front) or _BOTH.search(front) or is_code(back):
        return
    start, end = next(iter(sentences(back)), (0, 0))
    first = back[start:end].strip()
    rest = back[end:].strip()
    if not rest or not _is_answer(first, front):
        return
    says = "answer with the first sentence; the rest goes below it"
    yield CardRepair("clause", says, {"Back": first, "Extra": _below(card, rest)})


def _is_answer(sentence: str, front: str) -> bool:
    """Return whether a sentence alone answers the front.

    One that does not name what is asked begins an argument, or a calculation; one that says
    little else may spell out the name.
    """
    if (
        "\n" in sentence
        or "![" in sentence
        or not sentence.endswith((".", "!", "。"))
        or BULLET.match(sentence)
    ):
        return False
    if len(sentence.split()) not in _SENTENCE_WORDS:
        return False
    if _BEGINS_ELSEWHERE.match(sentence) or _SAYS_LITTLE.search(sentence):
        return False
    asked, said = _stems(front), _stems(sentence)
    # of a term every word, of a question half
    needed = len(asked) / 2 if "?" in front else len(asked)
    return (
        bool(asked) and len(asked & said) >= needed and len(said - asked) >= _FEWEST_NEW
    )


def _below(card: CardToRepair, text: str) -> str:
    """Return the text below the answer, with another one after it."""
    return "\n\n".join(filter(None, (card.fields.get("Extra", ""), text)))


_GAP = regex(r"(?s)\{\{c(\d+)::(.*?)(?:::(.*?))?\}\}")
_KEPT = regex(r"(?s)(\{\{c[\d,]+::.*?\}\}|<[^<>]*>|\$[^$\n]*\$|\\\(.*?\\\)|`[^`]*`)")


def hidden_everywhere(text: str) -> str:
    """Return a cloze, as Markdown or HTML, with the words of each gap hidden where they repeat.

    One with a gap within another stays as it is.
    """
    if any(later.start < gap.end for gap, later in pairwise(cloze.gaps(text))):
        return text
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


# --- beside others ------------------------------------------------------------------------


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


def _stems(text: str) -> set[str]:
    """Return the content words of Markdown."""
    return set(map(stem, content(plain(text))))


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
