"""The words of a sentence that a gap may hide: whole terms, names, numbers, causes, results."""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.language.lexicon import Language
from ankiforge.language.tables import listed
from ankiforge.language.tokens import ADJECTIVE_AFTER_NOUN, Kind, Token, is_verb

MOST_WORDS = 8
"""The words of a gap at most, unless the reader chose it."""
_MOST_IN_TERM = 6
_MOST_IN_QUANTITY = 4
# The words of a run from which two of them are a part of it.
_LEAST_TO_DIVIDE = 3
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
_AND = listed("cues", "and")

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
    _lists(words, runs, language, candidates)
    _predicates(words, language, candidates)
    _clauses(words, language, candidates)
    return candidates


def _plain(words: Sequence[Token], candidates: Candidates) -> None:
    """Add names, numbers and terms of a language without word lists."""
    place = 0
    while place < len(words):
        if words[place].kind not in (Kind.NAME, Kind.NUMBER, Kind.SHIELD):
            place += 1
            continue
        first = place
        while place < len(words) and words[place].kind in (
            Kind.NAME,
            Kind.NUMBER,
            Kind.SHIELD,
        ):
            place += 1
        if place - first <= _MOST_IN_TERM:
            is_number = all(
                words[index].kind == Kind.NUMBER for index in range(first, place)
            )
            _add(candidates, first, place, "number" if is_number else "name")


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
    """Add each run, without its adjectives, its numbers, and runs joined by `of`."""
    adjective_first = language.name not in ADJECTIVE_AFTER_NOUN
    for number, (first, last) in enumerate(runs):
        has_head = any(words[index].kind in _HEADS for index in range(first, last))
        if not has_head:
            _add(candidates, first, last, "adjective")
            continue
        if last - first <= _MOST_IN_TERM:
            _add(candidates, first, last, "term")
        _parts(words, first, last, candidates, adjective_first=adjective_first)
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
    """Return how what is between two runs makes one term of them; "" if it does not."""
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


def _parts(
    words: Sequence[Token],
    first: int,
    last: int,
    candidates: Candidates,
    *,
    adjective_first: bool,
) -> None:
    """Add the parts of a run that are whole by themselves."""
    for index in range(first, last):
        kind = words[index].kind
        if kind == Kind.NUMBER:
            _numbers(words, index, last, candidates)
        elif kind == Kind.SHIELD and last - first > 1:
            _add(candidates, index, index + 1, "code")
        elif kind == Kind.NAME and (index == first or words[index - 1].kind != Kind.NAME):
            end = _end_of_names(words, index, last)
            if (index, end) != (first, last):
                _add(candidates, index, end, "name")
    if last - first == 1:
        return
    if adjective_first:
        _heads_after(words, first, last, candidates)
    else:
        _heads_before(words, first, last, candidates)
    if words[last - 1].kind in _HEADS:
        _add(candidates, last - 1, last, "last")


def _numbers(
    words: Sequence[Token], index: int, last: int, candidates: Candidates
) -> None:
    """Add a number of a run that ends at `last`, with its noun, and with all that follows."""
    _add(candidates, index, index + 1, "number")
    if index + 1 == last:
        return
    if words[index + 1].kind == Kind.NOUN:
        _add(candidates, index, index + 2, "quantity")
    if last - index <= _MOST_IN_QUANTITY:
        _add(candidates, index, last, "quantity")


def _end_of_names(words: Sequence[Token], first: int, last: int) -> int:
    """Return where the names end that begin at `first`, at most `last`."""
    end = first + 1
    while end < last and words[end].kind == Kind.NAME:
        end += 1
    return end


def _heads_after(
    words: Sequence[Token], first: int, last: int, candidates: Candidates
) -> None:
    """Add the ends of a run whose adjectives precede the noun."""
    start = first
    while start < last - 1 and words[start].kind in (Kind.ADJECTIVE, Kind.NUMBER):
        start += 1
        _add(candidates, start, last, "head")
    if last - first >= _LEAST_TO_DIVIDE:
        _add(candidates, last - 2, last, "head")


def _heads_before(
    words: Sequence[Token], first: int, last: int, candidates: Candidates
) -> None:
    """Add the beginning of a run whose adjectives follow the noun."""
    end = last
    while end > first + 1 and words[end - 1].kind == Kind.ADJECTIVE:
        end -= 1
        if words[end - 1].kind in _HEADS:
            _add(candidates, first, end, "head")
    if words[first].kind == Kind.ADJECTIVE:
        _add(candidates, first + 1, last, "head")


def _ranges(words: Sequence[Token], language: Language, candidates: Candidates) -> None:
    """Add two numbers with what joins them, `30 to 50 %`, and their noun."""
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
    """Add what is in quotation marks, between signs of emphasis, and in brackets."""
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


# --- enumerations ---------------------------------------------------------------------


