"""Whether a marked phrase is meant to be recalled, or only emphasized.

Most people mark what is important, so most marks make no card that is kept as it is. Policy accepts
a mark at once only if nothing here is in doubt; every other mark waits with a finding, and is one
key away. Three forms are not in doubt:

- a sentence that names the phrase: `is called ==mitosis==`
- a term with its definition: `==Osmosis== is the flow of …`, `==Osmosis==: the flow of …`
- a statement that stands alone, names its subject, and hides a short phrase: a term or an amount,
  or, where it surely states a fact, any other; of several phrases each is a thing

`benchmarks/marks.py` measures how many of them a strict reader keeps.

Tested by `tests/check/test_emphasis_table.py` and `tests/check/test_emphasis.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ankiforge.check.reading import (
    DEFINES,
    Context,
    Needs,
    PlainDraft,
    make_finding,
    marked,
    naming,
    needs,
    read,
    without,
)
from ankiforge.language.clauses import (
    has_main_verb,
    is_noun_phrase,
    is_whole_line,
    names_subject,
)
from ankiforge.language.lexicon import (
    RAREST,
    Cue,
    alternatives,
    language,
    language_of,
    listed,
)
from ankiforge.language.tokens import Kind, Token, is_verb
from ankiforge.language.tokens import tokens as words_of
from ankiforge.language.words import FUNCTION, NEGATIONS, STOP_WORDS, stem, tokens
from ankiforge.model import Card, Family, Finding, Highlight, Span
from ankiforge.text import regex

# Words that say nothing at the beginning: `Note`.
_MEANINGLESS = listed("signs", "label") | STOP_WORDS | NEGATIONS
# Letters with which two forms of a word begin: `ambiguity`, `ambiguous`.
_TELLING = 5


@needs(Needs.CARD)
def emphasis(draft: Card, context: Context) -> Iterator[Finding]:
    """Find phrases that are marked for emphasis rather than to be recalled."""
    if draft.kind.family is not Family.CLOZE or not marked(draft, context.highlight):
        return
    reading = read(draft)
    if not reading.gaps:
        return
    text = draft.field("Text")
    sentence = MarkedSentence(text, reading, context.highlight)

    # the phrase: a label of what follows, or shown beside the gap
    for answer in reading.answers if sentence.is_begun_by_phrase else ():
        words = {word for word in tokens(answer) if not word.isdecimal()}
        if words <= _MEANINGLESS or context.leads_elsewhere(answer):
            yield make_finding("label", f"“{answer}”")
    is_definition = sentence.is_begun_by_phrase and DEFINES.match(
        text, reading.gaps[0].end
    )
    title = naming(context.highlight)
    for answer in _given_away(reading, text, title, bool(is_definition)):
        yield make_finding("gap_leak", f"“{answer}”")

    doubt = _doubt_about(sentence, context)
    if doubt:
        yield make_finding("leans_back" if doubt == LEANS else "fragment", doubt)


# --- the sentence of a mark -----------------------------------------------------------

_LONGEST_TERM = 4
"""The words of a phrase that a sentence defines, or hides in a statement, at most."""
_LEAST_BESIDE = 3
"""The content words beside a phrase that a sentence names or defines, at least."""
_LEAST_SURE = 0.4
"""The sureness (`draft/propose/features.py`) of a sentence that only states something, at least.

