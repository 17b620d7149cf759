"""Rank the spans of a sentence that a gap may blank out, best first.

A span is a candidate if it begins and ends at suitable words. Its features describe its borders,
the words inside and its position. Their weights, in `data/gap_weights.txt`, are those of a
conditional logistic regression over the candidates of each sentence. `tools/proposals/learn.py`
learned them from the spans that strict readers chose, and from their ratings of the spans that an
earlier version chose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from ankiforge.draft.propose.debris import splits_phrase, touches_debris
from ankiforge.draft.propose.rejection import strip_ending
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

A name with a colon consists of a code and the classes (see `_classify`) or words of the tokens that
it describes. The code's first letter shows where they are: `s` at the beginning of the candidate,
`e` at its end, `p` inside, `b` on both sides; `l` is the length. A `-` in the code adds the token
before, a `+` the token after. `s-+:DaN` is an adjective after an article and before a name.
"""
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
_DETERMINER = "D"
_COPULA = "C"
_VERB_CLASSES = frozenset(("v", "x", _COPULA))
"""The token classes of verbs, auxiliaries and copulas."""
_PAIRS = (("(", ")"), ("“", "”"), ("«", "»"), ("[", "]"), ("{", "}"))
_SAME_SIGNS = ('"', "*")
_SIGNS = frozenset(',.;:!?()"“”«»–—-=*/')
_NAME_KINDS = frozenset((TokenKind.NAME, TokenKind.NUMBER, TokenKind.CODE_OR_FORMULA))
_CONTENT_KINDS = _NAME_KINDS.union(
    (TokenKind.NOUN, TokenKind.VERB, TokenKind.ADJECTIVE, TokenKind.ADVERB)
)
_ANSWER_KINDS = _NAME_KINDS | {TokenKind.NOUN}
_MODIFIER_KINDS = (TokenKind.ADJECTIVE, TokenKind.NUMBER)
_SENTENCE_ENDS = frozenset(".!?;。！？；")
# Matches the classes of a term, a copula, and the kind of thing that the term is: `DnCDan`. In
# Romance languages, the adjective follows the noun: `le cortex préfrontal`.
_DEFINITION = regex(
    r"[*-]?D?[*-]?(?P<term>[nNa]{0,3}(?:[nNr]|[nN]a)(?:o[nNa]{0,2}[nN]a?)?)[*-]?(?:\([nN]+\))?C"
    r"(?:D[anN1r]*?|a*)[nN]"
)
# Copulas that define nothing, as in `The process is considered as`.
_NON_DEFINING_COPULAS = frozenset("als as be been being está están werden wird".split())
_CLAUSE_WORDS = read_word_set("cues", "clause")
_LIST_CONJUNCTIONS = read_word_set("cues", "and")
# A single noun with a higher Zipf frequency, such as `time` or `process`, is a poor answer.
_MAX_ANSWER_ZIPF = 4.0
# Shorter acronyms are found in the initials of any sentence.
_MIN_ACRONYM_LENGTH = 3
_POSSESSIVE = regex(r"['’]s\Z")
# Overlapping candidates are the same gap if they share more than this fraction of the shorter
# one, and if the shorter one is not so short that it asks for something else.
_MIN_SHARED_FRACTION = 0.5
# The length of the shorter one as a fraction of the longer one.
_MIN_LENGTH_RATIO = 0.25
# Stems of related words share at least this many letters, and all but the last of the shorter stem.
_MIN_COMMON_STEM = 4
# The classes of a longer candidate are too rare to have a weight.
_MAX_PATTERN_LENGTH = 5
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


class ScoredGap(NamedTuple):
    """A span of a sentence that a card may blank out, with its score."""

    span: Span
    score: float