def _lists(
    words: Sequence[Token],
    runs: list[tuple[int, int]],
    language: Language,
    candidates: Candidates,
) -> None:
    """Add whole enumerations, `a, b and c`, and their last item."""
    by_first = dict(runs)
    for first, last in runs:
        end = last
        items = 1
        has_and = False
        while True:
            following = _after_comma(words, end)
            if following is None:
                break
            start, is_and = following
            if is_and and items == 1 and words[end].word == ",":
                break  # `for art, and the second is`: another clause
            if start not in by_first and start < len(words):
                if words[start].folded in language.determiners:
                    start += 1
            if start not in by_first:
                break
            has_and = has_and or is_and
            end = by_first[start]
            items += 1
            if is_and:
                _add(candidates, start, end, "list_item")
                break
        if items >= 2 and (has_and or items >= 3) and end - first <= MOST_WORDS + items:
            _add(candidates, first, end, "list" if items > 2 else "pair")


def _after_comma(words: Sequence[Token], place: int) -> tuple[int, bool] | None:
    """Return where the next item of an enumeration begins, and whether after an `and`."""
    start = place
    is_and = False
    if start < len(words) and words[start].word == ",":
        start += 1
    if start < len(words) and words[start].folded in _AND:
        is_and = True
        start += 1
    return None if start == place else (start, is_and)


def _predicates(
    words: Sequence[Token], language: Language, candidates: Candidates
) -> None:
    """Add the adjective or participle that a sentence states: `is saturated`."""
    for place in range(1, len(words)):
        kind = words[place].kind
        if kind not in (Kind.ADJECTIVE, Kind.VERB):
            continue
        before = words[place - 1]
        if (
            before.kind in (Kind.ADVERB, Kind.SMALL)
            and before.folded not in language.copulas
            and place > 1
        ):
            before = words[place - 2]
        if before.folded in language.copulas:
            _add(candidates, place, place + 1, "predicate")


# --- clauses --------------------------------------------------------------------------

# After these words a clause has its own subject and verb.
_OPENS_STATEMENT = listed("cues", "opens_statement")
_LEAST_IN_CLAUSE = 2
_INFINITIVE = frozenset(("to", "zu"))
_ARTICLES = listed("cues", "articles")


def _clauses(words: Sequence[Token], language: Language, candidates: Candidates) -> None:
    """Add what ends a clause: the words after a conjunction, a verb or a colon."""
    place = 0
    while place < len(words):
        end = place
        while end < len(words) and words[end].kind in _WORDS:
            end += 1
        if end - place >= _LEAST_IN_CLAUSE and words[end - 1].kind != Kind.SMALL:
            _tails(words, place, end, language, candidates)
        place = end + 1


def _tails(
    words: Sequence[Token],
    first: int,
    last: int,
    language: Language,
    candidates: Candidates,
) -> None:
    """Add the ends of one clause [first, last)."""
    openers = listed("cues", "opens_clause", language.name)
    ends_with_verb = words[last - 1].kind == Kind.VERB
    longest_first = max(first, last - MOST_WORDS)
    for begin in range(max(1, longest_first), last - 1):
        before = words[begin - 1]

        # `because they bind to the enzyme`: with subject and verb
        is_after_conjunction = begin > first and before.folded in _OPENS_STATEMENT
        if is_after_conjunction and _is_statement(words[begin:last], language):
            _add(candidates, begin, last, "tail")
            continue

        # other ends are hidden without their article
        has_determiner = words[begin].folded in language.determiners
        start = begin + 1 if has_determiner else begin
        if last - start < _LEAST_IN_CLAUSE or _has_own_verb(words, start, last, language):
            continue
        if ends_with_verb or words[start].folded == "well":
            continue  # `as Hastings says`, `as well as tolerance`
        kind = words[start].kind
        if before.kind == Kind.VERB:
            if kind in _TERM:
                _add(candidates, start, last, "tail_verb")
        elif before.folded in openers and start > first and kind != Kind.SMALL:
            _add(candidates, start, last, "tail")

    is_after_colon = first > 0 and words[first - 1].word == ":"
    if is_after_colon and last - first <= MOST_WORDS:
        _add(candidates, first, last, "behind_colon")


def _is_statement(words: Sequence[Token], language: Language) -> bool:
    """Return whether words begin with a subject, and have a verb after it."""
    subject = words[0]
    is_subject = (
        subject.folded in language.determiners
        or subject.folded in language.pronouns
        or subject.kind in _TERM
    )
    return is_subject and any(is_verb(token, language) for token in words[1:])


def _has_own_verb(
    words: Sequence[Token], first: int, last: int, language: Language
) -> bool:
    """Return whether words that depend on another go on to a verb of their subject.

    `name are parenthetic`, `people to take part`: half of a clause, not a part of one.
    """
    for place in range(first + 1, last):
        token = words[place]
        if token.folded in language.auxiliaries:
            return True
        is_after_noun = words[place - 1].kind in _HEADS
        if is_after_noun and token.folded in _INFINITIVE and place + 1 < last:
            following = words[place + 1].kind
            if following not in _TERM and words[place + 1].folded not in _ARTICLES:
                return True
    return False
