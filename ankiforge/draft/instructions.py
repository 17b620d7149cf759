"""The common rules of drafters: the highlights they may draft, the request of a comment."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec.structs import replace

from ankiforge.errors import BugError
from ankiforge.model import (
    ELSEWHERE,
    WORD_AND_TRANSLATION,
    CardKind,
    Drafted,
    Fields,
    Highlight,
    HighlightKind,
    Problem,
    SourceKind,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.asking import CommentQuestion, is_alike, question_in, without_replies
from ankiforge.text.cloze import literal, plain
from ankiforge.text.elements import comment_as_markdown
from ankiforge.text.fold import locate
from ankiforge.text.private import without_tag

PROPOSALS_VERSION = "20"
"""Raise it with each change of the rules or tables of `propose` that gives another worth or reason.

Then what nobody has decided on is judged again. It is told here, because a run in which
nothing changed asks for it and loads no rules.
"""


def failed_on(highlight: Highlight, error: BugError) -> Drafted:
    """Return the outcome for a passage on which drafting or a check failed."""
    text = highlight.exact or highlight.comment
    words = " ".join(text.split())[:60]
    title = highlight.document.title
    problem = Problem(title, f"“{words}”: {error.message}", error.hint)
    return Drafted(highlight, reason=error.message, problem=problem)


def sided(kind: CardKind, front: str, back: str) -> Fields:
    """Return the fields of a card with a front and a back."""
    return (("Front", front), ("Back", back), *kind.switched_on)


UNANSWERED_NOTE = "a question without marked text: write its answer behind it"


# --- instructions in comments ---------------------------------------------------------


class Wish(StrEnum):
    """The wish of a reader's comment."""

    NONE = "none"
    SKIP = "skip"
    QUESTION = "question"
    CLOZE = "cloze"


class Instruction(Value):
    """A parsed comment."""

    wish: Wish
    words: str = ""
    """The question to ask, in Markdown; the phrase to hide, as it was written ("" = the marked
    words); or the reason to skip."""
    answer: str = ""
    """The words behind the question, if they are its answer."""
    extra: str = ""
    """The rest of the comment, to be shown with the answer."""
    is_alone: bool = True
    """Whether the comment is this one question, maybe with `A: …`, and nothing else but
    ornament."""


_COMMANDS = {
    Wish.SKIP: regex(r"(?is)skip\s*[.!]?|skip:\s*(?P<words>.*)"),
    Wish.CLOZE: regex(r"(?is)c:\s*(?P<words>.*)"),
}


def instruction(comment: str, passage: str = "") -> Instruction:
    """Parse a comment: `skip`, `c: phrase`, or a question (`text.asking`).

    Args:
        comment: the comment on a passage, with the replies to it.
        passage: the text that is marked; "" if there is none. A comment may repeat it.
    """
    if not comment.strip():
        return Instruction(Wish.NONE)
    written = without_tag(without_replies(comment))
    own_words = comment_as_markdown(written)
    words = " ".join(own_words.split())
    for wish, command in _COMMANDS.items():
        match = command.fullmatch(words)
        if match is None:
            continue
        if wish is Wish.SKIP:
            return Instruction(wish, plain(match["words"] or ""))
        as_written = command.fullmatch(" ".join(written.split())) or match
        return Instruction(wish, as_written["words"].strip())
    question = _question(own_words, passage)
    if question is None:
        return Instruction(Wish.NONE, words)
    is_answer = bool(question.after) and (
        question.is_answered or question.is_short or not passage
    )
    extra = (question.before, "" if is_answer else question.after)
    return Instruction(
        Wish.QUESTION,
        question.words,
        answer=question.after if is_answer else "",
        extra="\n\n".join(filter(None, extra)),
        is_alone=question.is_one
        and not question.before
        and (question.is_answered or not question.after),
    )


def _question(comment: str, passage: str) -> CommentQuestion | None:
    """Return the question of a comment, without words around it that repeat the passage."""
    repeated = locate(passage, comment) if passage else None
    if repeated:
        start, end = repeated
        question = question_in(f"{comment[:start]}\n\n{comment[end:]}")
        if question:
            return question
    question = question_in(comment)
    if question is None or not passage:
        return question
    before, after = question.before, question.after
    return replace(
        question,
        before="" if locate(before, passage) or is_alike(before, passage) else before,
        after="" if is_alike(after, passage) else after,
    )


def requested(highlight: Highlight) -> Instruction:
    """Return the wish of a highlight's comment; none if somebody else wrote the comment."""
    if not highlight.instructs:
        return Instruction(Wish.NONE)
    if _is_a_text(highlight):
        return next(iter(questions_of(highlight)), Instruction(Wish.NONE))
    return instruction(highlight.comment, highlight.exact)


# Cards of one note that is a text.
_MOST_QUESTIONS = 20


