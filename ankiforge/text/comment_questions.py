"""Find the question in a user's comment and separate it from the rest.

Comments are Markdown. A question begins at the start of a sentence or line and ends with a question
mark of any script. *Decorations* around a question are ignored: tags, emoji, list markers,
references, and marks that enclose the whole question.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.normalize import normalize_for_comparison, split_at_literal_spans
from ankiforge.text.sentences import find_sentence_starts

REPLY_PREFIX = "↳ "
"""Precedes each line of another person's reply to a comment."""
MAX_ANSWER_WORDS = 12
"""The maximum number of words that may follow a question as its answer."""
_MAX_CHECKED_MARKS = 50
"""The maximum number of question marks to check in a comment."""
_MIN_SIMILARITY = 90
"""The similarity in per cent above which one text counts as a repetition of another."""
_MIN_QUESTION_WORDS = 3
"""The minimum number of words in a question for the front of a card. Anything shorter, such as
“why?”, is a remark.
"""


class CommentQuestion(Value):
    """A question found in a comment, with the text around it, all as Markdown."""

    text: str
    """The question, or several consecutive questions."""
    text_before: str = ""
    """The text before the question, without decorations."""
    text_after: str = ""
    """The text after the question, without decorations."""
    is_answered: bool = False
    """Whether the text after the question has an answer label, as in `A: …`."""
    is_single: bool = True

    @property
    def has_short_answer(self) -> bool:
        """Whether the text after the question is short enough to be its answer."""
        # in scripts without spaces, two letters count as one word
        word_count = len(_WORD.findall(_UNSPACED_LETTER.sub(" ", self.text_after)))
        word_count += len(_UNSPACED_LETTER.findall(self.text_after)) // 2
        return 0 < word_count <= MAX_ANSWER_WORDS


# --- patterns -------------------------------------------------------------------------

_QUESTION_MARKS = "?？؟⁇⁈⁉‽﹖⸮፧\u037e"
_CLOSING = r"(?:\s?[»›]|[\"'”’“)\]}」』】》）*_~=])*"
# A question mark with any further marks and closing characters after it, but not the exclamation
# mark that begins an image, `![`.
_QUESTION_END = regex(
    rf"[{_QUESTION_MARKS}](?:[ \u00a0\u202f]?(?:[{_QUESTION_MARKS}！]|!(?!\[))|[.…])*"
    rf"(?P<closing>{_CLOSING})"
)
_OPENERS = "([{<“‘«‹„「『【《（"
_CLOSERS_BY_OPENER = {
    "“": "”", "„": "“”", "‘": "’", "«": "»", "‹": "›", "(": ")", "[": "]", "「": "」", "『": "』",
    "（": "）", "”": "”", "»": "«", '"': '"', "'": "'",
}  # fmt: skip
_EMPHASIS_MARKS = ("***", "**", "__", "~~", "==", "*", "_")
_EMPHASIS_BEFORE_MARK = regex(
    rf"\A(\*{{1,3}}|_{{1,3}})([^*_]+)\1\s?([{_QUESTION_MARKS}!]+)\Z"
)
_GREEK_QUESTION_MARK = regex(
    r"(?<=[\u0370-\u03ff\u1f00-\u1fff]{2});|(?<=[\u0370-\u03ff\u1f00-\u1fff]»);"
)
_UNSPACED_LETTER = regex(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = regex(r"[^\W_]+(?:['’.-][^\W_]+)*")

# --- decorations ------------------------------------------------------------------------

# Whitespace and invisible characters.
_INVISIBLE = r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]"
_EMOJI = (
    r"[\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"
    r"\U0001f000-\U0001faff\u20e3]"
)
# A reference to a page or a work: something with a number in brackets, such as `(p. 3)`, `[12]` or
# `(Moss 2003)`, or `p. 3`, `S. 12 f.` or `§3` without brackets.
_REFERENCE = (
    r"\[[^\[\]\n]{0,80}\d[^\[\]\n]{0,80}\](?!\()|[（(【](?=[^()（）】\n]{0,80}[^\W\d])"
    r"[^()（）】\n]{0,80}\d[^()（）】\n]{0,80}[)）】]|(?<!\w)(?:pp?\.|S\.|§)\s?[\dxvi]+(?:\s?ff?\.)?"
)
_DECORATION = rf"{_INVISIBLE}|(?<![^\W])#[^\W\d_][\w/-]*|{_EMOJI}|{_REFERENCE}"
_LEADING = regex(
    rf"(?:{_DECORATION}|(?:[-*+•‣◦▪–—>]|\#{{1,6}}|\d{{1,3}}[.)]|\[[ xX]\])(?=\s)|[,;:](?=\s))+"
)
_TRAILING = regex(rf"(?:(?>{_DECORATION}|[-–—,:](?!\S)))+$")
_QUESTION_LABEL = regex(
    rf"(?i)[*_]{{0,3}}(?:(?P<command>\?+(?!{_INVISIBLE}*$)|q\d{{0,3}}\s?:)"
    r"|q\d{0,3}\.(?=[\s*_])|(?:question|frage|pregunta|domanda|pergunta|вопрос"
    r"|質問|問題|问题|問|问)\s?\d{0,3}\s?[:：])[*_]{0,3}"
)
_ANSWER_LABEL = regex(
    r"(?i)[*_]{0,3}(?:a\d{0,3}\s?[:.)](?=[\s*_])|(?:answers?|ans|antwort|respuesta|réponse|risposta|resposta"
    r"|ответ|答|答案)\s?[:：]|[=-]+>|→|⇒|:\\?:)[*_]{0,3}"
)
_LIST_NUMBER = regex(r"(\d{1,9})([.)])(?=\s)")


