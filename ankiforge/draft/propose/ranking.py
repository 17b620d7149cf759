"""Rank the spans of a sentence that a gap may blank out, best first.

A span is a candidate if it begins and ends at suitable words. The features of a candidate describe
its borders, the words inside and its position. Their weights, in `data/gap_weights.txt`, are those
of a conditional logistic regression over the candidates of each sentence.
`tools/proposals/learn.py` learned them from the spans that strict readers chose, and from their
ratings of the spans that an earlier version chose.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple

from ankiforge.draft.propose.rejection import is_poor_answer, strip_ending
from ankiforge.language.lexicon import LanguageTables, read_weights, read_word_set
from ankiforge.language.quantities import find_unsplittable_offsets
from ankiforge.language.tokens import Token, TokenKind, is_verb, tokenize
from ankiforge.model import Span
from ankiforge.text import regex

DATA_DIRECTORY = Path(__file__).parent / "data"
MAX_GAPS = 4
"""The maximum number of gaps in a proposal."""
MAX_GAP_SCORE = 9.0
"""The score of a gap that the reader chose, and the highest score of a ranked gap."""
MAX_GAP_TOKENS = 9
"""The maximum number of tokens in a gap, unless the reader chose the gap."""
Features = dict[str, float]
"""The value of each feature of a candidate, by the feature's name.

