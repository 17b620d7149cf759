"""Decide which highlights to draft, and parse what the user's comments ask for.

This is used by all drafters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec.structs import replace

from ankiforge.errors import BugError
from ankiforge.language.detection import detect_language, detect_script
from ankiforge.language.lexicon import load_language, read_word_set
from ankiforge.language.words import split_words, stem_word
from ankiforge.model import (
    CARD_IN_OTHER_TOOL,
    WORD_AND_TRANSLATION,
    CardKind,
    DraftingResult,
    Fields,
    Highlight,
    HighlightKind,
    Problem,
    SourceKind,
    Value,
)
from ankiforge.text import regex, to_one_line, truncate
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.comment_questions import (
    CommentQuestion,
    find_question,
    has_question_label,
    is_nearly_same_text,
    remove_replies,
)
from ankiforge.text.elements import comment_to_markdown
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import blank_out_code_and_urls
from ankiforge.text.private import remove_private_tag

PROPOSALS_VERSION = "27"
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
    return DraftingResult(highlight, reason=error.message, problem=problem)


def make_two_sided_fields(kind: CardKind, front: str, back: str) -> Fields:
    """Build the fields of a card with a front and a back."""
    return (("Front", front), ("Back", back), *kind.filled_switch_fields)


UNANSWERED_NOTE_REASON = "a question without marked text: write its answer after it"


# --- instructions in comments ---------------------------------------------------------


class CommentRequest(StrEnum):
    """The requests that a comment may contain, e.g. a question or no card at all."""

    NONE = "none"
    SKIP = "skip"
    QUESTION = "question"
    CLOZE = "cloze"


class Instruction(Value):
    """A parsed comment: its request, with the question, phrase or reason."""

    request: CommentRequest
    text: str = ""
    """The question in Markdown, the phrase to blank out as written, or the reason to skip.

    If the phrase is "", the whole highlight is blanked out.
    """
    answer: str = ""
    """The text after the question, or "" if it isn't an answer."""
    extra: str = ""
    """The rest of the comment, which the card shows along with the answer."""
    is_only_question: bool = True
    """Whether the comment is just this question, perhaps with decoration and an `A: …` line."""


_COMMANDS = {
    CommentRequest.SKIP: regex(r"(?is)skip\s*[.!]?|skip:\s*(?P<words>.*)"),
    CommentRequest.CLOZE: regex(r"(?is)c:\s*(?P<words>.*)"),
}


def parse_instruction(comment: str, passage: str = "") -> Instruction:
    """Parse a comment, which may be `skip`, `c: phrase` or a question.

    Questions are recognized by `text.comment_questions`.

    Args:
        comment: The comment on a passage, with any replies to the comment.
        passage: The highlighted text, or "". The comment may repeat it.
    """
    if not comment.strip():
        return Instruction(CommentRequest.NONE)
    own_comment = remove_private_tag(remove_replies(comment))
    markdown = comment_to_markdown(own_comment)
    one_line = " ".join(markdown.split())
    command = _parse_command(own_comment, one_line)
    if command:
        return command
    question = _parse_question(markdown, passage)
    if question is None or _is_reaction(question, markdown, passage):
        return Instruction(CommentRequest.NONE, one_line)
    return _build_question(question, passage)


def _parse_command(comment: str, one_line: str) -> Instruction | None:
    """Parse `skip` or `c: phrase`. `one_line` is the comment in Markdown."""
    for wish, command in _COMMANDS.items():
        match = command.fullmatch(one_line)
        if match is None:
            continue
        if wish is CommentRequest.SKIP:
            return Instruction(wish, to_plain_text(match["words"] or ""))
        raw_match = command.fullmatch(" ".join(comment.split())) or match
        return Instruction(wish, raw_match["words"].strip())
    return None


def _build_question(question: CommentQuestion, passage: str) -> Instruction:
    is_answer = bool(question.text_after) and (
        question.is_answered or question.has_short_answer or not passage
    )
    extra = (question.text_before, "" if is_answer else question.text_after)
    return Instruction(
        CommentRequest.QUESTION,
        question.text,
        answer=question.text_after if is_answer else "",
        extra="\n\n".join(filter(None, extra)),
        is_only_question=question.is_single
        and not question.text_before
        and (question.is_answered or not question.text_after),
    )


def _parse_question(comment: str, passage: str) -> CommentQuestion | None:
    """Find the question in a comment. Text around it that repeats the passage is dropped."""
    repeated = locate_text(passage, comment) if passage else None
    if repeated:
        start, end = repeated
        question = find_question(f"{comment[:start]}\n\n{comment[end:]}")
        if question:
            return question
    question = find_question(comment)
    if question is None or not passage:
        return question
    before, after = question.text_before, question.text_after
    return replace(
        question,
        text_before=""
        if locate_text(before, passage) or is_nearly_same_text(before, passage)
        else before,
        text_after="" if is_nearly_same_text(after, passage) else after,
    )


