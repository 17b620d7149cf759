"""Draft cards offline by fixed rules.

The rules draft hand-written cards, sentences with highlighted phrases, words with a
translation, and the questions and clozes that comments ask for. There are no sentence
patterns, because their cards were seldom rated as good in a blind test, and no card is better
than a bad one. A highlight without a card gets a reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from ankiforge.draft.instructions import (
    ClozeRequest,
    QuestionRequest,
    find_drafting_skip_reason,
    find_questions,
    make_failed_result,
    make_two_sided_fields,
    parse_highlight_instruction,
)
from ankiforge.errors import BugError, wrap_unexpected_errors
from ankiforge.language.quantities import extend_to_whole_numbers
from ankiforge.language.vocabulary import get_highlighted_term
from ankiforge.language.words import count_words, find_stems, is_lead_in
from ankiforge.model import (
    FIGURE_DRAFTER,
    LONG_COMMENT_DRAFTER,
    PHRASE_DRAFTER,
    TRANSLATION_DRAFTER,
    WORD_AND_TRANSLATION,
    CardKind,
    Draft,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Fields,
    Highlight,
    HighlightForm,
    HighlightKind,
    Origin,
    Span,
)
from ankiforge.text import cloze, occlusion, regex
from ankiforge.text.cloze import (
    find_image_paths,
    format_cloze_answers,
    text_to_markdown,
    to_plain_text,
)
from ankiforge.text.elements import comment_to_markdown
from ankiforge.text.located import find_whole_words, locate_text
from ankiforge.text.normalize import MATH_PATTERN, has_visible_text, normalize_for_lookup
from ankiforge.text.passages import SUPERSCRIPT_NOTE

NO_QUESTION = (
    "nothing says what to ask: comment it with `? question` or `c:`,"
    " or let a model draft it"
)
STRUCK_OUT = "struck out: deleted words become no card"
NO_CONTEXT = "no text would be left around the blanked-out words"
CLOZE_REQUEST_DRAFTER = "rules:comment-cloze"
WHOLE_SENTENCE_MARKED = (
    "the whole sentence is marked: mark the words to blank out, write {form},"
    " or let a model draft it"
)
MISSING_ANSWER = (
    "there is no answer right below its `?`:"
    " write it there, with no empty line and no heading between"
)
MARKED_HEADING = "the mark is a heading, which states nothing"
IMAGE_WITHOUT_QUESTION = "an image: write its question as the comment: `? …`"
TEXT_FRAME_WITHOUT_QUESTION = (
    "a frame around no picture and no drawing: write its question as the comment: `? …`"
)


UNREQUESTED_REASONS = frozenset(
    (
        NO_QUESTION,
        MARKED_HEADING,
        WHOLE_SENTENCE_MARKED.format(form="it as question::answer"),
        WHOLE_SENTENCE_MARKED.format(form="your question as its comment"),
    )
)
"""The reasons for having no card that apply if the user wrote nothing about the highlight."""


_QUESTION_KINDS = (CardKind.BASIC, CardKind.TWO_WAY)
# Matches struck-out text in Markdown.
_STRUCK_OUT = regex(r"(?s)(?<![~\\])~~(?=[^\s~]).*?(?<=[^\s~\\])~~(?!~)")


def draft_task(task: DraftingTask, *, figures: bool = True) -> list[DraftingResult]:
    """Draft cards for each highlight of a task, or find the reason why it gets none.

    The same task always has the same results.

    Args:
        task: The highlights, and the kinds of cards that the deck accepts.
        figures: Whether to draft image occlusion cards, which hide labels, for framed figures.
    """
    results = []
    for highlight in task.highlights:
        try:
            with wrap_unexpected_errors():
                results.append(_draft_or_explain(highlight, task, figures=figures))
        except BugError as error:
            results.append(make_failed_result(highlight, error))
    return results


def _draft_or_explain(
    highlight: Highlight, task: DraftingTask, *, figures: bool
) -> DraftingResult:
    skip_reason = find_drafting_skip_reason(highlight)
    if skip_reason is not None:
        return skip_reason.build_result(highlight)
    drafts = _draft_highlight(highlight, figures=figures)
    if isinstance(drafts, str):
        return DraftingResult(highlight, status=DraftingStatus.NO_CARD, reason=drafts)
    accepted = tuple(draft for draft in drafts if _is_kind_accepted(draft, task))
    if not accepted:
        reason = _explain_no_accepted_kind(task)
        return DraftingResult(highlight, status=DraftingStatus.NO_CARD, reason=reason)
    return DraftingResult(highlight, accepted)


def _is_kind_accepted(draft: Draft, task: DraftingTask) -> bool:
    """Return whether the deck accepts the kind of a draft.

    Any kind is accepted if the user wrote the card or asked for it in a comment.
    """
    if draft.is_card_in_source or draft.origin.is_from_comment:
        return True
    if task.instructions.requested_kind == "question":
        if draft.kind not in _QUESTION_KINDS:
            return False
    return draft.kind in _get_accepted_kinds(task)


def _get_accepted_kinds(task: DraftingTask) -> tuple[CardKind, ...]:
    """Return the kinds of cards that the deck of a task accepts: all, if it names none."""
    return task.instructions.kinds or tuple(CardKind)


def _explain_no_accepted_kind(task: DraftingTask) -> str:
    kinds = _get_accepted_kinds(task)
    if task.instructions.requested_kind == "question":
        if not set(_QUESTION_KINDS).isdisjoint(kinds):
            return "its colour asks for a question: write it as the comment: `? …`"
    return f"its deck takes only {' and '.join(kinds)} cards"


def _draft_highlight(highlight: Highlight, *, figures: bool) -> tuple[Draft, ...] | str:
    """Draft cards from a highlight, or return the reason why it gets none."""
    if highlight.kind is HighlightKind.CARD:
        return _draft_hand_written(highlight)
    questions = find_questions(highlight)
    if questions:
        return tuple(_draft_question(highlight, question) for question in questions)
    if highlight.kind is HighlightKind.IMAGE:
        return _draft_figure(highlight, figures=figures)
    instruction = parse_highlight_instruction(highlight)
    if isinstance(instruction, ClozeRequest):
        return _draft_requested_cloze(highlight, instruction)
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        return (_draft_vocabulary(highlight),)
    if _is_struck_out(highlight):
        return STRUCK_OUT
    if highlight.form is HighlightForm.PHRASE:
        return _draft_marked_phrases(highlight)
    return _explain_no_card(highlight)


def _draft_figure(highlight: Highlight, *, figures: bool) -> tuple[Draft, ...] | str:
    """Draft a card that blanks out the labels of a figure, one at a time."""
    if highlight.figure_hash.startswith(occlusion.TEXT_FRAME):
        return TEXT_FRAME_WITHOUT_QUESTION
    if not figures:
        return IMAGE_WITHOUT_QUESTION
    masks = occlusion.create_masks(highlight.figure_hash, highlight.figure_labels)
    masks_field = (occlusion.OCCLUSION_FIELD, occlusion.format_masks(masks))
    fields = (masks_field, ("Image", highlight.markdown[0]))
    answer = " · ".join(occlusion.list_labels(masks))
    return (_make_draft(highlight, CardKind.OCCLUSION, fields, answer, FIGURE_DRAFTER),)


def _is_struck_out(highlight: Highlight) -> bool:
    """Return whether a marked phrase is within struck-out text."""
    if not highlight.markdown:
        return False
    for struck in _STRUCK_OUT.finditer(highlight.markdown[0]):
        for start, end in highlight.markdown_gaps:
            if struck.start() <= start <= end <= struck.end():
                return True
    return False


def _explain_no_card(highlight: Highlight) -> str:
    """Explain why a highlight without a question has no card, and how to get one."""
    if highlight.form is not HighlightForm.MARK:
        return NO_QUESTION
    exact = highlight.exact
    headings = map(normalize_for_lookup, highlight.heading.split(" › "))
    if _HEADING.fullmatch(exact) or normalize_for_lookup(exact) in headings:
        return MARKED_HEADING
    span = locate_text(exact, highlight.sentence)
    if span is None:
        return NO_QUESTION
    if _find_visible_words(highlight.sentence, (span,)):
        return NO_QUESTION
    return WHOLE_SENTENCE_MARKED.format(form="your question as its comment")


def _draft_marked_phrases(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Draft a cloze that blanks out the marked phrases, or return the reason why it can't be.

    Bold words that introduce the rest, such as `Note:`, stay visible. A bold term before its
    definition becomes a question instead, if the definition repeats its words.
    """
    if _begins_with_bold_lead_in(highlight):
        if len(highlight.gaps) == 1:
            return MARKED_HEADING
        highlight = replace(
            highlight, gaps=highlight.gaps[1:], markdown_gaps=highlight.markdown_gaps[1:]
        )
    exact = highlight.exact
    phrases = [span for span in highlight.gaps if has_visible_text(exact[slice(*span)])]
    if not phrases:
        return NO_QUESTION
    # the marked cells of a table, whose row is the sentence, are always blanked out
    is_table_row = bool(highlight.sentence)
    if not is_table_row:
        reason = _find_fault_of_phrases(exact, phrases)
        if reason is not None:
            return reason
        if _is_label_repeated_after(exact, *phrases[0]):
            if highlight.line_syntax == "**" and len(phrases) == 1:
                return (_draft_definition(highlight),)
            return MARKED_HEADING
    return (_draft_cloze_of_phrases(highlight, phrases),)