In a name with a colon, the first letter shows what the feature describes: `s` the beginning of the
candidate, `e` its end, `p` the token classes inside, `l` its length, `b` the punctuation on both
sides.
"""
_CLOSING_BY_OPENING = {
    "“": "”",
    "«": "»",
    "„": "“”",
    '"': '"',
    "‘": "’",
    "‹": "›",
    "「": "」",
    "『": "』",
    "»": "«",
    "(": ")",
    "（": "）",
    "《": "》",
    "**": ("**",),
    "__": ("__",),
    "==": ("==",),
    "*": ("*",),
    "_": ("_",),
}
"""The closing marks that match each opening mark, such as quotation marks or emphasis."""
# Signs that end a clause or list item. They are never inside a gap unless they join two words.
_BREAK_SIGNS = frozenset(".,;!?:–—-/+。，、；！？：…")
# Maps Chinese punctuation to its Western equivalent.
_TO_WESTERN = str.maketrans("，、。；：！？（）《》「」『』", ",,.;:!?()“”“”“”")
_CLASS_BY_KIND = {
    TokenKind.NOUN: "n",
    TokenKind.VERB: "v",
    TokenKind.ADJECTIVE: "a",
    TokenKind.ADVERB: "r",
    TokenKind.NAME: "N",
    TokenKind.NUMBER: "1",
    TokenKind.CODE_OR_FORMULA: "x",
    TokenKind.UNSAFE: "u",
}
_VERB_CLASSES = frozenset("vxC")
"""The token classes of verbs, auxiliaries and copulas."""
_PAIRS = (("(", ")"), ("“", "”"), ("«", "»"))
_CODE_PAIRS = (("[", "]"), ("{", "}"))
_OPENING = ("(", "[", "{")
# Verbs that look like plural nouns, and are followed by a reported clause (see `_REPORTED`).
_REPORTING_VERBS = frozenset(
    "argues assumes claims concludes demonstrates explains finds holds implies indicates means "
    "notes predicts proposes proves reports reveals says shows states suggests".split()
)
# Adjectives that don't turn a vague noun into an answer, as in `downstream tasks`.
_EMPTY_ADJECTIVES = frozenset(
    "additional certain different downstream following further many new other particular previous "
    "several similar specific various".split()
)
# The words that begin a reported clause.
_REPORTED = frozenset("that how why".split())
_PAIRED_SIGNS = frozenset('()“”«»"*')
_SIGNS = frozenset(',.;:!?()"“”«»–—-=*/')
_NAME_KINDS = frozenset((TokenKind.NAME, TokenKind.NUMBER, TokenKind.CODE_OR_FORMULA))
_NON_TERM_KINDS = frozenset(
    (
        TokenKind.SIGN,
        TokenKind.FUNCTION_WORD,
        TokenKind.ADJECTIVE,
        TokenKind.ADVERB,
        TokenKind.VERB,
    )
)
_NON_CONTENT_KINDS = frozenset((TokenKind.SIGN, TokenKind.FUNCTION_WORD))
_CONTENT_KINDS = frozenset(
    (*_NAME_KINDS, TokenKind.NOUN, TokenKind.VERB, TokenKind.ADJECTIVE, TokenKind.ADVERB)
)
_SENTENCE_ENDS = frozenset(".!?;。！？；")
_YEAR = regex(r"1\d{3}|20\d\d")
_INDEFINITE_ARTICLES = frozenset("a an ein eine un une una uno um uma".split())
_COUNTED_KINDS = frozenset((TokenKind.NOUN, TokenKind.NAME, TokenKind.NUMBER))
# Matches the classes of a term, a copula, and the kind of thing that the term is: `DnCDan`. In
# Romance languages, the adjective follows the noun: `le cortex préfrontal`.
_DEFINITION = regex(
    r"[*-]?D?[*-]?(?P<term>[nNa]{0,3}(?:[nNr]|[nN]a)(?:o[nNa]{0,2}[nN]a?)?)[*-]?(?:\([nN]+\))?C"
    r"(?:D[anN1r]*?|a*)[nN]"
)
# Copulas that define nothing, as in `The process is considered as`.
_NON_DEFINING_COPULAS = frozenset("als as be been being están está werden wird".split())
_APOSTROPHES = ("'", "’")
_POSSESSIVES = ("'s", "’s")
_ACRONYM = regex(r"[^\W\da-zß-ÿа-яё_][^\W_]{0,6}[^\W\da-zß-ÿа-яё_]s?")
_NAME_PREPOSITIONS = read_word_set("cues", "of_name")
_LIST_CONJUNCTIONS = read_word_set("cues", "and")
# Matches a counter or unit after a number, as in `1885年`, `30%`, `5 万人`.
_CJK_COUNTER = regex(r"\s?[%％年岁歳世度倍万萬亿億元円人名国國吨噸米公克厘毫]")
# The first ideograph of a predicate such as `无权` or `不足`.
_NEGATIONS_ZH = frozenset("不没沒未无無")
_DATE_ZH = regex(r".*\d(?:年代?|世[纪紀]|[月日])")
# Matches a word before a number that refers to a part of the document: `第3章`, `图 2`.
_CJK_REFERENCE = regex(r"[第图圖図表章節节頁页【(（]\s?\Z")
# Matches a letter or numeral that belongs to the noun before it, as in `Vitamin A`.
_LETTER_OF_NAME = regex(r"[A-HJ-Z]|X{0,3}(?:IX|IV|V?I{0,3})(?<=..)|\d{1,2}")
_PER_WORDS = frozenset("per pro por par je".split())
_CLAUSE_WORDS = read_word_set("cues", "clause")
# Matches around the space inside a number that was copied from a PDF, as in `30, 000`.
_CUT_THOUSANDS = regex(r"\d,\s\d{3}\b")
# Signs that introduce a list whose items are counted before the sign: `two kinds: A and B`.
_LIST_SIGNS = frozenset(":(（：–—")
# Overlapping candidates are the same gap if they share more than this fraction of the shorter
# one, and if the shorter one is not so short that it asks for something else.
_MIN_SHARED_FRACTION = 0.5
# The length of the shorter one as a fraction of the longer one.
_MIN_LENGTH_RATIO = 0.25


# Stems of related words share at least this many letters, and all but the last of the shorter stem.
_MIN_COMMON_STEM = 4
# If the shorter stem has more letters than this, the longer stem may be of any length.
_MIN_LONG_STEM = 6
# The upper limits of a candidate's length, rarity, and fraction of the sentence.
_MAX_LENGTH = 7
_MAX_RARITY = 16.0
_MAX_FRACTION = 0.7
# Candidates that score this far below the best one are omitted. Readers accept one in ten of them.
_MAX_SCORE_GAP = 2.0


class TokenRun(NamedTuple):
    """A run of consecutive tokens in a text."""

    first: int
    """The index of the first token."""
    end: int
    """The index after the last token."""


class GapRanker:
    """Finds the candidates for a gap in a sentence and extracts their features."""

    def __init__(
        self,
        text: str,
        language: LanguageTables,
        mark: Span | None,
        visible_stems: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.language = language
        self.gap_range = mark
        """The highlighted span, which gaps must be within, or None for the whole text."""
        self.visible_stems = visible_stems
        """The stems of the words in the title and heading, which are shown above the card."""
        self.tokens = tokenize(text, language)
        self._uncuttable_offsets = find_unsplittable_offsets(text)
        cues = language.cues.find_cues([token.folded for token in self.tokens])
        self._introduced_indexes = {cue.end for cue in cues if cue.section == "called"}
        # the classes of the tokens between markers for the beginning and end of the text
        classes = [_classify(token, language) for token in self.tokens]
        self._classes = ["^", *classes, "$"]
        forms = [_get_form_or_class(token) for token in self.tokens]
        self._forms = ["^", *forms, "$"]

    @cached_property
    def _verb_flags(self) -> list[str]:
        """Two flags per token: whether there is a verb before it, and one at or after it.

        E.g. `01` means that there is no verb before the token, but the token is a verb or one
        follows. Only verbs in the same sentence count.
        """

        def look_back(tokens: Sequence[Token]) -> Iterator[bool]:
            has_verb = False
            for token in tokens:
                has_verb = has_verb and token.text not in _SENTENCE_ENDS
                yield has_verb
                has_verb = has_verb or is_verb(token, self.language)

        before = list(look_back(self.tokens))
        after = list(look_back(self.tokens[::-1]))[::-1]
        verbs = [is_verb(token, self.language) for token in self.tokens]
        neighbours = zip(before, after, verbs, strict=True)
        return [f"{first:d}{later or at:d}" for first, later, at in neighbours]

    @cached_property
    def _stems(self) -> list[str]:
        return [
            strip_ending(token.folded) if token.kind in _CONTENT_KINDS else ""
            for token in self.tokens
        ]

    @cached_property
    def _stem_counts(self) -> Counter[str]:
        return Counter(self._stems)

    # --- candidates ---------------------------------------------------------------------

    @cached_property
    def begin_indexes(self) -> list[int]:
        """The indexes of the tokens with which a gap may begin."""
        return [*filter(self._can_begin, range(len(self.tokens)))]

    @cached_property
    def end_indexes(self) -> list[int]:
        """The indexes after the tokens with which a gap may end."""
        return [*filter(self._can_end, range(1, len(self.tokens) + 1))]

    def find_token_runs(self, begin_indexes: Iterable[int]) -> Iterator[TokenRun]:
        """Yield each run of tokens that starts at one of `begin_indexes` and ends where a gap may.

        Not every run is suitable as a gap (see `is_unsuitable_gap`).
        """
        words = self.tokens
        is_chinese = self.language.name == "zh"
        end_indexes = {*self.end_indexes}
        for first in begin_indexes:
            is_date = is_chinese and _DATE_ZH.fullmatch(words[first].text)
            for last in range(first + 1, min(first + MAX_GAP_TOKENS, len(words)) + 1):
                last_token = words[last - 1]
                if last_token.kind == TokenKind.UNSAFE:
                    break
                if last_token.text in _BREAK_SIGNS:
                    is_glued = last < len(words) and last_token.end == words[last].start
                    if is_chinese or not is_glued:
                        break
                if last - 1 > first and self._classes[last] in _VERB_CLASSES:
                    break  # such as `actors modify`
                if last in end_indexes:
                    yield TokenRun(first, last)
                if is_date:
                    break  # such as the `1929年` of `1929年的股市`

    def find_complete_run(self, span: Span) -> TokenRun | None:
        """Return the run of tokens that the user highlighted, or None if it isn't a complete unit.

        Punctuation at either end is dropped, but a leading article is kept. Unlike other gaps,
        the phrase may be a common noun.
        """
        inner = [
            index
            for index, token in enumerate(self.tokens)
            if token.end > span[0] and token.start < span[1]
        ]
        while inner and self.tokens[inner[-1]].kind == TokenKind.SIGN:
            inner.pop()
        while inner and self.tokens[inner[0]].kind == TokenKind.SIGN:
            del inner[0]
        first = next((index for index in inner if self._classes[index + 1] != "D"), None)
        if first is None or len(inner) > MAX_GAP_TOKENS + 1:
            return None
        run = TokenRun(first, inner[-1] + 1)
        is_broken = any(
            self.tokens[index].text in _BREAK_SIGNS
            or (index > first and self._classes[index + 1] in _VERB_CLASSES)
            for index in inner
        )
        if is_broken or not (self._can_begin(first) and self._can_end(run.end)):
            return None
        if self._is_incomplete(run):
            return None
        return TokenRun(inner[0], run.end)

    def find_defined_term(self) -> TokenRun | None:
        """Return the term that the text defines, such as the X in `An X is a Y that …`.

        Return None if the text defines nothing.
        """
        classes = "".join(self._classes[1:-1])
        definition = _DEFINITION.match(classes)
        if definition is None or len(classes) != len(self.tokens):
            return None
        first, end = definition.span("term")
        copula = classes.index("C", end)
        if self.tokens[copula].folded in _NON_DEFINING_COPULAS:
            return None
        rest = self.tokens[definition.end() :]
        is_specific = any(
            token.folded in self.language.genitive_prepositions
            or token.folded in _CLAUSE_WORDS
            or token.folded in self.language.determiners
            for token in rest
        )
        span = self.tokens[first].start, self.tokens[end - 1].end
        run = self.find_complete_run(span)
        if run is None or not is_specific or self._is_count_or_filler(run):
            return None
        return None if self._is_revealed_elsewhere(run) else run

    def _can_begin(self, first: int) -> bool:
        token = self.tokens[first]
        if (
            token.kind in (TokenKind.SIGN, TokenKind.UNSAFE)
            or self._classes[first + 1] in "DC"
        ):
            return False
        if first > 1 and self.tokens[first - 1].folded in _INDEFINITE_ARTICLES:
            if self._classes[first - 1] == "C":
                return False  # `structure` of `A set is a structure that`
        if self.language.name == "zh":
            if token.kind not in _CONTENT_KINDS:
                return False
            if self._is_joined_to_previous_word(first):
                previous = self.tokens[first - 1]
                # the `14` of `碳14`, the `学说` of `大陆漂移学说`, the `字` of `活字`
                if (
                    token.text.isdecimal()
                    or previous.kind == TokenKind.NOUN == token.kind
                ):
                    return False
                if len(previous.text) == 1 == len(token.text):
                    return False
        if self.gap_range is not None and token.start < self.gap_range[0]:
            return False
        if first and self._splits_name(first):
            return False
        if _CUT_THOUSANDS.match(self.text, max(token.start - 3, 0)):
            return False
        if first and self.tokens[first - 1].kind == TokenKind.NUMBER == token.kind:
            if token.text.isalpha():
                return False  # the `thousand` of `sixteen thousand`
        if self._is_function_argument(first):
            return False  # the `x` of `f(x)`
        return token.start not in self._uncuttable_offsets

    def _splits_name(self, index: int) -> bool:
        """Return whether the token is part of a name that begins before it, e.g. `Nações Unidas`.

        A preposition may join the parts of a name, as in `Treaty of Versailles`.
        """
        words = self.tokens
        if _LETTER_OF_NAME.fullmatch(words[index].text):
            return words[index - 1].kind in (TokenKind.NOUN, TokenKind.NAME)
        end = min(index + (words[index].folded in _NAME_PREPOSITIONS), len(words) - 1)
        before = index - 1
        before -= before > 0 and words[before].folded in _NAME_PREPOSITIONS
        return words[before].kind == TokenKind.NAME == words[end].kind

    def _is_function_name(self, end: int) -> bool:
        """Return whether the token before `end` is a function's name, like the `f` of `f(x)`."""
        if self.language.name == "zh" or not 0 < end < len(self.tokens):
            return False
        before, after = self.tokens[end - 1], self.tokens[end]
        return after.text in _OPENING and before.end == after.start

    def _is_function_argument(self, first: int) -> bool:
        """Return whether a token directly follows the opening bracket of a call: `f(x)`."""
        if first < 2 or self.tokens[first - 1].text not in _OPENING:
            return False
        is_glued = self.tokens[first - 1].end == self.tokens[first].start
        return is_glued and self._is_function_name(first - 1)

    def _is_joined_to_previous_word(self, index: int) -> bool:
        """Return whether a content word comes directly before a token, without a space."""
        before = self.tokens[index - 1]
        is_glued = index > 0 and before.end == self.tokens[index].start
        return is_glued and before.kind in _CONTENT_KINDS

    def _can_end(self, last: int) -> bool:
        token = self.tokens[last - 1]
        if token.kind not in _CONTENT_KINDS or token.folded in self.language.determiners:
            return False
        if self.gap_range is not None and self.gap_range[1] < token.end:
            return False
        if token.text.endswith(_APOSTROPHES):
            return False  # the elided `c'` of `c'è`
        if self._is_function_name(last):
            return False  # the `f` of `f(x)`
        if last < len(self.tokens):
            following = self.tokens[last]
            is_number = token.kind == TokenKind.NUMBER
            if self.language.name == "zh" and following.start == token.end:
                # a single ideograph, such as the `掺` of `将愿望掺进`, may belong to what follows
                if len(token.text) == 1 and self._is_joined_to_previous_word(last - 1):
                    return False
                # the `苏军` of `苏军战斗力`
                if not is_number and following.kind == TokenKind.NOUN:
                    return False
            if self._splits_name(last):
                return False
            if token.folded in _REPORTING_VERBS and following.folded in _REPORTED:
                return False  # the `model states` of `model states that`
            if is_number and not _YEAR.match(token.text) and self.language.function_words:
                if following.kind in _COUNTED_KINDS:
                    return False  # the `577` of `577 députés`
        if _CUT_THOUSANDS.match(self.text, token.end - 1):
            return False
        return token.end not in self._uncuttable_offsets

    def get_span(self, run: TokenRun) -> Span:
        """Return the span of text that a run covers, without a final `'s` in English."""
        last = self.tokens[run.end - 1]
        end = last.end
        if self.language.name == "en" and last.text.endswith(_POSSESSIVES):
            end -= len(_POSSESSIVES[0])
        return self.tokens[run.first].start, end

    def is_unsuitable_gap(self, candidate: TokenRun) -> bool:
        """Return whether a run is only part of a larger unit, or is useless as an answer."""
        first, last = candidate
        if self._is_incomplete(candidate) or self._is_count_or_filler(candidate):
            return True
        inner = self.tokens[first:last]
        # part of a rate, such as `343 metres` of `343 metres per second`, but not of
        # `1896 por el físico`
        following = [token.folded for token in self.tokens[last : last + 2]]
        if len(following) == 2 and following[0] in _PER_WORDS:
            has_unit = inner[-1].kind != TokenKind.NUMBER
            if has_unit and following[1] not in self.language.determiners:
                if any(token.kind == TokenKind.NUMBER for token in inner):
                    return True
        # between quotation marks, brackets or emphasis
        if first > 0 and last < len(self.tokens):
            signs = _CLOSING_BY_OPENING.get(self.tokens[first - 1].text, ())
            closing = last + (self.tokens[last].text in (",", "."))
            if closing < len(self.tokens) and self.tokens[closing].text in signs:
                return all(token.kind in _NON_CONTENT_KINDS for token in inner)
        if not self.language.function_words:
            # without word tables, only a complete name or quantity can be a gap
            beside = (
                *self.tokens[max(first - 1, 0) : first],
                *self.tokens[last : last + 1],
            )
            if any(token.kind not in _NAME_KINDS for token in inner) or any(
                token.kind in _NAME_KINDS for token in beside
            ):
                return True
            if self.language.name != "ja":
                return False
            if inner[-1].kind == TokenKind.NUMBER:
                start, end = inner[0].start, inner[-1].end
                if _CJK_REFERENCE.search(self.text[max(start - 2, 0) : start]):
                    return True
                if not _CJK_COUNTER.match(self.text, end):
                    return True
            return self._is_revealed_elsewhere(candidate)
        if all(token.kind in _NON_TERM_KINDS for token in inner):
            return True
        if not _NEGATIONS_ZH.isdisjoint(token.text[0] for token in inner[1:]):
            return True  # the `智慧无权` of `智慧无权干涉`
        if self._is_revealed_elsewhere(candidate):
            return True
        # such as the `cramming` of `is called cramming`
        if first in self._introduced_indexes:
            return False
        return is_poor_answer(self.tokens, candidate, self.language)

    def _is_incomplete(self, candidate: TokenRun) -> bool:
        """Return whether a candidate splits a pair or phrase, or is more than half of the text."""
        first, last = candidate
        start, end = self.get_span(candidate)
        if 2 * (end - start) > len(self.text):
            return True
        # half of a pair of quotation marks or brackets
        classes = self._classes[first + 1 : last + 1]
        if not _PAIRED_SIGNS.isdisjoint(classes):
            if classes.count('"') % 2 or classes.count("*") % 2:
                return True
            if any(classes.count(left) != classes.count(right) for left, right in _PAIRS):
                return True
        texts = [token.text for token in self.tokens[first:last]]
        if any(texts.count(left) != texts.count(right) for left, right in _CODE_PAIRS):
            return True
        # half of a term with its gloss
        if not any(candidate in pair for pair in self._glossed_terms):
            if any(
                first < gloss.end and gloss.first < last
                for _, gloss in self._glossed_terms
            ):
                return True
        # half of a coordination: `concatenation of left` before `and right contexts`
        if not {"o", "p"}.isdisjoint(classes[1:-1]):
            beside = (
                *self.tokens[max(first - 1, 0) : first],
                *self.tokens[last : last + 1],
            )
            if any(token.folded in _LIST_CONJUNCTIONS for token in beside):
                return True
        # a phrase with the beginning of a clause: `items that users`
        inner = self.tokens[first + 1 : last]
        return any(token.folded in _CLAUSE_WORDS for token in inner)

    def _is_count_or_filler(self, run: TokenRun) -> bool:
        """Return whether a run only counts the items of a list, or consists of vague words.

        An acronym in brackets also counts as filler, because it abbreviates the words before it.
        """
        first, last = run
        inner = self.tokens[first:last]
        content = [token for token in inner if token.kind in _CONTENT_KINDS]
        following = self.tokens[last].text if last < len(self.tokens) else ""
        if (
            following in _LIST_SIGNS
            and inner[0].kind == TokenKind.NUMBER
            and last > first + 1
        ):
            return not inner[0].text.isdecimal() or len(inner[0].text) == 1
        if first and following == ")" and self.tokens[first - 1].text == "(":
            return len(inner) == 1 and _ACRONYM.fullmatch(inner[0].text) is not None
        return bool(content) and all(
            token.folded in self.language.vague_nouns or token.folded in _EMPTY_ADJECTIVES
            for token in content
        )

    @cached_property
    def _glossed_terms(self) -> list[tuple[TokenRun, TokenRun]]:
        """The terms with a gloss in brackets: the run of the term, and the run of term and gloss.

        In Chinese and Japanese, the gloss is in Latin letters, e.g. `熵（entropy）`. In other
        languages, one of the two abbreviates the other: `false discovery rate (FDR)` or `FDR
        (false discovery rate)`.
        """
        words = self.tokens
        glosses = []
        for opening, token in enumerate(words):
            if token.text not in "(（" or not opening:
                continue
            closing = opening + 1
            while closing < len(words) and words[closing].text not in ")）":
                closing += 1
            inner_tokens = words[opening + 1 : closing]
            if closing == len(words) or not inner_tokens:
                continue
            if self.language.name in ("zh", "ja"):
                gloss_text = self.text[token.end : words[closing].start]
                if gloss_text.isascii() and any(map(str.isalpha, gloss_text)):
                    # the term is in quotation marks, or is the run of words before the gloss
                    first = opening - 1
                    is_quoted = words[first].text in "”」』》"
                    while (
                        is_quoted and first > 1 and words[first - 1].text not in "“「『《"
                    ):
                        first -= 1
                    while (
                        not is_quoted
                        and first
                        and self._is_joined_to_previous_word(first)
                    ):
                        first -= 1
                    gloss = TokenRun(first - is_quoted, closing + 1)
                    term = TokenRun(first, opening - is_quoted)
                    glosses += [(term, gloss), (TokenRun(opening + 1, closing), gloss)]
                continue
            if len(inner_tokens) == 1 and _ACRONYM.fullmatch(inner_tokens[0].text):
                for first in range(opening - 1, max(0, opening - MAX_GAP_TOKENS) - 1, -1):
                    if _is_acronym_of(inner_tokens[0].text, words[first:opening]):
                        gloss = TokenRun(first, closing + 1)
                        glosses.append((TokenRun(first, opening), gloss))
                        break
            elif _ACRONYM.fullmatch(words[opening - 1].text):
                if _is_acronym_of(words[opening - 1].text, inner_tokens):
                    gloss = TokenRun(opening - 1, closing + 1)
                    glosses.append((TokenRun(opening - 1, opening), gloss))
        return glosses

    def _is_revealed_elsewhere(self, run: TokenRun) -> bool:
        """Return whether the title, heading or rest of the sentence gives a run away.

        That is, each word of the run has the same stem as one of the visible words, or the run's
        abbreviation is visible.
        """
        inner = self.tokens[run.first : run.end]
        inside = [stem for stem in self._stems[run.first : run.end] if stem]
        others = {*self.visible_stems, *(self._stem_counts - Counter(inside))}
        if not any(run == term for term, _ in self._glossed_terms):
            abbreviation = inner[0].text if len(inner) == 1 else ""
            if len(abbreviation) > 2 and abbreviation.isupper():
                initials = "".join(token.text[0] for token in self.tokens)
                if abbreviation in initials.upper():
                    return True  # `WHO` beside `World Health Organization`
            if len(inner) > 1 and "".join(token.folded[0] for token in inner) in others:
                return True
        return bool(inside) and all(
            any(map(partial(_have_same_stem, stem), others)) for stem in inside
        )

    def extend_to_gloss(self, run: TokenRun) -> TokenRun:
        """Extend the run of a term to include its gloss, because either gives the other away.

        A run without a gloss is returned unchanged.
        """
        return next((gloss for term, gloss in self._glossed_terms if term == run), run)

    # --- features -----------------------------------------------------------------------

    def extract_begin_features(self, first: int) -> list[str]:
        """Extract features of a candidate's first token and the tokens before it."""
        classes = self._classes
        language_name = self.language.name
        first_class, second_class = classes[first + 1 : first + 3]
        # the index in `classes` of the token before the candidate and before its article, if any
        before = first
        while classes[before] == "D":
            before -= 1
        article = "D" if before < first else ""
        previous = f"{classes[before]}{article}"
        earlier = classes[before - 1] if before else "^"
        verb_flags = self._verb_flags[first]
        features = [
            f"s:{first_class}",
            f"s:{previous}{first_class}",
            f"s2:{earlier}{previous}{first_class}",
            f"s+:{first_class}{second_class}",
            f"s-+:{previous}{first_class}{second_class}",
            f"sw:{language_name}:{self._forms[before]}{article}",
            f"sv:{verb_flags}{first_class}",
            f"sv:{verb_flags}-{classes[before]}",
        ]
        if self.tokens[first].kind == TokenKind.FUNCTION_WORD:
            features.append(f"sx:{language_name}:{self.tokens[first].folded}")
        if not before:
            features.append("s^")
        if first in self._introduced_indexes:
            features.append("named")
        return features

    def extract_end_features(self, last: int) -> list[str]:
        """Extract features of a candidate's last token and the tokens after it."""
        classes = self._classes
        token = self.tokens[last - 1]
        previous_class, last_class, next_class = classes[last - 1 : last + 2]
        class_after_next = classes[last + 2] if last + 2 < len(classes) else "$"
        zipf = int(2 * min(max(token.zipf, 2.5), 6.5)) / 2
        features = [
            f"e:{last_class}",
            f"e:{last_class}{next_class}",
            f"e2:{last_class}{next_class}{class_after_next}",
            f"e-:{previous_class}{last_class}",
            f"e-+:{previous_class}{last_class}{next_class}",
            f"ew:{self.language.name}:{self._forms[last + 1]}",
            f"ez:{last_class}{zipf}",
        ]
        if token.folded in self.language.vague_nouns:
            features.append("vague")
        return features

    def extract_inner_features(self, candidate: TokenRun) -> Features:
        """Extract features of the tokens in a candidate and its position in the text."""
        first, last = candidate
        words = self.tokens
        inner = words[first:last]
        count = last - first
        classes = self._classes[first + 1 : last + 1]
        features: Features = {f"l:{min(count, _MAX_LENGTH)}": 1.0}
        if count <= 5:
            features[f"p:{''.join(classes)}"] = 1.0
        if borders := self._get_border_feature(candidate):
            features[borders] = 1.0

        # how rare the words are, and whether they also occur elsewhere on the card
        rarities = [
            max(0.0, 7.0 - token.zipf) for token in inner if token.kind in _CONTENT_KINDS
        ]
        features["rarity"] = min(sum(rarities), _MAX_RARITY) / 8
        features["rarest"] = max(rarities) / 4
        features["mean_rarity"] = sum(rarities) / len(rarities) / 4
        features["least_rare"] = min(rarities) / 4
        if not self.visible_stems.isdisjoint(self._stems[first:last]):
            features["shown"] = 1.0

        size = max(1, len(self.text))
        position = inner[0].start / size
        fraction = 2 * min((inner[-1].end - inner[0].start) / size, _MAX_FRACTION)
        features["position"] = position
        features["position2"] = position * position
        features["share"] = fraction
        features["share2"] = fraction * fraction
        return features

    def _get_border_feature(self, run: TokenRun) -> str:
        """Return the feature that names the signs directly before and after a run, or ""."""
        if not run.first or run.end == len(self.tokens):
            return ""
        before, after = self.tokens[run.first - 1], self.tokens[run.end]
        if before.kind != TokenKind.SIGN or after.kind != TokenKind.SIGN:
            return ""
        return f"b:{_get_form_or_class(before)}{_get_form_or_class(after)}"

    def compute_max_inner_scores(self) -> list[float]:
        """Compute upper bounds for the score of the inner features, by number of tokens.

        A bound assumes the best value of every feature, such as that all words are as rare as the
        rarest word of the sentence.
        """
        table = _load_gap_weights()
        content = [token.zipf for token in self.tokens if token.kind in _CONTENT_KINDS]
        rarest = max(0.0, 7.0 - min(content, default=7.0))
        names = ("rarest", "mean_rarity", "least_rare")
        max_constant = sum(max(table[name], 0.0) for name in names) * rarest / 4
        signs = {
            _get_form_or_class(token)
            for token in self.tokens
            if token.kind == TokenKind.SIGN
        }
        borders = (
            table.get(f"b:{left}{right}", 0.0) for left in signs for right in signs
        )
        max_constant += max((0.0, *borders))
        rarity_weight = max(table["rarity"], 0.0) / 8
        return [
            max_weight + max_constant + rarity_weight * min(count * rarest, _MAX_RARITY)
            for count, max_weight in enumerate(_load_max_weights())
        ]


