"""Decide which highlights to draft, and parse what the user's comments ask for.

This is used by all drafters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.errors import BugError
from ankiforge.language.detection import detect_language, detect_script
from ankiforge.language.lexicon import load_language, read_word_set
from ankiforge.language.words import split_words, stem_word
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    DraftingResult,
    DraftingStatus,
    Fields,
    Highlight,
    HighlightKind,
    Problem,
    SourceKind,
    Value,
)
from ankiforge.text import has_letter_or_digit, regex, to_one_line, truncate
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.comment_questions import (
    CommentQuestion,
    find_question,
    has_question_label,
    remove_replies,
)
from ankiforge.text.elements import comment_to_markdown
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import blank_out_code_and_urls
from ankiforge.text.private import remove_private_tag

PROPOSALS_VERSION = "29"
"""Increase this whenever a change to the rules or tables of `propose` changes a score or reason.

Undecided highlights are then scored again. It is defined here so that a run without new highlights
doesn't have to load the rules.
"""


def make_failed_result(highlight: Highlight, error: BugError) -> DraftingResult:
    """Build the result for a highlight whose drafting or checking raised an unexpected error."""
    text = highlight.exact or highlight.comment
    beginning = truncate(to_one_line(text), 60)
    title = highlight.document.title
    problem = Problem(title, f"“{beginning}”: {error.message}", error.hint)
    return DraftingResult(
        highlight, status=DraftingStatus.FAILED, reason=error.message, problem=problem
    )


def make_two_sided_fields(kind: CardKind, front: str, back: str) -> Fields:
    """Build the fields of a card with a front and a back."""
    return (("Front", front), ("Back", back), *kind.filled_switch_fields)


# --- instructions in comments ---------------------------------------------------------


class SkipRequest(Value):
    """The comment `skip` or `skip: reason`."""

    reason: str | None = None


class ClozeRequest(Value):
    """The comment `c: phrase`, or `c:` alone."""

    phrase: str | None = None
    """The phrase to blank out, as written, or None for the whole highlight."""


class QuestionRequest(Value):
    """A question in a comment or a standalone note."""

    text: str
    """The question in Markdown."""
    answer: str | None = None
    """The user's answer in Markdown, or None if the highlight is the answer."""
    extra: str | None = None
    """The rest of the comment, which the card shows along with the answer."""
    is_whole_comment: bool = True
    """Whether the comment is just this question, perhaps with decoration and an `A: …` line."""


Instruction = SkipRequest | ClozeRequest | QuestionRequest
"""What a comment asks for."""

_SKIP_COMMAND = regex(r"(?is)skip\s*[.!]?|skip:\s*(?P<reason>.*)")
_CLOZE_COMMAND = regex(r"(?is)c:\s*(?P<phrase>.*)")


def parse_instruction(comment: str, passage: str = "") -> Instruction | None:
    """Parse a comment, which may be `skip`, `c: phrase` or a question. All others return None.

    Questions are recognized by `text.comment_questions`.

    Args:
        comment: The comment on a passage, with any replies to the comment.
        passage: The highlighted text, if any. The comment may repeat it.
    """
    if not comment.strip():
        return None
    own_comment = remove_private_tag(remove_replies(comment))
    markdown = comment_to_markdown(own_comment)
    command = _parse_command(own_comment, markdown)
    if command is not None:
        return command
    return _parse_question(markdown, passage)


def _parse_command(comment: str, markdown: str) -> SkipRequest | ClozeRequest | None:
    """Parse `skip` or `c: phrase`. `markdown` is the comment in Markdown."""
    skip = _SKIP_COMMAND.fullmatch(to_one_line(markdown))
    if skip:
        reason = to_plain_text(skip["reason"] or "")
        return SkipRequest(reason or None)
    # try the comment as written first, because Markdown escapes a phrase such as `<p>`
    for text in (comment, markdown):
        cloze = _CLOZE_COMMAND.fullmatch(to_one_line(text))
        if cloze:
            return ClozeRequest(cloze["phrase"].strip() or None)
    return None


