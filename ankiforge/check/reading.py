"""What the checks share: rules and findings, and the views of a draft and its source.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its context that yields
findings with the ids of rules.

For a draft: its plain text, who wrote it, and its statement. For a source: all text from which an answer
may be taken, and the evidence, which is the sentences that the quote touches.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ankiforge.check.words import data, lists
from ankiforge.model import (
    Draft,
    Family,
    Finding,
    Form,
    Highlight,
    HighlightKind,
    Severity,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import Gap
from ankiforge.text.fold import canonical, locate, same
from ankiforge.text.sentences import sentences
from ankiforge.text.shields import words_alone

if TYPE_CHECKING:
    from ankiforge.check.duplicates import DuplicateIndex

# --- rules, findings, and the context of a check --------------------------------------------------


class Rule(Value):
    """A possible fault of a card; `docs/checks.md` has an example of each."""

    id: str
    severity: Severity
    says: str
    group: str
    most: int = 0
    """The limit, 0 if it has none."""
    unit: str = ""
    """The unit of the limit: words, %, characters …"""


_ROW = regex(
    r"\[(?P<group>\w+)\]|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:<= (?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _rules_of(table: str) -> Iterator[Rule]:
    group = ""
    for row in filter(None, map(_ROW.fullmatch, table.splitlines())):
        group = row["group"] or group
        if row["id"]:
            severity, most = Severity(row["severity"]), int(row["most"] or 0)
            yield Rule(row["id"], severity, row["says"], group, most, row["unit"] or "")


RULES = tuple(_rules_of(data("rules")))
_BY_ID = {rule.id: rule for rule in RULES}


def group(name: str) -> frozenset[str]:
    """Return the ids of the rules of a group."""
    return frozenset(rule.id for rule in RULES if rule.group == name)


def make_finding(
    rule: str, detail: str = "", *, twin: str = "", severity: Severity | None = None
) -> Finding:
    """Return the finding that a rule is broken, with a detail after its message."""
    broken = _BY_ID[rule]
    return Finding(rule, severity or broken.severity, f"{broken.says} {detail}".rstrip(), twin)


def counted(value: int, rule: str, detail: str = "") -> Iterator[Finding]:
    """Yield the finding with number and limit if the number exceeds the limit of a rule."""
    limit = _BY_ID[rule]
    if value > limit.most:
        unit = "%" if limit.unit == "%" else f" {limit.unit}"
        words = f"{value}{unit}, at most {limit.most}{unit if unit == '%' else ''}"
        yield make_finding(rule, f"{words}; {detail}" if detail else words)


def _no_fault(path: str) -> str:
    return ""


class Context(Value):
    """What a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: DuplicateIndex
    """The cards there are already."""
    batch: DuplicateIndex | None = None
    """The drafts of the same run that came before it."""
    picture_fault: Callable[[str], str] = _no_fault
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""

# --- the text of a draft -----------------------------------------------------------------------

# The number of characters of a source that are read.
_LONGEST = 6000
folded = lru_cache(maxsize=1024)(canonical)
"""The canonical form, cached because many checks use the same passage."""
GAP = "[…]"
_MARKUP = regex(r"(?m)[`$\\*_<\[~]|==|\{\{|^[ \t]*[#>+-]")
_PRIVATE = regex("[\ue000-\ue0ff]")
CLOZE_SIGN = regex(r"\{\{c\d+(?:,\d+)*::|\}\}")


@lru_cache(maxsize=256)
def without_markup(text: str) -> str:
    """Return the plain text of Markdown without cloze signs; fast if there is no markup."""
    text = text if text.isascii() else _PRIVATE.sub(" ", text)
    return cloze.plain(text) if _MARKUP.search(text) else text.strip()


class Reading(Value):
    """The plain text of a draft."""

    asked: str
    """The front, or the text of a cloze with `[…]` for all gaps."""
    answers: Strings
    """The back, or the answer of each gap."""
    whole: str
    """The whole text; for a cloze, with its answers."""
    gaps: tuple[Gap, ...] = ()
    hidden: tuple[tuple[int, tuple[Gap, ...]], ...] = ()
    """Each card number with the gaps it hides."""


@lru_cache(maxsize=64)
def read(draft: Draft) -> Reading:
    """Return the plain text of a draft."""
    if draft.kind.family is Family.BASIC:
        front, back = without_markup(draft.field("Front")), without_markup(draft.field("Back"))
        return Reading(front, (back,), f"{front}\n{back}")
    text = draft.field("Text")
    gaps = cloze.gaps(text)
    answers = tuple(without_markup(gap.answer) for gap in gaps)
    hidden = tuple(
        (number, tuple(gap for gap in gaps if number in gap.numbers))
        for number in cloze.numbers(text)
    )
    return Reading(without(text, gaps), answers, without_markup(text), gaps, hidden)


@lru_cache(maxsize=256)
def without(text: str, gaps: tuple[Gap, ...]) -> str:
    """Return what the card shows while only these gaps are hidden."""
    parts, at = [], 0
    for gap in gaps:
        if gap.start >= at:
            parts += [_run(text[at : gap.start]), GAP]
            at = gap.end
    return "".join([*parts, _run(text[at:])]).strip()


@lru_cache(maxsize=1024)
def _run(text: str) -> str:
    """Return the plain text of Markdown, with the blanks at its ends."""
    if not text.strip():
        return text
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{head}{CLOZE_SIGN.sub('', without_markup(text))}{tail}"


# --- who chose the words -----------------------------------------------------------------------


def authored(draft: Draft) -> bool:
    """Return whether a person wrote the card: in the source, or in review."""
    return draft.by_hand or draft.origin.drafter == "person"


