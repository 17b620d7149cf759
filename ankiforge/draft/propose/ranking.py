"""Which words of a sentence are asked for, best first.

Each candidate has features, and each feature a weight in `data/gap_weights.txt`, learned
by `tools/proposals/learn_gaps.py` from passages whose gaps were chosen by readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ankiforge.draft.propose.candidates import candidates_in
from ankiforge.draft.propose.refused import is_no_answer
from ankiforge.language.lexicon import Language
from ankiforge.language.tables import read_weights
from ankiforge.language.tokens import Kind, cues_of, is_verb, tokens
from ankiforge.model import Span
from ankiforge.text import regex

MOST = 4
"""The gaps of a proposal, at most."""
_YEAR = regex(r"1\d{3}|20\d\d")
# `(Bornstein 1989)`, `(cf. Ericsson, 2008; Ophir & Wagner 2009a, 175)`, `(Basic Books, 2010)`.
_BRACKETED = regex(r"\([^()]{6,300}\)")
_YEAR_OF_CITATION = regex(
    r"([A-ZÀ-Þ][\w’'-]*|et al)\.?,? (?:1[6-9]|20)\d\d[a-z]?(?=[,:;)])"
)
# `[44, 34, 2]`, `(12, 34–36)`: the numbers of sources.
_NUMBERS_OF_SOURCES = regex(
    r"\[\d{1,3}(?:[,–-] ?\d{1,3})*\]|\(\d{1,3}(?:[,–-] ?\d{1,3})+\)"
)
_HYPHENS = frozenset("-‐‑")
# Words before a number that points at another place of the text.
_POINTING = frozenset(
    "figure fig figures table tables section chapter appendix equation eq page pages "
    "abbildung tabelle abschnitt kapitel seite figura tabla tabela tabella sección capítulo "
    "capitolo página tableau chapitre рис табл глава".split()
)
_MONTHS = frozenset(
    "January February March April May June July August September October November December "
    "Januar Februar März Mai Juni Juli Oktober Dezember".split()
)
_SENTENCE_ENDS = frozenset(".!?:")
_APOSTROPHES = ("'", "’")
# What a number counts or dates follows it: `1885年`, `30%`, `5 万人`.
_COUNTED_CJK = regex(r"\s?[%％年岁歳世度倍万萬亿億元円人名国國吨噸米公克厘毫]")
# What points at another place precedes the number: `第3章`, `图 2`.
_POINTS_CJK = regex(r"[第图圖図表章节節頁页【(（]\s?\Z")
_NO_TERM = frozenset((Kind.ADJECTIVE, Kind.VERB, Kind.ADVERB, Kind.SMALL))
# Features of a candidate with their amounts, by name.
Features = dict[str, float]
_CONTENT = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE, Kind.VERB, Kind.NUMBER))
# Candidates that share more than this with a better one are no other gap.
_SAME = 0.5
# A candidate that is less than this of another one asks for something else.
_A_PART = 0.25


@cache
def weights() -> dict[str, float]:
    """Return the weight of each feature."""
    return read_weights(Path(__file__).parent / "data" / "gap_weights.txt")


class Sentence:
    """A text whose candidates are judged."""

    def __init__(
        self,
        text: str,
        language: Language,
        mark: Span | None,
        shown: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.language = language
        self.mark = mark
        """Where the reader's mark is in it; None = all of it."""
        self.shown = shown
        """The stems of title and heading."""
        self.words = tokens(text, language)
        self._verbs = self._first_verbs()
        self._citations = _citations(text)
        cues = cues_of(text, language)
        self._named = {cue.last for cue in cues if cue.section == "called"}

    def _first_verbs(self) -> list[int]:
        """Return for each token the first verb of its sentence."""
        first_verbs: list[int] = []
        begin = 0
        verb: int | None = None
        for place, token in enumerate(self.words):
            if token.kind == Kind.SIGN and token.word in ".!?;:":
                verb_or_end = place if verb is None else verb
                first_verbs.extend([verb_or_end] * (place + 1 - begin))
                begin = place + 1
                verb = None
            elif verb is None and is_verb(token, self.language):
                verb = place
        last = len(self.words)
        verb_or_end = last if verb is None else verb
        first_verbs.extend([verb_or_end] * (last - begin))
        return first_verbs

    def candidates(self) -> list[tuple[Span, Features]]:
        """Return the spans that may be hidden with their features, in order."""
        candidates = candidates_in(self.words, self.language)
        described = []
        for places, how in sorted(candidates.items()):
            first, last = places
            start = self.words[first].start
            end = self.words[last - 1].end
            if self.mark is not None:
                is_marked = self.mark[0] <= start and end <= self.mark[1]
                if not is_marked:
                    continue
            if self._is_silly(first, last, how):
                continue
            features = self._features(first, last)
            for way in how:
                features[f"how:{way}"] = 1.0
            described.append(((start, end), features))
        return described

    def _is_silly(self, first: int, last: int, how: set[str]) -> bool:
        """Return whether words may not be hidden: a reference, a bare adjective or verb."""
        if self._is_part_of_something(first, last):
            return True
        inner = self.words[first:last]
        start = inner[0].start
        end = inner[-1].end
        is_most_of_text = 2 * (end - start) > len(self.text)
        if is_most_of_text:
            return True

        is_set_off = not how.isdisjoint(("quoted", "bold", "bracket"))
        if is_set_off:
            return all(token.kind in (Kind.SIGN, Kind.SMALL) for token in inner)
        if self.language.name == "cjk" and inner[-1].kind == Kind.NUMBER:
            return not self._is_quantity(start, end)

        has_term = any(token.kind not in _NO_TERM for token in inner)
        if first in self._named:  # `is called cramming`
            return not has_term
        span = (first, last)
        return not has_term or is_no_answer(self.words, span, self.language, self.shown)

    def _is_part_of_something(self, first: int, last: int) -> bool:
        """Return whether words are in a citation, code or reference, or cut a name or word."""
        inner = self.words[first:last]
        if any(token.kind == Kind.UNSAFE for token in inner):
            return True
        if any(self._is_reference(place) for place in (first, last - 1)):
            return True
        for citation_start, citation_end in self._citations:
            if inner[0].start < citation_end and citation_start < inner[-1].end:
                return True
        if self._cuts_compound(first) or self._cuts_compound(last):
            return True
        last_word = inner[-1].word
        if last_word.endswith(_APOSTROPHES):
            return True  # the elided `c'` of `c'è`
        is_initial = len(last_word) == 1 and last_word.isupper()
        is_before_stop = last < len(self.words) and self.words[last].word == "."
        return is_initial and is_before_stop  # `Brent W` of `Brent W. Roberts`

    def _is_quantity(self, start: int, end: int) -> bool:
        """Return whether a number of a Chinese or Japanese text counts or dates something."""
        before = self.text[max(start - 2, 0) : start]
        if _POINTS_CJK.search(before):
            return False
        return _COUNTED_CJK.match(self.text, end) is not None

    def _cuts_compound(self, place: int) -> bool:
        """Return whether a hyphen without blanks is beside a border: `41-` of `41-Jährige`."""
        if not 0 < place < len(self.words):
            return False
        before, after = self.words[place - 1], self.words[place]
        hyphen = before if before.word in _HYPHENS else after
        is_joined = before.end == after.start and hyphen.word in _HYPHENS
        begin = hyphen.start - 1
        if not is_joined or begin < 0 or hyphen.end >= len(self.text):
            return False
        return self.text[begin].isalnum() and self.text[hyphen.end].isalnum()

    def _is_reference(self, place: int) -> bool:
        """Return whether a number counts or points: `[12]`, `Figure 3`, `1.` before an item."""
        token = self.words[place]
        if token.kind != Kind.NUMBER:
            return False
        before = self.words[place - 1] if place else None
        after = self.words[place + 1].word if place + 1 < len(self.words) else ""
        if before is None or before.word in _SENTENCE_ENDS:
            if after in (".", ")"):
                return True
        if before is not None and before.folded in _POINTING:
            return True
        is_bracketed = (
            before is not None and before.word in ("[", "(") and after in ("]", ")")
        )
        return is_bracketed and not _YEAR.match(token.word)

    def _features(self, first: int, last: int) -> Features:
        """Return the features of a candidate."""
        inner = self.words[first:last]
        # where in the mark, or else the text, it begins, from 0 to 1
        begin, end = self.mark or (0, len(self.text))
        features: Features = {"position": (inner[0].start - begin) / max(1, end - begin)}
        # how many words it has, and how rare they are
        count = sum(token.kind != Kind.SIGN for token in inner)
        features[f"words:{min(count, 7)}"] = 1.0
        rarities = [7.0 - token.zipf for token in inner if token.kind in _CONTENT]
        if rarities:
            features["rarity"] = min(sum(rarities), 14.0) / 7
            features["rarest"] = max(rarities) / 4
            features["mean_rarity"] = sum(rarities) / len(rarities) / 4
        self._by_place(first, last, features)
        self._beside(first, last, features)
        vague = self.language.vague
        if inner[-1].folded in vague or (count == 1 and inner[0].folded in vague):
            features["vague"] = 1.0
        return features

    def _by_place(self, first: int, last: int, features: Features) -> None:
        """Add its position in its sentence."""
        words = self.words
        verb = self._verbs[first]
        if first > verb:
            features["behind_verb"] = 1.0
        elif last <= verb < len(words) and words[verb].kind != Kind.SIGN:
            features["subject"] = 1.0
        if self._begins_a_sentence(first):
            features["begins"] = 1.0
        if last == len(words):
            features["ends"] = 1.0
        elif words[last].kind == Kind.SIGN:
            is_end = words[last].word in ".!?;"
            features["ends" if is_end else "before_sign"] = 1.0

    def _begins_a_sentence(self, place: int) -> bool:
        """Return whether a word is the first of a sentence, or the first after an article."""
        if place == 0 or self.words[place - 1].word in (".", "!", "?"):
            return True
        return place == 1 and self.words[0].folded in self.language.determiners

    def _beside(self, first: int, last: int, features: Features) -> None:
        """Add the words before and after it."""
        words = self.words
        if first:
            before = words[first - 1]
            if before.folded in self.language.determiners:
                features["behind_determiner"] = 1.0
                before = words[first - 2] if first > 1 else before
            if before.folded in self.language.joins:
                features["behind_of"] = 1.0
            if before.kind == Kind.VERB:
                features["object"] = 1.0
            elif before.kind == Kind.SMALL:
                if before.folded in _BY:
                    features["behind_by"] = 1.0
                elif before.folded in self.language.copulas:
                    features["predicate"] = 1.0
                else:
                    features["behind_small"] = 1.0
            elif before.kind == Kind.SIGN:
                if before.word in "(（":
                    features["in_brackets"] = 1.0
                elif before.word == ":":
                    features["colon_before"] = 1.0
        if last < len(words):
            after = words[last]
            if after.folded in self.language.joins:
                features["before_of"] = 1.0
            if after.word in ("(", "（"):
                features["brackets_behind"] = 1.0
            elif after.word in (":", "=", "–", "—"):
                features["colon_behind"] = 1.0
            elif after.folded in self.language.copulas:
                features["copula_behind"] = 1.0