class GapRanker:
    """Finds the candidates for a gap in a sentence and extracts their features."""

    def __init__(
        self,
        text: str,
        language: LanguageTables,
        gap_range: Span | None,
        visible_stems: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.language = language
        self.gap_range = gap_range
        """The highlighted span, which gaps must be within, or None for the whole text."""
        self.visible_stems = visible_stems
        """The stems of the words in the title and heading, which are shown above the card."""
        self.tokens = tokenize(text, language)
        cues = language.cues.find_cues([token.folded for token in self.tokens])
        self._introduced_indexes = {cue.end for cue in cues if cue.section == "called"}
        self._token_classes = [_classify(token, language) for token in self.tokens]
        self._token_forms = [_get_form_or_class(token) for token in self.tokens]
        # many candidates share their first or last token
        self._begin_features: dict[int, list[str]] = {}
        self._end_features: dict[int, list[str]] = {}

    def _get_class(self, index: int) -> str:
        """Return the class of a token, or `^` before the text and `$` after it."""
        return _get_or_mark_end(self._token_classes, index)

    def _get_form(self, index: int) -> str:
        """Return the word or sign itself, or a content word's class. Ends as in `_get_class`."""
        return _get_or_mark_end(self._token_forms, index)

    @cached_property
    def _verb_flags(self) -> list[str]:
        """Two flags per token: whether there is a verb before it, and one at or after it.

        E.g. `01` means that there is no verb before the token, but the token is a verb or one
        follows. Only verbs in the same sentence count.
        """
        verbs_before = _find_preceding_verbs(self.tokens, self.language)
        verbs_after = _find_preceding_verbs(self.tokens[::-1], self.language)[::-1]
        flags = []
        for token, has_before, has_after in zip(
            self.tokens, verbs_before, verbs_after, strict=True
        ):
            has_at_or_after = has_after or is_verb(token, self.language)
            flags.append(f"{has_before:d}{has_at_or_after:d}")
        return flags

    @cached_property
    def _stems(self) -> list[str | None]:
        """The stem of each token, or None if the token isn't a content word."""
        stems: list[str | None] = []
        for token in self.tokens:
            is_content = token.kind in _CONTENT_KINDS
            stems.append(strip_ending(token.folded) if is_content else None)
        return stems

    # --- candidates ---------------------------------------------------------------------

    def find_token_runs(self) -> Iterator[TokenRun]:
        """Yield each run of tokens that a gap may cover.

        Not every run is suitable as a gap (see `is_unsuitable_gap`).
        """
        words = self.tokens
        for first in filter(self._can_begin, range(len(words))):
            for end in range(first + 1, min(first + MAX_GAP_TOKENS, len(words)) + 1):
                if not self._may_continue(first, end):
                    break
                if self._can_end(end):
                    yield TokenRun(first, end)

    def _may_continue(self, first: int, end: int) -> bool:
        """Return whether a gap from `first` may include the token before `end`."""
        token = self.tokens[end - 1]
        if token.text in _BREAK_SIGNS:
            return self._joins_words(end - 1)
        if token.kind == TokenKind.UNSAFE:
            return False
        if end - 1 == first:
            return True
        # a later verb ends the unit, as in `actors modify`
        return self._token_classes[end - 1] not in _VERB_CLASSES

    def _joins_words(self, index: int) -> bool:
        """Return whether a sign is right before a word, such as the hyphen of `T-cell`."""
        if self.language.name == "zh" or index + 1 == len(self.tokens):
            return False
        return self.tokens[index].end == self.tokens[index + 1].start

    def _can_begin(self, first: int) -> bool:
        """Return whether a gap may begin with a token.

        It must be a word within `gap_range`, but not an article or a copula, and not be preceded
        by the beginning of its name, quantity or Chinese word.
        """
        token = self.tokens[first]
        if token.kind in (TokenKind.SIGN, TokenKind.UNSAFE):
            return False
        if self._token_classes[first] in (_DETERMINER, _COPULA):
            return False
        if self.gap_range is not None and token.start < self.gap_range[0]:
            return False
        if self._splits_unit(first):
            return False
        return token.start not in find_unsplittable_offsets(self.text)

    def _can_end(self, end: int) -> bool:
        """Return whether a gap may end before the token with the index `end`.

        Its last token must be a content word within `gap_range`, and not be followed by the rest
        of its name, quantity or Chinese word.
        """
        last = self.tokens[end - 1]
        if last.kind not in _CONTENT_KINDS or last.folded in self.language.determiners:
            return False
        if last.text[-1] in "'’":  # such as the elided `c'` of `c'è`
            return False
        if self.gap_range is not None and last.end > self.gap_range[1]:
            return False
        if self._splits_unit(end):
            return False
        return last.end not in find_unsplittable_offsets(self.text)

    def _splits_unit(self, index: int) -> bool:
        """Return whether the token is part of a name or Chinese word that begins before it.

        Two names in a row are one name. In Chinese, where `tokens` may be too short, a noun right
        after a content word belongs to it, and so do two single characters to each other.
        """
        if not 0 < index < len(self.tokens):
            return False
        before, token = self.tokens[index - 1 : index + 1]
        if self.language.name != "zh":
            return before.kind == TokenKind.NAME and token.kind == TokenKind.NAME
        if before.end != token.start or before.kind not in _CONTENT_KINDS:
            return False
        if token.kind == TokenKind.NOUN:
            return True
        return len(before.text) == 1 and len(token.text) == 1

    def find_complete_run(self, span: Span) -> TokenRun | None:
        """Return the run of tokens that the user highlighted, or None if it isn't a complete unit.

        Punctuation at either end is dropped, but a leading article is kept. Unlike other gaps,
        the phrase may be a common noun.
        """
        marked = self._find_run_without_edge_signs(span)
        if marked is None or marked.end - marked.first > MAX_GAP_TOKENS + 1:
            return None
        # a gap can't begin with an article, so check the rest
        rest = self._drop_leading_determiners(marked)
        if rest.first == rest.end or self._is_incomplete(rest):
            return None
        if not self._can_begin(rest.first) or not self._can_end(rest.end):
            return None
        for end in range(rest.first + 1, rest.end + 1):
            if not self._may_continue(rest.first, end):
                return None
        return marked

    def _drop_leading_determiners(self, run: TokenRun) -> TokenRun:
        first = run.first
        while first < run.end and self._token_classes[first] == _DETERMINER:
            first += 1
        return TokenRun(first, run.end)

    def _find_run_without_edge_signs(self, span: Span) -> TokenRun | None:
        """Return the run of tokens in a span of text from the first to the last word, or None."""
        word_indexes = []
        for index, token in enumerate(self.tokens):
            is_inside = token.end > span[0] and token.start < span[1]
            if is_inside and token.kind != TokenKind.SIGN:
                word_indexes.append(index)
        if not word_indexes:
            return None
        return TokenRun(word_indexes[0], word_indexes[-1] + 1)

    def find_defined_term(self) -> TokenRun | None:
        """Return the term that the text defines, such as the X in `An X is a Y that …`.

        Return None if the text defines nothing.
        """
        classes = "".join(self._token_classes)
        # if each class is one letter, offsets in `classes` are indexes of tokens
        if len(classes) != len(self.tokens):
            return None
        definition = _DEFINITION.match(classes)
        if definition is None:
            return None
        term = TokenRun(*definition.span("term"))
        copula = self.tokens[classes.index(_COPULA, term.end)]
        if copula.folded in _NON_DEFINING_COPULAS:
            return None
        if not any(map(self._makes_definition_specific, self.tokens[definition.end() :])):
            return None
        start = self.tokens[term.first].start
        end = self.tokens[term.end - 1].end
        run = self.find_complete_run((start, end))
        if run is None or self._is_vague(run) or self._is_revealed_elsewhere(run):
            return None
        return run

    def _makes_definition_specific(self, token: Token) -> bool:
        """Return whether a token after the kind of thing narrows the definition, such as `that`."""
        word = token.folded
        if word in _CLAUSE_WORDS or word in self.language.determiners:
            return True
        return word in self.language.genitive_prepositions

    def get_span(self, run: TokenRun) -> Span:
        """Return the span of text that a run covers, without a final `'s` in English."""
        last = self.tokens[run.end - 1]
        end = last.end
        if self.language.name == "en" and _POSSESSIVE.search(last.text):
            end -= 2
        return self.tokens[run.first].start, end

    def extend_to_gloss(self, run: TokenRun) -> TokenRun:
        """Extend a term by its abbreviation in brackets, as in `false discovery rate (FDR)`."""
        texts = [token.text for token in self.tokens[run.end : run.end + 3]]
        if texts == ["(", self._get_initials(run), ")"]:
            return TokenRun(run.first, run.end + 3)
        return run

    def _get_initials(self, run: TokenRun) -> str:
        tokens = self.tokens[run.first : run.end]
        return "".join(token.text[0] for token in tokens).upper()

    def is_unsuitable_gap(self, run: TokenRun) -> bool:
        """Return whether a run is only part of a larger unit, or is useless as an answer."""
        if self._is_incomplete(run) or self._is_vague(run):
            return True
        if self._is_half_of_list(run) or self._is_action(run):
            return True
        if touches_debris(self.text, self.get_span(run)):
            return True
        # without word tables, only a complete name or quantity can be a gap
        if not self.language.function_words and not self._is_complete_name(run):
            return True
        kinds = {token.kind for token in self.tokens[run.first : run.end]}
        if kinds.isdisjoint(_ANSWER_KINDS) or self._is_revealed_elsewhere(run):
            return True
        is_single_word = run.end - run.first == 1
        # whatever the sentence introduces is good, such as the `cramming` of `is called cramming`
        is_introduced = run.first in self._introduced_indexes
        if is_single_word and not is_introduced:
            return self._is_poor_answer(run.first)
        return False

    def _is_complete_name(self, run: TokenRun) -> bool:
        """Return whether a run consists of names and numbers, and no other name is beside it."""
        for token in self.tokens[run.first : run.end]:
            if token.kind not in _NAME_KINDS:
                return False
        return not any(token.kind in _NAME_KINDS for token in self._get_neighbours(run))

    def _get_neighbours(self, run: TokenRun) -> tuple[Token, ...]:
        """Return the tokens right before and after a run."""
        before = self.tokens[max(run.first - 1, 0) : run.first]
        return before + self.tokens[run.end : run.end + 1]

    def _is_incomplete(self, run: TokenRun) -> bool:
        """Return whether a run splits a pair or clause, or is more than half of the text."""
        span = self.get_span(run)
        if splits_phrase(self.text, span):
            return True
        start, end = span
        if end - start > len(self.text) / 2:
            return True
        if self._splits_pair_of_signs(run):
            return True
        # a phrase with the beginning of a clause: `items that users`
        inner = self.tokens[run.first + 1 : run.end]
        return any(token.folded in _CLAUSE_WORDS for token in inner)

    def _splits_pair_of_signs(self, run: TokenRun) -> bool:
        """Return whether a run has only one of two brackets or quotation marks."""
        texts = []
        for token in self.tokens[run.first : run.end]:
            texts.append(token.text.translate(_TO_WESTERN))
        for opener, closer in _PAIRS:
            if texts.count(opener) != texts.count(closer):
                return True
        return any(texts.count(sign) % 2 for sign in _SAME_SIGNS)

    def _is_action(self, run: TokenRun) -> bool:
        """Return whether a run begins with a preposition or verb, as in `lowers the pressure`.

        A single verb isn't an action, such as the `cramming` of `is called cramming`, and neither
        is a participle before its noun, as in `elected officials`.
        """
        if self._token_classes[run.first] == "p":
            return True
        if run.end - run.first == 1:
            return False
        first, second = self.tokens[run.first : run.first + 2]
        if first.folded.endswith("ed") and second.kind != TokenKind.FUNCTION_WORD:
            return False
        return is_verb(first, self.language)

    def _is_half_of_list(self, run: TokenRun) -> bool:
        """Return whether a run is the end of a list that begins before it.

        Examples are the `B and C` of `A, B and C`, and the `poor countries` of `rich and poor
        countries`.
        """
        if run.first == 0:
            return False
        before = self.tokens[run.first - 1]
        inner = self.tokens[run.first : run.end]
        if before.text in (",", "、"):
            return any(token.folded in _LIST_CONJUNCTIONS for token in inner)
        if before.folded in _LIST_CONJUNCTIONS and run.first >= 2:
            first_modifier = self.tokens[run.first - 2]
            return _share_noun(first_modifier, inner)
        return False

    def _is_vague(self, run: TokenRun) -> bool:
        """Return whether all nouns of a run are vague, as in `way` or `recurrent problem`."""
        for token in self.tokens[run.first : run.end]:
            if token.kind in _ANSWER_KINDS:
                if token.folded not in self.language.vague_nouns:
                    return False
        return True

    def _is_revealed_elsewhere(self, run: TokenRun) -> bool:
        """Return whether the title, heading or rest of the sentence gives a run away."""
        if run.end - run.first == 1:
            if self._is_acronym_spelled_out(self.tokens[run.first]):
                return True
        elif self._is_abbreviated_elsewhere(run):
            return True
        return self._is_repeated_elsewhere(run)

    def _is_acronym_spelled_out(self, token: Token) -> bool:
        """Return whether a token abbreviates words of the sentence, like `WHO`."""
        if len(token.text) < _MIN_ACRONYM_LENGTH or not token.text.isupper():
            return False
        return token.text in self._get_initials(TokenRun(0, len(self.tokens)))

    def _is_abbreviated_elsewhere(self, run: TokenRun) -> bool:
        """Return whether another token abbreviates a run, unless it is part of the gap."""
        initials = self._get_initials(run)
        gap = self.extend_to_gloss(run)
        others = self.tokens[: gap.first] + self.tokens[gap.end :]
        return any(token.text == initials for token in others)

    def _is_repeated_elsewhere(self, run: TokenRun) -> bool:
        """Return whether each content word of a run has the stem of another visible word."""
        stems = self._stems[run.first : run.end]
        inside = [stem for stem in stems if stem is not None]
        if not inside:
            return False
        others = {*self.visible_stems, *(Counter(self._stems) - Counter(inside))}
        for stem in inside:
            if not any(_have_same_stem(stem, other) for other in others if other):
                return False
        return True

    def _is_poor_answer(self, index: int) -> bool:
        """Return whether a single word makes such a poor answer that nobody would keep it.

        These are letters, numbers in words, common nouns, and nouns next to `and`.
        """
        token = self.tokens[index]
        if len(token.text) == 1 or token.kind == TokenKind.NUMBER:
            return token.text.isalpha()  # `x` and `two`, but not `1869`
        if token.kind != TokenKind.NOUN:
            return False
        if token.zipf > _MAX_ANSWER_ZIPF:
            return True
        neighbours = self._get_neighbours(TokenRun(index, index + 1))
        return any(word.folded in _LIST_CONJUNCTIONS for word in neighbours)

    # --- features -----------------------------------------------------------------------

    def extract_features(self, run: TokenRun) -> Features:
        """Extract the features of a candidate."""
        if run.first not in self._begin_features:
            self._begin_features[run.first] = self._list_begin_features(run.first)
        if run.end not in self._end_features:
            self._end_features[run.end] = self._list_end_features(run.end)
        features = dict.fromkeys(self._begin_features[run.first], 1.0)
        features |= dict.fromkeys(self._end_features[run.end], 1.0)
        return features | self._extract_inner_features(run)

    def _list_begin_features(self, first: int) -> list[str]:
        """List the features of a candidate's first token and the tokens before it.

        The articles right before the candidate are skipped, and the token before them is marked
        with `D`. For `during the ice age`, whose candidate is `ice age`, `s:pDn` says that the
        noun follows a preposition and an article.
        """
        before = first - 1
        while self._get_class(before) == _DETERMINER:
            before -= 1
        article = ""
        if before < first - 1:
            article = _DETERMINER
        earlier_class = self._get_class(before - 1)
        previous_class = f"{self._get_class(before)}{article}"
        previous_form = f"{self._get_form(before)}{article}"
        first_class = self._get_class(first)
        second_class = self._get_class(first + 1)
        verb_flags = self._verb_flags[first]
        language_name = self.language.name
        features = [
            f"s:{first_class}",
            f"s:{previous_class}{first_class}",
            f"s2:{earlier_class}{previous_class}{first_class}",
            f"s+:{first_class}{second_class}",
            f"s-+:{previous_class}{first_class}{second_class}",
            f"sw:{language_name}:{previous_form}",
            f"sv:{verb_flags}{first_class}",
            f"sv:{verb_flags}-{self._get_class(before)}",
        ]
        if self.tokens[first].kind == TokenKind.FUNCTION_WORD:
            features.append(f"sx:{language_name}:{self.tokens[first].folded}")
        if before < 0:  # the candidate is at the beginning of the text
            features.append("s^")
        if first in self._introduced_indexes:
            features.append("named")
        return features

    def _list_end_features(self, end: int) -> list[str]:
        """List the features of a candidate's last token and the tokens after it.

        `end` is the index after the last token. For `the ice age ended`, whose candidate is `ice
        age`, `e:nv` says that a verb follows the noun.
        """
        last = end - 1
        token = self.tokens[last]
        previous_class = self._get_class(last - 1)
        last_class = self._get_class(last)
        next_class = self._get_class(last + 1)
        class_after_next = self._get_class(last + 2)
        # the frequency between 2.5 and 6.5, rounded down to a half
        zipf = int(2 * min(max(token.zipf, 2.5), 6.5)) / 2
        features = [
            f"e:{last_class}",
            f"e:{last_class}{next_class}",
            f"e2:{last_class}{next_class}{class_after_next}",
            f"e-:{previous_class}{last_class}",
            f"e-+:{previous_class}{last_class}{next_class}",
            f"ew:{self.language.name}:{self._get_form(last + 1)}",
            f"ez:{last_class}{zipf}",
        ]
        if token.folded in self.language.vague_nouns:
            features.append("vague")
        return features

    def _extract_inner_features(self, run: TokenRun) -> Features:
        """Extract features of the tokens in a candidate and its position in the text."""
        features = self._extract_class_features(run)
        features |= self._extract_rarity_features(run)
        stems = filter(None, self._stems[run.first : run.end])
        if not self.visible_stems.isdisjoint(stems):
            features["shown"] = 1.0

        text_length = max(1, len(self.text))
        start = self.tokens[run.first].start
        end = self.tokens[run.end - 1].end
        position = start / text_length
        fraction = 2 * min((end - start) / text_length, _MAX_FRACTION)
        features["position"] = position
        features["position2"] = position * position
        features["share"] = fraction
        features["share2"] = fraction * fraction
        return features

    def _extract_class_features(self, run: TokenRun) -> Features:
        """Extract the number of tokens, their classes, and the words or signs on both sides."""
        count = run.end - run.first
        names = [f"l:{min(count, _MAX_LENGTH)}"]
        if count <= _MAX_PATTERN_LENGTH:
            names.append(f"p:{''.join(self._token_classes[run.first : run.end])}")
        names.append(f"b:{self._get_form(run.first - 1)}{self._get_form(run.end)}")
        return dict.fromkeys(names, 1.0)

    def _extract_rarity_features(self, run: TokenRun) -> Features:
        """Extract how rare the content words are. The divisors bring the values to about 1."""
        rarities = []  # never empty, because a candidate ends in a content word
        for token in self.tokens[run.first : run.end]:
            if token.kind in _CONTENT_KINDS:
                rarities.append(max(0.0, 7.0 - token.zipf))
        return {
            "rarity": min(sum(rarities), _MAX_RARITY) / 8,
            "rarest": max(rarities) / 4,
            "mean_rarity": sum(rarities) / len(rarities) / 4,
            "least_rare": min(rarities) / 4,
        }


def _find_preceding_verbs(
    tokens: Sequence[Token], language: LanguageTables
) -> list[bool]:
    """Return whether a verb precedes each token in the same sentence."""
    flags = []
    has_verb = False
    for token in tokens:
        if token.text in _SENTENCE_ENDS:
            has_verb = False
        flags.append(has_verb)
        if is_verb(token, language):
            has_verb = True
    return flags


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
        (_DETERMINER, language.determiners),
        ("o", language.genitive_prepositions),
        ("p", language.prepositions),
        (_COPULA, language.copulas),
        ("x", language.auxiliaries),
        ("q", language.pronouns),
    ):
        if token.folded in words:
            return class_letter
    return "s"


