"""The embedded drafter: no model, no network. Better no card than a bad card.

It forges what a person wrote or marked as a card already, what a comment asks for, and the
two patterns of `patterns.py`; on request also those of `guesses.py`, for a person to see.
Everything else is an answer, too: `NoCard` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ankiforge.draft import Instruction, Wish, asked, set_aside
from ankiforge.draft.offline.fitting import fitted
from ankiforge.draft.offline.guesses import guesses
from ankiforge.draft.offline.patterns import acronyms, stands_alone, terms
from ankiforge.draft.shapes import sided
from ankiforge.model import (
    Brief,
    CardKind,
    Draft,
    Drafted,
    Fields,
    Form,
    Highlight,
    HighlightKind,
    NoCard,
    Origin,
    Span,
    Task,
)
from ankiforge.text import cloze
from ankiforge.text.fold import is_visible
from ankiforge.text.markdown import cloze_answers, image_paths, literal, plain
from ankiforge.text.quotes import locate

MOST = 3
"""Cards of one highlight that patterns may make."""
NOTHING = "no acronym or definition that the offline rules recognise"
STRUCK = "struck out: nothing is asked of words that were deleted"
WHOLE = (
    "the whole sentence is marked: mark the words to hide, write it as question::answer,"
    " or let a model draft it"
)


class Rules:
    """Drafts offline; the same highlights give the same drafts.

    `guessing`: also by the patterns whose cards are often wrong.
    """

    def __init__(self, *, guessing: bool = False) -> None:
        self._guessing = guessing

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one result per task, in order; nothing ever fails."""
        for task in tasks:
            outcomes = [_forge(one, task.brief, self._guessing) for one in task.highlights]
            drafts = tuple(one for made in outcomes if isinstance(made, tuple) for one in made)
            left = tuple(made for made in outcomes if isinstance(made, NoCard))
            yield Drafted(task, drafts, left)


def _forge(highlight: Highlight, brief: Brief, guessing: bool) -> tuple[Draft, ...] | NoCard:
    if reason := set_aside(highlight):
        return NoCard(highlight.key, reason)
    by_hand = highlight.kind is HighlightKind.CARD
    made = _by_hand(highlight) if by_hand else _from(highlight, guessing)
    made = made if isinstance(made, str) else fitted(made, brief)
    return NoCard(highlight.key, made) if isinstance(made, str) else made


# --- cards a person wrote -------------------------------------------------------------------


def _by_hand(highlight: Highlight) -> tuple[Draft, ...] | str:
    sides = highlight.markdown
    if highlight.form is Form.CLOZE and sides:
        return (_hand_cloze(highlight, *sides[:2]),)
    if len(sides) not in (2, 3) or not all(side.strip() for side in sides):
        return "a card with an empty side"
    front, back, *extra = sides
    kind = CardKind.TWO_WAY if highlight.two_way else CardKind.BASIC
    fields = (*sided(kind, front, back), *(("Extra", words) for words in extra))
    return (_draft(highlight, kind, fields, _said(back), _hand_origin(highlight)),)


def _said(back: str) -> str:
    """The words of an answer; of one that is only pictures, their names."""
    return plain(back) or " · ".join(image_paths(back))


def _hand_cloze(highlight: Highlight, text: str, extra: str = "") -> Draft:
    """The text as written: its numbers are the author's, a malformed one is for the checks."""
    fields = (("Text", text), *([("Extra", extra)] if extra else []))
    return _draft(highlight, CardKind.CLOZE, fields, cloze_answers(text), _hand_origin(highlight))


def _hand_origin(highlight: Highlight) -> str:
    return f"rules:{highlight.form.value}"


# --- marks ----------------------------------------------------------------------------------


def _from(highlight: Highlight, guessing: bool) -> tuple[Draft, ...] | str:
    wish = asked(highlight)
    if wish.wish is Wish.QUESTION:
        return ((_question if highlight.exact else _picture)(highlight, wish),)
    if wish.wish is Wish.CLOZE:
        return _wished_cloze(highlight, wish.words)
    marked = _standing(highlight)
    if highlight.form is Form.PHRASE and highlight.gaps and not marked.gaps:
        return STRUCK
    if marked.form is Form.PHRASE and _worded(marked) and not _all_marked(marked):
        return (_phrases(marked),)
    if _struck(highlight):
        return STRUCK
    return tuple(_patterns(highlight, guessing)) or _short_mark(highlight)


def _question(highlight: Highlight, wish: Instruction) -> Draft:
    """The reader's own question; the marked words answer it."""
    fields = sided(CardKind.BASIC, literal(wish.words), literal(highlight.exact))
    return _draft(highlight, CardKind.BASIC, fields, highlight.exact, "rules:comment")