def _classify(token: Token, language: LanguageTables) -> str:
    """Return the class of a token: one letter or, for punctuation, the character itself.

    Function words have several classes, e.g. determiners and prepositions.
    """
    if token.kind == TokenKind.SIGN:
        sign = token.text.translate(_TO_WESTERN)
        return sign if sign in _SIGNS else "-"
    if token.kind != TokenKind.FUNCTION_WORD:
        return _CLASS_BY_KIND[token.kind]
    for class_letter, words in (
        ("D", language.determiners),
        ("o", language.genitive_prepositions),
        ("p", language.prepositions),
        ("C", language.copulas),
        ("x", language.auxiliaries),
        ("q", language.pronouns),
    ):
        if token.folded in words:
            return class_letter
    return "s"


def _get_form_or_class(token: Token) -> str:
    if token.kind in (TokenKind.FUNCTION_WORD, TokenKind.SIGN):
        return "".join(token.folded.translate(_TO_WESTERN).split()) or "¶"
    return _CLASS_BY_KIND[token.kind]


def rank_gaps(
    sentence: GapRanker, min_score: float = -math.inf
) -> Iterator[tuple[Span, float]]:
    """Yield (span, score) for the spans that a cloze card may blank out, best first.

    A span is skipped if it nearly coincides with a better one, or scores less than `min_score`.
    `features.estimate_confidence` takes the score into account.
    """
    table = _load_gap_weights()

    max_inner_scores = sentence.compute_max_inner_scores()
    begin_scores = {
        first: _sum_weights(sentence.extract_begin_features(first), table)
        for first in sentence.begin_indexes
    }
    end_scores = {
        last: _sum_weights(sentence.extract_end_features(last), table)
        for last in sentence.end_indexes
    }
    max_rest = max(end_scores.values(), default=0.0) + max(max_inner_scores)
    begin_indexes = [
        first for first in begin_scores if begin_scores[first] + max_rest >= min_score
    ]
    scored = []
    for run in sentence.find_token_runs(begin_indexes):
        outer_score = begin_scores[run.first] + end_scores[run.end]
        if outer_score + max_inner_scores[run.end - run.first] < min_score:
            continue
        inner_features = sentence.extract_inner_features(run)
        total = outer_score + compute_weighted_sum(inner_features, table)
        span = sentence.get_span(sentence.extend_to_gloss(run))
        scored.append((-total, span, run))
    scored.sort()
    chosen: list[Span] = []
    for negative_score, span, run in scored:
        if -negative_score < min_score:
            return
        # checked last, because most runs are never reached
        if sentence.is_unsuitable_gap(run):
            continue
        if not chosen:
            min_score = max(min_score, -negative_score - _MAX_SCORE_GAP)
        if not any(is_same_gap(span, other) for other in chosen):
            chosen.append(span)
            yield span, min(-negative_score, MAX_GAP_SCORE)


