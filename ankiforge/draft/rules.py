"""The offline drafter, which needs no model and no network. No card is better than a bad card.

It drafts cards that a person wrote or marked as such, questions and clozes that a comment asks for,
and the one sentence pattern that was reliable in blind rating: `long form (ABBR)` gave 22 good cards
of 23; all others that were tried stayed under 85 %. Each exclusion below prevents a bad card that was
seen. A highlight without a card gets a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from msgspec.structs import replace

from ankiforge.draft import Instruction, Wish, failed_on, requested, sided, skip_reason
from ankiforge.errors import BugError, one_item
from ankiforge.model import (
    Brief,
    CardKind,
    Draft,
    Drafted,
    Fields,
    Form,
    Highlight,
    HighlightKey,
    HighlightKind,
    NoCard,
    Origin,
    Problem,
    Span,
    Task,
)
from ankiforge.text import cloze
from ankiforge.text.fold import fold, is_visible, locate
from ankiforge.text.markdown import cloze_answers, image_paths, literal, plain
from ankiforge.text.passages import sentences

MOST = 3
"""The maximum number of cards from sentence patterns for one highlight."""
LONGEST = 4_000
"""The number of characters of a passage that are searched for patterns."""
NOTHING = (
    "the rules find only abbreviations and marked phrases; a model or you can make a card of it"
)
STRUCK = "struck out: deleted words become no card"
WHOLE = (
    "the whole sentence is marked: mark the words to hide, write {form}, or let a model draft it"
)
HEADING = "the mark is a heading, which states nothing"
PART = "the mark begins or ends within a word"


def drafted(task: Task) -> Drafted:
    """Return the cards of the highlights of a task, and why others have none."""
    drafts: list[Draft] = []
    left: list[NoCard] = []
    failed: list[tuple[HighlightKey, str]] = []
    problems: list[Problem] = []
    for one in task.highlights:
        try:
            with one_item():
                made = skip_reason(one) or _drafts(one)
                made = made if isinstance(made, str) else _fitting(made, task.brief)
        except BugError as error:
            failed.append((one.key, error.message))
            problems.append(failed_on(one, error))
            continue
        if isinstance(made, str):
            left.append(NoCard(one.key, made))
        else:
            drafts += made
    return Drafted(task, tuple(drafts), tuple(left), tuple(failed), tuple(problems))


def _drafts(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Return the cards of one highlight, or why there are none."""
    if highlight.kind is HighlightKind.CARD:
        return _by_hand(highlight)
    comment = requested(highlight)
    if comment.wish is Wish.QUESTION:
        return (_own_question(highlight, comment),)
    if comment.wish is Wish.CLOZE:
        return _own_cloze(highlight, comment.words)

    # marked phrases, except those that are struck out
    struck = [one.span() for one in _STRIKE.finditer("".join(highlight.markdown[:1]))]
    pairs = list(zip(highlight.gaps, highlight.markdown_gaps, strict=False))
    if struck and len(pairs) == len(highlight.gaps):
        kept = [
            pair
            for pair in pairs
            if not any(start <= pair[1][0] and pair[1][1] <= end for start, end in struck)
        ]
        if highlight.form is Form.PHRASE and pairs and not kept:
            return STRUCK
        gaps, written = tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept)
        marked = replace(highlight, gaps=gaps, markdown_gaps=written)
    else:
        marked = highlight
    phrases = _visible_gaps(marked) if marked.form is Form.PHRASE else ()
    rest = _words_around(marked.exact, phrases)  # [] = the whole sentence is marked
    if rest and any(_asks_something(marked.exact, (phrase,)) for phrase in phrases):
        return (_phrases(marked, phrases),)
    if struck:
        return STRUCK
    if found := list(_acronyms(highlight)):
        return tuple(replace(draft, intent=at) for at, draft in enumerate(found[:MOST]))
    return _short_mark(highlight)


# --- cards a person wrote or asked for ------------------------------------------------------


def _by_hand(highlight: Highlight) -> tuple[Draft, ...] | str:
    sides, origin = highlight.markdown, f"rules:{highlight.form.value}"
    if highlight.form is Form.CLOZE and sides:
        # unchanged: the author chose the numbers, and the checks report a malformed cloze
        extra = (("Extra", sides[1]),) if sides[1:2] not in ((), ("",)) else ()
        fields: Fields = (("Text", sides[0]), *extra)
        return (_draft(highlight, CardKind.CLOZE, fields, cloze_answers(sides[0]), origin),)
    if len(sides) not in (2, 3) or not all(side.strip() for side in sides):
        return "a card with an empty side"
    front, back, *more = sides
    kind = CardKind.TWO_WAY if highlight.two_way else CardKind.BASIC
    fields = (*sided(kind, front, back), *(("Extra", words) for words in more))
    return (_draft(highlight, kind, fields, _answer_of(back), origin),)