def _draft_cloze_of_phrases(highlight: Highlight, phrases: list[Span]) -> Draft:
    """Draft a cloze from the Markdown of a highlight, if its source has one, or from its text."""
    if highlight.markdown and highlight.markdown_gaps:
        return _make_markdown_cloze_draft(highlight)
    spans = _extend_to_whole_numbers(highlight.exact, phrases)
    return _make_cloze_draft(highlight, highlight.exact, spans, PHRASE_DRAFTER)


def _begins_with_bold_lead_in(highlight: Highlight) -> bool:
    """Return whether a text begins with bold words that introduce the rest, such as `Note:`."""
    if highlight.line_syntax != "**":
        return False
    if not highlight.gaps:
        return False
    start, end = highlight.gaps[0]
    if re.search(r"\w", highlight.exact[:start]):
        return False
    return is_lead_in(highlight.exact[start:end])


def _find_fault_of_phrases(text: str, phrases: Sequence[Span]) -> str | None:
    """Return the reason why the phrases of a sentence can't be blanked out, or None."""
    if not _find_visible_words(text, phrases):
        return WHOLE_SENTENCE_MARKED.format(form="it as question::answer")
    if not any(_leaves_words_visible(text, (phrase,)) for phrase in phrases):
        return NO_QUESTION
    for start, end in phrases:
        if count_words(_FORMULA.sub("x", text[start:end])) > _MAX_GAP_WORDS:
            return WHOLE_SENTENCE_MARKED.format(form="it as question::answer")
    return None