def _parse_question(comment: str, passage: str) -> QuestionRequest | None:
    question = _find_question_about(passage, comment)
    if question is None:
        return None
    if _is_reaction(question, comment, passage):
        return None
    request = QuestionRequest(question.text, is_whole_comment=question.is_whole_comment)
    if _is_answered(question, passage):
        return replace(
            request,
            answer=question.text_after or None,
            extra=question.text_before or None,
        )
    extra = _join_paragraphs(question.text_before, question.text_after)
    return replace(request, extra=extra or None)


def _is_answered(question: CommentQuestion, passage: str) -> bool:
    """Return whether the text after a question is its answer, and not another remark."""
    if not passage:
        return True
    return question.has_answer_label or question.has_short_answer


def _join_paragraphs(*paragraphs: str) -> str:
    return "\n\n".join(filter(None, paragraphs))


def _find_question_about(passage: str, comment: str) -> CommentQuestion | None:
    """Find the question in a comment. A passage that the comment repeats is dropped."""
    if not passage:
        return find_question(comment)
    repeated = locate_text(passage, comment)
    if repeated:
        start, end = repeated
        question = find_question(f"{comment[:start]}\n\n{comment[end:]}")
        if question:
            return question

    question = find_question(comment)
    if question is None:
        return None
    if locate_text(question.text_before, passage):
        return replace(question, text_before="")
    return question


_MIN_CONTENT_WORDS = 3
# A question begins with an interrogative if one is among this many words: `At what temperature`.
_MAX_WORDS_BEFORE_INTERROGATIVE = 3
# Matches the marks of an exclamation. `?!` and `??` may also end a proper question.
_EMPHATIC_MARKS = regex(r"(?:[?？]\s?){3}")


def _is_reaction(question: CommentQuestion, comment: str, passage: str) -> bool:
    """Return whether a question is just a reaction to the passage, as “wtf is he saying?”.

    A proper question meets two of these conditions: it begins with an interrogative, it shares a
    content word with the passage, and it has three content words, counting the interrogative.
    With emphatic marks such as `???`, it has to begin with an interrogative.
    In a language whose interrogatives are unknown, every question is proper. So is a labelled
    question, and one without a passage.
    """
    if not passage or question.has_answer_label or has_question_label(comment):
        return False
    words = blank_out_code_and_urls(question.text)
    language = _detect_language_of_comment(words, passage)
    interrogatives = read_word_set("signs", "interrogative", language)
    if not interrogatives:
        return False
    first_words = split_words(words)[:_MAX_WORDS_BEFORE_INTERROGATIVE]
    begins_with_interrogative = not interrogatives.isdisjoint(first_words)
    if not begins_with_interrogative and _EMPHATIC_MARKS.search(comment):
        return True
    stems = _find_content_stems(question.text, language)
    content_word_count = len(stems)
    if begins_with_interrogative:
        content_word_count += 1  # a function word, so it isn't among the stems
    conditions = (
        begins_with_interrogative,
        not stems.isdisjoint(_find_content_stems(passage, language)),
        content_word_count >= _MIN_CONTENT_WORDS,
    )
    return sum(conditions) < 2


def _detect_language_of_comment(comment: str, passage: str) -> str:
    """Detect the language of a comment, or of its passage if that is in the same script."""
    if detect_script(comment) == detect_script(passage):
        return detect_language(comment, passage)
    return detect_language(comment)


def _find_content_stems(text: str, language: str) -> set[str]:
    function_words = load_language(language).function_words
    return {stem_word(word) for word in split_words(text) if word not in function_words}


# --- instructions of highlights -------------------------------------------------------


def asks_for_card(instruction: Instruction | None) -> bool:
    """Return whether a comment asks for a question or a cloze."""
    return isinstance(instruction, QuestionRequest | ClozeRequest)


def parse_highlight_instruction(highlight: Highlight) -> Instruction | None:
    """Parse what the user's comment on a highlight asks for.

    Comments by other people are ignored. The result for a standalone note is its first question.
    """
    if not highlight.comment_is_instruction:
        return None
    if is_standalone_note(highlight):
        return next(iter(_find_note_questions(highlight)), None)
    return parse_instruction(highlight.comment, highlight.exact)


