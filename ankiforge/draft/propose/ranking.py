"""Which words of a sentence are asked for, best first.

Each candidate has features, and each feature a weight in `data/gap_weights.txt`, learned
by `benchmarks/proposals/learn_gaps.py` from passages whose gaps were chosen by readers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ankiforge.draft.propose.candidates import COPULAS, candidates
from ankiforge.draft.propose.tokens import Kind, Token, tokens
from ankiforge.draft.propose.words import Language, cue, listed
from ankiforge.model import Span
from ankiforge.text import regex

MOST = 3
"""The gaps of a proposal, at most."""
_YEAR = regex(r"1\d{3}|20\d\d")
# Features of a candidate with their amounts, by name.
Features = dict[str, float]
_CONTENT = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE, Kind.VERB, Kind.NUMBER))
# Candidates that share more than this with a better one are no other gap.
_SAME = 0.5


@cache
def weights() -> dict[str, float]:
    """Return the weight of each feature."""
    path = Path(__file__).parent / "data" / "gap_weights.txt"
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, number = line.partition(" ")
            found[name] = float(number)
    return found


class Sentence:
    """A text with what its candidates are judged by."""

    def __init__(self, text: str, language: Language, mark: Span | None, heading: str) -> None:
        self.text = text
        self.language = language
        self.mark = mark
        """Where the reader's mark is in it; None = all of it."""
        self.words = tokens(text, language)
        self._heading = {token.low for token in tokens(heading, language)} if heading else set()
        self._counts: dict[str, int] = {}
        for token in self.words:
            if token.kind in _CONTENT:
                self._counts[token.low] = self._counts.get(token.low, 0) + 1
        self._verbs = self._first_verbs()
        self._numbers = sum(token.kind is Kind.NUMBER for token in self.words)
        name = language.name
        self._called = self._ends("called", name)
        self._called_before = self._starts("called_before", name)
        self._means = self._starts("means", name)
        self._means_ends = self._ends("means", name)
        self._cause = self._ends("cause", name)
        self._contrast = self._ends("contrast", name)

    def _first_verbs(self) -> list[int]:
        """Return for each token the first verb of its sentence."""
        found: list[int] = []
        begin = 0
        verb = -1
        for place, token in enumerate(self.words):
            if token.kind is Kind.SIGN and token.word in ".!?;:":
                found.extend([verb if verb >= 0 else place] * (place + 1 - begin))
                begin = place + 1
                verb = -1
            elif verb < 0 and (token.kind is Kind.VERB or token.low in _AUXILIARIES):
                verb = place
        found.extend([verb if verb >= 0 else len(self.words)] * (len(self.words) - begin))
        return found

    def _ends(self, section: str, name: str) -> list[int]:
        pattern = cue(section, name)
        return [match.end() for match in pattern.finditer(self.text)] if pattern else []

    def _starts(self, section: str, name: str) -> list[int]:
        pattern = cue(section, name)
        return [match.start() for match in pattern.finditer(self.text)] if pattern else []

    def candidates(self) -> list[tuple[Span, Features]]:
        """Return the spans that may be hidden with their features, in order."""
        found = candidates(self.words, self.language)
        described = []
        widest: list[tuple[int, int]] = [place for place in found if "term" in found[place]]
        for (first, last), how in sorted(found.items()):
            start = self.words[first].start
            end = self.words[last - 1].end
            if self.mark is not None and not (self.mark[0] <= start and end <= self.mark[1]):
                continue
            features = self._features(first, last, widest)
            for way in how:
                features[f"how:{way}"] = 1.0
            described.append(((start, end), features))
        return described

    def _features(self, first: int, last: int, widest: list[tuple[int, int]]) -> Features:
        words = self.words
        inner = words[first:last]
        start = inner[0].start
        end = inner[-1].end
        begin, stop = self.mark or (0, len(self.text))
        features: Features = {"position": (start - begin) / max(1, stop - begin)}
        content = [token for token in inner if token.kind in _CONTENT]
        count = sum(token.kind is not Kind.SIGN for token in inner)
        features[f"words:{min(count, 7)}"] = 1.0
        rarities = [7.0 - token.zipf for token in content]
        if rarities:
            features["rarity"] = min(sum(rarities), 14.0) / 7
            features["rarest"] = max(rarities) / 4
            features["mean_rarity"] = sum(rarities) / len(rarities) / 4
        numbers = sum(token.kind is Kind.NUMBER for token in inner)
        if numbers:
            features["has_number"] = 1.0
            if numbers == self._numbers:
                features["all_numbers"] = 1.0
            if count == numbers:
                features["bare_number"] = 1.0
            if any(_YEAR.fullmatch(token.word) for token in inner):
                features["year"] = 1.0
            if inner[0].word in ("1", "2", "3") and count == 1:
                features["tiny_number"] = 1.0
        elif self._numbers:
            features["number_elsewhere"] = 1.0
        names = sum(token.kind is Kind.NAME for token in inner)
        if names:
            features["all_names" if names == count else "has_name"] = 1.0
        verbs = sum(token.kind is Kind.VERB for token in inner)
        if verbs:
            features["has_verb"] = 1.0
        if inner[0].kind is Kind.VERB:
            features["begins_verb"] = 1.0
        if all(token.kind is Kind.ADJECTIVE for token in inner):
            features["bare_adjective"] = 1.0
        if inner[0].word.isupper() and len(inner[0].word) > 1 and count == 1:
            features["acronym"] = 1.0
        if any(token.kind is Kind.SMALL for token in inner):
            features["has_small"] = 1.0
        verb = self._verbs[first]
        if first > verb:
            features["behind_verb"] = 1.0
        elif last <= verb < len(words) and words[verb].kind is not Kind.SIGN:
            features["subject"] = 1.0
        if first == 0 or words[first - 1].word in (".", "!", "?"):
            features["begins"] = 1.0
        elif first == 1 and words[0].low in self.language.determiners:
            features["begins"] = 1.0
        if last == len(words) or (words[last].kind is Kind.SIGN and words[last].word in ".!?;"):
            features["ends"] = 1.0
        elif words[last].kind is Kind.SIGN:
            features["before_sign"] = 1.0
        self._beside(first, last, features)
        self._cues(start, end, features)
        if inner[-1].low in self.language.vague or (
            count == 1 and inner[0].low in self.language.vague
        ):
            features["vague"] = 1.0
        if any(
            self._counts.get(token.low, 0) > sum(o.low == token.low for o in inner)
            for token in content
        ):
            features["repeated"] = 1.0
        if self._heading and content:
            known = sum(token.low in self._heading for token in content)
            features["in_heading"] = known / len(content)
        for wide_first, wide_last in widest:
            if wide_first <= first and last <= wide_last:
                if (wide_first, wide_last) != (first, last):
                    features["part"] = 1.0
                    if wide_last == last:
                        features["part_end"] = 1.0
                break
        return features

    def _beside(self, first: int, last: int, features: Features) -> None:
        """Add what stands before and behind."""
        words = self.words
        if first:
            before = words[first - 1]
            if before.low in self.language.determiners:
                features["behind_determiner"] = 1.0
                before = words[first - 2] if first > 1 else before
            if before.kind is Kind.VERB:
                features["object"] = 1.0
            elif before.kind is Kind.SMALL:
                if before.low in _BY:
                    features["behind_by"] = 1.0
                elif before.low in COPULAS:
                    features["predicate"] = 1.0
                else:
                    features["behind_small"] = 1.0
            elif before.kind is Kind.SIGN:
                if before.word in "(（":
                    features["in_brackets"] = 1.0
                elif before.word == ":":
                    features["colon_before"] = 1.0
        if last < len(words):
            behind = words[last]
            if behind.word in ("(", "（"):
                features["brackets_behind"] = 1.0
            elif behind.word in (":", "=", "–", "—"):
                features["colon_behind"] = 1.0
            elif behind.low in COPULAS:
                features["copula_behind"] = 1.0

    def _cues(self, start: int, end: int, features: Features) -> None:
        """Add what cues of definitions, causes and contrasts say."""
        for cue_end in self._called:
            if 0 <= start - cue_end <= _NEAR and self._is_empty(cue_end, start):
                features["called"] = 1.0
            elif end <= cue_end:
                features["before_called"] = 1.0
        for cue_start in self._called_before:
            if 0 <= cue_start - end <= 2:
                features["called"] = 1.0
        for cue_start in self._means:
            if 0 <= cue_start - end <= 2:
                features["defined"] = 1.0
        for cue_end in self._means_ends:
            if 0 <= start - cue_end <= 2:
                features["definition"] = 1.0
        for cue_end in self._cause:
            if start >= cue_end:
                features["behind_cause"] = 1.0
                if start - cue_end <= _NEAR and self._is_empty(cue_end, start):
                    features["at_cause"] = 1.0
        for cue_end in self._contrast:
            if start >= cue_end and self._is_empty(cue_end, start):
                features["at_contrast"] = 1.0

    def _is_empty(self, start: int, end: int) -> bool:
        """Return whether only a determiner, or signs, are between two places."""
        between = self.text[start:end].casefold().split()
        return len(between) <= 2 and all(
            word in self.language.determiners or not word.isalnum() or word in ("as", "als", "a")
            for word in between
        )