def _make_markdown_cloze_draft(highlight: Highlight) -> Draft:
    """Blank out the phrases in the sentence's Markdown, without trailing punctuation."""
    markdown, *footnotes = highlight.markdown
    spans = []
    for start, end in highlight.markdown_gaps:
        phrase = markdown[start:end]
        if not _ENTITY.search(phrase):
            phrase = _TRAILING_PUNCTUATION.sub("", phrase)
        spans.append((start, start + len(phrase)))
    text = cloze.add_clozes(markdown, tuple(_extend_to_whole_numbers(markdown, spans)))
    fields: Fields = (("Text", text),)
    if footnotes:
        fields += (("Extra", footnotes[0]),)
    answer = format_cloze_answers(text)
    draft = _make_draft(highlight, CardKind.CLOZE, fields, answer, PHRASE_DRAFTER)
    first_start, _ = min(highlight.gaps)
    return replace(draft, start=first_start)


def _draft_definition(highlight: Highlight) -> Draft:
    """Draft a question that asks for the definition of a bold term.

    A cloze wouldn't work, because the definition repeats words of the term.
    """
    markdown = highlight.markdown[0]
    [(start, end)] = highlight.markdown_gaps
    term = markdown[start:end].rstrip(" :：")
    definition = markdown[start + len(term) :].lstrip(" :：")
    fields = make_two_sided_fields(CardKind.BASIC, term, definition)
    answer = to_plain_text(definition)
    return _make_draft(highlight, CardKind.BASIC, fields, answer, PHRASE_DRAFTER)


def _extend_to_whole_numbers(text: str, spans: list[Span]) -> list[Span]:
    """Extend the spans so that none of them splits a number or quantity.

    If two spans are in the same quantity, all spans are returned unchanged. A check will then
    block the card.
    """
    extended = [extend_to_whole_numbers(text, start, end) for start, end in sorted(spans)]
    for (_, end), (next_start, _) in pairwise(extended):
        if end > next_start:
            return spans
    return extended


# --- cards that the user wrote or asked for -------------------------------------------


def _draft_hand_written(highlight: Highlight) -> tuple[Draft, ...] | str:
    """Draft the card that the user wrote, or return the reason why it can't be one.

    Its sides in Markdown are the text of a cloze, or a front and back, each with an optional text
    for the Extra field.
    """
    sides = highlight.markdown
    origin = f"rules:{highlight.form.value}"
    if not sides:
        if highlight.form is HighlightForm.BLOCK:
            return MISSING_ANSWER
        return _EMPTY_SIDE
    if highlight.form is HighlightForm.CLOZE:
        return (_draft_hand_written_cloze(highlight, origin),)
    if len(sides) not in (2, 3) or not all(map(str.strip, sides)):
        return _EMPTY_SIDE
    front, back, *extra = sides
    kind = CardKind.BASIC
    if highlight.is_two_way:
        kind = CardKind.TWO_WAY
    fields = make_two_sided_fields(kind, front, back)
    if extra:
        fields += (("Extra", extra[0]),)
    return (_make_draft(highlight, kind, fields, _get_answer_text(back), origin),)