def asked_by_reader(draft: Draft) -> bool:
    """Return whether the reader wrote the question, or named the gap, in a comment."""
    return draft.origin.by_comment


def marked(draft: Draft, highlight: Highlight) -> bool:
    """Return whether each answer is a phrase that the reader marked."""
    if highlight.form is not Form.PHRASE or draft.kind.family is not Family.CLOZE:
        return False
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    answers = read(draft).answers
    return all(any(same(answer, phrase) for phrase in phrases) for answer in answers)


def chosen_by_reader(draft: Draft, highlight: Highlight) -> bool:
    """Return whether the reader chose what is asked, in a comment or by marking phrases."""
    return asked_by_reader(draft) or marked(draft, highlight)


def pictured(draft: Draft, highlight: Highlight) -> bool:
    """Return whether the answer is the picture that the reader marked."""
    if highlight.kind not in (HighlightKind.IMAGE, HighlightKind.INK):
        return False
    is_question = draft.kind.family is Family.BASIC and asked_by_reader(draft)
    return is_question and (draft.field("Back"),) == highlight.markdown


# --- the source --------------------------------------------------------------------------------


def source_text(highlight: Highlight) -> str:
    """Return the passage and the text around it, from which an answer may be taken.

    The caption of a picture is only in its Markdown.
    """
    captions = (without_markup(shown) for shown in highlight.markdown if "![" in shown)
    return "\n".join(
        filter(None, (highlight.context, seamless(highlight), highlight.nearby, *captions))
    )


def seamless(highlight: Highlight) -> str:
    """Return the passage with the characters around it."""
    return highlight.prefix + highlight.exact + highlight.suffix


def about(highlight: Highlight) -> str:
    """Return the text that names the subject, for questions; answers may only take names from it."""
    comment = highlight.comment if highlight.instructs else ""
    return "\n".join((naming(highlight), highlight.document.issued, comment))


def naming(highlight: Highlight) -> str:
    """Return title and headings, which may name the subject of the passage."""
    return "\n".join((highlight.document.title, highlight.heading, *highlight.above))


def around(highlight: Highlight) -> str:
    """Return the passage with its surroundings, without repetition."""
    if highlight.sentence and locate(highlight.exact, highlight.sentence):
        return highlight.sentence
    return seamless(highlight)


# --- evidence: the sentences that support a card --------------------------------------------------


def evidence(draft: Draft, highlight: Highlight) -> str:
    """Return the whole sentences that the quote touches, because a quote may omit a “not”."""
    text = around(highlight)
    if highlight.nearby and not locate(draft.quote, text):
        text = highlight.nearby
    return _evidence(draft.quote, text[:_LONGEST])


@lru_cache(maxsize=512)
def _evidence(quote: str, text: str) -> str:
    span = locate(quote, text) if quote.strip() else None
    start, end = span or (0, len(text))
    touched = [one for one in sentences(text) if one[0] < end and one[1] > start]
    return text[touched[0][0] : touched[-1][1]] if touched else text


_PART = regex(
    r"(?i)[;:、；。]|,(?!\d)|[.!?](?=\s)|\b(?:while|whereas|but|although|though|während|wohingegen|aber"
    r"|sondern|tandis que|mais|mientras|pero|sino)\b"
)


def clauses(text: str) -> list[str]:
    """Split a text into clauses."""
    return [part for part in _PART.split(text) if re.search(r"\w", part)]


_CHOICE = regex(
    r"(?i)\b(?:or|oder|ou|o)\b|\b(?:which|what) of\b.+\band\b|\bof\b[^?]+\band\b[^?]*\bwhich\b"
    r"|\b(?:and|und|et|y)\b[^?]+\b(?:which|welche[rs]?|lequel|laquelle|cuál) (?:of|von|de)\b|哪一?[个個項種种]|どちら"
)


def is_choice(front: str) -> bool:
    """Return whether a question offers possible answers: A or B; which of A and B."""
    return _CHOICE.search(front[:600]) is not None


# --- language ----------------------------------------------------------------------------------

_SCRIPTS = {"LATIN": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek", "ARABIC": "Arabic"}
_SCRIPTS |= {"HEBREW": "Hebrew", "HANGUL": "Korean", "DEVANAGARI": "Devanagari", "THAI": "Thai"}
_SCRIPTS |= dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA"), "Chinese or Japanese")
# The minimum number of common words of a language, and of more such words than of another.
_CLEAR = 3


@lru_cache(maxsize=256)
def script(text: str) -> str:
    """Return the script of most letters; "" if there are few letters."""
    plain = words_alone(text[:_LONGEST])
    names: Counter[str] = Counter()
    for letter, times in Counter(filter(str.isalpha, plain)).items():
        names[_script_of(letter)] += times
    name, count = names.most_common(1)[0] if names else ("", 0)
    return name if count >= (12 if name == "Latin" else 4) and count > 0.6 * names.total() else ""


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    if letter.isascii():
        return "Latin"
    return _SCRIPTS.get(unicodedata.name(letter, "").replace("-", " ").partition(" ")[0], "")


@lru_cache(maxsize=256)
def language(text: str) -> str:
    """Return the language of a text in Latin letters by its small words; "" if in doubt."""
    words = re.findall(r"[^\W\d_]+", text[:4000].casefold())
    scores = sorted(
        ((sum(map(common.__contains__, words)), name) for name, common in _common().items()),
        reverse=True,
    )
    (best, name), (next_best, _) = scores[:2]
    clear = best >= _CLEAR and best - next_best >= _CLEAR and best >= 0.15 * len(words)
    return name if clear else ""


@lru_cache(maxsize=1)
def _common() -> dict[str, frozenset[str]]:
    return {name: frozenset(words) for name, words in lists("small_words", "common").items()}
