"""The offline drafter, which needs no model and no network. No card is better than a bad card.

It drafts cards that a person wrote, sentences in which a person marked words, words with
their translation, and the questions and clozes that comments ask for. Patterns of sentences
are not tried: in blind rating they were good too seldom. A highlight without a card gets a
reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from ankiforge.draft.instructions import (
    Instruction,
    Wish,
    failed_on,
    questions_of,
    requested,
    sided,
    skip_reason,
)
from ankiforge.errors import BugError, one_item
from ankiforge.language.quantities import uncut
from ankiforge.language.vocabulary import term_of
from ankiforge.language.words import stems, word_count
from ankiforge.model import (
    COMMENT_AND_MORE,
    FIGURE,
    PHRASE,
    TRANSLATION,
    WORD_AND_TRANSLATION,
    CardKind,
    Draft,
    Drafted,
    Fields,
    Form,
    Highlight,
    HighlightKind,
    Origin,
    Span,
    Task,
)
from ankiforge.text import cloze, occlusion, regex
from ankiforge.text.cloze import cloze_answers, image_paths, passage, plain
from ankiforge.text.elements import comment_as_markdown
from ankiforge.text.fold import MATH, for_finding, is_visible, locate, locate_words
from ankiforge.text.passages import RAISED_NOTE

NOTHING = (
    "nothing says what to ask: comment it with `? question` or `c:`,"
    " or let a model draft it"
)
STRUCK = "struck out: deleted words become no card"
WHOLE = (
    "the whole sentence is marked: mark the words to hide, write {form},"
    " or let a model draft it"
)
UNANSWERED = (
    "there is no answer right below its `?`:"
    " write it there, with no empty line and no heading between"
)
HEADING = "the mark is a heading, which states nothing"
QUESTIONLESS = "an image: write its question as the comment: `? …`"


NOT_ASKED = frozenset(
    (
        NOTHING,
        HEADING,
        WHOLE.format(form="it as question::answer"),
        WHOLE.format(form="your question as its comment"),
    )
)
"""The reasons why there is no card for which a person wrote nothing."""


_QUESTIONS = (CardKind.BASIC, CardKind.TWO_WAY)
# Words that are struck out in the Markdown.
_STRIKE = regex(r"(?s)(?<![~\\])~~(?=[^\s~]).*?(?<=[^\s~\\])~~(?!~)")


def draft(task: Task, *, figures: bool = True) -> list[Drafted]:
    """Return the cards of each highlight of a task, or why it has none; always the same.

    `figures`: whether framed figures become cards that hide their labels.
    """
    results = []
    for highlight in task.highlights:
        try:
            with one_item():
                reason = skip_reason(highlight)
                result = reason or _drafts(highlight, figures=figures)
        except BugError as error:
            results.append(failed_on(highlight, error))
            continue
        if isinstance(result, str):
            results.append(Drafted(highlight, reason=result))
            continue

        # what the deck takes; cards that a person wrote, or asked for in a comment, are kept
        kinds = task.brief.kinds
        kept = []
        for draft in result:
            fits = not kinds or draft.kind in kinds
            if task.brief.wants == "question" and draft.kind not in _QUESTIONS:
                fits = False
            if fits or draft.by_hand or draft.origin.by_comment:
                kept.append(draft)
        reason = ""
        if not kept:
            takes_questions = not kinds or any(kind in _QUESTIONS for kind in kinds)
            reason = f"its deck takes only {' and '.join(kinds)} cards"
            if task.brief.wants == "question" and takes_questions:
                reason = "its colour asks for a question: write it as the comment: `? …`"
        results.append(Drafted(highlight, tuple(kept), reason))
    return results


def _drafts(highlight: Highlight, *, figures: bool) -> tuple[Draft, ...] | str:
    """Return the cards of one highlight, or why there are none."""
    if highlight.kind is HighlightKind.CARD:
        return _by_hand(highlight)
    questions = questions_of(highlight)
    if questions:
        drafts = [_own_question(highlight, question) for question in questions]
        return tuple(replace(draft, intent=n) for n, draft in enumerate(drafts))
    comment = requested(highlight)
    if highlight.kind is HighlightKind.IMAGE:
        if not figures:
            return QUESTIONLESS
        # a card that hides the labels of a figure, one at a time
        masks = occlusion.of_labels(highlight.figure, highlight.labels)
        masks_field = (occlusion.FIELD, occlusion.write(masks))
        fields = (masks_field, ("Image", highlight.markdown[0]))
        answer = " · ".join(occlusion.names(masks))
        return (_draft(highlight, CardKind.OCCLUSION, fields, answer, FIGURE),)
    if comment.wish is Wish.CLOZE:
        return _own_cloze(highlight, comment.words)
    if highlight.written == WORD_AND_TRANSLATION:
        return (_vocabulary(highlight),)
    if highlight.markdown:
        for struck in _STRIKE.finditer(highlight.markdown[0]):
            for start, end in highlight.markdown_gaps:
                if struck.start() <= start and end <= struck.end():
                    return STRUCK
    if highlight.form is Form.PHRASE:
        return _of_phrases(highlight)

    # why the rules make no card of a mark, with a way to one
    if highlight.form is not Form.MARK:
        return NOTHING
    exact = highlight.exact
    headings = map(for_finding, highlight.heading.split(" › "))
    if _HEADING.fullmatch(exact) or for_finding(exact) in headings:
        return HEADING
    span = locate(exact, highlight.sentence)
    if span and not _words_around(highlight.sentence, (span,)):
        return WHOLE.format(form="your question as its comment")
    return NOTHING


def _of_phrases(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Return the cloze of the phrases that are marked in a sentence, or why there is none."""
    exact = highlight.exact
    phrases = []
    for start, end in highlight.gaps:
        if is_visible(exact[start:end]):
            phrases.append((start, end))
    is_whole = not _words_around(exact, phrases)
    asks = any(_asks_something(exact, (phrase,)) for phrase in phrases)
    in_table = bool(phrases and highlight.sentence)
    hides_something = in_table or (asks and not is_whole)
    if hides_something and not in_table:
        if any(_is_long(exact[start:end]) for start, end in phrases):
            return WHOLE.format(form="it as question::answer")
        if _is_told_again(exact, *phrases[0]):
            return HEADING
    if not hides_something:
        if phrases and is_whole:
            return WHOLE.format(form="it as question::answer")
        return NOTHING
    if not (highlight.markdown and highlight.markdown_gaps):
        phrases = _with_whole_numbers(exact, phrases)
        return (_cloze(highlight, exact, phrases, PHRASE),)

    # the phrases are hidden in the Markdown of their sentence, without signs at their ends
    markdown, *footnotes = highlight.markdown
    spans = []
    for start, end in highlight.markdown_gaps:
        phrase = markdown[start:end]
        if not _ENTITY.search(phrase):
            phrase = _GAP_END.sub("", phrase)
        spans.append((start, start + len(phrase)))
    text = cloze.wrap(markdown, tuple(_with_whole_numbers(markdown, spans)))
    fields: Fields = (("Text", text),)
    if footnotes:
        fields += (("Extra", footnotes[0]),)
    draft = _draft(highlight, CardKind.CLOZE, fields, cloze_answers(text), PHRASE)
    first_start, _ = min(highlight.gaps)
    return (replace(draft, start=first_start),)


