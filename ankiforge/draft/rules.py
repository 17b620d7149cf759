"""The offline drafter, which needs no model and no network. No card is better than a bad card.

It drafts cards that a person wrote, sentences in which a person marked words, and the questions and
clozes that comments ask for. Patterns of sentences are not tried: in blind rating they were good too
seldom. A highlight without a card gets a reason.
"""

from __future__ import annotations

import re

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
    HighlightKind,
    NoCard,
    Origin,
    Span,
    Task,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import cloze_answers, image_paths, literal, plain
from ankiforge.text.fold import fold, is_visible, locate

NOTHING = "nothing says what to ask: comment it with `? question` or `c:`, or let a model draft it"
STRUCK = "struck out: deleted words become no card"
WHOLE = (
    "the whole sentence is marked: mark the words to hide, write {form}, or let a model draft it"
)
UNANSWERED = "no answer stands right below its `?`: delete the empty line, or write the answer"
HEADING = "the mark is a heading, which states nothing"


def drafted(task: Task) -> Drafted:
    """Return the cards of the highlights of a task, and why others have none."""
    drafts: list[Draft] = []
    left = []
    failed = []
    problems = []
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

    struck = [one.span() for one in _STRIKE.finditer("".join(highlight.markdown[:1]))]
    gaps = highlight.markdown_gaps
    if any(start <= gap[0] and gap[1] <= end for start, end in struck for gap in gaps):
        return STRUCK
    phrases = _visible_gaps(highlight) if highlight.form is Form.PHRASE else ()
    rest = _words_around(highlight.exact, phrases)  # [] = the whole sentence is marked
    if rest and any(_asks_something(highlight.exact, (phrase,)) for phrase in phrases):
        return (_phrases(highlight, phrases),)
    return _nothing(highlight)


# --- cards a person wrote or asked for ------------------------------------------------------


def _by_hand(highlight: Highlight) -> tuple[Draft, ...] | str:
    sides, origin = highlight.markdown, f"rules:{highlight.form.value}"
    if highlight.form is Form.CLOZE and sides:
        # unchanged: the author chose the numbers, and the checks report a malformed cloze
        extra = (("Extra", sides[1]),) if sides[1:2] not in ((), ("",)) else ()
        fields: Fields = (("Text", sides[0]), *extra)
        return (_draft(highlight, CardKind.CLOZE, fields, cloze_answers(sides[0]), origin),)
    if highlight.form is Form.BLOCK and not sides:
        return UNANSWERED
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
    back = highlight.markdown[0] if highlight.markdown else literal(highlight.exact)
    answer, origin = highlight.exact, "rules:comment"
    if not highlight.exact:
        origin = "rules:comment-picture"
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

# Words that are struck out in the Markdown.
_STRIKE = regex(r"(?s)(?<![~\\])~~(?=[^\s~]).*?(?<=[^\s~\\])~~(?!~)")
# A numbered section title, or one in capitals: 2.1 Related work, BACKGROUND.
_HEADING = regex(r"(?:\d+\.)*\d+\.? +[^\W\d_][^.!?;:]{0,60}|[A-Z][A-Z ]{3,60}")


# A colon that was marked with its term: no part of the answer.
_GAP_END = regex(r"(?<=\w)\\?[:,;]\Z")


def _visible_gaps(highlight: Highlight) -> tuple[Span, ...]:
    return tuple(gap for gap in highlight.gaps if is_visible(highlight.exact[slice(*gap)]))


def _phrases(highlight: Highlight, phrases: tuple[Span, ...]) -> Draft:
    """Return a cloze that hides the marked phrases in the Markdown of their sentence."""
    if not (highlight.markdown and highlight.markdown_gaps):
        return _cloze(highlight, highlight.exact, phrases, "rules:phrase")
    markdown = highlight.markdown[0]
    spans = tuple(
        (start, start + len(_GAP_END.sub("", markdown[start:end])))
        for start, end in highlight.markdown_gaps
    )
    text = cloze.wrap(markdown, spans)
    fields, answer, start = (("Text", text),), cloze_answers(text), min(highlight.gaps)[0]
    return _draft(highlight, CardKind.CLOZE, fields, answer, "rules:phrase", start=start)


def _nothing(highlight: Highlight) -> str:
    """Return why the rules make no card of a mark, and what to do."""
    exact, sentence = highlight.exact, highlight.sentence
    if highlight.form is not Form.MARK:
        phrases = _visible_gaps(highlight) if highlight.form is Form.PHRASE else ()
        whole = phrases and not _words_around(exact, phrases)
        return WHOLE.format(form="it as question::answer") if whole else NOTHING
    if _HEADING.fullmatch(exact) or fold(exact) in map(fold, highlight.heading.split(" › ")):
        return HEADING
    span = locate(exact, sentence)
    if span and not _words_around(sentence, (span,)):
        return WHOLE.format(form="your question as its comment")
    return NOTHING


def _asks_something(text: str, spans: tuple[Span, ...]) -> bool:
    """Return whether at least two words remain visible."""
    words = _words_around(text, spans)
    return len(words) >= 2 or (bool(words) and len(words[0]) > 4 and not words[0].isascii())


def _words_around(text: str, spans: tuple[Span, ...]) -> list[str]:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return re.findall(r"[^\W_]+", text)


# --- the kinds of cards in the deck file ----------------------------------------------------

_QUESTIONS = (CardKind.BASIC, CardKind.TWO_WAY)


def _fitting(drafts: tuple[Draft, ...], brief: Brief) -> tuple[Draft, ...] | str:
    """Return the drafts of kinds that the deck file allows, or the reason if there are none.

    Cards that a person wrote, or asked for in a comment, are always kept.
    """

    def takes(kind: CardKind) -> bool:
        asked = brief.wants != "question" or kind in _QUESTIONS
        return asked and (not brief.kinds or kind in brief.kinds)

    kept = (one for one in drafts if one.by_hand or one.origin.by_comment or takes(one.kind))
    if found := tuple(kept):
        return found
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