@cache
def _load_gap_weights() -> dict[str, float]:
    return read_weights(DATA_DIRECTORY / "gap_weights.txt")


@cache
def _load_max_weights() -> tuple[float, ...]:
    """Return the maximum that length, token classes and position can add to a gap's score.

    The result is indexed by the number of tokens in the gap.
    """
    table = _load_gap_weights()
    position = _find_maximum(table["position"], table["position2"], 1.0)
    fraction = _find_maximum(table["share"], table["share2"], 2 * _MAX_FRACTION)
    max_weights = []
    for count in range(MAX_GAP_TOKENS + 1):
        length = table.get(f"l:{min(count, _MAX_LENGTH)}", 0.0)
        patterns = (
            weight
            for name, weight in table.items()
            if name.startswith("p:") and len(name) == len("p:") + count
        )
        pattern = max((0.0, *patterns))
        max_weights.append(position + fraction + length + pattern)
    return tuple(max_weights)


def _find_maximum(slope: float, curvature: float, limit: float) -> float:
    """Return the maximum of `slope * x + curvature * x * x` for x from 0 to `limit`."""
    places = [0.0, limit]
    if curvature < 0:
        places.append(min(max(-slope / (2 * curvature), 0.0), limit))
    return max(slope * x + curvature * x * x for x in places)