def _with_whole_numbers(text: str, spans: list[Span]) -> list[Span]:
    """Return marked phrases with all of the numbers and quantities that they would cut.

    Marks of which two are in one quantity stay, and the card waits.
    """
    whole = [uncut(text, start, end) for start, end in sorted(spans)]
    if any(end > start for (_, end), (start, _) in pairwise(whole)):
        return spans
    return whole


# --- cards a person wrote or asked for ------------------------------------------------


def _by_hand(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Return the card that a person wrote, or the reason why it is incomplete."""
    sides = highlight.markdown
    origin = f"rules:{highlight.form.value}"
    if highlight.form is Form.CLOZE and sides:
        # as its author wrote it: with its numbers, and the checks report a malformed one
        text, *extra = sides
        fields: Fields = (("Text", text),)
        if extra and extra[0]:
            fields += (("Extra", extra[0]),)
        answer = cloze_answers(text)
        return (_draft(highlight, CardKind.CLOZE, fields, answer, origin),)
    if highlight.form is Form.BLOCK and not sides:
        return UNANSWERED
    if not all(side.strip() for side in sides) or len(sides) not in (2, 3):
        return "a card with an empty side"
    front, back, *extra = sides
    kind = CardKind.TWO_WAY if highlight.two_way else CardKind.BASIC
    fields = sided(kind, front, back)
    if extra:
        fields += (("Extra", extra[0]),)
    return (_draft(highlight, kind, fields, _answer_of(back), origin),)


def _answer_of(back: str) -> str:
    """Return the text of an answer; if it is only pictures, their names."""
    return plain(back) or " · ".join(image_paths(back))


def _own_question(highlight: Highlight, comment: Instruction) -> Draft:
    """Return a card with the reader's question.

    The answer is the reader's, if the comment has one; else the marked words or the picture.
    """
    shown = ""
    if highlight.kind is not HighlightKind.NOTE:
        shown = passage(RAISED_NOTE.sub("", highlight.exact))
        if highlight.markdown:
            shown = highlight.markdown[0]
    back = shown
    answer = highlight.exact
    if comment.answer:
        picture = "" if highlight.exact else shown
        back = "\n\n".join(filter(None, (comment.answer, picture)))
        answer = plain(comment.answer)
    elif not highlight.exact:
        answer = highlight.own or _answer_of(back)  # identifies the picture
    fields = sided(CardKind.BASIC, comment.words, back)
    if comment.extra:
        fields += (("Extra", comment.extra),)
    if not comment.is_alone:
        origin = COMMENT_AND_MORE
    elif highlight.exact:
        origin = "rules:comment"
    else:
        origin = "rules:comment-picture"
    return _draft(highlight, CardKind.BASIC, fields, answer, origin)


def _vocabulary(highlight: Highlight) -> Draft:
    """Return a card that asks for the meaning of a marked word, shown alone and in its sentence."""
    # an e-reader marks the comma behind a word, too
    word = term_of(highlight) or highlight.exact
    sentence = highlight.sentence
    shown = passage(word)
    place = locate_words(word, sentence) or locate(word, sentence)
    if place and _words_around(sentence, (place,)):
        start, end = place
        before, after = passage(sentence[:start]), passage(sentence[end:])
        shown += f"\n\n{before}**{passage(sentence[start:end])}**{after}"
    fields = sided(CardKind.BASIC, shown, comment_as_markdown(highlight.comment.strip()))
    answer = plain(highlight.comment)
    return _draft(highlight, CardKind.BASIC, fields, answer, TRANSLATION)


def _own_cloze(highlight: Highlight, words: str) -> tuple[Draft, ...] | str:
    """Return a cloze that hides the phrase of `c: phrase`; `c:` alone hides the marked words.

    The phrase is looked for as it was written, and then without its formatting: `<p>` may be
    what the text is about.
    """
    phrases = [words, plain(comment_as_markdown(words))] if words else [highlight.exact]
    for phrase in filter(None, phrases):
        if words and highlight.markdown:
            markdown = highlight.markdown[0]
            span = locate(phrase, markdown)
            if span and _asks_something(markdown, (span,)):
                text = cloze.wrap(markdown, (span,))
                fields: Fields = (("Text", text),)
                answer = cloze_answers(text)
                origin = "rules:comment-cloze"
                return (_draft(highlight, CardKind.CLOZE, fields, answer, origin),)
        for text in (highlight.exact, highlight.sentence):
            span = locate(phrase, text)
            if span and _asks_something(text, (span,)):
                return (_cloze(highlight, text, (span,), "rules:comment-cloze"),)
    if words and not any(locate(phrase, highlight.context) for phrase in phrases):
        return f"“{words}” is not in the passage"
    return "no text would be left around the hidden words"


# --- marked words ---------------------------------------------------------------------


# A colon that was marked with its term: no part of the answer. An entity ends in one of its own.
_GAP_END = regex(r"(?<=[\w)\]])\\?[:,;]\Z")
_ENTITY = regex(r"&#?\w{1,32};\Z")


# A numbered section title, or one in capitals: 2.1 Related work, BACKGROUND.
_HEADING = regex(r"(?:\d+\.)*\d+\.? +[^\W\d_][^.!?;:]{0,60}|[A-Z][A-Z ]{3,60}")


# The words of a marked phrase that is hidden, at most: who marks more marks a passage.
_LONGEST_PHRASE = 9
_FORMULA = regex(MATH)
_LABEL_END = regex(r"\W*[:：]\s*(?=\S+\s+\S)")


def _is_long(phrase: str) -> bool:
    """Return whether a marked phrase is too long to be hidden; a formula counts as a word."""
    return word_count(_FORMULA.sub("x", phrase)) > _LONGEST_PHRASE


def _is_told_again(text: str, start: int, end: int) -> bool:
    """Return whether marked words are the label of a text whose words come again behind it.

    `==Falling sales of papers==: Papers are sold less`: as a gap, the rest would tell it.
    """
    phrase = text[start:end].rstrip(" :：")
    colon = _LABEL_END.match(text, start + len(phrase))
    if colon is None or re.search(r"\w", text[:start]):
        return False
    return not stems(phrase).isdisjoint(stems(text[colon.end() :]))


# A word of this number of characters or more stands for several, in scripts without blanks.
_LONG_WORD = 5


def _asks_something(text: str, spans: Sequence[Span]) -> bool:
    """Return whether at least two words remain visible."""
    words = _words_around(text, spans)
    if len(words) == 1:
        [word] = words
        return len(word) >= _LONG_WORD and not word.isascii()
    return len(words) >= 2


def _words_around(text: str, spans: Sequence[Span]) -> list[str]:
    """Return the words of a text outside of these spans."""
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return re.findall(r"[^\W_]+", text)


# --- drafts ---------------------------------------------------------------------------


def _cloze(
    highlight: Highlight,
    text: str,
    spans: Sequence[Span],
    origin: str,
) -> Draft:
    """Return a cloze that hides these spans of a text, which is also its quote."""
    spans = tuple(sorted(spans))
    parts = []
    place = 0
    for number, (start, end) in enumerate(spans, start=1):
        parts.append(passage(text[place:start]))
        hidden_words = passage(text[start:end])
        parts.append(cloze.make(number, hidden_words))
        place = end
    parts.append(passage(text[place:]))
    answer = " · ".join(text[start:end] for start, end in spans)
    fields: Fields = (("Text", "".join(parts)),)
    draft = _draft(highlight, CardKind.CLOZE, fields, answer, origin)
    return replace(draft, quote=text)


def _draft(
    highlight: Highlight,
    kind: CardKind,
    fields: Fields,
    answer: str,
    origin: str,
) -> Draft:
    """Return a draft of a passage, whose quote are the marked words."""
    return Draft(
        key=highlight.key,
        kind=kind,
        fields=fields,
        quote=highlight.exact,
        answer=answer,
        start=0,
        origin=Origin(origin),
        # a mark over `Term: text` is a mark, which waits
        by_hand=highlight.kind is HighlightKind.CARD and highlight.form is not Form.TERM,
    )