def _answer_of(back: str) -> str:
    """Return the text of an answer; if it is only pictures, their names."""
    return plain(back) or " · ".join(image_paths(back))


def _own_question(highlight: Highlight, comment: Instruction) -> Draft:
    """Return a card with the reader's question; the marked words or the picture are the answer."""
    back, answer, origin = literal(highlight.exact), highlight.exact, "rules:comment"
    if not highlight.exact:
        back, origin = highlight.markdown[0], "rules:comment-picture"
        answer = highlight.own or _answer_of(back)  # identifies the picture
    fields = sided(CardKind.BASIC, literal(comment.words), back)
    return _draft(highlight, CardKind.BASIC, fields, answer, origin)


def _own_cloze(highlight: Highlight, phrase: str) -> tuple[Draft, ...] | str:
    """Return a cloze that hides the phrase of `c: phrase`; `c:` alone hides the marked words."""
    for text in (highlight.exact, highlight.sentence):
        span = locate(phrase or highlight.exact, text)
        if span and _asks_something(text, (span,)):
            return (_cloze(highlight, text, (span,), "rules:comment-cloze"),)
    if phrase and not locate(phrase, highlight.context):
        return f"“{phrase}” is not in the passage"
    return "no text would be left around the hidden words"


# --- marked words ---------------------------------------------------------------------------

_STRIKE = re.compile(r"(?<![~\\])~~(?=[^\s~]).*?(?<=[^\s~\\])~~(?!~)", re.DOTALL)
"""Words that are struck out in the Markdown; the plain text contains them unmarked."""
_HEADING = re.compile(r"(?:\d+\.)*\d+\.? +[^\W\d_][^.!?;:]{0,60}|[A-Z][A-Z ]{3,60}")
"""A numbered section title, or one in capitals: 2.1 Related work, BACKGROUND."""
_SHORT_MARK = 5
"""The maximum number of words of a mark that is a phrase of its sentence."""


def _visible_gaps(highlight: Highlight) -> tuple[Span, ...]:
    return tuple(gap for gap in highlight.gaps if is_visible(highlight.exact[slice(*gap)]))


def _phrases(highlight: Highlight, phrases: tuple[Span, ...]) -> Draft:
    """Return a cloze that hides the marked phrases in the Markdown of their sentence."""
    if not (highlight.markdown and highlight.markdown_gaps):
        return _cloze(highlight, highlight.exact, phrases, "rules:phrase")
    text = cloze.wrap(highlight.markdown[0], highlight.markdown_gaps)
    fields, answer, start = (("Text", text),), cloze_answers(text), min(highlight.gaps)[0]
    return _draft(highlight, CardKind.CLOZE, fields, answer, "rules:phrase", start=start)