_MIN_CONTENT_WORDS = 3
# A question begins with an interrogative if one is among this many words: `At what temperature`.
_MAX_WORDS_BEFORE_INTERROGATIVE = 3
# Matches the marks of an exclamation. `?!` and `??` may also end a proper question.
_EMPHATIC_MARKS = regex(r"(?:[?？]\s?){3}")


def _is_reaction(question: CommentQuestion, comment: str, passage: str) -> bool:
    """Return whether a question is just a reaction, such as “wtf is he saying?”.

    A proper question meets at least two of these conditions: it begins with a question word, it
    shares a content word with the passage, and it has three content words. A question with an
    answer or a label such as `?` is always proper, and so is one in a language whose question
    words are unknown. A question with emphatic marks such as `???` also needs a question word.
    """
    if not passage or question.is_answered or has_question_label(comment):
        return False
    words = blank_out_code_and_urls(question.text)
    is_same_script = detect_script(words) == detect_script(passage)
    language = detect_language(words, passage if is_same_script else "")
    interrogatives = read_word_set("signs", "interrogative", language)
    if not interrogatives:
        return False
    first_words = split_words(words)[:_MAX_WORDS_BEFORE_INTERROGATIVE]
    begins = not interrogatives.isdisjoint(first_words)
    stems = _find_content_stems(question.text, language)
    shares = not stems.isdisjoint(_find_content_stems(passage, language))
    is_long = len(stems) + begins >= _MIN_CONTENT_WORDS
    is_exclamation = not begins and bool(_EMPHATIC_MARKS.search(comment))
    return is_exclamation or begins + shares + is_long < 2


def _find_content_stems(text: str, language: str) -> set[str]:
    function_words = load_language(language).function_words
    return {stem_word(word) for word in split_words(text) if word not in function_words}


def has_relevant_comment(highlight: Highlight) -> bool:
    """Return whether the user's comment asks for a card or is about the passage's content."""
    request = parse_highlight_instruction(highlight).request
    if request in (CommentRequest.QUESTION, CommentRequest.CLOZE):
        return True
    if not highlight.comment_is_instruction:
        return False
    language = detect_language(highlight.comment, highlight.exact)
    stems = _find_content_stems(highlight.comment, language)
    shared_stems = stems & _find_content_stems(highlight.exact, language)
    return len(stems) >= _MIN_CONTENT_WORDS and bool(shared_stems)


def parse_highlight_instruction(highlight: Highlight) -> Instruction:
    """Parse what the user's comment on a highlight asks for.

    Comments by other people are ignored. The result for a standalone note is its first question.
    """
    if not highlight.comment_is_instruction:
        return Instruction(CommentRequest.NONE)
    if _is_standalone_note(highlight):
        return next(iter(find_questions(highlight)), Instruction(CommentRequest.NONE))
    return parse_instruction(highlight.comment, highlight.exact)


_MAX_QUESTIONS = 20


def find_questions(highlight: Highlight) -> tuple[Instruction, ...]:
    """Find the questions that the user wrote in a comment or standalone note.

    A comment has at most one question. A note may have several, each with its answer.
    """
    if not highlight.comment_is_instruction:
        return ()
    if not _is_standalone_note(highlight):
        comment = parse_instruction(highlight.comment, highlight.exact)
        return (comment,) if comment.request is CommentRequest.QUESTION else ()

    paragraphs = highlight.markdown[0].split("\n\n")
    if highlight.heading:
        paragraphs.insert(0, escape_markdown(highlight.heading))
    questions_and_answers = _find_questions_and_answers(paragraphs)
    return tuple(
        Instruction(
            CommentRequest.QUESTION,
            question,
            answer="\n\n".join(answer),
            is_only_question=False,
        )
        for question, answer in questions_and_answers[:_MAX_QUESTIONS]
        if answer
    )


def _find_questions_and_answers(
    paragraphs: Iterable[str],
) -> list[tuple[str, list[str]]]:
    """Find the questions in a note, each with the paragraphs of its answer.

    A question is at the beginning of a paragraph. The rest of that paragraph is its answer or, if
    nothing follows the question, the paragraphs up to the next question.
    """
    questions_and_answers: list[tuple[str, list[str]]] = []
    is_open = False
    for paragraph in paragraphs:
        question = find_question(paragraph)
        if question and (question.is_answered or not question.text_before):
            questions_and_answers.append(
                (question.text, [question.text_after] if question.text_after else [])
            )
            is_open = not question.text_after
        elif questions_and_answers and is_open:
            questions_and_answers[-1][1].append(paragraph)
    return questions_and_answers