_EMPTY_SIDE = "a card with an empty side"


def _draft_hand_written_cloze(highlight: Highlight, origin: str) -> Draft:
    """Draft a cloze as written, with its numbers. The checks report it if it is malformed."""
    text, *extra = highlight.markdown
    fields: Fields = (("Text", text),)
    if extra and extra[0]:
        fields += (("Extra", extra[0]),)
    answer = format_cloze_answers(text)
    return _make_draft(highlight, CardKind.CLOZE, fields, answer, origin)


def _get_answer_text(back: str) -> str:
    """Return an answer as plain text, or the paths of its images if it has no text."""
    return to_plain_text(back) or " · ".join(find_image_paths(back))


def _draft_question(highlight: Highlight, question: QuestionRequest) -> Draft:
    """Draft a card from the question in the user's comment.

    If the comment also has an answer, that becomes the back, with a marked picture below it.
    Otherwise, the highlight becomes the back.
    """
    passage = _get_passage_markdown(highlight)
    is_picture = bool(passage) and not highlight.exact
    if question.answer is None:
        back = passage
        # a picture without text is identified by its id
        answer = highlight.exact or highlight.source_id or _get_answer_text(passage)
    else:
        back = question.answer
        answer = to_plain_text(question.answer)
        if is_picture:
            back = f"{back}\n\n{passage}"
    fields = make_two_sided_fields(CardKind.BASIC, question.text, back)
    if question.extra is not None:
        fields += (("Extra", question.extra),)
    origin = _get_question_drafter(highlight, question)
    return _make_draft(highlight, CardKind.BASIC, fields, answer, origin)


def _get_passage_markdown(highlight: Highlight) -> str:
    """Return the marked passage or picture in Markdown, which a note doesn't have."""
    if highlight.kind is HighlightKind.NOTE:
        return ""
    if highlight.markdown:
        return highlight.markdown[0]
    return text_to_markdown(SUPERSCRIPT_NOTE.sub("", highlight.exact))


def _get_question_drafter(highlight: Highlight, question: QuestionRequest) -> str:
    if highlight.kind is HighlightKind.NOTE or not question.is_whole_comment:
        return LONG_COMMENT_DRAFTER
    if highlight.exact:
        return "rules:comment"
    return "rules:comment-picture"


def format_word_front(highlight: Highlight) -> str:
    """Return the front of a vocabulary card: the word, and its sentence with the word in bold."""
    # find the word itself, because e-readers also highlight a comma after it
    word = get_highlighted_term(highlight) or highlight.exact
    sentence = highlight.sentence
    front = text_to_markdown(word)
    span = find_whole_words(word, sentence) or locate_text(word, sentence)
    if span is None or not _find_visible_words(sentence, (span,)):
        return front
    start, end = span
    before, bold, after = map(
        text_to_markdown, (sentence[:start], sentence[start:end], sentence[end:])
    )
    return f"{front}\n\n{before}**{bold}**{after}"


def _draft_vocabulary(highlight: Highlight) -> Draft:
    back = comment_to_markdown(highlight.comment.strip())
    fields = make_two_sided_fields(CardKind.BASIC, format_word_front(highlight), back)
    answer = to_plain_text(highlight.comment)
    return _make_draft(highlight, CardKind.BASIC, fields, answer, TRANSLATION_DRAFTER)


def _draft_requested_cloze(
    highlight: Highlight, request: ClozeRequest
) -> tuple[Draft, ...] | str:
    """Draft the cloze that a comment asks for, or return the reason why this is impossible."""
    if request.phrase is None:
        draft = _draft_cloze_of_phrase(highlight, highlight.exact)
        if draft is None:
            return NO_CONTEXT
        return (draft,)

    # search for the phrase as written, because it may be e.g. `<p>`, then without formatting
    phrases = (request.phrase, to_plain_text(comment_to_markdown(request.phrase)))
    for phrase in phrases:
        for draft_cloze in (_draft_formatted_cloze, _draft_cloze_of_phrase):
            draft = draft_cloze(highlight, phrase)
            if draft is not None:
                return (draft,)
    if any(locate_text(phrase, highlight.context) for phrase in phrases):
        return NO_CONTEXT
    return f"“{request.phrase}” is not in the passage"