def find_questions(highlight: Highlight) -> list[QuestionRequest]:
    """Find the questions that the user wrote in a comment or standalone note.

    A comment has at most one question. A note may have several, each with its answer.
    """
    if highlight.comment_is_instruction and is_standalone_note(highlight):
        return _find_note_questions(highlight)
    instruction = parse_highlight_instruction(highlight)
    if isinstance(instruction, QuestionRequest):
        return [instruction]
    return []


_MAX_QUESTIONS = 20


def _find_note_questions(note: Highlight) -> list[QuestionRequest]:
    """Find the answered questions in a standalone note.

    A question is at the beginning of a paragraph. The rest of that paragraph is its answer or, if
    nothing follows the question, the paragraphs up to the next question.
    """
    paragraphs = note.markdown[0].split("\n\n")
    if note.heading:
        paragraphs.insert(0, escape_markdown(note.heading))
    questions: list[CommentQuestion] = []
    following_paragraphs: list[list[str]] = []
    for paragraph in paragraphs:
        question = find_question(paragraph)
        if question is not None and _begins_paragraph(question):
            questions.append(question)
            following_paragraphs.append([])
        elif questions:
            following_paragraphs[-1].append(paragraph)

    requests = []
    for question, following in zip(questions, following_paragraphs, strict=True):
        answer = question.text_after or _join_paragraphs(*following)
        if answer:
            requests.append(
                QuestionRequest(question.text, answer, is_whole_comment=False)
            )
    return requests[:_MAX_QUESTIONS]


def _begins_paragraph(question: CommentQuestion) -> bool:
    """Return whether a question is at the beginning of its paragraph, or has a labelled answer."""
    if question.has_answer_label:
        return True
    return not question.text_before


def is_standalone_note(highlight: Highlight) -> bool:
    """Return whether a highlight is a note with text of its own, not on a marked passage."""
    return highlight.kind is HighlightKind.NOTE and bool(highlight.markdown)


def is_margin_note(highlight: Highlight) -> bool:
    """Return whether a highlight is just a comment, without marked text."""
    return highlight.kind is HighlightKind.NOTE and not highlight.markdown


# A comment is recognized in other text by this many words at its beginning.
_BEGINNING_WORDS = 3


def remove_comment_from_context(highlight: Highlight) -> Highlight:
    """Remove a highlight's comment from the text around the highlight.

    In a note that quotes a passage, the comment is next to the quotation, but a card must not be
    based on it.
    """
    words = highlight.comment.split()
    if not words:
        return highlight
    beginning = words[:_BEGINNING_WORDS]
    if not _is_near(" ".join(beginning), highlight):
        return highlight
    comment = _match_words(words)
    suffix = re.sub(comment, "[…]", highlight.suffix)
    if len(beginning) == _BEGINNING_WORDS:
        # the text after the highlight may end inside the comment
        suffix = re.sub(f"(?s){_match_words(beginning)}.*", "", suffix)
    return replace(
        highlight,
        prefix=re.sub(comment, "[…]", highlight.prefix),
        suffix=suffix,
        surrounding_text=re.sub(comment, "[…]", highlight.surrounding_text),
    )


def _is_near(words: str, highlight: Highlight) -> bool:
    """Return whether words occur around a highlight."""
    texts = (highlight.prefix, highlight.suffix, highlight.surrounding_text)
    return words in to_one_line("\n".join(texts))


def _match_words(words: Sequence[str]) -> str:
    """Return a pattern that matches words with any whitespace between them."""
    return r"\s+".join(map(re.escape, words))


# --- which drafter may draft a highlight ----------------------------------------------

UNANSWERED_NOTE_REASON = "a question without marked text: write its answer after it"
_STRUCK_OUT_REASON = (
    "struck out, so treated as deleted; for a card, add a comment that begins with `?`"
)
_PICTURE_KINDS = (HighlightKind.IMAGE, HighlightKind.INK)


class SkipReason(NamedTuple):
    """Why a highlight is not drafted, and the status that its drafting ends with."""

    text: str
    status: DraftingStatus = DraftingStatus.NO_CARD

    def build_result(self, highlight: Highlight) -> DraftingResult:
        """Build the drafting result of a highlight that is not drafted for this reason."""
        return DraftingResult(highlight, status=self.status, reason=self.text)