def _citations(text: str) -> list[Span]:
    """Return the spans of citations in brackets: numbers, or a year after a name."""
    citations = [match.span() for match in _NUMBERS_OF_SOURCES.finditer(text)]
    for bracket in _BRACKETED.finditer(text):
        names = _YEAR_OF_CITATION.findall(bracket[0])
        if any(name not in _MONTHS for name in names):
            citations.append(bracket.span())
    return citations


_BY = frozenset("by durch von par por per da dal от".split())


def ranked(sentence: Sentence) -> Iterator[tuple[Span, float]]:
    """Yield the spans of a sentence that may be hidden with their scores, best first.

    Each is another gap.
    """
    table = weights()
    scored = []
    for span, features in sentence.candidates():
        scored.append((-score(features, table), span))
    scored.sort()
    chosen: list[Span] = []
    for minus_score, span in scored:
        if not any(is_same(span, other) for other in chosen):
            chosen.append(span)
            yield span, -minus_score


def score(features: Features, table: dict[str, float]) -> float:
    """Return the sum of the weights of features."""
    total = 0.0
    for name, amount in features.items():
        total += table.get(name, 0.0) * amount
    return total


def is_same(span: Span, other: Span) -> bool:
    """Return whether two spans share most of their text."""
    shared = min(span[1], other[1]) - max(span[0], other[0])
    shorter, longer = sorted((span[1] - span[0], other[1] - other[0]))
    return shared > _SAME * shorter and shorter > _A_PART * longer