def _draft_formatted_cloze(highlight: Highlight, phrase: str) -> Draft | None:
    """Draft a cloze that keeps the formatting of the passage."""
    if not highlight.markdown:
        return None
    markdown = highlight.markdown[0]
    span = locate_text(phrase, markdown)
    if span is None:
        return None
    if not _leaves_words_visible(markdown, (span,)):
        return None
    text = cloze.add_clozes(markdown, (span,))
    fields: Fields = (("Text", text),)
    answer = format_cloze_answers(text)
    return _make_draft(highlight, CardKind.CLOZE, fields, answer, CLOZE_REQUEST_DRAFTER)


def _draft_cloze_of_phrase(highlight: Highlight, phrase: str) -> Draft | None:
    """Draft a cloze from the passage or, if that is all blanked out, from its sentence."""
    for text in (highlight.exact, highlight.sentence):
        span = locate_text(phrase, text)
        if span is None:
            continue
        if _leaves_words_visible(text, (span,)):
            return _make_cloze_draft(highlight, text, (span,), CLOZE_REQUEST_DRAFTER)
    return None


# --- marked phrases -------------------------------------------------------------------


# Matches punctuation that is highlighted with a term but isn't part of the answer. An entity also
# ends in a semicolon, which is part of it.
_TRAILING_PUNCTUATION = regex(r"(?<=[\w)\]])\\?[:,;]\Z")
_ENTITY = regex(r"&#?\w{1,32};\Z")


# Matches a section title with a number or in capitals, such as `2.1 Related work`, `BACKGROUND`.
_HEADING = regex(r"(?:\d+\.)*\d+\.? +[^\W\d_][^.!?;:]{0,60}|[A-Z][A-Z ]{3,60}")


# The maximum number of words in a gap. Longer highlights are passages.
_MAX_GAP_WORDS = 9
_FORMULA = regex(MATH_PATTERN)
_LABEL_END = regex(r"\W*[:：]\s*(?=\S+\s+\S)")


def _is_label_repeated_after(text: str, start: int, end: int) -> bool:
    """Return whether a phrase is a label whose words are repeated after its colon.

    For example, in `==Falling sales of papers==: Papers are sold less`, the text after the colon
    would give a gap in the label away.
    """
    if re.search(r"\w", text[:start]):
        return False
    phrase = text[start:end].rstrip(" :：")
    colon = _LABEL_END.match(text, start + len(phrase))
    if colon is None:
        return False
    return not find_stems(phrase).isdisjoint(find_stems(text[colon.end() :]))


# In scripts without spaces, a run of at least this many characters counts as several words.
_MIN_LONG_WORD = 5


def _leaves_words_visible(text: str, spans: Sequence[Span]) -> bool:
    words = _find_visible_words(text, spans)
    if len(words) != 1:
        return len(words) > 1
    [word] = words
    if word.isascii():
        return False
    return len(word) >= _MIN_LONG_WORD


def _find_visible_words(text: str, spans: Sequence[Span]) -> list[str]:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return re.findall(r"[^\W_]+", text)


# --- drafts ---------------------------------------------------------------------------


def _make_cloze_draft(
    highlight: Highlight, text: str, spans: Sequence[Span], origin: str
) -> Draft:
    spans = tuple(sorted(spans))
    parts = []
    copied_until = 0
    for number, (start, end) in enumerate(spans, start=1):
        parts.append(text_to_markdown(text[copied_until:start]))
        gap_text = text_to_markdown(text[start:end])
        parts.append(cloze.format_cloze(number, gap_text))
        copied_until = end
    parts.append(text_to_markdown(text[copied_until:]))
    answer = " · ".join(text[start:end] for start, end in spans)
    fields: Fields = (("Text", "".join(parts)),)
    draft = _make_draft(highlight, CardKind.CLOZE, fields, answer, origin)
    return replace(draft, quote=text)


def _make_draft(
    highlight: Highlight, kind: CardKind, fields: Fields, answer: str, origin: str
) -> Draft:
    is_card = highlight.kind is HighlightKind.CARD
    if highlight.form is HighlightForm.TERM:
        # a highlight over `Term: text` isn't a hand-written card, so it has to be reviewed
        is_card = False
    return Draft(
        key=highlight.key,
        kind=kind,
        fields=fields,
        quote=highlight.exact,
        answer=answer,
        start=0,
        origin=Origin(origin),
        is_card_in_source=is_card,
    )
