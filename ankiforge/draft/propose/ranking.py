"""The words of a sentence that a gap hides, best first.

A span of words that begins and ends well is a candidate. Its features are what stands at its
borders, what it is made of and where it is. Their weights in `data/gap_weights.txt` are those
of a conditional logistic regression over the candidates of a sentence, learned by
`tools/proposals/learn.py` from words that strict readers chose, and from their marks for words
that an earlier version chose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple

from ankiforge.draft.propose.refused import PLACE_WORD, is_no_answer, stem
from ankiforge.language.lexicon import Language, listed, read_weights
from ankiforge.language.quantities import inside_units
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.model import Span
from ankiforge.text import regex

MOST = 4
"""The gaps of a proposal, at most."""
MOST_WORDS = 9
"""The words and signs of a gap, at most, unless the reader chose it."""
Features = dict[str, float]
"""The features of a candidate with their amounts, by name.

The name begins with what it tells of: `s` the beginning, `e` the end, `p` the classes inside, `l`
the length, `b` the signs beside it.
"""
_OPENING = {
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
"""By a sign that sets off words, the signs that may close it."""
# A sign that ends a clause or a member of a list is never inside a gap, unless it joins two words.
_BREAKS = frozenset(".,;!?:–—-/+。，、；！？：…")
# The signs of Chinese stand where ours do.
_WESTERN = str.maketrans("，、。；：！？（）《》「」『』", ",,.;:!?()“”“”“”")
_LETTERS = {
    Kind.NOUN: "n",
    Kind.VERB: "v",
    Kind.ADJECTIVE: "a",
    Kind.ADVERB: "r",
    Kind.NAME: "N",
    Kind.NUMBER: "1",
    Kind.SHIELD: "x",
    Kind.UNSAFE: "u",
}
_VERBS = frozenset("vxC")
"""The classes of verbs, auxiliaries and copulas."""
_PAIRS = (("(", ")"), ("“", "”"), ("«", "»"))
_PAIRED = frozenset('()“”«»"*')
_SIGNS = frozenset(',.;:!?()"“”«»–—-=*/')
_NAMES = frozenset((Kind.NAME, Kind.NUMBER, Kind.SHIELD))
_NO_TERM = frozenset((Kind.SIGN, Kind.SMALL, Kind.ADJECTIVE, Kind.ADVERB, Kind.VERB))
_NO_WORDS = frozenset((Kind.SIGN, Kind.SMALL))
_CONTENT = frozenset((*_NAMES, Kind.NOUN, Kind.VERB, Kind.ADJECTIVE, Kind.ADVERB))
_SENTENCE_ENDS = frozenset(".!?;。！？；")
_YEAR = regex(r"1\d{3}|20\d\d")
_INDEFINITE = frozenset("a an ein eine un une una uno um uma".split())
_OPENING_QUOTES = frozenset("“「『《")
_CLOSING_QUOTES = frozenset("”」』》")
_TERM_KINDS = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE))
_COUNTED = frozenset((Kind.NOUN, Kind.NAME, Kind.NUMBER))
_APOSTROPHES = ("'", "’")
_POSSESSIVES = ("'s", "’s")
_ACRONYM = regex(r"[^\W\da-zß-ÿа-яё_][^\W_]{0,6}[^\W\da-zß-ÿа-яё_]s?")
_OF_NAME = listed("cues", "of_name")
_AND = listed("cues", "and")
# What a number counts or dates follows it: `1885年`, `30%`, `5 万人`.
_COUNTED_CJK = regex(r"\s?[%％年岁歳世度倍万萬亿億元円人名国國吨噸米公克厘毫]")
_DATE_ZH = regex(r".*\d(?:年代?|世[纪紀]|[月日])")
# What points at another place precedes the number: `第3章`, `图 2`.
_POINTS_CJK = regex(r"[第图圖図表章節节頁页【(（]\s?\Z")
# What may stand beside a number without a blank.
_BEHIND = frozenset(".,;:!?)]}”»’\"'…–—-/*_")
# What belongs to the noun before it.
_LETTER_OF_NAME = regex(r"[A-HJ-Z]|X{0,3}(?:IX|IV|V?I{0,3})(?<=..)|\d{1,2}")
_PER = frozenset("per pro por par je".split())
# Candidates that share more than this with a better one are no other gap.
_SAME = 0.5
# A candidate that is less than this of another one asks for something else.
_A_PART = 0.25


# The letters of a stem from which a word that begins with it is another form of its word.
_LONG_STEM = 6
# Candidates so far below the best are what a reader takes once in ten times.
_FAR = 2.0


@cache
def weights() -> dict[str, float]:
    """Return the weight of each feature."""
    return read_weights(Path(__file__).parent / "data" / "gap_weights.txt")


class Run(NamedTuple):
    """Tokens of a text that follow one another."""

    first: int
    """The place of the first one."""
    last: int
    """The place behind the last one."""

    def is_cut_by(self, other: Run) -> bool:
        """Return whether another run begins or ends between two of its tokens."""
        begins_within = self.first < other.first < self.last
        return begins_within or self.first < other.last < self.last


class RankedSentence:
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
        self._inside = inside_units(text)
        cues = language.cues.find([token.folded for token in self.words])
        self._named = {cue.last for cue in cues if cue.section == "called"}
        # the class of each token, between those of the text's beginning and end
        classes = [_class(token, language) for token in self.words]
        self._classes = ["^", *classes, "$"]
        forms = [_form(token) for token in self.words]
        self._forms = ["^", *forms, "$"]

    @cached_property
    def _verbs(self) -> list[str]:
        """For each token whether a verb is before it and one at or after it: `01`."""
        is_after = []
        has_verb = False
        for token in self.words:
            has_verb = has_verb and token.word not in _SENTENCE_ENDS
            is_after.append(has_verb)
            has_verb = has_verb or is_verb(token, self.language)
        marks = []
        has_verb = False
        for token, after in zip(reversed(self.words), reversed(is_after), strict=True):
            has_verb = has_verb and token.word not in _SENTENCE_ENDS
            has_verb = has_verb or is_verb(token, self.language)
            marks.append(f"{after:d}{has_verb:d}")
        marks.reverse()
        return marks

    @cached_property
    def _stems(self) -> list[str]:
        """The stem of each content word; "" for any other."""
        return [
            stem(token.folded) if token.kind in _CONTENT else "" for token in self.words
        ]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(self._stems)

    # --- candidates ---------------------------------------------------------------------

    def candidates(self) -> Iterator[Run]:
        """Yield the words that a gap may hide."""
        words = self.words
        is_chinese = self.language.name == "zh"
        ends = [self._may_end(last) for last in range(len(words) + 1)]
        for first in filter(self._may_begin, range(len(words))):
            for last in range(first + 1, min(first + MOST_WORDS, len(words)) + 1):
                end = words[last - 1]
                if end.kind == Kind.UNSAFE:
                    break
                is_glued = last < len(words) and end.end == words[last].start
                is_glued = is_glued and not is_chinese
                if end.word in _BREAKS and not is_glued:
                    break
                if last - 1 > first and self._classes[last] in _VERBS:
                    break  # `actors modify`
                candidate = Run(first, last)
                if ends[last] and not self._is_refused(candidate):
                    yield candidate
                if _DATE_ZH.fullmatch(words[first].word):
                    break  # the `1929年` of `1929年的股市`

    def _may_begin(self, first: int) -> bool:
        """Return whether a candidate may begin with a token."""
        token = self.words[first]
        if token.kind in (Kind.SIGN, Kind.UNSAFE) or self._classes[first + 1] in "DC":
            return False
        if token.folded in self.language.participles:
            return False  # `called` before the name of a thing
        if self.language.name == "zh" and not self._may_begin_chinese(first):
            return False
        before = self.words[first - 1] if first else None
        if before is not None and before.folded in _INDEFINITE:
            if first > 1 and self._classes[first - 1] == "C":
                return False  # `structure` of `A set is a structure that`
        if self.mark is not None and token.start < self.mark[0]:
            return False
        if before is not None and before.kind in (Kind.NOUN, Kind.NAME):
            if _LETTER_OF_NAME.fullmatch(token.word):
                return False  # the `A` of `Vitamin A`
        return token.start not in self._inside

    def _may_begin_chinese(self, first: int) -> bool:
        """Return whether a Chinese candidate may begin with a token: its words have no blanks."""
        token = self.words[first]
        if token.kind not in _CONTENT:
            return False
        before = self.words[first - 1] if first else None
        if before is None or before.end != token.start or before.kind not in _CONTENT:
            return True
        if token.word.isdecimal() or before.kind == Kind.NOUN == token.kind:
            return False  # the `14` of `碳14`, the `学说` of `大陆漂移学说`
        return len(before.word) > 1 or len(token.word) > 1  # the `字` of `活字`

    def _may_end(self, last: int) -> bool:
        """Return whether a candidate may end before a token."""
        token = self.words[last - 1]
        ends_rate = (
            last > 1 and self.words[last - 2].folded in _PER
        )  # `metres per second`
        if not last or token.folded in self.language.determiners:
            return False
        if not (token.kind in _CONTENT or ends_rate):
            return False
        if self.language.name == "zh":
            if token.kind == Kind.ADVERB:
                return False
            if last < len(self.words) and self.words[last].start == token.end:
                # the `苏军` of `苏军战斗力`
                if token.kind != Kind.NUMBER and self.words[last].kind == Kind.NOUN:
                    return False
        if self.mark is not None and self.mark[1] < token.end:
            return False
        if token.word.endswith(_APOSTROPHES):
            return False  # the elided `c'` of `c'è`
        if last < len(self.words):
            after = self.words[last]
            if token.kind in (Kind.NOUN, Kind.NAME) and _LETTER_OF_NAME.fullmatch(
                after.word
            ):
                return False  # the `Vitamin` of `Vitamin A`
            is_glued = after.start == token.end and after.word not in _BEHIND
            if token.kind == Kind.NUMBER and is_glued and after.kind == Kind.SIGN:
                return False  # the `20` of `20× faster`
            if (
                token.kind == Kind.NUMBER
                and not _YEAR.match(token.word)
                and after.kind in _COUNTED
                and self.language.small
            ):
                return False  # the `577` of `577 députés`
        return token.end not in self._inside

    def span(self, run: Run) -> Span:
        """Return where tokens are in the text, without the `'s` of an English name."""
        last = self.words[run.last - 1]
        end = last.end
        if self.language.name == "en" and last.word.endswith(_POSSESSIVES):
            end -= len(_POSSESSIVES[0])
        return self.words[run.first].start, end

    def _is_refused(self, candidate: Run) -> bool:
        """Return whether words may not be hidden: a bare adjective, half a name, most of a text."""
        first, last = candidate
        start, end = self.span(candidate)
        if 2 * (end - start) > len(self.text) or self._is_half_of_pair(candidate):
            return True
        words = self.words
        inner = words[first:last]
        if self.language.name == "zh" and self._points_elsewhere(inner):
            return True
        if self._is_cut_rate(first, last) or self._is_cited(first, last):
            return True
        if self._is_half_of_gloss(candidate):
            return True
        if inner[-1].kind == Kind.NUMBER and last > 1:
            if PLACE_WORD.fullmatch(words[last - 2].word):
                return True
        if self._is_set_off(first, last):
            return all(token.kind in _NO_WORDS for token in inner)
        if not self.language.small:
            if not self._is_whole_name(first, last):
                return True
            return self.language.name == "ja" and self._is_shown_elsewhere(candidate)
        if self.language.name == "zh" and any(t.kind == Kind.VERB for t in inner[1:]):
            return True  # `下丘脑调节体温`
        if all(token.kind in _NO_TERM for token in inner):
            return True
        if self._is_shown_elsewhere(candidate):
            return True
        # a name goes on before or behind it: `Food and {Drug Administration}`
        if any(name.is_cut_by(candidate) for name in self._names):
            return True
        if first in self._named:  # `is called cramming`
            return False
        return is_no_answer(self.words, candidate, self.language)

    def _points_elsewhere(self, inner: Sequence[Token]) -> bool:
        """Return whether a number among Chinese words is that of a figure: `参见图2-5`."""
        for token in inner:
            before = self.text[max(token.start - 2, 0) : token.start]
            if token.kind == Kind.NUMBER and _POINTS_CJK.search(before):
                return True
        return False

    def _is_cut_rate(self, first: int, last: int) -> bool:
        """Return whether a rate is cut: the `343 metres` of `343 metres per second`."""
        if last + 1 >= len(self.words) or self.words[last].folded not in _PER:
            return False
        if self.words[last + 1].folded in self.language.determiners:
            return False  # `1896 por el físico`
        inner = self.words[first:last]
        counts = any(token.kind == Kind.NUMBER for token in inner)
        return counts and inner[-1].kind != Kind.NUMBER

    def _is_cited(self, first: int, last: int) -> bool:
        """Return whether words name who is cited: `Miotto et al.`, `Balbuena (2013) studied`."""
        words = self.words
        after = [token.folded for token in words[last : last + 3]]
        if "al" in (*after[:2], *(token.folded for token in words[first:last])):
            return "et" in [token.folded for token in words[first : last + 1]]
        return after[:1] == ["("] and after[2:] == [")"] and bool(_YEAR.match(after[1]))

    @cached_property
    def _glosses(self) -> list[tuple[Run, Run]]:
        """The terms of which an abbreviation follows in brackets, or the other way round.

        Each with the run of both: `false discovery rate (FDR)`, `FDR (false discovery rate)`.
        """
        words = self.words
        found = []
        for opening, token in enumerate(words):
            if token.word != "(" or not opening:
                continue
            closing = opening + 1
            while closing < len(words) and words[closing].word != ")":
                closing += 1
            inner = words[opening + 1 : closing]
            if closing == len(words) or not inner:
                continue
            if len(inner) == 1 and _ACRONYM.fullmatch(inner[0].word):
                for first in range(max(0, opening - MOST_WORDS), opening):
                    if _abbreviates(inner[0].word, words[first:opening]):
                        both = Run(first, closing + 1)
                        found.append((Run(first, opening), both))
            elif _ACRONYM.fullmatch(words[opening - 1].word):
                if _abbreviates(words[opening - 1].word, inner):
                    both = Run(opening - 1, closing + 1)
                    found.append((Run(opening - 1, opening), both))
        return found

    def _is_half_of_gloss(self, candidate: Run) -> bool:
        """Return whether the rest of a term with its abbreviation would tell the candidate."""
        for term, both in self._glosses:
            if candidate != term and candidate.first < both.last > both.first:
                if both.first < candidate.last and candidate != both:
                    return True
        return False

    def _is_half_of_pair(self, run: Run) -> bool:
        """Return whether only one of two brackets or quotation marks is among some tokens."""
        classes = self._classes[run.first + 1 : run.last + 1]
        if _PAIRED.isdisjoint(classes):
            return False
        if classes.count('"') % 2 or classes.count("*") % 2:
            return True
        return any(classes.count(left) != classes.count(right) for left, right in _PAIRS)

    def _is_shown_elsewhere(self, run: Run) -> bool:
        """Return whether all content words of some tokens stand elsewhere on the card, too."""
        inside = [word for word in self._stems[run.first : run.last] if word]
        for word in inside:
            if word in self.shown or self._counts[word] > inside.count(word):
                continue
            others = {*self.shown, *self._counts}.difference(inside)
            if not any(map(partial(_is_form_of, word), others)):
                return False
        return bool(inside)

    @cached_property
    def _names(self) -> list[Run]:
        """The names of several words.

        A name is capitals in a row. `of` goes on with it, and `and` if one article is before both.
        """
        words = self.words
        names = []
        first = 0
        while first < len(words):
            if words[first].kind != Kind.NAME:
                first += 1
                continue
            end = first + 1
            joint = 0
            has_article = (
                first > 0 and words[first - 1].folded in self.language.determiners
            )
            while end < len(words):
                joined = words[end].folded
                if words[end].kind == Kind.NAME:
                    end += 1
                elif joint or end + 1 == len(words) or words[end + 1].kind != Kind.NAME:
                    break
                elif joined in _OF_NAME or (joined in _AND and has_article):
                    joint = end
                    end += 2
                else:
                    break
            names.append(Run(first, end))
            first = end
        return names

    def _is_set_off(self, first: int, last: int) -> bool:
        """Return whether words are in quotation marks, in brackets or emphasized."""
        if not 0 < first < last < len(self.words):
            return False
        closing = _OPENING.get(self.words[first - 1].word, ())
        behind = last + (self.words[last].word in (",", "."))
        return behind < len(self.words) and self.words[behind].word in closing

    def _is_whole_name(self, first: int, last: int) -> bool:
        """Return whether words of a language without tables are all of a name or quantity."""
        words = self.words
        if any(token.kind not in _NAMES for token in words[first:last]):
            return False
        beside = (*words[max(first - 1, 0) : first], *words[last : last + 1])
        if any(token.kind in _NAMES for token in beside):
            return False
        start, end = self.span(Run(first, last))
        if self.language.name != "ja" or words[last - 1].kind != Kind.NUMBER:
            return True
        before = self.text[max(start - 2, 0) : start]
        counts = _COUNTED_CJK.match(self.text, end) is not None
        return counts and _POINTS_CJK.search(before) is None

    def with_gloss(self, run: Run) -> Run:
        """Return a term with its gloss in brackets, or a Chinese or Japanese gloss with its term.

        One of the two would tell the other: `熵（entropy）`. In other languages a gloss is an
        abbreviation or its words.
        """
        if self.language.name not in ("zh", "ja"):
            return next((both for term, both in self._glosses if term == run), run)
        words = self.words
        opening = run.last
        while opening < len(words) and words[opening].word in _CLOSING_QUOTES:
            opening += 1
        if run.first and words[run.first - 1].word in "(（":
            opening = run.first - 1
        if not 0 < opening < len(words) - 2 or words[opening].word not in "(（":
            return run
        closing = opening + 1
        while closing < len(words) and words[closing].word not in ")）":
            closing += 1
        gloss = self.text[words[opening].end : words[closing - 1].end]
        if closing == len(words) or not (
            gloss.isascii() and any(map(str.isalpha, gloss))
        ):
            return run

        # the term goes back to its quotation mark, or as far as words stand side by side
        first = opening - 1
        if words[first].word in _CLOSING_QUOTES:
            while first and words[first].word not in _OPENING_QUOTES:
                first -= 1
        else:
            while (
                words[first - 1].kind in _TERM_KINDS
                and words[first - 1].end == words[first].start
            ):
                first -= 1
            if first < 0 or words[first].kind not in _CONTENT:
                return run
        return Run(min(first, run.first), closing + 1)

    # --- features -----------------------------------------------------------------------

    def begin(self, first: int) -> list[str]:
        """Return the features of the beginning of a candidate, and of the words before it."""
        classes = self._classes
        name = self.language.name
        own, following = classes[first + 1 : first + 3]
        # the place in `classes` of the token before, and before its article
        before = first
        while classes[before] == "D":
            before -= 1
        article = "D" if before < first else ""
        previous = f"{classes[before]}{article}"
        earlier = classes[before - 1] if before else "^"
        verbs = self._verbs[first]
        features = [
            f"s:{own}",
            f"s:{previous}{own}",
            f"s2:{earlier}{previous}{own}",
            f"s+:{own}{following}",
            f"s-+:{previous}{own}{following}",
            f"sw:{name}:{self._forms[before]}{article}",
            f"sv:{verbs}{own}",
            f"sv:{verbs}-{classes[before]}",
        ]
        if self.words[first].kind == Kind.SMALL:
            features.append(f"sx:{name}:{self.words[first].folded}")
        if not before:
            features.append("s^")
        if first in self._named:
            features.append("named")
        return features

    def end(self, last: int) -> list[str]:
        """Return the features of the end of a candidate, and of the words behind it."""
        classes = self._classes
        token = self.words[last - 1]
        before, own, following = classes[last - 1 : last + 2]
        later = classes[last + 2] if last + 2 < len(classes) else "$"
        zipf = int(2 * min(max(token.zipf, 2.5), 6.5)) / 2
        features = [
            f"e:{own}",
            f"e:{own}{following}",
            f"e2:{own}{following}{later}",
            f"e-:{before}{own}",
            f"e-+:{before}{own}{following}",
            f"ew:{self.language.name}:{self._forms[last + 1]}",
            f"ez:{own}{zipf}",
        ]
        if token.folded in self.language.vague:
            features.append("vague")
        return features

    def inside(self, candidate: Run) -> Features:
        """Return the features of the words of a candidate, and of its place."""
        first, last = candidate
        words = self.words
        inner = words[first:last]
        count = last - first
        classes = self._classes[first + 1 : last + 1]
        features: Features = {f"l:{min(count, 7)}": 1.0}
        if count <= 5:
            features[f"p:{''.join(classes)}"] = 1.0
        if first and last < len(words):
            before, after = words[first - 1], words[last]
            if before.kind == Kind.SIGN == after.kind:
                features[f"b:{_form(before)}{_form(after)}"] = 1.0

        # how rare its words are, and whether they stand elsewhere on the card
        rarities = [
            max(0.0, 7.0 - token.zipf) for token in inner if token.kind in _CONTENT
        ]
        features["rarity"] = min(sum(rarities), 16.0) / 8
        features["rarest"] = max(rarities) / 4
        features["mean_rarity"] = sum(rarities) / len(rarities) / 4
        features["least_rare"] = min(rarities) / 4
        if not self.shown.isdisjoint(self._stems[first:last]):
            features["shown"] = 1.0

        size = max(1, len(self.text))
        position = inner[0].start / size
        share = 2 * min((inner[-1].end - inner[0].start) / size, 0.7)
        features["position"] = position
        features["position2"] = position * position
        features["share"] = share
        features["share2"] = share * share
        return features

    def features(self, candidate: Run) -> Features:
        """Return all features of a candidate."""
        at_borders = [*self.begin(candidate.first), *self.end(candidate.last)]
        return {**dict.fromkeys(at_borders, 1.0), **self.inside(candidate)}


def _class(token: Token, language: Language) -> str:
    """Return the class of a token: a letter or a sign; small words have several."""
    if token.kind == Kind.SIGN:
        sign = token.word.translate(_WESTERN)
        return sign if sign in _SIGNS else "-"
    if token.kind != Kind.SMALL:
        return _LETTERS[token.kind]
    for letter, words in (
        ("D", language.determiners),
        ("o", language.joins),
        ("p", language.prepositions),
        ("C", language.copulas),
        ("x", language.auxiliaries),
        ("q", language.pronouns),
    ):
        if token.folded in words:
            return letter
    return "s"


def _form(token: Token) -> str:
    """Return a small word or sign itself, and of any other word the class."""
    if token.kind in (Kind.SMALL, Kind.SIGN):
        return "".join(token.folded.translate(_WESTERN).split()) or "¶"
    return _LETTERS[token.kind]


def ranked(sentence: RankedSentence) -> Iterator[tuple[Span, float]]:
    """Yield the spans of a sentence that may be hidden, best first; each is another gap.

    With each comes its score, which tells with the sentence how likely its card is kept.
    """
    table = weights()

    @cache
    def begin(first: int) -> float:
        return sum(table.get(name, 0.0) for name in sentence.begin(first))

    @cache
    def end(last: int) -> float:
        return sum(table.get(name, 0.0) for name in sentence.end(last))

    scored = []
    for candidate in sentence.candidates():
        own = score(sentence.inside(candidate), table)
        total = begin(candidate.first) + own + end(candidate.last)
        scored.append((-total, sentence.span(sentence.with_gloss(candidate))))
    scored.sort()
    chosen: list[Span] = []
    for minus_score, span in scored:
        if minus_score - scored[0][0] > _FAR:
            return
        if not any(is_same(span, other) for other in chosen):
            chosen.append(span)
            yield span, -minus_score


def _abbreviates(acronym: str, words: Sequence[Token]) -> bool:
    """Return whether an acronym is made of the first letters of words, or of one word."""
    letters = acronym.removesuffix("s").casefold()
    first = [token.folded[0] for token in words if token.kind != Kind.SIGN]
    large = [
        token.folded[0] for token in words if token.kind not in (Kind.SIGN, Kind.SMALL)
    ]
    if letters in ("".join(first), "".join(large)):
        return bool(words) and words[0].kind != Kind.SMALL
    if len(words) != 1 or words[0].folded[0] != letters[0]:
        return False
    rest = iter(words[0].folded)
    return all(letter in rest for letter in letters)


def _is_form_of(word: str, other: str) -> bool:
    """Return whether two stems are of one word, as `compute` and `computer`."""
    shorter, longer = sorted((word, other), key=len)
    return len(shorter) >= _LONG_STEM and longer.startswith(shorter)


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
