"""The views of a draft and its source that the checks share.

For a draft: its plain text, who wrote it, and its statement. For a source: all text from which an answer
may be taken, and the evidence, which is the sentences that the quote touches.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ankiforge.check.words import FUNCTION, TERM, listed, lists, stem
from ankiforge.model import Draft, Family, Form, Highlight, HighlightKind
from ankiforge.text import cloze, markdown
from ankiforge.text.cloze import Gap
from ankiforge.text.fold import canonical, same
from ankiforge.text.quotes import locate
from ankiforge.text.sentences import sentences

_LONGEST = 6000
"""The number of characters of a source that are read."""
folded = lru_cache(maxsize=1024)(canonical)
"""The canonical form, cached because many checks use the same passage."""

# --- the text of a draft -----------------------------------------------------------------------

GAP = "[…]"
_MARKUP = re.compile(r"[`$\\*_<\[~]|==|\{\{|^[ \t]*[#>+-]", re.MULTILINE)
_PRIVATE = re.compile("[\ue000-\ue0ff]")
_TEX = re.compile(r"\\[A-Za-z]+")
CLOZE_SIGN = re.compile(r"\{\{c\d+(?:,\d+)*::|\}\}")


@lru_cache(maxsize=256)
def bare(text: str) -> str:
    """Return the plain text of Markdown without cloze signs; fast if there is no markup."""
    text = text if text.isascii() else _PRIVATE.sub(" ", text)
    return markdown.plain(text) if _MARKUP.search(text) else text.strip()


@dataclass(frozen=True, slots=True)
class Reading:
    """The plain text of a draft."""

    asked: str
    """The front, or the text of a cloze with `[…]` for all gaps."""
    answers: tuple[str, ...]
    """The back, or the answer of each gap."""
    whole: str
    """The whole text; for a cloze, with its answers."""
    gaps: tuple[Gap, ...] = ()
    hidden: tuple[tuple[int, tuple[Gap, ...]], ...] = ()
    """Each card number with the gaps it hides."""

    @property
    def terms(self) -> tuple[str, ...]:
        """Acronyms and names with digits or inner capitals."""
        return tuple(TERM.findall(_TEX.sub(" ", self.whole)))


@lru_cache(maxsize=64)
def read(draft: Draft) -> Reading:
    """Return the plain text of a draft."""
    if draft.kind.family is Family.BASIC:
        front, back = bare(draft.field("Front")), bare(draft.field("Back"))
        return Reading(front, (back,), f"{front}\n{back}")
    text = draft.field("Text")
    gaps = cloze.gaps(text)
    answers = tuple(bare(gap.answer) for gap in gaps)
    hidden = tuple(
        (number, tuple(gap for gap in gaps if number in gap.numbers))
        for number in cloze.numbers(text)
    )
    return Reading(without(text, gaps), answers, bare(text), gaps, hidden)


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
    return f"{head}{CLOZE_SIGN.sub('', bare(text))}{tail}"


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


def said(highlight: Highlight) -> str:
    """Return the passage and the text around it, from which an answer may be taken.

    The caption of a picture is only in its Markdown.
    """
    captions = (bare(shown) for shown in highlight.markdown if "![" in shown)
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


# --- rows of words, to be compared ----------------------------------------------------------------

_SIGN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:-[^\W\d_]+)*[+#]*|[.,;:!?()—–。，；：！？、]")
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|lorsqu|jusqu|puisqu)['’](?=\w)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s?\b")
_SHIELDED = re.compile(r"`[^`\n]*`|\$[^$\n]*\$")
STOPS = frozenset(".,;:!?()—–。，；：！？、")
_ENDS = frozenset(".;:!?—。；：！？")
_PHRASES = tuple(
    (phrase.replace("_", " "), word.replace("_", " "))
    for word, phrases in lists("meaning", "phrases").items()
    for phrase in phrases
)


@dataclass(frozen=True, slots=True)
class Row:
    """The words of a text in order, casefolded, with the signs that separate clauses."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    """The stem of each content word; "" for other words."""

    def around(self, at: int, reach: int) -> tuple[frozenset[str], frozenset[str]]:
        """Return the stems of up to `reach` content words on either side, within the clause."""
        before = self._gathered(range(at - 1, -1, -1), reach)
        return before, self._gathered(range(at + 1, len(self.words)), reach)

    def _gathered(self, places: range, reach: int) -> frozenset[str]:
        found: list[str] = []
        for at in places:
            if self.words[at] in _ENDS or len(found) >= reach:
                break
            if self.stems[at]:
                found.append(self.stems[at])
        return frozenset(found)

    @property
    def all_stems(self) -> frozenset[str]:
        """The stems of all content words."""
        return _meant(self.stems)

    @property
    def forms(self) -> frozenset[str]:
        """All words and stems."""
        return self.all_stems.union(self.words)

    def __add__(self, other: Row) -> Row:
        return Row(self.words + other.words, self.stems + other.stems)

    def cut(self, start: int, end: int | None = None) -> Row:
        """Return a slice of the row."""
        return Row(self.words[start:end], self.stems[start:end])


@lru_cache(maxsize=2048)
def _meant(stems: tuple[str, ...]) -> frozenset[str]:
    return frozenset(filter(None, stems))


@lru_cache(maxsize=1024)
def row(text: str) -> Row:
    """Return a text as a row of words; formulae and code are left out."""
    plain = unicodedata.normalize("NFKC", _SHIELDED.sub(" ", text[:_LONGEST])).casefold()
    plain = plain.replace("’", "'")
    for phrase, word in _PHRASES:
        plain = plain.replace(phrase, word)
    plain = _ELISION.sub(lambda found: "ne " if found[0][0] == "n" else " ", plain)
    words = tuple(_SIGN.findall(_POSSESSIVE.sub("", plain)))
    return Row(words, tuple(map(_meaning, words)))


def _meaning(word: str) -> str:
    if word in STOPS or word in FUNCTION:
        return ""
    return word if word.endswith("eed") else stem(word)  # exceed is not the past of exce


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences that support a card."""

    text: str
    row: Row
    clauses: tuple[str, ...]


