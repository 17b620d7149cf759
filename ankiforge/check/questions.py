"""Checks of the wording of a question and its answer. Patterns are in `data/questions.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ankiforge.check.clozes import SHORTEST
from ankiforge.check.findings import Context, Needs, counted, make_finding, needs
from ankiforge.check.reading import (
    asked_by_reader,
    authored,
    is_choice,
    naming,
    read,
    source_text,
)
from ankiforge.language.recognition import language
from ankiforge.language.tables import listed
from ankiforge.language.words import (
    STOP_WORDS,
    content,
    has_word,
    stems,
    tokens,
    word_count,
)
from ankiforge.model import Draft, Family, Finding, Highlight, Value
from ankiforge.text import regex
from ankiforge.text.sentences import sentences


@needs(Needs.CARD)
def questions(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a question and its answer."""
    if draft.kind.family is not Family.BASIC:
        return
    reading = read(draft)
    answer = reading.answers[0]
    front = " ".join(reading.asked.split())
    has_picture = "![" in draft.field("Front")

    # a question to which the answer is yes or no
    says_yes_or_no = _YES_NO.match(answer.strip()) is not None
    if says_yes_or_no:
        yield make_finding("yes_no", f"the answer is “{answer[:20]}”")

    # badly worded questions
    excused = set()
    if says_yes_or_no or _is_german_what(front, reading.whole, context.highlight):
        excused.add("yes_no")
    if has_picture:
        # `this` refers to the picture
        excused.add("leans_back")
    yield from _bad_patterns(front, excused)
    if not has_picture and _is_mere_remark(front):
        yield make_finding("vague", f"“{front}”")
    is_of_reader = asked_by_reader(draft)
    if is_of_reader and _names_nothing(front, context.highlight):
        yield make_finding("leans_back", f"“{front}”")
    bare_answer = answer.strip(" .")
    if _gives_away(front, bare_answer):
        yield make_finding("leak_exact", f"“{bare_answer}”")

    # a short front, and an answer that can be recalled as a whole
    bullet_count = len(_BULLET.findall(draft.field("Back")))
    item_count = bullet_count or _items_between_commas(answer)
    yield from counted(item_count, "list_gt5")
    yield from counted(word_count(answer), "answer_gt20w")
    yield from counted(word_count(reading.asked), "front_gt30w")
    if not authored(draft) and not is_of_reader:
        yield from counted(_longest_sentence(front), "sentence_gt23w")


def _longest_sentence(front: str) -> int:
    """Return the number of words of the longest sentence of a front.

    Of the cards in `benchmarks/blind`, five questions have a sentence of more than 23
    words; raters found four of them unnatural.
    """
    return max(
        (word_count(front[start:end]) for start, end in sentences(front)),
        default=0,
    )


# --- patterns of badly worded questions -----------------------------------------------


class _Pattern(Value):
    """A section of `data/questions.txt`."""

    rule: str
    """The id of the rule that is broken."""
    bad: re.Pattern[str]
    """What a front must not contain."""
    excuse: re.Pattern[str] | None
    """What makes a front good in spite of it."""


@cache
def _question_patterns() -> tuple[_Pattern, ...]:
    """Read `data/questions.txt`."""
    path = Path(__file__).parent / "data" / "questions.txt"
    text = re.sub("(?m)^#.*\n", "", path.read_text("utf-8"))
    sections = re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text)
    placeholders = dict(sections[:2])
    patterns = []
    for rule, lines in sections[2:]:
        for name, words in placeholders.items():
            lines = lines.replace(f"<{name}>", words.strip())
        bad, _, excuse = lines.partition("unless\n")
        pattern = _Pattern(
            rule=rule,
            bad=_compiled(bad),
            excuse=_compiled(excuse) if excuse else None,
        )
        patterns.append(pattern)
    return tuple(patterns)


def _compiled(lines: str) -> re.Pattern[str]:
    """Return the pattern that is written on several lines."""
    return re.compile(lines.replace("\n", ""), re.IGNORECASE)


# Rules whose message is clear without the words that were found.
_CLEAR_RULES = ("yes_no", "two_questions")


def _bad_patterns(front: str, excused: set[str]) -> Iterator[Finding]:
    """Find fronts that are worded badly, except by rules that are excused."""
    for pattern in _question_patterns():
        if pattern.rule in excused:
            continue
        match = pattern.bad.search(front)
        if not match or (pattern.excuse and pattern.excuse.search(front)):
            continue
        detail = "" if pattern.rule in _CLEAR_RULES else f"“{match[0]}”"
        yield make_finding(pattern.rule, detail)


_YES_NO = regex(
    r"(?i)^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but"
    r"|as|it|they|if"
    r"|unless|only)\b)"
)


def _is_german_what(front: str, whole: str, highlight: Highlight) -> bool:
    """Return whether a front begins with the German `was`, and not with the English one."""
    if front[:4].casefold() != "was ":
        return False
    return "German" in (language(whole), language(highlight.exact))


# --- what is asked --------------------------------------------------------------------

_REMARK = listed("signs", "remark")


def _is_mere_remark(front: str) -> bool:
    """Return whether a front asks for nothing in particular.

    So do `what does this mean?` and `why not 7?`.
    """
    if not front.endswith("?"):
        return False
    # single letters and digits are too short to say what is meant, single ideographs
    # are words
    words = set()
    for word in tokens(front):
        if len(word) > 1 or not word.isascii():
            words.add(word)
    return bool(words) and words <= _REMARK | STOP_WORDS


def _names_nothing(front: str, highlight: Highlight) -> bool:
    """Return whether a reader's remark is not a question for a card.

    It is one if it names anything of the passage, or begins with `?`.
    """
    comment = highlight.comment.lstrip().casefold()
    if not highlight.exact or comment.startswith(("?", "q:")):
        return False
    source = f"{naming(highlight)}\n{source_text(highlight)}"
    return stems(front).isdisjoint(stems(source))


_LEAK_WORDS = 6


def _gives_away(front: str, answer: str) -> bool:
    """Return whether the front contains a short answer, and does not offer a choice: A or B?"""
    is_short = len(answer) >= SHORTEST and word_count(answer) <= _LEAK_WORDS
    if not is_short or not content(answer) or is_choice(front):
        return False
    if "?" in front:
        return has_word(answer.casefold(), front.casefold())
    return has_word(answer, front)  # `string type` is not `String`


# --- lists ----------------------------------------------------------------------------

_BULLET = regex(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]")
_BRACKETED = regex(r"[(\[][^()\[\]]*[)\]]")
_BETWEEN_ITEMS = regex(r"[,;、，]\s+|[、，]")
# Text between commas that is not an item of a list.
_CLAUSE = regex(
    r"(?i)(?:that|which|who|whose|where|when|while|if|but|because|as|so|such|then|thus"
    r"|since|i\.e|e\.g)\b"
)
_ITEM_WORDS = 5
_FEWEST_ITEMS = 3


def _items_between_commas(answer: str) -> int:
    """Return the number of items of an enumeration of at least three short ones; else 1."""
    plain = _BRACKETED.sub("", answer) or answer
    parts = _BETWEEN_ITEMS.split(plain.strip(" ."))
    items = [part for part in parts if part.strip()]
    is_list = len(items) >= _FEWEST_ITEMS and all(map(_is_item, items))
    return len(items) if is_list else 1


def _is_item(text: str) -> bool:
    """Return whether a text between commas may be an item of a list."""
    return word_count(text) <= _ITEM_WORDS and not _CLAUSE.match(text)