_NEAR = 12
_AUXILIARIES = frozenset(
    "is are was were has have had can could may might will would must should does did do "
    "ist sind war waren wird werden wurde wurden hat haben kann können muss müssen "
    "est sont était étaient fut a ont peut peuvent doit doivent sera "
    "es son era eran fue fueron ha han puede pueden debe deben está están tiene tienen "
    "è sono era erano fu può possono deve devono hanno "
    "é são foi foram pode podem deve devem tem têm está estão "
    "был была было были может могут".split()
)
_BY = frozenset("by durch von par por per da dal от".split())


def ranked(
    text: str, language: Language, *, mark: Span | None = None, heading: str = ""
) -> list[Span]:
    """Return the spans of a sentence that may be hidden, best first, each another gap."""
    table = weights()
    scored = []
    for span, features in Sentence(text, language, mark, heading).candidates():
        scored.append((-score(features, table), span))
    scored.sort()
    chosen: list[Span] = []
    for _, span in scored:
        if not any(is_same(span, other) for other in chosen):
            chosen.append(span)
    return chosen


def score(features: Features, table: dict[str, float]) -> float:
    """Return the sum of the weights of features."""
    return sum(table.get(name, 0.0) * amount for name, amount in features.items())


def is_same(span: Span, other: Span) -> bool:
    """Return whether two spans share most of their text."""
    shared = min(span[1], other[1]) - max(span[0], other[0])
    return shared > _SAME * min(span[1] - span[0], other[1] - other[0])