Of the marks of `benchmarks/marks.jsonl` that are accepted with it, every rater keeps 145 of 202
(72 %); without it 148 of 221 (67 %), with .8 instead 123 of 167 (74 %).
"""
LEANS = "its sentence points at text before it"
"""The doubt that is a finding of its own."""
_UNSAID = "nothing says that it is to be recalled"
"""What is said wherever a reason would be a guess."""
_ASKS = regex(r"[?？؟][\W_]*\Z")
_FULL_STOP = regex(r"[.!…。！۔।॥։።](?:\s*\([^()]*\))?[\W_]*\Z")
_ENDS_DEFINED = regex(r"[*_]*\s*(?:\([^()]*\)\s*)?(?::|(?:-{1,3}|[–—])\s)")
"""Matches what is between a term and its definition in a line of a note."""
# An example, a list that goes on, a tag, an address, the arrows of a sketch.
_SKETCH = regex(
    r"(?i)(?<!\w)(?:e\.\s?g|i\.\s?e|z\.\s?B|p\.\s?ej|ad es|par ex|etc)\b|(?<!\w)#\w"
    r"|https?:|[→⇒]|[-=]>"
)
_COLON = regex(r":(?!\w)")
_NEGATES = NEGATIONS | frozenset("non pas sin sans senza não без не".split())
# Words of a sentence that are its beginning; behind them `this` points at the sentence itself.
_EARLY_WORDS = 4
_NAMING = regex(
    rf"(?i)(?<!\w)(?:{alternatives('signs', 'naming')})(?!\w)\W*(?:\w{{1,4}}\W+)?\Z"
)
"""Matches what names the words behind it, maybe with an article: `is called an`."""
# Where no blanks are written, it stands right beside the name.
_NAMING_CJK = regex(r"(?:[称稱][为為]|叫[做作])\W*\Z")
_NAMED_CJK = regex(r"\W*と(?:呼|称|いう|言う)")
# Characters before a phrase that are searched for what names it.
_NEAR = 40
_POINTS_CJK = regex(r"[此该該這这其]|[こそ][のれうち]|また|しかし|但是|因此")


class MarkedSentence:
    """The sentence of a card with its marked phrases, as words."""

    def __init__(self, text: str, reading: PlainDraft, highlight: Highlight) -> None:
        """Find the phrases among the words of a card.

        Args:
            text: its Markdown.
            reading: its plain text.
            highlight: its passage, which may show the language.
        """
        self.markdown = text
        self.plain = reading.whole
        self.tables = language(
            language_of(self.plain, highlight.nearby, highlight.context)
        )
        self.words = words_of(self.plain, self.tables)
        self.phrases: list[Sequence[Token]] = []
        """The words of each phrase; those that are not found are missing."""
        self._spans: list[Span] = []
        place = 0
        for answer in reading.answers:
            start = _place_of(answer, self.plain, place)
            place = start + len(answer)
            phrase = [
                word
                for word in self.words
                if word.start < place and word.end > start >= 0
            ]
            if phrase:
                self.phrases.append(phrase)
                self._spans.append((start, place))

    @cached_property
    def spoken(self) -> list[Token]:
        """Its words without signs."""
        return [word for word in self.words if word.kind != Kind.SIGN]

    @cached_property
    def beside(self) -> list[Token]:
        """The words and signs beside the phrases."""
        hidden = {word for phrase in self.phrases for word in phrase}
        return [word for word in self.words if word not in hidden]

    @cached_property
    def cues(self) -> list[Cue]:
        """What its words do."""
        return self.tables.cues.find([word.folded for word in self.words])

    @cached_property
    def is_begun_by_phrase(self) -> bool:
        """Whether no word is before the first phrase."""
        gap = self.markdown.find("{{c")
        return not tokens(self.markdown[:gap])

    @cached_property
    def is_named(self) -> bool:
        """Whether words such as `is called` stand right beside a phrase."""
        for start, end in self._spans:
            before = self.plain[:start]
            if _NAMING.search(before[-_NEAR:]):
                return self._names_something
            if _NAMING_CJK.search(before) or _NAMED_CJK.match(self.plain, end):
                return not _POINTS_CJK.search(before)
        return False

    @cached_property
    def _names_something(self) -> bool:
        """Whether a sentence that names a phrase says of what."""
        if sum(map(_is_content, self.beside)) < _LEAST_BESIDE:
            return False
        if self.tables.name == "en" and not has_main_verb(self.words, self.tables):
            return False  # `called` only describes the noun before it
        return not self.tables.small or names_subject(self.words, self.tables)

    @cached_property
    def is_defined(self) -> bool:
        """Whether the phrase that begins it is a term, and an article begins its definition."""
        if not (self.is_begun_by_phrase and len(self.phrases) == 1):
            return False
        if not self._is_short_name(self.phrases[0]):
            return False
        end = self.phrases[0][-1].end
        sign = _ENDS_DEFINED.match(self.plain, end)
        start = sign.end() if sign else end
        rest = [word for word in self.words if word.start >= start]
        if sign is None:
            if not rest or rest[0].folded not in self.tables.copulas:
                return False
            rest = rest[1:]
        articles = self.tables.determiners - listed("signs", "pointing")
        if not rest or rest[0].folded not in articles:
            return False
        return sum(map(_is_content, rest)) >= _LEAST_BESIDE

    def _is_short_name(self, phrase: Sequence[Token]) -> bool:
        """Return whether a phrase is a short name, noun or number."""
        if len(phrase) == 1 and len(phrase[0].word) == 1 and phrase[0].word.isalpha():
            return False
        if not self.tables.vague.isdisjoint(word.folded for word in phrase):
            return False
        return len(phrase) <= _LONGEST_TERM and is_noun_phrase(phrase, self.tables)


def _place_of(answer: str, text: str, start: int) -> int:
    """Return where a gap stands after a place, as whole words if possible; -1 if it does not."""
    first = place = text.find(answer, start) if answer else -1
    while place >= 0:
        end = place + len(answer)
        beside = text[max(place - 1, 0) : place] + text[end : end + 1]
        if not any(sign.isalnum() or sign == "_" for sign in beside):
            return place
        place = text.find(answer, place + 1)
    return first


def _is_content(word: Token) -> bool:
    """Return whether a word means something by itself."""
    return Kind.NOUN <= word.kind <= Kind.SHIELD


def _doubt_about(sentence: MarkedSentence, context: Context) -> str:
    """Return why a sentence may not ask for its phrases; "" if it surely does.

    A reason that is not right of two in three such sentences is none: then it is only unsaid.
    """
    if sentence.markdown.startswith("| "):
        return "it is a cell of a table"
    if _ASKS.search(sentence.plain):
        return "a question states nothing"
    if _leans(sentence):
        return LEANS
    if _SKETCH.search(sentence.plain) or not sentence.phrases:
        return _UNSAID
    if sentence.is_named or sentence.is_defined:
        return ""
    if sentence.is_begun_by_phrase:
        return "it begins its sentence"
    are_things = all(
        is_noun_phrase(phrase, sentence.tables) for phrase in sentence.phrases
    )
    if len(sentence.phrases) > 1 and not are_things:
        return "it is one of several phrases"
    if _is_statement(sentence) and (
        all(map(_is_term_or_amount, sentence.phrases))
        or context.sureness(sentence.plain) >= _LEAST_SURE
    ):
        return ""
    return _UNSAID


def _is_term_or_amount(phrase: Sequence[Token]) -> bool:
    """Return whether a phrase has a number, or a word that is in no table."""
    return any(word.kind == Kind.NUMBER or word.zipf <= RAREST for word in phrase)


def _leans(sentence: MarkedSentence) -> bool:
    """Return whether a sentence needs the one before it."""
    tables = sentence.tables
    words = sentence.spoken
    for cue in sentence.cues:
        if cue.section == "leans" and cue.first <= 1:
            behind = sentence.words[cue.last : cue.last + 1]
            is_joined = any(word.folded in tables.prepositions for word in behind)
            if sentence.words[cue.first].word[0].isupper() and not is_joined:
                return True  # not `Instead of DNA`
    verb = next((n for n, word in enumerate(words) if is_verb(word, tables)), 0)
    subject = {word.folded for word in words[: max(verb, _EARLY_WORDS)]}
    pointing = listed("signs", "pointing", tables.name or None)
    pronoun, apostrophe, _ = words[0].folded.partition("'")
    if apostrophe and pronoun in tables.pronouns:
        return True  # `They're`
    return words[0].folded in tables.continues or not pointing.isdisjoint(subject)


def _is_statement(sentence: MarkedSentence) -> bool:
    """Return whether a whole sentence names its subject, and says what is so with a short phrase.

    Why it is none is not said: the tables know one class of most words, so that `pumpt` may be a
    noun, and are of seven languages.
    """
    tables = sentence.tables
    if not tables.small:
        return False
    if any(len(phrase) > _LONGEST_TERM for phrase in sentence.phrases):
        return False
    if _COLON.search(sentence.plain[:-1]):
        return False
    if not (_FULL_STOP.search(sentence.plain) or is_whole_line(sentence.plain, tables)):
        return False
    if not (
        has_main_verb(sentence.words, tables) and names_subject(sentence.words, tables)
    ):
        return False
    return not any(
        word.folded in _NEGATES or word.folded.endswith("n't") for word in sentence.words
    )


# --- phrases that the card shows ------------------------------------------------------


def _given_away(
    reading: PlainDraft, text: str, title: str, is_definition: bool
) -> Iterator[str]:
    """Yield phrases that the card shows beside the gap, or spells out there.

    Title and headings are shown, too. In a definition, half of the words of its term are
    enough.
    """
    for number, hidden in reading.hidden:
        beside = _telling(without(text, hidden))
        shown = [*beside, *_telling(title)]
        initials = "".join(word[0] for word in shown if len(word) > 1)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            words = _telling(answer)
            if number not in gap.numbers or not words:
                continue
            capitals = "".join(filter(str.isupper, answer))
            is_acronym = len(capitals) > 1 and 2 * len(capitals) > len(answer)
            is_spelt = is_acronym and capitals.casefold() in initials
            is_shown = all(_is_among(word, shown) for word in words)
            repeated = [word for word in words if _is_among(word, beside)]
            is_circular = is_definition and 2 * len(repeated) >= len(words)
            if is_shown or is_circular or is_spelt:
                yield answer


def _telling(text: str) -> list[str]:
    """Return the words of a text that are no function words."""
    return [word for word in tokens(text) if word not in FUNCTION]


def _is_among(word: str, others: list[str]) -> bool:
    """Return whether another form of a word is among others."""
    beginning = word[:_TELLING]
    for other in others:
        is_alike = len(beginning) == _TELLING and other.startswith(beginning)
        if is_alike or stem(other) == stem(word):
            return True
    return False
