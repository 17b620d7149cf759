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
from ankiforge.language.recognition import sure_language
from ankiforge.language.tables import listed
from ankiforge.language.words import (
    STOP_WORDS,
    content,
    has_word,
    stems,
    tokens,
    word_count,
)
from ankiforge.model import Card, Family, Finding, Value
from ankiforge.text import regex
from ankiforge.text.sentences import sentences

# An answer that is yes or no.
_YES_NO = regex(
    r"(?i)^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but"
    r"|as|it|they|if"
    r"|unless|only)\b)"
)
# Rules whose message is clear without the words that were found.
_CLEAR_RULES = ("yes_no", "two_questions")
_REMARK = listed("signs", "remark") | STOP_WORDS
_BULLET = regex(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]")
# The words of an answer that the front may give away, at most.
_LEAK_WORDS = 6
_BETWEEN_ITEMS = regex(r"[,;、，]\s+|[、，]")
_FEWEST_ITEMS = 3


@needs(Needs.CARD)
def questions(draft: Card, context: Context) -> Iterator[Finding]:
    """Judge the wording of a question and its answer."""
    if draft.kind.family is not Family.BASIC:
        return
    highlight = context.highlight
    reading = read(draft)
    answer = reading.answers[0]
    front = " ".join(reading.asked.split())
    has_picture = "![" in draft.field("Front")

    # a question to which the answer is yes or no
    excused = set()
    says_yes_or_no = _YES_NO.match(answer.strip()) is not None
    if says_yes_or_no:
        excused.add("yes_no")
        yield make_finding("yes_no", f"the answer is “{answer[:20]}”")

    # badly worded questions
    if front[:4].casefold() == "was ":
        # the German `was`, and not the English one
        card_language = sure_language(reading.whole)
        passage_language = sure_language(highlight.exact)
        if "German" in (card_language, passage_language):
            excused.add("yes_no")
    if has_picture:
        # `this` refers to the picture
        excused.add("leans_back")
    for pattern in _question_patterns():
        if pattern.rule in excused:
            continue
        match = pattern.bad.search(front)
        is_good = pattern.excuse and pattern.excuse.search(front)
        if not match or is_good:
            continue
        detail = f"“{match[0]}”"
        if pattern.rule in _CLEAR_RULES:
            detail = ""
        yield make_finding(pattern.rule, detail)

    # a front that asks for nothing in particular: `what does this mean?`, `why not 7?`;
    # single letters and digits are too short to say what is meant, single ideographs are words
    words = set()
    for word in tokens(front):
        if len(word) > 1 or not word.isascii():
            words.add(word)
    is_remark = bool(words) and words <= _REMARK
    if front.endswith("?") and is_remark and not has_picture:
        yield make_finding("vague", f"“{front}”")
    # a reader's remark that names nothing of the passage, and does not begin with `?`
    by_reader = asked_by_reader(draft)
    if by_reader and highlight.exact:
        source = f"{naming(highlight)}\n{source_text(highlight)}"
        comment = highlight.comment.lstrip().casefold()
        is_declared = comment.startswith(("?", "q:"))
        source_stems = stems(source)
        if not is_declared and stems(front).isdisjoint(source_stems):
            yield make_finding("leans_back", f"“{front}”")

    # a short answer that is in the front, which does not offer a choice: A or B?
    bare_answer = answer.strip(" .")
    is_long_enough = len(bare_answer) >= SHORTEST
    is_short = is_long_enough and word_count(bare_answer) <= _LEAK_WORDS
    if is_short and content(bare_answer) and not is_choice(front):
        shown = front
        hidden = bare_answer
        if "?" in front:  # else `string type` is not `String`
            shown = front.casefold()
            hidden = bare_answer.casefold()
        if has_word(hidden, shown):
            yield make_finding("leak_exact", f"“{bare_answer}”")

    # a short front, and an answer that can be recalled as a whole
    item_count = len(_BULLET.findall(draft.field("Back")))
    if item_count == 0:
        # an enumeration: at least three items between commas
        items = list(filter(str.strip, _BETWEEN_ITEMS.split(answer.strip(" ."))))
        item_count = len(items) if len(items) >= _FEWEST_ITEMS else 1
    yield from counted(item_count, "list_gt5")
    yield from counted(word_count(answer), "answer_gt20w")
    yield from counted(word_count(reading.asked), "front_gt30w")
    # in `benchmarks/blind` and `wording`, two raters found six of nine such questions unnatural,
    # and 22 of 274 others
    if not authored(draft) and not by_reader:
        lengths = [word_count(front[start:end]) for start, end in sentences(front)]
        yield from counted(max(lengths, default=0), "sentence_gt23w")


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
        # the lines of a pattern are joined
        bad, _, excuse = lines.partition("unless\n")
        patterns.append(
            _Pattern(
                rule=rule,
                bad=re.compile(bad.replace("\n", ""), re.IGNORECASE),
                excuse=re.compile(excuse.replace("\n", ""), re.IGNORECASE)
                if excuse
                else None,
            )
        )
    return tuple(patterns)