def questions_of(highlight: Highlight) -> tuple[Instruction, ...]:
    """Return the questions that a person asks: in a comment one at most, in a note several."""
    if not highlight.instructs:
        return ()
    if not _is_a_text(highlight):
        comment = instruction(highlight.comment, highlight.exact)
        return (comment,) if comment.wish is Wish.QUESTION else ()

    # those with which paragraphs of a note begin; the answer is the rest of the paragraph, or else
    # the paragraphs up to the next question
    paragraphs = highlight.markdown[0].split("\n\n")
    if highlight.heading:
        paragraphs.insert(0, literal(highlight.heading))
    asked: list[tuple[str, list[str]]] = []
    is_open = False
    for paragraph in paragraphs:
        question = question_in(paragraph)
        if question and (question.is_answered or not question.before):
            asked.append((question.words, [question.after] if question.after else []))
            is_open = not question.after
        elif asked and is_open:
            asked[-1][1].append(paragraph)
    questions = []
    for words, answer in asked[:_MOST_QUESTIONS]:
        if answer:
            joined = "\n\n".join(answer)
            asks = Instruction(Wish.QUESTION, words, answer=joined, is_alone=False)
            questions.append(asks)
    return tuple(questions)


def _is_a_text(highlight: Highlight) -> bool:
    """Return whether a highlight is a note that is a text of its own, not a comment."""
    return highlight.kind is HighlightKind.NOTE and bool(highlight.markdown)


# The number of words by which the beginning of a comment is known.
_BEGINNING = 3


def without_comment(highlight: Highlight) -> Highlight:
    """Return a highlight whose surroundings do not contain its comment, which is never evidence.

    The comment on a quote is next to it in the note.
    """
    beginning = " ".join(highlight.comment.split()[:_BEGINNING])
    around = f"{highlight.prefix}\n{highlight.suffix}\n{highlight.nearby}"
    if not beginning or beginning not in " ".join(around.split()):
        return highlight
    words = [re.escape(word) for word in highlight.comment.split()]
    whole = r"\s+".join(words)
    prefix = re.sub(whole, "[…]", highlight.prefix)
    suffix = re.sub(whole, "[…]", highlight.suffix)
    nearby = re.sub(whole, "[…]", highlight.nearby)
    if (
        len(words) >= _BEGINNING
    ):  # the text after it may be cut off somewhere in the comment
        beginning = r"\s+".join(words[:_BEGINNING])
        suffix = re.sub(f"{beginning}.*", "", suffix, flags=re.DOTALL)
    return replace(highlight, prefix=prefix, suffix=suffix, nearby=nearby)


# --- which highlights are drafted, and by whom ----------------------------------------

_PICTURES = (HighlightKind.IMAGE, HighlightKind.INK)


def skip_reason(highlight: Highlight) -> str:
    """Return why no drafter drafts a highlight; "" if one may."""
    comment = requested(highlight)
    if highlight.skip or comment.wish is Wish.SKIP:
        reason = highlight.skip or comment.words or "your comment says so"
        return reason if reason.startswith(("skip", ELSEWHERE)) else f"skip: {reason}"
    if highlight.kind is HighlightKind.NOTE and not highlight.markdown:
        if comment.wish is Wish.QUESTION:
            return "" if comment.answer else UNANSWERED_NOTE
        words = (highlight.comment or highlight.exact).strip()
        return f"{'a' if words else 'an empty'} comment without marked text"
    if highlight.kind in _PICTURES:
        if highlight.kind is HighlightKind.INK and comment.wish is not Wish.QUESTION:
            return "a drawing: write its question as the comment: `? …`"
        if highlight.markdown:
            return ""
        if highlight.source_kind is SourceKind.ZOTERO:
            return "its picture is not in Zotero's cache: open the PDF in Zotero once"
        return "it has no picture: its place on the page is empty, or cannot be drawn"
    asks = comment.wish in (Wish.QUESTION, Wish.CLOZE)
    if highlight.kind is HighlightKind.STRIKE and not asks:
        wish = "for a card, add a comment that begins with `?`"
        return f"struck out, so treated as deleted; {wish}"
    if not any(map(str.isalnum, highlight.exact)) and not comment.answer:
        return "no text under the mark"
    return ""


def for_rules(highlight: Highlight) -> bool:
    """Return whether only the rules draft it: a handwritten card, a picture with a question."""
    if highlight.kind is HighlightKind.CARD:
        return True
    return highlight.kind in _PICTURES and not skip_reason(highlight)


def withheld(highlight: Highlight) -> str:
    """Return why a highlight is nothing for a model; "" if it is.

    See `sendable` for private ones.
    """
    reason = skip_reason(highlight)
    if reason:
        return reason
    if highlight.kind is HighlightKind.CARD:
        return "a hand-written card is not drafted again"
    if highlight.written == WORD_AND_TRANSLATION:
        return "a word with its translation is not drafted again"
    if for_rules(highlight):
        return "a picture is not shown to a model"
    return ""
