"""The words of a sentence that a gap may hide: whole terms, names and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.language.lexicon import Language
from ankiforge.language.tokens import ADJECTIVE_AFTER_NOUN, Kind, Token

MOST_WORDS = 8
"""The words of a gap at most, unless the reader chose it."""
_MOST_IN_TERM = 6
_OPENING = {
    "“": "”",
    "«": "»",
    "„": "“”",
    '"': '"',
    "‘": "’",
    "‹": "›",
    "「": "」",
    "『": "』",
}
_OPENING_GERMAN = {"„": "“”", "»": "«", '"': '"', "‚": "‘", "›": "‹", "“": "”"}
_EMPHASIS = ("**", "__", "==", "*", "_")
_TERM = frozenset((Kind.NOUN, Kind.ADJECTIVE, Kind.NAME, Kind.NUMBER, Kind.SHIELD))
_HEADS = frozenset((Kind.NOUN, Kind.NAME, Kind.NUMBER, Kind.SHIELD))
_NAMES = frozenset((Kind.NAME, Kind.NUMBER, Kind.SHIELD))
_WORDS = frozenset(
    (
        Kind.SMALL,
        Kind.NOUN,
        Kind.VERB,
        Kind.ADJECTIVE,
        Kind.ADVERB,
        Kind.NAME,
        Kind.NUMBER,
    )
)

Candidates = dict[tuple[int, int], set[str]]
"""By the first token and the one after the last: how the words were found."""


def candidates_in(words: Sequence[Token], language: Language) -> Candidates:
    """Return the spans of tokens that may be hidden."""
    candidates: Candidates = {}
    if not language.small:
        _plain(words, candidates)
        _quoted(words, language, candidates)
        return candidates
    runs = _runs(words, language)
    _terms(words, runs, language, candidates)
    _ranges(words, language, candidates)
    _quoted(words, language, candidates)
    return candidates


def _plain(words: Sequence[Token], candidates: Candidates) -> None:
    """Add names, numbers and terms of a language without word lists."""
    place = 0
    while place < len(words):
        first = place
        while place < len(words) and words[place].kind in _NAMES:
            place += 1
        if 0 < place - first <= _MOST_IN_TERM:
            is_number = all(word.kind == Kind.NUMBER for word in words[first:place])
            _add(candidates, first, place, "number" if is_number else "name")
        place = max(place, first + 1)


def _add(candidates: Candidates, first: int, last: int, how: str) -> None:
    if first < last:
        candidates.setdefault((first, last), set()).add(how)


# --- terms, names, numbers ------------------------------------------------------------


def _runs(words: Sequence[Token], language: Language) -> list[tuple[int, int]]:
    """Return the runs of adjectives, nouns, names and numbers with a head, in order."""
    adjective_first = language.name not in ADJECTIVE_AFTER_NOUN
    runs = []
    place = 0
    while place < len(words):
        if words[place].kind not in _TERM:
            place += 1
            continue
        first = place
        place += 1
        while place < len(words):
            if words[place].kind not in _TERM:
                is_before_adjective = (
                    words[place].kind == Kind.ADVERB
                    and place + 1 < len(words)
                    and words[place + 1].kind == Kind.ADJECTIVE
                )
                if adjective_first or not is_before_adjective:
                    break
                place += 1  # `conclusões totalmente distintas`
            is_adjective = words[place].kind == Kind.ADJECTIVE
            if adjective_first and is_adjective and words[place - 1].kind in _HEADS:
                if words[place - 1].kind != Kind.NUMBER:
                    break  # the lexical case
            place += 1
        if (
            any(words[index].kind in _HEADS for index in range(first, place))
            or place - first == 1
        ):
            runs.append((first, place))
    return runs


def _terms(
    words: Sequence[Token],
    runs: list[tuple[int, int]],
    language: Language,
    candidates: Candidates,
) -> None:
    """Add each run, and runs joined by `of`."""
    for number, (first, last) in enumerate(runs):
        has_head = any(words[index].kind in _HEADS for index in range(first, last))
        if not has_head:
            _add(candidates, first, last, "adjective")
            continue
        if last - first <= _MOST_IN_TERM:
            _add(candidates, first, last, "term")
        if last - first == 1 and words[first].folded in language.vague:
            continue  # `form of starch`
        joined_last = last
        for next_first, next_last in runs[number + 1 : number + 3]:
            how = _joined_by(words, joined_last, next_first, language)
            if not how:
                break
            joined_last = next_last
            if joined_last - first <= MOST_WORDS:
                _add(candidates, first, joined_last, how)


def _joined_by(words: Sequence[Token], start: int, end: int, language: Language) -> str:
    """Return how the words between two runs make one term of them; "" if it does not."""
    gap = words[start:end]
    if not gap:
        return "joined" if language.name == "ru" else ""
    if len(gap) > 2 or any(token.kind != Kind.SMALL for token in gap):
        return ""
    if len(gap) == 2 and gap[1].folded not in language.determiners:
        return ""
    if gap[0].folded in language.joins:
        return "joined"
    return "preposition" if gap[0].folded in language.prepositions else ""


def _ranges(words: Sequence[Token], language: Language, candidates: Candidates) -> None:
    """Add two numbers with the word between them, `30 to 50 %`, and their noun."""
    for place in range(len(words) - 2):
        if words[place].kind != Kind.NUMBER or words[place + 2].kind != Kind.NUMBER:
            continue
        between = words[place + 1]
        if between.folded in language.ranges or between.word in "-–":
            end = place + 3
            _add(candidates, place, end, "range")
            if end < len(words) and words[end].kind == Kind.NOUN:
                _add(candidates, place, end + 1, "range")


# --- quotes, emphasis, brackets -------------------------------------------------------


def _quoted(words: Sequence[Token], language: Language, candidates: Candidates) -> None:
    """Add the words in quotation marks, between signs of emphasis, and in brackets."""
    is_guillemet_inward = language.name == "de" and any(
        token.word == "»" for token in words
    )
    opening = _OPENING_GERMAN if is_guillemet_inward else _OPENING
    for place, token in enumerate(words):
        if token.kind != Kind.SIGN:
            continue
        closing = opening.get(token.word)
        if closing:
            _until(words, place, closing, "quoted", candidates)
        elif token.word in _EMPHASIS:
            _until(words, place, (token.word,), "bold", candidates)
        elif token.word in "(（":
            _until(words, place, ")）", "bracket", candidates)


def _until(
    words: Sequence[Token],
    place: int,
    closing: str | tuple[str, ...],
    how: str,
    candidates: Candidates,
) -> None:
    """Add the words between a sign and the one that closes it."""
    for end in range(place + 1, min(place + 2 + MOST_WORDS, len(words))):
        token = words[end]
        if token.kind == Kind.UNSAFE:
            return
        if token.kind == Kind.SIGN and token.word in closing:
            last = end
            while last > place + 1 and words[last - 1].word in (",", ".", ";", ":"):
                last -= 1
            if any(word.kind in _WORDS for word in words[place + 1 : last]):
                _add(candidates, place + 1, last, how)
            return
