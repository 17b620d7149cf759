"""What a card says, as a row of words that can be laid beside the words of its source."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.check.lexical.reading import read
from ankiforge.check.lexical.tongue import FUNCTION, PHRASES
from ankiforge.check.lexical.words import listed, stem
from ankiforge.model import Draft, Family
from ankiforge.text import cloze

_SIGN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:-[^\W\d_]+)*[+#]*|[.,;:!?()—–。，；：！？、]")
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|lorsqu|jusqu|puisqu)['’](?=\w)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s?\b")
_SHIELDED = re.compile(r"`[^`\n]*`|\$[^$\n]*\$")
STOPS = frozenset(".,;:!?()—–。，；：！？、")
_LONGEST = 6000


@dataclass(frozen=True, slots=True)
class Row:
    """Words in order, casefolded, with the signs that part clauses among them."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    """The stem of each word that carries meaning, "" of all others."""

    def around(self, at: int, reach: int) -> tuple[frozenset[str], frozenset[str]]:
        """The stems of at most `reach` words with meaning on either side, within the clause."""
        before = _gathered(self, range(at - 1, -1, -1), reach)
        return before, _gathered(self, range(at + 1, len(self.words)), reach)

    @property
    def all_stems(self) -> frozenset[str]:
        """Every word that carries meaning, stemmed."""
        return _meant(self.stems)


@lru_cache(maxsize=2048)
def _meant(stems: tuple[str, ...]) -> frozenset[str]:
    return frozenset(filter(None, stems))


def _gathered(row: Row, way: range, reach: int) -> frozenset[str]:
    found: list[str] = []
    for at in way:
        if row.words[at] in _ENDS or len(found) >= reach:
            break
        if row.stems[at]:
            found.append(row.stems[at])
    return frozenset(found)


_ENDS = frozenset(".;:!?—。；：！？")


@lru_cache(maxsize=1024)
def row(text: str) -> Row:
    """A text as a row of words; formulae and code are left out."""
    plain = unicodedata.normalize("NFKC", _SHIELDED.sub(" ", text[:_LONGEST])).casefold()
    plain = plain.replace("’", "'")
    for phrase, instead in PHRASES:
        plain = plain.replace(phrase, instead)
    plain = _ELISION.sub(lambda found: "ne " if found[0][0] == "n" else " ", plain)
    words = tuple(_SIGN.findall(_POSSESSIVE.sub("", plain)))
    return Row(words, tuple(_meaning(word) for word in words))


def _meaning(word: str) -> str:
    if word in STOPS or word in FUNCTION:
        return ""
    return word if word.endswith("eed") else stem(word)  # exceed is no past of exce


_CHOICE = re.compile(
    r"\b(?:or|oder|ou|o)\b|\b(?:which|what) of\b.+\band\b|\bof\b[^?]+\band\b[^?]*\bwhich\b"
    r"|\b(?:and|und|et|y)\b[^?]+\b(?:which|welche[rs]?|lequel|laquelle|cuál) (?:of|von|de)\b|哪一?[个個项種种]|どちら",
    re.IGNORECASE,
)
_ENGLISH = frozenset(listed("""what which who whom whose how when where why the of does is"""))


_LONG_QUESTION = 600


def is_choice(front: str) -> bool:
    """Whether a question offers its answers: A or B; which of A and B."""
    return _CHOICE.search(front[:_LONG_QUESTION]) is not None


def is_english(front: str) -> bool:
    """Whether a question is asked in English."""
    return bool(_ENGLISH.intersection(front.casefold().split()))


# --- a question with its answer, as a statement ----------------------------------------------

_AUX = frozenset(
    listed(
        """do does did is are was were has have had can could may might should will would must hat
    haben wird wurde ist sind"""
    )
)
_SUPPORT = frozenset(("do", "does", "did"))
_ASKING = frozenset(
    listed(
        """what which who whom whose how when where why welche welcher welches wer wen wem was wann wo
    wie warum que quel quelle quels quelles qui combien quand où qué cuál quién cuánto cuántos
    dónde"""
    )
)
_TO_LOOK = 9


@lru_cache(maxsize=1024)
def statement(draft: Draft) -> Row:
    """The row of a card: a cloze filled in; a question with its answer in the place asked for."""
    if draft.kind.family is Family.CLOZE:
        return row(_worded(draft.field("Text"), read(draft).whole))
    reading = read(draft)
    front = row(_worded(draft.field("Front"), reading.asked))
    back = row(_worded(draft.field("Back"), reading.answers[0]))
    asked = next((at for at, word in enumerate(front.words[:_TO_LOOK]) if word in _ASKING), None)
    if asked is None:
        return _joined(front, back)
    rest = Row(front.words[asked + 1 :], front.stems[asked + 1 :])
    rest = _closed(Row(front.words[:asked] + rest.words, front.stems[:asked] + rest.stems))
    return _joined(rest, back) if _asks_object(front, asked) else _joined(back, rest)


def _worded(raw: str, plain: str) -> str:
    """The plain words, but with the signs of code and formulae, so that these are left out."""
    if "`" not in raw and "$" not in raw:
        return plain
    return cloze.reveal(raw)


def _closed(given: Row) -> Row:
    """Without the question mark."""
    words = list(given.words)
    keep = len(words) - (1 if words and words[-1] in "?？" else 0)
    return Row(given.words[:keep], given.stems[:keep])


def _joined(one: Row, other: Row) -> Row:
    return Row(one.words + other.words, one.stems + other.stems)


def _asks_object(front: Row, asked: int) -> bool:
    """Whether the answer stands behind the verb: after `do`, or a helper before the subject."""
    for at in range(asked + 1, min(asked + _TO_LOOK, len(front.words))):
        word = front.words[at]
        if word in _SUPPORT:
            return True
        if word in _AUX:
            after = front.words[at + 1] if at + 1 < len(front.words) else ""
            return not _looks_like_participle(after)
    return False


def _looks_like_participle(word: str) -> bool:
    return word.endswith(("ed", "en", "wn", "ght", "own", "been")) or word in {"to", "not", "by"}