def _is_acronym_of(acronym: str, words: Sequence[Token]) -> bool:
    """Return whether an acronym consists of the initials of some words, or letters of one word.

    It may skip words. Each part of a compound counts as a word, so `PureSVD` stands for `Pure
    Singular-Value-Decomposition-based`.
    """
    if not words or words[0].kind in _NON_CONTENT_KINDS:
        return False
    letters = acronym.removesuffix("s").casefold()
    initials = iter(
        part[0]
        for token in words
        for part in re.split(r"\W", token.folded)
        if part and token.kind != TokenKind.SIGN
    )
    capitals = [letter.casefold() for letter in acronym if letter.isupper()]
    if words[0].folded[0] != letters[0]:
        return False
    if len(words) <= len(capitals) + 2 and all(letter in initials for letter in capitals):
        return len(capitals) > 1 and (len(words) > 1 or "-" in words[0].text)
    remaining_letters = iter(words[0].folded)
    return len(words) == 1 and all(letter in remaining_letters for letter in letters)


def _have_same_stem(word: str, other: str) -> bool:
    """Return whether two stems are from the same word or from related words."""
    if word == other:
        return True
    if word[:_MIN_COMMON_STEM] != other[:_MIN_COMMON_STEM]:
        return False
    shorter, longer = sorted((word, other), key=len)
    if not longer.isalpha():
        return False
    is_related = longer.startswith(shorter[: max(_MIN_COMMON_STEM, len(shorter) - 1)])
    is_long = len(shorter) > _MIN_LONG_STEM
    return is_related and (is_long or len(longer) - len(shorter) < len("ing"))


def compute_weighted_sum(features: Features, table: dict[str, float]) -> float:
    """Return the weighted sum of the features' values."""
    weighted_sum = 0.0
    for name, amount in features.items():
        weighted_sum += table.get(name, 0.0) * amount
    return weighted_sum


def _sum_weights(names: Iterable[str], table: dict[str, float]) -> float:
    return sum([table.get(name, 0.0) for name in names])


def is_same_gap(span: Span, other: Span) -> bool:
    """Return whether two spans overlap enough to count as the same gap."""
    overlap = min(span[1], other[1]) - max(span[0], other[0])
    shorter, longer = sorted((span[1] - span[0], other[1] - other[0]))
    return (
        overlap > _MIN_SHARED_FRACTION * shorter and shorter > _MIN_LENGTH_RATIO * longer
    )