def find_drafting_skip_reason(highlight: Highlight) -> SkipReason | None:
    """Return the reason why no drafter may draft a highlight, or None if one may.

    Its status is LEFT_OUT if the user or the source wants no card, and NO_CARD otherwise.
    """
    instruction = parse_highlight_instruction(highlight)
    user_reason = _find_user_skip_reason(highlight, instruction)
    if user_reason is not None:
        return SkipReason(user_reason, DraftingStatus.LEFT_OUT)
    obstacle = _find_obstacle(highlight, instruction)
    if obstacle is not None:
        return SkipReason(obstacle)
    return None


def _find_obstacle(highlight: Highlight, instruction: Instruction | None) -> str | None:
    """Return what a highlight lacks for a card, or None if it lacks nothing."""
    if is_margin_note(highlight):
        return _find_margin_note_skip_reason(highlight, instruction)
    if highlight.kind in _PICTURE_KINDS:
        return _find_picture_skip_reason(highlight, instruction)
    if highlight.kind is HighlightKind.STRIKE:
        if not asks_for_card(instruction):
            return _STRUCK_OUT_REASON
    if not has_letter_or_digit(highlight.exact):
        if not _has_answer(instruction):
            return "no text under the mark"
    return None


def find_user_skip_reason(highlight: Highlight) -> str | None:
    """Return why the user or the source wants no card from a highlight, or None."""
    return _find_user_skip_reason(highlight, parse_highlight_instruction(highlight))


def _find_user_skip_reason(
    highlight: Highlight, instruction: Instruction | None
) -> str | None:
    if highlight.skip_reason is not None:
        return highlight.skip_reason
    if isinstance(instruction, SkipRequest):
        return instruction.reason or "your comment says so"
    return None


def _has_answer(instruction: Instruction | None) -> bool:
    if not isinstance(instruction, QuestionRequest):
        return False
    return instruction.answer is not None


def _find_margin_note_skip_reason(
    note: Highlight, instruction: Instruction | None
) -> str | None:
    if isinstance(instruction, QuestionRequest):
        if instruction.answer is None:
            return UNANSWERED_NOTE_REASON
        return None
    if note.comment.strip() or note.exact.strip():
        return "a comment without marked text"
    return "an empty comment without marked text"


def _find_picture_skip_reason(
    picture: Highlight, instruction: Instruction | None
) -> str | None:
    """Return why an image or drawing has no card, or None if it may have one.

    A drawing needs a question in its comment, and both need the picture itself.
    """
    is_drawing = picture.kind is HighlightKind.INK
    if is_drawing and not isinstance(instruction, QuestionRequest):
        return "a drawing: write its question as the comment: `? …`"
    if picture.markdown:
        return None
    if picture.source_kind is SourceKind.ZOTERO:
        return "its picture is not in Zotero's cache: open the PDF in Zotero once"
    return "it has no picture: its place on the page is empty, or cannot be drawn"


def is_drafted_by_rules_only(highlight: Highlight) -> bool:
    """Return whether a highlight is never drafted by a model, but only by the rules.

    This is true of hand-written cards, comments without marked text, and images and drawings that
    can become a card.
    """
    if _is_user_written(highlight):
        return True
    if highlight.kind in _PICTURE_KINDS:
        return find_drafting_skip_reason(highlight) is None
    return False


def _is_user_written(highlight: Highlight) -> bool:
    return highlight.kind is HighlightKind.CARD or is_margin_note(highlight)


def find_reason_not_to_send(highlight: Highlight) -> SkipReason | None:
    """Return the reason not to send a highlight to a model, or None if it may be sent.

    This doesn't consider private text. See `PrivacyFilter.find_private_reason` for that.
    """
    reason = find_drafting_skip_reason(highlight)
    if reason is not None:
        return reason
    if _is_user_written(highlight):
        return SkipReason("a hand-written card is not drafted again")
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        return SkipReason("a word with its translation is not drafted again")
    if highlight.kind in _PICTURE_KINDS:
        return SkipReason("a picture is not shown to a model")
    return None