def _get_or_mark_end(values: Sequence[str], index: int) -> str:
    if index < 0:
        return "^"
    if index >= len(values):
        return "$"
    return values[index]


def _share_noun(first_modifier: Token, words: Sequence[Token]) -> bool:
    """Return whether a modifier before `and` belongs to the noun at the end of `words`, too.

    For example, `rich` belongs to `poor countries` in `rich and poor countries`.
    """
    if len(words) == 1 or words[-1].kind != TokenKind.NOUN:
        return False
    modifiers = (first_modifier, words[0])
    return all(modifier.kind in _MODIFIER_KINDS for modifier in modifiers)


def _get_form_or_class(token: Token) -> str:
    if token.kind in (TokenKind.FUNCTION_WORD, TokenKind.SIGN):
        return "".join(token.folded.translate(_TO_WESTERN).split()) or "¶"
    return _CLASS_BY_KIND[token.kind]


class _Candidate(NamedTuple):
    """A run of tokens that may be blanked out, and the gap that it would make."""

    run: TokenRun
    gap: ScoredGap

    @property
    def sort_key(self) -> tuple[float, Span, TokenRun]:
        """Sorts the best candidates first, and equally good ones by their position."""
        return -self.gap.score, self.gap.span, self.run


def rank_gaps(sentence: GapRanker) -> Iterator[ScoredGap]:
    """Yield the spans that a cloze card may blank out, best first.

    A span is skipped if it nearly coincides with a better one, or scores much less than the best.
    `features.estimate_confidence` takes the score into account.
    """
    table = load_gap_weights()
    candidates = []
    for run in sentence.find_token_runs():
        score = compute_weighted_sum(sentence.extract_features(run), table)
        span = sentence.get_span(sentence.extend_to_gloss(run))
        candidates.append(_Candidate(run, ScoredGap(span, score)))
    candidates.sort(key=lambda candidate: candidate.sort_key)

    chosen: list[ScoredGap] = []
    for run, gap in candidates:
        if chosen and gap.score < chosen[0].score - _MAX_SCORE_GAP:
            return
        # checked last, because most runs are never reached
        if sentence.is_unsuitable_gap(run):
            continue
        if not any(is_same_gap(gap.span, better.span) for better in chosen):
            chosen.append(gap)
            yield ScoredGap(gap.span, min(gap.score, MAX_GAP_SCORE))


@cache
def load_gap_weights() -> dict[str, float]:
    """Load the weights of the features of gaps, keyed by name."""
    return read_weights(DATA_DIRECTORY / "gap_weights.txt")


def _have_same_stem(word: str, other: str) -> bool:
    """Return whether two stems are from the same word or from related words."""
    if word[:_MIN_COMMON_STEM] != other[:_MIN_COMMON_STEM]:
        return False
    shorter, longer = sorted((word, other), key=len)
    is_related = longer.startswith(shorter[: max(_MIN_COMMON_STEM, len(shorter) - 1)])
    return is_related and len(longer) - len(shorter) < len("ing")


def compute_weighted_sum(features: Features, table: dict[str, float]) -> float:
    """Return the weighted sum of the features' values."""
    return sum(table.get(name, 0.0) * amount for name, amount in features.items())


def is_same_gap(span: Span, other: Span) -> bool:
    """Return whether two spans overlap enough to count as the same gap."""
    overlap = min(span[1], other[1]) - max(span[0], other[0])
    shorter, longer = sorted((span[1] - span[0], other[1] - other[0]))
    return (
        overlap > _MIN_SHARED_FRACTION * shorter and shorter > _MIN_LENGTH_RATIO * longer
    )