def has_question_mark(text: str) -> bool:
    """Return whether `text` contains a question mark in any script."""
    return (
        any(mark in text for mark in _QUESTION_MARKS)
        or _GREEK_QUESTION_MARK.search(text) is not None
    )


def has_question_label(comment: str) -> bool:
    """Return whether the comment starts with a question label, e.g. `?` or `Question:`."""
    return _QUESTION_LABEL.match(comment, _skip_match(_LEADING, comment, 0)) is not None


def find_question(comment: str) -> CommentQuestion | None:
    """Find the first question in a comment that could be the front of a card, or return None.

    After a leading `?` or `q:`, any text counts as a question.
    """
    if not has_question_mark(comment) and ":" not in comment:
        return None
    mask = _mask_code_and_urls(comment)
    starts = _find_possible_starts(mask)
    label = _QUESTION_LABEL.match(comment, _skip_match(_LEADING, comment, 0))
    ends = list(islice(_find_question_ends(mask), _MAX_CHECKED_MARKS))
    if label and label["command"]:
        return _build_labelled_question(comment, label.end(), starts, ends)
    for index, end in enumerate(ends):
        question_start = starts[bisect_right(starts, end.mark) - 1]
        # a front needs three words, or four letters of a script without spaces, which rules out
        # remarks such as “¿por qué?” or “warum „so“?”
        text = comment[question_start : end.mark]
        words = filter(_has_letter_or_digit, _strip_decorations(text).split())
        if (
            len([*words]) >= _MIN_QUESTION_WORDS
            or len(_UNSPACED_LETTER.findall(text)) > _MIN_QUESTION_WORDS
        ):
            question_end = _find_last_question_end(comment, starts, ends[index:])
            return _build_question(
                comment, question_start, question_end, is_single=question_end == end.after
            )
    return None


def _build_labelled_question(
    comment: str, start: int, starts: Sequence[int], ends: Sequence[_QuestionEnd]
) -> CommentQuestion | None:
    """Return the question after the label `?` or `q:`, or None if no text follows the label.

    The question begins at `start` and ends with the last of several consecutive questions. If
    it has no question mark, it ends before the answer, or else with the comment.
    """
    comment = " " * start + comment[start:]
    ends = [end for end in ends if end.mark > start]
    if ends:
        question_end = _find_last_question_end(comment, starts, ends)
        return _build_question(
            comment, start, question_end, is_single=question_end == ends[0].after
        )
    question_end = len(comment)
    for start_of_sentence in starts:
        if start_of_sentence > start and _is_answer_label(comment, start_of_sentence):
            question_end = start_of_sentence
            break
    question = _build_question(comment, start, question_end, is_single=True)
    return question if question.text else None