def _picture(highlight: Highlight, wish: Instruction) -> Draft:
    """The reader's own question; the picture answers it, and its name tells it from all others."""
    fields = sided(CardKind.BASIC, literal(wish.words), highlight.markdown[0])
    name = highlight.own or _said(highlight.markdown[0])
    return _draft(highlight, CardKind.BASIC, fields, name, "rules:comment-picture")


def _wished_cloze(highlight: Highlight, phrase: str) -> tuple[Draft, ...] | str:
    """`c: phrase` hides it where it stands; a bare `c:` hides the marked words."""
    for text in (highlight.exact, highlight.sentence):
        span = locate(phrase or highlight.exact, text)
        if span and _asks_something(text, (span,)):
            return (_gapped(highlight, text, (span,), "rules:comment-cloze"),)
    if phrase and not locate(phrase, highlight.context):
        return f"“{phrase}” does not stand in the passage"
    return "nothing is left around the words to hide"


def _phrases(highlight: Highlight) -> Draft:
    """The marked phrases hidden in their sentence, as it was written."""
    if not (highlight.markdown and highlight.markdown_gaps):
        return _gapped(highlight, highlight.exact, _worded(highlight), "rules:phrase")
    text = cloze.wrap(highlight.markdown[0], highlight.markdown_gaps)
    start = min(highlight.gaps)[0]
    fields = (("Text", text),)
    return _draft(
        highlight,
        CardKind.CLOZE,
        fields,
        cloze_answers(text),
        "rules:phrase",
        highlight.exact,
        start,
    )


def _worded(highlight: Highlight) -> tuple[Span, ...]:
    """The phrases that show something."""
    return tuple(gap for gap in highlight.gaps if is_visible(highlight.exact[slice(*gap)]))


def _all_marked(highlight: Highlight) -> bool:
    """A sentence marked as a whole is a passage, not a phrase; each phrase is asked by itself."""
    text, phrases = highlight.exact, _worded(highlight)
    return not _words_around(text, phrases) or not any(
        _asks_something(text, (phrase,)) for phrase in phrases
    )


def _whole_sentence(highlight: Highlight) -> bool:
    phrases = _worded(highlight) if highlight.form is Form.PHRASE else ()
    return bool(phrases) and not _words_around(highlight.exact, phrases)


_STRIKE = re.compile(r"(?<![~\\])~~(?=[^\s~]).*?(?<=[^\s~\\])~~(?!~)", re.DOTALL)


def _struck(highlight: Highlight) -> tuple[Span, ...]:
    """What is struck out of the text as written; plain text says it as if it held."""
    return tuple(found.span() for found in _STRIKE.finditer("".join(highlight.markdown[:1])))


def _standing(highlight: Highlight) -> Highlight:
    """Without the marked phrases that were struck out: nobody wants to recall them."""
    struck = _struck(highlight)
    pairs = tuple(zip(highlight.gaps, highlight.markdown_gaps, strict=False))
    if not struck or len(pairs) != len(highlight.gaps):
        return highlight
    kept = [pair for pair in pairs if not any(_within(pair[1], span) for span in struck)]
    gaps, written = tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept)
    return replace(highlight, gaps=gaps, markdown_gaps=written)


def _within(gap: Span, struck: Span) -> bool:
    return struck[0] <= gap[0] and gap[1] <= struck[1]


def _patterns(highlight: Highlight, guessing: bool) -> Iterator[Draft]:
    found = [*_acronyms(highlight), *_terms(highlight)]
    if guessing:
        asked = {draft.quote for draft in found}
        found += [draft for draft in _guesses(highlight) if draft.quote not in asked]
    kept = sorted(found, key=lambda draft: draft.start)[:MOST]
    yield from (replace(draft, intent=intent) for intent, draft in enumerate(kept))


_DECLINED = re.compile(r"\w+(?:em|en|er)\s")
"""Mit Maschinellem Lernen (ML): nobody asks for a dative."""


def _acronyms(highlight: Highlight) -> Iterator[Draft]:
    text = highlight.exact
    for found in acronyms(text):
        sentence = text[slice(*found.sentence)]
        language = _language(sentence)
        if language == "de" and _DECLINED.match(found.long):
            continue
        front = _STANDS_FOR[language][0].format(found.short)
        fields = sided(CardKind.BASIC, front, literal(found.long))
        yield _draft(
            highlight, CardKind.BASIC, fields, found.long, "rules:acronym", sentence, found.start
        )