def _is_standalone_note(highlight: Highlight) -> bool:
    return highlight.kind is HighlightKind.NOTE and bool(highlight.markdown)


# A comment is recognized in other text by this many words at its beginning.
_BEGINNING_WORDS = 3


def remove_comment_from_context(highlight: Highlight) -> Highlight:
    """Remove a highlight's comment from the text around the highlight.

    In a note that quotes a passage, the comment is next to the quotation, but a card must not be
    based on it.
    """
    beginning = " ".join(highlight.comment.split()[:_BEGINNING_WORDS])
    surrounding_text = (
        f"{highlight.prefix}\n{highlight.suffix}\n{highlight.surrounding_text}"
    )
    if not beginning or beginning not in " ".join(surrounding_text.split()):
        return highlight
    words = [re.escape(word) for word in highlight.comment.split()]
    whole_comment = r"\s+".join(words)
    prefix = re.sub(whole_comment, "[…]", highlight.prefix)
    suffix = re.sub(whole_comment, "[…]", highlight.suffix)
    nearby = re.sub(whole_comment, "[…]", highlight.surrounding_text)
    # the text after the highlight may end inside the comment
    if len(words) >= _BEGINNING_WORDS:
        beginning = r"\s+".join(words[:_BEGINNING_WORDS])
        suffix = re.sub(f"{beginning}.*", "", suffix, flags=re.DOTALL)
    return replace(highlight, prefix=prefix, suffix=suffix, surrounding_text=nearby)


# --- which drafter may draft a highlight ----------------------------------------------

_PICTURE_KINDS = (HighlightKind.IMAGE, HighlightKind.INK)


def find_drafting_skip_reason(highlight: Highlight) -> str:
    """Return the reason why no drafter may draft a highlight, or "" if one may."""
    comment = parse_highlight_instruction(highlight)
    if highlight.skip_reason or comment.request is CommentRequest.SKIP:
        return _format_skip_reason(highlight.skip_reason or comment.text)
    if highlight.kind is HighlightKind.NOTE and not highlight.markdown:
        return _find_note_skip_reason(highlight, comment)
    if highlight.kind in _PICTURE_KINDS:
        return _find_picture_skip_reason(highlight, comment)
    asks_for_card = comment.request in (CommentRequest.QUESTION, CommentRequest.CLOZE)
    if highlight.kind is HighlightKind.STRIKE and not asks_for_card:
        wish = "for a card, add a comment that begins with `?`"
        return f"struck out, so treated as deleted; {wish}"
    if not any(map(str.isalnum, highlight.exact)) and not comment.answer:
        return "no text under the mark"
    return ""


def _format_skip_reason(reason: str) -> str:
    if reason.startswith(("skip", CARD_IN_OTHER_TOOL)):
        return reason
    return f"skip: {reason or 'your comment says so'}"


def _find_note_skip_reason(highlight: Highlight, comment: Instruction) -> str:
    if comment.request is CommentRequest.QUESTION:
        return "" if comment.answer else UNANSWERED_NOTE_REASON
    words = (highlight.comment or highlight.exact).strip()
    return f"{'a' if words else 'an empty'} comment without marked text"


def _find_picture_skip_reason(highlight: Highlight, comment: Instruction) -> str:
    is_question = comment.request is CommentRequest.QUESTION
    if highlight.kind is HighlightKind.INK and not is_question:
        return "a drawing: write its question as the comment: `? …`"
    if highlight.markdown:
        return ""
    if highlight.source_kind is SourceKind.ZOTERO:
        return "its picture is not in Zotero's cache: open the PDF in Zotero once"
    return "it has no picture: its place on the page is empty, or cannot be drawn"


def is_drafted_by_rules_only(highlight: Highlight) -> bool:
    """Return whether a highlight is never drafted by a model, but only by the rules.

    This is true of hand-written cards, comments without marked text, and images and drawings that
    can become a card.
    """
    if _is_user_written(highlight):
        return True
    return highlight.kind in _PICTURE_KINDS and not find_drafting_skip_reason(highlight)


def _is_user_written(highlight: Highlight) -> bool:
    is_note = highlight.kind is HighlightKind.NOTE
    return highlight.kind is HighlightKind.CARD or (is_note and not highlight.markdown)


def find_reason_not_to_send(highlight: Highlight) -> str:
    """Return the reason not to send a highlight to a model, or "" if it may be sent.

    This doesn't consider private text. See `PrivacyFilter.find_private_reason` for that.
    """
    reason = find_drafting_skip_reason(highlight)
    if reason:
        return reason
    if _is_user_written(highlight):
        return "a hand-written card is not drafted again"
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        return "a word with its translation is not drafted again"
    if is_drafted_by_rules_only(highlight):
        return "a picture is not shown to a model"
    return ""