def is_nearly_same_text(text: str, other: str) -> bool:
    """Return whether two texts are nearly identical, ignoring case, whitespace and typography."""
    if not (len(other) / 2 < len(text) < 2 * len(other)):
        return False
    from rapidfuzz import fuzz

    return (
        fuzz.ratio(normalize_for_comparison(text), normalize_for_comparison(other))
        > _MIN_SIMILARITY
    )


def remove_replies(comment: str) -> str:
    """Remove other people's replies from a comment."""
    lines = comment.split("\n")
    return "\n".join(line for line in lines if not line.startswith(REPLY_PREFIX.strip()))


def format_reply(author: str, text: str) -> str:
    """Format another person's reply so that it can be appended to a comment."""
    lines = text.split("\n")
    lines[0] = f"{author}: {lines[0]}" if author else lines[0]
    return "\n".join(f"{REPLY_PREFIX}{line}" for line in lines)


# --- the start and end of a question --------------------------------------------------

_URL = regex(
    r"""(?ix)
      \b(?:[a-z][a-z\d+.-]{1,20}://|www\.)[^\s<>]*[^\s<>?!.,;:)\]»”"'*_]
    | (?<!\S)[^\s?]{1,200}\?[a-z][\w%.-]{0,60}=[^\s<>]*              # `page?id=2`
    | \]\([^()\s]{0,500}\)                                      # of a link
    | </?[a-z][^<>]{0,300}>
    """
)


def _mask_code_and_urls(comment: str) -> str:
    """Mask code, math, and URLs with letters, preserving the length of the comment.

    The Greek question mark, usually typed as a semicolon, becomes U+037E.
    """
    masked = "".join(
        text + (literal if kind == "escape" else "x" * len(literal))
        for text, literal, kind in split_at_literal_spans(comment)
    )
    return _GREEK_QUESTION_MARK.sub("\u037e", _URL.sub(_mask_url, masked))


def _mask_url(match: re.Match[str]) -> str:
    """Mask a URL with letters, or with spaces if it's the target of a Markdown link.

    Letters after the link text would hide a question mark at its end, because a question mark
    inside a word doesn't end a question.
    """
    length = len(match[0])
    return "]" + " " * (length - 1) if match[0].startswith("](") else "x" * length


class _QuestionEnd(NamedTuple):
    mark: int
    after: int
    """The offset after the question mark and any closing characters."""


def _find_question_ends(mask: str) -> Iterator[_QuestionEnd]:
    for match in _QUESTION_END.finditer(mask):
        mark, end = match.span()
        previous_char = mask[:mark].rstrip()[-1:]
        if not previous_char or previous_char in _OPENERS:
            continue
        # skip question marks inside a word, as in `a?b`
        next_char = mask[end : end + 1]
        if next_char.isalnum() and not (
            next_char.isupper() or _UNSPACED_LETTER.match(next_char)
        ):
            continue
        # skip quoted questions within a sentence, as in `He asked “why not?” and left.`
        next_visible_char = mask[end:].lstrip()[:1]
        line = mask[mask.rfind("\n", 0, mark) + 1 : mark].lstrip(" -*>—–")
        is_quoted = not set(match["closing"]).isdisjoint("\"'”’»›」』)")
        if (
            is_quoted
            and (next_visible_char.islower() or next_visible_char == ",")
            and line[:1] not in _OPENERS
        ):
            continue
        yield _QuestionEnd(mark, end)


_SENTENCE_END = regex(r"[.!?…:;。！？]['\"”’»)\]*_]*\s*$")