def _terms(highlight: Highlight) -> Iterator[Draft]:
    for found in terms(highlight.exact):
        start, end = found.sentence
        sentence = highlight.exact[start:end]
        span = (found.span[0] - start, found.span[1] - start)
        yield _gapped(highlight, sentence, (span,), "rules:term")


def _guesses(highlight: Highlight) -> Iterator[Draft]:
    for found in guesses(highlight.exact, "".join(highlight.markdown[:1])):
        start, end = found.sentence
        span = (found.span[0] - start, found.span[1] - start)
        origin = f"rules:{found.rule}"
        yield _gapped(highlight, highlight.exact[start:end], (span,), origin)


_SHORT_MARK = 5
"""Words up to which a mark in a document is a phrase of its sentence."""


def _short_mark(highlight: Highlight) -> tuple[Draft, ...] | str:
    """A few words marked in a sentence that stands alone: hidden there, for a person to see."""
    span = locate(highlight.exact, highlight.sentence) if highlight.form is Form.MARK else None
    if span is None or len(highlight.exact.split()) > _SHORT_MARK:
        return WHOLE if _whole_sentence(highlight) else NOTHING
    if not _asks_something(highlight.sentence, (span,)) or not stands_alone(highlight.sentence):
        return "a few words of a sentence that does not stand alone"
    if not _whole_words(highlight.sentence, span):
        return "the mark begins or ends within a word"
    return (_gapped(highlight, highlight.sentence, (span,), "rules:phrase"),)


def _whole_words(text: str, span: Span) -> bool:
    edges = (text[max(span[0] - 1, 0) : span[0] + 1], text[span[1] - 1 : span[1] + 1])
    return not any(re.fullmatch(r"\w\w", edge) for edge in edges)


def _asks_something(text: str, spans: tuple[Span, ...]) -> bool:
    """Whether at least two words remain around what is hidden."""
    words = _words_around(text, spans)
    return len(words) >= 2 or (bool(words) and len(words[0]) > 4 and not words[0].isascii())


def _words_around(text: str, spans: tuple[Span, ...]) -> list[str]:
    rest, at = [], 0
    for start, end in sorted(spans):
        rest.append(text[at:start])
        at = end
    return re.findall(r"[^\W_]+", " ".join([*rest, text[at:]]))


# --- the language of a question -------------------------------------------------------------

_STANDS_FOR = {
    "en": (
        "What does {} stand for?",
        "the of and is are to that with for was were by a an as it can be has have from or this",
    ),
    "de": ("Wofür steht {}?", "der die das und ist sind ein eine mit für den dem nicht wird"),
    "fr": ("Que signifie {} ?", "le les des et est sont une dans pour avec que sur du au aux"),
    "es": ("¿Qué significa {}?", "el los las y es son una para con que por del se al"),
    "it": ("Che cosa significa {}?", "il gli è sono una per con che di della dei nel non"),
    "nl": ("Waar staat {} voor?", "het een en zijn met voor van niet wordt op te"),
    "pt": ("O que significa {}?", "os é são uma um em com que por da não ao dos à"),
}
"""The question, and small words by which the language is known."""


def _language(sentence: str) -> str:
    """The language of a sentence: English unless it is plainly another."""
    words = re.findall(r"\w+", sentence.casefold())
    count = {
        language: sum(word in marks.split() for word in words)
        for language, (_, marks) in _STANDS_FOR.items()
    }
    best = max(count, key=lambda language: count[language])
    return best if count[best] >= 3 and count[best] > count["en"] else "en"


# --- making a draft -------------------------------------------------------------------------


def _gapped(highlight: Highlight, text: str, spans: tuple[Span, ...], origin: str) -> Draft:
    """A cloze over literal text; `text` is its evidence."""
    parts, at = [], 0
    for number, (start, end) in enumerate(sorted(spans), start=1):
        parts += [literal(text[at:start]), cloze.make(number, literal(text[start:end]))]
        at = end
    fields = (("Text", "".join([*parts, literal(text[at:])])),)
    answer = " · ".join(text[start:end] for start, end in sorted(spans))
    place = locate(text, highlight.exact) or locate(answer, highlight.exact)
    start = place[0] if place else 0
    return _draft(highlight, CardKind.CLOZE, fields, answer, origin, text, start)


def _draft(
    highlight: Highlight,
    kind: CardKind,
    fields: Fields,
    answer: str,
    origin: str,
    quote: str = "",
    start: int = 0,
) -> Draft:
    return Draft(
        highlight=highlight.key,
        kind=kind,
        fields=fields,
        quote=quote or highlight.exact,
        answer=answer,
        start=start,
        origin=Origin(origin),
        by_hand=highlight.kind is HighlightKind.CARD,
    )