def _short_mark(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Return a cloze that hides a few marked words, if their sentence is clear by itself."""
    exact, sentence = highlight.exact, highlight.sentence
    if highlight.form is not Form.MARK:
        phrases = _visible_gaps(highlight) if highlight.form is Form.PHRASE else ()
        whole = phrases and not _words_around(exact, phrases)
        return WHOLE.format(form="it as question::answer") if whole else NOTHING
    if _HEADING.fullmatch(exact) or fold(exact) in map(fold, highlight.heading.split(" › ")):
        return HEADING
    span = locate(exact, sentence)
    if span and any(re.fullmatch(r"\w\w", sentence[max(at - 1, 0) : at + 1]) for at in span):
        return PART
    if span and not _words_around(sentence, (span,)):
        return WHOLE.format(form="your question as its comment")
    if span is None or len(exact.split()) > _SHORT_MARK:
        return NOTHING
    if not _asks_something(sentence, (span,)) or not stands_alone(sentence):
        return "a few words of a sentence that makes no sense alone"
    return (_cloze(highlight, sentence, (span,), "rules:phrase"),)


def _asks_something(text: str, spans: tuple[Span, ...]) -> bool:
    """Return whether at least two words remain visible."""
    words = _words_around(text, spans)
    return len(words) >= 2 or (bool(words) and len(words[0]) > 4 and not words[0].isascii())


def _words_around(text: str, spans: tuple[Span, ...]) -> list[str]:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return re.findall(r"[^\W_]+", text)


# --- sentences that are unfit for a card ----------------------------------------------------

_CITATION = re.compile(
    r"""
      \bet\ al\b | \barXiv\b | \bdoi\b | \b[Pp]roceedings\b | \bpp?\.\s*\d | https?://
    | \((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+\d{4}\)
    | ^\W*\[
    """,
    re.VERBOSE,
)
_POINTS_ELSEWHERE = re.compile(
    r"""\b(?:it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|these|those|such
    |so|same|other|others|another|both|next|however|therefore|respectively|above|below|here|there|following|former
    |latter|aforementioned|I|we|us|our|you|your|my|me|fig(?:ure)?|table|eq(?:uation)?|section
    |chapter|one)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_LEANS = re.compile(
    r"""\W*(?:and|but|or|yet|thus|hence|therefore|however|moreover|furthermore|also|then|for
    |instead|nevertheless|meanwhile|otherwise|indeed|similarly|likewise|consequently
    |accordingly|finally|again|even|although|though|despite|unlike|like|given|assume|suppose
    |consider|let|recall|note|see|until|unless|whether|as|not|just|all|every|any|no|none|either
    |neither|conversely|alternatively|additionally|subsequently|lastly|perhaps|maybe|clearly
    |obviously|rather|except|besides|still|that|which|who|what|why|how|where|because|since|while)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"(?:[A-Z]\w+ly|In \w+(?: \w+)?),\s+(?=\w)")
_UNKNOWN_SUBJECT = re.compile(
    r"[Tt]he\s(?:[\w’'-]+\s){1,3}?(?:is|are|was|were|has|have|had|can|may|will|must|should|do|does)\b"
    r"|[A-Z]\w+s\s(?:the|an?|all|to)\b|[B-Z]\s"
)
"""An unclear subject: `The discriminator is …`, `Uses the …`, `P is …`."""
_RESULTING = re.compile(
    r"(?:The|An?)\s+(?:\w+\s+)?(?:first|second|third|last|resulting|corresponding|whole|entire"
    r"|main|key|code|question|previous|new|general|different|alternative|related|analogous|similar|two|three|four|even)\b"
)


def stands_alone(sentence: str) -> bool:
    """Return whether a sentence is clear by itself: no pronouns, no references to its neighbours."""
    bare = _INTRODUCTION.sub("", sentence, count=1)
    begins_well = bare[:1].isdigit() or sentence[:1].isupper()
    return (
        begins_well
        and 6 <= len(sentence.split()) <= 40
        and not sentence.rstrip("\"'”’»)").endswith(("?", ":", ";", ","))
        and not any(found.search(sentence) for found in (_CITATION, _POINTS_ELSEWHERE))
        and not any(found.match(bare) for found in (_LEANS, _RESULTING, _UNKNOWN_SUBJECT))
    )


# --- long form (ABBR), ABBR (long form) -----------------------------------------------------

_SHORT = r"(?P<short>[A-Z][A-Za-z]{1,7})"
_AFTER = re.compile(rf"\({_SHORT}(?=[);,])")
_BEFORE = re.compile(rf"(?<![\w-]){_SHORT}\s\((?P<long>[^()\n;,:]{{5,80}})\)")
_ELISION = r"(?:[cdlmnst]|all|dall|dell|nell|qu|sull)['’](?=[^\W\d_]{3})"
"""A small word joined to the next one: l’ in l’intelligence, dell’ in dell’arte."""
_WORD = re.compile(rf"{_ELISION}|[^\W_]+(?:['’][^\W_]+)?", re.IGNORECASE)
MOST_WORDS = 16
"""The maximum number of words of a long form."""
_FILLER_WORDS = """
of and the for in to on with by from a an as at or
de la le les du des et au aux en sur pour dans par der die das und für von dem den
del el los las y e para por con di della delle dei da dos das van het
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_TAIL = re.compile(r"(?<=[^\W\d_]{3})(?:['’]s|\d{1,2}|[⁰¹²³⁴-⁹]+)$")
"""What may follow a word: the number of a footnote, a possessive s."""
_DECLINED = re.compile(r"\w+(?:em|en|er)\s")
"""A German dative, as in `mit Maschinellem Lernen (ML)`."""


def _acronyms(highlight: Highlight) -> Iterator[Draft]:
    """Yield a card for each abbreviation that the text spells out, in order."""
    seen = set()
    for begin, end in sentences(highlight.exact[:LONGEST]):
        sentence = highlight.exact[begin:end]
        if _CITATION.search(sentence):
            continue
        for start, stop, short in sorted(set(_spelt_out(sentence))):
            if short in seen:
                continue
            seen.add(short)
            long, language = sentence[start:stop], _language(sentence)
            if language == "de" and _DECLINED.match(long):
                continue
            front = _STANDS_FOR[language][0].format(short)
            fields = sided(CardKind.BASIC, front, literal(long))
            yield _draft(
                highlight, CardKind.BASIC, fields, long, "rules:acronym", sentence, begin + start
            )


def _spelt_out(sentence: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, abbreviation) of the long forms in a sentence."""
    for match in _AFTER.finditer(sentence):
        begin = sentence.rfind(")", 0, match.start()) + 1
        words = list(_WORD.finditer(sentence, begin, match.start()))[-MOST_WORDS:]
        start = _long_form(match["short"], words, sentence)
        if start is not None and not sentence[words[-1].end() : match.start()].strip():
            yield _as_asked(match["short"], sentence, start, words[-1].end())
    for match in _BEFORE.finditer(sentence):
        start, end = match.span("long")
        words = list(_WORD.finditer(sentence, start, end))[-MOST_WORDS:]
        whole = bool(words) and words[-1].end() == end
        if whole and _long_form(match["short"], words, sentence) == start:
            yield _as_asked(match["short"], sentence, start, end)


def _is_plural(short: str) -> bool:
    return short.endswith("s") and short[:-1].isupper() and len(short) > 2


def _as_asked(short: str, sentence: str, start: int, end: int) -> tuple[int, int, str]:
    """Return the singular: CNN for CNNs (convolutional neural networks), if it differs by an s only."""
    if tail := _TAIL.search(sentence[start:end]):
        end = start + tail.start()
    if not _is_plural(short):
        return start, end, short
    single = not re.search(r"(?:[^s]|ies|ses|xes|ches|shes)$", sentence[start:end])
    return start, end - single, short[:-1]


def _long_form(short: str, words: list[re.Match[str]], sentence: str) -> int | None:
    """Return where the long form begins whose initials, read from its end, form the abbreviation.

    Only small words and later parts of hyphenated words may be skipped. The long form has at least
    two words, and starts at the start of a word.
    """
    letters = short[:-1] if _is_plural(short) else short
    capitals = sum(letter.isupper() for letter in letters)
    if capitals < 2 or capitals * 2 < len(letters):
        return None
    letters = letters.casefold()
    folded = [word[0].casefold() for word in words]
    small = [word in _FILLERS or word.endswith(("'", "’")) for word in folded]
    hyphens = {"-", "‐", "‑"}
    hyphenated = [sentence[max(word.start() - 1, 0) : word.start()] in hyphens for word in words]

    @cache
    def begin(left: int, at: int) -> int | None:
        if left == 0:
            return at + 1
        if at < 0:
            return None
        if folded[at][0] == letters[left - 1] and (found := begin(left - 1, at - 1)) is not None:
            return found
        later_part = (
            hyphenated[at] and at < len(words) - 1
        )  # ML is not short for Machine-Learning-Modell
        return begin(left, at - 1) if small[at] or later_part else None

    first = begin(len(letters), len(words) - 1)
    if first is None or len(words) - first < 2 or hyphenated[first] or small[first] or small[-1]:
        return None
    start = words[first].start()
    return None if re.search(r"[,;:.#]", sentence[start : words[-1].end()]) else start


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
"""The question, and small words that identify the language."""


def _language(sentence: str) -> str:
    """Return the language of a sentence: English unless it is clearly another."""
    words = re.findall(r"\w+", sentence.casefold())
    count = {
        language: sum(word in marks.split() for word in words)
        for language, (_, marks) in _STANDS_FOR.items()
    }
    best = max(count, key=lambda language: count[language])
    return best if count[best] >= 3 and count[best] > count["en"] else "en"


# --- the kinds of cards in the deck file ----------------------------------------------------

_QUESTIONS = (CardKind.BASIC, CardKind.TWO_WAY)


def _fitting(drafts: tuple[Draft, ...], brief: Brief) -> tuple[Draft, ...] | str:
    """Return the drafts of kinds that the deck file allows, or the reason if there are none.

    Cards that a person wrote, or asked for in a comment, are always kept.
    """

    def takes(kind: CardKind) -> bool:
        asked = brief.wants != "question" or kind in _QUESTIONS
        return asked and (not brief.kinds or kind in brief.kinds)

    kept = []
    for draft in drafts:
        own = draft.by_hand or draft.origin.by_comment
        if own or takes(draft.kind):
            kept.append(draft)
    if kept:
        return tuple(kept)
    if brief.wants == "question" and (not brief.kinds or {*brief.kinds} & {*_QUESTIONS}):
        return "its colour asks for a question: write it as the comment: `? …`"
    return f"its deck takes only {' and '.join(brief.kinds)} cards"


# --- drafts ---------------------------------------------------------------------------------


def _cloze(highlight: Highlight, text: str, spans: tuple[Span, ...], origin: str) -> Draft:
    """Return a cloze that hides these spans of a text, which is also its quote."""
    spans = tuple(sorted(spans))
    made, at = "", 0
    for number, (start, end) in enumerate(spans, start=1):
        made += literal(text[at:start]) + cloze.make(number, literal(text[start:end]))
        at = end
    made += literal(text[at:])
    answer = " · ".join(text[start:end] for start, end in spans)
    place = locate(text, highlight.exact) or locate(answer, highlight.exact)
    start = place[0] if place else 0
    return _draft(highlight, CardKind.CLOZE, (("Text", made),), answer, origin, text, start)


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