def _find_possible_starts(mask: str) -> list[int]:
    """Return the offsets where a question may start, i.e. starts of sentences and lines.

    A lower-case line that continues the previous sentence doesn't count, unless it starts
    with an answer label.
    """
    starts = {0, *find_sentence_starts(mask)}
    line_start = 0
    previous_line = ""
    for line in mask.split("\n"):
        is_continued = line.lstrip()[:1].islower() and previous_line.strip()
        if (
            _is_answer_label(mask, line_start)
            or not is_continued
            or _SENTENCE_END.search(previous_line[-80:])
        ):
            starts.add(line_start)
        line_start += len(line) + 1
        previous_line = line
    return sorted(starts)


def _is_answer_label(text: str, position: int) -> bool:
    return _ANSWER_LABEL.match(text, _skip_match(_LEADING, text, position)) is not None


def _find_last_question_end(
    comment: str, starts: Sequence[int], ends: Sequence[_QuestionEnd]
) -> int:
    """Return the offset where a run of consecutive questions ends.

    `starts` are the offsets where questions may start; `ends` are the ends of the first
    question and of all later ones.
    """
    question_end = ends[0].after
    for end in ends[1:]:
        start = starts[bisect_right(starts, end.mark) - 1]
        if _strip_decorations(comment[question_end : max(start, question_end)]):
            break
        question_end = end.after
    return question_end


def _has_letter_or_digit(text: str) -> bool:
    return any(map(str.isalnum, text))


# --- the parts of a comment -----------------------------------------------------------


def _build_question(
    comment: str, start: int, end: int, *, is_single: bool
) -> CommentQuestion:
    question = comment[start:end]
    text_before = _strip_decorations(comment[:start])
    label = _QUESTION_LABEL.match(question, _skip_match(_LEADING, question, 0))
    if label and not label["command"]:
        question = question[label.end() :]
    text_after = _trim_decorations(comment[end:])
    answer = _ANSWER_LABEL.match(text_after)
    if answer:
        text_after = text_after[answer.end() :]

    # put the question on one line, and remove its decorations and trailing full stops
    question = _remove_enclosing_marks(" ".join(_strip_decorations(question).split()))
    question = re.sub(rf"([{_QUESTION_MARKS}])(?:[\s.…]|\1)+$", r"\1", question)
    question = _EMPHASIS_BEFORE_MARK.sub(r"\2\3", question)
    return CommentQuestion(
        text=_LIST_NUMBER.sub(r"\1\\\2", question, count=1),
        text_before=text_before,
        text_after=_strip_decorations(text_after),
        is_answered=answer is not None,
        is_single=is_single,
    )


def _strip_decorations(text: str) -> str:
    """Strip decorations from both ends, returning "" if no letters or digits remain."""
    text = _remove_enclosing_marks(_trim_decorations(text))
    return text if _has_letter_or_digit(text) else ""


def _trim_decorations(text: str) -> str:
    start = _skip_match(_LEADING, text, 0)
    if start and "\n" in text[start:].strip() and re.match(r"[-*+\d]", text.strip()):
        text = text.strip()  # keep the markers of a list
    else:
        text = text[start:]
    while trailing := _TRAILING.search(text, max(0, len(text) - 120)):
        text = text[: trailing.start()]
    return text


def _skip_match(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _remove_enclosing_marks(text: str) -> str:
    """Strip quotes, brackets, or emphasis that enclose the text or are unpaired at one end."""
    for mark in _EMPHASIS_MARKS:
        encloses_text = text.startswith(mark) and text.endswith(mark)
        if text.count(mark) == 1 or (text.count(mark) == 2 and encloses_text):
            text = text.removeprefix(mark).removesuffix(mark)
    first_char, last_char = text[:1], text[-1:]
    closers = _CLOSERS_BY_OPENER.get(first_char, "")
    if closers and not any(mark in text[1:-1] for mark in f"{first_char}{closers}"):
        text = text[1:-1] if last_char in closers else text[1:]
    elif last_char not in _OPENERS:
        openers = [
            opener
            for opener, closing_chars in _CLOSERS_BY_OPENER.items()
            if last_char in closing_chars
        ]
        if openers and not any(opener in text[:-1] for opener in openers):
            text = text[:-1]
    return text.strip()