def evidence(draft: Draft, highlight: Highlight) -> Evidence:
    """Return the whole sentences that the quote touches, because a quote may omit a “not”."""
    text = around(highlight)
    if highlight.nearby and not locate(draft.quote, text):
        text = highlight.nearby
    return _evidence(draft.quote, text[:_LONGEST])


@lru_cache(maxsize=512)
def _evidence(quote: str, text: str) -> Evidence:
    span = locate(quote, text) if quote.strip() else None
    start, end = span or (0, len(text))
    touched = [one for one in sentences(text) if one[0] < end and one[1] > start]
    proof = text[touched[0][0] : touched[-1][1]] if touched else text
    return Evidence(proof, row(proof), _clauses(proof))


_SHIELD = re.compile(r"`[^`\n]{1,200}`|\$[^$\n]{1,200}\$|\([^()\n]{1,200}\)|(?<=\d)[.,](?=\d)")
_PART = re.compile(
    r"[;:,、，；。]|[.!?](?=\s)|\b(?:while|whereas|but|although|though|während|wohingegen|aber"
    r"|sondern|tandis que|mais|mientras|pero|sino)\b",
    re.IGNORECASE,
)
_AND = re.compile(r"\s(?:and|und|et|y)\s", re.IGNORECASE)
_LONG_PART = 800
"""The maximum length of parts that are split at `and`; longer ones are not sentences."""


def _clauses(text: str) -> tuple[str, ...]:
    """Split a text into clauses; at `and` only if both sides have a number."""
    hidden = _SHIELD.sub(lambda found: "\0" * len(found[0]), text)
    cuts = [0, *(match.start() for match in _PART.finditer(hidden)), len(text)]
    parts = (part for start, end in pairwise(cuts) for part in _at_and(text[start:end]))
    return tuple(part for part in parts if re.search(r"\w", part))


def _at_and(part: str) -> list[str]:
    for match in _AND.finditer(part) if len(part) <= _LONG_PART else ():
        left, right = part[: match.start()], part[match.end() :]
        # `between 5 and 10`, `327 and 232 °C` are ranges
        is_range = re.search(r"\d\s*$", left) and re.match(r"\s*\d", right)
        if re.search(r"\d|`", left) and re.search(r"\d|`", right) and not is_range:
            return [left, *_at_and(right)]
    return [part]


# --- a question with its answer, as a statement ---------------------------------------------------

_AUXILIARY = listed("meaning", "auxiliary")
_ASKING = listed("meaning", "asking")
_ENGLISH = listed("meaning", "english")
_CHOICE = re.compile(
    r"\b(?:or|oder|ou|o)\b|\b(?:which|what) of\b.+\band\b|\bof\b[^?]+\band\b[^?]*\bwhich\b"
    r"|\b(?:and|und|et|y)\b[^?]+\b(?:which|welche[rs]?|lequel|laquelle|cuál) (?:of|von|de)\b|哪一?[个個項种種]|どちら",
    re.IGNORECASE,
)
_LONG_QUESTION = 600
_TO_LOOK = 9
"""The number of words of a question in which its question word and verb are searched for."""


def is_choice(front: str) -> bool:
    """Return whether a question offers possible answers: A or B; which of A and B."""
    return _CHOICE.search(front[:_LONG_QUESTION]) is not None


def is_english(front: str) -> bool:
    """Return whether a question is asked in English."""
    return bool(_ENGLISH.intersection(front.casefold().split()))


@lru_cache(maxsize=1024)
def statement(draft: Draft) -> Row:
    """Return the row of a card as a statement: a cloze with its answers, a question with its answer."""
    reading = read(draft)
    if draft.kind.family is Family.CLOZE:
        return row(_worded(draft.field("Text"), reading.whole))
    front = row(_worded(draft.field("Front"), reading.asked))
    back = row(_worded(draft.field("Back"), reading.answers[0]))
    asked = next((at for at, word in enumerate(front.words[:_TO_LOOK]) if word in _ASKING), None)
    if asked is None:
        return front + back
    rest = front.cut(0, asked) + front.cut(asked + 1)
    if rest.words and rest.words[-1] in "?？":
        rest = rest.cut(0, -1)
    return rest + back if _asks_object(front.words, asked) else back + rest


def _worded(raw: str, plain: str) -> str:
    """Return a text with the signs of code and formulae, which `row` skips."""
    return cloze.reveal(raw) if "`" in raw or "$" in raw else plain


def _asks_object(words: tuple[str, ...], asked: int) -> bool:
    """Return whether the answer follows the verb, as after `do`, or an auxiliary before the subject."""
    for word, after in [*pairwise((*words[asked + 1 :], ""))][: _TO_LOOK - 1]:
        if word in ("do", "does", "did"):
            return True
        if word in _AUXILIARY:
            participle = after.endswith(("ed", "en", "wn", "ght", "own", "been"))
            return not participle and after not in ("to", "not", "by")
    return False


# --- language ----------------------------------------------------------------------------------

_SCRIPTS = ("CYRILLIC", "GREEK", "ARABIC", "HEBREW", "HANGUL", "DEVANAGARI", "THAI", "LATIN")
_MANY_LETTERS = 12
_CLEAR = 3
"""The minimum number of common words of a language, and of more such words than of another."""


@lru_cache(maxsize=256)
def script(text: str) -> str:
    """Return the script of most letters; "" if there are few letters."""
    plain = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|https?://\S+", " ", text[:4000])
    if plain.isascii():
        return "LATIN" if sum(map(str.isalpha, plain)) >= _MANY_LETTERS else ""
    counts: dict[str, int] = {}
    for letter in filter(str.isalpha, plain):
        name = "LATIN" if letter.isascii() else _script_of(letter)
        counts[name] = counts.get(name, 0) + 1
    total = sum(counts.values())
    name = max(counts, key=lambda each: counts[each], default="")
    enough = total >= (_MANY_LETTERS if name != "CJK" else _MANY_LETTERS // 3)
    return name if enough and counts[name] > 0.6 * total else ""


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return "CJK"
    return next((each for each in _SCRIPTS if name.startswith(each)), name.partition(" ")[0])


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
